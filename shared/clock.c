/*
 * clock.c -- reading the clocks, and UTC text without libc
 *
 * Every frame carries a time, so formatting is integer arithmetic only: gmtime_r takes the time
 * zone lock and strftime the locale.
 */
#include "shared/clock.h"

#include <time.h>

#define US_PER_S  UINT64_C(1000000)
#define S_PER_DAY 86400
#define YEAR_9999_END_US                                                                           \
    (UINT64_C(253402300800) * US_PER_S) /* RFC 3339 has four digits for the year */

static uint64_t read_us(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

uint64_t wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

uint64_t wall_s(void)
{
    return read_us(CLOCK_REALTIME) / US_PER_S;
}

struct civil {
    unsigned year, month, day;
};

/*
 * The Gregorian calendar repeats every 400 years (146097 days). With years that begin on 1 March
 * the leap day comes last, and the days before month m (0 = March) are (153 m + 2) / 5: the lengths
 * 31 30 31 30 31 | 31 30 31 30 31 | 31 28 repeat in groups of 153 days.
 */
static struct civil civil_from_days(uint64_t days_since_1970)
{
    uint64_t days = days_since_1970 + 719468; /* since 1 March of year 0 */
    unsigned era = (unsigned)(days / 146097);
    unsigned of_era = (unsigned)(days % 146097);
    unsigned leap_days =
        of_era / 1460 - of_era / 36524 + of_era / 146096; /* that passed in the era */
    unsigned year_of_era = (of_era - leap_days) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned m = (5 * of_year + 2) / 153;
    unsigned january_on = m >= 10 ? 1 : 0; /* January and February belong to the next civil year */
    return (struct civil){
        .year = era * 400 + year_of_era + january_on,
        .month = january_on ? m - 9 : m + 3,
        .day = of_year - (153 * m + 2) / 5 + 1,
    };
}

static char *put_digits(char *to, unsigned value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

static char *put_pair(char *to, unsigned value, char after)
{
    to = put_digits(to, value, 2);
    *to = after;
    return to + 1;
}

void clock_add_rfc3339(struct buf *out, uint64_t wall_us_value, enum clock_precision precision)
{
    uint64_t us = wall_us_value < YEAR_9999_END_US ? wall_us_value : YEAR_9999_END_US - 1;
    uint64_t seconds = us / US_PER_S;
    unsigned of_day = (unsigned)(seconds % S_PER_DAY);
    unsigned fraction = (unsigned)(us % US_PER_S);
    struct civil date = civil_from_days(seconds / S_PER_DAY);

    char text[sizeof("2024-01-15T10:30:00.123456Z")];
    char *p = put_digits(text, date.year, 4);
    *p++ = '-';
    p = put_pair(p, date.month, '-');
    p = put_pair(p, date.day, 'T');
    p = put_pair(p, of_day / 3600, ':');
    p = put_pair(p, of_day / 60 % 60, ':');
    p = put_digits(p, of_day % 60, 2);
    if (precision != CLOCK_SECONDS) {
        *p++ = '.';
        p = precision == CLOCK_MILLIS ? put_digits(p, fraction / 1000, 3)
                                      : put_digits(p, fraction, 6);
    }
    *p++ = 'Z';
    buf_add(out, text, (size_t)(p - text));
}
