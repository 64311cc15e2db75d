/* SPDX-License-Identifier: Apache-2.0 */
/* Overviews as metrics. */
#include "t_overview_sample.h"
#include "t_prometheus.h"

#define DSN "https://0123...@sentry.example/42"

static const t_prom_t *read_back(const st_overview_t *overview)
{
    const t_prom_t *prom =
        t_prom_read(t_written(st_overview_prometheus, overview), t_pool);
    ck_assert_msg(prom->why == NULL, "%s", prom->why);
    return prom;
}

/* The value of a series of the first endpoint. */
#define of_first(prom, name, ...)                                                        \
    t_prom_number(prom, "sentry_trace_" name, "dsn", DSN, __VA_ARGS__)

START_TEST(numbers_of_an_endpoint_are_there)
{
    const t_prom_t *prom = read_back(&t_overview);
    ck_assert(of_first(prom, "spans_created_total", "category", "span") == 100);
    ck_assert(of_first(prom, "spans_delivered_total", "category", "span") == 80);
    ck_assert(of_first(prom, "spans_waiting", "category", "span") == 7);
    ck_assert(of_first(prom, "spans_discarded_total", "reason", "queue_overflow") == 9);
    ck_assert(of_first(prom, "spans_discarded_total", "reason", "sample_rate") == 4);
    ck_assert(of_first(prom, "spans_discarded_total", "reason", "send_error") == 0);
    ck_assert(of_first(prom, "limited_seconds", "limit", "span") == 2.5);
    ck_assert(of_first(prom, "limited_seconds", "limit", "report") == 0);
    ck_assert(of_first(prom, "circuit_state", "state", "open") == 1);
    ck_assert(of_first(prom, "circuit_state", "state", "closed") == 0);
}
END_TEST

START_TEST(traffic_of_an_endpoint_is_there)
{
    static const struct {
        const char *name;
        double value;
    } expected[] = {
        {"sentry_trace_waiting_bytes", 4096},
        {"sentry_trace_circuit_failures", 3},
        {"sentry_trace_circuit_retry_seconds", 1.25},
        {"sentry_trace_requests_total", 21},
        {"sentry_trace_answers_total", 20},
        {"sentry_trace_requests_repeated_total", 2},
        {"sentry_trace_request_bytes_total", 123456},
        {"sentry_trace_requests_in_flight", 1},
        {"sentry_trace_answer_max_seconds", 31},
        {"sentry_trace_last_error_timestamp_seconds", 1795300000},
    };
    const t_prom_t *prom = read_back(&t_overview);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        double value = t_prom_number(prom, expected[i].name, "dsn", DSN);
        ck_assert_msg(value == expected[i].value, "%s is %f", expected[i].name, value);
    }
}
END_TEST

START_TEST(numbers_of_the_server_are_there)
{
    static const struct {
        const char *name;
        double value;
    } expected[] = {
        {"sentry_trace_enabled", 1},
        {"sentry_trace_moving", 0},
        {"sentry_trace_generation", 5},
        {"sentry_trace_queue_capacity_bytes", 8388608},
        {"sentry_trace_queue_used_bytes", 4500},
        {"sentry_trace_queue_holes_total", 2},
        {"sentry_trace_queue_hole_bytes_total", 1536},
        {"sentry_trace_open_requests", 3},
        {"sentry_trace_open_requests_limit", 400},
        {"sentry_trace_sender_running", 1},
        {"sentry_trace_sender_beat_age_seconds", 0.12},
        {"sentry_trace_sender_changes_total", 6},
        {"sentry_trace_sender_gap_max_seconds", 0.9},
    };
    const t_prom_t *prom = read_back(&t_overview);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        double value = t_prom_number(prom, expected[i].name);
        ck_assert_msg(value == expected[i].value, "%s is %f", expected[i].name, value);
    }
    ck_assert(t_prom_number(prom, "sentry_trace_queue_info", "storage", "file") == 1);
}
END_TEST

START_TEST(histogram_counts_what_smaller_buckets_do)
{
    static const struct {
        const char *le;
        double count;
    } buckets[] = {
        {"0.001", 1}, {"0.005", 3}, {"0.01", 6}, {"0.05", 10}, {"0.1", 15},
        {"0.5", 15},  {"1", 15},    {"5", 19},   {"30", 19},   {"+Inf", 20},
    };
    const t_prom_t *prom = read_back(&t_overview);
    for (size_t i = 0; i < sizeof(buckets) / sizeof(*buckets); i++) {
        double count = of_first(prom, "answer_seconds_bucket", "le", buckets[i].le);
        ck_assert_msg(count == buckets[i].count, "%s: %f", buckets[i].le, count);
    }
    ck_assert(t_prom_number(prom, "sentry_trace_answer_seconds_sum", "dsn", DSN) == 40);
    ck_assert(t_prom_number(prom, "sentry_trace_answer_seconds_count", "dsn", DSN) == 20);
}
END_TEST

START_TEST(hostile_texts_come_back_as_they_were)
{
    const t_prom_t *prom = read_back(&t_overview);
    const t_prom_sample_t *info =
        t_prom_find(prom, "sentry_trace_destination_info", "release", "", NULL);
    ck_assert_ptr_nonnull(info);
    ck_assert_str_eq(info->labels[1][0], "environment");
    ck_assert_str_eq(info->labels[1][1],
                     "</td><script>\"&'\\x\n#evil{} 1\r\x01 \xEF\xBF\xBD\xc3\xa9");
    ck_assert(t_prom_number(prom, "sentry_trace_destination_info", "release",
                            "shop@1.4.2") == 1);
}
END_TEST

START_TEST(transactions_are_there_once_there_was_one)
{
    const t_prom_t *prom = read_back(&t_overview);
    const t_prom_sample_t *sample = t_prom_find(prom, "sentry_trace_spans_created_total",
                                                "category", "transaction", NULL);
    ck_assert_ptr_nonnull(sample);
    ck_assert(sample->value == 2);
    ck_assert_ptr_null(t_prom_find(prom, "sentry_trace_spans_created_total", "dsn", DSN,
                                   "category", "transaction", NULL));
}
END_TEST

START_TEST(server_without_a_sender_has_no_beat)
{
    st_overview_t overview = t_overview;
    overview.sender = 0;
    const t_prom_t *prom = read_back(&overview);
    ck_assert(t_prom_number(prom, "sentry_trace_sender_running") == 0);
    ck_assert_ptr_null(t_prom_find(prom, "sentry_trace_sender_beat_age_seconds", NULL));
}
END_TEST

START_TEST(process_that_does_not_trace_says_so)
{
    const t_prom_t *prom = read_back(&t_overview_none);
    ck_assert(t_prom_number(prom, "sentry_trace_enabled") == 0);
    ck_assert_int_eq(prom->samples->nelts, 2);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, numbers_of_an_endpoint_are_there);
    tcase_add_test(tcase, traffic_of_an_endpoint_is_there);
    tcase_add_test(tcase, numbers_of_the_server_are_there);
    tcase_add_test(tcase, histogram_counts_what_smaller_buckets_do);
    tcase_add_test(tcase, hostile_texts_come_back_as_they_were);
    tcase_add_test(tcase, transactions_are_there_once_there_was_one);
    tcase_add_test(tcase, server_without_a_sender_has_no_beat);
    tcase_add_test(tcase, process_that_does_not_trace_says_so);
}

T_MAIN("overview_prometheus", add_cases)
