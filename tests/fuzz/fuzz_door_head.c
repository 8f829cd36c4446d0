/*
 * fuzz_door_head.c -- any bytes as the beginning of a connection: PROXY header, request head, and what is made of it
 *
 * What holds: the verdict does not depend on how many bytes more are there; no proper beginning of a good head is
 * good; a head that is taken for an upgrade gives a canonical head that is one too; redaction leaks no value.
 */
#include "rest/addr.h"
#include "rest/door_policy.h"
#include "rest/door_refuse.h"
#include "rest/proxy.h"
#include "tests/fuzz/fuzz.h"

/* A copy of exactly n bytes, so that reading one too many is seen. */
static char *cut(const uint8_t *data, size_t n)
{
    char *p = malloc(n > 0 ? n : 1);
    CHECK(p);
    if (n > 0) {
        memcpy(p, data, n);
    }
    return p;
}

static void check_proxy(const uint8_t *data, size_t size)
{
    char *bytes = cut(data, size);
    char text[ADDR_TEXT_BYTES];
    struct addr client = {ADDR_NONE, {0}, 0}, again;
    size_t len = 0, n;

    if (proxy_parse((struct str){bytes, size}, &len, &client) == RC_OK) {
        CHECK(len > 0 && len <= size && len <= PROXY_V2_MAX_BYTES);
        for (n = 0; n < len; n++) {
            char *part = cut(data, n);
            CHECK(proxy_parse((struct str){part, n}, &len, &again) == RC_AGAIN);
            free(part);
        }
        addr_text(&client, text);
        if (client.family != ADDR_NONE) {
            CHECK(addr_parse(str_of(text), false, &again) == RC_OK && addr_eq(&client, &again));
        }
    }
    free(bytes);
}

static void check_beginnings(const uint8_t *data, const struct door_head *head)
{
    struct door_head shorter;
    enum code code = CODE_OK;
    size_t n, step = head->len > 512 ? 37 : 1;

    for (n = 0; n < head->len; n += step) {
        char *part = cut(data, n);
        CHECK(door_head_parse((struct str){part, n}, &shorter, &code) == DOOR_HEAD_MORE);
        free(part);
    }
    char *exact = cut(data, head->len);
    CHECK(door_head_parse((struct str){exact, head->len}, &shorter, &code) == DOOR_HEAD_OK);
    CHECK(shorter.len == head->len && shorter.headers_count == head->headers_count);
    free(exact);
}

static void check_upgrade(const struct door_head *head, const struct door_choice *choice)
{
    struct buf text = BUF_INIT;
    struct door_head again;
    enum code code = CODE_OK;

    door_canonical_head(&text, head->field[DOOR_WS_KEY], choice->subprotocol);
    CHECK(buf_ok(&text) && text.len < 1024);
    CHECK(door_head_parse(buf_str(&text), &again, &code) == DOOR_HEAD_OK);
    CHECK(again.len == text.len && door_head_check_upgrade(&again) == CODE_OK);
    buf_clear(&text);
    door_refuse_close(&text, CODE_UNAUTHENTICATED, head->field[DOOR_WS_KEY], choice->subprotocol);
    CHECK(buf_ok(&text));
    buf_release(&text);
}

static void check_uses(const struct door_head *head)
{
    static struct door_room room;
    struct auth_carriers carriers;
    struct door_choice choice = {0};
    struct buf text = BUF_INIT;
    struct addr peer = {ADDR_V4, {10, 0, 0, 1}, 0};
    struct addr_net net = {{ADDR_V4, {10, 0, 0, 0}, 0}, 8};
    struct str ticket;

    (void)door_options_of(head);
    (void)proxy_client(&peer, head->forwarded, head->forwarded_count, &net, 1);
    (void)door_carriers(head, "confab_token", &room, &carriers);
    CHECK(room.used <= sizeof(room.bytes));
    door_redact(&text, head->path, head->query);
    if (door_query_raw(head->query, STR("ticket"), &ticket) && ticket.len > 8) {
        CHECK(memmem(text.p, text.len, "ticket=", 7) == NULL || memmem(text.p, text.len, "ticket=*", 8));
    }
    buf_release(&text);
    if (door_choose(head, DIALECT_ROOMS, &choice) == CODE_OK) {
        CHECK(choice.dialect > DIALECT_NONE && choice.dialect < DIALECT_COUNT);
        if (door_head_is_upgrade(head) && door_head_check_upgrade(head) == CODE_OK) {
            check_upgrade(head, &choice);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = cut(data, size);
    struct door_head head;
    enum code code = CODE_OK;

    check_proxy(data, size);
    switch (door_head_parse((struct str){bytes, size}, &head, &code)) {
    case DOOR_HEAD_OK:
        CHECK(head.len <= size && head.headers_count <= DOOR_HEADERS_MAX);
        CHECK(head.path.len > 0 && head.path.p[0] == '/');
        check_beginnings(data, &head);
        check_uses(&head);
        break;
    case DOOR_HEAD_BAD:
        CHECK(code == CODE_BAD_REQUEST || code == CODE_LENGTH_REQUIRED || code == CODE_HEAD_TOO_LARGE);
        break;
    case DOOR_HEAD_MORE:
        break;
    }
    free(bytes);
    return 0;
}
