/* door_choose.c -- the second half of door_policy.h: dialect, carriers and options of a head */
#include "rest/door_policy.h"

#include <string.h>

#include "shared/cursor.h"

/* Adding a dialect? Set `served` once a worker speaks it. */
static const struct dialect_row {
    const char *name;
    const char *subprotocol; /* what a client offers to ask for it */
    const char *path;        /* NULL: none of its own; a trailing slash: one more segment, or none for Socket.IO */
    enum door_style style;
    bool served;
} dialects[DIALECT_COUNT] = {
    [DIALECT_NONE] = {"none", NULL, NULL, DOOR_STYLE_HTTP, false},
    [DIALECT_ROOMS] = {"rooms", "rooms.v1", NULL, DOOR_STYLE_CLOSE, true},
    [DIALECT_SUBSCRIBE] = {"subscribe", "subscribe.v1", "/api/ws", DOOR_STYLE_CLOSE, true},
    [DIALECT_SOCKETIO] = {"socketio", NULL, "/socket.io/", DOOR_STYLE_HTTP, true},
    [DIALECT_CONVERSATIONS] = {"conversations", "conversations.v1", NULL, DOOR_STYLE_HTTP, true},
    [DIALECT_DASHBOARD] = {"dashboard", "dashboard.v1", "/ws/dashboard/", DOOR_STYLE_CLOSE, true},
    [DIALECT_INBOX] = {"inbox", "inbox.v1", "/ws/notifications", DOOR_STYLE_CLOSE, true},
    [DIALECT_INBOX_CHAT] = {"inbox_chat", "inbox_chat.v1", "/ws/chat", DOOR_STYLE_CLOSE, true},
    [DIALECT_ECHO] = {"echo", NULL, "/echo", DOOR_STYLE_HTTP, true},
    [DIALECT_EIO_ECHO] = {"eio_echo", NULL, "/engine.io/", DOOR_STYLE_HTTP, true},
};

static const struct str shared_path = {"/ws", 3};

static enum dialect_id by_path(struct str path)
{
    struct str prefix = str_of(dialects[DIALECT_DASHBOARD].path), session;
    int d;

    if (str_eq(path, str_of(dialects[DIALECT_SOCKETIO].path))) {
        return DIALECT_SOCKETIO;
    }
    if (str_starts(path, prefix)) {
        session = str_from(path, prefix.len);
        return session.len > 0 && memchr(session.p, '/', session.len) == NULL ? DIALECT_DASHBOARD
                                                                              : DIALECT_NONE;
    }
    for (d = 1; d < DIALECT_COUNT; d++) {
        if (dialects[d].path != NULL && str_eq(path, str_of(dialects[d].path))) {
            return (enum dialect_id)d;
        }
    }
    return DIALECT_NONE;
}

bool door_is_ws_path(struct str path)
{
    return str_eq(path, shared_path) || by_path(path) != DIALECT_NONE;
}

bool door_dialect_enabled(enum dialect_id d)
{
    return d > DIALECT_NONE && d < DIALECT_COUNT && dialects[d].served;
}

const char *door_dialect_name(enum dialect_id d)
{
    return dialects[d < DIALECT_COUNT ? d : DIALECT_NONE].name;
}

enum dialect_id door_dialect_by_name(struct str name)
{
    int d;

    for (d = 1; d < DIALECT_COUNT; d++) {
        if (str_eq(name, str_of(dialects[d].name))) {
            return (enum dialect_id)d;
        }
    }
    return DIALECT_NONE;
}

/* The first offered subprotocol that names a dialect. A dashboard's does not choose: which one it is says the path. */
static enum dialect_id by_subprotocol(struct str offered)
{
    struct str element;
    int d;

    while (door_list_next(&offered, &element)) {
        for (d = 1; d < DIALECT_COUNT; d++) {
            if (d != DIALECT_DASHBOARD && dialects[d].subprotocol != NULL &&
                str_eq(element, str_of(dialects[d].subprotocol))) {
                return (enum dialect_id)d;
            }
        }
    }
    return DIALECT_NONE;
}

/* The chosen dialect's own subprotocol when the client offered it: an answer may only repeat what was offered. */
static const char *answer_subprotocol(enum dialect_id d, struct str offered)
{
    struct str element;

    while (dialects[d].subprotocol != NULL && door_list_next(&offered, &element)) {
        if (str_eq(element, str_of(dialects[d].subprotocol))) {
            return dialects[d].subprotocol;
        }
    }
    return NULL;
}

static enum dialect_id first_match(const struct door_head *head, enum dialect_id listener,
                                   const char **reason)
{
    enum dialect_id d = by_subprotocol(head->field[DOOR_WS_PROTOCOL]);

    if (d != DIALECT_NONE) {
        *reason = "subprotocol";
        return d;
    }
    d = by_path(head->path);
    if (d != DIALECT_NONE) {
        *reason = "path";
        return d;
    }
    if (head->seen[DOOR_AUTHORIZATION] > 0) {
        *reason = "authorization";
        return DIALECT_CONVERSATIONS;
    }
    *reason = "listener";
    return listener;
}

enum code door_choose(const struct door_head *head, enum dialect_id listener,
                      struct door_choice *out)
{
    struct str asked;

