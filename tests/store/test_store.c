/*
 * test_store.c -- the store against a real MariaDB (tests/tools/store.sh starts one)
 *
 * Each test begins with an empty database, migrated and fenced. `raw` is a second connection for what
 * the store itself never does: look from outside, and kill.
 */
#include "tests/unit/unit.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>

#include "rest/batch.h"
#include "rest/sealer.h"
#include "rest/store.h"
#include "rest/store_maria_seal.h"
#include "rest/store_push.h"
#include "shared/cmd.h"
#include "shared/mem.h"

struct world {
    struct store_conf conf;
    struct store *store;
    struct store_head head;
    struct batch batch;
    MYSQL *raw;
};

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

/* -- from outside ------------------------------------------------------------------------------------- */

static void raw_do(struct world *w, const char *sql)
{
    if (mysql_query(w->raw, sql) != 0) {
        fail_msg("%s: %s", sql, mysql_error(w->raw));
    }
    MYSQL_RES *r = mysql_store_result(w->raw);
    if (r != NULL) {
        mysql_free_result(r);
    }
}

static unsigned long long raw_number(struct world *w, const char *sql)
{
    if (mysql_query(w->raw, sql) != 0) {
        fail_msg("%s: %s", sql, mysql_error(w->raw));
    }
    MYSQL_RES *r = mysql_store_result(w->raw);
    MYSQL_ROW row = mysql_fetch_row(r);
    unsigned long long n = row != NULL && row[0] != NULL ? strtoull(row[0], NULL, 10) : 0;
    mysql_free_result(r);
    return n;
}

static void raw_kill(struct world *w, const struct store *s)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "KILL %llu", (unsigned long long)store_session_id(s));
    raw_do(w, sql);
}

static void drop_tables(struct world *w)
{
    char names[64][80];
    unsigned count = 0;
    assert_int_equal(mysql_query(w->raw, "SHOW TABLES"), 0);
    MYSQL_RES *r = mysql_store_result(w->raw);
    for (MYSQL_ROW row; (row = mysql_fetch_row(r)) != NULL && count < 64;) {
        snprintf(names[count++], sizeof(names[0]), "DROP TABLE `%.60s`", row[0]);
    }
    mysql_free_result(r);
    for (unsigned i = 0; i < count; i++) {
        raw_do(w, names[i]);
    }
}

/* -- a world per test ------------------------------------------------------------------------------------ */

static struct store *open_store(struct world *w)
{
    struct buf why = BUF_INIT;
    struct store *s = NULL;
    if (store_open(&w->conf, &s, &why) != RC_OK) {
        fail_msg("%s", why.p);
    }
    buf_release(&why);
    return s;
}

static void migrate(struct world *w)
{
    struct buf why = BUF_INIT;
    unsigned applied = 0;
    if (store_migrate(w->store, &applied, &why) != RC_OK) {
        fail_msg("%s", why.p);
    }
    buf_release(&why);
}

static int set_up(void **state)
{
    struct world *w = mem_new(sizeof(*w));
    w->conf = (struct store_conf){.socket = env("CONFAB_DB_SOCKET"),
                                  .user = env("CONFAB_DB_USER"),
                                  .password = env("CONFAB_DB_PASSWORD"),
                                  .database = env("CONFAB_DB_NAME"),
                                  .migrations = "sql",
                                  .connect_timeout_s = 5,
                                  .io_timeout_s = 20};
    w->raw = mysql_init(NULL);
    assert_non_null(mysql_real_connect(w->raw, NULL, w->conf.user, w->conf.password, w->conf.database, 0,
                                       w->conf.socket, 0));
    drop_tables(w);
    w->store = open_store(w);
    migrate(w);
    assert_int_equal(store_fence(w->store, &w->head), STORE_OK);
    batch_init(&w->batch);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    store_close(w->store);
    mysql_close(w->raw);
    batch_release(&w->batch);
    free(w);
    return 0;
}

/* -- batches --------------------------------------------------------------------------------------------- */

static void stamp(struct world *w, unsigned events)
{
    w->batch.rows.epoch = w->head.epoch;
    w->batch.rows.last_batch = w->head.last_batch;
    w->batch.rows.next_event = w->head.next_event + events;
}

static enum store_rc run(struct world *w, unsigned events)
{
    stamp(w, events);
    enum store_rc rc = store_batch_run(w->store, &w->batch.rows);
    return rc == STORE_OK ? store_batch_commit(w->store) : rc;
}

static void commit(struct world *w, unsigned events)
{
    assert_int_equal(run(w, events), STORE_OK);
    w->head.last_batch++;
    w->head.next_event += events;
    batch_clear(&w->batch);
}

/* A message and its event, as the writer makes them. */
static struct row_message *add_message(struct world *w, uint64_t seq, unsigned nth, const char *text)
{
    uint64_t id = w->head.next_event + nth;
    struct row_message *m = batch_message_new(&w->batch);
    *m = (struct row_message){.chat_id = 1, .seq = seq, .id = id, .sender_id = 7, .created_us = 1000 + id,
                              .version = 1, .last_event = id, .kind = STR("text"), .content = str_of(text)};
    memcpy(m->key.b, &id, sizeof(id));
    memcpy(m->hash.b, &seq, sizeof(seq));
    *batch_event(&w->batch) = (struct row_event){.id = id, .kind = EV_MESSAGE, .chat_id = 1, .seq = seq,
                                                 .actor_id = 7, .version = 1, .at_us = 1000 + id};
    return m;
}

static void send_many(struct world *w, uint64_t first_seq, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        add_message(w, first_seq + i, i, "hello");
    }
    commit(w, count);
}

static uint64_t messages(struct world *w)
{
    return raw_number(w, "SELECT COUNT(*) FROM messages");
}

static void add_user(struct world *w, uint64_t id, const char *username)
{
    *batch_user_new(&w->batch) = (struct row_user){.id = id, .created_us = 5, .username = str_of(username),
                                                   .name = str_of(username), .password_hash = STR("$argon")};
}

/* -- migrations and the fence ---------------------------------------------------------------------------- */

static void test_migrations_are_applied_once(void **state)
{
    struct world *w = *state;
    struct buf why = BUF_INIT;
    unsigned applied = 9;
    assert_int_equal(store_migrate(w->store, &applied, &why), RC_OK);
    assert_int_equal(applied, 0);
    raw_do(w, "UPDATE schema_migrations SET checksum = REVERSE(checksum)");
    assert_int_not_equal(store_migrate(w->store, &applied, &why), RC_OK);
    assert_true(why.len > 0);
    buf_release(&why);
}

static void test_the_fence_shuts_the_former_owner_out(void **state)
{
    struct world *w = *state;
    struct store *next = open_store(w);
    struct store_head head;
    assert_int_equal(store_fence(next, &head), STORE_OK);
    assert_true(head.epoch == w->head.epoch + 1);
    assert_true(head.log_id == w->head.log_id);
    /* both ways of storing a batch notice */
    add_message(w, 1, 0, "short");
    assert_int_equal(run(w, 1), STORE_FENCED);
    batch_clear(&w->batch);
    add_user(w, 1, "ann");
    assert_int_equal(run(w, 0), STORE_FENCED);
    assert_int_equal(messages(w), 0);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM users"), 0);
    store_close(next);
}

static void test_the_fence_does_not_wait_for_a_hung_owner(void **state)
{
    struct world *w = *state;
    add_user(w, 1, "ann");
    stamp(w, 0);
    assert_int_equal(store_batch_run(w->store, &w->batch.rows), STORE_OK); /* holds the head row, never commits */
    struct store *next = open_store(w);
    struct store_head head;
    assert_int_equal(store_fence(next, &head), STORE_OK);
    assert_true(head.epoch == w->head.epoch + 1);
    assert_int_not_equal(store_batch_commit(w->store), STORE_OK);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM users"), 0);
    store_close(next);
}

static void test_a_batch_counts_only_behind_its_predecessor(void **state)
{
    struct world *w = *state;
    send_many(w, 1, 1);
    w->head.last_batch--; /* as if the first had not been */
    add_message(w, 2, 0, "x");
    assert_int_equal(run(w, 1), STORE_FENCED);
    batch_clear(&w->batch);
    assert_int_equal(messages(w), 1);
    struct store_head head;
    assert_int_equal(store_read_head(w->store, &head), STORE_OK);
    assert_true(head.last_batch == w->head.last_batch + 1);
    assert_true(head.next_event == w->head.next_event);
}

