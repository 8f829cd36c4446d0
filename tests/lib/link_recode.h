/*
 * link_recode.h -- for tests: decode a link frame by its type and encode it again; make sample frames
 *
 * Both know every row of link.def; a type they do not know is RC_UNSUPPORTED, which the tests take as
 * "the table has a row without codec".
 */
#ifndef TESTS_LIB_LINK_RECODE_H
#define TESTS_LIB_LINK_RECODE_H

#include "shared/link_msg.h"

/* Append the frame that carries what `frame` said. The decoder's error otherwise; out is untouched then. */
RC_CHECK enum rc link_recode(const struct link_frame *frame, struct buf *out);

enum link_sample_kind { SAMPLE_DISTINCT, SAMPLE_MAX, SAMPLE_ZERO, SAMPLE_COUNT };
/* Append one frame of the type: every field another value, every field at its maximum, or all empty. */
RC_CHECK enum rc link_sample(uint16_t type, enum link_sample_kind kind, struct buf *out);

/* An event of the kind with every field filled in (SAMPLE_ZERO: none). */
struct event link_sample_event(uint8_t event_kind, enum link_sample_kind kind);

#endif
