/*
 * event.c -- the wire form of a domain event
 *
 * Layout     One word: the kind in the top 8 bits, below it a bitmap of the groups of fields that
 *            follow in the order of enum group. Then event_id and at_us. A group whose fields are all
 *            zero is left out, and two bits (SENDER_IS_ACTOR, MESSAGE_NEW) say what is true for nearly
 *            every message, so that one costs some 130 bytes besides its texts.
 * Speed      Encoding is one reservation and plain stores; decoding copies no text.
 *
 * Adding a field: a new group at the end, in groups_of, size_bound, the writer and the reader.
 */
#include "shared/event.h"

#include "shared/bug.h"

enum group {
    G_CHAT = 1 << 0,  /* chat_id, chat_kind, chat_created_us, chat_updated_us */
    G_CHAT_NAME = 1 << 1,
    G_PEERS = 1 << 2, /* both ids */
    G_PEER_NAMES = 1 << 3,
    G_ACTOR = 1 << 4,
    G_ACTOR_NAMES = 1 << 5,
    G_SUBJECT = 1 << 6,
    G_SUBJECT_NAMES = 1 << 7,
    G_MESSAGE = 1 << 8,      /* message_id, version, message_flags, message_created_us */
    G_MESSAGE_NEW = 1 << 9,  /* instead: event_id, 1, 0, at_us */
    G_SEQ = 1 << 10,
    G_SENDER = 1 << 11,
    G_SENDER_NAMES = 1 << 12,
    G_SENDER_IS_ACTOR = 1 << 13, /* instead of the two */
    G_MESSAGE_KIND = 1 << 14,
    G_CONTENT = 1 << 15,
    G_PAYLOAD = 1 << 16,
    G_NUMBER = 1 << 17,
    G_ORIGIN = 1 << 18,
    G_NOTE_ID = 1 << 19,
    G_NOTE = 1 << 20, /* the rest of it */
    G_ALL = (1 << 21) - 1,
};

#define KIND_SHIFT 24
#define MESSAGE_FLAGS_ALL (MESSAGE_EDITED | MESSAGE_DELETED)
#define FIXED_MAX_BYTES 360 /* everything but the texts */
#define TEXT16_MAX_BYTES UINT16_MAX

/* -- which groups ------------------------------------------------------------------------------ */

static bool has_names(const struct event_user *u)
{
    return u->created_us != 0 || u->username.len != 0 || u->name.len != 0;
}

static bool same_text(struct str a, struct str b)
{
    return a.len == b.len && (a.p == b.p || str_eq(a, b));
}

static bool same_user(const struct event_user *a, const struct event_user *b)
{
    return a->id == b->id && a->created_us == b->created_us &&
           same_text(a->username, b->username) && same_text(a->name, b->name);
}

static uint32_t user_groups(const struct event_user *u, uint32_t id_group, uint32_t names_group)
{
    return (u->id != 0 ? id_group : 0) | (has_names(u) ? names_group : 0);
}

static uint32_t sender_groups(const struct event *e)
{
    uint32_t groups = user_groups(&e->sender, G_SENDER, G_SENDER_NAMES);
    return groups != 0 && same_user(&e->sender, &e->actor) ? G_SENDER_IS_ACTOR : groups;
}

static uint32_t message_groups(const struct event *e)
{
    if (e->message_id == 0 && e->version == 0 && e->message_flags == 0 &&
        e->message_created_us == 0) {
        return 0;
    }
    bool is_new = e->message_id == e->event_id && e->version == 1 && e->message_flags == 0 &&
                  e->message_created_us == e->at_us;
    return is_new ? G_MESSAGE_NEW : G_MESSAGE;
}

static uint32_t chat_groups(const struct event *e)
{
    bool chat = e->chat_id != 0 || e->chat_kind != 0 || e->chat_created_us != 0 ||
                e->chat_updated_us != 0;
    bool peers = e->peer[0].id != 0 || e->peer[1].id != 0;
    bool peer_names = has_names(&e->peer[0]) || has_names(&e->peer[1]);
    return (chat ? G_CHAT : 0) | (e->chat_name.len != 0 ? G_CHAT_NAME : 0) |
           (peers ? G_PEERS : 0) | (peer_names ? G_PEER_NAMES : 0);
}

