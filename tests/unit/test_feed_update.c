/* The state of chats for those who show lists of them, and read receipts. */
#include "tests/unit/unit.h"

#include "rest/cache_write.h"
#include "rest/metrics.h"
#include "rest/prefs.h"
#include "shared/clock.h"
#include "shared/dialect_id.h"
#include "tests/lib/fake_store.h"
#include "tests/lib/feed_world.h"

static struct world *small(unsigned users)
{
    struct feed_conf conf;
    world_conf(&conf);
    return world_new(&conf, users, 1);
}

static uint32_t adopt(struct world *w, struct feed_worker *worker, uint64_t user, uint8_t dialect, uint32_t options)
{
    return world_adopt_as(w, worker, &(struct link_adopt){.user_id = user, .dialect = dialect, .options = options, .peer_key = 5});
}

/* The nth update among the ephemeral frames. */
static struct link_event update(const struct inbox *in, unsigned nth)
{
    struct link_event e;
    const struct link_frame *f = inbox_at(in, LINK_EPHEMERAL, nth);
    assert_non_null(f);
    assert_int_equal(link_get_event(f->body, &e), RC_OK);
    return e;
}

/* UINT32_MAX: not named. */
static uint32_t number_of(const struct link_recipients *to, uint32_t slot)
{
    for (uint32_t i = 0; i < to->count; i++) {
        uint32_t number = 0;
        if (link_slot_at(to, i, &number) == slot) {
            return number;
        }
    }
    return UINT32_MAX;
}

static void test_each_watching_member_is_told_with_the_unread_of_its_own(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    uint32_t one = adopt(w, worker, 1, DIALECT_SUBSCRIBE, 0), two = adopt(w, worker, 2, DIALECT_INBOX, 0);
    adopt(w, worker, 3, DIALECT_ROOMS, CONN_EXT);
    adopt(w, worker, 4, DIALECT_SUBSCRIBE, 0);
    uint64_t chat = world_group(w, 1, 3);
    world_send(w, 1, chat, "first");
    inbox_take(&in, worker);
    world_send(w, 3, chat, "second");
    inbox_take(&in, worker);
    assert_int_equal(in.frames[0].type, LINK_EVENT);
    assert_int_equal(in.frames[1].type, LINK_EPHEMERAL);
    assert_int_equal(in.frames[2].type, LINK_POSITION);
    assert_int_equal(in.count, 3);
    struct link_event e = update(&in, 0);
    assert_int_equal(e.to.to, LINK_TO_SLOTS_NUMBERED);
    assert_int_equal(e.to.count, 2);
    assert_int_equal(number_of(&e.to, one), 1);
    assert_int_equal(number_of(&e.to, two), 2);
    assert_true(e.event.kind == EV_CHAT_UPDATE && e.event.event_id == 0 && e.event.chat_id == chat && e.event.seq == 2);
    assert_true(e.event.number == EV_MESSAGE && e.event.actor.id == 3);
    assert_str(e.event.content, "second");
    assert_str(e.event.actor.username, "u3");
    assert_str(e.event.chat_name, "Team");
    assert_int_equal(e.event.message_id, feed_published(w->feed));
    assert_true(e.event.message_created_us != 0);
    inbox_clear(&in);
    world_free(w);
}

static void prefer(struct world *w, uint64_t user, const char *text)
{
    struct prefs *p = NULL;
    assert_int_equal(prefs_parse(str_of(text), &p), RC_OK);
    cache_set_prefs(w->cache, cache_user_index(w->cache, user), p);
}