/* The statement of a connection that was given up waits for a lock and goes on when that is free. */
static void test_a_batch_in_doubt_that_was_void_never_counts(void **state)
{
    struct world *w = *state;
    struct store_head ours = w->head;
    uint64_t last = 0;
    assert_int_equal(store_settle(w->store, &ours, &last), STORE_OK);
    assert_true(last == ours.last_batch + STORE_BATCH_VOID);
    assert_int_equal(store_settle(w->store, &ours, &last), STORE_OK); /* its answer may have been lost */
    assert_true(last == ours.last_batch + STORE_BATCH_VOID);
    add_message(w, 1, 0, "late");
    assert_int_equal(run(w, 1), STORE_FENCED);
    assert_int_equal(messages(w), 0);
    batch_clear(&w->batch);
    w->head.last_batch = last;
    send_many(w, 1, 1);
    assert_int_equal(messages(w), 1);

    ours = w->head;
    ours.last_batch--; /* as if nobody had heard of that one */
    assert_int_equal(store_settle(w->store, &ours, &last), STORE_OK);
    assert_true(last == ours.last_batch + STORE_BATCH_DONE);
    ours.epoch--;
    assert_int_equal(store_settle(w->store, &ours, &last), STORE_FENCED);
    ours = w->head;
    ours.last_batch -= 3;
    assert_int_equal(store_settle(w->store, &ours, &last), STORE_FENCED);
}

/* -- messages ------------------------------------------------------------------------------------------------- */

struct seen {
    unsigned count;
    struct row_message first;
    char text[256];
    uint64_t last_seq;
    bool rising, falling;
};

static void on_message(void *ctx, const struct row_message *m)
{
    struct seen *s = ctx;
    if (s->count++ == 0) {
        s->first = *m;
        snprintf(s->text, sizeof(s->text), "%.*s", (int)m->content.len, m->content.p ? m->content.p : "");
        s->rising = s->falling = true;
    } else {
        s->rising = s->rising && m->seq > s->last_seq;
        s->falling = s->falling && m->seq < s->last_seq;
    }
    s->last_seq = m->seq;
}

static void test_batches_of_every_size_are_stored_whole(void **state)
{
    static const unsigned sizes[] = {1, 2, 63, 64, 65, 300, 1025};
    struct world *w = *state;
    uint64_t seq = 1;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        send_many(w, seq, sizes[i]);
        seq += sizes[i];
        assert_true(messages(w) == seq - 1);
        assert_true(raw_number(w, "SELECT COUNT(*) FROM events") == seq - 1);
        assert_true(raw_number(w, "SELECT next_event FROM log_head") == w->head.next_event);
    }
    struct seen s = {0};
    assert_int_equal(store_history(w->store, 1, 1, seq, false, 5000, on_message, &s), STORE_OK);
    assert_true(s.count == seq - 1);
    assert_true(s.rising);
}

static void test_a_batch_of_long_texts_goes_the_other_way(void **state)
{
    struct world *w = *state;
    char *text = mem_new(100001);
    memset(text, 'x', 100000);
    for (unsigned i = 0; i < 10; i++) {
        add_message(w, 1 + i, i, text);
    }
    commit(w, 10);
    assert_int_equal(raw_number(w, "SELECT SUM(LENGTH(content)) FROM messages"), 1000000);
    free(text);
}

static void test_every_field_of_a_message_comes_back(void **state)
{
    struct world *w = *state;
    struct row_message *m = add_message(w, 1, 0, "a \xf0\x9f\x98\x80 b");
    m->kind = STR("image");
    struct row_message sent = *m;
    commit(w, 1);
    struct seen s = {0};
    uint64_t id = sent.id;
    assert_int_equal(store_find_messages(w->store, &id, 1, on_message, &s), STORE_OK);
    assert_int_equal(s.count, 1);
    assert_true(s.first.chat_id == 1 && s.first.seq == 1 && s.first.id == id && s.first.sender_id == 7);
    assert_true(s.first.created_us == sent.created_us && s.first.version == 1 && s.first.last_event == id);
    assert_true(key16_eq(&s.first.key, &sent.key) && key16_eq(&s.first.hash, &sent.hash));
    assert_string_equal(s.text, "a \xf0\x9f\x98\x80 b");
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM messages WHERE kind = 'image'"), 1);
}

static void test_a_deletion_keeps_the_text_and_an_edit_replaces_it(void **state)
{
    struct world *w = *state;
    send_many(w, 1, 2);
    for (unsigned i = 0; i < 2; i++) {
        *batch_message_set(&w->batch) = (struct row_message){
            .chat_id = 1, .seq = 1 + i, .version = 2, .flags = i ? MESSAGE_EDITED : MESSAGE_DELETED,
            .last_event = w->head.next_event + i, .content = i ? STR("new") : STR_NONE};
        *batch_event(&w->batch) = (struct row_event){
            .id = w->head.next_event + i, .kind = i ? EV_MESSAGE_EDITED : EV_MESSAGE_DELETED, .chat_id = 1,
            .seq = 1 + i, .actor_id = 7, .version = 2, .at_us = 9};
    }
    *batch_deletion(&w->batch) = (struct row_deletion){.chat_id = 1, .seq = 1, .sender_id = 7};
    commit(w, 2);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM messages WHERE seq = 1 AND content = 'hello' AND flags = 2"), 1);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM messages WHERE seq = 2 AND content = 'new' AND version = 2"), 1);
}

static void test_history_is_cut_and_turned(void **state)
{
    struct world *w = *state;
    send_many(w, 1, 50);
    struct seen s = {0};
    assert_int_equal(store_history(w->store, 1, 10, 40, true, 5, on_message, &s), STORE_OK);
    assert_int_equal(s.count, 5);
    assert_true(s.first.seq == 40 && s.falling);
    s = (struct seen){0};
    assert_int_equal(store_history(w->store, 2, 1, 100, false, 5, on_message, &s), STORE_OK);
    assert_int_equal(s.count, 0);
    uint64_t own = 0;
    assert_int_equal(store_count_own(w->store, 1, 7, 10, 20, &own), STORE_OK);
    assert_int_equal(own, 10);
    assert_int_equal(store_count_own(w->store, 1, 8, 0, 50, &own), STORE_OK);
    assert_int_equal(own, 0);
}

static void test_look_ups_of_many_keys_leave_out_what_is_absent(void **state)
{
    struct world *w = *state;
    send_many(w, 1, 100);
    uint64_t *ids = mem_new(2000 * sizeof(ids[0]));
    struct chat_seq *at = mem_new(2000 * sizeof(at[0]));
    for (unsigned i = 0; i < 2000; i++) {
        ids[i] = 1 + i;
        at[i] = (struct chat_seq){1, 1 + i};
    }
    struct seen s = {0};
    assert_int_equal(store_find_messages(w->store, ids, 2000, on_message, &s), STORE_OK);
    assert_int_equal(s.count, 100);
    s = (struct seen){0};
    assert_int_equal(store_messages_at(w->store, at, 2000, on_message, &s), STORE_OK);
    assert_int_equal(s.count, 100);
    s = (struct seen){0};
    assert_int_equal(store_find_messages(w->store, ids, 0, on_message, &s), STORE_OK);
    assert_int_equal(s.count, 0);
    free(ids);
    free(at);
}

/* -- refusals -------------------------------------------------------------------------------------------------- */

static void test_a_used_key_is_a_duplicate_and_leaves_nothing(void **state)
{
    static const unsigned others[] = {0, 70}; /* the short way, and the long one */
    struct world *w = *state;
    send_many(w, 1, 1);
    for (size_t k = 0; k < 2; k++) {
        struct row_message *m = add_message(w, 2, 0, "again");
        memset(m->key.b, 0, sizeof(m->key.b));
        m->key.b[0] = 1; /* of the first one: id 1 */
        for (unsigned i = 0; i < others[k]; i++) {
            add_message(w, 3 + i, 1 + i, "x");
        }
        assert_int_equal(run(w, 1 + others[k]), STORE_DUPLICATE);
        assert_int_equal(store_duplicate(w->store), STORE_UNIQUE_MESSAGE_KEY);
        batch_clear(&w->batch);
        assert_int_equal(messages(w), 1);
        assert_true(store_alive(w->store));
    }
    struct user_key key = {.user_id = 7};
    key.key.b[0] = 1;
    struct seen s = {0};
    assert_int_equal(store_find_message_keys(w->store, &key, 1, on_message, &s), STORE_OK);
    assert_int_equal(s.count, 1);
    key.user_id = 8;
    s = (struct seen){0};
    assert_int_equal(store_find_message_keys(w->store, &key, 1, on_message, &s), STORE_OK);
    assert_int_equal(s.count, 0);
    send_many(w, 2, 1); /* and life goes on */
}

static void test_what_cannot_be_stored_is_a_data_error(void **state)
{
    struct world *w = *state;
    struct row_message *m = add_message(w, 1, 0, "x");
    m->kind = STR("a kind of message that is longer than its column is wide");
    assert_int_equal(run(w, 1), STORE_DATA);
    batch_clear(&w->batch);
    add_message(w, 1, 0, "\xff\xfe");
    assert_int_equal(run(w, 1), STORE_DATA);
    batch_clear(&w->batch);
    assert_int_equal(messages(w), 0);
    send_many(w, 1, 1);
}

