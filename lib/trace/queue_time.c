/* SPDX-License-Identifier: Apache-2.0 */
/* X-Request-Start. */
#include "st_queue_time.h"

#include <string.h>

#define QUEUE_TIME_MAX (3600 * ST_NS_PER_SEC)
#define DIGITS_MAX     19 /* of nanoseconds until the year 2286 */
#define FRACTION_MAX   9

/* Reads digits. @return how many there were; -1 when there are more than a number has. */
static int digits_read(uint64_t *pnumber, const char **ptext)
{
    int count = 0;
    *pnumber = 0;
    for (; **ptext >= '0' && **ptext <= '9'; ++*ptext) {
        if (++count > DIGITS_MAX) {
            return -1;
        }
        *pnumber = *pnumber * 10 + (uint64_t)(**ptext - '0');
    }
    return count;
}

/* Nanoseconds of one unit: seconds have ten digits in our time, the others three more each. */
static int64_t unit_of(int digits)
{
    switch (digits) {
    case 10:
        return ST_NS_PER_SEC;
    case 13:
        return ST_NS_PER_MS;
    case 16:
        return ST_NS_PER_US;
    default:
        return digits == DIGITS_MAX ? 1 : 0;
    }
}

/* The fraction behind a point, in units / 10^9; what is finer is skipped. */
static int64_t fraction_read(const char *text)
{
    int64_t fraction = 0;
    for (int i = 0; i < FRACTION_MAX; i++) {
        int is_digit = *text >= '0' && *text <= '9';
        fraction = fraction * 10 + (is_digit ? *text - '0' : 0);
        text += is_digit;
    }
    return fraction;
}

int st_queue_time_read(double *pms, const char *header, st_ns_t start)
{
    uint64_t number;
    if (header == NULL) {
        return 0;
    }
    if (strncmp(header, "t=", 2) == 0) {
        header += 2;
    }
    int64_t unit = unit_of(digits_read(&number, &header));
    if (unit == 0 || number > (uint64_t)(INT64_MAX / unit - 1)) {
        return 0;
    }
    st_ns_t moment = (st_ns_t)number * unit;
    if (*header == '.') {
        moment += (int64_t)((double)fraction_read(header + 1) / 1e9 * (double)unit);
    }
    if (moment > start || start - moment > QUEUE_TIME_MAX) {
        return 0;
    }
    *pms = (double)((start - moment) / ST_NS_PER_US) / 1000.0;
    return 1;
}
