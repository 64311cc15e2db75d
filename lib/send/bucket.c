/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets: one hash table over all lanes, and per lane two lists that are in due order. */
#include "st_bucket.h"

#include <string.h>

#define SLOTS_MIN 64
#define CHUNK     64 /* pooled things are allocated this many at a time */

/* What a span and an attribute take in an envelope besides their own text: the attributes
 * that every span carries, and JSON. Measured on envelopes of this project, rounded up. */
#define SPAN_BYTES 1024
#define ATTR_BYTES 64

/* The two orders a bucket stands in. Both lists are sorted without searching: BY_AGE because
 * buckets are opened at growing `now`, BY_END because bucket_touch() lets `newest` of a lane
 * only grow. A full bucket is in BY_AGE's place of the lane's full list. */
enum { BY_AGE = 0, BY_END = 1 };

typedef struct bucket_list_t {
    st_bucket_t *first;
    st_bucket_t *last;
} bucket_list_t;

typedef struct bucket_lane_t {
    bucket_list_t open[2];
    bucket_list_t full;
    st_ns_t newest; /* end of the newest segment that was added */
} bucket_lane_t;

struct st_bucket_set_t {
    apr_pool_t *pool;
    st_bucket_limits_t limits;
    uint64_t seed;
    size_t slot_mask;
    st_bucket_t **slots;
    bucket_lane_t *lanes;
    st_bucket_t *free_buckets;        /* linked by chain */
    st_bucket_record_t *free_records; /* linked by next */
};

static size_t slot_count(size_t expected)
{
    size_t slots = SLOTS_MIN;
    while (slots < expected) {
        slots *= 2;
    }
    return slots;
}

st_bucket_set_t *st_bucket_set_create(const st_bucket_limits_t *limits, int lanes,
                                      size_t expected, uint64_t seed, apr_pool_t *pool)
{
    size_t slots = slot_count(expected);
    st_bucket_set_t *set = apr_pcalloc(pool, sizeof(*set));
    *set = (st_bucket_set_t){
        .pool = pool,
        .limits = *limits,
        .seed = seed,
        .slot_mask = slots - 1,
        .slots = apr_pcalloc(pool, slots * sizeof(*set->slots)),
        .lanes = apr_pcalloc(pool, (size_t)lanes * sizeof(*set->lanes)),
    };
    for (int i = 0; i < lanes; i++) {
        set->lanes[i].newest = INT64_MIN;
    }
    return set;
}

static void list_append(bucket_list_t *list, int order, st_bucket_t *bucket)
{
    bucket->link[order].next = NULL;
    bucket->link[order].prev = list->last;
    if (list->last != NULL) {
        list->last->link[order].next = bucket;
    } else {
        list->first = bucket;
    }
    list->last = bucket;
}

static void list_remove(bucket_list_t *list, int order, st_bucket_t *bucket)
{
    st_bucket_t *prev = bucket->link[order].prev;
    st_bucket_t *next = bucket->link[order].next;
    if (prev != NULL) {
        prev->link[order].next = next;
    } else {
        list->first = next;
    }
    if (next != NULL) {
        next->link[order].prev = prev;
    } else {
        list->last = prev;
    }
}

static st_bucket_t *bucket_alloc(st_bucket_set_t *set)
{
    if (set->free_buckets == NULL) {
        st_bucket_t *chunk = apr_palloc(set->pool, CHUNK * sizeof(*chunk));
        for (int i = 0; i < CHUNK; i++) {
            chunk[i].chain = set->free_buckets;
            set->free_buckets = &chunk[i];
        }
    }
    st_bucket_t *bucket = set->free_buckets;
    set->free_buckets = bucket->chain;
    return bucket;
}

