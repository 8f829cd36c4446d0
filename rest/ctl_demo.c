/*
 * ctl_demo.c -- the data that every sample of the documents expects
 *
 * Four users, one of them with id 123 and one with 456, a group with id 1 that all are in, and an event session of
 * john_doe's. Loading it again changes nothing: names are unique, rooms and messages carry idempotency keys, and a
 * session of that title is taken for the one.
 */
#include "rest/ctl.h"

#include <stdio.h>

#include "shared/id.h"

#define DEMO_PASSWORD "confab-demo"

struct demo_user {
    const char *username, *name;
    uint64_t id; /* 0: whatever is next */
};
static const struct demo_user users[] = {
    {"user123", "User 123", 123},
    {"jane_doe", "Jane Doe", 456},
    {"testUser", "Test User", 0},
    {"john_doe", "John Doe", 0},
};
#define USERS (sizeof(users) / sizeof(users[0]))

struct demo_message {
    unsigned user;
    const char *key, *content;
};
static const struct demo_message messages[] = {
    {0, "confab-demo-message-1", "Welcome to chat_1."},
    {3, "confab-demo-message-2", "Hello everyone!"},
    {1, "confab-demo-message-3", "Hi John, good to see you here."},
    {2, "confab-demo-message-4", "This is a test."},
};

static enum rc add_user(struct ctl *c, const struct demo_user *u)
{
    struct buf body = BUF_INIT;
    struct ctl_answer a;
    buf_add_char(&body, '{');
    json_key_str(&body, "username", str_of(u->username));
    json_key_str(&body, "name", str_of(u->name));
    json_key_str(&body, "password", STR(DEMO_PASSWORD));
    if (u->id != 0) {
        json_key_u64(&body, "user_id", u->id);
    }
    buf_add_char(&body, '}');
    enum rc rc = ctl_request(c, "POST", "/api/admin/users", c->admin.p, NULL, buf_str(&body), 409, &a);
    bool exists = a.status == 409 && str_eq(ctl_member(&a, "code"), STR("username_taken"));
    if (a.status == 409 && !exists) {
        fprintf(stderr, "confabctl: %s: id %llu belongs to somebody else\n", u->username,
                (unsigned long long)u->id);
    }
    ctl_answer_release(&a);
    buf_release(&body);
    return exists ? RC_OK : rc;
}

static enum rc get_token(struct ctl *c, const struct demo_user *u, struct buf *token)
{
    struct buf body = BUF_INIT;
    struct ctl_answer a;
    buf_add_char(&body, '{');
    json_key_str(&body, "username", str_of(u->username));
    json_key_u64(&body, "ttl_s", 600);
    buf_add_char(&body, '}');
    enum rc rc = ctl_request(c, "POST", "/api/admin/tokens", c->admin.p, NULL, buf_str(&body), 0, &a);
    buf_add_str(token, ctl_member(&a, "access_token"));
    ctl_answer_release(&a);
    buf_release(&body);
    return rc;
}

static enum rc add_room(struct ctl *c, const char *token, uint64_t *id)
{
    struct buf body = BUF_INIT;
    struct ctl_answer a;
    buf_add_z(&body, "{\"chat_name\":\"chat_1\",\"participants\":[");
    for (size_t i = 1; i < USERS; i++) {
        buf_add_z(&body, i > 1 ? "," : "");
        json_add_str(&body, str_of(users[i].username));
    }
    buf_add_z(&body, "]}");
    enum rc rc = ctl_request(c, "POST", "/api/chat/create/group", token, "confab-demo-room-1",
                             buf_str(&body), 0, &a);
    if (rc == RC_OK && id_parse(ctl_member(&a, "chat_id"), ID_CHAT, id) != RC_OK) {
        rc = RC_IO;
    }
    ctl_answer_release(&a);
    buf_release(&body);
    return rc;
}

/* For samples that subscribe to chat_1 as somebody else. */
static enum rc open_room(struct ctl *c, const char *token, uint64_t room)
{
    struct buf path = BUF_INIT;
    struct ctl_answer a;
    buf_addf(&path, "/api/chats/%llu", (unsigned long long)room);
    enum rc rc = ctl_request(c, "PATCH", path.p, token, NULL, STR("{\"open\":true}"), 0, &a);
    ctl_answer_release(&a);
    buf_release(&path);
    return rc;
}

