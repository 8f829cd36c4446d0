/* Uploads and their files in a directory of their own, with a disk that can be full and rows of the test's own. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "rest/attachments_int.h"
#include "rest/store.h"
#include "shared/log.h"

/* -- what is behind them ---------------------------------------------------------------------------------- */

static struct rest_conf *conf;
static struct svc svc;
static struct attachments *a;
static char dir[64];

static uint64_t row_id; /* the one attachment that has a row; 0: none has */
static enum store_rc store_code;
static unsigned told, told_state;

enum store_rc store_find_attachments(struct store *s, const uint64_t *ids, unsigned count, store_on_attachment on,
                                     void *ctx)
{
    (void)s;
    for (unsigned i = 0; i < count; i++) {
        if (ids[i] == row_id) {
            on(ctx, &(struct row_attachment){.id = row_id});
        }
    }
    return store_code;
}
enum store_rc store_load_attachment_sums(struct store *s, store_on_attachment on, void *ctx)
{
    (void)s;
    on(ctx, &(struct row_attachment){.uploader_id = 9, .size = 900});
    return store_code;
}
enum store_rc store_unused_attachments(struct store *s, uint64_t before_us, unsigned limit, store_on_attachment on,
                                       void *ctx)
{
    (void)s;
    (void)before_us;
    (void)limit;
    (void)on;
    (void)ctx;
    return store_code;
}
enum rc dbpool_submit(struct dbpool *pool, dbpool_job job, void *ctx)
{
    (void)pool;
    job((struct store *)&store_code, ctx);
    return RC_OK;
}
enum code svc_submit(struct svc *s, const struct cmd *c, svc_done done, void *ctx, const char **field)
{
    (void)s;
    (void)c;
    (void)done;
    (void)ctx;
    (void)field;
    return CODE_UNAVAILABLE;
}
void feed_upload_progress(struct feed *f, const struct feed_upload *u)
{
    (void)f;
    told++;
    told_state = u->state;
}

/* The disk: which call fails, with which error. */
static int fail_pwrite, fail_fsync, fail_rename;

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (fail_pwrite != 0) {
        /* Half of it still goes, as on a disk that becomes full. */
        (void)!__real_pwrite(fd, p, n / 2, at);
        errno = fail_pwrite;
        return -1;
    }
    return __real_pwrite(fd, p, n, at);
}
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    errno = fail_fsync;
    return fail_fsync != 0 ? -1 : __real_fsync(fd);
}
int __real_renameat2(int from, const char *old, int to, const char *name, unsigned flags);
int __wrap_renameat2(int from, const char *old, int to, const char *name, unsigned flags);
int __wrap_renameat2(int from, const char *old, int to, const char *name, unsigned flags)
{
    errno = fail_rename;
    return fail_rename != 0 ? -1 : __real_renameat2(from, old, to, name, flags);
}

static void open_again(void)
{
    struct buf why = BUF_INIT;
    attachments_free(a);
    a = NULL;
    assert_int_equal(attachments_new(conf, NULL, &a, &why), RC_OK);
    a->svc = &svc;
    buf_release(&why);
}

static int set_up(void **state)
{
    (void)state;
    log_init("test", LOG_LEVEL_ERR);
    conf_defaults(rest_conf_keys(&conf), rest_conf_keys_count);
    snprintf(dir, sizeof(dir), "/tmp/confab-unit-XXXXXX");
    assert_non_null(mkdtemp(dir));
    free(conf->attachments_dir);
    conf->attachments_dir = strdup(dir);
    conf->attachment_max_bytes = 1000000;
    conf->attachments_user_max_bytes = 1500000;
    conf->uploads_user_max = 3;
    conf->uploads_max = 4;
    row_id = 0;
    store_code = STORE_OK;
    told = 0;
    open_again();
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    fail_pwrite = fail_fsync = fail_rename = 0;
    attachments_free(a);
    a = NULL;
    conf_release(rest_conf_keys(&conf), rest_conf_keys_count);
    snprintf(command, sizeof(command), "rm -r '%s'", dir);
    return system(command);
}

