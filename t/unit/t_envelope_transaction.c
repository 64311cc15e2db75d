/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of transactions, one break each. */
#include "t_envelope_sample.h"

#define TEN     "abcdefghij"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const t_break_t breaks[] = {
    {"header/event_id", NULL, "the transaction needs an \"event_id\" in the envelope"},
    {"header/event_id", "\"00000000000000000000000000000001\"",
     "the transaction has another \"event_id\" than the envelope header"},
    {"payload/event_id", NULL,
     "has another \"event_id\" than the envelope header, or none"},
    {"payload/event_id", "7", "has another \"event_id\""},
    {"payload/type", NULL, "the transaction does not say \"type\":\"transaction\""},
    {"payload/type", "\"event\"", "does not say \"type\":\"transaction\""},
    {"payload/start_timestamp", NULL,
     "the transaction has no time as \"start_timestamp\""},
    {"payload/timestamp", NULL, "the transaction has no time as \"timestamp\""},
    {"payload/timestamp", "1", "the transaction ends before it starts"},
    {"payload/transaction", NULL, "the transaction has no name as \"transaction\""},
    {"payload/transaction", "\"\"", "no text of 1 to 200 characters as \"transaction\""},
    {"payload/transaction", "\"" HUNDRED HUNDRED "\"", NULL},
    {"payload/transaction", "\"" HUNDRED HUNDRED "a\"",
     "no text of 1 to 200 characters as \"transaction\""},
    {"payload/transaction_info", NULL, "no known \"source\" in \"transaction_info\""},
    {"payload/transaction_info/source", "\"url\"", NULL},
    {"payload/transaction_info/source", "\"sanitized\"", "no known \"source\""},
    {"payload/platform", NULL, "the transaction has no known \"platform\""},
    {"payload/platform", "\"node\"", NULL},
    {"payload/platform", "\"httpd\"", "has no known \"platform\""},
    {"payload/release", NULL, NULL},
    {"payload/release", "\"" HUNDRED HUNDRED "a\"", "characters as \"release\""},
    {"payload/environment", "\"" HUNDRED "\"", "1 to 64 characters as \"environment\""},
    {"payload/server_name", "7", "1 to 256 characters as \"server_name\""},
    {"payload/dist", "\"\"", "1 to 64 characters as \"dist\""},
    {"payload/tags", NULL, NULL},
    {"payload/tags", "[]", "the transaction has \"tags\" that are no object"},
    {"payload/tags/http.status_code", "503",
     "a tag \"http.status_code\" that is no text"},
    {"payload/tags/x", "\"" HUNDRED HUNDRED "a\"", "a tag \"x\" that is no text of 1 to"},
    {"payload/tags/", "\"x\"", "a tag \"\" that is no text"},
    {"payload/request", NULL, NULL},
    {"payload/request", "\"GET\"", "has a \"request\" of the wrong form"},
    {"payload/request/method", "1", "has a \"request\" of the wrong form"},
    {"payload/request/url", "null", NULL},
    {"payload/request/headers", "\"Accept: x\"", "has a \"request\" of the wrong form"},
    {"payload/request/env", "[]", "has a \"request\" of the wrong form"},
    {"payload/request/cookies", "{\"sid\":\"[Filtered]\"}", NULL},
    {"payload/user", NULL, NULL},
    {"payload/user", "\"alice\"", "has a \"user\" of the wrong form"},
    {"payload/user/ip_address", "1", "has a \"user\" of the wrong form"},
    {"payload/sdk", NULL, NULL},
    {"payload/sdk/name", NULL, "has no name and version in \"sdk\""},
    {"payload/sdk/version", "\"\"", "has no name and version in \"sdk\""},
    {"payload/contexts/response", NULL, NULL},
    {"payload/contexts/response", "[]", "has a \"response\" of the wrong form"},
    {"payload/contexts/response/status_code", "\"503\"",
     "\"response\" of the wrong form"},
    {"payload/contexts/response/body_size", "-1", "\"response\" of the wrong form"},
    {"payload/contexts", NULL, "the trace context is no object"},
    {"payload/measurements", NULL, NULL},
    {"payload/measurements", "[]", "has \"measurements\" that are no object"},
    {"payload/measurements/ttfb/unit", NULL,
     "a measurement \"ttfb\" without value or unit"},
    {"payload/measurements/ttfb/value", "\"1\"", "\"ttfb\" without value or unit"},
    {"payload/breadcrumbs", "[]", NULL},
    {"payload/attributes", "{}", "the transaction has the unknown member \"attributes\""},
};

START_TEST(a_transaction_follows_the_rules)
{
    t_expect_break(t_transaction_envelope, &breaks[_i]);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, a_transaction_follows_the_rules, 0,
                        (int)(sizeof(breaks) / sizeof(breaks[0])));
}

T_MAIN("envelope_transaction", add_cases)
