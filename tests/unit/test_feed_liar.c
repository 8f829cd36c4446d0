/* Workers that say anything at all, while others go on: counts stay whole, and nothing is left when all have gone. */
#include "tests/unit/unit.h"

#include "rest/metrics.h"
#include "rest/recovery.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "tests/lib/fake_store.h"
#include "tests/lib/feed_world.h"

enum { USERS = 300, WORKERS = 4, STEPS = 30000, RECOVERIES = 20 };

static uint64_t seed;

static uint32_t pick(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % below;
}

/* Mostly a small number, now and then one from the end of the range. */
static uint32_t odd(uint32_t below)
{
    static const uint32_t ends[] = {0, UINT32_MAX, UINT32_MAX - 1, 1u << 31, (1u << 31) - 1, FEED_SLOTS_MAX, 65536};
    return pick(20) == 0 ? ends[pick(7)] : pick(below);
}

struct liar {
    struct world *w;
    struct feed_worker *workers[WORKERS];
    uint64_t chats[4];
    uint32_t last_poll, polls_held, polls_done;
};

static void check_watchers(const struct feed_worker *w)
{
    uint32_t typing = 0, updates = 0;
    for (uint32_t s = 1; s < w->slots_count; s++) {
        typing += (w->slots[s].watch & CONN_EVENTS_TYPING) != 0;
        updates += (w->slots[s].watch & CONN_CHAT_UPDATES) != 0;
        assert_true(w->slots[s].user_id != 0 || w->slots[s].watch == 0);
    }
    assert_int_equal(w->watchers[WATCH_TYPING], typing);
    assert_int_equal(w->watchers[WATCH_UPDATES], updates);
}

static void check_same(struct map64 *found, const struct map64 *kept)
{
    uint32_t at = 0, n;
    uint64_t key;
    assert_int_equal(found->count, kept->count);
    while (map64_next(kept, &at, &key, &n)) {
        assert_int_equal(feed_counted(found, key), n);
    }
    map64_release(found);
}

static void check_counts(const struct feed *f)
{
    struct map64 peers = MAP64_INIT, users = MAP64_INIT, viewers = MAP64_INIT;
    uint32_t polls = 0, held = 0;
    for (unsigned i = 0; i < f->workers_count; i++) {
        const struct feed_worker *w = f->workers[i];
        uint32_t at = 0, n, sessions = 0, in_use = 0;
        uint64_t key;
        while (map64_next(&w->peers, &at, &key, &n)) {
            feed_count_up(&peers, key, n);
            sessions += n;
        }
        for (uint32_t s = 1; s < w->slots_count; s++) {
            in_use += w->slots[s].user_id != 0;
            feed_count_up(&users, w->slots[s].user_id, w->slots[s].sessions);
        }
        assert_int_equal(w->sessions, sessions);
        assert_int_equal(w->users, in_use);
        assert_int_equal(w->attaches_count, w->attach_at.count);
        polls += w->polls.count;
        check_watchers(w);
        at = 0;
        while (map64_next(&w->topics, &at, &key, &n)) {
            feed_count_up(&viewers, key, n);
        }
    }
    for (uint32_t i = 0; i < f->polls.count; i++) {
        held += f->polls.held[i].id != 0;
    }
    assert_int_equal(polls, held);
    check_same(&peers, &f->peers);
    check_same(&users, &f->user_sessions);
    check_same(&viewers, &f->viewers);
}

static struct feed_worker *hello(struct world *w, uint16_t number)
{
    struct link_hello_user users[5];
    struct link_hello_peer peers[3];
    struct feed_worker *worker = NULL;
    uint32_t users_count = pick(6), peers_count = pick(4);
    struct link_hello h = {.worker = number, .incarnation = pick(3), .capacity = odd(100),
                           .log_id = pick(4) ? WORLD_LOG_ID : 5, .position = pick(2000)};
    for (uint32_t i = 0; i < users_count; i++) {
        users[i] = (struct link_hello_user){pick(30) ? 1 + pick(40) : odd(9), pick(USERS + 5), odd(5), odd(5)};
    }
    for (uint32_t i = 0; i < peers_count; i++) {
        peers[i] = (struct link_hello_peer){1 + pick(9), odd(9)};
    }
    enum rc rc = feed_join(w->feed, &h, users, users_count, peers, peers_count, &worker);
    assert_true((rc == RC_OK) == (worker != NULL));
    return worker;
}

