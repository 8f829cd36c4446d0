/*
 * ctl.c -- confabctl: options, commands, output
 *
 * The table of commands is at the end. Exit status: 0 done, 1 the server refused or cannot be reached, 2 wrong
 * usage. Secrets come from files or standard input, never from the command line.
 */
#include "rest/ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

#define SECRET_MAX_BYTES 4096

struct options {
    const char *name, *password_file, *ttl, *id;
    bool revoke;
};

struct command {
    const char *words; /* "user add" */
    unsigned arguments;
    int (*run)(struct ctl *c, const struct options *o, char **arguments);
    const char *usage, *help;
};

extern const struct command commands[];
extern const size_t commands_count;
const struct command *find_command(int count, char **words, int *used);

/* ---------------------------------------------------------------- files */

/* The first line of a file ("-": standard input), without its end. */
static bool read_secret(const char *path, struct buf *out)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char line[SECRET_MAX_BYTES];
    bool ok = f && fgets(line, sizeof(line), f);
    if (ok) {
        line[strcspn(line, "\r\n")] = '\0';
        buf_add_z(out, line);
        ok = out->len > 0 && buf_ok(out);
    }
    explicit_bzero(line, sizeof(line));
    if (f && f != stdin) {
        fclose(f);
    }
    if (!ok) {
        fprintf(stderr, "confabctl: cannot read a secret from %s\n", path);
    }
    return ok;
}

/* ---------------------------------------------------------------- requests */

static int print_json(const struct ctl_answer *a)
{
    fwrite(a->text.p ? a->text.p : "", 1, a->text.len, stdout);
    if (a->text.len > 0) {
        putchar('\n');
    }
    return EXIT_DONE;
}

static void print_str(struct str s)
{
    fwrite(s.p, 1, s.len, stdout);
}

typedef void (*printer)(const struct ctl_answer *a);

/* Takes body. print NULL: nothing to say beyond success. */
static int admin_call(struct ctl *c, const char *method, const char *path, struct buf *body,
                      printer print)
{
    struct ctl_answer a;
    enum rc rc = ctl_request(c, method, path, c->admin.p, NULL, buf_str(body), 0, &a);
    int status = rc == RC_OK ? EXIT_DONE : EXIT_REFUSED;
    if (rc == RC_OK && c->json) {
        status = print_json(&a);
    } else if (rc == RC_OK && print) {
        print(&a);
    }
    ctl_answer_release(&a);
    if (body->p) {
        explicit_bzero(body->p, body->len);
    }
    buf_release(body);
    return status;
}

/* The server takes a user name there too. */
static void add_user_ref(struct buf *body, const char *text)
{
    json_key_str(body, "user_id", str_of(text));
}

static bool parse_number(const char *option, const char *text, uint64_t *out)
{
    if (str_u64(str_of(text), out) && *out > 0) {
        return true;
    }
    fprintf(stderr, "confabctl: %s needs a positive number\n", option);
    return false;
}

/* ---------------------------------------------------------------- user */

static void print_account(struct jval v)
{
    struct str username = STR(""), name = STR(""), hex = STR("");
    uint64_t id = 0;
    bool disabled = false;
    (void)json_str(json_get(v, "username"), &username);
    (void)json_str(json_get(v, "name"), &name);
    (void)json_str(json_get(v, "user_id"), &hex);
    (void)json_u64(json_get(v, "id"), &id);
    (void)json_bool(json_get(v, "disabled"), &disabled);
    printf("%8llu  ", (unsigned long long)id);
    print_str(hex);
    printf("  %-8s  ", disabled ? "disabled" : "active");
    print_str(username);
    printf("  ");
    print_str(name);
    putchar('\n');
}

static void print_one_account(const struct ctl_answer *a)
{
    if (a->json) {
        print_account(json_root(a->json));
    }
}

