/*
 * notifier.h -- decides whom a message notifies, beside the writer and after it
 *
 * Shape      One thread that follows the log with a durable cursor. What happens just now comes through a bounded queue
 *            with the presence of that moment; what did not fit, or happened before a restart, is read from the log again
 *            and judged by the presence as known then.
 * Promise    Each message is decided once: rows, record and cursor are stored in one transaction, which the writer
 *            refuses when the cursor is elsewhere than the notifier thought.
 * Start      What a restart left undecided, and what comes before the workers are back and have said who looks at what,
 *            waits for notify_settle_ms: nobody is told of what is in front of him.
 * Pace       One chunk at a time. While other commands wait for the writer, chunks are a quarter as large and the
 *            notifier pauses for up to nine times as long as one took; the longer the queue, the longer.
 * Limits     notifier_queue_max, notifier_queue_max_bytes, notify_chunk_rows, notify_settle_ms.
 * Threads    notifier_on_event from the writer's thread, under the feed lock.
 */
#ifndef REST_NOTIFIER_H
#define REST_NOTIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/store.h"
#include "shared/event.h"
#include "shared/rc.h"

struct notifier;
struct svc;

/* cursor: where the log has been decided to. svc must stay. */
struct notifier *notifier_new(struct svc *svc, const struct row_notifier *cursor);
RC_CHECK enum rc notifier_run(struct notifier *n);
/* Before the writer stops. What is left stays for the next start. */
void notifier_stop(struct notifier *n);
void notifier_free(struct notifier *n);

/* Whether events of this kind are of interest: a message, or somebody has read. */
static inline bool notifier_wants(uint8_t kind)
{
    return kind == EV_MESSAGE || kind == EV_READ;
}
/* An event that is being published; focused: users that look at its chat. Copies what it needs. */
void notifier_on_event(struct notifier *n, const struct event *e, const uint64_t *focused, unsigned focused_count);

/* Everything published so far has been decided (tests, status). */
bool notifier_idle(struct notifier *n);

#endif
