/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes as the reader sees them. */
#include "st_encoder.h"

#include "st_dsn.h"
#include "st_envelope.h"
#include "st_transaction.h"
#include "st_version.h"
#include "t.h"
#include "t_sample.h"
#include <apr_strings.h>
#include <math.h>
#include <string.h>

#define BUF_MAX ((size_t)4 * 1024 * 1024)
#define KEY     "e12d836b15bb49d7bbf99e64295d995b"
#define NOW     (T_SAMPLE_WALL + 1052 * ST_NS_PER_MS)

static st_buf_t out;

static void buf_setup(void)
{
    st_buf_init(&out, BUF_MAX);
}

static void buf_teardown(void)
{
    st_buf_free(&out);
}

static st_dest_t *make_dest(const char *dsn_text)
{
    st_dsn_t *dsn;
    const char *why = NULL;
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, dsn_text, t_pool), APR_SUCCESS);
    st_dest_t *dest = apr_pcalloc(t_pool, sizeof(*dest));
    *dest = (st_dest_t){.dsn = dsn,
                        .environment = "production",
                        .release = "shop@1.4.2",
                        .server_name = "web-1"};
    return dest;
}

static st_encoder_t *make_encoder(void)
{
    return st_encoder_create(make_dest("https://" KEY "@o1.ingest.sentry.io/42"), t_pool);
}

/* Reads and validates the envelope in `out` from *pat on; both have to succeed. */
static st_envelope_t *read_next(size_t *pat)
{
    st_envelope_t *envelope = NULL;
    const char *why = "";
    apr_status_t rv =
        st_envelope_parse(&envelope, &why, out.data + *pat, out.len - *pat, t_pool);
    ck_assert_msg(rv == APR_SUCCESS, "%s in %.*s", why, (int)out.len, out.data);
    rv = st_envelope_validate(envelope, &why, t_pool);
    ck_assert_msg(rv == APR_SUCCESS, "%s in %.*s", why, (int)out.len, out.data);
    *pat += envelope->used;
    return envelope;
}

/* The same, when it has to be the only one. */
static st_envelope_t *read_only(void)
{
    size_t at = 0;
    st_envelope_t *envelope = read_next(&at);
    ck_assert_uint_eq(at, out.len);
    return envelope;
}

