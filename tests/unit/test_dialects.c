/*
 * test_dialects.c -- golden transcripts of the dialects, replayed without sockets
 *
 * Each file tests/dialect/<dialect>/<name>.txt is one test. Lines:
 *   = {"ext":true,"user":2}     from here on: a connection of this user, with or without ext, that subscribes to
 *                               nothing yet; "options":["status","read","upload","typing","group","hears_own",
 *                               "fixture"]
 *   > text   >x hex             the client sends a text frame, a binary frame
 *   ! greet {"user":2}          the connection opens: "username", "name" and what it "asked" for
 *   ! event {...}               an event happens (tests/lib/sample_event.h); "unread": the receiver's own number;
 *                               the dialect's wants() and the subscriptions leave receivers out as the core does
 *   ! result {"code":"ok"}      the core answers the last operation
 *   ! live 100   ! gap 100 too_much
 *   < text                      the frame that must come out; <~5 text: one that replaces older ones of state 5
 *   ? text                      the operation that must be submitted
 * What comes out between two inputs must be exactly the lines written there; # begins a comment. All frames
 * must be JSON, those of Engine.IO dialects behind their packet's head. The clock stands at SAMPLE_NOW_US.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sample_event.h"
#include "ws/dialect.h"
#include "ws/interest.h"

#define SAMPLE_NOW_US (SAMPLE_MESSAGE_US + 60123456u) /* 2023-11-14T22:16:00.123456Z */

struct conn { /* the core's side, for dialects under test */
    const struct dialect *dialect;
    void *state;
    uint32_t options;
    struct interest interest;
    struct dialect_view view;
    struct buf actual; /* lines */
    struct op last;
    char ref[DIALECT_REF_MAX_BYTES];
};

static void add_line(struct conn *c, const char *mark, struct str text)
{
    buf_add_z(&c->actual, mark);
    buf_add_str(&c->actual, text);
    buf_add_char(&c->actual, '\n');
}

static void check_json(struct str text)
{
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct buf why = BUF_INIT;
    size_t at;
    if (json_scan(text, &limits, &at, &why) != RC_OK) {
        fail_msg("%.*s: %s", (int)text.len, text.p, why.p);
    }
}

/* What stands behind the types, namespace and numbers of an Engine.IO dialect's frame. */
static struct str json_of(const struct conn *c, struct str frame)
{
    size_t at = 0;
    while (c->dialect->engine && at < frame.len && frame.p[at] != '[' && frame.p[at] != '{') {
        at++;
    }
    return str_from(frame, at);
}

static void add_frame(struct conn *c, const struct dialect_frame *f)
{
    assert_true(buf_ok(f->out));
    if (f->out->len > 0) {
        check_json(json_of(c, buf_str(f->out)));
        add_line(c, "< ", buf_str(f->out));
    }
    buf_release(f->out);
}

static struct dialect_frame frame_into(struct buf *out)
{
    return (struct dialect_frame){.out = out, .number_at = DIALECT_NO_NUMBER};
}

/* -- what dialects call --------------------------------------------------------------------------------- */

static void describe_command(const struct cmd *cmd, struct buf *out)
{
    buf_addf(out, "command %u", cmd->kind);
    buf_addf(out, " chat=%llu user=%llu", (unsigned long long)cmd->chat_id,
             (unsigned long long)cmd->user_id);
    buf_addf(out, " message=%llu seq=%llu", (unsigned long long)cmd->message_id,
             (unsigned long long)cmd->seq);
    buf_add_z(out, " name=");
    json_add_str(out, cmd->name);
    buf_add_z(out, " content=");
    json_add_str(out, cmd->content);
    buf_add_z(out, cmd->has_key ? " key=" : " no key");
    if (cmd->has_key) {
        key16_add_uuid(out, &cmd->key);
    }
    if (cmd->kind == CMD_TYPING) {
        buf_addf(out, " number=%llu", (unsigned long long)cmd->number);
    }
}

