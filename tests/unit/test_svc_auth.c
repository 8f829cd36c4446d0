/* Registration, login and refresh walked through with pools that run at once and a writer of one function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "rest/auth.h"
#include "rest/password.h"
#include "rest/svc_auth.h"
#include "rest/workpool.h"
#include "shared/clock.h"

/* ---------------------------------------------------------------- what it stands on */

static struct {
    struct cmd last;
    unsigned submits;
    enum code outcome, revoke_outcome;
    uint64_t outcome_user;
    char hash[256];  /* stored password hash of user 7 */
    unsigned rehashed;
    bool disabled, db_gone;
    enum code done_code;
    unsigned done_count;
    char refresh[256], field[32];
    uint64_t revoked_family;
} world;

enum rc dbpool_submit(struct dbpool *pool, dbpool_job job, void *ctx)
{
    (void)pool;
    static char store;
    job(world.db_gone ? NULL : (struct store *)(void *)&store, ctx);
    return RC_OK;
}

enum rc workpool_submit(struct workpool *p, workpool_job job, void *ctx)
{
    (void)p;
    job(ctx);
    return RC_OK;
}

enum store_rc store_password(struct store *s, uint64_t user_id, struct buf *hash, bool *found)
{
    (void)s;
    *found = user_id == 7;
    buf_add_z(hash, *found ? world.hash : "");
    return STORE_OK;
}

enum code svc_find_user(struct svc *svc, struct str text, bool names_only, uint64_t *id)
{
    (void)svc;
    assert_true(names_only);
    *id = 7;
    return str_eq(text, STR("ann")) ? CODE_OK : CODE_USER_NOT_FOUND;
}

enum code svc_user(struct svc *svc, uint64_t user_id, struct arena *arena, struct user_view *out)
{
    (void)svc;
    (void)arena;
    *out = (struct user_view){.id = user_id, .disabled = world.disabled};
    return user_id != 0 ? CODE_OK : CODE_USER_NOT_FOUND;
}

enum code svc_check(const struct rest_conf *conf, const struct cmd *c, const char **field)
{
    (void)conf;
    *field = c->name.len == 0 ? "username" : NULL;
    return c->name.len == 0 ? CODE_INVALID_FIELD : CODE_OK;
}

enum code svc_submit(struct svc *svc, const struct cmd *c, svc_done done, void *ctx,
                     const char **field)
{
    (void)svc;
    (void)field;
    struct outcome o = {.code = world.outcome, .user_id = world.outcome_user};
    world.last = *c;
    world.submits++;
    switch (c->kind) {
    case CMD_USER_CREATE:
        o.user_id = 9;
        o.created = true;
        break;
    case CMD_USER_UPDATE:
        world.rehashed++;
        break;
    case CMD_FAMILY_CREATE:
        o.user_id = c->user_id;
        o.number = 31;
        break;
    case CMD_REVOKE:
        o.code = world.revoke_outcome;
        world.revoked_family = c->number2;
        break;
    default:
        break;
    }
    done(ctx, &o);
    return CODE_OK;
}

enum rc auth_issue(struct auth *a, uint64_t user_id, uint64_t family, uint64_t ttl_s,
                   struct buf *out, uint64_t *expires_s)
{
    (void)a;
    buf_addf(out, "access-%llu-%llu", (unsigned long long)user_id, (unsigned long long)family);
    *expires_s = wall_s() + ttl_s;
    return RC_OK;
}

enum rc auth_tag(const struct auth *a, struct str text, struct key16 *out)
{
    (void)a;
    hash16(text, out);
    return RC_OK;
}

/* ---------------------------------------------------------------- the cast */

static struct rest_conf conf = {
    .register_open = true,
    .password_min_chars = 8,
    .password_max_bytes = 64,
    .argon2_memory_bytes = 8192,
    .argon2_passes = 1,
    .access_ttl_ms = 900000,
    .refresh_ttl_ms = 3600000,
};
static struct svc svc = {.conf = &conf};
static const struct password_cost cheap = {8192, 1}, old_cost = {8192, 2};

static void on_done(struct auth_request *r, enum code code, const char *field)
{
    world.done_code = code;
    world.done_count++;
    world.refresh[0] = world.field[0] = '\0';
    if (code == CODE_OK && r->refresh.p) {
        memcpy(world.refresh, r->refresh.p, r->refresh.len + 1);
        assert_string_equal(r->access.p, r->user.id == 9 ? "access-9-31" : "access-7-31");
    }
    if (field) {
        memcpy(world.field, field, strlen(field) + 1);
    }
    svc_auth_release(r);
}

