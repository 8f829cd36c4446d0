#include "ws/net_lws.h"

#include <stdlib.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "shared/log.h"
#include "shared/mem.h"
#include "ws/net_lws_loop.h"

/* libwebsockets calls much "error" that is ordinary here; what matters is logged by us. */
static void on_log(int level, const char *line)
{
    if (level == LLL_ERR) {
        log_debug("lws", "line=%s", log_esc(str_trim(str_of(line))));
    }
}

/* All zero: no pings and no hang-ups of its own; they would be a sorted list of all connections. */
static const lws_retry_bo_t no_retry_policy;

struct net_lws *net_lws_new(struct net_loop *loop)
{
    struct net_lws *n = mem_new(sizeof(*n));
    void *loops[1] = {net_loop_handle(loop)};
    struct lws_context_creation_info info = {0};
    lws_set_log_level(LLL_ERR, on_log);
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.foreign_loops = loops;
    info.protocols = net_lws_protocols();
    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
    info.gid = (gid_t)-1;
    info.uid = (uid_t)-1;
    info.user = n;
    info.vhost_name = "confab";
    info.pt_serv_buf_size = 1024;
    info.max_http_header_pool = 8; /* a head is there whole, so a table is needed for an instant */
    info.max_http_header_data = 2048;
    info.timeout_secs = 10;
    info.retry_and_idle_policy = &no_retry_policy;
    n->context = lws_create_context(&info);
    n->vhost = n->context != NULL ? lws_create_vhost(n->context, &info) : NULL;
    if (n->vhost == NULL) {
        log_err("lws_context", "made=%d", n->context != NULL);
        free(n);
        return NULL;
    }
    return n;
}

void net_lws_stop(struct net_lws *n)
{
    lws_context_destroy(n->context);
}

void net_lws_free(struct net_lws *n)
{
    lws_context_destroy(n->context); /* the second call finishes what the first began */
    free(n);
}

void net_lws_turn(struct net_lws *n)
{
    if (lws_service_adjust_timeout(n->context, 1, 0) == 0) {
        lws_cancel_service(n->context);
    }
}
