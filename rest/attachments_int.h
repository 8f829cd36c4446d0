/* attachments_int.h -- inside the attachments: their registry, shared by attachments*.c only */
#ifndef REST_ATTACHMENTS_INT_H
#define REST_ATTACHMENTS_INT_H

#include <pthread.h>

#include "rest/attachments.h"
#include "rest/blobs.h"
#include "rest/magic.h"
#include "rest/sha256.h"
#include "shared/map64.h"

/* Unfinished uploads of all users together. */
#define UPLOADS_KEPT_MAX 65536

struct upload {
    struct attachments *home;
    uint64_t id, user_id, chat_id, size, created_us;
    char *name, *claimed;           /* owned */
    char expected[SHA256_HEX_ROOM]; /* empty: nothing */
    bool resumable;

    /* under the registry's lock */
    uint64_t offset;
    uint64_t touched_us;
    bool busy; /* somebody's; else it rests */

    /* whose it is */
    bool placed;        /* the file is among the data already */
    int fd;             /* of the partial file; -1: not open */
    struct sha256 *sum; /* of the first `summed` bytes */
    uint64_t summed;
    char sha256[SHA256_HEX_ROOM];
    struct buf type;  /* what it is, once it has been looked at */
    uint64_t told_ms; /* progress */
};

struct usage {               /* of one user */
    uint64_t user_id, bytes; /* attachments and unfinished uploads */
    uint32_t open;           /* unfinished uploads */
};

struct attachments {
    const struct rest_conf *conf;
    struct svc *svc;
    struct blobs *blobs;
    struct magic *magic;
    struct workpool *pool;

    pthread_mutex_t lock;
    struct upload **uploads;
    uint32_t uploads_count, uploads_room;
    struct map64 upload_at; /* id -> index */
    struct usage *usages;
    uint32_t usages_count, usages_room;
    struct map64 usage_at; /* user id -> index */
    uint32_t busy;         /* uploads that somebody is at */

    pthread_t keeper; /* housekeeping */
    bool keeps;
    pthread_cond_t wake;
    bool stopping;
    unsigned waiting; /* answers the keeper waits for */
};

/* attachments.c; the lock is held */
struct upload *upload_find(struct attachments *a, uint64_t id);
struct usage *usage_of(struct attachments *a, uint64_t user_id);
/* Known from here on, at rest. Takes u. */
void upload_add(struct attachments *a, struct upload *u);

/* attachments.c; without the lock */
struct upload *upload_new(struct attachments *a);
/* Out of the registry, and freed. keep_bytes: they are still the user's. */
void upload_release(struct upload *u, bool keep_bytes);

/* attachments_start.c */
enum rc attachments_load(struct attachments *a, struct store *store, struct buf *why);
void upload_note_text(const struct upload *u, struct buf *out);

/* attachments_keep.c */
void *attachments_keeper(void *attachments);

#endif
