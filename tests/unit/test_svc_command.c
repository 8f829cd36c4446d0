/* What a command's fields may be, whoever sends it, and what becomes of one that passes. */
#include "tests/unit/unit.h"

#include "rest/job.h"
#include "rest/ratelimit.h"
#include "rest/svc_command.h"
#include "rest/writer.h"
#include "shared/clock.h"

static struct rest_conf *conf;
static struct job *queued;
static enum code queue_code;

enum code writer_submit(struct writer *w, struct job *job)
{
    (void)w;
    if (queue_code == CODE_OK) {
        queued = job;
    }
    return queue_code;
}

static void drop(void)
{
    job_free(queued);
    queued = NULL;
}

static int set_up(void **state)
{
    (void)state;
    conf_defaults(rest_conf_keys(&conf), rest_conf_keys_count);
    conf->name_max_chars = 5;
    conf->username_max_chars = 6;
    conf->content_max_bytes = 10;
    conf->members_max = 3;
    queue_code = CODE_OK;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    conf_release(rest_conf_keys(&conf), rest_conf_keys_count);
    return 0;
}

static void is_good(struct cmd c)
{
    const char *field = NULL;
    assert_int_equal(svc_check(conf, &c, &field), CODE_OK);
    assert_null(field);
}

static void is_bad(struct cmd c, enum code code, const char *wrong)
{
    const char *field = NULL;
    assert_int_equal(svc_check(conf, &c, &field), code);
    assert_string_equal(field, wrong);
    assert_int_equal(svc_check(conf, &c, NULL), code);
}

static void test_names_of_chats(void **state)
{
    (void)state;
    struct cmd c = {.kind = CMD_CHAT_CREATE_GROUP};
    is_good(c); /* without a name */
    c.name = STR("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac"); /* five characters */
    is_good(c);
    c.name = STR("123456");
    is_bad(c, CODE_INVALID_FIELD, "chat_name");
    c.name = STR("a\nb");
    is_bad(c, CODE_INVALID_FIELD, "chat_name");
    c.name = STR("a\xff");
    is_bad(c, CODE_INVALID_FIELD, "chat_name");
    c.kind = CMD_CHAT_RENAME;
    is_bad(c, CODE_INVALID_FIELD, "chat_name");
    c.name = STR("");
    is_bad(c, CODE_INVALID_FIELD, "chat_name");
    c.name = STR("   ");
    is_bad(c, CODE_INVALID_FIELD, "chat_name");
    c.name = STR(" a ");
    is_good(c);
}

static void test_members_and_roles(void **state)
{
    (void)state;
    uint64_t users[4] = {1, 2, 3, 4};
    struct cmd c = {.kind = CMD_CHAT_CREATE_GROUP, .users = users, .users_count = 3};
    is_good(c);
    c.users_count = 4;
    is_bad(c, CODE_TOO_MANY_MEMBERS, "participants");
    c.kind = CMD_MEMBER_ADD;
    is_bad(c, CODE_TOO_MANY_MEMBERS, "participants");
    c.users_count = 0;
    is_bad(c, CODE_INVALID_FIELD, "participants");
    c.users_count = 1;
    for (uint64_t role = ROLE_NONE; role <= ROLE_OWNER; role++) { /* 0: a plain member */
        c.number = role;
        is_good(c);
    }
    c.number = ROLE_OWNER + 1;
    is_bad(c, CODE_INVALID_FIELD, "role");
    c = (struct cmd){.kind = CMD_MEMBER_ROLE, .number = ROLE_NONE};
    is_bad(c, CODE_INVALID_FIELD, "role");
    c.number = UINT64_MAX;
    is_bad(c, CODE_INVALID_FIELD, "role");
    c.number = ROLE_ADMIN;
    is_good(c);
}

