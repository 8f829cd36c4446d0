#include "tests/unit/unit.h"

#include "shared/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct json_limits limits = JSON_LIMITS_DEFAULT;

/* Texts with their length, because some have NUL bytes inside. */
struct text {
    const char *p;
    size_t len;
};
#define T(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static enum rc scan_text(struct str text)
{
    size_t at;
    return json_scan(text, &limits, &at, NULL);
}

static void assert_written(const char *in, const char *want)
{
    struct json *doc = NULL;
    struct buf out = BUF_INIT;
    assert_int_equal(json_parse(str_of(in), &limits, &doc, NULL), RC_OK);
    json_write(&out, json_root(doc));
    assert_string_equal(out.p, want);
    json_free(doc);
    buf_release(&out);
}

/* ---------------------------------------------------------------- the grammar */

/* Every rule of RFC 8259, at its edges; all of these must also build and write. */
static const struct text valid[] = {
    T("null"),
    T("true"),
    T("false"),
    T("0"),
    T("-0"),
    T("1"),
    T("-1"),
    T("10"),
    T("\"\""),
    T("[]"),
    T("{}"),
    T(" \t\r\n1 \t\r\n"),
    T("[ ]"),
    T("{ }"),
    T("[\n]\n"),
    T("[null]"),
    T("[1,2]"),
    T("[1 , 2 ]"),
    T("[[]   ]"),
    T("[[],[],{}]"),
    T("[\"\"]"),
    T("[1\n]"),
    T(" [1] "),
    T("[1,null,null,null,2]"),
    T("{\"a\":[]}"),
    T("{\"\":0}"),
    T("{\"a\":1,\"b\":2}"),
    T("{ \"a\" : 1 , \"b\" : 2 }"),
    T("{\"a\":{\"a\":{\"a\":1}}}"),
    T("[{\"a\":1},{\"a\":1}]"),
    T("{\"a\":{\"x\":1},\"b\":{\"x\":1}}"),
    T("{\"A\":1,\"a\":2}"),
    T("{\"a\":1,\"a \":2}"),
    T("0.0"),
    T("-0.0"),
    T("0e0"),
    T("0E+1"),
    T("0e-1"),
    T("0e99999999999999999999"),
    T("-0e+999999"),
    T("123e65"),
    T("1E22"),
    T("1e-2"),
    T("1E+2"),
    T("123.456e78"),
    T("123.456789"),
    T("-0.000000000000000000000000001"),
    T("9007199254740991"),
    T("-9007199254740991"),
    T("20e1"),
    T("1e308"),
    T("1.7976931348623157e308"),
    T("-1.7976931348623157e+308"),
    T("17976931348623157e292"),
    T("0.00017976931348623157e312"),
    T("1.79769313486231570999e308"),
    T("1e-400"),
    T("1e-99999999999999999999"),
    T("9007199254740993.0"),
    T("100000000000000000000.0"),
    T("123456789012345678901234567890.5"),
    T("\"a\""),
    T("\"/\""),
    T("\"\\/\""),
    T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    T("\"\\u0001\""),
    T("\"\\u001f\""),
    T("\"\\u0020\""),
    T("\"\\u0123\""),
    T("\"\\uABCD\\uabcd\""),
    T("\"\\u00e9\""),
    T("\"\\ud83d\\ude00\""),
    T("\"\\uDBFF\\uDFFF\""),
    T("\"\\uD800\\uDC00\""),
    T("\"\\uFFFF\""),
    T("\"\\uFFFE\""),
    T("\"\\uFDD0\""),
    T("\"\\\\u0000\""),
    T("\"\\\\uD800\""),
    T("\"\x7f\""),
    T("\"\xc2\x80\""),
    T("\"\xdf\xbf\""),
    T("\"\xe0\xa0\x80\""),
    T("\"\xed\x9f\xbf\""),
    T("\"\xee\x80\x80\""),
    T("\"\xef\xbf\xbf\""),
    T("\"\xf0\x90\x80\x80\""),
    T("\"\xf4\x8f\xbf\xbf\""),
    T("\"\xe2\x80\xa8\xe2\x80\xa9\""),
    T("\"\xef\xbb\xbf\""),
    T("\"a/*b*/c\""),
    T("\"new\\u000Aline\""),
    T("\"\\u005C\\u0022\""),
    T("{\"\\u0061\":1,\"b\":2}"),
    T("{\"\xc3\xa9\":1,\"e\":2}"),
    T("\"12345678\\n12345678\xc3\xa9 12345678\""),
};

