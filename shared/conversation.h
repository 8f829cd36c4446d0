/*
 * conversation.h -- the objects of the Socket.IO dialect, the same in its events and in REST answers under /chats
 *
 * Ids are integers, times RFC 3339 with milliseconds. Pure: values in, bytes out.
 */
#ifndef SHARED_CONVERSATION_H
#define SHARED_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/str.h"

/* Of a larger group no more are listed. */
#define CONVERSATION_PARTICIPANTS_MAX 100

struct conversation {
    uint64_t id, created_us, updated_us;
    uint64_t user_id[2]; /* the two of a direct one */
    bool is_group;
    struct str name; /* groups */
};
struct conversation_user {
    uint64_t id;
    struct str username, name;
};
struct conversation_message {
    uint64_t id, conversation_id, sender_id, created_us;
    struct str text;
};

/* {"id","user1_id","user2_id","created_at","updated_at"}; for a group the users are null and "name","is_group" follow */
void conversation_add(struct buf *out, const struct conversation *c);
/* {"id","username","name"} */
void conversation_add_user(struct buf *out, const struct conversation_user *u);
/* {"id","conversation_id","sender_id","message","created_at"} */
void conversation_add_message(struct buf *out, const struct conversation_message *m);

#endif
