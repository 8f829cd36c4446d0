/*
 * fake_feed.h -- for tests: a feed that link_server.c is linked with instead of the real one
 *
 * It records what came up, and sends what the test puts into a worker's stream. Every wait has a
 * deadline of FAKE_WAIT_MS and gives false when it passes.
 */
#ifndef TESTS_LIB_FAKE_FEED_H
#define TESTS_LIB_FAKE_FEED_H

#include "rest/feed.h"

#define FAKE_WAIT_MS 10000
#define FAKE_UPS_MAX 4096
#define FAKE_WORKERS_MAX 8

struct fake_up { /* a frame that came up */
    uint16_t worker, type;
    uint32_t request;
    size_t len;
};

struct feed *fake_feed_new(void);
void fake_feed_free(struct feed *f);
/* What feed_join and feed_up answer from now on. */
void fake_feed_answers(struct feed *f, enum rc join, enum rc up);
/* The next feed_take of this worker says that its stream is broken off. */
void fake_feed_break(struct feed *f, uint16_t worker);
/* Append frames and the descriptors of their ADOPTs to a worker's stream. false: no such worker. */
bool fake_feed_send(struct feed *f, uint16_t worker, const struct buf *frames, const int *fds,
                    unsigned fds_count);
bool fake_feed_wait_joins(struct feed *f, unsigned joins);
bool fake_feed_wait_leaves(struct feed *f, unsigned leaves);
bool fake_feed_wait_ups(struct feed *f, unsigned ups);
unsigned fake_feed_leaves(struct feed *f);
struct fake_up fake_feed_up(struct feed *f, unsigned i);
/* What the last hello said; users and peers are counts and sums of their ids. */
struct fake_hello {
    struct link_hello hello;
    uint32_t users, peers;
    uint64_t users_sum, peers_sum;
};
struct fake_hello fake_feed_hello(struct feed *f);

#endif