static void test_whoever_wants_no_texts_gets_none(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    uint32_t slots[5];
    for (uint64_t user = 1; user <= 4; user++) {
        slots[user] = adopt(w, worker, user, DIALECT_SUBSCRIBE, 0);
    }
    prefer(w, 2, "{\"preview\":\"sender\"}");
    prefer(w, 3, "{\"preview\":\"none\"}");
    uint64_t chat = world_group(w, 1, 4);
    inbox_take(&in, worker);
    world_send(w, 1, chat, "secret");
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 2);
    struct link_event open = update(&in, 0), hidden = update(&in, 1);
    assert_true(open.to.count == 2 && number_of(&open.to, slots[1]) == 0 && number_of(&open.to, slots[4]) == 1);
    assert_str(open.event.content, "secret");
    assert_true(hidden.to.count == 2 && number_of(&hidden.to, slots[2]) == 1 && number_of(&hidden.to, slots[3]) == 1);
    assert_str(hidden.event.content, "");
    assert_true(hidden.event.message_created_us == open.event.message_created_us && hidden.event.message_created_us != 0);
    world_do(w, &(struct cmd){.kind = CMD_READ, .actor_id = 3, .chat_id = chat, .seq = 1});
    inbox_take(&in, worker);
    hidden = update(&in, 0);
    assert_true(hidden.to.count == 1 && number_of(&hidden.to, slots[3]) == 0);
    assert_str(hidden.event.content, "");
    inbox_clear(&in);
    world_free(w);
}

static void test_nothing_is_made_while_nobody_waits_for_it(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    adopt(w, worker, 1, DIALECT_ROOMS, CONN_EXT | CONN_EVENTS_READ | CONN_EVENTS_TYPING);
    uint64_t chat = world_group(w, 1, 2);
    world_send(w, 1, chat, "first");
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 0);
    assert_int_equal(w->feed->updates.noted.len, 0);
    inbox_clear(&in);
    world_free(w);
}

static void test_reading_tells_the_reader_alone(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9), *other;
    struct inbox in = {0};
    adopt(w, worker, 1, DIALECT_SUBSCRIBE, 0);
    uint32_t two = adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0);
    other = world_join(w, 2, 9);
    uint64_t chat = world_group(w, 1, 3);
    uint32_t far = adopt(w, other, 2, DIALECT_SUBSCRIBE, 0);
    struct outcome first = world_send(w, 1, chat, "first");
    world_send(w, 1, chat, "second");
    inbox_take(&in, worker);
    inbox_take(&in, other);
    world_do(w, &(struct cmd){.kind = CMD_READ, .actor_id = 2, .chat_id = chat, .seq = 2});
    inbox_take(&in, worker);
    struct link_event e = inbox_event(&in, 0);
    assert_int_equal(e.event.kind, EV_READ);
    assert_int_equal(e.event.message_id, first.message_id + 1);
    assert_int_equal(e.event.number, 0);
    e = update(&in, 0);
    assert_true(e.to.count == 1 && number_of(&e.to, two) == 0);
    assert_int_equal(e.event.number, EV_READ);
    assert_str(e.event.content, "second");
    inbox_take(&in, other);
    e = update(&in, 0);
    assert_true(e.to.count == 1 && number_of(&e.to, far) == 0);
    inbox_clear(&in);
    world_free(w);
}

static void change(struct world *w, uint8_t kind, uint64_t chat, const struct outcome *sent, const char *text)
{
    struct job *j = job_new(&(struct cmd){.kind = kind, .actor_id = 1, .chat_id = chat, .message_id = sent->message_id,
                                          .content = str_of(text)},
                            NULL, NULL, 0);
    j->has_message = true;
    j->message = (struct ov_message){.id = sent->message_id, .chat_id = chat, .seq = sent->seq, .sender_id = 1,
                                     .version = 1, .kind = "text"};
    decide(&w->d, j);
    assert_int_equal(j->outcome.code, CODE_OK);
    w->batch.rows.next_event = w->d.next_event;
    fake_db_apply(&w->batch.rows);
    feed_publish(w->feed, &w->batch, &j, 1);
    overlay_clear(w->d.overlay);
    batch_clear(&w->batch);
    job_free(j);
}

static void test_the_last_text_follows_edits_and_deletions(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    uint32_t two = adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0);
    uint64_t chat = world_group(w, 1, 2);
    struct outcome first = world_send(w, 1, chat, "first"), second = world_send(w, 1, chat, "second");
    inbox_take(&in, worker);
    change(w, CMD_MESSAGE_EDIT, chat, &first, "first, edited");
    inbox_take(&in, worker);
    struct link_event e = update(&in, 0);
    assert_str(e.event.content, "second"); /* an older one: the last is what it was */
    assert_int_equal(e.event.number, EV_MESSAGE_EDITED);
    change(w, CMD_MESSAGE_EDIT, chat, &second, "second, edited");
    inbox_take(&in, worker);
    assert_str(update(&in, 0).event.content, "second, edited");
    change(w, CMD_MESSAGE_DELETE, chat, &second, "");
    inbox_take(&in, worker);
    e = update(&in, 0);
    assert_str(e.event.content, "");
    assert_true(e.event.message_created_us != 0 && number_of(&e.to, two) == 1);
    inbox_clear(&in);
    world_free(w);
}

