#include "rest/start.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "rest/auth_keys.h"
#include "rest/event_fill.h"
#include "rest/note_text.h"
#include "rest/sealer.h"
#include "rest/sessions.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/map64.h"
#include "shared/mem.h"

#define CONNECT_PAUSE_MS 200
#define WARM_MAX_EVENTS 100000
#define WARM_PIECE 500

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

void start_store_conf(const struct rest_conf *conf, const char *password, struct store_conf *out)
{
    *out = (struct store_conf){
        .socket = or_null(conf->db_socket),
        .host = conf->db_host,
        .port = (unsigned)conf->db_port,
        .user = conf->db_user,
        .password = password,
        .database = conf->db_name,
        .tls_ca = or_null(conf->db_tls_ca),
        .tls_cert = or_null(conf->db_tls_cert),
        .tls_key = or_null(conf->db_tls_key),
        .migrations = conf->migrations_dir,
        .connect_timeout_s = (unsigned)(conf->db_connect_timeout_ms / 1000),
        .io_timeout_s = (unsigned)(conf->db_io_timeout_ms / 1000),
    };
}

enum rc start_read_secret(const char *path, struct buf *out, struct buf *why)
{
    struct buf text = BUF_INIT;
    if (path[0] == '\0') {
        return RC_OK;
    }
    enum rc rc = auth_file_load(path, &text, why);
    if (rc == RC_OK) {
        size_t len = text.len;
        while (len > 0 && (text.p[len - 1] == '\n' || text.p[len - 1] == '\r')) {
            len--;
        }
        buf_add(out, text.p, len);
    }
    auth_wipe(&text);
    return rc == RC_OK ? RC_OK : RC_IO;
}

enum rc start_read_content_keys(const struct rest_conf *conf, struct sealer **out, struct buf *why)
{
    struct buf text = BUF_INIT;
    struct sealer *sealer = NULL;
    enum rc rc = start_read_secret(conf->content_key_file, &text, why);
    if (rc == RC_OK && conf->content_key_file[0] != '\0') {
        rc = sealer_new(buf_str(&text), &sealer, why);
    }
    auth_wipe(&text);
    if (rc == RC_OK) {
        *out = sealer;
    }
    return rc;
}

enum rc start_connect(const struct store_conf *conf, uint64_t deadline_ms, int stop_fd,
                      struct store **out, struct buf *why)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
    for (;;) {
        buf_clear(why);
        enum rc rc = store_open(conf, out, why);
        if (rc == RC_OK || mono_ms() >= deadline_ms) {
            return rc;
        }
        log_warn_limited("db_unreachable", "why=%s", log_esc(buf_str(why)));
        if (poll(&stop, 1, CONNECT_PAUSE_MS) > 0) {
            return RC_CLOSED;
        }
    }
}

/* A text that cannot be opened would be lost to its readers, so a start without its key is refused. */
static enum rc check_content_keys(struct store *store, struct buf *why)
{
    struct buf missing = BUF_INIT;
    enum rc rc = store_content_keys(store, &missing) == STORE_OK ? RC_OK : RC_IO;
    if (rc != RC_OK) {
        buf_add_z(why, "The table content_keys cannot be read.\n");
    } else if (missing.len > 0) {
        buf_addf(why, "Messages are encrypted under keys that content_key_file does not have: %.*s.\n", (int)missing.len, missing.p);
        rc = RC_INVALID;
    }
    buf_release(&missing);
    return rc;
}

/* -- caches ------------------------------------------------------------------------------------------ */

struct loading {
    struct cache *cache;
    struct families *families;
    struct map64 own_seq; /* hash of (chat, user) -> up to which message own_total counts */
    struct buf own_moved; /* see struct writer_start */
};

static void on_user(void *ctx, const struct row_user *r)
{
    cache_put_user(((struct loading *)ctx)->cache, r);
}

static void on_chat(void *ctx, const struct row_chat *r)
{
    cache_put_chat(((struct loading *)ctx)->cache, r);
}

static void on_member(void *ctx, const struct row_member *r)
{
    struct loading *l = ctx;
    cache_put_member(l->cache, r);
    map64_put(&l->own_seq, map64_hash_pair(r->chat_id, r->user_id), (uint32_t)r->own_seq);
}

