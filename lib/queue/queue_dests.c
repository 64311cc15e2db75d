/* SPDX-License-Identifier: Apache-2.0 */
/* The table of destinations: the parent writes, everybody reads meanwhile. */
#include "queue_int.h"

#include <apr_strings.h>
#include <string.h>

#define WALK_TRIES 20

static int dest_find_free(const st_queue_t *queue)
{
    for (int i = 0; i < queue->layout.dests; i++) {
        if (st_queue_used(&st_queue_dest_at(queue, i)->used) == 0) {
            return i;
        }
    }
    return -1;
}

/* A bit per destination, or per endpoint; for whatever a memory that is not trusted says. */
typedef struct marks_t {
    uint8_t bits[(UINT16_MAX + 1) / 8];
} marks_t;

static void mark(marks_t *marks, int i)
{
    marks->bits[i / 8] |= (uint8_t)(1 << i % 8);
}

static int is_marked(const marks_t *marks, int i)
{
    return marks->bits[i / 8] >> i % 8 & 1;
}

static void mark_entry(st_ring_tag_t tag, uint64_t bytes, void *baton)
{
    (void)bytes;
    mark(baton, tag.dest);
}

/* Marks destinations of requests that go on, and of what waits in the ring: in this order, as
 * the former become the latter.
 * @return 1 when that is all; 0 when the ring moved too fast. */
static int busy_mark(const st_queue_t *queue, marks_t *busy)
{
    for (int i = 0; i < WALK_TRIES; i++) {
        memset(busy, 0, sizeof(*busy));
        for (int slot = 0; slot < queue->open.count; slot++) {
            const st_open_slot_t *open = &queue->open.slots[slot];
            st_owner_t owner = atomic_load_explicit(&open->owner, memory_order_acquire);
            if (owner != 0) {
                mark(busy, open->dest);
            }
        }
        apr_status_t rv = st_queue_walk(queue, mark_entry, busy);
        if (rv == APR_SUCCESS) {
            return 1;
        }
    }
    return 0;
}

/* Children of the generation before go on using what that has named. */
static int is_old(const st_queue_t *queue, unsigned used)
{
    return used != 0 && st_queue_generation(queue) - used >= 2;
}

static void endpoints_free(st_queue_t *queue)
{
    marks_t named = {{0}};
    for (int i = 0; i < queue->layout.dests; i++) {
        int endpoint = st_queue_dest_endpoint(queue, i);
        if (endpoint >= 0) {
            mark(&named, endpoint);
        }
    }
    for (int i = 0; i < queue->layout.endpoints; i++) {
        st_queue_dsn_t *dsn = st_queue_dsn_at(queue, i);
        /* What is in flight without a record is a report. Relaxed: it was sent long ago. */
        int in_flight =
            atomic_load_explicit(&queue->endpoints[i].in_flight, memory_order_relaxed);
        if (is_old(queue, st_queue_used(&dsn->used)) && !is_marked(&named, i) &&
            in_flight == 0) {
            st_queue_used_set(&dsn->used, 0);
        }
    }
}

/* Makes entries of earlier generations free for which nothing waits. */
static void sweep(st_queue_t *queue)
{
    marks_t busy;
    if (!busy_mark(queue, &busy)) {
        return;
    }
    for (int i = 0; i < queue->layout.dests; i++) {
        st_queue_dest_t *dest = st_queue_dest_at(queue, i);
        if (is_old(queue, st_queue_used(&dest->used)) && !is_marked(&busy, i)) {
            st_queue_used_set(&dest->used, 0);
        }
    }
    endpoints_free(queue);
}

static apr_status_t body_pack(st_queue_dest_body_t *body, const st_dest_t *dest)
{
    const char *const strings[ST_QUEUE_STRING_COUNT] = {
        [ST_QUEUE_ENVIRONMENT] = dest->environment,
        [ST_QUEUE_RELEASE] = dest->release,
        [ST_QUEUE_ORG_ID] = dest->org_id,
        [ST_QUEUE_SERVER_NAME] = dest->server_name,
        [ST_QUEUE_CA_FILE] = dest->ca_file};
    memset(body, 0, sizeof(*body));
    body->timeout = dest->timeout;
    body->lifecycle = (uint16_t)dest->lifecycle;
    size_t at = 0;
    for (int i = 0; i < ST_QUEUE_STRING_COUNT; i++) {
        if (strings[i] == NULL) {
            continue;
        }
        size_t len = strlen(strings[i]);
        if (len > ST_QUEUE_STRINGS_MAX - at) {
            return ST_E_LIMIT;
        }
        memcpy(body->strings + at, strings[i], len);
        body->len[i] = (uint16_t)(len + 1);
        at += len;
    }
    return APR_SUCCESS;
}

/* @return 1 when the entry is used. */
static int body_read(const st_queue_t *queue, int i, st_queue_dest_body_t *body)
{
    const st_queue_dest_t *dest = st_queue_dest_at(queue, i);
    for (int tries = 0; tries < ST_QUEUE_READ_TRIES; tries++) {
        /* Acquire: partner of st_queue_used_set. */
        unsigned used = atomic_load_explicit(&dest->used, memory_order_acquire);
        if (used == 0) {
            return 0;
        }
        st_queue_words_load(body, dest->body, ST_QUEUE_WORDS(sizeof(*body)));
        if (used == st_queue_used(&dest->used)) {
            return 1;
        }
    }
    return 0;
}

/* Index of the destination with this body, or -1. */
static int dest_find(const st_queue_t *queue, const st_queue_dest_body_t *body)
{
    st_queue_dest_body_t other;
    for (int i = 0; i < queue->layout.dests; i++) {
        if (st_queue_dest_endpoint(queue, i) != (int)body->endpoint) {
            continue;
        }
        int is_used = body_read(queue, i, &other);
        if (is_used && memcmp(&other, body, sizeof(other)) == 0) {
            return i;
        }
    }
    return -1;
}

