#include "rest/push_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rest/auth_keys.h"
#include "rest/metrics.h"
#include "shared/clock.h"
#include "shared/id.h"
#include "shared/log.h"
#include "shared/mem.h"

#define RECONNECT_FIRST_MS 100
#define RECONNECT_LAST_MS  5000

/* -- settings ------------------------------------------------------------------------------------------- */

static enum rc load_key(const char *file, bool create, struct push_key **out, struct buf *why)
{
    struct buf text = BUF_INIT, scalar = BUF_INIT;
    enum rc rc = auth_secret_load(file, "VAPID key", create, &text, why);
    if (rc == RC_OK && (!base64url_decode(buf_str(&text), &scalar) || push_key_from(buf_str(&scalar), out) != RC_OK)) {
        buf_addf(why, "%s: a VAPID key is a P-256 private key, 32 bytes in base64url.\n", file);
        rc = RC_INVALID;
    }
    auth_wipe(&text);
    auth_wipe(&scalar);
    return rc;
}

static bool is_web(const struct rest_conf *c)
{
    return c->push_vapid_key_file[0] != '\0';
}

static bool is_webhook(const struct rest_conf *c)
{
    return c->push_webhook_url[0] != '\0';
}

static enum rc check_words(const struct rest_conf *c, struct buf *why)
{
    struct str subject = str_of(c->push_subject);
    struct buf fault = BUF_INIT;
    enum rc rc = RC_OK;
    if (subject.len > 0 && !str_starts(subject, STR("mailto:")) && !str_starts(subject, STR("https:"))) {
        buf_add_z(why, "push_subject must begin with mailto: or https:.\n");
        rc = RC_INVALID;
    } else if (is_webhook(c) && push_url_check(c->push_webhook_url, false, true, NULL, &fault) != RC_OK) {
        buf_addf(why, "push_webhook_url %.*s.\n", (int)fault.len, fault.p);
        rc = RC_INVALID;
    } else if (is_webhook(c) && c->push_webhook_secret_file[0] == '\0') {
        buf_add_z(why, "push_webhook_url needs push_webhook_secret_file.\n");
        rc = RC_INVALID;
    } else if (c->push_ca[0] != '\0' && access(c->push_ca, R_OK) != 0) {
        buf_addf(why, "push_ca: cannot read %s.\n", c->push_ca);
        rc = RC_INVALID;
    }
    buf_release(&fault);
    return rc;
}

/* In a check a file that a start would make is not looked at. */
static bool can_load(const char *file, bool make, bool will_make)
{
    return make || !will_make || access(file, F_OK) == 0;
}

static enum rc load(const struct rest_conf *c, bool make, bool will_make, struct push_key **key, struct buf *secret,
                    struct buf *why)
{
    enum rc rc = check_words(c, why);
    if (rc == RC_OK && is_web(c) && can_load(c->push_vapid_key_file, make, will_make)) {
        rc = load_key(c->push_vapid_key_file, make && will_make, key, why);
    }
    if (rc == RC_OK && is_webhook(c) && can_load(c->push_webhook_secret_file, make, will_make)) {
        rc = auth_secret_load(c->push_webhook_secret_file, "secret of the webhook", make && will_make, secret, why);
    }
    return rc;
}

enum rc push_check(const struct rest_conf *conf, bool create, struct buf *why)
{
    struct push_key *key = NULL;
    struct buf secret = BUF_INIT;
    enum rc rc = load(conf, false, create, &key, &secret, why);
    push_key_free(key);
    auth_wipe(&secret);
    return rc;
}

/* -- life ------------------------------------------------------------------------------------------------ */

enum rc push_new(const struct rest_conf *conf, const struct store_conf *store, struct svc *svc, struct push **out,
                 struct buf *why)
{
    bool create = conf->create_secrets || conf->profile == PROFILE_DEV;
    const struct push_http_conf http = {conf->push_ca, conf->push_timeout_ms, conf->push_private_endpoints};
    *out = NULL;
    if (!is_web(conf) && !is_webhook(conf)) {
        return RC_OK;
    }
    struct push *p = mem_new(sizeof(*p));
    p->conf = conf;
    p->svc = svc;
    p->store_conf = store;
    p->bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&p->lock, NULL);
    p->slots = mem_new(conf->push_parallel * sizeof(p->slots[0]));
    enum rc rc = p->bell.fd >= 0 ? load(conf, true, create, &p->key, &p->secret, why) : RC_IO;
    if (rc == RC_OK) {
        rc = push_http_new(&http, &p->http, why);
    }
    if (rc != RC_OK) {
        push_free(p);
        return rc;
    }
    *out = p;
    return RC_OK;
}

