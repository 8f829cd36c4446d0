#include "tests/lib/sample_event.h"

uint64_t sample_u64(struct jval o, const char *key, uint64_t fallback)
{
    uint64_t n = fallback;
    struct str s;
    if (json_str(json_get(o, key), &s)) {
        (void)str_u64(s, &n);
    } else {
        (void)json_u64(json_get(o, key), &n);
    }
    return n;
}

struct str sample_str(struct jval o, const char *key, struct str fallback)
{
    (void)json_str(json_get(o, key), &fallback);
    return fallback;
}

static uint8_t kind_of(struct jval o)
{
    static const struct {
        const char *name;
        uint8_t kind;
    } names[] = {
        {"chat_created", EV_CHAT_CREATED},   {"chat_renamed", EV_CHAT_RENAMED},
        {"chat_deleted", EV_CHAT_DELETED},   {"member_added", EV_MEMBER_ADDED},
        {"member_removed", EV_MEMBER_REMOVED}, {"member_role", EV_MEMBER_ROLE},
        {"message", EV_MESSAGE},             {"message_edited", EV_MESSAGE_EDITED},
        {"message_deleted", EV_MESSAGE_DELETED}, {"read", EV_READ},
        {"revoked", EV_REVOKED},             {"user_changed", EV_USER_CHANGED},
        {"typing", EV_TYPING},               {"presence", EV_PRESENCE},
        {"notification", EV_NOTIFICATION},   {"notification_read", EV_NOTIFICATION_READ},
        {"notification_read_all", EV_NOTIFICATION_READ_ALL},
        {"notification_deleted", EV_NOTIFICATION_DELETED},
        {"checkin", EV_CHECKIN},             {"session", EV_SESSION},
        {"upload", EV_UPLOAD},
        {"chat_update", EV_CHAT_UPDATE},
    };
    struct str name = sample_str(o, "kind", STR("message"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_eq(name, str_of(names[i].name))) {
            return names[i].kind;
        }
    }
    return EV_NONE;
}

struct event sample_event(struct jval o)
{
    bool direct = false, no_message = false;
    (void)json_bool(json_get(o, "direct"), &direct);
    (void)json_bool(json_get(o, "no_message"), &no_message);
    struct event_user ann = {1, 1700000000000000u, STR("ann"), STR("Ann")};
    struct event_user bob = {2, 1700000000000000u, STR("bob"), STR("Bob")};
    struct event_user subject = bob;
    subject.id = sample_u64(o, "subject", 2);
    struct event_note note = {
        .id = sample_u64(o, "note", 0),
        .created_us = sample_u64(o, "note", 0) != 0 ? SAMPLE_MESSAGE_US : 0,
        .is_read = sample_u64(o, "note_read", 0) != 0,
        .preview = (uint8_t)sample_u64(o, "preview", PREVIEW_FULL),
        .kind = sample_str(o, "note_kind", STR("")),
        .title = sample_str(o, "note_title", STR("")),
        .text = sample_str(o, "note_text", STR("")),
        .link = sample_str(o, "note_link", STR_NONE),
    };
    return (struct event){
        .note = note,
        .payload = sample_str(o, "payload", STR("")),
        .event_id = sample_u64(o, "id", 0),
        .kind = kind_of(o),
        .at_us = sample_u64(o, "at_us", SAMPLE_MESSAGE_US + 5000000u),
        .chat_id = sample_u64(o, "chat", 5),
        .chat_kind = direct ? CHAT_DIRECT : CHAT_GROUP,
        .chat_created_us = 1700000050000000u,
        .chat_updated_us = 1700000060000000u,
        .chat_name = direct ? STR("") : sample_str(o, "name", STR("Team")),
        .peer = {ann, bob},
        .actor = ann,
        .subject = subject,
        .message_id = sample_u64(o, "message", sample_u64(o, "id", 0)),
        .seq = sample_u64(o, "seq", 1),
        .version = (uint32_t)sample_u64(o, "version", 1),
        .message_flags = (uint8_t)sample_u64(o, "flags", 0),
        .message_created_us = no_message ? 0 : SAMPLE_MESSAGE_US,
        .sender = ann,
        .message_kind = sample_str(o, "message_kind", STR("text")),
        .content = sample_str(o, "content", STR("hello")),
        .number = sample_u64(o, "number", 0),
        .origin_worker = (uint16_t)sample_u64(o, "origin_worker", 0),
        .origin_session = sample_u64(o, "origin_session", 0),
    };
}
