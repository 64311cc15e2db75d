/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_endpoint.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define NOW (1000 * ST_NS_PER_SEC)
#define DAY (86400 * ST_NS_PER_SEC)

static st_endpoint_t endpoint;
static char text[ST_ENDPOINT_ERROR_MAX];

static void setup(void)
{
    memset(&endpoint, 0, sizeof(endpoint));
    memset(text, 'x', sizeof(text));
}

START_TEST(each_limit_holds_until_its_instant)
{
    endpoint.limited_until[ST_LIMIT_SPAN] = NOW;
    ck_assert_int_eq(st_endpoint_is_limited(&endpoint, ST_LIMIT_SPAN, NOW - 1), 1);
    ck_assert_int_eq(st_endpoint_is_limited(&endpoint, ST_LIMIT_SPAN, NOW), 0);
    ck_assert_int_eq(st_endpoint_is_limited(&endpoint, ST_LIMIT_TRANSACTION, NOW - 1), 0);
    ck_assert_int_eq(st_endpoint_is_limited(&endpoint, ST_LIMIT_REPORT, NOW - 1), 0);
}
END_TEST

START_TEST(there_is_no_error_at_first)
{
    ck_assert_int_eq(st_endpoint_error_get(&endpoint, text), 0);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(the_last_error_is_remembered_with_its_time)
{
    st_endpoint_error_set(&endpoint, "a long first one that goes away", 5);
    st_endpoint_error_set(&endpoint, "timed out", 77);
    ck_assert_int_eq(st_endpoint_error_get(&endpoint, text), 77);
    ck_assert_str_eq(text, "timed out");
}
END_TEST

START_TEST(a_long_error_is_cut)
{
    char longer[ST_ENDPOINT_ERROR_MAX + 50];
    memset(longer, 'e', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    st_endpoint_error_set(&endpoint, longer, 1);
    ck_assert_int_eq(st_endpoint_error_get(&endpoint, text), 1);
    ck_assert_uint_eq(strlen(text), ST_ENDPOINT_ERROR_MAX - 1);
    ck_assert_int_eq(strncmp(text, longer, strlen(text)), 0);
}
END_TEST

START_TEST(an_error_keeps_printable_ascii_only)
{
    st_endpoint_error_set(&endpoint, " ~a\r\nX: \x1b[1m \x7f \xc3\xa4", 1);
    ck_assert_int_eq(st_endpoint_error_get(&endpoint, text), 1);
    ck_assert_str_eq(text, " ~a??X: ?[1m ? ??");
}
END_TEST

START_TEST(an_error_half_written_by_the_dead_is_none_until_the_next)
{
    st_endpoint_error_set(&endpoint, "whole", 3);
    endpoint.error_turn++;
    ck_assert_int_eq(st_endpoint_error_get(&endpoint, text), 0);
    ck_assert_str_eq(text, "");
    st_endpoint_error_set(&endpoint, "whole again", 4);
    ck_assert_int_eq(st_endpoint_error_get(&endpoint, text), 4);
    ck_assert_str_eq(text, "whole again");
}
END_TEST

#define ERRORS 20000

/* Error n is n times its letter, at n. */
static int error_length(int n)
{
    return n % (ST_ENDPOINT_ERROR_MAX - 1) + 1;
}

static void *set_errors(void *baton)
{
    _Atomic int *done = baton;
    char error[ST_ENDPOINT_ERROR_MAX];
    for (int n = 1; n <= ERRORS; n++) {
        memset(error, 'a' + n % 26, sizeof(error));
        error[error_length(n)] = '\0';
        st_endpoint_error_set(&endpoint, error, n);
    }
    atomic_store(done, 1);
    return NULL;
}

static int is_error(int n)
{
    return strlen(text) == (size_t)error_length(n) &&
           strspn(text, (char[]){(char)('a' + n % 26), '\0'}) == strlen(text);
}

START_TEST(a_reader_never_sees_parts_of_two_errors)
{
    _Atomic int done = 0;
    pthread_t thread;
    int seen = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, set_errors, &done), 0);
    while (!atomic_load(&done) || seen == 0) {
        st_ns_t wall = st_endpoint_error_get(&endpoint, text);
        t_assert(wall > 0 ? is_error((int)wall) : text[0] == '\0');
        seen += wall > 0;
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_gt(seen, 0);
}
END_TEST

static const struct {
    st_ns_t took;
    int bucket;
} latencies[] = {
    {0, 0},
    {ST_NS_PER_MS, 0},
    {ST_NS_PER_MS + 1, 1},
    {5 * ST_NS_PER_MS, 1},
    {7 * ST_NS_PER_MS, 2},
    {100 * ST_NS_PER_MS, 4},
    {30 * ST_NS_PER_SEC, 8},
    {30 * ST_NS_PER_SEC + 1, 9},
    {3600 * ST_NS_PER_SEC, 9},
};

START_TEST(each_answer_is_in_the_bucket_of_its_latency)
{
    st_endpoint_latency_add(&endpoint, latencies[_i].took);
    for (int i = 0; i < ST_ENDPOINT_LATENCY_BUCKETS; i++) {
        ck_assert_uint_eq(endpoint.latency[i], i == latencies[_i].bucket);
    }
}
END_TEST

START_TEST(latencies_have_a_sum_and_a_maximum)
{
    st_endpoint_latency_add(&endpoint, 3 * ST_NS_PER_MS);
    st_endpoint_latency_add(&endpoint, 9 * ST_NS_PER_MS);
    st_endpoint_latency_add(&endpoint, 1 * ST_NS_PER_MS);
    ck_assert_int_eq(endpoint.latency_sum, 13 * ST_NS_PER_MS);
    ck_assert_int_eq(endpoint.latency_max, 9 * ST_NS_PER_MS);
}
END_TEST

static void circuit_open(st_ns_t retry_at, st_ns_t failed_at)
{
    endpoint.circuit = ST_CIRCUIT_OPEN;
    endpoint.failures = 3;
    endpoint.retry_at = retry_at;
    endpoint.failed_at = failed_at;
}

START_TEST(instants_that_can_be_true_are_kept)
{
    endpoint.limited_until[ST_LIMIT_SPAN] = NOW + DAY;
    endpoint.limited_until[ST_LIMIT_REPORT] = NOW - 5;
    circuit_open(NOW + ST_ENDPOINT_RETRY_MAX, NOW);
    st_endpoint_clocks_check(&endpoint, NOW);
    ck_assert_int_eq(endpoint.limited_until[ST_LIMIT_SPAN], NOW + DAY);
    ck_assert_int_eq(endpoint.limited_until[ST_LIMIT_REPORT], NOW - 5);
    ck_assert_int_eq(endpoint.circuit, ST_CIRCUIT_OPEN);
    ck_assert_int_eq(endpoint.failures, 3);
    ck_assert_int_eq(endpoint.retry_at, NOW + ST_ENDPOINT_RETRY_MAX);
    ck_assert_int_eq(endpoint.failed_at, NOW);
}
END_TEST

START_TEST(a_limit_of_another_boot_is_forgotten)
{
    endpoint.limited_until[ST_LIMIT_SPAN] = NOW + DAY + 1;
    endpoint.limited_until[ST_LIMIT_TRANSACTION] = NOW + 1;
    st_endpoint_clocks_check(&endpoint, NOW);
    ck_assert_int_eq(endpoint.limited_until[ST_LIMIT_SPAN], 0);
    ck_assert_int_eq(endpoint.limited_until[ST_LIMIT_TRANSACTION], NOW + 1);
}
END_TEST

static const struct {
    st_ns_t retry_at;
    st_ns_t failed_at;
} boots[] = {
    {NOW + ST_ENDPOINT_RETRY_MAX + 1, NOW - 1},
    {NOW + 1, NOW + 1},
    {NOW + 40 * DAY, NOW + 40 * DAY},
};

START_TEST(a_circuit_of_another_boot_is_closed)
{
    circuit_open(boots[_i].retry_at, boots[_i].failed_at);
    st_endpoint_clocks_check(&endpoint, NOW);
    ck_assert_int_eq(endpoint.circuit, ST_CIRCUIT_CLOSED);
    ck_assert_int_eq(endpoint.failures, 0);
    ck_assert_int_eq(endpoint.retry_at, 0);
    ck_assert_int_eq(endpoint.failed_at, 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, each_limit_holds_until_its_instant);
    tcase_add_test(tc, there_is_no_error_at_first);
    tcase_add_test(tc, the_last_error_is_remembered_with_its_time);
    tcase_add_test(tc, a_long_error_is_cut);
    tcase_add_test(tc, an_error_keeps_printable_ascii_only);
    tcase_add_test(tc, an_error_half_written_by_the_dead_is_none_until_the_next);
    tcase_add_test(tc, a_reader_never_sees_parts_of_two_errors);
    tcase_add_loop_test(tc, each_answer_is_in_the_bucket_of_its_latency, 0,
                        COUNT(latencies));
    tcase_add_test(tc, latencies_have_a_sum_and_a_maximum);
    tcase_add_test(tc, instants_that_can_be_true_are_kept);
    tcase_add_test(tc, a_limit_of_another_boot_is_forgotten);
    tcase_add_loop_test(tc, a_circuit_of_another_boot_is_closed, 0, COUNT(boots));
}

T_MAIN("endpoint", add_cases)
