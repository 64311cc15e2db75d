/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_OVERVIEW_SAMPLE_H
#define T_OVERVIEW_SAMPLE_H

/* Overviews for the writers' tests: a busy server, with texts that want to break out. */

#include "st_overview.h"
#include "t.h"
#include <string.h>
#include <apr_strings.h>

#define T_HOSTILE "</td><script>\"&'\\x\n#evil{} 1\r\x01 \xff\xc3\xa9"

static const st_overview_dest_t t_dests[] = {
    {.environment = "production", .release = "shop@1.4.2"},
    {.environment = T_HOSTILE, .release = NULL},
};

static const st_overview_endpoint_t t_endpoints[] = {
    {.dsn = "https://0123...@sentry.example/42",
     .dests = t_dests,
     .dest_count = 2,
     .category[ST_CATEGORY_SPAN] = {.created = 100,
                                    .delivered = 80,
                                    .waiting = 7,
                                    .discarded[ST_REASON_QUEUE_OVERFLOW] = 9,
                                    .discarded[ST_REASON_SAMPLE_RATE] = 4},
     .waiting_bytes = 4096,
     .limited[ST_LIMIT_SPAN] = 2500 * ST_NS_PER_MS,
     .circuit = ST_CIRCUIT_OPEN,
     .failures = 3,
     .retry_in = 1250 * ST_NS_PER_MS,
     .error = T_HOSTILE,
     .error_wall = 1795300000 * ST_NS_PER_SEC,
     .requests = 21,
     .answers = 20,
     .repeated = 2,
     .bytes = 123456,
     .in_flight = 1,
     .latency = {1, 2, 3, 4, 5, 0, 0, 4, 0, 1},
     .latency_count = 20,
     .latency_sum = 40 * ST_NS_PER_SEC,
     .latency_max = 31 * ST_NS_PER_SEC},
    {.dsn = "file:/var/spool/" T_HOSTILE,
     .category[ST_CATEGORY_SPAN] = {.created = 6, .delivered = 6},
     .category[ST_CATEGORY_TRANSACTION] = {.created = 2, .delivered = 1, .waiting = 1}},
};

static const st_overview_t t_overview = {.wall = 1795300090 * ST_NS_PER_SEC,
                                         .is_traced = 1,
                                         .generation = 5,
                                         .is_file = 1,
                                         .bytes = 9000000,
                                         .ring_capacity = 8388608,
                                         .ring_used = 4500,
                                         .holes = 2,
                                         .hole_bytes = 1536,
                                         .open_used = 3,
                                         .open_slots = 400,
                                         .sender = 4711,
                                         .sender_age = 120 * ST_NS_PER_MS,
                                         .sender_changes = 6,
                                         .sender_gap_max = 900 * ST_NS_PER_MS,
                                         .endpoints = t_endpoints,
                                         .endpoint_count = 2};

/* Of a process that does not trace. */
static const st_overview_t t_overview_none = {.wall = 1795300090 * ST_NS_PER_SEC};

/* What a writer makes of an overview, in the test's pool. */
static const char *t_written(void (*write)(st_buf_t *, const st_overview_t *),
                             const st_overview_t *overview)
{
    st_buf_t out;
    st_buf_init(&out, (size_t)1024 * 1024);
    write(&out, overview);
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    ck_assert_ptr_null(memchr(out.data, '\0', out.len));
    char *text = apr_pstrmemdup(t_pool, out.data, out.len);
    st_buf_free(&out);
    return text;
}

#endif /* T_OVERVIEW_SAMPLE_H */