static struct str any_pid(void)
{
    static const char pids[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    return (struct str){pids + pick(36), 1};
}

static void put_recovery(struct buf *up)
{
    struct buf rooms = BUF_INIT;
    for (uint32_t i = pick(4); i > 0; i--) {
        link_add_room(&rooms, (struct link_room){pick(9), pick(2000)});
    }
    link_put_recovery(up, &(struct link_recovery){.slot = odd(40), .session = pick(30), .number = odd(4), .pid = any_pid(),
                                                  .state = (uint8_t)(pick(50) ? 1 + pick(3) : pick(9)), .rooms = buf_str(&rooms)});
    buf_release(&rooms);
}

static void put_nonsense(struct liar *l, struct buf *up)
{
    struct cmd c = {.kind = (uint8_t)(1 + pick(12)), .chat_id = pick(6), .content = STR("x")};
    struct link_closed closed[3] = {{odd(40), pick(9)}, {odd(40), pick(9)}, {odd(40), 0}};
    switch (pick(20)) {
    case 12:
        link_put_presence(up, (struct link_presence[]){{odd(40), pick(7), pick(2)}, {odd(40), pick(7), true}}, 2);
        break;
    case 13:
        link_put_command(up, 1, pick(9), odd(40), &(struct cmd){.kind = pick(2) ? CMD_FOCUS : CMD_TYPING, .chat_id = pick(7), .number = pick(3)});
        break;
    case 14:
    case 15:
        world_token_user = pick(USERS + 3);
        world_token_code = pick(4) ? CODE_OK : CODE_UNAUTHENTICATED;
        link_put_login(up, odd(9), &(struct link_login){.session = pick(30), .dialect = (uint8_t)pick(DIALECT_COUNT),
                                                        .peer_key = pick(9), .token = STR("t"), .pid = any_pid()});
        break;
    case 18:
    case 19:
        put_recovery(up);
        break;
    case 16:
    case 17:
        link_put_poll_reply(up, l->last_poll - pick(20), &(struct link_poll_reply){.status = pick(2) ? 200 : 503, .body = STR("6")});
        break;
    case 9:
        link_put_watch(up, odd(40), odd(1024));
        break;
    case 10:
        link_put_topic(up, pick(5), odd(5), odd(5));
        break;
    case 11:
        link_put_query(up, pick(9), &(struct link_query){.session = pick(9), .slot = odd(40), .kind = (uint8_t)pick(10),
                                                         .body = pick(2) ? STR("{\"chat_id\":1}") : STR("{\"chat")});
        break;
    case 0:
        link_put_adopted(up, odd(3000), pick(9));
        break;
    case 1:
        link_put_adopt_failed(up, odd(3000), (enum code)pick(CODE_COUNT));
        break;
    case 2:
        link_put_gone(up, odd(40), odd(6));
        break;
    case 3:
        link_put_session_closed(up, closed, (uint16_t)pick(4));
        break;
    case 4:
        link_put_command(up, pick(9), pick(9), odd(40), &c);
        break;
    case 5:
    case 6:
        link_put_attach(up, &(struct link_attach){.session = pick(30), .generation = pick(4), .slot = odd(40),
                                                  .since_log = pick(9) ? WORLD_LOG_ID >> 32 : pick(2),
                                                  .since = pick(20) ? pick(3000) : UINT64_MAX});
        break;
    case 7:
        link_put_pull(up, pick(30), pick(4));
        break;
    default:
        link_put_reauth(up, 1, pick(9), odd(40), STR("t"));
        break;
    }
}

/* What the link server does with a worker that broke the rules, or now and then with any. */
static void leave(struct liar *l, unsigned i)
{
    feed_leave(l->w->feed, l->workers[i]);
    l->workers[i] = NULL;
}

static void answer_adopts(struct liar *l, unsigned i)
{
    struct inbox in = {0};
    struct buf up = BUF_INIT;
    inbox_take(&in, l->workers[i]);
    for (unsigned k = 0; k < in.count; k++) {
        if (in.frames[k].type == LINK_ADOPT && pick(4) != 0) {
            if (pick(5) == 0) {
                link_put_adopt_failed(&up, in.frames[k].request, CODE_RESTARTING);
            } else {
                link_put_adopted(&up, in.frames[k].request, pick(30));
            }
        }
    }
    enum rc rc = world_up(l->w, l->workers[i], &up);
    if (in.broken || rc != RC_OK) {
        leave(l, i);
    }
    inbox_clear(&in);
    buf_release(&up);
}

static void publish_something(struct liar *l)
{
    uint64_t user = 2 + pick(USERS - 1), chat = l->chats[pick(4)];
    struct cmd add = {.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = chat, .users = &user, .users_count = 1};
    struct cmd remove = {.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = chat, .user_id = user};
    struct cmd revoke = {.kind = CMD_REVOKE, .user_id = user};
    switch (pick(8)) {
    case 0:
        world_do(l->w, &add);
        break;
    case 1:
        world_do(l->w, &remove);
        break;
    case 2:
        world_do(l->w, &revoke);
        break;
    default:
        world_send(l->w, 1, chat, "a message");
    }
}

/* -- the HTTP side of Engine.IO ------------------------------------------------------------------------------------ */

static void before_poll(void *ctx, uint32_t poll_id)
{
    struct liar *l = ctx;
    l->last_poll = poll_id;
    l->polls_held++;
}

static void on_poll_done(void *ctx, uint32_t poll_id, const struct link_poll_reply *reply)
{
    struct liar *l = ctx;
    assert_true(poll_id != 0 && (reply == NULL || reply->status == 200 || reply->status == 503));
    l->polls_done++;
}

static void poll_something(struct liar *l)
{
    struct feed_place place = {(uint16_t)(1 + pick(WORKERS)), pick(3)};
    struct link_poll m = {.method = LINK_POLL_GET, .dialect = DIALECT_SOCKETIO, .peer_key = 1 + pick(9)};
    if (pick(4) == 0) {
        feed_poll_abort(l->w->feed, l->last_poll - pick(20));
    }
    (void)feed_poll(l->w->feed, &m, pick(2) ? &place : NULL, before_poll, l);
}

static void step(struct liar *l, struct store *store)
{
    unsigned i = pick(WORKERS);
    if (pick(5) == 0) {
        poll_something(l);
    }
    if (pick(4) == 0) {
        publish_something(l);
    }
    if (pick(20) == 0) {
        feed_tick(l->w->feed, mono_ms() + pick(20000));
        world_submit_outcome = pick(5) ? CODE_OK : CODE_UNAVAILABLE;
        feed_recovery_store(l->w->feed, mono_ms() + pick(20000));
        assert_true(recoveries_count(l->w->feed->recoveries) <= RECOVERIES);
    }
    if (world_db_waiting() > 0 && pick(3) == 0) {
        world_db_run(pick(10) ? store : NULL);
    }
    if (pick(3) == 0) {
        (void)feed_adopt(l->w->feed, &(struct link_adopt){.user_id = pick(USERS + 3), .peer_key = 1 + pick(9),
                                                          .topic = pick(5), .options = pick(1024),
                                                          .dialect = (uint8_t)pick(DIALECT_COUNT)},
                         1000, 1000000);
    }
    if (l->workers[i] == NULL) {
        l->workers[i] = hello(l->w, (uint16_t)(1 + pick(WORKERS)));
    } else if (pick(3) == 0) {
        answer_adopts(l, i);
    } else if (pick(50) == 0) {
        leave(l, i);
    } else {
        struct buf up = BUF_INIT;
        put_nonsense(l, &up);
        if (world_up(l->w, l->workers[i], &up) != RC_OK) {
            leave(l, i);
        }
        buf_release(&up);
    }
}

static void run(uint64_t start)
{
    struct feed_conf conf;
    world_conf(&conf);
    conf.ring_max_bytes = 60000;
    conf.replay_chunk_events = 7;
    conf.replay_max_events = 300;
    conf.worker_adopts_max = 16;
    conf.recovery_ms = 60000;
    conf.recovery_max = RECOVERIES;
    struct liar l = {.w = world_new(&conf, USERS, 1)};
    struct store *store = fake_db_open();
    feed_on_poll_done(l.w->feed, on_poll_done, &l);
    seed = start;
    for (unsigned i = 0; i < 4; i++) {
        l.chats[i] = world_group(l.w, 1, i == 0 ? 280 : 5 + i);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        step(&l, store);
        if (i % 1000 == 0) {
            check_counts(l.w->feed);
        }
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        if (l.workers[i] != NULL) {
            leave(&l, i);
        }
    }
    while (world_db_waiting() > 0) {
        world_db_run(store);
    }
    assert_int_equal(l.w->feed->workers_count, 0);
    world_submit_outcome = CODE_OK;
    feed_recovery_stop(l.w->feed);
    assert_false(recoveries_wait(l.w->feed->recoveries));
    assert_int_equal(l.w->feed->recoveries_storing, 0);
    assert_true(l.polls_done > 100 && l.polls_done < l.polls_held);
    for (uint32_t i = 0; i < l.w->feed->polls.count; i++) {
        assert_int_equal(l.w->feed->polls.held[i].id, 0);
    }
    assert_int_equal(l.w->feed->peers.count, 0);
    assert_int_equal(l.w->feed->user_sessions.count, 0);
    assert_int_equal(l.w->feed->viewers.count, 0);
    assert_int_equal(metric_get(METRIC_FOCUS_ENTRIES), 0);
    assert_int_equal(l.w->feed->refs_total, 0);
    store_close(store);
    world_free(l.w);
}

static void test_nonsense_costs_only_the_one_who_speaks_it(void **state)
{
    (void)state;
    run(88172645463325252u);
    run(0x9e3779b97f4a7c15u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonsense_costs_only_the_one_who_speaks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
