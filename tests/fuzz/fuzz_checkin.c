/*
 * fuzz_checkin.c -- any bytes as a code, as the UUID of an event session, or as a name on the dashboard
 *
 * What reads as a code is written in its one form and reads back; a dashboard's object is valid JSON whatever the name,
 * and a masked one has nothing of the name but initials.
 */
#include "shared/checkin.h"
#include "shared/json.h"
#include "shared/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_code(struct str text)
{
    struct buf form = BUF_INIT;
    uint64_t code = checkin_code_parse(text);
    CHECK(code <= CHECKIN_CODE_MAX);
    if (code != 0) {
        checkin_code_add(&form, code);
        CHECK(form.len == CHECKIN_CODE_CHARS && checkin_code_parse(buf_str(&form)) == code);
    }
    buf_release(&form);
}

static void check_uuid(struct str text)
{
    struct key16 k, back;
    struct buf form = BUF_INIT;
    if (key16_from_uuid(text, &k)) {
        key16_add_uuid(&form, &k);
        CHECK(str_ieq(buf_str(&form), text));
        CHECK(key16_from_uuid(buf_str(&form), &back) && key16_eq_secret(&k, &back));
    }
    buf_release(&form);
}

static void check_object(const struct checkin *c, bool masked)
{
    struct buf out = BUF_INIT;
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    checkin_add(&out, c, masked);
    CHECK(buf_ok(&out) && json_scan(buf_str(&out), &limits, NULL, NULL) == RC_OK);
    CHECK(!masked || out.len < 320);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size > 0 ? (const char *)data : "", size};
    check_code(text);
    check_uuid(text);
    if (utf8_valid(text) && size < 4096 && memchr(text.p, '\0', size) == NULL) {
        struct checkin c = {.at_us = size, .user_id = size, .result = (uint8_t)(size % 7), .name = text, .profile_url = text};
        check_object(&c, false);
        check_object(&c, true);
    }
    return 0;
}
