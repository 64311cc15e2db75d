/* SPDX-License-Identifier: Apache-2.0 */
/* The span container and its spans, version 2
 * (https://develop.sentry.dev/sdk/telemetry/spans/span-protocol/). */
#include "envelope_check.h"

#include <string.h>
#include "st_id.h"

#define CONTAINER_VERSION 2
#define SPANS_MAX         1000

/* What is known of the container while its spans are gone through. */
typedef struct container_t {
    const char *trace_id;
    json_t *seen; /* object: the span ids so far */
} container_t;

static int ids_are_valid(st_check_t *check, json_t *span, const container_t *container)
{
    const json_t *trace_id = json_object_get(span, "trace_id");
    json_t *span_id = json_object_get(span, "span_id");
    const json_t *parent = json_object_get(span, "parent_span_id");
    if (!st_check_is_id(trace_id, ST_TRACE_ID_HEX)) {
        return st_check_refuse(
            check,
            "has a \"trace_id\" that is not 32 lower-case hex digits, not all zero");
    }
    if (strcmp(st_check_text(trace_id), container->trace_id) != 0) {
        return st_check_refuse(check, "belongs to trace %s, but the envelope is about %s",
                               st_check_text(trace_id), container->trace_id);
    }
    if (!st_check_is_id(span_id, ST_SPAN_ID_HEX)) {
        return st_check_refuse(
            check,
            "has a \"span_id\" that is not 16 lower-case hex digits, not all zero");
    }
    if (parent != NULL && !st_check_is_id(parent, ST_SPAN_ID_HEX)) {
        return st_check_refuse(check, "has a \"parent_span_id\" that is not 16 "
                                      "lower-case hex digits, not all zero");
    }
    if (json_object_get(container->seen, st_check_text(span_id)) != NULL) {
        return st_check_refuse(check, "repeats the span id %s", st_check_text(span_id));
    }
    json_object_set_new(container->seen, st_check_text(span_id), json_true());
    return 1;
}

static int status_is_valid(const json_t *status)
{
    const char *text = st_check_text(status);
    return text != NULL && (strcmp(text, "ok") == 0 || strcmp(text, "error") == 0);
}

static int facts_are_valid(st_check_t *check, json_t *span)
{
    if (!st_check_is_text(json_object_get(span, "name"))) {
        return st_check_refuse(check, "has no \"name\"");
    }
    if (!status_is_valid(json_object_get(span, "status"))) {
        return st_check_refuse(check,
                               "has a \"status\" that is neither \"ok\" nor \"error\"");
    }
    if (!json_is_boolean(json_object_get(span, "is_segment"))) {
        return st_check_refuse(check,
                               "has an \"is_segment\" that is neither true nor false");
    }
    return 1;
}

static int link_is_valid(st_check_t *check, json_t *link)
{
    const json_t *sampled = json_object_get(link, "sampled");
    if (!st_check_is_id(json_object_get(link, "trace_id"), ST_TRACE_ID_HEX) ||
        !st_check_is_id(json_object_get(link, "span_id"), ST_SPAN_ID_HEX)) {
        return st_check_refuse(check, "has a link without a valid trace and span id");
    }
    if (sampled != NULL && !json_is_boolean(sampled)) {
        return st_check_refuse(check, "has a link whose \"sampled\" is no boolean");
    }
    return st_envelope_attrs_check(check, json_object_get(link, "attributes"));
}

static int links_are_valid(st_check_t *check, json_t *links)
{
    if (links != NULL && !json_is_array(links)) {
        return st_check_refuse(check, "has \"links\" that are no array");
    }
    size_t i;
    json_t *link;
    json_array_foreach(links, i, link)
    {
        if (!link_is_valid(check, link)) {
            return 0;
        }
    }
    return 1;
}

static int span_is_valid(st_check_t *check, json_t *span, const container_t *container)
{
    if (!json_is_object(span)) {
        return st_check_refuse(check, "is no object");
    }
    static const char *const known[] = {
        "trace_id",   "span_id",         "parent_span_id", "name",  "status",
        "is_segment", "start_timestamp", "end_timestamp",  "links", "attributes",
    };
    return ids_are_valid(check, span, container) && facts_are_valid(check, span) &&
           st_check_times(check, span, "start_timestamp", "end_timestamp") &&
           st_check_members(check, span, known, sizeof(known) / sizeof(known[0])) &&
           links_are_valid(check, json_object_get(span, "links")) &&
           st_envelope_attrs_check(check, json_object_get(span, "attributes"));
}

static int spans_are_valid(st_check_t *check, json_t *spans, const char *trace_id)
{
    container_t container = {.trace_id = trace_id, .seen = json_object()};
    int valid = 1;
    check->part = "span";
    for (size_t i = 0; valid && i < json_array_size(spans); i++) {
        check->number = (int)i + 1;
        valid = span_is_valid(check, json_array_get(spans, i), &container);
    }
    check->number = 0;
    json_decref(container.seen);
    return valid;
}

int st_envelope_spans_check(st_check_t *check, const json_t *container,
                            const char *trace_id, const json_t *item_count)
{
    const json_t *version = json_object_get(container, "version");
    json_t *spans = json_object_get(container, "items");
    if (!json_is_integer(version) || json_integer_value(version) != CONTAINER_VERSION) {
        return st_check_refuse(check, "does not say \"version\":%d", CONTAINER_VERSION);
    }
    if (!json_is_array(spans)) {
        return st_check_refuse(check, "has no array \"items\"");
    }
    size_t count = json_array_size(spans);
    if (count == 0 || count > SPANS_MAX) {
        return st_check_refuse(check, "holds %d spans; 1 to %d are allowed", (int)count,
                               SPANS_MAX);
    }
    if (!json_is_integer(item_count) ||
        json_integer_value(item_count) != (json_int_t)count) {
        return st_check_refuse(
            check, "holds %d spans, but \"item_count\" does not say so", (int)count);
    }
    return spans_are_valid(check, spans, trace_id);
}
