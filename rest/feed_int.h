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
#include "rest/gate.h"
#include "rest/job.h"
#include "rest/svc.h"
#include "shared/map64.h"

#define FEED_WORKERS_MAX 64
/* Chats with more members are announced by recipient set instead of by list. */
#define FEED_SET_MIN 256
/* What a worker's word is believed up to. */
#define FEED_SLOTS_MAX (4u << 20)
#define FEED_SESSIONS_MAX (16u << 20)
#define FEED_TOPICS_MAX (1u << 20)
/* A worker that comes back tells of its topics when it has been welcomed; a silent link does not live longer. */
#define FEED_TOPICS_KNOWN_MS 15000
/* Of the last message's text in a chat update. */
#define FEED_UPDATE_CHARS 280
/* A chunk ends after this many bytes of events; with the last of them it still fits a frame. */
#define FEED_CHUNK_MAX_BYTES (256u * 1024)
/* Users that a message finds looking at its chat. */
#define FEED_FOCUSED_MAX 1024
/* Texts read for one chunk. */
#define FEED_TEXTS_MAX_BYTES (4u << 20)

/* -- the ring of newest events ------------------------------------------------------------------ */

struct ring_entry {
    uint64_t id;
    uint64_t at_ms;        /* mono_ms when it was published */
    uint64_t prev_in_chat; /* the event before it in its chat, 0: none */
    uint64_t chat_id, seq;
    uint64_t subject_id;
    uint64_t topic; /* event_topic */
    uint8_t kind;
    uint32_t len;
    char bytes[]; /* encoded event */
};

