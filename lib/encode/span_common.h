/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPAN_COMMON_H
#define SPAN_COMMON_H

/* What both renderings of a record, spans and transactions, say of a span in the same way. */

#include "st_json.h"
#include "st_record.h"

/* Keys of attributes, one bit each. */
typedef uint64_t key_set_t;
_Static_assert(ST_ATTR_COUNT <= 64, "key_set_t has a bit for each key");

static inline key_set_t key_bit(st_attr_key_t key)
{
    return (key_set_t)1 << key;
}

/* Where spans of that operation come from
 * (https://develop.sentry.dev/sdk/telemetry/traces/trace-origin/). */
static inline const char *op_origin(st_op_t op)
{
    return op == ST_OP_HTTP_CLIENT ? "auto.http.httpd.proxy" : "auto.http.httpd";
}

/* A name is required; an operation says at least what kind of thing it was. */
static inline st_str_t span_name(const st_record_span_t *span)
{
    return span->name.len > 0 ? span->name : st_str(st_op_text(span->op));
}

/* An empty string is no attribute. (Numbers of an opened record are finite.) */
static inline int attr_is_sendable(const st_attr_t *attr)
{
    return st_attr_key_type(attr->key) != ST_TYPE_STRING || attr->value.str.len > 0;
}

/* Adds the value, as its key's type says. */
static inline void attr_value_add(st_buf_t *out, const st_attr_t *attr)
{
    switch (st_attr_key_type(attr->key)) {
    case ST_TYPE_STRING:
        st_json_string(out, attr->value.str);
        break;
    case ST_TYPE_BOOLEAN:
        st_json_bool(out, attr->value.integer != 0);
        break;
    case ST_TYPE_DOUBLE:
        st_json_double(out, attr->value.real);
        break;
    default:
        st_json_int(out, attr->value.integer);
        break;
    }
}

/* Adds `"key":"text"`, cut to `max` bytes; nothing when the text is empty. */
static inline void text_member_add(st_buf_t *out, const char *key, st_str_t text,
                                   size_t max)
{
    if (text.len > 0) {
        st_json_key(out, key);
        st_json_string(out, st_str_cut(text, max));
    }
}

#endif /* SPAN_COMMON_H */