static void on_deletion(void *ctx, const struct row_deletion *r)
{
    struct loading *l = ctx;
    uint32_t chat = cache_chat_index(l->cache, r->chat_id);
    if (chat != CACHE_NONE) {
        cache_add_deletion(l->cache, chat, r->seq, cache_user_index(l->cache, r->sender_id));
    }
}

static void on_family(void *ctx, const struct row_family *r)
{
    struct loading *l = ctx;
    if (r->revoked_us != 0) {
        cache_revoke_family(l->cache, r->id, r->revoked_us / 1000000);
    } else {
        families_load(l->families, r);
    }
}

static void on_session(void *ctx, const struct row_session *r)
{
    struct sessions *s = cache_sessions_to_change(((struct loading *)ctx)->cache);
    sessions_put(s, r);
    sessions_count(s, r->id, (uint32_t)r->attendees, (uint32_t)r->arrived);
}

static void on_session_role(void *ctx, const struct row_session_role *r)
{
    sessions_put_role(cache_sessions_to_change(((struct loading *)ctx)->cache), r);
}

static void on_seen(void *ctx, const struct row_seen *r)
{
    feed_warm_seen(ctx, r->user_id, r->seen_us, r->online != 0);
}

static void on_recovery(void *ctx, const struct row_recovery *r)
{
    feed_warm_recovery(ctx, r);
}

/* Messages since the checkpoint that the member's row does not count yet. */
static void on_log(void *ctx, const struct row_event *e)
{
    struct loading *l = ctx;
    uint32_t own_seq = 0;
    if (e->kind != EV_MESSAGE) {
        return;
    }
    uint32_t chat = cache_chat_index(l->cache, e->chat_id); /* none: deleted, though a row of a member is there */
    if (chat != CACHE_NONE &&
        map64_get(&l->own_seq, map64_hash_pair(e->chat_id, e->actor_id), &own_seq) && e->seq > own_seq) {
        cache_count_own(l->cache, chat, cache_user_index(l->cache, e->actor_id));
        buf_add_be64(&l->own_moved, e->chat_id);
        buf_add_be64(&l->own_moved, e->actor_id);
    }
}

static enum store_rc load_caches(struct store *s, struct loading *l, const struct store_head *head,
                                 uint64_t keep_s)
{
    enum store_rc rc = store_load_users(s, on_user, l);
    if (rc == STORE_OK) {
        rc = store_load_chats(s, on_chat, l);
    }
    if (rc == STORE_OK) {
        rc = store_load_members(s, on_member, l);
    }
    if (rc == STORE_OK) {
        rc = store_load_deletions(s, on_deletion, l);
    }
    if (rc == STORE_OK) {
        rc = store_load_families(s, wall_s(), keep_s, on_family, l);
    }
    if (rc == STORE_OK) {
        rc = store_load_sessions(s, on_session, l);
    }
    if (rc == STORE_OK) {
        rc = store_load_session_roles(s, on_session_role, l);
    }
    if (rc == STORE_OK) {
        rc = store_load_events(s, head->checkpoint, head->next_event - 1, UINT32_MAX, on_log, l);
    }
    return rc;
}

/* -- the ring ------------------------------------------------------------------------------------------ */

struct warming { /* a piece of the log's end, with the messages it speaks of */
    struct row_event events[WARM_PIECE];
    unsigned events_count;
    uint64_t next; /* after the newest event read */
    struct row_message messages[2 * WARM_PIECE]; /* also those that notifications speak of */
    unsigned messages_count;
    struct row_checkin checkins[WARM_PIECE];
    unsigned checkins_count;
    struct row_note notes[WARM_PIECE];
    unsigned notes_count;
};

static void on_event(void *ctx, const struct row_event *e)
{
    struct warming *w = ctx;
    w->events[w->events_count++] = *e;
    w->next = e->id + 1;
}

static struct str copy(struct str s)
{
    return (struct str){mem_copy(s.len ? s.p : "", s.len), s.len};
}

static void on_message(void *ctx, const struct row_message *m)
{
    struct warming *w = ctx;
    struct row_message *to = &w->messages[w->messages_count++];
    *to = *m;
    to->kind = copy(m->kind);
    to->content = copy(m->content);
}

static void on_checkin(void *ctx, const struct row_checkin *r)
{
    struct warming *w = ctx;
    struct row_checkin *to = &w->checkins[w->checkins_count++];
    *to = *r;
    to->name = copy(r->name);
}

