# Confab: `make help` lists the targets.
#
# One plain Makefile, no recursion except to read itself again with other flags (or after the packages are there).
#   BUILD=dir        where everything goes; several builds at once each need their own (make BUILD=build/mine)
#   SAN=list         sanitizers, e.g. make BUILD=build/asan SAN=address,undefined
#   DEVELOPER=1      warnings are errors; `make test` sets it
#   V=1              show the commands
# CFLAGS, CPPFLAGS and LDFLAGS are the user's: they are added last and never changed here.

BUILD     ?= build
SAN       ?=
DEVELOPER ?=
PREFIX    ?= /usr/local
DESTDIR   ?=
FUZZ_SECONDS ?= 20
FUZZ_CC   ?= clang
CFLAGS    ?= -O2 -g
Q         := $(if $(V),,@)
say        = @$(if $(V),:,printf '  %-5s %s\n')

# ---------------------------------------------------------------- sources, one per line, sorted

# The library that both programs link: $(BUILD)/libconfab.a
SHARED_SRCS = \
  shared/arena.c \
  shared/base64.c \
  shared/buf.c \
  shared/bug.c \
  shared/chat_room.c \
  shared/checkin.c \
  shared/clock.c \
  shared/cmd.c \
  shared/code.c \
  shared/conf.c \
  shared/conf_value.c \
  shared/conversation.c \
  shared/cursor.c \
  shared/event.c \
  shared/id.c \
  shared/json.c \
  shared/json_lex.c \
  shared/json_out.c \
  shared/json_scan.c \
  shared/jwt.c \
  shared/jwt_keys.c \
  shared/link_frame.c \
  shared/link_msg_call.c \
  shared/link_msg_hello.c \
  shared/link_msg_session.c \
  shared/link_msg_stream.c \
  shared/link_sock.c \
  shared/log.c \
  shared/map64.c \
  shared/mem.c \
  shared/rc.c \
  shared/rd.c \
  shared/str.c \
  shared/utf8.c \