static void test_a_killed_session_is_lost_or_in_doubt(void **state)
{
    struct world *w = *state;
    send_many(w, 1, 1); /* the statement is prepared */
    raw_kill(w, w->store);
    add_message(w, 2, 0, "x");
    assert_int_equal(run(w, 1), STORE_IN_DOUBT); /* one round trip: nobody can say how far it got */
    assert_false(store_alive(w->store));
    store_close(w->store);
    w->store = open_store(w);
    struct store_head head;
    assert_int_equal(store_read_head(w->store, &head), STORE_OK);
    assert_true(head.last_batch == w->head.last_batch);
    assert_int_equal(run(w, 1), STORE_OK);
    batch_clear(&w->batch);
    w->head.last_batch++;
    w->head.next_event++;

    raw_kill(w, w->store);
    add_user(w, 1, "ann");
    assert_int_equal(run(w, 0), STORE_LOST);
    store_close(w->store);
    w->store = open_store(w);
    stamp(w, 0);
    assert_int_equal(store_batch_run(w->store, &w->batch.rows), STORE_OK);
    raw_kill(w, w->store);
    assert_int_equal(store_batch_commit(w->store), STORE_IN_DOUBT);
    batch_clear(&w->batch);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM users"), 0);
}

/* -- the rest of the rows ------------------------------------------------------------------------------------- */

struct loaded {
    unsigned users, chats, members, deletions, families, events;
    struct row_user user;
    struct row_chat chat;
    struct row_member member;
    struct row_family family;
};
static void on_user(void *ctx, const struct row_user *r)
{
    struct loaded *l = ctx;
    l->users++;
    l->user = *r;
}
static void on_chat(void *ctx, const struct row_chat *r)
{
    struct loaded *l = ctx;
    l->chats++;
    l->chat = *r;
}
static void on_member(void *ctx, const struct row_member *r)
{
    struct loaded *l = ctx;
    l->members++;
    l->member = *r;
}
static void on_deletion(void *ctx, const struct row_deletion *r)
{
    (void)r;
    ((struct loaded *)ctx)->deletions++;
}
static void on_family(void *ctx, const struct row_family *r)
{
    struct loaded *l = ctx;
    l->families++;
    l->family = *r;
}
static void on_event(void *ctx, const struct row_event *r)
{
    (void)r;
    ((struct loaded *)ctx)->events++;
}

static void load(struct world *w, struct loaded *l)
{
    *l = (struct loaded){0};
    assert_int_equal(store_load_users(w->store, on_user, l), STORE_OK);
    assert_int_equal(store_load_chats(w->store, on_chat, l), STORE_OK);
    assert_int_equal(store_load_members(w->store, on_member, l), STORE_OK);
    assert_int_equal(store_load_deletions(w->store, on_deletion, l), STORE_OK);
    assert_int_equal(store_load_families(w->store, 1000, 100, on_family, l), STORE_OK);
}

static void test_rows_of_every_kind_come_back(void **state)
{
    struct world *w = *state;
    struct loaded l;
    add_user(w, 7, "ann");
    *batch_chat_new(&w->batch) = (struct row_chat){.id = 1, .kind = CHAT_DIRECT, .created_us = 4, .created_by = 7,
                                                   .name = STR(""), .peer = {7, 8}};
    *batch_member_put(&w->batch) = (struct row_member){.chat_id = 1, .user_id = 7, .role = ROLE_OWNER, .joined_seq = 1,
                                                       .read_seq = 2, .own_total = 3, .own_at_read = 4, .own_seq = 5};
    *batch_family_new(&w->batch) = (struct row_family){.id = 1, .user_id = 7, .refresh_hash = {{1}}, .expires_s = 2000};
    add_message(w, 1, 0, "x");
    *batch_event_user(&w->batch) = (struct row_event_user){.user_id = 7, .event_id = 1};
    commit(w, 1);
    load(w, &l);
    assert_true(l.users == 1 && l.chats == 1 && l.members == 1 && l.families == 1);
    assert_true(l.user.id == 7 && l.user.last_event == 1 && l.user.status == 0);
    assert_true(l.chat.kind == CHAT_DIRECT && l.chat.peer[0] == 7 && l.chat.peer[1] == 8);
    assert_true(l.chat.last_message_id == 1 && l.chat.last_text_event == 1);
    assert_true(l.chat.last_seq == 1 && l.chat.last_event == 1 && l.chat.last_message_us == 1001);
    assert_true(l.member.role == ROLE_OWNER && l.member.joined_seq == 1 && l.member.read_seq == 2);
    assert_true(l.member.own_total == 3 && l.member.own_at_read == 4 && l.member.own_seq == 5);
    assert_true(l.family.user_id == 7 && l.family.refresh_hash.b[0] == 1 && l.family.expires_s == 2000);

    *batch_user_set(&w->batch) = (struct row_user){.id = 7, .name = STR("Ann"), .status = 1, .valid_from_us = 9};
    *batch_family_set(&w->batch) = (struct row_family){.id = 1, .refresh_hash = {{2}}, .previous_hash = {{1}},
                                                       .expires_s = 3000, .revoked_us = 950000000};
    *batch_chat_deleted(&w->batch) = 1;
    commit(w, 0);
    load(w, &l);
    assert_true(l.user.status == 1 && l.user.valid_from_us == 9);
    assert_true(l.chats == 0 && l.members == 0);
    assert_true(l.families == 1 && l.family.revoked_us == 950000000 && l.family.previous_hash.b[0] == 1);
    struct buf hash = BUF_INIT;
    bool found = false;
    assert_int_equal(store_password(w->store, 7, &hash, &found), STORE_OK);
    assert_true(found);
    assert_str(buf_str(&hash), "$argon"); /* an update without a new one keeps it */
    buf_release(&hash);
    struct store_maxima max;
    assert_int_equal(store_load_maxima(w->store, &max), STORE_OK);
    assert_true(max.user_id == 7 && max.chat_id == 1 && max.family_id == 1);
}

static void test_user_names_differ_by_more_than_case(void **state)
{
    struct world *w = *state;
    add_user(w, 1, "ann");
    commit(w, 0);
    add_user(w, 2, "ANN");
    assert_int_equal(run(w, 0), STORE_DUPLICATE);
    assert_int_equal(store_duplicate(w->store), STORE_UNIQUE_USERNAME);
    batch_clear(&w->batch);
}

static void test_replay_reads_just_what_was_asked_for(void **state)
{
    struct world *w = *state;
    struct loaded l = {0};
    send_many(w, 1, 20);
    *batch_event(&w->batch) = (struct row_event){.id = 21, .kind = EV_REVOKED, .actor_id = 7, .subject_id = 9, .at_us = 1};
    *batch_event_user(&w->batch) = (struct row_event_user){.user_id = 9, .event_id = 21};
    commit(w, 1);
    uint64_t chats[] = {1, 2};
    assert_int_equal(store_replay(w->store, chats, 2, 9, 5, 21, 100, on_event, &l), STORE_OK);
    assert_int_equal(l.events, 16);
    l.events = 0;
    assert_int_equal(store_replay(w->store, chats, 2, 9, 5, 18, 100, on_event, &l), STORE_OK);
    assert_int_equal(l.events, 13);
    l.events = 0;
    assert_int_equal(store_replay(w->store, chats, 0, 9, 0, 21, 100, on_event, &l), STORE_OK);
    assert_int_equal(l.events, 1);
    l.events = 0;
    assert_int_equal(store_replay(w->store, chats, 2, 9, 0, 21, 7, on_event, &l), STORE_OK);
    assert_int_equal(l.events, 7);
}

static void test_trimming_keeps_where_messages_are(void **state)
{
    struct world *w = *state;
    send_many(w, 1, 3);
    *batch_event(&w->batch) = (struct row_event){.id = 4, .kind = EV_READ, .chat_id = 1, .seq = 3, .actor_id = 7, .at_us = 1};
    commit(w, 1);
    send_many(w, 4, 1);
    assert_int_equal(store_trim(w->store, w->head.epoch + 1, 4), STORE_FENCED);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM events"), 5);
    assert_int_equal(store_trim(w->store, w->head.epoch, 4), STORE_OK);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM events"), 4);
    struct store_head head;
    assert_int_equal(store_read_head(w->store, &head), STORE_OK);
    assert_true(head.trimmed_to == 4 && head.last_batch == w->head.last_batch);
    uint64_t id = 1;
    struct seen s = {0};
    assert_int_equal(store_find_messages(w->store, &id, 1, on_message, &s), STORE_OK);
    assert_int_equal(s.count, 1);
}

static void test_old_outcomes_and_logins_are_forgotten_in_pieces(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < STORE_FORGET_MAX + 5; i++) {
        struct row_key *k = batch_key(&w->batch);
        *k = (struct row_key){.user_id = 7, .kind = CMD_CHAT_RENAME, .at_us = i < STORE_FORGET_MAX + 2 ? 10 : 20};
        memcpy(k->key.b, &i, sizeof(i));
    }
    *batch_family_new(&w->batch) = (struct row_family){.id = 1, .user_id = 7, .expires_s = 100};
    *batch_family_new(&w->batch) = (struct row_family){.id = 2, .user_id = 7, .expires_s = 300};
    commit(w, 0);
    bool more = false;
    assert_int_equal(store_forget(w->store, 20, 200, &more), STORE_OK);
    assert_true(more);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM op_keys"), 5);
    assert_int_equal(raw_number(w, "SELECT SUM(id) FROM families"), 2);
    assert_int_equal(store_forget(w->store, 20, 200, &more), STORE_OK);
    assert_false(more);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM op_keys"), 3);
}

