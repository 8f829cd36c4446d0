/*
 * link_sock.h -- the Unix socket of the link: listen, connect, send and receive packets with descriptors
 *
 * SOCK_SEQPACKET, non-blocking, close-on-exec. The listener's file is 0660 in the runtime directory;
 * a stale file is detected by connecting to it; only a file of ours is unlinked. The peer's uid must
 * be ours, root's or `allowed_uid`.
 * Errors     RC_AGAIN: would block. RC_CLOSED: end of file (after ECONNRESET keep receiving until then).
 */
#ifndef SHARED_LINK_SOCK_H
#define SHARED_LINK_SOCK_H

#include <stddef.h>
#include <sys/types.h>

#include "shared/buf.h"
#include "shared/rc.h"

/* RC_CONFLICT: somebody listens there or starts to, or the file is no socket. RC_INVALID, RC_IO. */
RC_CHECK enum rc link_sock_listen(const char *path, int *fd, struct buf *why);
/* RC_FORBIDDEN for a peer of another uid (closed), RC_AGAIN, RC_UNAVAILABLE without free
 * descriptors, RC_IO. allowed_uid (uid_t)-1: none besides ours and root. */
RC_CHECK enum rc link_sock_accept(int listener, uid_t allowed_uid, int *fd);
/* RC_UNAVAILABLE: nobody listens; RC_AGAIN: its backlog is full; RC_FORBIDDEN, RC_INVALID, RC_IO. */
RC_CHECK enum rc link_sock_connect(const char *path, int *fd);
/* Unlink path if the socket behind it is still the listener's. */
void link_sock_unlink(int listener, const char *path);
/* One packet, whole or not at all; fds are not closed. RC_AGAIN: wait for EPOLLOUT; RC_UNAVAILABLE: the system
 * lacks memory or has too many descriptors under way, try again by time; RC_CLOSED; RC_IO. */
RC_CHECK enum rc link_sock_send(int fd, const void *packet, size_t len, const int *fds,
                                unsigned count);
/* One packet into room bytes. Received descriptors (close-on-exec) go to fds[0..*count-1]; *truncated: descriptors
 * or bytes were cut off (those that came are in fds, to be closed or used by the caller). */
RC_CHECK enum rc link_sock_recv(int fd, void *room, size_t size, size_t *len, int *fds,
                                unsigned fds_room, unsigned *count, bool *truncated);

#endif
