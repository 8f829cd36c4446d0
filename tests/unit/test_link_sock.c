#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/link_frame.h"
#include "shared/link_sock.h"

#define NOBODY 65534
#define ANY_UID ((uid_t)-1)

static char dir[64];
static char path[96];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/confab-link-XXXXXX");
    if (!mkdtemp(dir)) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/link", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static int listen_ok(void)
{
    struct buf why = BUF_INIT;
    int fd = -1;
    assert_int_equal(link_sock_listen(path, &fd, &why), RC_OK);
    assert_int_equal(why.len, 0);
    buf_release(&why);
    return fd;
}

static enum rc listen_rc(const char *at)
{
    struct buf why = BUF_INIT;
    int fd = -1;
    enum rc rc = link_sock_listen(at, &fd, &why);
    assert_int_equal(fd, -1);
    assert_true(why.len > 0 && why.p[why.len - 1] == '.');
    buf_release(&why);
    return rc;
}

struct pair {
    int listener, up, down; /* up: the worker's end, down: the server's */
};

static struct pair pair_open(void)
{
    struct pair p = {listen_ok(), -1, -1};
    assert_int_equal(link_sock_connect(path, &p.up), RC_OK);
    assert_int_equal(link_sock_accept(p.listener, ANY_UID, &p.down), RC_OK);
    return p;
}

static void pair_close(struct pair *p)
{
    link_sock_unlink(p->listener, path);
    close(p->listener);
    close(p->up);
    close(p->down);
    assert_int_equal(access(path, F_OK), -1);
}

struct got {
    char bytes[LINK_PACKET_MAX_BYTES];
    size_t len;
    int fds[LINK_FDS_PER_PACKET];
    unsigned count;
    bool truncated;
};

static enum rc receive(int fd, struct got *g, unsigned fds_room)
{
    return link_sock_recv(fd, g->bytes, sizeof(g->bytes), &g->len, g->fds, fds_room, &g->count,
                          &g->truncated);
}

static unsigned open_fds(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void test_link_sock_file_is_for_owner_and_group(void **state)
{
    (void)state;
    mode_t old = umask(077);
    int fd = listen_ok();
    umask(old);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    link_sock_unlink(fd, path);
    close(fd);
}

static void test_link_sock_replaces_a_stale_file(void **state)
{
    (void)state;
    close(listen_ok()); /* as a killed process leaves it */
    int up;
    assert_int_equal(link_sock_connect(path, &up), RC_UNAVAILABLE);
    int fd = listen_ok();
    assert_int_equal(link_sock_connect(path, &up), RC_OK);
    close(up);
    link_sock_unlink(fd, path);
    close(fd);
}

static void test_link_sock_leaves_a_living_listener_alone(void **state)
{
    (void)state;
    int fd = listen_ok();
    assert_int_equal(listen_rc(path), RC_CONFLICT);
    int up;
    assert_int_equal(link_sock_connect(path, &up), RC_OK);
    close(up);
    link_sock_unlink(fd, path);
    close(fd);
}

static void test_link_sock_leaves_other_files_alone(void **state)
{
    (void)state;
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(listen_rc(path), RC_CONFLICT);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
}

static void test_link_sock_refuses_bad_paths(void **state)
{
    (void)state;
    char longer[200];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    int fd;
    assert_int_equal(listen_rc(longer), RC_INVALID);
    assert_int_equal(listen_rc(""), RC_INVALID);
    assert_int_equal(listen_rc("/nowhere/at/all"), RC_IO);
    assert_int_equal(link_sock_connect(longer, &fd), RC_INVALID);
    assert_int_equal(link_sock_connect(path, &fd), RC_UNAVAILABLE);
}

static pid_t fork_and(void (*what)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        what();
        _exit(0);
    }
    return pid;
}

