/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the dynamic sampling context, one break each. */
#include "t_envelope_sample.h"

#define DSC  "header/trace"
#define HEX  "0123456789abcdef"
#define ZERO "0000000000000000"

static const t_break_t breaks[] = {
    {DSC, NULL, "the span item needs a \"trace\" in the envelope header"},
    {DSC, "[]", "the envelope header's \"trace\" is no object"},
    {DSC, "{\"trace_id\":" T_TRACE ",\"public_key\":\"" HEX HEX "\"}", NULL},
    {DSC, "{}", "has no \"trace_id\""},
    {DSC "/trace_id", NULL, "has no \"trace_id\""},
    {DSC "/trace_id", "7", "\"trace_id\" that is not 32 lower-case hex digits"},
    {DSC "/trace_id", "\"6CF173D587EB48568A9B2E12DCFBEA52\"",
     "\"trace_id\" that is not 32"},
    {DSC "/trace_id", "\"" HEX "\"", "\"trace_id\" that is not 32"},
    {DSC "/trace_id", "\"" ZERO ZERO "\"", "\"trace_id\" that is not 32"},
    {DSC "/public_key", NULL, "has no \"public_key\""},
    {DSC "/public_key", "\"" HEX "\"", "\"public_key\" that is not 32 ASCII characters"},
    {DSC "/public_key", "\"" HEX "0123456789abc \\u00e9\"",
     "\"public_key\" that is not 32"},
    {DSC "/public_key", "\"" HEX "0123456789abcde\\u007f\"",
     "\"public_key\" that is not 32"},
    {DSC "/public_key", "12", "\"public_key\" that is not 32"},
    {DSC "/sample_rate", NULL, NULL},
    {DSC "/sample_rate", "\"1e-5\"", NULL},
    {DSC "/sample_rate", "\"1\"", NULL},
    {DSC "/sample_rate", "0.25", "\"sample_rate\" that is not a string holding a number"},
    {DSC "/sample_rate", "\"-0.1\"", "\"sample_rate\" that is not a string"},
    {DSC "/sample_rate", "\"all\"", "\"sample_rate\" that is not a string"},
    {DSC "/sample_rate", "\"\"", "\"sample_rate\" that is not a string"},
    {DSC "/sample_rate", "\"0.25 \"", "\"sample_rate\" that is not a string"},
    {DSC "/sample_rate", "\"0.25\\u0000\"", "\"sample_rate\" that is not a string"},
    {DSC "/sample_rand", "\"0\"", NULL},
    {DSC "/sample_rand", "\"0.5029357428374746\"", NULL},
    {DSC "/sample_rand", "\"1\"", "\"sample_rand\" that is not a string holding"},
    {DSC "/sample_rand", "0.5", "\"sample_rand\" that is not a string holding"},
    {DSC "/sampled", "true", NULL},
    {DSC "/sampled", "\"false\"", NULL},
    {DSC "/sampled", "\"yes\"", "\"sampled\" that is not \"true\" or \"false\""},
    {DSC "/sampled", "1", "\"sampled\" that is not"},
    {DSC "/release", "\"\"", "\"release\" that is not a string that is not empty"},
    {DSC "/environment", "null", "\"environment\" that is not a string"},
    {DSC "/transaction", "{}", "\"transaction\" that is not a string"},
    {DSC "/org_id", "1", "\"org_id\" that is not a string of digits"},
    {DSC "/org_id", "\"o1\"", "\"org_id\" that is not a string of digits"},
    {DSC "/org_id", "\"\"", "\"org_id\" that is not a string of digits"},
    {DSC "/replay_id", "\"x\"", "\"replay_id\" that is not 32"},
    {DSC "/user_segment", "\"x\"", NULL},
    {DSC "/user_segment", "1",
     "\"user_segment\" that is no string; all values have to be"},
};

START_TEST(a_sampling_context_follows_the_rules)
{
    t_expect_break(t_span_envelope, &breaks[_i]);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, a_sampling_context_follows_the_rules, 0,
                        (int)(sizeof(breaks) / sizeof(breaks[0])));
}

T_MAIN("envelope_dsc", add_cases)
