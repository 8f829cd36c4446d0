/*
 * checkin.h -- a check-in as the dashboard shows it, byte for byte the same in frames and in REST answers
 *
 * Shape      {"checkin_time","message","profile_url","session_id","success","user_id","user_name"}: ids are UUIDs, the
 *            session's its own random one; the time has microseconds.
 * Masked     A public session shows initials only ("J. D."), neither id nor picture. The id of nobody is the nil UUID, so that a
 *            client which reads a UUID there always finds one.
 * Codes      What an attendee shows at the door: 60 random bits as 12 characters of Crockford's base 32, which has no
 *            letters that look alike. A reader takes small letters, spaces and dashes, and o, i and l for the digits
 *            they look like.
 * Layer      shared. Pure.
 */
#ifndef SHARED_CHECKIN_H
#define SHARED_CHECKIN_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/id.h"
#include "shared/str.h"

/* What became of it. Stored: append only. */
enum checkin_result {
    CHECKIN_DONE = 0,
    CHECKIN_ALREADY = 1,
    CHECKIN_UNKNOWN_CODE = 2,
    CHECKIN_NOT_REGISTERED = 3,
    CHECKIN_RESULTS
};

struct checkin {
    struct key16 session;
    uint64_t at_us;
    uint64_t user_id;       /* 0: nobody has the code */
    uint8_t result;         /* enum checkin_result */
    struct str name;        /* display name; empty when nobody has the code */
    struct str profile_url; /* p == NULL: none */
};

/* "Check-in successful", ... */
struct str checkin_message(uint8_t result);
void checkin_add(struct buf *out, const struct checkin *c, bool masked);
/* The first letter of each of the first few words, with dots. */
void checkin_add_initials(struct buf *out, struct str name);

#define CHECKIN_CODE_CHARS 12
#define CHECKIN_CODE_MAX   (((uint64_t)1 << 60) - 1)
/* 1..CHECKIN_CODE_MAX */
uint64_t checkin_code_new(void);
void checkin_code_add(struct buf *out, uint64_t code);
/* 0: no code at all. */
uint64_t checkin_code_parse(struct str text);

#endif
