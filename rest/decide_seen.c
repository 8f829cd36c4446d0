/* When users were seen last: rows without an event. */
#include "rest/decide.h"

#include "shared/rd.h"

enum code decide_last_seen(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    struct rd in = rd_of(c->content.p, c->content.len);
    if (c->content.len != (size_t)c->users_count * CMD_LAST_SEEN_BYTES) {
        return CODE_INVALID_FIELD;
    }
    for (uint32_t i = 0; i < c->users_count; i++) {
        struct row_seen row = {.user_id = c->users[i]};
        row.seen_us = rd_be64(&in);
        row.online = rd_be8(&in);
        if (overlay_user(d->overlay, row.user_id) != NULL) {
            *batch_seen(d->batch) = row;
        }
    }
    return CODE_OK;
}
