#include "ws/dialect_inbox_common.h"

/* -- client frames ------------------------------------------------------------------------------------- */

static enum code read_active_chat(struct request *r)
{
    return dialect_read_focus(r, "chat_id");
}

static enum code read_typing(struct request *r)
{
    return dialect_read_typing(r, "chat_id", "is_typing");
}

static enum code read_read(struct request *r)
{
    return dialect_read_cursor(r, "chat_id", "message_id");
}

static const struct client_frame client_frames[] = {
    {"active_chat", INBOX_ACTIVE_CHAT, read_active_chat},
    {"typing", INBOX_TYPING, read_typing},
    {"read", INBOX_READ, read_read},
    {"auth", INBOX_AUTH, dialect_read_auth},
    {"ping", INBOX_PING, dialect_read_ping},
};
#define CLIENT_FRAMES (sizeof(client_frames) / sizeof(client_frames[0]))

enum code inbox_read(struct request *r)
{
    struct str type;
    if (!dialect_take_ref(r, "client_msg_id") || !json_str(json_get(r->frame, "type"), &type)) {
        return CODE_INVALID_FIELD;
    }
    return dialect_read_frame(r, client_frames, CLIENT_FRAMES, type);
}

/* -- results ------------------------------------------------------------------------------------------- */

void inbox_answer(const struct op_result *r, const struct dialect_view *v, struct dialect_frame *f)
{
    if (r->code != CODE_OK) {
        dialect_add_error(f->out, r);
    } else if (r->kind == OP_AUTH) {
        dialect_add_auth_ok(f->out, r);
    } else if (v->ext) {
        const char *op = dialect_verb_name(client_frames, CLIENT_FRAMES, r->verb);
        buf_add_z(f->out, "{\"type\":\"ok\"");
        json_key_str(f->out, "op", str_of(op));
        dialect_key_ref(f->out, r->ref);
        inbox_end(f->out, v, r->outcome.event_id, 0, 0);
    }
}

/* -- pieces -------------------------------------------------------------------------------------------- */

struct str inbox_kind_shown(struct str kind)
{
    return str_eq(kind, STR("text")) ? STR("text_message") : kind;
}

struct str inbox_kind_meant(struct str kind)
{
    return str_eq(kind, STR("text_message")) ? STR("text") : kind;
}

void inbox_key_time(struct buf *out, const char *key, uint64_t at_us)
{
    dialect_key_time(out, key, at_us, CLOCK_SECONDS);
}

void inbox_end(struct buf *out, const struct dialect_view *v, uint64_t event_id, uint64_t seq,
               uint64_t chat_id)
{
    if (dialect_open_ext(out, v, event_id, seq)) {
        if (chat_id != 0) {
            json_key_u64(out, "chat_id", chat_id);
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
}

void inbox_end_event(struct buf *out, const struct dialect_view *v, const struct event *e)
{
    inbox_end(out, v, e->event_id, dialect_message_seq(e), e->chat_id);
}
