/* SPDX-License-Identifier: Apache-2.0 */
/* One record as a transaction event. */
#include "st_transaction.h"

#include "named.h"
#include "part.h"
#include "st_status.h"
#include "transaction_facts.h"
#include <string.h>

/* Most bytes of everything but the spans, and of one span. */
#define HEAD_BYTES_MAX (ST_TRANSACTION_BYTES_MAX / 2)
#define SPAN_BYTES_MAX (ST_TRANSACTION_BYTES_MAX / 16)

/* What texts are cut to, when the part they stand in gets too large: in JSON a byte takes up to
 * six, and a span may have ST_SPAN_ATTRS_MAX texts. */
static const size_t text_limits[] = {ST_RECORD_STRING_MAX, 2048, 512, 128};

#define TEXT_LIMITS (sizeof(text_limits) / sizeof(text_limits[0]))

/* A transaction that is being written. */
typedef struct event_t {
    st_buf_t *out;
    const st_transaction_parts_t *parts;
    const st_record_t *record;
    st_record_span_t segment;
    st_facts_t facts; /* of the segment */
    size_t text_max;  /* for now */
} event_t;

apr_status_t st_transaction_prepare(st_transaction_parts_t *parts, const st_dest_t *dest,
                                    apr_pool_t *result_pool)
{
    st_buf_t buf;
    st_buf_init(&buf, PART_BYTES_MAX);
    text_member_add(&buf, "platform", st_str("c"), PART_BYTES_MAX);
    text_member_add(&buf, "release", st_str(dest->release), PART_BYTES_MAX);
    text_member_add(&buf, "environment", st_str(dest->environment), PART_BYTES_MAX);
    text_member_add(&buf, "server_name", st_str(dest->server_name), PART_BYTES_MAX);
    st_json_key(&buf, "sdk");
    st_buf_add_lit(&buf, PART_SDK);
    parts->event = part_take(&buf, result_pool);
    apr_status_t rv = st_buf_status(&buf);
    st_buf_free(&buf);
    return rv;
}

/* As random as the ids it is made from, in the form of a UUID of version 4. */
void st_transaction_event_id(char out[ST_EVENT_ID_HEX], const st_record_t *record)
{
    st_record_span_t segment;
    uint64_t half[2];
    st_record_span(record, 0, &segment);
    memcpy(half, record->head.trace_id.bytes, sizeof(half));
    st_rng_t mix = {.state = half[0] ^ segment.id};
    mix.state = st_rng_next(&mix) ^ half[1];
    st_trace_id_t id = st_trace_id_make(&mix);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0F) | 0x40);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3F) | 0x80);
    st_trace_id_hex(out, &id);
}

/* Adds `"key":"first second"`, cut to `max` bytes. */
static void two_words_add(st_buf_t *out, const char *key, st_str_t first, st_str_t second,
                          size_t max)
{
    char text[2 * ST_RECORD_STRING_MAX + 1];
    first = st_str_cut(first, ST_RECORD_STRING_MAX);
    second = st_str_cut(second, ST_RECORD_STRING_MAX);
    memcpy(text, first.ptr, first.len);
    text[first.len] = ' ';
    memcpy(text + first.len + 1, second.ptr, second.len);
    text_member_add(out, key, (st_str_t){text, first.len + 1 + second.len}, max);
}

static int text_is(st_str_t text, const char *what)
{
    return text.len == strlen(what) && memcmp(text.ptr, what, text.len) == 0;
}

/* Where the name comes from, in one of the words that Sentry knows. */
static st_str_t name_source(const event_t *event)
{
    static const char *const known[] = {"custom", "url",       "route",
                                        "view",   "component", "task"};
    st_str_t source = st_facts_text(&event->facts, ST_ATTR_SENTRY_SEGMENT_NAME_SOURCE);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (text_is(source, known[i])) {
            return source;
        }
    }
    return st_str("custom");
}

/* A name that is not known to be one of few has the path in a transaction; Sentry replaces what
 * it takes for ids in it. */