static void test_texts_are_cut_between_characters(void **state)
{
    (void)state;
    struct world *w = small(2);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct buf text = BUF_INIT;
    adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0);
    uint64_t chat = world_group(w, 1, 2);
    for (unsigned i = 0; i < 281; i++) {
        buf_add_z(&text, "\xc3\xa9");
    }
    inbox_take(&in, worker);
    world_send(w, 1, chat, text.p);
    inbox_take(&in, worker);
    assert_int_equal(update(&in, 0).event.content.len, 560);
    buf_release(&text);
    inbox_clear(&in);
    world_free(w);
}

/* Of what was written before one's coming one sees nothing, not even in a list. */
static void test_who_came_later_sees_no_older_text(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    uint32_t two = adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0), late = adopt(w, worker, 3, DIALECT_SUBSCRIBE, 0);
    uint64_t chat = world_group(w, 1, 2), three = 3;
    struct outcome secret = world_send(w, 1, chat, "secret");
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = chat, .users = &three, .users_count = 1});
    inbox_take(&in, worker);
    change(w, CMD_MESSAGE_EDIT, chat, &secret, "more secret");
    inbox_take(&in, worker);
    struct link_event e = update(&in, 0);
    assert_true(number_of(&e.to, two) == 1 && number_of(&e.to, late) == UINT32_MAX);
    /* As if its cursor were behind. */
    feed_lock(w->feed);
    cache_rdlock(w->cache);
    feed_update_note(w->feed, &(struct event){.kind = EV_READ, .chat_id = chat, .actor = {.id = 3}});
    feed_updates_send(w->feed, NULL);
    cache_unlock(w->cache);
    feed_unlock(w->feed);
    inbox_take(&in, worker);
    e = update(&in, 0);
    assert_true(number_of(&e.to, late) == 0 && e.to.count == 1);
    assert_true(e.event.message_created_us == 0 && e.event.seq == 0 && e.event.message_id == 0);
    assert_str(e.event.content, "");
    inbox_clear(&in);
    world_free(w);
}

static void test_a_batch_makes_one_update_per_chat(void **state)
{
    (void)state;
    struct world *w = small(3);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct outcome out[5];
    uint32_t three = adopt(w, worker, 3, DIALECT_SUBSCRIBE, 0);
    uint64_t one = world_group(w, 1, 3), two = world_group(w, 2, 2), other = world_group(w, 2, 2);
    struct cmd send[5];
    const uint64_t actors[] = {1, 1, 2, 2, 2}, chats[] = {one, one, one, two, other};
    adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0);
    for (unsigned i = 0; i < 5; i++) {
        send[i] = (struct cmd){.kind = CMD_MESSAGE_SEND, .actor_id = actors[i], .chat_id = chats[i], .name = STR("text"),
                               .content = STR("x")};
    }
    inbox_take(&in, worker);
    world_batch(w, send, NULL, out, 5);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 5);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 3);
    struct link_event e = update(&in, 0);
    assert_true(e.event.chat_id == one && e.event.seq == 3 && e.event.actor.id == 0); /* two people: none is named */
    assert_int_equal(number_of(&e.to, three), 3);
    assert_int_equal(update(&in, 1).event.actor.id, 2);
    /* A chat that ends in the batch, behind a message, is no chat to tell of. */
    struct cmd end[2] = {send[4], {.kind = CMD_CHAT_DELETE, .actor_id = 2, .chat_id = other}};
    world_batch(w, end, NULL, out, 2);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 0);
    inbox_clear(&in);
    world_free(w);
}