static void test_messages(void **state)
{
    (void)state;
    struct cmd c = {.kind = CMD_MESSAGE_SEND, .name = STR("text"), .content = STR("0123456789")};
    is_good(c);
    c.content = STR("two\nlines\t");
    is_good(c);
    c.content = STR("01234567890");
    is_bad(c, CODE_TOO_LARGE, "content");
    c.content = STR("");
    is_bad(c, CODE_INVALID_FIELD, "content");
    c.content = STR("a\xed\xa0\x80");
    is_bad(c, CODE_INVALID_FIELD, "content");
    c.content = STR("a\0b");
    is_bad(c, CODE_INVALID_FIELD, "content");
    c.kind = CMD_MESSAGE_EDIT;
    is_bad(c, CODE_INVALID_FIELD, "content");
    c.content = STR("fine");
    is_good(c);
    c.kind = CMD_MESSAGE_SEND;
    static const char *const kinds[] = {"", "system", "Text", "a b", "a/b", "abcdefghijklmnopqrstuvwxyz0123456"};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        c.name = str_of(kinds[i]);
        is_bad(c, CODE_INVALID_FIELD, "message_type");
    }
    c.name = STR("image_2-x");
    is_good(c);
}

static void test_users(void **state)
{
    (void)state;
    struct cmd c = {.kind = CMD_USER_CREATE, .name = STR("a_.-Z9")};
    is_good(c);
    static const char *const names[] = {"", "a b", "1234567", "12", "\xc3\xa4", "a@b"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        c.name = str_of(names[i]);
        is_bad(c, CODE_INVALID_FIELD, "username");
    }
    c.name = STR("user4");
    is_bad(c, CODE_INVALID_FIELD, "username"); /* reads as the id of somebody else */
    c.user_id = 4;
    is_good(c);
    c.name = STR("ann");
    c.user_id = ID_MAX;
    is_bad(c, CODE_INVALID_FIELD, "user_id"); /* the next one would have none */
    c.user_id = ID_MAX / 2;
    is_good(c);
    c.content = STR("123456");
    is_bad(c, CODE_INVALID_FIELD, "name");
    c.content = STR("  ");
    is_bad(c, CODE_INVALID_FIELD, "name");
    c = (struct cmd){.kind = CMD_USER_UPDATE, .user_id = 1, .number = CMD_STATUS_DISABLED};
    is_good(c);
    c.number = 3;
    is_bad(c, CODE_INVALID_FIELD, "status");
}

static void test_pictures_are_on_the_web(void **state)
{
    (void)state;
    static const char *const bad[] = {"x", "http://", "https://", "javascript:alert(1)", "ftp://example.org/a",
                                      "//example.org/a.png", "https://example.org/a b", "https://example.org/\"",
                                      "https://example.org/<", "https://example.org/\n", "https://ex\xc3\xa4mple.org/"};
    struct cmd c = {.kind = CMD_USER_UPDATE, .user_id = 1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        c.link = str_of(bad[i]);
        is_bad(c, CODE_INVALID_FIELD, "profile_url");
    }
    c.link = STR("https://example.org/a.png?size=64#x");
    is_good(c);
    c.link = STR("HTTP://a/");
    is_good(c);
    c.link = STR("");
    is_good(c); /* none any more */
    char text[502];
    memset(text, 'a', sizeof(text));
    memcpy(text, "http://", 7);
    c.link = (struct str){text, 500};
    is_good(c);
    c.link.len = 501;
    is_bad(c, CODE_INVALID_FIELD, "profile_url");
}

static void test_event_sessions_have_a_title_and_a_visibility(void **state)
{
    (void)state;
    struct cmd c = {.kind = CMD_SESSION_CREATE, .title = STR("Party"), .number = 1};
    is_good(c);
    c.number = 0;
    is_bad(c, CODE_INVALID_FIELD, "visibility");
    c.number = 4;
    is_bad(c, CODE_INVALID_FIELD, "visibility");
    c.number = 3;
    c.number2 = 3;
    is_bad(c, CODE_INVALID_FIELD, "open_registration");
    c.number2 = CMD_FLAG_OFF;
    c.title = STR("  ");
    is_bad(c, CODE_INVALID_FIELD, "title");
    c.title = STR("");
    is_bad(c, CODE_INVALID_FIELD, "title");
    c.title = STR("two\nlines");
    is_bad(c, CODE_INVALID_FIELD, "title");
    char text[101];
    memset(text, 'a', sizeof(text));
    c.title = (struct str){text, 100};
    is_good(c);
    c.title.len = 101;
    is_bad(c, CODE_INVALID_FIELD, "title");
    c = (struct cmd){.kind = CMD_SESSION_UPDATE};
    is_good(c); /* nothing to change */
    c.title = STR(" ");
    is_bad(c, CODE_INVALID_FIELD, "title");
    c = (struct cmd){.kind = CMD_SESSION_ROLE, .number = 3};
    is_bad(c, CODE_INVALID_FIELD, "role");
    uint64_t users[1] = {1};
    c = (struct cmd){.kind = CMD_SESSION_ATTENDEES, .users = users};
    is_bad(c, CODE_INVALID_FIELD, "user_ids");
    c.users_count = (uint32_t)conf->session_attendees_request_max;
    is_good(c);
    c.users_count++;
    is_bad(c, CODE_INVALID_FIELD, "user_ids");
}

