/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_BUCKET_H
#define ST_BUCKET_H

/* Groups records by destination and trace, because an envelope may hold only one trace
 * (https://develop.sentry.dev/sdk/telemetry/spans/span-buffer/).
 *
 *            add                   take                   free
 *   record ───────► [fresh bucket] ───────► the caller's ───────► pooled
 *                                             │      ▲
 *                                  put_failed ▼      │ take_failed
 *                                      [failed bucket]
 *
 * A fresh bucket is due `linger` after its newest segment ended, so that the other segments of
 * the trace can still join it, but at the latest `flush_interval` after its first record. A
 * record that would make it too big closes it first and opens the next one. What could not be
 * sent comes back as a failed bucket, which takes no more records and is due when its sender
 * says. Buckets stand in lanes, one per endpoint, so that one endpoint that takes nothing delays no other.
 *
 * Everything is pooled: after the first burst nothing is allocated. Not thread-safe. Time is
 * an argument, monotonic. */

#include <apr_pools.h>
#include "st_clock.h"
#include "st_record.h"
#include "st_report.h"
#include "st_ring.h"

#define ST_BUCKET_SPANS_MAX 1000              /* of one envelope, by the wire */
#define ST_BUCKET_BYTES_MAX (5 * 1024 * 1024) /* of one envelope, estimated */

#define ST_BUCKET_NEVER INT64_MAX

typedef struct st_bucket_set_t st_bucket_set_t;
struct st_bucket_t;

/* A record that waits, in the ring. */
typedef struct st_bucket_record_t {
    struct st_bucket_record_t *next;
    struct st_bucket_t *bucket; /* that it is in */
    uint64_t pos;               /* in the ring */
    st_ring_tag_t tag;
    st_record_t record;
    /* Of whoever keeps it in the order of positions (lib/send/backlog.h). */
    struct st_bucket_record_t *older;
    struct st_bucket_record_t *newer;
    int is_moved;
} st_bucket_record_t;

/* Where a bucket is. */
typedef enum {
    ST_BUCKET_OPEN = 0,
    ST_BUCKET_FULL,
    ST_BUCKET_FAILED,
    ST_BUCKET_TAKEN /* the caller's */
} st_bucket_place_t;

/* Records of one destination, one trace and the same flags, in the order they came. */
typedef struct st_bucket_t {
    int dest;
    int lane;
    uint16_t flags; /* of their tags */
    st_bucket_place_t place;
    st_trace_id_t trace_id;
    st_bucket_record_t *records;
    st_bucket_record_t *last;
    int record_count;
    int span_count;
    size_t bytes;      /* that they will take in an envelope, about */
    size_t ring_bytes; /* that they take in the ring */
    st_ns_t opened;
    st_ns_t newest; /* end of the newest segment */
    /* Of the caller. */
    st_ns_t not_before;    /* when it is due as a failed one; 0: at once */
    int attempts;          /* how often it was sent in vain */
    int strikes;           /* of those, after which the endpoint had answered others */
    uint64_t answers_seen; /* the endpoint's answers when it failed last */
    /* Private to the set. */
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
 * @param entry where it stands in the ring, and its tag: a transaction has a bucket for itself
 * @param record copied; the bytes it borrows must stay until its bucket is freed
 * @param ended when its segment ended; later than `now` counts as now
 * @return the copy, which lives until then. */
st_bucket_record_t *st_bucket_add(st_bucket_set_t *set, int lane,
                                  const st_ring_entry_t *entry, const st_record_t *record,
                                  st_ns_t ended, st_ns_t now);

/* Takes the next fresh bucket of the lane that is due: full ones first, then the oldest.
 * @param all 1: all are due
 * @return the bucket, the caller's until st_bucket_free or st_bucket_put_failed; NULL when none
 *         is due. */
st_bucket_t *st_bucket_take(st_bucket_set_t *set, int lane, st_ns_t now, int all);

/* Puts a bucket that was taken among the failed ones of its lane; not_before is set. */
void st_bucket_put_failed(st_bucket_set_t *set, st_bucket_t *bucket);

/* Takes the failed bucket that was due first, if it is. NULL: none is. */
st_bucket_t *st_bucket_take_failed(st_bucket_set_t *set, int lane, st_ns_t now);

/* All failed buckets of the lane are due at once. */
void st_bucket_hurry(st_bucket_set_t *set, int lane);

/* Takes the oldest bucket of the lane, fresh or failed, due or not. NULL: there is none. */
st_bucket_t *st_bucket_take_oldest(st_bucket_set_t *set, int lane);

/* Takes this one, which is not TAKEN. */
void st_bucket_withdraw(st_bucket_set_t *set, st_bucket_t *bucket);

/* When the lane has something to take if nothing is added: an instant, maybe past, or
 * ST_BUCKET_NEVER when it is empty. @param all 1: all fresh ones are due */
st_ns_t st_bucket_due(const st_bucket_set_t *set, int lane, int all);

/* 1 when the lane has no bucket but those that are TAKEN. */
int st_bucket_is_empty(const st_bucket_set_t *set, int lane);

/* Bytes in the ring of all buckets of the lane, TAKEN ones too. */
size_t st_bucket_ring_bytes(const st_bucket_set_t *set, int lane);

/* What an entry of `len` bytes takes in the ring. */
size_t st_bucket_entry_bytes(size_t len);

/* Takes back a bucket that is TAKEN, with its records. */
void st_bucket_free(st_bucket_set_t *set, st_bucket_t *bucket);

#endif /* ST_BUCKET_H */
