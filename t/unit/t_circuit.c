/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_circuit.h"

#include <string.h>

#define SEC ST_NS_PER_SEC
#define T0  (5000 * SEC)

static st_endpoint_t endpoint;
static st_rng_t rng;

static void setup(void)
{
    memset(&endpoint, 0, sizeof(endpoint));
    rng = (st_rng_t){.state = 7};
}

/* One envelope that goes out at `sent` and fails. @return the time until the next probe */
static st_ns_t lose(st_ns_t sent, st_ns_t failed)
{
    st_circuit_sent(&endpoint);
    st_circuit_failed(&endpoint, sent, failed, &rng);
    return st_circuit_due(&endpoint) - failed;
}

START_TEST(a_closed_circuit_allows_anything)
{
    ck_assert_int_eq(st_circuit_allows(&endpoint, T0), -1);
    ck_assert_int_eq(st_circuit_due(&endpoint), 0);
    st_circuit_sent(&endpoint);
    ck_assert_int_eq(st_circuit_allows(&endpoint, T0), -1);
    st_circuit_answered(&endpoint);
    ck_assert_int_eq(st_circuit_allows(&endpoint, T0), -1);
    ck_assert_int_eq(endpoint.circuit, ST_CIRCUIT_CLOSED);
}
END_TEST

START_TEST(a_failure_opens_it_until_the_probe_is_due)
{
    st_ns_t delay = lose(T0, T0 + SEC);
    st_ns_t due = T0 + SEC + delay;
    ck_assert_int_eq(endpoint.circuit, ST_CIRCUIT_OPEN);
    ck_assert_int_eq(endpoint.failures, 1);
    ck_assert_int_eq(endpoint.failed_at, T0 + SEC);
    ck_assert_int_eq(st_circuit_due(&endpoint), due);
    ck_assert_int_eq(st_circuit_allows(&endpoint, T0 + SEC), 0);
    ck_assert_int_eq(st_circuit_allows(&endpoint, due - 1), 0);
    ck_assert_int_eq(st_circuit_allows(&endpoint, due), 1);
}
END_TEST

START_TEST(one_probe_is_under_way_at_a_time)
{
    st_ns_t due = T0 + lose(T0 - 1, T0);
    st_circuit_sent(&endpoint);
    ck_assert_int_eq(endpoint.circuit, ST_CIRCUIT_PROBING);
    ck_assert_int_eq(st_circuit_allows(&endpoint, due), 0);
    ck_assert_int_eq(st_circuit_allows(&endpoint, due + 3600 * SEC), 0);
    ck_assert_int_eq(st_circuit_due(&endpoint), INT64_MAX);
}
END_TEST

START_TEST(an_answer_closes_it_and_forgets_the_failures)
{
    lose(T0 - 1, T0);
    lose(T0 + 3 * SEC, T0 + 4 * SEC);
    ck_assert_int_eq(endpoint.failures, 2);
    st_circuit_sent(&endpoint);
    st_circuit_answered(&endpoint);
    ck_assert_int_eq(endpoint.circuit, ST_CIRCUIT_CLOSED);
    ck_assert_int_eq(endpoint.failures, 0);
    ck_assert_int_eq(st_circuit_allows(&endpoint, T0 + 5 * SEC), -1);
    ck_assert_int_eq(endpoint.failed_at, T0 + 4 * SEC);
    st_ns_t delay = lose(T0 + 6 * SEC, T0 + 7 * SEC);
    ck_assert_int_le(delay, 2 * SEC);
}
END_TEST

START_TEST(a_late_answer_of_an_older_envelope_closes_it_too)
{
    lose(T0 - 1, T0);
    st_circuit_answered(&endpoint);
    ck_assert_int_eq(st_circuit_allows(&endpoint, T0), -1);
}
END_TEST

/* Least delay after 1, 2, ... failures; the most is twice that. */
static const st_ns_t least[] = {1, 2, 4, 8, 16, 30, 30, 30};

