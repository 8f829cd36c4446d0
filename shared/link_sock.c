/*
 * link_sock.c -- the Unix socket of the link
 *
 * SOCK_SEQPACKET keeps packets whole, and their descriptors with them. A socket file outlives a killed
 * process, so the listener asks by connecting whether somebody is there, under a lock on the
 * directory so that two starters cannot both find the same file stale.
 */
#include "shared/link_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/bug.h"
#include "shared/link_frame.h"

#define BACKLOG 128
#define FILE_MODE 0660
#define SOCKET_BUFFER_BYTES (1024 * 1024) /* asked for; the system's limit may give less */
#define FDS_MAX 64

static bool address_of(const char *path, struct sockaddr_un *out)
{
    size_t len = strlen(path);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len == 0 || len >= sizeof(out->sun_path)) {
        return false;
    }
    memcpy(out->sun_path, path, len);
    return true;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* More than one full packet under way in each direction. */
static void widen(int fd)
{
    int bytes = SOCKET_BUFFER_BYTES;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* -- listening --------------------------------------------------------------------------------- */

/* A descriptor that holds the lock until it is closed, or -1. */
static int lock_directory(const char *path)
{
    struct sockaddr_un copy; /* address_of has checked that path fits */
    memcpy(copy.sun_path, path, strlen(path) + 1);
    int fd = open(dirname(copy.sun_path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Remove a socket file that nobody listens behind. RC_CONFLICT: somebody does, or it is no socket. */
static enum rc clear_stale(const char *path, const struct sockaddr_un *address, struct buf *why)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        return RC_OK; /* nothing there; bind will tell what else is wrong */
    }
    if (!S_ISSOCK(st.st_mode)) {
        buf_addf(why, "%s exists and is not a socket.", path);
        return RC_CONFLICT;
    }
    int fd = new_socket();
    if (fd < 0) {
        buf_addf(why, "Cannot make a socket: %s.", strerror(errno));
        return RC_IO;
    }
    int failed = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    int error = failed ? errno : 0;
    close(fd);
    if (error != ECONNREFUSED) {
        buf_addf(why, "Another process listens on %s.", path);
        return RC_CONFLICT;
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        buf_addf(why, "Cannot remove the stale socket %s: %s.", path, strerror(errno));
        return RC_IO;
    }
    return RC_OK;
}

/* The mode is set before bind, so the file is never open to others, and again behind the umask. */
static enum rc bind_listener(const char *path, const struct sockaddr_un *address, int *out,
                             struct buf *why)
{
    int fd = new_socket();
    if (fd < 0 || fchmod(fd, FILE_MODE) != 0 ||
        bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        chmod(path, FILE_MODE) != 0 || listen(fd, BACKLOG) != 0) {
        buf_addf(why, "Cannot listen on %s: %s.", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return RC_IO;
    }
    *out = fd;
    return RC_OK;
}

enum rc link_sock_listen(const char *path, int *fd, struct buf *why)
{
    struct sockaddr_un address;
    if (!address_of(path, &address)) {
        buf_addf(why, "The link path must have 1 to %zu bytes.", sizeof(address.sun_path) - 1);
        return RC_INVALID;
    }
    int lock = lock_directory(path);
    if (lock < 0) {
        bool busy = errno == EWOULDBLOCK;
        buf_addf(why, "Cannot lock the directory of %s: %s.", path, strerror(errno));
        return busy ? RC_CONFLICT : RC_IO;
    }
    enum rc rc = clear_stale(path, &address, why);
    if (rc == RC_OK) {
        rc = bind_listener(path, &address, fd, why);
    }
    close(lock);
    return rc;
}

static bool is_listening(int fd)
{
    int value = 0;
    socklen_t len = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value != 0;
}

/* Who called listen on the socket behind the address; 0 when nobody answers. */
static pid_t listener_pid(const struct sockaddr_un *address)
{
    struct ucred peer = {0};
    socklen_t len = sizeof(peer);
    int fd = new_socket();
    if (fd < 0) {
        return 0;
    }
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        peer.pid = 0;
    }
    close(fd);
    return peer.pid;
}

/* A bound socket does not know its file, so the file is asked for its socket. When that cannot be
 * told (backlog full), the file stays: the next listener clears it. */
void link_sock_unlink(int listener, const char *path)
{
    struct sockaddr_un address;
    if (is_listening(listener) && address_of(path, &address) &&
        listener_pid(&address) == getpid()) {
        (void)unlink(path);
    }
}

/* -- connecting -------------------------------------------------------------------------------- */

static bool peer_is_allowed(int fd, uid_t allowed_uid)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return false;
    }
    return peer.uid == geteuid() || peer.uid == 0 ||
           (allowed_uid != (uid_t)-1 && peer.uid == allowed_uid);
}

