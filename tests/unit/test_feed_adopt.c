/* Workers and their users: hand-over, counts, slots, and workers that say what cannot be. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "tests/lib/feed_world.h"

static struct world *small(unsigned users)
{
    struct feed_conf conf;
    world_conf(&conf);
    return world_new(&conf, users, 1);
}

static enum rc say_gone(struct world *w, struct feed_worker *worker, uint32_t slot, uint32_t adopts)
{
    struct buf up = BUF_INIT;
    link_put_gone(&up, slot, adopts);
    enum rc rc = world_up(w, worker, &up);
    buf_release(&up);
    return rc;
}

static enum rc say_closed(struct world *w, struct feed_worker *worker, uint32_t slot, uint64_t peer_key)
{
    struct buf up = BUF_INIT;
    link_put_session_closed(&up, &(struct link_closed){slot, peer_key}, 1);
    enum rc rc = world_up(w, worker, &up);
    buf_release(&up);
    return rc;
}

static struct feed_worker_info info(struct world *w)
{
    struct feed_worker_info i = {0};
    assert_true(feed_workers(w->feed, &i, 1) >= 1);
    return i;
}

static void test_nobody_takes_an_adopt_without_a_worker(void **state)
{
    (void)state;
    struct world *w = small(2);
    assert_int_equal(world_try_adopt(w, 1, 5), CODE_NO_WORKER);
    assert_int_equal(feed_workers_ready(w->feed), 0);
    world_free(w);
}

static void test_workers_wait_until_the_log_is_known(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    struct cache *cache = cache_new();
    struct feed *f = feed_new(&conf, cache);
    struct feed_worker *worker = NULL;
    struct link_hello hello = {.worker = 1};
    assert_int_equal(feed_join(f, &hello, NULL, 0, NULL, 0, &worker), RC_UNAVAILABLE);
    feed_free(f);
    cache_free(cache);
}

static void test_adopts_go_to_the_least_loaded(void **state)
{
    (void)state;
    struct world *w = small(10);
    struct feed_worker *a = world_join(w, 1, 9), *b = world_join(w, 2, 9);
    for (unsigned i = 1; i <= 10; i++) {
        assert_int_equal(world_try_adopt(w, i, i), CODE_OK);
    }
    assert_int_equal(a->sessions, 5);
    assert_int_equal(b->sessions, 5);
    world_free(w);
}

static void test_a_worker_gets_no_more_than_it_has_room_for(void **state)
{
    (void)state;
    struct world *w = small(10);
    struct link_hello hello = {.worker = 1, .incarnation = 9, .capacity = 2};
    struct link_hello_peer peer = {5, 3};
    struct feed_worker *a = NULL;
    assert_int_equal(feed_join(w->feed, &hello, NULL, 0, &peer, 1, &a), RC_OK);
    assert_int_equal(world_try_adopt(w, 1, 6), CODE_OK);
    assert_int_equal(world_try_adopt(w, 2, 6), CODE_OK);
    assert_int_equal(world_try_adopt(w, 3, 6), CODE_NO_WORKER);
    assert_int_equal(say_closed(w, a, 0, 5), RC_OK);
    assert_int_equal(world_try_adopt(w, 3, 6), CODE_OK);
    world_free(w);
}

static void test_unanswered_adopts_are_bounded(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    conf.worker_adopts_max = 3;
    struct world *w = world_new(&conf, 10, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(world_try_adopt(w, i, 5), CODE_OK);
    }
    assert_int_equal(world_try_adopt(w, 4, 5), CODE_NO_WORKER);
    inbox_take(&in, worker);
    assert_int_equal(in.fds, 3);
    assert_int_equal(inbox_count(&in, LINK_ADOPT), 3);
    struct buf up = BUF_INIT;
    link_put_adopted(&up, inbox_at(&in, LINK_ADOPT, 1)->request, 70);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    assert_int_equal(world_given_back, 1);
    assert_int_equal(world_give_back_code, CODE_OK);
    assert_int_equal(world_try_adopt(w, 4, 5), CODE_OK);
    assert_int_equal(world_up(w, worker, &up), RC_PROTOCOL); /* the same answer again */
    inbox_clear(&in);
    buf_release(&up);
    world_free(w);
}