static void test_json_accepts_every_valid_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++) {
        struct str text = {valid[i].p, valid[i].len};
        struct json *doc = NULL;
        if (scan_text(text) != RC_OK || json_parse(text, &limits, &doc, NULL) != RC_OK) {
            fail_msg("refused: %s", valid[i].p);
        }
        struct buf first = BUF_INIT, second = BUF_INIT;
        json_write(&first, json_root(doc));
        json_free(doc);
        assert_int_equal(json_parse(buf_str(&first), &limits, &doc, NULL), RC_OK);
        json_write(&second, json_root(doc));
        json_free(doc);
        assert_string_equal(first.p, second.p);
        buf_release(&first);
        buf_release(&second);
    }
}

/* What json-c takes in some mode, what other parsers take, and what nobody takes. */
static const struct text invalid[] = {
    T(""),
    T(" "),
    T("\0"),
    T("1\0"),
    T("1\0 "),
    T("123\0 00"),
    T("\x0c"),
    T("\xa0"),
    T("\xef\xbb\xbf{}"),
    T("\xef\xbb\xbf"),
    T("\xe2\x81\xa0"),
    T("[\x0c]"),
    T("[\x0b]"),
    T("\xff"),
    T("{}\0"),
    /* words */
    T("nul"),
    T("nulll"),
    T("Null"),
    T("NULL"),
    T("tru"),
    T("truee"),
    T("True"),
    T("TRUE"),
    T("fals"),
    T("falsee"),
    T("undefined"),
    T("nan"),
    T("NaN"),
    T("-NaN"),
    T("Infinity"),
    T("-Infinity"),
    T("+Inf"),
    T("[nul]"),
    T("[NaN]"),
    T("a"),
    T("abc"),
    T("*"),
    T("<.>"),
    /* numbers */
    T("-"),
    T("--1"),
    T("+1"),
    T("++1"),
    T("-a"),
    T("- 1"),
    T("01"),
    T("-01"),
    T("00"),
    T("-012"),
    T("012"),
    T("-2."),
    T("2."),
    T(".5"),
    T("-.5"),
    T(".-1"),
    T("0.e1"),
    T("2.e3"),
    T("2.e+3"),
    T("2.e-3"),
    T("1."),
    T("1.e"),
    T("0.3e"),
    T("0.3e+"),
    T("0e"),
    T("0e+"),
    T("0E"),
    T("0E+"),
    T("1.0e"),
    T("1.0e-"),
    T("1.0e+"),
    T("1eE2"),
    T("1e+-2"),
    T("9.e+"),
    T("1e1.5"),
    T("0x1"),
    T("0x42"),
    T("1 000"),
    T("1_000"),
    T("1,000"),
    T("0e+-1"),
    T("-foo"),
    T("1ea"),
    T("1a"),
    T("1.2a-3"),
    T("1.8011670033376514H-308"),
    T("1.2.3"),
    T("-1x"),
    T("\xef\xbc\x91"),
    T("1e\xe5"),
    T("[-2.]"),
    T("[2.e3]"),
    T("[.5]"),
    T("[01]"),
    T("[1e]"),
    T("[-]"),
    T("[1 2]"),
    /* numbers that no double or no 53-bit integer holds */
    T("9007199254740992"),
    T("-9007199254740992"),
    T("18446744073709551616"),
    T("123456789012345678901234567890"),
    T("1e309"),
    T("-1e309"),
    T("1e400"),
    T("1e99999999999999999999"),
    T("1.7976931348623158e308"),
    T("17976931348623158e292"),
    T("0.1e310"),
    T("[1e309]"),
    /* strings */
    T("\""),
    T("\"a"),
    T("\"\\"),
    T("\"\\\""),
    T("\"\\a\""),
    T("\"\\x41\""),
    T("\"\\'\""),
    T("\"\\0\""),
    T("\"\\U0041\""),
    T("\"\\\xe2\x82\xac\""),
    T("\"\\u\""),
    T("\"\\u0\""),
    T("\"\\u00\""),
    T("\"\\u004\""),
    T("\"\\u004"),
    T("\"\\u00g1\""),
    T("\"\\u 041\""),
    T("\"\\u-041\""),
    T("\"\\u+041\""),
    T("\"\\u0x41\""),
    T("\"\\u0000\""),
    T("\"a\\u0000b\""),
    T("{\"a\\u0000b\":1}"),
    T("\"\\ud800\""),
    T("\"\\udc00\""),
    T("\"\\udfff\\ud800\""),
    T("\"\\ud800\\ud800\""),
    T("\"\\ud800a\""),
    T("\"\\ud800\\n\""),
    T("\"\\ud800\\u\""),
    T("\"\\ud800\\udc0\""),
    T("\"\\ud800\\"),
    T("\"\\ud800\\u0041\""),
    T("\"\\uDBFF\\uE000\""),
    T("{\"\\ud800\":1}"),
    T("\"\n\""),
    T("\"\t\""),
    T("\"\r\""),
    T("\"\0\""),
    T("\"a\0b\""),
    T("\"\x1f\""),
    T("\"\x01\""),
    T("\"a\nb\""),
    T("{\"\t\":1}"),
    T("'a'"),
    T("['a']"),
    T("{'a':0}"),
    T("{a:0}"),
    T("\"a\"b"),
    T("\"\" \"\""),
    T("\"12345678"),
    T("\"1234567\t\""),
    T("\\n"),
    /* UTF-8 */
    T("\"\x80\""),
    T("\"\xbf\""),
    T("\"\xc0\xaf\""),
    T("\"\xc1\xbf\""),
    T("\"\xc3\""),
    T("\"\xc3"),
    T("\"\xe0\x80\x80\""),
    T("\"\xe0\x9f\xbf\""),
    T("\"\xed\xa0\x80\""),
    T("\"\xed\xbf\xbf\""),
    T("\"\xe2\x82\""),
    T("\"\xf0\x8f\xbf\xbf\""),
    T("\"\xf4\x90\x80\x80\""),
    T("\"\xf4\xbf\xbf\xbf\""),
    T("\"\xf5\x80\x80\x80\""),
    T("\"\xfc\x80\x80\x80\x80\x80\""),
    T("\"\xfe\""),
    T("\"\xff\""),
    T("{\"\xff\":1}"),
    T("\"12345678\xff\""),
    T("\"abc\xe9\""),
    T("[\xe9]"),
    /* arrays */
    T("["),
    T("[["),
    T("]"),
    T("[]]"),
    T("[1"),
    T("[1,"),
    T("[1,]"),
    T("[,1]"),
    T("[,]"),
    T("[1,,2]"),
    T("[1,,]"),
    T("[1:2]"),
    T("[1;2]"),
    T("[1}"),
    T("[[]"),
    T("[\"\""),
    T("[\"\","),
    T("[\"a\",\n4\n,1,"),
    T("[{}"),
    T("[3[4]]"),
    T("[1 true]"),
    T("[\"x\"]]"),
    T("[][]"),
    T("[1]x"),
    T("[1]1"),
    T("[],"),
    T("[1],"),
    T("[true"),
    T("[1/**/]"),
    T("[1] // x"),
    T("[#]"),
    T("[a"),
    T("[\""),
    T("[*]"),
    /* objects */
    T("{"),
    T("}"),
    T("{}}"),
    T("{]"),
    T("{\"a\""),
    T("{\"a\":"),
    T("{\"a\":1"),
    T("{\"a\":1,"),
    T("{\"a\":1,}"),
    T("{\"a\":1,,\"b\":2}"),
    T("{,}"),
    T("{,\"a\":1}"),
    T("{\"a\" 1}"),
    T("{\"a\"::1}"),
    T("{\"a\",1}"),
    T("{\"a\":1 \"b\":2}"),
    T("{\"a\":1;\"b\":2}"),
    T("{1:1}"),
    T("{null:null}"),
    T("{true:1}"),
    T("{[]:1}"),
    T("{\"a\":}"),
    T("{:1}"),
    T("{\"a\"}"),
    T("{\"a\":a}"),
    T("{\"a\":1]"),
    T("{\"a\":1}}"),
    T("{\"a\":1}#"),
    T("{\"a\":1}{}"),
    T("{\"a\":/**/1}"),
    T("{\"a\":1}//"),
    T("{\"a\":1/*"),
    T("{\"a\":\"b\"}/**/"),
    T("{\"a\" \"b\"}"),
    T("{\"a\":'b'}"),
    T("{\"a\":1,b:2}"),
    /* the same key twice */
    T("{\"a\":1,\"a\":1}"),
    T("{\"a\":1,\"b\":2,\"a\":3}"),
    T("{\"\":1,\"\":1}"),
    T("{\"a\":1,\"\\u0061\":1}"),
    T("{\"\\u0061\":1,\"a\":1}"),
    T("{\"\\u0061\":1,\"\\u0061\":1}"),
    T("{\"\\n\":1,\"\\u000a\":1}"),
    T("{\"/\":1,\"\\/\":1}"),
    T("{\"\xc3\xa9\":1,\"\\u00e9\":1}"),
    T("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\uDE00\":1}"),
    T("[{\"a\":{\"x\":1,\"y\":{},\"x\":2}}]"),
    T("{\"a\":{\"a\":1},\"a\":2}"),
    T("{\"a\":[{\"b\":1}],\"b\":{\"a\":1,\"b\":2},\"a\":1}"),
    T("{\"\\u20ac\":1,\"\xe2\x82\xac\":2}"),
    T("{\"\\u007f\":1,\"\x7f\":2}"),
    T("{\"\\u0080\":1,\"\xc2\x80\":2}"),
    T("{\"\\u07ff\":1,\"\xdf\xbf\":2}"),
    T("{\"\\u0800\":1,\"\xe0\xa0\x80\":2}"),
    T("{\"\\uffff\":1,\"\xef\xbf\xbf\":2}"),
    T("{\"\\ud800\\udc00\":1,\"\xf0\x90\x80\x80\":2}"),
    T("{\"\\udbff\\udfff\":1,\"\xf4\x8f\xbf\xbf\":2}"),
};