START_TEST(the_delay_doubles_up_to_a_minute)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        setup();
        rng.state = seed;
        st_ns_t now = T0;
        for (size_t i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
            st_ns_t delay = lose(now, now + 1);
            t_assert(delay >= least[i] * SEC);
            t_assert(delay <= 2 * least[i] * SEC);
            t_assert(delay >= ST_CIRCUIT_DELAY_MIN && delay <= ST_CIRCUIT_DELAY_MAX);
            now += 1 + delay;
        }
    }
}
END_TEST

START_TEST(the_delay_stays_in_range_after_very_many_failures)
{
    lose(T0 - 1, T0);
    endpoint.failures = INT32_MAX - 1;
    st_ns_t delay = lose(T0 + 1, T0 + 2);
    ck_assert_int_ge(delay, 30 * SEC);
    ck_assert_int_le(delay, ST_CIRCUIT_DELAY_MAX);
    ck_assert_int_eq(endpoint.failures, INT32_MAX);
    delay = lose(T0 + 3, T0 + 4);
    ck_assert_int_ge(delay, 30 * SEC);
    ck_assert_int_eq(endpoint.failures, INT32_MAX);
}
END_TEST

START_TEST(the_delay_differs_between_servers)
{
    st_ns_t first = lose(T0 - 1, T0);
    setup();
    ck_assert_int_eq(lose(T0 - 1, T0), first);
    setup();
    rng.state = 8;
    ck_assert_int_ne(lose(T0 - 1, T0), first);
}
END_TEST

START_TEST(failures_of_envelopes_that_were_under_way_together_count_once)
{
    lose(T0, T0 + 10);
    st_ns_t due = st_circuit_due(&endpoint);
    for (int i = 1; i < 8; i++) {
        st_circuit_failed(&endpoint, T0 + i, T0 + 10 + i, &rng);
    }
    st_circuit_failed(&endpoint, T0 + 10, T0 + 20, &rng);
    ck_assert_int_eq(endpoint.failures, 1);
    ck_assert_int_eq(st_circuit_due(&endpoint), due);
    ck_assert_int_eq(endpoint.failed_at, T0 + 10);
}
END_TEST

START_TEST(an_older_failure_does_not_end_the_probe)
{
    st_ns_t due = T0 + 10 + lose(T0, T0 + 10);
    st_circuit_sent(&endpoint);
    st_circuit_failed(&endpoint, T0 + 5, due + 20 * SEC, &rng);
    ck_assert_int_eq(endpoint.circuit, ST_CIRCUIT_PROBING);
    ck_assert_int_eq(endpoint.failures, 1);
    st_circuit_failed(&endpoint, due, due + 30 * SEC, &rng);
    ck_assert_int_eq(endpoint.circuit, ST_CIRCUIT_OPEN);
    ck_assert_int_eq(endpoint.failures, 2);
}
END_TEST

START_TEST(an_older_failure_does_not_open_what_an_answer_has_closed)
{
    lose(T0, T0 + 10);
    st_circuit_answered(&endpoint);
    st_circuit_failed(&endpoint, T0 + 1, T0 + 30, &rng);
    ck_assert_int_eq(endpoint.circuit, ST_CIRCUIT_CLOSED);
    ck_assert_int_eq(endpoint.failures, 0);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, a_closed_circuit_allows_anything);
    tcase_add_test(tc, a_failure_opens_it_until_the_probe_is_due);
    tcase_add_test(tc, one_probe_is_under_way_at_a_time);
    tcase_add_test(tc, an_answer_closes_it_and_forgets_the_failures);
    tcase_add_test(tc, a_late_answer_of_an_older_envelope_closes_it_too);
    tcase_add_test(tc, the_delay_doubles_up_to_a_minute);
    tcase_add_test(tc, the_delay_stays_in_range_after_very_many_failures);
    tcase_add_test(tc, the_delay_differs_between_servers);
    tcase_add_test(tc, failures_of_envelopes_that_were_under_way_together_count_once);
    tcase_add_test(tc, an_older_failure_does_not_end_the_probe);
    tcase_add_test(tc, an_older_failure_does_not_open_what_an_answer_has_closed);
}

T_MAIN("circuit", add_cases)
