/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_continue.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include "st_dsc.h"
#include "st_sampling.h"

#define TRACE "771a43a4192642f0b136d5159a501700"
#define SPAN  "1e2f3a4b5c6d7e8f"

static st_continue_t decide(const char *sentry_trace, const char *baggage)
{
    st_continue_t decision;
    st_continue_decide(&decision, sentry_trace, baggage, NULL, 0, t_pool);
    return decision;
}

static const struct {
    const char *incoming, *own; /* NULL: none */
    int usual, strict;
} orgs[] = {{"7", "7", 1, 1},   {NULL, NULL, 1, 1}, {"7", "8", 0, 0},  {"7", NULL, 1, 0},
            {NULL, "7", 1, 0},  {NULL, "", 1, 1},   {"7", "", 1, 0},   {"7", "77", 0, 0},
            {"07", "7", 0, 0},  {"%37", "7", 1, 1}, {"x", NULL, 1, 0}, {"%zz", "7", 1, 0},
            {"%zz", NULL, 1, 1}};

START_TEST(organisations_decide_whether_the_trace_continues)
{
    const char *baggage =
        orgs[_i].incoming == NULL
            ? "v=1"
            : apr_pstrcat(t_pool, "v=1,sentry-org_id=", orgs[_i].incoming, NULL);
    for (int strict = 0; strict < 2; strict++) {
        st_continue_t decision;
        st_continue_decide(&decision, TRACE "-" SPAN "-1", baggage, orgs[_i].own, strict,
                           t_pool);
        ck_assert_int_eq(decision.continues, strict ? orgs[_i].strict : orgs[_i].usual);
        ck_assert_str_eq(decision.foreign, "v=1");
    }
}
END_TEST

static const char *const no_parents[] = {NULL, "", "garbage", SPAN,
                                         "00-" TRACE "-" SPAN "-01"};

START_TEST(without_a_readable_parent_a_new_trace_starts)
{
    st_continue_t decision = decide(no_parents[_i], "v=1, sentry-trace_id=" TRACE
                                                    ",sentry-sample_rand=0.5,w=2");
    ck_assert_int_eq(decision.continues, 0);
    ck_assert_ptr_null(decision.dsc);
    ck_assert(decision.sample_rand == -1.0);
    ck_assert_str_eq(decision.foreign, "v=1,w=2");
}
END_TEST

START_TEST(nothing_sent_is_a_new_trace)
{
    st_continue_t decision = decide(NULL, NULL);
    ck_assert_int_eq(decision.continues, 0);
    ck_assert_str_eq(decision.foreign, "");
}
END_TEST

START_TEST(parent_is_what_the_header_says)
{
    st_continue_t decision = decide(TRACE "-" SPAN "-0", NULL);
    ck_assert_int_eq(decision.continues, 1);
    ck_assert_uint_eq(decision.parent.span_id, UINT64_C(0x1e2f3a4b5c6d7e8f));
    ck_assert_int_eq(decision.parent.sampled, 0);
    ck_assert_uint_eq(decision.parent.trace_id.bytes[0], 0x77);
    decision = decide(TRACE, NULL);
    ck_assert_int_eq(decision.continues, 1);
    ck_assert_uint_eq(decision.parent.span_id, 0);
    ck_assert_int_eq(decision.parent.sampled, ST_SAMPLED_UNKNOWN);
}
END_TEST

START_TEST(context_is_frozen_as_received)
{
    static const char dsc[] = "sentry-trace_id=" TRACE ",sentry-sample_rate=0.5,"
                              "sentry-sample_rand=0.1234567,sentry-sampled=true,"
                              "sentry-release=a%20b,sentry-unknown=1,sentry-org_id=7";
    st_continue_t decision = decide(TRACE "-" SPAN "-1", dsc);
    ck_assert_str_eq(decision.dsc, dsc);
    ck_assert(decision.sample_rate == 0.5);
    ck_assert(decision.sample_rand == 0.1234567);
}
END_TEST

START_TEST(empty_context_stays_empty)
{
    st_continue_t decision = decide(TRACE "-" SPAN "-1", "vendor=1");
    ck_assert_str_eq(decision.dsc, "");
    ck_assert(decision.sample_rate == -1.0);
    ck_assert(decision.sample_rand == st_sampling_rand(&decision.parent.trace_id));
}
END_TEST

/* What the context says of the rate, the flag of sentry-trace, and where sample_rand has to
 * lie; low > high: it cannot be known. */
static const struct {
    const char *rate, *flag;
    double low, high;
} intervals[] = {
    {"0.25", "-1", 0.0, 0.25},
    {"0.25", "-0", 0.25, 1.0},
    {"1", "-1", 0.0, 1.0},
    {"0", "-0", 0.0, 1.0},
    {"0.000001", "-1", 0.0, 0.000001},
    {"0.999999", "-0", 0.999999, 1.0},
    {"0", "-1", 1.0, 0.0},
    {"1", "-0", 1.0, 0.0},
    {"0.9999999", "-0", 1.0, 0.0},
    {"1e-9", "-1", 0.0, 1e-9},
    {"0.25", "", 0.0, 1.0},
    {"abc", "-1", 0.0, 1.0},
    {"2", "-1", 0.0, 1.0},
    {"-0.5", "-0", 0.0, 1.0},
};

