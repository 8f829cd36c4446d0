/* notifier_int.h -- the notifier's inside, shared by notifier*.c only */
#ifndef REST_NOTIFIER_INT_H
#define REST_NOTIFIER_INT_H

#include <pthread.h>

#include "rest/notes.h"
#include "rest/notifier.h"
#include "rest/svc.h"

struct note_item { /* a message, or a read cursor that moved */
    struct note_item *next;
    uint64_t event_id, chat_id, seq, user_id; /* the sender, or who has read */
    uint64_t at_us;
    uint8_t kind; /* enum event_kind */
    bool has_focus; /* focused is what was known at publishing */
    unsigned focused_count;
    const uint64_t *focused; /* sorted; behind the struct, as the texts */
    struct str message_kind, content;
    size_t bytes;
};

struct note_queue {
    struct note_item *head, *tail;
    unsigned count;
    size_t bytes;
};

struct notifier {
    struct svc *svc;
    pthread_mutex_t lock; /* what follows, up to the line */
    pthread_cond_t filled;
    struct note_queue queue;
    bool lost;       /* the queue lacks something after the cursor: read the log */
    bool stopping, busy;
    uint64_t newest;    /* the newest event of interest that was published */
    uint64_t looked_at; /* done, when the thread was here last */
    /* -- the thread's own */
    pthread_t thread;
    bool running;
    struct row_notifier cursor; /* as stored */
    uint64_t done;              /* decided up to here, perhaps not stored yet */
    unsigned careful;           /* events still to be taken one by one */
    struct buf chunk, seen;
    uint64_t chunk_limit, chunk_notified, chunk_rows, seen_count;
    struct note_choice *choices;
    unsigned choices_count, choices_room;
};

/* notifier_queue.c: an item with copies of everything; NULL without memory. */
struct note_item *note_item_new(const struct event *e, const uint64_t *focused, unsigned focused_count);
/* The lock is held. What the notifier itself makes of messages is nothing to be looked at. */
void notifier_tell_behind(const struct notifier *n);
/* Everything that waits. */
struct note_queue notifier_take(struct notifier *n);
void note_queue_clear(struct note_queue *q);

/*
 * notifier_decide.c: n->choices for each member that the message concerns, by rising user id, from after_user on.
 * Members of a large chat that are not named have NOTE_LARGE_CHAT (a choice with user_id 0 says so).
 */
void notifier_choose(struct notifier *n, const struct note_item *item, uint64_t after_user);

#endif
