#include "rest/push_http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

#include "rest/addr_public.h"
#include "shared/mem.h"

#define ANSWER_MAX_BYTES ((size_t)64 * 1024)
#define RETRY_AFTER_MAX_S 86400

struct push_http {
    struct push_http_conf conf;
    CURLM *multi;
    struct transfer *first;
};

struct transfer {
    struct push_http *home;
    struct transfer *next, **at; /* where the pointer to this one is */
    CURL *easy;
    struct curl_slist *headers;
    bool is_guarded;
    size_t answer_bytes;
    push_on_answer done;
    void *ctx;
    char error[CURL_ERROR_SIZE];
};

/* -- addresses ------------------------------------------------------------------------------------------ */

/* The address that the name has now: what was checked is what is connected to. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    const struct transfer *t = ctx;
    struct sockaddr_storage ss = {0};
    (void)purpose;
    memcpy(&ss, &to->addr, to->addrlen < sizeof(ss) ? to->addrlen : sizeof(ss));
    struct addr a = addr_of_sockaddr(&ss);
    if (t->is_guarded && !t->home->conf.private_endpoints && !addr_is_public(&a)) {
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static bool get_part(CURLU *u, CURLUPart part, unsigned flags, struct buf *out)
{
    char *text = NULL;
    bool got = curl_url_get(u, part, &text, flags) == CURLUE_OK;
    if (got) {
        buf_clear(out);
        buf_add_z(out, text);
    }
    curl_free(text);
    return got;
}

static bool is_private_host(struct str host)
{
    struct addr a;
    if (str_ieq(host, STR("localhost"))) {
        return true;
    }
    if (host.len > 2 && host.p[0] == '[') {
        host = (struct str){host.p + 1, host.len - 2};
    }
    return addr_parse(host, false, &a) == RC_OK && !addr_is_public(&a);
}

static const char *find_fault(CURLU *u, bool is_guarded, bool private_endpoints, struct buf *scheme, struct buf *host)
{
    struct buf other = BUF_INIT;
    bool has_user = get_part(u, CURLUPART_USER, 0, &other) || get_part(u, CURLUPART_PASSWORD, 0, &other);
    bool has_fragment = get_part(u, CURLUPART_FRAGMENT, 0, &other);
    buf_release(&other);
    if (!get_part(u, CURLUPART_SCHEME, 0, scheme) || !get_part(u, CURLUPART_HOST, 0, host) || host->len == 0) {
        return "must be a URL with a host";
    }
    if (!str_eq(buf_str(scheme), STR("https")) && (is_guarded || !str_eq(buf_str(scheme), STR("http")))) {
        return is_guarded ? "must begin with https://" : "must begin with https:// or http://";
    }
    if (has_user || has_fragment) {
        return "must have neither user nor fragment";
    }
    if (is_guarded && !private_endpoints && is_private_host(buf_str(host))) {
        return "must not be a private address";
    }
    return NULL;
}

/* libcurl takes "https:x" and "https:///x" for https://x; those who look at the text would not. */
static bool is_absolute(const char *url)
{
    const char *host = strstr(url, "://");
    return host != NULL && host[3] != '/';
}

enum rc push_url_check(const char *url, bool is_guarded, bool private_endpoints, struct buf *origin, struct buf *why)
{
    struct buf scheme = BUF_INIT, host = BUF_INIT, port = BUF_INIT;
    CURLU *u = curl_url();
    const char *fault = "is not a URL";
    if (u != NULL && is_absolute(url) && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
        fault = find_fault(u, is_guarded, private_endpoints, &scheme, &host);
    }
    if (fault == NULL && origin != NULL) {
        buf_addf(origin, "%s://%s", scheme.p, host.p);
        if (get_part(u, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT, &port)) {
            buf_addf(origin, ":%s", port.p);
        }
    }
    curl_url_cleanup(u);
    buf_release(&scheme);
    buf_release(&host);
    buf_release(&port);
    if (fault != NULL) {
        buf_add_z(why, fault);
        return RC_INVALID;
    }
    return RC_OK;
}

/* -- life ----------------------------------------------------------------------------------------------- */

