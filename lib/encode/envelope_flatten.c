/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction seen as spans of version 2, for those who show or count spans. */
#include "envelope_check.h"
#include "st_attr.h"
#include "st_envelope.h"

#include <string.h>

/* The attribute type of a plain value; NULL: it is none. Where the key says double, a number
 * without a fraction is one, too. */
static const char *type_of(const char *key, const json_t *value)
{
    st_attr_key_t known = st_attr_find(key);
    switch (json_typeof(value)) {
    case JSON_STRING:
        return "string";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_REAL:
        return "double";
    case JSON_INTEGER:
        return known != ST_ATTR_NONE && st_attr_key_type(known) == ST_TYPE_DOUBLE
                   ? "double"
                   : "integer";
    case JSON_ARRAY:
        return "array";
    default:
        return NULL;
    }
}

/* Adds an attribute unless the key is there, or there is no value. */
static void attr_add(json_t *attrs, const char *key, json_t *value)
{
    const char *type = value != NULL ? type_of(key, value) : NULL;
    if (type != NULL && json_object_get(attrs, key) == NULL) {
        json_object_set_new(attrs, key,
                            json_pack("{s:s, s:O}", "type", type, "value", value));
    }
}

static void member_copy(json_t *to, const char *key, const json_t *from, const char *name)
{
    json_t *value = st_check_optional(from, name);
    if (value != NULL) {
        json_object_set(to, key, value);
    }
}

/* What a trace context and a span have in common. */
static json_t *span_make(const json_t *from, json_t *attrs)
{
    const char *key;
    json_t *value;
    json_t *span = json_object();
    json_object_foreach(json_object_get(from, "data"), key, value)
    {
        attr_add(attrs, key, value);
    }
    attr_add(attrs, "sentry.op", json_object_get(from, "op"));
    attr_add(attrs, "sentry.origin", json_object_get(from, "origin"));
    json_t *status = json_object_get(from, "status");
    int is_ok = status == NULL || json_is_null(status) ||
                (json_is_string(status) && strcmp(json_string_value(status), "ok") == 0);
    if (!is_ok) {
        attr_add(attrs, "sentry.status.message", status);
    }
    json_object_set_new(span, "status", json_string(is_ok ? "ok" : "error"));
    member_copy(span, "trace_id", from, "trace_id");
    member_copy(span, "span_id", from, "span_id");
    member_copy(span, "parent_span_id", from, "parent_span_id");
    json_object_set_new(span, "attributes", attrs);
    return span;
}

/* A date becomes the number that spans have. */
static void time_copy(json_t *to, const char *key, const json_t *from, const char *name)
{
    double sec;
    const json_t *value = json_object_get(from, name);
    if (json_is_string(value) && st_check_is_time(value, &sec)) {
        json_object_set_new(to, key, json_real(sec));
    } else {
        member_copy(to, key, from, name);
    }
}

static void times_copy(json_t *span, const json_t *from)
{
    time_copy(span, "start_timestamp", from, "start_timestamp");
    time_copy(span, "end_timestamp", from, "timestamp");
}

static json_t *segment_make(const json_t *transaction)
{
    json_t *contexts = json_object_get(transaction, "contexts");
    json_t *info = json_object_get(transaction, "transaction_info");
    json_t *response = json_object_get(contexts, "response");
    json_t *attrs = json_object();
    attr_add(attrs, "sentry.environment", json_object_get(transaction, "environment"));
    attr_add(attrs, "sentry.release", json_object_get(transaction, "release"));
    attr_add(attrs, "sentry.platform", json_object_get(transaction, "platform"));
    attr_add(attrs, "sentry.segment.name.source", json_object_get(info, "source"));
    attr_add(attrs, "http.response.status_code",
             json_object_get(response, "status_code"));
    json_t *span = span_make(json_object_get(contexts, "trace"), attrs);
    member_copy(span, "name", transaction, "transaction");
    json_object_set_new(span, "is_segment", json_true());
    times_copy(span, transaction);
    return span;
}

static json_t *child_make(const json_t *from)
{
    json_t *span = span_make(from, json_object());
    member_copy(span, "name", from, "op");
    member_copy(span, "name", from, "description");
    json_object_set_new(span, "is_segment", json_false());
    times_copy(span, from);
    return span;
}

json_t *st_envelope_transaction_spans(const json_t *transaction)
{
    size_t i;
    json_t *child;
    json_t *spans = json_array();
    json_array_append_new(spans, segment_make(transaction));
    json_array_foreach(json_object_get(transaction, "spans"), i, child)
    {
        json_array_append_new(spans, child_make(child));
    }
    return spans;
}
