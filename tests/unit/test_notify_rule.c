/* The smart rule as a table, and who is mentioned in a text. */
#include "tests/unit/unit.h"

#include "rest/cache_write.h"
#include "rest/notify_rule.h"

static const struct notify_facts plain = {.chat_id = 5, .now_s = 1000000};

static struct prefs *prefs_of(const char *text)
{
    struct prefs *p = NULL;
    assert_int_equal(prefs_parse(str_of(text), &p), RC_OK);
    return p;
}

static void says(const char *text, struct notify_facts f, enum note_reason expected)
{
    struct prefs *p = prefs_of(text);
    assert_string_equal(note_reason_name(notify_rule(&f, p)), note_reason_name(expected));
    prefs_free(p);
}

/* now_s is 1970-01-12T13:46:40Z */
#define ALL_OFF                                                                                    \
    "{\"level\":\"none\",\"kinds\":{\"new_message\":false},\"chats\":{\"5\":{\"muted_until\":\"2030-01-01T00:00:00Z\"}}," \
    "\"do_not_disturb\":{\"from\":\"13:00\",\"to\":\"14:00\"}}"

static void test_the_first_reason_that_applies(void **state)
{
    (void)state;
    struct notify_facts f = {.chat_id = 5, .now_s = 1000000, .is_sender = true, .is_large = true, .is_disabled = true, .is_focused = true};
    says(ALL_OFF, f, NOTE_SENDER);
    f.is_sender = false;
    says(ALL_OFF, f, NOTE_LARGE_CHAT);
    f.is_large = false;
    says(ALL_OFF, f, NOTE_DISABLED);
    f.is_disabled = false;
    says(ALL_OFF, f, NOTE_ACTIVE);
    f.is_focused = false;
    says(ALL_OFF, f, NOTE_KIND_OFF);
    says("{\"level\":\"none\",\"chats\":{\"5\":{\"muted_until\":\"2030-01-01T00:00:00Z\"}}}", f, NOTE_MUTED);
    says("{\"level\":\"none\",\"do_not_disturb\":{\"from\":\"13:00\",\"to\":\"14:00\"}}", f, NOTE_LEVEL_NONE);
    says("{\"do_not_disturb\":{\"from\":\"13:00\",\"to\":\"14:00\"}}", f, NOTE_DO_NOT_DISTURB);
    says("{}", f, NOTE_NOTIFIED);
}

static void test_levels(void **state)
{
    (void)state;
    static const struct {
        const char *prefs;
        enum note_reason small, small_mentioned, large, large_mentioned;
    } rows[] = {
        {"{}", NOTE_NOTIFIED, NOTE_NOTIFIED, NOTE_LARGE_CHAT, NOTE_NOTIFIED},
        {"{\"level\":\"all\"}", NOTE_NOTIFIED, NOTE_NOTIFIED, NOTE_LARGE_CHAT, NOTE_NOTIFIED},
        {"{\"level\":\"mentions\"}", NOTE_LEVEL_MENTIONS, NOTE_NOTIFIED, NOTE_LARGE_CHAT, NOTE_NOTIFIED},
        {"{\"level\":\"none\"}", NOTE_LEVEL_NONE, NOTE_LEVEL_NONE, NOTE_LARGE_CHAT, NOTE_LEVEL_NONE},
        {"{\"chats\":{\"5\":{\"level\":\"all\"}}}", NOTE_NOTIFIED, NOTE_NOTIFIED, NOTE_NOTIFIED, NOTE_NOTIFIED},
        {"{\"level\":\"none\",\"chats\":{\"5\":{\"level\":\"all\"}}}", NOTE_NOTIFIED, NOTE_NOTIFIED, NOTE_NOTIFIED, NOTE_NOTIFIED},
        {"{\"chats\":{\"5\":{\"level\":\"mentions\"}}}", NOTE_LEVEL_MENTIONS, NOTE_NOTIFIED, NOTE_LARGE_CHAT, NOTE_NOTIFIED},
        {"{\"chats\":{\"5\":{\"level\":\"none\"}}}", NOTE_LEVEL_NONE, NOTE_LEVEL_NONE, NOTE_LARGE_CHAT, NOTE_LEVEL_NONE},
        {"{\"chats\":{\"6\":{\"level\":\"none\"}}}", NOTE_NOTIFIED, NOTE_NOTIFIED, NOTE_LARGE_CHAT, NOTE_NOTIFIED},
        {"{\"level\":\"none\",\"chats\":{\"5\":{}}}", NOTE_LEVEL_NONE, NOTE_LEVEL_NONE, NOTE_LARGE_CHAT, NOTE_LEVEL_NONE},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct notify_facts f = plain;
        says(rows[i].prefs, f, rows[i].small);
        f.is_mentioned = true;
        says(rows[i].prefs, f, rows[i].small_mentioned);
        f.is_large = true;
        says(rows[i].prefs, f, rows[i].large_mentioned);
        f.is_mentioned = false;
        says(rows[i].prefs, f, rows[i].large);
    }
}