static void test_caps_count_over_all_workers(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    conf.user_connections_max = 2;
    conf.address_connections_max = 3;
    struct world *w = world_new(&conf, 10, 1);
    struct feed_worker *a = world_join(w, 1, 9);
    world_join(w, 2, 9);
    assert_int_equal(world_try_adopt(w, 1, 5), CODE_OK);
    assert_int_equal(world_try_adopt(w, 1, 5), CODE_OK);
    assert_int_equal(world_try_adopt(w, 1, 6), CODE_TOO_MANY_CONNECTIONS);
    assert_int_equal(world_try_adopt(w, 2, 5), CODE_OK);
    assert_int_equal(world_try_adopt(w, 3, 5), CODE_TOO_MANY_CONNECTIONS);
    assert_int_equal(say_closed(w, a, 1, 5), RC_OK);
    assert_int_equal(world_try_adopt(w, 1, 5), CODE_OK);
    world_free(w);
}

static void test_a_revocation_between_door_and_hand_over_counts(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    cache_revoke_family(w->cache, 44, 1);
    struct link_adopt a = {.user_id = 1, .family = 44, .peer_key = 5};
    assert_int_equal(feed_adopt(w->feed, &a, 1000, 1), CODE_TOKEN_REVOKED);
    cache_put_user(w->cache, &(struct row_user){.id = 2, .status = USER_DISABLED});
    a = (struct link_adopt){.user_id = 2, .peer_key = 5};
    assert_int_equal(feed_adopt(w->feed, &a, 1000, 1), CODE_USER_DISABLED);
    a.user_id = 99;
    assert_int_equal(feed_adopt(w->feed, &a, 1000, 1), CODE_USER_NOT_FOUND);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_ADOPT), 0);
    assert_int_equal(worker->users, 0);
    inbox_clear(&in);
    world_free(w);
}

static void test_who_is_gone_gives_the_slot_back(void **state)
{
    (void)state;
    struct world *w = small(5);
    struct feed_worker *worker = world_join(w, 1, 9);
    uint32_t slot = world_adopt(w, worker, 1, 5);
    assert_true(feed_user_online(w->feed, 1));
    assert_int_equal(info(w).users, 1);
    assert_int_equal(say_closed(w, worker, slot, 5), RC_OK);
    assert_int_equal(say_gone(w, worker, slot, 1), RC_OK);
    assert_false(feed_user_online(w->feed, 1));
    assert_true(info(w).users == 0 && info(w).sessions == 0);
    /* The adopts of a slot are counted over all who had it, here as there. */
    assert_int_equal(world_adopt(w, worker, 2, 5), slot);
    assert_int_equal(say_closed(w, worker, slot, 5), RC_OK);
    assert_int_equal(say_gone(w, worker, slot, 2), RC_OK);
    assert_int_equal(info(w).users, 0);
    assert_int_equal(world_adopt(w, worker, 3, 5), slot);
    world_free(w);
}

static void test_gone_loses_the_race_against_an_adopt(void **state)
{
    (void)state;
    struct world *w = small(5);
    struct feed_worker *worker = world_join(w, 1, 9);
    uint32_t slot = world_adopt(w, worker, 1, 5);
    assert_int_equal(world_try_adopt(w, 1, 5), CODE_OK); /* on its way while the worker says: */
    assert_int_equal(say_closed(w, worker, slot, 5), RC_OK);
    assert_int_equal(say_gone(w, worker, slot, 1), RC_OK);
    assert_true(feed_user_online(w->feed, 1));
    assert_int_equal(info(w).users, 1);
    assert_int_equal(say_closed(w, worker, slot, 5), RC_OK);
    assert_int_equal(say_gone(w, worker, slot, 2), RC_OK);
    assert_false(feed_user_online(w->feed, 1));
    world_free(w);
}