/* Files below the directory. */
static unsigned files(const char *part)
{
    char command[160];
    unsigned n = 0;
    snprintf(command, sizeof(command), "find '%s/%s' -type f | wc -l", dir, part);
    FILE *f = popen(command, "r");
    assert_int_equal(fscanf(f, "%u", &n), 1);
    pclose(f);
    return n;
}

static struct upload_ask ask_of(uint64_t size, bool resumable)
{
    return (struct upload_ask){.user_id = 1,
                               .chat_id = 2,
                               .size = size,
                               .name = STR("a.txt"),
                               .mime_type = STR(""),
                               .sha256 = STR(""),
                               .resumable = resumable};
}

static struct upload *begin(uint64_t size, bool resumable)
{
    struct upload *u = NULL;
    struct upload_ask ask = ask_of(size, resumable);
    assert_int_equal(upload_begin(a, &ask, &u), CODE_OK);
    if (resumable) {
        assert_int_equal(upload_note(u), CODE_OK);
    }
    return u;
}

static struct upload *take(uint64_t id, uint64_t offset)
{
    struct upload *u = NULL;
    uint64_t at = 0;
    assert_int_equal(upload_take(a, id, 1, offset, &u, &at), CODE_OK);
    return u;
}

/* -- tests -------------------------------------------------------------------------------------------------- */