void push_free(struct push *p)
{
    if (p == NULL) {
        return;
    }
    push_http_free(p->http);
    for (uint64_t i = 0; i < p->conf->push_parallel; i++) {
        buf_release(&p->slots[i].kept);
        buf_release(&p->slots[i].error);
    }
    free(p->slots);
    push_key_free(p->key);
    auth_wipe(&p->secret);
    if (p->bell.fd >= 0) {
        close(p->bell.fd);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

struct push_bell *push_bell_of(struct push *p)
{
    return p != NULL ? &p->bell : NULL;
}

bool push_has_key(const struct push *p)
{
    return p != NULL && p->key != NULL;
}

void push_add_public_key(const struct push *p, struct buf *out)
{
    base64url_add(out, push_key_public(p->key).p, PUSH_PUBLIC_BYTES);
}

/* -- the thread ------------------------------------------------------------------------------------------ */

void push_count(struct push *p, uint64_t come, uint64_t gone)
{
    p->queued += come;
    p->queued -= gone < p->queued ? gone : p->queued;
    metric_set(METRIC_PUSH_QUEUE, (int64_t)p->queued);
}

static void disconnect(struct push *p)
{
    if (p->store != NULL) {
        store_close(p->store);
    }
    p->store = NULL;
    p->has_place = false;
    p->targets_at = p->targets_count = 0;
    p->look = true;
}

static bool connect_again(struct push *p)
{
    struct buf why = BUF_INIT;
    uint64_t now = mono_ms();
    if (now < p->connect_at_ms) {
        return false;
    }
    if (store_open(p->store_conf, &p->store, &why) == RC_OK) {
        p->pause_ms = 0;
    } else {
        p->store = NULL;
        p->pause_ms = p->pause_ms == 0 ? RECONNECT_FIRST_MS : p->pause_ms * 2;
        p->pause_ms = p->pause_ms < RECONNECT_LAST_MS ? p->pause_ms : RECONNECT_LAST_MS;
        p->connect_at_ms = mono_ms() + p->pause_ms;
        log_warn_limited("push_waits_for_db", "why=%s", log_esc(buf_str(&why)));
    }
    buf_release(&why);
    return p->store != NULL;
}

/* Where the cursor is, and how much waits. */
static bool find_place(struct push *p)
{
    if (!p->has_place && store_push_cursor(p->store, &p->cursor) == STORE_OK &&
        store_push_count(p->store, &p->queued) == STORE_OK) {
        p->has_place = true;
        p->done = p->cursor.user_id != 0 && p->cursor.event_id > 0 ? p->cursor.event_id - 1 : p->cursor.event_id;
        p->look = true;
        push_count(p, 0, 0);
    }
    return p->has_place;
}

/* Everything that can be done now. Returns how long nothing happens by itself. */
static uint64_t turn(struct push *p)
{
    if (p->store != NULL && !store_alive(p->store)) {
        disconnect(p);
    }
    bool connected = p->store != NULL || connect_again(p);
    push_answer_calls(p, p->store, CODE_UNAVAILABLE);
    if (!connected || !find_place(p)) {
        return RECONNECT_FIRST_MS;
    }
    uint64_t follow_ms = push_follow(p);
    uint64_t send_ms = push_send(p);
    return follow_ms < send_ms ? follow_ms : send_ms;
}

static bool is_stopping(struct push *p)
{
    pthread_mutex_lock(&p->lock);
    bool stopping = p->stopping;
    pthread_mutex_unlock(&p->lock);
    return stopping;
}

/* Heard first, then looked: what rings meanwhile is seen in this turn or rings again. */
static void hear_bell(struct push *p)
{
    uint64_t rings;
    ssize_t n = read(p->bell.fd, &rings, sizeof(rings));
    (void)n; /* it did not ring */
    atomic_store(&p->bell.rung, false);
}

static void *run(void *arg)
{
    struct push *p = arg;
    p->started_ms = mono_ms();
    p->look = true;
    while (!is_stopping(p)) {
        uint64_t wait_ms = turn(p);
        push_http_poll(p->http, p->bell.fd, wait_ms);
        hear_bell(p);
    }
    push_answer_calls(p, NULL, CODE_RESTARTING);
    push_finish(p);
    disconnect(p);
    store_thread_end();
    return NULL;
}

enum rc push_run(struct push *p)
{
    if (pthread_create(&p->thread, NULL, run, p) != 0) {
        return RC_NO_MEMORY;
    }
    p->running = true;
    return RC_OK;
}

void push_stop(struct push *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_mutex_unlock(&p->lock);
    push_bell_ring(&p->bell);
    if (p->running) {
        pthread_join(p->thread, NULL);
        p->running = false;
    }
}