static st_envelope_t *encode(const st_encoder_t *encoder, const st_record_t *record,
                             const st_report_t *report)
{
    ck_assert_int_eq(st_encoder_spans(encoder, &out, &record, 1, report, NOW),
                     APR_SUCCESS);
    return read_only();
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

static json_t *dsc_of(const st_envelope_t *envelope)
{
    return json_object_get(envelope->header, "trace");
}

START_TEST(the_header_says_when_where_and_who)
{
    st_envelope_t *envelope = encode(make_encoder(), t_sample_record(t_pool, 1), NULL);
    ck_assert_str_eq(text_of(envelope->header, "sent_at"), "2026-11-21T22:26:41.052Z");
    ck_assert_str_eq(text_of(envelope->header, "dsn"),
                     "https://" KEY "@o1.ingest.sentry.io/42");
    json_t *sdk = json_object_get(envelope->header, "sdk");
    ck_assert_str_eq(text_of(sdk, "name"), ST_SDK_NAME);
    ck_assert_str_eq(text_of(sdk, "version"), ST_VERSION);
    ck_assert_str_eq(text_of(json_object_get(sdk, "settings"), "infer_ip"), "never");
    json_t *package = json_array_get(json_object_get(sdk, "packages"), 0);
    ck_assert_str_eq(text_of(package, "name"), "httpd:mod_sentry_trace");
    ck_assert_str_eq(text_of(package, "version"), ST_VERSION);
    json_t *integrations = json_object_get(sdk, "integrations");
    ck_assert_uint_eq(json_array_size(integrations), 1);
    ck_assert_str_eq(json_string_value(json_array_get(integrations, 0)), "httpd");
    ck_assert_uint_eq(json_object_size(envelope->header), 4);
}
END_TEST

static const struct {
    const char *dsn, *sent;
} dsns[] = {
    {"https://" KEY ":secret@example.com/42", "https://" KEY "@example.com/42"},
    {"https://" KEY "@example.com:443/42", "https://" KEY "@example.com/42"},
    {"http://" KEY "@example.com:443/42", "http://" KEY "@example.com:443/42"},
    {"http://" KEY "@127.0.0.1:9000/a/b/42", "http://" KEY "@127.0.0.1:9000/a/b/42"},
    {"https://" KEY "@[::1]:9000/42", "https://" KEY "@[::1]:9000/42"},
    {"file:/tmp/envelopes", "-"},
};

START_TEST(the_dsn_goes_out_without_its_secret)
{
    st_encoder_t *encoder = st_encoder_create(make_dest(dsns[_i].dsn), t_pool);
    st_envelope_t *envelope = encode(encoder, t_sample_record(t_pool, 1), NULL);
    ck_assert_str_eq(text_of(envelope->header, "dsn"), dsns[_i].sent);
}
END_TEST

START_TEST(the_sampling_context_holds_nothing_but_strings)
{
    const st_record_t *record = t_sample_record(t_pool, 1);
    char trace_id[ST_TRACE_ID_HEX + 1] = "";
    st_trace_id_hex(trace_id, &record->head.trace_id);
    json_t *dsc = dsc_of(encode(make_encoder(), record, NULL));
    ck_assert_str_eq(text_of(dsc, "trace_id"), trace_id);
    ck_assert_str_eq(text_of(dsc, "public_key"), KEY);
    ck_assert_str_eq(text_of(dsc, "sample_rate"), "0.25");
    ck_assert_str_eq(text_of(dsc, "sample_rand"), "0.123456");
    ck_assert_str_eq(text_of(dsc, "sampled"), "true");
    ck_assert_str_eq(text_of(dsc, "release"), "shop@1.4.2");
    ck_assert_str_eq(text_of(dsc, "environment"), "production");
    ck_assert_str_eq(text_of(dsc, "org_id"), "1");
    ck_assert_str_eq(text_of(dsc, "transaction"), T_SAMPLE_NAME);
    ck_assert_uint_eq(json_object_size(dsc), 9);
}
END_TEST

START_TEST(what_is_unknown_is_left_out_of_the_sampling_context)
{
    st_dest_t *dest = make_dest("http://" KEY "@example.com/42");
    dest->release = NULL;
    st_encoder_t *encoder = st_encoder_create(dest, t_pool);
    json_t *dsc = dsc_of(encode(encoder, t_sample_record(t_pool, 1), NULL));
    ck_assert_ptr_null(json_object_get(dsc, "release"));
    ck_assert_ptr_null(json_object_get(dsc, "org_id"));
    ck_assert_uint_eq(json_object_size(dsc), 7);
}
END_TEST

static const struct {
    const char *source, *sent;
} sources[] = {{"url", "-"}, {"route", T_SAMPLE_NAME}, {"custom", T_SAMPLE_NAME}};

START_TEST(a_continued_trace_goes_out_with_the_context_it_came_with)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->dsc = "sentry-public_key=00112233445566778899aabbccddeeff,sentry-sampled=true,"
               "sentry-user=x,sentry-sample_rate=often";
    json_t *dsc = dsc_of(encode(make_encoder(), t_sample_pack(t_pool, seg), NULL));
    ck_assert_str_eq(text_of(dsc, "public_key"), "00112233445566778899aabbccddeeff");
    ck_assert_str_eq(text_of(dsc, "sampled"), "true");
    ck_assert_uint_eq(json_object_size(dsc), 3);
    st_buf_clear(&out);
    seg->dsc = "";
    dsc = dsc_of(encode(make_encoder(), t_sample_pack(t_pool, seg), NULL));
    ck_assert_str_eq(text_of(dsc, "public_key"), KEY);
    ck_assert_uint_eq(json_object_size(dsc), 2);
}
END_TEST