static st_bucket_record_t *record_alloc(st_bucket_set_t *set)
{
    if (set->free_records == NULL) {
        st_bucket_record_t *chunk = apr_palloc(set->pool, CHUNK * sizeof(*chunk));
        for (int i = 0; i < CHUNK; i++) {
            chunk[i].next = set->free_records;
            set->free_records = &chunk[i];
        }
    }
    st_bucket_record_t *record = set->free_records;
    set->free_records = record->next;
    return record;
}

static st_bucket_t **slot_of(const st_bucket_set_t *set, int dest,
                             const st_trace_id_t *id)
{
    uint64_t half[2];
    memcpy(half, id->bytes, sizeof(half));
    st_rng_t mix = {.state = set->seed ^ half[0]};
    mix.state = st_rng_next(&mix) ^ half[1];
    mix.state = st_rng_next(&mix) + (uint64_t)dest;
    return &set->slots[st_rng_next(&mix) & set->slot_mask];
}

static st_bucket_t *bucket_find(st_bucket_t *const *slot, int dest,
                                const st_trace_id_t *id)
{
    st_bucket_t *bucket = *slot;
    while (bucket != NULL &&
           (bucket->dest != dest ||
            memcmp(&bucket->trace_id, id, sizeof(bucket->trace_id)) != 0)) {
        bucket = bucket->chain;
    }
    return bucket;
}

/* @param slot where it can be found again, or NULL: nobody shall */
static st_bucket_t *bucket_open(st_bucket_set_t *set, bucket_lane_t *lane,
                                st_bucket_t **slot, const st_record_t *record,
                                st_ns_t now)
{
    st_bucket_t *bucket = bucket_alloc(set);
    *bucket = (st_bucket_t){
        .dest = record->head.dest,
        .trace_id = record->head.trace_id,
        .opened = now,
        .is_alone = slot == NULL,
    };
    if (slot != NULL) {
        bucket->chain = *slot;
        *slot = bucket;
    }
    list_append(&lane->open[BY_AGE], BY_AGE, bucket);
    list_append(&lane->open[BY_END], BY_END, bucket);
    return bucket;
}

static void chain_remove(st_bucket_set_t *set, const st_bucket_t *bucket)
{
    st_bucket_t **at = slot_of(set, bucket->dest, &bucket->trace_id);
    while (*at != bucket) {
        at = &(*at)->chain;
    }
    *at = bucket->chain;
}

/* Takes an open bucket out of the table and the lists. */
static void bucket_close(st_bucket_set_t *set, bucket_lane_t *lane, st_bucket_t *bucket)
{
    if (!bucket->is_alone) {
        chain_remove(set, bucket);
    }
    list_remove(&lane->open[BY_AGE], BY_AGE, bucket);
    list_remove(&lane->open[BY_END], BY_END, bucket);
}

/* Notes that a segment ended and moves the bucket to the place it now has BY_END. Ends that
 * come out of order are taken as the newest one before: they differ by what a request thread
 * may lose between the end of a segment and its record, which is nothing to a linger. */
static void bucket_touch(bucket_lane_t *lane, st_bucket_t *bucket, st_ns_t ended)
{
    if (ended > lane->newest) {
        lane->newest = ended;
    }
    bucket->newest = lane->newest;
    list_remove(&lane->open[BY_END], BY_END, bucket);
    list_append(&lane->open[BY_END], BY_END, bucket);
}

static size_t record_bytes(const st_record_t *record)
{
    return record->len + (size_t)record->head.span_count * SPAN_BYTES +
           (size_t)record->attr_count * ATTR_BYTES;
}

static int bucket_fits(const st_bucket_set_t *set, const st_bucket_t *bucket,
                       const st_record_t *record)
{
    return bucket->span_count + record->head.span_count <= set->limits.spans_max &&
           bucket->bytes + record_bytes(record) <= set->limits.bytes_max;
}

