/* SPDX-License-Identifier: Apache-2.0 */
/* Which items an envelope may hold, and what is asked of item headers and payloads. */
#include "t_envelope_sample.h"

static const t_break_t breaks[] = {
    {"header/dsn", NULL, NULL},
    {"header/event_id", "\"9ec79c33ec9942ab8353589fcb2e04dc\"", NULL},
    {"header/event_id", "\"9ec79c33\"",
     "the envelope header has an \"event_id\" that is not"},
    {"header/event_id", "7", "the envelope header has an \"event_id\" that is not"},
    {"header/anything", "{\"at\":[\"all\"]}", NULL},
    {"item/anything", "1", NULL},
    {"item/type", "\"attachment\"", NULL},
    {"item/type", "\"spam\"", "the envelope has an item of the unknown type \"spam\""},
    {"item/type", "\"security\"", "an item of the unknown type \"security\""},
    {"item/content_type", NULL,
     "the span item is not of content type application/vnd.sentry"},
    {"item/content_type", "\"application/json\"", "the span item is not of content type"},
    {"item/content_type", "\"Application/VND.sentry.items.span.v2+JSON\"", NULL},
    {"payload", "[]", "the span container is no JSON object"},
    {"payload", "\"text\"", "the span container is no JSON object"},
};

START_TEST(an_envelope_follows_the_rules)
{
    t_expect_break(t_span_envelope, &breaks[_i]);
}
END_TEST

START_TEST(the_samples_are_good)
{
    t_break_t same_spans = {"item/type", "\"span\"", NULL};
    t_break_t same_report = {"item/type", "\"client_report\"", NULL};
    t_expect_break(t_span_envelope, &same_spans);
    t_expect_break(t_report_envelope, &same_report);
    t_break_t same_transaction = {"item/type", "\"transaction\"", NULL};
    t_expect_break(t_transaction_envelope, &same_transaction);
}
END_TEST

static const t_break_t transaction_breaks[] = {
    {"item/content_type", "\"application/json\"", NULL},
    {"item/content_type", "\"text/plain\"",
     "the transaction item is not of content type application/json"},
    {"payload", "[]", "the transaction is no JSON object"},
};

START_TEST(a_transaction_item_follows_the_rules)
{
    t_expect_break(t_transaction_envelope, &transaction_breaks[_i]);
}
END_TEST

START_TEST(a_transaction_has_at_most_one_mebibyte)
{
    char *filler = apr_palloc(t_pool, 1024 * 1024 + 3);
    memset(filler, 'x', 1024 * 1024 + 2);
    filler[0] = filler[1024 * 1024 + 1] = '"';
    filler[1024 * 1024 + 2] = '\0';
    t_break_t large = {"payload/extra", filler, "bytes; at most 1048576 are taken"};
    t_expect_break(t_transaction_envelope, &large);
}
END_TEST

#define EVENT "{\"type\":\"event\"}\n{}\n"
#define SPANS "{\"type\":\"span\"}\n{}\n"
#define REPORT                                                                           \
    "{\"type\":\"client_report\"}\n{\"timestamp\":1,\"discarded_events\":["              \
    "{\"reason\":\"ignored\",\"category\":\"span\",\"quantity\":1}]}\n"

static const t_break_t texts[] = {
    {"nothing at all", "{}", NULL},
    {"any number of reports", "{}\n" REPORT REPORT, NULL},
    {"an event with a report", "{}\n" EVENT REPORT, NULL},
    {"two events", "{}\n" EVENT EVENT, "holds both \"event\" and \"event\""},
    {"a transaction and an event", "{}\n{\"type\":\"transaction\"}\n{}\n" EVENT,
     "holds both \"transaction\" and \"event\"; only one such item may be there"},
    {"two span items", "{}\n" SPANS REPORT SPANS, "holds both \"span\" and \"span\""},
    {"spans and an event", "{}\n" SPANS EVENT, "holds both \"span\" and \"event\""},
    {"a report that is no JSON", "{}\n{\"type\":\"client_report\"}\n{]\n",
     "the client report is no JSON: string or '}' expected"},
    {"a report that is nothing", "{}\n{\"type\":\"client_report\",\"length\":0}\n",
     "the client report is no JSON"},
    {"a report with a key twice", "{}\n{\"type\":\"client_report\"}\n{\"a\":1,\"a\":1}",
     "the client report is no JSON: duplicate object key"},
    {"an attachment that is no JSON", "{}\n{\"type\":\"attachment\"}\n{]\n", NULL},
    {"a broken report after a good one",
     "{}\n" REPORT "{\"type\":\"client_report\"}\n{\"timestamp\":1}",
     "the client report has no \"discarded_events\""},
};

START_TEST(items_fit_together_or_are_refused)
{
    t_expect_verdict(texts[_i].json, &texts[_i]);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, an_envelope_follows_the_rules, 0,
                        (int)(sizeof(breaks) / sizeof(breaks[0])));
    tcase_add_test(tcase, the_samples_are_good);
    tcase_add_loop_test(
        tcase, a_transaction_item_follows_the_rules, 0,
        (int)(sizeof(transaction_breaks) / sizeof(transaction_breaks[0])));
    tcase_add_test(tcase, a_transaction_has_at_most_one_mebibyte);
    tcase_add_loop_test(tcase, items_fit_together_or_are_refused, 0,
                        (int)(sizeof(texts) / sizeof(texts[0])));
}

T_MAIN("envelope_validate", add_cases)
