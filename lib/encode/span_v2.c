/* SPDX-License-Identifier: Apache-2.0 */
/* One record's spans as span v2 objects. The per-span path: no allocation, no formatting
 * but numbers and ids. */
#include "st_span_v2.h"

#include "named.h"
#include "part.h"
#include "span_common.h"
#include "st_json.h"
#include "st_version.h"
#include <string.h>

/* `"key":{"type":"...","value":` of each attribute key. */
#define ATTR_TEXT_STRING             "string"
#define ATTR_TEXT_BOOLEAN            "boolean"
#define ATTR_TEXT_INTEGER            "integer"
#define ATTR_TEXT_DOUBLE             "double"
#define ATTR_OPENING(key, type_text) "\"" key "\":{\"type\":\"" type_text "\",\"value\":"

static const st_str_t attr_openings[ST_ATTR_COUNT] = {
#define ATTR_OPENING_ROW(name, key, type)                                                \
    [ST_ATTR_##name] = {ATTR_OPENING(key, ATTR_TEXT_##type),                             \
                        sizeof(ATTR_OPENING(key, ATTR_TEXT_##type)) - 1},
    ST_ATTR_LIST(ATTR_OPENING_ROW)
#undef ATTR_OPENING_ROW
};

static void common_add(st_buf_t *out, const st_dest_t *dest, st_op_t op)
{
    st_json_attr_string(out, "sentry.op", st_str(st_op_text(op)));
    st_json_attr_string(out, "sentry.origin", st_str(op_origin(op)));
    st_json_attr_string(out, "sentry.trace_lifecycle", st_str("stream"));
    st_json_attr_string(out, "sentry.release", st_str(dest->release));
    st_json_attr_string(out, "sentry.environment", st_str(dest->environment));
    st_json_attr_string(out, "sentry.sdk.name", st_str(ST_SDK_NAME));
    st_json_attr_string(out, "sentry.sdk.version", st_str(ST_VERSION));
}

static void segment_add(st_buf_t *out)
{
    st_json_attr_string(out, "sentry.platform", st_str("c"));
    st_json_raw(out, st_str("\"sentry.sdk.integrations\":"
                            "{\"type\":\"array\",\"value\":[\"httpd\"]}"));
}

apr_status_t st_span_v2_prepare(st_span_v2_parts_t *parts, const st_dest_t *dest,
                                apr_pool_t *result_pool)
{
    st_buf_t buf;
    st_buf_init(&buf, PART_BYTES_MAX);
    memset(parts, 0, sizeof(*parts));
    for (int op = ST_OP_HTTP_SERVER; op < ST_OP_COUNT; op++) {
        common_add(&buf, dest, (st_op_t)op);
        parts->common[op] = part_take(&buf, result_pool);
    }
    segment_add(&buf);
    parts->segment = part_take(&buf, result_pool);
    st_json_attr_string(&buf, "server.address", st_str(dest->server_name));
    parts->server = part_take(&buf, result_pool);
    apr_status_t rv = st_buf_status(&buf);
    st_buf_free(&buf);
    return rv;
}

/* Adds the span's own attributes; of a key that comes twice only the first.
 * @return the keys that were added. */
static key_set_t own_attrs_add(st_buf_t *out, const st_record_t *record,
                               const st_record_span_t *span)
{
    key_set_t seen = 0;
    for (int i = 0; i < span->attr_count; i++) {
        st_attr_t attr;
        st_record_attr(record, span->attr_first + i, &attr);
        if (st_attr_is_named(attr.key)) {
            st_named_attr_add(out, &attr);
            continue;
        }
        if ((seen & key_bit(attr.key)) != 0 || !attr_is_sendable(&attr)) {
            continue;
        }
        seen |= key_bit(attr.key);
        st_json_raw(out, attr_openings[attr.key]);
        attr_value_add(out, &attr);
        st_json_object_end(out);
    }
    return seen;
}

/* Where in the buffer the attributes stand that all spans of a record share. */
typedef struct shared_t {
    size_t at;
    size_t len; /* 0: not written yet */
} shared_t;

static void shared_write(st_buf_t *out, const st_record_span_t *segment, shared_t *shared)
{
    char id[ST_SPAN_ID_HEX];
    st_span_id_hex(id, segment->id);
    shared->at = out->len;
    st_json_attr_string(out, "sentry.segment.id", (st_str_t){id, sizeof(id)});
    st_json_attr_string(out, "sentry.segment.name", span_name(segment));
    shared->len = out->len - shared->at;
}

/* Writes them again, from the span before. The buffer may move while it makes room. */
static void shared_repeat(st_buf_t *out, const shared_t *shared)
{
    char *to = st_buf_reserve(out, shared->len);
    if (to != NULL) {
        memcpy(to, out->data + shared->at, shared->len);
        out->len += shared->len;
    }
}

/* Sentry takes the rate only from (0,1]. */
static void sample_rate_add(st_buf_t *out, double rate)
{
    if (rate > 0.0 && rate <= 1.0) {
        st_json_key(out, "sentry.client_sample_rate");
        st_buf_add_lit(out, "{\"type\":\"double\",\"value\":");
        st_json_double(out, rate);
        st_json_object_end(out);
    }
}

static void head_add(st_buf_t *out, const st_record_t *record,
                     const st_record_span_t *span, int is_segment)
{
    st_json_key(out, "trace_id");
    st_json_trace_id(out, &record->head.trace_id);
    st_json_key(out, "span_id");
    st_json_span_id(out, span->id);
    if (span->parent != 0) {
        st_json_key(out, "parent_span_id");
        st_json_span_id(out, span->parent);
    }
    st_json_key(out, "name");
    st_json_string(out, span_name(span));
    st_json_key(out, "status");
    st_json_string(out, st_str(st_status_text(span->status)));
    st_json_key(out, "is_segment");
    st_json_bool(out, is_segment);
    st_json_key(out, "start_timestamp");
    st_json_time(out, span->start);
    st_json_key(out, "end_timestamp");
    st_json_time(out, span->end);
}

/* What is no HTTP call happened on this machine; HTTP spans name the host that was asked for. */
static int names_this_machine(const st_record_span_t *span, key_set_t seen)
{
    return span->op != ST_OP_HTTP_SERVER && span->op != ST_OP_HTTP_CLIENT &&
           (seen & key_bit(ST_ATTR_SERVER_ADDRESS)) == 0;
}

static void span_add(st_buf_t *out, const st_span_v2_parts_t *parts,
                     const st_record_t *record, int index, shared_t *shared)
{
    st_record_span_t span;
    st_record_span(record, index, &span);
    int is_segment = index == 0;
    st_json_object_begin(out);
    head_add(out, record, &span, is_segment);
    st_json_key(out, "attributes");
    st_json_object_begin(out);
    st_json_raw(out, parts->common[span.op]);
    if (is_segment) {
        shared_write(out, &span, shared);
        st_json_raw(out, parts->segment);
        sample_rate_add(out, record->head.sample_rate);
    } else {
        shared_repeat(out, shared);
    }
    key_set_t seen = own_attrs_add(out, record, &span);
    if (names_this_machine(&span, seen)) {
        st_json_raw(out, parts->server);
    }
    st_json_object_end(out);
    st_json_object_end(out);
}

void st_span_v2_record(st_buf_t *out, const st_span_v2_parts_t *parts,
                       const st_record_t *record)
{
    shared_t shared = {0, 0};
    for (int i = 0; i < record->head.span_count; i++) {
        span_add(out, parts, record, i, &shared);
    }
}
