/*
 * fake_rest.c -- the other end of the link, for tests of confab-ws alone
 *
 *   fake_rest LINK_SOCKET
 * Listens on the link and on a free TCP port of 127.0.0.1 (the front door, without its checks). Every
 * upgrade is handed to the worker; its query says what the door would know: user, slot, family, expires,
 * ext, options, since_log, since, dialect, topic, and, in hex, username, called (the name) and asked.
 * Commands come on stdin, one a line, and everything that happens goes to stdout as one JSON object a line,
 * so that a test in any language can drive it.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/dialect_id.h"
#include "shared/json.h"
#include "shared/link_msg.h"
#include "shared/link_sock.h"
#include "tests/lib/sample_event.h"

#define FDS_MAX 20000

static struct {
    int listener, door, link;
    bool hello_done, mute;
    struct link_reader reader;
    struct buf out;
    int fds[FDS_MAX];
    unsigned fds_count;
    uint32_t adopts;
    uint64_t log_id, published;
    bool resumed;
    struct buf input;
} me = {.link = -1, .log_id = 0xabcd123400000001u, .published = 100};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

/* -- the link ------------------------------------------------------------------------------------------- */

static void hang_up(void)
{
    if (me.link >= 0) {
        close(me.link);
        me.link = -1;
        say("{\"is\":\"down\"}");
    }
    for (unsigned i = 0; i < me.fds_count; i++) {
        close(me.fds[i]);
    }
    me.fds_count = 0;
    me.hello_done = false;
    buf_clear(&me.out);
    link_reader_release(&me.reader);
    link_reader_init(&me.reader);
}

/* Whole packets as far as the socket takes them; descriptors go with their ADOPT frames. */
static void flush_link(void)
{
    while (me.link >= 0 && me.out.len > 0) {
        unsigned adopts = 0;
        size_t n = link_packet_size(buf_str(&me.out), LINK_FDS_PER_PACKET, &adopts);
        enum rc rc = link_sock_send(me.link, me.out.p, n, me.fds, adopts);
        if (rc == RC_AGAIN) {
            return;
        }
        if (rc != RC_OK) {
            hang_up();
            return;
        }
        for (unsigned i = 0; i < adopts; i++) {
            close(me.fds[i]);
        }
        memmove(me.fds, me.fds + adopts, (me.fds_count - adopts) * sizeof(me.fds[0]));
        me.fds_count -= adopts;
        buf_consume(&me.out, n);
    }
}

static void welcome(void)
{
    link_put_welcome(&me.out, &(struct link_welcome){.magic = LINK_MAGIC,
                                                     .major = LINK_MAJOR,
                                                     .minor = LINK_MINOR,
                                                     .incarnation = 1,
                                                     .log_id = me.log_id,
                                                     .published = me.published,
                                                     .resumed = me.resumed});
    if (!me.resumed) {
        link_put_position(&me.out, me.published);
    }
    me.hello_done = true;
}

static void on_hello(const struct link_frame *f)
{
    struct link_hello h;
    if (link_get_hello(f->body, &h) == RC_OK) {
        say("{\"is\":\"hello\",\"worker\":%u,\"log\":\"%llx\",\"position\":%llu,\"users\":%u,\"capacity\":%u}",
            h.worker, (unsigned long long)h.log_id, (unsigned long long)h.position, h.users,
            h.capacity);
    }
}

static void on_hello_users(const struct link_frame *f)
{
    static struct link_hello_user users[LINK_ENTRIES_MAX];
    uint16_t count = 0;
    if (link_get_hello_users(f->body, users, LINK_ENTRIES_MAX, &count) == RC_OK) {
        for (unsigned i = 0; i < count; i++) {
            say("{\"is\":\"hello_user\",\"slot\":%u,\"user\":%llu,\"sessions\":%u,\"adopts\":%u}",
                users[i].slot, (unsigned long long)users[i].user_id, users[i].sessions,
                users[i].adopts);
        }
    }
}

