#include "rest/password.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>

#include "shared/bug.h"

static void start_sodium(void)
{
    BUG_IF(sodium_init() < 0);
}

static void once(void)
{
    static pthread_once_t started = PTHREAD_ONCE_INIT;
    pthread_once(&started, start_sodium);
}

enum rc password_hash(struct password_cost cost, struct str password, struct buf *out)
{
    char text[crypto_pwhash_STRBYTES];
    once();
    if (crypto_pwhash_str_alg(text, password.p, password.len, cost.passes,
                              (size_t)cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return RC_NO_MEMORY;
    }
    buf_add_z(out, text);
    sodium_memzero(text, sizeof(text));
    return buf_ok(out) ? RC_OK : RC_NO_MEMORY;
}

/* The same work as a verification, for nobody. */
static enum rc verify_nobody(struct password_cost cost, struct str password)
{
    static const unsigned char salt[crypto_pwhash_SALTBYTES];
    unsigned char out[32];
    int bad = crypto_pwhash(out, sizeof(out), password.p, password.len, salt, cost.passes,
                            (size_t)cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13);
    sodium_memzero(out, sizeof(out));
    return bad ? RC_NO_MEMORY : RC_UNAUTHENTICATED;
}

enum rc password_verify(struct password_cost cost, struct str hash, struct str password,
                        bool *rehash)
{
    char text[crypto_pwhash_STRBYTES] = {0};
    once();
    if (hash.len == 0 || hash.len >= sizeof(text)) {
        return verify_nobody(cost, password);
    }
    memcpy(text, hash.p, hash.len);
    errno = 0;
    if (crypto_pwhash_str_verify(text, password.p, password.len) != 0) {
        return errno == ENOMEM ? RC_NO_MEMORY : RC_UNAUTHENTICATED;
    }
    if (rehash) {
        *rehash = crypto_pwhash_str_needs_rehash(text, cost.passes, (size_t)cost.memory_bytes) != 0;
    }
    return RC_OK;
}