/* -- event sessions ------------------------------------------------------------------------------------------- */

struct people {
    unsigned sessions, roles, attendees, checkins;
    struct row_session session;
    char title[64];
    struct row_session_role role;
    struct row_attendee attendee; /* the last */
    struct row_checkin checkin;   /* the last */
    char name[64];
};

static void on_session(void *ctx, const struct row_session *r)
{
    struct people *p = ctx;
    p->sessions++;
    p->session = *r;
    snprintf(p->title, sizeof(p->title), "%.*s", (int)r->title.len, r->title.p);
}

static void on_session_role(void *ctx, const struct row_session_role *r)
{
    struct people *p = ctx;
    p->roles++;
    p->role = *r;
}

static void on_attendee(void *ctx, const struct row_attendee *r)
{
    struct people *p = ctx;
    p->attendees++;
    p->attendee = *r;
}

static void on_checkin(void *ctx, const struct row_checkin *r)
{
    struct people *p = ctx;
    assert_true(p->checkins == 0 || r->id < p->checkin.id);
    p->checkins++;
    p->checkin = *r;
    snprintf(p->name, sizeof(p->name), "%.*s", (int)r->name.len, r->name.p);
}

/* Session 5 with host 1 and staff 2, attendees 10 to 19 with the codes 1010 to 1019. */
static void add_session(struct world *w)
{
    struct row_session x = {.id = 5, .title = STR("F\xc3\xaate \xf0\x9f\x8e\x89"), .visibility = 2,
                            .open_registration = 1, .created_by = 1, .created_us = 100, .updated_us = 100};
    memset(x.uuid.b, 0xab, sizeof(x.uuid.b));
    *batch_session_put(&w->batch) = x;
    *batch_session_role_put(&w->batch) = (struct row_session_role){5, 1, 2};
    *batch_session_role_put(&w->batch) = (struct row_session_role){5, 2, 1};
    for (uint64_t i = 0; i < 10; i++) {
        *batch_attendee_new(&w->batch) = (struct row_attendee){5, 10 + i, 1010 + i, 0, 0, 200};
    }
    commit(w, 1);
}

static struct people load_people(struct world *w)
{
    struct people p = {0};
    assert_int_equal(store_load_sessions(w->store, on_session, &p), STORE_OK);
    assert_int_equal(store_load_session_roles(w->store, on_session_role, &p), STORE_OK);
    return p;
}

static void test_an_event_session_comes_back_with_its_people(void **state)
{
    struct world *w = *state;
    struct store_maxima maxima;
    add_session(w);
    struct people p = load_people(w);
    assert_int_equal(p.sessions, 1);
    assert_string_equal(p.title, "F\xc3\xaate \xf0\x9f\x8e\x89");
    assert_true(p.session.id == 5 && p.session.visibility == 2 && p.session.open_registration == 1);
    assert_true(p.session.created_by == 1 && p.session.created_us == 100 && p.session.uuid.b[15] == 0xab);
    assert_true(p.session.attendees == 10 && p.session.arrived == 0);
    assert_int_equal(p.roles, 2);
    assert_int_equal(store_load_maxima(w->store, &maxima), STORE_OK);
    assert_true(maxima.session_id == 5);

    struct row_session changed = p.session;
    changed.title = STR("Ball");
    changed.key_hash.b[0] = 7;
    changed.created_by = 99; /* does not change */
    *batch_session_put(&w->batch) = changed;
    *batch_session_role_put(&w->batch) = (struct row_session_role){5, 2, 0};
    commit(w, 1);
    p = load_people(w);
    assert_string_equal(p.title, "Ball");
    assert_true(p.session.key_hash.b[0] == 7 && p.session.created_by == 1);
    assert_true(p.roles == 1 && p.role.user_id == 1 && p.role.role == 2);

    changed.deleted_us = 300;
    *batch_session_put(&w->batch) = changed;
    *batch_session_deleted(&w->batch) = 5;
    commit(w, 1);
    p = load_people(w);
    assert_int_equal(p.sessions + p.roles, 0);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM session_attendees"), 0);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM session_roles"), 0);
    assert_int_equal(store_load_maxima(w->store, &maxima), STORE_OK);
    assert_true(maxima.session_id == 5); /* its number is not given again */
}

static void test_attendees_are_found_by_user_and_by_code(void **state)
{
    struct world *w = *state;
    add_session(w);
    struct people p = {0};
    struct attendee_key users[] = {{5, 12}, {5, 99}, {6, 12}, {5, 19}};
    assert_int_equal(store_find_attendees(w->store, users, 4, on_attendee, &p), STORE_OK);
    assert_int_equal(p.attendees, 2);
    p.attendees = 0;
    struct attendee_key codes[] = {{5, 1013}, {6, 1013}, {5, 1}, {5, 0}};
    assert_int_equal(store_find_codes(w->store, codes, 4, on_attendee, &p), STORE_OK);
    assert_int_equal(p.attendees, 1);
    assert_true(p.attendee.user_id == 13 && p.attendee.code == 1013 && p.attendee.checkin_id == 0 &&
                p.attendee.last_event == 200);
    p.attendees = 0;
    assert_int_equal(store_attendees(w->store, 5, 14, 3, on_attendee, &p), STORE_OK);
    assert_true(p.attendees == 3 && p.attendee.user_id == 17);
    *batch_attendee_new(&w->batch) = (struct row_attendee){5, 50, 1010, 0, 0, 200}; /* the code of another */
    assert_int_equal(run(w, 0), STORE_DUPLICATE);
    batch_clear(&w->batch);
    for (uint64_t i = 0; i < 2; i++) { /* nobody's code may be nobody's twice */
        *batch_attendee_new(&w->batch) = (struct row_attendee){5, 60 + i, 0, 0, 0, 200};
    }
    commit(w, 0);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM session_attendees WHERE code IS NULL"), 2);
}

static void test_check_ins_are_kept_and_read_newest_first(void **state)
{
    struct world *w = *state;
    add_session(w);
    uint64_t first = w->head.next_event;
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t id = w->head.next_event + i;
        *batch_checkin(&w->batch) = (struct row_checkin){.id = id, .session_id = 5, .user_id = i == 19 ? 0 : 12,
                                                         .by_user_id = i % 2, .at_us = 1000 + i,
                                                         .result = i == 0 ? 0 : i == 19 ? 2 : 1, .name = STR("Ann")};
        *batch_event(&w->batch) = (struct row_event){.id = id, .kind = EV_CHECKIN, .number = 5, .at_us = 1000 + i};
    }
    *batch_attendee_set(&w->batch) = (struct row_attendee){5, 12, 1012, first, 1000, first};
    commit(w, 20);
    assert_true(load_people(w).session.arrived == 1);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM checkins WHERE success = 1"), 1);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM checkins WHERE success = 0 AND reason = 1"), 18);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM checkins WHERE by_user_id IS NULL"), 10);
    struct people p = {0};
    assert_int_equal(store_checkins(w->store, 5, first + 9, 4, on_checkin, &p), STORE_OK);
    assert_true(p.checkins == 4 && p.checkin.id == first + 6);
    p.checkins = 0;
    assert_int_equal(store_checkins(w->store, 6, UINT64_MAX >> 1, 4, on_checkin, &p), STORE_OK);
    assert_int_equal(p.checkins, 0);
    uint64_t ids[] = {first + 19, 1u << 30};
    assert_int_equal(store_find_checkins(w->store, ids, 2, on_checkin, &p), STORE_OK);
    assert_int_equal(p.checkins, 1);
    assert_true(p.checkin.user_id == 0 && p.checkin.result == 2 && p.checkin.session_id == 5);
    assert_true(p.checkin.by_user_id == 1 && p.checkin.at_us == 1019);
    assert_string_equal(p.name, "Ann");
    /* they stay when events are trimmed */
    assert_int_equal(store_trim(w->store, w->head.epoch, first + 19), STORE_OK);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM checkins"), 20);
    struct people q = {0};
    assert_int_equal(store_find_attendees(w->store, (struct attendee_key[]){{5, 12}}, 1, on_attendee, &q), STORE_OK);
    assert_true(q.attendee.checkin_id == first && q.attendee.checkin_us == 1000 && q.attendee.code == 1012 &&
                q.attendee.last_event == first);
}

static void on_picture(void *ctx, const struct row_user *u)
{
    struct people *p = ctx;
    snprintf(p->name, sizeof(p->name), "%.*s", (int)u->profile_url.len, u->profile_url.p ? u->profile_url.p : "");
}

static void test_a_user_may_have_a_picture(void **state)
{
    struct world *w = *state;
    struct people p = {0};
    add_user(w, 1, "ann");
    *batch_user_set(&w->batch) = (struct row_user){.id = 1, .name = STR("Ann"), .profile_url = STR("https://x.org/a.png")};
    commit(w, 0);
    assert_int_equal(store_load_users(w->store, on_picture, &p), STORE_OK);
    assert_string_equal(p.name, "https://x.org/a.png");
    *batch_user_set(&w->batch) = (struct row_user){.id = 1, .name = STR("Ann")};
    commit(w, 0);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM users WHERE profile_url IS NULL"), 1);
}