void dialect_submit(struct conn *c, const struct op *op)
{
    struct buf out = BUF_INIT;
    switch (op->kind) {
    case OP_AUTH:
        buf_add_z(&out, "auth ");
        buf_add_str(&out, op->token);
        break;
    case OP_LOGIN:
        buf_add_z(&out, "login ");
        buf_add_str(&out, op->token);
        buf_add_z(&out, " pid=");
        buf_add_str(&out, op->recovery);
        buf_add_z(&out, " offset=");
        buf_add_str(&out, op->offset);
        break;
    case OP_LOGOUT:
        buf_add_z(&out, "logout");
        break;
    case OP_SUBSCRIBE:
    case OP_UNSUBSCRIBE:
        buf_addf(&out, "%s chat=%llu", op->kind == OP_SUBSCRIBE ? "subscribe" : "unsubscribe",
                 (unsigned long long)op->cmd.chat_id);
        break;
    default:
        assert_int_equal(op->kind, OP_COMMAND);
        describe_command(&op->cmd, &out);
    }
    add_line(c, "? ", buf_str(&out));
    assert_in_range(op->ref.len, 0, sizeof(c->ref));
    c->last = *op;
    memcpy(c->ref, op->ref.p != NULL ? op->ref.p : "", op->ref.len);
    c->last.ref.p = c->ref;
    buf_release(&out);
}

static void answer(struct conn *c, const struct op_result *r)
{
    struct buf out = BUF_INIT;
    struct dialect_frame f = frame_into(&out);
    if (c->dialect->settle != NULL) {
        c->dialect->settle(c->state, r);
    }
    do {
        f.more = false;
        c->dialect->answer(r, &c->view, &f);
        add_frame(c, &f);
        f.part++;
    } while (f.more);
}

void dialect_fail(struct conn *c, uint8_t verb, struct str ref, enum code code)
{
    answer(c, &(struct op_result){.verb = verb, .ref = ref, .code = code});
}

void dialect_close(struct conn *c, enum code code)
{
    add_line(c, "? close ", str_of(code_name(code)));
}

uint32_t dialect_options(const struct conn *c)
{
    return c->options;
}

void dialect_send(struct conn *c, struct str payload, bool binary)
{
    add_line(c, binary ? "<x " : "< ", payload);
}

/* -- one line of a transcript ------------------------------------------------------------------------------ */

static struct json *parse(struct str text)
{
    struct json *doc = NULL;
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct buf why = BUF_INIT;
    if (json_parse(text, &limits, &doc, &why) != RC_OK) {
        fail_msg("%.*s: %s", (int)text.len, text.p, why.p);
    }
    return doc;
}

static uint32_t options_of(struct jval o)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } names[] = {
        {"status", CONN_EVENTS_STATUS}, {"read", CONN_EVENTS_READ},
        {"upload", CONN_EVENTS_UPLOAD}, {"typing", CONN_EVENTS_TYPING},
        {"group", CONN_EVENTS_GROUP},   {"hears_own", CONN_HEARS_OWN},
        {"fixture", CONN_FIXTURE},
    };
    struct jval list = json_get(o, "options");
    uint32_t bits = 0;
    size_t known = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_list_has(list, names[i].name)) {
            bits |= names[i].bit;
            known++;
        }
    }
    assert_int_equal(known, json_length(list));
    return bits;
}

static void set_view(struct conn *c, struct str line)
{
    struct json *doc = parse(line);
    bool ext = false;
    (void)json_bool(json_get(json_root(doc), "ext"), &ext);
    c->options = options_of(json_root(doc)) | (ext ? CONN_EXT : 0) | c->dialect->watches;
    interest_release(&c->interest);
    c->interest = (struct interest){0};
    c->view = (struct dialect_view){
        .ext = ext,
        .log_prefix = 0xabcd1234,
        .viewer_id = sample_u64(json_root(doc), "user", 1),
        .recovers = sample_u64(json_root(doc), "recovers", 1) != 0,
        .now_us = SAMPLE_NOW_US,
    };
    json_free(doc);
}

