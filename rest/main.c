/* main.c -- flags, configuration, and the order of starting and stopping; nothing else */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "rest/attachments.h"
#include "rest/auth.h"
#include "rest/db_watch.h"
#include "rest/door.h"
#include "rest/door_listen.h"
#include "rest/link_server.h"
#include "rest/notifier.h"
#include "rest/poll.h"
#include "rest/push.h"
#include "rest/ratelimit.h"
#include "rest/settings.h"
#include "rest/sealer.h"
#include "rest/start.h"
#include "rest/web.h"
#include "rest/workpool.h"
#include "shared/bug.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"

/* Exit codes: 0 asked to stop, 1 run-time failure (start again), 2 usage or configuration (do not). */
enum { EXIT_RUN = 1, EXIT_USAGE = 2 };

#define CONNECT_DEADLINE_MS 60000
#define DRAIN_MS 5000
#define RATE_KEYS 65536
#define SETS_MAX 64

struct flags {
    const char *config;
    char *sets[SETS_MAX]; /* --set, in order */
    unsigned sets_count;
    bool check, print;
};

#define WATCH_EVERY_MS 1000

/* How often a sign of life has been the same in a row. Turns are counted, not time: a process that was stopped for a
 * minute has not hung. */
struct pulse {
    uint64_t last;
    uint64_t same;
};

struct app {
    struct flags flags;
    struct rest_conf *conf;
    struct buf password;
    struct store_conf store_conf;
    struct sealer *sealer; /* NULL: texts are kept as they are */
    struct svc svc;
    struct link_server *link;
    struct door_policy *policy;
    struct peers *peers;
    struct http_server *http;
    struct door *door;
    int signals; /* signalfd */
    struct pulse door_pulse, writer_pulse;
};

/* Sentences end with a newline; in a log line they stand behind each other. */
static const char *one_line(struct buf *why)
{
    for (size_t i = 0; i < why->len; i++) {
        why->p[i] = why->p[i] == '\n' ? ' ' : why->p[i];
    }
    return log_esc(str_trim(buf_str(why)));
}

/* What is wrong with flags and settings is for the person who wrote them: plain lines, one for each. */
_Noreturn static void die(int status, const char *event, struct buf *why)
{
    if (status == EXIT_USAGE) {
        fprintf(stderr, "%.*s", (int)why->len, why->len > 0 ? why->p : "");
    } else {
        log_err(event, "why=%s", one_line(why));
    }
    exit(status);
}

/* Another process owns the log now. Whatever is in memory here is out of date: no orderly stop. */
static void on_fenced(void)
{
    log_err("fenced", "why=\"another process has taken over the log\"");
    _exit(EXIT_RUN);
}

/* -- configuration ------------------------------------------------------------------------------------ */

static void usage(FILE *out)
{
    fputs("usage: confab-rest [--config FILE] [--set KEY=VALUE]... [--check-config | --print-config]\n"
          "\n"
          "The API daemon: HTTP, rules and the database.\n"
          "  --config FILE     settings, key = value; without it the defaults\n"
          "  --set KEY=VALUE   one setting, instead of the file's\n"
          "  --check-config    check the settings and the files they name, and end: 0 good, 2 not\n"
          "  --print-config    print every setting with its meaning, bounds and value\n"
          "Exit status: 0 asked to stop, 1 failed (start it again), 2 flags or settings (do not).\n"
          "SIGHUP reads the file again and takes over the settings marked reloadable.\n",
          out);
}

static void add_set(struct flags *flags, char *assignment)
{
    if (flags->sets_count == SETS_MAX) {
        fprintf(stderr, "--set is given more than %d times.\n", SETS_MAX);
        exit(EXIT_USAGE);
    }
    flags->sets[flags->sets_count++] = assignment;
}

static void read_flags(int argc, char **argv, struct flags *flags)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
        {"check-config", no_argument, NULL, 'k'}, {"print-config", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    for (int c = 0; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            flags->config = optarg;
            break;
        case 's':
            add_set(flags, optarg);
            break;
        case 'k':
            flags->check = true;
            break;
        case 'p':
            flags->print = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(EXIT_USAGE);
        }
    }
    if (optind != argc) {
        usage(stderr);
        exit(EXIT_USAGE);
    }
}

