#include "rest/addr_public.h"

struct range {
    unsigned char base[16];
    unsigned bits;
};

static const struct range special_v4[] = {
    {{0}, 8},             {{10}, 8},          {{100, 64}, 10},   {{127}, 8},       {{169, 254}, 16},
    {{172, 16}, 12},      {{192, 0, 0}, 24},  {{192, 0, 2}, 24}, {{192, 88, 99}, 24}, {{192, 168}, 16},
    {{198, 18}, 15},      {{198, 51, 100}, 24}, {{203, 0, 113}, 24}, {{224}, 4},    {{240}, 4},
};

/* Unicast is 2000::/3. Out of it: Teredo and other protocols, documentation, and 6to4, whose IPv4 address may be any. */
static const struct range special_v6[] = {
    {{0x20, 0x01}, 23},
    {{0x20, 0x01, 0x0d, 0xb8}, 32},
    {{0x20, 0x02}, 16},
    {{0x3f, 0xff}, 20},
};

static bool is_in(const unsigned char *b, const struct range *r)
{
    for (unsigned bit = 0; bit < r->bits; bit++) {
        if (((b[bit / 8] ^ r->base[bit / 8]) >> (7 - bit % 8)) & 1) {
            return false;
        }
    }
    return true;
}

static bool in_any(const unsigned char *b, const struct range *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (is_in(b, &list[i])) {
            return true;
        }
    }
    return false;
}

bool addr_is_public(const struct addr *a)
{
    static const struct range unicast_v6 = {{0x20}, 3};
    if (a->family == ADDR_V4) {
        return !in_any(a->b, special_v4, sizeof(special_v4) / sizeof(special_v4[0]));
    }
    return a->family == ADDR_V6 && is_in(a->b, &unicast_v6) &&
           !in_any(a->b, special_v6, sizeof(special_v6) / sizeof(special_v6[0]));
}
