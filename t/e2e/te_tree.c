/* SPDX-License-Identifier: Apache-2.0 */
/* Whether spans form trees, and how they look. */

#include "te_store.h"

#include <check.h>
#include <string.h>

#include <apr_strings.h>

/* Timestamps are doubles of seconds since 1970 written with microseconds: this much may come
 * from rounding. */
#define ROUNDING_SEC 2e-6

static const char *key_of(const char *trace_id, const char *span_id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, trace_id, "/", span_id, NULL);
}

/* Spans by trace and id, segments by trace. */
typedef struct tree_index_t {
    apr_pool_t *pool;
    apr_hash_t *spans;
    apr_hash_t *segments;
} tree_index_t;

static void index_fill(tree_index_t *index, const te_store_t *store)
{
    for (int i = 0; i < te_store_count(store); i++) {
        const te_span_t *span = te_store_span(store, i);
        const char *key = key_of(span->trace_id, span->span_id, index->pool);
        ck_assert_msg(apr_hash_get(index->spans, key, APR_HASH_KEY_STRING) == NULL,
                      "two spans with the id %s", key);
        apr_hash_set(index->spans, key, APR_HASH_KEY_STRING, span);
        if (!span->is_segment) {
            continue;
        }
        ck_assert_msg(
            apr_hash_get(index->segments, span->trace_id, APR_HASH_KEY_STRING) == NULL,
            "two segments in the trace %s", span->trace_id);
        apr_hash_set(index->segments, span->trace_id, APR_HASH_KEY_STRING, span);
    }
}

static void check_child(const tree_index_t *index, const te_span_t *span)
{
    const te_span_t *segment =
        apr_hash_get(index->segments, span->trace_id, APR_HASH_KEY_STRING);
    ck_assert_msg(segment != NULL, "%s has no segment", span->name);
    ck_assert_msg(span->parent_id != NULL, "%s has no parent", span->name);
    const char *key = key_of(span->trace_id, span->parent_id, index->pool);
    ck_assert_msg(apr_hash_get(index->spans, key, APR_HASH_KEY_STRING) != NULL,
                  "the parent of %s is missing", span->name);
    ck_assert_msg(span->start >= segment->start - ROUNDING_SEC &&
                      span->end <= segment->end + ROUNDING_SEC,
                  "%s lies outside its segment's time", span->name);
}

static void check_ends_at_segment(const tree_index_t *index, const te_span_t *span)
{
    const te_span_t *at = span;
    for (int depth = 0; !at->is_segment; depth++) {
        ck_assert_msg(depth < 1000, "the parents of %s form a circle", span->name);
        const char *key = key_of(at->trace_id, at->parent_id, index->pool);
        at = apr_hash_get(index->spans, key, APR_HASH_KEY_STRING);
    }
}

void te_store_check(const te_store_t *store)
{
    ck_assert_msg(store->failure == NULL, "invalid envelope: %s", store->failure);
    tree_index_t index = {.pool = store->pool,
                          .spans = apr_hash_make(store->pool),
                          .segments = apr_hash_make(store->pool)};
    index_fill(&index, store);
    for (int i = 0; i < te_store_count(store); i++) {
        const te_span_t *span = te_store_span(store, i);
        ck_assert_msg(span->end >= span->start, "%s ends before it starts", span->name);
        if (!span->is_segment) {
            check_child(&index, span);
        }
    }
    for (int i = 0; i < te_store_count(store); i++) {
        check_ends_at_segment(&index, te_store_span(store, i));
    }
}

static const char *dump_line(const te_span_t *span, const te_span_t *segment, int depth,
                             apr_pool_t *pool)
{
    char *attributes = span->attributes != NULL
                           ? json_dumps(span->attributes, JSON_COMPACT | JSON_SORT_KEYS)
                           : NULL;
    const char *line = apr_psprintf(pool, "%*s%s [%s] %s +%.6f %.6fs %.500s\n", depth * 2,
                                    "", span->name, span->op, span->status,
                                    span->start - segment->start, span->end - span->start,
                                    depth == 0 && attributes != NULL ? attributes : "");
    free(attributes);
    return line;
}

static const char *dump_below(const te_store_t *store, const te_span_t *parent,
                              const te_span_t *segment, int depth, apr_pool_t *pool)
{
    const char *text = dump_line(parent, segment, depth, pool);
    for (int i = 0; i < te_store_count(store) && depth < 20; i++) {
        const te_span_t *span = te_store_span(store, i);
        if (span->parent_id != NULL && strcmp(span->parent_id, parent->span_id) == 0 &&
            strcmp(span->trace_id, parent->trace_id) == 0) {
            text = apr_pstrcat(pool, text,
                               dump_below(store, span, segment, depth + 1, pool), NULL);
        }
    }
    return text;
}

const char *te_store_dump(const te_store_t *store, apr_pool_t *pool)
{
    const char *text = apr_psprintf(
        pool, "%d envelopes, %d spans, %d segments, %ld lost\n", store->envelope_count,
        te_store_count(store), store->segment_count, te_store_discarded(store, NULL));
    int shown = 0;
    for (int i = 0; i < te_store_count(store) && shown < 40; i++) {
        const te_span_t *span = te_store_span(store, i);
        if (span->is_segment) {
            text = apr_pstrcat(pool, text, dump_below(store, span, span, 0, pool), NULL);
            shown++;
        }
    }
    return text;
}