static uint32_t note_groups(const struct event_note *n)
{
    bool rest = n->created_us != 0 || n->is_read || n->preview != 0 || n->kind.len != 0 ||
                n->title.len != 0 || n->text.len != 0 || n->link.p != NULL;
    return (n->id != 0 ? G_NOTE_ID : 0) | (rest ? G_NOTE : 0);
}

static uint32_t groups_of(const struct event *e)
{
    bool origin = e->origin_worker != 0 || e->origin_session != 0;
    return chat_groups(e) | user_groups(&e->actor, G_ACTOR, G_ACTOR_NAMES) |
           user_groups(&e->subject, G_SUBJECT, G_SUBJECT_NAMES) | message_groups(e) |
           sender_groups(e) | (e->seq != 0 ? G_SEQ : 0) |
           (e->message_kind.len != 0 ? G_MESSAGE_KIND : 0) |
           (e->content.len != 0 ? G_CONTENT : 0) | (e->payload.len != 0 ? G_PAYLOAD : 0) |
           (e->number != 0 ? G_NUMBER : 0) | (origin ? G_ORIGIN : 0) | note_groups(&e->note);
}

/* -- writing ----------------------------------------------------------------------------------- */

/* An upper bound: the texts of groups that are left out count too. */
static size_t size_bound(const struct event *e)
{
    return FIXED_MAX_BYTES + e->chat_name.len + e->peer[0].username.len + e->peer[0].name.len +
           e->peer[1].username.len + e->peer[1].name.len + e->actor.username.len +
           e->actor.name.len + e->subject.username.len + e->subject.name.len +
           e->sender.username.len + e->sender.name.len + e->message_kind.len + e->content.len +
           e->payload.len + e->note.kind.len + e->note.title.len + e->note.text.len +
           e->note.link.len;
}

static unsigned char *put(unsigned char *to, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        to[i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
    }
    return to + bytes;
}

static unsigned char *put16(unsigned char *to, uint64_t v)
{
    return put(to, v, 2);
}

static unsigned char *put64(unsigned char *to, uint64_t v)
{
    return put(to, v, 8);
}

static unsigned char *put_bytes(unsigned char *to, struct str s, size_t len)
{
    if (len != 0) {
        memcpy(to, s.p, len);
    }
    return to + len;
}

static unsigned char *put_text16(unsigned char *to, struct str s)
{
    size_t len = s.len < TEXT16_MAX_BYTES ? s.len : TEXT16_MAX_BYTES;
    return put_bytes(put16(to, len), s, len);
}

static unsigned char *put_text32(unsigned char *to, struct str s)
{
    return put_bytes(put(to, s.len, 4), s, s.len);
}

static unsigned char *put_names(unsigned char *to, const struct event_user *u)
{
    to = put64(to, u->created_us);
    to = put_text16(to, u->username);
    return put_text16(to, u->name);
}

static unsigned char *put_user(unsigned char *to, const struct event_user *u, bool id, bool names)
{
    if (id) {
        to = put64(to, u->id);
    }
    return names ? put_names(to, u) : to;
}

static unsigned char *put_chat(unsigned char *to, const struct event *e, uint32_t groups)
{
    if (groups & G_CHAT) {
        to = put64(to, e->chat_id);
        *to++ = e->chat_kind;
        to = put64(to, e->chat_created_us);
        to = put64(to, e->chat_updated_us);
    }
    if (groups & G_CHAT_NAME) {
        to = put_text16(to, e->chat_name);
    }
    if (groups & G_PEERS) {
        to = put64(put64(to, e->peer[0].id), e->peer[1].id);
    }
    if (groups & G_PEER_NAMES) {
        to = put_names(put_names(to, &e->peer[0]), &e->peer[1]);
    }
    return to;
}