static void on_command(const struct link_frame *f)
{
    uint64_t session, *users = NULL;
    uint32_t slot;
    struct cmd c;
    struct buf line = BUF_INIT, key = BUF_INIT;
    if (link_get_command(f->body, &session, &slot, &c, &users) != RC_OK) {
        return;
    }
    key16_add_uuid(&key, &c.key);
    buf_addf(&line, "{\"is\":\"command\",\"request\":%u,\"session\":\"%llu\",\"slot\":%u,\"kind\":%u", f->request,
             (unsigned long long)session, slot, c.kind);
    json_key_u64(&line, "chat", c.chat_id);
    json_key_u64(&line, "user", c.user_id);
    json_key_u64(&line, "message", c.message_id);
    json_key_u64(&line, "seq", c.seq);
    json_key_u64(&line, "number", c.number);
    json_key_u64(&line, "actor", c.actor_id);
    json_key_str(&line, "key", buf_str(&key));
    json_key_str(&line, "content", c.content);
    json_key_str(&line, "name", c.name);
    say("%s}", line.p);
    buf_release(&line);
    buf_release(&key);
    free(users);
}

static void on_closed(const struct link_frame *f)
{
    static struct link_closed closed[LINK_ENTRIES_MAX];
    uint16_t count = 0;
    if (link_get_session_closed(f->body, closed, LINK_ENTRIES_MAX, &count) == RC_OK) {
        for (unsigned i = 0; i < count; i++) {
            say("{\"is\":\"closed\",\"slot\":%u,\"peer\":%llu}", closed[i].slot,
                (unsigned long long)closed[i].peer_key);
        }
    }
}

static void on_query(const struct link_frame *f)
{
    struct link_query q;
    if (link_get_query(f->body, &q) == RC_OK) {
        say("{\"is\":\"query\",\"request\":%u,\"session\":\"%llu\",\"slot\":%u,\"kind\":%u,\"body\":%.*s}",
            f->request, (unsigned long long)q.session, q.slot, q.kind, (int)q.body.len, q.body.p);
    }
}

static void on_presence(const struct link_frame *f)
{
    static struct link_presence list[LINK_ENTRIES_MAX];
    uint16_t count = 0;
    if (link_get_presence(f->body, list, LINK_ENTRIES_MAX, &count) == RC_OK) {
        for (unsigned i = 0; i < count; i++) {
            say("{\"is\":\"presence\",\"slot\":%u,\"chat\":%llu,\"active\":%d}", list[i].slot,
                (unsigned long long)list[i].focus_chat, list[i].active);
        }
    }
}

static void on_stats(const struct link_frame *f)
{
    static struct link_stat stats[LINK_ENTRIES_MAX];
    struct buf line = BUF_INIT;
    uint16_t count = 0;
    if (link_get_stats(f->body, stats, LINK_ENTRIES_MAX, &count) != RC_OK) {
        return;
    }
    buf_add_z(&line, "{\"is\":\"stats\"");
    for (unsigned i = 0; i < count; i++) {
        buf_addf(&line, ",\"%.*s\":%llu", (int)stats[i].name.len, stats[i].name.p,
                 (unsigned long long)stats[i].value);
    }
    say("%s}", line.p);
    buf_release(&line);
}

