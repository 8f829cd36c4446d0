/* The `listen` setting and its sockets. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "rest/door_listen.h"

static struct door_listener listeners[DOOR_LISTENERS_MAX];

static enum rc parse(const char *setting, unsigned *count)
{
    struct buf why = BUF_INIT;
    enum rc rc = door_listen_parse(setting, listeners, count, &why);

    assert_true((rc == RC_OK) == (why.len == 0));
    buf_release(&why);
    return rc;
}

static void test_entries_are_read(void **state)
{
    unsigned count = 0;

    (void)state;
    assert_int_equal(parse("127.0.0.1:8000 rooms,[::1]:8080  conversations proxy", &count), RC_OK);
    assert_int_equal(count, 2);
    assert_int_equal(listeners[0].at.port, 8000);
    assert_int_equal(listeners[0].dialect, DIALECT_ROOMS);
    assert_false(listeners[0].proxy);
    assert_int_equal(listeners[1].at.family, ADDR_V6);
    assert_int_equal(listeners[1].dialect, DIALECT_CONVERSATIONS);
    assert_true(listeners[1].proxy);
}

static void test_mistakes_are_told(void **state)
{
    static const char *const bad[] = {"", " , ", "127.0.0.1 rooms", "127.0.0.1:8000", "localhost:80 rooms",
                                      "127.0.0.1:80 nonsense", "127.0.0.1:80 rooms proxied",
                                      "127.0.0.1:80 rooms proxy x", "127.0.0.1:99999 rooms",
                                      "127.0.0.1:80 none"};
    unsigned i, count;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse(bad[i], &count) == RC_OK) {
            fail_msg("\"%s\" was accepted", bad[i]);
        }
    }
}

static void test_port_zero_and_a_taken_port(void **state)
{
    struct buf why = BUF_INIT;
    struct door_listener two;
    unsigned count = 0;

    (void)state;
    assert_int_equal(parse("127.0.0.1:0 rooms", &count), RC_OK);
    assert_int_equal(door_listen_open(listeners, count, &why), RC_OK);
    assert_true(listeners[0].at.port != 0);
    assert_int_equal(listen(listeners[0].fd, 1), 0);
    two = listeners[0];
    two.fd = -1;
    assert_int_equal(door_listen_open(&two, 1, &why), RC_UNAVAILABLE);
    assert_int_equal(two.fd, -1);
    assert_true(why.len > 0);
    door_listen_close(listeners, count);
    assert_int_equal(listeners[0].fd, -1);
    buf_release(&why);
}

/* What a service manager passes starts at descriptor 3; a child does it, so that cmocka keeps its own. */
static void test_inherited_sockets_are_used(void **state)
{
    struct buf why = BUF_INIT;
    unsigned count = 0;
    pid_t pid;
    int status;

    (void)state;
    assert_int_equal(parse("127.0.0.1:0 rooms", &count), RC_OK);
    assert_int_equal(door_listen_open(listeners, count, &why), RC_OK);
    assert_int_equal(listen(listeners[0].fd, 1), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct door_listener l = listeners[0];
        char text[32];
        int keep = fcntl(l.fd, F_DUPFD, 10);
        bool good;

        snprintf(text, sizeof(text), "%d", (int)getpid());
        setenv("LISTEN_PID", text, 1);
        setenv("LISTEN_FDS", "2", 1);
        close(l.fd);
        dup2(keep, 4);
        l.fd = -1;
        good = door_listen_open(&l, 1, &why) == RC_OK && l.inherited && l.fd == 4 &&
               (fcntl(4, F_GETFD) & FD_CLOEXEC) != 0;
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    door_listen_close(listeners, count);
    buf_release(&why);
}

static void test_probe_tells_of_a_taken_port_and_takes_none(void **state)
{
    struct buf why = BUF_INIT;
    char setting[64];
    unsigned count = 0;

    (void)state;
    assert_int_equal(parse("127.0.0.1:0 rooms", &count), RC_OK);
    assert_int_equal(door_listen_open(listeners, count, &why), RC_OK);
    assert_int_equal(listen(listeners[0].fd, 1), 0);
    snprintf(setting, sizeof(setting), "127.0.0.1:0 rooms, 127.0.0.1:%u rooms", listeners[0].at.port);
    assert_int_equal(door_listen_probe(setting, &why), RC_UNAVAILABLE);
    assert_non_null(strstr(why.p, "Cannot bind 127.0.0.1 port"));
    door_listen_close(listeners, count);

    buf_clear(&why);
    assert_int_equal(door_listen_probe(setting, &why), RC_OK);
    assert_int_equal(door_listen_probe(setting, &why), RC_OK);
    assert_int_equal(door_listen_probe("nonsense", &why), RC_INVALID);
    buf_release(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_are_read),
        cmocka_unit_test(test_mistakes_are_told),
        cmocka_unit_test(test_port_zero_and_a_taken_port),
        cmocka_unit_test(test_inherited_sockets_are_used),
        cmocka_unit_test(test_probe_tells_of_a_taken_port_and_takes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
