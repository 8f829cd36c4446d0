/* reply_session.c -- the JSON objects of event sessions */
#include "rest/reply.h"

#include "shared/clock.h"
#include "shared/json.h"

static const char *const roles[] = {[SESSION_STAFF] = "staff", [SESSION_HOST] = "host"};
static const char *const visibilities[] = {
    [SESSION_LINK] = "link", [SESSION_PUBLIC] = "public", [SESSION_HOSTS] = "host"};

static uint8_t parse(const char *const *names, size_t count, struct str text)
{
    for (size_t i = 1; i < count; i++) {
        if (str_eq(text, str_of(names[i]))) {
            return (uint8_t)i;
        }
    }
    return 0;
}

const char *session_role_name(uint8_t role)
{
    return role != 0 && role < sizeof(roles) / sizeof(roles[0]) ? roles[role] : "none";
}

uint8_t session_role_parse(struct str text)
{
    return parse(roles, sizeof(roles) / sizeof(roles[0]), text);
}

uint8_t session_visibility_parse(struct str text)
{
    return parse(visibilities, sizeof(visibilities) / sizeof(visibilities[0]), text);
}

void reply_session_id(struct buf *out, const char *key, const struct key16 *uuid)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    key16_add_uuid(out, uuid);
    buf_add_char(out, '"');
}

static void add_time(struct buf *out, const char *key, uint64_t at_us)
{
    json_add_key(out, key);
    buf_add_char(out, '"');
    clock_add_rfc3339(out, at_us, CLOCK_SECONDS);
    buf_add_char(out, '"');
}

static void add_user(struct buf *out, const struct user_view *u)
{
    reply_id(out, "user_id", ID_USER, u->id, u->created_us);
    json_key_str(out, "username", u->username);
    json_key_str(out, "name", u->name);
}

void reply_session_person(struct buf *out, const struct session_person_view *p)
{
    buf_add_char(out, '{');
    add_user(out, &p->user);
    json_key_str(out, "role", str_of(session_role_name(p->role)));
    buf_add_char(out, '}');
}

void reply_session(struct buf *out, const struct session_view *x)
{
    buf_add_char(out, '{');
    reply_session_id(out, "session_id", &x->uuid);
    json_key_str(out, "title", x->title);
    json_key_str(out, "visibility", str_of(visibilities[x->visibility]));
    json_key_bool(out, "open_registration", x->open_registration);
    json_key_str(out, "role", str_of(session_role_name(x->role)));
    json_key_u64(out, "attendees_count", x->attendees);
    json_key_u64(out, "checked_in_count", x->arrived);
    json_key_bool(out, "has_scanner_key", x->has_key);
    json_add_key(out, "dashboard_path");
    buf_add_z(out, "\"/ws/dashboard/");
    key16_add_uuid(out, &x->uuid);
    buf_add_char(out, '"');
    add_time(out, "created_at", x->created_us);
    add_time(out, "updated_at", x->updated_us);
    if (x->people) {
        json_add_key(out, "people");
        buf_add_char(out, '[');
        for (uint32_t i = 0; i < x->people_count; i++) {
            buf_add_z(out, i ? "," : "");
            reply_session_person(out, &x->people[i]);
        }
        buf_add_char(out, ']');
    }
    buf_add_char(out, '}');
}

void reply_attendee(struct buf *out, const struct attendee_view *a)
{
    buf_add_char(out, '{');
    add_user(out, &a->user);
    if (a->code != 0) {
        json_add_key(out, "code");
        buf_add_char(out, '"');
        checkin_code_add(out, a->code);
        buf_add_char(out, '"');
    } else {
        json_key_null(out, "code");
    }
    if (a->checkin_us != 0) {
        add_time(out, "checked_in_at", a->checkin_us);
    } else {
        json_key_null(out, "checked_in_at");
    }
    buf_add_char(out, '}');
}
