/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes: header, items, and the length of each item in front of its payload. */
#include "st_encoder.h"

#include "part.h"
#include "st_json.h"
#include "st_span_v2.h"
#include "st_transaction.h"
#include "trace_header.h"
#include <apr_strings.h>
#include <stdint.h>
#include <string.h>

#define HTTP_PORT  80
#define HTTPS_PORT 443

struct st_encoder_t {
    st_span_v2_parts_t spans;
    st_transaction_parts_t transaction;
    st_str_t header; /* members of the envelope header: dsn, sdk */
    trace_header_t trace;
    apr_status_t rv; /* of the preparation */
};

/* The DSN without its secret, as Sentry compares it with the request. */
static const char *public_dsn(const st_dsn_t *dsn, apr_pool_t *pool)
{
    unsigned usual = strcmp(dsn->scheme, "https") == 0 ? HTTPS_PORT : HTTP_PORT;
    const char *port = dsn->port == usual ? "" : apr_psprintf(pool, ":%u", dsn->port);
    int is_ipv6 = strchr(dsn->host, ':') != NULL;
    return apr_pstrcat(pool, dsn->scheme, "://", dsn->public_key, "@", is_ipv6 ? "[" : "",
                       dsn->host, is_ipv6 ? "]" : "", port, dsn->path, "/",
                       dsn->project_id, NULL);
}

static void member_add(st_buf_t *out, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        st_json_key(out, key);
        st_json_string(out, st_str(value));
    }
}

static apr_status_t header_prepare(st_encoder_t *encoder, const st_dest_t *dest,
                                   apr_pool_t *pool)
{
    const st_dsn_t *dsn = dest->dsn;
    st_buf_t buf;
    st_buf_init(&buf, PART_BYTES_MAX);
    if (dsn->kind == ST_DSN_HTTP) {
        member_add(&buf, "dsn", public_dsn(dsn, pool));
    }
    st_json_key(&buf, "sdk");
    st_buf_add_lit(&buf, PART_SDK);
    encoder->header = part_take(&buf, pool);
    apr_status_t rv = st_buf_status(&buf);
    st_buf_free(&buf);
    return rv;
}

st_encoder_t *st_encoder_create(const st_dest_t *dest, apr_pool_t *result_pool)
{
    st_encoder_t *encoder = apr_pcalloc(result_pool, sizeof(*encoder));
    encoder->rv = header_prepare(encoder, dest, result_pool);
    if (encoder->rv == APR_SUCCESS) {
        encoder->rv = trace_header_prepare(&encoder->trace, dest, result_pool);
    }
    if (encoder->rv == APR_SUCCESS) {
        encoder->rv = st_span_v2_prepare(&encoder->spans, dest, result_pool);
    }
    if (encoder->rv == APR_SUCCESS) {
        encoder->rv = st_transaction_prepare(&encoder->transaction, dest, result_pool);
    }
    return encoder;
}

/* Adds `"key":"YYYY-..."`. */
static void instant_add(st_buf_t *out, const char *key, st_ns_t wall)
{
    char text[ST_CLOCK_RFC3339_BYTES];
    st_clock_rfc3339(text, wall);
    member_add(out, key, text);
}

/* The envelope header.
 * @param event_id ST_EVENT_ID_HEX digits, or NULL: there is no event
 * @param record whose trace it is about, or NULL: about none */
static void header_add(st_buf_t *out, const st_encoder_t *encoder, const char *event_id,
                       const st_record_t *record, st_ns_t now)
{
    st_buf_add_char(out, '{');
    if (event_id != NULL) {
        st_json_key(out, "event_id");
        st_json_string(out, (st_str_t){event_id, ST_EVENT_ID_HEX});
    }
    instant_add(out, "sent_at", now);
    st_json_raw(out, encoder->header);
    if (record != NULL) {
        trace_header_add(out, &encoder->trace, record);
    }
    st_buf_add_lit(out, "}\n");
}

/* Ends the item whose header stops after `"length":` and whose payload starts right there, at
 * `payload`: now that the length is known, it moves in between. */
static void item_finish(st_buf_t *out, size_t payload)
{
    if (st_buf_status(out) != APR_SUCCESS) {
        return;
    }
    char text[32];
    size_t len = out->len - payload;
    size_t at = sizeof(text);
    text[--at] = '\n';
    text[--at] = '}';
    for (size_t rest = len; rest > 0; rest /= 10) {
        text[--at] = (char)('0' + rest % 10);
    }
    size_t gap = sizeof(text) - at;
    if (st_buf_reserve(out, gap) == NULL) {
        return;
    }
    memmove(out->data + payload + gap, out->data + payload, len);
    memcpy(out->data + payload, text + at, gap);
    out->len += gap;
    st_buf_add_char(out, '\n');
}

