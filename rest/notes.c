#include "rest/notes.h"

static const char *const names[NOTE_REASONS] = {
    [NOTE_UNDECIDED] = "not_a_member",
    [NOTE_NOTIFIED] = "notified",
    [NOTE_SENDER] = "sender",
    [NOTE_ACTIVE] = "active",
    [NOTE_MUTED] = "muted",
    [NOTE_DO_NOT_DISTURB] = "do_not_disturb",
    [NOTE_KIND_OFF] = "kind_off",
    [NOTE_LEVEL_NONE] = "level_none",
    [NOTE_LEVEL_MENTIONS] = "level_mentions",
    [NOTE_LARGE_CHAT] = "large_chat",
    [NOTE_DELETED] = "message_deleted",
    [NOTE_READ] = "already_read",
    [NOTE_NOT_MEMBER] = "left",
    [NOTE_DISABLED] = "user_disabled",
    [NOTE_REFUSED] = "not_stored",
};

const char *note_reason_name(uint8_t reason)
{
    return reason < NOTE_REASONS ? names[reason] : "unknown";
}

/* -- the chunk ----------------------------------------------------------------------------------------- */

static void add_text(struct buf *out, struct str s)
{
    buf_add_be32(out, (uint32_t)s.len);
    buf_add_str(out, s);
}

void notes_add_subject(struct buf *chunk, const struct note_subject *s)
{
    buf_add_be64(chunk, s->message_id);
    buf_add_be64(chunk, s->chat_id);
    buf_add_be64(chunk, s->seq);
    buf_add_be64(chunk, s->sender_id);
    buf_add_be64(chunk, s->created_us);
    add_text(chunk, s->kind);
    add_text(chunk, s->text);
    buf_add_be32(chunk, s->choices);
}

void notes_add_choice(struct buf *chunk, const struct note_choice *c)
{
    buf_add_be64(chunk, c->user_id);
    buf_add_be8(chunk, c->reason);
    buf_add_be8(chunk, c->preview);
}

bool notes_next_subject(struct rd *chunk, struct note_subject *out)
{
    if (chunk->bad || chunk->left == 0) {
        return false;
    }
    struct note_subject s = {0};
    s.message_id = rd_be64(chunk);
    s.chat_id = rd_be64(chunk);
    s.seq = rd_be64(chunk);
    s.sender_id = rd_be64(chunk);
    s.created_us = rd_be64(chunk);
    s.kind = rd_str32(chunk);
    s.text = rd_str32(chunk);
    s.choices = rd_be32(chunk);
    if (chunk->bad) {
        return false;
    }
    *out = s;
    return true;
}

bool notes_next_choice(struct rd *chunk, struct note_choice *out)
{
    struct note_choice c = {0};
    c.user_id = rd_be64(chunk);
    c.reason = rd_be8(chunk);
    c.preview = rd_be8(chunk);
    chunk->bad = chunk->bad || c.reason >= NOTE_REASONS;
    if (chunk->bad) {
        return false;
    }
    *out = c;
    return true;
}

/* -- the record ---------------------------------------------------------------------------------------- */

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static void add_number(struct buf *out, uint64_t n)
{
    while (n >= 0x80) {
        buf_add_be8(out, (uint8_t)(n | 0x80));
        n >>= 7;
    }
    buf_add_be8(out, (uint8_t)n);
}

static uint64_t get_number(struct rd *r)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = rd_be8(r);
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return n;
        }
    }
    r->bad = true;
    return 0;
}

void notes_record_add(struct buf *record, uint64_t user_id, uint8_t reason)
{
    add_number(record, user_id);
    buf_add_be8(record, reason);
}

uint8_t notes_record_find(struct str record, uint64_t user_id)
{
    struct rd r = rd_of(record.p, record.len);
    uint8_t others = NOTE_UNDECIDED;
    while (r.left > 0 && !r.bad) {
        uint64_t id = get_number(&r);
        uint8_t reason = rd_be8(&r);
        if (!r.bad && id == user_id) {
            return reason;
        }
        if (!r.bad && id == 0) {
            others = reason;
        }
    }
    return others;
}

/* -- what was seen --------------------------------------------------------------------------------------- */

void notes_add_seen(struct buf *out, const struct note_seen *s)
{
    buf_add_be64(out, s->user_id);
    buf_add_be64(out, s->chat_id);
    buf_add_be64(out, s->seq);
}

bool notes_next_seen(struct rd *in, struct note_seen *out)
{
    if (in->left == 0) {
        return false;
    }
    struct note_seen s = {0};
    s.user_id = rd_be64(in);
    s.chat_id = rd_be64(in);
    s.seq = rd_be64(in);
    if (in->bad) {
        return false;
    }
    *out = s;
    return true;
}