static int user_add(struct ctl *c, const struct options *o, char **arguments)
{
    struct buf body = BUF_INIT, password = BUF_INIT;
    uint64_t id = 0;
    if ((o->password_file && !read_secret(o->password_file, &password)) ||
        (o->id && !parse_number("--id", o->id, &id))) {
        buf_release(&password);
        return EXIT_USAGE;
    }
    buf_add_char(&body, '{');
    json_key_str(&body, "username", str_of(arguments[0]));
    if (o->name) {
        json_key_str(&body, "name", str_of(o->name));
    }
    if (o->password_file) {
        json_key_str(&body, "password", buf_str(&password));
        explicit_bzero(password.p, password.len);
    }
    if (id != 0) {
        json_key_u64(&body, "user_id", id);
    }
    buf_add_char(&body, '}');
    buf_release(&password);
    return admin_call(c, "POST", "/api/admin/users", &body, print_one_account);
}

static int user_action(struct ctl *c, const char *method, const char *user, const char *action,
                       struct buf *body)
{
    struct buf path = BUF_INIT;
    buf_add_z(&path, "/api/admin/users/");
    ctl_add_segment(&path, str_of(user));
    buf_addf(&path, "/%s", action);
    int status = admin_call(c, method, path.p, body, print_one_account);
    buf_release(&path);
    return status;
}

static int user_disable(struct ctl *c, const struct options *o, char **arguments)
{
    (void)o;
    struct buf body = BUF_INIT;
    return user_action(c, "POST", arguments[0], "disable", &body);
}

static int user_enable(struct ctl *c, const struct options *o, char **arguments)
{
    (void)o;
    struct buf body = BUF_INIT;
    return user_action(c, "POST", arguments[0], "enable", &body);
}

static int user_password(struct ctl *c, const struct options *o, char **arguments)
{
    struct buf body = BUF_INIT, password = BUF_INIT;
    if (!read_secret(o->password_file ? o->password_file : "-", &password)) {
        buf_release(&password);
        return EXIT_USAGE;
    }
    buf_add_char(&body, '{');
    json_key_str(&body, "password", buf_str(&password));
    buf_add_char(&body, '}');
    explicit_bzero(password.p, password.len);
    buf_release(&password);
    return user_action(c, "PUT", arguments[0], "password", &body);
}

/* Page by page; with --json one answer per line. */
static int user_list(struct ctl *c, const struct options *o, char **arguments)
{
    (void)o;
    (void)arguments;
    struct buf path = BUF_INIT;
    buf_add_z(&path, "/api/admin/users");
    int status = EXIT_DONE;
    while (path.len > 0 && status == EXIT_DONE) {
        struct ctl_answer a;
        if (ctl_request(c, "GET", path.p, c->admin.p, NULL, STR_NONE, 0, &a) != RC_OK) {
            status = EXIT_REFUSED;
        } else if (c->json) {
            status = print_json(&a);
        }
        struct jval list = a.json ? json_get(json_root(a.json), "users") : (struct jval){NULL, false};
        for (size_t i = 0; !c->json && status == EXIT_DONE && i < json_length(list); i++) {
            print_account(json_at(list, i));
        }
        struct str next = ctl_member(&a, "next_cursor");
        buf_clear(&path);
        if (next.len > 0) {
            buf_add_z(&path, "/api/admin/users?cursor=");
            ctl_add_segment(&path, next);
        }
        ctl_answer_release(&a);
    }
    buf_release(&path);
    return status;
}

/* ---------------------------------------------------------------- token, kick, status, demo */

static void print_token(const struct ctl_answer *a)
{
    print_str(ctl_member(a, "access_token"));
    putchar('\n');
}

static int token_issue(struct ctl *c, const struct options *o, char **arguments)
{
    struct buf body = BUF_INIT;
    uint64_t ttl_s = 0;
    if (o->ttl && !parse_number("--ttl", o->ttl, &ttl_s)) {
        return EXIT_USAGE;
    }
    buf_add_char(&body, '{');
    add_user_ref(&body, arguments[0]);
    if (ttl_s != 0) {
        json_key_u64(&body, "ttl_s", ttl_s);
    }
    buf_add_char(&body, '}');
    return admin_call(c, "POST", "/api/admin/tokens", &body, print_token);
}