START_TEST(missing_sample_rand_fits_the_decision_of_the_head)
{
    const char *baggage =
        apr_pstrcat(t_pool, "sentry-sample_rate=", intervals[_i].rate, NULL);
    st_continue_t decision =
        decide(apr_pstrcat(t_pool, TRACE "-" SPAN, intervals[_i].flag, NULL), baggage);
    if (intervals[_i].low > intervals[_i].high) {
        ck_assert(decision.sample_rand == -1.0);
        ck_assert_str_eq(decision.dsc, baggage);
        return;
    }
    ck_assert(decision.sample_rand >= intervals[_i].low);
    ck_assert(decision.sample_rand < intervals[_i].high);
    const char *text = st_dsc_get(decision.dsc, "sample_rand", t_pool);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(strlen(text), 8);
    ck_assert(strtod(text, NULL) == decision.sample_rand);
}
END_TEST

static const char *const bad_rands[] = {"abc", "-0.1", "1.1", "nan", "0%2C5", "%20"};

START_TEST(unusable_sample_rand_is_replaced)
{
    const char *baggage = apr_pstrcat(
        t_pool, "sentry-a=1,sentry-sample_rand=", bad_rands[_i], ",sentry-b=2", NULL);
    st_continue_t decision = decide(TRACE "-" SPAN "-1", baggage);
    double rand = st_sampling_rand(&decision.parent.trace_id);
    ck_assert(decision.sample_rand == rand);
    const char *text = st_dsc_get(decision.dsc, "sample_rand", t_pool);
    ck_assert(strtod(text, NULL) == rand);
    ck_assert_str_eq(st_dsc_get(decision.dsc, "a", t_pool), "1");
    ck_assert_str_eq(st_dsc_get(decision.dsc, "b", t_pool), "2");
}
END_TEST

START_TEST(segment_becomes_part_of_the_trace)
{
    st_segment_t *seg = st_segment_open(t_pool, (st_rng_t){.state = 1}, 0, 1, 10);
    st_span_id_t id = seg->span_id;
    ck_assert_int_eq(seg->parent_sampled, ST_SAMPLED_UNKNOWN);
    ck_assert_ptr_null(seg->dsc);
    st_continue_t decision =
        decide(TRACE "-" SPAN "-0", "sentry-sample_rand=0.5,sentry-sample_rate=0.1");
    st_continue_apply(&decision, seg);
    ck_assert_mem_eq(&seg->trace_id, &decision.parent.trace_id, sizeof(seg->trace_id));
    ck_assert_uint_eq(seg->parent_span_id, UINT64_C(0x1e2f3a4b5c6d7e8f));
    ck_assert_uint_eq(seg->span_id, id);
    ck_assert_int_eq(seg->parent_sampled, 0);
    ck_assert(seg->sample_rand == 0.5);
    ck_assert(seg->sample_rate == -1.0);
    ck_assert_str_eq(seg->dsc, "sentry-sample_rand=0.5,sentry-sample_rate=0.1");
}
END_TEST

START_TEST(segment_of_a_new_trace_stays_its_head)
{
    st_segment_t *seg = st_segment_open(t_pool, (st_rng_t){.state = 1}, 0, 1, 10);
    st_segment_t before;
    memcpy(&before, seg, offsetof(st_segment_t, attrs));
    st_continue_t decision = decide("garbage", "sentry-trace_id=" TRACE);
    st_continue_apply(&decision, seg);
    ck_assert_mem_eq(seg, &before, offsetof(st_segment_t, attrs));
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, organisations_decide_whether_the_trace_continues, 0,
                        COUNT(orgs));
    tcase_add_loop_test(tcase, without_a_readable_parent_a_new_trace_starts, 0,
                        COUNT(no_parents));
    tcase_add_test(tcase, nothing_sent_is_a_new_trace);
    tcase_add_test(tcase, parent_is_what_the_header_says);
    tcase_add_test(tcase, context_is_frozen_as_received);
    tcase_add_test(tcase, empty_context_stays_empty);
    tcase_add_loop_test(tcase, missing_sample_rand_fits_the_decision_of_the_head, 0,
                        COUNT(intervals));
    tcase_add_loop_test(tcase, unusable_sample_rand_is_replaced, 0, COUNT(bad_rands));
    tcase_add_test(tcase, segment_becomes_part_of_the_trace);
    tcase_add_test(tcase, segment_of_a_new_trace_stays_its_head);
}

T_MAIN("continue", add_cases)
