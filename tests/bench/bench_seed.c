/* bench_seed.c -- fill an empty database, before confab-rest starts, and the limit of what SQL can do */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rest/batch.h"
#include "rest/store.h"
#include "shared/clock.h"
#include "shared/mem.h"
#include "tests/bench/bench.h"

static struct store *open_store(const struct bench *b, struct store_head *head)
{
    struct store_conf conf = {.socket = b->db_socket, .user = b->db_user, .password = b->db_password,
                              .database = b->db_name, .migrations = b->migrations,
                              .connect_timeout_s = 10, .io_timeout_s = 60};
    struct buf why = BUF_INIT;
    struct store *s = NULL;
    unsigned applied = 0;
    store_library_init();
    if (store_open(&conf, &s, &why) != RC_OK || store_migrate(s, &applied, &why) != RC_OK ||
        store_fence(s, head) != STORE_OK) {
        fprintf(stderr, "%s\n", why.p ? why.p : "fence");
        bench_fail("database");
    }
    return s;
}

static void commit(struct store *s, struct batch *b, struct store_head *head, uint64_t next_event)
{
    b->rows.epoch = head->epoch;
    b->rows.last_batch = head->last_batch;
    b->rows.next_event = next_event;
    if (store_batch_run(s, &b->rows) != STORE_OK || store_batch_commit(s) != STORE_OK) {
        bench_fail("commit");
    }
    head->last_batch++;
    head->next_event = next_event;
    batch_clear(b);
}

static void add_user(struct batch *b, uint64_t id)
{
    char name[32];
    snprintf(name, sizeof(name), "user-%llu", (unsigned long long)id);
    struct str text = arena_str(&b->texts, str_of(name));
    *batch_user_new(b) = (struct row_user){.id = id, .created_us = wall_us(), .username = text, .name = text};
}

static void add_chat(struct batch *b, uint64_t id, const uint64_t *members, unsigned count)
{
    *batch_chat_new(b) = (struct row_chat){
        .id = id, .kind = CHAT_GROUP, .created_us = wall_us(), .created_by = members[0], .name = STR("Bench")};
    for (unsigned i = 0; i < count; i++) {
        *batch_member_put(b) = (struct row_member){
            .chat_id = id, .user_id = members[i], .role = i ? ROLE_MEMBER : ROLE_OWNER};
    }
}

/* Chat 1 has everybody; further chats of ten users each, so that everybody is in `chats` of them. */
int bench_seed(const struct bench *o)
{
    struct store_head head;
    struct store *s = open_store(o, &head);
    struct batch b;
    batch_init(&b);
    uint64_t *everybody = mem_grow(NULL, o->users, sizeof(everybody[0]));
    for (unsigned i = 0; i < o->users; i++) {
        everybody[i] = i + 1;
        add_user(&b, i + 1);
    }
    if (o->chats > 0) {
        add_chat(&b, 1, everybody, o->users);
    }
    commit(s, &b, &head, head.next_event);
    uint64_t id = 2;
    for (unsigned c = 1; c < o->chats; c++) {
        for (unsigned first = 0; first < o->users; first += 10) {
            add_chat(&b, id++, everybody + first, o->users - first < 10 ? o->users - first : 10);
        }
        commit(s, &b, &head, head.next_event);
    }
    batch_release(&b);
    free(everybody);
    store_close(s);
    return 0;
}

/* What the writer stores for one message, and nothing else. */
static void add_message(struct batch *b, uint64_t seq, uint64_t id)
{
    struct row_message *m = batch_message_new(b);
    *m = (struct row_message){.chat_id = 1, .seq = seq, .id = id, .sender_id = 1, .created_us = wall_us(),
                              .version = 1, .last_event = id, .kind = STR("text"),
                              .content = STR("a message of usual length, some sixty characters of it")};
    key16_new(&m->key);
    hash16(m->content, &m->hash);
    *batch_event(b) = (struct row_event){
        .id = id, .kind = EV_MESSAGE, .chat_id = 1, .seq = seq, .actor_id = 1, .version = 1, .at_us = wall_us()};
}

/* Batches of --count messages, one after the other on one connection, into the empty database --db-name. */
int bench_sql(const struct bench *o)
{
    struct store_head head;
    struct store *s = open_store(o, &head);
    struct batch b;
    uint64_t seq = 1, done = 0;
    batch_init(&b);
    add_user(&b, 1);
    add_chat(&b, 1, (uint64_t[]){1}, 1);
    commit(s, &b, &head, head.next_event);
    uint64_t start = bench_now_us(), end = start + o->seconds * 1000000ull, id = head.next_event;
    while (bench_now_us() < end) {
        for (unsigned i = 0; i < o->count; i++) {
            add_message(&b, seq++, id++);
        }
        commit(s, &b, &head, id);
        done += o->count;
    }
    printf("%.0f\n", (double)done * 1e6 / (double)(bench_now_us() - start));
    batch_release(&b);
    store_close(s);
    return 0;
}
