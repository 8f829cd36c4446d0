/* Tokens, their cache, tickets, secret files, and the precedence of carriers. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "rest/auth.h"
#include "rest/auth_cache.h"
#include "rest/auth_tickets.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/log.h"

/* -- the cache of users, as far as tokens need it ------------------------------------------------ */

static enum code state_now = CODE_OK;
static uint64_t valid_from_us; /* of everybody */
static struct cache_user john = {.id = 77};

enum code cache_token_state(struct cache *c, uint64_t user_id, uint64_t family, uint64_t stamp_us)
{
    (void)c;
    (void)family;
    if (stamp_us < valid_from_us) {
        return CODE_TOKEN_REVOKED;
    }
    return user_id == 404 ? CODE_USER_NOT_FOUND : state_now;
}
void cache_rdlock(struct cache *c)
{
    (void)c;
}
void cache_unlock(struct cache *c)
{
    (void)c;
}
/* Everybody who is named by number is there, and john_doe. */
static struct cache_user numbered;

uint32_t cache_user_called(const struct cache *c, struct str text)
{
    (void)c;
    if (id_parse(text, ID_USER, &numbered.id) == RC_OK) {
        return 1;
    }
    return str_eq(text, STR("john_doe")) ? 0 : CACHE_NONE;
}
const struct cache_user *cache_user(const struct cache *c, uint32_t index)
{
    (void)c;
    john.valid_from_us = numbered.valid_from_us = valid_from_us;
    return index == 0 ? &john : index == 1 ? &numbered : NULL;
}
uint32_t cache_user_index(const struct cache *c, uint64_t id)
{
    (void)c;
    numbered.id = id;
    return 1;
}

/* -- fixture ------------------------------------------------------------------------------------- */

static char dir[] = "/tmp/confab-auth-XXXXXX";
static char secret_file[64], admin_file[64];
static struct rest_conf conf;
static struct auth *auth;

static struct auth *make(void)
{
    struct auth *a = NULL;
    struct buf why = BUF_INIT;

    if (auth_new(&conf, NULL, &a, &why) != RC_OK) {
        assert_true(why.len > 0);
        a = NULL;
    }
    buf_release(&why);
    return a;
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    log_init("test", LOG_LEVEL_ERR);
    snprintf(secret_file, sizeof(secret_file), "%s/jwt", dir);
    snprintf(admin_file, sizeof(admin_file), "%s/admin", dir);
    conf = (struct rest_conf){
        .profile = PROFILE_PROD, .create_secrets = true, .jwt_secret_file = secret_file,
        .jwt_jwks_file = (char *)(uintptr_t)"", .admin_token_file = admin_file,
        .jwt_issuer = (char *)(uintptr_t)"confab", .jwt_audience = (char *)(uintptr_t)"confab",
        .token_cache_max = 64, .ticket_max = 4, .ticket_ttl_ms = 30000, .token_leeway_ms = 5000,
    };
    auth = make();
    return auth == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    auth_free(auth);
    unlink(secret_file);
    unlink(admin_file);
    rmdir(dir);
    return 0;
}

/* A token of a user in one of eight static buffers. */
static struct str token(uint64_t user, uint64_t ttl_s)
{
    static struct buf texts[8];
    static unsigned next;
    struct buf *b = &texts[next++ % 8];
    uint64_t expires;

    buf_release(b);
    assert_int_equal(auth_issue(auth, user, 5, ttl_s, b, &expires), RC_OK);
    return buf_str(b);
}

static struct str bearer(uint64_t user)
{
    static struct buf texts[4];
    static unsigned next;
    struct buf *b = &texts[next++ % 4];

    buf_release(b);
    buf_add_z(b, "Bearer ");
    buf_add_str(b, token(user, 60));
    return buf_str(b);
}

/* -- tokens ------------------------------------------------------------------------------------ */

static void test_tokens_are_checked_and_remembered(void **state)
{
    struct identity who = {0};
    uint64_t issued = 0;
    struct str t = token(42, 60);
    int64_t verified;

    (void)state;
    state_now = CODE_OK;
    assert_int_equal(auth_token(auth, t, &who, &issued), CODE_OK);
    assert_int_equal(who.user_id, 42);
    assert_int_equal(who.family, 5);
    assert_true(who.expires_s > wall_s());
    verified = metric_get(METRIC_TOKENS_VERIFIED);
    assert_int_equal(auth_token(auth, t, &who, &issued), CODE_OK);
    assert_int_equal(metric_get(METRIC_TOKENS_VERIFIED), verified);
    state_now = CODE_TOKEN_REVOKED; /* also when it is remembered */
    assert_int_equal(auth_token(auth, t, &who, &issued), CODE_TOKEN_REVOKED);
    state_now = CODE_OK;
    assert_int_equal(auth_token(auth, token(404, 60), &who, &issued), CODE_UNAUTHENTICATED);
    assert_int_equal(auth_token(auth, STR("a.b.c"), &who, &issued), CODE_UNAUTHENTICATED);
    assert_int_equal(auth_token(auth, STR(""), &who, &issued), CODE_UNAUTHENTICATED);
}