static void on_frame(const struct link_frame *f)
{
    uint64_t a = 0, session = 0;
    uint32_t b = 0, c = 0;
    enum code code;
    struct str token;
    struct link_attach at;
    switch (f->type) {
    case LINK_HELLO:
        on_hello(f);
        return;
    case LINK_HELLO_USERS:
        on_hello_users(f);
        return;
    case LINK_HELLO_PEERS:
        return;
    case LINK_HELLO_DONE:
        welcome();
        say("{\"is\":\"up\"}");
        return;
    case LINK_ADOPTED:
        (void)!link_get_adopted(f->body, &session);
        say("{\"is\":\"adopted\",\"adopt\":%u,\"session\":\"%llu\"}", f->request,
            (unsigned long long)session);
        return;
    case LINK_ADOPT_FAILED:
        (void)!link_get_adopt_failed(f->body, &code);
        say("{\"is\":\"adopt_failed\",\"adopt\":%u,\"code\":\"%s\"}", f->request, code_name(code));
        return;
    case LINK_GONE:
        (void)!link_get_gone(f->body, &b, &c);
        say("{\"is\":\"gone\",\"slot\":%u,\"adopts\":%u}", b, c);
        return;
    case LINK_SESSION_CLOSED:
        on_closed(f);
        return;
    case LINK_COMMAND:
        on_command(f);
        return;
    case LINK_QUERY:
        on_query(f);
        return;
    case LINK_PRESENCE:
        on_presence(f);
        return;
    case LINK_WATCH:
        (void)!link_get_watch(f->body, &b, &c);
        say("{\"is\":\"watch\",\"slot\":%u,\"options\":%u}", b, c);
        return;
    case LINK_TOPIC:
        (void)!link_get_topic(f->body, &a, &b, &c);
        say("{\"is\":\"topic\",\"topic\":%llu,\"sessions\":%u,\"adopts\":%u}", (unsigned long long)a, b, c);
        return;
    case LINK_REAUTH:
        (void)!link_get_reauth(f->body, &session, &b, &token);
        say("{\"is\":\"reauth\",\"request\":%u,\"session\":\"%llu\",\"token\":\"%.*s\"}", f->request,
            (unsigned long long)session, (int)token.len, token.p);
        return;
    case LINK_ATTACH:
        (void)!link_get_attach(f->body, &at);
        say("{\"is\":\"attach\",\"session\":\"%llu\",\"generation\":%u,\"since_log\":\"%08x\",\"since\":%llu,"
            "\"topic\":%llu}",
            (unsigned long long)at.session, at.generation, at.since_log,
            (unsigned long long)at.since, (unsigned long long)at.topic);
        return;
    case LINK_PULL:
        (void)!link_get_pull(f->body, &session, &b);
        say("{\"is\":\"pull\",\"session\":\"%llu\",\"generation\":%u}", (unsigned long long)session,
            b);
        return;
    case LINK_PING:
        if (link_get_u64(f->body, &a) == RC_OK && !me.mute) {
            link_put_u64(&me.out, LINK_PONG, a);
        }
        return;
    case LINK_PONG:
        say("{\"is\":\"pong\"}");
        return;
    case LINK_STATS:
        on_stats(f);
        return;
    case LINK_DRAIN:
        say("{\"is\":\"drain\"}");
        return;
    default:
        say("{\"is\":\"other\",\"type\":%u}", f->type);
    }
}

static void read_link(void)
{
    static char room[LINK_PACKET_MAX_BYTES];
    size_t len = 0;
    unsigned count = 0;
    bool truncated = false;
    enum rc rc;
    while ((rc = link_sock_recv(me.link, room, sizeof(room), &len, NULL, 0, &count, &truncated)) ==
           RC_OK) {
        struct str packet = {room, len};
        struct link_frame f;
        while (link_reader_next(&me.reader, &packet, &f) == RC_OK) {
            on_frame(&f);
        }
    }
    if (rc != RC_AGAIN) {
        hang_up();
    }
}

/* -- the door --------------------------------------------------------------------------------------------- */

static uint64_t query_u64(const char *head, const char *key, uint64_t fallback)
{
    char needle[40];
    const char *end = strstr(head, "\r\n");
    snprintf(needle, sizeof(needle), "%s=", key);
    const char *at = strstr(head, needle);
    return at != NULL && at < end ? strtoull(at + strlen(needle), NULL, 0) : fallback;
}

/* Text in hex digits, so that it may hold anything. */
static struct str query_text(const char *head, const char *key, char room[256], const char *fallback)
{
    char needle[40];
    const char *end = strstr(head, "\r\n");
    size_t len = 0;
    snprintf(needle, sizeof(needle), "%s=", key);
    const char *at = strstr(head, needle);
    if (at == NULL || at >= end) {
        return str_of(fallback);
    }
    for (at += strlen(needle); isxdigit((unsigned char)at[0]) && len < 256; at += 2) {
        char pair[3] = {at[0], at[1], '\0'};
        room[len++] = (char)strtoul(pair, NULL, 16);
    }
    return (struct str){room, len};
}

static void header(struct buf *out, const char *head, const char *name)
{
    const char *at = strcasestr(head, name);
    const char *end = at != NULL ? strstr(at, "\r\n") : NULL;
    if (end != NULL) {
        buf_addf(out, "%s", name);
        buf_add(out, at + strlen(name), (size_t)(end - at) - strlen(name));
        buf_add_z(out, "\r\n");
    }
}

