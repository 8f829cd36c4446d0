#include "rest/http_field.h"

#include "shared/bug.h"
#include "shared/str.h"

#define NUMBERS_MAX 2

/* Each '#' of the words stands for the next of the settings. */
static const struct rule {
    const char *field, *words;
    size_t numbers[NUMBERS_MAX]; /* offsets in struct rest_conf */
} rules[] = {
    {"username", "1 to # characters of a-z, A-Z, 0-9, _ . and -, and not look like an id", {offsetof(struct rest_conf, username_max_chars)}},
    {"password", "text of at least # characters and at most # bytes",
     {offsetof(struct rest_conf, password_min_chars), offsetof(struct rest_conf, password_max_bytes)}},
    {"name", "one line of at most # characters, not blank", {offsetof(struct rest_conf, name_max_chars)}},
    {"chat_name", "one line of at most # characters", {offsetof(struct rest_conf, name_max_chars)}},
    {"content", "text, not empty, of at most # bytes, without control characters", {offsetof(struct rest_conf, content_max_bytes)}},
    {"message_type", "1 to 32 characters of a-z, 0-9, _ and -, and not \"system\"", {0}},
    {"client_msg_id", "text of 1 to 128 bytes", {0}},
    {"Idempotency-Key", "text of 1 to 128 bytes", {0}},
    {"user2_id", "an id or a user name", {0}},
    {"user_id", "an id or a user name", {0}},
    {"participant_id", "an id or a user name", {0}},
    {"participants", "a list of ids or user names", {0}},
    {"message_id", "an id", {0}},
    {"notification_id", "an id", {0}},
    {"attachment_id", "an id", {0}},
    {"upload_id", "an id", {0}},
    {"mime_type", "a media type like image/png", {0}},
    {"Content-Type", "a media type like image/png", {0}},
    {"sha256", "64 hex digits", {0}},
    {"size", "a number of bytes from 1", {0}},
    {"Upload-Offset", "a whole number: the offset of the first byte", {0}},
    {"role", "member, admin or owner", {0}},
    {"seq", "a whole number", {0}},
    {"limit", "a whole number from 1", {0}},
    {"before", "a whole number", {0}},
    {"after", "a whole number", {0}},
    {"around", "a whole number", {0}},
    {"leave", "0 or 1", {0}},
    {"q", "the beginning of a name", {0}},
    {"cursor", "the next_cursor of an earlier answer", {0}},
    {"refresh_token", "text", {0}},
    {"all", "true or false", {0}},
    {"revoke", "true or false", {0}},
    {"profile_url", "an http or https URL of at most 500 bytes, or null", {0}},
    {"title", "one line, not blank, of at most # characters (# of a notification)",
     {offsetof(struct rest_conf, session_title_max_chars), offsetof(struct rest_conf, notify_title_max_chars)}},
    {"visibility", "link, public or host", {0}},
    {"open_registration", "true or false", {0}},
    {"user_ids", "a list of 1 to # ids or user names (# to notify, instead of everyone)",
     {offsetof(struct rest_conf, session_attendees_request_max), offsetof(struct rest_conf, notify_users_max)}},
    {"code", "a text of at most 64 bytes, and without user_id", {0}},
    {"everyone", "true or false", {0}},
    {"type", "1 to 32 characters of a-z, 0-9, _ and -, and none that frames are named by", {0}},
    {"message", "text, not empty, without control characters, in a notification of at most # characters",
     {offsetof(struct rest_conf, notify_text_max_chars)}},
    {"link", "a path or an http(s) URL of at most # bytes", {offsetof(struct rest_conf, notify_link_max_bytes)}},
    {"unread", "0 or 1", {0}},
    {"preview", "full, sender or none", {0}},
    {"level", "all, mentions or none", {0}},
    {"kinds", "an object of true and false by kind (1 to 32 characters of a-z, 0-9, _ and -)", {0}},
    {"chats", "an object by chat id of level (all, mentions, none) and muted_until (RFC 3339)", {0}},
    {"do_not_disturb", "null or from and to (HH:MM, not the same) with utc_offset_minutes from -840 to 840", {0}},
    {"ttl_s", "a whole number of seconds from 1 to 31536000", {0}},
};

static void add_words(struct buf *out, const struct rest_conf *conf, const struct rule *r)
{
    unsigned used = 0;
    for (const char *p = r->words; *p != '\0'; p++) {
        if (*p != '#') {
            buf_add_char(out, *p);
            continue;
        }
        BUG_IF(used == NUMBERS_MAX);
        buf_add_u64(out, *(const uint64_t *)(const void *)((const char *)conf + r->numbers[used++]));
    }
}

void http_field_rule(struct buf *out, const struct rest_conf *conf, const char *field)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (str_eq(str_of(field), str_of(rules[i].field))) {
            buf_addf(out, "%s must be ", field);
            add_words(out, conf, &rules[i]);
            buf_add_char(out, '.');
        }
    }
}