# $(BUILD)/confab-rest
REST_SRCS = \
  rest/accept_encoding.c \
  rest/addr.c \
  rest/addr_public.c \
  rest/answers.c \
  rest/apply.c \
  rest/attachments.c \
  rest/attachments_keep.c \
  rest/attachments_start.c \
  rest/attachments_upload.c \
  rest/auth.c \
  rest/auth_cache.c \
  rest/auth_keys.c \
  rest/auth_tickets.c \
  rest/batch.c \
  rest/blobs.c \
  rest/cache.c \
  rest/cache_note.c \
  rest/cache_open.c \
  rest/content_type.c \
  rest/conversation_text.c \
  rest/db_watch.c \
  rest/dbpool.c \
  rest/decide.c \
  rest/decide_attachment.c \
  rest/decide_chat.c \
  rest/decide_message.c \
  rest/decide_note.c \
  rest/decide_recovery.c \
  rest/decide_seen.c \
  rest/decide_session.c \
  rest/decide_user.c \
  rest/deletions.c \
  rest/door.c \
  rest/door_choose.c \
  rest/door_head.c \
  rest/door_identity.c \
  rest/door_listen.c \
  rest/door_pending.c \
  rest/door_policy.c \
  rest/door_refuse.c \
  rest/door_serve.c \
  rest/door_upgrade.c \
  rest/event_fill.c \
  rest/families.c \
  rest/feed.c \
  rest/feed_adopt.c \
  rest/feed_attach.c \
  rest/feed_attach_db.c \
  rest/feed_attach_ring.c \
  rest/feed_attach_topic.c \
  rest/feed_command.c \
  rest/feed_focus.c \
  rest/feed_login.c \
  rest/feed_online.c \
  rest/feed_poll.c \
  rest/feed_publish.c \
  rest/feed_query.c \
  rest/feed_receipt.c \
  rest/feed_recovery.c \
  rest/feed_ring.c \
  rest/feed_sets.c \
  rest/feed_slots.c \
  rest/feed_text.c \
  rest/feed_tick.c \
  rest/feed_topics.c \
  rest/feed_typing.c \
  rest/feed_update.c \
  rest/feed_upload.c \
  rest/feed_watch.c \
  rest/feed_worker.c \
  rest/file_name.c \
  rest/gate.c \
  rest/handler_admin.c \
  rest/handler_attachment.c \
  rest/handler_auth.c \
  rest/handler_chat.c \
  rest/handler_checkin.c \
  rest/handler_conversation.c \
  rest/handler_health.c \
  rest/handler_member.c \
  rest/handler_message.c \
  rest/handler_note.c \
  rest/handler_presence.c \
  rest/handler_push.c \
  rest/handler_read.c \
  rest/handler_session.c \
  rest/handler_upload.c \
  rest/handler_user.c \
  rest/handler_util.c \
  rest/handler_web.c \
  rest/http_auth.c \
  rest/http_conn.c \
  rest/http_error.c \
  rest/http_field.c \
  rest/http_range.c \
  rest/http_request.c \
  rest/http_router.c \
  rest/http_server.c \
  rest/http_server_body.c \
  rest/http_server_loop.c \
  rest/http_server_upgrade.c \
  rest/http_tidy.c \
  rest/job.c \
  rest/lately.c \
  rest/link_hello.c \
  rest/link_out.c \
  rest/link_peer.c \
  rest/link_server.c \
  rest/link_up.c \
  rest/magic.c \
  rest/main.c \
  rest/metrics.c \
  rest/note_text.c \
  rest/notes.c \
  rest/notifier.c \
  rest/notifier_decide.c \
  rest/notifier_queue.c \
  rest/notify_rule.c \
  rest/online.c \
  rest/overlay.c \
  rest/overlay_note.c \
  rest/overlay_session.c \
  rest/password.c \
  rest/peers.c \
  rest/poll.c \
  rest/poll_query.c \
  rest/prefs.c \
  rest/presence.c \
  rest/proxy.c \
  rest/push.c \
  rest/push_call.c \
  rest/push_crypt.c \
  rest/push_follow.c \
  rest/push_http.c \
  rest/push_read.c \
  rest/push_rule.c \
  rest/push_send.c \
  rest/push_start.c \
  rest/push_text.c \
  rest/ratelimit.c \
  rest/recent.c \
  rest/recovery.c \
  rest/reply.c \
  rest/reply_session.c \
  rest/rest_conf.c \
  rest/routes.c \
  rest/sessions.c \
  rest/sealer.c \
  rest/settings.c \
  rest/sha256.c \
  rest/start.c \
  rest/start_note.c \
  rest/store_maria.c \
  rest/store_maria_attachment.c \
  rest/store_maria_batch.c \
  rest/store_maria_bind.c \
  rest/store_maria_head.c \
  rest/store_maria_load.c \
  rest/store_maria_migrate.c \
  rest/store_maria_note.c \
  rest/store_maria_probe.c \
  rest/store_maria_push.c \
  rest/store_maria_quick.c \
  rest/store_maria_read.c \
  rest/store_maria_replay.c \
  rest/store_maria_recovery.c \
  rest/store_maria_seal.c \
  rest/store_maria_seen.c \
  rest/store_maria_session.c \
  rest/svc_attachment.c \
  rest/svc_auth.c \
  rest/svc_command.c \
  rest/svc_history.c \
  rest/svc_note.c \
  rest/svc_presence.c \
  rest/svc_read.c \
  rest/svc_search.c \
  rest/svc_session.c \
  rest/svc_session_read.c \
  rest/svc_status.c \
  rest/typing.c \
  rest/web.c \
  rest/web_find.c \
  rest/workpool.c \
  rest/writer.c \
  rest/writer_commit.c \
  rest/writer_lookup.c \

# What translates for clients; all of them are linked wherever one is tested.
DIALECT_SRCS = \
  ws/dialect_conversations.c \
  ws/dialect_conversations_event.c \
  ws/dialect_dashboard.c \
  ws/dialect_inbox.c \
  ws/dialect_inbox_chat.c \
  ws/dialect_inbox_common.c \
  ws/dialect_list.c \
  ws/dialect_rooms.c \
  ws/dialect_rooms_event.c \
  ws/dialect_socketio.c \
  ws/dialect_socketio_echo.c \
  ws/dialect_socketio_event.c \
  ws/dialect_subscribe.c \
  ws/dialect_subscribe_event.c \
  ws/dialect_util.c \
  ws/sio_packet.c \

# $(BUILD)/confab-ws
WS_SRCS = \
  $(DIALECT_SRCS) \
  ws/conn.c \
  ws/core.c \
  ws/core_attach.c \
  ws/core_event.c \
  ws/core_focus.c \
  ws/core_link.c \
  ws/core_ops.c \
  ws/core_receive.c \
  ws/core_recovery.c \
  ws/eio.c \
  ws/eio_packet.c \
  ws/eio_poll.c \
  ws/hub.c \
  ws/interest.c \
  ws/limits.c \
  ws/link_client.c \
  ws/main.c \
  ws/msg.c \
  ws/net_lws.c \
  ws/net_lws_loop.c \
  ws/net_lws_ws.c \
  ws/outq.c \
  ws/pending.c \
  ws/stats.c \
  ws/wheel.c \
  ws/ws_conf.c \