static void name_add(const event_t *event)
{
    st_str_t source = name_source(event);
    st_str_t path = st_facts_text(&event->facts, ST_ATTR_URL_PATH);
    st_str_t method = st_facts_text(&event->facts, ST_ATTR_HTTP_REQUEST_METHOD);
    if (text_is(source, "url") && path.len > 0 && method.len > 0) {
        two_words_add(event->out, "transaction", method, path, ST_TRANSACTION_NAME_MAX);
    } else {
        text_member_add(event->out, "transaction", span_name(&event->segment),
                        ST_TRANSACTION_NAME_MAX);
    }
    st_json_key(event->out, "transaction_info");
    st_json_object_begin(event->out);
    text_member_add(event->out, "source", source, source.len);
    st_json_object_end(event->out);
}

static void times_add(st_buf_t *out, const st_record_span_t *span)
{
    st_json_key(out, "start_timestamp");
    st_json_time(out, span->start);
    st_json_key(out, "timestamp");
    st_json_time(out, span->end);
}

/* What kept the span from succeeding, when that is a word of Sentry's list; else its general
 * one. Of a span that is well: "ok". */
static st_str_t rich_status(const event_t *event, const st_record_span_t *span)
{
    for (int i = 0; span->status != ST_STATUS_OK && i < span->attr_count; i++) {
        st_attr_t attr;
        st_record_attr(event->record, span->attr_first + i, &attr);
        if (attr.key == ST_ATTR_SENTRY_STATUS_MESSAGE &&
            st_status_is_rich(attr.value.str)) {
            return attr.value.str;
        }
    }
    return st_str(span->status == ST_STATUS_OK ? "ok" : "internal_error");
}

static void attr_add(const event_t *event, const st_attr_t *attr)
{
    st_attr_t cut = *attr;
    if (st_attr_key_type(attr->key) == ST_TYPE_STRING) {
        cut.value.str = st_str_cut(attr->value.str, event->text_max);
    }
    st_json_key(event->out, st_attr_key_text(attr->key));
    attr_value_add(event->out, &cut);
}

/* The span's attributes as plain values. Its status is said elsewhere. */
static void data_add(const event_t *event, const st_record_span_t *span, st_str_t status)
{
    key_set_t seen = 0;
    st_json_key(event->out, "data");
    st_json_object_begin(event->out);
    for (int i = 0; i < span->attr_count; i++) {
        st_attr_t attr;
        st_record_attr(event->record, span->attr_first + i, &attr);
        if (st_attr_is_named(attr.key)) {
            st_named_member_add(event->out, &attr, event->text_max);
            continue;
        }
        int is_status = attr.key == ST_ATTR_SENTRY_STATUS_MESSAGE &&
                        attr.value.str.len == status.len &&
                        memcmp(attr.value.str.ptr, status.ptr, status.len) == 0;
        if (!is_status && (seen & key_bit(attr.key)) == 0 && attr_is_sendable(&attr)) {
            seen |= key_bit(attr.key);
            attr_add(event, &attr);
        }
    }
    st_json_object_end(event->out);
}

/* What trace context and spans have in common. */
static void span_members_add(const event_t *event, const st_record_span_t *span)
{
    st_buf_t *out = event->out;
    st_json_key(out, "trace_id");
    st_json_trace_id(out, &event->record->head.trace_id);
    st_json_key(out, "span_id");
    st_json_span_id(out, span->id);
    if (span->parent != 0) {
        st_json_key(out, "parent_span_id");
        st_json_span_id(out, span->parent);
    }
    st_str_t status = rich_status(event, span);
    text_member_add(out, "op", st_str(st_op_text(span->op)), event->text_max);
    text_member_add(out, "status", status, event->text_max);
    text_member_add(out, "origin", st_str(op_origin(span->op)), event->text_max);
    data_add(event, span, status);
}

static void contexts_add(const event_t *event)
{
    st_json_key(event->out, "contexts");
    st_buf_add_lit(event->out, "{\"trace\":{\"type\":\"trace\"");
    span_members_add(event, &event->segment);
    st_json_object_end(event->out);
    st_facts_response_add(event->out, &event->facts);
    st_json_object_end(event->out);
}