enum rc link_sock_accept(int listener, uid_t allowed_uid, int *fd)
{
    int got;
    do {
        got = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (got < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (got < 0) {
        switch (errno) {
        case EAGAIN:
            return RC_AGAIN;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return RC_UNAVAILABLE;
        default:
            return RC_IO;
        }
    }
    if (!peer_is_allowed(got, allowed_uid)) {
        close(got);
        return RC_FORBIDDEN;
    }
    widen(got);
    *fd = got;
    return RC_OK;
}

static enum rc connect_rc(int error)
{
    switch (error) {
    case EAGAIN:
        return RC_AGAIN;
    case EACCES:
    case EPERM:
        return RC_FORBIDDEN;
    case ENOENT:
    case ECONNREFUSED:
        return RC_UNAVAILABLE;
    default:
        return RC_IO;
    }
}

enum rc link_sock_connect(const char *path, int *fd)
{
    struct sockaddr_un address;
    if (!address_of(path, &address)) {
        return RC_INVALID;
    }
    int got = new_socket();
    if (got < 0) {
        return RC_IO;
    }
    if (connect(got, (struct sockaddr *)&address, sizeof(address)) != 0) {
        enum rc rc = connect_rc(errno);
        close(got);
        return rc;
    }
    widen(got);
    *fd = got;
    return RC_OK;
}

/* -- packets ----------------------------------------------------------------------------------- */

union control { /* aligned for its first header */
    struct cmsghdr first;
    char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static void attach_fds(struct msghdr *msg, union control *control, const int *fds, unsigned count)
{
    memset(control, 0, sizeof(*control));
    msg->msg_control = control->room;
    msg->msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, count * sizeof(int));
}

static enum rc send_rc(int error)
{
    switch (error) {
    case EAGAIN:
        return RC_AGAIN;
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
        return RC_CLOSED;
    case ENOBUFS:
    case ENOMEM:
    case ETOOMANYREFS: /* too many descriptors under way; goes by as the peer reads */
        return RC_UNAVAILABLE;
    default:
        return RC_IO;
    }
}

enum rc link_sock_send(int fd, const void *packet, size_t len, const int *fds, unsigned count)
{
    BUG_IF(len == 0 || len > LINK_PACKET_MAX_BYTES || count > LINK_FDS_PER_PACKET);
    union control control;
    struct iovec iov = {(void *)(uintptr_t)packet, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count != 0) {
        attach_fds(&msg, &control, fds, count);
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? send_rc(errno) : RC_OK;
}

/* All descriptors of all control messages; the control room was made for at most fds_room of them. */
static unsigned take_fds(struct msghdr *msg, int *fds, unsigned fds_room)
{
    unsigned count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (count < fds_room) {
                fds[count++] = fd;
            } else {
                close(fd);
            }
        }
    }
    return count;
}

/* ECONNRESET is reported once although packets may still wait: go on until they are read. */
static ssize_t receive(int fd, struct msghdr *msg)
{
    ssize_t got;
    do {
        got = recvmsg(fd, msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    return got;
}

enum rc link_sock_recv(int fd, void *room, size_t size, size_t *len, int *fds, unsigned fds_room,
                       unsigned *count, bool *truncated)
{
    BUG_IF(fds_room > FDS_MAX);
    union control control;
    struct iovec iov = {room, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fds_room != 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = CMSG_LEN(fds_room * sizeof(int)); /* SPACE may hold one more */
    }
    ssize_t got = receive(fd, &msg);
    if (got < 0) {
        return errno == EAGAIN ? RC_AGAIN : RC_IO;
    }
    if (got == 0) {
        (void)take_fds(&msg, NULL, 0); /* nobody sends empty packets, but nothing may leak */
        return RC_CLOSED;
    }
    *len = (size_t)got;
    *count = take_fds(&msg, fds, fds_room);
    *truncated = (msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0;
    return RC_OK;
}
