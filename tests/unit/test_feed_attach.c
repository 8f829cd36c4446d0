/* Replay: from the ring and from the database, chunk by chunk, until the session is live. */
#include "tests/unit/unit.h"

#include "tests/lib/fake_store.h"
#include "tests/lib/feed_world.h"

enum { SESSION = 70, GENERATION = 3 };

static struct feed_conf small_chunks(void)
{
    struct feed_conf conf;
    world_conf(&conf);
    conf.replay_chunk_events = 10;
    conf.replay_max_events = 100;
    return conf;
}

static void attach_as(struct world *w, struct feed_worker *worker, uint32_t slot, uint64_t session,
                      uint32_t generation, uint32_t log, uint64_t since)
{
    struct buf up = BUF_INIT;
    link_put_attach(&up, &(struct link_attach){.session = session, .generation = generation, .slot = slot,
                                               .since_log = log, .since = since});
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    buf_release(&up);
}

static void attach(struct world *w, struct feed_worker *worker, uint32_t slot, uint64_t since)
{
    attach_as(w, worker, slot, SESSION, GENERATION, WORLD_LOG_ID >> 32, since);
}

static void pull(struct world *w, struct feed_worker *worker, uint32_t generation)
{
    struct buf up = BUF_INIT;
    link_put_pull(&up, SESSION, generation);
    assert_int_equal(world_up(w, worker, &up), RC_OK);
    buf_release(&up);
}

/* What a chunk brought; ids rise over all chunks of a replay. */
struct replayed {
    uint64_t ids[3000];
    uint8_t kinds[3000];
    unsigned count, chunks;
    uint64_t last, live; /* 0: not yet */
    unsigned gap;        /* reason, 0: none */
    size_t largest;
    char text[64]; /* of the last message event */
};

static void read_chunk(struct replayed *r, struct str body)
{
    uint64_t session, last;
    uint32_t generation;
    uint16_t count;
    struct rd events;
    struct event e;
    assert_int_equal(link_get_chunk(body, &session, &generation, &count, &last, &events), RC_OK);
    assert_true(session == SESSION);
    assert_true(last > r->last);
    for (uint16_t i = 0; i < count; i++) {
        assert_int_equal(event_decode(&events, &e), RC_OK);
        assert_true(r->count == 0 || e.event_id > r->ids[r->count - 1]);
        assert_true(e.event_id <= last);
        r->kinds[r->count] = e.kind;
        r->ids[r->count++] = e.event_id;
        if (e.kind == EV_MESSAGE) {
            size_t len = e.content.len < sizeof(r->text) ? e.content.len : sizeof(r->text) - 1;
            memcpy(r->text, len > 0 ? e.content.p : "", len);
            r->text[len] = '\0';
        }
    }
    r->chunks++;
    r->last = last;
    r->largest = body.len > r->largest ? body.len : r->largest;
}

static void read_all(struct replayed *r, struct inbox *in)
{
    for (unsigned i = 0; i < in->count; i++) {
        const struct link_frame *f = &in->frames[i];
        uint64_t session;
        uint32_t generation;
        uint8_t reason;
        if (f->type == LINK_CHUNK) {
            read_chunk(r, f->body);
        } else if (f->type == LINK_LIVE) {
            assert_int_equal(link_get_live(f->body, &session, &generation, &r->live), RC_OK);
        } else if (f->type == LINK_GAP) {
            assert_int_equal(link_get_gap(f->body, &session, &generation, &r->live, &reason), RC_OK);
            r->gap = reason;
        }
    }
}

/* Attach and pull, as a worker does, until live or told of a gap. */
static struct replayed replay(struct world *w, struct feed_worker *worker, uint32_t slot, uint64_t since)
{
    struct replayed r = {0};
    struct inbox in = {0};
    struct store *store = fake_db_open();
    attach(w, worker, slot, since);
    for (unsigned turn = 0; turn < 1000 && r.live == 0; turn++) {
        unsigned before = r.chunks;
        while (world_db_waiting() > 0) {
            world_db_run(store);
        }
        inbox_take(&in, worker);
        assert_false(in.broken);
        read_all(&r, &in);
        if (r.live == 0) {
            assert_true(r.chunks == before + 1); /* one at a time */
            pull(w, worker, GENERATION);
        }
    }
    assert_true(r.live != 0);
    assert_null(feed_attach_find(worker, SESSION));
    assert_int_equal(w->feed->refs_total, 0);
    inbox_clear(&in);
    store_close(store);
    return r;
}

