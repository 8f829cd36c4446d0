/* bug.h -- our own invariant broke: say where and abort. Never for what a peer sent. */
#ifndef SHARED_BUG_H
#define SHARED_BUG_H

_Noreturn void bug_abort(const char *file, int line, const char *what);

#define BUG(what) bug_abort(__FILE__, __LINE__, (what))
#define BUG_IF(cond)                                                                               \
    do {                                                                                           \
        if (cond) {                                                                                \
            bug_abort(__FILE__, __LINE__, #cond);                                                  \
        }                                                                                          \
    } while (0)

#endif
