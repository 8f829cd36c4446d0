#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rest/http_server_int.h"
#include "rest/http_watch.h"
#include "rest/metrics.h"
#include "shared/bug.h"
#include "shared/clock.h"
#include "shared/log.h"

#define TICK_MS 100   /* deadlines are kept this exactly */
#define IDLE_MS 1000  /* without connections; the watchdog sees the thread turn */
#define STUCK_TICKS 20 /* an answer that waits this long for the library has been forgotten by it */
#define WATCH_MS 250

/* The loop whose thread this is: it looks into its mailbox before it sleeps. */
static _Thread_local const struct http_loop *this_thread_runs;

/* -- mailbox ----------------------------------------------------------------------------------- */

static void post(struct http_loop *l, struct http_conn **list, struct http_conn *c)
{
    const uint64_t one = 1;
    bool wake;

    pthread_mutex_lock(&l->lock);
    c->mail = *list;
    *list = c;
    wake = !l->woken && l != this_thread_runs;
    l->woken = l->woken || wake;
    pthread_mutex_unlock(&l->lock);
    if (wake) {
        (void)!write(l->wake_fd, &one, sizeof(one));
    }
}

void http_loop_arrive(struct http_loop *l, struct http_conn *c)
{
    post(l, &l->arrivals, c);
}

void http_loop_finished(struct http_loop *l, struct http_conn *c)
{
    post(l, &l->finished, c);
}

/* Oldest first, which the lists are not. */
static struct http_conn *turn_round(struct http_conn *list)
{
    struct http_conn *first = NULL, *next;

    for (; list != NULL; list = next) {
        next = list->mail;
        list->mail = first;
        first = list;
    }
    return first;
}

static bool has_mail(struct http_loop *l)
{
    bool has;

    pthread_mutex_lock(&l->lock);
    has = l->arrivals != NULL || l->finished != NULL;
    pthread_mutex_unlock(&l->lock);
    return has;
}

/* The library has closed the descriptor without reporting it. */
static void forget(struct http_loop *l, struct http_conn *c)
{
    http_conn_unlink(&l->given, c);
    atomic_fetch_sub(&l->count, 1);
    peers_leave(l->server->env.peers, c->peer.peer_key);
    http_conn_free(c);
}

static bool is_given(const struct http_loop *l, const struct http_conn *c)
{
    const struct http_conn *g;

    for (g = l->given; g != NULL && g != c; g = g->next) {
    }
    return g != NULL;
}

/* The library takes the descriptor in any case. Version 0.9 reports the connection before it returns, 1.0 when it runs
 * the next time. */
static void give(struct http_loop *l, struct http_conn *c)
{
    struct sockaddr_in nowhere = {.sin_family = AF_INET};
    enum MHD_Result result;

    http_conn_link(&l->given, c);
    result = MHD_add_connection(l->daemon, c->fd, (const struct sockaddr *)&nowhere, sizeof(nowhere));
    if (result != MHD_YES && is_given(l, c)) {
        forget(l, c);
    }
}

struct http_conn *http_loop_started(struct http_loop *l, int fd)
{
    struct http_conn *c;

    for (c = l->given; c != NULL && c->fd != fd; c = c->next) {
    }
    if (c != NULL) {
        http_conn_unlink(&l->given, c);
        http_conn_link(&l->live, c);
    }
    return c;
}

/* -- clients of resting requests --------------------------------------------------------------- */

void http_watch_client(struct http_request *rq, void (*gone)(struct http_request *rq), uint64_t deadline_ms)
{
    struct http_conn *c = rq->server;
    struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c};

    rq->gone = gone;
    c->deadline_ms = deadline_ms;
    c->is_watched = epoll_ctl(c->loop->watch_fd, EPOLL_CTL_ADD, c->fd, &ev) == 0;
}

static void unwatch(struct http_loop *l, struct http_conn *c)
{
    if (c->is_watched) {
        (void)epoll_ctl(l->watch_fd, EPOLL_CTL_DEL, c->fd, NULL);
        c->is_watched = false;
    }
}

/* A request that is finished meanwhile is still in the mailbox, so the connection is there. */
static void look_at_clients(struct http_loop *l)
{
    struct epoll_event events[64];
    int i, n = epoll_wait(l->watch_fd, events, 64, 0);

    for (i = 0; i < n; i++) {
        struct http_conn *c = events[i].data.ptr;
        if (atomic_load(&c->state) == HTTP_STATE_RUNNING) {
            c->rq.gone(&c->rq);
        }
    }
}

