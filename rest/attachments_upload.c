/* attachments_upload.c -- the bytes of an upload: stored, summed, looked at, put in their place */
#include <stdlib.h>
#include <unistd.h>

#include "rest/attachments_int.h"
#include "rest/content_type.h"
#include "rest/file_name.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/mem.h"

#define READ_BYTES ((size_t)256 * 1024)

/* -- progress ---------------------------------------------------------------------------------------------- */

static void tell(struct upload *u, enum upload_state state)
{
    struct attachments *a = u->home;
    uint64_t now = mono_ms();
    if (a->svc == NULL ||
        (state == UPLOAD_RUNNING && now < u->told_ms + a->conf->upload_progress_ms)) {
        return;
    }
    u->told_ms = now;
    feed_upload_progress(a->svc->feed, &(struct feed_upload){.id = u->id,
                                                             .user_id = u->user_id,
                                                             .chat_id = u->chat_id,
                                                             .bytes = u->offset,
                                                             .total = u->size,
                                                             .created_us = u->created_us,
                                                             .state = state});
}

/* -- what it is -------------------------------------------------------------------------------------------- */

static void clean_found(struct buf *raw, struct buf *found)
{
    if (!content_type_clean(buf_str(raw), found)) {
        buf_add_z(found, "application/octet-stream");
    }
    buf_release(raw);
}

static struct str type_by_name(const struct upload *u)
{
    return content_type_of_extension(file_name_extension(str_of(u->name)));
}

/* Name, header and content must agree. */
static bool agrees(const struct upload *u, struct str found, bool readable)
{
    return content_type_fits(found, str_of(u->claimed), readable) &&
           content_type_fits(found, type_by_name(u), readable);
}

/* A refusal now saves the way of all the rest; so it must be certain. */
static enum code look_first(struct upload *u, struct str bytes)
{
    struct buf raw = BUF_INIT, found = BUF_INIT;
    magic_look(u->home->magic, bytes, &raw);
    clean_found(&raw, &found);
    bool readable = content_is_readable(bytes);
    bool good = content_type_may_become(buf_str(&found), str_of(u->claimed), readable) &&
                content_type_may_become(buf_str(&found), type_by_name(u), readable);
    buf_release(&found);
    return good ? CODE_OK : CODE_CONTENT_MISMATCH;
}

/* The type is the most exact of what name, header and content say. */
static enum code choose_type(struct upload *u, struct str found, bool readable)
{
    struct str claimed = str_of(u->claimed), by_name = type_by_name(u);
    if (!agrees(u, found, readable)) {
        return CODE_CONTENT_MISMATCH;
    }
    buf_clear(&u->type);
    buf_add_str(&u->type, !content_type_is_vague(claimed) ? claimed
                          : by_name.len > 0               ? by_name
                                                          : found);
    return content_type_listed(str_of(u->home->conf->attachment_types), buf_str(&u->type))
               ? CODE_OK
               : CODE_TYPE_NOT_ALLOWED;
}

static enum code look(struct upload *u)
{
    struct buf raw = BUF_INIT, found = BUF_INIT;
    size_t got = 0;
    char *room = mem_try(1, MAGIC_LOOK_BYTES);
    enum code code =
        room != NULL ? blob_read(u->fd, 0, room, MAGIC_LOOK_BYTES, &got) : CODE_UNAVAILABLE;
    if (code == CODE_OK) {
        magic_look_at_file(u->home->magic, u->fd, &raw);
        clean_found(&raw, &found);
        code = choose_type(u, buf_str(&found), content_is_readable((struct str){room, got}));
    }
    buf_release(&found);
    free(room);
    return code;
}

/* -- bytes --------------------------------------------------------------------------------------------------- */

static enum code open_file(struct upload *u)
{
    uint64_t size = 0;
    if (u->fd >= 0) {
        return CODE_OK;
    }
    bool fresh = !u->resumable || !blob_partial_size(u->home->blobs, u->id, &size);
    return blob_open_partial(u->home->blobs, u->id, fresh, &u->fd);
}

static void add_to_sum(struct upload *u, const char *bytes, size_t len)
{
    if (u->sum == NULL) {
        u->sum = sha256_new();
        u->summed = 0;
    }
    if (u->sum != NULL) {
        sha256_add(u->sum, bytes, len);
        u->summed += len;
    }
}

