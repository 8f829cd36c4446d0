/* attachments_start.c -- what the last process left: notes of uploads that can be gone on with, and leftovers */
#include <stdlib.h>
#include <unistd.h>

#include "rest/attachments_int.h"
#include "rest/content_type.h"
#include "rest/file_name.h"
#include "rest/store.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/mem.h"

/* -- notes ------------------------------------------------------------------------------------------------- */

void upload_note_text(const struct upload *u, struct buf *out)
{
    buf_add_char(out, '{');
    json_key_u64(out, "user", u->user_id);
    json_key_u64(out, "chat", u->chat_id);
    json_key_u64(out, "size", u->size);
    json_key_u64(out, "created_us", u->created_us);
    json_key_str(out, "name", str_of(u->name));
    json_key_str(out, "mime_type", str_of(u->claimed));
    json_key_str(out, "sha256", str_of(u->expected));
    buf_add_char(out, '}');
}

static bool read_number(struct jval note, const char *key, uint64_t *out)
{
    return json_u64(json_get(note, key), out) && *out > 0;
}

static bool read_text(struct jval note, const char *key, size_t max, char **out)
{
    struct str text;
    if (!json_str(json_get(note, key), &text) || text.len > max) {
        return false;
    }
    *out = mem_copy(text.len ? text.p : "", text.len);
    return true;
}

/* Our own writing, but files can be damaged. */
static bool read_note(struct str text, struct upload *u)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json *doc = NULL;
    struct str digest;
    if (json_parse(text, &limits, &doc, NULL) != RC_OK) {
        return false;
    }
    struct jval note = json_root(doc);
    bool good = read_number(note, "user", &u->user_id) && read_number(note, "chat", &u->chat_id) &&
                read_number(note, "size", &u->size) &&
                read_number(note, "created_us", &u->created_us) &&
                read_text(note, "name", FILE_NAME_MAX_BYTES, &u->name) &&
                read_text(note, "mime_type", CONTENT_TYPE_MAX_BYTES, &u->claimed) &&
                json_str(json_get(note, "sha256"), &digest) &&
                (digest.len == 0 || sha256_from_hex(digest, u->expected));
    json_free(doc);
    return good;
}

/* -- what is there ----------------------------------------------------------------------------------------- */

struct left { /* a file in partial/ */
    uint64_t id, written_s;
    bool is_note;
};
struct leftovers {
    struct left *list;
    unsigned count, room;
};

static void on_partial(void *ctx, uint64_t id, bool is_note, uint64_t written_s)
{
    struct leftovers *l = ctx;
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        l->list = mem_grow(l->list, l->room, sizeof(l->list[0]));
    }
    l->list[l->count++] = (struct left){id, written_s, is_note};
}

static void on_known(void *ctx, const struct row_attachment *r)
{
    (void)r;
    *(bool *)ctx = true;
}

static void free_upload(struct upload *u)
{
    free(u->name);
    free(u->claimed);
    free(u);
}

/* The file whose row was not yet there, or not yet known to be, when the process ended. */
static enum store_rc find_placed(struct attachments *a, struct store *store, struct upload *u,
                                 bool *is_done)
{
    uint64_t size = 0;
    int fd = -1;
    enum store_rc rc = store_find_attachments(store, &u->id, 1, on_known, is_done);
    if (rc == STORE_OK && !*is_done && blob_open(a->blobs, u->id, &fd, &size)) {
        u->placed = size == u->size;
        u->offset = u->placed ? size : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

static enum store_rc load_note(struct attachments *a, struct store *store, const struct left *left)
{
    struct upload *u = upload_new(a);
    struct buf text = BUF_INIT;
    enum store_rc rc = STORE_OK;
    bool is_done = false;
    u->id = left->id;
    bool good = blob_note_read(a->blobs, left->id, &text) && read_note(buf_str(&text), u);
    buf_release(&text);
    if (good && !blob_partial_size(a->blobs, u->id, &u->offset)) {
        rc = find_placed(a, store, u, &is_done);
    }
    if (rc != STORE_OK) {
        free_upload(u);
        return rc;
    }
    if (is_done) {
        blob_note_remove(a->blobs, left->id);
    } else if (!good || u->offset > u->size) {
        log_warn("upload_unreadable", "id=%llu", (unsigned long long)left->id);
        blob_remove_partial(a->blobs, left->id);
    }
    if (is_done || !good || u->offset > u->size) {
        free_upload(u);
        return STORE_OK;
    }
    u->resumable = true;
    u->touched_us = left->written_s * 1000000;
    upload_add(a, u);
    return STORE_OK;
}

/* Bytes without a note cannot be gone on with; with one, the time of the last bytes is when it was last worked at. */
static void settle_bytes(struct attachments *a, const struct left *left)
{
    struct upload *u = upload_find(a, left->id);
    if (u == NULL) {
        blob_remove_partial(a->blobs, left->id);
    } else if (left->written_s * 1000000 > u->touched_us) {
        u->touched_us = left->written_s * 1000000;
    }
}

static void on_sum(void *ctx, const struct row_attachment *r)
{
    usage_of(ctx, r->uploader_id)->bytes += r->size;
}

enum rc attachments_load(struct attachments *a, struct store *store, struct buf *why)
{
    struct leftovers l = {0};
    enum store_rc rc = store_load_attachment_sums(store, on_sum, a);
    blobs_each_partial(a->blobs, on_partial, &l);
    for (unsigned i = 0; i < l.count && rc == STORE_OK; i++) {
        if (l.list[i].is_note) {
            rc = load_note(a, store, &l.list[i]);
        }
    }
    for (unsigned i = 0; i < l.count && rc == STORE_OK; i++) {
        if (!l.list[i].is_note) {
            settle_bytes(a, &l.list[i]);
        }
    }
    free(l.list);
    if (rc != STORE_OK) {
        buf_addf(why, "The attachments could not be loaded (store error %d).\n", rc);
        return RC_IO;
    }
    log_info("attachments_loaded", "uploads=%u users=%u", a->uploads_count, a->usages_count);
    return RC_OK;
}