START_TEST(a_name_made_from_the_url_is_no_transaction)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    ck_assert_int_eq(seg->attrs[0].key, ST_ATTR_SENTRY_SEGMENT_NAME_SOURCE);
    seg->attrs[0].value.str = st_str(sources[_i].source);
    json_t *dsc = dsc_of(encode(make_encoder(), t_sample_pack(t_pool, seg), NULL));
    ck_assert_str_eq(text_of(dsc, "transaction"), sources[_i].sent);
}
END_TEST

START_TEST(the_item_says_its_count_type_and_exact_length)
{
    st_envelope_t *envelope = encode(make_encoder(), t_sample_record(t_pool, 1), NULL);
    ck_assert_int_eq(envelope->item_count, 1);
    const st_envelope_item_t *item = &envelope->items[0];
    ck_assert_str_eq(item->type, "span");
    ck_assert_int_eq(json_integer_value(json_object_get(item->header, "item_count")),
                     T_SAMPLE_SPAN_COUNT);
    ck_assert_str_eq(text_of(item->header, "content_type"),
                     "application/vnd.sentry.items.span.v2+json");
    ck_assert_uint_eq((size_t)json_integer_value(json_object_get(item->header, "length")),
                      item->len);
    ck_assert_ptr_eq(item->payload + item->len + 1, out.data + out.len);
    ck_assert_int_eq(json_integer_value(json_object_get(item->json, "version")), 2);
    ck_assert_uint_eq(json_object_size(item->json), 2);
}
END_TEST

/* Another segment of the sample's trace. */
static const st_record_t *sibling(const st_record_t *record, uint64_t seed)
{
    st_segment_t *seg = t_sample_segment(t_pool, seed);
    seg->trace_id = record->head.trace_id;
    seg->name = "GET /other";
    seg->sample_rate = 1.0;
    return t_sample_pack(t_pool, seg);
}

START_TEST(records_of_one_trace_share_an_envelope)
{
    const st_record_t *records[3];
    records[0] = t_sample_record(t_pool, 1);
    records[1] = sibling(records[0], 2);
    records[2] = sibling(records[0], 3);
    ck_assert_int_eq(st_encoder_spans(make_encoder(), &out, records, 3, NULL, NOW),
                     APR_SUCCESS);
    st_envelope_t *envelope = read_only();
    json_t *spans = json_object_get(envelope->items[0].json, "items");
    ck_assert_uint_eq(json_array_size(spans), 3 * T_SAMPLE_SPAN_COUNT);
    ck_assert_str_eq(text_of(dsc_of(envelope), "transaction"), T_SAMPLE_NAME);
    ck_assert_str_eq(text_of(dsc_of(envelope), "sample_rate"), "0.25");
    json_t *last = json_array_get(spans, 3 * T_SAMPLE_SPAN_COUNT - 1);
    json_t *name =
        json_object_get(json_object_get(last, "attributes"), "sentry.segment.name");
    ck_assert_str_eq(text_of(name, "value"), "GET /other");
}
END_TEST

START_TEST(a_report_rides_along)
{
    st_report_t report = {0};
    report.quantity[ST_REASON_SAMPLE_RATE][ST_CATEGORY_SPAN] = 11;
    report.quantity[ST_REASON_SEND_ERROR][ST_CATEGORY_SPAN] = 3;
    report.quantity[ST_REASON_SEND_ERROR][ST_CATEGORY_TRANSACTION] = 1;
    report.quantity[ST_REASON_RATE_LIMITED][ST_CATEGORY_SPAN] = 5;
    st_envelope_t *envelope = encode(make_encoder(), t_sample_record(t_pool, 1), &report);
    ck_assert_int_eq(envelope->item_count, 2);
    const st_envelope_item_t *item = &envelope->items[1];
    ck_assert_str_eq(item->type, "client_report");
    ck_assert_str_eq(text_of(item->json, "timestamp"), "2026-11-21T22:26:41.052Z");
    json_t *entries = json_object_get(item->json, "discarded_events");
    json_t *expected = json_pack(
        "[{s:s,s:s,s:i},{s:s,s:s,s:i},{s:s,s:s,s:i}]", "reason", "sample_rate",
        "category", "span", "quantity", 11, "reason", "send_error", "category", "span",
        "quantity", 3, "reason", "send_error", "category", "transaction", "quantity", 1);
    ck_assert_int_eq(json_equal(entries, expected), 1);
    json_decref(expected);
}
END_TEST

