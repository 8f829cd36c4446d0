#include "rest/door_policy.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rest/proxy.h"
#include "shared/mem.h"

#define ORIGINS_MAX 256
#define PROXIES_MAX 64

/* -- parsed settings --------------------------------------------------------------------------- */

struct origin_rule {
    char *text;      /* a whole origin, or with subdomains the host behind the star label */
    bool subdomains;
    char *scheme;    /* with subdomains: "https://" */
};

struct rules { /* replaced as a whole */
    bool any;
    bool dev;
    struct origin_rule origins[ORIGINS_MAX];
    unsigned origins_count;
    struct addr_net proxies[PROXIES_MAX];
    unsigned proxies_count;
};

struct door_policy {
    pthread_rwlock_t lock;
    struct rules *rules;
};

static void rules_free(struct rules *r)
{
    unsigned i;

    if (r == NULL) {
        return;
    }
    for (i = 0; i < r->origins_count; i++) {
        free(r->origins[i].text);
        free(r->origins[i].scheme);
    }
    free(r);
}

static enum rc add_origin(struct rules *r, struct str text, struct buf *why)
{
    struct origin_rule rule = {0};
    const char *star;

    if (str_eq(text, STR("*"))) {
        r->any = true;
        return RC_OK;
    }
    if (r->origins_count == ORIGINS_MAX) {
        buf_addf(why, "origins has more than %d entries.\n", ORIGINS_MAX);
        return RC_TOO_BIG;
    }
    if (!str_eq(text, STR("null")) && !str_starts(text, STR("http://")) &&
        !str_starts(text, STR("https://"))) {
        buf_addf(why, "origins: \"%.*s\" does not begin with http:// or https://.\n", (int)text.len,
                 text.p);
        return RC_INVALID;
    }
    star = memmem(text.p, text.len, "://*.", 5);
    if (star != NULL) {
        size_t scheme = (size_t)(star - text.p) + 3;

        rule.subdomains = true;
        rule.scheme = mem_copy(text.p, scheme);
        text = str_from(text, scheme + 2);
    }
    if (text.len == 0 || memchr(text.p, '*', text.len) != NULL) {
        free(rule.scheme);
        buf_add_z(why, "origins: * stands alone or as the whole first label (https://*.example.com).\n");
        return RC_INVALID;
    }
    rule.text = mem_copy(text.p, text.len);
    r->origins[r->origins_count++] = rule;
    return RC_OK;
}

static enum rc add_proxy(struct rules *r, struct str text, struct buf *why)
{
    if (r->proxies_count == PROXIES_MAX) {
        buf_addf(why, "trusted_proxies has more than %d entries.\n", PROXIES_MAX);
        return RC_TOO_BIG;
    }
    if (addr_net_parse(text, &r->proxies[r->proxies_count]) != RC_OK) {
        buf_addf(why, "trusted_proxies: \"%.*s\" is no address and no network.\n", (int)text.len,
                 text.p);
        return RC_INVALID;
    }
    r->proxies_count++;
    return RC_OK;
}

static enum rc rules_new(const struct rest_conf *conf, struct rules **out, struct buf *why)
{
    struct rules *r = mem_new(sizeof(*r));
    struct str origins = str_of(conf->origins), proxies = str_of(conf->trusted_proxies), element;
    enum rc rc = RC_OK;

    r->dev = conf->profile == PROFILE_DEV;
    while (rc == RC_OK && door_list_next(&origins, &element)) {
        rc = add_origin(r, element, why);
    }
    while (rc == RC_OK && door_list_next(&proxies, &element)) {
        rc = add_proxy(r, element, why);
    }
    if (rc != RC_OK) {
        rules_free(r);
        return rc;
    }
    *out = r;
    return RC_OK;
}

enum rc door_policy_new(const struct rest_conf *conf, struct door_policy **out, struct buf *why)
{
    struct rules *rules;
    enum rc rc = rules_new(conf, &rules, why);

    if (rc != RC_OK) {
        return rc;
    }
    *out = mem_new(sizeof(**out));
    pthread_rwlock_init(&(*out)->lock, NULL);
    (*out)->rules = rules;
    return RC_OK;
}

