/* store_maria_attachment.h -- what a batch writes about attachments; between store_maria*.c only */
#ifndef REST_STORE_MARIA_ATTACHMENT_H
#define REST_STORE_MARIA_ATTACHMENT_H

#include "rest/store_maria.h"

extern const struct statement sql_attachment_insert, sql_attachment_use, sql_attachment_drop,
    sql_attachment_drop_chat, sql_attachment_delete;

#endif
