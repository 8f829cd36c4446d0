/* Event sessions as the services show them. */
#include "tests/unit/unit.h"

#include "rest/cache_write.h"
#include "rest/sessions.h"
#include "rest/svc_session.h"

enum { ANN = 1, BOB = 2 };

static const char *const open_uuid = "6f9b1e2a-0000-4111-8122-010203040506";
static const char *const host_uuid = "6f9b1e2a-0000-4111-8122-010203040507";

static struct cache *world(struct svc *svc)
{
    struct cache *c = cache_new();
    struct sessions *s = cache_sessions_to_change(c);
    struct row_session open = {.id = 11, .visibility = SESSION_LINK, .created_by = ANN};
    struct row_session host = {.id = 12, .visibility = SESSION_HOSTS, .created_by = ANN};
    assert_true(key16_from_uuid(str_of(open_uuid), &open.uuid));
    assert_true(key16_from_uuid(str_of(host_uuid), &host.uuid));
    sessions_put(s, &open);
    sessions_put(s, &host);
    sessions_put_role(s, &(struct row_session_role){12, ANN, SESSION_HOST});
    *svc = (struct svc){.cache = c};
    return c;
}

static void test_who_may_watch_a_dashboard(void **state)
{
    (void)state;
    struct svc svc;
    struct cache *c = world(&svc);
    uint64_t topic = 0;
    bool needs_slot = true;
    assert_int_equal(svc_dashboard(&svc, str_of(open_uuid), 0, &topic, &needs_slot), CODE_OK);
    assert_true(topic == 11);
    assert_false(needs_slot);
    assert_int_equal(svc_dashboard(&svc, str_of(host_uuid), ANN, &topic, &needs_slot), CODE_OK);
    assert_true(topic == 12);
    assert_true(needs_slot);
    assert_int_equal(svc_dashboard(&svc, str_of(host_uuid), BOB, &topic, &needs_slot), CODE_FORBIDDEN);
    assert_int_equal(svc_dashboard(&svc, str_of(host_uuid), 0, &topic, &needs_slot), CODE_FORBIDDEN);
    assert_int_equal(svc_dashboard(&svc, STR("6F9B1E2A-0000-4111-8122-010203040506"), 0, &topic, &needs_slot), CODE_OK);
    cache_free(c);
}

static void test_only_the_uuid_finds_a_session(void **state)
{
    (void)state;
    struct svc svc;
    struct cache *c = world(&svc);
    static const char *const texts[] = {"", "11", "ses_11", "6f9b1e2a-0000-4111-8122-010203040508", "x",
                                        "6f9b1e2a000041118122010203040506", "6f9b1e2a-0000-4111-8122-01020304050",
                                        "636f6e66-6162-8005-8000-00000000000b"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint64_t topic = 77;
        bool needs_slot = false;
        assert_int_equal(svc_dashboard(&svc, str_of(texts[i]), ANN, &topic, &needs_slot), CODE_SESSION_NOT_FOUND);
        assert_true(topic == 77);
    }
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_watch_a_dashboard),
        cmocka_unit_test(test_only_the_uuid_finds_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