void door_policy_free(struct door_policy *p)
{
    if (p == NULL) {
        return;
    }
    rules_free(p->rules);
    pthread_rwlock_destroy(&p->lock);
    free(p);
}

enum rc door_policy_reload(struct door_policy *p, const struct rest_conf *conf, struct buf *why)
{
    struct rules *rules, *old;
    enum rc rc = rules_new(conf, &rules, why);

    if (rc != RC_OK) {
        return rc;
    }
    pthread_rwlock_wrlock(&p->lock);
    old = p->rules;
    p->rules = rules;
    pthread_rwlock_unlock(&p->lock);
    rules_free(old);
    return RC_OK;
}

/* -- origins ----------------------------------------------------------------------------------- */

static bool host_is_local(struct str host)
{
    return str_ieq(host, STR("localhost")) || str_eq(host, STR("127.0.0.1")) ||
           str_eq(host, STR("[::1]"));
}

/* http(s)://localhost with any port: only pages that this machine serves to itself. */
static bool origin_is_local(struct str origin)
{
    struct str rest = str_starts(origin, STR("http://"))    ? str_from(origin, 7)
                      : str_starts(origin, STR("https://")) ? str_from(origin, 8)
                                                            : STR_NONE;
    struct str host = rest, port = STR_NONE;
    size_t i;

    if (rest.p == NULL) {
        return false;
    }
    for (i = rest.len; i > 0 && rest.p[i - 1] >= '0' && rest.p[i - 1] <= '9'; i--) {
    }
    if (i > 0 && i < rest.len && rest.p[i - 1] == ':') {
        host.len = i - 1;
        port = str_from(rest, i);
    }
    return host_is_local(host) && port.len <= 5;
}

static bool rule_matches(const struct origin_rule *rule, struct str origin)
{
    struct str text = str_of(rule->text), scheme = str_of(rule->scheme);
    struct str host;

    if (!rule->subdomains) {
        return str_ieq(origin, text);
    }
    if (origin.len < scheme.len || !str_ieq((struct str){origin.p, scheme.len}, scheme)) {
        return false;
    }
    host = str_from(origin, scheme.len);
    return host.len > text.len + 1 && host.p[host.len - text.len - 1] == '.' &&
           str_ieq(str_from(host, host.len - text.len), text);
}

static bool rules_allow(const struct rules *r, struct str origin)
{
    unsigned i;

    if (r->any || (r->dev && origin_is_local(origin))) {
        return true;
    }
    for (i = 0; i < r->origins_count; i++) {
        if (rule_matches(&r->origins[i], origin)) {
            return true;
        }
    }
    return false;
}

bool door_origin_allowed(struct door_policy *p, struct str origin)
{
    bool allowed;

    if (origin.p == NULL || origin.len == 0) {
        return false;
    }
    pthread_rwlock_rdlock(&p->lock);
    allowed = rules_allow(p->rules, origin);
    pthread_rwlock_unlock(&p->lock);
    return allowed;
}

enum code door_origin_check(struct door_policy *p, struct str origin, bool by_cookie)
{
    if (origin.p == NULL) {
        return by_cookie ? CODE_ORIGIN_REFUSED : CODE_OK;
    }
    return door_origin_allowed(p, origin) ? CODE_OK : CODE_ORIGIN_REFUSED;
}

/* -- proxies ----------------------------------------------------------------------------------- */

bool door_proxy_trusted(struct door_policy *p, const struct addr *a)
{
    bool trusted = false;
    unsigned i;

    pthread_rwlock_rdlock(&p->lock);
    for (i = 0; i < p->rules->proxies_count && !trusted; i++) {
        trusted = addr_in(a, &p->rules->proxies[i]);
    }
    pthread_rwlock_unlock(&p->lock);
    return trusted;
}

struct addr door_client(struct door_policy *p, const struct addr *peer, const struct str *forwarded,
                        unsigned forwarded_count)
{
    struct addr client;

    if (forwarded_count == 0) {
        return *peer;
    }
    pthread_rwlock_rdlock(&p->lock);
    client = proxy_client(peer, forwarded, forwarded_count, p->rules->proxies,
                          p->rules->proxies_count);
    pthread_rwlock_unlock(&p->lock);
    return client;
}