static int dest_add(st_queue_t *queue, const st_queue_dest_body_t *body)
{
    int i = dest_find_free(queue);
    if (i < 0) {
        sweep(queue);
        i = dest_find_free(queue);
    }
    if (i >= 0) {
        st_queue_words_store(st_queue_dest_at(queue, i)->body, body,
                             ST_QUEUE_WORDS(sizeof(*body)));
    }
    return i;
}

static apr_status_t endpoint_enter(st_queue_t *queue, const st_dsn_t *dsn, int *pindex)
{
    apr_status_t rv = st_queue_endpoint_enter(queue, dsn, pindex);
    if (rv == ST_E_FULL) {
        sweep(queue);
        rv = st_queue_endpoint_enter(queue, dsn, pindex);
    }
    return rv;
}

apr_status_t st_queue_dest_enter(st_queue_t *queue, const st_dest_t *dest, int *pindex)
{
    st_queue_dest_body_t body;
    apr_status_t rv = body_pack(&body, dest);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    int endpoint;
    rv = endpoint_enter(queue, dest->dsn, &endpoint);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    body.endpoint = (uint32_t)endpoint;
    int i = dest_find(queue, &body);
    if (i < 0) {
        i = dest_add(queue, &body);
    }
    if (i < 0) {
        return ST_E_FULL;
    }
    st_queue_used_set(&st_queue_dest_at(queue, i)->used, st_queue_generation(queue));
    *pindex = i;
    return APR_SUCCESS;
}

int st_queue_dest_endpoint(const st_queue_t *queue, int i)
{
    if (i >= queue->layout.dests) {
        return -1;
    }
    const st_queue_dest_t *dest = st_queue_dest_at(queue, i);
    /* Acquire: partner of st_queue_used_set. */
    if (atomic_load_explicit(&dest->used, memory_order_acquire) == 0) {
        return -1;
    }
    enum { AT = offsetof(st_queue_dest_body_t, endpoint) / sizeof(uint64_t) };
    uint64_t word;
    st_queue_words_load(&word, &dest->body[AT], 1);
    uint32_t endpoint;
    memcpy(&endpoint, &word, sizeof(endpoint));
    return endpoint < (uint32_t)queue->layout.endpoints ? (int)endpoint : -1;
}

/* @param strings filled in result_pool
 * @return 1 unless lengths are wrong. */
static int body_strings(const st_queue_dest_body_t *body,
                        const char *strings[ST_QUEUE_STRING_COUNT],
                        apr_pool_t *result_pool)
{
    size_t at = 0;
    for (int i = 0; i < ST_QUEUE_STRING_COUNT; i++) {
        strings[i] = NULL;
        if (body->len[i] == 0) {
            continue;
        }
        size_t len = body->len[i] - 1u;
        if (len > ST_QUEUE_STRINGS_MAX - at) {
            return 0;
        }
        strings[i] = apr_pstrmemdup(result_pool, body->strings + at, len);
        at += len;
    }
    return strings[ST_QUEUE_ENVIRONMENT] != NULL;
}

static void dest_read(const st_queue_t *queue, int i, const st_dsn_t *const *dsns,
                      st_dest_t *dest, apr_pool_t *result_pool)
{
    const char *strings[ST_QUEUE_STRING_COUNT];
    st_queue_dest_body_t body;
    dest->endpoint = -1;
    int is_good = body_read(queue, i, &body) &&
                  body.endpoint < (uint32_t)queue->layout.endpoints &&
                  body.lifecycle < ST_LIFECYCLE_COUNT && dsns[body.endpoint] != NULL &&
                  body_strings(&body, strings, result_pool);
    if (is_good) {
        *dest = (st_dest_t){.dsn = dsns[body.endpoint],
                            .lifecycle = (st_lifecycle_t)body.lifecycle,
                            .endpoint = (int)body.endpoint,
                            .environment = strings[ST_QUEUE_ENVIRONMENT],
                            .release = strings[ST_QUEUE_RELEASE],
                            .org_id = strings[ST_QUEUE_ORG_ID],
                            .server_name = strings[ST_QUEUE_SERVER_NAME],
                            .ca_file = strings[ST_QUEUE_CA_FILE],
                            .timeout = body.timeout};
    }
}

void st_queue_dests(const st_queue_t *queue, st_dest_table_t *table,
                    apr_pool_t *result_pool)
{
    size_t endpoints = (size_t)queue->layout.endpoints;
    const st_dsn_t **dsns = apr_pcalloc(result_pool, sizeof(*dsns) * endpoints);
    for (int i = 0; i < queue->layout.endpoints; i++) {
        st_queue_text_t text;
        int is_used = st_queue_dsn_read(queue, i, &text);
        st_dsn_t *dsn = NULL;
        const char *why;
        apr_status_t rv = ST_E_MALFORMED;
        if (is_used) {
            rv = st_dsn_parse(&dsn, &why, text.text, result_pool);
        }
        dsns[i] = rv == APR_SUCCESS ? dsn : NULL;
    }
    size_t count = (size_t)queue->layout.dests;
    st_dest_t *dests = apr_pcalloc(result_pool, sizeof(*dests) * count);
    for (int i = 0; i < queue->layout.dests; i++) {
        dest_read(queue, i, dsns, &dests[i], result_pool);
    }
    *table = (st_dest_table_t){.dests = dests,
                               .count = queue->layout.dests,
                               .endpoint_count = queue->layout.endpoints};
}