# $(BUILD)/confabctl
CTL_SRCS = \
  rest/ctl.c \
  rest/ctl_demo.c \
  rest/ctl_http.c \

# One cmocka program per tests/unit/<name>.c, linked with libconfab.a and every library of ours that it uses.
# What it needs besides (the daemons' own files, test helpers) is named as sources in <name>_SRCS, linker options
# such as --wrap in <name>_LDFLAGS:
#   test_door_head_SRCS    = rest/door_head.c
#   test_door_head_LDFLAGS = -Wl,--wrap=accept4
UNIT_TESTS = \
  test_arena \
  test_attachments \
  test_auth \
  test_buf \
  test_cache \
  test_chat_room \
  test_checkin \
  test_clock \
  test_cmd \
  test_code \
  test_conf \
  test_content_type \
  test_conversation \
  test_cursor \
  test_dbpool \
  test_decide \
  test_decide_note \
  test_decide_session \
  test_deletions \
  test_dialects \
  test_door_head \
  test_door_identity \
  test_door_listen \
  test_door_policy \
  test_eio \
  test_eio_packet \
  test_event \
  test_families \
  test_feed_adopt \
  test_feed_attach \
  test_feed_liar \
  test_feed_live \
  test_feed_people \
  test_feed_poll \
  test_feed_publish \
  test_feed_recovery \
  test_feed_ring \
  test_feed_topic \
  test_feed_update \
  test_file_name \
  test_gate \
  test_http_field \
  test_http_range \
  test_http_router \
  test_http_server \
  test_http_tidy \
  test_hub \
  test_id \
  test_interest \
  test_json \
  test_jwt \
  test_limits \
  test_link_frame \
  test_link_hello \
  test_link_msg \
  test_link_server \
  test_link_sock \
  test_log \
  test_map64 \
  test_mem \
  test_metrics \
  test_msg \
  test_online \
  test_notes \
  test_notifier \
  test_notify_rule \
  test_outq \
  test_overlay \
  test_password \
  test_peers \
  test_pending \
  test_poll_query \
  test_presence \
  test_prefs \
  test_proxy \
  test_push \
  test_push_crypt \
  test_ratelimit \
  test_rc \
  test_rd \
  test_recent \
  test_recovery \
  test_reply \
  test_sealer \
  test_sessions \
  test_sio_packet \
  test_start \
  test_str \
  test_svc_auth \
  test_svc_command \
  test_svc_read \
  test_svc_session \
  test_typing \
  test_utf8 \
  test_web \
  test_wheel \
  test_workpool \
  test_writer \
  test_ws_core \
  test_ws_core_focus \
  test_ws_core_recovery \

test_attachments_SRCS = rest/attachments.c rest/attachments_keep.c rest/attachments_start.c rest/attachments_upload.c rest/blobs.c \
  rest/content_type.c rest/file_name.c rest/magic.c rest/metrics.c rest/rest_conf.c rest/sha256.c rest/workpool.c
test_attachments_LDFLAGS = -Wl,--wrap=pwrite,--wrap=fsync,--wrap=renameat2
test_auth_SRCS = rest/auth.c rest/auth_cache.c rest/auth_keys.c rest/auth_tickets.c rest/metrics.c
test_content_type_SRCS = rest/content_type.c rest/magic.c rest/sha256.c
# Caches and rules.
RULES_SRCS = rest/apply.c rest/batch.c rest/cache.c rest/cache_note.c rest/cache_open.c rest/deletions.c rest/decide.c rest/sealer.c rest/decide_attachment.c rest/decide_chat.c \
  rest/decide_message.c rest/decide_note.c rest/decide_recovery.c rest/decide_seen.c rest/decide_session.c rest/decide_user.c rest/conversation_text.c rest/event_fill.c rest/families.c \
  rest/job.c rest/note_text.c rest/notes.c rest/overlay.c rest/overlay_note.c rest/overlay_session.c rest/prefs.c \
  rest/rest_conf.c rest/sessions.c
