/* SPDX-License-Identifier: Apache-2.0 */
#include "../../lib/encode/trace_header.h"

#include <apr_strings.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "st_dsc.h"
#include "t.h"
#include "t_sample.h"

#define KEY   "e12d836b15bb49d7bbf99e64295d995b"
#define OTHER "00112233445566778899aabbccddeeff"

static const st_dsn_t dsn = {
    .kind = ST_DSN_HTTP, .public_key = KEY, .org_id = "1", .scheme = "https"};
static const st_dest_t dest = {
    .dsn = &dsn, .environment = "production", .release = "shop@1.4.2"};

static st_buf_t out;
static json_t *root;

static void buf_setup(void)
{
    st_buf_init(&out, 1024 * 1024);
    root = NULL;
}

static void buf_teardown(void)
{
    json_decref(root);
    st_buf_free(&out);
}

/* The `trace` object that is sent for the segment. */
static json_t *sent_for(const st_segment_t *seg, const st_dest_t *to)
{
    trace_header_t header;
    ck_assert_int_eq(trace_header_prepare(&header, to, t_pool), APR_SUCCESS);
    st_buf_clear(&out);
    st_buf_add_char(&out, '{');
    trace_header_add(&out, &header, t_sample_pack(t_pool, seg));
    st_buf_add_char(&out, '}');
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    json_error_t error;
    json_decref(root);
    root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(root != NULL, "%s in %.*s", error.text, (int)out.len, out.data);
    return json_object_get(root, "trace");
}

static json_t *sent_frozen(const char *dsc)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->dsc = dsc;
    return sent_for(seg, &dest);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

static const char *trace_id_of_sample(void)
{
    char *hex = apr_pcalloc(t_pool, ST_TRACE_ID_HEX + 1);
    st_trace_id_hex(hex, &t_sample_segment(t_pool, 1)->trace_id);
    return hex;
}

START_TEST(a_trace_that_begins_here_says_all_it_knows)
{
    json_t *trace = sent_for(t_sample_segment(t_pool, 1), &dest);
    ck_assert_str_eq(text_of(trace, "trace_id"), trace_id_of_sample());
    ck_assert_str_eq(text_of(trace, "public_key"), KEY);
    ck_assert_str_eq(text_of(trace, "sample_rate"), "0.25");
    ck_assert_str_eq(text_of(trace, "sample_rand"), "0.123456");
    ck_assert_str_eq(text_of(trace, "sampled"), "true");
    ck_assert_str_eq(text_of(trace, "release"), "shop@1.4.2");
    ck_assert_str_eq(text_of(trace, "environment"), "production");
    ck_assert_str_eq(text_of(trace, "org_id"), "1");
    ck_assert_str_eq(text_of(trace, "transaction"), T_SAMPLE_NAME);
    ck_assert_uint_eq(json_object_size(trace), 9);
}
END_TEST

START_TEST(a_configured_organisation_wins_over_the_dsn)
{
    st_dest_t other = dest;
    other.org_id = "99";
    json_t *trace = sent_for(t_sample_segment(t_pool, 1), &other);
    ck_assert_str_eq(text_of(trace, "org_id"), "99");
}
END_TEST

START_TEST(unknown_rates_are_left_out)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    seg->sample_rate = -1.0;
    seg->sample_rand = -1.0;
    json_t *trace = sent_for(seg, &dest);
    ck_assert_ptr_null(json_object_get(trace, "sample_rate"));
    ck_assert_ptr_null(json_object_get(trace, "sample_rand"));
    ck_assert_str_eq(text_of(trace, "sampled"), "true");
}
END_TEST

/* What was sent on in a header and what goes into the envelope is one context. */
START_TEST(a_frozen_context_of_our_own_says_the_same)
{
    st_segment_t *seg = t_sample_segment(t_pool, 1);
    json_t *unfrozen = json_incref(sent_for(seg, &dest));
    seg->dsc = st_dsc_make(&dest, seg, t_pool);
    json_t *frozen = sent_for(seg, &dest);
    ck_assert_int_eq(json_equal(frozen, unfrozen), 1);
    json_decref(unfrozen);
}
END_TEST

START_TEST(an_empty_context_becomes_the_least_that_sentry_takes)
{
    json_t *trace = sent_frozen("");
    ck_assert_str_eq(text_of(trace, "trace_id"), trace_id_of_sample());
    ck_assert_str_eq(text_of(trace, "public_key"), KEY);
    ck_assert_uint_eq(json_object_size(trace), 2);
}
END_TEST

START_TEST(a_received_context_is_not_filled_with_our_own)
{
    json_t *trace = sent_frozen("sentry-public_key=" OTHER
                                ",sentry-sampled=true,sentry-transaction=GET%20%2Fx");
    ck_assert_str_eq(text_of(trace, "public_key"), OTHER);
    ck_assert_str_eq(text_of(trace, "sampled"), "true");
    ck_assert_str_eq(text_of(trace, "transaction"), "GET /x");
    ck_assert_uint_eq(json_object_size(trace), 4);
}
END_TEST

START_TEST(trace_id_is_always_that_of_the_spans)
{
    json_t *trace = sent_frozen("sentry-trace_id=" OTHER ",sentry-public_key=" OTHER);
    ck_assert_str_eq(text_of(trace, "trace_id"), trace_id_of_sample());
    ck_assert_uint_eq(json_object_size(trace), 2);
}
END_TEST

