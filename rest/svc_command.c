#include "rest/svc_command.h"

#include "rest/job.h"
#include "rest/metrics.h"
#include "rest/prefs.h"
#include "rest/ratelimit.h"
#include "rest/sessions.h"
#include "rest/writer.h"
#include "shared/clock.h"
#include "shared/utf8.h"

/* -- fields ------------------------------------------------------------------------------------------- */

static enum code bad(const char **field, const char *name)
{
    if (field != NULL) {
        *field = name;
    }
    return CODE_INVALID_FIELD;
}

static bool is_line(struct str s, size_t max_chars)
{
    return utf8_valid(s) && !utf8_has_control(s, false) && utf8_count(s) <= max_chars;
}

static bool is_blank(struct str s)
{
    return str_trim(s).len == 0;
}

/* Only what compares the same everywhere: no case folding or look-alikes beyond ASCII. */
static bool is_username(struct str s, size_t max)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    if (s.len == 0 || s.len > max) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (memchr(allowed, s.p[i], sizeof(allowed) - 1) == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_message_kind(struct str s)
{
    if (s.len == 0 || s.len > 32 || str_eq(s, STR("system"))) { /* that one is for the server's own */
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool good = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
                    s.p[i] == '_' || s.p[i] == '-';
        if (!good) {
            return false;
        }
    }
    return true;
}

static enum code check_content(const struct rest_conf *conf, struct str content, const char **field)
{
    if (content.len > conf->content_max_bytes) {
        bad(field, "content");
        return CODE_TOO_LARGE;
    }
    if (content.len == 0 || !utf8_valid(content) || utf8_has_control(content, true)) {
        return bad(field, "content");
    }
    return CODE_OK;
}

/* Ids go on after the highest, so one that is given must leave room. */
#define USER_ID_GIVEN_MAX (ID_MAX / 2)

/* Where an id or a name is taken, the id is tried first: a name that reads as somebody else's id would never be found. */
static bool is_other_id(struct str name, uint64_t own_id)
{
    uint64_t id = 0;
    return id_parse(name, ID_USER, &id) != RC_INVALID && id != own_id;
}

/* An index column's length. An id of ours is always taken as that, so it would never be found. */
#define EXTERNAL_ID_MAX_CHARS 190

static bool is_external_id(struct str s, uint64_t own_id)
{
    uint64_t id = 0;
    bool is_id = id_parse(s, ID_USER, &id) == RC_OK && id != own_id;
    return s.len == 0 || (is_line(s, EXTERNAL_ID_MAX_CHARS) && !is_id);
}

#define PROFILE_URL_MAX_BYTES 500

/* Shown to others as the source of a picture: nothing but the web. */
static bool is_web_url(struct str s)
{
    bool web = str_ieq((struct str){s.p, s.len < 8 ? s.len : 8}, STR("https://")) ||
               str_ieq((struct str){s.p, s.len < 7 ? s.len : 7}, STR("http://"));
    for (size_t i = 0; web && i < s.len; i++) {
        web = s.p[i] > ' ' && s.p[i] < 0x7f && strchr("\"<>\\^`{|}", s.p[i]) == NULL;
    }
    return web && s.len > 8 && s.len <= PROFILE_URL_MAX_BYTES;
}

static enum code check_user(const struct rest_conf *conf, const struct cmd *c, const char **field)
{
    if (c->kind == CMD_USER_CREATE &&
        (!is_username(c->name, conf->username_max_chars) || is_other_id(c->name, c->user_id))) {
        return bad(field, "username");
    }
    if (c->kind == CMD_USER_CREATE && c->user_id > USER_ID_GIVEN_MAX) {
        return bad(field, "user_id");
    }
    if (c->kind == CMD_USER_CREATE && !is_external_id(c->title, c->user_id)) {
        return bad(field, "external_id");
    }
    if (c->kind == CMD_USER_UPDATE && c->number > CMD_STATUS_DISABLED) {
        return bad(field, "status");
    }
    if (c->kind == CMD_USER_UPDATE && c->link.len > 0 && !is_web_url(c->link)) {
        return bad(field, "profile_url");
    }
    if (!is_line(c->content, conf->name_max_chars) || (c->content.len > 0 && is_blank(c->content))) {
        return bad(field, "name");
    }
    return CODE_OK;
}

static enum code check_members(const struct rest_conf *conf, const struct cmd *c, const char **field)
{
    if (c->users_count > conf->members_max) {
        bad(field, "participants");
        return CODE_TOO_MANY_MEMBERS;
    }
    if (c->kind == CMD_MEMBER_ADD && (c->users_count == 0 || c->number > ROLE_OWNER)) {
        return bad(field, c->users_count == 0 ? "participants" : "role");
    }
    return CODE_OK;
}

/* A new one may be without a name: pages show "Unnamed Chat". */
static enum code check_group(const struct rest_conf *conf, const struct cmd *c, const char **field)
{
    bool may_be_blank = c->kind == CMD_CHAT_CREATE_GROUP || (c->name.len == 0 && c->number2 != CMD_FLAG_KEEP);
    if (!is_line(c->name, conf->name_max_chars) || (!may_be_blank && is_blank(c->name))) {
        return bad(field, "chat_name");
    }
    return c->number2 <= CMD_FLAG_OFF ? CODE_OK : bad(field, "open");
}

static enum code check_session(const struct rest_conf *conf, const struct cmd *c, const char **field)
{
    bool is_new = c->kind == CMD_SESSION_CREATE;
    if (!is_line(c->title, conf->session_title_max_chars) || (is_blank(c->title) && (is_new || c->title.len > 0))) {
        return bad(field, "title");
    }
    if (c->number > SESSION_HOSTS || (is_new && c->number == 0)) {
        return bad(field, "visibility");
    }
    return c->number2 <= CMD_FLAG_OFF ? CODE_OK : bad(field, "open_registration");
}

static enum code check_event_session(const struct rest_conf *conf, const struct cmd *c, const char **field)
{
    switch (c->kind) {
    case CMD_SESSION_CREATE:
    case CMD_SESSION_UPDATE:
        return check_session(conf, c, field);
    case CMD_SESSION_ROLE:
        return c->number <= SESSION_HOST ? CODE_OK : bad(field, "role");
    case CMD_SESSION_ATTENDEES:
        return c->users_count > 0 && c->users_count <= conf->session_attendees_request_max ? CODE_OK
                                                                                         : bad(field, "user_ids");
    default:
        return CODE_OK;
    }
}

static bool is_reserved_kind(struct str kind)
{
    static const char *const reserved[] = {
        "new_message", "error",           "unread_update", "notifications_update", "typing", "message_read",
        "private_message", "group_message", "message_sent", "pong", "auth_ok", "ok", "live", "gap"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (str_eq(kind, str_of(reserved[i]))) {
            return true;
        }
    }
    return false;
}

/* A path of this site or a web address; nothing else can be opened by a click on it. */
static bool is_link(struct str s, size_t max)
{
    bool path = str_starts(s, STR("/")) && !str_starts(s, STR("//")) && !str_starts(s, STR("/\\"));
    if (s.len > max || !utf8_valid(s) || utf8_has_control(s, false) ||
        !(path || (str_starts(s, STR("http://")) && s.len > 7) || (str_starts(s, STR("https://")) && s.len > 8))) {
        return false;
    }
    return memchr(s.p, ' ', s.len) == NULL;
}

static enum code check_note(const struct rest_conf *conf, const struct cmd *c, const char **field)
{
    if (!prefs_is_kind(c->name) || is_reserved_kind(c->name)) {
        return bad(field, "type");
    }
    if (!is_line(c->title, CONF_NOW(conf->notify_title_max_chars)) || is_blank(c->title)) {
        return bad(field, "title");
    }
    if (c->content.len == 0 || !utf8_valid(c->content) || utf8_has_control(c->content, true) ||
        utf8_count(c->content) > CONF_NOW(conf->notify_text_max_chars)) {
        return bad(field, "message");
    }
    if (c->link.p != NULL && !is_link(c->link, CONF_NOW(conf->notify_link_max_bytes))) {
        return bad(field, "link");
    }
    return CODE_OK;
}

enum code svc_check(const struct rest_conf *conf, const struct cmd *c, const char **field)
{
    enum code code = CODE_OK;
    switch (c->kind) {
    case CMD_CHAT_CREATE_GROUP:
    case CMD_CHAT_RENAME:
        code = check_group(conf, c, field);
        return code == CODE_OK ? check_members(conf, c, field) : code;
    case CMD_MEMBER_ADD:
        return check_members(conf, c, field);
    case CMD_MEMBER_ROLE:
        return c->number >= ROLE_MEMBER && c->number <= ROLE_OWNER ? CODE_OK : bad(field, "role");
    case CMD_MESSAGE_SEND:
        return is_message_kind(c->name) ? check_content(conf, c->content, field)
                                        : bad(field, "message_type");
    case CMD_MESSAGE_EDIT:
        return check_content(conf, c->content, field);
    case CMD_LAST_SEEN:
    case CMD_RECOVERY:
        return CODE_OK;
    case CMD_USER_CREATE:
    case CMD_USER_UPDATE:
        return check_user(conf, c, field);
    case CMD_NOTIFICATION_CREATE:
        return check_note(conf, c, field);
    case CMD_NOTIFY: /* what is left of these has been checked, or comes from this process */
    case CMD_NOTIFICATION_READ:
    case CMD_NOTIFICATION_READ_ALL:
    case CMD_NOTIFICATION_DELETE:
    case CMD_NOTIFICATIONS_SEEN:
    case CMD_PREFERENCES:
        return CODE_OK;
    default:
        if (c->kind >= CMD_SESSION_CREATE && c->kind <= CMD_CHECKIN) {
            return check_event_session(conf, c, field);
        }
        if (c->kind == CMD_ATTACHMENT_ADD || c->kind == CMD_ATTACHMENT_REMOVE) {
            return CODE_OK; /* attachments.h has checked the fields */
        }
        return c->kind > CMD_NONE && c->kind <= CMD_REVOKE ? CODE_OK : CODE_UNSUPPORTED_TYPE;
    }
}

/* -- submitting ----------------------------------------------------------------------------------------- */

static enum code submit(struct svc *svc, struct job *j)
{
    enum code code = j != NULL ? writer_submit(svc->writer, j) : CODE_UNAVAILABLE;
    if (code != CODE_OK) {
        job_free(j);
    }
    return code;
}

enum code svc_submit(struct svc *svc, const struct cmd *c, svc_done done, void *ctx,
                     const char **field)
{
    enum code code = svc_check(svc->conf, c, field);
    if (code != CODE_OK) {
        return code;
    }
    return submit(svc, job_new(c, done, ctx, mono_ms() + svc->conf->writer_deadline_ms));
}

bool svc_message_rate(struct svc *svc, uint64_t user_id)
{
    struct rate rate = {CONF_NOW(svc->conf->user_messages_per_s) * 60,
                        CONF_NOW(svc->conf->user_messages_burst)};
    if (svc->messages == NULL || ratelimit_take(svc->messages, user_id, rate, mono_ms(), NULL)) {
        return true;
    }
    metric_add(METRIC_RATE_LIMITED, 1);
    return false;
}

/* As on HTTP: sends, edits and deletions count, alike. */
static bool is_rated(uint8_t kind)
{
    return kind >= CMD_MESSAGE_SEND && kind <= CMD_MESSAGE_DELETE;
}

enum code svc_submit_from_socket(struct svc *svc, const struct cmd *c, const struct feed_reply_to *to)
{
    struct cmd checked = *c;
    if (c->kind == CMD_MESSAGE_SEND && c->name.len == 0) {
        checked.name = STR("text");
    }
    enum code code = svc_check(svc->conf, &checked, NULL);
    if (code == CODE_OK && is_rated(c->kind) && !svc_message_rate(svc, c->actor_id)) {
        code = CODE_RATE_LIMITED;
    }
    if (code != CODE_OK) {
        return code;
    }
    struct job *j = job_new(&checked, NULL, NULL, mono_ms() + svc->conf->writer_deadline_ms);
    if (j != NULL) {
        j->reply_to = *to;
    }
    return submit(svc, j);
}