static void greet(struct conn *c, struct str line)
{
    struct json *doc = parse(line);
    struct jval o = json_root(doc);
    struct dialect_hello h = {
        .user_id = sample_u64(o, "user", 1),
        .username = sample_str(o, "username", STR("ann")),
        .name = sample_str(o, "name", STR("Ann")),
        .asked = sample_str(o, "asked", STR("")),
    };
    struct buf out = BUF_INIT;
    struct dialect_frame f = frame_into(&out);
    assert_non_null(c->dialect->greet);
    c->dialect->greet(&h, &c->view, &f);
    add_frame(c, &f);
    json_free(doc);
}

static void receive(struct conn *c, struct str text, bool binary)
{
    char bytes[4096];
    if (binary) {
        for (size_t i = 0; i + 1 < text.len && i / 2 < sizeof(bytes); i += 2) {
            char pair[3] = {text.p[i], text.p[i + 1], '\0'};
            bytes[i / 2] = (char)strtoul(pair, NULL, 16);
        }
        text = (struct str){bytes, text.len / 2};
    }
    c->dialect->receive(c, c->state, text, binary);
}

static bool is_receiver(const struct conn *c, const struct event *e)
{
    const struct dialect *d = c->dialect;
    if (d->subscribes && interest_filters(e, c->view.viewer_id) &&
        !interest_has_chat(&c->interest, e->chat_id)) {
        return false;
    }
    return d->wants == NULL || d->wants(e, c->view.viewer_id, c->options);
}

static void fill_hole(const struct dialect_frame *f, uint64_t number)
{
    char digits[DIALECT_NUMBER_BYTES + 1];
    if (f->number_at == DIALECT_NO_NUMBER) {
        return;
    }
    assert_in_range(f->number_at, 1, f->out->len - DIALECT_NUMBER_BYTES);
    for (int i = 0; i < DIALECT_NUMBER_BYTES; i++) {
        assert_int_equal(f->out->p[f->number_at + i], ' ');
    }
    snprintf(digits, sizeof(digits), "%*llu", DIALECT_NUMBER_BYTES, (unsigned long long)number);
    memcpy(f->out->p + f->number_at, digits, DIALECT_NUMBER_BYTES);
}

static void add_event_frame(struct conn *c, const struct event *e, uint64_t number)
{
    struct buf out = BUF_INIT;
    struct dialect_frame f = frame_into(&out);
    uint64_t key = c->dialect->state_key != NULL ? c->dialect->state_key(e) : 0;
    c->view.variant = c->dialect->variant != NULL ? c->dialect->variant(e, c->view.viewer_id) : 0;
    assert_in_range(c->view.variant, 0, DIALECT_VARIANTS - 1);
    c->dialect->encode(e, &c->view, &f);
    fill_hole(&f, number);
    if (key != 0 && out.len > 0) {
        char mark[32];
        snprintf(mark, sizeof(mark), "<~%llu ", (unsigned long long)key);
        check_json(buf_str(&out));
        add_line(c, mark, buf_str(&out));
        buf_release(&out);
        return;
    }
    add_frame(c, &f);
}

#define VIEWERS 4

static bool may_see(const struct event *e, uint64_t viewer)
{
    return e->chat_kind != CHAT_DIRECT || viewer == e->peer[0].id || viewer == e->peer[1].id;
}

/* The core encodes once for all viewers of a variant: to each of them the frame must be the same. */
static void check_shared(struct conn *c, const struct event *e)
{
    const struct dialect *d = c->dialect;
    struct buf first[DIALECT_VARIANTS] = {BUF_INIT}, out = BUF_INIT;
    bool seen[DIALECT_VARIANTS] = {false};
    for (uint64_t viewer = 1; viewer <= VIEWERS; viewer++) {
        struct dialect_view view = c->view;
        if (!may_see(e, viewer) || (d->wants != NULL && !d->wants(e, viewer, c->options))) {
            continue;
        }
        view.viewer_id = viewer;
        view.variant = d->variant != NULL ? d->variant(e, viewer) : 0;
        buf_clear(&out);
        struct dialect_frame f = frame_into(&out);
        d->encode(e, &view, &f);
        struct buf *shared = &first[view.variant];
        if (seen[view.variant] && !str_eq(buf_str(shared), buf_str(&out))) {
            fail_msg("variant %u is not the same to user %u: %.*s, %.*s", view.variant, (unsigned)viewer,
                     (int)shared->len, shared->p, (int)out.len, out.p);
        }
        if (!seen[view.variant]) {
            buf_add_str(shared, buf_str(&out));
            seen[view.variant] = true;
        }
    }
    for (unsigned i = 0; i < DIALECT_VARIANTS; i++) {
        buf_release(&first[i]);
    }
    buf_release(&out);
}

