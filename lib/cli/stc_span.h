/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_SPAN_H
#define STC_SPAN_H

/* One span of a span v2 container, as far as it is shown
 * (https://develop.sentry.dev/sdk/telemetry/spans/span-protocol/). */

#include <apr_pools.h>
#include <apr_time.h>
#include <jansson.h>
#include "st_id.h"
#include "st_text.h"

typedef struct stc_span_t stc_span_t;
struct stc_span_t {
    char id[ST_SPAN_ID_HEX + 1];
    char parent_id[ST_SPAN_ID_HEX + 1]; /* "": none */
    st_str_t name;
    st_str_t op;      /* empty when absent */
    st_str_t message; /* sentry.status.message, empty when absent */
    st_str_t path;    /* url.path, empty when absent or what the name ends with */
    int http_status;  /* 0 when absent */
    int is_segment;
    int is_error;
    apr_time_t start;
    apr_time_t end;          /* may be before start: shown as such */
    apr_interval_time_t own; /* exclusive time; -1 when absent */
    /* The rest is the trace's. */
    int seq; /* order of arrival */
    stc_span_t *parent;
    stc_span_t *first;
    stc_span_t *last;
    stc_span_t *next;
    int is_orphan;
    int depth; /* 1 for roots */
};

/* Reads `json` into `span`; its strings are copied to result_pool, long ones cut.
 * @param pwhy set on failure, a static sentence
 * @return APR_SUCCESS; ST_E_MALFORMED when it lacks what a span needs to be shown. */
apr_status_t stc_span_read(stc_span_t *span, const char **pwhy, const json_t *json,
                           apr_pool_t *result_pool) ST_MUST_CHECK;

/* 1 when `text` is `digits` lower-case hex digits, not all zero. NULL is not. */
int stc_id_is_valid(const char *text, size_t digits);

#endif /* STC_SPAN_H */