static void test_a_mute_ends(void **state)
{
    (void)state;
    struct notify_facts f = plain;
    f.now_s = 1893456000 - 1; /* 2030-01-01 */
    says("{\"chats\":{\"5\":{\"muted_until\":\"2030-01-01T00:00:00Z\"}}}", f, NOTE_MUTED);
    f.now_s++;
    says("{\"chats\":{\"5\":{\"muted_until\":\"2030-01-01T00:00:00Z\"}}}", f, NOTE_NOTIFIED);
}

/* -- mentions ---------------------------------------------------------------------------------------- */

enum { ANN, BOB, DOT, DASH };

static struct cache *people(void)
{
    static const char *const names[] = {"ann", "Bob_1", "d.o.t.", "d-ash"};
    struct cache *c = cache_new();
    for (uint64_t i = 0; i < 4; i++) {
        cache_put_user(c, &(struct row_user){.id = i + 1, .username = str_of(names[i]), .name = str_of(names[i])});
    }
    return c;
}

/* Bits of who is named. */
static unsigned named(const struct cache *c, const char *text)
{
    uint32_t users[8];
    unsigned bits = 0, count = notify_mentions(c, str_of(text), users, 8);
    for (unsigned i = 0; i < count; i++) {
        assert_false(bits & (1u << users[i])); /* once */
        bits |= 1u << users[i];
    }
    return bits;
}

static void test_mentions(void **state)
{
    (void)state;
    struct cache *c = people();
    static const struct {
        const char *text;
        unsigned who;
    } rows[] = {
        {"", 0}, {"ann", 0}, {"@", 0}, {"@@", 0}, {"@ ann", 0},
        {"@ann", 1u << ANN}, {"@ANN!", 1u << ANN}, {"hi,@ann", 1u << ANN}, {"(@ann)", 1u << ANN}, {"@ann.", 1u << ANN},
        {"@ann...", 1u << ANN}, {"@ann-", 1u << ANN}, {"@annie", 0}, {"@ann_", 0}, {"x@ann", 0}, {"x.@ann", 0}, {"mail x@ann.org", 0},
        {"@bob_1 and @ann, @Ann", 1u << ANN | 1u << BOB}, {"@ann@bob_1", 1u << ANN}, {"@d.o.t.", 1u << DOT}, {"@d.o.t", 0},
        {"@d.o.t..", 1u << DOT}, {"@d-ash\n@ann", 1u << DASH | 1u << ANN}, {"\xe4\xbd\xa0@ann\xe4\xbd\xa0", 1u << ANN}, {"@nobody @ann", 1u << ANN},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (named(c, rows[i].text) != rows[i].who) {
            fail_msg("%s: %x", rows[i].text, named(c, rows[i].text));
        }
    }
    uint32_t one[1];
    assert_int_equal(notify_mentions(c, STR("@ann @bob_1"), one, 1), 1);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_reason_that_applies),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_a_mute_ends),
        cmocka_unit_test(test_mentions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
