/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an overview out of the queue. */
#include "st_overview.h"

#include <apr_strings.h>
#include <string.h>
#include <sys/stat.h>
#include "st_text.h"

/* How often numbers that moved are read again. */
#define ATTEMPTS 8

/* The numbers of one endpoint that the law is about. */
typedef struct numbers_t {
    uint64_t created[ST_CATEGORY_COUNT];
    uint64_t delivered[ST_CATEGORY_COUNT];
    uint64_t discarded[ST_REASON_COUNT][ST_CATEGORY_COUNT];
} numbers_t;

/* All endpoints' numbers, and where the ring begins and ends. */
typedef struct reading_t {
    numbers_t *numbers;
    uint64_t tail;
    uint64_t used;
} reading_t;

uint64_t st_overview_discarded(const st_overview_category_t *category)
{
    uint64_t sum = 0;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        sum += category->discarded[reason];
    }
    return sum;
}

int st_overview_is_shown(const st_overview_endpoint_t *endpoint, st_category_t category)
{
    const st_overview_category_t *numbers = &endpoint->category[category];
    return category == ST_CATEGORY_SPAN || numbers->created != 0 ||
           numbers->delivered != 0 || numbers->waiting != 0 ||
           st_overview_discarded(numbers) != 0;
}

static void settled_read(const st_queue_t *queue, numbers_t *numbers)
{
    for (int i = 0; i < queue->layout.endpoints; i++) {
        const st_counters_t *counters = &queue->endpoints[i].counters;
        for (int c = 0; c < ST_CATEGORY_COUNT; c++) {
            numbers[i].delivered[c] =
                st_counters_get_delivered(counters, (st_category_t)c);
            for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
                numbers[i].discarded[reason][c] = st_counters_get_discarded(
                    counters, (st_reason_t)reason, (st_category_t)c);
            }
        }
    }
}

static void created_read(const st_queue_t *queue, numbers_t *numbers)
{
    for (int i = 0; i < queue->layout.endpoints; i++) {
        for (int c = 0; c < ST_CATEGORY_COUNT; c++) {
            numbers[i].created[c] =
                st_counters_get_created(&queue->endpoints[i].counters, (st_category_t)c);
        }
    }
}

static void ring_read(const st_queue_t *queue, reading_t *reading)
{
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&queue->ring, &cursor);
    reading->tail = cursor.pos;
    reading->used = st_ring_used(&queue->ring);
}

/* acquire, with the claims' writers: who sees a record's bytes reserved sees its claim, too */
static int is_claiming(const st_ring_claim_t *claim)
{
    return atomic_load_explicit(&claim->from, memory_order_acquire) !=
           atomic_load_explicit(&claim->to, memory_order_acquire);
}

/* 1 when nobody is half way between counting something and its place in the ring. What the
 * dead have begun does not move any more. */
static int is_still(const st_queue_t *queue)
{
    st_ledger_shm_t *ledger = st_queue_ledger(queue);
    if (atomic_load_explicit(&ledger->armed, memory_order_acquire) != 0 ||
        is_claiming(&ledger->claim)) {
        return 0;
    }
    for (int i = 0; i < queue->open.count; i++) {
        const st_open_slot_t *slot = &queue->open.slots[i];
        st_owner_t owner = atomic_load_explicit(&slot->owner, memory_order_acquire);
        if (owner != 0 && is_claiming(&slot->claim) && st_process_is_alive(owner)) {
            return 0;
        }
    }
    return 1;
}

static int reading_equal(const reading_t *a, const reading_t *b, int endpoints)
{
    return a->tail == b->tail && a->used == b->used &&
           memcmp(a->numbers, b->numbers, sizeof(*a->numbers) * (size_t)endpoints) == 0;
}

static reading_t reading_create(const st_queue_t *queue, apr_pool_t *pool)
{
    size_t bytes = sizeof(numbers_t) * (size_t)queue->layout.endpoints;
    return (reading_t){.numbers = apr_pcalloc(pool, bytes)};
}

/* Reads the numbers once, in an order in which everything that changes meanwhile is seen:
 *   a record that is settled changes the first numbers, unless it was being settled already,
 *   which the ledger says; one that is pushed changes the ring's end, unless it was being
 *   pushed already, which its claim says.
 * @return 1 when they belong together. */
static int reading_try(const st_queue_t *queue, reading_t *first, reading_t *last,
                       st_queue_waiting_t *waiting, int *pcounted)
{
    settled_read(queue, first->numbers);
    ring_read(queue, first);
    int still = is_still(queue);
    created_read(queue, first->numbers);
    apr_status_t rv = st_queue_waiting(queue, waiting);
    settled_read(queue, last->numbers);
    created_read(queue, last->numbers);
    ring_read(queue, last);
    *pcounted = rv == APR_SUCCESS;
    return still && *pcounted && reading_equal(first, last, queue->layout.endpoints);
}

