/* SPDX-License-Identifier: Apache-2.0 */
/* What envelopes said. */

#include "te_store.h"
#include "te_dir.h"
#include "te_vocabulary.h"

#include <check.h>
#include <string.h>

#include <apr_strings.h>

#include "st_envelope.h"

static apr_status_t store_cleanup(void *baton)
{
    te_store_t *store = baton;
    json_decref(store->kept);
    json_decref(store->last_header);
    json_decref(store->last_transaction);
    return APR_SUCCESS;
}

te_store_t *te_store_create(apr_pool_t *pool)
{
    te_store_t *store = apr_pcalloc(pool, sizeof(*store));
    store->pool = pool;
    store->spans = apr_array_make(pool, 64, sizeof(te_span_t *));
    store->discarded = apr_array_make(pool, 16, sizeof(te_discard_t));
    store->kept = json_array();
    apr_pool_cleanup_register(pool, store, store_cleanup, apr_pool_cleanup_null);
    return store;
}

static const char *text_of(te_store_t *store, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? apr_pstrdup(store->pool, text) : NULL;
}

static const char *attr_text(const json_t *attributes, const char *key)
{
    return json_string_value(json_object_get(json_object_get(attributes, key), "value"));
}

void te_store_expect_repeats(te_store_t *store)
{
    store->ids = apr_hash_make(store->pool);
    for (int i = 0; i < te_store_count(store); i++) {
        const te_span_t *span = te_store_span(store, i);
        apr_hash_set(store->ids, span->span_id, APR_HASH_KEY_STRING, span);
    }
}

/* 1 when repeats are expected and this span is one. */
static int is_repeat(const te_store_t *store, const json_t *json)
{
    const char *id = json_string_value(json_object_get(json, "span_id"));
    return store->ids != NULL &&
           apr_hash_get(store->ids, id, APR_HASH_KEY_STRING) != NULL;
}

static void span_add(te_store_t *store, const json_t *json, const char *project)
{
    if (is_repeat(store, json)) {
        store->repeated_span_count++;
        return;
    }
    te_span_t *span = apr_pcalloc(store->pool, sizeof(*span));
    json_t *attributes = json_object_get(json, "attributes");
    const char *op = attr_text(attributes, "sentry.op");
    span->trace_id = text_of(store, json, "trace_id");
    span->span_id = text_of(store, json, "span_id");
    span->parent_id = text_of(store, json, "parent_span_id");
    span->name = text_of(store, json, "name");
    span->status = text_of(store, json, "status");
    span->op = apr_pstrdup(store->pool, op != NULL ? op : "");
    span->project = project;
    span->is_segment = json_is_true(json_object_get(json, "is_segment"));
    span->envelope = store->envelope_count;
    span->start = json_number_value(json_object_get(json, "start_timestamp"));
    span->end = json_number_value(json_object_get(json, "end_timestamp"));
    if (store->spans->nelts < TE_STORE_ATTRS_MAX) {
        span->attributes = attributes;
        json_array_append(store->kept, attributes);
    }
    APR_ARRAY_PUSH(store->spans, te_span_t *) = span;
    if (store->ids != NULL) {
        apr_hash_set(store->ids, span->span_id, APR_HASH_KEY_STRING, span);
    }
    store->segment_count += span->is_segment;
}

static void failure_set(te_store_t *store, const char *why)
{
    if (store->failure == NULL) {
        store->failure = apr_pstrdup(store->pool, why);
    }
}

/* @param spans array of spans of version 2 */
static void spans_add(te_store_t *store, const json_t *spans, const char *project,
                      int accepted)
{
    size_t i;
    json_t *json;
    json_array_foreach(spans, i, json)
    {
        const char *why =
            te_vocabulary_check(json_object_get(json, "attributes"), store->pool);
        if (why != NULL) {
            failure_set(store, why);
        }
        if (accepted) {
            span_add(store, json, project);
            continue;
        }
        store->rejected_span_count++;
        store->rejected_segment_count +=
            json_is_true(json_object_get(json, "is_segment"));
    }
}

static void transaction_add(te_store_t *store, json_t *payload, const char *project,
                            int accepted)
{
    json_t *spans = st_envelope_transaction_spans(payload);
    int before = store->spans->nelts;
    spans_add(store, spans, project, accepted);
    json_decref(spans);
    for (int i = before; i < store->spans->nelts; i++) {
        te_span_t *span = APR_ARRAY_IDX(store->spans, i, te_span_t *);
        span->is_transaction = span->is_segment;
    }
    if (accepted) {
        store->transaction_count++;
        json_decref(store->last_transaction);
        store->last_transaction = json_incref(payload);
    }
}

