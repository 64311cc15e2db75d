/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes as request, user, tags and response of an event. */
#include "../../lib/encode/transaction_facts.h"

#include "st_attr_named.h"
#include "t.h"
#include "t_sample.h"
#include <apr_strings.h>
#include <string.h>

#define TEXT_MAX 20

static st_segment_t *seg;

static void segment_setup(void)
{
    seg = st_segment_open(t_pool, (st_rng_t){.state = 1}, T_SAMPLE_WALL, 1, 10);
}

static const st_facts_t *facts_of(void)
{
    st_record_span_t segment;
    st_segment_close(seg, 2);
    const st_record_t *record = t_sample_pack(t_pool, seg);
    st_facts_t *facts = apr_palloc(t_pool, sizeof(*facts));
    st_record_span(record, 0, &segment);
    st_facts_read(facts, record, &segment);
    return facts;
}

/* What all four add together, in a buffer that holds a key already. */
static const char *written(const st_facts_t *facts)
{
    st_buf_t out;
    st_buf_init(&out, 64 * 1024);
    st_buf_add_lit(&out, "{\"a\":1");
    st_facts_request_add(&out, facts, TEXT_MAX);
    st_facts_user_add(&out, facts, TEXT_MAX);
    st_facts_tags_add(&out, facts);
    st_facts_response_add(&out, facts);
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    const char *text = apr_pstrmemdup(t_pool, out.data, out.len);
    st_buf_free(&out);
    return text;
}

START_TEST(nothing_known_is_nothing_said)
{
    ck_assert_str_eq(written(facts_of()), "{\"a\":1");
}
END_TEST

START_TEST(each_fact_has_its_place)
{
    st_segment_attr_str(seg, ST_ATTR_HTTP_REQUEST_METHOD, "GET");
    st_segment_attr_str(seg, ST_ATTR_URL_FULL, "http://h/a?b=1");
    st_segment_attr_str(seg, ST_ATTR_URL_QUERY, "b=1");
    st_segment_attr_str(seg, ST_ATTR_USER_AGENT_ORIGINAL, "curl/8");
    st_segment_attr_str(seg, ST_ATTR_SERVER_ADDRESS, "h");
    st_segment_attr_int(seg, ST_ATTR_SERVER_PORT, 8080);
    st_segment_attr_str(seg, ST_ATTR_CLIENT_ADDRESS, "192.0.2.1");
    st_segment_attr_str(seg, ST_ATTR_USER_NAME, "alice");
    st_segment_attr_str(seg, ST_ATTR_USER_IP_ADDRESS, "192.0.2.7");
    st_segment_attr_int(seg, ST_ATTR_HTTP_RESPONSE_STATUS_CODE, 404);
    st_segment_attr_int(seg, ST_ATTR_HTTP_RESPONSE_BODY_SIZE, 0);
    ck_assert_str_eq(
        written(facts_of()),
        "{\"a\":1,\"request\":{\"method\":\"GET\",\"url\":\"http://h/a\","
        "\"query_string\":\"b=1\",\"headers\":{\"User-Agent\":\"curl/8\"},"
        "\"env\":{\"SERVER_NAME\":\"h\",\"SERVER_PORT\":\"8080\","
        "\"REMOTE_ADDR\":\"192.0.2.1\"}},"
        "\"user\":{\"username\":\"alice\",\"ip_address\":\"192.0.2.7\"},"
        "\"tags\":{\"http.status_code\":\"404\"},"
        "\"response\":{\"type\":\"response\",\"status_code\":404,\"body_size\":0}");
}
END_TEST

START_TEST(a_response_without_a_size_says_none)
{
    st_segment_attr_int(seg, ST_ATTR_HTTP_RESPONSE_STATUS_CODE, 200);
    ck_assert_str_eq(written(facts_of()),
                     "{\"a\":1,\"tags\":{\"http.status_code\":\"200\"},"
                     "\"response\":{\"type\":\"response\",\"status_code\":200}");
}
END_TEST

START_TEST(texts_are_cut)
{
    st_segment_attr_str(seg, ST_ATTR_URL_QUERY, "0123456789012345678\xC3\xA4x");
    ck_assert_str_eq(written(facts_of()),
                     "{\"a\":1,\"request\":{\"query_string\":\"0123456789012345678\"}");
}
END_TEST

START_TEST(of_a_key_that_comes_twice_the_first_counts)
{
    st_segment_attr_str(seg, ST_ATTR_USER_NAME, "alice");
    st_segment_attr_str(seg, ST_ATTR_USER_NAME, "bob");
    const st_facts_t *facts = facts_of();
    st_str_t name = st_facts_text(facts, ST_ATTR_USER_NAME);
    ck_assert_uint_eq(name.len, 5);
    ck_assert_int_eq(memcmp(name.ptr, "alice", 5), 0);
    ck_assert_uint_eq(st_facts_text(facts, ST_ATTR_URL_FULL).len, 0);
}
END_TEST

static const struct {
    const char *url;
    const char *without;
} urls[] = {
    {"http://h/a?b=1", "http://h/a"},
    {"http://h/a#b?c", "http://h/a"},
    {"http://h/a", "http://h/a"},
    {"?", ""},
    {"", ""},
};

START_TEST(a_url_ends_where_its_query_begins)
{
    st_str_t without = url_without_query(st_str(urls[_i].url));
    ck_assert_str_eq(apr_pstrmemdup(t_pool, without.ptr, without.len), urls[_i].without);
}
END_TEST

static void header_add(const char *name, const char *value)
{
    const st_str_t text = st_str(value);
    st_segment_attr_named(seg, ST_ATTR_REQUEST_HEADER,
                          st_attr_named_strings(st_str(name), &text, 1, t_pool));
}

START_TEST(collected_headers_and_cookies_are_part_of_the_request)
{
    st_segment_attr_str(seg, ST_ATTR_USER_AGENT_ORIGINAL, "te");
    header_add("host", "a.example");
    header_add("cookie", "theme=dark");
    header_add("user-agent", "te");
    ck_assert_str_eq(written(facts_of()),
                     "{\"a\":1,\"request\":{\"headers\":{\"host\":\"a.example\","
                     "\"user-agent\":\"te\"},\"cookies\":{\"theme\":\"dark\"}}");
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, segment_setup, NULL);
    tcase_add_test(tcase, nothing_known_is_nothing_said);
    tcase_add_test(tcase, each_fact_has_its_place);
    tcase_add_test(tcase, a_response_without_a_size_says_none);
    tcase_add_test(tcase, texts_are_cut);
    tcase_add_test(tcase, of_a_key_that_comes_twice_the_first_counts);
    tcase_add_loop_test(tcase, a_url_ends_where_its_query_begins, 0,
                        (int)(sizeof(urls) / sizeof(urls[0])));
    tcase_add_test(tcase, collected_headers_and_cookies_are_part_of_the_request);
}

T_MAIN("transaction_facts", add_cases)
