/* bug.c -- one line to the log, then a core dump that shows the stack */
#include "shared/bug.h"

#include <stdlib.h>

#include "shared/log.h"

_Noreturn void bug_abort(const char *file, int line, const char *what)
{
    log_err("bug", "at=%s:%d what=%s", file, line, log_esc(str_of(what)));
    abort();
}