/* What is neither delivered nor discarded. */
static uint64_t rest_of(const st_overview_category_t *category)
{
    uint64_t settled = category->delivered + st_overview_discarded(category);
    return category->created > settled ? category->created - settled : 0;
}

/* Settled numbers are from before the ring was looked at, created ones from after it. */
static void numbers_set(st_overview_endpoint_t *endpoint, const numbers_t *before,
                        const numbers_t *after, const st_queue_waiting_t *waiting)
{
    for (int c = 0; c < ST_CATEGORY_COUNT; c++) {
        st_overview_category_t *category = &endpoint->category[c];
        category->created = after->created[c];
        category->delivered = before->delivered[c];
        for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
            category->discarded[reason] = before->discarded[reason][c];
        }
        category->waiting = waiting != NULL ? waiting->quantity[c] : rest_of(category);
    }
    endpoint->waiting_bytes = waiting != NULL ? waiting->bytes : 0;
}

/* Sets the numbers of all endpoints of the queue. */
static void numbers_read(st_overview_t *overview, st_overview_endpoint_t *endpoints,
                         const st_queue_t *queue, apr_pool_t *pool)
{
    int count = queue->layout.endpoints;
    reading_t first = reading_create(queue, pool);
    reading_t last = reading_create(queue, pool);
    st_queue_waiting_t *waiting = apr_pcalloc(pool, sizeof(*waiting) * (size_t)count);
    int is_counted = 0;
    overview->moving = 1;
    for (int i = 0; i < ATTEMPTS && overview->moving; i++) {
        overview->moving = !reading_try(queue, &first, &last, waiting, &is_counted);
    }
    for (int i = 0; i < count; i++) {
        numbers_set(&endpoints[i], &first.numbers[i], &last.numbers[i],
                    is_counted ? &waiting[i] : NULL);
    }
}

/* relaxed: every member of an endpoint stands alone (st_endpoint.h) */
#define load(member) atomic_load_explicit(&(member), memory_order_relaxed)

static st_ns_t left_of(st_ns_t until, st_ns_t now)
{
    return until > now ? until - now : 0;
}

static void limits_read(st_overview_endpoint_t *out, const st_endpoint_t *endpoint,
                        st_ns_t now)
{
    for (int limit = 0; limit < ST_LIMIT_COUNT; limit++) {
        out->limited[limit] = left_of(load(endpoint->limited_until[limit]), now);
    }
    out->circuit = (st_circuit_state_t)load(endpoint->circuit);
    out->failures = load(endpoint->failures);
    out->retry_in = 0;
    if (out->circuit == ST_CIRCUIT_OPEN) {
        out->retry_in = left_of(load(endpoint->retry_at), now);
    }
}

static void traffic_read(st_overview_endpoint_t *out, const st_endpoint_t *endpoint)
{
    out->requests = load(endpoint->requests);
    out->answers = load(endpoint->answers);
    out->repeated = load(endpoint->repeated);
    out->bytes = load(endpoint->bytes);
    out->in_flight = load(endpoint->in_flight);
    for (int i = 0; i < ST_ENDPOINT_LATENCY_BUCKETS; i++) {
        out->latency[i] = load(endpoint->latency[i]);
        out->latency_count += out->latency[i];
    }
    out->latency_sum = load(endpoint->latency_sum);
    out->latency_max = load(endpoint->latency_max);
}

static void error_read(st_overview_endpoint_t *out, const st_endpoint_t *endpoint,
                       apr_pool_t *pool)
{
    char text[ST_ENDPOINT_ERROR_MAX];
    out->error_wall = st_endpoint_error_get(endpoint, text);
    out->error = out->error_wall != 0 ? apr_pstrdup(pool, text) : NULL;
}

static int text_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A copy that is valid UTF-8, so that what differs here differs wherever it is shown. */
static const char *text_clean(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);
    size_t len = strlen(copy);
    size_t at = 0;
    while (at < len) {
        size_t sequence = st_utf8_sequence(copy + at, len - at);
        if (sequence == 0) {
            copy[at] = '?';
            sequence = 1;
        }
        at += sequence;
    }
    return copy;
}

/* Adds what the destination says, unless another one has said it. */
static void dest_add(st_overview_dest_t *dests, int *pcount, const st_dest_t *dest,
                     apr_pool_t *pool)
{
    int is_released = dest->release != NULL && dest->release[0] != '\0';
    st_overview_dest_t added = {
        .environment = text_clean(dest->environment, pool),
        .release = is_released ? text_clean(dest->release, pool) : NULL,
    };
    for (int i = 0; i < *pcount; i++) {
        if (text_equal(dests[i].environment, added.environment) &&
            text_equal(dests[i].release, added.release)) {
            return;
        }
    }
    dests[*pcount] = added;
    (*pcount)++;
}