/* What was made before it is void, what was made after it is good, whatever the clock says. */
static void test_a_revocation_separates_tokens_exactly(void **state)
{
    struct identity who = {0};
    uint64_t stamp = 0;
    /* now; an hour ahead, as after a clock that was set back; a microsecond after that */
    const uint64_t times[] = {wall_us(), wall_us() + 3600000000, wall_us() + 3600000001};
    struct buf ticket = BUF_INIT;

    (void)state;
    state_now = CODE_OK;
    for (unsigned i = 0; i < 3; i++) {
        struct str before = token(42, 60);
        assert_int_equal(auth_token(auth, before, &who, &stamp), CODE_OK);
        buf_clear(&ticket);
        assert_int_equal(auth_ticket_new(auth, &who, &ticket), RC_OK);
        valid_from_us = times[i];
        assert_int_equal(auth_token(auth, before, &who, &stamp), CODE_TOKEN_REVOKED);
        assert_int_equal(auth_token(auth, token(42, 61), &who, &stamp), CODE_OK);
        assert_int_equal(stamp, valid_from_us);

        bool by_cookie;
        struct auth_carriers c = {.ticket = buf_str(&ticket)};
        assert_int_equal(auth_carriers_check(auth, &c, &who, &stamp, &by_cookie), CODE_TOKEN_REVOKED);
    }
    valid_from_us = 0;
    buf_release(&ticket);
}

static void test_expired_tokens_say_so(void **state)
{
    struct jwt_keys *keys = jwt_keys_new("confab", "confab", 0);
    struct jwt_claims claims = {.sub = "42", .issued_us = 1000000, .expires_s = wall_s() - 100};
    struct buf text = BUF_INIT;
    struct identity who;
    uint64_t issued;
    char secret[128] = "";
    int fd = open(secret_file, O_RDONLY);

    (void)state;
    ssize_t n = read(fd, secret, sizeof(secret) - 1);
    close(fd);
    assert_true(n > 32);
    /* Without a kid of ours: made with the same secret. */
    assert_int_equal(jwt_keys_add_hs256(keys, NULL, (struct str){secret, (size_t)n - 1}), RC_OK);
    assert_int_equal(jwt_sign(keys, &claims, &text), RC_OK);
    assert_int_equal(auth_token(auth, buf_str(&text), &who, &issued), CODE_TOKEN_EXPIRED);
    buf_clear(&text);
    claims.expires_s = wall_s() - 3; /* within the tolerance */
    assert_int_equal(jwt_sign(keys, &claims, &text), RC_OK);
    assert_int_equal(auth_token(auth, buf_str(&text), &who, &issued), CODE_OK);
    assert_int_equal(auth_token(auth, buf_str(&text), &who, &issued), CODE_OK);
    buf_clear(&text);
    claims.expires_s = wall_s() + 100;
    snprintf(claims.sub, sizeof(claims.sub), "john_doe"); /* an identity provider's way */
    assert_int_equal(jwt_sign(keys, &claims, &text), RC_OK);
    assert_int_equal(auth_token(auth, buf_str(&text), &who, &issued), CODE_OK);
    assert_int_equal(who.user_id, 77);
    buf_clear(&text);
    snprintf(claims.sub, sizeof(claims.sub), "nobody");
    assert_int_equal(jwt_sign(keys, &claims, &text), RC_OK);
    assert_int_equal(auth_token(auth, buf_str(&text), &who, &issued), CODE_UNAUTHENTICATED);
    buf_release(&text);
    jwt_keys_free(keys);
}

static void test_tags_repeat_and_differ(void **state)
{
    struct key16 a, b, c;

    (void)state;
    assert_int_equal(auth_tag(auth, STR("one"), &a), RC_OK);
    assert_int_equal(auth_tag(auth, STR("one"), &b), RC_OK);
    assert_int_equal(auth_tag(auth, STR("two"), &c), RC_OK);
    assert_true(key16_eq(&a, &b));
    assert_false(key16_eq(&a, &c));
}

