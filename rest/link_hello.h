/*
 * link_hello.h -- the hello of one worker, collected frame by frame
 *
 * HELLO, then its HELLO_USERS and HELLO_PEERS in any number, then HELLO_DONE. Pure: no I/O, no clock.
 * Limits     LINK_HELLO_ENTRIES_MAX users and as many peers; memory grows with what arrives, not with
 *            what is announced.
 */
#ifndef REST_LINK_HELLO_H
#define REST_LINK_HELLO_H

#include "shared/link_msg.h"

#define LINK_HELLO_ENTRIES_MAX (1024 * 1024)

struct link_hello_in {
    bool started;
    struct link_hello hello; /* build is not kept */
    struct link_hello_user *users;
    uint32_t users_count, users_room;
    struct link_hello_peer *peers;
    uint32_t peers_count, peers_room;
};

/*
 * Take one frame. RC_OK: the hello is complete. RC_AGAIN: more is to come. RC_UNSUPPORTED: another
 * major version (hello.major, hello.minor). RC_PROTOCOL: not what a hello consists of. RC_TOO_BIG. RC_NO_MEMORY.
 */
RC_CHECK enum rc link_hello_take(struct link_hello_in *in, const struct link_frame *frame);
void link_hello_release(struct link_hello_in *in);

#endif