static enum rc add_message(struct ctl *c, const char *token, uint64_t room,
                           const struct demo_message *m)
{
    struct buf body = BUF_INIT, path = BUF_INIT;
    struct ctl_answer a;
    buf_addf(&path, "/api/chats/%llu/messages", (unsigned long long)room);
    buf_add_char(&body, '{');
    json_key_str(&body, "content", str_of(m->content));
    json_key_str(&body, "client_msg_id", str_of(m->key));
    buf_add_char(&body, '}');
    enum rc rc = ctl_request(c, "POST", path.p, token, NULL, buf_str(&body), 0, &a);
    ctl_answer_release(&a);
    buf_release(&body);
    buf_release(&path);
    return rc;
}

/* -- the event session ------------------------------------------------------------------------------- */

#define DEMO_HOST  3 /* john_doe */
#define DEMO_TITLE "Demo event"

static void find_session(const struct ctl_answer *a, struct buf *id)
{
    struct jval list = json_get(json_root(a->json), "sessions");
    struct str text;
    for (size_t i = 0; i < json_length(list) && id->len == 0; i++) {
        struct jval x = json_at(list, i);
        if (json_str_is(json_get(x, "title"), DEMO_TITLE) && json_str(json_get(x, "session_id"), &text)) {
            buf_add_str(id, text);
        }
    }
}

/* *id gets its UUID. */
static enum rc add_session(struct ctl *c, const char *token, struct buf *id)
{
    struct ctl_answer a;
    enum rc rc = ctl_request(c, "GET", "/api/sessions?limit=200", token, NULL, STR_NONE, 0, &a);
    if (rc == RC_OK && a.json != NULL) {
        find_session(&a, id);
    }
    ctl_answer_release(&a);
    if (rc != RC_OK || id->len > 0) {
        return rc;
    }
    rc = ctl_request(c, "POST", "/api/sessions", token, "confab-demo-session-1",
                     STR("{\"title\":\"" DEMO_TITLE "\"}"), 0, &a);
    buf_add_str(id, ctl_member(&a, "session_id"));
    ctl_answer_release(&a);
    return rc;
}

static enum rc fill(struct ctl *c, struct buf tokens[USERS], struct buf *session)
{
    uint64_t room = 0;
    for (size_t i = 0; i < USERS; i++) {
        enum rc rc = add_user(c, &users[i]);
        rc = rc == RC_OK ? get_token(c, &users[i], &tokens[i]) : rc;
        if (rc != RC_OK) {
            return rc;
        }
    }
    enum rc rc = add_room(c, tokens[0].p, &room);
    rc = rc == RC_OK ? open_room(c, tokens[0].p, room) : rc;
    for (size_t i = 0; rc == RC_OK && i < sizeof(messages) / sizeof(messages[0]); i++) {
        rc = add_message(c, tokens[messages[i].user].p, room, &messages[i]);
    }
    if (rc == RC_OK) {
        rc = add_session(c, tokens[DEMO_HOST].p, session);
    }
    if (rc == RC_OK && room != 1) {
        fprintf(stderr, "confabctl: the demo room has id %llu: the database was not empty, so samples "
                "that name chat_1 do not find it\n", (unsigned long long)room);
    }
    return rc;
}

enum rc ctl_demo(struct ctl *c)
{
    struct buf tokens[USERS] = {{0}}, session = BUF_INIT;
    enum rc rc = fill(c, tokens, &session);
    for (size_t i = 0; i < USERS; i++) {
        buf_release(&tokens[i]);
    }
    if (rc == RC_OK) {
        printf("demo data: users user123, testUser, john_doe, jane_doe (password " DEMO_PASSWORD
               "), group chat_1, event session of john_doe\n"
               "its dashboard: /ws/dashboard/%.*s\n", (int)session.len, session.p);
    }
    buf_release(&session);
    return rc;
}
