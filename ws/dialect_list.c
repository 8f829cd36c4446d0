#include "ws/dialect.h"

#include "ws/dialect_conversations.h"
#include "ws/dialect_dashboard.h"
#include "ws/dialect_inbox.h"
#include "ws/dialect_inbox_chat.h"
#include "ws/dialect_rooms.h"
#include "ws/dialect_socketio.h"
#include "ws/dialect_subscribe.h"

static const struct dialect *const dialects[] = {
    &dialect_conversations,
    &dialect_dashboard,
    &dialect_echo,
    &dialect_eio_echo,
    &dialect_inbox,
    &dialect_inbox_chat,
    &dialect_rooms,
    &dialect_socketio,
    &dialect_subscribe,
};

const struct dialect *dialect_by_id(unsigned id)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
        if (dialects[i]->id == id) {
            return dialects[i];
        }
    }
    return NULL;
}

const struct dialect *const *dialect_list(size_t *count)
{
    *count = sizeof(dialects) / sizeof(dialects[0]);
    return dialects;
}
