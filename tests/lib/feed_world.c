/* feed_world.c -- see feed_world.h */
#include "tests/unit/unit.h"

#include "tests/lib/feed_world.h"

#include <stdio.h>

#include "rest/auth.h"
#include "rest/sessions.h"
#include "rest/svc_command.h"
#include "shared/mem.h"
#include "tests/lib/fake_store.h"

/* -- what stands beside the feed -------------------------------------------------------------------- */

struct world_command world_last_command;
enum code world_command_code, world_token_code;
uint64_t world_token_user, world_token_family;
unsigned world_given_back, world_submitted;
struct cmd world_last_submitted;
enum code world_submit_outcome;
unsigned world_seen_count;
uint64_t world_seen_users[8];
char world_seen_content[8 * CMD_LAST_SEEN_BYTES];
enum code world_give_back_code;
enum code (*world_on_submit)(const struct cmd *c, svc_done done, void *ctx);
struct store *world_db_now;

enum code svc_submit_from_socket(struct svc *svc, const struct cmd *c, const struct feed_reply_to *to)
{
    (void)svc;
    world_last_command = (struct world_command){*c, *to};
    return world_command_code;
}

enum code svc_submit(struct svc *svc, const struct cmd *c, svc_done done, void *ctx, const char **field)
{
    (void)svc;
    (void)field;
    if (world_on_submit != NULL) {
        return world_on_submit(c, done, ctx);
    }
    world_submitted++;
    world_last_submitted = *c;
    if (c->kind == CMD_LAST_SEEN) {
        world_seen_count = c->users_count;
        memcpy(world_seen_users, c->users, (c->users_count < 8 ? c->users_count : 8) * sizeof(c->users[0]));
        memcpy(world_seen_content, c->content.p, c->content.len < sizeof(world_seen_content) ? c->content.len : sizeof(world_seen_content));
    }
    if (world_command_code == CODE_OK && done != NULL) {
        done(ctx, &(struct outcome){.code = world_submit_outcome});
    }
    return world_command_code;
}

enum code auth_token(struct auth *a, struct str token, struct identity *who, uint64_t *stamp_us)
{
    (void)a;
    (void)token;
    *who = (struct identity){.user_id = world_token_user, .family = world_token_family, .expires_s = 77};
    *stamp_us = 1000;
    return world_token_code;
}

#define DB_MAX 4096
static struct {
    dbpool_job job;
    void *ctx;
} waiting[DB_MAX];
static unsigned waiting_first, waiting_count, waiting_room = DB_MAX;

enum rc dbpool_submit(struct dbpool *pool, dbpool_job job, void *ctx)
{
    (void)pool;
    if (world_db_now != NULL) {
        job(world_db_now, ctx);
        return RC_OK;
    }
    if (waiting_count - waiting_first >= waiting_room || waiting_count == DB_MAX) {
        return RC_UNAVAILABLE;
    }
    waiting[waiting_count].job = job;
    waiting[waiting_count++].ctx = ctx;
    return RC_OK;
}

enum rc dbpool_submit_replay(struct dbpool *pool, bool begun, dbpool_job job, void *ctx)
{
    unsigned room = waiting_room;
    waiting_room = begun ? DB_MAX : room;
    enum rc rc = dbpool_submit(pool, job, ctx);
    waiting_room = room;
    return rc;
}

unsigned world_db_waiting(void)
{
    return waiting_count - waiting_first;
}

void world_db_room(unsigned room)
{
    waiting_room = room;
}

void world_db_run(struct store *store)
{
    assert_true(waiting_first < waiting_count);
    unsigned at = waiting_first++;
    waiting[at].job(store, waiting[at].ctx);
    if (waiting_first == waiting_count) {
        waiting_first = waiting_count = 0;
    }
}

static void given_back(void *ctx, int fd, enum code code)
{
    (void)ctx;
    (void)fd;
    world_given_back++;
    world_give_back_code = code;
}

/* -- the world -------------------------------------------------------------------------------------------- */

void world_conf(struct feed_conf *out)
{
    *out = (struct feed_conf){
        .ring_max_bytes = 64 << 20,
        .ring_max_age_ms = 120000,
        .stream_max_bytes = 64 << 20,
        .replay_max_events = 10000,
        .replay_chunk_events = 200,
        .replay_refs_max = 1000000,
        .user_connections_max = 64,
        .address_connections_max = 1000,
        .worker_adopts_max = 256,
        .dashboard_viewers_max = 1000,
        .focus_entries_max = 1000,
        .focus_max_age_ms = 45000,
        .chat_update_ms = 250,
        .chat_update_members_max = 256,
        .chat_update_waits_max = 100,
        .receipt_ms = 1000,
        .presence_grace_ms = 10000,
        .presence_grace_lost_ms = 60000,
        .presence_members_max = 200,
        .presence_fanout_max = 10000,
        .last_seen_ms = 30000,
        .typing_expire_ms = 6000,
        .typing_members_max = 200,
        .typing_entries_max = 16,
    };
}

