/* dialect_rooms.h -- the dialect of D0 clients: JSON objects with a `type`, ids in the 24-hex form */
#ifndef WS_DIALECT_ROOMS_H
#define WS_DIALECT_ROOMS_H

#include "ws/dialect.h"

extern const struct dialect dialect_rooms;

#endif