static const struct {
    const char *key, *value, *sent; /* "-": left out */
} received[] = {
    {"public_key", KEY, KEY},
    {"public_key", OTHER, OTHER},
    {"public_key", "short", KEY},
    {"public_key", OTHER "0", KEY},
    {"public_key", "00112233445566778899aabbccddee%20f", KEY},
    {"public_key", "00112233445566778899aabbccdd%C3%A9%C3%A9", KEY},
    {"sample_rate", "0.5", "0.5"},
    {"sample_rate", "1", "1"},
    {"sample_rate", "0", "0"},
    {"sample_rate", "1.0", "1.0"},
    {"sample_rate", "1e-5", "1e-5"},
    {"sample_rate", "1E-05", "1E-05"},
    {"sample_rate", "0.123456789012345678901234567890",
     "0.123456789012345678901234567890"},
    {"sample_rate", "-0.5", "-"},
    {"sample_rate", "1.5", "-"},
    {"sample_rate", ".5", "-"},
    {"sample_rate", "1.", "-"},
    {"sample_rate", "+0.5", "-"},
    {"sample_rate", "00.5", "-"},
    {"sample_rate", "01", "-"},
    {"sample_rate", "0.5e", "-"},
    {"sample_rate", "0.5e+", "-"},
    {"sample_rate", "%200.5", "-"},
    {"sample_rate", "0.5%20", "-"},
    {"sample_rate", "NaN", "-"},
    {"sample_rate", "true", "-"},
    {"sample_rate", "1e999", "-"},
    {"sample_rand", "0.123456", "0.123456"},
    {"sample_rand", "0.12345678901234567", "0.12345678901234567"},
    {"sample_rand", "0", "0"},
    {"sample_rand", "1", "-"},
    {"sample_rand", "x", "-"},
    {"sampled", "true", "true"},
    {"sampled", "false", "false"},
    {"sampled", "True", "-"},
    {"sampled", "1", "-"},
    {"release", "a%40b%20%22c%22", "a@b \"c\""},
    {"release", "%0A%C3%A9", "\n\xC3\xA9"},
    {"release", "%zz", "-"},
    {"release", "%FF", "-"},
    {"release", "", "-"},
    {"environment", "x", "x"},
    {"transaction", "GET%20%2F", "GET /"},
    {"org_id", "123", "123"},
    {"org_id", "o123", "-"},
    {"replay_id", OTHER, OTHER},
    {"replay_id", "00112233-4455-6677-8899-AABBCCDDEEFF", OTHER},
    {"replay_id", "00000000000000000000000000000000", "-"},
    {"replay_id", "0011223344556677", "-"},
    {"replay_id", OTHER "00", "-"},
    {"replay_id", "undefined", "-"},
    {"user_id", "7", "7"},
    {"user_segment", "beta", "beta"},
    /* Sentry reads these as an object, and as another name of the transaction. */
    {"user", "x", "-"},
    {"segment_name", "x", "-"},
    {"whatever", "x", "-"},
    {"rele%61se", "x", "-"},
};

START_TEST(received_value_is_sent_only_in_a_form_that_sentry_reads)
{
    json_t *trace = sent_frozen(
        apr_pstrcat(t_pool, "sentry-", received[_i].key, "=", received[_i].value, NULL));
    ck_assert_str_eq(text_of(trace, received[_i].key), received[_i].sent);
    int is_sent = strcmp(received[_i].sent, "-") != 0 &&
                  strcmp(received[_i].key, "public_key") != 0;
    ck_assert_uint_eq(json_object_size(trace), 2 + (size_t)is_sent);
}
END_TEST

START_TEST(of_a_key_that_comes_twice_the_first_good_value_is_sent)
{
    json_t *trace = sent_frozen("sentry-release=,sentry-release=a,sentry-release=b,"
                                "sentry-sampled=x,sentry-sampled=false");
    ck_assert_str_eq(text_of(trace, "release"), "a");
    ck_assert_str_eq(text_of(trace, "sampled"), "false");
}
END_TEST

START_TEST(a_context_as_long_as_a_record_takes_is_sent)
{
    char *dsc = apr_palloc(t_pool, ST_RECORD_STRING_MAX + 1);
    memset(dsc, 'x', ST_RECORD_STRING_MAX);
    memcpy(dsc, "sentry-release=", 15);
    dsc[ST_RECORD_STRING_MAX] = '\0';
    json_t *trace = sent_frozen(dsc);
    ck_assert_str_eq(text_of(trace, "release"), dsc + 15);
}
END_TEST

START_TEST(a_destination_too_large_to_render_is_refused)
{
    trace_header_t header;
    st_dest_t large = dest;
    char *release = apr_palloc(t_pool, 1024 * 1024);
    memset(release, 'r', 1024 * 1024 - 1);
    release[1024 * 1024 - 1] = '\0';
    large.release = release;
    ck_assert_int_eq(trace_header_prepare(&header, &large, t_pool), ST_E_LIMIT);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, buf_setup, buf_teardown);
    tcase_add_test(tcase, a_trace_that_begins_here_says_all_it_knows);
    tcase_add_test(tcase, a_configured_organisation_wins_over_the_dsn);
    tcase_add_test(tcase, unknown_rates_are_left_out);
    tcase_add_test(tcase, a_frozen_context_of_our_own_says_the_same);
    tcase_add_test(tcase, an_empty_context_becomes_the_least_that_sentry_takes);
    tcase_add_test(tcase, a_received_context_is_not_filled_with_our_own);
    tcase_add_test(tcase, trace_id_is_always_that_of_the_spans);
    tcase_add_loop_test(tcase, received_value_is_sent_only_in_a_form_that_sentry_reads, 0,
                        COUNT(received));
    tcase_add_test(tcase, of_a_key_that_comes_twice_the_first_good_value_is_sent);
    tcase_add_test(tcase, a_context_as_long_as_a_record_takes_is_sent);
    tcase_add_test(tcase, a_destination_too_large_to_render_is_refused);
}

T_MAIN("trace_header", add_cases)