static void test_a_refused_adopt_is_not_counted(void **state)
{
    (void)state;
    struct world *w = small(5);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct buf up = BUF_INIT;
    assert_int_equal(world_try_adopt(w, 1, 5), CODE_OK);
    inbox_take(&in, worker);
    link_put_adopt_failed(&up, inbox_at(&in, LINK_ADOPT, 0)->request, CODE_RESTARTING);
    link_put_gone(&up, 1, 1);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    assert_int_equal(world_give_back_code, CODE_RESTARTING);
    assert_true(info(w).sessions == 0 && info(w).users == 0);
    assert_int_equal(w->feed->peers.count, 0);
    assert_int_equal(w->feed->user_sessions.count, 0);
    inbox_clear(&in);
    buf_release(&up);
    world_free(w);
}

static void test_a_lost_worker_takes_its_counts_with_it(void **state)
{
    (void)state;
    struct world *w = small(5);
    struct feed_worker *a = world_join(w, 1, 9), *b = world_join(w, 2, 9);
    struct inbox in = {0};
    world_adopt(w, a, 1, 5);
    world_adopt(w, b, 1, 5);
    assert_int_equal(world_try_adopt(w, 2, 6), CODE_OK); /* one that is taken, */
    inbox_take(&in, a);
    assert_int_equal(world_try_adopt(w, 3, 6), CODE_OK); /* one for the other worker */
    world_given_back = 0;
    feed_leave(w->feed, a);
    assert_int_equal(world_given_back, 1);
    assert_int_equal(world_give_back_code, CODE_OK); /* perhaps answered with 101: only to be closed */
    assert_true(feed_user_online(w->feed, 1));
    assert_int_equal(feed_counted(&w->feed->peers, 5), 1);
    feed_leave(w->feed, b);
    assert_int_equal(world_give_back_code, CODE_NO_WORKER);
    assert_int_equal(w->feed->peers.count, 0);
    assert_int_equal(w->feed->user_sessions.count, 0);
    inbox_clear(&in);
    world_free(w);
}

static void test_the_first_of_a_large_chat_wakes_the_link_at_once(void **state)
{
    (void)state;
    struct world *w = small(400);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    int wake = eventfd(0, EFD_NONBLOCK);
    uint64_t count;
    feed_set_wake(w->feed, wake);
    world_adopt(w, worker, 1, 5);
    world_group(w, 1, 300);
    inbox_take(&in, worker);
    assert_int_equal(read(wake, &count, sizeof(count)), sizeof(count));
    assert_int_equal(world_try_adopt(w, 200, 5), CODE_OK);
    assert_int_equal(poll(&(struct pollfd){.fd = wake, .events = POLLIN}, 1, 0), 1);
    feed_set_wake(w->feed, -1);
    close(wake);
    inbox_clear(&in);
    world_free(w);
}

static enum rc join(struct world *w, const struct link_hello_user *users, uint32_t users_count,
                    const struct link_hello_peer *peers, uint32_t peers_count)
{
    struct link_hello hello = {.worker = 3, .incarnation = 9, .capacity = 100};
    struct feed_worker *worker = NULL;
    enum rc rc = feed_join(w->feed, &hello, users, users_count, peers, peers_count, &worker);
    if (rc == RC_OK) {
        feed_leave(w->feed, worker);
    }
    assert_int_equal(w->feed->peers.count, 0);
    assert_int_equal(w->feed->user_sessions.count, 0);
    assert_int_equal(w->feed->workers_count, 0);
    return rc;
}

