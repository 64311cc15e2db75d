/* SPDX-License-Identifier: Apache-2.0 */
/* Overviews as "Key: value" lines. */
#include "t_overview_sample.h"

/* The value of the only line with this key; the test ends unless there is one. */
static const char *value_of(const char *text, const char *key)
{
    const char *start = apr_pstrcat(t_pool, key, ": ", NULL);
    const char *value = NULL;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        ck_assert_ptr_nonnull(strchr(line, '\n'));
        if (strncmp(line, start, strlen(start)) == 0) {
            ck_assert_msg(value == NULL, "%s is there twice", key);
            const char *from = line + strlen(start);
            value = apr_pstrmemdup(t_pool, from, strcspn(from, "\n"));
        }
    }
    ck_assert_msg(value != NULL, "no %s in\n%s", key, text);
    return value;
}

typedef struct line_case_t {
    const char *key;
    const char *value;
} line_case_t;

static void expect_lines(const char *text, const line_case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = value_of(text, cases[i].key);
        ck_assert_msg(strcmp(value, cases[i].value) == 0, "%s is %s", cases[i].key,
                      value);
    }
}

START_TEST(numbers_of_an_endpoint_are_there)
{
    static const line_case_t cases[] = {
        {"SentryTrace[0]DSN", "https://0123...@sentry.example/42"},
        {"SentryTrace[0]Environment[0]", "production"},
        {"SentryTrace[0]Release[0]", "shop@1.4.2"},
        {"SentryTrace[0]Release[1]", ""},
        {"SentryTrace[0]SpansCreated", "100"},
        {"SentryTrace[0]SpansDelivered", "80"},
        {"SentryTrace[0]SpansWaiting", "7"},
        {"SentryTrace[0]SpansDiscarded", "13"},
        {"SentryTrace[0]SpansDiscarded[queue_overflow]", "9"},
        {"SentryTrace[0]SpansDiscarded[sample_rate]", "4"},
        {"SentryTrace[0]WaitingBytes", "4096"},
        {"SentryTrace[0]LimitedSeconds[span]", "2.5"},
        {"SentryTrace[0]LimitedSeconds[transaction]", "0"},
        {"SentryTrace[0]CircuitState", "open"},
        {"SentryTrace[0]CircuitFailures", "3"},
        {"SentryTrace[0]CircuitRetrySeconds", "1.25"},
        {"SentryTrace[0]LastErrorAgeSeconds", "90"},
        {"SentryTrace[0]Requests", "21"},
        {"SentryTrace[0]Answers", "20"},
        {"SentryTrace[0]Repeated", "2"},
        {"SentryTrace[0]Bytes", "123456"},
        {"SentryTrace[0]InFlight", "1"},
        {"SentryTrace[0]LatencyCount", "20"},
        {"SentryTrace[0]LatencyMeanSeconds", "2"},
        {"SentryTrace[0]LatencyMaxSeconds", "31"},
        {"SentryTrace[1]SpansCreated", "6"},
        {"SentryTrace[1]TransactionsCreated", "2"},
        {"SentryTrace[1]TransactionsWaiting", "1"},
    };
    const char *text = t_written(st_overview_auto, &t_overview);
    expect_lines(text, cases, sizeof(cases) / sizeof(*cases));
    ck_assert_ptr_null(strstr(text, "[0]Transactions"));
    ck_assert_ptr_null(strstr(text, "[1]LastError"));
}
END_TEST

START_TEST(numbers_of_the_server_are_there)
{
    static const line_case_t cases[] = {
        {"SentryTraceEnabled", "1"},
        {"SentryTraceMoving", "0"},
        {"SentryTraceGeneration", "5"},
        {"SentryTraceQueueStorage", "file"},
        {"SentryTraceQueueCapacityBytes", "8388608"},
        {"SentryTraceQueueUsedBytes", "4500"},
        {"SentryTraceQueueHoles", "2"},
        {"SentryTraceQueueHoleBytes", "1536"},
        {"SentryTraceOpenRequests", "3"},
        {"SentryTraceOpenRequestsLimit", "400"},
        {"SentryTraceSenderPID", "4711"},
        {"SentryTraceSenderBeatAgeSeconds", "0.12"},
        {"SentryTraceSenderChanges", "6"},
        {"SentryTraceSenderGapMaxSeconds", "0.9"},
        {"SentryTraceEndpoints", "2"},
    };
    expect_lines(t_written(st_overview_auto, &t_overview), cases,
                 sizeof(cases) / sizeof(*cases));
}
END_TEST

START_TEST(hostile_texts_stay_on_their_line)
{
    static const char hostile[] = "</td><script>\"&'\\x #evil{} 1   \xEF\xBF\xBD\xc3\xa9";
    const char *text = t_written(st_overview_auto, &t_overview);
    ck_assert_str_eq(value_of(text, "SentryTrace[0]Environment[1]"), hostile);
    ck_assert_str_eq(value_of(text, "SentryTrace[0]LastError"), hostile);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        ck_assert_int_eq(strncmp(line, "SentryTrace", 11), 0);
    }
}
END_TEST

START_TEST(process_that_does_not_trace_says_so)
{
    const char *text = t_written(st_overview_auto, &t_overview_none);
    ck_assert_str_eq(value_of(text, "SentryTraceEnabled"), "0");
    ck_assert_ptr_null(strstr(text, "SentryTraceQueue"));
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, numbers_of_an_endpoint_are_there);
    tcase_add_test(tcase, numbers_of_the_server_are_there);
    tcase_add_test(tcase, hostile_texts_stay_on_their_line);
    tcase_add_test(tcase, process_that_does_not_trace_says_so);
}

T_MAIN("overview_auto", add_cases)
