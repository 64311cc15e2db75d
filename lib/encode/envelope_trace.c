/* SPDX-License-Identifier: Apache-2.0 */
/* The trace context and the spans of a transaction
 * (https://develop.sentry.dev/sdk/data-model/event-payloads/span/). One span that Sentry cannot
 * read makes it drop the whole transaction. */
#include "envelope_check.h"

#include <string.h>
#include "st_id.h"
#include "st_status.h"

#define SPANS_MAX  1000
#define OP_MAX     128
#define ORIGIN_MAX 128
#define TAG_MAX    200

#define COUNT(words) (sizeof(words) / sizeof((words)[0]))

static int ids_are_valid(st_check_t *check, const json_t *span, const char *trace_id)
{
    const json_t *own = json_object_get(span, "trace_id");
    const json_t *parent = st_check_optional(span, "parent_span_id");
    if (!st_check_is_id(own, ST_TRACE_ID_HEX)) {
        return st_check_refuse(
            check,
            "has a \"trace_id\" that is not 32 lower-case hex digits, not all zero");
    }
    if (trace_id != NULL && strcmp(st_check_text(own), trace_id) != 0) {
        return st_check_refuse(check, "belongs to trace %s instead of %s",
                               st_check_text(own), trace_id);
    }
    if (!st_check_is_id(json_object_get(span, "span_id"), ST_SPAN_ID_HEX)) {
        return st_check_refuse(
            check,
            "has a \"span_id\" that is not 16 lower-case hex digits, not all zero");
    }
    if (parent != NULL && !st_check_is_id(parent, ST_SPAN_ID_HEX)) {
        return st_check_refuse(check, "has a \"parent_span_id\" that is not 16 "
                                      "lower-case hex digits, not all zero");
    }
    return 1;
}

static int origin_is_valid(const json_t *origin)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_.";
    return st_check_is_short(origin, ORIGIN_MAX) &&
           st_check_text(origin)[strspn(st_check_text(origin), allowed)] == '\0';
}

/* Operation, status and origin. */
static int kind_is_valid(st_check_t *check, const json_t *span)
{
    const json_t *op = st_check_optional(span, "op");
    const json_t *status = st_check_optional(span, "status");
    const json_t *origin = st_check_optional(span, "origin");
    if (op != NULL && !st_check_is_short(op, OP_MAX)) {
        return st_check_refuse(
            check, "has an \"op\" that is no text of 1 to %d characters", OP_MAX);
    }
    if (status != NULL && !st_status_is_rich(st_str(st_check_text(status)))) {
        return st_check_refuse(check, "has an unknown \"status\"");
    }
    if (origin != NULL && !origin_is_valid(origin)) {
        return st_check_refuse(check,
                               "has an \"origin\" that is not 1 to %d letters, "
                               "digits, dots and underscores",
                               ORIGIN_MAX);
    }
    return 1;
}

static int value_is_plain(const json_t *value)
{
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value) ||
           st_check_is_array(value);
}

static int data_is_valid(st_check_t *check, json_t *data)
{
    const char *key;
    json_t *value;
    if (data != NULL && !json_is_object(data)) {
        return st_check_refuse(check, "has \"data\" that is no object");
    }
    json_object_foreach(data, key, value)
    {
        if (key[0] == '\0' || !value_is_plain(value)) {
            return st_check_refuse(check,
                                   "has in \"data\" a value \"%s\" that is not plain",
                                   st_check_quote(key, check->pool));
        }
    }
    return 1;
}

int st_envelope_tags_check(st_check_t *check, json_t *tags)
{
    const char *key;
    json_t *value;
    if (tags != NULL && !json_is_object(tags)) {
        return st_check_refuse(check, "has \"tags\" that are no object");
    }
    json_object_foreach(tags, key, value)
    {
        if (key[0] == '\0' || strlen(key) > TAG_MAX ||
            !st_check_is_short(value, TAG_MAX)) {
            return st_check_refuse(
                check, "has a tag \"%s\" that is no text of 1 to %d characters",
                st_check_quote(key, check->pool), TAG_MAX);
        }
    }
    return 1;
}

int st_envelope_trace_check(st_check_t *check, json_t *trace, const json_t *dsc)
{
    if (!json_is_object(trace)) {
        return st_check_refuse(check, "is no object");
    }
    if (json_object_get(trace, "client_sample_rate") != NULL) {
        return st_check_refuse(check, "has \"client_sample_rate\", which Sentry sets");
    }
    return ids_are_valid(check, trace, st_check_text(json_object_get(dsc, "trace_id"))) &&
           kind_is_valid(check, trace) &&
           data_is_valid(check, st_check_optional(trace, "data"));
}

static int child_is_valid(st_check_t *check, json_t *span, const char *trace_id)
{
    /* The last lines: what older SDKs say besides. */
    static const char *const known[] = {
        "trace_id",
        "span_id",
        "parent_span_id",
        "op",
        "description",
        "status",
        "origin",
        "start_timestamp",
        "timestamp",
        "data",
        "tags",
        "links",
        "measurements",
        "exclusive_time",
        "is_segment",
        "segment_id",
        "same_process_as_parent",
    };
    const json_t *description = st_check_optional(span, "description");
    if (!json_is_object(span)) {
        return st_check_refuse(check, "is no object");
    }
    if (description != NULL && !json_is_string(description)) {
        return st_check_refuse(check, "has a \"description\" that is no text");
    }
    return ids_are_valid(check, span, trace_id) && kind_is_valid(check, span) &&
           st_check_times(check, span, "start_timestamp", "timestamp") &&
           data_is_valid(check, st_check_optional(span, "data")) &&
           st_envelope_tags_check(check, st_check_optional(span, "tags")) &&
           st_check_members(check, span, known, COUNT(known));
}

/* Notes the id. @param seen object: the ids so far */
static int id_is_new(st_check_t *check, const json_t *span, json_t *seen)
{
    const char *id = st_check_text(json_object_get(span, "span_id"));
    if (json_object_get(seen, id) != NULL) {
        return st_check_refuse(check, "repeats the span id %s", id);
    }
    json_object_set_new(seen, id, json_true());
    return 1;
}

int st_envelope_children_check(st_check_t *check, json_t *spans, const json_t *trace)
{
    if (!json_is_array(spans)) {
        return st_check_refuse(check, "has no array \"spans\"");
    }
    if (json_array_size(spans) > SPANS_MAX) {
        return st_check_refuse(check, "holds %d spans; at most %d are allowed",
                               (int)json_array_size(spans), SPANS_MAX);
    }
    const char *trace_id = st_check_text(json_object_get(trace, "trace_id"));
    json_t *seen = json_object();
    int valid = id_is_new(check, trace, seen);
    check->part = "span";
    for (size_t i = 0; valid && i < json_array_size(spans); i++) {
        json_t *span = json_array_get(spans, i);
        check->number = (int)i + 1;
        valid = child_is_valid(check, span, trace_id) && id_is_new(check, span, seen);
    }
    check->number = 0;
    json_decref(seen);
    return valid;
}