static struct rest_conf *configure(const struct flags *flags)
{
    struct rest_conf *conf = NULL;
    const struct conf_key *keys = rest_conf_keys(&conf);
    struct buf why = BUF_INIT;
    conf_defaults(keys, rest_conf_keys_count);
    if (flags->config != NULL &&
        conf_load(keys, rest_conf_keys_count, flags->config, &why) != RC_OK) {
        die(EXIT_USAGE, "bad_config", &why);
    }
    for (unsigned i = 0; i < flags->sets_count; i++) {
        if (conf_set(keys, rest_conf_keys_count, flags->sets[i], &why) != RC_OK) {
            die(EXIT_USAGE, "bad_setting", &why);
        }
    }
    if (flags->print) {
        conf_print(keys, rest_conf_keys_count, stdout);
        exit(0);
    }
    if (settings_check(conf, &why) != RC_OK) {
        die(EXIT_USAGE, "bad_config", &why);
    }
    if (flags->check) {
        exit(0);
    }
    return conf;
}

static void feed_settings(const struct rest_conf *conf, struct feed_conf *out)
{
    *out = (struct feed_conf){
        .ring_max_bytes = conf->ring_max_bytes,
        .ring_max_age_ms = conf->ring_max_age_ms,
        .stream_max_bytes = conf->link_stream_max_bytes,
        .replay_max_events = conf->replay_max_events,
        .replay_chunk_events = conf->replay_chunk_events,
        .replay_refs_max = conf->replay_refs_max,
        .user_connections_max = conf->user_connections_max,
        .address_connections_max = conf->address_connections_max,
        .worker_adopts_max = conf->link_adopts_max,
        .dashboard_viewers_max = conf->dashboard_viewers_max,
        .dashboard_replay_max = conf->dashboard_replay_max,
        .focus_entries_max = conf->focus_entries_max,
        .focus_max_age_ms = conf->focus_max_age_ms,
        .chat_update_ms = conf->chat_update_ms,
        .chat_update_members_max = conf->chat_update_members_max,
        .chat_update_waits_max = conf->chat_update_waits_max,
        .receipt_ms = conf->receipt_ms,
        .presence_grace_ms = conf->presence_grace_ms,
        .presence_grace_lost_ms = conf->presence_grace_lost_ms,
        .presence_members_max = conf->presence_members_max,
        .presence_fanout_max = conf->presence_fanout_max,
        .recovery_ms = conf->test_fixture ? 0 : conf->socketio_recovery_ms,
        .recovery_max = conf->socketio_recovery_max,
        .last_seen_ms = conf->last_seen_ms,
        .typing_expire_ms = conf->typing_expire_ms,
        .typing_members_max = conf->typing_members_max,
        .typing_entries_max = conf->typing_entries_max,
    };
}

/* -- start --------------------------------------------------------------------------------------------- */

static void must(enum rc rc, const char *event, struct buf *why)
{
    if (rc != RC_OK) {
        die(rc == RC_INVALID ? EXIT_USAGE : EXIT_RUN, event, why);
    }
}