struct world *world_new(const struct feed_conf *conf, unsigned users, uint64_t next)
{
    struct world *w = mem_new(sizeof(*w));
    conf_defaults(rest_conf_keys(&w->conf), rest_conf_keys_count);
    w->cache = cache_new();
    w->feed = feed_new(conf, w->cache);
    w->svc = (struct svc){.conf = w->conf, .cache = w->cache, .feed = w->feed};
    feed_bind(w->feed, &w->svc);
    feed_on_adopt_done(w->feed, given_back, NULL);
    batch_init(&w->batch);
    w->d = (struct decider){
        .conf = w->conf,
        .cache = w->cache,
        .overlay = overlay_new(w->cache),
        .families = families_new(),
        .batch = &w->batch,
        .now_us = 1000000,
        .next_event = next,
        .next_user = users + 1,
        .next_chat = 1,
        .next_family = 1,
        .next_session = 1,
    };
    for (unsigned i = 1; i <= users; i++) {
        char name[16];
        snprintf(name, sizeof(name), "u%u", i);
        cache_put_user(w->cache, &(struct row_user){.id = i, .username = str_of(name), .name = str_of(name)});
    }
    feed_start(w->feed, &(struct store_head){.log_id = WORLD_LOG_ID, .epoch = 1, .next_event = next});
    fake_db_reset();
    world_command_code = world_token_code = world_submit_outcome = CODE_OK;
    world_given_back = world_submitted = 0;
    waiting_room = DB_MAX;
    return w;
}

void world_free(struct world *w)
{
    while (world_db_waiting() > 0) {
        world_db_run(NULL);
    }
    feed_free(w->feed);
    overlay_free(w->d.overlay);
    families_free(w->d.families);
    batch_release(&w->batch);
    cache_free(w->cache);
    conf_release(rest_conf_keys(&w->conf), rest_conf_keys_count);
    fake_db_release();
    free(w);
}

static void on_attendee(void *ctx, const struct row_attendee *a)
{
    overlay_put_attendee(ctx, a);
}

/* As the writer does before a batch is decided. */
static void look_up(struct world *w, const struct cmd *c)
{
    struct attendee_key key = {c->chat_id, c->user_id};
    if (c->kind == CMD_CHECKIN) {
        struct store *store = fake_db_open();
        assert_int_equal(store_find_attendees(store, &key, 1, on_attendee, w->d.overlay), STORE_OK);
        store_close(store);
    }
}

void world_batch(struct world *w, const struct cmd *cmds, const struct feed_reply_to *reply_to,
                 struct outcome *out, unsigned count)
{
    struct job **jobs = mem_grow(NULL, count, sizeof(jobs[0]));
    w->d.batch_number++;
    for (unsigned i = 0; i < count; i++) {
        jobs[i] = job_new(&cmds[i], NULL, NULL, 0);
        if (reply_to != NULL) {
            jobs[i]->reply_to = reply_to[i];
        }
        look_up(w, &cmds[i]);
        decide(&w->d, jobs[i]);
        out[i] = jobs[i]->outcome;
    }
    w->batch.rows.next_event = w->d.next_event;
    fake_db_apply(&w->batch.rows);
    feed_publish(w->feed, &w->batch, jobs, count);
    families_merged(w->d.families, w->d.batch_number);
    overlay_clear(w->d.overlay);
    batch_clear(&w->batch);
    w->d.now_us += 1000;
    for (unsigned i = 0; i < count; i++) {
        job_free(jobs[i]);
    }
    free(jobs);
}

struct outcome world_do(struct world *w, const struct cmd *c)
{
    struct outcome o;
    world_batch(w, c, NULL, &o, 1);
    return o;
}

struct outcome world_send(struct world *w, uint64_t user, uint64_t chat, const char *text)
{
    struct outcome o = world_do(w, &(struct cmd){.kind = CMD_MESSAGE_SEND,
                                                 .actor_id = user,
                                                 .chat_id = chat,
                                                 .name = STR("text"),
                                                 .content = str_of(text)});
    assert_int_equal(o.code, CODE_OK);
    return o;
}

uint64_t world_group(struct world *w, uint64_t first, unsigned count)
{
    uint64_t *users = mem_grow(NULL, count, sizeof(users[0]));
    for (unsigned i = 0; i < count; i++) {
        users[i] = first + i;
    }
    struct outcome o = world_do(w, &(struct cmd){.kind = CMD_CHAT_CREATE_GROUP,
                                                 .actor_id = first,
                                                 .name = STR("Team"),
                                                 .users = users + 1,
                                                 .users_count = count - 1});
    free(users);
    assert_int_equal(o.code, CODE_OK);
    return o.chat_id;
}

