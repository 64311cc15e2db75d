/* SPDX-License-Identifier: Apache-2.0 */
/* Building the tree of a trace from spans that nobody has checked. */
#include "stc_trace.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

/* Depth of a span that no root leads to. */
#define UNREACHED (-1)

stc_trace_t *stc_trace_create(const char *id, apr_pool_t *parent)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, parent);
    apr_pool_tag(pool, "trace");
    stc_trace_t *trace = apr_pcalloc(pool, sizeof(*trace));
    trace->pool = pool;
    memcpy(trace->id, id, ST_TRACE_ID_HEX);
    trace->spans = apr_array_make(pool, 8, sizeof(stc_span_t *));
    trace->by_id = apr_hash_make(pool);
    return trace;
}

apr_status_t stc_trace_add(stc_trace_t *trace, const char **pwhy, const json_t *json)
{
    const char *id = json_string_value(json_object_get(json, "span_id"));
    if (id != NULL && apr_hash_get(trace->by_id, id, APR_HASH_KEY_STRING) != NULL) {
        trace->repeated++;
        return APR_SUCCESS;
    }
    if (trace->spans->nelts >= STC_TRACE_SPANS_MAX) {
        *pwhy = "its trace has too many spans";
        return ST_E_FULL;
    }
    stc_span_t read;
    apr_status_t rv = stc_span_read(&read, pwhy, json, trace->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    stc_span_t *span = apr_pmemdup(trace->pool, &read, sizeof(read));
    span->seq = trace->spans->nelts;
    APR_ARRAY_PUSH(trace->spans, stc_span_t *) = span;
    apr_hash_set(trace->by_id, span->id, APR_HASH_KEY_STRING, span);
    trace->segment_count += span->is_segment;
    return APR_SUCCESS;
}

static int span_compare(const void *a, const void *b)
{
    const stc_span_t *x = *(stc_span_t *const *)a;
    const stc_span_t *y = *(stc_span_t *const *)b;
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return x->seq - y->seq;
}

static void child_append(stc_span_t *parent, stc_span_t *child)
{
    if (parent->last == NULL) {
        parent->first = child;
    } else {
        parent->last->next = child;
    }
    parent->last = child;
    child->parent = parent;
}

/* The span after `span` within the tree below `top`. */
static stc_span_t *next_below(const stc_span_t *top, const stc_span_t *span)
{
    if (span->first != NULL) {
        return span->first;
    }
    while (span != top && span->next == NULL) {
        span = span->parent;
    }
    return span == top ? NULL : span->next;
}

stc_span_t *stc_trace_next(const stc_trace_t *trace, const stc_span_t *span)
{
    return next_below(&trace->top, span);
}

static stc_span_t **spans_sort(stc_trace_t *trace)
{
    stc_span_t **spans = (stc_span_t **)trace->spans->elts;
    size_t count = (size_t)trace->spans->nelts;
    qsort(spans, count, sizeof(*spans), span_compare);
    for (size_t i = 0; i < count; i++) {
        stc_span_t *span = spans[i];
        span->parent = span->first = span->last = span->next = NULL;
        span->is_orphan = 0;
        span->depth = UNREACHED;
    }
    return spans;
}

static stc_span_t *parent_find(const stc_trace_t *trace, const stc_span_t *span)
{
    return apr_hash_get(trace->by_id, span->parent_id, APR_HASH_KEY_STRING);
}

/* Prefers a segment without any parent, because that one began the trace. */
static void main_choose(stc_trace_t *trace)
{
    trace->main = NULL;
    for (stc_span_t *root = trace->top.first; root != NULL; root = root->next) {
        if (root->is_segment && root->parent_id[0] == '\0') {
            trace->main = root;
            return;
        }
        if (root->is_segment && trace->main == NULL) {
            trace->main = root;
        }
    }
}

/* Gives `span`, which hangs below `parent` by now, and all below it their depths. */
static void depths_set(stc_span_t *span, const stc_span_t *parent)
{
    span->depth = parent->depth + 1;
    for (stc_span_t *s = next_below(span, span); s != NULL; s = next_below(span, s)) {
        s->depth = s->parent->depth + 1;
    }
}

static void orphan_adopt(stc_trace_t *trace, stc_span_t *span)
{
    stc_span_t *home = trace->main != NULL ? trace->main : &trace->top;
    span->is_orphan = 1;
    child_append(home, span);
    depths_set(span, home);
}

/* Takes the earliest unreached span from its parent. Going by start, it is the first child:
 * earlier ones were taken before. */
static void circle_cut(stc_span_t *span)
{
    stc_span_t *parent = span->parent;
    parent->first = span->next;
    if (parent->last == span) {
        parent->last = NULL;
    }
    span->next = NULL;
}

static void totals_set(stc_trace_t *trace, stc_span_t *const *spans)
{
    trace->start = spans[0]->start;
    apr_time_t end = trace->start;
    for (int i = 0; i < trace->spans->nelts; i++) {
        apr_time_t later =
            spans[i]->end > spans[i]->start ? spans[i]->end : spans[i]->start;
        end = later > end ? later : end;
    }
    trace->duration = end - trace->start;
}

void stc_trace_arrange(stc_trace_t *trace)
{
    stc_span_t **spans = spans_sort(trace);
    int count = trace->spans->nelts;
    trace->top = (stc_span_t){.own = -1};
    for (int i = 0; i < count; i++) {
        stc_span_t *parent = parent_find(trace, spans[i]);
        if (parent != NULL) {
            child_append(parent, spans[i]);
        } else if (spans[i]->parent_id[0] == '\0' || spans[i]->is_segment) {
            child_append(&trace->top, spans[i]);
        }
    }
    main_choose(trace);
    depths_set(&trace->top, &(stc_span_t){.depth = -1});
    for (int i = 0; i < count; i++) {
        if (spans[i]->depth == UNREACHED && spans[i]->parent == NULL) {
            orphan_adopt(trace, spans[i]);
        }
    }
    for (int i = 0; i < count; i++) {
        if (spans[i]->depth == UNREACHED) {
            circle_cut(spans[i]);
            orphan_adopt(trace, spans[i]);
        }
    }
    totals_set(trace, spans);
}