static void assert_exits(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int ready_pipe[2], go_pipe[2];

/* Another process took the path: listen there until told to end. */
static void usurp(void)
{
    struct buf why = BUF_INIT;
    int fd;
    char c;
    unlink(path);
    if (link_sock_listen(path, &fd, &why) != RC_OK || write(ready_pipe[1], "x", 1) != 1 ||
        read(go_pipe[0], &c, 1) != 1) {
        _exit(1);
    }
}

static void test_link_sock_unlinks_only_its_own_file(void **state)
{
    (void)state;
    char c;
    int fd = listen_ok();
    assert_int_equal(pipe(ready_pipe) | pipe(go_pipe), 0);
    pid_t pid = fork_and(usurp);
    assert_int_equal(read(ready_pipe[0], &c, 1), 1);
    link_sock_unlink(fd, path);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(write(go_pipe[1], "x", 1), 1);
    assert_exits(pid);
    link_sock_unlink(fd, path); /* stale now, and not ours */
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    close(fd);
    for (int i = 0; i < 2; i++) {
        close(ready_pipe[i]);
        close(go_pipe[i]);
    }
}

static void connect_as_nobody(void)
{
    int fd;
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0 || link_sock_connect(path, &fd) != RC_OK) {
        _exit(1);
    }
}

static void test_link_sock_refuses_another_uid(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    int fd = listen_ok(), down = -1;
    assert_int_equal(chmod(path, 0666) | chmod(dir, 0755), 0);
    assert_exits(fork_and(connect_as_nobody));
    assert_int_equal(link_sock_accept(fd, ANY_UID, &down), RC_FORBIDDEN);
    assert_int_equal(down, -1);
    assert_exits(fork_and(connect_as_nobody));
    assert_int_equal(link_sock_accept(fd, NOBODY, &down), RC_OK);
    close(down);
    assert_int_equal(link_sock_accept(fd, ANY_UID, &down), RC_AGAIN);
    link_sock_unlink(fd, path);
    close(fd);
}

