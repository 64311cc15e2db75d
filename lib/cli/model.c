/* SPDX-License-Identifier: Apache-2.0 */
/* Open traces: an insertion-ordered list and an index by trace id. */
#include "stc_model.h"

#include <stdio.h>
#include <string.h>

#define QUIET_NS (1 * ST_NS_PER_SEC)
#define AGE_NS   (30 * ST_NS_PER_SEC)

/* A trace that waits. Lives in the trace's pool. */
typedef struct open_t open_t;
struct open_t {
    open_t *older;
    open_t *newer;
    stc_trace_t *trace;
    st_ns_t began;
    st_ns_t touched;
};

struct stc_model_t {
    stc_model_events_t events;
    int open_max;
    int open_count;
    open_t *oldest;
    open_t *newest;
    apr_hash_t *by_id; /* trace id -> open_t * */
    apr_pool_t *pool;
};

stc_model_t *stc_model_create(const stc_model_events_t *events, int open_max,
                              apr_pool_t *pool)
{
    stc_model_t *model = apr_pcalloc(pool, sizeof(*model));
    model->events = *events;
    model->open_max = open_max;
    model->by_id = apr_hash_make(pool);
    model->pool = pool;
    return model;
}

static void open_append(stc_model_t *model, open_t *open)
{
    open->older = model->newest;
    if (model->newest != NULL) {
        model->newest->newer = open;
    } else {
        model->oldest = open;
    }
    model->newest = open;
    model->open_count++;
}

static void open_remove(stc_model_t *model, open_t *open)
{
    if (open->older != NULL) {
        open->older->newer = open->newer;
    } else {
        model->oldest = open->newer;
    }
    if (open->newer != NULL) {
        open->newer->older = open->older;
    } else {
        model->newest = open->older;
    }
    model->open_count--;
}

static void open_show(stc_model_t *model, open_t *open)
{
    stc_trace_t *trace = open->trace;
    open_remove(model, open);
    apr_hash_set(model->by_id, trace->id, APR_HASH_KEY_STRING, NULL);
    if (trace->spans->nelts > 0) {
        stc_trace_arrange(trace);
        model->events.show(trace, model->events.baton);
    }
    apr_pool_destroy(trace->pool);
}

static open_t *open_get(stc_model_t *model, const char *trace_id, st_ns_t now)
{
    open_t *open = apr_hash_get(model->by_id, trace_id, APR_HASH_KEY_STRING);
    if (open != NULL) {
        return open;
    }
    if (model->open_count == model->open_max) {
        open_show(model, model->oldest);
    }
    stc_trace_t *trace = stc_trace_create(trace_id, model->pool);
    open = apr_pcalloc(trace->pool, sizeof(*open));
    open->trace = trace;
    open->began = now;
    open_append(model, open);
    apr_hash_set(model->by_id, trace->id, APR_HASH_KEY_STRING, open);
    return open;
}

/* A full trace is shown to make room for more of it. */
static apr_status_t span_add(stc_model_t *model, const json_t *json, const char **pwhy,
                             st_ns_t now)
{
    const char *trace_id = json_string_value(json_object_get(json, "trace_id"));
    if (!stc_id_is_valid(trace_id, ST_TRACE_ID_HEX)) {
        *pwhy = "its trace_id is not 32 hex digits";
        return ST_E_MALFORMED;
    }
    open_t *open = open_get(model, trace_id, now);
    open->touched = now;
    apr_status_t rv = stc_trace_add(open->trace, pwhy, json);
    if (rv == ST_E_FULL) {
        open_show(model, open);
        open = open_get(model, trace_id, now);
        open->touched = now;
        rv = stc_trace_add(open->trace, pwhy, json);
    }
    return rv;
}

static void damaged(const stc_model_t *model, const st_envelope_item_t *item,
                    const char *why)
{
    model->events.damaged(item, why, model->events.baton);
}

/* @param spans array of spans of version 2 */
static void spans_add(stc_model_t *model, const st_envelope_item_t *item,
                      const json_t *spans, st_ns_t now)
{
    for (size_t i = 0; i < json_array_size(spans); i++) {
        const char *why = "";
        apr_status_t rv = span_add(model, json_array_get(spans, i), &why, now);
        if (rv != APR_SUCCESS) {
            char text[128];
            snprintf(text, sizeof(text), "span %zu cannot be shown: %s", i + 1, why);
            damaged(model, item, text);
        }
    }
}

static void container_add(stc_model_t *model, const st_envelope_item_t *item, st_ns_t now)
{
    const json_t *spans = json_object_get(item->json, "items");
    if (!json_is_array(spans)) {
        damaged(model, item, "a span item is no JSON with \"items\"");
        return;
    }
    spans_add(model, item, spans, now);
}

static void transaction_add(stc_model_t *model, const st_envelope_item_t *item,
                            st_ns_t now)
{
    if (!json_is_object(item->json)) {
        damaged(model, item, "a transaction is no JSON object");
        return;
    }
    json_t *spans = st_envelope_transaction_spans(item->json);
    spans_add(model, item, spans, now);
    json_decref(spans);
}

static st_str_t json_text(const json_t *json)
{
    return (st_str_t){json_string_value(json), json_string_length(json)};
}

static void report_add(stc_model_t *model, const st_envelope_item_t *item)
{
    const json_t *events = json_object_get(item->json, "discarded_events");
    if (!json_is_array(events)) {
        damaged(model, item, "a client report is no JSON with \"discarded_events\"");
        return;
    }
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        st_str_t reason = json_text(json_object_get(event, "reason"));
        st_str_t category = json_text(json_object_get(event, "category"));
        json_int_t quantity = json_integer_value(json_object_get(event, "quantity"));
        if (reason.len == 0 || category.len == 0 || quantity <= 0) {
            damaged(model, item,
                    "an entry of a client report lacks reason, category or quantity");
            continue;
        }
        model->events.discarded(reason, category, (uint64_t)quantity,
                                model->events.baton);
    }
}

void stc_model_add(stc_model_t *model, const st_envelope_t *envelope, st_ns_t now)
{
    for (int i = 0; i < envelope->item_count; i++) {
        const st_envelope_item_t *item = &envelope->items[i];
        if (strcmp(item->type, "span") == 0) {
            container_add(model, item, now);
        } else if (strcmp(item->type, "transaction") == 0) {
            transaction_add(model, item, now);
        } else if (strcmp(item->type, "client_report") == 0) {
            report_add(model, item);
        } else {
            model->events.skipped(st_str(item->type), model->events.baton);
        }
    }
}

static int open_is_ready(const open_t *open, st_ns_t now)
{
    if (now - open->began >= AGE_NS) {
        return 1;
    }
    return open->trace->segment_count > 0 && now - open->touched >= QUIET_NS;
}

void stc_model_show_ready(stc_model_t *model, st_ns_t now)
{
    open_t *open = model->oldest;
    while (open != NULL) {
        open_t *newer = open->newer;
        if (open_is_ready(open, now)) {
            open_show(model, open);
        }
        open = newer;
    }
}

void stc_model_show_all(stc_model_t *model)
{
    while (model->oldest != NULL) {
        open_show(model, model->oldest);
    }
}