test_dbpool_SRCS = rest/dbpool.c rest/metrics.c
test_dbpool_LDFLAGS = -Wl,--wrap=mono_ms
test_decide_SRCS = $(RULES_SRCS)
test_decide_note_SRCS = $(RULES_SRCS)
test_deletions_SRCS = rest/deletions.c
test_door_head_SRCS = rest/door_head.c
test_door_identity_SRCS = rest/cache.c rest/cache_note.c rest/cache_open.c rest/deletions.c rest/prefs.c rest/door_choose.c rest/door_head.c rest/door_identity.c rest/metrics.c rest/rest_conf.c rest/sessions.c
test_door_listen_SRCS = rest/door_listen.c rest/door_head.c rest/door_choose.c rest/addr.c
test_door_policy_SRCS = rest/door_policy.c rest/door_choose.c rest/door_head.c rest/door_refuse.c rest/http_error.c rest/addr.c rest/proxy.c
test_event_SRCS = tests/lib/link_recode.c tests/lib/link_sample.c
test_file_name_SRCS = rest/file_name.c
test_http_field_SRCS = rest/http_field.c rest/rest_conf.c
FEED_LIVE_SRCS = \
  rest/feed_focus.c \
  rest/feed_online.c \
  rest/feed_query.c \
  rest/feed_receipt.c \
  rest/feed_recovery.c \
  rest/feed_text.c \
  rest/feed_tick.c \
  rest/feed_typing.c \
  rest/feed_update.c \
  rest/feed_watch.c \
  rest/gate.c \
  rest/lately.c \
  rest/online.c \
  rest/presence.c \
  rest/ratelimit.c \
  rest/recovery.c \
  rest/typing.c \

# Feed, caches and rules together, for tests that publish what was decided.
FEED_TEST_SRCS = $(RULES_SRCS) rest/metrics.c \
  rest/feed.c rest/feed_adopt.c rest/feed_attach.c rest/feed_attach_db.c rest/feed_attach_ring.c rest/feed_attach_topic.c rest/feed_command.c \
  rest/feed_login.c rest/feed_poll.c rest/feed_publish.c rest/feed_ring.c rest/feed_sets.c rest/feed_slots.c rest/feed_topics.c rest/feed_upload.c rest/feed_worker.c \
  rest/notifier_queue.c \
  $(FEED_LIVE_SRCS) tests/lib/fake_store.c tests/lib/fake_store_session.c
test_feed_adopt_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_feed_attach_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_feed_liar_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_feed_people_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_feed_poll_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_feed_live_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_feed_topic_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_feed_publish_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_cache_SRCS = rest/cache.c rest/cache_note.c rest/cache_open.c rest/deletions.c rest/prefs.c rest/sessions.c
test_families_SRCS = rest/families.c
test_recent_SRCS = rest/recent.c
test_feed_ring_SRCS = rest/feed_ring.c
test_overlay_SRCS = rest/overlay.c rest/overlay_note.c rest/overlay_session.c rest/cache.c rest/cache_note.c rest/cache_open.c rest/deletions.c rest/prefs.c rest/sessions.c
test_http_range_SRCS = rest/http_range.c
test_http_router_SRCS = rest/http_router.c rest/door_head.c
test_http_server_SRCS = rest/addr.c rest/door.c rest/door_choose.c rest/door_head.c rest/door_identity.c rest/door_listen.c rest/door_pending.c \
  rest/door_policy.c rest/door_refuse.c rest/door_serve.c rest/door_upgrade.c rest/http_auth.c rest/http_conn.c \
  rest/http_error.c rest/http_request.c rest/http_router.c rest/http_server.c rest/http_server_body.c rest/http_server_loop.c \
  rest/http_server_upgrade.c rest/http_tidy.c rest/metrics.c rest/poll_query.c rest/peers.c rest/proxy.c rest/ratelimit.c rest/rest_conf.c \
  rest/handler_web.c rest/http_range.c $(WEB_SRCS)
test_http_tidy_SRCS = rest/http_tidy.c
test_link_hello_SRCS = rest/link_hello.c
test_link_msg_SRCS = tests/lib/link_recode.c tests/lib/link_sample.c
test_link_server_SRCS = rest/link_hello.c rest/link_out.c rest/link_peer.c rest/link_server.c rest/link_up.c rest/metrics.c \
  tests/lib/fake_feed.c