static void test_json_refuses_every_invalid_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(invalid); i++) {
        struct str text = {invalid[i].p, invalid[i].len};
        size_t at = SIZE_MAX;
        struct buf why = BUF_INIT;
        if (json_scan(text, &limits, &at, &why) != RC_INVALID) {
            fail_msg("accepted: %s", invalid[i].p);
        }
        assert_true(at <= text.len);
        assert_true(why.len > 10 && why.p[why.len - 1] == '.');
        struct json *doc = NULL;
        assert_int_equal(json_parse(text, &limits, &doc, NULL), RC_INVALID);
        assert_null(doc);
        buf_release(&why);
    }
}

/* No prefix of a valid container or string is valid. */
static void test_json_refuses_every_cut(void **state)
{
    (void)state;
    const char text[] = "{\"a\":[1,2.5e3,\"\\ud83d\\ude00 "
                        "\xe2\x82\xac\",null,true,false,{\"b\":{}}],\"c\":\"\\n\"}";
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        assert_int_equal(scan_text((struct str){text, len}), RC_INVALID);
    }
    assert_int_equal(scan_text((struct str){text, sizeof(text) - 1}), RC_OK);
}

static void test_json_every_byte_in_a_string(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        for (size_t before = 0; before < 12; before++) {
            char text[40];
            memset(text, 'x', sizeof(text));
            text[0] = '"';
            text[1 + before] = (char)c;
            text[30] = '"';
            bool allowed = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            assert_int_equal(scan_text((struct str){text, 31}) == RC_OK, allowed);
        }
    }
}