static const struct row_checkin *find_checkin(const struct warming *w, const struct row_event *e)
{
    for (unsigned i = 0; e->kind == EV_CHECKIN && i < w->checkins_count; i++) {
        if (w->checkins[i].id == e->id) {
            return &w->checkins[i];
        }
    }
    return NULL;
}

static void on_note(void *ctx, const struct row_note *n)
{
    struct warming *w = ctx;
    note_copy(&w->notes[w->notes_count++], n);
}

static const struct row_message *find_message(const struct warming *w, uint64_t chat_id, uint64_t seq)
{
    for (unsigned i = 0; seq != 0 && i < w->messages_count; i++) {
        if (w->messages[i].chat_id == chat_id && w->messages[i].seq == seq) {
            return &w->messages[i];
        }
    }
    return NULL;
}

static const struct row_note *find_note(const struct warming *w, uint64_t id)
{
    for (unsigned i = 0; i < w->notes_count; i++) {
        if (w->notes[i].id == id) {
            return &w->notes[i];
        }
    }
    return NULL;
}

static struct event_rows find_rows(const struct warming *w, const struct cache *c, const struct row_event *e)
{
    struct event_rows rows = {.checkin = find_checkin(w, e)};
    if (event_is_message(e->kind)) {
        rows.message = find_message(w, e->chat_id, e->seq);
    } else if (e->kind == EV_NOTIFICATION) {
        rows.note = find_note(w, e->id);
        if (rows.note != NULL && note_message_visible(c, e->subject_id, rows.note->chat_id, rows.note->seq)) {
            rows.message = find_message(w, rows.note->chat_id, rows.note->seq);
        }
    }
    return rows;
}

static void on_own(void *ctx, const struct row_event_user *r)
{
    feed_warm_own(ctx, r->event_id, r->user_id);
}

/* Rooms that are gone are not in the cache: who was in them stands beside the event of their end. */
static enum store_rc warm_piece(struct store *s, struct feed *f, const struct cache *c, struct warming *w)
{
    enum store_rc rc = STORE_OK;
    for (unsigned i = 0; i < w->events_count && rc == STORE_OK; i++) {
        const struct event_rows rows = find_rows(w, c, &w->events[i]);
        feed_warm(f, &w->events[i], &rows);
        if (w->events[i].kind == EV_CHAT_DELETED) {
            rc = store_load_event_users(s, w->events[i].id, on_own, f);
        }
    }
    return rc;
}

static void empty(struct warming *w)
{
    for (unsigned i = 0; i < w->messages_count; i++) {
        free((char *)(uintptr_t)w->messages[i].kind.p);
        free((char *)(uintptr_t)w->messages[i].content.p);
    }
    for (unsigned i = 0; i < w->checkins_count; i++) {
        free((char *)(uintptr_t)w->checkins[i].name.p);
    }
    for (unsigned i = 0; i < w->notes_count; i++) {
        note_free_texts(&w->notes[i]);
    }
    w->events_count = w->messages_count = w->checkins_count = w->notes_count = 0;
}

static enum store_rc read_checkins(struct store *s, struct warming *w)
{
    uint64_t ids[WARM_PIECE];
    unsigned count = 0;
    for (unsigned i = 0; i < w->events_count; i++) {
        if (w->events[i].kind == EV_CHECKIN) {
            ids[count++] = w->events[i].id;
        }
    }
    return count > 0 ? store_find_checkins(s, ids, count, on_checkin, w) : STORE_OK;
}

static enum store_rc read_notes(struct store *s, struct warming *w)
{
    struct note_key keys[WARM_PIECE];
    unsigned count = 0;
    for (unsigned i = 0; i < w->events_count; i++) {
        if (w->events[i].kind == EV_NOTIFICATION) {
            keys[count++] = (struct note_key){w->events[i].subject_id, w->events[i].id};
        }
    }
    return count > 0 ? store_find_notes(s, keys, count, on_note, w) : STORE_OK;
}

struct places { /* each once */
    struct chat_seq at[2 * WARM_PIECE];
    unsigned count;
};

static void add_place(struct places *p, uint64_t chat_id, uint64_t seq)
{
    for (unsigned k = 0; k < p->count; k++) {
        if (p->at[k].chat_id == chat_id && p->at[k].seq == seq) {
            return;
        }
    }
    p->at[p->count++] = (struct chat_seq){chat_id, seq};
}