test_metrics_SRCS = rest/metrics.c
test_notes_SRCS = rest/notes.c
test_notifier_SRCS = $(FEED_TEST_SRCS) rest/notifier.c rest/notifier_decide.c rest/notify_rule.c rest/answers.c rest/recent.c rest/writer.c rest/writer_commit.c rest/writer_lookup.c tests/lib/feed_world.c
test_notify_rule_SRCS = rest/cache.c rest/cache_note.c rest/cache_open.c rest/deletions.c rest/notes.c rest/notify_rule.c rest/prefs.c rest/sessions.c
test_password_SRCS = rest/password.c
test_peers_SRCS = rest/peers.c rest/addr.c
test_gate_SRCS = rest/gate.c
test_feed_recovery_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_feed_update_SRCS = $(FEED_TEST_SRCS) tests/lib/feed_world.c
test_online_SRCS = rest/online.c
test_presence_SRCS = rest/lately.c rest/presence.c rest/metrics.c
test_typing_SRCS = rest/lately.c rest/typing.c rest/metrics.c
test_poll_query_SRCS = rest/poll_query.c
test_sealer_SRCS = rest/sealer.c
test_prefs_SRCS = rest/prefs.c
test_recovery_SRCS = rest/recovery.c
test_proxy_SRCS = rest/proxy.c rest/addr.c
test_push_SRCS = rest/addr.c rest/addr_public.c rest/push_crypt.c rest/push_http.c rest/push_read.c rest/push_rule.c rest/push_text.c
test_push_crypt_SRCS = rest/addr.c rest/addr_public.c rest/push_crypt.c
test_ratelimit_SRCS = rest/ratelimit.c
test_reply_SRCS = rest/reply.c rest/reply_session.c
test_sessions_SRCS = rest/sessions.c
test_start_SRCS = $(FEED_TEST_SRCS) rest/start.c rest/start_note.c tests/lib/feed_world.c
test_svc_auth_SRCS = rest/svc_auth.c rest/password.c rest/metrics.c
test_svc_session_SRCS = rest/svc_session.c rest/svc_session_read.c rest/svc_attachment.c rest/svc_read.c rest/conversation_text.c rest/event_fill.c rest/cache.c rest/cache_note.c rest/cache_open.c rest/deletions.c \
  rest/note_text.c rest/prefs.c rest/sessions.c rest/ratelimit.c rest/metrics.c rest/rest_conf.c tests/lib/fake_store.c tests/lib/fake_store_session.c
test_svc_command_SRCS = rest/prefs.c rest/job.c rest/metrics.c rest/ratelimit.c rest/rest_conf.c rest/svc_command.c
test_svc_read_SRCS = rest/svc_attachment.c rest/svc_read.c rest/svc_search.c rest/svc_history.c rest/cache.c rest/cache_note.c rest/cache_open.c rest/deletions.c rest/prefs.c rest/sessions.c
test_dialects_SRCS = $(DIALECT_SRCS) ws/interest.c ws/limits.c tests/lib/sample_event.c
test_eio_packet_SRCS = ws/eio_packet.c
test_sio_packet_SRCS = ws/sio_packet.c
test_hub_SRCS = ws/hub.c ws/conn.c ws/interest.c ws/limits.c
test_limits_SRCS = ws/limits.c
test_msg_SRCS = ws/msg.c
test_outq_SRCS = ws/outq.c ws/msg.c
test_pending_SRCS = ws/pending.c
WEB_SRCS = rest/accept_encoding.c rest/door_head.c rest/sha256.c rest/web.c rest/web_find.c
test_web_SRCS = $(WEB_SRCS) rest/rest_conf.c
test_wheel_SRCS = ws/wheel.c
test_workpool_SRCS = rest/workpool.c
test_decide_session_SRCS = $(FEED_TEST_SRCS) rest/answers.c rest/recent.c rest/writer.c rest/writer_commit.c rest/writer_lookup.c tests/lib/feed_world.c
test_writer_SRCS = $(FEED_TEST_SRCS) rest/answers.c rest/recent.c rest/writer.c rest/writer_commit.c rest/writer_lookup.c tests/lib/feed_world.c

# The worker's core without its ends: dialects, libwebsockets, the link.
WS_CORE_SRCS = ws/conn.c ws/core.c ws/core_attach.c ws/core_event.c ws/core_focus.c ws/core_link.c ws/core_ops.c \
  ws/core_receive.c ws/core_recovery.c ws/eio.c ws/eio_packet.c ws/eio_poll.c ws/hub.c ws/interest.c ws/limits.c ws/msg.c ws/outq.c ws/pending.c ws/stats.c ws/wheel.c ws/ws_conf.c