static void report_add(te_store_t *store, const json_t *payload, const char *project)
{
    size_t i;
    json_t *json;
    store->report_count++;
    json_array_foreach(json_object_get(payload, "discarded_events"), i, json)
    {
        te_discard_t *discard = apr_array_push(store->discarded);
        discard->project = project;
        discard->category = text_of(store, json, "category");
        discard->reason = text_of(store, json, "reason");
        discard->quantity = (long)json_integer_value(json_object_get(json, "quantity"));
    }
}

static void header_note(te_store_t *store, const st_envelope_t *envelope)
{
    json_decref(store->last_header);
    store->last_header = json_incref(envelope->header);
}

static void envelope_add(te_store_t *store, const st_envelope_t *envelope,
                         const char *project, int accepted)
{
    store->envelope_count++;
    for (int i = 0; i < envelope->item_count; i++) {
        const st_envelope_item_t *item = &envelope->items[i];
        if (strcmp(item->type, "span") == 0) {
            spans_add(store, json_object_get(item->json, "items"), project, accepted);
            header_note(store, envelope);
        } else if (strcmp(item->type, "transaction") == 0) {
            transaction_add(store, item->json, project, accepted);
            header_note(store, envelope);
        } else if (strcmp(item->type, "client_report") == 0 && accepted) {
            report_add(store, item->json, project);
        }
    }
}

void te_store_add(te_store_t *store, const char *bytes, size_t len, const char *project,
                  int accepted)
{
    apr_pool_t *scratch;
    ck_assert_int_eq(apr_pool_create(&scratch, store->pool), APR_SUCCESS);
    const char *project_kept = apr_pstrdup(store->pool, project);
    while (len > 0) {
        st_envelope_t *envelope;
        const char *why = "";
        apr_status_t rv = st_envelope_parse(&envelope, &why, bytes, len, scratch);
        if (rv == APR_SUCCESS) {
            rv = st_envelope_validate(envelope, &why, scratch);
        }
        if (rv != APR_SUCCESS) {
            failure_set(store, why);
            break;
        }
        envelope_add(store, envelope, project_kept, accepted);
        bytes += envelope->used;
        len -= envelope->used;
    }
    apr_pool_destroy(scratch);
}

te_store_t *te_store_read(const char *path, apr_pool_t *pool)
{
    te_store_t *store = te_store_create(pool);
    size_t len = 0;
    const char *bytes = te_read(path, &len, pool);
    if (bytes != NULL) {
        te_store_add(store, bytes, len, "", 1);
    }
    return store;
}

int te_store_count(const te_store_t *store)
{
    return store->spans->nelts;
}

const te_span_t *te_store_span(const te_store_t *store, int i)
{
    ck_assert_int_lt(i, store->spans->nelts);
    return APR_ARRAY_IDX(store->spans, i, te_span_t *);
}

/* Of `project` and for `reason`, NULL: any. */
static int is_wanted(const te_discard_t *discard, const char *project,
                     const char *category, const char *reason)
{
    return (project == NULL || strcmp(project, discard->project) == 0) &&
           strcmp(category, discard->category) == 0 &&
           (reason == NULL || strcmp(reason, discard->reason) == 0);
}

long te_store_reported(const te_store_t *store, const char *project, const char *category,
                       const char *reason)
{
    long sum = 0;
    for (int i = 0; i < store->discarded->nelts; i++) {
        const te_discard_t *discard = &APR_ARRAY_IDX(store->discarded, i, te_discard_t);
        if (is_wanted(discard, project, category, reason)) {
            sum += discard->quantity;
        }
    }
    return sum;
}

long te_store_discarded_of(const te_store_t *store, const char *project,
                           const char *reason)
{
    return te_store_reported(store, project, "span", reason);
}

long te_store_discarded(const te_store_t *store, const char *reason)
{
    return te_store_reported(store, NULL, "span", reason);
}

long te_store_transactions_discarded(const te_store_t *store, const char *reason)
{
    return te_store_reported(store, NULL, "transaction", reason);
}

long te_store_count_of(const te_store_t *store, const char *project)
{
    long count = 0;
    for (int i = 0; i < store->spans->nelts; i++) {
        count += strcmp(te_store_span(store, i)->project, project) == 0;
    }
    return count;
}

long te_store_transactions_of(const te_store_t *store, const char *project)
{
    long count = 0;
    for (int i = 0; i < store->spans->nelts; i++) {
        const te_span_t *span = te_store_span(store, i);
        count += span->is_transaction && strcmp(span->project, project) == 0;
    }
    return count;
}
