/* With what connections of Socket.IO can be recovered: rows without an event. */
#include "rest/decide.h"

#include "shared/rd.h"

enum code decide_recovery(struct decider *d, struct job *job)
{
    const struct cmd *c = &job->cmd;
    struct rd in = rd_of(c->content.p, c->content.len);
    while (in.left > 0 && !in.bad) {
        struct row_recovery row = {0};
        bool gone = rd_be8(&in) == 0;
        row.pid = rd_str16(&in);
        row.user_id = rd_be64(&in);
        row.lost_us = rd_be64(&in);
        row.position = rd_be64(&in);
        row.rooms = rd_str16(&in);
        if (in.bad) {
            return CODE_INVALID_FIELD;
        }
        *(gone ? batch_recovery_gone(d->batch) : batch_recovery(d->batch)) = row;
    }
    return CODE_OK;
}