static struct auth_request request(const char *username, const char *password)
{
    return (struct auth_request){.svc = &svc,
                                 .done = on_done,
                                 .username = str_of(username),
                                 .password = str_of(password)};
}

static int set_up(void **state)
{
    (void)state;
    struct buf hash = BUF_INIT;
    memset(&world, 0, sizeof(world));
    assert_int_equal(password_hash(cheap, STR("right password"), &hash), RC_OK);
    memcpy(world.hash, hash.p, hash.len + 1);
    buf_release(&hash);
    return 0;
}

/* ---------------------------------------------------------------- tests */

static void test_refresh_token_text_round_trips(void **state)
{
    (void)state;
    struct refresh_token a = {.family = ID_MAX}, b;
    struct buf text = BUF_INIT;
    random_bytes(a.secret, sizeof(a.secret));
    key16_new(&a.tag);
    refresh_token_write(&text, &a);
    assert_true(refresh_token_read(buf_str(&text), &b));
    assert_int_equal(b.family, ID_MAX);
    assert_memory_equal(a.secret, b.secret, sizeof(a.secret));
    assert_true(key16_eq(&a.tag, &b.tag));
    for (size_t i = 0; i < text.len; i++) {
        assert_false(refresh_token_read((struct str){text.p, i}, &b));
    }
    assert_false(refresh_token_read(STR("!!!!"), &b));
    buf_clear(&text);
    a.family = 0;
    refresh_token_write(&text, &a);
    assert_false(refresh_token_read(buf_str(&text), &b));
    buf_release(&text);
}

static void test_register_makes_an_account_and_a_login(void **state)
{
    (void)state;
    const char *field = NULL;
    struct auth_request r = request("newcomer", "long enough");
    assert_int_equal(svc_register(&r, &field), CODE_OK);
    assert_int_equal(world.done_count, 1);
    assert_int_equal(world.done_code, CODE_OK);
    assert_int_equal(world.submits, 2);
    assert_true(strlen(world.refresh) > 40);
}

static void test_register_refuses_before_it_hashes(void **state)
{
    (void)state;
    static const struct {
        const char *username, *password, *field;
        enum code code;
    } cases[] = {
        {"", "long enough", "username", CODE_INVALID_FIELD},
        {"newcomer", "short", "password", CODE_INVALID_FIELD},
        {"newcomer", "ääääääää", NULL, CODE_OK}, /* eight characters */
        {"newcomer", "0123456789012345678901234567890123456789012345678901234567890123456789", "password", CODE_INVALID_FIELD},
        {"ann", "long enough", "username", CODE_USERNAME_TAKEN},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *field = NULL;
        struct auth_request r = request(cases[i].username, cases[i].password);
        assert_int_equal(svc_register(&r, &field), cases[i].code);
        if (cases[i].field) {
            assert_string_equal(field, cases[i].field);
        }
    }
    conf.register_open = false;
    const char *field = NULL;
    struct auth_request r = request("newcomer", "long enough");
    assert_int_equal(svc_register(&r, &field), CODE_FORBIDDEN);
    conf.register_open = true;
}

static void test_login_right_wrong_unknown_disabled(void **state)
{
    (void)state;
    static const struct {
        const char *username, *password;
        bool disabled;
        enum code code;
    } cases[] = {
        {"ann", "right password", false, CODE_OK},
        {"ann", "wrong password", false, CODE_BAD_CREDENTIALS},
        {"nobody", "right password", false, CODE_BAD_CREDENTIALS},
        {"ann", "right password", true, CODE_USER_DISABLED},
        {"ann", "wrong password", true, CODE_BAD_CREDENTIALS},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *field = NULL;
        struct auth_request r = request(cases[i].username, cases[i].password);
        world.disabled = cases[i].disabled;
        assert_int_equal(svc_login(&r, &field), CODE_OK);
        assert_int_equal(world.done_code, cases[i].code);
    }
    assert_int_equal(world.rehashed, 0);
}

static void test_login_at_another_cost_stores_a_new_hash(void **state)
{
    (void)state;
    const char *field = NULL;
    struct buf hash = BUF_INIT;
    assert_int_equal(password_hash(old_cost, STR("right password"), &hash), RC_OK);
    memcpy(world.hash, hash.p, hash.len + 1);
    buf_release(&hash);
    struct auth_request r = request("ann", "right password");
    assert_int_equal(svc_login(&r, &field), CODE_OK);
    assert_int_equal(world.done_code, CODE_OK);
    assert_int_equal(world.rehashed, 1);
}

