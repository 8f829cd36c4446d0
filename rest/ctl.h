/*
 * ctl.h -- between the files of confabctl, the administrator's command
 *
 * A small client of the public and the admin API: it has no other way in than HTTP, so what it may do is
 * what the admin secret allows. One process, one thread, one request at a time.
 */
#ifndef REST_CTL_H
#define REST_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/json.h"
#include "shared/rc.h"
#include "shared/str.h"

struct ctl {
    const char *url;      /* base URL */
    struct buf admin;     /* the admin secret */
    unsigned timeout_s;
    bool json;            /* print answers as they came */
    void *curl;
};

/* ---------------------------------------------------------------- ctl_http.c */

RC_CHECK enum rc ctl_open(struct ctl *c);
void ctl_close(struct ctl *c);

struct ctl_answer {
    long status;       /* 0: no answer */
    struct buf text;
    struct json *json; /* NULL when the body is no JSON */
};
/*
 * token and key (idempotency) may be NULL. RC_OK with any status below 300; else RC_IO, after saying why on stderr
 * unless `quiet` names that status.
 */
RC_CHECK enum rc ctl_request(struct ctl *c, const char *method, const char *path,
                             const char *token, const char *key, struct str body, long quiet,
                             struct ctl_answer *out);
void ctl_answer_release(struct ctl_answer *a);
/* A string member of the answer; "" when absent. View. */
struct str ctl_member(const struct ctl_answer *a, const char *name);
/* s as one segment of a path. */
void ctl_add_segment(struct buf *out, struct str s);

/* ---------------------------------------------------------------- ctl_demo.c */

/* Load the demo data; what exists already stays. RC_OK or RC_IO (explained on stderr). */
RC_CHECK enum rc ctl_demo(struct ctl *c);

#endif