static void test_notifications_that_administration_sends(void **state)
{
    (void)state;
    conf->notify_title_max_chars = 5;
    conf->notify_text_max_chars = 6;
    conf->notify_link_max_bytes = 12;
    const struct cmd good = {.kind = CMD_NOTIFICATION_CREATE, .name = STR("news"), .title = STR("\u00fcber!"), .content = STR("a\nb\u00e9\u00e9c")};
    struct cmd c = good;
    is_good(c);
    static const char *const links[] = {"/", "/chat/5?x=1#y", "http://x", "https://abcd"};
    for (unsigned i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        c.link = str_of(links[i]);
        c.link.len = c.link.len < 12 ? c.link.len : 12;
        is_good(c);
    }
    static const char *const bad_links[] = {"", "x", "//x", "/\\x", "http://", "https://", "ftp://x", "/a b", "/a\nb", "/123456789012", "javascript:1"};
    for (unsigned i = 0; i < sizeof(bad_links) / sizeof(bad_links[0]); i++) {
        c.link = str_of(bad_links[i]);
        is_bad(c, CODE_INVALID_FIELD, "link");
    }
    static const char *const kinds[] = {"", "News", "a b", "new_message", "gap", "pong", "012345678901234567890123456789012"};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        c = good;
        c.name = str_of(kinds[i]);
        is_bad(c, CODE_INVALID_FIELD, "type");
    }
    c = good;
    c.title = STR("123456");
    is_bad(c, CODE_INVALID_FIELD, "title");
    c.title = STR("  ");
    is_bad(c, CODE_INVALID_FIELD, "title");
    c = good;
    c.content = STR("1234567");
    is_bad(c, CODE_INVALID_FIELD, "message");
    c.content = STR("");
    is_bad(c, CODE_INVALID_FIELD, "message");
    c.content = STR("a\x07");
    is_bad(c, CODE_INVALID_FIELD, "message");
}

static void test_kinds_that_the_writer_does_not_know(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        struct cmd c = {.kind = (uint8_t)kind, .name = STR("text"), .content = STR("x"), .number = ROLE_MEMBER};
        c.title = kind == CMD_NOTIFICATION_CREATE ? STR("x") : STR_NONE;
        bool known = (kind >= CMD_CHAT_CREATE_DIRECT && kind <= CMD_REVOKE) ||
                     (kind >= CMD_NOTIFY && kind <= CMD_RECOVERY) ||
                     (kind >= CMD_SESSION_CREATE && kind <= CMD_CHECKIN) || kind == CMD_ATTACHMENT_ADD ||
                     kind == CMD_ATTACHMENT_REMOVE;
        assert_true((svc_check(conf, &c, NULL) == CODE_UNSUPPORTED_TYPE) == !known);
    }
}

static void test_what_passes_is_queued_with_copies_and_a_deadline(void **state)
{
    (void)state;
    struct svc svc = {.conf = conf};
    char text[] = "hello";
    uint64_t users[] = {7, 8};
    struct cmd c = {.kind = CMD_MEMBER_ADD, .users = users, .users_count = 2, .content = str_of(text)};
    uint64_t before = mono_ms();
    assert_int_equal(svc_submit(&svc, &c, NULL, &svc, NULL), CODE_OK);
    users[1] = 0;
    text[0] = 'j';
    assert_true(queued->cmd.users[0] == 7 && queued->cmd.users[1] == 8 && queued->ctx == &svc);
    assert_str(queued->cmd.content, "hello");
    assert_true(queued->deadline_ms >= before + conf->writer_deadline_ms && queued->reply_to.worker == 0);
    drop();
    queue_code = CODE_QUEUE_FULL;
    assert_int_equal(svc_submit(&svc, &c, NULL, NULL, NULL), CODE_QUEUE_FULL);
    c.users_count = 0;
    assert_int_equal(svc_submit(&svc, &c, NULL, NULL, NULL), CODE_INVALID_FIELD);
}

