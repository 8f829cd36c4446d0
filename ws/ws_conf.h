/*
 * ws_conf.h -- every setting of confab-ws
 *
 * ws_conf.c holds the table (name, type, default, bounds, unit, help); etc/confab-ws.conf is its
 * printed form. Times are milliseconds here, sizes bytes. There is no setting for a database or a key.
 */
#ifndef WS_WS_CONF_H
#define WS_WS_CONF_H

#include <stddef.h>
#include <stdint.h>

#include "shared/conf.h"

struct ws_conf {
    int log_level;
    uint64_t watchdog_ms;

    /* link */
    char *link_socket;
    uint64_t link_ping_ms, link_timeout_ms, link_retry_min_ms, link_retry_max_ms;
    uint64_t link_turn_bytes; /* of the stream applied between two flushes */
    uint64_t commands_max, command_wait_ms, command_timeout_ms;

    /* connections */
    uint64_t sessions_max, users_max, set_members_max, topics_max;
    uint64_t handshake_timeout_ms, close_timeout_ms, drain_ms;
    uint64_t ping_interval_ms, ping_timeout_ms;

    /* one connection */
    uint64_t frame_max_bytes, queue_max_bytes, queue_low_bytes;
    uint64_t frames_per_s, frames_burst, messages_per_s, messages_burst, messages_refused_max;
    uint64_t subscriptions_max, focus_report_ms, focus_fresh_ms, typing_repeat_ms, typing_per_s;

    /* Engine.IO */
    uint64_t eio_ping_interval_ms, eio_ping_timeout_ms, eio_max_payload, eio_packets_max;
    uint64_t eio_connect_timeout_ms, eio_last_poll_ms, eio_upgrade_timeout_ms;

    /* all of them together */
    uint64_t queue_frames_max, flush_turn_max;
};

extern const size_t ws_conf_keys_count;
/* The table, and the one configuration of the process that its rows point into. */
const struct conf_key *ws_conf_keys(struct ws_conf **out);
/* What one row cannot say. */
RC_CHECK enum rc ws_conf_check(const struct ws_conf *c, struct buf *why);

#endif
