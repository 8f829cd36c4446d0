/*
 * reply.h -- the JSON objects of the API's answers
 *
 * One function per kind of object, so that an object looks the same wherever it appears. Ids are in the
 * 24-hex form, times in whole seconds (UTC); is_edited and is_deleted appear only when true.
 * Layer      transport. Pure: views in, bytes out.
 */
#ifndef REST_REPLY_H
#define REST_REPLY_H

#include "rest/svc_note.h"
#include "rest/svc_presence.h"
#include "rest/svc_read.h"
#include "rest/svc_session.h"
#include "shared/buf.h"
#include "shared/id.h"

/* ,"key":"<24 hex>" */
void reply_id(struct buf *out, const char *key, enum id_kind kind, uint64_t n, uint64_t created_us);

/* {"user_id","username","name"} */
void reply_user(struct buf *out, const struct user_view *u);
/* the same with "profile_url" when there is one: one person */
void reply_profile(struct buf *out, const struct user_view *u);
/* the same again with "created_at": oneself */
void reply_me(struct buf *out, const struct user_view *u);
/* with "created_at","disabled" and the plain number "id": administration */
void reply_account(struct buf *out, const struct user_view *u);
/* {"user_id","online","last_seen"}: null when never */
void reply_presence(struct buf *out, const struct presence_view *p);
/* {"user_id","username","name","role"} */
void reply_member(struct buf *out, const struct member_view *m);
/* {"message_id","chat_id","seq","sender_id","sender_name","content","message_type","created_at"[,"is_edited"][,"is_deleted"]
 * [,"attachment"]};
 * without the closing brace when open. */
void reply_message(struct buf *out, const struct message_view *m, bool open);
/* {"id","name","mime_type","size","sha256","url"}; without the closing brace when open. In a message as "attachment". */
void reply_attachment(struct buf *out, const struct attachment_view *a, bool open);
/* The path it is downloaded from. */
void reply_attachment_path(struct buf *out, uint64_t id, uint64_t created_us);
/* chat_room's three members, then kind, role, members_count, unread_count, last_seq, read_seq, [peer,] last_message */
/* What somebody who is not in it may know of a group that is open to everybody. */
void reply_open_chat(struct buf *out, const struct chat_view *c);
void reply_chat(struct buf *out, const struct chat_view *c);
/* Exactly the chat_room object. */
void reply_room(struct buf *out, const struct chat_view *c);

/* {"id","type","title","message","link","is_read","created_at"[,"chat_id"][,"message_id"][,"sender_id"]} */
void reply_note(struct buf *out, const struct note_view *n);
/* ,"key":"<whole seconds, UTC>" */
void reply_time(struct buf *out, const char *key, uint64_t wall_us_value);

/* "member", "admin", "owner"; ROLE_NONE for any other text. */
const char *role_name(uint8_t role);
uint8_t role_parse(struct str text);

/* {"session_id","title","visibility","open_registration","role","attendees_count","checked_in_count","has_scanner_key",
 * "dashboard_path","created_at","updated_at"[,"people"]}; ids of sessions are their UUIDs */
void reply_session(struct buf *out, const struct session_view *x);
/* {"user_id","username","name","role"} */
void reply_session_person(struct buf *out, const struct session_person_view *p);
/* {"user_id","username","name","code","checked_in_at"}; null: none, not yet */
void reply_attendee(struct buf *out, const struct attendee_view *a);
void reply_session_id(struct buf *out, const char *key, const struct key16 *uuid);

/* "staff", "host"; "link", "public", "host". 0 for any other text. */
const char *session_role_name(uint8_t role);
uint8_t session_role_parse(struct str text);
uint8_t session_visibility_parse(struct str text);

/* The place after a chat in the list, as an opaque text: "<updated_us>_<id>". */
void place_write(struct buf *out, const struct chat_view *c);
bool place_read(struct str text, struct chat_place *out);

#endif
