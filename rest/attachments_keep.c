/*
 * attachments_keep.c -- housekeeping: uploads nobody goes on with, attachments nobody shows, files nobody knows
 *
 * One thread that sleeps most of the time. Rows go through the writer and the file after the row; a process that
 * dies in between leaves a file without a row, which the next round over the folders finds. Files are only called
 * orphans when they have been in their place for longer than attachment_unused_keep_ms: the row of a younger one may be
 * on its way, and whoever has restored an older database has that long to bring back a newer one. Uploads are asked for
 * before rows: an upload that has ended in between has its row.
 */
#include <stdlib.h>
#include <time.h>

#include "rest/attachments_int.h"
#include "rest/metrics.h"
#include "rest/store.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

#define SWEEP_MS      60000
#define TICK_MS       1000
#define ROWS_AT_ONCE  100
#define FILES_AT_ONCE 256

/* false: it is time to end. */
static bool rest_for(struct attachments *a, uint64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&a->lock);
    while (!a->stopping && pthread_cond_timedwait(&a->wake, &a->lock, &until) == 0) {
    }
    bool go_on = !a->stopping;
    pthread_mutex_unlock(&a->lock);
    return go_on;
}

static void wait_more(struct attachments *a)
{
    pthread_mutex_lock(&a->lock);
    a->waiting++;
    pthread_mutex_unlock(&a->lock);
}

static void wait_less(struct attachments *a)
{
    pthread_mutex_lock(&a->lock);
    a->waiting--;
    pthread_cond_broadcast(&a->wake);
    pthread_mutex_unlock(&a->lock);
}

/* Everything asked for is answered, by the deadlines of writer and pool if not before. */
static void wait_for_answers(struct attachments *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->waiting > 0) {
        pthread_cond_wait(&a->wake, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
}

/* -- uploads ------------------------------------------------------------------------------------------------- */

static struct upload *take_expired(struct attachments *a)
{
    struct upload *found = NULL;
    uint64_t now = wall_us(), keep_us = a->conf->upload_keep_ms * 1000;
    pthread_mutex_lock(&a->lock);
    for (uint32_t i = 0; i < a->uploads_count && found == NULL; i++) {
        struct upload *u = a->uploads[i];
        if (!u->busy && u->touched_us + keep_us < now) {
            found = u;
            u->busy = true;
            a->busy++;
        }
    }
    pthread_mutex_unlock(&a->lock);
    return found;
}

static void drop_expired(struct attachments *a)
{
    for (struct upload *u; (u = take_expired(a)) != NULL;) {
        /* One whose file is in its place may have a row after all: the rounds below find out. */
        if (u->placed) {
            blob_note_remove(a->blobs, u->id);
            upload_forget(u);
        } else {
            upload_drop(u);
        }
    }
}

/* -- rows ------------------------------------------------------------------------------------------------------ */

struct removal {
    struct attachments *a;
    uint64_t id, user_id, size;
};
struct round {
    struct attachments *a;
    uint64_t before_us;
    struct removal rows[ROWS_AT_ONCE];
    unsigned count;
    enum store_rc rc;
};

static void on_unused(void *ctx, const struct row_attachment *row)
{
    struct round *r = ctx;
    if (r->count < ROWS_AT_ONCE) {
        r->rows[r->count++] = (struct removal){r->a, row->id, row->uploader_id, row->size};
    }
}

static void find_unused(struct store *store, void *ctx)
{
    struct round *r = ctx;
    r->rc = store != NULL
                ? store_unused_attachments(store, r->before_us, ROWS_AT_ONCE, on_unused, r)
                : STORE_LOST;
    wait_less(r->a);
}

static void remove_file(void *ctx)
{
    struct removal *row = ctx;
    attachment_removed(row->a, row->id, row->user_id, row->size);
    wait_less(row->a);
}

static void on_removed(void *ctx, const struct outcome *o)
{
    struct removal *row = ctx;
    if (o->code != CODE_OK) {
        wait_less(row->a);
    } else if (attachments_run(row->a, remove_file, row) != CODE_OK) {
        remove_file(row);
    }
}

/* true: there may be more. */
static bool remove_unused(struct attachments *a, struct round *r)
{
    *r = (struct round){.a = a, .before_us = wall_us() - a->conf->attachment_unused_keep_ms * 1000};
    wait_more(a);
    if (dbpool_submit(a->svc->dbpool, find_unused, r) != RC_OK) {
        wait_less(a);
        return false;
    }
    wait_for_answers(a);
    for (unsigned i = 0; i < r->count; i++) {
        const struct cmd c = {
            .kind = CMD_ATTACHMENT_REMOVE, .number = r->before_us, .number2 = r->rows[i].id};
        wait_more(a);
        if (svc_submit(a->svc, &c, on_removed, &r->rows[i], NULL) != CODE_OK) {
            wait_less(a);
        }
    }
    wait_for_answers(a);
    return r->rc == STORE_OK && r->count == ROWS_AT_ONCE;
}

/* -- files ----------------------------------------------------------------------------------------------------- */

struct folder {
    struct attachments *a;
    uint64_t before_s;
    uint64_t *ids;
    bool *is_known;
    unsigned count, room;
    enum store_rc rc;
};

static void on_file(void *ctx, uint64_t id, uint64_t written_s)
{
    struct folder *f = ctx;
    if (written_s >= f->before_s) {
        return;
    }
    if (f->count == f->room) {
        f->room = f->room ? f->room * 2 : 64;
        f->ids = mem_grow(f->ids, f->room, sizeof(f->ids[0]));
        f->is_known = mem_grow(f->is_known, f->room, sizeof(f->is_known[0]));
    }
    f->is_known[f->count] = false;
    f->ids[f->count++] = id;
}

static void on_known(void *ctx, const struct row_attachment *row)
{
    struct folder *f = ctx;
    for (unsigned i = 0; i < f->count; i++) {
        f->is_known[i] = f->is_known[i] || f->ids[i] == row->id;
    }
}

static void find_known(struct store *store, void *ctx)
{
    struct folder *f = ctx;
    f->rc = store != NULL ? STORE_OK : STORE_LOST;
    for (unsigned i = 0; i < f->count && f->rc == STORE_OK; i += FILES_AT_ONCE) {
        unsigned n = f->count - i < FILES_AT_ONCE ? f->count - i : FILES_AT_ONCE;
        f->rc = store_find_attachments(store, f->ids + i, n, on_known, f);
    }
    wait_less(f->a);
}

static bool has_upload(struct attachments *a, uint64_t id)
{
    pthread_mutex_lock(&a->lock);
    bool has = upload_find(a, id) != NULL;
    pthread_mutex_unlock(&a->lock);
    return has;
}

/* Those of unfinished uploads are no orphans. */
static void leave_out_uploads(struct attachments *a, struct folder *f)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < f->count; i++) {
        if (!has_upload(a, f->ids[i])) {
            f->ids[kept++] = f->ids[i];
        }
    }
    f->count = kept;
}

