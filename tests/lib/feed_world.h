/*
 * feed_world.h -- a feed with users, chats and the rules around it, without a database, a link or threads
 *
 * Commands are decided and published at once, as the writer does after a commit; what workers would get is
 * read frame by frame. The read pool is a list of jobs that a test runs when it likes, against fake_store.
 */
#ifndef TESTS_FEED_WORLD_H
#define TESTS_FEED_WORLD_H

#include "rest/cache_write.h"
#include "rest/decide.h"
#include "rest/feed_int.h"
#include "rest/feed_write.h"
#include "shared/link_msg.h"

struct world {
    struct rest_conf *conf;
    struct cache *cache;
    struct feed *feed;
    struct svc svc;
    struct batch batch;
    struct decider d;
};

#define WORLD_LOG_ID 0x1234567800000001u

void world_conf(struct feed_conf *out);
/* Users 1..users, active, called u1, u2, ...; the log begins at event `next`. */
struct world *world_new(const struct feed_conf *conf, unsigned users, uint64_t next);
void world_free(struct world *w);

/* Decide and publish; count commands are one batch. reply_to may be NULL. */
void world_batch(struct world *w, const struct cmd *cmds, const struct feed_reply_to *reply_to,
                 struct outcome *out, unsigned count);
struct outcome world_do(struct world *w, const struct cmd *c);
struct outcome world_send(struct world *w, uint64_t user, uint64_t chat, const char *text);
/* Users first..first+count-1; the first is its owner. */
uint64_t world_group(struct world *w, uint64_t first, unsigned count);

/* An event session of user 1, who is its host. */
void world_session(struct world *w, uint64_t id, unsigned visibility);

/* What a worker was sent since the last call. */
struct inbox {
    struct link_frame *frames;
    unsigned count, room;
    unsigned fds;
    bool broken;
};
void inbox_clear(struct inbox *in);
void inbox_take(struct inbox *in, struct feed_worker *w);
unsigned inbox_count(const struct inbox *in, uint16_t type);
/* The nth frame of this type; NULL: not so many. */
const struct link_frame *inbox_at(const struct inbox *in, uint16_t type, unsigned nth);
/* The nth event with its recipients. */
struct link_event inbox_event(const struct inbox *in, unsigned nth);
bool names_slot(const struct link_recipients *to, uint32_t slot);

struct feed_worker *world_join(struct world *w, uint16_t number, uint64_t incarnation);
/* Hand over a connection of the user (0: nobody) and have it acknowledged. Returns the slot. */
uint32_t world_adopt(struct world *w, struct feed_worker *worker, uint64_t user, uint64_t peer_key);
enum code world_try_adopt(struct world *w, uint64_t user, uint64_t peer_key);
/* Hand over this connection and have it acknowledged. Returns the slot. */
uint32_t world_adopt_as(struct world *w, struct feed_worker *worker, const struct link_adopt *a);
/* Frames made by the link_put_* functions, as if they had come up. */
enum rc world_up(struct world *w, struct feed_worker *worker, const struct buf *frames);

/* Jobs that wait for the read pool. */
unsigned world_db_waiting(void);
void world_db_run(struct store *store);
/* The pool refuses what comes after this many. */
void world_db_room(unsigned room);

/* What came down to the services from a socket. */
struct world_command {
    struct cmd cmd;
    struct feed_reply_to to;
};
extern struct world_command world_last_command;
/* What the feed itself asked of the services. */
extern struct cmd world_last_submitted;
extern unsigned world_submitted;
/* How it ends, when it was taken. */
extern enum code world_submit_outcome;
/* Of the last CMD_LAST_SEEN: how many users, and the first of them. */
extern unsigned world_seen_count;
extern uint64_t world_seen_users[8];
extern char world_seen_content[8 * CMD_LAST_SEEN_BYTES];
extern enum code world_command_code, world_token_code;
extern uint64_t world_token_user, world_token_family;
/* Takes what is submitted instead, when it is set. */
extern enum code (*world_on_submit)(const struct cmd *c, svc_done done, void *ctx);
/* The read pool runs every job at once with this one, when it is set. */
extern struct store *world_db_now;
/* Descriptors that were given back. */
extern unsigned world_given_back;
extern enum code world_give_back_code;

#endif
