/*
 * main.c -- confab-ws: one worker process. Flags, settings, order of start and stop; nothing else.
 *
 *   confab-ws --config FILE --worker N [--set key=value]...
 *   confab-ws [--config FILE] --check-config | --print-config
 * Exit: 0 asked to stop, 1 run-time failure, 2 usage or settings.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "ws/core.h"
#include "ws/link_client.h"
#include "ws/net_lws.h"
#include "ws/net_lws_loop.h"

#define BUILD_NAME "confab-ws 1"

struct program {
    struct core core;
    struct net_loop *loop;
    struct net_lws *net;
    uint64_t end_ms; /* 0: not stopping */
    uint64_t alarm_at_ms;
};

struct flags {
    const char *config;
    uint64_t worker;
    bool check, print, help;
};

static bool on_turn(void *ctx)
{
    struct program *p = ctx;
    bool busy = core_turn(&p->core);
    net_lws_turn(p->net);
    return busy;
}

/* The kernel ends a process whose loop has stopped turning; its clients resume elsewhere. */
static void feed_watchdog(struct program *p, uint64_t now_ms)
{
    if (now_ms >= p->alarm_at_ms) {
        p->alarm_at_ms = now_ms + 1000;
        alarm((unsigned)(p->core.conf->watchdog_ms / 1000));
    }
}

static void on_tick(void *ctx, uint64_t now_ms)
{
    struct program *p = ctx;
    feed_watchdog(p, now_ms);
    core_tick(&p->core, now_ms);
    link_client_tick(p->core.link, now_ms);
    if (p->end_ms != 0 && (p->core.conns.count == 0 || now_ms >= p->end_ms)) {
        net_loop_end(p->loop);
    }
}

static void on_stop(void *ctx)
{
    struct program *p = ctx;
    if (p->end_ms != 0) {
        return;
    }
    uint64_t grace_ms = p->core.conf->drain_ms;
    p->end_ms = mono_ms() + grace_ms + p->core.conf->close_timeout_ms + 1000;
    if (link_client_is_up(p->core.link)) {
        link_put_drain(link_client_out(p->core.link), (uint32_t)grace_ms);
    }
    core_drain(&p->core, grace_ms);
}

static int run(struct program *p, const struct ws_conf *conf, uint16_t worker)
{
    static const struct net_loop_calls calls = {on_turn, on_tick, on_stop};
    core_init(&p->core, conf, worker);
    p->loop = net_loop_new(&calls, p, WHEEL_TICK_MS);
    p->net = net_lws_new(p->loop);
    if (p->net == NULL) {
        return 1;
    }
    p->core.carrier = &net_lws_carrier;
    p->core.start = net_lws_start;
    p->core.start_ctx = p->net;
    p->core.link = link_client_new(&p->core, conf, p->loop, BUILD_NAME);
    log_info("ready", "worker=%u sessions_max=%llu", worker,
             (unsigned long long)conf->sessions_max);
    net_loop_run(p->loop);
    log_info("stopped", "sessions=%u", p->core.conns.count);
    net_lws_stop(p->net);
    link_client_free(p->core.link);
    net_loop_stop(p->loop);
    net_lws_free(p->net);
    net_loop_free(p->loop);
    core_release(&p->core);
    return 0;
}

/* Descriptors for sessions_max connections and some more. */
static void raise_files(const struct ws_conf *conf)
{
    struct rlimit files;
    rlim_t want = (rlim_t)conf->sessions_max + 128;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return;
    }
    if (files.rlim_cur < want) {
        files.rlim_cur = files.rlim_max < want ? files.rlim_max : want;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur < want) {
        log_warn("few_files", "have=%llu want=%llu", (unsigned long long)files.rlim_cur,
                 (unsigned long long)want);
    }
}

static int usage(FILE *out)
{
    fputs("usage: confab-ws --config FILE --worker N [--set KEY=VALUE]... [--check-config | --print-config]\n"
          "\n"
          "One WebSocket worker; it gets its connections from confab-rest over a Unix socket.\n"
          "  --config FILE     settings, key = value; without it the defaults\n"
          "  --worker N        this worker's number, 1 to 65535; no two alike\n"
          "  --set KEY=VALUE   one setting, instead of the file's\n"
          "  --check-config    check the settings and end: 0 good, 2 not\n"
          "  --print-config    print every setting with its meaning, bounds and value\n"
          "Exit status: 0 asked to stop, 1 failed (start it again), 2 flags or settings (do not).\n",
          out);
    return out == stdout ? 0 : 2;
}

/* RC_OK; else the sentence is in why and the program ends with 2. */
static enum rc read_settings(int argc, char **argv, struct flags *flags, struct buf *why)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"worker", required_argument, NULL, 'w'},
        {"set", required_argument, NULL, 's'},    {"check-config", no_argument, NULL, 'C'},
        {"print-config", no_argument, NULL, 'P'}, {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct ws_conf *conf;
    const struct conf_key *keys = ws_conf_keys(&conf);
    enum rc rc = RC_OK;
    int option;
    conf_defaults(keys, ws_conf_keys_count);
    for (int pass = 0; pass < 2; pass++) { /* the file first, wherever --set stands */
        optind = 1;
        while (rc == RC_OK && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
            if (option == 'c' && pass == 0) {
                flags->config = optarg;
                rc = conf_load(keys, ws_conf_keys_count, optarg, why);
            } else if (option == 's' && pass == 1) {
                rc = conf_set(keys, ws_conf_keys_count, optarg, why);
            } else if (option == 'w' && !str_u64(str_of(optarg), &flags->worker)) {
                rc = RC_INVALID;
            } else if (option == '?') {
                rc = RC_INVALID;
            }
            flags->check = flags->check || option == 'C';
            flags->print = flags->print || option == 'P';
            flags->help = flags->help || option == 'h';
        }
    }
    if (rc == RC_OK && optind != argc) {
        rc = RC_INVALID;
    }
    return rc == RC_OK ? ws_conf_check(conf, why) : rc;
}

int main(int argc, char **argv)
{
    static struct program program;
    struct flags flags = {0};
    struct buf why = BUF_INIT;
    struct ws_conf *conf;
    const struct conf_key *keys = ws_conf_keys(&conf);
    char name[32];
    enum rc rc = read_settings(argc, argv, &flags, &why);
    if (rc != RC_OK || flags.help) {
        bool is_explained = why.len > 0 && !flags.help;
        fputs(is_explained ? why.p : "", stderr);
        buf_release(&why);
        conf_release(keys, ws_conf_keys_count);
        return is_explained ? 2 : usage(flags.help ? stdout : stderr);
    }
    buf_release(&why);
    if (flags.print) {
        conf_print(keys, ws_conf_keys_count, stdout);
    }
    if (flags.print || flags.check) {
        conf_release(keys, ws_conf_keys_count);
        return 0;
    }
    if (flags.worker < 1 || flags.worker > UINT16_MAX) {
        conf_release(keys, ws_conf_keys_count);
        return usage(stderr);
    }
    (void)snprintf(name, sizeof(name), "ws%u", (unsigned)flags.worker);
    log_init(name, (enum log_level)conf->log_level);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    /* Nothing is read again; the one meant for confab-rest must not cost every client its connection. */
    sigaction(SIGHUP, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    raise_files(conf);
    int status = run(&program, conf, (uint16_t)flags.worker);
    conf_release(keys, ws_conf_keys_count);
    return status;
}