static unsigned char *put_message(unsigned char *to, const struct event *e, uint32_t groups)
{
    if (groups & G_MESSAGE) {
        to = put64(to, e->message_id);
        to = put(to, e->version, 4);
        *to++ = e->message_flags;
        to = put64(to, e->message_created_us);
    }
    if (groups & G_SEQ) {
        to = put64(to, e->seq);
    }
    to = put_user(to, &e->sender, groups & G_SENDER, groups & G_SENDER_NAMES);
    if (groups & G_MESSAGE_KIND) {
        to = put_text16(to, e->message_kind);
    }
    if (groups & G_CONTENT) {
        to = put_text32(to, e->content);
    }
    return to;
}

#define NOTE_IS_READ 1
#define NOTE_HAS_LINK 2

static unsigned char *put_note(unsigned char *to, const struct event_note *n, uint32_t groups)
{
    if (groups & G_NOTE_ID) {
        to = put64(to, n->id);
    }
    if (groups & G_NOTE) {
        to = put64(to, n->created_us);
        *to++ = (unsigned char)((n->is_read ? NOTE_IS_READ : 0) | (n->link.p ? NOTE_HAS_LINK : 0));
        *to++ = n->preview;
        to = put_text16(put_text16(to, n->kind), n->title);
        to = put_text16(put_text32(to, n->text), n->link);
    }
    return to;
}

static unsigned char *put_rest(unsigned char *to, const struct event *e, uint32_t groups)
{
    if (groups & G_PAYLOAD) {
        to = put_text32(to, e->payload);
    }
    if (groups & G_NUMBER) {
        to = put64(to, e->number);
    }
    if (groups & G_ORIGIN) {
        to = put64(put16(to, e->origin_worker), e->origin_session);
    }
    return put_note(to, &e->note, groups);
}

void event_encode(struct buf *out, const struct event *e)
{
    size_t bound = size_bound(e);
    unsigned char *start = (unsigned char *)buf_reserve(out, bound);
    if (!start) {
        return;
    }
    uint32_t groups = groups_of(e);
    unsigned char *to = put(start, (uint32_t)e->kind << KIND_SHIFT | groups, 4);
    to = put64(put64(to, e->event_id), e->at_us);
    to = put_chat(to, e, groups);
    to = put_user(to, &e->actor, groups & G_ACTOR, groups & G_ACTOR_NAMES);
    to = put_user(to, &e->subject, groups & G_SUBJECT, groups & G_SUBJECT_NAMES);
    to = put_message(to, e, groups);
    to = put_rest(to, e, groups);
    BUG_IF((size_t)(to - start) > bound);
    buf_commit(out, (size_t)(to - start));
}

/* -- reading ----------------------------------------------------------------------------------- */

static void get_names(struct rd *r, struct event_user *u)
{
    u->created_us = rd_be64(r);
    u->username = rd_str16(r);
    u->name = rd_str16(r);
}

static void get_user(struct rd *r, struct event_user *u, bool id, bool names)
{
    if (id) {
        u->id = rd_be64(r);
    }
    if (names) {
        get_names(r, u);
    }
}

static void get_chat(struct rd *r, struct event *e, uint32_t groups)
{
    if (groups & G_CHAT) {
        e->chat_id = rd_be64(r);
        e->chat_kind = rd_be8(r);
        e->chat_created_us = rd_be64(r);
        e->chat_updated_us = rd_be64(r);
    }
    if (groups & G_CHAT_NAME) {
        e->chat_name = rd_str16(r);
    }
    if (groups & G_PEERS) {
        e->peer[0].id = rd_be64(r);
        e->peer[1].id = rd_be64(r);
    }
    if (groups & G_PEER_NAMES) {
        get_names(r, &e->peer[0]);
        get_names(r, &e->peer[1]);
    }
}

static void get_message(struct rd *r, struct event *e, uint32_t groups)
{
    if (groups & G_MESSAGE) {
        e->message_id = rd_be64(r);
        e->version = rd_be32(r);
        e->message_flags = rd_be8(r);
        e->message_created_us = rd_be64(r);
    } else if (groups & G_MESSAGE_NEW) {
        e->message_id = e->event_id;
        e->version = 1;
        e->message_created_us = e->at_us;
    }
    if (groups & G_SEQ) {
        e->seq = rd_be64(r);
    }
    if (groups & G_SENDER_IS_ACTOR) {
        e->sender = e->actor;
    }
    get_user(r, &e->sender, groups & G_SENDER, groups & G_SENDER_NAMES);
    if (groups & G_MESSAGE_KIND) {
        e->message_kind = rd_str16(r);
    }
    if (groups & G_CONTENT) {
        e->content = rd_str32(r);
    }
}