static void test_json_why_names_the_byte(void **state)
{
    (void)state;
    const struct {
        const char *text;
        size_t at;
        const char *why;
    } rows[] = {
        {"{\"a\":1,\"a\":2}", 7, "JSON, byte 7: an object has the same key twice."},
        {"[1,]", 3, "JSON, byte 3: a value is expected."},
        {"[1 2]", 3, "JSON, byte 3: a comma or the end of the list is expected."},
        {"{\"a\"", 4, "JSON, byte 4: a colon is expected after the key."},
        {"[", 1, "JSON, byte 1: the text ends too early."},
        {"1 x", 2, "JSON, byte 2: there is text after the value."},
        {"\"ab\\u0000\"", 3, "JSON, byte 3: \\u0000 is not accepted."},
        {"[1e999]", 1, "JSON, byte 1: a number is out of range."},
        {"\"a\xff\"", 2, "JSON, byte 2: the string is not valid UTF-8."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t at = 0;
        struct buf why = BUF_INIT;
        assert_int_equal(json_scan(str_of(rows[i].text), &limits, &at, &why), RC_INVALID);
        assert_int_equal(at, rows[i].at);
        assert_string_equal(why.p, rows[i].why);
        buf_release(&why);
    }
    assert_int_equal(json_scan(STR("["), &limits, NULL, NULL), RC_INVALID);
}

/* ---------------------------------------------------------------- limits */

static void test_json_size_limit_is_exact(void **state)
{
    (void)state;
    struct json_limits small = {5, 32, 256};
    size_t at = 0;
    assert_int_equal(json_scan(STR("[1,2]"), &small, &at, NULL), RC_OK);
    assert_int_equal(json_scan(STR("[1,2] "), &small, &at, NULL), RC_TOO_BIG);
    assert_int_equal(at, 5);
}

static void fill_nested(struct buf *out, size_t depth, const char *open, const char *inner,
                        const char *close_text)
{
    buf_clear(out);
    for (size_t i = 0; i < depth; i++) {
        buf_add_z(out, open);
    }
    buf_add_z(out, inner);
    for (size_t i = 0; i < depth; i++) {
        buf_add_z(out, close_text);
    }
}

static void check_depth(size_t max, unsigned asked)
{
    struct json_limits deep = {1 << 20, asked, 4};
    struct buf text = BUF_INIT, out = BUF_INIT;
    const char *const shapes[][3] = {
        {"[", "1", "]"}, {"[", "", "]"}, {"{\"a\":", "\"x\"", "}"}, {"[{\"a\":", "null", "}]"}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        size_t levels = i == 3 ? 2 : 1;
        struct json *doc = NULL;
        fill_nested(&text, max / levels, shapes[i][0], shapes[i][1], shapes[i][2]);
        assert_int_equal(json_parse(buf_str(&text), &deep, &doc, NULL), RC_OK);
        buf_clear(&out);
        json_write(&out, json_root(doc));
        assert_string_equal(out.p, text.p);
        json_free(doc);
        fill_nested(&text, max / levels + 1, shapes[i][0], shapes[i][1], shapes[i][2]);
        assert_int_equal(json_parse(buf_str(&text), &deep, &doc, NULL), RC_TOO_BIG);
    }
    buf_release(&text);
    buf_release(&out);
}

static void test_json_depth_limit_is_exact(void **state)
{
    (void)state;
    check_depth(2, 2);
    check_depth(32, 32);
    check_depth(JSON_DEPTH_MAX, JSON_DEPTH_MAX);
    check_depth(JSON_DEPTH_MAX, 100000);
    struct json_limits flat = {100, 0, 4};
    assert_int_equal(json_scan(STR("1"), &flat, NULL, NULL), RC_OK);
    assert_int_equal(json_scan(STR("[]"), &flat, NULL, NULL), RC_TOO_BIG);
}

static void test_json_endless_opening_is_refused_without_a_stack_overflow(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    fill_nested(&text, 100000, "[", "", "");
    assert_int_equal(scan_text(buf_str(&text)), RC_TOO_BIG);
    fill_nested(&text, 100000, "{\"a\":", "", "");
    assert_int_equal(scan_text(buf_str(&text)), RC_TOO_BIG);
    buf_release(&text);
}

static void fill_object(struct buf *out, unsigned keys)
{
    buf_add_char(out, '{');
    for (unsigned i = 0; i < keys; i++) {
        buf_addf(out, "%s\"k%u\":%u", i > 0 ? "," : "", i, i);
    }
    buf_add_char(out, '}');
}

static void test_json_key_limit_is_per_object(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    fill_object(&text, 256);
    assert_int_equal(scan_text(buf_str(&text)), RC_OK);
    buf_clear(&text);
    fill_object(&text, 257);
    assert_int_equal(scan_text(buf_str(&text)), RC_TOO_BIG);
    buf_clear(&text);
    buf_add_char(&text, '[');
    for (int i = 0; i < 10; i++) {
        fill_object(&text, 200);
        buf_add_char(&text, ',');
    }
    buf_add_z(&text, "{\"o\":");
    fill_object(&text, 256);
    buf_add_z(&text, ",\"k0\":1}]");
    assert_int_equal(scan_text(buf_str(&text)), RC_OK);
    buf_release(&text);
}

/* The stack of keys moves to the heap at 64; duplicates are found on both sides of it. */
static void test_json_finds_duplicates_among_many_keys(void **state)
{
    (void)state;
    const unsigned sizes[] = {1, 63, 64, 65, 127, 128, 129, 255};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (unsigned twice = 0; twice < sizes[i]; twice += 1 + sizes[i] / 8) {
            struct buf text = BUF_INIT;
            fill_object(&text, sizes[i]);
            text.p[text.len - 1] = ',';
            buf_addf(&text, "\"k%u\":1}", twice);
            assert_int_equal(scan_text(buf_str(&text)), RC_INVALID);
            buf_release(&text);
        }
    }
}