static void sweep_folder(struct attachments *a, unsigned number)
{
    struct folder f = {.a = a};
    uint64_t keep_s = (a->conf->attachment_unused_keep_ms + 999) / 1000;
    f.before_s = wall_s() > keep_s ? wall_s() - keep_s : 0;
    blobs_each_data(a->blobs, number, on_file, &f);
    leave_out_uploads(a, &f);
    f.rc = STORE_LOST;
    if (f.count > 0) {
        wait_more(a);
        if (dbpool_submit(a->svc->dbpool, find_known, &f) != RC_OK) {
            wait_less(a);
        }
        wait_for_answers(a);
    }
    for (unsigned i = 0; i < f.count && f.rc == STORE_OK; i++) {
        if (!f.is_known[i]) {
            log_info("attachment_orphan", "id=%llu", (unsigned long long)f.ids[i]);
            blob_remove(a->blobs, f.ids[i]);
            metric_add(METRIC_ATTACHMENT_ORPHANS, 1);
        }
    }
    free(f.ids);
    free(f.is_known);
}

/* -- the thread -------------------------------------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void *attachments_keeper(void *attachments)
{
    struct attachments *a = attachments;
    struct round *r = mem_new(sizeof(*r));
    uint64_t rows_due_ms = 0, files_due_ms = 0;
    unsigned folder = 0; /* all of them after the start, then one now and then */
    uint64_t sweep_ms = least(SWEEP_MS, a->conf->attachment_unused_keep_ms / 4);
    uint64_t tick_ms =
        least(TICK_MS, least(a->conf->upload_keep_ms, a->conf->attachment_unused_keep_ms) / 4 + 1);
    bool go_on = true;
    while (go_on) {
        uint64_t now = mono_ms();
        drop_expired(a);
        if (now >= rows_due_ms) {
            bool more = remove_unused(a, r);
            rows_due_ms = now + (more ? 0 : sweep_ms);
        }
        if (now >= files_due_ms) {
            sweep_folder(a, folder % BLOB_FOLDERS);
            files_due_ms = now + (++folder < BLOB_FOLDERS ? 0 : sweep_ms);
        }
        go_on = rest_for(a, folder < BLOB_FOLDERS ? 0 : tick_ms);
    }
    free(r);
    return NULL;
}
