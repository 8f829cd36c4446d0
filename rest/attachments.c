#include "rest/attachments.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "rest/attachments_int.h"
#include "rest/content_type.h"
#include "rest/file_name.h"
#include "rest/metrics.h"
#include "shared/bug.h"
#include "shared/clock.h"
#include "shared/mem.h"

#define READ_AHEAD_BYTES ((uint64_t)2 * 1024 * 1024)

/* -- the registry ------------------------------------------------------------------------------------------ */

struct upload *upload_find(struct attachments *a, uint64_t id)
{
    uint32_t at = 0;
    return id != 0 && map64_get(&a->upload_at, id, &at) ? a->uploads[at] : NULL;
}

struct usage *usage_of(struct attachments *a, uint64_t user_id)
{
    uint32_t at = 0;
    if (map64_get(&a->usage_at, user_id, &at)) {
        return &a->usages[at];
    }
    if (a->usages_count == a->usages_room) {
        a->usages_room = a->usages_room ? a->usages_room * 2 : 64;
        a->usages = mem_grow(a->usages, a->usages_room, sizeof(a->usages[0]));
    }
    map64_put(&a->usage_at, user_id, a->usages_count);
    a->usages[a->usages_count] = (struct usage){.user_id = user_id};
    return &a->usages[a->usages_count++];
}

void upload_add(struct attachments *a, struct upload *u)
{
    if (a->uploads_count == a->uploads_room) {
        a->uploads_room = a->uploads_room ? a->uploads_room * 2 : 64;
        a->uploads = mem_grow(a->uploads, a->uploads_room, sizeof(struct upload *));
    }
    map64_put(&a->upload_at, u->id, a->uploads_count);
    a->uploads[a->uploads_count++] = u;
    struct usage *usage = usage_of(a, u->user_id);
    usage->bytes += u->size;
    usage->open++;
    metric_set(METRIC_UPLOADS_OPEN, a->uploads_count);
}

static void remove_at(struct attachments *a, uint32_t at)
{
    (void)map64_remove(&a->upload_at, a->uploads[at]->id);
    a->uploads[at] = a->uploads[--a->uploads_count];
    if (at < a->uploads_count) {
        map64_put(&a->upload_at, a->uploads[at]->id, at);
    }
    metric_set(METRIC_UPLOADS_OPEN, a->uploads_count);
}

struct upload *upload_new(struct attachments *a)
{
    struct upload *u = mem_new(sizeof(*u));
    u->home = a;
    u->fd = -1;
    return u;
}

static void upload_free(struct upload *u)
{
    if (u->fd >= 0) {
        close(u->fd);
    }
    sha256_free(u->sum);
    buf_release(&u->type);
    free(u->name);
    free(u->claimed);
    free(u);
}

void upload_release(struct upload *u, bool keep_bytes)
{
    struct attachments *a = u->home;
    uint32_t at = 0;
    pthread_mutex_lock(&a->lock);
    BUG_IF(!u->busy || !map64_get(&a->upload_at, u->id, &at));
    remove_at(a, at);
    struct usage *usage = usage_of(a, u->user_id);
    usage->bytes -= keep_bytes ? 0 : u->size;
    usage->open--;
    a->busy--;
    pthread_mutex_unlock(&a->lock);
    upload_free(u);
}

/* -- beginning, taking, resting ------------------------------------------------------------------------------ */

/* The id goes before everything else, as the file's name and to the client: hard to guess, though nothing relies on it. */
static uint64_t fresh_id(struct attachments *a)
{
    uint64_t id;
    do {
        id = random_u64() & ID_MAX;
    } while (id == 0 || upload_find(a, id) != NULL);
    return id;
}

/* What the name and the header claim; the bytes are looked at later. */
static bool may_be_allowed(const struct rest_conf *conf, const struct upload_ask *ask)
{
    struct str by_name = content_type_of_extension(file_name_extension(ask->name));
    struct str type = content_type_is_vague(ask->mime_type) ? by_name : ask->mime_type;
    return type.len == 0 || content_type_listed(str_of(conf->attachment_types), type);
}