static void test_the_cache_is_bounded_and_forgets_the_expired(void **state)
{
    struct auth_cache *c = auth_cache_new(16);
    struct auth_seen seen = {1, 2, 3, 1000}, got;
    struct key16 hash = {{0}};
    unsigned i, found = 0;

    (void)state;
    for (i = 0; i < 1000; i++) {
        memcpy(hash.b, &i, sizeof(i));
        seen.user_id = i + 1;
        auth_cache_put(c, &hash, 10, &seen);
        assert_true(auth_cache_get(c, &hash, 10, &got));
        assert_int_equal(got.user_id, i + 1);
    }
    for (i = 0; i < 1000; i++) {
        memcpy(hash.b, &i, sizeof(i));
        found += auth_cache_get(c, &hash, 10, &got);
    }
    assert_true(found <= 16);
    assert_false(auth_cache_get(c, &hash, 1000, &got));
    auth_cache_free(c);
    c = auth_cache_new(0);
    auth_cache_put(c, &hash, 10, &seen);
    assert_false(auth_cache_get(c, &hash, 10, &got));
    auth_cache_free(c);
}

/* What is asked for again and again stays when others come by once. */
static void test_the_cache_keeps_what_is_used(void **state)
{
    struct auth_cache *c = auth_cache_new(4);
    struct auth_seen seen = {1, 2, 3, 1000}, got;
    struct key16 mine = {{0}}, other = {{0}};
    unsigned i, lost = 0;

    (void)state;
    mine.b[8] = 1;
    auth_cache_put(c, &mine, 10, &seen);
    for (i = 2; i < 200; i++) {
        if (!auth_cache_get(c, &mine, 10, &got)) {
            lost++;
            auth_cache_put(c, &mine, 10, &seen);
            assert_true(auth_cache_get(c, &mine, 10, &got));
        }
        memcpy(other.b + 8, &i, sizeof(i));
        other.b[15] = (unsigned char)i;
        auth_cache_put(c, &other, 10, &seen);
    }
    assert_true(lost < 20);
    auth_cache_free(c);
}

/* -- tickets ----------------------------------------------------------------------------------- */

static void test_tickets_work_once_and_not_for_long(void **state)
{
    struct auth_tickets *t = auth_tickets_new(2, 100);
    struct identity who = {.user_id = 9, .stamp_us = 7}, got = {0};
    struct buf one = BUF_INIT, two = BUF_INIT, three = BUF_INIT;

    (void)state;
    assert_int_equal(auth_tickets_new_one(t, &who, 1000, &one), RC_OK);
    assert_int_equal(auth_tickets_new_one(t, &who, 1000, &two), RC_OK);
    assert_int_equal(auth_tickets_new_one(t, &who, 1000, &three), RC_UNAVAILABLE);
    assert_true(auth_tickets_take(t, buf_str(&one), 1050, &got));
    assert_int_equal(got.user_id, 9);
    assert_int_equal(got.stamp_us, 7);
    assert_false(auth_tickets_take(t, buf_str(&one), 1050, &got));
    assert_int_equal(auth_tickets_new_one(t, &who, 1050, &three), RC_OK); /* a used one makes room */
    assert_false(auth_tickets_take(t, buf_str(&two), 1100, &got));
    assert_false(auth_tickets_take(t, STR("guess"), 1100, &got));
    assert_true(auth_tickets_take(t, buf_str(&three), 1149, &got));
    buf_release(&one);
    buf_release(&two);
    buf_release(&three);
    auth_tickets_free(t);
}

/* -- secret files ------------------------------------------------------------------------------ */

