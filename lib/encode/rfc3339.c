/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader of RFC 3339; strptime knows locales and too many forms. */
#include "st_rfc3339.h"

#include <string.h>

#define FRACTION_DIGITS 9
#define YEAR_MIN        1678
#define YEAR_MAX        2261

typedef struct fields_t {
    int year, month, day, hour, minute, second;
    int64_t fraction; /* ns */
    int offset;       /* minutes east of UTC */
} fields_t;

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads exactly `digits` digits and steps over them.
 * @return 1; 0 when something else stands there. */
static int read_number(const char **pat, int digits, int *pnumber)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit(**pat)) {
            return 0;
        }
        number = number * 10 + (**pat - '0');
        (*pat)++;
    }
    *pnumber = number;
    return 1;
}

/* Steps over one of the characters of `any`. */
static int read_mark(const char **pat, const char *any)
{
    if (**pat == '\0' || strchr(any, **pat) == NULL) {
        return 0;
    }
    (*pat)++;
    return 1;
}

static int read_date(const char **pat, fields_t *fields)
{
    return read_number(pat, 4, &fields->year) && read_mark(pat, "-") &&
           read_number(pat, 2, &fields->month) && read_mark(pat, "-") &&
           read_number(pat, 2, &fields->day);
}

static int read_fraction(const char **pat, fields_t *fields)
{
    if (!read_mark(pat, ".")) {
        return 1;
    }
    if (!is_digit(**pat)) {
        return 0;
    }
    int digits = 0;
    for (; is_digit(**pat); (*pat)++) {
        if (digits < FRACTION_DIGITS) {
            fields->fraction = fields->fraction * 10 + (**pat - '0');
            digits++;
        }
    }
    for (; digits < FRACTION_DIGITS; digits++) {
        fields->fraction *= 10;
    }
    return 1;
}

static int read_time(const char **pat, fields_t *fields)
{
    return read_number(pat, 2, &fields->hour) && read_mark(pat, ":") &&
           read_number(pat, 2, &fields->minute) && read_mark(pat, ":") &&
           read_number(pat, 2, &fields->second) && read_fraction(pat, fields);
}

static int read_offset(const char **pat, fields_t *fields)
{
    if (read_mark(pat, "Zz")) {
        return 1;
    }
    int sign = **pat == '-' ? -1 : 1;
    int hours, minutes;
    if (!read_mark(pat, "+-") || !read_number(pat, 2, &hours) || !read_mark(pat, ":") ||
        !read_number(pat, 2, &minutes) || hours > 23 || minutes > 59) {
        return 0;
    }
    fields->offset = sign * (hours * 60 + minutes);
    return 1;
}

static int is_leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap_year(year));
}

static int fields_are_valid(const fields_t *fields)
{
    return fields->year >= YEAR_MIN && fields->year <= YEAR_MAX && fields->month >= 1 &&
           fields->month <= 12 && fields->day >= 1 &&
           fields->day <= month_days(fields->year, fields->month) && fields->hour <= 23 &&
           fields->minute <= 59 && fields->second <= 60;
}

/* Days from 1 January 1970. Counting years from March puts the leap day at their end, so that
 * 153 days per five months and plain divisions do the rest. */
static int64_t days_from_epoch(const fields_t *fields)
{
    int year = fields->month > 2 ? fields->year : fields->year - 1;
    int month = fields->month > 2 ? fields->month - 3 : fields->month + 9;
    int day_of_year = (153 * month + 2) / 5 + fields->day - 1;
    int64_t days = INT64_C(365) * year + year / 4 - year / 100 + year / 400 + day_of_year;
    return days - 719468;
}

apr_status_t st_rfc3339_parse(st_ns_t *ptime, const char *text)
{
    fields_t fields = {0};
    if (!read_date(&text, &fields) || !read_mark(&text, "Tt ") ||
        !read_time(&text, &fields) || !read_offset(&text, &fields) || *text != '\0' ||
        !fields_are_valid(&fields)) {
        return ST_E_MALFORMED;
    }
    int64_t minutes = (days_from_epoch(&fields) * 24 + fields.hour) * 60 + fields.minute -
                      fields.offset;
    *ptime = (minutes * 60 + fields.second) * ST_NS_PER_SEC + fields.fraction;
    return APR_SUCCESS;
}
