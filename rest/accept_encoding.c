#include "rest/accept_encoding.h"

#include "rest/door_head.h"

#define WEIGHT_ONE     1000
#define WEIGHT_UNNAMED (-1)

static const char *const names[CODING_COUNT] = {
    [CODING_PLAIN] = "identity", [CODING_GZIP] = "gzip", [CODING_BR] = "br"};

const char *coding_name(enum coding c)
{
    return names[c];
}

/* "0", "1", up to three digits behind the point; in thousandths. */
static bool parse_weight(struct str s, int *out)
{
    int weight, unit = WEIGHT_ONE / 10;
    if (s.len == 0 || s.len > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.len > 1 && s.p[1] != '.')) {
        return false;
    }
    weight = (s.p[0] - '0') * WEIGHT_ONE;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        weight += (s.p[i] - '0') * unit;
    }
    *out = weight;
    return weight <= WEIGHT_ONE;
}

/* "gzip", "gzip;q=0.5" with spaces around the semicolon. */
static bool parse_element(struct str element, struct str *name, int *weight)
{
    struct str rest = str_cut(element, ';', name);
    *name = str_trim(*name);
    *weight = WEIGHT_ONE;
    if (name->len == 0) {
        return false;
    }
    if (rest.p == NULL) {
        return true;
    }
    rest = str_trim(rest);
    return rest.len > 2 && str_ieq((struct str){rest.p, 2}, STR("q=")) &&
           parse_weight(str_from(rest, 2), weight);
}

static bool is_coding(struct str name, int c)
{
    return str_ieq(name, str_of(names[c])) || (c == CODING_GZIP && str_ieq(name, STR("x-gzip")));
}

/* false: the list cannot be read. */
static bool read_weights(struct str list, int weights[CODING_COUNT], int *others)
{
    struct str element, name;
    int weight;
    while (door_list_next(&list, &element)) {
        if (!parse_element(element, &name, &weight)) {
            return false;
        }
        if (str_eq(name, STR("*"))) {
            *others = weight;
        }
        for (int c = 0; c < CODING_COUNT; c++) {
            weights[c] = is_coding(name, c) ? weight : weights[c];
        }
    }
    return true;
}

enum coding accept_encoding_choose(struct str value, unsigned have)
{
    int weights[CODING_COUNT] = {WEIGHT_UNNAMED, WEIGHT_UNNAMED, WEIGHT_UNNAMED};
    int others = WEIGHT_UNNAMED;
    enum coding best = CODING_PLAIN;
    if (!read_weights(value, weights, &others)) {
        return CODING_PLAIN;
    }
    /* The star is for what is not named; the plain file needs no naming, and then anything asked for goes before it. */
    for (int c = CODING_GZIP; c < CODING_COUNT; c++) {
        int weight = weights[c] == WEIGHT_UNNAMED ? others : weights[c];
        if ((have & 1u << c) != 0 && weight > 0 && weight >= weights[best]) {
            weights[c] = weight;
            best = (enum coding)c;
        }
    }
    return best;
}
