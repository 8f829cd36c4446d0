/*
 * door_policy.h -- what the front door decides without state: dialect, origin, carriers, options
 *
 * Layer      transport. Used by the door and by the HTTP server (CORS, CSRF, upgrades on kept-alive
 *            connections), so that both answer alike.
 * Threads    struct door_policy may be reloaded while it is used; everything else is pure.
 */
#ifndef REST_DOOR_POLICY_H
#define REST_DOOR_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "rest/addr.h"
#include "rest/auth.h"
#include "rest/door_head.h"
#include "rest/rest_conf.h"
#include "shared/buf.h"
#include "shared/dialect_id.h"
#include "shared/rc.h"

/* -- origins and proxies: parsed settings ------------------------------------------------------ */

struct door_policy;

RC_CHECK enum rc door_policy_new(const struct rest_conf *conf, struct door_policy **out,
                                 struct buf *why);
void door_policy_free(struct door_policy *p);
/* origins and trusted_proxies again; on failure the old ones stay. */
RC_CHECK enum rc door_policy_reload(struct door_policy *p, const struct rest_conf *conf,
                                    struct buf *why);
/* Whether pages of this origin may use us. The dev profile adds http(s)://localhost, 127.0.0.1, [::1], any port. */
bool door_origin_allowed(struct door_policy *p, struct str origin);
bool door_proxy_trusted(struct door_policy *p, const struct addr *a);
/* The client behind trusted proxies, see proxy_client. */
struct addr door_client(struct door_policy *p, const struct addr *peer, const struct str *forwarded,
                        unsigned forwarded_count);

/* Origin and the way of authentication together: CODE_OK or CODE_ORIGIN_REFUSED. A cookie needs an allowed Origin;
 * without one only explicit carriers pass; a foreign Origin never passes. */
enum code door_origin_check(struct door_policy *p, struct str origin, bool by_cookie);

/* -- dialect ---------------------------------------------------------------------------------- */

enum door_style { /* how a refusal is shown */
    DOOR_STYLE_HTTP,  /* plain status before the upgrade */
    DOOR_STYLE_CLOSE, /* 101, then a Close frame, which a browser can read */
};

struct door_choice {
    enum dialect_id dialect;
    const char *reason;       /* for the log: "query", "subprotocol", "path", "authorization", "listener" */
    const char *subprotocol;  /* the one chosen, NULL: none */
    enum door_style style;
};

/* Whether a path is spoken to by WebSocket (with or without an upgrade). */
bool door_is_ws_path(struct str path);
/* CODE_OK; CODE_ROUTE_NOT_FOUND: no such path; CODE_DIALECT_OFF: ?dialect= names none of ours.
 * Whether the dialect is served is asked separately (door_dialect_enabled). */
enum code door_choose(const struct door_head *head, enum dialect_id listener,
                      struct door_choice *out);
bool door_dialect_enabled(enum dialect_id d);
const char *door_dialect_name(enum dialect_id d);
/* By setting name; DIALECT_NONE when unknown. */
enum dialect_id door_dialect_by_name(struct str name);

/* -- what the head carries --------------------------------------------------------------------- */

/* Credentials, undecoded; decoded query values are put into room (kept alive by the caller). CODE_BAD_REQUEST on a
 * bad escape or a value that does not fit, CODE_CARRIERS_DISAGREE when one carrier is there twice with different values. */
struct door_room {
    char bytes[9000];
    size_t used;
};
enum code door_carriers(const struct door_head *head, const char *cookie_name,
                        struct door_room *room, struct auth_carriers *out);

struct door_options {
    uint32_t options; /* enum conn_option */
    uint32_t since_log;
    uint64_t since;
};
/* ?ext=1, ?events=a,b, ?since=<8 hex>.<n>. A cursor that is none of ours asks for an explicit gap (since = UINT64_MAX). */
struct door_options door_options_of(const struct door_head *head);

#endif