/* ---------------------------------------------------------------- reading */

static struct json *parse(const char *text)
{
    struct json *doc = NULL;
    struct buf why = BUF_INIT;
    if (json_parse(str_of(text), &limits, &doc, &why) != RC_OK) {
        fail_msg("%s", why.p);
    }
    buf_release(&why);
    return doc;
}

static void test_json_types(void **state)
{
    (void)state;
    struct json *doc =
        parse("{\"n\":null,\"b\":true,\"i\":1,\"d\":1.0,\"s\":\"\",\"a\":[],\"o\":{}}");
    struct jval root = json_root(doc);
    const struct {
        const char *key;
        enum json_type type;
    } rows[] = {{"n", JSON_NULL},   {"b", JSON_BOOL},  {"i", JSON_INT},    {"d", JSON_DOUBLE},
                {"s", JSON_STRING}, {"a", JSON_ARRAY}, {"o", JSON_OBJECT}, {"x", JSON_ABSENT}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(json_type(json_get(root, rows[i].key)), rows[i].type);
        assert_int_equal(json_get(root, rows[i].key).present, rows[i].type != JSON_ABSENT);
    }
    json_free(doc);
    doc = parse("null");
    assert_int_equal(json_type(json_root(doc)), JSON_NULL);
    json_free(doc);
    json_free(NULL);
}