struct seen_list {
    struct row_seen rows[4];
    unsigned count;
};

static void on_seen(void *ctx, const struct row_seen *r)
{
    struct seen_list *l = ctx;
    assert_true(l->count < 4);
    l->rows[l->count++] = *r;
}

/* A batch without events, and a later one over it. */
struct attachments {
    struct row_attachment rows[4];
    unsigned count;
    char name[64], sha256[65];
};

static void on_attachment(void *ctx, const struct row_attachment *r)
{
    struct attachments *found = ctx;
    assert_true(found->count < 4 && r->name.len < sizeof(found->name) && r->sha256.len < sizeof(found->sha256));
    memcpy(found->name, r->name.p, r->name.len);
    memcpy(found->sha256, r->sha256.p, r->sha256.len);
    found->rows[found->count++] = *r;
}

static void on_attachment_sum(void *ctx, const struct row_attachment *r)
{
    struct attachments *found = ctx;
    found->rows[r->uploader_id - 7] = *r;
    found->count++;
}

static void add_attachment(struct world *w, uint64_t id, uint64_t unused_us)
{
    *batch_attachment_new(&w->batch) = (struct row_attachment){
        .id = id, .chat_id = 1, .uploader_id = id % 2 ? 7 : 8, .size = 1000 + id, .created_us = 50, .unused_us = unused_us,
        .sha256 = STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"), .mime_type = STR("image/png"),
        .name = STR("m\xc3\xbcsli \xe2\x98\x95.png")};
}