enum code upload_write(struct upload *u, struct str bytes)
{
    struct attachments *a = u->home;
    if (bytes.len > u->size - u->offset) {
        return CODE_TOO_LARGE;
    }
    enum code code = open_file(u);
    if (code == CODE_OK && u->offset == 0 && bytes.len >= MAGIC_LOOK_BYTES) {
        code = look_first(u, bytes);
    }
    if (code == CODE_OK) {
        code = blob_write(u->fd, u->offset, bytes);
    }
    if (code != CODE_OK) {
        return code;
    }
    if (u->summed == u->offset) {
        add_to_sum(u, bytes.p, bytes.len);
    }
    pthread_mutex_lock(&a->lock);
    u->offset += bytes.len;
    u->touched_us = wall_us();
    pthread_mutex_unlock(&a->lock);
    metric_add(METRIC_UPLOAD_BYTES, (int64_t)bytes.len);
    tell(u, UPLOAD_RUNNING);
    return CODE_OK;
}

/* What came before a restart is read again. */
static enum code sum_up(struct upload *u)
{
    enum code code = CODE_OK;
    if (u->sha256[0] != '\0') {
        return CODE_OK; /* by an earlier try */
    }
    char *room = u->summed < u->size ? mem_try(1, READ_BYTES) : NULL;
    while (code == CODE_OK && u->summed < u->size) {
        size_t got = 0;
        code =
            room != NULL ? blob_read(u->fd, u->summed, room, READ_BYTES, &got) : CODE_UNAVAILABLE;
        if (code == CODE_OK && got == 0) {
            code = CODE_UNAVAILABLE; /* the file is shorter than it was */
        }
        if (got > 0) {
            add_to_sum(u, room, got);
        }
        code = u->sum != NULL ? code : CODE_UNAVAILABLE;
    }
    free(room);
    if (code == CODE_OK) {
        sha256_end(u->sum, u->sha256);
        sha256_free(u->sum);
        u->sum = NULL;
    }
    return code;
}

enum code upload_finish(struct upload *u)
{
    uint64_t size = 0;
    /* The last try got this far: what it found is not always known any more, and the file is opened anew. */
    if (u->placed && u->fd < 0 &&
        (!blob_open(u->home->blobs, u->id, &u->fd, &size) || size != u->size)) {
        return CODE_UNAVAILABLE;
    }
    enum code code = open_file(u);
    if (code == CODE_OK) {
        code = sum_up(u);
    }
    if (code == CODE_OK && u->expected[0] != '\0' &&
        memcmp(u->expected, u->sha256, sizeof(u->expected)) != 0) {
        code = CODE_CHECKSUM_MISMATCH;
    }
    if (code == CODE_OK) {
        code = look(u);
    }
    if (code == CODE_OK) {
        blob_touch(u->fd);
    }
    if (code == CODE_OK && !u->placed) {
        code = blob_place(u->home->blobs, u->id, u->fd);
        u->placed = code == CODE_OK;
    }
    return code;
}

enum code upload_save(struct upload *u)
{
    enum code code = u->fd >= 0 ? blob_sync(u->fd) : CODE_OK;
    upload_rest(u);
    return code;
}

enum code upload_note(struct upload *u)
{
    struct buf text = BUF_INIT;
    upload_note_text(u, &text);
    enum code code =
        buf_ok(&text) ? blob_note_write(u->home->blobs, u->id, buf_str(&text)) : CODE_UNAVAILABLE;
    buf_release(&text);
    return code;
}

/* -- ends ---------------------------------------------------------------------------------------------------- */

void upload_end(struct upload *u)
{
    tell(u, UPLOAD_DONE);
    metric_add(METRIC_UPLOADS_DONE, 1);
    if (u->resumable) {
        blob_note_remove(u->home->blobs, u->id);
    }
    upload_release(u, true);
}

void upload_drop(struct upload *u)
{
    tell(u, UPLOAD_FAILED);
    metric_add(METRIC_UPLOADS_FAILED, 1);
    blob_remove_partial(u->home->blobs, u->id);
    if (u->placed) {
        blob_remove(u->home->blobs, u->id);
    }
    upload_release(u, false);
}

void upload_forget(struct upload *u)
{
    tell(u, UPLOAD_FAILED);
    metric_add(METRIC_UPLOADS_FAILED, 1);
    upload_release(u, true);
}
