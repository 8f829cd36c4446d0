/* link_hello.c -- collecting a worker's hello */
#include "rest/link_hello.h"

#include <stdlib.h>
#include <string.h>

void link_hello_release(struct link_hello_in *in)
{
    free(in->users);
    free(in->peers);
    *in = (struct link_hello_in){0};
}

static enum rc take_first(struct link_hello_in *in, const struct link_frame *frame)
{
    struct link_hello hello;
    if (frame->type != LINK_HELLO || link_get_hello(frame->body, &hello) != RC_OK) {
        return RC_PROTOCOL;
    }
    hello.build = STR_NONE; /* a view into the packet */
    in->hello = hello;
    if (hello.major != LINK_MAJOR) {
        return RC_UNSUPPORTED;
    }
    if (hello.worker == 0) {
        return RC_PROTOCOL;
    }
    in->started = true;
    return RC_AGAIN;
}

/* Room for one more frame of entries: RC_OK with the array perhaps moved. */
static enum rc make_room(void **entries, size_t entry_bytes, uint32_t count, uint32_t *room)
{
    if (count > LINK_HELLO_ENTRIES_MAX - LINK_ENTRIES_MAX) {
        return RC_TOO_BIG;
    }
    if (*room - count >= LINK_ENTRIES_MAX) {
        return RC_OK;
    }
    uint32_t more = *room == 0 ? LINK_ENTRIES_MAX : *room * 2;
    void *moved = realloc(*entries, more * entry_bytes);
    if (!moved) {
        return RC_NO_MEMORY;
    }
    *entries = moved;
    *room = more;
    return RC_OK;
}

static enum rc take_users(struct link_hello_in *in, struct str body)
{
    void *entries = in->users;
    enum rc rc = make_room(&entries, sizeof(*in->users), in->users_count, &in->users_room);
    in->users = entries;
    uint16_t count = 0;
    if (rc == RC_OK) {
        rc = link_get_hello_users(body, in->users + in->users_count, LINK_ENTRIES_MAX, &count);
    }
    in->users_count += count;
    return rc;
}

static enum rc take_peers(struct link_hello_in *in, struct str body)
{
    void *entries = in->peers;
    enum rc rc = make_room(&entries, sizeof(*in->peers), in->peers_count, &in->peers_room);
    in->peers = entries;
    uint16_t count = 0;
    if (rc == RC_OK) {
        rc = link_get_hello_peers(body, in->peers + in->peers_count, LINK_ENTRIES_MAX, &count);
    }
    in->peers_count += count;
    return rc;
}

enum rc link_hello_take(struct link_hello_in *in, const struct link_frame *frame)
{
    if (!in->started) {
        return take_first(in, frame);
    }
    enum rc rc = RC_PROTOCOL;
    switch (frame->type) {
    case LINK_HELLO_USERS:
        rc = take_users(in, frame->body);
        break;
    case LINK_HELLO_PEERS:
        rc = take_peers(in, frame->body);
        break;
    case LINK_HELLO_DONE:
        rc = link_get_empty(frame->body);
        return rc == RC_OK && in->users_count != in->hello.users ? RC_PROTOCOL : rc;
    default:
        break;
    }
    return rc == RC_OK ? RC_AGAIN : rc;
}