enum rc push_http_new(const struct push_http_conf *conf, struct push_http **out, struct buf *why)
{
    struct push_http *h = mem_new(sizeof(*h));
    h->conf = *conf;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (h->multi = curl_multi_init()) == NULL) {
        buf_add_z(why, "libcurl cannot be started.\n");
        free(h);
        return RC_NO_MEMORY;
    }
    *out = h;
    return RC_OK;
}

static void end_transfer(struct transfer *t)
{
    *t->at = t->next;
    if (t->next != NULL) {
        t->next->at = t->at;
    }
    curl_multi_remove_handle(t->home->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    free(t);
}

void push_http_free(struct push_http *h)
{
    if (h == NULL) {
        return;
    }
    while (h->first != NULL) {
        end_transfer(h->first);
    }
    curl_multi_cleanup(h->multi);
    curl_global_cleanup();
    free(h);
}

/* -- requests --------------------------------------------------------------------------------------------- */

/* Nobody reads it; a server that will not stop talking is cut off. */
static size_t on_bytes(char *p, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    (void)p;
    t->answer_bytes += size * count;
    return t->answer_bytes <= ANSWER_MAX_BYTES ? size * count : 0;
}

static bool set_headers(struct transfer *t, const char *const *headers)
{
    for (; *headers != NULL; headers++) {
        struct curl_slist *longer = curl_slist_append(t->headers, *headers);
        if (longer == NULL) {
            return false;
        }
        t->headers = longer;
    }
    return true;
}

static bool set_options(struct transfer *t, const struct push_request *r)
{
    const struct push_http_conf *conf = &t->home->conf;
    CURL *e = t->easy;
    bool good = curl_easy_setopt(e, CURLOPT_URL, r->url) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, r->is_guarded ? "https" : "http,https") == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)r->body.len) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, r->body.p) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
                (conf->ca[0] == '\0' || curl_easy_setopt(e, CURLOPT_CAINFO, conf->ca) == CURLE_OK);
    if (!t->is_guarded) { /* no guarded request may find this connection open and use it */
        curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    }
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* a name server that is silent does not hold up a stop */
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)conf->timeout_ms);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    return good;
}

enum rc push_http_start(struct push_http *h, const struct push_request *r)
{
    struct transfer *t = mem_new(sizeof(*t));
    t->home = h;
    t->is_guarded = r->is_guarded;
    t->done = r->done;
    t->ctx = r->ctx;
    t->easy = curl_easy_init();
    if (t->easy == NULL || !set_headers(t, r->headers) || !set_options(t, r) ||
        curl_multi_add_handle(h->multi, t->easy) != CURLM_OK) {
        curl_easy_cleanup(t->easy);
        curl_slist_free_all(t->headers);
        free(t);
        return RC_NO_MEMORY;
    }
    t->at = &h->first;
    t->next = h->first;
    if (t->next != NULL) {
        t->next->at = &t->next;
    }
    h->first = t;
    return RC_OK;
}

static void finish(struct transfer *t, CURLcode rc)
{
    struct push_answer a = {.error = t->error[0] != '\0' ? t->error : curl_easy_strerror(rc)};
    curl_off_t after = 0;
    /* A status that has come is an answer, however its body ended. */
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &a.status);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after);
    if (after > 0) {
        a.retry_after_ms = (uint64_t)(after < RETRY_AFTER_MAX_S ? after : RETRY_AFTER_MAX_S) * 1000;
    }
    t->done(t->ctx, &a);
    end_transfer(t);
}

/* Let libcurl do what it can, and hand over what has ended. Returns whether anything has. */
static bool turn(struct push_http *h)
{
    int running = 0, left = 0;
    bool any = false;
    curl_multi_perform(h->multi, &running);
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left)) != NULL;) {
        char *ctx = NULL;
        if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &ctx) == CURLE_OK) {
            finish((struct transfer *)(void *)ctx, m->data.result);
            any = true;
        }
    }
    return any;
}

void push_http_poll(struct push_http *h, int fd, uint64_t timeout_ms)
{
    struct curl_waitfd other = {.fd = fd, .events = CURL_WAIT_POLLIN};
    if (turn(h)) { /* what ends at once is no reason to wait for more */
        return;
    }
    curl_multi_poll(h->multi, &other, fd >= 0, (int)(timeout_ms < 60000 ? timeout_ms : 60000), NULL);
    turn(h);
}