static int spans_total(const st_record_t *const *records, int record_count)
{
    int total = 0;
    for (int i = 0; i < record_count; i++) {
        total += records[i]->head.span_count;
    }
    return total;
}

static void spans_item_add(st_buf_t *out, const st_encoder_t *encoder,
                           const st_record_t *const *records, int record_count)
{
    st_buf_add_lit(out, "{\"type\":\"span\"");
    st_json_key(out, "item_count");
    st_json_int(out, spans_total(records, record_count));
    member_add(out, "content_type", "application/vnd.sentry.items.span.v2+json");
    st_json_key(out, "length");
    size_t payload = out->len;
    st_buf_add_lit(out, "{\"version\":2,\"items\":[");
    for (int i = 0; i < record_count; i++) {
        st_span_v2_record(out, &encoder->spans, records[i]);
    }
    st_buf_add_lit(out, "]}");
    item_finish(out, payload);
}

/* @return children left out. */
static int transaction_item_add(st_buf_t *out, const st_encoder_t *encoder,
                                const st_record_t *record)
{
    st_buf_add_lit(out, "{\"type\":\"transaction\"");
    st_json_key(out, "length");
    size_t payload = out->len;
    int left_out = st_transaction_record(out, &encoder->transaction, record);
    item_finish(out, payload);
    return left_out;
}

static void quantity_add(st_buf_t *out, st_reason_t reason, st_category_t category,
                         uint64_t quantity)
{
    if (quantity == 0 || !st_reason_is_reported(reason)) {
        return;
    }
    st_json_object_begin(out);
    member_add(out, "reason", st_reason_text(reason));
    member_add(out, "category", st_category_text(category));
    st_json_key(out, "quantity");
    st_json_uint(out, quantity);
    st_json_object_end(out);
}

/* https://develop.sentry.dev/sdk/telemetry/client-reports/ */
static void report_item_add(st_buf_t *out, const st_report_t *report, st_ns_t now)
{
    st_buf_add_lit(out, "{\"type\":\"client_report\"");
    st_json_key(out, "length");
    size_t payload = out->len;
    st_buf_add_char(out, '{');
    instant_add(out, "timestamp", now);
    st_json_key(out, "discarded_events");
    st_json_array_begin(out);
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        for (int category = 0; category < ST_CATEGORY_COUNT; category++) {
            quantity_add(out, (st_reason_t)reason, (st_category_t)category,
                         report->quantity[reason][category]);
        }
    }
    st_buf_add_lit(out, "]}");
    item_finish(out, payload);
}

apr_status_t st_encoder_spans(const st_encoder_t *encoder, st_buf_t *out,
                              const st_record_t *const *records, int record_count,
                              const st_report_t *report, st_ns_t now)
{
    if (encoder->rv != APR_SUCCESS) {
        return encoder->rv;
    }
    header_add(out, encoder, NULL, records[0], now);
    spans_item_add(out, encoder, records, record_count);
    if (report != NULL && !st_report_is_empty(report)) {
        report_item_add(out, report, now);
    }
    return st_buf_status(out);
}

apr_status_t st_encoder_transaction(const st_encoder_t *encoder, st_buf_t *out,
                                    const st_record_t *record, const st_report_t *report,
                                    st_ns_t now, int *pleft_out)
{
    char event_id[ST_EVENT_ID_HEX];
    *pleft_out = 0;
    if (encoder->rv != APR_SUCCESS) {
        return encoder->rv;
    }
    st_transaction_event_id(event_id, record);
    header_add(out, encoder, event_id, record, now);
    *pleft_out = transaction_item_add(out, encoder, record);
    if (report != NULL && !st_report_is_empty(report)) {
        report_item_add(out, report, now);
    }
    return st_buf_status(out);
}

apr_status_t st_encoder_report(const st_encoder_t *encoder, st_buf_t *out,
                               const st_report_t *report, st_ns_t now)
{
    if (encoder->rv != APR_SUCCESS) {
        return encoder->rv;
    }
    header_add(out, encoder, NULL, NULL, now);
    report_item_add(out, report, now);
    return st_buf_status(out);
}
