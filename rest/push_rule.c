#include "rest/push_rule.h"

enum push_verdict push_judge(long status, bool is_webhook)
{
    if (status >= 200 && status < 300) {
        return PUSH_SENT;
    }
    if (!is_webhook && (status == 404 || status == 410)) {
        return PUSH_GONE;
    }
    /* Timeout, too early, too many requests, the server's own troubles, or no answer, or none behind what is none yet. */
    if (status < 200 || status == 408 || status == 425 || status == 429 || status >= 500) {
        return PUSH_AGAIN;
    }
    return PUSH_REFUSED;
}

uint64_t push_delay_ms(unsigned attempts, uint64_t first_ms, uint64_t longest_ms, uint64_t retry_after_ms,
                       uint64_t random)
{
    uint64_t delay = first_ms;
    for (unsigned i = 1; i < attempts && delay < longest_ms; i++) {
        delay *= 2;
    }
    delay = delay < longest_ms ? delay : longest_ms;
    delay -= random % (delay / 5 + 1);
    return delay > retry_after_ms ? delay : retry_after_ms;
}
