/* SPDX-License-Identifier: Apache-2.0 */
/* Overviews as JSON, against another implementation's reader. */
#include "t_overview_sample.h"
#include <jansson.h>

static json_t *root;

static void root_free(void)
{
    json_decref(root);
    root = NULL;
}

static void read_back(const st_overview_t *overview)
{
    const char *text = t_written(st_overview_json, overview);
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    json_error_t error;
    root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(root != NULL, "%s in %s", error.text, text);
}

/* The member at a path like "endpoints/0/dsn". */
static const json_t *member(const char *path)
{
    const json_t *json = root;
    char *state = NULL;
    char *rest = apr_pstrdup(t_pool, path);
    for (char *key = apr_strtok(rest, "/", &state); key != NULL;
         key = apr_strtok(NULL, "/", &state)) {
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(key))
                                   : json_object_get(json, key);
    }
    return json;
}

typedef struct number_case_t {
    const char *path;
    double value;
} number_case_t;

static void expect_numbers(const number_case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *json = member(cases[i].path);
        ck_assert_msg(json_is_number(json), "no number %s", cases[i].path);
        double value = json_number_value(json);
        ck_assert_msg(value == cases[i].value, "%s is %f", cases[i].path, value);
    }
}

static void expect_text(const char *path, const char *text)
{
    ck_assert_msg(json_is_string(member(path)), "no string %s", path);
    ck_assert_str_eq(json_string_value(member(path)), text);
}

START_TEST(numbers_of_an_endpoint_are_there)
{
    static const number_case_t cases[] = {
        {"endpoints/0/categories/span/created", 100},
        {"endpoints/0/categories/span/delivered", 80},
        {"endpoints/0/categories/span/waiting", 7},
        {"endpoints/0/categories/span/discarded/queue_overflow", 9},
        {"endpoints/0/categories/span/discarded/sample_rate", 4},
        {"endpoints/0/categories/span/discarded/send_error", 0},
        {"endpoints/0/waiting_bytes", 4096},
        {"endpoints/0/limited_seconds/span", 2.5},
        {"endpoints/0/limited_seconds/report", 0},
        {"endpoints/0/circuit/failures", 3},
        {"endpoints/0/circuit/retry_seconds", 1.25},
        {"endpoints/0/last_error/age_seconds", 90},
        {"endpoints/0/requests", 21},
        {"endpoints/0/answers", 20},
        {"endpoints/0/repeated", 2},
        {"endpoints/0/bytes", 123456},
        {"endpoints/0/in_flight", 1},
        {"endpoints/0/latency/count", 20},
        {"endpoints/0/latency/sum_seconds", 40},
        {"endpoints/0/latency/mean_seconds", 2},
        {"endpoints/0/latency/max_seconds", 31},
        {"endpoints/0/latency/buckets/0/up_to_seconds", 0.001},
        {"endpoints/0/latency/buckets/7/up_to_seconds", 5},
        {"endpoints/0/latency/buckets/7/count", 4},
        {"endpoints/0/latency/buckets/9/count", 1},
    };
    read_back(&t_overview);
    expect_numbers(cases, sizeof(cases) / sizeof(*cases));
    expect_text("endpoints/0/dsn", "https://0123...@sentry.example/42");
    expect_text("endpoints/0/circuit/state", "open");
    expect_text("endpoints/0/last_error/time", "2026-11-21T22:26:40.000Z");
    ck_assert(json_is_null(member("endpoints/0/latency/buckets/9/up_to_seconds")));
    ck_assert(json_is_null(member("endpoints/1/last_error")));
}
END_TEST

START_TEST(numbers_of_the_server_are_there)
{
    static const number_case_t cases[] = {
        {"server/generation", 5},           {"server/queue/bytes", 9000000},
        {"server/queue/capacity", 8388608}, {"server/queue/used", 4500},
        {"server/queue/holes", 2},          {"server/queue/hole_bytes", 1536},
        {"server/sender/pid", 4711},        {"server/sender/beat_age_seconds", 0.12},
        {"server/sender/changes", 6},       {"server/sender/gap_max_seconds", 0.9},
        {"server/open_requests/used", 3},   {"server/open_requests/slots", 400},
    };
    read_back(&t_overview);
    expect_numbers(cases, sizeof(cases) / sizeof(*cases));
    expect_text("server/queue/storage", "file");
    expect_text("time", "2026-11-21T22:28:10.000Z");
    ck_assert(json_is_true(member("traced")));
    ck_assert(json_is_false(member("moving")));
}
END_TEST

START_TEST(hostile_texts_come_back_as_they_were)
{
    static const char hostile[] =
        "</td><script>\"&'\\x\n#evil{} 1\r\x01 \xEF\xBF\xBD\xc3\xa9";
    read_back(&t_overview);
    expect_text("endpoints/0/destinations/0/environment", "production");
    expect_text("endpoints/0/destinations/0/release", "shop@1.4.2");
    expect_text("endpoints/0/destinations/1/environment", hostile);
    ck_assert(json_is_null(member("endpoints/0/destinations/1/release")));
    expect_text("endpoints/0/last_error/text", hostile);
}
END_TEST

START_TEST(transactions_are_there_once_there_was_one)
{
    read_back(&t_overview);
    ck_assert_ptr_null(member("endpoints/0/categories/transaction"));
    ck_assert_int_eq(
        json_integer_value(member("endpoints/1/categories/transaction/waiting")), 1);
}
END_TEST

START_TEST(server_without_a_sender_names_none)
{
    st_overview_t overview = t_overview;
    overview.sender = 0;
    overview.moving = 1;
    overview.is_file = 0;
    read_back(&overview);
    ck_assert(json_is_null(member("server/sender/pid")));
    ck_assert(json_is_null(member("server/sender/beat_age_seconds")));
    ck_assert(json_is_true(member("moving")));
    expect_text("server/queue/storage", "memory");
}
END_TEST

START_TEST(process_that_does_not_trace_says_so)
{
    read_back(&t_overview_none);
    ck_assert(json_is_false(member("traced")));
    ck_assert(json_is_null(member("server")));
    ck_assert_uint_eq(json_array_size(member("endpoints")), 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, NULL, root_free);
    tcase_add_test(tcase, numbers_of_an_endpoint_are_there);
    tcase_add_test(tcase, numbers_of_the_server_are_there);
    tcase_add_test(tcase, hostile_texts_come_back_as_they_were);
    tcase_add_test(tcase, transactions_are_there_once_there_was_one);
    tcase_add_test(tcase, server_without_a_sender_names_none);
    tcase_add_test(tcase, process_that_does_not_trace_says_so);
}

T_MAIN("overview_json", add_cases)