static void test_a_hello_that_cannot_be_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    struct world *w = small(5);
    assert_int_equal(join(w, &(struct link_hello_user){0, 1, 1, 1}, 1, NULL, 0), RC_PROTOCOL);
    assert_int_equal(join(w, &(struct link_hello_user){UINT32_MAX, 1, 1, 1}, 1, NULL, 0), RC_PROTOCOL);
    assert_int_equal(join(w, &(struct link_hello_user){1, 0, 1, 1}, 1, NULL, 0), RC_PROTOCOL);
    assert_int_equal(join(w, &(struct link_hello_user){1, 1, UINT32_MAX, 1}, 1, NULL, 0), RC_PROTOCOL);
    struct link_hello_user same_slot[] = {{1, 1, 1, 1}, {1, 2, 1, 1}};
    assert_int_equal(join(w, same_slot, 2, NULL, 0), RC_PROTOCOL);
    struct link_hello_user same_user[] = {{1, 1, 1, 1}, {2, 1, 1, 1}};
    assert_int_equal(join(w, same_user, 2, NULL, 0), RC_PROTOCOL);
    struct link_hello_user many[] = {{1, 1, FEED_SESSIONS_MAX, 1}, {2, 2, FEED_SESSIONS_MAX, 1}};
    assert_int_equal(join(w, many, 2, NULL, 0), RC_PROTOCOL);
    assert_int_equal(join(w, NULL, 0, &(struct link_hello_peer){0, 1}, 1), RC_PROTOCOL);
    assert_int_equal(join(w, NULL, 0, &(struct link_hello_peer){5, UINT32_MAX}, 1), RC_PROTOCOL);
    struct link_hello_peer peers[] = {{5, FEED_SESSIONS_MAX}, {6, 1}};
    assert_int_equal(join(w, NULL, 0, peers, 2), RC_PROTOCOL);
    assert_int_equal(join(w, &(struct link_hello_user){FEED_SLOTS_MAX, 1, 1, UINT32_MAX}, 1, peers, 1), RC_OK);
    world_free(w);
}

static void test_workers_cannot_close_what_is_not_theirs(void **state)
{
    (void)state;
    struct world *w = small(5);
    struct feed_worker *a = world_join(w, 1, 9), *b = world_join(w, 2, 9);
    uint32_t slot = world_adopt(w, a, 1, 5);
    world_adopt(w, b, 2, 6);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(say_closed(w, b, 0, 5), RC_OK);
    }
    assert_int_equal(feed_counted(&w->feed->peers, 5), 1);
    assert_int_equal(b->sessions, 1);
    assert_int_equal(say_closed(w, b, 77, 6), RC_PROTOCOL);
    assert_int_equal(say_gone(w, b, 77, 1), RC_PROTOCOL);
    assert_int_equal(say_gone(w, b, 0, 1), RC_PROTOCOL);
    /* A logout: the user's count goes down, the connection is still there. */
    assert_int_equal(say_closed(w, a, slot, 0), RC_OK);
    assert_false(feed_user_online(w->feed, 1));
    assert_int_equal(a->sessions, 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(say_closed(w, a, slot, 5), RC_OK);
    }
    assert_int_equal(a->sessions, 0);
    world_free(w);
}

static void test_users_of_a_hello_keep_their_slots(void **state)
{
    (void)state;
    struct world *w = small(9);
    struct link_hello hello = {.worker = 3, .incarnation = 9, .log_id = WORLD_LOG_ID, .capacity = 100};
    struct link_hello_user users[] = {{5, 1, 2, 7}, {2, 4, 1, 3}, {3, 77, 1, 1}};
    struct link_hello_peer peers[] = {{5, 4}};
    struct feed_worker *worker = NULL;
    struct inbox in = {0};
    assert_int_equal(feed_join(w->feed, &hello, users, 3, peers, 1, &worker), RC_OK);
    inbox_take(&in, worker);
    uint32_t slot = 0;
    uint64_t session, family;
    enum code code;
    assert_int_equal(inbox_count(&in, LINK_KICK), 1); /* 77 is nobody we know */
    assert_int_equal(link_get_kick(inbox_at(&in, LINK_KICK, 0)->body, &slot, &session, &family, &code), RC_OK);
    assert_int_equal(slot, 3);
    assert_int_equal(world_adopt(w, worker, 1, 5), 5);
    assert_int_equal(world_adopt(w, worker, 6, 5), 1); /* the lowest that is free, not 3 */
    assert_int_equal(world_adopt(w, worker, 7, 5), 4);
    assert_int_equal(world_adopt(w, worker, 8, 5), 6);
    assert_int_equal(say_gone(w, worker, 3, 1), RC_OK);
    assert_int_equal(world_adopt(w, worker, 9, 5), 3);
    assert_int_equal(say_gone(w, worker, 5, 8), RC_OK);
    assert_false(feed_user_online(w->feed, 1));
    inbox_clear(&in);
    world_free(w);
}

