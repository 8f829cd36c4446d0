/*
 * attachments.h -- uploads on their way to become attachments, and what is kept of them
 *
 * Shape      An upload is made (upload_begin), gets its bytes in order (upload_write), is checked and put in its place
 *            (upload_finish), becomes known through the writer (CMD_ATTACHMENT_ADD) and is let go (upload_end). One
 *            that is resumable may rest between two requests (upload_rest, upload_take), also over a restart of the
 *            process: its bytes and a note of it are files. Upload, attachment and file have the same id.
 * Layer      service. Knows files (blobs.h) and the store's rows; no HTTP.
 * Ownership  Between begin or take and rest, end or drop an upload is the caller's alone.
 * Limits     attachment_*, attachments_user_max_bytes, upload_* and uploads_* settings.
 * Threads    begin, take, rest, status: any, they do not wait. What says "pool" waits for the disk and belongs on
 *            attachments_run's threads: HTTP threads must not wait, and hashing 100 MB takes longer than they have.
 */
#ifndef REST_ATTACHMENTS_H
#define REST_ATTACHMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/rest_conf.h"
#include "rest/svc.h"
#include "rest/workpool.h"

struct attachments;
struct store;
struct upload;

/* Reads what the last process left behind. *out is NULL when attachments_dir is empty. */
RC_CHECK enum rc attachments_new(const struct rest_conf *conf, struct store *store,
                                 struct attachments **out, struct buf *why);
/* From here on there is housekeeping: what nobody needs any more is removed. */
RC_CHECK enum rc attachments_start(struct attachments *a, struct svc *svc, struct buf *why);
/* Ends the housekeeping; before the writer and the read pool end. */
void attachments_stop(struct attachments *a);
/* After the last request; NULL is fine. Unfinished uploads stay for the next process. */
void attachments_free(struct attachments *a);

/* Run job on one of the threads for files. There is room for one job of every upload at work; CODE_QUEUE_FULL otherwise. */
enum code attachments_run(struct attachments *a, workpool_job job, void *ctx);

/* -- uploads --------------------------------------------------------------------------------------- */

struct upload_ask {
    uint64_t user_id, chat_id, size;
    struct str name;      /* clean (file_name.h) */
    struct str mime_type; /* clean (content_type.h), or empty: not said */
    struct str sha256;    /* in hex, or empty */
    bool resumable;
};
/* CODE_OK, CODE_INVALID_FIELD (no bytes), CODE_TOO_LARGE, CODE_TYPE_NOT_ALLOWED, CODE_QUOTA_EXCEEDED, CODE_TOO_MANY_UPLOADS,
 * CODE_QUEUE_FULL. */
enum code upload_begin(struct attachments *a, const struct upload_ask *ask, struct upload **out);
/* Pool. Write the note of a resumable one. */
enum code upload_note(struct upload *u);
/* Go on with one's own upload at this offset: CODE_OK; CODE_UPLOAD_NOT_FOUND; CODE_UPLOAD_OFFSET: it goes on at *at, or another
 * request is at it; CODE_QUEUE_FULL. */
enum code upload_take(struct attachments *a, uint64_t id, uint64_t user_id, uint64_t offset,
                      struct upload **out, uint64_t *at);
/* Pool. The next bytes; fewer than what is left. CODE_OK; CODE_CONTENT_MISMATCH, CODE_TYPE_NOT_ALLOWED: drop it;
 * CODE_STORE_FULL, CODE_UNAVAILABLE: nothing of them is stored. */
enum code upload_write(struct upload *u, struct str bytes);
/* Pool. All bytes are there: CODE_OK: the file is in its place. CODE_CHECKSUM_MISMATCH, CODE_CONTENT_MISMATCH,
 * CODE_TYPE_NOT_ALLOWED: drop it. CODE_STORE_FULL, CODE_UNAVAILABLE. */
enum code upload_finish(struct upload *u);
/* Pool. What has come stays, also over a power cut; then as upload_rest. */
enum code upload_save(struct upload *u);
/* It may be gone on with. */
void upload_rest(struct upload *u);
/* Pool. It has become an attachment; the upload is no more. */
void upload_end(struct upload *u);
/* Pool. Nothing of it stays. */
void upload_drop(struct upload *u);
/* Whether it was stored is not known: the file stays, the upload is no more. */
void upload_forget(struct upload *u);

struct upload_view {
    uint64_t id, user_id, chat_id, size, offset, created_us;
    bool resumable;
    struct str name;
    struct str mime_type, sha256; /* after upload_finish */
};
/* Views until the upload is given away. */
struct upload_view upload_view(const struct upload *u);
/* One's own unfinished upload: numbers only. CODE_UPLOAD_NOT_FOUND. */
enum code upload_status(struct attachments *a, uint64_t id, uint64_t user_id,
                        struct upload_view *out);
/* Remove one's own upload that nobody is at: CODE_OK: it is the caller's, to drop; CODE_UPLOAD_NOT_FOUND; CODE_CONFLICT. */
enum code upload_cancel(struct attachments *a, uint64_t id, uint64_t user_id, struct upload **out);

/* -- attachments ----------------------------------------------------------------------------------- */

/* For reading; attachment_close, or whoever takes the descriptor, closes it. false: the file is not there. */
bool attachment_open(struct attachments *a, uint64_t id, int *fd, uint64_t *size);
/* This part is going to be sent: the kernel may fetch it from the disk before an HTTP thread has to wait for it. */
void attachment_read_ahead(int fd, uint64_t from, uint64_t length);
/* -1 is fine. */
void attachment_close(int fd);
/* Pool. Its row has been removed: so is the file, and the user has room again. */
void attachment_removed(struct attachments *a, uint64_t id, uint64_t user_id, uint64_t size);

#endif