static void test_sockets_may_leave_out_the_kind_and_are_told_where_they_asked(void **state)
{
    (void)state;
    struct svc svc = {.conf = conf};
    struct feed_reply_to to = {3, 9, 44, 70, false};
    struct cmd c = {.kind = CMD_MESSAGE_SEND, .actor_id = 1, .chat_id = 2, .content = STR("x")};
    assert_int_equal(svc_submit_from_socket(&svc, &c, &to), CODE_OK);
    assert_str(queued->cmd.name, "text");
    assert_true(queued->reply_to.worker == 3 && queued->reply_to.incarnation == 9 && queued->reply_to.request == 44 &&
                queued->reply_to.session == 70);
    drop();
    c.content = STR("");
    assert_int_equal(svc_submit_from_socket(&svc, &c, &to), CODE_INVALID_FIELD);
}

static void test_messages_from_sockets_are_rated_reading_is_not(void **state)
{
    (void)state;
    conf->user_messages_per_s = 1;
    conf->user_messages_burst = 2;
    struct svc svc = {.conf = conf, .messages = ratelimit_new(1024)};
    struct feed_reply_to to = {3, 9, 44, 70, false};
    struct cmd send = {.kind = CMD_MESSAGE_SEND, .actor_id = 1, .chat_id = 2, .content = STR("x")};
    struct cmd read = {.kind = CMD_READ, .actor_id = 1, .chat_id = 2};
    unsigned refused = 0;
    for (unsigned i = 0; i < 5; i++) {
        refused += svc_submit_from_socket(&svc, &send, &to) == CODE_RATE_LIMITED;
        drop();
        assert_int_equal(svc_submit_from_socket(&svc, &read, &to), CODE_OK);
        drop();
    }
    assert_true(refused >= 2 && refused <= 3);
    send.actor_id = 2;
    assert_int_equal(svc_submit_from_socket(&svc, &send, &to), CODE_OK);
    drop();
    ratelimit_free(svc.messages);
}

static void test_a_jobs_hash_is_of_what_it_does(void **state)
{
    (void)state;
    uint64_t users[] = {7, 8};
    struct cmd a = {.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = 2, .users = users, .users_count = 2, .number = 1,
                    .name = STR("ab"), .content = STR("c")};
    struct job *first = job_new(&a, NULL, NULL, 0);
    struct cmd others[] = {a, a, a, a, a, a};
    others[0].chat_id = 3;
    others[1].users_count = 1;
    others[2].number = 2;
    others[3].name = STR("a");
    others[3].content = STR("bc");
    others[4].kind = CMD_MEMBER_REMOVE;
    others[5].user_id = 9;
    for (unsigned i = 0; i < 6; i++) {
        struct job *j = job_new(&others[i], NULL, NULL, 0);
        assert_false(key16_eq(&first->hash, &j->hash));
        job_free(j);
    }
    a.actor_id = 5;
    a.origin_session = 6;
    struct job *same = job_new(&a, NULL, NULL, 0);
    assert_true(key16_eq(&first->hash, &same->hash));
    job_free(same);
    job_free(first);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_names_of_chats),
        T(test_members_and_roles),
        T(test_messages),
        T(test_users),
        T(test_pictures_are_on_the_web),
        T(test_event_sessions_have_a_title_and_a_visibility),
        T(test_notifications_that_administration_sends),
        T(test_kinds_that_the_writer_does_not_know),
        T(test_what_passes_is_queued_with_copies_and_a_deadline),
        T(test_sockets_may_leave_out_the_kind_and_are_told_where_they_asked),
        T(test_messages_from_sockets_are_rated_reading_is_not),
        T(test_a_jobs_hash_is_of_what_it_does),
        T(test_pictures_are_on_the_web),
        T(test_event_sessions_have_a_title_and_a_visibility),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