/* Sessions of a worker that was away too long to be told what was revoked meanwhile. */
static void test_who_may_have_been_revoked_meanwhile_comes_in_again(void **state)
{
    (void)state;
    struct feed_conf conf;
    world_conf(&conf);
    conf.ring_max_bytes = 1;
    struct world *w = world_new(&conf, 5, 1);
    world_group(w, 3, 2);
    uint64_t position = feed_published(w->feed);
    world_do(w, &(struct cmd){.kind = CMD_REVOKE, .user_id = 1});
    world_do(w, &(struct cmd){.kind = CMD_USER_UPDATE, .user_id = 2, .number = CMD_STATUS_DISABLED});
    world_group(w, 3, 2);
    struct link_hello hello = {.worker = 3, .incarnation = 9, .log_id = WORLD_LOG_ID, .position = position, .capacity = 9};
    struct link_hello_user users[] = {{1, 1, 1, 1}, {2, 2, 1, 1}, {3, 3, 1, 1}};
    struct feed_worker *worker = NULL;
    struct inbox in = {0};
    assert_int_equal(feed_join(w->feed, &hello, users, 3, NULL, 0, &worker), RC_OK);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_KICK), 2);
    inbox_clear(&in);
    world_free(w);
}

static void test_commands_are_those_of_the_slots_user(void **state)
{
    (void)state;
    struct world *w = small(5);
    struct feed_worker *worker = world_join(w, 4, 9);
    struct inbox in = {0};
    struct buf up = BUF_INIT;
    uint32_t slot = world_adopt(w, worker, 2, 5);
    struct cmd c = {.kind = CMD_READ, .actor_id = 1, .chat_id = 3, .number = 1, .number2 = 9};
    link_put_command(&up, 50, 70, slot, &c);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    assert_true(world_last_command.cmd.actor_id == 2 && world_last_command.cmd.origin_worker == 4);
    assert_true(world_last_command.cmd.origin_session == 70 && world_last_command.cmd.number == 0 &&
                world_last_command.cmd.number2 == 0);
    assert_true(world_last_command.to.worker == 4 && world_last_command.to.incarnation == 9 &&
                world_last_command.to.request == 50 && world_last_command.to.session == 70);
    buf_clear(&up);
    link_put_command(&up, 51, 70, slot + 1, &c); /* nobody's slot */
    link_put_command(&up, 52, 70, 4000000, &c);
    c.kind = CMD_TYPING;
    link_put_command(&up, 53, 70, slot, &c);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    world_command_code = CODE_QUEUE_FULL;
    buf_clear(&up);
    c.kind = CMD_READ;
    link_put_command(&up, 54, 70, slot, &c);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    inbox_take(&in, worker);
    enum code expected[] = {CODE_UNAUTHENTICATED, CODE_UNAUTHENTICATED, CODE_CHAT_NOT_FOUND, CODE_QUEUE_FULL};
    for (unsigned i = 0; i < 4; i++) {
        const struct link_frame *f = inbox_at(&in, LINK_REPLY, i);
        struct outcome o;
        uint64_t session;
        struct str body;
        assert_int_equal(link_get_reply(f->body, &session, &o, &body), RC_OK);
        assert_int_equal(f->request, 51 + i);
        assert_int_equal(o.code, expected[i]);
    }
    inbox_clear(&in);
    buf_release(&up);
    world_free(w);
}

static enum code reauth(struct world *w, struct feed_worker *worker, uint32_t slot, uint64_t *family)
{
    struct buf up = BUF_INIT;
    struct inbox in = {0};
    uint64_t session, expires_s;
    enum code code = CODE_INTERNAL;
    link_put_reauth(&up, 60, 70, slot, STR("token"));
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    inbox_take(&in, worker);
    const struct link_frame *f = inbox_at(&in, LINK_REAUTH_REPLY, 0);
    assert_non_null(f);
    assert_int_equal(link_get_reauth_reply(f->body, &session, &code, family, &expires_s), RC_OK);
    inbox_clear(&in);
    buf_release(&up);
    return code;
}