static void test_link_sock_accept_without_free_descriptors_says_so(void **state)
{
    (void)state;
    struct rlimit old, tight;
    int listener = listen_ok(), up, down;
    assert_int_equal(link_sock_connect(path, &up), RC_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    tight = (struct rlimit){3, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    enum rc rc = link_sock_accept(listener, ANY_UID, &down);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(rc, RC_UNAVAILABLE);
    assert_int_equal(link_sock_accept(listener, ANY_UID, &down), RC_OK);
    close(up);
    close(down);
    link_sock_unlink(listener, path);
    close(listener);
}

static void test_link_sock_passes_packets_and_descriptors(void **state)
{
    (void)state;
    struct pair p = pair_open();
    unsigned before = open_fds();
    int fds[LINK_FDS_PER_PACKET];
    for (int i = 0; i < LINK_FDS_PER_PACKET; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    struct got g;
    assert_int_equal(receive(p.up, &g, LINK_FDS_PER_PACKET), RC_AGAIN);
    assert_int_equal(link_sock_send(p.down, "plain", 5, NULL, 0), RC_OK);
    assert_int_equal(link_sock_send(p.down, "full", 4, fds, LINK_FDS_PER_PACKET), RC_OK);
    assert_int_equal(receive(p.up, &g, LINK_FDS_PER_PACKET), RC_OK);
    assert_true(g.len == 5 && g.count == 0 && !g.truncated);
    assert_int_equal(receive(p.up, &g, LINK_FDS_PER_PACKET), RC_OK);
    assert_true(g.len == 4 && !g.truncated && memcmp(g.bytes, "full", 4) == 0);
    assert_int_equal(g.count, LINK_FDS_PER_PACKET);
    struct stat a, b;
    for (unsigned i = 0; i < g.count; i++) {
        assert_int_equal(fcntl(g.fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(fstat(g.fds[i], &a) | fstat(fds[i], &b), 0);
        assert_int_equal(a.st_rdev, b.st_rdev);
        close(g.fds[i]);
        close(fds[i]);
    }
    assert_int_equal(open_fds(), before);
    pair_close(&p);
}

static void test_link_sock_tells_that_descriptors_were_cut_off(void **state)
{
    (void)state;
    struct pair p = pair_open();
    unsigned before = open_fds();
    int fds[4] = {0, 0, 0, 0};
    struct got g;
    for (unsigned room = 0; room < 5; room++) {
        assert_int_equal(link_sock_send(p.down, "x", 1, fds, 4), RC_OK);
        assert_int_equal(receive(p.up, &g, room), RC_OK);
        assert_int_equal(g.count, room);
        assert_int_equal(g.truncated, room < 4);
        for (unsigned i = 0; i < g.count; i++) {
            close(g.fds[i]);
        }
        assert_int_equal(open_fds(), before);
    }
    pair_close(&p);
}

static void test_link_sock_without_free_descriptors_says_truncated(void **state)
{
    (void)state;
    struct pair p = pair_open();
    struct rlimit old, tight;
    int fds[4] = {0, 0, 0, 0};
    struct got g;
    assert_int_equal(link_sock_send(p.down, "x", 1, fds, 4), RC_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    int lowest = dup(0);
    close(lowest);
    tight = (struct rlimit){(rlim_t)lowest + 1, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    enum rc rc = receive(p.up, &g, LINK_FDS_PER_PACKET);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(rc, RC_OK);
    assert_true(g.truncated && g.len == 1 && g.count == 1);
    close(g.fds[0]);
    pair_close(&p);
}

static void test_link_sock_tells_that_bytes_were_cut_off(void **state)
{
    (void)state;
    struct pair p = pair_open();
    char small[3];
    size_t len;
    unsigned count;
    bool truncated;
    assert_int_equal(link_sock_send(p.up, "four", 4, NULL, 0), RC_OK);
    assert_int_equal(link_sock_recv(p.down, small, 3, &len, NULL, 0, &count, &truncated), RC_OK);
    assert_true(len == 3 && count == 0 && truncated);
    pair_close(&p);
}

static void test_link_sock_full_peer_would_block_and_keeps_order(void **state)
{
    (void)state;
    static char packet[LINK_PACKET_MAX_BYTES];
    static struct got g;
    struct pair p = pair_open();
    unsigned sent = 0, seen = 0;
    enum rc rc;
    for (; sent < 1000; sent++) {
        memcpy(packet, &sent, sizeof(sent));
        rc = link_sock_send(p.down, packet, sizeof(packet), NULL, 0);
        if (rc != RC_OK) {
            break;
        }
    }
    assert_int_equal(rc, RC_AGAIN);
    assert_in_range(sent, 2, 999); /* a full packet never fills the socket alone */
    while (receive(p.up, &g, 0) == RC_OK) {
        assert_int_equal(g.len, sizeof(packet));
        assert_memory_equal(g.bytes, &seen, sizeof(seen));
        seen++;
    }
    assert_int_equal(seen, sent);
    assert_int_equal(link_sock_send(p.down, packet, sizeof(packet), NULL, 0), RC_OK);
    pair_close(&p);
}

static void test_link_sock_dead_peer_is_closed_after_what_it_sent(void **state)
{
    (void)state;
    struct pair p = pair_open();
    struct got g;
    /* The peer dies with unread data: the reset comes first, the packets are still there. */
    assert_int_equal(link_sock_send(p.down, "never read", 10, NULL, 0), RC_OK);
    assert_int_equal(link_sock_send(p.up, "one", 3, NULL, 0), RC_OK);
    assert_int_equal(link_sock_send(p.up, "two", 3, NULL, 0), RC_OK);
    close(p.up);
    assert_int_equal(receive(p.down, &g, 0), RC_OK);
    assert_memory_equal(g.bytes, "one", 3);
    assert_int_equal(receive(p.down, &g, 0), RC_OK);
    assert_memory_equal(g.bytes, "two", 3);
    assert_int_equal(receive(p.down, &g, 0), RC_CLOSED);
    assert_int_equal(link_sock_send(p.down, "x", 1, NULL, 0), RC_CLOSED);
    p.up = dup(0);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_sock_file_is_for_owner_and_group),
        cmocka_unit_test(test_link_sock_replaces_a_stale_file),
        cmocka_unit_test(test_link_sock_leaves_a_living_listener_alone),
        cmocka_unit_test(test_link_sock_leaves_other_files_alone),
        cmocka_unit_test(test_link_sock_refuses_bad_paths),
        cmocka_unit_test(test_link_sock_unlinks_only_its_own_file),
        cmocka_unit_test(test_link_sock_refuses_another_uid),
        cmocka_unit_test(test_link_sock_accept_without_free_descriptors_says_so),
        cmocka_unit_test(test_link_sock_passes_packets_and_descriptors),
        cmocka_unit_test(test_link_sock_tells_that_descriptors_were_cut_off),
        cmocka_unit_test(test_link_sock_without_free_descriptors_says_truncated),
        cmocka_unit_test(test_link_sock_tells_that_bytes_were_cut_off),
        cmocka_unit_test(test_link_sock_full_peer_would_block_and_keeps_order),
        cmocka_unit_test(test_link_sock_dead_peer_is_closed_after_what_it_sent),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