/* Sentry takes 4 KiB (https://develop.sentry.dev/sdk/telemetry/client-reports/). */
START_TEST(the_longest_report_is_short_enough)
{
    st_report_t report = {0};
    for (int i = 0; i < ST_REASON_COUNT * ST_CATEGORY_COUNT; i++) {
        report.quantity[i / ST_CATEGORY_COUNT][i % ST_CATEGORY_COUNT] = INT64_MAX;
    }
    ck_assert_int_eq(st_encoder_report(make_encoder(), &out, &report, NOW), APR_SUCCESS);
    ck_assert_uint_le(out.len, 4096);
    json_t *entries = json_object_get(read_only()->items[0].json, "discarded_events");
    ck_assert_uint_eq(json_array_size(entries),
                      (ST_REASON_COUNT - 1) * ST_CATEGORY_COUNT);
}
END_TEST

START_TEST(an_empty_report_is_not_sent)
{
    st_report_t report = {0};
    st_envelope_t *envelope = encode(make_encoder(), t_sample_record(t_pool, 1), &report);
    ck_assert_int_eq(envelope->item_count, 1);
}
END_TEST

START_TEST(a_report_travels_alone_without_a_trace)
{
    st_report_t report = {0};
    report.quantity[ST_REASON_QUEUE_OVERFLOW][ST_CATEGORY_SPAN] = UINT64_C(5000000000);
    ck_assert_int_eq(st_encoder_report(make_encoder(), &out, &report, NOW), APR_SUCCESS);
    st_envelope_t *envelope = read_only();
    ck_assert_int_eq(envelope->item_count, 1);
    ck_assert_ptr_null(dsc_of(envelope));
    ck_assert_str_eq(text_of(envelope->header, "sent_at"), "2026-11-21T22:26:41.052Z");
    json_t *entry =
        json_array_get(json_object_get(envelope->items[0].json, "discarded_events"), 0);
    ck_assert_str_eq(text_of(entry, "reason"), "queue_overflow");
    ck_assert_int_eq(json_integer_value(json_object_get(entry, "quantity")), 5000000000);
}
END_TEST

START_TEST(envelopes_follow_each_other_in_one_buffer)
{
    const st_encoder_t *encoder = make_encoder();
    const st_record_t *first = t_sample_record(t_pool, 1);
    const st_record_t *second = t_sample_record(t_pool, 2);
    ck_assert_int_eq(st_encoder_spans(encoder, &out, &first, 1, NULL, NOW), APR_SUCCESS);
    size_t between = out.len;
    ck_assert_int_eq(st_encoder_spans(encoder, &out, &second, 1, NULL, NOW), APR_SUCCESS);
    size_t at = 0;
    const char *first_id = text_of(dsc_of(read_next(&at)), "trace_id");
    ck_assert_uint_eq(at, between);
    ck_assert_str_ne(text_of(dsc_of(read_next(&at)), "trace_id"), first_id);
    ck_assert_uint_eq(at, out.len);
}
END_TEST

START_TEST(a_thousand_spans_fit_one_envelope)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    while (seg->span_count < 999) {
        st_segment_span_add(seg, ST_OP_MIDDLEWARE, "DEFLATE", "mod_deflate.c", seg->end);
    }
    st_segment_close(seg, seg->end);
    st_envelope_t *envelope = encode(make_encoder(), t_sample_pack(t_pool, seg), NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(envelope->items[0].json, "items")),
                      1000);
}
END_TEST