static void adopt(int fd, const char *head)
{
    struct buf canonical = BUF_INIT;
    char username[256], name[256], asked[256];
    uint64_t user = query_u64(head, "user", 1);
    uint32_t options = (uint32_t)query_u64(head, "options", 0) |
                       (query_u64(head, "ext", 0) ? CONN_EXT : 0) |
                       (query_u64(head, "since", 0) ? CONN_SINCE : 0);
    buf_add_z(&canonical, "GET /ws HTTP/1.1\r\nHost: confab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\n");
    header(&canonical, head, "Sec-WebSocket-Key:");
    header(&canonical, head, "Sec-WebSocket-Protocol:");
    buf_add_z(&canonical, "\r\n");
    link_put_adopt(&me.out, ++me.adopts,
                   &(struct link_adopt){.slot = (uint32_t)query_u64(head, "slot", user),
                                        .user_id = user,
                                        .family = query_u64(head, "family", 7),
                                        .dialect = (uint8_t)query_u64(head, "dialect", DIALECT_ROOMS),
                                        .options = options,
                                        .expires_s = query_u64(head, "expires", 0),
                                        .since_log = (uint32_t)query_u64(head, "log", me.log_id >> 32),
                                        .since = query_u64(head, "since", 0),
                                        .topic = query_u64(head, "topic", 0),
                                        .peer_key = 77,
                                        .peer = STR("127.0.0.1"),
                                        .username = query_text(head, "username", username, "someone"),
                                        .name = query_text(head, "called", name, "Someone"),
                                        .asked = query_text(head, "asked", asked, ""),
                                        .head = buf_str(&canonical)});
    me.fds[me.fds_count++] = fd;
    buf_release(&canonical);
}