static void test_json_getters_do_not_convert(void **state)
{
    (void)state;
    const char *values[] = {"null", "true", "1", "1.5", "\"1\"", "[1]", "{\"a\":1}"};
    for (size_t i = 0; i <= COUNT(values); i++) {
        struct json *doc = i < COUNT(values) ? parse(values[i]) : NULL;
        struct jval v = doc ? json_root(doc) : (struct jval){NULL, false};
        struct str s = STR("kept");
        uint64_t u = 77;
        int64_t n = 77;
        bool b = true;
        double d = 77;
        assert_int_equal(json_str(v, &s), i == 4);
        assert_int_equal(json_u64(v, &u), i == 2);
        assert_int_equal(json_i64(v, &n), i == 2);
        assert_int_equal(json_bool(v, &b), i == 1);
        assert_int_equal(json_double(v, &d), i == 2 || i == 3);
        if (i != 4) {
            assert_str(s, "kept");
        }
        assert_int_equal(u, i == 2 ? 1 : 77);
        assert_int_equal(n, i == 2 ? 1 : 77);
        assert_true(d == (i == 2 ? 1 : i == 3 ? 1.5 : 77));
        assert_int_equal(json_length(v), i == 5 ? 1 : 0);
        assert_int_equal(json_type(json_at(v, 0)), i == 5 ? JSON_INT : JSON_ABSENT);
        assert_int_equal(json_type(json_get(v, "a")), i == 6 ? JSON_INT : JSON_ABSENT);
        size_t cursor = 0;
        struct str key;
        struct jval member;
        assert_int_equal(json_next(v, &cursor, &key, &member), i == 6);
        json_free(doc);
    }
}

