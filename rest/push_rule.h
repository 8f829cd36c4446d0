/*
 * push_rule.h -- what the answer to a push means, and when it is tried again
 *
 * Layer      service. Pure.
 */
#ifndef REST_PUSH_RULE_H
#define REST_PUSH_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum push_verdict {
    PUSH_SENT,    /* taken */
    PUSH_GONE,    /* the subscription is no more: 404, 410 (RFC 8030 section 7.3) */
    PUSH_REFUSED, /* trying again would not help */
    PUSH_AGAIN,   /* later */
};
/* status: of HTTP; 0: there was no answer. A webhook is never gone: whoever set it decides. */
enum push_verdict push_judge(long status, bool is_webhook);

/* Until the next attempt after `attempts` failed ones (1 or more): doubles from first_ms up to longest_ms, of which a random
 * part of up to a fifth is taken off, so that what failed together does not come again together; never less than the
 * server asked for. */
uint64_t push_delay_ms(unsigned attempts, uint64_t first_ms, uint64_t longest_ms, uint64_t retry_after_ms,
                       uint64_t random);

#endif