static enum store_rc read_piece(struct store *s, struct warming *w, uint64_t after, uint64_t upto)
{
    struct places p = {.count = 0};
    enum store_rc rc = store_load_events(s, after, upto, WARM_PIECE, on_event, w);
    if (rc == STORE_OK) {
        rc = read_notes(s, w);
    }
    for (unsigned i = 0; rc == STORE_OK && i < w->events_count; i++) {
        if (event_is_message(w->events[i].kind)) {
            add_place(&p, w->events[i].chat_id, w->events[i].seq);
        }
    }
    for (unsigned i = 0; rc == STORE_OK && i < w->notes_count; i++) {
        if (w->notes[i].chat_id != 0) {
            add_place(&p, w->notes[i].chat_id, w->notes[i].seq);
        }
    }
    return rc == STORE_OK && p.count > 0 ? store_messages_at(s, p.at, p.count, on_message, w) : rc;
}

static void on_time(void *ctx, const struct row_event *e)
{
    *(uint64_t *)ctx = e->at_us;
}

/* Where the ring would begin had this process been here all the time. */
static enum store_rc find_warm_start(const struct rest_conf *conf, struct store *s,
                                     const struct store_head *head, uint64_t *first)
{
    uint64_t newest = head->next_event - 1;
    uint64_t low = newest > WARM_MAX_EVENTS ? newest - WARM_MAX_EVENTS : 0, high = newest;
    uint64_t since_us = wall_us() - conf->ring_max_age_ms * 1000;
    low = low < head->trimmed_to ? head->trimmed_to : low;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2, at_us = since_us;
        enum store_rc rc = store_load_events(s, mid, newest, 1, on_time, &at_us);
        if (rc != STORE_OK) {
            return rc;
        }
        if (at_us < since_us) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    *first = low + 1;
    return STORE_OK;
}

static enum store_rc warm(const struct rest_conf *conf, struct store *s, struct feed *f, const struct cache *c,
                          const struct store_head *head)
{
    uint64_t first = 0;
    enum store_rc rc = find_warm_start(conf, s, head, &first);
    struct warming *w = mem_new(sizeof(*w));
    feed_warm_from(f, rc == STORE_OK ? first : head->next_event);
    for (uint64_t at = first; rc == STORE_OK && at < head->next_event;) {
        rc = read_piece(s, w, at - 1, head->next_event - 1);
        unsigned got = w->events_count;
        if (rc == STORE_OK) {
            rc = read_checkins(s, w);
        }
        if (rc == STORE_OK) {
            rc = warm_piece(s, f, c, w);
        }
        empty(w);
        if (got == 0) {
            break;
        }
        at = w->next;
    }
    free(w);
    return rc;
}

enum rc start_load(const struct rest_conf *conf, struct store *store, const struct store_conf *store_conf,
                   struct cache *cache, struct feed *feed, struct writer_start *out, struct buf *why)
{
    unsigned applied = 0;
    enum rc rc = store_migrate(store, &applied, why);
    rc = rc == RC_OK ? check_content_keys(store, why) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    struct writer_start start = {.store = store, .store_conf = *store_conf, .families = families_new()};
    struct loading l = {.cache = cache, .families = start.families};
    enum store_rc src = store_fence(store, &start.head);
    if (src == STORE_OK) {
        src = store_load_maxima(store, &start.maxima);
    }
    if (src == STORE_OK) {
        src = load_caches(store, &l, &start.head, conf->access_ttl_ms / 1000 + 60);
    }
    map64_release(&l.own_seq);
    if (src == STORE_OK) {
        src = start_load_notes(conf, store, cache, start.head.checkpoint, &start.notifier);
    }
    if (src == STORE_OK) {
        src = warm(conf, store, feed, cache, &start.head);
    }
    if (src == STORE_OK) {
        src = store_load_seen(store, on_seen, feed);
    }
    if (src == STORE_OK) {
        src = store_load_recoveries(store, on_recovery, feed);
    }
    start.own_moved = l.own_moved;
    if (src != STORE_OK) {
        buf_release(&start.own_moved);
        families_free(start.families);
        buf_addf(why, "The database's log could not be taken over or loaded (store error %d).\n", src);
        return RC_IO;
    }
    feed_start(feed, &start.head);
    log_info("loaded", "migrations=%u users=%u chats=%u epoch=%llu next_event=%llu", applied,
             cache_users_count(cache), cache_chats_count(cache),
             (unsigned long long)start.head.epoch, (unsigned long long)start.head.next_event);
    *out = start;
    return RC_OK;
}