static int kick(struct ctl *c, const struct options *o, char **arguments)
{
    struct buf body = BUF_INIT;
    buf_add_char(&body, '{');
    add_user_ref(&body, arguments[0]);
    json_key_bool(&body, "revoke", o->revoke);
    buf_add_char(&body, '}');
    return admin_call(c, "POST", "/api/admin/kick", &body, NULL);
}

static void print_value(const char *indent, struct str key, struct jval v)
{
    struct buf b = BUF_INIT;
    struct str text;
    if (json_str(v, &text)) {
        buf_add_str(&b, text);
    } else {
        json_write(&b, v);
    }
    printf("%s%-14.*s %.*s\n", indent, (int)key.len, key.p, (int)b.len, b.p ? b.p : "");
    buf_release(&b);
}

static void print_status(const struct ctl_answer *a)
{
    struct str key, inner;
    struct jval value, field;
    for (size_t i = 0; a->json && json_next(json_root(a->json), &i, &key, &value);) {
        if (json_type(value) != JSON_ARRAY) {
            print_value("", key, value);
            continue;
        }
        for (size_t j = 0; j < json_length(value); j++) {
            printf("worker\n");
            for (size_t k = 0; json_next(json_at(value, j), &k, &inner, &field);) {
                print_value("  ", inner, field);
            }
        }
    }
}

static int status_show(struct ctl *c, const struct options *o, char **arguments)
{
    (void)o;
    (void)arguments;
    struct ctl_answer a;
    enum rc rc = ctl_request(c, "GET", "/api/admin/status", c->admin.p, NULL, STR_NONE, 0, &a);
    if (rc == RC_OK && c->json) {
        print_json(&a);
    } else if (rc == RC_OK) {
        print_status(&a);
    }
    ctl_answer_release(&a);
    return rc == RC_OK ? EXIT_DONE : EXIT_REFUSED;
}

static int demo(struct ctl *c, const struct options *o, char **arguments)
{
    (void)o;
    (void)arguments;
    return ctl_demo(c) == RC_OK ? EXIT_DONE : EXIT_REFUSED;
}

/* ---------------------------------------------------------------- options */

static void print_help(FILE *out)
{
    fprintf(out, "confabctl [OPTIONS] COMMAND -- administer Confab over its API\n\n");
    for (size_t i = 0; i < commands_count; i++) {
        fprintf(out, "  %-60s %s\n", commands[i].usage, commands[i].help);
    }
    fprintf(out,
            "\n"
            "  --url URL                base URL (CONFAB_URL; default http://127.0.0.1:8000)\n"
            "  --admin-token-file FILE  the admin secret (CONFAB_ADMIN_TOKEN_FILE, or the secret\n"
            "                           itself in CONFAB_ADMIN_TOKEN)\n"
            "  --timeout SECONDS        for each request (30)\n"
            "  --json                   print the server's answers as they are\n"
            "  --help\n\n"
            "USER is a user name or an id. Exit status: 0 done, 1 refused or unreachable, 2 usage.\n");
}

/* The first word may be right: then what goes with it is shown, else everything. */
static void unknown_command(int count, char **words)
{
    struct str first;
    unsigned shown = 0;
    for (size_t i = 0; count > 0 && i < commands_count; i++) {
        (void)str_cut(str_of(commands[i].words), ' ', &first);
        if (str_eq(first, str_of(words[0]))) {
            fprintf(stderr, "%s confabctl %s\n", shown++ == 0 ? "usage:" : "      ", commands[i].usage);
        }
    }
    if (count > 0 && shown == 0) {
        fprintf(stderr, "confabctl: there is no command \"%s\"; confabctl --help shows them all\n", words[0]);
    } else if (count == 0) {
        print_help(stderr);
    }
}

static bool load_admin(struct ctl *c, const char *path)
{
    const char *secret = getenv("CONFAB_ADMIN_TOKEN");
    path = path ? path : getenv("CONFAB_ADMIN_TOKEN_FILE");
    if (path) {
        return read_secret(path, &c->admin);
    }
    if (secret && secret[0]) {
        buf_add_z(&c->admin, secret);
        return true;
    }
    fprintf(stderr, "confabctl: give the admin secret with --admin-token-file FILE\n");
    return false;
}