static void test_large_chats_are_told_of_once_a_period(void **state)
{
    (void)state;
    struct world *w = small(400);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    int64_t held = metric_get(METRIC_CHAT_UPDATES_HELD);
    uint32_t two = adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0);
    uint64_t chat = world_group(w, 1, 300);
    uint64_t began = mono_ms();
    inbox_take(&in, worker);
    for (unsigned i = 0; i < 10; i++) {
        world_send(w, i % 2 ? 3 : 1, chat, i == 9 ? "last" : "message");
    }
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 10);
    bool quick = mono_ms() - began < 250;
    assert_true(!quick || inbox_count(&in, LINK_EPHEMERAL) == 1);
    assert_true(!quick || metric_get(METRIC_CHAT_UPDATES_HELD) == held + 9);
    feed_tick(w->feed, mono_ms() + 10000);
    inbox_take(&in, worker);
    struct link_event e = update(&in, 0);
    assert_true(e.event.seq == 10 && number_of(&e.to, two) == 10);
    assert_str(e.event.content, "last");
    assert_true(!quick || e.event.actor.id == 0);
    feed_tick(w->feed, mono_ms() + 20000);
    inbox_take(&in, worker);
    assert_int_equal(in.count, 0);
    /* One's own reading is not put off. */
    for (unsigned i = 1; i < 4; i++) {
        world_do(w, &(struct cmd){.kind = CMD_READ, .actor_id = 2, .chat_id = chat, .seq = i});
    }
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 3);
    inbox_clear(&in);
    world_free(w);
}

/* -- texts that are in memory no more -------------------------------------------------------------------- */

static struct world *with_cold_ring(struct feed_worker **worker, uint64_t *chat, struct outcome *last)
{
    struct feed_conf conf;
    world_conf(&conf);
    conf.ring_max_bytes = 100;
    conf.chat_update_waits_max = 4;
    struct world *w = world_new(&conf, 20, 1);
    *worker = world_join(w, 1, 9);
    *chat = world_group(w, 1, 10);
    world_send(w, 1, *chat, "first");
    *last = world_send(w, 1, *chat, "from the database");
    uint64_t other = world_group(w, 1, 2);
    for (unsigned i = 0; i < 5; i++) {
        world_send(w, 1, other, "a long message that pushes everything before it out of the small ring, and more of it");
    }
    assert_null(ring_at(&w->feed->ring, last->message_id));
    return w;
}

static void read_chat(struct world *w, uint64_t user, uint64_t chat, uint64_t seq)
{
    world_do(w, &(struct cmd){.kind = CMD_READ, .actor_id = user, .chat_id = chat, .seq = seq});
}

static void test_a_text_that_is_not_in_memory_is_read_once_for_all_who_wait(void **state)
{
    (void)state;
    struct feed_worker *worker;
    uint64_t chat;
    struct outcome last;
    struct world *w = with_cold_ring(&worker, &chat, &last);
    struct store *store = fake_db_open();
    struct inbox in = {0};
    uint32_t two = adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0), three = adopt(w, worker, 3, DIALECT_SUBSCRIBE, 0);
    inbox_take(&in, worker);
    read_chat(w, 2, chat, 1);
    read_chat(w, 3, chat, 2);
    read_chat(w, 2, chat, 2);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 0); /* nobody waits for the database here */
    assert_int_equal(world_db_waiting(), 1);
    assert_int_equal(w->feed->texts.total, 2);
    world_db_run(store);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 2);
    struct link_event e = update(&in, 0);
    assert_str(e.event.content, "from the database");
    assert_true(number_of(&e.to, two) == 0 && e.to.count == 1 && e.event.number == EV_READ);
    e = update(&in, 1);
    assert_true(number_of(&e.to, three) == 0 && e.to.count == 1);
    assert_int_equal(w->feed->texts.count, 0);
    assert_int_equal(w->feed->texts.at.count, 0);
    inbox_clear(&in);
    store_close(store);
    world_free(w);
}