static void test_login_without_a_database_is_unavailable(void **state)
{
    (void)state;
    const char *field = NULL;
    struct auth_request r = request("ann", "right password");
    world.db_gone = true;
    assert_int_equal(svc_login(&r, &field), CODE_OK);
    assert_int_equal(world.done_code, CODE_UNAVAILABLE);
}

static void test_refresh_rotates_and_an_old_token_of_ours_ends_the_family(void **state)
{
    (void)state;
    const char *field = NULL;
    char first[256];
    struct auth_request r = request("ann", "right password");
    assert_int_equal(svc_login(&r, &field), CODE_OK);
    memcpy(first, world.refresh, sizeof(first));

    world.outcome_user = 7;
    r = request("", "");
    assert_int_equal(svc_refresh(&r, str_of(first), NULL, &field), CODE_OK);
    assert_int_equal(world.done_code, CODE_OK);
    assert_string_not_equal(world.refresh, first);
    assert_int_equal(world.last.number2, 31);

    world.outcome = CODE_UNAUTHENTICATED; /* the writer does not know this one any more */
    r = request("", "");
    assert_int_equal(svc_refresh(&r, str_of(first), NULL, &field), CODE_OK);
    assert_int_equal(world.done_code, CODE_REFRESH_REUSED);
    assert_int_equal(world.revoked_family, 31);
}

static void test_refresh_with_the_same_key_gives_the_same_token(void **state)
{
    (void)state;
    const char *field = NULL;
    char first[256], texts[4][256];
    struct key16 key = {{1}}, other = {{2}};
    const struct key16 *keys[] = {&key, &key, &other, NULL};
    struct auth_request r = request("ann", "right password");
    assert_int_equal(svc_login(&r, &field), CODE_OK);
    memcpy(first, world.refresh, sizeof(first));
    world.outcome_user = 7;
    for (int i = 0; i < 4; i++) {
        r = request("", "");
        assert_int_equal(svc_refresh(&r, str_of(first), keys[i], &field), CODE_OK);
        assert_int_equal(world.done_code, CODE_OK);
        memcpy(texts[i], world.refresh, sizeof(texts[i]));
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_not_equal(texts[0], texts[2]);
    assert_string_not_equal(texts[0], texts[3]);
    r = request("", ""); /* the key is not all there is to it */
    assert_int_equal(svc_refresh(&r, str_of(texts[2]), &key, &field), CODE_OK);
    assert_string_not_equal(world.refresh, texts[0]);
}

static void test_refresh_with_a_made_up_token_ends_nothing(void **state)
{
    (void)state;
    const char *field = NULL;
    struct refresh_token t = {.family = 31};
    struct buf text = BUF_INIT;
    refresh_token_write(&text, &t);
    world.outcome = CODE_UNAUTHENTICATED;
    world.outcome_user = 7;
    struct auth_request r = request("", "");
    assert_int_equal(svc_refresh(&r, buf_str(&text), NULL, &field), CODE_OK);
    assert_int_equal(world.done_code, CODE_UNAUTHENTICATED);
    assert_int_equal(world.revoked_family, 0);
    r = request("", "");
    assert_int_equal(svc_refresh(&r, STR("garbage"), NULL, &field), CODE_UNAUTHENTICATED);
    buf_release(&text);
}

static void test_account_without_a_password_gets_no_hash_and_no_login(void **state)
{
    (void)state;
    const char *field = NULL;
    struct auth_request r = request("robot", "");
    r.user_id = 123;
    assert_int_equal(svc_account(&r, &field), CODE_OK);
    assert_int_equal(world.done_code, CODE_OK);
    assert_int_equal(world.submits, 1);
    assert_int_equal(world.last.user_id, 123);
    assert_int_equal(world.last.secret.len, 0);
    assert_string_equal(world.refresh, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refresh_token_text_round_trips, set_up),
        cmocka_unit_test_setup(test_register_makes_an_account_and_a_login, set_up),
        cmocka_unit_test_setup(test_register_refuses_before_it_hashes, set_up),
        cmocka_unit_test_setup(test_login_right_wrong_unknown_disabled, set_up),
        cmocka_unit_test_setup(test_login_at_another_cost_stores_a_new_hash, set_up),
        cmocka_unit_test_setup(test_login_without_a_database_is_unavailable, set_up),
        cmocka_unit_test_setup(test_refresh_rotates_and_an_old_token_of_ours_ends_the_family, set_up),
        cmocka_unit_test_setup(test_refresh_with_the_same_key_gives_the_same_token, set_up),
        cmocka_unit_test_setup(test_refresh_with_a_made_up_token_ends_nothing, set_up),
        cmocka_unit_test_setup(test_account_without_a_password_gets_no_hash_and_no_login, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