START_TEST(hostile_names_stay_inside_their_strings)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->name = "a\"},{\"b\n\x01\xFF\\";
    st_envelope_t *envelope = encode(make_encoder(), t_sample_pack(t_pool, seg), NULL);
    const char *expected = "a\"},{\"b\n\x01\xEF\xBF\xBD\\";
    ck_assert_str_eq(text_of(dsc_of(envelope), "transaction"), expected);
    json_t *spans = json_object_get(envelope->items[0].json, "items");
    ck_assert_str_eq(text_of(json_array_get(spans, 0), "name"), expected);
}
END_TEST

START_TEST(a_full_buffer_refuses_at_every_length)
{
    const st_encoder_t *encoder = make_encoder();
    const st_record_t *record = t_sample_record(t_pool, 1);
    st_report_t report = {0};
    report.quantity[ST_REASON_SEND_ERROR][ST_CATEGORY_SPAN] = 1;
    encode(encoder, record, &report);
    size_t need = out.len;
    for (size_t max = 0; max < need; max++) {
        st_buf_free(&out);
        st_buf_init(&out, max);
        ck_assert_int_eq(st_encoder_spans(encoder, &out, &record, 1, &report, NOW),
                         ST_E_LIMIT);
        ck_assert_uint_le(out.len, max);
    }
    st_buf_free(&out);
    st_buf_init(&out, need);
    ck_assert_int_eq(st_encoder_spans(encoder, &out, &record, 1, &report, NOW),
                     APR_SUCCESS);
}
END_TEST

START_TEST(a_destination_too_large_to_render_refuses_to_encode)
{
    st_dest_t *dest = make_dest("https://" KEY "@example.com/42");
    char *release = apr_palloc(t_pool, 1024 * 1024);
    memset(release, 'r', 1024 * 1024 - 1);
    release[1024 * 1024 - 1] = '\0';
    dest->release = release;
    st_encoder_t *encoder = st_encoder_create(dest, t_pool);
    const st_record_t *record = t_sample_record(t_pool, 1);
    st_report_t report = {0};
    ck_assert_int_eq(st_encoder_spans(encoder, &out, &record, 1, NULL, NOW), ST_E_LIMIT);
    ck_assert_int_eq(st_encoder_report(encoder, &out, &report, NOW), ST_E_LIMIT);
    int left_out;
    ck_assert_int_eq(st_encoder_transaction(encoder, &out, record, NULL, NOW, &left_out),
                     ST_E_LIMIT);
}
END_TEST

static st_envelope_t *encode_transaction(const st_encoder_t *encoder,
                                         const st_record_t *record,
                                         const st_report_t *report)
{
    int left_out = -1;
    ck_assert_int_eq(
        st_encoder_transaction(encoder, &out, record, report, NOW, &left_out),
        APR_SUCCESS);
    ck_assert_int_eq(left_out, 0);
    return read_only();
}

START_TEST(a_transaction_has_an_envelope_with_its_id)
{
    const st_record_t *record = t_sample_record(t_pool, 1);
    st_envelope_t *envelope = encode_transaction(make_encoder(), record, NULL);
    char event_id[ST_EVENT_ID_HEX + 1] = "";
    st_transaction_event_id(event_id, record);
    ck_assert_str_eq(text_of(envelope->header, "event_id"), event_id);
    ck_assert_str_eq(text_of(envelope->header, "sent_at"), "2026-11-21T22:26:41.052Z");
    ck_assert_str_eq(text_of(dsc_of(envelope), "transaction"), T_SAMPLE_NAME);
    ck_assert_int_eq(envelope->item_count, 1);
    const st_envelope_item_t *item = &envelope->items[0];
    ck_assert_str_eq(item->type, "transaction");
    ck_assert_uint_eq((size_t)json_integer_value(json_object_get(item->header, "length")),
                      item->len);
    ck_assert_str_eq(text_of(item->json, "event_id"), event_id);
    ck_assert_str_eq(text_of(item->json, "release"), "shop@1.4.2");
    ck_assert_uint_eq(json_array_size(json_object_get(item->json, "spans")),
                      T_SAMPLE_SPAN_COUNT - 1);
}
END_TEST