static void test_a_fresh_token_is_checked_once_more_where_the_order_is_fixed(void **state)
{
    (void)state;
    struct world *w = small(5);
    struct feed_worker *worker = world_join(w, 4, 9);
    uint32_t slot = world_adopt(w, worker, 2, 5);
    uint64_t family = 0;
    world_token_user = 2;
    world_token_family = 44;
    assert_int_equal(reauth(w, worker, slot, &family), CODE_OK);
    assert_true(family == 44);
    world_token_user = 3;
    assert_int_equal(reauth(w, worker, slot, &family), CODE_CARRIERS_DISAGREE);
    assert_int_equal(reauth(w, worker, 999999, &family), CODE_CARRIERS_DISAGREE);
    world_token_user = 2;
    cache_revoke_family(w->cache, 44, 1); /* published after the token was read */
    assert_int_equal(reauth(w, worker, slot, &family), CODE_TOKEN_REVOKED);
    assert_true(family == 0);
    world_free(w);
}

static void test_a_draining_worker_gets_nobody(void **state)
{
    (void)state;
    struct world *w = small(5);
    struct feed_worker *worker = world_join(w, 4, 9);
    struct buf up = BUF_INIT;
    link_put_drain(&up, 1000);
    link_put_stats(&up, &(struct link_stat){STR("conns"), 4}, 1);
    assert_int_equal(feed_workers_ready(w->feed), 1);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    assert_int_equal(feed_workers_ready(w->feed), 0);
    assert_int_equal(world_try_adopt(w, 1, 5), CODE_NO_WORKER);
    buf_release(&up);
    world_free(w);
}

static void test_malformed_bodies_end_the_link(void **state)
{
    (void)state;
    struct world *w = small(5);
    struct feed_worker *worker = world_join(w, 4, 9);
    static const uint16_t types[] = {LINK_ADOPTED, LINK_ADOPT_FAILED, LINK_GONE,   LINK_SESSION_CLOSED, LINK_COMMAND,
                                     LINK_REAUTH,  LINK_ATTACH,       LINK_PULL,   LINK_STATS,          LINK_PRESENCE,
                                     LINK_WATCH,   LINK_TOPIC,        LINK_QUERY};
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct link_frame f = {types[i], 1, STR("?")};
        assert_int_equal(feed_up(w->feed, worker, &f), RC_PROTOCOL);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_takes_an_adopt_without_a_worker),
        cmocka_unit_test(test_workers_wait_until_the_log_is_known),
        cmocka_unit_test(test_adopts_go_to_the_least_loaded),
        cmocka_unit_test(test_a_worker_gets_no_more_than_it_has_room_for),
        cmocka_unit_test(test_unanswered_adopts_are_bounded),
        cmocka_unit_test(test_caps_count_over_all_workers),
        cmocka_unit_test(test_a_revocation_between_door_and_hand_over_counts),
        cmocka_unit_test(test_who_is_gone_gives_the_slot_back),
        cmocka_unit_test(test_gone_loses_the_race_against_an_adopt),
        cmocka_unit_test(test_a_refused_adopt_is_not_counted),
        cmocka_unit_test(test_a_lost_worker_takes_its_counts_with_it),
        cmocka_unit_test(test_the_first_of_a_large_chat_wakes_the_link_at_once),
        cmocka_unit_test(test_a_hello_that_cannot_be_is_refused_and_leaves_nothing),
        cmocka_unit_test(test_workers_cannot_close_what_is_not_theirs),
        cmocka_unit_test(test_users_of_a_hello_keep_their_slots),
        cmocka_unit_test(test_who_may_have_been_revoked_meanwhile_comes_in_again),
        cmocka_unit_test(test_commands_are_those_of_the_slots_user),
        cmocka_unit_test(test_a_fresh_token_is_checked_once_more_where_the_order_is_fixed),
        cmocka_unit_test(test_a_draining_worker_gets_nobody),
        cmocka_unit_test(test_malformed_bodies_end_the_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