    *out = (struct door_choice){DIALECT_NONE, "", NULL, DOOR_STYLE_HTTP};
    if (!door_is_ws_path(head->path)) {
        return CODE_ROUTE_NOT_FOUND;
    }
    if (door_query_raw(head->query, STR("dialect"), &asked)) {
        out->dialect = door_dialect_by_name(asked);
        out->reason = "query";
    } else {
        out->dialect = first_match(head, listener, &out->reason);
    }
    if (out->dialect == DIALECT_NONE) { /* shown to browsers, too, which is whom a mistyped URL happens to */
        out->style = DOOR_STYLE_CLOSE;
        return CODE_DIALECT_OFF;
    }
    out->subprotocol = answer_subprotocol(out->dialect, head->field[DOOR_WS_PROTOCOL]);
    out->style = dialects[out->dialect].style;
    return CODE_OK;
}

/* -- carriers ---------------------------------------------------------------------------------- */

static struct str subprotocol_token(struct str offered)
{
    static const struct str prefix = {"bearer.", 7};
    struct str element;

    while (door_list_next(&offered, &element)) {
        if (str_starts(element, prefix)) {
            return str_from(element, prefix.len);
        }
    }
    return STR_NONE;
}

/* Absent stays absent; present and empty is present. The same carrier with another value is a second opinion. */
static enum code one_value(struct str raw, struct door_room *room, struct str *out)
{
    char *at = room->bytes + room->used;
    struct str value = {at, 0};

    if (!door_percent_decode(raw, true, at, sizeof(room->bytes) - room->used, &value.len)) {
        return CODE_BAD_REQUEST;
    }
    if (out->p != NULL) {
        return str_eq(value, *out) ? CODE_OK : CODE_CARRIERS_DISAGREE;
    }
    room->used += value.len;
    *out = value;
    return CODE_OK;
}

/* Every parameter of that name. */
static enum code query_value(struct str query, struct str name, struct door_room *room,
                             struct str *out)
{
    struct str pair, key;
    enum code code = CODE_OK;

    while (query.p != NULL && code == CODE_OK) {
        query = str_cut(query, '&', &pair);
        pair = str_cut(pair, '=', &key);
        if (str_eq(key, name)) {
            code = one_value(pair.p != NULL ? pair : STR(""), room, out);
        }
    }
    return code;
}

/* Every cookie of that name; a browser sends two when the site has set it for two paths or domains. */
static enum code cookie_value(struct str header, struct str name, struct str *out)
{
    struct str pair, key;

    while (header.p != NULL) {
        header = str_cut(header, ';', &pair);
        pair = str_cut(str_trim(pair), '=', &key);
        if (pair.p == NULL || !str_eq(key, name)) {
            continue;
        }
        pair = str_trim(pair);
        if (pair.len >= 2 && pair.p[0] == '"' && pair.p[pair.len - 1] == '"') {
            pair = (struct str){pair.p + 1, pair.len - 2};
        }
        if (out->p != NULL && !str_eq(*out, pair)) {
            return CODE_CARRIERS_DISAGREE;
        }
        *out = pair;
    }
    return CODE_OK;
}

enum code door_carriers(const struct door_head *head, const char *cookie_name,
                        struct door_room *room, struct auth_carriers *out)
{
    struct auth_carriers c = {0};
    enum code code;

    room->used = 0;
    c.authorization = head->field[DOOR_AUTHORIZATION];
    c.subprotocol = subprotocol_token(head->field[DOOR_WS_PROTOCOL]);
    code = head->seen[DOOR_COOKIE] > 1 ? CODE_BAD_REQUEST : CODE_OK;
    if (code == CODE_OK) {
        code = cookie_value(head->field[DOOR_COOKIE], str_of(cookie_name), &c.cookie);
    }
    if (code == CODE_OK) {
        code = query_value(head->query, STR("ticket"), room, &c.ticket);
    }
    if (code == CODE_OK) {
        code = query_value(head->query, STR("access_token"), room, &c.query);
    }
    if (code == CODE_OK) {
        code = query_value(head->query, STR("token"), room, &c.query);
    }
    if (code == CODE_OK) {
        *out = c;
    }
    return code;
}

/* -- options ----------------------------------------------------------------------------------- */

static uint32_t event_options(struct str list)
{
    static const struct {
        struct str name;
        uint32_t bit;
    } names[] = {{{"status", 6}, CONN_EVENTS_STATUS},
                 {{"read", 4}, CONN_EVENTS_READ},
                 {{"upload", 6}, CONN_EVENTS_UPLOAD},
                 {{"typing", 6}, CONN_EVENTS_TYPING},
                 {{"group", 5}, CONN_EVENTS_GROUP}};
    struct str element;
    uint32_t bits = 0;
    unsigned i;

    while (door_list_next(&list, &element)) {
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            bits |= str_eq(element, names[i].name) ? names[i].bit : 0;
        }
    }
    return bits;
}

static void cursor(struct str text, struct door_options *o)
{
    if (!cursor_read(text, &o->since_log, &o->since)) {
        o->since_log = 0;
        o->since = UINT64_MAX;
    }
}

struct door_options door_options_of(const struct door_head *head)
{
    struct door_options o = {0, 0, 0};
    struct str value;
    char decoded[256];
    size_t len;

    if (door_query_raw(head->query, STR("ext"), &value) && str_eq(value, STR("1"))) {
        o.options |= CONN_EXT;
    }
    if (door_query_raw(head->query, STR("recovery"), &value) && str_eq(value, STR("0"))) {
        o.options |= CONN_NO_RECOVERY;
    }
    if (door_query_raw(head->query, STR("events"), &value) &&
        door_percent_decode(value, true, decoded, sizeof(decoded), &len)) {
        o.options |= event_options((struct str){decoded, len});
    }
    if ((o.options & CONN_EXT) && door_query_raw(head->query, STR("since"), &value)) {
        o.options |= CONN_SINCE;
        cursor(value, &o);
    }
    return o;
}
