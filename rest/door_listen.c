#include "rest/door_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rest/door_policy.h"

#define INHERITED_FIRST 3
#define INHERITED_MAX 64

/* The next word of a blank-separated entry. */
static struct str next_word(struct str *entry)
{
    struct str word;

    *entry = str_trim(*entry);
    *entry = str_cut(*entry, ' ', &word);
    return word;
}

static enum rc parse_entry(struct str entry, struct door_listener *out, struct buf *why)
{
    struct str rest = entry, at = next_word(&rest), dialect = next_word(&rest), mark = next_word(&rest);
    struct door_listener l = {.fd = -1};
    bool has_port = at.len > 0 && memrchr(at.p, ':', at.len) != NULL;

    if (!has_port || addr_parse(at, true, &l.at) != RC_OK) {
        buf_addf(why, "listen: \"%.*s\" is not ADDRESS:PORT DIALECT [proxy].\n", (int)entry.len,
                 entry.p);
        return RC_INVALID;
    }
    l.dialect = dialect.len > 0 ? door_dialect_by_name(dialect) : DIALECT_NONE;
    if (l.dialect == DIALECT_NONE) {
        buf_addf(why, "listen: \"%.*s\" names no dialect.\n", (int)entry.len, entry.p);
        return RC_INVALID;
    }
    l.proxy = str_eq(mark, STR("proxy"));
    if ((mark.len > 0 && !l.proxy) || str_trim(rest).len > 0) {
        buf_addf(why, "listen: what is behind the dialect in \"%.*s\"?\n", (int)entry.len, entry.p);
        return RC_INVALID;
    }
    *out = l;
    return RC_OK;
}

enum rc door_listen_parse(const char *setting, struct door_listener *out, unsigned *count,
                          struct buf *why)
{
    struct str list = str_of(setting), entry;
    unsigned n = 0;

    while (door_list_next(&list, &entry)) {
        if (n == DOOR_LISTENERS_MAX) {
            buf_addf(why, "listen has more than %d entries.\n", DOOR_LISTENERS_MAX);
            return RC_TOO_BIG;
        }
        enum rc rc = parse_entry(entry, &out[n], why);
        if (rc != RC_OK) {
            return rc;
        }
        n++;
    }
    if (n == 0) {
        buf_add_z(why, "listen is empty.\n");
        return RC_INVALID;
    }
    *count = n;
    return RC_OK;
}

/* -- sockets of a predecessor or a service manager --------------------------------------------- */

static unsigned inherited_count(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    uint64_t n = 0, whose = 0;

    if (pid == NULL || fds == NULL || !str_u64(str_of(pid), &whose) ||
        whose != (uint64_t)getpid() || !str_u64(str_of(fds), &n)) {
        return 0;
    }
    return (unsigned)(n < INHERITED_MAX ? n : INHERITED_MAX);
}

static bool is_at(int fd, const struct addr *at)
{
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof(ss), size = sizeof(int);
    int listening = 0;
    struct addr a;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening ||
        getsockname(fd, (struct sockaddr *)&ss, &len) != 0) {
        return false;
    }
    a = addr_of_sockaddr(&ss);
    return addr_eq(&a, at) && a.port == at->port;
}

static int find_inherited(const struct addr *at)
{
    unsigned i, n = inherited_count();

    for (i = 0; i < n; i++) {
        int fd = INHERITED_FIRST + (int)i;

        if (is_at(fd, at)) {
            (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
            (void)fcntl(fd, F_SETFL, O_NONBLOCK);
            return fd;
        }
    }
    return -1;
}

/* -- our own ----------------------------------------------------------------------------------- */

static socklen_t to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
    struct sockaddr_in *in = (struct sockaddr_in *)ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

    memset(ss, 0, sizeof(*ss));
    if (a->family == ADDR_V4) {
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->b, 4);
        return sizeof(*in);
    }
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    memcpy(&in6->sin6_addr, a->b, 16);
    return sizeof(*in6);
}

static int bind_socket(struct addr *at)
{
    struct sockaddr_storage ss;
    socklen_t len = to_sockaddr(at, &ss);
    int on = 1;
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ss.ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, (struct sockaddr *)&ss, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&ss, &len) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    at->port = addr_of_sockaddr(&ss).port;
    return fd;
}

static void explain_bind(const struct addr *at, struct buf *why)
{
    char text[ADDR_TEXT_BYTES];

    addr_text(at, text);
    buf_addf(why, "Cannot bind %s port %u: %m.\n", text, at->port);
}

enum rc door_listen_open(struct door_listener *listeners, unsigned count, struct buf *why)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        struct door_listener *l = &listeners[i];

        l->fd = find_inherited(&l->at);
        l->inherited = l->fd >= 0;
        if (l->fd < 0) {
            l->fd = bind_socket(&l->at);
        }
        if (l->fd < 0) {
            explain_bind(&l->at, why);
            door_listen_close(listeners, count);
            return RC_UNAVAILABLE;
        }
    }
    return RC_OK;
}

void door_listen_close(struct door_listener *listeners, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (listeners[i].fd >= 0) {
            close(listeners[i].fd);
            listeners[i].fd = -1;
        }
    }
}

enum rc door_listen_probe(const char *setting, struct buf *why)
{
    struct door_listener listeners[DOOR_LISTENERS_MAX];
    unsigned i, count = 0;
    enum rc rc = door_listen_parse(setting, listeners, &count, why);

    for (i = 0; i < count && rc == RC_OK; i++) {
        if (find_inherited(&listeners[i].at) >= 0) {
            continue;
        }
        int fd = bind_socket(&listeners[i].at);
        if (fd >= 0) {
            close(fd);
        } else {
            explain_bind(&listeners[i].at, why);
            rc = RC_UNAVAILABLE;
        }
    }
    return rc;
}