void world_session(struct world *w, uint64_t id, unsigned visibility)
{
    struct row_session x = {.id = id, .title = STR("Party"), .visibility = (uint8_t)visibility, .open_registration = 1,
                            .created_by = 1};
    struct row_session_role host = {.session_id = id, .user_id = 1, .role = SESSION_HOST};
    memcpy(x.uuid.b, &id, sizeof(id));
    sessions_put(cache_sessions_to_change(w->cache), &x);
    sessions_put_role(cache_sessions_to_change(w->cache), &host);
}

/* -- what workers get ------------------------------------------------------------------------------------- */

void inbox_clear(struct inbox *in)
{
    for (unsigned i = 0; i < in->count; i++) {
        free((char *)(uintptr_t)in->frames[i].body.p);
    }
    free(in->frames);
    *in = (struct inbox){0};
}

static void add_frame(struct inbox *in, const struct link_frame *f)
{
    if (in->count == in->room) {
        in->room = in->room ? in->room * 2 : 64;
        in->frames = mem_grow(in->frames, in->room, sizeof(in->frames[0]));
    }
    struct link_frame copy = *f;
    copy.body.p = mem_copy(f->body.len ? f->body.p : "", f->body.len);
    in->frames[in->count++] = copy;
}

void inbox_take(struct inbox *in, struct feed_worker *w)
{
    struct buf bytes = BUF_INIT;
    struct feed_fds fds = {0};
    struct link_reader reader;
    struct link_frame frame;
    enum rc rc;
    inbox_clear(in);
    in->broken = !feed_take(w, &bytes, &fds);
    in->fds = fds.count;
    link_reader_init(&reader);
    struct str left = buf_str(&bytes);
    while ((rc = link_reader_next(&reader, &left, &frame)) == RC_OK) {
        add_frame(in, &frame);
    }
    assert_int_equal(rc, RC_AGAIN);
    link_reader_release(&reader);
    buf_release(&bytes);
    free(fds.fd);
}

unsigned inbox_count(const struct inbox *in, uint16_t type)
{
    unsigned n = 0;
    for (unsigned i = 0; i < in->count; i++) {
        n += in->frames[i].type == type;
    }
    return n;
}

const struct link_frame *inbox_at(const struct inbox *in, uint16_t type, unsigned nth)
{
    for (unsigned i = 0; i < in->count; i++) {
        if (in->frames[i].type == type && nth-- == 0) {
            return &in->frames[i];
        }
    }
    return NULL;
}

struct link_event inbox_event(const struct inbox *in, unsigned nth)
{
    struct link_event e;
    const struct link_frame *f = inbox_at(in, LINK_EVENT, nth);
    assert_non_null(f);
    assert_int_equal(link_get_event(f->body, &e), RC_OK);
    return e;
}

bool names_slot(const struct link_recipients *to, uint32_t slot)
{
    for (uint32_t i = 0; i < to->count; i++) {
        if (link_slot_at(to, i, NULL) == slot) {
            return true;
        }
    }
    return false;
}

struct feed_worker *world_join(struct world *w, uint16_t number, uint64_t incarnation)
{
    struct feed_worker *worker = NULL;
    struct link_hello hello = {.magic = LINK_MAGIC,
                               .major = LINK_MAJOR,
                               .worker = number,
                               .incarnation = incarnation,
                               .capacity = 100000};
    assert_int_equal(feed_join(w->feed, &hello, NULL, 0, NULL, 0, &worker), RC_OK);
    return worker;
}

enum code world_try_adopt(struct world *w, uint64_t user, uint64_t peer_key)
{
    return feed_adopt(w->feed, &(struct link_adopt){.user_id = user, .peer_key = peer_key}, 1000, 1000000);
}

enum rc world_up(struct world *w, struct feed_worker *worker, const struct buf *frames)
{
    struct link_reader reader;
    struct link_frame frame;
    enum rc rc = RC_OK, read;
    struct str left = buf_str(frames);
    link_reader_init(&reader);
    while (rc == RC_OK && (read = link_reader_next(&reader, &left, &frame)) == RC_OK) {
        rc = feed_up(w->feed, worker, &frame);
    }
    link_reader_release(&reader);
    return rc;
}

uint32_t world_adopt_as(struct world *w, struct feed_worker *worker, const struct link_adopt *wanted)
{
    struct inbox in = {0};
    struct buf up = BUF_INIT;
    struct link_adopt a;
    assert_int_equal(feed_adopt(w->feed, wanted, 1000, 1000000), CODE_OK);
    inbox_take(&in, worker);
    const struct link_frame *f = inbox_at(&in, LINK_ADOPT, 0);
    assert_non_null(f);
    assert_int_equal(link_get_adopt(f->body, &a), RC_OK);
    link_put_adopted(&up, f->request, 7);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    inbox_clear(&in);
    buf_release(&up);
    return a.slot;
}

uint32_t world_adopt(struct world *w, struct feed_worker *worker, uint64_t user, uint64_t peer_key)
{
    return world_adopt_as(w, worker, &(struct link_adopt){.user_id = user, .peer_key = peer_key});
}