static void test_secret_files_are_made_private_and_kept(void **state)
{
    struct auth *again;
    struct identity who;
    uint64_t issued;
    struct stat st;

    (void)state;
    assert_int_equal(stat(secret_file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    again = make();
    assert_non_null(again);
    assert_int_equal(auth_token(again, token(42, 60), &who, &issued), CODE_OK);
    auth_free(again);
}

static void test_missing_or_weak_secrets_stop_the_start(void **state)
{
    struct rest_conf saved = conf;
    char path[80];
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s/other", dir);
    conf.create_secrets = false;
    conf.jwt_secret_file = path;
    assert_null(make());
    f = fopen(path, "w");
    fputs("# comment\nkid-a short\n", f);
    fclose(f);
    assert_null(make());
    f = fopen(path, "w");
    fputs("# nothing\n\n", f);
    fclose(f);
    assert_null(make());
    f = fopen(path, "w");
    fputs("new 0123456789abcdef0123456789abcdef\nold fedcba9876543210fedcba9876543210\n", f);
    fclose(f);
    struct auth *good = make();
    assert_non_null(good);
    auth_free(good);
    unlink(path);
    conf = saved;
}

static void test_the_admin_secret(void **state)
{
    char secret[128] = "";
    int fd = open(admin_file, O_RDONLY);
    ssize_t n = read(fd, secret, sizeof(secret) - 1);

    (void)state;
    close(fd);
    assert_true(n > 32);
    assert_true(auth_is_admin(auth, (struct str){secret, (size_t)n - 1}));
    assert_false(auth_is_admin(auth, (struct str){secret, (size_t)n - 2}));
    assert_false(auth_is_admin(auth, STR("")));
    assert_false(auth_is_admin(auth, token(1, 60)));
}

/* -- carriers ---------------------------------------------------------------------------------- */

static enum code check(struct auth_carriers c, uint64_t *user, bool *by_cookie)
{
    struct identity who = {0};
    uint64_t issued;
    enum code code = auth_carriers_check(auth, &c, &who, &issued, by_cookie);

    *user = who.user_id;
    return code;
}

static void test_precedence_of_carriers(void **state)
{
    struct buf ticket = BUF_INIT;
    struct identity who = {.user_id = 42};
    uint64_t user;
    bool by_cookie = true;

    (void)state;
    assert_int_equal(check((struct auth_carriers){0}, &user, &by_cookie), CODE_UNAUTHENTICATED);
    assert_int_equal(check((struct auth_carriers){.authorization = bearer(42)}, &user, &by_cookie), CODE_OK);
    assert_int_equal(user, 42);
    assert_false(by_cookie);
    assert_int_equal(check((struct auth_carriers){.cookie = token(42, 60)}, &user, &by_cookie), CODE_OK);
    assert_true(by_cookie);
    assert_int_equal(check((struct auth_carriers){.cookie = token(42, 60), .query = token(42, 70)}, &user, &by_cookie),
                     CODE_OK);
    assert_false(by_cookie);
    assert_int_equal(auth_ticket_new(auth, &who, &ticket), RC_OK);
    assert_int_equal(check((struct auth_carriers){.ticket = buf_str(&ticket)}, &user, &by_cookie), CODE_OK);
    assert_int_equal(user, 42);
    assert_int_equal(check((struct auth_carriers){.ticket = buf_str(&ticket)}, &user, &by_cookie),
                     CODE_UNAUTHENTICATED);
    assert_int_equal(check((struct auth_carriers){.subprotocol = token(3, 60)}, &user, &by_cookie), CODE_OK);
    assert_int_equal(user, 3);
    buf_release(&ticket);
}

static void test_two_carriers_must_agree(void **state)
{
    uint64_t user;
    bool by_cookie;

    (void)state;
    assert_int_equal(check((struct auth_carriers){.authorization = bearer(1), .cookie = token(2, 60)}, &user,
                           &by_cookie),
                     CODE_CARRIERS_DISAGREE);
    assert_int_equal(check((struct auth_carriers){.subprotocol = token(1, 60), .query = token(2, 60)}, &user,
                           &by_cookie),
                     CODE_CARRIERS_DISAGREE);
    assert_int_equal(check((struct auth_carriers){.cookie = token(1, 60), .query = token(2, 60)}, &user, &by_cookie),
                     CODE_CARRIERS_DISAGREE);
    assert_int_equal(check((struct auth_carriers){.authorization = bearer(1), .query = token(1, 61)}, &user,
                           &by_cookie),
                     CODE_OK);
}

static void test_bad_carriers(void **state)
{
    uint64_t user;
    bool by_cookie;

    (void)state;
    /* The first one counts, even if a good one follows. */
    assert_int_equal(check((struct auth_carriers){.authorization = STR("Bearer x"), .cookie = token(1, 60)}, &user,
                           &by_cookie),
                     CODE_UNAUTHENTICATED);
    /* But a stale cookie, which the browser sends unasked, does not spoil what the page says. */
    assert_int_equal(check((struct auth_carriers){.cookie = STR("x"), .query = token(1, 60)}, &user, &by_cookie),
                     CODE_OK);
    assert_false(by_cookie);
    assert_int_equal(check((struct auth_carriers){.authorization = bearer(1), .cookie = STR("x")}, &user, &by_cookie),
                     CODE_OK);
    assert_int_equal(check((struct auth_carriers){.authorization = STR("Basic eDp5"), .cookie = token(1, 60)}, &user,
                           &by_cookie),
                     CODE_OK);
    assert_int_equal(check((struct auth_carriers){.authorization = STR("Bearer")}, &user, &by_cookie),
                     CODE_UNAUTHENTICATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_are_checked_and_remembered),
        cmocka_unit_test(test_a_revocation_separates_tokens_exactly),
        cmocka_unit_test(test_expired_tokens_say_so),
        cmocka_unit_test(test_tags_repeat_and_differ),
        cmocka_unit_test(test_the_cache_is_bounded_and_forgets_the_expired),
        cmocka_unit_test(test_the_cache_keeps_what_is_used),
        cmocka_unit_test(test_tickets_work_once_and_not_for_long),
        cmocka_unit_test(test_secret_files_are_made_private_and_kept),
        cmocka_unit_test(test_missing_or_weak_secrets_stop_the_start),
        cmocka_unit_test(test_the_admin_secret),
        cmocka_unit_test(test_precedence_of_carriers),
        cmocka_unit_test(test_two_carriers_must_agree),
        cmocka_unit_test(test_bad_carriers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