static void test_a_read_that_fails_is_tried_again(void **state)
{
    (void)state;
    struct feed_worker *worker;
    uint64_t chat;
    struct outcome last;
    struct world *w = with_cold_ring(&worker, &chat, &last);
    struct store *store = fake_db_open();
    struct inbox in = {0};
    adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0);
    read_chat(w, 2, chat, 2);
    world_db_run(NULL);
    feed_tick(w->feed, mono_ms());
    assert_int_equal(world_db_waiting(), 0); /* not at once */
    world_db_room(0);
    feed_tick(w->feed, mono_ms() + 5000);
    assert_int_equal(world_db_waiting(), 0);
    world_db_room(10);
    feed_tick(w->feed, mono_ms() + 10000);
    assert_int_equal(world_db_waiting(), 1);
    feed_tick(w->feed, mono_ms() + 20000);
    assert_int_equal(world_db_waiting(), 1); /* one at a time */
    inbox_take(&in, worker);
    world_db_run(store);
    inbox_take(&in, worker);
    assert_str(update(&in, 0).event.content, "from the database");
    inbox_clear(&in);
    store_close(store);
    world_free(w);
}

static void test_a_text_that_changes_while_it_is_read_is_shown_as_it_is(void **state)
{
    (void)state;
    struct feed_worker *worker;
    uint64_t chat;
    struct outcome last;
    struct world *w = with_cold_ring(&worker, &chat, &last);
    struct store *store = fake_db_open();
    struct inbox in = {0};
    adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0);
    read_chat(w, 2, chat, 1);
    change(w, CMD_MESSAGE_EDIT, chat, &last, "edited");
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 1);
    world_db_run(store);
    inbox_take(&in, worker);
    assert_str(update(&in, 0).event.content, "edited");
    /* Gone while it was read. */
    uint64_t other = world_group(w, 1, 2);
    for (unsigned i = 0; i < 5; i++) {
        world_send(w, 1, other, "a long message that pushes everything before it out of the small ring, and more of it");
    }
    inbox_take(&in, worker);
    read_chat(w, 2, chat, 2);
    assert_int_equal(world_db_waiting(), 1);
    world_do(w, &(struct cmd){.kind = CMD_CHAT_DELETE, .actor_id = 1, .chat_id = chat});
    world_db_run(store);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 0);
    assert_int_equal(w->feed->texts.count, 0);
    inbox_clear(&in);
    store_close(store);
    world_free(w);
}

static void test_updates_that_wait_are_bounded(void **state)
{
    (void)state;
    struct feed_worker *worker;
    uint64_t chat;
    struct outcome last;
    struct world *w = with_cold_ring(&worker, &chat, &last);
    int64_t dropped = metric_get(METRIC_CHAT_UPDATES_DROPPED);
    for (uint64_t user = 2; user <= 9; user++) {
        adopt(w, worker, user, DIALECT_SUBSCRIBE, 0);
        read_chat(w, user, chat, 1);
    }
    assert_int_equal(w->feed->texts.total, 4);
    assert_int_equal(metric_get(METRIC_CHAT_UPDATES_DROPPED), dropped + 4);
    world_free(w);
}

/* -- a worker that was away -------------------------------------------------------------------------------- */

static void test_a_worker_that_comes_back_is_told_the_state_of_what_it_missed(void **state)
{
    (void)state;
    struct world *w = small(4);
    struct feed_worker *stays = world_join(w, 2, 9), *worker = NULL;
    struct inbox in = {0};
    uint64_t chat = world_group(w, 1, 3), position = feed_published(w->feed);
    adopt(w, stays, 3, DIALECT_SUBSCRIBE, 0);
    world_send(w, 1, chat, "missed");
    world_send(w, 1, chat, "missed too");
    inbox_take(&in, stays);
    struct link_hello hello = {.worker = 1, .incarnation = 9, .log_id = WORLD_LOG_ID, .position = position, .capacity = 10};
    struct link_hello_user user = {4, 2, 1, 3};
    assert_int_equal(feed_join(w->feed, &hello, &user, 1, NULL, 0, &worker), RC_OK);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 2);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 1);
    struct link_event e = update(&in, 0);
    assert_true(number_of(&e.to, 4) == 2 && e.event.seq == 2);
    inbox_take(&in, stays);
    assert_int_equal(in.count, 0);
    inbox_clear(&in);
    world_free(w);
}

/* -- read receipts in large chats --------------------------------------------------------------------------- */

