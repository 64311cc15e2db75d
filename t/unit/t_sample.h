/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_SAMPLE_H
#define T_SAMPLE_H

/* A small trace for tests of what happens to records: one request of 52.011 ms with a failed
 * backend call, as segment and as record.
 *
 *   GET /api/orders/<any>                  http.server, error
 *     ├─ mod_auth_basic                    middleware
 *     └─ proxy-server                      handler
 *          └─ GET orders.internal          http.client, error */

#include "st_record.h"
#include <stdlib.h>

#define T_SAMPLE_WALL       (INT64_C(1795300000) * ST_NS_PER_SEC)
#define T_SAMPLE_NAME       "GET /api/orders/*"
#define T_SAMPLE_SPAN_COUNT 4

static inline void t_sample_children(st_segment_t *seg, st_ns_t start)
{
    st_frame_t auth, handler, backend;
    int span = st_segment_span_add(seg, ST_OP_MIDDLEWARE, "mod_auth_basic",
                                   "mod_auth_basic.c", start + 412 * ST_NS_PER_US);
    st_frame_enter(seg, &auth, span, start + 412 * ST_NS_PER_US);
    st_frame_leave(seg, &auth, start + 1907 * ST_NS_PER_US);

    st_ns_t now = start + 2010 * ST_NS_PER_US;
    span = st_segment_span_add(seg, ST_OP_HANDLER, "proxy-server", "mod_proxy.c", now);
    st_frame_enter(seg, &handler, span, now);
    now = start + 2301 * ST_NS_PER_US;
    span = st_segment_span_add(seg, ST_OP_HTTP_CLIENT, "GET orders.internal", NULL, now);
    st_span_attr_str(seg, span, ST_ATTR_SERVER_ADDRESS, "orders.internal");
    st_frame_enter(seg, &backend, span, now);
    st_span_fail(seg, span, "unavailable");
    st_frame_leave(seg, &backend, start + 51044 * ST_NS_PER_US);
    st_frame_leave(seg, &handler, start + 51480 * ST_NS_PER_US);
}

/* The closed segment. Ids follow from `seed`; with the same seed they are the same. */
static inline st_segment_t *t_sample_segment(apr_pool_t *pool, uint64_t seed)
{
    st_ns_t start = 5 * ST_NS_PER_SEC;
    st_segment_t *seg = st_segment_open(pool, (st_rng_t){.state = seed}, T_SAMPLE_WALL,
                                        start, ST_RECORD_SPANS_MAX - 1);
    seg->name = T_SAMPLE_NAME;
    seg->name_source = "route";
    seg->status = ST_STATUS_ERROR;
    seg->sample_rate = 0.25;
    seg->sample_rand = 0.123456;
    st_segment_attr_str(seg, ST_ATTR_SENTRY_SEGMENT_NAME_SOURCE, seg->name_source);
    st_segment_attr_str(seg, ST_ATTR_HTTP_REQUEST_METHOD, "GET");
    st_segment_attr_int(seg, ST_ATTR_HTTP_RESPONSE_STATUS_CODE, 503);
    st_segment_attr_str(seg, ST_ATTR_SERVER_ADDRESS, "shop.example.com");
    st_segment_attr_str(seg, ST_ATTR_USER_AGENT_ORIGINAL,
                        "curl/8.5.0 \"quoted\" \xC3\xA4 \xFF");
    t_sample_children(seg, start);
    st_segment_close(seg, start + 52011 * ST_NS_PER_US);
    return seg;
}

/* A closed segment as a checked record; all in `pool`. Aborts when it is none. */
static inline const st_record_t *t_sample_pack(apr_pool_t *pool, const st_segment_t *seg)
{
    size_t size = st_record_size(seg);
    void *mem = apr_palloc(pool, size);
    st_record_pack(seg, 0, mem, size);
    st_record_t *record = apr_palloc(pool, sizeof(*record));
    apr_status_t rv = st_record_open(record, mem, size);
    if (rv != APR_SUCCESS) {
        abort();
    }
    return record;
}

static inline const st_record_t *t_sample_record(apr_pool_t *pool, uint64_t seed)
{
    return t_sample_pack(pool, t_sample_segment(pool, seed));
}

#endif /* T_SAMPLE_H */