/* Peek until the head is whole, then read exactly that. Clients of tests send it in one piece. */
static void accept_one(void)
{
    char head[4096];
    int fd = accept4(me.door, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    for (int i = 0; i < 200; i++) {
        struct pollfd p = {fd, POLLIN, 0};
        poll(&p, 1, 10);
        ssize_t n = recv(fd, head, sizeof(head) - 1, MSG_PEEK | MSG_DONTWAIT);
        head[n > 0 ? n : 0] = '\0';
        char *end = strstr(head, "\r\n\r\n");
        if (end != NULL) {
            end[4] = '\0';
            n = recv(fd, head, (size_t)(end + 4 - head), 0);
            if (me.link >= 0 && me.hello_done && me.fds_count < FDS_MAX) {
                adopt(fd, head);
                return;
            }
            break;
        }
    }
    close(fd);
}

/* -- commands of the test ------------------------------------------------------------------------------------ */

static void add_slots(struct jval o, struct buf *slots, uint32_t *count)
{
    struct jval list = json_get(o, "slots");
    uint64_t first = sample_u64(o, "first", 0), last = sample_u64(o, "last", 0), slot;
    for (size_t i = 0; i < json_length(list); i++) {
        if (json_u64(json_at(list, i), &slot)) {
            buf_add_be32(slots, (uint32_t)slot);
            (*count)++;
        }
    }
    for (uint64_t n = first; n != 0 && n <= last; n++) {
        buf_add_be32(slots, (uint32_t)n);
        (*count)++;
    }
}

/* {"do":"event","id","kind","to":"all"|"set"|"topic"|absent,"set","slots":[],"first","last","number_each","content",
 *  "repeat","bytes"}; number_each: the slots are numbered, all with that */
static void do_event(struct jval o)
{
    struct event e = sample_event(o);
    struct buf slots = BUF_INIT, numbered = BUF_INIT, encoded = BUF_INIT, content = BUF_INIT;
    struct link_recipients to = {.to = LINK_TO_SLOTS};
    struct str where = sample_str(o, "to", STR("slots"));
    uint64_t repeat = sample_u64(o, "repeat", 1), bytes = sample_u64(o, "bytes", 0);
    if (str_eq(where, STR("all"))) {
        to.to = LINK_TO_ALL;
    } else if (str_eq(where, STR("set"))) {
        to.to = LINK_TO_SET;
        to.set = sample_u64(o, "set", 1);
    } else if (str_eq(where, STR("topic"))) {
        to.to = LINK_TO_TOPIC;
        to.set = sample_u64(o, "set", 1);
    }
    add_slots(o, &slots, &to.count);
    to.slots = buf_str(&slots);
    if (json_type(json_get(o, "number_each")) != JSON_ABSENT) {
        struct rd r = rd_of(slots.p, slots.len);
        for (uint32_t i = 0; i < to.count; i++) {
            buf_add_be32(&numbered, rd_be32(&r));
            buf_add_be32(&numbered, (uint32_t)sample_u64(o, "number_each", 0));
        }
        to.to = LINK_TO_SLOTS_NUMBERED;
        to.slots = buf_str(&numbered);
    }
    for (uint64_t i = 0; i < bytes; i++) {
        buf_add_char(&content, 'x');
    }
    for (uint64_t i = 0; i < repeat; i++) {
        e.content = bytes > 0 ? buf_str(&content) : e.content;
        buf_clear(&encoded);
        event_encode(&encoded, &e);
        link_put_event(&me.out, e.event_id != 0 ? LINK_EVENT : LINK_EPHEMERAL, &to,
                       buf_str(&encoded));
        me.published = e.event_id > me.published ? e.event_id : me.published;
        if (e.event_id != 0) {
            e.event_id++;
            e.message_id++;
            e.seq++;
        }
    }
    buf_release(&slots);
    buf_release(&numbered);
    buf_release(&encoded);
    buf_release(&content);
}

static void do_chunk(struct jval o)
{
    struct buf events = BUF_INIT;
    struct event e = sample_event(o);
    uint64_t count = sample_u64(o, "count", 1);
    for (uint64_t i = 0; i < count; i++) {
        event_encode(&events, &e);
        e.event_id++;
        e.message_id++;
        e.seq++;
    }
    link_put_chunk(&me.out, sample_u64(o, "session", 0), (uint32_t)sample_u64(o, "generation", 1),
                   (uint16_t)count, e.event_id - 1, buf_str(&events));
    buf_release(&events);
}

static void do_reply(struct jval o)
{
    struct outcome outcome = {.code = (enum code)sample_u64(o, "code", CODE_OK),
                              .created = true,
                              .event_id = sample_u64(o, "event", 0),
                              .chat_id = sample_u64(o, "chat", 5),
                              .message_id = sample_u64(o, "message", sample_u64(o, "event", 0)),
                              .seq = sample_u64(o, "seq", 1),
                              .at_us = SAMPLE_MESSAGE_US,
                              .number = sample_u64(o, "number", 0)};
    link_put_reply(&me.out, (uint32_t)sample_u64(o, "request", 0), sample_u64(o, "session", 0), &outcome,
                   STR_NONE);
}

static void do_set(struct jval o, uint16_t type)
{
    struct buf slots = BUF_INIT;
    uint32_t count = 0, list[4096];
    add_slots(o, &slots, &count);
    struct rd r = rd_of(slots.p, slots.len);
    for (uint32_t i = 0; i < count && i < 4096; i++) {
        list[i] = rd_be32(&r);
    }
    link_put_set(&me.out, type, sample_u64(o, "set", 1), list, (uint16_t)count);
    buf_release(&slots);
}

static void do_raw(struct jval o)
{
    struct str hex = sample_str(o, "hex", STR(""));
    char bytes[2048];
    size_t n = hex.len / 2 < sizeof(bytes) ? hex.len / 2 : sizeof(bytes);
    for (size_t i = 0; i < n; i++) {
        char pair[3] = {hex.p[2 * i], hex.p[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(pair, NULL, 16);
    }
    (void)!link_sock_send(me.link, bytes, n, NULL, 0);
}

static void obey(struct str line)
{
    struct json *doc = NULL;
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    if (json_parse(line, &limits, &doc, NULL) != RC_OK) {
        say("{\"is\":\"bad_line\"}");
        return;
    }
    struct jval o = json_root(doc);
    struct str what = sample_str(o, "do", STR(""));
    if (str_eq(what, STR("event"))) {
        do_event(o);
    } else if (str_eq(what, STR("chunk"))) {
        do_chunk(o);
    } else if (str_eq(what, STR("live"))) {
        link_put_live(&me.out, sample_u64(o, "session", 0), (uint32_t)sample_u64(o, "generation", 1),
                      sample_u64(o, "position", me.published));
    } else if (str_eq(what, STR("gap"))) {
        link_put_gap(&me.out, sample_u64(o, "session", 0), (uint32_t)sample_u64(o, "generation", 1),
                     sample_u64(o, "position", me.published), (uint8_t)sample_u64(o, "reason", 1));
    } else if (str_eq(what, STR("reply"))) {
        do_reply(o);
    } else if (str_eq(what, STR("query_reply"))) {
        link_put_query_reply(&me.out, (uint32_t)sample_u64(o, "request", 0), sample_u64(o, "session", 0),
                             (enum code)sample_u64(o, "code", CODE_OK), sample_str(o, "body", STR("{}")));
    } else if (str_eq(what, STR("reauth_reply"))) {
        link_put_reauth_reply(&me.out, (uint32_t)sample_u64(o, "request", 0), sample_u64(o, "session", 0),
                              (enum code)sample_u64(o, "code", CODE_OK), sample_u64(o, "family", 7),
                              sample_u64(o, "expires", 0));
    } else if (str_eq(what, STR("position"))) {
        me.published = sample_u64(o, "id", me.published);
        link_put_position(&me.out, me.published);
    } else if (str_eq(what, STR("set_add"))) {
        do_set(o, LINK_SET_ADD);
    } else if (str_eq(what, STR("set_remove"))) {
        do_set(o, LINK_SET_REMOVE);
    } else if (str_eq(what, STR("kick"))) {
        link_put_kick(&me.out, (uint32_t)sample_u64(o, "slot", 0), sample_u64(o, "session", 0),
                      sample_u64(o, "family", 0), (enum code)sample_u64(o, "code", CODE_TOKEN_REVOKED));
    } else if (str_eq(what, STR("drain"))) {
        link_put_drain(&me.out, (uint32_t)sample_u64(o, "grace", 100));
    } else if (str_eq(what, STR("ping"))) {
        link_put_u64(&me.out, LINK_PING, 1);
    } else if (str_eq(what, STR("hangup"))) {
        hang_up();
    } else if (str_eq(what, STR("next"))) { /* what the next WELCOME says */
        me.resumed = sample_u64(o, "resumed", 0) != 0;
        me.log_id = sample_u64(o, "log", me.log_id);
        me.published = sample_u64(o, "published", me.published);
    } else if (str_eq(what, STR("mute"))) {
        me.mute = sample_u64(o, "on", 1) != 0;
    } else if (str_eq(what, STR("raw"))) {
        do_raw(o);
    }
    json_free(doc);
}

static void read_stdin(void)
{
    char room[65536];
    ssize_t n = read(0, room, sizeof(room));
    if (n <= 0) {
        exit(0);
    }
    buf_add(&me.input, room, (size_t)n);
    char *end;
    while (me.input.len > 0 && (end = memchr(me.input.p, '\n', me.input.len)) != NULL) {
        size_t len = (size_t)(end - me.input.p);
        obey((struct str){me.input.p, len});
        buf_consume(&me.input, len + 1);
    }
}

/* -- life ------------------------------------------------------------------------------------------------------- */

static void listen_door(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t len = sizeof(a);
    me.door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(me.door, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(me.door, 4096) != 0 ||
        getsockname(me.door, (struct sockaddr *)&a, &len) != 0) {
        die("door");
    }
    say("{\"is\":\"ready\",\"port\":%u}", ntohs(a.sin_port));
}

static void turn(void)
{
    struct pollfd p[4] = {{0, POLLIN, 0},
                          {me.door, me.hello_done ? POLLIN : 0, 0},
                          {me.listener, POLLIN, 0},
                          {me.link, (short)(POLLIN | (me.out.len > 0 ? POLLOUT : 0)), 0}};
    poll(p, me.link >= 0 ? 4 : 3, 1000);
    if (me.link >= 0 && p[3].revents & (POLLIN | POLLHUP)) {
        read_link();
    }
    if (p[0].revents) {
        read_stdin();
    }
    if (p[1].revents) {
        accept_one();
    }
    if (p[2].revents && me.link < 0) {
        (void)!link_sock_accept(me.listener, (uid_t)-1, &me.link);
    }
    flush_link();
}

int main(int argc, char **argv)
{
    struct buf why = BUF_INIT;
    struct rlimit files;
    if (argc != 2) {
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    link_reader_init(&me.reader);
    me.out = BUF_INIT_MAX((size_t)1 << 30);
    if (link_sock_listen(argv[1], &me.listener, &why) != RC_OK) {
        fprintf(stderr, "%s\n", why.p);
        return 1;
    }
    listen_door();
    for (;;) {
        turn();
    }
}