/* Everything but the spans. */
static void head_add(const event_t *event)
{
    char id[ST_EVENT_ID_HEX];
    st_buf_t *out = event->out;
    st_json_object_begin(out);
    text_member_add(out, "type", st_str("transaction"), event->text_max);
    st_transaction_event_id(id, event->record);
    text_member_add(out, "event_id", (st_str_t){id, sizeof(id)}, sizeof(id));
    st_json_raw(out, event->parts->event);
    name_add(event);
    times_add(out, &event->segment);
    st_facts_tags_add(out, &event->facts);
    st_facts_request_add(out, &event->facts, event->text_max);
    st_facts_user_add(out, &event->facts, event->text_max);
    contexts_add(event);
    st_json_key(out, "spans");
    st_json_array_begin(out);
}

/* A call's description has the URL that was called, as the SDKs do it; it is no name. */
static void description_add(const event_t *event, const st_record_span_t *span)
{
    st_str_t method = {NULL, 0};
    st_str_t url = {NULL, 0};
    for (int i = 0; span->op == ST_OP_HTTP_CLIENT && i < span->attr_count; i++) {
        st_attr_t attr;
        st_record_attr(event->record, span->attr_first + i, &attr);
        if (attr.key == ST_ATTR_HTTP_REQUEST_METHOD) {
            method = attr.value.str;
        } else if (attr.key == ST_ATTR_URL_FULL) {
            url = url_without_query(attr.value.str);
        }
    }
    if (method.len > 0 && url.len > 0) {
        two_words_add(event->out, "description", method, url, event->text_max);
    } else {
        text_member_add(event->out, "description", span_name(span), event->text_max);
    }
}

static void child_add(const event_t *event, int index)
{
    st_record_span_t span;
    st_record_span(event->record, index, &span);
    st_json_object_begin(event->out);
    description_add(event, &span);
    times_add(event->out, &span);
    span_members_add(event, &span);
    st_json_object_end(event->out);
}

/* Writes the head, with shorter texts until it leaves room for spans. */
static void head_fit(event_t *event)
{
    size_t at = event->out->len;
    for (size_t i = 0; i < TEXT_LIMITS; i++) {
        event->text_max = text_limits[i];
        event->out->len = at;
        head_add(event);
        if (event->out->len - at <= HEAD_BYTES_MAX) {
            return;
        }
    }
}

/* Writes a child, with shorter texts until it is no more than its share. */
static void child_fit(event_t *event, int index)
{
    size_t at = event->out->len;
    for (size_t i = 0; i < TEXT_LIMITS; i++) {
        event->text_max = text_limits[i];
        event->out->len = at;
        child_add(event, index);
        if (event->out->len - at <= SPAN_BYTES_MAX) {
            return;
        }
    }
}

/* Writes children as long as they fit. @param start of the transaction
 * @return how many did not. */
static int children_add(event_t *event, size_t start)
{
    static const char ending[] = "]}";
    int count = event->record->head.span_count;
    for (int i = 1; i < count; i++) {
        size_t at = event->out->len;
        child_fit(event, i);
        if (event->out->len - start + sizeof(ending) - 1 > ST_TRANSACTION_BYTES_MAX) {
            event->out->len = at;
            return count - i;
        }
    }
    return 0;
}

int st_transaction_record(st_buf_t *out, const st_transaction_parts_t *parts,
                          const st_record_t *record)
{
    event_t event = {.out = out, .parts = parts, .record = record};
    size_t start = out->len;
    st_record_span(record, 0, &event.segment);
    st_facts_read(&event.facts, record, &event.segment);
    head_fit(&event);
    int left_out = children_add(&event, start);
    st_json_array_end(out);
    st_json_object_end(out);
    if (out->len - start > ST_TRANSACTION_BYTES_MAX && out->rv == APR_SUCCESS) {
        out->rv = ST_E_LIMIT;
    }
    return left_out;
}
