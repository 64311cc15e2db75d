/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_PARENT_H
#define ST_PARENT_H

/* The span that a request comes from, as its headers name it
 * (https://develop.sentry.dev/sdk/telemetry/traces/#header-sentry-trace).
 *
 *   sentry-trace: 771a43a4192642f0b136d5159a501700-1e2f3a4b5c6d7e8f-1
 *                 trace id                         span id          sampled: 1, 0, or left out
 *
 * W3C's traceparent is written for others, never read. Pure functions. */

#include "st_error.h"
#include "st_id.h"

/* Nobody has decided yet ("deferred"). */
#define ST_SAMPLED_UNKNOWN (-1)

/* Room for the text with its terminating zero. */
#define ST_PARENT_BYTES     (ST_TRACE_ID_HEX + ST_SPAN_ID_HEX + 4)
#define ST_PARENT_W3C_BYTES (ST_TRACE_ID_HEX + ST_SPAN_ID_HEX + 8)

typedef struct st_parent_t {
    st_trace_id_t trace_id;
    st_span_id_t span_id; /* 0: the header names none */
    int sampled;          /* 1, 0 or ST_SAMPLED_UNKNOWN */
} st_parent_t;

/* Reads a sentry-trace header; several lines are joined with commas, and the first part
 * between commas that is not empty counts. Upper-case hex and all-zero ids are malformed; so
 * is a span id without a trace id. The dashes may be missing, as in the SDKs.
 * @param header zero-terminated, not NULL
 * @return APR_SUCCESS; ST_E_MALFORMED, and *parent is untouched. */
apr_status_t st_parent_parse(st_parent_t *parent, const char *header) ST_MUST_CHECK;

/* Writes a sentry-trace header; `sampled` as in st_parent_t.
 * @return its length, without the terminating zero. */
size_t st_parent_write(char out[ST_PARENT_BYTES], const st_trace_id_t *trace_id,
                       st_span_id_t span_id, int sampled);

/* Writes a traceparent header (https://www.w3.org/TR/trace-context/#traceparent-header); a
 * decision not made yet counts as unsampled. @return its length. */
size_t st_parent_write_w3c(char out[ST_PARENT_W3C_BYTES], const st_trace_id_t *trace_id,
                           st_span_id_t span_id, int sampled);

#endif /* ST_PARENT_H */
