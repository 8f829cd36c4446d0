/*
 * rest_conf.h -- every setting of confab-rest
 *
 * rest_conf.c holds the table (name, type, default, bounds, unit, help); etc/confab-rest.conf is its
 * printed form. Times are milliseconds here, sizes bytes.
 */
#ifndef REST_REST_CONF_H
#define REST_REST_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/conf.h"

enum profile { PROFILE_DEV, PROFILE_PROD };
/* What ?userId= of the subscribe dialect is worth without a token. AUTO: WARN under dev, REQUIRED under prod. */
enum d1_auth { D1_AUTH_AUTO, D1_AUTH_OFF, D1_AUTH_WARN, D1_AUTH_REQUIRED };

enum push_when { PUSH_OFFLINE, PUSH_ALWAYS };

struct rest_conf {
    int profile; /* enum profile */
    int log_level;
    uint64_t watchdog_ms;

    /* front door */
    char *listen; /* "127.0.0.1:8000 rooms, [::1]:8080 conversations proxy" */
    uint64_t door_head_max_bytes, door_head_timeout_ms, door_pending_max, door_wakeups_max;
    uint64_t address_connections_max;  /* HTTP and WebSocket together */
    uint64_t address_handshakes_per_s, address_handshakes_burst;
    uint64_t addresses_max; /* that are remembered for these limits */
    char *trusted_proxies; /* addresses and networks */
    char *origins;         /* allowed origins; * = any */
    char *cookie_name;
    int d1_auth; /* enum d1_auth; ask rest_conf_d1_auth */
    bool d1_own_devices, d3_strict_others;

    /* HTTP */
    uint64_t http_threads, http_connections_max, http_body_max_bytes, http_request_timeout_ms,
        http_idle_timeout_ms;
    uint64_t http_memory_bytes; /* per connection, libmicrohttpd */

    /* web application */
    char *web_dir; /* empty: none is served */
    char *web_immutable, *web_policy;
    uint64_t web_files_max, web_max_bytes;

    /* attachments */
    char *attachments_dir;  /* empty: none are taken */
    char *attachment_types; /* accepted media types */
    uint64_t attachment_max_bytes, attachments_user_max_bytes, attachment_unused_keep_ms;
    uint64_t attachment_threads; /* that write, hash and look at files */
    uint64_t upload_idle_timeout_ms, upload_keep_ms, upload_progress_ms, uploads_user_max, uploads_max;

    /* Engine.IO: what the workers say, for deadlines and sizes here */
    uint64_t eio_ping_interval_ms, eio_ping_timeout_ms, eio_max_payload;
    bool test_fixture;

    /* link */
    char *link_socket, *link_user;
    uint64_t link_ping_ms, link_timeout_ms, link_stream_max_bytes, link_adopts_max,
        link_commands_max;

    /* database */
    char *db_socket, *db_host, *db_user, *db_password_file, *db_name, *db_tls_ca, *db_tls_cert,
        *db_tls_key, *migrations_dir;
    uint64_t db_port, db_connect_timeout_ms, db_io_timeout_ms, db_read_threads, db_read_queue, db_replay_queue,
        db_read_wait_ms, db_check_ms, db_check_wait_ms;

    /* writer, log, replay */
    uint64_t writer_batch_max_rows, writer_queue_max, writer_deadline_ms;
    uint64_t ring_max_bytes, ring_max_age_ms, replay_max_events, replay_chunk_events, replay_refs_max,
        events_keep_ms, notifications_keep_ms, checkins_keep_ms, trim_every_ms;

    /* identity */
    char *content_key_file, *jwt_secret_file, *jwt_jwks_file, *jwt_issuer, *jwt_audience, *admin_token_file;
    bool create_secrets; /* make missing secret files; the dev profile always does */
    uint64_t access_ttl_ms, refresh_ttl_ms, ticket_ttl_ms, ticket_max, token_leeway_ms,
        token_cache_max;
    bool register_open;
    uint64_t password_min_chars, password_max_bytes, argon2_memory_bytes, argon2_passes, argon2_threads,
        argon2_queue, address_logins_per_minute;

    /* limits of what users make */
    uint64_t name_max_chars, username_max_chars, content_max_bytes, members_max, chats_per_user_max,
        user_connections_max, user_messages_per_s, user_messages_burst, history_page_max,
        list_page_max;

    /* event sessions */
    uint64_t sessions_per_user_max, session_title_max_chars, session_roles_max, session_attendees_max,
        session_attendees_request_max, session_checkins_per_s, session_checkins_burst, dashboard_replay_max;
    /* notifications */
    uint64_t notifier_queue_max, notifier_queue_max_bytes, notify_settle_ms, notify_chunk_rows, notify_all_max_members,
        notify_users_max, notify_title_max_chars, notify_text_max_chars, notify_link_max_bytes, preferences_chats_max,
        preferences_kinds_max, broadcasts_unread_max;

    /* Web Push and the webhook */
    char *push_vapid_key_file; /* empty: no Web Push */
    char *push_subject;
    char *push_webhook_url; /* empty: no webhook */
    char *push_webhook_secret_file, *push_ca;
    int push_when; /* enum push_when */
    bool push_private_endpoints;
    uint64_t push_subscriptions_user_max, push_endpoint_max_bytes, push_payload_max_bytes, push_ttl_ms, push_attempts_max,
        push_retry_ms, push_retry_longest_ms, push_timeout_ms, push_parallel, push_user_parallel, push_queue_max, push_calls_max;

    /* what is live */
    uint64_t dashboard_viewers_max, focus_entries_max, focus_max_age_ms,
        chat_update_ms, chat_update_members_max, chat_update_waits_max, receipt_ms, user_typing_per_s,
        user_typing_burst, typing_expire_ms, typing_members_max, typing_entries_max,
        presence_grace_ms, presence_grace_lost_ms, presence_members_max, presence_fanout_max, last_seen_ms,
        socketio_recovery_ms, socketio_recovery_max;
};

extern const size_t rest_conf_keys_count;
/* The table, and the one configuration of the process that its rows point into. */
const struct conf_key *rest_conf_keys(struct rest_conf **out);
/* The policy in force, never D1_AUTH_AUTO. */
enum d1_auth rest_conf_d1_auth(const struct rest_conf *c);
/* What one row cannot say: combinations, and what the prod profile refuses. */
RC_CHECK enum rc rest_conf_check(const struct rest_conf *c, struct buf *why);

#endif
