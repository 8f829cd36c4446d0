/*
 * fuzz_prefs.c -- any JSON object as notification preferences: what is taken is within its limits, has one canonical text, and
 * that text means the same
 */
#include "rest/prefs.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct prefs *p)
{
    CHECK(p->preview <= PREVIEW_NONE && p->level >= LEVEL_ALL && p->level <= LEVEL_NONE);
    CHECK(!p->has_dnd || (p->dnd_from < 1440 && p->dnd_to < 1440 && p->dnd_from != p->dnd_to));
    for (uint32_t i = 0; i < p->chats_count; i++) {
        CHECK(i == 0 || p->chats[i - 1].chat_id < p->chats[i].chat_id);
        CHECK(prefs_chat(p, p->chats[i].chat_id) == &p->chats[i]);
    }
    for (uint32_t i = 0; i < p->kinds_count; i++) {
        struct str name = str_of(p->kinds[i].name);
        CHECK(prefs_is_kind(name) && prefs_kind_is_on(p, name) == p->kinds[i].is_on);
    }
    (void)prefs_dnd(p, 0);
    (void)prefs_dnd(p, UINT64_MAX / 2);
}

static void check_canonical(const struct prefs *p)
{
    struct buf text = BUF_INIT, again = BUF_INIT;
    struct prefs *back = NULL;
    prefs_write(&text, p, NULL, NULL);
    CHECK(buf_ok(&text) && prefs_parse(buf_str(&text), &back) == RC_OK);
    prefs_write(&again, back, NULL, NULL);
    CHECK(str_eq(buf_str(&text), buf_str(&again)));
    prefs_free(back);
    buf_release(&text);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json_limits json = {64 * 1024, 16, 64};
    const struct prefs_limits limits = {8, 8};
    struct json *doc = NULL;
    struct prefs *p = NULL;
    const char *field = NULL;
    if (json_parse((struct str){size > 0 ? (const char *)data : "", size}, &json, &doc, NULL) != RC_OK) {
        return 0;
    }
    enum rc rc = prefs_read(json_root(doc), &limits, &p, &field);
    if (rc == RC_OK) {
        CHECK(p->chats_count <= 8 && p->kinds_count <= 8);
        check(p);
        check_canonical(p);
        prefs_free(p);
    } else {
        CHECK(rc == RC_NO_MEMORY || field != NULL);
    }
    json_free(doc);
    return 0;
}
