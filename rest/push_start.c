/* One delivery: the notification as its user may see it now, encrypted or signed, on its way. */
#include "rest/cache.h"
#include "rest/note_text.h"
#include "rest/prefs.h"
#include "rest/push_int.h"
#include "rest/push_text.h"
#include "shared/clock.h"
#include "shared/id.h"

/* -- what is sent --------------------------------------------------------------------------------------------- */

struct sending { /* a notification, as its user is to see it */
    struct push *p;
    const struct row_delivery *row;
    struct row_note note; /* its texts are in texts, one behind the other */
    struct row_message message;
    bool has_note, has_message;
    struct arena arena;
    struct buf body;
    struct push_person who;
};

static struct str keep(struct sending *s, struct str text)
{
    return text.p != NULL ? arena_str(&s->arena, text) : STR_NONE;
}

static void on_note(void *ctx, const struct row_note *row)
{
    struct sending *s = ctx;
    s->note = *row;
    s->note.kind = keep(s, row->kind);
    s->note.title = keep(s, row->title);
    s->note.text = keep(s, row->text);
    s->note.link = keep(s, row->link);
    s->has_note = true;
}

static void on_message(void *ctx, const struct row_message *m)
{
    struct sending *s = ctx;
    s->message = *m;
    s->message.kind = STR_NONE;
    s->message.content = keep(s, m->content);
    s->has_message = true;
}

static enum store_rc read_note(struct sending *s)
{
    const struct note_key key = {s->row->user_id, s->row->note_id};
    enum store_rc rc = store_find_notes(s->p->store, &key, 1, on_note, s);
    if (rc == STORE_OK && s->has_note && s->note.chat_id != 0) {
        const struct chat_seq at = {s->note.chat_id, s->note.seq};
        rc = store_messages_at(s->p->store, &at, 1, on_message, s);
    }
    return rc;
}

static void add_subject(const struct cache *c, const struct sending *s, struct note_view *out)
{
    const struct cache_chat *chat = cache_chat_ever(c, s->note.chat_id);
    const struct cache_user *sender = cache_user(c, cache_user_index(c, s->note.sender_id));
    out->chat_id = s->note.chat_id;
    out->chat_created_us = chat != NULL ? chat->created_us : 0;
    out->message_id = s->message.id;
    out->message_created_us = s->message.created_us;
    if (s->note.preview != PREVIEW_NONE && sender != NULL) {
        out->sender_id = sender->id;
        out->sender_created_us = sender->created_us;
    }
}

/* Still news: neither read nor deleted, and its message is there for the user. */
static bool is_news(const struct cache *c, const struct cache_user *u, const struct sending *s)
{
    const struct row_note *n = &s->note;
    bool forgotten = n->user_id == 0 && !cache_has_broadcast(c, n->id);
    bool is_read = n->read_us != 0 || n->id <= u->read_all_id || forgotten;
    return u->status == USER_ACTIVE && !is_read && n->deleted_us == 0 &&
           (n->chat_id == 0 || (s->has_message && note_message_visible(c, u->id, n->chat_id, n->seq)));
}

static void compose(struct sending *s, const struct cache *c, uint32_t user)
{
    struct push *p = s->p;
    const struct cache_user *u = cache_user(c, user);
    struct buf room = BUF_INIT;
    struct row_note said;
    note_text(c, &s->note, s->has_message ? &s->message : NULL, &room, &said);
    struct note_view view = {.id = s->note.id,
                             .created_us = s->note.created_us,
                             .kind = said.kind,
                             .title = said.title,
                             .text = said.text,
                             .link = said.link};
    if (s->note.chat_id != 0) {
        add_subject(c, s, &view);
    }
    s->who = (struct push_person){.id = u->id, .created_us = u->created_us, .username = str_of(u->username)};
    s->who.external_id = u->external_id != NULL ? str_of(u->external_id) : STR_NONE;
    uint64_t unread = cache_notes_unread(c, user);
    if (s->row->subscription_id != 0) {
        push_text_note(&s->body, &view, unread, CONF_NOW(p->conf->push_payload_max_bytes));
    } else {
        push_text_webhook(&s->body, &view, unread, &s->who);
    }
    buf_release(&room);
}

/* The body, unless it is not to be sent any more. */
static bool write_body(struct sending *s)
{
    struct cache *c = s->p->svc->cache;
    uint64_t ttl_us = CONF_NOW(s->p->conf->push_ttl_ms) * 1000;
    if (!s->has_note || s->note.created_us + ttl_us <= wall_us()) {
        return false;
    }
    cache_rdlock(c);
    uint32_t user = cache_user_index(c, s->row->user_id);
    const struct cache_user *u = cache_user(c, user);
    bool is_due = u != NULL && is_news(c, u, s);
    if (is_due) {
        compose(s, c, user);
    }
    cache_unlock(c);
    return is_due && buf_ok(&s->body);
}

/* -- how -------------------------------------------------------------------------------------------------------- */