static void event(struct conn *c, struct str line)
{
    struct json *doc = parse(line);
    struct event e = sample_event(json_root(doc));
    assert_int_not_equal(e.kind, EV_NONE);
    check_shared(c, &e);
    if (c->dialect->joins != NULL && c->dialect->joins(&e, c->view.viewer_id)) {
        (void)interest_add_chat(&c->interest, e.chat_id, 0, 16);
    }
    if (is_receiver(c, &e)) {
        add_event_frame(c, &e, sample_u64(json_root(doc), "unread", 0));
    }
    json_free(doc);
}

static void result(struct conn *c, struct str line)
{
    struct json *doc = parse(line);
    struct jval o = json_root(doc);
    struct str name = sample_str(o, "code", STR("ok"));
    struct op_result r = {.kind = c->last.kind,
                          .verb = c->last.verb,
                          .hint = c->last.hint,
                          .ref = c->last.ref,
                          .code = CODE_COUNT,
                          .expires_s = sample_u64(o, "expires", 0),
                          .session = sample_str(o, "session", STR("")),
                          .recovery = sample_str(o, "recovery", STR("")),
                          .body = sample_str(o, "body", STR(""))};
    for (int code = 0; code < CODE_COUNT; code++) {
        r.code = str_eq(name, str_of(code_name((enum code)code))) ? (enum code)code : r.code;
    }
    assert_int_not_equal(r.code, CODE_COUNT);
    r.outcome = (struct outcome){.code = r.code,
                                 .event_id = sample_u64(o, "event", 0),
                                 .message_id = sample_u64(o, "message", sample_u64(o, "event", 0)),
                                 .chat_id = sample_u64(o, "chat", c->last.cmd.chat_id),
                                 .seq = sample_u64(o, "seq", 0),
                                 .at_us = SAMPLE_MESSAGE_US,
                                 .number = sample_u64(o, "number", 0)};
    (void)json_bool(json_get(o, "created"), &r.outcome.created);
    if (r.code == CODE_OK && r.kind == OP_SUBSCRIBE) {
        (void)interest_add_chat(&c->interest, r.outcome.chat_id, 0, 16);
    } else if (r.code == CODE_OK && r.kind == OP_UNSUBSCRIBE) {
        (void)interest_remove_chat(&c->interest, r.outcome.chat_id);
    }
    answer(c, &r);
    json_free(doc);
}

static void notice(struct conn *c, enum notice_kind kind, struct str args)
{
    struct str number;
    struct str reason = str_cut(args, ' ', &number);
    char text[32] = "";
    struct buf out = BUF_INIT;
    struct dialect_frame f = frame_into(&out);
    struct notice n = {.kind = (uint8_t)kind, .reason = text};
    memcpy(text, reason.p != NULL ? reason.p : "", reason.len);
    assert_true(str_u64(number, &n.event_id));
    c->dialect->notice(&n, &c->view, &f);
    add_frame(c, &f);
}

static void receive_text(struct conn *c, struct str text)
{
    receive(c, text, false);
}

static void receive_binary(struct conn *c, struct str hex)
{
    receive(c, hex, true);
}

static void live(struct conn *c, struct str args)
{
    notice(c, NOTICE_LIVE, args);
}

static void gap(struct conn *c, struct str args)
{
    notice(c, NOTICE_GAP, args);
}

static void input(struct conn *c, struct str line)
{
    static const struct {
        const char *mark;
        void (*act)(struct conn *c, struct str rest);
    } marks[] = {
        {"= ", set_view},      {"> ", receive_text},  {">x ", receive_binary}, {"! greet ", greet},
        {"! event ", event},   {"! result ", result}, {"! live ", live},       {"! gap ", gap},
    };
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (str_starts(line, str_of(marks[i].mark))) {
            marks[i].act(c, str_from(line, strlen(marks[i].mark)));
            return;
        }
    }
    fail_msg("no such line: %.*s", (int)line.len, line.p);
}

