/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_ID_H
#define ST_ID_H

/* Trace and span ids, and where they come from.
 *
 * A process seeds one st_id_source_t after fork; each segment draws one generator from it
 * (one atomic add) and makes its ids from that alone, without shared memory. */

#include <stdint.h>
#include <stddef.h>

#define ST_TRACE_ID_BYTES 16
#define ST_TRACE_ID_HEX   32 /* without terminating zero */
#define ST_SPAN_ID_HEX    16 /* without terminating zero */

typedef struct st_trace_id_t {
    uint8_t bytes[ST_TRACE_ID_BYTES];
} st_trace_id_t;

/* A span id as a number, first hex digit the most significant. 0 means "none". */
typedef uint64_t st_span_id_t;

/* A small deterministic generator (splitmix64). Owned by one thread at a time. */
typedef struct st_rng_t {
    uint64_t state;
    uint64_t stream; /* another stream is another sequence; 0: the well-known one */
} st_rng_t;

/* Next 64 bits. Not for secrets. */
uint64_t st_rng_next(st_rng_t *rng);

/* Per-process source of generators. */
typedef struct st_id_source_t {
    uint64_t secret[2];
    _Atomic uint64_t counter;
} st_id_source_t;

/* Seeds `source` from the kernel (getrandom; time and pid if that fails). Call once per
 * process, after fork and before other threads use it. */
void st_id_source_seed(st_id_source_t *source);

/* A generator whose numbers no other call of any process will repeat, but by chance.
 * Any thread, lock-free. */
st_rng_t st_id_source_rng(st_id_source_t *source);

/* Draws a trace id that is not all zero. */
st_trace_id_t st_trace_id_make(st_rng_t *rng);

/* Draws a span id that is not 0. */
st_span_id_t st_span_id_make(st_rng_t *rng);

/* Write lower-case hex, exactly 32 or 16 characters, no terminating zero. */
void st_trace_id_hex(char out[ST_TRACE_ID_HEX], const st_trace_id_t *id);
void st_span_id_hex(char out[ST_SPAN_ID_HEX], st_span_id_t id);

#endif /* ST_ID_H */
