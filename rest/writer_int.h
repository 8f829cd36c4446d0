/* writer_int.h -- the writer's inside, shared by writer_*.c only */
#ifndef REST_WRITER_INT_H
#define REST_WRITER_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "rest/answers.h"
#include "rest/decide.h"
#include "rest/recent.h"
#include "rest/writer.h"
#include "shared/map64.h"

struct dirty { /* a membership whose count of own messages has moved since the checkpoint; chat 0: the user's of notifications */
    uint64_t chat_id, user_id;
};

struct writer {
    const struct rest_conf *conf;
    struct cache *cache;
    struct feed *feed;
    void (*on_fenced)(void);

    pthread_mutex_t lock; /* the queue and the list of unanswered jobs */
    pthread_cond_t filled;
    struct job *head, *tail;
    unsigned queued;
    struct job *live_head, *live_tail; /* every unanswered job, oldest first */
    bool stopping;
    _Atomic bool healthy;
    _Atomic bool refused; /* STORE_FULL, and nobody has found room since */
    _Atomic uint64_t busy_since_ms;
    _Atomic unsigned in_work; /* commands of the batch that is being carried out */
    pthread_t thread, reaper;
    struct answers *answers; /* while it runs */
    bool running, reaping;

    /* The thread's own. */
    struct store *store;
    struct store_conf store_conf;
    struct store_head head_row;
    struct decider decider;
    struct batch batch;
    struct recent *recent;
    struct map64 dirty_map;
    struct dirty *dirty;
    uint32_t dirty_count, dirty_room;
    uint64_t checkpoint_due_ms, trim_due_ms;
    uint32_t note_user;  /* up to here the notifications have been looked through: 0 broadcasts, else a user's index + 1 */
    uint64_t note_after; /* and of that one up to this id */
    uint64_t note_due_ms; /* when to begin anew */
    bool gave_up; /* stopping with a COMMIT in doubt: nothing may be stored or answered as done any more */
    struct job **jobs; /* of the batch */
    unsigned jobs_room;
};

/* writer_lookup.c: what deciding needs from the database, one SELECT of each kind. */
enum store_rc writer_look_up(struct writer *w, struct job **jobs, unsigned count);
/* Keys of jobs that wait for an answer from the unique indexes. *found: one of them was used before. A key is
 * looked up until the database has answered. */
enum store_rc writer_look_up_keys(struct writer *w, struct job **jobs, unsigned count, bool refused_only,
                                  bool *found);

/* writer_commit.c: decide, store, commit and publish these jobs, whatever it takes. */
void writer_process(struct writer *w, struct job **jobs, unsigned count);
/* Rows that keep counts of own messages near the log's end. */
void writer_add_checkpoint(struct writer *w);
bool writer_reconnect(struct writer *w);
/* The next checkpoint is to write this (struct dirty). */
void writer_mark_dirty(struct writer *w, uint64_t chat_id, uint64_t user_id);

/* writer_trim.c: delete a piece of what has outlived its use; trim_due_ms says when to go on. busy: commands wait. */
void writer_trim(struct writer *w, bool busy);

#endif
