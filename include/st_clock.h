/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_CLOCK_H
#define ST_CLOCK_H

/* Time. All durations and instants are signed 64-bit nanoseconds (st_ns_t). Monotonic
 * instants come from CLOCK_MONOTONIC and are comparable between the processes of one boot;
 * wall instants are Unix time. Logic takes `now` as an argument; only the edges call these. */

#include <stdint.h>

typedef int64_t st_ns_t;

#define ST_NS_PER_US  INT64_C(1000)
#define ST_NS_PER_MS  INT64_C(1000000)
#define ST_NS_PER_SEC INT64_C(1000000000)

/* Monotonic now. Any thread, async-signal-safe, never fails. */
st_ns_t st_clock_mono(void);

/* Unix time now. Any thread, async-signal-safe, never fails. */
st_ns_t st_clock_wall(void);

/* Bytes st_clock_rfc3339 writes, with its terminating zero: 2026-11-22T06:26:45.052Z */
#define ST_CLOCK_RFC3339_BYTES 25

/* Writes `wall` as RFC 3339 in UTC with milliseconds, cut and not rounded. Any thread, never
 * fails: st_ns_t reaches from 1677 to 2262. */
void st_clock_rfc3339(char out[ST_CLOCK_RFC3339_BYTES], st_ns_t wall);

#endif /* ST_CLOCK_H */
