/* ctl_http.c -- one HTTP request at a time, through libcurl */
#include "rest/ctl.h"

#include <curl/curl.h>
#include <stdio.h>

#define ANSWER_MAX_BYTES ((size_t)16 * 1024 * 1024)

enum rc ctl_open(struct ctl *c)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return RC_INTERNAL;
    }
    c->curl = curl_easy_init();
    return c->curl ? RC_OK : RC_NO_MEMORY;
}

void ctl_close(struct ctl *c)
{
    if (c->curl) {
        curl_easy_cleanup(c->curl);
    }
    curl_global_cleanup();
    if (c->admin.p) {
        explicit_bzero(c->admin.p, c->admin.len);
    }
    buf_release(&c->admin);
}

static size_t on_bytes(char *p, size_t size, size_t count, void *out)
{
    buf_add(out, p, size * count);
    return buf_ok(out) ? size * count : 0; /* anything else ends the transfer */
}

static void add_header(struct curl_slist **list, const char *name, const char *value)
{
    struct buf b = BUF_INIT;
    buf_addf(&b, "%s: %s", name, value);
    struct curl_slist *longer = buf_ok(&b) ? curl_slist_append(*list, b.p) : NULL;
    *list = longer ? longer : *list;
    buf_release(&b);
}

static struct curl_slist *make_headers(const char *token, const char *key)
{
    struct curl_slist *list = NULL;
    struct buf bearer = BUF_INIT;
    add_header(&list, "Content-Type", "application/json");
    add_header(&list, "Accept", "application/json");
    if (token) {
        buf_addf(&bearer, "Bearer %s", token);
        add_header(&list, "Authorization", bearer.p);
        explicit_bzero(bearer.p, bearer.len);
    }
    if (key) {
        add_header(&list, "Idempotency-Key", key);
    }
    buf_release(&bearer);
    return list;
}

static CURLcode perform(struct ctl *c, const char *method, const char *url,
                        struct curl_slist *headers, struct str body, struct ctl_answer *out)
{
    CURL *h = c->curl;
    curl_easy_reset(h);
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)c->timeout_s);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &out->text);
    if (body.p) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)body.len);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, body.p);
    }
    CURLcode rc = curl_easy_perform(h);
    if (rc == CURLE_OK) {
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &out->status);
    }
    return rc;
}

static void explain(const struct ctl *c, CURLcode rc, const struct ctl_answer *a)
{
    if (rc != CURLE_OK) {
        fprintf(stderr, "confabctl: %s: %s\n", c->url, curl_easy_strerror(rc));
        return;
    }
    struct str detail = ctl_member(a, "detail"), field = ctl_member(a, "field");
    struct str code = ctl_member(a, "code");
    if (code.len == 0) {
        fprintf(stderr, "confabctl: %s answered with status %ld\n", c->url, a->status);
        return;
    }
    fprintf(stderr, "confabctl: %.*s (%.*s%s%.*s)\n", (int)detail.len, detail.p, (int)code.len,
            code.p, field.len ? ", field " : "", (int)field.len, field.p);
    if (a->status == 401) {
        fputs("confabctl: is the admin secret the one in the server's admin_token_file?\n", stderr);
    }
}

enum rc ctl_request(struct ctl *c, const char *method, const char *path, const char *token,
                    const char *key, struct str body, long quiet, struct ctl_answer *out)
{
    struct buf url = BUF_INIT, why = BUF_INIT;
    struct curl_slist *headers = make_headers(token, key);
    struct json_limits limits = {ANSWER_MAX_BYTES, 32, 4096};
    *out = (struct ctl_answer){.text = BUF_INIT_MAX(ANSWER_MAX_BYTES)};
    buf_add(&url, c->url, strlen(c->url));
    while (url.len > 0 && url.p[url.len - 1] == '/') {
        url.len--;
    }
    buf_addf(&url, "%s", path);
    CURLcode rc = perform(c, method, url.p, headers, body, out);
    curl_slist_free_all(headers);
    buf_release(&url);
    if (out->text.len > 0 && json_parse(buf_str(&out->text), &limits, &out->json, &why) != RC_OK) {
        out->json = NULL; /* not one of our answers; explain() says the status */
    }
    buf_release(&why);
    if (rc == CURLE_OK && out->status >= 200 && out->status < 300) {
        return RC_OK;
    }
    if (rc != CURLE_OK || out->status != quiet) {
        explain(c, rc, out);
    }
    return RC_IO;
}

void ctl_answer_release(struct ctl_answer *a)
{
    json_free(a->json);
    buf_release(&a->text);
    *a = (struct ctl_answer){.text = BUF_INIT};
}

struct str ctl_member(const struct ctl_answer *a, const char *name)
{
    struct str s = STR("");
    if (a->json) {
        (void)json_str(json_get(json_root(a->json), name), &s);
    }
    return s;
}

void ctl_add_segment(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            c == '_' || c == '-') {
            buf_add_char(out, (char)c);
        } else {
            buf_add(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
        }
    }
}
