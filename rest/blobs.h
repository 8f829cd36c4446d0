/*
 * blobs.h -- the files below attachments_dir
 *
 * Shape      A file is named by a number of ours (14 hex digits), never by a text of a client's.
 *              partial/<id>       bytes that have come so far
 *              partial/<id>.note  what to know of an upload that is gone on with after a restart (JSON)
 *              data/<xx>/<id>     whole files; xx are the last two digits
 * Promise    blob_place returns when file and directory are on the disk. blob_write is all or nothing.
 * Errors     CODE_STORE_FULL: no room, or read-only. CODE_UNAVAILABLE: anything else, logged.
 * Threads    Any. Two threads never work on the same id (attachments.h sees to that). All of it may wait for the disk.
 */
#ifndef REST_BLOBS_H
#define REST_BLOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/code.h"
#include "shared/rc.h"
#include "shared/str.h"

#define BLOB_FOLDERS 256

struct blobs;

/* Makes what is missing of the directories (0700). RC_IO: it cannot, why says so. */
RC_CHECK enum rc blobs_open(const char *path, struct blobs **out, struct buf *why);
void blobs_close(struct blobs *b);

/* -- while it comes -------------------------------------------------------------------------------- */

/* For reading and writing; fresh: it must not be there yet, else it must. */
enum code blob_open_partial(struct blobs *b, uint64_t id, bool fresh, int *fd);
/* The bytes at this place; on failure the file ends there. */
enum code blob_write(int fd, uint64_t at, struct str bytes);
/* Everything written so far survives a power cut. */
enum code blob_sync(int fd);
/* Up to room bytes from at on; *got may be less at the end. */
enum code blob_read(int fd, uint64_t at, char *room, size_t size, size_t *got);
/* fd is the partial file, complete: on the disk, and in its place, where nothing may be yet. */
enum code blob_place(struct blobs *b, uint64_t id, int fd);
enum code blob_note_write(struct blobs *b, uint64_t id, struct str text);
/* false: none, or unreadable. */
bool blob_note_read(struct blobs *b, uint64_t id, struct buf *out);
void blob_note_remove(struct blobs *b, uint64_t id);
/* false: it is not there. */
bool blob_partial_size(struct blobs *b, uint64_t id, uint64_t *size);

/* -- afterwards ------------------------------------------------------------------------------------ */

/* For reading. false: it is not there. */
bool blob_open(struct blobs *b, uint64_t id, int *fd, uint64_t *size);
/* It is needed from now on, however long ago its bytes were written: see attachments_keep.c. */
void blob_touch(int fd);
/* The whole file, or what there is of one on its way, with its note. */
void blob_remove(struct blobs *b, uint64_t id);
void blob_remove_partial(struct blobs *b, uint64_t id);

/* What lies in partial/: its number, whether it is a note, when it was written (s). Names that are none of ours are left alone. */
typedef void (*blob_on_partial)(void *ctx, uint64_t id, bool is_note, uint64_t written_s);
void blobs_each_partial(struct blobs *b, blob_on_partial on, void *ctx);
/* Likewise one folder of data/. */
typedef void (*blob_on_data)(void *ctx, uint64_t id, uint64_t written_s);
void blobs_each_data(struct blobs *b, unsigned folder, blob_on_data on, void *ctx);

#endif