static void test_bytes_become_a_file_with_its_sum(void **state)
{
    struct upload *u = begin(11, false);
    uint64_t id = upload_view(u).id, size = 0;
    int fd = -1;
    char text[12] = "";
    (void)state;
    assert_int_equal(upload_write(u, STR("hello ")), CODE_OK);
    assert_int_equal(upload_write(u, STR("worlds")), CODE_TOO_LARGE);
    assert_int_equal(upload_write(u, STR("world")), CODE_OK);
    assert_int_equal(upload_finish(u), CODE_OK);
    assert_str(upload_view(u).sha256, "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    assert_str(upload_view(u).mime_type, "text/plain");
    upload_end(u);
    assert_int_equal(told_state, UPLOAD_DONE);
    assert_true(attachment_open(a, id, &fd, &size));
    assert_int_equal(size, 11);
    assert_int_equal(read(fd, text, 11), 11);
    assert_string_equal(text, "hello world");
    attachment_close(fd);
    assert_int_equal(files("partial"), 0);
    attachment_removed(a, id, 1, 11);
    assert_false(attachment_open(a, id, &fd, &size));
    assert_int_equal(files("data"), 0);
}

static void test_a_full_disk_leaves_nothing_half_done(void **state)
{
    struct upload *u = begin(10, false);
    uint64_t size = 99, id = upload_view(u).id;
    (void)state;
    assert_int_equal(upload_write(u, STR("abcd")), CODE_OK);
    fail_pwrite = ENOSPC;
    assert_int_equal(upload_write(u, STR("efghij")), CODE_STORE_FULL);
    assert_int_equal(upload_view(u).offset, 4);
    assert_true(blob_partial_size(a->blobs, id, &size));
    assert_int_equal(size, 4);
    fail_pwrite = EIO;
    assert_int_equal(upload_write(u, STR("efghij")), CODE_UNAVAILABLE);
    fail_pwrite = 0;
    assert_int_equal(upload_write(u, STR("efghij")), CODE_OK);
    fail_fsync = EDQUOT;
    assert_int_equal(upload_finish(u), CODE_STORE_FULL);
    fail_fsync = 0;
    fail_rename = EIO;
    assert_int_equal(upload_finish(u), CODE_UNAVAILABLE);
    fail_rename = 0;
    assert_int_equal(files("data"), 0);
    assert_int_equal(upload_finish(u), CODE_OK);
    assert_int_equal(upload_finish(u), CODE_OK); /* again, when the row could not be written */
    assert_str(upload_view(u).sha256, "72399361da6a7754fec986dca5b7cbaf1c810a28ded4abaf56b2106d06cb78b0");
    upload_drop(u);
    assert_int_equal(files("."), 0);
    struct upload *v = NULL;
    struct upload_ask ask = ask_of(10, true);
    assert_int_equal(upload_begin(a, &ask, &v), CODE_OK);
    fail_pwrite = ENOSPC;
    assert_int_equal(upload_note(v), CODE_STORE_FULL);
    fail_pwrite = 0;
    upload_drop(v);
    assert_int_equal(files("."), 0);
}

static void test_an_upload_survives_the_process(void **state)
{
    struct upload *u = begin(10, true);
    struct upload_view v = {0};
    uint64_t id = upload_view(u).id, at = 0;
    (void)state;
    assert_int_equal(upload_write(u, STR("abcd")), CODE_OK);
    assert_int_equal(upload_save(u), CODE_OK);
    open_again();
    assert_int_equal(upload_status(a, id, 2, &v), CODE_UPLOAD_NOT_FOUND);
    assert_int_equal(upload_status(a, id, 1, &v), CODE_OK);
    assert_true(v.offset == 4 && v.size == 10 && v.chat_id == 2);
    assert_int_equal(upload_take(a, id, 1, 3, &u, &at), CODE_UPLOAD_OFFSET);
    assert_int_equal(at, 4);
    assert_int_equal(upload_take(a, id, 2, 4, &u, &at), CODE_UPLOAD_NOT_FOUND);
    u = take(id, 4);
    assert_int_equal(upload_take(a, id, 1, 4, &u, &at), CODE_UPLOAD_OFFSET); /* somebody is at it */
    assert_int_equal(upload_cancel(a, id, 1, &u), CODE_CONFLICT);
    assert_int_equal(upload_write(u, STR("efghij")), CODE_OK);
    assert_int_equal(upload_finish(u), CODE_OK);
    assert_str(upload_view(u).sha256, "72399361da6a7754fec986dca5b7cbaf1c810a28ded4abaf56b2106d06cb78b0");
    /* The process ends before it knows of the row: without one the last step is repeated, with one it is done. */
    upload_rest(u);
    open_again();
    u = take(id, 10);
    assert_int_equal(upload_cancel(a, id, 1, &u), CODE_CONFLICT);
    assert_int_equal(upload_finish(u), CODE_OK);
    assert_str(upload_view(u).sha256, "72399361da6a7754fec986dca5b7cbaf1c810a28ded4abaf56b2106d06cb78b0");
    upload_rest(u);
    row_id = id;
    open_again();
    assert_int_equal(upload_status(a, id, 1, &v), CODE_UPLOAD_NOT_FOUND);
    assert_int_equal(files("partial"), 0);
    assert_int_equal(files("data"), 1);
}

static void test_a_database_that_fails_keeps_everything(void **state)
{
    struct upload *u = begin(10, true);
    uint64_t id = upload_view(u).id;
    struct buf why = BUF_INIT;
    struct upload_view v;
    (void)state;
    assert_int_equal(upload_write(u, STR("abcd")), CODE_OK);
    upload_rest(u);
    attachments_free(a);
    a = NULL;
    store_code = STORE_LOST;
    assert_int_equal(attachments_new(conf, NULL, &a, &why), RC_IO);
    assert_true(why.len > 0);
    buf_release(&why);
    store_code = STORE_OK;
    a = NULL;
    open_again();
    assert_int_equal(upload_status(a, id, 1, &v), CODE_OK);
}

static void test_limits(void **state)
{
    struct upload_ask ask = ask_of(0, false);
    struct upload *u[4] = {NULL}, *none = NULL;
    (void)state;
    assert_int_equal(upload_begin(a, &ask, &none), CODE_INVALID_FIELD);
    ask.size = 1000001;
    assert_int_equal(upload_begin(a, &ask, &none), CODE_TOO_LARGE);
    u[0] = begin(1000000, false);
    ask.size = 500001;
    assert_int_equal(upload_begin(a, &ask, &none), CODE_QUOTA_EXCEEDED);
    u[1] = begin(499998, false);
    u[2] = begin(1, true);
    ask.size = 1;
    assert_int_equal(upload_begin(a, &ask, &none), CODE_TOO_MANY_UPLOADS);
    ask.user_id = 9;
    ask.size = 1499100; /* has 900 of rows already */
    conf->attachment_max_bytes = 2000000;
    ask.size++;
    assert_int_equal(upload_begin(a, &ask, &none), CODE_QUOTA_EXCEEDED);
    ask.size--;
    assert_int_equal(upload_begin(a, &ask, &u[3]), CODE_OK);
    ask.user_id = 10;
    assert_int_equal(upload_begin(a, &ask, &none), CODE_QUEUE_FULL);
    upload_rest(u[2]); /* resting ones are at no work */
    assert_int_equal(upload_begin(a, &ask, &none), CODE_OK);
    for (unsigned i = 0; i < 4; i++) {
        if (i != 2) {
            upload_drop(u[i]);
        }
    }
    upload_drop(none);
    u[2] = take(upload_view(u[2]).id, 0);
    upload_drop(u[2]);
    u[0] = begin(1000000, false); /* there is room again */
    upload_drop(u[0]);
    assert_int_equal(files("."), 0);
}

static void test_progress_is_told_now_and_then(void **state)
{
    struct upload *u = begin(100, false);
    (void)state;
    conf->upload_progress_ms = 60000;
    told = 0;
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(upload_write(u, STR("x")), CODE_OK);
    }
    assert_int_equal(told, 1);
    assert_int_equal(told_state, UPLOAD_RUNNING);
    upload_drop(u);
    assert_int_equal(told, 2);
    assert_int_equal(told_state, UPLOAD_FAILED);
}