static enum rc encrypt(struct str p256dh, struct str auth, struct str plain, struct buf *out)
{
    struct buf key = BUF_INIT, secret = BUF_INIT;
    unsigned char salt[PUSH_SALT_BYTES];
    struct push_key *sender = push_key_new();
    enum rc rc = RC_INVALID;
    random_bytes(salt, sizeof(salt));
    if (sender != NULL && base64url_decode(p256dh, &key) && base64url_decode(auth, &secret)) {
        rc = push_encrypt(sender, salt, buf_str(&key), buf_str(&secret), plain, out);
    }
    push_key_free(sender);
    buf_release(&key);
    buf_release(&secret);
    return rc;
}

static enum rc start_web(struct sending *s, struct push_slot *slot, push_on_answer done)
{
    struct push *p = s->p;
    struct buf vapid = BUF_INIT, origin = BUF_INIT, body = BUF_INIT, ttl = BUF_INIT, why = BUF_INIT;
    uint64_t now = wall_us(), end = s->note.created_us + CONF_NOW(p->conf->push_ttl_ms) * 1000;
    buf_addf(&ttl, "TTL: %llu", (unsigned long long)(end > now ? (end - now) / 1000000 : 0));
    enum rc rc = push_url_check(s->row->endpoint.p, true, p->conf->push_private_endpoints, &origin, &why);
    if (rc == RC_OK) {
        rc = push_text_vapid(&vapid, p->key, buf_str(&origin), str_of(p->conf->push_subject), wall_s());
    }
    if (rc == RC_OK) {
        rc = encrypt(s->row->p256dh, s->row->auth, buf_str(&s->body), &body);
    }
    if (rc == RC_OK) {
        const char *const headers[] = {vapid.p, ttl.p, "Urgency: high", "Content-Encoding: aes128gcm",
                                       "Content-Type: application/octet-stream", "Expect:", NULL};
        rc = push_http_start(p->http, &(struct push_request){.url = s->row->endpoint.p,
                                                             .headers = headers,
                                                             .body = buf_str(&body),
                                                             .is_guarded = true,
                                                             .done = done,
                                                             .ctx = slot});
    }
    buf_release(&vapid);
    buf_release(&origin);
    buf_release(&body);
    buf_release(&ttl);
    buf_release(&why);
    return rc;
}

static enum rc start_webhook(struct sending *s, struct push_slot *slot, push_on_answer done)
{
    struct push *p = s->p;
    struct buf signature = BUF_INIT, delivery = BUF_INIT, attempt = BUF_INIT;
    buf_add_z(&delivery, "X-Confab-Delivery: ");
    id_add_hex(&delivery, ID_NOTIFICATION, s->note.id, s->note.created_us);
    buf_add_char(&delivery, '-');
    id_add_hex(&delivery, ID_USER, s->who.id, s->who.created_us);
    buf_addf(&attempt, "X-Confab-Attempt: %u", s->row->attempts + 1u);
    enum rc rc = push_text_signature(&signature, buf_str(&p->secret), buf_str(&s->body), wall_s());
    if (rc == RC_OK) {
        const char *const headers[] = {signature.p, delivery.p, attempt.p, "Content-Type: application/json", "Expect:", NULL};
        rc = push_http_start(p->http, &(struct push_request){.url = p->conf->push_webhook_url,
                                                             .headers = headers,
                                                             .body = buf_str(&s->body),
                                                             .done = done,
                                                             .ctx = slot});
    }
    buf_release(&signature);
    buf_release(&delivery);
    buf_release(&attempt);
    return rc;
}

/* Whether this kind is sent by this process, and there is somebody to send it to. */
static bool has_receiver(const struct push *p, const struct row_delivery *row)
{
    return row->subscription_id == 0 ? p->secret.len > 0 : p->key != NULL && row->endpoint.p != NULL;
}

static void start(struct sending *s, struct push_slot *slot, push_on_answer done)
{
    slot->state = SLOT_SENDING;
    enum rc rc = slot->row.subscription_id != 0 ? start_web(s, slot, done) : start_webhook(s, slot, done);
    if (rc != RC_OK) { /* a bad key or address stays one; for memory there is another time */
        bool is_final = rc == RC_INVALID || rc == RC_TOO_BIG;
        done(slot, &(struct push_answer){.status = is_final ? 400 : 0, .error = rc_name(rc)});
    }
}

enum push_started push_start(struct push *p, struct push_slot *slot, push_on_answer done)
{
    struct sending s = {.p = p, .row = &slot->row};
    enum push_started what = PUSH_NOT_WANTED;
    if (!has_receiver(p, &slot->row)) {
        return what;
    }
    if (read_note(&s) != STORE_OK) {
        what = PUSH_NOT_READ;
    } else if (write_body(&s)) {
        what = PUSH_STARTED;
        start(&s, slot, done);
    }
    arena_release(&s.arena);
    buf_release(&s.body);
    return what;
}
