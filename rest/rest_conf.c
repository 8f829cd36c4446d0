#include "rest/rest_conf.h"

#include <string.h>

#define S(field, def, max, flags, help)                                                            \
    {#field, CONF_STRING, &conf.field, def, 0, max, NULL, flags, help}
#define MS(field, def, min, max, flags, help)                                                      \
    {#field, CONF_MS, &conf.field, def, min, max, NULL, flags, help}
#define BYTES(field, def, min, max, flags, help)                                                   \
    {#field, CONF_BYTES, &conf.field, def, min, max, NULL, flags, help}
#define N(field, def, min, max, flags, help)                                                       \
    {#field, CONF_U64, &conf.field, def, min, max, NULL, flags, help}
#define FLAG(field, def, flags, help) {#field, CONF_BOOL, &conf.field, def, 0, 0, NULL, flags, help}
#define ENUM(field, def, choices, flags, help)                                                     \
    {#field, CONF_ENUM, &conf.field, def, 0, 0, choices, flags, help}

#define DAY_MS ((uint64_t)86400000)
#define MB ((uint64_t)1024 * 1024)

/* The rows point here; rest_conf_keys copies nothing, so there is one configuration per process. */
static struct rest_conf conf;

static const struct conf_key keys[] = {
    ENUM(profile, "prod", "dev|prod", 0, "dev opens what the samples need (see README); prod is strict"),
    ENUM(log_level, "info", "err|warn|info|debug", CONF_RELOADABLE, "least important level that is logged"),
    MS(watchdog_ms, "30s", 1000, DAY_MS, 0, "abort when a thread makes no progress for this long"),

    S(listen, "127.0.0.1:8000 rooms, 127.0.0.1:8080 conversations, 127.0.0.1:3000 rooms", 1024, 0,
      "public listeners: ADDRESS:PORT DIALECT [proxy], the dialect is the default for /ws"),
    BYTES(door_head_max_bytes, "8k", 1024, 65536, 0, "largest request head"),
    MS(door_head_timeout_ms, "10s", 100, 120000, CONF_RELOADABLE, "time for the whole request head"),
    N(door_pending_max, "4096", 16, 19000, 0, "connections whose head is not complete"),
    N(door_wakeups_max, "64", 2, 1024, 0, "pieces a request head may come in"),
    N(address_connections_max, "1024", 1, 1000000, CONF_RELOADABLE, "connections of one address, HTTP and WebSocket together"),
    N(address_handshakes_per_s, "200", 1, 1000000, CONF_RELOADABLE, "new connections a second of one address"),
    N(address_handshakes_burst, "2000", 1, 1000000, CONF_RELOADABLE, "new connections of one address at once"),
    N(addresses_max, "65536", 1024, 10000000, 0, "addresses remembered for these limits"),
    S(trusted_proxies, "", 4096, CONF_RELOADABLE, "addresses or networks whose X-Forwarded-For is believed"),
    S(origins, "", 8192, CONF_RELOADABLE, "allowed origins, comma separated; * = any; the dev profile adds localhost"),
    S(cookie_name, "confab_token", 64, 0, "cookie that may carry an access token"),
    ENUM(d1_auth, "auto", "auto|off|warn|required", 0,
         "tokens on /api/ws?userId=: not looked at, optional with a warning, needed; auto = warn under dev, required under prod"),
    FLAG(d1_own_devices, "no", 0, "on /api/ws a user hears of his own messages"),
    FLAG(d3_strict_others, "no", 0, "conversations clients never hear of their own user's messages, not even from other devices"),

    N(http_threads, "2", 1, 64, 0, "threads that parse and answer HTTP"),
    N(http_connections_max, "8000", 16, 19000, 0, "open HTTP connections"),
    BYTES(http_body_max_bytes, "1m", 1024, 64 * MB, 0, "largest request body of the API"),
    MS(http_request_timeout_ms, "30s", 100, 600000, CONF_RELOADABLE, "time for a whole request"),
    MS(http_idle_timeout_ms, "75s", 1000, 3600000, 0, "keep-alive without a request"),
    BYTES(http_memory_bytes, "16k", 4096, MB, 0, "memory of one HTTP connection; a head takes up to twice its size"),

    S(web_dir, "", 4096, 0, "directory of the web application; empty: none is served, and paths outside of the API are not found"),
    N(web_files_max, "4096", 1, 100000, 0, "files and folders in it"),
    BYTES(web_max_bytes, "64m", 1024, 1024 * MB, 0, "size of its files; they are kept in memory"),
    S(web_immutable, "assets/, examples/assets/", 4096, 0, "beginnings of paths in it, comma separated, whose names change when the content does"),
    S(web_policy,
      "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; media-src 'self' data: blob:; object-src 'none'; "
      "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      4096, 0, "Content-Security-Policy of its pages"),

    S(attachments_dir, "", 4096, 0, "directory of the attachments; empty: none are taken"),
    S(attachment_types, "*/*", 4096, 0, "accepted media types, comma separated; image/* = all of them"),
    BYTES(attachment_max_bytes, "100m", 1, 64 * 1024 * MB, 0, "largest attachment"),
    BYTES(attachments_user_max_bytes, "10g", 1, 1024 * 1024 * MB, CONF_RELOADABLE, "attachments of one user together, with uploads that have begun"),
    MS(attachment_unused_keep_ms, "1d", 100, 365 * DAY_MS, 0, "attachments without a message, or of a deleted one, are removed after this"),
    N(attachment_threads, "2", 1, 64, 0, "threads that write, hash and check attachments"),
    N(uploads_max, "256", 1, 10000, 0, "uploads at work at the same time; each takes 256 kB of memory"),
    N(uploads_user_max, "16", 1, 10000, CONF_RELOADABLE, "unfinished uploads of one user"),
    MS(upload_idle_timeout_ms, "30s", 100, 3600000, CONF_RELOADABLE, "an upload or download that moves less than 4 kB in this time ends"),
    MS(upload_keep_ms, "1d", 100, 365 * DAY_MS, 0, "an unfinished upload can be gone on with for this long"),
    MS(upload_progress_ms, "250ms", 10, 60000, 0, "progress of an upload is told at most this often"),

    MS(eio_ping_interval_ms, "25s", 50, 3600000, 0, "Engine.IO: as in confab-ws"),
    MS(eio_ping_timeout_ms, "20s", 50, 3600000, 0, "Engine.IO: as in confab-ws"),
    BYTES(eio_max_payload, "1000000", 1024, MB, 0, "Engine.IO: as in confab-ws; at most http_body_max_bytes"),
    FLAG(test_fixture, "no", 0, "echo paths for protocol suites, without tokens; refused under prod"),

    S(link_socket, "/run/confab/link.sock", 100, 0, "Unix socket for the workers"),
    S(link_user, "", 32, 0, "user the workers run as, when it is not our own"),
    MS(link_ping_ms, "2s", 50, 60000, 0, "how often each side of the link is pinged"),
    MS(link_timeout_ms, "15s", 200, 600000, 0, "a silent link is closed after this"),
    BYTES(link_stream_max_bytes, "64m", 65536, 4096 * MB, 0, "bytes waiting for one worker; above it the worker resumes from the ring"),
    N(link_adopts_max, "256", 1, 4096, 0, "descriptors on their way to one worker"),
    N(link_commands_max, "1024", 1, 65536, 0, "unanswered commands of one worker"),

    S(db_socket, "", 100, 0, "MariaDB's Unix socket; empty: TCP"),
    S(db_host, "127.0.0.1", 255, 0, "MariaDB's address for TCP"),
    N(db_port, "3306", 1, 65535, 0, "MariaDB's port for TCP"),
    S(db_user, "confab", 80, 0, "database user, with rights on its own database only"),
    S(db_password_file, "", 4096, 0, "file with the password; empty: none (unix_socket authentication)"),
    S(db_name, "confab", 64, 0, "database"),
    S(db_tls_ca, "", 4096, 0, "CA file: TLS with verification; empty: no TLS"),
    S(db_tls_cert, "", 4096, 0, "client certificate"),
    S(db_tls_key, "", 4096, 0, "client key"),
    S(migrations_dir, "/usr/share/confab/sql", 4096, 0, "numbered migrations"),
    MS(db_connect_timeout_ms, "5s", 1000, 60000, 0, "time to connect to the database"),
    MS(db_io_timeout_ms, "30s", 1000, 600000, 0, "time for one answer of the database"),
    N(db_read_threads, "4", 1, 64, 0, "connections for reads"),
    MS(db_read_wait_ms, "10s", 100, 600000, 0, "a read without an answer of the database after this is refused (503)"),
    MS(db_check_ms, "1s", 50, 60000, 0, "how often the database is asked whether it is well, for /readyz"),
    MS(db_check_wait_ms, "2s", 50, 60000, 0, "a database that has not answered that for so long is not ready; /readyz itself never waits"),
    N(db_read_queue, "1024", 1, 100000, 0, "reads waiting for a connection"),
    N(db_replay_queue, "65536", 1, 10000000, 0, "resumes waiting for a connection; a client that finds it full gets a gap"),

    N(writer_batch_max_rows, "512", 1, 4096, 0, "commands in one transaction"),
    N(writer_queue_max, "8192", 1, 1000000, 0, "commands waiting for the writer"),
    MS(writer_deadline_ms, "10s", 100, 120000, 0, "a command without an answer after this gets outcome_unknown"),
    BYTES(ring_max_bytes, "64m", 65536, 4096 * MB, 0, "newest events kept in memory"),
    MS(ring_max_age_ms, "2m", 1000, DAY_MS, 0, "age of the events kept in memory"),
    N(replay_max_events, "10000", 1, 1000000, CONF_RELOADABLE, "events replayed to one client; more is a gap"),
    N(replay_chunk_events, "200", 1, 1000, 0, "events replayed at a time"),
    N(replay_refs_max, "1000000", 1, 100000000, 0, "events that resuming clients have found and not read yet, all together; above it they look again for each chunk"),
    MS(events_keep_ms, "30d", 60000, 3650 * DAY_MS, 0, "how long a cursor can be resumed"),
    MS(notifications_keep_ms, "90d", 60000, 3650 * DAY_MS, CONF_RELOADABLE, "an older notification is deleted, read or not; its row goes when no event speaks of it any more"),
    MS(checkins_keep_ms, "90d", 60000, 3650 * DAY_MS, CONF_RELOADABLE, "how long check-ins are kept after their event session was deleted"),
    MS(trim_every_ms, "10m", 1000, DAY_MS, 0, "how often what has outlived its use is looked for"),

    S(content_key_file, "", 4096, 0, "texts of messages are kept encrypted (AES-256-GCM) under the first of its keys (64 hex digits a line); empty: as they are"),
    S(jwt_secret_file, "", 4096, 0, "HS256 secret (32 bytes or more; further lines KID SECRET for rotation)"),
    S(jwt_jwks_file, "", 4096, 0, "public keys of an existing identity provider (JWKS)"),
    S(jwt_issuer, "confab", 255, 0, "iss of tokens; empty: not checked"),
    S(jwt_audience, "confab", 255, 0, "aud of tokens; empty: not checked"),
    S(admin_token_file, "", 4096, 0, "file with the admin secret for /api/admin"),
    FLAG(create_secrets, "no", 0, "make missing secret files (0600); the dev profile always does"),
    MS(access_ttl_ms, "15m", 1000, 30 * DAY_MS, 0, "life of an access token"),
    MS(refresh_ttl_ms, "30d", 1000, 3650 * DAY_MS, 0, "life of a refresh token"),
    MS(ticket_ttl_ms, "30s", 1000, 600000, 0, "life of a WebSocket ticket"),
    N(ticket_max, "10000", 1, 1000000, 0, "tickets alive at the same time"),
    MS(token_leeway_ms, "5s", 0, 300000, 0, "tolerance between clocks"),
    N(token_cache_max, "50000", 0, 10000000, 0, "verified tokens remembered"),
    FLAG(register_open, "yes", CONF_RELOADABLE, "anybody may register"),
    N(password_min_chars, "8", 1, 128, 0, "shortest password"),
    N(password_max_bytes, "256", 64, 4096, 0, "longest password"),
    BYTES(argon2_memory_bytes, "19m", 8192, 1024 * MB, 0, "memory for one password hash"),
    N(argon2_passes, "2", 1, 16, 0, "passes for one password hash"),
    N(argon2_threads, "2", 1, 64, 0, "password hashes at the same time"),
    N(argon2_queue, "64", 1, 10000, 0, "password hashes waiting"),
    N(address_logins_per_minute, "60", 1, 1000000, CONF_RELOADABLE, "logins and registrations of one address"),

    N(name_max_chars, "100", 1, 190, 0, "characters in the name of a chat or person"),
    N(username_max_chars, "32", 3, 64, 0, "characters in a user name"),
    BYTES(content_max_bytes, "16k", 1, MB, 0, "text of one message"),
    N(members_max, "10000", 2, 20000, 0, "members of one group"),
    N(chats_per_user_max, "10000", 1, 1000000, 0, "chats of one user"),
    N(user_connections_max, "64", 1, 100000, CONF_RELOADABLE, "WebSockets of one user"),
    N(user_messages_per_s, "50", 1, 1000000, CONF_RELOADABLE, "messages a second of one user"),
    N(user_messages_burst, "200", 1, 1000000, CONF_RELOADABLE, "messages of one user at once"),
    N(history_page_max, "200", 1, 1000, 0, "messages in one page"),
    N(list_page_max, "200", 1, 1000, 0, "entries in one page of any other list"),

    N(sessions_per_user_max, "100", 1, 100000, 0, "event sessions that one user has created"),
    N(session_title_max_chars, "100", 1, 190, 0, "characters in the title of an event session"),
    N(session_roles_max, "100", 1, 1000, 0, "hosts and staff of one event session"),
    N(session_attendees_max, "20000", 1, 1000000, 0, "attendees of one event session"),
    N(session_attendees_request_max, "1000", 1, 10000, 0, "attendees registered by one request"),
    N(session_checkins_per_s, "100", 1, 1000000, CONF_RELOADABLE, "check-ins a second at one event session, failed ones too"),
    N(session_checkins_burst, "400", 1, 1000000, CONF_RELOADABLE, "check-ins at one event session at once"),
    N(dashboard_replay_max, "100", 1, 500, CONF_RELOADABLE, "check-ins that a dashboard can ask for when it connects"),
    N(notifier_queue_max, "8192", 1, 1000000, 0, "messages that wait for the notifier in memory; more are read from the log again"),
    BYTES(notifier_queue_max_bytes, "16m", 65536, 4096 * MB, 0, "their size"),
    MS(notify_settle_ms, "2s", 0, 60000, 0, "after a start nobody is notified for this long: workers say first who looks at what"),
    N(notify_chunk_rows, "256", 1, 4096, 0, "notifications that are stored at a time"),
    N(notify_all_max_members, "100", 1, 20000, CONF_RELOADABLE, "larger chats notify only those mentioned or who asked for all messages"),
    N(notify_users_max, "1000", 1, 2000, CONF_RELOADABLE, "users in one request of administration to notify"),
    N(notify_title_max_chars, "200", 1, 200, CONF_RELOADABLE, "title of a notification"),
    N(notify_text_max_chars, "2000", 1, 10000, CONF_RELOADABLE, "text of a notification"),
    N(notify_link_max_bytes, "2048", 1, 16384, CONF_RELOADABLE, "link of a notification"),
    N(preferences_chats_max, "1000", 1, 10000, CONF_RELOADABLE, "chats in the notification preferences of one user"),
    N(preferences_kinds_max, "100", 1, 1000, CONF_RELOADABLE, "kinds in the notification preferences of one user"),
    N(broadcasts_unread_max, "1000", 1, 1000000, 0, "newest notifications for everybody that can count as unread"),

    S(push_vapid_key_file, "", 4096, 0, "file with the key that signs Web Push (a P-256 private key, 32 bytes in base64url); empty: no Web Push"),
    S(push_subject, "", 255, 0, "mailto: or https: address where push services can reach you; some insist on one"),
    S(push_webhook_url, "", 2048, 0, "each notification that is due is sent there too, for FCM or APNs; empty: no webhook"),
    S(push_webhook_secret_file, "", 4096, 0, "file with the secret that signs what goes to the webhook"),
    ENUM(push_when, "offline", "offline|always", CONF_RELOADABLE, "only users without any live connection, or all"),
    S(push_ca, "", 4096, 0, "CA file for push services and webhook; empty: the system's"),
    FLAG(push_private_endpoints, "no", 0, "push services may have private addresses: for tests and intranets"),
    N(push_subscriptions_user_max, "20", 1, 1000, CONF_RELOADABLE, "push subscriptions of one user"),
    BYTES(push_endpoint_max_bytes, "1024", 64, 4096, CONF_RELOADABLE, "endpoint of a push subscription"),
    BYTES(push_payload_max_bytes, "3072", 2048, 3993, CONF_RELOADABLE, "text of one push before encryption; the message is cut to fit"),
    MS(push_ttl_ms, "1d", 1000, 28 * DAY_MS, CONF_RELOADABLE, "an older notification is not pushed any more, and not kept for a device that is off"),
    N(push_attempts_max, "12", 1, 100, CONF_RELOADABLE, "attempts of one delivery"),
    MS(push_retry_ms, "2s", 10, 3600000, CONF_RELOADABLE, "time to the second attempt; it doubles with each"),
    MS(push_retry_longest_ms, "1h", 10, DAY_MS, CONF_RELOADABLE, "longest time between two attempts"),
    MS(push_timeout_ms, "10s", 100, 120000, 0, "time for one attempt"),
    N(push_parallel, "16", 1, 256, 0, "deliveries at the same time"),
    N(push_user_parallel, "4", 1, 256, CONF_RELOADABLE, "of these to the devices of one user"),
    N(push_queue_max, "100000", 1, 10000000, CONF_RELOADABLE, "deliveries that wait; at this number the pusher stops to follow the log until there are fewer"),
    N(push_calls_max, "256", 1, 10000, 0, "requests about push subscriptions that wait"),

    N(dashboard_viewers_max, "1000", 1, 1000000, CONF_RELOADABLE, "connections that watch one event session"),
    N(focus_entries_max, "200000", 16, 100000000, 0, "chats that people look at, counted per person and worker"),
    MS(focus_max_age_ms, "45s", 1000, 3600000, CONF_RELOADABLE, "who sent nothing for this long does not look any more"),
    MS(chat_update_ms, "250ms", 1, 60000, CONF_RELOADABLE, "least time between two chat updates of a large chat"),
    N(chat_update_members_max, "256", 2, 20000, CONF_RELOADABLE, "a chat with more members is large"),
    N(chat_update_waits_max, "10000", 16, 1000000, 0, "chat updates that wait for a text from the database"),
    MS(receipt_ms, "1s", 1, 600000, CONF_RELOADABLE, "least time between two read receipts of one person in a large chat, and between two of its readings by looking at a chat"),
    N(user_typing_per_s, "5", 1, 100000, CONF_RELOADABLE, "typing signals a second of one user"),
    N(user_typing_burst, "20", 1, 100000, CONF_RELOADABLE, "typing signals of one user at once"),
    MS(typing_expire_ms, "6s", 100, 600000, CONF_RELOADABLE, "who does not say so again for this long does not type any more"),
    N(typing_members_max, "200", 2, 20000, CONF_RELOADABLE, "nobody is told of typing in a chat with more members"),
    N(typing_entries_max, "50000", 16, 10000000, 0, "people who type at the same time, per chat"),
    MS(presence_grace_ms, "10s", 0, 3600000, CONF_RELOADABLE, "time to come back in before others are told that one has gone"),
    MS(presence_grace_lost_ms, "60s", 0, 3600000, CONF_RELOADABLE, "the same after the loss of a worker and after a start"),
    N(presence_members_max, "200", 2, 20000, CONF_RELOADABLE, "chats with more members tell nobody who comes and goes"),
    N(presence_fanout_max, "10000", 2, 10000000, CONF_RELOADABLE, "members looked at when one comes or goes"),
    MS(last_seen_ms, "30s", 100, 3600000, CONF_RELOADABLE, "how often it is stored who was seen when"),
    MS(socketio_recovery_ms, "2m", 0, 3600000, 0, "time for a Socket.IO client to come back and miss nothing; 0: clients cannot"),
    N(socketio_recovery_max, "200000", 1, 10000000, 0, "Socket.IO connections, present and lost, that can be recovered"),
};

const size_t rest_conf_keys_count = sizeof(keys) / sizeof(keys[0]);

const struct conf_key *rest_conf_keys(struct rest_conf **out)
{
    *out = &conf;
    return keys;
}

enum d1_auth rest_conf_d1_auth(const struct rest_conf *c)
{
    if (c->d1_auth != D1_AUTH_AUTO) {
        return (enum d1_auth)c->d1_auth;
    }
    return c->profile == PROFILE_PROD ? D1_AUTH_REQUIRED : D1_AUTH_WARN;
}

enum rc rest_conf_check(const struct rest_conf *c, struct buf *why)
{
    if (c->link_ping_ms * 2 > c->link_timeout_ms) {
        buf_add_z(why, "link_timeout_ms must be at least twice link_ping_ms.\n");
        return RC_INVALID;
    }
    if (c->door_pending_max + c->http_connections_max > 19500) {
        buf_add_z(why, "door_pending_max and http_connections_max together need too many files.\n");
        return RC_INVALID;
    }
    if (c->profile == PROFILE_PROD && strchr(c->origins, '*') != NULL) {
        buf_add_z(why, "origins = * is refused under profile = prod.\n");
        return RC_INVALID;
    }
    if (c->profile == PROFILE_PROD && rest_conf_d1_auth(c) != D1_AUTH_REQUIRED) {
        buf_add_z(why, "d1_auth = off or warn is refused under profile = prod: anybody could be anyone.\n");
        return RC_INVALID;
    }
    if (c->profile == PROFILE_PROD && c->test_fixture) {
        buf_add_z(why, "test_fixture is refused under profile = prod.\n");
        return RC_INVALID;
    }
    if (c->profile == PROFILE_PROD && c->jwt_secret_file[0] == '\0' && c->jwt_jwks_file[0] == '\0') {
        buf_add_z(why, "profile = prod needs jwt_secret_file or jwt_jwks_file.\n");
        return RC_INVALID;
    }
    return RC_OK;
}