test_ws_core_SRCS = $(WS_CORE_SRCS) ws/link_client.c tests/lib/core_world.c
test_ws_core_LDFLAGS = -Wl,--wrap=mono_ms
test_eio_SRCS = $(test_ws_core_SRCS)
test_eio_LDFLAGS = $(test_ws_core_LDFLAGS)
test_ws_core_focus_SRCS = $(test_ws_core_SRCS)
test_ws_core_focus_LDFLAGS = $(test_ws_core_LDFLAGS)
test_ws_core_recovery_SRCS = $(test_ws_core_SRCS)
test_ws_core_recovery_LDFLAGS = $(test_ws_core_LDFLAGS)
test_interest_SRCS = ws/interest.c ws/limits.c

# Programs of the integration tests, built like unit tests but not run by themselves.
TEST_HELPERS = \
  fake_rest \

fake_rest_SRCS = tests/lib/sample_event.c

# One libFuzzer program per tests/fuzz/<name>.c (make fuzz; clang); seeds in tests/fuzz/corpus/<name>/, <name>_SRCS as above.
FUZZ_TARGETS = \
  fuzz_attachment \
  fuzz_checkin \
  fuzz_conf \
  fuzz_dialect_conversations \
  fuzz_dialect_dashboard \
  fuzz_dialect_inbox \
  fuzz_dialect_inbox_chat \
  fuzz_dialect_rooms \
  fuzz_dialect_socketio \
  fuzz_dialect_subscribe \
  fuzz_door_head \
  fuzz_eio_payload \
  fuzz_id \
  fuzz_json \
  fuzz_jwt \
  fuzz_link \
  fuzz_poll_query \
  fuzz_prefs \
  fuzz_push \
  fuzz_sio_packet \
  fuzz_utf8 \
  fuzz_web \
  fuzz_ws_core \

fuzz_dialect_conversations_SRCS = $(DIALECT_SRCS) tests/lib/fuzz_dialect.c
fuzz_dialect_dashboard_SRCS = $(DIALECT_SRCS) tests/lib/fuzz_dialect.c
fuzz_dialect_inbox_SRCS = $(DIALECT_SRCS) tests/lib/fuzz_dialect.c
fuzz_dialect_inbox_chat_SRCS = $(DIALECT_SRCS) tests/lib/fuzz_dialect.c
fuzz_attachment_SRCS = rest/content_type.c rest/file_name.c rest/http_range.c rest/sha256.c
fuzz_dialect_rooms_SRCS = $(DIALECT_SRCS) tests/lib/fuzz_dialect.c
fuzz_dialect_subscribe_SRCS = $(DIALECT_SRCS) tests/lib/fuzz_dialect.c
fuzz_door_head_SRCS = rest/door_head.c rest/door_choose.c rest/door_refuse.c rest/http_error.c rest/addr.c rest/proxy.c
fuzz_dialect_socketio_SRCS = $(DIALECT_SRCS)
fuzz_eio_payload_SRCS = ws/eio_packet.c
fuzz_push_SRCS = rest/addr.c rest/addr_public.c rest/push_crypt.c rest/push_http.c rest/push_read.c rest/push_text.c
fuzz_sio_packet_SRCS = ws/sio_packet.c
fuzz_link_SRCS = tests/lib/link_recode.c
fuzz_poll_query_SRCS = rest/poll_query.c
fuzz_prefs_SRCS = rest/prefs.c
fuzz_web_SRCS = $(WEB_SRCS)
fuzz_ws_core_SRCS = $(WS_CORE_SRCS)
fuzz_ws_core_LDFLAGS = -Wl,--wrap=mono_ms

# $(BUILD)/confab-bench, the load client that tests/bench/run.sh drives
BENCH_SRCS = \
  rest/batch.c \
  rest/metrics.c \
  rest/sealer.c \
  $(filter rest/store_maria%,$(REST_SRCS)) \
  tests/bench/bench.c \
  tests/bench/bench_conns.c \
  tests/bench/bench_fanout.c \
  tests/bench/bench_net.c \
  tests/bench/bench_post.c \
  tests/bench/bench_seed.c \
  tests/bench/bench_socketio.c \

# ---------------------------------------------------------------- flags

SHARED_PKGS = json-c libcrypto libsodium
REST_PKGS   = libmicrohttpd libmariadb libmagic libcurl
WS_PKGS     = libwebsockets libuv
CTL_PKGS    = libcurl
TEST_PKGS   = cmocka

pkg_cflags := $(shell pkg-config --cflags $(SHARED_PKGS) $(REST_PKGS) $(WS_PKGS) $(CTL_PKGS) 2>/dev/null)
pkg_libs    = $(shell pkg-config --libs $(1))