static void start_services(struct app *a, struct buf *why)
{
    struct svc *s = &a->svc;
    struct feed_conf feed_conf;
    struct store *store = NULL;
    struct writer_start start;
    feed_settings(a->conf, &feed_conf);
    s->conf = a->conf;
    s->cache = cache_new();
    s->feed = feed_new(&feed_conf, s->cache);
    must(web_load(a->conf, &s->web, why), "bad_web_dir", why);
    must(auth_new(a->conf, s->cache, &s->auth, why), "bad_keys", why);
    must(start_read_secret(a->conf->db_password_file, &a->password, why), "bad_password_file", why);
    must(start_read_content_keys(a->conf, &a->sealer, why), "bad_content_keys", why);
    start_store_conf(a->conf, buf_str(&a->password).p, &a->store_conf);
    a->store_conf.sealer = a->sealer;
    enum rc rc = start_connect(&a->store_conf, mono_ms() + CONNECT_DEADLINE_MS, a->signals, &store, why);
    if (rc == RC_CLOSED) {
        log_info("stopped", "status=0");
        exit(0); /* asked to stop before anything had begun */
    }
    must(rc, "db_unreachable", why);
    must(start_load(a->conf, store, &a->store_conf, s->cache, s->feed, &start, why), "load_failed", why);
    must(attachments_new(a->conf, store, &s->attachments, why), "attachments", why);
    s->writer = writer_new(a->conf, s->cache, s->feed, &start, on_fenced);
    s->dbpool = dbpool_new(&a->store_conf, &(struct dbpool_conf){
                                               .threads = (unsigned)a->conf->db_read_threads,
                                               .reads_max = (unsigned)a->conf->db_read_queue,
                                               .replays_max = (unsigned)a->conf->db_replay_queue,
                                               .wait_ms = a->conf->db_read_wait_ms,
                                           });
    s->db_watch = db_watch_new(&a->store_conf, s->writer, a->conf->db_check_ms, a->conf->db_check_wait_ms);
    s->workpool = workpool_new((unsigned)a->conf->argon2_threads, (unsigned)a->conf->argon2_queue);
    s->messages = ratelimit_new(RATE_KEYS);
    s->typing = ratelimit_new(RATE_KEYS);
    s->checkins = ratelimit_new(RATE_KEYS);
    s->logins = ratelimit_new(RATE_KEYS);
    s->polls = polls_new(a->conf, s->feed);
    feed_bind(s->feed, s);
    must(writer_run(s->writer), "no_thread", why);
    must(db_watch_run(s->db_watch), "no_thread", why);
    must(feed_run(s->feed), "no_thread", why);
    if (s->attachments != NULL) {
        must(attachments_start(s->attachments, s, why), "no_thread", why);
    }
    must(push_new(a->conf, &a->store_conf, s, &s->push, why), "bad_push", why);
    s->push_bell = push_bell_of(s->push);
    s->notifier = notifier_new(s, &start.notifier);
    must(notifier_run(s->notifier), "no_thread", why);
    if (s->push != NULL) {
        must(push_run(s->push), "no_thread", why);
    }
}

/* The user the workers run as, when it is another than ours. */
static uid_t link_uid(const struct rest_conf *conf)
{
    const struct passwd *pw = conf->link_user[0] != '\0' ? getpwnam(conf->link_user) : NULL;
    return pw != NULL ? pw->pw_uid : (uid_t)-1;
}

static void start_transports(struct app *a, struct buf *why)
{
    must(door_policy_new(a->conf, &a->policy, why), "bad_policy", why);
    a->peers = peers_new(a->conf, feed_log_id(a->svc.feed));
    must(http_server_new(&a->svc, a->policy, a->peers, &a->http, why), "no_http", why);
    must(door_new(&a->svc, a->policy, a->peers, a->http, &a->door, why), "cannot_listen", why);
    struct link_server_conf link = {
        .path = a->conf->link_socket,
        .allowed_uid = link_uid(a->conf),
        .ping_ms = a->conf->link_ping_ms,
        .timeout_ms = a->conf->link_timeout_ms,
        .commands_max = a->conf->link_commands_max,
    };
    must(link_server_start(&link, a->svc.feed, &a->link, why), "no_link", why);
    http_server_set_ready(a->http, true);
    must(door_start(a->door, why), "no_door", why);
}

/* -- run ------------------------------------------------------------------------------------------------ */

static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not become larger is an error like a full disk */
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* A mistake in the file changes nothing: the running system goes on as it is. */
static void reload(struct app *a)
{
    struct buf changed = BUF_INIT, waiting = BUF_INIT, why = BUF_INIT;
    struct feed_conf limits;
    enum rc rc = settings_reload(a->flags.config, a->flags.sets, a->flags.sets_count, &changed, &waiting, &why);
    if (rc == RC_OK) {
        rc = door_policy_reload(a->policy, a->conf, &why);
    }
    if (rc != RC_OK) {
        log_err("reload_failed", "why=%s", one_line(&why));
    } else {
        log_set_level((enum log_level)a->conf->log_level);
        feed_settings(a->conf, &limits);
        feed_reload(a->svc.feed, &limits);
        http_server_reload(a->http);
        door_reload(a->door);
        peers_reload(a->peers, a->conf);
        log_info("reloaded", "changed=%s after_restart=%s", log_esc(buf_str(&changed)),
                 log_esc(buf_str(&waiting)));
    }
    buf_release(&changed);
    buf_release(&waiting);
    buf_release(&why);
}

