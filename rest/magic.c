#include "rest/magic.h"

#include <magic.h>
#include <pthread.h>
#include <stdlib.h>

#include "shared/mem.h"

struct magic {
    pthread_mutex_t lock;
    magic_t library;
};

enum rc magic_new(struct magic **out, struct buf *why)
{
    struct magic *m = mem_new(sizeof(*m));
    pthread_mutex_init(&m->lock, NULL);
    m->library = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF);
    size_t most = MAGIC_LOOK_BYTES;
    if (m->library == NULL || magic_load(m->library, NULL) != 0 ||
        magic_setparam(m->library, MAGIC_PARAM_BYTES_MAX, &most) != 0) {
        const char *reason = m->library != NULL ? magic_error(m->library) : NULL;
        buf_addf(why, "libmagic cannot load its database: %s.\n",
                 reason != NULL ? reason : "no memory");
        magic_free(m);
        return RC_UNAVAILABLE;
    }
    *out = m;
    return RC_OK;
}

void magic_free(struct magic *m)
{
    if (m != NULL) {
        if (m->library != NULL) {
            magic_close(m->library);
        }
        pthread_mutex_destroy(&m->lock);
        free(m);
    }
}

static void add_type(const char *type, struct buf *out)
{
    buf_add_z(out, type != NULL ? type : "application/octet-stream");
}

void magic_look_at_file(struct magic *m, int fd, struct buf *out)
{
    pthread_mutex_lock(&m->lock);
    add_type(magic_descriptor(m->library, fd), out);
    pthread_mutex_unlock(&m->lock);
}

void magic_look(struct magic *m, struct str bytes, struct buf *out)
{
    pthread_mutex_lock(&m->lock);
    add_type(magic_buffer(m->library, bytes.p,
                          bytes.len < MAGIC_LOOK_BYTES ? bytes.len : MAGIC_LOOK_BYTES),
             out);
    pthread_mutex_unlock(&m->lock);
}
