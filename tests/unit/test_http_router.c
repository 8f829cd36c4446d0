/* Method and path to a route. */
#include "tests/unit/unit.h"

#include "rest/http_router.h"

static void handler(struct http_request *rq)
{
    (void)rq;
}

static const struct http_route routes[] = {
    {HTTP_GET, "/healthz", handler, 0},
    {HTTP_GET, "/api/chats", handler, 0},
    {HTTP_GET, "/api/chats/{chat}", handler, 0},
    {HTTP_PATCH, "/api/chats/{chat}", handler, 0},
    {HTTP_GET, "/api/chats/mine", handler, 0},
    {HTTP_GET, "/api/chats/{chat}/messages/{message}", handler, 0},
    {HTTP_POST, "/api/chats/{chat}/messages", handler, 0},
};

struct found {
    enum code code;
    const struct http_route *route;
    struct str params[HTTP_PARAMS_MAX];
    unsigned allow;
};

static struct http_router *router;
static struct arena arena;

static struct found find(enum http_method method, const char *path)
{
    struct found f = {0};

    f.code = http_router_match(router, true, method, str_of(path), &arena, &f.route, f.params, &f.allow);
    return f;
}

static void test_routes_are_found_with_their_parameters(void **state)
{
    struct found f = find(HTTP_GET, "/api/chats/42/messages/msg_7");

    (void)state;
    assert_int_equal(f.code, CODE_OK);
    assert_ptr_equal(f.route, &routes[5]);
    assert_str(f.params[0], "42");
    assert_str(f.params[1], "msg_7");
    f = find(HTTP_POST, "/api/chats/a%2Fb%C3%A9/messages");
    assert_int_equal(f.code, CODE_OK);
    assert_str(f.params[0], "a/b\xc3\xa9");
    assert_ptr_equal(find(HTTP_GET, "/healthz").route, &routes[0]);
}

static void test_literal_segments_win(void **state)
{
    (void)state;
    assert_ptr_equal(find(HTTP_GET, "/api/chats/mine").route, &routes[4]);
    assert_ptr_equal(find(HTTP_GET, "/api/chats/yours").route, &routes[2]);
    assert_ptr_equal(find(HTTP_PATCH, "/api/chats/mine").route, &routes[3]);
}

static void test_head_is_served_by_get(void **state)
{
    (void)state;
    assert_ptr_equal(find(HTTP_HEAD, "/healthz").route, &routes[0]);
    assert_int_equal(find(HTTP_HEAD, "/api/chats/1/messages").code, CODE_METHOD_NOT_ALLOWED);
}

static void test_other_methods_are_told_what_there_is(void **state)
{
    struct found f = find(HTTP_DELETE, "/api/chats/42");
    struct buf text = BUF_INIT;

    (void)state;
    assert_int_equal(f.code, CODE_METHOD_NOT_ALLOWED);
    http_allow_text(&text, f.allow);
    assert_str(buf_str(&text), "GET, HEAD, PATCH, OPTIONS");
    buf_release(&text);
    f.code = http_router_match(router, false, HTTP_GET, STR("/healthz"), &arena, &f.route, f.params, &f.allow);
    assert_int_equal(f.code, CODE_METHOD_NOT_ALLOWED);
}

static void test_odd_paths_are_not_found(void **state)
{
    static const char *const odd[] = {"/", "//", "/healthz/", "//healthz", "/api//chats", "/api/chats/",
                                      "/api/./chats", "/api/../healthz", "/api/%2e%2e/healthz",
                                      "/api/chats/..", "/api/chats/%2e", "/HEALTHZ", "/api",
                                      "/a/b/c/d/e/f/g/h/i/j/k/l/m/n", "healthz", "",
                                      "/api/chats//messages", "/api/chats/1/messages/"};
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        if (find(HTTP_GET, odd[i]).code != CODE_ROUTE_NOT_FOUND) {
            fail_msg("%s was found", odd[i]);
        }
    }
}

static void test_bad_escapes_are_refused(void **state)
{
    static const char *const bad[] = {"/api/chats/%00", "/api/chats/a%", "/api/chats/%f", "/api/chats/%gg",
                                      "/api/chats/%ff", "/api/chats/%ED%A0%80"};
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(find(HTTP_GET, bad[i]).code, CODE_BAD_REQUEST);
    }
}

static void test_methods_are_case_sensitive(void **state)
{
    enum http_method m;

    (void)state;
    assert_true(http_method_parse(STR("PATCH"), &m));
    assert_int_equal(m, HTTP_PATCH);
    assert_false(http_method_parse(STR("get"), &m));
    assert_false(http_method_parse(STR("CONNECT"), &m));
    assert_false(http_method_parse(STR(""), &m));
}

static void make_twice(void)
{
    const struct http_route twice[] = {routes[0], routes[0]};

    http_router_free(http_router_new(twice, 2));
}

static void test_the_same_route_twice_is_a_bug(void **state)
{
    (void)state;
    assert_true(aborts(make_twice));
}

static int set_up(void **state)
{
    (void)state;
    router = http_router_new(routes, sizeof(routes) / sizeof(routes[0]));
    arena = ARENA_INIT(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_router_free(router);
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_are_found_with_their_parameters),
        cmocka_unit_test(test_literal_segments_win),
        cmocka_unit_test(test_head_is_served_by_get),
        cmocka_unit_test(test_other_methods_are_told_what_there_is),
        cmocka_unit_test(test_odd_paths_are_not_found),
        cmocka_unit_test(test_bad_escapes_are_refused),
        cmocka_unit_test(test_methods_are_case_sensitive),
        cmocka_unit_test(test_the_same_route_twice_is_a_bug),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
