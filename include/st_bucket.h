/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_BUCKET_H
#define ST_BUCKET_H

/* Groups records by destination and trace, because an envelope may hold only one trace
 * (https://develop.sentry.dev/sdk/telemetry/spans/span-buffer/).
 *
 *            add                    take                  free
 *   record ───────► [open bucket] ────────► the caller's ───────► pooled
 *                     due, full or asked for
 *
 * A bucket is due `linger` after its newest segment ended, so that the other segments of the
 * trace can still join it, but at the latest `flush_interval` after its first record. A
 * record that would make it too big closes it first and opens the next one. Buckets stand in
 * lanes, one per endpoint, so that one endpoint that takes nothing delays no other.
 *
 * Everything is pooled: after the first burst nothing is allocated. Not thread-safe. Time is
 * an argument, monotonic. */

#include <apr_pools.h>
#include "st_clock.h"
#include "st_record.h"

#define ST_BUCKET_SPANS_MAX 1000              /* of one envelope, by the wire */
#define ST_BUCKET_BYTES_MAX (5 * 1024 * 1024) /* of one envelope, estimated */

#define ST_BUCKET_NEVER INT64_MAX

typedef struct st_bucket_set_t st_bucket_set_t;

/* A record that waits, in the ring. */
typedef struct st_bucket_record_t {
    struct st_bucket_record_t *next;
    uint64_t pos; /* in the ring */
    st_record_t record;
} st_bucket_record_t;

/* Records of one destination and one trace, in the order they came. */
typedef struct st_bucket_t {
    int dest;
    st_trace_id_t trace_id;
    st_bucket_record_t *records;
    st_bucket_record_t *last;
    int record_count;
    int span_count;
    size_t bytes; /* that they will take in an envelope, about */
    st_ns_t opened;
    st_ns_t newest; /* end of the newest segment */
    /* Private to the set. */
    int is_alone; /* 1: in no chain */
    struct st_bucket_t *chain;
    struct {
        struct st_bucket_t *prev;
        struct st_bucket_t *next;
    } link[2];
} st_bucket_t;

typedef struct st_bucket_limits_t {
    st_ns_t linger;
    st_ns_t flush_interval;
    int spans_max;
    size_t bytes_max;
} st_bucket_limits_t;

/* Makes an empty set.
 * @param lanes how many; > 0
 * @param expected buckets open at a time, roughly: sizes the hash table for good
 * @param seed random, so that chosen trace ids cannot fill one hash slot
 * @return the set, never NULL. */
st_bucket_set_t *st_bucket_set_create(const st_bucket_limits_t *limits, int lanes,
                                      size_t expected, uint64_t seed, apr_pool_t *pool);

/* Puts a record into its bucket.
 * @param record copied; the bytes it borrows must stay until its bucket is freed
 * @param ended when its segment ended; later than `now` counts as now */
void st_bucket_add(st_bucket_set_t *set, int lane, const st_record_t *record,
                   uint64_t pos, st_ns_t ended, st_ns_t now);

/* Puts a record into a bucket for itself, for what wants an envelope of its own. It lingers all
 * the same: envelopes that leave together cost less, and requests need not wake the sender. */
void st_bucket_add_alone(st_bucket_set_t *set, int lane, const st_record_t *record,
                         uint64_t pos, st_ns_t ended, st_ns_t now);

/* Takes the next bucket of the lane that is due: full ones first, then the oldest.
 * @param all 1: all are due
 * @return the bucket, the caller's until st_bucket_free; NULL when none is due. */
st_bucket_t *st_bucket_take(st_bucket_set_t *set, int lane, st_ns_t now, int all);

/* When st_bucket_take will give something if nothing is added: an instant, maybe past, or
 * ST_BUCKET_NEVER when the lane is empty. */
st_ns_t st_bucket_due(const st_bucket_set_t *set, int lane);

/* 1 when the lane has no bucket. */
int st_bucket_is_empty(const st_bucket_set_t *set, int lane);

/* Takes back a bucket that st_bucket_take gave out, with its records. */
void st_bucket_free(st_bucket_set_t *set, st_bucket_t *bucket);

#endif /* ST_BUCKET_H */