/* In place of a user: a broadcast is everybody's. */
#define RING_EVERYBODY UINT32_MAX
struct own_event { /* who has an event of its own, in id order */
    uint64_t event_id;
    uint32_t user; /* cache index, or RING_EVERYBODY */
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
/* Index into own of the first event after `after`; own_count: none. */
size_t ring_own_after(const struct ring *r, uint64_t after);
/* Drop what is too old or too much. */
void ring_trim(struct ring *r, uint64_t max_bytes, uint64_t oldest_ms);
struct ring_entry *ring_entry_new(const struct event *e, struct str encoded, uint64_t prev_in_chat);

/* -- workers -------------------------------------------------------------------------------------- */

/* What somebody on a worker may wait for: while nobody does, what is only for those who asked is not even made. */
enum feed_watch { WATCH_STATUS, WATCH_READ, WATCH_UPLOAD, WATCH_TYPING, WATCH_UPDATES, WATCH_KINDS };

struct slot { /* a user on a worker */
    uint64_t user_id; /* 0: free */
    uint32_t user;    /* cache index */
    uint32_t sessions;
    uint32_t adopts; /* sent for this slot on this link, whoever had it */
    uint32_t mark;   /* of the last change of somebody's presence it was told of: feed->mark */
    uint32_t watch;  /* enum conn_option: what the sessions ask for together, or more */
};

struct adopt { /* a descriptor that the worker has not acknowledged */
    uint32_t id;
    int fd;
    uint32_t slot;
    uint64_t peer_key, topic;
    bool taken; /* the link server has it: the worker may have answered the client */
};

struct attach { /* a session that is catching up */
    uint64_t session; /* not 0 */
    uint32_t generation;
    uint64_t serial; /* a job of an earlier attempt does not find this one */
    uint64_t user_id;
    uint64_t topic; /* 0: the user's own events */
    uint64_t cursor; /* it has everything of its own up to here; with a topic, as many as were asked for */
    struct row_event *refs; /* what is left to replay from the database, or NULL: from the ring */
    uint32_t refs_count, refs_at;
    uint64_t upto; /* where the database part ends */
    bool busy;     /* a job waits in the read pool or works on it */
    bool begun;    /* it was given a place in the pool's queue */
    uint64_t asked_ms; /* when the worker last asked: sessions close without saying so */
};

struct feed_worker {
    struct feed *feed;
    uint16_t number;
    uint32_t serial; /* of this link */
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
    uint32_t sessions, users; /* sessions: connections, the sum of peers */
    uint32_t sessions_max;    /* what it had room for when it said hello */
    struct map64 peers; /* this worker's share of feed->peers */
    struct map64 sets;  /* chats whose recipient set the worker has -> members in it */
    struct map64 topics; /* topic -> sessions: this worker's share of feed->viewers */
    bool restarted;           /* its stream began anew, so it has missed whose right to look on has ended */
    uint64_t topics_known_ms; /* until then it may have viewers that it has not told of (mono_ms) */
    uint32_t watchers[WATCH_KINDS]; /* slots that wait for it */
    struct map64 polls; /* poll id -> index of feed->polls */
    struct adopt *adopts;
    uint32_t adopts_count, adopts_room;
    struct attach **attaches;
    uint32_t attaches_count, attaches_room;
    struct map64 attach_at; /* session -> index of attaches */
};

/* -- what is live ------------------------------------------------------------------------------------ */

struct feed_update { /* a chat's state is to be sent */
    struct happening why;
    uint32_t reader; /* to this one alone (cache index); CACHE_NONE: to all members */
};

struct feed_updates {
    struct buf noted;      /* struct feed_update: of the batch that is being published */
    struct map64 noted_at; /* chat -> place in noted of the one for all members */
    struct gate gate;      /* of large chats */
};

struct feed_texts { /* updates that wait for their text */
    struct text_wait *waits;
    uint32_t count, room;
    struct map64 at; /* chat -> index of waits */
    uint32_t total;  /* updates in all of them */
};

struct held_poll { /* an HTTP request that waits for a worker */
    uint32_t id; /* 0: free */
    uint64_t opens; /* peer key of the session that it opens, 0: none */
};

struct feed_polls {
    struct held_poll *held;
    uint32_t count, room;
    uint32_t next_id;
    feed_poll_done done;
    void *ctx;
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
    struct map64 viewers;       /* topic -> live sessions */
    struct presence *presence;
    struct typing *typing;
    struct online *online;
    struct buf comings; /* struct coming: users whose first session came or whose last one went, until the next tick */
    struct recoveries *recoveries; /* NULL: there are none */
    unsigned recoveries_storing;   /* batches in the hands of the writer */
    struct buf recovery_rooms;     /* scratch */
    struct feed_join {
        uint64_t event_id, chat_id;
        uint64_t user_id; /* 0: of everybody in the chat */
    } *joins; /* what joins rooms by itself, in the ring's events from before the start */
    uint32_t joins_count, joins_room;
    uint64_t recovery_clock_us;    /* start only: when those that were live were */
    uint64_t recovery_clock_ms;    /* when that is to be written again */
    uint64_t started_ms, store_seen_ms;
    uint32_t mark;
    struct feed_updates updates;
    struct feed_texts texts;
    struct gate receipts, focus_reads;
    pthread_mutex_t tick_lock; /* of the next few only */
    pthread_cond_t tick_wake;
    pthread_t tick_thread;
    bool tick_stop, tick_early, ticking;
    uint32_t worker_serial;
    struct map64 warm_last; /* start only: chat id -> its newest warm event, counted from warm_base */
    uint64_t warm_base;
    uint32_t next_adopt;
    struct feed_polls polls;
    uint64_t attach_serial;
    uint32_t refs_total; /* of all attaches */
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
/* The same around whatever appends to any stream. was_empty has room for FEED_WORKERS_MAX. */
void feed_streams_begin(const struct feed *f, bool *was_empty);
void feed_streams_end(struct feed *f, const bool *was_empty);

/* feed_slots.c */
uint32_t feed_slot_of(const struct feed_worker *w, uint32_t user);
void feed_room_for_slot(struct feed_worker *w, uint32_t slot);
void feed_use_slot(struct feed_worker *w, uint32_t slot, uint64_t user_id, uint32_t user);
void feed_free_slot(struct feed_worker *w, uint32_t slot);
/* Slots below the highest that nobody has. */
void feed_find_free_slots(struct feed_worker *w);
/* The user's slot on w, given when there is none. 0: unknown user, or no slot left. */
uint32_t feed_give_slot(struct feed *f, struct feed_worker *w, uint64_t user_id);

/* feed_watch.c */
/* What the connections of a dialect wait for without asking (enum conn_option). */
uint32_t feed_watch_of_dialect(uint8_t dialect);
void feed_watch_set(struct feed_worker *w, uint32_t slot, uint32_t options);
static inline bool feed_watches(const struct feed_worker *w, uint32_t slot, uint32_t options)
{
    return slot != 0 && (w->slots[slot].watch & options) != 0;
}
enum rc feed_on_watch(struct feed *f, struct feed_worker *w, struct str body); /* called without the lock */

/* feed_topics.c: event sessions and who looks at them. */
void feed_topic_opens(struct feed *f, struct feed_worker *w, uint64_t topic);
void feed_topic_closes(struct feed *f, struct feed_worker *w, uint64_t topic);
/* The worker goes. */
void feed_topics_uncount(struct feed *f, const struct feed_worker *w);
/* false: nobody on w looks at it. */
bool feed_route_topic(const struct feed_worker *w, uint64_t topic, struct link_recipients *to);
enum rc feed_on_topic(struct feed *f, struct feed_worker *w, struct str body); /* called without the lock */

/* feed_sets.c: the cache lock is held. */
/* The worker has the chat's set from here on. How many of its users are in it. */
uint32_t feed_set_use(struct feed_worker *w, const struct cache_chat *chat);
/* A user came to the worker (has a slot already), or goes (has it still). */
void feed_sets_user(struct feed *f, struct feed_worker *w, uint32_t user, bool add);
/* A user joined or left a chat. */
void feed_sets_member(struct feed *f, uint64_t chat_id, uint64_t user_id, bool add);
/* The chat is about to end: its members are still there. */
void feed_sets_end(struct feed *f, const struct cache_chat *chat);

/* feed_adopt.c: counts by key; key 0 is not counted. */
uint32_t feed_counted(const struct map64 *m, uint64_t key);
void feed_count_up(struct map64 *m, uint64_t key, uint32_t by);
void feed_count_down(struct map64 *m, uint64_t key, uint32_t by);
/* A connection begins or ends on w: of a user (slot, or 0) from an address (peer_key, or 0). */
void feed_session_opens(struct feed *f, struct feed_worker *w, uint32_t slot, uint64_t peer_key);
void feed_session_closes(struct feed *f, struct feed_worker *w, uint32_t slot, uint64_t peer_key);
/* NULL: none takes one. */
struct feed_worker *feed_least_loaded(struct feed *f);
/* The rest of feed_adopt.c is called without the lock. */
void feed_give_back(struct feed *f, int fd, enum code code);
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
void feed_attach_begin(struct feed *f, struct feed_worker *w, const struct link_attach *m);
void feed_attach_pull(struct feed *f, struct feed_worker *w, uint64_t session, uint32_t generation);
struct attach *feed_attach_find(const struct feed_worker *w, uint64_t session);
/* Whether the one that a job was for still waits for it. */
bool feed_attach_is_waiting(struct feed *f, uint16_t worker, uint64_t incarnation, uint64_t session, uint64_t serial);
/* The one that a job was for; it is not busy any more. NULL: it has gone or begun again. */
struct attach *feed_attach_waiting(const struct feed_worker *w, uint64_t session, uint64_t serial);
void feed_attach_drop(struct feed_worker *w, uint64_t session);
void feed_attach_release(struct feed_worker *w);
/* It cannot be filled: live from here. a is gone. */
void feed_attach_gap(struct feed *f, struct feed_worker *w, const struct attach *a, enum link_gap_reason reason);
/* Whatever comes next for the session. a may be gone afterwards; so with the three below. */
void feed_attach_go_on(struct feed *f, struct feed_worker *w, struct attach *a);
/* feed_attach_ring.c: the next chunk, and LIVE when it is the last. */
void feed_attach_from_ring(struct feed *f, struct feed_worker *w, struct attach *a);
/* feed_attach_db.c: find out what was missed; render the next of it. */
void feed_attach_read_refs(struct feed *f, struct feed_worker *w, struct attach *a);
void feed_attach_next_refs(struct feed *f, struct feed_worker *w, struct attach *a);
/* feed_attach_topic.c: the last check-ins of an event session, then live. a may be gone afterwards. */
void feed_attach_read_topic(struct feed *f, struct feed_worker *w, struct attach *a, uint64_t topic, uint64_t limit);
/*
 * What happened in a chat before the user joined it (again) is not for the user: going back from the
 * newest event, everything of a chat behind one's own joining is dropped, but for one's own removal.
 * *joined keeps the chats whose joining has been seen.
 */
bool feed_before_joining(struct map64 *joined, uint64_t me, uint8_t kind, uint64_t chat_id, uint64_t subject_id);

/* feed_update.c, the cache lock is held. */
bool feed_has_watchers(const struct feed *f, enum feed_watch what);
/* More members than chat_update_members_max. */
bool feed_chat_is_large(const struct feed *f, uint64_t chat_id);
/* An event is in the streams: what it changes will be sent. */
void feed_update_note(struct feed *f, const struct event *e);
/* Send what was noted; to this worker only, which has missed it, or (NULL) to all. */
void feed_updates_send(struct feed *f, struct feed_worker *only);
void feed_updates_tick(struct feed *f, uint64_t now_ms);
void feed_updates_release(struct feed *f);
/* The last message's text, if it is in memory; a deleted one has none, nor has a chat without messages. */
bool feed_update_text(const struct feed *f, const struct cache_chat *chat, struct str *text);
void feed_update_put(struct feed *f, const struct cache_chat *chat, const struct feed_update *u, struct str text,
                     const struct feed_worker *only);

/* feed_text.c, the cache lock is held. */
void feed_text_want(struct feed *f, const struct feed_update *u);
void feed_texts_tick(struct feed *f, uint64_t now_ms);
void feed_texts_release(struct feed *f);

/* feed_receipt.c, the cache lock is held. e is an EV_READ of a large chat. */
void feed_receipt_send(struct feed *f, const struct event *e, struct str encoded);
void feed_receipts_tick(struct feed *f, uint64_t now_ms);

/* feed_online.c */
/* Sessions of a user are counted here and nowhere else. quiet: they had been there before this process was. */
void feed_sessions_up(struct feed *f, uint64_t user_id, uint32_t by, bool quiet);
/* lost: with their worker. */
void feed_sessions_down(struct feed *f, uint64_t user_id, uint32_t by, bool lost);
/* The cache lock is held. */
void feed_online_tick(struct feed *f, uint64_t now_ms);
/* These are called without the lock. */
void feed_online_store(struct feed *f, uint64_t now_ms);
void feed_online_stop(struct feed *f);

/* feed_typing.c */
/* Called without the lock; the slot has a user, who is the actor. */
enum code feed_typing(struct feed *f, struct feed_worker *w, uint32_t slot, const struct cmd *c);
/* The cache lock is held. */
void feed_typing_tick(struct feed *f, uint64_t now_ms);
void feed_typing_gone(struct feed *f, uint64_t user_id);

/* feed_focus.c; the first two are called without the lock. */
enum rc feed_on_presence(struct feed *f, struct feed_worker *w, struct str body);
/* The slot has a user, who is the actor. */
enum code feed_focus(struct feed *f, struct feed_worker *w, uint32_t slot, const struct cmd *c);
/* Called without the lock. */
void feed_focus_tick(struct feed *f, uint64_t now_ms);
void feed_focus_worker_gone(struct feed *f, const struct feed_worker *w);

/* feed_query.c: reads for dialects. Called without the lock. */
enum rc feed_on_query(struct feed *f, struct feed_worker *w, const struct link_frame *frame);
/* Behind what was published for the job of a LINK_QUERY_SUBSCRIBE. The feed and the cache are locked. */
void feed_put_query_reply(struct feed *f, struct feed_worker *w, const struct job *j);

/* feed_command.c: commands and tokens from sockets. Called without the lock. */
enum rc feed_on_command(struct feed *f, struct feed_worker *w, const struct link_frame *frame);
enum rc feed_on_reauth(struct feed *f, struct feed_worker *w, const struct link_frame *frame);

/* feed_login.c: a connection that was opened for nobody says who it is. Called without the lock. */
enum rc feed_on_login(struct feed *f, struct feed_worker *w, const struct link_frame *frame);

/* feed_tick.c: there is something to store, before the next tick. Without the lock. */
void feed_tick_early(struct feed *f);

/* feed_recovery.c; the first and the third under the lock. */
/* The session has become r->user_id's: it may go on with the pid that it brings. */
void feed_recovery_login(struct feed *f, struct feed_worker *w, const struct link_login *m,
                         struct link_login_reply *r);
/* Start: the event joined the user (0: everybody in it) to the chat's room. */
void feed_warm_join(struct feed *f, uint64_t event_id, uint64_t chat_id, uint64_t user_id);
enum rc feed_on_recovery(struct feed *f, struct feed_worker *w, struct str body);
void feed_recovery_worker_gone(struct feed *f, const struct feed_worker *w);
void feed_recovery_store(struct feed *f, uint64_t now_ms);
void feed_recovery_stop(struct feed *f);

/* feed_poll.c, both without the lock. */
enum rc feed_on_poll_reply(struct feed *f, struct feed_worker *w, const struct link_frame *frame);
void feed_polls_gone(struct feed *f, struct feed_worker *w);
void feed_polls_release(struct feed *f);

#endif