static void test_receipts_in_large_chats_are_for_those_who_asked_once_a_period(void **state)
{
    (void)state;
    struct world *w = small(400);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    uint32_t two = adopt(w, worker, 2, DIALECT_ROOMS, 0), asked = adopt(w, worker, 3, DIALECT_SUBSCRIBE, CONN_EVENTS_READ);
    adopt(w, worker, 4, DIALECT_SUBSCRIBE, 0);
    uint64_t chat = world_group(w, 1, 300), small_chat = world_group(w, 2, 3);
    for (unsigned i = 0; i < 5; i++) {
        world_send(w, 1, chat, "x");
        world_send(w, 3, small_chat, "x");
    }
    feed_tick(w->feed, mono_ms() + 1000); /* the chat update that was put off */
    inbox_take(&in, worker);
    read_chat(w, 2, chat, 1);
    inbox_take(&in, worker);
    struct link_event e = inbox_event(&in, 0);
    assert_true(e.to.to == LINK_TO_SLOTS && e.to.count == 2 && names_slot(&e.to, two) && names_slot(&e.to, asked));
    int64_t held = metric_get(METRIC_RECEIPTS_HELD);
    for (unsigned i = 2; i <= 5; i++) {
        read_chat(w, 2, chat, i);
    }
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 4); /* each to the reader's own sessions */
    for (unsigned i = 0; i < 4 && metric_get(METRIC_RECEIPTS_HELD) == held + 4; i++) {
        e = inbox_event(&in, i);
        assert_true(e.to.count == 1 && names_slot(&e.to, two));
    }
    feed_tick(w->feed, mono_ms() + 5000);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EPHEMERAL), 1);
    e = update(&in, 0);
    assert_true(e.event.kind == EV_READ && e.event.event_id == 0 && e.event.seq == 5 && e.event.actor.id == 2);
    assert_true(e.event.message_id != 0 && e.to.count == 1 && names_slot(&e.to, asked));
    /* A small chat's go to everybody as all events do. */
    read_chat(w, 2, small_chat, 1);
    read_chat(w, 2, small_chat, 2);
    inbox_take(&in, worker);
    assert_int_equal(inbox_count(&in, LINK_EVENT), 2);
    assert_int_equal(inbox_event(&in, 1).to.count, 3);
    inbox_clear(&in);
    world_free(w);
}

static void test_the_thread_sends_what_was_put_off(void **state)
{
    (void)state;
    struct world *w = small(400);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    adopt(w, worker, 2, DIALECT_SUBSCRIBE, 0);
    uint64_t chat = world_group(w, 1, 300), deadline = mono_ms() + 10000;
    world_send(w, 1, chat, "first");
    world_send(w, 1, chat, "second");
    inbox_take(&in, worker);
    assert_int_equal(feed_run(w->feed), RC_OK);
    bool sent = false;
    while (!sent && mono_ms() < deadline) {
        inbox_take(&in, worker);
        sent = inbox_count(&in, LINK_EPHEMERAL) > 0 && update(&in, 0).event.seq == 2;
    }
    assert_true(sent);
    feed_stop(w->feed);
    feed_stop(w->feed);
    inbox_clear(&in);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_watching_member_is_told_with_the_unread_of_its_own),
        cmocka_unit_test(test_whoever_wants_no_texts_gets_none),
        cmocka_unit_test(test_nothing_is_made_while_nobody_waits_for_it),
        cmocka_unit_test(test_reading_tells_the_reader_alone),
        cmocka_unit_test(test_the_last_text_follows_edits_and_deletions),
        cmocka_unit_test(test_texts_are_cut_between_characters),
        cmocka_unit_test(test_who_came_later_sees_no_older_text),
        cmocka_unit_test(test_a_batch_makes_one_update_per_chat),
        cmocka_unit_test(test_large_chats_are_told_of_once_a_period),
        cmocka_unit_test(test_a_text_that_is_not_in_memory_is_read_once_for_all_who_wait),
        cmocka_unit_test(test_a_read_that_fails_is_tried_again),
        cmocka_unit_test(test_a_text_that_changes_while_it_is_read_is_shown_as_it_is),
        cmocka_unit_test(test_updates_that_wait_are_bounded),
        cmocka_unit_test(test_a_worker_that_comes_back_is_told_the_state_of_what_it_missed),
        cmocka_unit_test(test_receipts_in_large_chats_are_for_those_who_asked_once_a_period),
        cmocka_unit_test(test_the_thread_sends_what_was_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