static void watch_one(struct pulse *p, uint64_t now, uint64_t limit_ms)
{
    p->same = now != 0 && now == p->last ? p->same + 1 : 0;
    p->last = now;
    BUG_IF(p->same * WATCH_EVERY_MS > limit_ms);
}

/* A thread that hangs would leave clients waiting for ever; a core dump and a restart do not. */
static void watch(struct app *a)
{
    uint64_t limit = a->conf->watchdog_ms;
    watch_one(&a->door_pulse, door_progress_ms(a->door), limit);
    /* One answer of the database may take its whole timeout; after that the writer shows life while it waits. */
    watch_one(&a->writer_pulse, writer_busy_since_ms(a->svc.writer), limit + 2 * a->conf->db_io_timeout_ms);
}

/* Until a signal asks to stop. */
static void wait_for_stop(struct app *a, int signals)
{
    struct signalfd_siginfo info;
    struct pollfd ready = {.fd = signals, .events = POLLIN};
    for (;;) {
        if (poll(&ready, 1, WATCH_EVERY_MS) == 0) {
            watch(a);
            continue;
        }
        ssize_t n = read(signals, &info, sizeof(info));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n != (ssize_t)sizeof(info) || info.ssi_signo != SIGHUP) {
            return;
        }
        reload(a);
    }
}

/* WebSockets stay open with the workers; only HTTP and the writer are wound up. */
static int stop(struct app *a)
{
    struct svc *s = &a->svc;
    log_info("stopping", "published=%llu", (unsigned long long)feed_published(s->feed));
    door_stop(a->door);
    polls_stop(s->polls);
    bool drained = http_server_drain(a->http, mono_ms() + DRAIN_MS);
    feed_stop(s->feed);
    attachments_stop(s->attachments);
    notifier_stop(s->notifier);
    push_stop(s->push);
    writer_stop(s->writer);
    if (!drained || !http_server_free(a->http)) {
        log_warn("stop_forced", "why=\"requests without an answer\"");
        _exit(0);
    }
    link_server_stop(a->link);
    /* Requests and replays are what use the pools; neither comes any more. */
    dbpool_free(s->dbpool);
    db_watch_free(s->db_watch);
    attachments_free(s->attachments);
    workpool_free(s->workpool);
    feed_free(s->feed);
    door_free(a->door);
    web_free(s->web);
    polls_free(s->polls);
    peers_free(a->peers);
    door_policy_free(a->policy);
    notifier_free(s->notifier);
    push_free(s->push);
    writer_free(s->writer);
    auth_free(s->auth);
    ratelimit_free(s->messages);
    ratelimit_free(s->typing);
    ratelimit_free(s->checkins);
    ratelimit_free(s->logins);
    cache_free(s->cache);
    buf_release(&a->password);
    sealer_free(a->sealer);
    return 0;
}

/* What is open to everybody who reaches us must not be a surprise. */
static void say_what_is_open(const struct rest_conf *conf)
{
    enum d1_auth policy = rest_conf_d1_auth(conf);
    if (conf->profile == PROFILE_DEV) {
        log_warn("profile_dev", "why=\"pages of this machine may use us, secrets are made when missing\"");
    }
    if (policy != D1_AUTH_REQUIRED) {
        log_warn("d1_auth", "policy=%s why=\"on /api/ws a userId is believed%s\"",
                 policy == D1_AUTH_OFF ? "off" : "warn",
                 policy == D1_AUTH_OFF ? ", tokens are not looked at" : " when there is no token");
    }
}

int main(int argc, char **argv)
{
    struct app app = {0};
    struct buf why = BUF_INIT;
    log_init("rest", LOG_LEVEL_INFO);
    read_flags(argc, argv, &app.flags);
    app.conf = configure(&app.flags);
    log_set_level((enum log_level)app.conf->log_level);
    raise_file_limit();
    app.signals = block_signals();
    store_library_init();
    must(door_listen_probe(app.conf->listen, &why), "cannot_listen", &why);
    start_services(&app, &why);
    start_transports(&app, &why);
    say_what_is_open(app.conf);
    log_info("ready", "listen=%s", log_esc(str_of(app.conf->listen)));
    buf_release(&why);
    wait_for_stop(&app, app.signals);
    int status = stop(&app);
    conf_release(rest_conf_keys(&app.conf), rest_conf_keys_count);
    log_info("stopped", "status=%d", status);
    return status;
}
