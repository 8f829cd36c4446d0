/*
 * test_dialects.c -- golden transcripts of the dialects, replayed without sockets
 *
 * Each file tests/dialect/<dialect>/<name>.txt is one test. Lines:
 *   = {"ext":true,"user":2}     from here on: a connection of this user, with or without ext
 *   > text   >x hex             the client sends a text frame, a binary frame
 *   ! event {...}               an event happens (tests/lib/sample_event.h)
 *   ! result {"code":"ok"}      the core answers the last operation
 *   ! live 100   ! gap 100 too_much
 *   < text                      the frame that must come out
 *   ? text                      the operation that must be submitted
 * What comes out between two inputs must be exactly the lines written there; # begins a comment.
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

struct conn { /* the core's side, for dialects under test */
    const struct dialect *dialect;
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

static void add_frame(struct conn *c, const struct buf *out)
{
    assert_true(buf_ok(out));
    if (out->len > 0) {
        add_line(c, "< ", buf_str(out));
    }
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
}

void dialect_submit(struct conn *c, const struct op *op)
{
    struct buf out = BUF_INIT;
    if (op->kind == OP_AUTH) {
        buf_add_z(&out, "auth ");
        buf_add_str(&out, op->token);
    } else {
        describe_command(&op->cmd, &out);
    }
    add_line(c, "? ", buf_str(&out));
    c->last = *op;
    memcpy(c->ref, op->ref.p != NULL ? op->ref.p : "", op->ref.len);
    c->last.ref.p = c->ref;
    buf_release(&out);
}

void dialect_fail(struct conn *c, uint8_t verb, struct str ref, enum code code)
{
    struct buf out = BUF_INIT;
    struct dialect_frame f = frame_into(&out);
    c->dialect->answer(&(struct op_result){.verb = verb, .ref = ref, .code = code}, &c->view, &f);
    add_frame(c, &out);
    buf_release(&out);
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

static void set_view(struct conn *c, struct str line)
{
    struct json *doc = parse(line);
    bool ext = false;
    (void)json_bool(json_get(json_root(doc), "ext"), &ext);
    c->view = (struct dialect_view){
        .ext = ext,
        .log_prefix = 0xabcd1234,
        .viewer_id = sample_u64(json_root(doc), "user", 1),
    };
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
    c->dialect->receive(c, NULL, text, binary);
}

static void event(struct conn *c, struct str line)
{
    struct json *doc = parse(line);
    struct event e = sample_event(json_root(doc));
    struct buf out = BUF_INIT;
    struct dialect_frame f = frame_into(&out);
    assert_int_not_equal(e.kind, EV_NONE);
    c->view.variant = c->dialect->variant != NULL ? c->dialect->variant(&e, c->view.viewer_id) : 0;
    assert_in_range(c->view.variant, 0, DIALECT_VARIANTS - 1);
    c->dialect->encode(&e, &c->view, &f);
    add_frame(c, &out);
    buf_release(&out);
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
                          .expires_s = sample_u64(o, "expires", 0)};
    for (int code = 0; code < CODE_COUNT; code++) {
        r.code = str_eq(name, str_of(code_name((enum code)code))) ? (enum code)code : r.code;
    }
    assert_int_not_equal(r.code, CODE_COUNT);
    r.outcome = (struct outcome){.code = r.code,
                                 .event_id = sample_u64(o, "event", 0),
                                 .message_id = sample_u64(o, "message", sample_u64(o, "event", 0)),
                                 .chat_id = sample_u64(o, "chat", 5),
                                 .seq = sample_u64(o, "seq", 0),
                                 .at_us = SAMPLE_MESSAGE_US,
                                 .number = sample_u64(o, "number", 0)};
    struct buf out = BUF_INIT;
    struct dialect_frame f = frame_into(&out);
    c->dialect->answer(&r, &c->view, &f);
    add_frame(c, &out);
    buf_release(&out);
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
    add_frame(c, &out);
    buf_release(&out);
}

static void input(struct conn *c, struct str line)
{
    static const struct {
        const char *mark;
        int what;
    } marks[] = {{"= ", 0}, {"> ", 1}, {">x ", 2}, {"! event ", 3}, {"! result ", 4},
                 {"! live ", 5}, {"! gap ", 6}};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (!str_starts(line, str_of(marks[i].mark))) {
            continue;
        }
        struct str rest = str_from(line, strlen(marks[i].mark));
        switch (marks[i].what) {
        case 0:
            set_view(c, rest);
            return;
        case 1:
        case 2:
            receive(c, rest, marks[i].what == 2);
            return;
        case 3:
            event(c, rest);
            return;
        case 4:
            result(c, rest);
            return;
        default:
            notice(c, marks[i].what == 5 ? NOTICE_LIVE : NOTICE_GAP, rest);
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
    struct conn c = {.dialect = d, .view = {.viewer_id = 1, .log_prefix = 0xabcd1234}};
    struct buf expected = BUF_INIT;
    unsigned number = 0, at = 0;
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
