/* unit.h -- cmocka with the headers it wants in front, and two helpers that every suite may use */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/str.h"

#define assert_str(got, literal)                                                                   \
    do {                                                                                           \
        struct str got_ = (got);                                                                   \
        assert_int_equal(got_.len, sizeof(literal) - 1);                                           \
        assert_memory_equal(got_.p, literal, sizeof(literal) - 1);                                 \
    } while (0)

/* Runs in a child; true when it died by abort(). */
static inline int aborts(void (*run)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(STDERR_FILENO); /* the abort's own line is no news */
        run();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
