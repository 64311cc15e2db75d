/* SPDX-License-Identifier: Apache-2.0 */
/* Which format a client gets. */
#include "st_overview.h"

#include "t.h"

static const struct {
    const char *query;
    const char *accept;
    st_overview_format_t format;
} cases[] = {
    {NULL, NULL, ST_OVERVIEW_HTML},
    {"", "", ST_OVERVIEW_HTML},
    {"json", NULL, ST_OVERVIEW_JSON},
    {"JSON", NULL, ST_OVERVIEW_JSON},
    {"prometheus", "application/json", ST_OVERVIEW_PROMETHEUS},
    {"auto", "text/html", ST_OVERVIEW_AUTO},
    {"refresh=5&json", NULL, ST_OVERVIEW_JSON},
    {"jsonp&xjson&a=json", NULL, ST_OVERVIEW_HTML},
    {"prometheus=", NULL, ST_OVERVIEW_PROMETHEUS},
    {NULL, "*/*", ST_OVERVIEW_HTML},
    {NULL, "application/json", ST_OVERVIEW_JSON},
    {NULL, "Application/JSON; charset=utf-8", ST_OVERVIEW_JSON},
    {NULL, "application/json, text/plain, */*", ST_OVERVIEW_JSON},
    {NULL, "application/json;q=0, */*;q=0.1", ST_OVERVIEW_HTML},
    {NULL, "text/plain", ST_OVERVIEW_AUTO},
    {NULL, "text/plain;version=0.0.4", ST_OVERVIEW_PROMETHEUS},
    {NULL, "text/plain ; version=0.0.4 ; charset=utf-8", ST_OVERVIEW_PROMETHEUS},
    {NULL, "application/openmetrics-text", ST_OVERVIEW_PROMETHEUS},
    /* Prometheus 2 and 3 */
    {NULL,
     "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;"
     "version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
     ST_OVERVIEW_PROMETHEUS},
    {NULL,
     "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
     "encoding=delimited;q=0.7,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,"
     "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
     ST_OVERVIEW_PROMETHEUS},
    /* Firefox */
    {NULL, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
     ST_OVERVIEW_HTML},
    {NULL, "text/html;q=0.123,application/json;q=0.124", ST_OVERVIEW_JSON},
    {NULL, "text/html;q=0.5,application/json;q=0.45", ST_OVERVIEW_HTML},
    {NULL, "application/json;q=", ST_OVERVIEW_JSON},
    {NULL, ",;,;q=,,", ST_OVERVIEW_HTML},
    {NULL, "image/png", ST_OVERVIEW_HTML},
};

START_TEST(client_gets_what_it_asks_for)
{
    ck_assert_int_eq(st_overview_format(cases[_i].query, cases[_i].accept),
                     cases[_i].format);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, client_gets_what_it_asks_for, 0,
                        sizeof(cases) / sizeof(*cases));
}

T_MAIN("overview_format", add_cases)