static int run(struct ctl *c, const struct options *o, const char *secret_file, int count,
               char **words)
{
    int used = 0;
    const struct command *command = find_command(count, words, &used);
    if (!command) {
        unknown_command(count, words);
        return EXIT_USAGE;
    }
    if ((unsigned)(count - used) != command->arguments) {
        fprintf(stderr, "usage: confabctl %s\n", command->usage);
        return EXIT_USAGE;
    }
    if (!load_admin(c, secret_file)) {
        return EXIT_USAGE;
    }
    if (ctl_open(c) != RC_OK) {
        fprintf(stderr, "confabctl: cannot start libcurl\n");
        return EXIT_REFUSED;
    }
    return command->run(c, o, words + used);
}

int main(int argc, char **argv)
{
    enum { URL = 1, ADMIN, TIMEOUT, JSON, HELP, NAME, PASSWORD, TTL, ID, REVOKE };
    static const struct option longs[] = {
        {"url", required_argument, NULL, URL},       {"admin-token-file", required_argument, NULL, ADMIN},
        {"timeout", required_argument, NULL, TIMEOUT}, {"json", no_argument, NULL, JSON},
        {"help", no_argument, NULL, HELP},           {"name", required_argument, NULL, NAME},
        {"password-file", required_argument, NULL, PASSWORD}, {"ttl", required_argument, NULL, TTL},
        {"id", required_argument, NULL, ID},         {"revoke", no_argument, NULL, REVOKE},
        {NULL, 0, NULL, 0},
    };
    const char *env_url = getenv("CONFAB_URL"), *secret_file = NULL;
    struct ctl c = {.url = env_url ? env_url : "http://127.0.0.1:8000", .timeout_s = 30};
    struct options o = {0};
    uint64_t timeout_s = 30;
    int option;
    while ((option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (option) {
        case URL: c.url = optarg; break;
        case ADMIN: secret_file = optarg; break;
        case TIMEOUT:
            if (!parse_number("--timeout", optarg, &timeout_s)) {
                return EXIT_USAGE;
            }
            c.timeout_s = timeout_s < 3600 ? (unsigned)timeout_s : 3600;
            break;
        case JSON: c.json = true; break;
        case NAME: o.name = optarg; break;
        case PASSWORD: o.password_file = optarg; break;
        case TTL: o.ttl = optarg; break;
        case ID: o.id = optarg; break;
        case REVOKE: o.revoke = true; break;
        case 'h':
        case HELP: print_help(stdout); return EXIT_DONE;
        default: return EXIT_USAGE;
        }
    }
    int status = run(&c, &o, secret_file, argc - optind, argv + optind);
    ctl_close(&c);
    return status;
}

/* ---------------------------------------------------------------- the commands */

const struct command commands[] = {
    {"user add", 1, user_add, "user add USERNAME [--name NAME] [--password-file F] [--id N]", "make an account"},
    {"user list", 0, user_list, "user list", "all accounts"},
    {"user disable", 1, user_disable, "user disable USER", "no login, no token, sockets close"},
    {"user enable", 1, user_enable, "user enable USER", "undo that"},
    {"user password", 1, user_password, "user password USER [--password-file F]", "set a password (F or stdin)"},
    {"token issue", 1, token_issue, "token issue USER [--ttl SECONDS]", "print an access token"},
    {"kick", 1, kick, "kick USER [--revoke]", "close the user's sockets; --revoke ends all tokens"},
    {"status", 0, status_show, "status", "what the server is doing"},
    {"demo", 0, demo, "demo", "load the demo data (again)"},
};
const size_t commands_count = sizeof(commands) / sizeof(commands[0]);

const struct command *find_command(int count, char **words, int *used)
{
    for (size_t i = 0; i < commands_count; i++) {
        struct str second, first;
        second = str_cut(str_of(commands[i].words), ' ', &first);
        int needed = second.p ? 2 : 1;
        if (count >= needed && str_eq(first, str_of(words[0])) &&
            (needed == 1 || str_eq(second, str_of(words[1])))) {
            *used = needed;
            return &commands[i];
        }
    }
    return NULL;
}
