/*
 * fuzz_link.c -- packets of the link from a hostile sibling
 *
 * The input is a series of packets (16-bit length and bytes). Every frame that the reader lets through
 * is decoded; what was understood is encoded, read and decoded again, and must come out the same.
 */
#include <stdlib.h>

#include "shared/bug.h"
#include "tests/lib/link_recode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read the one frame (in pieces or not) that stands in bytes and encode it again. */
static void check_stable(struct str bytes)
{
    struct link_reader reader;
    struct link_frame frame;
    struct buf again = BUF_INIT;
    link_reader_init(&reader);
    struct str left = bytes;
    BUG_IF(link_reader_next(&reader, &left, &frame) != RC_OK || left.len != 0);
    BUG_IF(link_recode(&frame, &again) != RC_OK);
    BUG_IF(!str_eq(bytes, buf_str(&again)));
    buf_release(&again);
    link_reader_release(&reader);
}

static void check_frame(const struct link_frame *frame)
{
    struct buf once = BUF_INIT;
    enum rc rc = link_recode(frame, &once);
    BUG_IF((rc == RC_UNSUPPORTED) != (link_type_name(frame->type) == NULL));
    BUG_IF(!buf_ok(&once));
    if (rc == RC_OK) {
        check_stable(buf_str(&once));
    } else {
        BUG_IF(once.len != 0);
    }
    buf_release(&once);
}

static enum rc check_packet(struct link_reader *reader, struct str packet)
{
    struct link_frame frame;
    enum rc rc;
    while ((rc = link_reader_next(reader, &packet, &frame)) == RC_OK) {
        check_frame(&frame);
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct link_reader reader;
    link_reader_init(&reader);
    struct rd in = rd_of(data, size);
    enum rc rc = RC_AGAIN;
    while (rc == RC_AGAIN && in.left != 0) {
        struct str packet = rd_str16(&in);
        if (in.bad) {
            break;
        }
        rc = check_packet(&reader, packet);
    }
    link_reader_release(&reader);
    return 0;
}