static void test_an_attachment_is_used_dropped_and_removed(void **state)
{
    struct world *w = *state;
    const uint64_t ids[] = {11, 12, 99};
    struct attachments found = {0};
    for (uint64_t id = 11; id <= 14; id++) {
        add_attachment(w, id, id);
    }
    commit(w, 0);
    assert_int_equal(store_find_attachments(w->store, ids, 3, on_attachment, &found), STORE_OK);
    assert_int_equal(found.count, 2);
    const struct row_attachment *a = found.rows[0].id == 11 ? &found.rows[0] : &found.rows[1];
    assert_true(a->chat_id == 1 && a->seq == 0 && a->uploader_id == 7 && a->size == 1011 && a->created_us == 50 && a->unused_us == 11);
    assert_string_equal(found.name, "m\xc3\xbcsli \xe2\x98\x95.png");
    assert_string_equal(found.sha256, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    /* The message and what it refers to, in one batch; its deletion in the next. */
    add_message(w, 1, 0, "x");
    *batch_attachment_used(&w->batch) = (struct row_attachment){.id = 12, .seq = 1};
    commit(w, 1);
    found.count = 0;
    assert_int_equal(store_attachments_at(w->store, (struct chat_seq[]){{1, 1}, {1, 2}}, 2, on_attachment, &found), STORE_OK);
    assert_true(found.count == 1 && found.rows[0].id == 12 && found.rows[0].seq == 1 && found.rows[0].unused_us == 0);
    *batch_attachment_dropped(&w->batch) = (struct row_attachment){.chat_id = 1, .seq = 1, .unused_us = 12};
    commit(w, 0);
    found.count = 0;
    assert_int_equal(store_unused_attachments(w->store, 13, 10, on_attachment, &found), STORE_OK);
    assert_true(found.count == 2 && found.rows[0].id == 11 && found.rows[1].id == 12);
    found.count = 0;
    assert_int_equal(store_unused_attachments(w->store, 100, 3, on_attachment, &found), STORE_OK);
    assert_int_equal(found.count, 3);
    found.count = 0;
    assert_int_equal(store_load_attachment_sums(w->store, on_attachment_sum, &found), STORE_OK);
    assert_true(found.count == 2 && found.rows[0].size == 1011 + 1013 && found.rows[1].size == 1012 + 1014);
    *batch_attachment_gone(&w->batch) = 11;
    commit(w, 0);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM attachments"), 3);
    add_message(w, 2, 0, "x");
    *batch_attachment_used(&w->batch) = (struct row_attachment){.id = 13, .seq = 2};
    commit(w, 1);
    *batch_chat_deleted(&w->batch) = 1;
    commit(w, 0);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM attachments WHERE unused_us > 1000000000000000"), 3);
    add_attachment(w, 12, 5); /* two uploads with one number */
    assert_int_equal(run(w, 0), STORE_DUPLICATE);
    batch_clear(&w->batch);
}

static void test_the_last_time_somebody_was_seen_is_kept(void **state)
{
    struct world *w = *state;
    struct seen_list l = {.count = 0};
    *batch_seen(&w->batch) = (struct row_seen){.user_id = 9, .seen_us = 1700000000000001, .online = 1};
    *batch_seen(&w->batch) = (struct row_seen){.user_id = 7, .seen_us = 5};
    commit(w, 0);
    *batch_seen(&w->batch) = (struct row_seen){.user_id = 9, .seen_us = 1700000000000009};
    commit(w, 0);
    assert_int_equal(store_load_seen(w->store, on_seen, &l), STORE_OK);
    assert_int_equal(l.count, 2);
    assert_true(l.rows[0].user_id == 7 && l.rows[0].seen_us == 5 && l.rows[0].online == 0);
    assert_true(l.rows[1].user_id == 9 && l.rows[1].seen_us == 1700000000000009 && l.rows[1].online == 0);
}

/* -- notifications --------------------------------------------------------------------------------------- */

struct note_list {
    struct row_note rows[400];
    unsigned count;
    char text[64]; /* title of the last */
};

static void on_note(void *ctx, const struct row_note *r)
{
    struct note_list *l = ctx;
    assert_true(l->count < 400);
    l->rows[l->count] = *r;
    l->rows[l->count].kind = l->rows[l->count].text = l->rows[l->count].link = STR_NONE;
    snprintf(l->text, sizeof(l->text), "%.*s", (int)r->title.len, r->title.p ? r->title.p : "");
    l->count++;
}

/* A notification of the user's (0: everybody's) and its event; about message seq of chat 1 when seq is not 0. */
static uint64_t add_note(struct world *w, uint64_t user, uint64_t seq, unsigned nth)
{
    uint64_t id = w->head.next_event + nth;
    struct row_note *n = batch_note_new(&w->batch);
    *n = (struct row_note){.user_id = user, .id = id, .created_us = 1000 + id, .last_event = id};
    if (seq != 0) {
        n->chat_id = 1;
        n->seq = seq;
        n->sender_id = 7;
        n->preview = PREVIEW_SENDER;
    } else {
        n->kind = STR("news");
        n->title = STR("T\xc3\xa4");
        n->text = STR("body");
        n->link = STR("/x");
    }
    *batch_event(&w->batch) = (struct row_event){.id = id, .kind = EV_NOTIFICATION, .subject_id = user, .at_us = 1000 + id};
    return id;
}

static void test_notifications_come_back_as_their_user_sees_them(void **state)
{
    struct world *w = *state;
    struct note_list l = {.count = 0};
    uint64_t own = add_note(w, 8, 5, 0), other = add_note(w, 9, 5, 1), all = add_note(w, 0, 0, 2);
    commit(w, 3);
    *batch_note_set(&w->batch) = (struct row_note_mark){.user_id = 8, .id = own, .read_us = 77, .last_event = 4};
    *batch_note_mark(&w->batch) = (struct row_note_mark){.user_id = 8, .id = all, .read_us = 78, .last_event = 5};
    commit(w, 2);
    *batch_note_mark(&w->batch) = (struct row_note_mark){.user_id = 8, .id = all, .deleted_us = 79, .last_event = 6};
    commit(w, 1);
    const struct note_key keys[] = {{8, own}, {9, own}, {8, all}, {9, all}, {9, other}, {8, 12345}, {9, other}};
    assert_int_equal(store_find_notes(w->store, keys, 6, on_note, &l), STORE_OK);
    assert_int_equal(l.count, 4); /* nobody sees another one's */
    for (unsigned i = 0; i < l.count; i++) {
        const struct row_note *n = &l.rows[i];
        if (n->id == own) {
            assert_true(n->viewer_id == 8 && n->user_id == 8 && n->read_us == 77 && n->deleted_us == 0 && n->last_event == 4);
            assert_true(n->chat_id == 1 && n->seq == 5 && n->sender_id == 7 && n->preview == PREVIEW_SENDER && n->title.p == NULL);
        } else if (n->id == all && n->viewer_id == 8) {
            assert_true(n->user_id == 0 && n->read_us == 78 && n->deleted_us == 79 && n->last_event == 6);
        } else if (n->id == all) {
            assert_true(n->viewer_id == 9 && n->read_us == 0 && n->deleted_us == 0 && n->last_event == all);
        } else {
            assert_true(n->id == other && n->viewer_id == 9);
        }
    }
    for (unsigned count = 1; count <= 7; count++) { /* no list is filled up with rows that come twice */
        l.count = 0;
        const struct note_key same[] = {{8, own}, {9, other}, {8, all}, {9, all}, {8, 99}, {8, 98}, {8, 97}};
        assert_int_equal(store_find_notes(w->store, same, count, on_note, &l), STORE_OK);
        assert_int_equal(l.count, count < 4 ? count : 4);
    }
}

static void test_messages_from_before_there_were_notifications_are_no_news(void **state)
{
    struct world *w = *state;
    struct row_notifier n = {.event_id = 99};
    assert_int_equal(store_load_notifier(w->store, &n), STORE_OK);
    assert_true(n.event_id == 0 && n.user_id == 0); /* an empty log */
    send_many(w, 1, 5);
    raw_do(w, "DROP TABLE notifier");
    raw_do(w, "DELETE FROM schema_migrations WHERE version = 3");
    migrate(w);
    assert_int_equal(store_load_notifier(w->store, &n), STORE_OK);
    assert_true(n.event_id == 5 && n.user_id == 0);
}

static void test_a_message_notifies_a_user_only_once(void **state)
{
    struct world *w = *state;
    add_note(w, 8, 5, 0);
    add_note(w, 0, 0, 1);
    add_note(w, 0, 0, 2); /* broadcasts are about no message */
    commit(w, 3);
    add_note(w, 8, 5, 0);
    assert_int_equal(run(w, 1), STORE_DUPLICATE);
    assert_int_equal(store_duplicate(w->store), STORE_UNIQUE_OTHER);
}

static void test_lists_of_notifications(void **state)
{
    struct world *w = *state;
    struct note_list l = {.count = 0};
    for (unsigned i = 0; i < 30; i++) { /* ids 1 .. 30: of user 8, of user 9 and of everybody in turn */
        add_note(w, i % 3 == 0 ? 8 : i % 3 == 1 ? 9 : 0, i % 3 == 2 ? 0 : i + 1, i);
    }
    commit(w, 30);
    struct note_page page = {.user_id = 8, .before = UINT64_MAX >> 1, .limit = 100};
    assert_int_equal(store_list_notes(w->store, &page, on_note, &l), STORE_OK);
    assert_int_equal(l.count, 20);
    for (unsigned i = 1; i < l.count; i++) {
        assert_true(l.rows[i].id < l.rows[i - 1].id);
    }
    page.limit = 3;
    page.before = 25; /* an own one */
    l.count = 0;
    assert_int_equal(store_list_notes(w->store, &page, on_note, &l), STORE_OK);
    assert_true(l.count == 3 && l.rows[0].id == 24 && l.rows[1].id == 22 && l.rows[2].id == 21);
    assert_string_equal(l.text, "T\xc3\xa4");
    page = (struct note_page){.user_id = 8, .before = 1000, .limit = 100, .since_us = 1000 + 24};
    l.count = 0;
    assert_int_equal(store_list_notes(w->store, &page, on_note, &l), STORE_OK);
    assert_int_equal(l.count, 10 + 3); /* broadcasts 24, 27 and 30 only */
    page.broadcasts_after = 27;
    l.count = 0;
    assert_int_equal(store_list_notes(w->store, &page, on_note, &l), STORE_OK);
    assert_int_equal(l.count, 10 + 1);
    *batch_note_set(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 28, .read_us = 1, .last_event = 31};
    *batch_note_set(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 25, .deleted_us = 1, .last_event = 32};
    *batch_note_mark(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 30, .read_us = 1, .last_event = 33};
    *batch_note_mark(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 27, .deleted_us = 1, .last_event = 34};
    commit(w, 4);
    page = (struct note_page){.user_id = 8, .before = 1000, .limit = 100};
    l.count = 0;
    assert_int_equal(store_list_notes(w->store, &page, on_note, &l), STORE_OK);
    assert_int_equal(l.count, 18);
    page.unread_only = true;
    page.after = 20; /* read_all_id */
    l.count = 0;
    assert_int_equal(store_list_notes(w->store, &page, on_note, &l), STORE_OK);
    assert_true(l.count == 3 && l.rows[0].id == 24 && l.rows[1].id == 22 && l.rows[2].id == 21);
}

static void test_what_reading_a_chat_reads(void **state)
{
    struct world *w = *state;
    struct note_list l = {.count = 0};
    for (unsigned i = 0; i < 20; i++) {
        add_note(w, 8, i + 1, i);
    }
    add_note(w, 9, 3, 20);
    commit(w, 21);
    *batch_note_set(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 5, .read_us = 1, .last_event = 22};
    commit(w, 1);
    const struct note_range ranges[] = {{8, 1, 10, 2, 100}, {9, 1, 2, 0, 100}, {8, 2, 10, 0, 100}};
    assert_int_equal(store_unread_notes(w->store, ranges, 3, on_note, &l), STORE_OK);
    assert_int_equal(l.count, 7); /* 3 .. 10 without 5 */
    const struct note_range two = {8, 1, 10, 2, 2};
    l.count = 0;
    assert_int_equal(store_unread_notes(w->store, &two, 1, on_note, &l), STORE_OK);
    assert_true(l.count == 2 && l.rows[0].user_id == 8 && l.rows[0].chat_id == 1 && l.rows[0].seq == 10);
}

struct counts {
    struct row_note_user of[16];
    unsigned preferences;
};

static void on_count(void *ctx, const struct row_note_user *r)
{
    struct counts *c = ctx;
    assert_true(r->user_id < 16);
    c->of[r->user_id].read_all_id += r->read_all_id;
    c->of[r->user_id].unread += r->unread;
    c->of[r->user_id].marked += r->marked;
}

static void on_preferences(void *ctx, const struct row_preferences *r)
{
    struct counts *c = ctx;
    assert_true(r->user_id == 8);
    assert_str(r->text, "{\"b\":2}");
    c->preferences++;
}

static void test_what_start_up_loads_of_notifications(void **state)
{
    struct world *w = *state;
    struct note_list l = {.count = 0};
    struct counts c = {.preferences = 0};
    for (unsigned i = 0; i < 12; i++) { /* ids 1 .. 12 */
        add_note(w, i < 4 ? 0 : 8 + i % 2, i < 4 ? 0 : i, i);
    }
    *batch_note_user(&w->batch) = (struct row_note_user){.user_id = 9, .read_all_id = 1};
    commit(w, 12);
    *batch_note_user(&w->batch) = (struct row_note_user){.user_id = 9, .read_all_id = 8};
    *batch_note_set(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 5, .read_us = 1, .last_event = 13};
    *batch_note_mark(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 1, .read_us = 1, .last_event = 14};
    *batch_note_mark(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 3, .read_us = 1, .last_event = 15};
    *batch_note_mark(&w->batch) = (struct row_note_mark){.user_id = 9, .id = 4, .deleted_us = 1, .last_event = 16};
    *batch_preferences(&w->batch) = (struct row_preferences){8, STR("{\"a\":1}")};
    commit(w, 4);
    *batch_preferences(&w->batch) = (struct row_preferences){8, STR("{\"b\":2}")};
    *batch_notifier(&w->batch) = (struct row_notifier){3, 0};
    *batch_notifier(&w->batch) = (struct row_notifier){11, 8};
    commit(w, 0);
    assert_int_equal(store_load_broadcasts(w->store, 3, on_note, &l), STORE_OK);
    assert_true(l.count == 3 && l.rows[0].id == 4 && l.rows[2].id == 2 && l.rows[2].created_us == 1002);
    assert_int_equal(store_recount_notes(w->store, 0), STORE_OK);
    assert_int_equal(store_load_note_users(w->store, l.rows[2].id, on_count, &c), STORE_OK);
    assert_true(c.of[8].unread == 3 && c.of[8].marked == 1 && c.of[8].read_all_id == 0); /* 5, 7, 9, 11 without 5; mark 3 alone */
    assert_true(c.of[9].unread == 2 && c.of[9].marked == 0 && c.of[9].read_all_id == 8); /* 10 and 12 */
    assert_int_equal(store_load_preferences(w->store, on_preferences, &c), STORE_OK);
    assert_int_equal(c.preferences, 1);
    struct row_notifier n;
    assert_int_equal(store_load_notifier(w->store, &n), STORE_OK);
    assert_true(n.event_id == 11 && n.user_id == 8);
}

static void test_only_users_of_the_log_s_end_are_counted_anew(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < 6; i++) { /* ids 1 .. 6 */
        add_note(w, 8 + i / 3, i, i);
    }
    *batch_note_unread(&w->batch) = (struct row_note_user){.user_id = 8, .unread = 70};
    *batch_note_unread(&w->batch) = (struct row_note_user){.user_id = 9, .read_all_id = 4, .unread = 71};
    w->batch.rows.checkpoint = 3;
    commit(w, 6);
    assert_int_equal(store_recount_notes(w->store, 3), STORE_OK);
    struct counts c = {.preferences = 0};
    assert_int_equal(store_load_note_users(w->store, 0, on_count, &c), STORE_OK);
    assert_true(c.of[8].unread == 70 && c.of[8].read_all_id == 0);
    assert_true(c.of[9].unread == 2 && c.of[9].read_all_id == 4); /* 5 and 6 */
    *batch_note_user(&w->batch) = (struct row_note_user){.user_id = 8, .read_all_id = 2};
    *batch_note_unread(&w->batch) = (struct row_note_user){.user_id = 8, .unread = 1};
    commit(w, 0);
    memset(&c, 0, sizeof(c));
    assert_int_equal(store_load_note_users(w->store, 0, on_count, &c), STORE_OK);
    assert_true(c.of[8].unread == 1 && c.of[8].read_all_id == 2); /* neither writes over the other */
}

