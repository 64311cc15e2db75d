/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_SPAN_V2_H
#define ST_SPAN_V2_H

/* Spans of a record as JSON objects of the span protocol, version 2
 * (https://develop.sentry.dev/sdk/telemetry/spans/span-protocol/).
 *
 * The attributes that follow from the destination alone are rendered once, per operation,
 * and copied into each span as they are. */

#include <apr_pools.h>
#include "st_buf.h"
#include "st_dest.h"
#include "st_record.h"

/* Members of an "attributes" object, ready to be copied. */
typedef struct st_span_v2_parts_t {
    st_str_t common[ST_OP_COUNT]; /* of each span: operation, origin, release, SDK... */
    st_str_t segment;             /* more of a segment: platform, integrations */
    st_str_t server;              /* server.address of this machine; may be empty */
} st_span_v2_parts_t;

/* Renders the parts for `dest` into result_pool.
 * @return APR_SUCCESS; APR_ENOMEM; ST_E_LIMIT when its texts are out of all proportion. */
apr_status_t st_span_v2_prepare(st_span_v2_parts_t *parts, const st_dest_t *dest,
                                apr_pool_t *result_pool) ST_MUST_CHECK;

/* Adds all spans of `record` as elements of the array that is open in `out`. Failure sticks
 * in the buffer. Any thread. */
void st_span_v2_record(st_buf_t *out, const st_span_v2_parts_t *parts,
                       const st_record_t *record);

#endif /* ST_SPAN_V2_H */