static void bucket_push(st_bucket_set_t *set, st_bucket_t *bucket,
                        const st_record_t *record, uint64_t pos)
{
    st_bucket_record_t *entry = record_alloc(set);
    *entry = (st_bucket_record_t){.pos = pos, .record = *record};
    if (bucket->last != NULL) {
        bucket->last->next = entry;
    } else {
        bucket->records = entry;
    }
    bucket->last = entry;
    bucket->record_count++;
    bucket->span_count += record->head.span_count;
    bucket->bytes += record_bytes(record);
}

void st_bucket_add(st_bucket_set_t *set, int lane_at, const st_record_t *record,
                   uint64_t pos, st_ns_t ended, st_ns_t now)
{
    bucket_lane_t *lane = &set->lanes[lane_at];
    st_bucket_t **slot = slot_of(set, record->head.dest, &record->head.trace_id);
    st_bucket_t *bucket = bucket_find(slot, record->head.dest, &record->head.trace_id);
    if (bucket != NULL && !bucket_fits(set, bucket, record)) {
        bucket_close(set, lane, bucket);
        list_append(&lane->full, BY_AGE, bucket);
        bucket = NULL;
    }
    if (bucket == NULL) {
        bucket = bucket_open(set, lane, slot, record, now);
    }
    bucket_push(set, bucket, record, pos);
    bucket_touch(lane, bucket, ended < now ? ended : now);
}

void st_bucket_add_alone(st_bucket_set_t *set, int lane_at, const st_record_t *record,
                         uint64_t pos, st_ns_t ended, st_ns_t now)
{
    bucket_lane_t *lane = &set->lanes[lane_at];
    st_bucket_t *bucket = bucket_open(set, lane, NULL, record, now);
    bucket_push(set, bucket, record, pos);
    bucket_touch(lane, bucket, ended < now ? ended : now);
}

/* The first bucket by `order`, or the end of time when there is none. */
static st_ns_t due_by_age(const st_bucket_set_t *set, const bucket_lane_t *lane)
{
    const st_bucket_t *bucket = lane->open[BY_AGE].first;
    return bucket != NULL ? bucket->opened + set->limits.flush_interval : ST_BUCKET_NEVER;
}

static st_ns_t due_by_end(const st_bucket_set_t *set, const bucket_lane_t *lane)
{
    const st_bucket_t *bucket = lane->open[BY_END].first;
    return bucket != NULL ? bucket->newest + set->limits.linger : ST_BUCKET_NEVER;
}

st_bucket_t *st_bucket_take(st_bucket_set_t *set, int lane_at, st_ns_t now, int all)
{
    bucket_lane_t *lane = &set->lanes[lane_at];
    st_bucket_t *bucket = lane->full.first;
    if (bucket != NULL) {
        list_remove(&lane->full, BY_AGE, bucket);
        return bucket;
    }
    if (all || due_by_age(set, lane) <= now) {
        bucket = lane->open[BY_AGE].first;
    } else if (due_by_end(set, lane) <= now) {
        bucket = lane->open[BY_END].first;
    }
    if (bucket != NULL) {
        bucket_close(set, lane, bucket);
    }
    return bucket;
}

st_ns_t st_bucket_due(const st_bucket_set_t *set, int lane_at)
{
    const bucket_lane_t *lane = &set->lanes[lane_at];
    if (lane->full.first != NULL) {
        return lane->full.first->opened;
    }
    st_ns_t by_age = due_by_age(set, lane);
    st_ns_t by_end = due_by_end(set, lane);
    return by_age < by_end ? by_age : by_end;
}

int st_bucket_is_empty(const st_bucket_set_t *set, int lane_at)
{
    const bucket_lane_t *lane = &set->lanes[lane_at];
    return lane->full.first == NULL && lane->open[BY_AGE].first == NULL;
}

void st_bucket_free(st_bucket_set_t *set, st_bucket_t *bucket)
{
    bucket->last->next = set->free_records;
    set->free_records = bucket->records;
    bucket->chain = set->free_buckets;
    set->free_buckets = bucket;
}