static void test_old_notifications_and_their_marks_go(void **state)
{
    struct world *w = *state;
    struct note_list l = {.count = 0};
    const uint64_t users[] = {0, 7, 8, 9};
    for (unsigned i = 0; i < 6; i++) { /* ids 1 .. 6: two broadcasts, four of 8's */
        add_note(w, i < 2 ? 0 : 8, i, i);
    }
    *batch_note_set(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 4, .read_us = 9, .last_event = 6};
    for (unsigned i = 0; i < STORE_FORGET_MAX + 1; i++) {
        *batch_note_mark(&w->batch) = (struct row_note_mark){.user_id = 100 + i, .id = 1, .read_us = 1, .last_event = 6};
    }
    *batch_note_mark(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 2, .read_us = 1, .last_event = 6};
    commit(w, 6);
    assert_int_equal(store_first_notes(w->store, users, 4, on_note, &l), STORE_OK);
    for (unsigned i = 0; i < l.count; i++) {
        assert_true(l.rows[i].id == (l.rows[i].user_id == 0 ? 1 : 3) && l.rows[i].created_us == 1000 + l.rows[i].id);
    }
    assert_int_equal(l.count, 2);
    l.count = 0;
    assert_int_equal(store_notes_after(w->store, 8, 3, 2, on_note, &l), STORE_OK);
    assert_true(l.count == 2 && l.rows[0].id == 4 && l.rows[0].read_us == 9 && l.rows[0].last_event == 6 && l.rows[1].id == 5);
    l.count = 0;
    assert_int_equal(store_note_marks(w->store, 2, on_note, &l), STORE_OK);
    assert_true(l.count == 1 && l.rows[0].user_id == 8 && l.rows[0].id == 2);
    const struct note_key gone[] = {{8, 3}, {0, 1}, {8, 77}};
    assert_int_equal(store_drop_notes(w->store, w->head.epoch + 1, gone, 3), STORE_FENCED);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM notifications"), 6);
    assert_int_equal(store_drop_notes(w->store, w->head.epoch, gone, 3), STORE_OK);
    assert_int_equal(raw_number(w, "SELECT SUM(id) FROM notifications"), 2 + 4 + 5 + 6);
    bool more = false;
    assert_int_equal(store_forget_marks(w->store, 1, &more), STORE_OK);
    assert_true(more && raw_number(w, "SELECT COUNT(*) FROM notification_marks") == 2);
    assert_int_equal(store_forget_marks(w->store, 1, &more), STORE_OK);
    assert_true(!more && raw_number(w, "SELECT user_id FROM notification_marks") == 8);
}

static void test_check_ins_of_deleted_sessions_go(void **state)
{
    struct world *w = *state;
    bool more = true;
    raw_do(w, "INSERT INTO event_sessions SELECT seq, UNHEX(LPAD(HEX(seq), 32, '0')), 'x', 1, 0, 7, 1, 1, IF(seq = 3, NULL, seq * 10), "
              "REPEAT('\\0', 16) FROM seq_1_to_3");
    raw_do(w, "INSERT INTO checkins SELECT seq, 1 + seq % 3, 8, 7, 5, 1, 0, 'x' FROM seq_1_to_3003");
    assert_int_equal(store_forget_checkins(w->store, 20, &more), STORE_OK); /* session 1 alone is older */
    assert_true(more && raw_number(w, "SELECT COUNT(*) FROM checkins WHERE session_id = 1") == 1);
    assert_int_equal(store_forget_checkins(w->store, 20, &more), STORE_OK);
    assert_int_equal(store_forget_checkins(w->store, 20, &more), STORE_OK);
    assert_true(!more && raw_number(w, "SELECT COUNT(*) FROM checkins") == 2002);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM event_sessions"), 3);
}

static void test_records_grow_and_go_with_the_log(void **state)
{
    struct world *w = *state;
    struct buf record = BUF_INIT;
    uint64_t at = 0;
    bool found = true;
    const char bytes[] = {'\x05', '\x01', '\0', '\xff'};
    send_many(w, 1, 2);
    *batch_decision(&w->batch) = (struct row_decision){1, 70, {bytes, 4}};
    add_note(w, 8, 1, 0); /* id 3 */
    add_note(w, 8, 2, 1);
    commit(w, 2);
    *batch_decision(&w->batch) = (struct row_decision){1, 71, {bytes, 2}};
    *batch_note_set(&w->batch) = (struct row_note_mark){.user_id = 8, .id = 3, .deleted_us = 1, .last_event = 5};
    *batch_event(&w->batch) = (struct row_event){.id = 5, .kind = EV_NOTIFICATION_DELETED, .subject_id = 8, .number = 3, .at_us = 1};
    commit(w, 1);
    assert_int_equal(store_decision(w->store, 1, &record, &at, &found), STORE_OK);
    assert_true(found && at == 71 && record.len == 6 && memcmp(record.p, "\x05\x01\0\xff\x05\x01", 6) == 0);
    assert_int_equal(store_decision(w->store, 2, &record, &at, &found), STORE_OK);
    assert_false(found);
    assert_int_equal(store_trim(w->store, w->head.epoch, 4), STORE_OK);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM notification_decisions"), 0);
    assert_int_equal(raw_number(w, "SELECT COUNT(*) FROM notifications"), 2); /* deleted within what is kept of the log */
    assert_int_equal(store_trim(w->store, w->head.epoch, 5), STORE_OK);
    assert_int_equal(raw_number(w, "SELECT id FROM notifications"), 4);
    buf_release(&record);
}

static void on_kind(void *ctx, const struct row_event *e)
{
    uint64_t *sum = ctx;
    *sum = *sum * 100 + e->id;
}

static void test_what_is_replayed_of_notifications(void **state)
{
    struct world *w = *state;
    uint64_t ids = 0;
    add_note(w, 8, 1, 0);
    add_note(w, 9, 1, 1);
    add_note(w, 0, 0, 2);
    *batch_event(&w->batch) = (struct row_event){.id = 4, .kind = EV_NOTIFICATION_READ, .subject_id = 8, .number = 1, .at_us = 1};
    *batch_event_user(&w->batch) = (struct row_event_user){8, 4};
    commit(w, 4);
    add_message(w, 1, 0, "x"); /* id 5 */
    *batch_event(&w->batch) = (struct row_event){.id = 6, .kind = EV_READ, .chat_id = 1, .seq = 1, .actor_id = 8, .at_us = 1};
    commit(w, 2);
    assert_int_equal(store_replay(w->store, NULL, 0, 8, 0, 6, 100, on_kind, &ids), STORE_OK);
    assert_true(ids == 10304);
    ids = 0;
    assert_int_equal(store_replay(w->store, NULL, 0, 9, 1, 6, 100, on_kind, &ids), STORE_OK);
    assert_true(ids == 203);
    ids = 0;
    assert_int_equal(store_load_note_events(w->store, 0, 6, 100, on_kind, &ids), STORE_OK);
    assert_true(ids == 506);
}

/* -- push ------------------------------------------------------------------------------------------------- */

struct push_list {
    uint64_t ids[16], users[16];
    uint16_t attempts[16];
    bool has_endpoint[16];
    unsigned count;
};

static void on_subscription(void *ctx, const struct row_subscription *r)
{
    struct push_list *l = ctx;
    l->ids[l->count] = r->id;
    l->users[l->count++] = r->user_id;
}

static void on_delivery(void *ctx, const struct row_delivery *r)
{
    struct push_list *l = ctx;
    l->ids[l->count] = r->note_id;
    l->users[l->count] = r->user_id;
    l->attempts[l->count] = r->attempts;
    l->has_endpoint[l->count++] = r->endpoint.p != NULL;
}

static void on_target(void *ctx, const struct row_push_target *t)
{
    struct push_list *l = ctx;
    l->ids[l->count] = t->subscription_id;
    l->users[l->count++] = t->due_us;
}

static enum store_push_added subscribe(struct world *w, struct row_subscription *r, unsigned char endpoint)
{
    enum store_push_added how;
    uint64_t gone = 0;
    r->hash.b[0] = endpoint;
    r->endpoint = STR("https://push.example.org/x");
    r->p256dh = STR("key");
    r->auth = STR("secret");
    assert_int_equal(store_push_add(w->store, r, 2, &how, &gone), STORE_OK);
    return how;
}

static struct push_list subscriptions(struct world *w, uint64_t user)
{
    struct push_list l = {.count = 0};
    assert_int_equal(store_push_list(w->store, user, on_subscription, &l), STORE_OK);
    return l;
}