static void take_mail(struct http_loop *l)
{
    struct http_conn *arrivals, *finished, *next;

    pthread_mutex_lock(&l->lock);
    arrivals = l->arrivals;
    finished = l->finished;
    l->arrivals = l->finished = NULL;
    l->woken = false;
    pthread_mutex_unlock(&l->lock);
    for (arrivals = turn_round(arrivals); arrivals != NULL; arrivals = next) {
        next = arrivals->mail;
        give(l, arrivals);
    }
    for (finished = turn_round(finished); finished != NULL; finished = next) {
        next = finished->mail;
        unwatch(l, finished);
        http_body_wake(finished);
        MHD_resume_connection(finished->library);
    }
}

/* -- turning ----------------------------------------------------------------------------------- */

static int wait_ms(struct http_loop *l)
{
    MHD_UNSIGNED_LONG_LONG library_ms;
    int most = l->live != NULL ? TICK_MS : IDLE_MS;

    if (has_mail(l)) {
        return 0;
    }
    if (MHD_get_timeout(l->daemon, &library_ms) == MHD_YES && library_ms < (unsigned)most) {
        return (int)library_ms;
    }
    return most;
}

static void tick(struct http_loop *l)
{
    uint64_t now = mono_ms();
    unsigned stuck;

    if (now < l->tick_ms) {
        return;
    }
    l->tick_ms = now + TICK_MS;
    stuck = http_conns_tick(l->live, now);
    if (stuck > 0 && stuck % STUCK_TICKS == 0) {
        log_err("http_stuck", "ticks=%u the library does not come back to a finished request", stuck);
        metric_add(METRIC_HTTP_STUCK, 1);
    }
}

static void *loop_main(void *arg)
{
    struct http_loop *l = arg;
    struct pollfd fds[3] = {{.fd = l->library_fd, .events = POLLIN},
                            {.fd = l->wake_fd, .events = POLLIN},
                            {.fd = l->watch_fd, .events = POLLIN}};
    uint64_t count;

    this_thread_runs = l;
    while (!atomic_load(&l->server->stop)) {
        atomic_fetch_add(&l->turns, 1);
        take_mail(l);
        (void)MHD_run(l->daemon);
        while (l->given != NULL) {
            forget(l, l->given);
        }
        tick(l);
        if (poll(fds, 3, wait_ms(l)) <= 0) {
            continue;
        }
        if ((fds[1].revents & POLLIN) != 0) {
            (void)!read(l->wake_fd, &count, sizeof(count));
        }
        if ((fds[2].revents & POLLIN) != 0) {
            look_at_clients(l);
        }
    }
    return NULL;
}

/* -- life -------------------------------------------------------------------------------------- */

bool http_loop_start(struct http_loop *l, struct http_server *server, struct MHD_Daemon *daemon)
{
    const union MHD_DaemonInfo *info;

    l->server = server;
    l->daemon = daemon;
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    pthread_mutex_init(&l->lock, NULL);
    if (daemon == NULL || l->wake_fd < 0 || l->watch_fd < 0) {
        return false;
    }
    info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        return false;
    }
    l->library_fd = info->epoll_fd;
    l->runs = pthread_create(&l->thread, NULL, loop_main, l) == 0;
    return l->runs;
}

void http_loop_stop(struct http_loop *l)
{
    const uint64_t one = 1;

    if (l->server == NULL) {
        return;
    }
    if (l->runs) {
        (void)!write(l->wake_fd, &one, sizeof(one));
        pthread_join(l->thread, NULL);
        this_thread_runs = l;
        take_mail(l); /* what was finished meanwhile has to be resumed before the daemon may end */
        this_thread_runs = NULL;
    }
    if (l->daemon != NULL) {
        MHD_stop_daemon(l->daemon);
    }
    while (l->given != NULL) {
        forget(l, l->given);
    }
    if (l->wake_fd >= 0) {
        close(l->wake_fd);
    }
    if (l->watch_fd >= 0) {
        close(l->watch_fd);
    }
    pthread_mutex_destroy(&l->lock);
}

/* Turns, not time: a process that was stopped and goes on has not been stuck. */
void *http_watchdog_main(void *server)
{
    struct http_server *h = server;
    const struct timespec step = {0, WATCH_MS * 1000000L};
    unsigned long seen[HTTP_LOOPS_MAX] = {0};
    uint64_t same[HTTP_LOOPS_MAX] = {0};
    unsigned i;

    while (!atomic_load(&h->stop)) {
        for (i = 0; i < h->loops_count; i++) {
            unsigned long turns = atomic_load(&h->loops[i].turns);

            same[i] = turns == seen[i] ? same[i] + 1 : 0;
            seen[i] = turns;
            BUG_IF(same[i] * WATCH_MS > h->env.svc->conf->watchdog_ms + IDLE_MS);
        }
        nanosleep(&step, NULL);
    }
    return NULL;
}
