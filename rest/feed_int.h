/*
 * feed_int.h -- the feed's inside, shared by feed_*.c only
 *
 * Everything here is under feed->lock unless it says otherwise.
 */
#ifndef REST_FEED_INT_H
#define REST_FEED_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "rest/batch.h"
#include "rest/feed.h"
#include "rest/job.h"
#include "rest/svc.h"
#include "shared/map64.h"

#define FEED_WORKERS_MAX 64
/* Chats with more members are announced by recipient set instead of by list. */
#define FEED_SET_MIN 256

/* -- the ring of newest events ------------------------------------------------------------------ */

struct ring_entry {
    uint64_t id;
    uint64_t at_ms;        /* mono_ms when it was published */
    uint64_t prev_in_chat; /* the event before it in its chat, 0: none */
    uint64_t chat_id, seq;
    uint64_t subject_id;
    uint8_t kind;
    uint32_t len;
    char bytes[]; /* encoded event */
};

struct own_event { /* who has an event of its own, in id order */
    uint64_t event_id;
    uint32_t user; /* cache index */
};

struct ring {
    struct ring_entry **slots; /* by id % room */
    uint64_t room;             /* power of two */
    uint64_t first, next;      /* ids first .. next-1 are here */
    uint64_t bytes;
    struct own_event *own;
    size_t own_first, own_count, own_room; /* own[own_first .. own_count-1] */
};

void ring_init(struct ring *r, uint64_t next_id);
void ring_release(struct ring *r);
/* Append the next id (ids have no holes). Takes e. */
void ring_push(struct ring *r, struct ring_entry *e);
void ring_push_own(struct ring *r, uint64_t event_id, uint32_t user);
/* NULL: not here (any more, or yet). */
const struct ring_entry *ring_at(const struct ring *r, uint64_t id);
/* Drop what is too old or too much. */
void ring_trim(struct ring *r, uint64_t max_bytes, uint64_t oldest_ms);
struct ring_entry *ring_entry_new(const struct event *e, struct str encoded, uint64_t prev_in_chat);

/* -- workers -------------------------------------------------------------------------------------- */

struct slot { /* a user on a worker */
    uint64_t user_id; /* 0: free */
    uint32_t user;    /* cache index */
    uint32_t sessions;
    uint32_t adopts; /* sent for this slot on this link, whoever had it */
};

struct adopt { /* a descriptor that the worker has not acknowledged */
    uint32_t id;
    int fd;
    uint32_t slot;
    uint64_t peer_key;
    bool taken; /* the link server has it: the worker may have answered the client */
};

struct attach { /* a session that is catching up */
    uint64_t session;
    uint32_t generation;
    uint64_t user_id;
    uint64_t cursor; /* it has everything of its own up to here */
    struct row_event *refs; /* what is left to replay from the database, or NULL: from the ring */
    uint32_t refs_count, refs_at;
    uint64_t upto; /* where the database part ends */
    bool busy;     /* a job of the read pool works on it */
    uint64_t asked_ms; /* when the worker last asked: sessions close without saying so */
};

struct feed_worker {
    struct feed *feed;
    uint16_t number;
    uint64_t incarnation;
    bool broken, draining;
    struct buf q; /* frames that wait */
    int *fds;
    uint32_t fds_count, fds_room;
    struct slot *slots; /* [0] is nobody */
    uint32_t slots_count, slots_room;
    uint32_t *free_slots;
    uint32_t free_count, free_room;
    uint32_t *slot_of; /* by cache user index; 0: not here */
    uint32_t slot_of_room;
    uint32_t sessions, users;
    struct map64 peers; /* this worker's share of feed->peers */
    struct map64 sets; /* chats whose recipient set the worker has */
    struct adopt *adopts;
    uint32_t adopts_count, adopts_room;
    struct attach **attaches;
    uint32_t attaches_count, attaches_room;
};

struct feed {
    pthread_mutex_t lock;
    pthread_cond_t moved; /* published has grown */
    struct feed_conf conf;
    struct cache *cache;
    struct svc *svc;
    _Atomic uint64_t published;
    uint64_t log_id, trimmed_to;
    struct ring ring;
    struct feed_worker *workers[FEED_WORKERS_MAX];
    unsigned workers_count;
    struct map64 user_sessions; /* user id -> live sessions on all workers */
    struct map64 peers;         /* peer key -> live sessions */
    struct map64 warm_last; /* start only: chat id -> its newest warm event, counted from ring.first */
    uint32_t next_adopt;
    _Atomic int wake_fd;
    feed_adopt_done adopt_done;
    void *adopt_ctx;
    bool ready;
};

void feed_lock(struct feed *f);
void feed_unlock(struct feed *f);
/* The worker with this number and incarnation, if it is still there. */
struct feed_worker *feed_find_worker(struct feed *f, uint16_t number, uint64_t incarnation);
/* After appending to w->q: break the stream off when it is too long, and wake the link server. was_empty: before appending. */
void feed_appended(struct feed *f, struct feed_worker *w, bool was_empty);
void feed_count(struct map64 *m, uint64_t key, int by);

/* feed_slots.c */
uint32_t feed_slot_of(const struct feed_worker *w, uint32_t user);
void feed_room_for_slot(struct feed_worker *w, uint32_t slot);
void feed_use_slot(struct feed_worker *w, uint32_t slot, uint64_t user_id, uint32_t user);
void feed_free_slot(struct feed_worker *w, uint32_t slot);
/* Slots below the highest that nobody has. */
void feed_find_free_slots(struct feed_worker *w);

/* feed_adopt.c: called without the lock, but for the first. */
uint32_t feed_counted(const struct map64 *m, uint64_t key);
enum rc feed_on_adopt_answer(struct feed *f, struct feed_worker *w, const struct link_frame *frame);
enum rc feed_on_gone(struct feed *f, struct feed_worker *w, struct str body);
enum rc feed_on_closed(struct feed *f, struct feed_worker *w, struct str body);

/* Recipients of an event on w, as the memberships are now. false: nobody. extra: users beside the members (cache indexes). */
bool feed_route(struct feed *f, struct feed_worker *w, uint8_t kind, uint64_t chat_id, uint64_t seq,
                const uint32_t *extra, unsigned extra_count, struct link_recipients *to,
                struct buf *slots);
/* Send the ring's events after `position` to a worker that has come back. */
void feed_catch_up(struct feed *f, struct feed_worker *w, uint64_t position);

/* feed_attach.c */
void feed_attach_begin(struct feed *f, struct feed_worker *w, const struct link_attach *a);
void feed_attach_pull(struct feed *f, struct feed_worker *w, uint64_t session, uint32_t generation);
void feed_attach_drop(struct feed_worker *w, uint64_t session);
void feed_attach_release(struct feed_worker *w);

/* feed_command.c: commands and tokens from sockets. Called without the lock. */
enum rc feed_on_command(struct feed *f, struct feed_worker *w, const struct link_frame *frame);
enum rc feed_on_reauth(struct feed *f, struct feed_worker *w, const struct link_frame *frame);

#endif
