/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_TRACE_H
#define STC_TRACE_H

/* The spans of one trace as a tree.
 *
 *   top ─► root ─────next─► root ...        siblings are sorted by start
 *            └─ first ─► child ─next─► child ... ─► orphans
 *
 * A root is a span without a parent, or a segment whose parent is not here: that one is the
 * caller's. An orphan is any other span whose parent is not here; it is shown under the main
 * segment. What was read may be anything, so parents may also form a circle: it is cut at its
 * earliest span, which becomes an orphan. */

#include <apr_hash.h>
#include <apr_tables.h>
#include "stc_span.h"

/* More spans than this are not kept: the trace is full. */
#define STC_TRACE_SPANS_MAX 10000

typedef struct stc_trace_t {
    apr_pool_t *pool; /* holds this trace with all its spans */
    char id[ST_TRACE_ID_HEX + 1];
    apr_array_header_t *spans; /* of stc_span_t * */
    apr_hash_t *by_id;         /* span id -> stc_span_t * */
    int segment_count;
    int repeated; /* spans that came again and were left out */
    /* Set by stc_trace_arrange. */
    stc_span_t top;   /* stands above the roots, is no span itself */
    stc_span_t *main; /* the segment that gives the trace its title, or NULL */
    apr_time_t start;
    apr_interval_time_t duration; /* over all spans */
} stc_trace_t;

/* Makes an empty trace in a pool of its own below `parent`; destroying trace->pool frees it.
 * @param id 32 characters, copied */
stc_trace_t *stc_trace_create(const char *id, apr_pool_t *parent);

/* Adds one span of a span v2 container, copying what is needed. A span id that is there
 * already is counted and left out: delivery may repeat itself.
 * @param pwhy set on failure, a static sentence
 * @return APR_SUCCESS; ST_E_MALFORMED; ST_E_FULL at STC_TRACE_SPANS_MAX. */
apr_status_t stc_trace_add(stc_trace_t *trace, const char **pwhy,
                           const json_t *json) ST_MUST_CHECK;

/* Builds the tree and the totals from the spans that are there, at least one; may be repeated
 * after more were added. */
void stc_trace_arrange(stc_trace_t *trace);

/* The span after `span` in the order of the tree, parents first; NULL after the last. Starts
 * with &trace->top. */
stc_span_t *stc_trace_next(const stc_trace_t *trace, const stc_span_t *span);

#endif /* STC_TRACE_H */
