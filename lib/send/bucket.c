/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets: one hash table over all lanes, and per lane two lists that are in due order, one of
 * full and one of failed buckets. */
#include "st_bucket.h"

#include <string.h>
#include "st_queue.h"

#define SLOTS_MIN   64
#define CHUNK       64 /* pooled things are allocated this many at a time */
#define ENTRY_HEAD  32 /* bytes in front of an entry of the ring */
#define ENTRY_ALIGN 16

/* What a span and an attribute take in an envelope besides their own text: the attributes
 * that every span carries, and JSON. Measured on envelopes of this project, rounded up. */
#define SPAN_BYTES 1024
#define ATTR_BYTES 64

/* The two orders a bucket stands in. Both lists are sorted without searching: BY_AGE because
 * buckets are opened at growing `now`, BY_END because bucket_touch() lets `newest` of a lane
 * only grow. A full or failed bucket is in BY_AGE's place of the lane's full or failed list. */
enum { BY_AGE = 0, BY_END = 1 };

typedef struct bucket_list_t {
    st_bucket_t *first;
    st_bucket_t *last;
} bucket_list_t;

typedef struct bucket_lane_t {
    bucket_list_t open[2];
    bucket_list_t full;
    bucket_list_t failed; /* by not_before */
    size_t ring_bytes;
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

/* Puts a bucket behind `after`; NULL: in front of all. */
static void list_insert(bucket_list_t *list, int order, st_bucket_t *after,
                        st_bucket_t *bucket)
{
    st_bucket_t *next = after != NULL ? after->link[order].next : list->first;
    bucket->link[order].prev = after;
    bucket->link[order].next = next;
    if (after != NULL) {
        after->link[order].next = bucket;
    } else {
        list->first = bucket;
    }
    if (next != NULL) {
        next->link[order].prev = bucket;
    } else {
        list->last = bucket;
    }
}

static void list_append(bucket_list_t *list, int order, st_bucket_t *bucket)
{
    list_insert(list, order, list->last, bucket);
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

/* What makes records stand in one bucket. */
typedef struct bucket_key_t {
    int dest;
    uint16_t flags;
    const st_trace_id_t *trace_id;
} bucket_key_t;

static bucket_key_t key_of(const st_ring_entry_t *entry, const st_record_t *record)
{
    return (bucket_key_t){
        .dest = record->head.dest,
        .flags = entry->tag.flags,
        .trace_id = &record->head.trace_id,
    };
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

static int bucket_has(const st_bucket_t *bucket, const bucket_key_t *key)
{
    return bucket->dest == key->dest && bucket->flags == key->flags &&
           memcmp(&bucket->trace_id, key->trace_id, sizeof(bucket->trace_id)) == 0;
}

/* What leaves as a transaction wants an envelope of its own: its bucket stands in no chain, where
 * nobody finds it. It lingers all the same: envelopes that leave together cost less. */
static int is_alone(uint16_t flags)
{
    return (flags & ST_QUEUE_TAG_TRANSACTION) != 0;
}

static st_bucket_t *bucket_find(st_bucket_t *const *slot, const bucket_key_t *key)
{
    for (st_bucket_t *bucket = *slot; bucket != NULL; bucket = bucket->chain) {
        int is_it = bucket_has(bucket, key);
        if (is_it) {
            return bucket;
        }
    }
    return NULL;
}

static st_bucket_t *bucket_open(st_bucket_set_t *set, int lane_at, st_bucket_t **slot,
                                const bucket_key_t *key, st_ns_t now)
{
    bucket_lane_t *lane = &set->lanes[lane_at];
    st_bucket_t *bucket = bucket_alloc(set);
    *bucket = (st_bucket_t){
        .dest = key->dest,
        .lane = lane_at,
        .flags = key->flags,
        .trace_id = *key->trace_id,
        .opened = now,
    };
    if (!is_alone(key->flags)) {
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
static void bucket_close(st_bucket_set_t *set, st_bucket_t *bucket)
{
    bucket_lane_t *lane = &set->lanes[bucket->lane];
    if (!is_alone(bucket->flags)) {
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

size_t st_bucket_entry_bytes(size_t len)
{
    return ENTRY_HEAD + (len + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
}

static st_bucket_record_t *bucket_push(st_bucket_set_t *set, st_bucket_t *bucket,
                                       const st_ring_entry_t *entry,
                                       const st_record_t *record)
{
    st_bucket_record_t *copy = record_alloc(set);
    *copy = (st_bucket_record_t){
        .bucket = bucket, .pos = entry->pos, .tag = entry->tag, .record = *record};
    if (bucket->last != NULL) {
        bucket->last->next = copy;
    } else {
        bucket->records = copy;
    }
    bucket->last = copy;
    bucket->record_count++;
    bucket->span_count += record->head.span_count;
    bucket->bytes += record_bytes(record);
    bucket->ring_bytes += st_bucket_entry_bytes(entry->len);
    set->lanes[bucket->lane].ring_bytes += st_bucket_entry_bytes(entry->len);
    return copy;
}

st_bucket_record_t *st_bucket_add(st_bucket_set_t *set, int lane_at,
                                  const st_ring_entry_t *entry, const st_record_t *record,
                                  st_ns_t ended, st_ns_t now)
{
    bucket_lane_t *lane = &set->lanes[lane_at];
    bucket_key_t key = key_of(entry, record);
    st_bucket_t **slot = slot_of(set, key.dest, key.trace_id);
    st_bucket_t *bucket = bucket_find(slot, &key);
    if (bucket != NULL && !bucket_fits(set, bucket, record)) {
        bucket_close(set, bucket);
        bucket->place = ST_BUCKET_FULL;
        list_append(&lane->full, BY_AGE, bucket);
        bucket = NULL;
    }
    if (bucket == NULL) {
        bucket = bucket_open(set, lane_at, slot, &key, now);
    }
    st_bucket_record_t *copy = bucket_push(set, bucket, entry, record);
    bucket_touch(lane, bucket, ended < now ? ended : now);
    return copy;
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

void st_bucket_withdraw(st_bucket_set_t *set, st_bucket_t *bucket)
{
    bucket_lane_t *lane = &set->lanes[bucket->lane];
    if (bucket->place == ST_BUCKET_OPEN) {
        bucket_close(set, bucket);
    } else {
        list_remove(bucket->place == ST_BUCKET_FULL ? &lane->full : &lane->failed, BY_AGE,
                    bucket);
    }
    bucket->place = ST_BUCKET_TAKEN;
}

/* Withdraws what may be NULL. */
static st_bucket_t *taken(st_bucket_set_t *set, st_bucket_t *bucket)
{
    if (bucket != NULL) {
        st_bucket_withdraw(set, bucket);
    }
    return bucket;
}

st_bucket_t *st_bucket_take(st_bucket_set_t *set, int lane_at, st_ns_t now, int all)
{
    bucket_lane_t *lane = &set->lanes[lane_at];
    st_bucket_t *bucket = lane->full.first;
    if (bucket == NULL && (all || due_by_age(set, lane) <= now)) {
        bucket = lane->open[BY_AGE].first;
    } else if (bucket == NULL && due_by_end(set, lane) <= now) {
        bucket = lane->open[BY_END].first;
    }
    return taken(set, bucket);
}

/* Few fail at a time, and nearly in order, so looking from the end finds the place. */
void st_bucket_put_failed(st_bucket_set_t *set, st_bucket_t *bucket)
{
    bucket_list_t *list = &set->lanes[bucket->lane].failed;
    st_bucket_t *after = list->last;
    while (after != NULL && bucket->not_before < after->not_before) {
        after = after->link[BY_AGE].prev;
    }
    bucket->place = ST_BUCKET_FAILED;
    list_insert(list, BY_AGE, after, bucket);
}

st_bucket_t *st_bucket_take_failed(st_bucket_set_t *set, int lane_at, st_ns_t now)
{
    st_bucket_t *bucket = set->lanes[lane_at].failed.first;
    return bucket != NULL && bucket->not_before <= now ? taken(set, bucket) : NULL;
}

void st_bucket_hurry(st_bucket_set_t *set, int lane_at)
{
    st_bucket_t *bucket = set->lanes[lane_at].failed.first;
    for (; bucket != NULL; bucket = bucket->link[BY_AGE].next) {
        bucket->not_before = 0;
    }
}

static st_bucket_t *older(st_bucket_t *a, st_bucket_t *b)
{
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    return b->opened < a->opened ? b : a;
}

st_bucket_t *st_bucket_take_oldest(st_bucket_set_t *set, int lane_at)
{
    bucket_lane_t *lane = &set->lanes[lane_at];
    st_bucket_t *oldest = older(lane->full.first, lane->open[BY_AGE].first);
    for (st_bucket_t *b = lane->failed.first; b != NULL; b = b->link[BY_AGE].next) {
        oldest = older(b, oldest);
    }
    return taken(set, oldest);
}

static st_ns_t earlier(st_ns_t a, st_ns_t b)
{
    return a < b ? a : b;
}

static st_ns_t due_fresh(const st_bucket_set_t *set, const bucket_lane_t *lane, int all)
{
    if (lane->full.first != NULL) {
        return lane->full.first->opened;
    }
    if (all && lane->open[BY_AGE].first != NULL) {
        return lane->open[BY_AGE].first->opened;
    }
    return earlier(due_by_age(set, lane), due_by_end(set, lane));
}

st_ns_t st_bucket_due(const st_bucket_set_t *set, int lane_at, int all)
{
    const bucket_lane_t *lane = &set->lanes[lane_at];
    st_ns_t due = due_fresh(set, lane, all);
    const st_bucket_t *failed = lane->failed.first;
    return failed != NULL ? earlier(due, failed->not_before) : due;
}

int st_bucket_is_empty(const st_bucket_set_t *set, int lane_at)
{
    const bucket_lane_t *lane = &set->lanes[lane_at];
    return lane->failed.first == NULL && lane->full.first == NULL &&
           lane->open[BY_AGE].first == NULL;
}

size_t st_bucket_ring_bytes(const st_bucket_set_t *set, int lane_at)
{
    return set->lanes[lane_at].ring_bytes;
}

void st_bucket_free(st_bucket_set_t *set, st_bucket_t *bucket)
{
    set->lanes[bucket->lane].ring_bytes -= bucket->ring_bytes;
    bucket->last->next = set->free_records;
    set->free_records = bucket->records;
    bucket->chain = set->free_buckets;
    set->free_buckets = bucket;
}