WARNINGS  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wpointer-arith \
            -Wwrite-strings -Wundef $(if $(filter 1,$(DEVELOPER)),-Werror)
HARDENING = -fPIE -fstack-protector-strong -fstack-clash-protection $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
SANITIZE  = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

ALL_CPPFLAGS = -D_GNU_SOURCE -I. $(patsubst -I%,-isystem %,$(pkg_cflags)) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 -pthread $(WARNINGS) $(HARDENING) $(SANITIZE) $(CFLAGS)
ALL_LDFLAGS  = -pthread -pie -Wl,-z,relro,-z,now,--as-needed $(SANITIZE) $(LDFLAGS)

# ---------------------------------------------------------------- build

obj  = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB  = $(BUILD)/libconfab.a
unit = $(addprefix $(BUILD)/tests/unit/,$(UNIT_TESTS))
fuzz = $(addprefix $(BUILD)/tests/fuzz/,$(FUZZ_TARGETS))

all: rest ws $(if $(strip $(CTL_SRCS)),$(BUILD)/confabctl)   ## build everything into build/
rest: $(BUILD)/confab-rest                                   ## build the API daemon
ws: $(BUILD)/confab-ws                                       ## build the WebSocket daemon
.DEFAULT_GOAL := all

$(LIB): $(call obj,$(SHARED_SRCS))
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/confab-rest: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS))
$(BUILD)/confab-rest: $(call obj,$(REST_SRCS)) $(LIB)
$(BUILD)/confab-ws: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(WS_PKGS))
$(BUILD)/confab-ws: $(call obj,$(WS_SRCS)) $(LIB)
$(BUILD)/confabctl: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(CTL_PKGS))
$(BUILD)/confabctl: $(call obj,$(CTL_SRCS)) $(LIB)
$(BUILD)/confab-bench: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS) $(WS_PKGS))
$(BUILD)/confab-bench: $(call obj,$(BENCH_SRCS)) $(LIB)
$(BUILD)/confab-rest $(BUILD)/confab-ws $(BUILD)/confabctl $(BUILD)/confab-bench:
	$(say) LINK $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lm

# What the programs are made of cannot call what shared/banned.h names; tests may.
$(call obj,$(SHARED_SRCS) $(REST_SRCS) $(WS_SRCS) $(CTL_SRCS)): BANNED = -include shared/banned.h
$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(say) CC $<
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) $(BANNED) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
.SECONDARY:
$(BUILD)/tests/unit/%: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS) $(WS_PKGS) $(CTL_PKGS) $(TEST_PKGS))
$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $$(call obj,$$($$*_SRCS)) $(LIB)
	$(say) LINK $@
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) $($*_LDFLAGS) -o $@ $^ $(LIBS) -lm

# The store against a real MariaDB (tests/tools/store.sh).
STORE_TEST = $(call obj,tests/store/test_store.c rest/batch.c rest/sealer.c rest/metrics.c $(filter rest/store_maria%,$(REST_SRCS)))
$(BUILD)/tests/store/test_store: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS) $(TEST_PKGS))
$(BUILD)/tests/store/test_store: $(STORE_TEST) $(LIB)
	$(say) LINK $@
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lm

$(BUILD)/tests/fuzz/%: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS) $(WS_PKGS))
$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $$(call obj,$$($$*_SRCS)) $(LIB)
	$(say) LINK $@
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) $($*_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS) -lm

# Other flags than last time: build again (-Werror changes no code).
flags_now = $(CC) $(ALL_CPPFLAGS) $(filter-out -Werror,$(ALL_CFLAGS)) $(ALL_LDFLAGS)
$(BUILD)/flags: always
	@mkdir -p $(@D); printf '%s\n' '$(flags_now)' | cmp -s - $@ || printf '%s\n' '$(flags_now)' >$@

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---------------------------------------------------------------- web application, the only part that needs node

WEB_FILES := $(shell find web \( -name node_modules -o -name dist -o -name dist-client \) -prune -o -type f -print)

web: web/dist/index.html           ## build the web application into web/dist (needs nodejs and npm)
web/node_modules/.package.json: web/package.json
	@etc/dev/deps.sh web
web/dist/index.html: web/node_modules/.package.json $(WEB_FILES)
	$(say) VITE web/dist
	$(Q)cd web && node_modules/.bin/vite build --logLevel warn && \
	  node_modules/.bin/vite build -c examples/vite.config.ts --logLevel warn && node tools/precompress.mjs dist
	$(Q)touch $@