static void get_note(struct rd *r, struct event_note *n, uint32_t groups)
{
    if (groups & G_NOTE_ID) {
        n->id = rd_be64(r);
    }
    if (groups & G_NOTE) {
        n->created_us = rd_be64(r);
        uint8_t flags = rd_be8(r);
        n->is_read = (flags & NOTE_IS_READ) != 0;
        n->preview = rd_be8(r);
        n->kind = rd_str16(r);
        n->title = rd_str16(r);
        n->text = rd_str32(r);
        n->link = rd_str16(r);
        if (!(flags & NOTE_HAS_LINK)) {
            n->link = STR_NONE;
        }
    }
}

static void get_rest(struct rd *r, struct event *e, uint32_t groups)
{
    if (groups & G_PAYLOAD) {
        e->payload = rd_str32(r);
    }
    if (groups & G_NUMBER) {
        e->number = rd_be64(r);
    }
    if (groups & G_ORIGIN) {
        e->origin_worker = rd_be16(r);
        e->origin_session = rd_be64(r);
    }
    get_note(r, &e->note, groups);
}

static bool kind_is_known(uint8_t kind)
{
    return (kind >= EV_CHAT_CREATED && kind <= EV_SESSION) ||
           (kind >= EV_TYPING && kind <= EV_CHAT_UPDATE);
}

static bool groups_are_sane(uint32_t groups)
{
    bool two_messages = (groups & G_MESSAGE) && (groups & G_MESSAGE_NEW);
    bool two_senders =
        (groups & G_SENDER_IS_ACTOR) && (groups & (G_SENDER | G_SENDER_NAMES)) != 0;
    return (groups & ~(uint32_t)G_ALL) == 0 && !two_messages && !two_senders;
}

/* What a reader uses as an index or a set of bits. */
static bool ranges_are_sane(const struct event *e)
{
    bool is_role = e->kind == EV_MEMBER_ADDED || e->kind == EV_MEMBER_ROLE;
    return e->chat_kind <= CHAT_GROUP && (e->message_flags & ~MESSAGE_FLAGS_ALL) == 0 &&
           (!is_role || e->number <= ROLE_OWNER) && e->note.preview <= PREVIEW_NONE;
}

enum rc event_decode(struct rd *in, struct event *out)
{
    struct rd r = *in;
    struct event e = {0};
    uint32_t word = rd_be32(&r);
    uint32_t groups = word & ((UINT32_C(1) << KIND_SHIFT) - 1);
    e.kind = (uint8_t)(word >> KIND_SHIFT);
    if (r.bad || !kind_is_known(e.kind) || !groups_are_sane(groups)) {
        return RC_PROTOCOL;
    }
    e.event_id = rd_be64(&r);
    e.at_us = rd_be64(&r);
    get_chat(&r, &e, groups);
    get_user(&r, &e.actor, groups & G_ACTOR, groups & G_ACTOR_NAMES);
    get_user(&r, &e.subject, groups & G_SUBJECT, groups & G_SUBJECT_NAMES);
    get_message(&r, &e, groups);
    get_rest(&r, &e, groups);
    if (r.bad || !ranges_are_sane(&e)) {
        return RC_PROTOCOL;
    }
    *in = r;
    *out = e;
    return RC_OK;
}

/* -- meaning ----------------------------------------------------------------------------------- */

static struct str user_label(const struct event_user *u)
{
    return u->name.len != 0 ? u->name : u->username;
}

struct str event_chat_name(const struct event *e, uint64_t viewer_id)
{
    if (e->chat_kind == CHAT_DIRECT && viewer_id != 0) {
        if (e->peer[0].id == viewer_id) {
            return user_label(&e->peer[1]);
        }
        if (e->peer[1].id == viewer_id) {
            return user_label(&e->peer[0]);
        }
    }
    return e->chat_name;
}
