/* door_upgrade.c -- the stateless half of the door: is this upgrade allowed, and what does the worker get */
#include "rest/door_upgrade.h"

#include <string.h>

#include "rest/auth.h"
#include "rest/door_identity.h"
#include "rest/door_refuse.h"
#include "rest/poll.h"
#include "shared/clock.h"

#define NAME_MAX_BYTES 1024
#define HEAD_MAX_BYTES 1024 /* of the canonical head */

/* Proxied clients are counted by their own address only now that it is known. */
static enum code check_rate(struct peers *peers, uint64_t key)
{
    enum code code = peers_enter(peers, key, mono_ms());

    if (code == CODE_OK) {
        peers_leave(peers, key);
    }
    return code;
}

static enum code check_identity(struct svc *svc, struct door_policy *policy,
                                const struct door_head *head, struct door_upgrade *up)
{
    bool by_cookie = false;
    enum code code = door_identify(svc, head, up, &by_cookie);

    if (code == CODE_OK && by_cookie) {
        code = door_origin_check(policy, head->field[DOOR_ORIGIN], true);
    }
    return code;
}

/* Whether a user's connection shows what the same user sent by another one. */
static uint32_t own_option(const struct rest_conf *conf, enum dialect_id d)
{
    bool hears = d == DIALECT_SUBSCRIBE       ? conf->d1_own_devices
                 : d == DIALECT_CONVERSATIONS ? !conf->d3_strict_others
                                              : true;

    return hears ? CONN_HEARS_OWN : 0;
}

/* Echo for protocol suites. */
static bool is_fixture(enum dialect_id d)
{
    return d == DIALECT_ECHO || d == DIALECT_EIO_ECHO;
}

static bool has_engine(enum dialect_id d)
{
    return d == DIALECT_SOCKETIO || d == DIALECT_EIO_ECHO;
}

/* A session that polls so far is on one worker; the worker looks at the rest of the query. */
static enum code read_engine(const struct door_head *head, struct door_upgrade *up)
{
    struct poll_query q = {STR_NONE, STR_NONE, STR_NONE};

    (void)door_query_raw(head->query, STR("EIO"), &q.eio);
    (void)door_query_raw(head->query, STR("transport"), &q.transport);
    up->has_place = door_query_raw(head->query, STR("sid"), &q.sid);
    if (poll_check(&q, STR("websocket"), true) != POLL_OK) {
        return CODE_BAD_REQUEST;
    }
    if (up->has_place && !poll_place(q.sid, &up->place)) {
        return CODE_BAD_REQUEST;
    }
    if (up->has_place) {
        memcpy(up->asked, "sid=", 4); /* it fits: poll_place takes no longer ones */
        memcpy(up->asked + 4, q.sid.p, q.sid.len);
        up->asked[4 + q.sid.len] = '\0';
    }
    return CODE_OK;
}

/* A dashboard has no cursor; what it can ask for is the last check-ins. */
static enum code read_options(const struct door_head *head, struct door_upgrade *up)
{
    struct str replay;

    up->options = door_options_of(head);
    if (has_engine(up->choice.dialect)) {
        up->options.options &= ~(uint32_t)CONN_SINCE; /* who comes back says so in Socket.IO's CONNECT */
        return read_engine(head, up);
    }
    if (up->choice.dialect != DIALECT_DASHBOARD) {
        return CODE_OK;
    }
    up->options = (struct door_options){0, 0, 0};
    if (!door_query_raw(head->query, STR("replay"), &replay)) {
        return CODE_OK;
    }
    if (!str_u64(replay, &up->options.since)) {
        return CODE_INVALID_FIELD;
    }
    up->options.options = up->options.since > 0 ? CONN_REPLAY : 0;
    return CODE_OK;
}

/* Failures before the dialect's own style is known, and those that are nobody's business but the proxy's and the
 * operator's, are plain HTTP. */
static enum code plain(struct door_upgrade *up, enum code code)
{
    if (code != CODE_OK) {
        up->choice.style = DOOR_STYLE_HTTP;
    }
    return code;
}

