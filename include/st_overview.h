/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_OVERVIEW_H
#define ST_OVERVIEW_H

/* What the queue says of itself at one moment, for the status page: everything is copied out
 * of the shared memory first, then written in one of four ways.
 *
 *   queue ──► overview ──► JSON, Prometheus, "Key: value" lines, HTML
 *
 * What a page has to obey is read so that it can: created = delivered + discarded + waiting
 * holds for each endpoint and category unless `moving` is set. No secrets are in here: a DSN
 * is masked before it gets here. Texts come from configurations and networks: the writers
 * escape them. */

#include <apr_pools.h>
#include "st_buf.h"
#include "st_queue.h"

typedef struct st_overview_category_t {
    uint64_t created;
    uint64_t delivered;
    uint64_t waiting; /* counted in the ring; what is left of created while that moves */
    uint64_t discarded[ST_REASON_COUNT];
} st_overview_category_t;

/* What uses an endpoint. */
typedef struct st_overview_dest_t {
    const char *environment;
    const char *release; /* or NULL */
} st_overview_dest_t;

typedef struct st_overview_endpoint_t {
    const char *dsn; /* masked; no two in an overview are equal */
    const st_overview_dest_t *dests;
    int dest_count;
    st_overview_category_t category[ST_CATEGORY_COUNT];
    uint64_t waiting_bytes;
    st_ns_t limited[ST_LIMIT_COUNT]; /* for how much longer; 0: not limited */
    st_circuit_state_t circuit;
    int failures;
    st_ns_t retry_in;
    const char *error;  /* the last one, or NULL */
    st_ns_t error_wall; /* Unix time */
    uint64_t requests;
    uint64_t answers;
    uint64_t repeated;
    uint64_t bytes;
    int in_flight;
    uint64_t latency[ST_ENDPOINT_LATENCY_BUCKETS]; /* each answer in one */
    uint64_t latency_count;                        /* their sum */
    st_ns_t latency_sum;
    st_ns_t latency_max;
} st_overview_endpoint_t;

typedef struct st_overview_t {
    st_ns_t wall;  /* when it was made, Unix time */
    int is_traced; /* 0: there is no queue, and nothing below is set */
    int moving;    /* numbers changed while they were read: they may not add up */
    unsigned generation;
    int is_file;
    uint64_t bytes; /* of the whole queue */
    uint64_t ring_capacity;
    uint64_t ring_used;
    uint64_t holes;
    uint64_t hole_bytes;
    int open_used;
    int open_slots;
    pid_t sender;       /* 0: nobody */
    st_ns_t sender_age; /* since it was last heard of */
    uint64_t sender_changes;
    st_ns_t sender_gap_max;
    const st_overview_endpoint_t *endpoints;
    int endpoint_count;
} st_overview_t;

/* Reads all of it. Looks at every entry of the ring, more than once when it moves, and waits
 * for nothing. Any process; never fails.
 * @param queue NULL when this process does not trace
 * @param now monotonic @param wall Unix time
 * @param overview all it points to is in result_pool */
void st_overview_read(st_overview_t *overview, const st_queue_t *queue, st_ns_t now,
                      st_ns_t wall, apr_pool_t *result_pool);

/* Everything discarded, whatever the reason. */
uint64_t st_overview_discarded(const st_overview_category_t *category);

/* 1 when the category is to be shown: spans always, transactions once there was one. */
int st_overview_is_shown(const st_overview_endpoint_t *endpoint, st_category_t category);

/* Write an overview onto `out`. Failures stick in the buffer. */

/* One JSON object on one line. */
void st_overview_json(st_buf_t *out, const st_overview_t *overview);

/* Metrics in version 0.0.4 of Prometheus' text format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). */
void st_overview_prometheus(st_buf_t *out, const st_overview_t *overview);

/* Lines as mod_status gives for ?auto. */
void st_overview_auto(st_buf_t *out, const st_overview_t *overview);

/* A whole page; and only what stands in its body, for the page of mod_status. UTF-8. */
void st_overview_page(st_buf_t *out, const st_overview_t *overview);
void st_overview_section(st_buf_t *out, const st_overview_t *overview);

typedef enum {
    ST_OVERVIEW_HTML = 0,
    ST_OVERVIEW_JSON,
    ST_OVERVIEW_PROMETHEUS,
    ST_OVERVIEW_AUTO
} st_overview_format_t;

/* What a client wants: "json", "prometheus" or "auto" in the query string, else what its
 * Accept likes best, else HTML. Either may be NULL. */
st_overview_format_t st_overview_format(const char *query, const char *accept);

#endif /* ST_OVERVIEW_H */