static void dests_read(st_overview_endpoint_t *out, const st_dest_table_t *table,
                       int endpoint, apr_pool_t *pool)
{
    int users = 0;
    for (int i = 0; i < table->count; i++) {
        users += table->dests[i].dsn != NULL && table->dests[i].endpoint == endpoint;
    }
    st_overview_dest_t *dests = apr_pcalloc(pool, sizeof(*dests) * (size_t)(users + 1));
    for (int i = 0; i < table->count; i++) {
        if (table->dests[i].dsn != NULL && table->dests[i].endpoint == endpoint) {
            dest_add(dests, &out->dest_count, &table->dests[i], pool);
        }
    }
    out->dests = dests;
}

static int is_named(const st_overview_endpoint_t *endpoints, int count, const char *dsn)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(endpoints[i].dsn, dsn) == 0) {
            return 1;
        }
    }
    return 0;
}

/* A masked DSN that none of the endpoints has: different keys may look the same. */
static const char *name_unique(const st_overview_endpoint_t *endpoints, int count,
                               const char *masked, apr_pool_t *pool)
{
    const char *dsn = masked;
    for (int number = 2; is_named(endpoints, count, dsn); number++) {
        dsn = apr_psprintf(pool, "%s (%d)", masked, number);
    }
    return dsn;
}

/* Reads all endpoints that are in use to the front of the array. */
static void endpoints_read(st_overview_t *overview, const st_queue_t *queue, st_ns_t now,
                           apr_pool_t *pool)
{
    int slots = queue->layout.endpoints;
    st_overview_endpoint_t *endpoints =
        apr_pcalloc(pool, sizeof(*endpoints) * (size_t)slots);
    st_dest_table_t table;
    st_queue_dests(queue, &table, pool);
    numbers_read(overview, endpoints, queue, pool);
    for (int i = 0; i < slots; i++) {
        char masked[ST_QUEUE_STRINGS_MAX + 1];
        if (!st_queue_endpoint_name(queue, i, masked, sizeof(masked))) {
            continue;
        }
        st_overview_endpoint_t *out = &endpoints[overview->endpoint_count];
        *out = endpoints[i]; /* the numbers */
        out->dsn = name_unique(endpoints, overview->endpoint_count,
                               text_clean(masked, pool), pool);
        dests_read(out, &table, i, pool);
        limits_read(out, &queue->endpoints[i], now);
        traffic_read(out, &queue->endpoints[i]);
        error_read(out, &queue->endpoints[i], pool);
        overview->endpoint_count++;
    }
    overview->endpoints = endpoints;
}

static void sender_read(st_overview_t *overview, const st_queue_t *queue, st_ns_t now)
{
    st_lease_shm_t *lease = st_queue_lease(queue);
    st_owner_t holder = load(lease->holder);
    st_ns_t beat = load(lease->beat);
    overview->sender = holder != 0 ? st_process_pid(holder) : 0;
    overview->sender_age = beat != 0 && beat < now ? now - beat : 0;
    overview->sender_changes = load(lease->taken);
    overview->sender_gap_max = load(lease->gap_max);
}

static int open_count(const st_queue_t *queue)
{
    int used = 0;
    for (int i = 0; i < queue->open.count; i++) {
        used += load(queue->open.slots[i].owner) != 0;
    }
    return used;
}

/* A memory file has no name. */
static int queue_is_file(const st_queue_t *queue)
{
    struct stat st;
    return fstat(queue->fd, &st) == 0 && st.st_nlink > 0;
}

static void queue_read(st_overview_t *overview, const st_queue_t *queue)
{
    const st_ledger_shm_t *ledger = st_queue_ledger(queue);
    overview->generation = st_queue_generation(queue);
    overview->is_file = queue_is_file(queue);
    overview->bytes = queue->size;
    overview->ring_capacity = st_ring_capacity(&queue->ring);
    overview->ring_used = st_ring_used(&queue->ring);
    overview->holes = load(ledger->holes);
    overview->hole_bytes = load(ledger->hole_bytes);
    overview->open_used = open_count(queue);
    overview->open_slots = queue->open.count;
}

void st_overview_read(st_overview_t *overview, const st_queue_t *queue, st_ns_t now,
                      st_ns_t wall, apr_pool_t *result_pool)
{
    *overview = (st_overview_t){.wall = wall, .is_traced = queue != NULL};
    if (queue == NULL) {
        return;
    }
    queue_read(overview, queue);
    sender_read(overview, queue, now);
    endpoints_read(overview, queue, now, result_pool);
}