# ---------------------------------------------------------------- tests

unit-build: $(unit) $(addprefix $(BUILD)/tests/unit/,$(TEST_HELPERS))
unit: unit-build                   ## build and run the unit tests
	@BUILD=$(BUILD) tests/tools/unit.sh $(UNIT_TESTS)

fuzz-build: $(fuzz)
fuzz:                              ## run every fuzz target for FUZZ_SECONDS (make fuzz FUZZ_SECONDS=300)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=$(FUZZ_CC) SAN=fuzzer-no-link,address,undefined fuzz-build
	@BUILD=$(BUILD)/fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) tests/tools/fuzz.sh $(FUZZ_TARGETS)
fuzz-short:                        ## the same, a few seconds each
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=5

layers: all                        ## check the include rules and what the programs contain
	@BUILD=$(BUILD) tests/tools/layers.sh
model:                             ## check the stream protocol with spin, and that the broken variants fail
	@tests/model/run.sh
asan:                              ## both daemons with address and undefined behaviour sanitizers, in build/asan
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan SAN=address,undefined DEVELOPER=1 all
lint:                              ## cppcheck and clang-tidy under the committed profiles
	@CPPFLAGS='$(ALL_CPPFLAGS)' tests/tools/lint.sh $(SHARED_SRCS) $(REST_SRCS) $(WS_SRCS) $(CTL_SRCS)
fmt:                               ## format the C sources
	@git ls-files '*.c' '*.h' | xargs -r clang-format -i
samples: all                       ## write etc/*.conf again, after a setting has changed
	@BUILD=$(BUILD) tests/tools/samples.sh --write
test:                              ## install what is missing, build, run all tests
	@etc/dev/deps.sh test
	@MAKE='$(MAKE)' BUILD=$(BUILD) tests/tools/test.sh
bench: all                         ## measure against this machine's own limits
	@$(MAKE) --no-print-directory $(BUILD)/confab-bench
	@BUILD=$(BUILD) tests/bench/run.sh
chaos: all                         ## 60 s of mixed load with kills, checked message by message
	@BUILD=$(BUILD) tests/tools/chaos.sh

# ---------------------------------------------------------------- run, install

deps:                              ## install the packages that are missing (Debian)
	@etc/dev/deps.sh run
run:                               ## install what is missing, build, start everything until Ctrl-C
	@etc/dev/deps.sh run
	@$(MAKE) --no-print-directory -j"$$(nproc)" all
	@$(MAKE) --no-print-directory web || echo 'run: going on without the web application, which could not be built'
	@BUILD=$(BUILD) etc/dev/run.sh
demo-data:                         ## load the demo data into the running system
	@BUILD=$(BUILD) etc/dev/demo-data.sh
install: all                       ## install below DESTDIR/PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/confab/sql $(DESTDIR)/etc/confab \
	  $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(BUILD)/confab-rest $(BUILD)/confab-ws $(BUILD)/confabctl $(DESTDIR)$(PREFIX)/bin
	install -m 644 sql/*.sql $(DESTDIR)$(PREFIX)/share/confab/sql
	@[ ! -e web/dist/index.html ] || { echo 'install web/dist as $(PREFIX)/share/confab/web'; \
	  rm -rf '$(DESTDIR)$(PREFIX)/share/confab/web'; cp -R web/dist '$(DESTDIR)$(PREFIX)/share/confab/web'; \
	  chmod -R u=rwX,go=rX '$(DESTDIR)$(PREFIX)/share/confab/web'; }
	for f in confab-rest.service confab-ws@.service; do \
	  sed 's|/usr/bin/|$(PREFIX)/bin/|' etc/systemd/$$f >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$f; done
	for f in confab-rest.conf confab-ws.conf; do [ -e $(DESTDIR)/etc/confab/$$f ] || \
	  sed -e 's|/usr/share/|$(PREFIX)/share/|' $(if $(wildcard web/dist/index.html),-e 's|^web_dir =.*|web_dir = $(PREFIX)/share/confab/web|') \
	  etc/$$f >$(DESTDIR)/etc/confab/$$f; done
clean:                             ## remove build/ (var/ with the data stays)
	rm -rf build
help:                              ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r t d; do printf '  %-12s %s\n' "$$t" "$$d"; done

always:
.PHONY: all rest ws web unit unit-build fuzz fuzz-build fuzz-short layers model asan lint fmt samples test bench chaos deps run demo-data \
        install clean help always