static void test_json_numbers_keep_their_value(void **state)
{
    (void)state;
    struct json *doc = parse("[9007199254740991,-9007199254740991,-1,0,0.1,1e308]");
    struct jval a = json_root(doc);
    uint64_t u = 0;
    int64_t n = 0;
    double d = 0;
    assert_true(json_u64(json_at(a, 0), &u) && u == UINT64_C(9007199254740991));
    assert_true(json_i64(json_at(a, 1), &n) && n == INT64_C(-9007199254740991));
    assert_false(json_u64(json_at(a, 1), &u));
    assert_false(json_u64(json_at(a, 2), &u));
    assert_true(json_u64(json_at(a, 3), &u) && u == 0);
    assert_true(json_double(json_at(a, 4), &d) && d == 0.1);
    assert_true(json_double(json_at(a, 5), &d) && d == 1e308);
    assert_int_equal(json_type(json_at(a, 6)), JSON_ABSENT);
    json_free(doc);
}

static void test_json_strings_are_decoded(void **state)
{
    (void)state;
    struct json *doc = parse("[\"\\u0041\\n\\\"\\\\\\/\\b\\f\\r\\t\\ud83d\\ude00\\u00e9\\uFFFF\"]");
    struct str s;
    assert_true(json_str(json_at(json_root(doc), 0), &s));
    assert_str(s, "A\n\"\\/\b\f\r\t\xf0\x9f\x98\x80\xc3\xa9\xef\xbf\xbf");
    json_free(doc);
}

static void test_json_iterates_in_order(void **state)
{
    (void)state;
    struct json *doc = parse("{\"z\":1,\"a\":null,\"m\":[2]}");
    const char *keys[] = {"z", "a", "m"};
    const enum json_type types[] = {JSON_INT, JSON_NULL, JSON_ARRAY};
    size_t cursor = 0, seen = 0;
    struct str key;
    struct jval value;
    while (json_next(json_root(doc), &cursor, &key, &value)) {
        assert_true(seen < 3);
        assert_true(str_eq(key, str_of(keys[seen])));
        assert_int_equal(json_type(value), types[seen]);
        assert_true(value.present);
        seen++;
    }
    assert_int_equal(seen, 3);
    assert_false(json_next(json_root(doc), &cursor, &key, &value));
    json_free(doc);
    doc = parse("{}");
    cursor = 0;
    assert_false(json_next(json_root(doc), &cursor, &key, &value));
    json_free(doc);
}

static void test_json_string_comparisons(void **state)
{
    (void)state;
    struct json *doc = parse("[\"a\",1,\"bc\"]");
    struct jval a = json_root(doc);
    assert_true(json_str_is(json_at(a, 0), "a"));
    assert_false(json_str_is(json_at(a, 0), "ab"));
    assert_false(json_str_is(json_at(a, 1), "1"));
    assert_false(json_str_is(json_at(a, 9), ""));
    assert_true(json_list_has(a, "bc"));
    assert_false(json_list_has(a, "b"));
    assert_false(json_list_has(json_at(a, 0), "a"));
    json_free(doc);
}

/* ---------------------------------------------------------------- writing */