static enum code check_room(struct attachments *a, const struct upload_ask *ask)
{
    const struct usage *usage = usage_of(a, ask->user_id);
    uint64_t most = CONF_NOW(a->conf->attachments_user_max_bytes);
    if (usage->open >= CONF_NOW(a->conf->uploads_user_max)) {
        return CODE_TOO_MANY_UPLOADS;
    }
    if (ask->size > most || usage->bytes > most - ask->size) {
        return CODE_QUOTA_EXCEEDED;
    }
    return a->busy < a->conf->uploads_max && a->uploads_count < UPLOADS_KEPT_MAX ? CODE_OK
                                                                                 : CODE_QUEUE_FULL;
}

static char *copy(struct str s)
{
    return mem_copy(s.len ? s.p : "", s.len);
}

enum code upload_begin(struct attachments *a, const struct upload_ask *ask, struct upload **out)
{
    if (ask->size == 0 || ask->size > a->conf->attachment_max_bytes) {
        return ask->size == 0 ? CODE_INVALID_FIELD : CODE_TOO_LARGE;
    }
    if (!may_be_allowed(a->conf, ask)) {
        return CODE_TYPE_NOT_ALLOWED;
    }
    pthread_mutex_lock(&a->lock);
    enum code code = check_room(a, ask);
    if (code == CODE_OK) {
        struct upload *u = upload_new(a);
        u->id = fresh_id(a);
        u->user_id = ask->user_id;
        u->chat_id = ask->chat_id;
        u->size = ask->size;
        u->created_us = u->touched_us = wall_us();
        u->name = copy(ask->name);
        u->claimed = copy(ask->mime_type);
        memcpy(u->expected, ask->sha256.len ? ask->sha256.p : "", ask->sha256.len);
        u->resumable = ask->resumable;
        upload_add(a, u);
        u->busy = true;
        a->busy++;
        *out = u;
    }
    pthread_mutex_unlock(&a->lock);
    metric_add(METRIC_UPLOADS_BEGUN, code == CODE_OK);
    return code;
}

enum code upload_take(struct attachments *a, uint64_t id, uint64_t user_id, uint64_t offset,
                      struct upload **out, uint64_t *at)
{
    enum code code = CODE_OK;
    pthread_mutex_lock(&a->lock);
    struct upload *u = upload_find(a, id);
    if (u == NULL || u->user_id != user_id || !u->resumable) {
        code = CODE_UPLOAD_NOT_FOUND;
    } else if (u->busy || u->offset != offset) {
        code = CODE_UPLOAD_OFFSET;
        *at = u->offset;
    } else if (a->busy >= a->conf->uploads_max) {
        code = CODE_QUEUE_FULL;
    } else {
        u->busy = true;
        a->busy++;
        *out = u;
    }
    pthread_mutex_unlock(&a->lock);
    return code;
}

enum code upload_cancel(struct attachments *a, uint64_t id, uint64_t user_id, struct upload **out)
{
    enum code code = CODE_OK;
    pthread_mutex_lock(&a->lock);
    struct upload *u = upload_find(a, id);
    if (u == NULL || u->user_id != user_id || !u->resumable) {
        code = CODE_UPLOAD_NOT_FOUND;
    } else if (u->busy || u->placed) {
        code = CODE_CONFLICT;
    } else {
        u->busy = true;
        a->busy++;
        *out = u;
    }
    pthread_mutex_unlock(&a->lock);
    return code;
}

void upload_rest(struct upload *u)
{
    struct attachments *a = u->home;
    if (u->fd >= 0) { /* a descriptor for each one that rests would be too many */
        close(u->fd);
        u->fd = -1;
    }
    pthread_mutex_lock(&a->lock);
    u->busy = false;
    u->touched_us = wall_us();
    a->busy--;
    pthread_mutex_unlock(&a->lock);
}

struct upload_view upload_view(const struct upload *u)
{
    return (struct upload_view){
        .id = u->id,
        .user_id = u->user_id,
        .chat_id = u->chat_id,
        .size = u->size,
        .offset = u->offset,
        .created_us = u->created_us,
        .resumable = u->resumable,
        .name = str_of(u->name),
        .mime_type = buf_str(&u->type),
        .sha256 = str_of(u->sha256),
    };
}

