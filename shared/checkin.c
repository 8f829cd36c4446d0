#include "shared/checkin.h"

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/utf8.h"

#define INITIALS_MAX 4 /* words */

struct str checkin_message(uint8_t result)
{
    static const char *const messages[CHECKIN_RESULTS] = {
        [CHECKIN_DONE] = "Check-in successful",
        [CHECKIN_ALREADY] = "Already checked in",
        [CHECKIN_UNKNOWN_CODE] = "Unknown code",
        [CHECKIN_NOT_REGISTERED] = "Not registered",
    };
    return str_of(result < CHECKIN_RESULTS ? messages[result] : "Check-in failed");
}

/* The next word of *rest; empty at the end. Words are what spaces separate. */
static struct str next_word(struct str *rest)
{
    struct str word = STR_NONE;
    while (rest->p != NULL && word.len == 0) {
        *rest = str_cut(*rest, ' ', &word);
    }
    return word;
}

void checkin_add_initials(struct buf *out, struct str name)
{
    struct str rest = name;
    for (unsigned i = 0; i < INITIALS_MAX; i++) {
        struct str word = next_word(&rest);
        size_t first = utf8_step(word.p, word.len);
        if (first == 0) {
            return;
        }
        if (i > 0) {
            buf_add_char(out, ' ');
        }
        buf_add(out, word.p, first);
        buf_add_char(out, '.');
    }
}

static void add_person(struct buf *out, const struct checkin *c, bool masked)
{
    json_add_key(out, "user_id");
    buf_add_char(out, '"');
    id_add_uuid_or_nil(out, ID_USER, masked ? 0 : c->user_id);
    buf_add_char(out, '"');
    struct buf initials = BUF_INIT;
    if (masked) {
        checkin_add_initials(&initials, c->name);
    }
    json_key_str(out, "user_name", masked ? buf_str(&initials) : c->name);
    buf_release(&initials);
}

void checkin_add(struct buf *out, const struct checkin *c, bool masked)
{
    buf_add_z(out, "{\"checkin_time\":\"");
    clock_add_rfc3339(out, c->at_us, CLOCK_MICROS);
    buf_add_char(out, '"');
    json_key_str(out, "message", checkin_message(c->result));
    if (masked || c->profile_url.p == NULL) {
        json_key_null(out, "profile_url");
    } else {
        json_key_str(out, "profile_url", c->profile_url);
    }
    json_add_key(out, "session_id");
    buf_add_char(out, '"');
    key16_add_uuid(out, &c->session);
    buf_add_char(out, '"');
    json_key_bool(out, "success", c->result == CHECKIN_DONE);
    add_person(out, c, masked);
    buf_add_char(out, '}');
}

/* -- codes ---------------------------------------------------------------------------------------- */

static const char letters[33] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

uint64_t checkin_code_new(void)
{
    uint64_t code = 0;
    while (code == 0) {
        code = random_u64() & CHECKIN_CODE_MAX;
    }
    return code;
}

void checkin_code_add(struct buf *out, uint64_t code)
{
    for (unsigned i = CHECKIN_CODE_CHARS; i-- > 0;) {
        buf_add_char(out, letters[code >> (5 * i) & 31]);
    }
}

/* -1: none. */
static int value_of(char c)
{
    if (c >= 'a' && c <= 'z') {
        c = (char)(c - 'a' + 'A');
    }
    c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
    const char *at = c != '\0' ? memchr(letters, c, sizeof(letters) - 1) : NULL;
    return at != NULL ? (int)(at - letters) : -1;
}

uint64_t checkin_code_parse(struct str text)
{
    uint64_t code = 0;
    unsigned chars = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '-' || text.p[i] == ' ') {
            continue;
        }
        int v = value_of(text.p[i]);
        if (v < 0 || chars++ == CHECKIN_CODE_CHARS) {
            return 0;
        }
        code = code << 5 | (unsigned)v;
    }
    return chars == CHECKIN_CODE_CHARS ? code : 0;
}