static void test_a_browser_is_one_user_s_at_a_time(void **state)
{
    struct world *w = *state;
    struct row_subscription a = {.id = 11, .user_id = 7, .created_us = 100}, b = {.id = 12, .user_id = 7, .created_us = 101};
    struct row_subscription again = {.id = 13, .user_id = 7, .created_us = 102}, third = again;
    struct row_subscription other = {.id = 14, .user_id = 8, .created_us = 103};
    bool found;
    uint64_t gone;
    assert_int_equal(subscribe(w, &a, 1), PUSH_ADDED);
    assert_int_equal(subscribe(w, &b, 2), PUSH_ADDED);
    assert_int_equal(subscribe(w, &third, 3), PUSH_TOO_MANY);
    assert_int_equal(subscribe(w, &again, 1), PUSH_REPLACED);
    assert_true(again.id == 11 && again.created_us == 100);
    assert_int_equal(subscribe(w, &other, 1), PUSH_ADDED);
    struct push_list l = subscriptions(w, 7);
    assert_true(l.count == 1 && l.ids[0] == 12);
    const uint64_t users[] = {7, 8, 9};
    l.count = 0;
    assert_int_equal(store_push_of(w->store, users, 3, on_subscription, &l), STORE_OK);
    assert_int_equal(l.count, 2);
    l.count = 0;
    assert_int_equal(store_push_users(w->store, 7, true, 10, on_subscription, &l), STORE_OK);
    assert_true(l.count == 1 && l.users[0] == 8);
    assert_int_equal(store_push_remove(w->store, 14, 7, &found, &gone), STORE_OK);
    assert_false(found);
    assert_int_equal(store_push_remove(w->store, 14, 8, &found, &gone), STORE_OK);
    assert_true(found && subscriptions(w, 8).count == 0);
}

static struct push_list due(struct world *w, uint64_t subscription, uint64_t now, unsigned limit)
{
    struct push_list l = {.count = 0};
    assert_int_equal(store_push_next(w->store, subscription, now, limit, on_delivery, &l), STORE_OK);
    return l;
}

static void enqueue(struct world *w, enum store_rc expected, uint64_t expected_added)
{
    const struct row_delivery rows[] = {{.subscription_id = 11, .note_id = 5, .user_id = 7, .due_us = 1000},
                                        {.subscription_id = 11, .note_id = 6, .user_id = 7, .due_us = 1001},
                                        {.subscription_id = 0, .note_id = 5, .user_id = 7, .due_us = 999},
                                        {.subscription_id = 0, .note_id = 5, .user_id = 8, .due_us = 2000}};
    const struct row_notifier from = {0, 0}, to = {6, 0};
    uint64_t added = 99;
    assert_int_equal(store_push_enqueue(w->store, &from, &to, rows, 4, &added), expected);
    assert_int_equal(added, expected_added);
}

static void test_deliveries_and_the_place_in_the_log_move_together(void **state)
{
    struct world *w = *state;
    struct row_notifier place;
    uint64_t count;
    raw_do(w, "REPLACE INTO push_cursor VALUES (0, 0, 0)");
    enqueue(w, STORE_OK, 4);
    enqueue(w, STORE_FENCED, 99); /* somebody has been at it */
    assert_int_equal(store_push_cursor(w->store, &place), STORE_OK);
    assert_true(place.event_id == 6 && place.user_id == 0);
    raw_do(w, "REPLACE INTO push_cursor VALUES (0, 0, 0)");
    enqueue(w, STORE_OK, 0); /* what is there stays as it is */
    assert_int_equal(store_push_count(w->store, &count), STORE_OK);
    assert_int_equal(count, 4);
}

static void test_deliveries_wait_for_their_time(void **state)
{
    struct world *w = *state;
    struct row_subscription a = {.id = 11, .user_id = 7, .created_us = 100};
    struct push_list l = {.count = 0};
    bool found;
    uint64_t gone;
    raw_do(w, "REPLACE INTO push_cursor VALUES (0, 0, 0)");
    assert_int_equal(subscribe(w, &a, 1), PUSH_ADDED);
    enqueue(w, STORE_OK, 4);
    assert_int_equal(store_push_targets(w->store, 10, on_target, &l), STORE_OK);
    assert_true(l.count == 2 && l.ids[0] == 0 && l.users[0] == 999 && l.ids[1] == 11 && l.users[1] == 1000);
    l = due(w, 11, 1001, 10);
    assert_true(l.count == 2 && l.ids[0] == 5 && l.ids[1] == 6 && l.has_endpoint[0]);
    assert_int_equal(due(w, 11, 1001, 1).count, 1);
    assert_int_equal(due(w, 11, 999, 10).count, 0);
    l = due(w, 0, 999, 10);
    assert_true(l.count == 1 && l.users[0] == 7 && !l.has_endpoint[0]);
    /* One that has failed holds up the others to the same browser, and comes behind them when it waits longer. */
    const struct row_delivery failed = {.subscription_id = 11, .note_id = 5, .user_id = 7, .due_us = 1500, .attempts = 1};
    assert_int_equal(store_push_again(w->store, &failed, 1400), STORE_OK);
    assert_int_equal(due(w, 11, 1399, 10).count, 0);
    l = due(w, 11, 1500, 10);
    assert_true(l.count == 2 && l.ids[0] == 6 && l.attempts[0] == 0 && l.ids[1] == 5 && l.attempts[1] == 1);
    assert_int_equal(store_push_done(w->store, &failed, &gone), STORE_OK);
    assert_int_equal(gone, 1);
    assert_int_equal(store_push_remove(w->store, 11, 0, &found, &gone), STORE_OK);
    assert_true(found && gone == 1 && due(w, 11, 9999, 10).count == 0);
}

/* As many as a batch may have, as long as they may be: also the last one is there. */
static void test_every_text_of_a_large_batch_is_sealed(void **state)
{
    struct world *w = *state;
    static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    enum { COUNT = 70, BYTES = 1024 * 1024 };
    struct sealer *sealer = NULL;
    struct buf why = BUF_INIT;
    struct row_message *rows = mem_new(COUNT * sizeof(*rows));
    char *text = mem_new(BYTES);
    assert_int_equal(sealer_new(str_of(key), &sealer, &why), RC_OK);
    memset(text, 'x', BYTES);
    for (unsigned i = 0; i < COUNT; i++) {
        rows[i] = (struct row_message){.chat_id = 1, .seq = i + 1, .content = {text, BYTES}};
    }
    w->store->conf.sealer = sealer;
    const struct store_batch plain = {.messages_new = rows, .messages_new_count = COUNT};
    const struct store_batch *sealed = db_seal(w->store, &plain);
    for (unsigned i = 0; i < COUNT; i++) {
        struct row_message row = sealed->messages_new[i];
        assert_true(sealer_is_sealed(row.content));
        db_unseal(w->store, &row);
        assert_true(row.content.len == BYTES && row.content.p[BYTES - 1] == 'x');
    }
    w->store->conf.sealer = NULL;
    sealer_free(sealer);
    free(text);
    free(rows);
}

int main(void)
{
    store_library_init();
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_an_attachment_is_used_dropped_and_removed),
        T(test_migrations_are_applied_once),
        T(test_the_fence_shuts_the_former_owner_out),
        T(test_the_fence_does_not_wait_for_a_hung_owner),
        T(test_a_batch_counts_only_behind_its_predecessor),
        T(test_a_batch_in_doubt_that_was_void_never_counts),
        T(test_batches_of_every_size_are_stored_whole),
        T(test_a_batch_of_long_texts_goes_the_other_way),
        T(test_every_field_of_a_message_comes_back),
        T(test_a_deletion_keeps_the_text_and_an_edit_replaces_it),
        T(test_history_is_cut_and_turned),
        T(test_look_ups_of_many_keys_leave_out_what_is_absent),
        T(test_a_used_key_is_a_duplicate_and_leaves_nothing),
        T(test_what_cannot_be_stored_is_a_data_error),
        T(test_a_killed_session_is_lost_or_in_doubt),
        T(test_rows_of_every_kind_come_back),
        T(test_the_last_time_somebody_was_seen_is_kept),
        T(test_user_names_differ_by_more_than_case),
        T(test_replay_reads_just_what_was_asked_for),
        T(test_trimming_keeps_where_messages_are),
        T(test_old_outcomes_and_logins_are_forgotten_in_pieces),
        T(test_an_event_session_comes_back_with_its_people),
        T(test_attendees_are_found_by_user_and_by_code),
        T(test_check_ins_are_kept_and_read_newest_first),
        T(test_a_user_may_have_a_picture),
        T(test_notifications_come_back_as_their_user_sees_them),
        T(test_messages_from_before_there_were_notifications_are_no_news),
        T(test_a_message_notifies_a_user_only_once),
        T(test_lists_of_notifications),
        T(test_what_reading_a_chat_reads),
        T(test_what_start_up_loads_of_notifications),
        T(test_only_users_of_the_log_s_end_are_counted_anew),
        T(test_old_notifications_and_their_marks_go),
        T(test_check_ins_of_deleted_sessions_go),
        T(test_records_grow_and_go_with_the_log),
        T(test_what_is_replayed_of_notifications),
        T(test_a_browser_is_one_user_s_at_a_time),
        T(test_deliveries_and_the_place_in_the_log_move_together),
        T(test_deliveries_wait_for_their_time),
        T(test_every_text_of_a_large_batch_is_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
