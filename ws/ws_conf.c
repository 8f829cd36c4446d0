#include "ws/ws_conf.h"

#define S(field, def, max, flags, help)                                                            \
    {#field, CONF_STRING, &conf.field, def, 0, max, NULL, flags, help}
#define MS(field, def, min, max, flags, help)                                                      \
    {#field, CONF_MS, &conf.field, def, min, max, NULL, flags, help}
#define BYTES(field, def, min, max, flags, help)                                                   \
    {#field, CONF_BYTES, &conf.field, def, min, max, NULL, flags, help}
#define N(field, def, min, max, flags, help)                                                       \
    {#field, CONF_U64, &conf.field, def, min, max, NULL, flags, help}
#define ENUM(field, def, choices, flags, help)                                                     \
    {#field, CONF_ENUM, &conf.field, def, 0, 0, choices, flags, help}

#define MB ((uint64_t)1024 * 1024)

/* The rows point here; there is one configuration per process. */
static struct ws_conf conf;

static const struct conf_key keys[] = {
    ENUM(log_level, "info", "err|warn|info|debug", 0, "least important level that is logged"),
    MS(watchdog_ms, "30s", 1000, 3600000, 0, "the process ends when its loop makes no progress for this long"),

    S(link_socket, "/run/confab/link.sock", 100, 0, "Unix socket of confab-rest"),
    MS(link_ping_ms, "2s", 50, 60000, 0, "how often confab-rest is pinged"),
    MS(link_timeout_ms, "15s", 200, 600000, 0, "a silent link is closed after this"),
    MS(link_retry_min_ms, "20ms", 1, 10000, 0, "first wait before connecting again; doubles each time"),
    MS(link_retry_max_ms, "1s", 10, 60000, 0, "longest wait before connecting again"),
    BYTES(link_turn_bytes, "256k", 65536, 16 * MB, 0, "bytes of the stream applied between two flushes"),
    N(commands_max, "1024", 1, 32768, 0, "unanswered commands; above it sending clients wait"),
    MS(command_wait_ms, "5s", 1, 120000, 0, "how long commands wait for a lost link"),
    MS(command_timeout_ms, "30s", 100, 600000, 0, "how long commands wait for confab-rest"),

    N(sessions_max, "19000", 1, 1000000, 0, "open connections"),
    N(users_max, "1000000", 1, 16000000, 0, "user slots"),
    N(set_members_max, "16000000", 1000, 1000000000, 0, "users in all recipient sets together"),
    N(topics_max, "100000", 1, 1000000, 0, "dashboards that have had viewers since confab-rest was connected"),
    MS(handshake_timeout_ms, "10s", 100, 120000, 0, "time from hand-off to open"),
    MS(close_timeout_ms, "5s", 50, 120000, 0, "time for the close handshake"),
    MS(drain_ms, "3s", 0, 600000, 0, "at the end connections are closed spread over this time"),
    MS(ping_interval_ms, "25s", 50, 3600000, 0, "a ping after this long without a sign of life"),
    MS(ping_timeout_ms, "20s", 50, 3600000, 0, "time for the pong"),

    BYTES(frame_max_bytes, "64k", 128, 16 * MB, 0, "largest message of a client"),
    BYTES(queue_max_bytes, "1m", 1024, 256 * MB, 0, "bytes waiting for one connection; above it slow clients are closed"),
    BYTES(queue_low_bytes, "64k", 0, 64 * MB, 0, "a replay goes on when fewer bytes wait"),
    N(frames_per_s, "2000", 1, 1000000, 0, "frames a second of one connection, whatever they say"),
    N(frames_burst, "4000", 1, 1000000, 0, "frames of one connection at once"),
    N(messages_per_s, "50", 1, 1000000, 0, "operations and errors a second of one connection"),
    N(messages_burst, "200", 1, 1000000, 0, "operations and errors of one connection at once"),
    N(messages_refused_max, "1000", 1, 65000, 0, "refused frames, or refused operations in a row; then the connection is closed"),
    N(subscriptions_max, "1000", 1, 1000000, 0, "most conversations that one connection subscribes to"),
    MS(focus_report_ms, "1s", 50, 60000, 0, "how often it is reported that somebody looks at a conversation"),
    MS(focus_fresh_ms, "45s", 1000, 3600000, 0, "after a lost link it is reported again if the client spoke within this time"),
    MS(typing_repeat_ms, "2s", 50, 60000, 0, "how often it is passed on that somebody goes on typing"),
    N(typing_per_s, "10", 1, 1000, 0, "typing signals a second of one connection that are passed on"),

    MS(eio_ping_interval_ms, "25s", 50, 3600000, 0, "Engine.IO: a ping this long after the last pong"),
    MS(eio_ping_timeout_ms, "20s", 50, 3600000, 0, "Engine.IO: time for the pong"),
    BYTES(eio_max_payload, "1000000", 1024, MB, 0, "Engine.IO: largest body of a polling request, as the handshake says"),
    N(eio_packets_max, "1000", 1, 100000, 0, "Engine.IO: packets in one polling request"),
    MS(eio_connect_timeout_ms, "45s", 100, 600000, 0, "Socket.IO: time to join a namespace"),
    MS(eio_last_poll_ms, "200ms", 0, 10000, 0, "Engine.IO: a poll that comes this late after its client has closed the session still ends like a held one"),
    MS(eio_upgrade_timeout_ms, "10s", 100, 600000, 0, "Engine.IO: time to upgrade from polling to WebSocket"),

    N(queue_frames_max, "16000000", 1024, 1000000000, 0, "frames waiting in all queues together"),
    N(flush_turn_max, "1000", 1, 1000000, 0, "connections written to before the loop looks at others"),
};

const size_t ws_conf_keys_count = sizeof(keys) / sizeof(keys[0]);

const struct conf_key *ws_conf_keys(struct ws_conf **out)
{
    *out = &conf;
    return keys;
}

enum rc ws_conf_check(const struct ws_conf *c, struct buf *why)
{
    if (c->link_ping_ms * 2 > c->link_timeout_ms) {
        buf_add_z(why, "link_timeout_ms must be at least twice link_ping_ms.\n");
        return RC_INVALID;
    }
    if (c->queue_low_bytes >= c->queue_max_bytes) {
        buf_add_z(why, "queue_low_bytes must be below queue_max_bytes.\n");
        return RC_INVALID;
    }
    if (c->link_retry_min_ms > c->link_retry_max_ms) {
        buf_add_z(why, "link_retry_min_ms must not be above link_retry_max_ms.\n");
        return RC_INVALID;
    }
    return RC_OK;
}
