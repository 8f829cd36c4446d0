/* svc_command.h -- the socket side of svc_submit (svc.h): the answer goes into the worker's stream */
#ifndef REST_SVC_COMMAND_H
#define REST_SVC_COMMAND_H

#include "rest/svc.h"

/* CODE_OK: a REPLY with this request id will stand in the worker's stream, behind the command's events. */
enum code svc_submit_from_socket(struct svc *svc, const struct cmd *c, const struct feed_reply_to *to);

#endif