static void test_a_session_that_missed_nothing_is_live_at_once(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    struct world *w = world_new(&conf, 3, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    uint32_t slot = world_adopt(w, worker, 1, 5);
    world_group(w, 1, 2);
    struct replayed r = replay(w, worker, slot, feed_published(w->feed));
    assert_true(r.count == 0 && r.chunks == 0 && r.gap == 0 && r.live == feed_published(w->feed));
    world_free(w);
}

static void test_the_ring_is_replayed_in_chunks_and_live_follows_the_last(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    struct world *w = world_new(&conf, 5, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t mine = world_group(w, 1, 2), foreign = world_group(w, 3, 2), since = feed_published(w->feed);
    for (unsigned i = 0; i < 25; i++) {
        world_send(w, 1, mine, "for me");
        world_send(w, 3, foreign, "not for me");
    }
    struct replayed r = replay(w, worker, slot, since);
    assert_true(r.count == 25 && r.chunks == 3 && r.live == feed_published(w->feed));
    for (unsigned i = 0; i < 25; i++) {
        assert_true(r.ids[i] == since + 1 + 2 * i);
    }
    /* What is published next stands behind LIVE in the stream, for the session. */
    struct inbox in = {0};
    struct outcome o = world_send(w, 1, mine, "next");
    inbox_take(&in, worker);
    assert_true(inbox_event(&in, 0).event.event_id == o.event_id && o.event_id == r.live + 1);
    inbox_clear(&in);
    world_free(w);
}

static void test_events_between_two_chunks_are_replayed_too(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    struct world *w = world_new(&conf, 3, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct replayed r = {0};
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2), since = feed_published(w->feed);
    for (unsigned i = 0; i < 15; i++) {
        world_send(w, 1, chat, "a");
    }
    inbox_take(&in, worker);
    attach(w, worker, slot, since);
    world_send(w, 1, chat, "b");
    pull(w, worker, GENERATION + 1); /* of another attempt: not answered */
    pull(w, worker, GENERATION);
    inbox_take(&in, worker);
    read_all(&r, &in);
    assert_true(r.chunks == 2 && r.count == 16 && r.live == feed_published(w->feed));
    pull(w, worker, GENERATION); /* it is over */
    inbox_take(&in, worker);
    assert_int_equal(in.count, 0);
    inbox_clear(&in);
    world_free(w);
}

static void test_every_gap_has_its_reason(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    conf.replay_max_events = 5;
    struct world *w = world_new(&conf, 3, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2);
    for (unsigned i = 0; i < 8; i++) {
        world_send(w, 1, chat, "x");
    }
    uint64_t published = feed_published(w->feed);
    feed_trimmed(w->feed, 2);
    struct {
        uint32_t slot, log;
        uint64_t since;
        unsigned reason;
    } cases[] = {
        {slot, WORLD_LOG_ID >> 32, 1, LINK_GAP_TRIMMED},
        {slot, WORLD_LOG_ID >> 32, published + 1, LINK_GAP_FUTURE},
        {slot, 99, published, LINK_GAP_OTHER_LOG},
        {slot, WORLD_LOG_ID >> 32, 2, LINK_GAP_TOO_MUCH},
        {slot, 0, UINT64_MAX, LINK_GAP_MALFORMED},
        {0, WORLD_LOG_ID >> 32, published, LINK_GAP_MALFORMED}, /* nobody */
        {4000000, WORLD_LOG_ID >> 32, published, LINK_GAP_MALFORMED},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct replayed r = {0};
        inbox_take(&in, worker);
        attach_as(w, worker, cases[i].slot, SESSION, GENERATION, cases[i].log, cases[i].since);
        inbox_take(&in, worker);
        read_all(&r, &in);
        assert_int_equal(r.gap, cases[i].reason);
        assert_true(r.live == published && in.count == 1);
        assert_null(feed_attach_find(worker, SESSION));
    }
    struct link_frame nobody = {LINK_ATTACH, 0, STR("")};
    struct buf up = BUF_INIT;
    link_put_attach(&up, &(struct link_attach){.session = 0, .slot = slot});
    assert_int_equal(world_up(w, worker, &up), RC_PROTOCOL);
    assert_int_equal(feed_up(w->feed, worker, &nobody), RC_PROTOCOL);
    buf_release(&up);
    inbox_clear(&in);
    world_free(w);
}

static void test_long_messages_make_short_chunks(void **state)
{
    (void)state;
    enum { LENGTH = 16000, MANY = 300 };
    struct feed_conf conf;
    world_conf(&conf);
    conf.stream_max_bytes = 256 << 20;
    static char text[LENGTH + 1];
    memset(text, 'x', LENGTH);
    for (unsigned from_db = 0; from_db < 2; from_db++) {
        conf.ring_max_bytes = from_db ? 1 : 64 << 20;
        struct world *w = world_new(&conf, 3, 1);
        struct feed_worker *worker = world_join(w, 1, 9);
        struct inbox in = {0};
        uint32_t slot = world_adopt(w, worker, 1, 5);
        uint64_t chat = world_group(w, 1, 2), since = feed_published(w->feed);
        for (unsigned i = 0; i < MANY; i++) {
            world_send(w, 1, chat, text);
            inbox_take(&in, worker);
        }
        struct replayed r = replay(w, worker, slot, since);
        assert_int_equal(r.count, MANY);
        assert_true(r.largest < LINK_BODY_MAX_BYTES / 4);
        inbox_clear(&in);
        world_free(w);
    }
}

static void test_the_database_fills_what_the_ring_has_lost(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    conf.ring_max_bytes = 4000;
    struct world *w = world_new(&conf, 5, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t mine = world_group(w, 1, 2), foreign = world_group(w, 3, 2), since = feed_published(w->feed);
    for (unsigned i = 0; i < 60; i++) {
        world_send(w, 1, mine, "for me");
        world_send(w, 3, foreign, "not for me");
    }
    assert_true(w->feed->ring.first > since + 50);
    struct replayed r = replay(w, worker, slot, since);
    assert_true(r.gap == 0 && r.count == 60 && r.live == feed_published(w->feed));
    r = replay(w, worker, slot, 0); /* its own chat's beginning as well */
    assert_true(r.gap == 0 && r.count == 61 && r.kinds[0] == EV_CHAT_CREATED);
    for (unsigned i = 0; i < 50; i++) {
        world_send(w, 1, mine, "more");
    }
    r = replay(w, worker, slot, since);
    assert_int_equal(r.gap, LINK_GAP_TOO_MUCH);
    world_free(w);
}

static void test_replay_shows_what_is_there_now(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    for (unsigned from_db = 0; from_db < 2; from_db++) {
        conf.ring_max_bytes = from_db ? 1 : 64 << 20;
        struct world *w = world_new(&conf, 5, 1);
        struct feed_worker *worker = world_join(w, 1, 9);
        uint32_t slot = world_adopt(w, worker, 1, 5);
        uint64_t chat = world_group(w, 1, 2), since = feed_published(w->feed);
        struct cmd c[2] = {{.kind = CMD_MESSAGE_SEND, .actor_id = 1, .chat_id = chat, .name = STR("text"),
                            .content = STR("secret")},
                           {.kind = CMD_MESSAGE_DELETE, .actor_id = 1, .chat_id = chat,
                            .message_id = w->d.next_event}};
        struct outcome out[2];
        world_batch(w, c, NULL, out, 2);
        assert_int_equal(out[1].code, CODE_OK);
        struct replayed r = replay(w, worker, slot, since);
        assert_true(r.count == 2 && r.kinds[0] == EV_MESSAGE && r.kinds[1] == EV_MESSAGE_DELETED);
        assert_string_equal(r.text, "");
        world_free(w);
    }
}

static void test_what_was_before_joining_is_not_replayed(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    for (unsigned from_db = 0; from_db < 2; from_db++) {
        conf.ring_max_bytes = from_db ? 1 : 64 << 20;
        struct world *w = world_new(&conf, 5, 1);
        struct feed_worker *worker = world_join(w, 1, 9);
        uint32_t slot = world_adopt(w, worker, 3, 5);
        uint64_t chat = world_group(w, 1, 2), three = 3;
        world_send(w, 1, chat, "before");
        struct cmd add = {.kind = CMD_MEMBER_ADD, .actor_id = 1, .chat_id = chat, .users = &three, .users_count = 1};
        struct cmd remove = {.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = chat, .user_id = 3};
        world_do(w, &add);
        world_send(w, 1, chat, "while");
        world_do(w, &remove);
        world_send(w, 1, chat, "without");
        struct replayed r = replay(w, worker, slot, 0);
        assert_true(r.count == 1 && r.kinds[0] == EV_MEMBER_REMOVED);
        world_do(w, &add);
        world_send(w, 1, chat, "again");
        r = replay(w, worker, slot, 0);
        assert_true(r.count == 3 && r.kinds[0] == EV_MEMBER_REMOVED && r.kinds[1] == EV_MEMBER_ADDED &&
                    r.kinds[2] == EV_MESSAGE);
        assert_string_equal(r.text, "again");
        world_free(w);
    }
}

/* A chat that was left between the query and the rendering. */
static void test_leaving_during_the_replay_ends_the_chats_part(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    conf.ring_max_bytes = 1;
    struct world *w = world_new(&conf, 5, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct replayed r = {0};
    struct store *store = fake_db_open();
    uint32_t slot = world_adopt(w, worker, 2, 5);
    uint64_t chat = world_group(w, 1, 3), since = feed_published(w->feed);
    for (unsigned i = 0; i < 15; i++) {
        world_send(w, 1, chat, "inside");
    }
    attach(w, worker, slot, since);
    world_db_run(store); /* references */
    world_do(w, &(struct cmd){.kind = CMD_MEMBER_REMOVE, .actor_id = 1, .chat_id = chat, .user_id = 2});
    world_db_run(store);
    inbox_take(&in, worker);
    read_all(&r, &in);
    assert_true(r.chunks == 1 && r.count == 0 && r.last == since + 10);
    inbox_clear(&in);
    store_close(store);
    world_free(w);
}

static void test_a_job_of_an_earlier_attempt_changes_nothing(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    conf.ring_max_bytes = 1;
    struct world *w = world_new(&conf, 5, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct replayed r = {0};
    struct store *store = fake_db_open();
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2), since = feed_published(w->feed);
    for (unsigned i = 0; i < 15; i++) {
        world_send(w, 1, chat, "x");
    }
    inbox_take(&in, worker);
    attach(w, worker, slot, since - 1);
    attach(w, worker, slot, since); /* even with the same generation */
    pull(w, worker, GENERATION);    /* busy: not twice at a time */
    assert_int_equal(world_db_waiting(), 2);
    world_db_run(store);
    assert_int_equal(w->feed->refs_total, 0);
    world_db_run(store);
    assert_int_equal(w->feed->refs_total, 15);
    assert_int_equal(world_db_waiting(), 1);
    world_db_run(store);
    inbox_take(&in, worker);
    read_all(&r, &in);
    assert_true(r.chunks == 1 && r.count == 10);
    pull(w, worker, GENERATION);
    feed_leave(w->feed, worker); /* while a job is on its way */
    world_db_run(store);
    assert_int_equal(w->feed->refs_total, 0);
    inbox_clear(&in);
    store_close(store);
    world_free(w);
}

/* A worker that has heard nothing for long asks again: that costs nobody the place in the queue. */
static void test_who_asks_again_from_the_same_place_keeps_the_place_in_the_queue(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    conf.ring_max_bytes = 1;
    struct world *w = world_new(&conf, 5, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct replayed r = {0};
    struct store *store = fake_db_open();
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2), since = feed_published(w->feed);
    for (unsigned i = 0; i < 15; i++) {
        world_send(w, 1, chat, "x");
    }
    inbox_take(&in, worker);
    attach(w, worker, slot, since);
    attach_as(w, worker, slot, SESSION, GENERATION + 1, WORLD_LOG_ID >> 32, since);
    assert_int_equal(world_db_waiting(), 1);
    world_db_run(store); /* references */
    attach_as(w, worker, slot, SESSION, GENERATION + 2, WORLD_LOG_ID >> 32, since);
    assert_int_equal(world_db_waiting(), 1);
    world_db_run(store);
    inbox_take(&in, worker);
    read_all(&r, &in);
    assert_true(r.chunks == 1 && r.count == 10 && r.gap == 0);
    pull(w, worker, GENERATION + 1); /* an older attempt's */
    assert_int_equal(world_db_waiting(), 0);
    pull(w, worker, GENERATION + 2);
    assert_int_equal(world_db_waiting(), 1);
    world_db_run(store);
    inbox_take(&in, worker);
    read_all(&r, &in);
    assert_int_equal(r.count, 15);
    inbox_clear(&in);
    store_close(store);
    world_free(w);
}

/* Many with long histories at once: what is found is not kept for all of them, but nobody is told of a gap. */
static void test_more_references_than_are_kept_are_looked_for_again(void **state)
{
    (void)state;
    enum { SESSIONS = 20, MESSAGES = 55, KEPT = 2 };
    struct feed_conf conf = small_chunks();
    conf.ring_max_bytes = 1;
    conf.replay_refs_max = KEPT * MESSAGES;
    struct world *w = world_new(&conf, 5, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct store *store = fake_db_open();
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2), since = feed_published(w->feed);
    unsigned chunks = 0, live = 0, events = 0;
    for (unsigned i = 0; i < MESSAGES; i++) {
        world_send(w, 1, chat, "x");
    }
    inbox_take(&in, worker);
    for (unsigned i = 0; i < SESSIONS; i++) {
        attach_as(w, worker, slot, SESSION + i, GENERATION, WORLD_LOG_ID >> 32, since);
    }
    for (unsigned turn = 0; turn < 1000 && live < SESSIONS; turn++) {
        while (world_db_waiting() > 0) {
            world_db_run(store);
            assert_true(w->feed->refs_total <= conf.replay_refs_max);
        }
        inbox_take(&in, worker);
        assert_int_equal(inbox_count(&in, LINK_GAP), 0);
        live += inbox_count(&in, LINK_LIVE);
        for (unsigned i = 0; i < in.count; i++) {
            uint64_t session, last;
            uint32_t generation;
            uint16_t count;
            struct rd rest;
            struct buf up = BUF_INIT;
            if (in.frames[i].type == LINK_CHUNK) {
                assert_int_equal(link_get_chunk(in.frames[i].body, &session, &generation, &count, &last, &rest), RC_OK);
                chunks++;
                events += count;
                link_put_pull(&up, session, generation);
                assert_int_equal(world_up(w, worker, &up), RC_OK);
                buf_release(&up);
            }
        }
    }
    assert_true(live == SESSIONS && chunks == SESSIONS * 6 && events == SESSIONS * MESSAGES);
    assert_int_equal(w->feed->refs_total, 0);
    inbox_clear(&in);
    store_close(store);
    world_free(w);
}

static void test_without_a_database_the_session_is_told_of_a_gap(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    conf.ring_max_bytes = 1;
    struct world *w = world_new(&conf, 5, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct store *store = fake_db_open();
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2), since = feed_published(w->feed);
    world_send(w, 1, chat, "x");
    for (unsigned how = 0; how < 4; how++) {
        struct replayed r = {0};
        inbox_take(&in, worker);
        world_db_room(how == 0 ? 0 : 10);
        attach(w, worker, slot, since);
        if (how == 1) {
            world_db_run(NULL);
        } else if (how == 2) {
            fake_db_answer_find(STORE_ERROR, 1);
            world_db_run(store);
        } else if (how == 3) {
            world_db_run(store);
            fake_db_answer_find(STORE_ERROR, 1);
            world_db_run(store);
        }
        inbox_take(&in, worker);
        read_all(&r, &in);
        assert_int_equal(r.gap, LINK_GAP_TOO_MUCH);
        assert_null(feed_attach_find(worker, SESSION));
        assert_int_equal(world_db_waiting(), 0);
    }
    inbox_clear(&in);
    store_close(store);
    world_free(w);
}

static void test_rows_trimmed_while_they_are_read_are_a_gap(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    conf.ring_max_bytes = 1;
    struct world *w = world_new(&conf, 5, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    struct inbox in = {0};
    struct replayed r = {0};
    struct store *store = fake_db_open();
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2), since = feed_published(w->feed);
    world_send(w, 1, chat, "x");
    attach(w, worker, slot, since);
    feed_trimmed(w->feed, since + 1);
    world_db_run(store);
    inbox_take(&in, worker);
    read_all(&r, &in);
    assert_int_equal(r.gap, LINK_GAP_TRIMMED);
    inbox_clear(&in);
    store_close(store);
    world_free(w);
}

/* The user's newest event is of a kind that is nobody's own: nothing is found, and that is no reason to ask for ever. */
static void test_a_query_that_finds_nothing_ends_live(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    conf.ring_max_bytes = 1;
    struct world *w = world_new(&conf, 5, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    uint32_t slot = world_adopt(w, worker, 1, 5);
    world_group(w, 2, 2);
    uint64_t since = feed_published(w->feed);
    cache_touch_user(w->cache, cache_user_index(w->cache, 1), since + 1);
    world_group(w, 2, 2);
    struct replayed r = replay(w, worker, slot, since);
    assert_true(r.count == 0 && r.gap == 0 && r.live == feed_published(w->feed));
    world_free(w);
}

static void test_sessions_that_never_pull_again_are_forgotten(void **state)
{
    (void)state;
    struct feed_conf conf = small_chunks();
    struct world *w = world_new(&conf, 3, 1);
    struct feed_worker *worker = world_join(w, 1, 9);
    uint32_t slot = world_adopt(w, worker, 1, 5);
    uint64_t chat = world_group(w, 1, 2), since = feed_published(w->feed);
    for (unsigned i = 0; i < 15; i++) {
        world_send(w, 1, chat, "x");
    }
    for (uint64_t s = 1; s <= 16; s++) {
        attach_as(w, worker, slot, s, 1, WORLD_LOG_ID >> 32, since);
    }
    assert_int_equal(worker->attaches_count, 16);
    for (unsigned i = 0; i < 16; i++) {
        worker->attaches[i]->asked_ms = i == 5 ? worker->attaches[i]->asked_ms : 0;
    }
    uint64_t awake = worker->attaches[5]->session;
    attach_as(w, worker, slot, 17, 1, WORLD_LOG_ID >> 32, since);
    /* mono_ms of a machine that started less than a minute ago forgets nobody yet. */
    assert_true(worker->attaches_count == 2 || worker->attaches_count == 17);
    assert_non_null(feed_attach_find(worker, awake));
    assert_non_null(feed_attach_find(worker, 17));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_that_missed_nothing_is_live_at_once),
        cmocka_unit_test(test_the_ring_is_replayed_in_chunks_and_live_follows_the_last),
        cmocka_unit_test(test_events_between_two_chunks_are_replayed_too),
        cmocka_unit_test(test_every_gap_has_its_reason),
        cmocka_unit_test(test_long_messages_make_short_chunks),
        cmocka_unit_test(test_the_database_fills_what_the_ring_has_lost),
        cmocka_unit_test(test_replay_shows_what_is_there_now),
        cmocka_unit_test(test_what_was_before_joining_is_not_replayed),
        cmocka_unit_test(test_leaving_during_the_replay_ends_the_chats_part),
        cmocka_unit_test(test_a_job_of_an_earlier_attempt_changes_nothing),
        cmocka_unit_test(test_who_asks_again_from_the_same_place_keeps_the_place_in_the_queue),
        cmocka_unit_test(test_more_references_than_are_kept_are_looked_for_again),
        cmocka_unit_test(test_without_a_database_the_session_is_told_of_a_gap),
        cmocka_unit_test(test_rows_trimmed_while_they_are_read_are_a_gap),
        cmocka_unit_test(test_a_query_that_finds_nothing_ends_live),
        cmocka_unit_test(test_sessions_that_never_pull_again_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
