/* bench.c -- flags, and which part to run */
#include "tests/bench/bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
    {"port", required_argument, NULL, 'p'},      {"secret", required_argument, NULL, 's'},
    {"db-socket", required_argument, NULL, 'd'}, {"db-password", required_argument, NULL, 'w'},
    {"migrations", required_argument, NULL, 'm'}, {"pids", required_argument, NULL, 'i'},
    {"scratch", required_argument, NULL, 'f'},   {"count", required_argument, NULL, 'n'},
    {"window", required_argument, NULL, 'k'},    {"seconds", required_argument, NULL, 't'},
    {"users", required_argument, NULL, 'u'},     {"chats", required_argument, NULL, 'c'},
    {"chat", required_argument, NULL, 'g'},      {"limit-port", required_argument, NULL, 'l'},
    {"db-name", required_argument, NULL, 'b'},   {"db-user", required_argument, NULL, 'r'},
    {"dialect", required_argument, NULL, 'a'},   {"limit-pids", required_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

static const struct {
    const char *name;
    int (*run)(const struct bench *b);
} parts[] = {
    {"seed", bench_seed},       {"fanout", bench_fanout}, {"post", bench_post},
    {"latency", bench_latency}, {"idle", bench_idle},     {"handshakes", bench_handshakes},
    {"listener", bench_listener}, {"sql", bench_sql},   {"socketio", bench_socketio},
    {"socketio-idle", bench_socketio_idle},
};

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static void set(struct bench *b, int option, const char *value)
{
    switch (option) {
    case 'p': b->port = number(value); break;
    case 's': b->secret = value; break;
    case 'd': b->db_socket = value; break;
    case 'w': b->db_password = value; break;
    case 'm': b->migrations = value; break;
    case 'i': b->pids = value; break;
    case 'f': b->scratch = value; break;
    case 'n': b->count = number(value); break;
    case 'k': b->window = number(value); break;
    case 't': b->seconds = number(value); break;
    case 'u': b->users = number(value); break;
    case 'c': b->chats = number(value); break;
    case 'g': b->chat = number(value); break;
    case 'l': b->limit_port = number(value); break;
    case 'b': b->db_name = value; break;
    case 'r': b->db_user = value; break;
    case 'a': b->dialect = value; break;
    case 'j': b->limit_pids = value; break;
    default: bench_fail("usage: confab-bench PART [--option value]...");
    }
}

int main(int argc, char **argv)
{
    struct bench b = {.db_user = "confab", .db_name = "confab", .db_password = "", .count = 64,
                      .window = 1, .seconds = 5, .users = 1, .chat = 1, .scratch = ".",
                      .dialect = "rooms"};
    for (int c = 0; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        set(&b, c, optarg);
    }
    for (size_t i = 0; optind < argc && i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(argv[optind], parts[i].name) == 0) {
            return parts[i].run(&b);
        }
    }
    bench_fail("usage: confab-bench seed|fanout|post|latency|idle|handshakes|listener|sql|socketio|socketio-idle [--option value]...");
}
