/*
 * handlers.h -- the handlers of the HTTP API, and what they share
 *
 * A handler reads its request, calls one service and writes the answer; it decides nothing. Names are
 * <resource>_<method>. What fails is answered by the helpers, so that a handler just returns.
 * Layer      transport.
 */
#ifndef REST_HANDLERS_H
#define REST_HANDLERS_H

#include "rest/http_msg.h"
#include "rest/sessions.h"
#include "rest/svc.h"
#include "shared/id.h"

struct session_view;

/* ---------------------------------------------------------------- handler_web.c */
void web_get(struct http_request *rq);
/* ---------------------------------------------------------------- handler_auth.c */
void auth_register(struct http_request *rq);
void auth_login(struct http_request *rq);
void auth_refresh(struct http_request *rq);
void auth_logout(struct http_request *rq);
void auth_ticket(struct http_request *rq);
/* ---------------------------------------------------------------- handler_user.c */
void me_get(struct http_request *rq);
void me_patch(struct http_request *rq);
void users_get(struct http_request *rq); /* search */
void user_get(struct http_request *rq);
/* ---------------------------------------------------------------- handler_presence.c */
void user_presence_get(struct http_request *rq);
void presence_get(struct http_request *rq);
/* ---------------------------------------------------------------- handler_chat.c */
void chat_create_personal(struct http_request *rq);
void chat_create_group(struct http_request *rq);
void chats_get(struct http_request *rq);
void open_chats_get(struct http_request *rq);
void chat_get(struct http_request *rq);
void chat_patch(struct http_request *rq);
void chat_delete(struct http_request *rq);
/* ---------------------------------------------------------------- handler_member.c */
void members_get(struct http_request *rq);
void members_post(struct http_request *rq);
void member_patch(struct http_request *rq);
void member_delete(struct http_request *rq);
/* ---------------------------------------------------------------- handler_message.c */
void messages_post(struct http_request *rq);
void messages_get(struct http_request *rq);
void message_get(struct http_request *rq);
void message_patch(struct http_request *rq);
void message_delete(struct http_request *rq);
/* ---------------------------------------------------------------- handler_conversation.c */
void conversations_get(struct http_request *rq);
void conversations_post(struct http_request *rq);
void conversation_messages_get(struct http_request *rq);
void conversation_message_post(struct http_request *rq);
/* ---------------------------------------------------------------- handler_upload.c */
void attachments_post(struct http_request *rq);
void uploads_post(struct http_request *rq);
void upload_patch(struct http_request *rq);
void upload_get(struct http_request *rq);
void upload_delete(struct http_request *rq);
/* ---------------------------------------------------------------- handler_attachment.c */
void attachment_get(struct http_request *rq);
void attachment_delete(struct http_request *rq);
/* ---------------------------------------------------------------- handler_read.c */
void read_post(struct http_request *rq);
/* ---------------------------------------------------------------- handler_session.c */
void sessions_post(struct http_request *rq);
void sessions_get(struct http_request *rq);
void session_get(struct http_request *rq);
void session_patch(struct http_request *rq);
void session_delete(struct http_request *rq);
void session_role_put(struct http_request *rq);
void session_role_delete(struct http_request *rq);
void session_key_post(struct http_request *rq);
/* ---------------------------------------------------------------- handler_checkin.c */
void attendees_post(struct http_request *rq);
void attendees_get(struct http_request *rq);
void attendee_get(struct http_request *rq);
void checkins_post(struct http_request *rq);
void checkins_get(struct http_request *rq);
/* ---------------------------------------------------------------- handler_note.c */
void notifications_get(struct http_request *rq);
void notification_read(struct http_request *rq);
void notifications_read_all(struct http_request *rq);
void notification_delete(struct http_request *rq);
void preferences_get(struct http_request *rq);
void preferences_put(struct http_request *rq);
void admin_notifications_post(struct http_request *rq);
void admin_notifications_explain(struct http_request *rq);
/* ---------------------------------------------------------------- handler_push.c */
void push_key_get(struct http_request *rq);
void push_subscriptions_get(struct http_request *rq);
void push_subscriptions_post(struct http_request *rq);
void push_subscription_delete(struct http_request *rq);
/* ---------------------------------------------------------------- handler_health.c */
void healthz_get(struct http_request *rq);
void readyz_get(struct http_request *rq);
void metrics_get(struct http_request *rq);
/* ---------------------------------------------------------------- handler_admin.c */
void admin_users_get(struct http_request *rq);
void admin_users_post(struct http_request *rq);
void admin_user_disable(struct http_request *rq);
void admin_user_enable(struct http_request *rq);
void admin_user_password(struct http_request *rq);
void admin_tokens_post(struct http_request *rq);
void admin_kick_post(struct http_request *rq);
void admin_status_get(struct http_request *rq);

/* ---------------------------------------------------------------- shared (handler_util.c) */

/* http_fail, or http_fail_field when field is not NULL. */
void handler_fail(struct http_request *rq, enum code code, const char *field);
/* Parameter i of the path as an id. false: the request has been answered. "me" stands for the caller where users are meant. */
bool handler_param_id(struct http_request *rq, unsigned i, enum id_kind kind, uint64_t *out);
/* ?name=: absent leaves *out alone. false: answered. */
bool handler_query_u64(struct http_request *rq, const char *name, uint64_t max, uint64_t *out);
/* ?limit= within 1..max, default fallback. */
bool handler_limit(struct http_request *rq, uint64_t fallback, uint64_t max, unsigned *out);
/* A string member of the body. false: answered. Absent and optional: *out = STR_NONE. */
bool handler_string(struct http_request *rq, const char *name, bool required, struct str *out);
/* A boolean member of the body as an enum cmd_flag; absent: CMD_FLAG_KEEP. false: answered. */
bool handler_flag(struct http_request *rq, const char *name, uint64_t *out);
/* The members user_id, participant_id or username of the body; *field is the one that was there. false: answered. */
bool handler_body_user(struct http_request *rq, uint64_t *out);
/* A list of users in the member `name` of the body, in the request's arena. false: answered. */
bool handler_body_users(struct http_request *rq, const char *name, const uint64_t **users,
                        uint32_t *count);
/* The same with a limit of its own. */
bool handler_body_list(struct http_request *rq, const char *name, uint64_t max, const uint64_t **users,
                       uint32_t *count);
/* A command of the caller's, with the Idempotency-Key header when there is one. false: answered. */
bool handler_cmd(struct http_request *rq, enum cmd_kind kind, struct cmd *out);
/* Submit; a refusal is answered here. */
void handler_submit(struct http_request *rq, const struct cmd *c, svc_done done, void *ctx);
/* For commands without an answer of their own: 204. ctx is the request. */
void handler_done_empty(void *ctx, const struct outcome *o);
/* ,"key":"<cursor>" */
void handler_cursor(struct http_request *rq, const char *key, uint64_t event_id);
/* Parameter 0 as the UUID of an event session in which the caller has at least this role. false: answered. */
bool handler_session(struct http_request *rq, enum session_role least, struct session_view *out);
/* handler_cmd about it. */
bool handler_session_cmd(struct http_request *rq, enum cmd_kind kind, enum session_role least, struct cmd *c);
/* ?limit= and ?cursor= of a list whose places are numbers; no cursor: 0. false: answered. */
bool handler_page(struct http_request *rq, uint64_t fallback, unsigned *limit, uint64_t *place);
/* ,"next_cursor":..} */
void handler_page_end(struct buf *out, bool has_more, uint64_t place);
/* Finish with this status. */
void handler_finish(struct http_request *rq, int status);

#endif