/* -- one file -------------------------------------------------------------------------------------------------- */

static void compare(const char *path, unsigned line, const struct buf *expected, struct conn *c)
{
    if (!str_eq(buf_str(expected), buf_str(&c->actual))) {
        fail_msg("%s:%u:\nexpected\n%.*sgot\n%.*s", path, line, (int)expected->len,
                 buf_str(expected).p, (int)c->actual.len, buf_str(&c->actual).p);
    }
    buf_clear(&c->actual);
}

static void replay(const char *path, struct str text, const struct dialect *d)
{
    struct conn c = {.dialect = d, .state = calloc(1, d->state_bytes + 1)};
    struct buf expected = BUF_INIT;
    unsigned number = 0, at = 0;
    assert_non_null(c.state);
    set_view(&c, STR("{}"));
    while (text.len > 0) {
        struct str line;
        text = str_cut(text, '\n', &line);
        number++;
        if (line.len == 0 || line.p[0] == '#') {
            continue;
        }
        if (line.p[0] == '<' || line.p[0] == '?') {
            buf_add_str(&expected, line);
            buf_add_char(&expected, '\n');
            continue;
        }
        compare(path, at, &expected, &c);
        buf_clear(&expected);
        at = number;
        input(&c, line);
    }
    compare(path, at, &expected, &c);
    if (d->close != NULL) {
        d->close(c.state);
    }
    free(c.state);
    interest_release(&c.interest);
    buf_release(&expected);
    buf_release(&c.actual);
}

struct transcript {
    char path[512];
    const struct dialect *dialect;
};

static void test_transcript(void **state)
{
    const struct transcript *t = *state;
    FILE *f = fopen(t->path, "r");
    struct buf text = BUF_INIT;
    char line[4096];
    size_t n;
    assert_non_null(f);
    while ((n = fread(line, 1, sizeof(line), f)) > 0) {
        buf_add(&text, line, n);
    }
    fclose(f);
    assert_true(text.len > 0);
    replay(t->path, buf_str(&text), t->dialect);
    buf_release(&text);
}

static unsigned find(struct transcript *list, unsigned room)
{
    size_t dialects;
    unsigned count = 0;
    const struct dialect *const *all = dialect_list(&dialects);
    for (size_t i = 0; i < dialects; i++) {
        char dir[256];
        snprintf(dir, sizeof(dir), "tests/dialect/%s", all[i]->name);
        DIR *d = opendir(dir);
        const struct dirent *entry;
        while (d != NULL && (entry = readdir(d)) != NULL && count < room) {
            size_t len = strlen(entry->d_name);
            if (len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0) {
                snprintf(list[count].path, sizeof(list[0].path), "%s/%s", dir, entry->d_name);
                list[count++].dialect = all[i];
            }
        }
        if (d != NULL) {
            closedir(d);
        }
    }
    return count;
}

static void test_dialects_are_listed_once(void **state)
{
    (void)state;
    size_t count;
    const struct dialect *const *all = dialect_list(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(dialect_by_id(all[i]->id), all[i]);
        assert_true(all[i]->receive != NULL && all[i]->encode != NULL && all[i]->answer != NULL);
    }
    assert_null(dialect_by_id(DIALECT_NONE));
    assert_null(dialect_by_id(DIALECT_COUNT));
}

int main(void)
{
    enum { ROOM = 256 };
    static struct transcript transcripts[ROOM];
    static struct CMUnitTest tests[ROOM + 1];
    unsigned count = find(transcripts, ROOM);
    if (count == 0) {
        fputs("no transcripts: run from the top of the tree\n", stderr);
        return 1;
    }
    for (unsigned i = 0; i < count; i++) {
        tests[i] = (struct CMUnitTest){transcripts[i].path, test_transcript, NULL, NULL,
                                       &transcripts[i]};
    }
    tests[count] = (struct CMUnitTest)cmocka_unit_test(test_dialects_are_listed_once);
    return _cmocka_run_group_tests("dialects", tests, count + 1, NULL, NULL);
}