START_TEST(a_report_rides_along_with_a_transaction_in_both_categories)
{
    st_report_t report = {0};
    report.quantity[ST_REASON_SAMPLE_RATE][ST_CATEGORY_SPAN] = 11;
    report.quantity[ST_REASON_SAMPLE_RATE][ST_CATEGORY_TRANSACTION] = 3;
    st_envelope_t *envelope =
        encode_transaction(make_encoder(), t_sample_record(t_pool, 1), &report);
    ck_assert_int_eq(envelope->item_count, 2);
    json_t *entries = json_object_get(envelope->items[1].json, "discarded_events");
    json_t *expected = json_pack("[{s:s,s:s,s:i},{s:s,s:s,s:i}]", "reason", "sample_rate",
                                 "category", "span", "quantity", 11, "reason",
                                 "sample_rate", "category", "transaction", "quantity", 3);
    ck_assert_int_eq(json_equal(entries, expected), 1);
    json_decref(expected);
}
END_TEST

START_TEST(a_full_buffer_refuses_transactions)
{
    const st_encoder_t *encoder = make_encoder();
    const st_record_t *record = t_sample_record(t_pool, 1);
    encode_transaction(encoder, record, NULL);
    size_t need = out.len;
    int left_out;
    for (size_t max = 0; max < need; max++) {
        st_buf_free(&out);
        st_buf_init(&out, max);
        ck_assert_int_eq(
            st_encoder_transaction(encoder, &out, record, NULL, NOW, &left_out),
            ST_E_LIMIT);
    }
    st_buf_free(&out);
    st_buf_init(&out, need);
    encode_transaction(encoder, record, NULL);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table[0])))

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, buf_setup, buf_teardown);
    tcase_add_test(tcase, the_header_says_when_where_and_who);
    tcase_add_loop_test(tcase, the_dsn_goes_out_without_its_secret, 0, COUNT(dsns));
    tcase_add_test(tcase, the_sampling_context_holds_nothing_but_strings);
    tcase_add_test(tcase, what_is_unknown_is_left_out_of_the_sampling_context);
    tcase_add_test(tcase, a_continued_trace_goes_out_with_the_context_it_came_with);
    tcase_add_loop_test(tcase, a_name_made_from_the_url_is_no_transaction, 0,
                        COUNT(sources));
    tcase_add_test(tcase, the_item_says_its_count_type_and_exact_length);
    tcase_add_test(tcase, records_of_one_trace_share_an_envelope);
    tcase_add_test(tcase, a_report_rides_along);
    tcase_add_test(tcase, the_longest_report_is_short_enough);
    tcase_add_test(tcase, an_empty_report_is_not_sent);
    tcase_add_test(tcase, a_report_travels_alone_without_a_trace);
    tcase_add_test(tcase, envelopes_follow_each_other_in_one_buffer);
    tcase_add_test(tcase, a_thousand_spans_fit_one_envelope);
    tcase_add_test(tcase, hostile_names_stay_inside_their_strings);
    tcase_add_test(tcase, a_full_buffer_refuses_at_every_length);
    tcase_add_test(tcase, a_transaction_has_an_envelope_with_its_id);
    tcase_add_test(tcase, a_report_rides_along_with_a_transaction_in_both_categories);
    tcase_add_test(tcase, a_full_buffer_refuses_transactions);
    tcase_add_test(tcase, a_destination_too_large_to_render_refuses_to_encode);
}

T_MAIN("encoder", add_cases)
