/*
 * push_text.h -- what is sent: the notification as JSON, and the headers that sign it
 *
 * Layer      service. Pure; the times are parameters.
 */
#ifndef REST_PUSH_TEXT_H
#define REST_PUSH_TEXT_H

#include "rest/push_crypt.h"
#include "rest/svc_note.h"

/* {"id","type","title","message","link","created_at"[,"chat_id"][,"message_id"][,"sender_id"],"unread_count"}, at most max
 * bytes: the message is cut to fit, then the link is left out. */
void push_text_note(struct buf *out, const struct note_view *n, uint64_t unread, size_t max);

struct push_person {
    uint64_t id, created_us;
    struct str username, external_id; /* p == NULL: none */
};
/* {"notification":{the same, in full},"user":{"id","username","external_id"}} */
void push_text_webhook(struct buf *out, const struct note_view *n, uint64_t unread, const struct push_person *who);

/* "Authorization: vapid t=..,k=..", RFC 8292. subject: empty: none. RC_INTERNAL. */
RC_CHECK enum rc push_text_vapid(struct buf *out, const struct push_key *key, struct str origin, struct str subject,
                                 uint64_t now_s);
/* "X-Confab-Signature: t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>" in hex>". RC_INTERNAL. */
RC_CHECK enum rc push_text_signature(struct buf *out, struct str secret, struct str body, uint64_t now_s);

#endif