enum code door_upgrade_check(struct svc *svc, struct door_policy *policy, struct peers *peers,
                             const struct door_head *head, const struct addr *client,
                             uint64_t key, enum dialect_id listener, struct door_upgrade *up)
{
    enum code code;

    memset(up, 0, sizeof(*up));
    up->client = *client;
    up->peer_key = key != 0 ? key : peers_key(peers, client);
    code = door_head_check_upgrade(head);
    if (code == CODE_OK) {
        code = door_choose(head, listener, &up->choice);
    }
    if (code == CODE_DIALECT_OFF) {
        return code;
    }
    if (code == CODE_OK) {
        code = door_origin_check(policy, head->field[DOOR_ORIGIN], false);
    }
    if (code == CODE_OK && key == 0) {
        code = check_rate(peers, up->peer_key);
    }
    if (code == CODE_OK && feed_workers_ready(svc->feed) == 0) {
        code = CODE_NO_WORKER;
    }
    if (code != CODE_OK) {
        return plain(up, code);
    }
    if (!door_dialect_enabled(up->choice.dialect) ||
        (is_fixture(up->choice.dialect) && !svc->conf->test_fixture)) {
        return CODE_DIALECT_OFF;
    }
    code = read_options(head, up);
    if (code != CODE_OK) {
        return code;
    }
    up->options.options |= own_option(svc->conf, up->choice.dialect);
    up->options.options |= svc->conf->test_fixture ? CONN_FIXTURE : 0;
    code = check_identity(svc, policy, head, up);
    return code == CODE_ORIGIN_REFUSED || code == CODE_BAD_REQUEST ? plain(up, code) : code;
}

/* -- hand-off ---------------------------------------------------------------------------------- */

struct names {
    char username[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
};

static void copy_name(char out[NAME_MAX_BYTES], const char *from)
{
    size_t len = strlen(from);

    len = len < NAME_MAX_BYTES - 1 ? len : NAME_MAX_BYTES - 1;
    memcpy(out, from, len);
    out[len] = '\0';
}

static bool read_names(struct cache *cache, uint64_t user_id, struct names *out)
{
    const struct cache_user *user;

    cache_rdlock(cache);
    user = cache_user(cache, cache_user_index(cache, user_id));
    if (user != NULL) {
        copy_name(out->username, user->username);
        copy_name(out->name, user->name);
    }
    cache_unlock(cache);
    return user != NULL;
}

enum code door_upgrade_adopt(struct svc *svc, const struct door_head *head,
                             const struct door_upgrade *up, struct str early, int fd)
{
    struct link_adopt a = {0};
    struct buf text = BUF_INIT_MAX(HEAD_MAX_BYTES + early.len);
    struct names names = {0};
    char peer[ADDR_TEXT_BYTES];
    enum code code;

    if (up->who.user_id != 0 && !read_names(svc->cache, up->who.user_id, &names)) {
        return CODE_UNAUTHENTICATED;
    }
    addr_text(&up->client, peer);
    door_canonical_head(&text, head->field[DOOR_WS_KEY], up->choice.subprotocol);
    buf_add_str(&text, early);
    a.user_id = up->who.user_id;
    a.family = up->who.family;
    a.expires_s = up->who.expires_s;
    a.dialect = (uint8_t)up->choice.dialect;
    a.options = up->options.options;
    a.since_log = up->options.since_log;
    a.since = up->options.since;
    a.peer_key = up->peer_key;
    a.peer = str_of(peer);
    a.username = str_of(names.username);
    a.name = str_of(names.name);
    a.asked = str_of(up->asked);
    a.topic = up->topic;
    a.head = buf_str(&text);
    code = buf_ok(&text) ? feed_adopt_at(svc->feed, &a, up->stamp_us, up->has_place ? &up->place : NULL, fd)
                         : CODE_BAD_REQUEST;
    buf_release(&text);
    return code;
}
