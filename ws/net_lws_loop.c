#include "ws/net_lws_loop.h"

#include <signal.h>
#include <stdlib.h>

#include <uv.h>

#include "shared/bug.h"
#include "shared/mem.h"

struct net_loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_idle_t idle; /* running: the loop does not wait */
    uv_timer_t timer;
    uv_signal_t signals[2];
    struct net_loop_calls calls;
    void *ctx;
    bool is_busy;
};

struct net_watch {
    uv_poll_t poll;
    net_watch_fn fn;
    void *ctx;
    int events;
};

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct net_loop *l = prepare->data;
    bool busy = l->calls.turn(l->ctx);
    if (busy != l->is_busy) {
        l->is_busy = busy;
        if (busy) {
            uv_idle_start(&l->idle, on_idle);
        } else {
            uv_idle_stop(&l->idle);
        }
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct net_loop *l = timer->data;
    l->calls.tick(l->ctx, uv_hrtime() / 1000000);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct net_loop *l = signal->data;
    (void)number;
    l->calls.stop(l->ctx);
}

struct net_loop *net_loop_new(const struct net_loop_calls *calls, void *ctx, uint32_t tick_ms)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    struct net_loop *l = mem_new(sizeof(*l));
    l->calls = *calls;
    l->ctx = ctx;
    BUG_IF(uv_loop_init(&l->uv) != 0);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_idle_init(&l->uv, &l->idle);
    uv_timer_init(&l->uv, &l->timer);
    l->prepare.data = l;
    l->timer.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_timer_start(&l->timer, on_timer, tick_ms, tick_ms);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&l->uv, &l->signals[i]);
        l->signals[i].data = l;
        uv_signal_start(&l->signals[i], on_signal, numbers[i]);
    }
    return l;
}

void net_loop_run(struct net_loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void net_loop_end(struct net_loop *l)
{
    uv_stop(&l->uv);
}

void net_loop_stop(struct net_loop *l)
{
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->timer, NULL);
    for (int i = 0; i < 2; i++) {
        uv_close((uv_handle_t *)&l->signals[i], NULL);
    }
    /* libwebsockets' handles close on the loop, too. */
    for (int i = 0; i < 1000 && uv_run(&l->uv, UV_RUN_NOWAIT) != 0; i++) {
    }
}

void net_loop_free(struct net_loop *l)
{
    if (uv_loop_close(&l->uv) == 0) {
        free(l);
    }
}

void *net_loop_handle(struct net_loop *l)
{
    return &l->uv;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct net_watch *w = poll->data;
    bool failed = status < 0; /* reading will say what it is */
    w->fn(w->ctx, failed || (events & (UV_READABLE | UV_DISCONNECT)) != 0,
          (events & UV_WRITABLE) != 0);
}

struct net_watch *net_watch_new(struct net_loop *l, int fd, net_watch_fn fn, void *ctx)
{
    struct net_watch *w = mem_new(sizeof(*w));
    if (uv_poll_init(&l->uv, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    w->fn = fn;
    w->ctx = ctx;
    return w;
}

void net_watch_want(struct net_watch *w, bool read, bool write)
{
    int events = (read ? UV_READABLE : 0) | (write ? UV_WRITABLE : 0);
    if (events == w->events) {
        return;
    }
    w->events = events;
    if (events != 0) {
        uv_poll_start(&w->poll, events, on_poll);
    } else {
        uv_poll_stop(&w->poll);
    }
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void net_watch_free(struct net_watch *w)
{
    w->fn = NULL;
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}