static void test_a_directory_that_cannot_be(void **state)
{
    struct attachments *other = (struct attachments *)&told;
    struct buf why = BUF_INIT;
    char *was = conf->attachments_dir;
    (void)state;
    conf->attachments_dir = (char *)(uintptr_t)"/dev/null/attachments";
    assert_int_equal(attachments_new(conf, NULL, &other, &why), RC_IO);
    assert_true(why.len > 0);
    conf->attachments_dir = (char *)(uintptr_t)"";
    assert_int_equal(attachments_new(conf, NULL, &other, &why), RC_OK);
    assert_null(other);
    conf->attachments_dir = was;
    buf_release(&why);
}

/* Two numbers alike are next to impossible; still nothing of the first one may be lost. */
static void test_a_place_that_is_taken(void **state)
{
    struct upload *u = begin(4, false);
    uint64_t id = upload_view(u).id, size = 0;
    char path[160];
    int fd = -1;
    (void)state;
    snprintf(path, sizeof(path), "%s/data/%02x", dir, (unsigned)(id % 256));
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/data/%02x/%014llx", dir, (unsigned)(id % 256), (unsigned long long)id);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "other", 5), 5);
    close(fd);
    assert_int_equal(upload_write(u, STR("abcd")), CODE_OK);
    assert_int_equal(upload_finish(u), CODE_UNAVAILABLE);
    upload_drop(u);
    assert_true(attachment_open(a, id, &fd, &size));
    assert_int_equal(size, 5);
    attachment_close(fd);
}

/* Links are not followed, whoever has put them there. */
static void test_links_are_not_followed(void **state)
{
    struct upload *u = begin(10, true);
    uint64_t id = upload_view(u).id, size;
    char path[160];
    (void)state;
    snprintf(path, sizeof(path), "%s/partial/%014llx", dir, (unsigned long long)id);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_false(blob_partial_size(a->blobs, id, &size));
    assert_int_equal(upload_write(u, STR("abcd")), CODE_UNAVAILABLE);
    upload_drop(u);
    assert_int_equal(access("/etc/passwd", R_OK), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_bytes_become_a_file_with_its_sum),
        T(test_a_full_disk_leaves_nothing_half_done),
        T(test_an_upload_survives_the_process),
        T(test_a_database_that_fails_keeps_everything),
        T(test_limits),
        T(test_progress_is_told_now_and_then),
        T(test_a_directory_that_cannot_be),
        T(test_a_place_that_is_taken),
        T(test_links_are_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
