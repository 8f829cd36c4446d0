/*
 * settings.h -- what the table of settings cannot say by itself: what they refer to, and taking them over again
 *
 * Used at the start, by --check-config and by a reload alike, so that what one accepts the others accept.
 * Layer      main. Reads files, changes none.
 */
#ifndef REST_SETTINGS_H
#define REST_SETTINGS_H

#include "rest/rest_conf.h"

/* rest_conf_check, and: listeners, networks and origins can be parsed, files and the user that are named are there, keys
 * are good. A secret that a start would make may be missing. RC_INVALID with one sentence. */
RC_CHECK enum rc settings_check(const struct rest_conf *c, struct buf *why);

/*
 * Read the file again, with the same --set overrides (pairs of "key=value"), check everything, and take over the
 * reloadable settings. RC_INVALID, RC_IO, RC_TOO_BIG with sentences: nothing has changed.
 * *changed, *waiting: names of settings that were taken over, and of those that a restart is needed for.
 * Threads    Main thread only, which alone reads strings that can change; numbers change in one store.
 */
RC_CHECK enum rc settings_reload(const char *path, char *const *sets, unsigned sets_count,
                                 struct buf *changed, struct buf *waiting, struct buf *why);

#endif