static void test_json_writes_compact_text_in_order(void **state)
{
    (void)state;
    assert_written(
        " { \"b\" : [ 1 , 2.50 , -0.0 , 1E+2 , [ ] , { } ] , \"a\" : null , \"c\" : true } ",
        "{\"b\":[1,2.50,-0.0,1E+2,[],{}],\"a\":null,\"c\":true}");
    assert_written("\"a/b\\/c\"", "\"a/b/c\"");
    assert_written("\"\\u0001\\u001f\\n\\\"\\u007f\\u00e9\"",
                   "\"\\u0001\\u001f\\n\\\"\x7f\xc3\xa9\"");
    assert_written("[[[1],[2]],[[3]]]", "[[[1],[2]],[[3]]]");
    assert_written("{\"a\\\"b\":{\"c\":{\"d\":[{}]}},\"e\":0}",
                   "{\"a\\\"b\":{\"c\":{\"d\":[{}]}},\"e\":0}");
    assert_written("false", "false");
    assert_written("\" !~ \"", "\" !~ \"");
}

static void test_json_absent_is_written_as_null(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    json_write(&out, (struct jval){NULL, false});
    assert_string_equal(out.p, "null");
    buf_release(&out);
}

static void test_json_output_helpers_set_the_commas(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    buf_add_char(&out, '{');
    json_key_str(&out, "s", STR("x{"));
    json_key_u64(&out, "u", UINT64_MAX);
    json_key_i64(&out, "i", -5);
    json_key_bool(&out, "t", true);
    json_key_bool(&out, "f", false);
    json_key_null(&out, "n");
    json_add_key(&out, "o");
    buf_add_char(&out, '{');
    json_key_null(&out, "x");
    buf_add_char(&out, '}');
    json_key_str(&out, "e", STR_NONE);
    buf_add_char(&out, '}');
    assert_string_equal(
        out.p,
        "{\"s\":\"x{\",\"u\":18446744073709551615,\"i\":-5,\"t\":true,\"f\":false,\"n\":null,"
        "\"o\":{\"x\":null},\"e\":\"\"}");
    buf_release(&out);
}

static void test_json_every_code_point_reads_back(void **state)
{
    (void)state;
    struct buf plain = BUF_INIT, text = BUF_INIT;
    for (unsigned code = 1; code < 0x800; code++) {
        if (code >= 0x80) {
            buf_add_char(&plain, (char)(0xC0 | code >> 6));
            buf_add_char(&plain, (char)(0x80 | (code & 0x3F)));
        } else {
            buf_add_char(&plain, (char)code);
        }
    }
    json_add_str(&text, buf_str(&plain));
    struct json *doc = parse(text.p);
    struct str back;
    assert_true(json_str(json_root(doc), &back));
    assert_true(str_eq(back, buf_str(&plain)));
    json_free(doc);
    buf_release(&plain);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_accepts_every_valid_text),
        cmocka_unit_test(test_json_refuses_every_invalid_text),
        cmocka_unit_test(test_json_refuses_every_cut),
        cmocka_unit_test(test_json_every_byte_in_a_string),
        cmocka_unit_test(test_json_why_names_the_byte),
        cmocka_unit_test(test_json_size_limit_is_exact),
        cmocka_unit_test(test_json_depth_limit_is_exact),
        cmocka_unit_test(test_json_endless_opening_is_refused_without_a_stack_overflow),
        cmocka_unit_test(test_json_key_limit_is_per_object),
        cmocka_unit_test(test_json_finds_duplicates_among_many_keys),
        cmocka_unit_test(test_json_types),
        cmocka_unit_test(test_json_getters_do_not_convert),
        cmocka_unit_test(test_json_numbers_keep_their_value),
        cmocka_unit_test(test_json_strings_are_decoded),
        cmocka_unit_test(test_json_iterates_in_order),
        cmocka_unit_test(test_json_string_comparisons),
        cmocka_unit_test(test_json_writes_compact_text_in_order),
        cmocka_unit_test(test_json_absent_is_written_as_null),
        cmocka_unit_test(test_json_output_helpers_set_the_commas),
        cmocka_unit_test(test_json_every_code_point_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
