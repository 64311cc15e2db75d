/* SPDX-License-Identifier: Apache-2.0 */
/* The two system clocks, and the one text form of time that goes out. */
#include "st_clock.h"

#include <stdio.h>
#include <time.h>

static st_ns_t clock_read(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return ts.tv_sec * ST_NS_PER_SEC + ts.tv_nsec;
}

st_ns_t st_clock_mono(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

st_ns_t st_clock_wall(void)
{
    return clock_read(CLOCK_REALTIME);
}

void st_clock_rfc3339(char out[ST_CLOCK_RFC3339_BYTES], st_ns_t wall)
{
    int64_t sec = wall / ST_NS_PER_SEC;
    int64_t ns = wall % ST_NS_PER_SEC;
    if (ns < 0) {
        ns += ST_NS_PER_SEC;
        sec--;
    }
    time_t when = (time_t)sec;
    struct tm tm;
    gmtime_r(&when, &tm);
    char text[64]; /* the compiler does not know that a year has four digits */
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int)(ns / ST_NS_PER_MS));
    snprintf(out, ST_CLOCK_RFC3339_BYTES, "%.24s", text);
}
