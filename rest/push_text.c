#include "rest/push_text.h"

#include "shared/clock.h"
#include "shared/id.h"
#include "shared/json.h"

#define VAPID_LIFE_S 43200 /* RFC 8292 section 2: at most 24 hours */
#define ELLIPSIS     "\xe2\x80\xa6"

/* -- JSON ------------------------------------------------------------------------------------------------ */

static void add_id(struct buf *out, const char *key, enum id_kind kind, uint64_t n, uint64_t created_us)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    id_add_hex(out, kind, n, created_us);
    buf_add_char(out, '"');
}

static void add_or_null(struct buf *out, const char *key, struct str s)
{
    if (s.p != NULL) {
        json_key_str(out, key, s);
    } else {
        json_key_null(out, key);
    }
}

static void add_note(struct buf *out, const struct note_view *n, struct str message, struct str link, uint64_t unread)
{
    buf_add_char(out, '{');
    add_id(out, "id", ID_NOTIFICATION, n->id, n->created_us);
    json_key_str(out, "type", n->kind);
    json_key_str(out, "title", n->title);
    json_key_str(out, "message", message);
    add_or_null(out, "link", link);
    json_add_key(out, "created_at");
    buf_add_char(out, '"');
    clock_add_rfc3339(out, n->created_us, CLOCK_SECONDS);
    buf_add_char(out, '"');
    if (n->chat_id != 0) {
        add_id(out, "chat_id", ID_CHAT, n->chat_id, n->chat_created_us);
    }
    if (n->message_id != 0) {
        add_id(out, "message_id", ID_MESSAGE, n->message_id, n->message_created_us);
    }
    if (n->sender_id != 0) {
        add_id(out, "sender_id", ID_USER, n->sender_id, n->sender_created_us);
    }
    json_key_u64(out, "unread_count", unread);
    buf_add_char(out, '}');
}

/* At least this many bytes shorter, between two characters, and the ellipsis. */
static void shorten(struct buf *text, struct str full, size_t by)
{
    size_t len = full.len > by ? full.len - by : 0;
    while (len > 0 && ((unsigned char)full.p[len] & 0xc0) == 0x80) {
        len--;
    }
    buf_clear(text);
    buf_add(text, full.p, len);
    buf_add_z(text, ELLIPSIS);
}

void push_text_note(struct buf *out, const struct note_view *n, uint64_t unread, size_t max)
{
    struct buf text = BUF_INIT;
    struct str message = n->text, link = n->link;
    size_t before = out->len;
    add_note(out, n, message, link, unread);
    /* A byte of text is a byte of JSON at least, so one cut is enough, unless there is too little text. */
    if (out->len - before > max) {
        shorten(&text, n->text, out->len - before - max + sizeof(ELLIPSIS) - 1);
        message = buf_str(&text);
        buf_truncate(out, before);
        add_note(out, n, message, link, unread);
    }
    if (out->len - before > max) {
        link = STR_NONE;
        buf_truncate(out, before);
        add_note(out, n, message, link, unread);
    }
    buf_release(&text);
}

void push_text_webhook(struct buf *out, const struct note_view *n, uint64_t unread, const struct push_person *who)
{
    buf_add_z(out, "{\"notification\":");
    add_note(out, n, n->text, n->link, unread);
    buf_add_z(out, ",\"user\":{");
    add_id(out, "id", ID_USER, who->id, who->created_us);
    json_key_str(out, "username", who->username);
    add_or_null(out, "external_id", who->external_id);
    buf_add_z(out, "}}");
}

/* -- signatures -------------------------------------------------------------------------------------------- */

static void add_part(struct buf *out, const struct buf *json)
{
    base64url_add(out, json->p, json->len);
}

enum rc push_text_vapid(struct buf *out, const struct push_key *key, struct str origin, struct str subject,
                        uint64_t now_s)
{
    unsigned char signature[PUSH_SIGNATURE_BYTES];
    struct buf claims = BUF_INIT, header = BUF_INIT, token = BUF_INIT;
    buf_add_z(&header, "{\"typ\":\"JWT\",\"alg\":\"ES256\"}");
    buf_add_char(&claims, '{');
    json_key_str(&claims, "aud", origin);
    json_key_u64(&claims, "exp", now_s + VAPID_LIFE_S);
    if (subject.len > 0) {
        json_key_str(&claims, "sub", subject);
    }
    buf_add_char(&claims, '}');
    add_part(&token, &header);
    buf_add_char(&token, '.');
    add_part(&token, &claims);
    enum rc rc = push_key_sign(key, buf_str(&token), signature);
    if (rc == RC_OK) {
        buf_add_z(out, "Authorization: vapid t=");
        buf_add_str(out, buf_str(&token));
        buf_add_char(out, '.');
        base64url_add(out, signature, sizeof(signature));
        buf_add_z(out, ", k=");
        base64url_add(out, push_key_public(key).p, PUSH_PUBLIC_BYTES);
    }
    buf_release(&claims);
    buf_release(&header);
    buf_release(&token);
    return rc;
}

enum rc push_text_signature(struct buf *out, struct str secret, struct str body, uint64_t now_s)
{
    struct buf text = BUF_INIT;
    buf_addf(&text, "%llu.", (unsigned long long)now_s);
    buf_add_str(&text, body);
    buf_addf(out, "X-Confab-Signature: t=%llu,v1=", (unsigned long long)now_s);
    enum rc rc = push_hmac_hex(secret, buf_str(&text), out);
    buf_release(&text);
    return rc;
}
