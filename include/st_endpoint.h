/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ENDPOINT_H
#define ST_ENDPOINT_H

/* What all children share about one endpoint (a distinct DSN): counters, rate limits, the
 * state of its circuit, and what the status page shows. In the queue's memory, zeroed at
 * first. Written by the sender except where it says so; read by anybody; every member stands
 * alone. Instants are monotonic, which is one clock for all processes of a machine. */

#include <stdatomic.h>
#include "st_clock.h"
#include "st_counters.h"

/* What can be limited: two categories of data, and client reports, which only a limit on
 * everything holds back
 * (https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/). */
typedef enum {
    ST_LIMIT_SPAN = 0,
    ST_LIMIT_TRANSACTION,
    ST_LIMIT_REPORT,
    ST_LIMIT_COUNT
} st_limit_t;

typedef enum {
    ST_CIRCUIT_CLOSED = 0, /* answers come */
    ST_CIRCUIT_OPEN,       /* none came: nothing is sent until `retry_at` */
    ST_CIRCUIT_PROBING     /* one envelope is under way to see */
} st_circuit_state_t;

#define ST_ENDPOINT_ERROR_MAX 120

/* Upper bounds of the buckets of `latency`, in ms; one more bucket has no bound. */
#define ST_ENDPOINT_LATENCY_BOUNDS                                                       \
    {                                                                                    \
        1, 5, 10, 50, 100, 500, 1000, 5000, 30000                                        \
    }
#define ST_ENDPOINT_LATENCY_BUCKETS 10

typedef struct st_endpoint_t {
    st_counters_t counters;
    _Atomic st_ns_t limited_until[ST_LIMIT_COUNT]; /* 0: not limited */
    _Atomic int circuit;                           /* st_circuit_state_t */
    _Atomic int failures;                          /* in a row */
    _Atomic st_ns_t retry_at;
    _Atomic st_ns_t failed_at; /* the last failure; 0: none */
    _Atomic uint64_t requests; /* envelopes handed to the network */
    _Atomic uint64_t answers;  /* of them answered, with any status */
    _Atomic uint64_t repeated; /* of them sent before */
    _Atomic uint64_t bytes;    /* of bodies, before compression */
    _Atomic int in_flight;
    _Atomic uint64_t latency[ST_ENDPOINT_LATENCY_BUCKETS]; /* of answers, each in one */
    _Atomic st_ns_t latency_sum;
    _Atomic st_ns_t latency_max;
    /* The last error; even `error_turn`: whole (see st_endpoint_error_get). */
    _Atomic unsigned error_turn;
    _Atomic st_ns_t error_wall; /* Unix time; 0: never one */
    _Atomic char error[ST_ENDPOINT_ERROR_MAX];
} st_endpoint_t;

/* 1 while `limit` holds at `now`. Any thread of any process. */
int st_endpoint_is_limited(const st_endpoint_t *endpoint, st_limit_t limit, st_ns_t now);

/* Remembers `text` (cut, and "?" for all but printable ASCII) as the last error. Sender
 * only. */
void st_endpoint_error_set(st_endpoint_t *endpoint, const char *text, st_ns_t wall);

/* Copies the last error. @return its Unix time; 0 and "" when there was none, or a sender died
 * while it wrote one. Any process. */
st_ns_t st_endpoint_error_get(const st_endpoint_t *endpoint,
                              char text[ST_ENDPOINT_ERROR_MAX]);

/* Notes an answer after `took`. Sender only. */
void st_endpoint_latency_add(st_endpoint_t *endpoint, st_ns_t took);

/* Forgets instants that another boot of the machine, or no clock at all, has left: limits more
 * than a day ahead of `now`, a next probe more than ST_ENDPOINT_RETRY_MAX ahead, a failure in
 * the future; the circuit is closed then. When a queue file is opened. */
#define ST_ENDPOINT_LIMIT_MAX (86400 * ST_NS_PER_SEC)
#define ST_ENDPOINT_RETRY_MAX (60 * ST_NS_PER_SEC)
void st_endpoint_clocks_check(st_endpoint_t *endpoint, st_ns_t now);

#endif /* ST_ENDPOINT_H */