enum code upload_status(struct attachments *a, uint64_t id, uint64_t user_id,
                        struct upload_view *out)
{
    pthread_mutex_lock(&a->lock);
    const struct upload *u = upload_find(a, id);
    bool found = u != NULL && u->user_id == user_id && u->resumable;
    if (found) {
        *out = (struct upload_view){.id = u->id,
                                    .chat_id = u->chat_id,
                                    .size = u->size,
                                    .offset = u->offset,
                                    .created_us = u->created_us};
    }
    pthread_mutex_unlock(&a->lock);
    return found ? CODE_OK : CODE_UPLOAD_NOT_FOUND;
}

/* -- attachments ------------------------------------------------------------------------------------------- */

bool attachment_open(struct attachments *a, uint64_t id, int *fd, uint64_t *size)
{
    return blob_open(a->blobs, id, fd, size);
}

void attachment_read_ahead(int fd, uint64_t from, uint64_t length)
{
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    (void)posix_fadvise(fd, (off_t)from,
                        (off_t)(length < READ_AHEAD_BYTES ? length : READ_AHEAD_BYTES),
                        POSIX_FADV_WILLNEED);
}

void attachment_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void attachment_removed(struct attachments *a, uint64_t id, uint64_t user_id, uint64_t size)
{
    blob_remove(a->blobs, id);
    pthread_mutex_lock(&a->lock);
    struct usage *usage = usage_of(a, user_id);
    usage->bytes -= size < usage->bytes ? size : usage->bytes;
    pthread_mutex_unlock(&a->lock);
    metric_add(METRIC_ATTACHMENTS_REMOVED, 1);
}

/* -- life -------------------------------------------------------------------------------------------------- */

enum rc attachments_new(const struct rest_conf *conf, struct store *store, struct attachments **out,
                        struct buf *why)
{
    if (conf->attachments_dir[0] == '\0') {
        *out = NULL;
        return RC_OK;
    }
    struct attachments *a = mem_new(sizeof(*a));
    pthread_condattr_t attr;
    a->conf = conf;
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->wake, &attr);
    pthread_condattr_destroy(&attr);
    enum rc rc = magic_new(&a->magic, why);
    if (rc == RC_OK) {
        rc = blobs_open(conf->attachments_dir, &a->blobs, why);
    }
    if (rc == RC_OK) {
        rc = attachments_load(a, store, why);
    }
    if (rc != RC_OK) {
        attachments_free(a);
        return rc;
    }
    a->pool =
        workpool_new((unsigned)conf->attachment_threads, (unsigned)conf->uploads_max * 2 + 64);
    *out = a;
    return RC_OK;
}

enum rc attachments_start(struct attachments *a, struct svc *svc, struct buf *why)
{
    a->svc = svc;
    a->keeps = pthread_create(&a->keeper, NULL, attachments_keeper, a) == 0;
    if (!a->keeps) {
        buf_add_z(why, "There is no thread for the housekeeping of attachments.\n");
    }
    return a->keeps ? RC_OK : RC_UNAVAILABLE;
}

void attachments_stop(struct attachments *a)
{
    if (a != NULL && a->keeps) {
        pthread_mutex_lock(&a->lock);
        a->stopping = true;
        pthread_cond_broadcast(&a->wake);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->keeper, NULL);
        a->keeps = false;
    }
}

void attachments_free(struct attachments *a)
{
    if (a == NULL) {
        return;
    }
    workpool_free(a->pool);
    for (uint32_t i = 0; i < a->uploads_count; i++) {
        upload_free(a->uploads[i]);
    }
    blobs_close(a->blobs);
    magic_free(a->magic);
    map64_release(&a->upload_at);
    map64_release(&a->usage_at);
    free(a->uploads);
    free(a->usages);
    pthread_cond_destroy(&a->wake);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

enum code attachments_run(struct attachments *a, workpool_job job, void *ctx)
{
    return workpool_submit(a->pool, job, ctx) == RC_OK ? CODE_OK : CODE_QUEUE_FULL;
}
