/* SPDX-License-Identifier: Apache-2.0 */
/* What browsers are told of the trace, and what they are not. */

#include "te.h"

#define TIMING  "SentryTraceServerTiming On\n"
#define PRIVATE "Header always set Cache-Control private\n"

/* Value of a header line, in pool; NULL when there is none; the test ends when there are two. */
static const char *only_header(const te_reply_t *reply, const char *name)
{
    const char *line = apr_pstrcat(te_pool, "\n", name, ": ", NULL);
    const char *at = strcasestr(reply->head, line);
    if (at == NULL) {
        return NULL;
    }
    at += strlen(line);
    ck_assert_msg(strcasestr(at, line) == NULL, "%s twice: %s", name, reply->head);
    return apr_pstrndup(te_pool, at, strcspn(at, "\r\n"));
}

static const char *timing_of(const te_reply_t *reply)
{
    return only_header(reply, "Server-Timing");
}

/* What a browser has to be told about a sampled segment; the context follows. */
static const char *timing_start(const te_span_t *segment)
{
    return apr_psprintf(
        te_pool, "sentry-trace;desc=\"%s-%s-1\", baggage;desc=\"sentry-trace_id=%s,",
        segment->trace_id, segment->span_id, segment->trace_id);
}

static int starts_with(const char *text, const char *start)
{
    return text != NULL && strncmp(text, start, strlen(start)) == 0;
}

START_TEST(private_response_names_its_segment)
{
    te_env_t *env = te_start(_i, TIMING PRIVATE "Protocols h2c http/1.1\n");
    const te_http_version_t versions[] = {TE_HTTP_1_1, TE_HTTP_1_0, TE_HTTP_2};
    int count = _i == TE_PREFORK ? 2 : 3;
    for (int i = 0; i < count; i++) {
        te_request_t request = {.path = "/hello.txt", .version = versions[i], .fresh = 1};
        const te_reply_t *reply = te_do(env, &request);
        ck_assert_int_eq(reply->status, 200);
        te_await(env, i + 1);
        const char *start = timing_start(te_segment(env->store, i));
        const char *timing = timing_of(reply);
        ck_assert_msg(starts_with(timing, start), "%s is not %s", timing, start);
        ck_assert_ptr_nonnull(
            strstr(timing, "sentry-public_key=0123456789abcdef0123456789abcdef"));
        ck_assert_ptr_nonnull(strstr(timing, "sentry-sampled=true"));
    }
    te_finish(env);
}
END_TEST

typedef struct rule_t {
    const char *headers; /* of the backend's answer */
    const char *authorization;
    int told;
} rule_t;

static const rule_t rules[] = {
    {"", NULL, 0},
    {"Cache-Control: private\r\n", NULL, 1},
    {"Cache-Control: no-store\r\n", NULL, 1},
    {"Cache-Control: no-cache, no-store, must-revalidate\r\n", NULL, 1},
    {"Cache-Control: max-age=60\r\nCache-Control: private\r\n", NULL, 1},
    {"Cache-Control: private\r\nCache-Control: public\r\n", NULL, 0},
    {"Cache-Control: no-cache\r\n", NULL, 0},
    {"Cache-Control: max-age=0\r\nExpires: 0\r\nPragma: no-cache\r\n", NULL, 0},
    {"Cache-Control: private=\"set-cookie\"\r\nSet-Cookie: a=b\r\n", NULL, 0},
    {"Vary: *\r\n", NULL, 0},
    {"Set-Cookie: a=b\r\nVary: Cookie\r\n", NULL, 0},
    {"Cache-Control: private\r\nCDN-Cache-Control: max-age=60\r\n", NULL, 0},
    {"Cache-Control: private\r\nSurrogate-Control: max-age=60\r\n", NULL, 0},
    {"", "Authorization: Bearer x", 1},
    {"Cache-Control: max-age=60\r\n", "Authorization: Bearer x", 1},
    {"Cache-Control: public\r\n", "Authorization: Bearer x", 0},
    {"Cache-Control: s-maxage=60\r\n", "Authorization: Bearer x", 0},
    {"Cache-Control: must-revalidate\r\n", "Authorization: Bearer x", 0},
};

#define RULE_COUNT (int)(sizeof(rules) / sizeof(*rules))

START_TEST(only_what_no_shared_cache_may_store_is_told)
{
    te_env_t *env = te_start(TE_EVENT, TIMING "ProxyPass /backend/ http://${BACKEND}/\n");
    for (int i = 0; i < RULE_COUNT; i++) {
        te_answer_t answer = {.headers = rules[i].headers};
        te_server_answer_next(env->backend, &answer);
        const char *headers[] = {rules[i].authorization, NULL};
        te_request_t request = {.path = "/backend/x", .headers = headers};
        const te_reply_t *reply = te_do(env, &request);
        ck_assert_int_eq(reply->status, 200);
        ck_assert_msg((timing_of(reply) != NULL) == rules[i].told, "rule %d: %s%s", i,
                      rules[i].headers, reply->head);
    }
    te_await(env, RULE_COUNT);
    te_finish(env);
}
END_TEST

START_TEST(timings_of_others_stay_and_a_trace_of_theirs_too)
{
    te_env_t *env =
        te_start(_i, TIMING PRIVATE "ProxyPass /backend/ http://${BACKEND}/\n");
    te_answer_t db = {.headers = "Server-Timing: db;dur=53\r\n"};
    te_answer_t trace = {
        .headers = "Server-Timing: db;dur=53, sentry-trace;desc=\"theirs\"\r\n"};
    te_server_answer_next(env->backend, &db);
    te_server_answer_next(env->backend, &trace);
    const char *timing = timing_of(te_get(env, "/backend/x"));
    ck_assert_msg(starts_with(timing, "db;dur=53, sentry-trace;desc=\""), "%s", timing);
    ck_assert_str_eq(timing_of(te_get(env, "/backend/x")),
                     "db;dur=53, sentry-trace;desc=\"theirs\"");
    te_await(env, 2);
    te_finish(env);
}
END_TEST

/* Requests that different parts of httpd answer. */
static const struct {
    const char *path;
    int status;
} answered[] = {
    {"/hello.txt", 200}, {"/nothing", 404},   {"/forbidden", 403},
    {"/old", 302},       {"/moved", 302},     {"/errordoc/x", 404},
    {"/cgi/ok", 200},    {"/cgi/fail", 500},  {"/page.shtml", 200},
    {"/dir/", 200},      {"/dir", 301},       {"/private/a.txt", 401},
    {"/dead/x", 503},    {"/backend/x", 200}, {"/through", 200},
    {"/failing/x", 500},
};

#define ANSWERED_COUNT (int)(sizeof(answered) / sizeof(*answered))

START_TEST(whoever_answers_the_browser_is_told_once)
{
    te_log_allow("AH00957"); /* attempt to connect failed */
    te_log_allow("AH01114"); /* failed to make connection to backend */
    te_env_t *env =
        te_start(_i, apr_pstrcat(te_pool, te_site_conf, TIMING PRIVATE,
                                 "ProxyPass /dead/ http://127.0.0.1:1/\n"
                                 "<Location /failing>\nRedirect 500\n</Location>\n",
                                 NULL));
    for (int i = 0; i < ANSWERED_COUNT; i++) {
        const te_reply_t *reply = te_get(env, answered[i].path);
        ck_assert_msg(reply->status == answered[i].status, "%s: status %d",
                      answered[i].path, reply->status);
        te_await(env, i + 1);
        const char *start = timing_start(te_segment(env->store, i));
        ck_assert_msg(starts_with(timing_of(reply), start), "%s: %s", answered[i].path,
                      reply->head);
    }
    te_finish(env);
}
END_TEST

START_TEST(nobody_is_told_unless_it_is_on)
{
    te_env_t *env = te_start(
        _i, PRIVATE
        "<Location /dir>\n" TIMING "</Location>\n"
        "<Location /dir/part.html>\nSentryTraceServerTiming Off\n</Location>\n"
        "<Location /off>\n" TIMING "SentryTrace Off\n</Location>\n"
        "<Location /private>\n" TIMING "SentryTraceContext extract\n</Location>\n");
    ck_assert_ptr_null(timing_of(te_get(env, "/hello.txt")));
    ck_assert_ptr_nonnull(timing_of(te_get(env, "/dir/index.html")));
    ck_assert_ptr_null(timing_of(te_get(env, "/dir/part.html")));
    ck_assert_ptr_null(timing_of(te_get(env, "/off/a.txt")));
    ck_assert_ptr_null(timing_of(te_get(env, "/private/a.txt")));
    te_await(env, 4);
    te_finish(env);
}
END_TEST

START_TEST(unsampled_trace_is_told_as_unsampled)
{
    te_env_t *env = te_start(TE_EVENT, TIMING PRIVATE "SentryTraceSampleRate 0\n");
    const char *timing = timing_of(te_get(env, "/hello.txt"));
    ck_assert_ptr_nonnull(timing);
    ck_assert_ptr_nonnull(strstr(timing, "-0\", baggage;desc=\""));
    ck_assert_ptr_nonnull(strstr(timing, "sentry-sampled=false"));
    te_finish(env);
}
END_TEST

START_TEST(context_of_a_client_cannot_end_the_quotes)
{
    static const char *const headers[] = {
        "sentry-trace: 771a43a4192642f0b136d5159a501700-1e2f3a4b5c6d7e8f-1",
        "baggage: sentry-trace_id=771a43a4192642f0b136d5159a501700,"
        "sentry-environment=a%22%3E\"><script>\\,sentry-release=1",
        NULL};
    te_env_t *env = te_start(TE_EVENT, TIMING PRIVATE);
    te_request_t request = {.path = "/hello.txt", .headers = headers};
    const char *timing = timing_of(te_do(env, &request));
    ck_assert_ptr_nonnull(timing);
    int quotes = 0;
    for (const char *c = timing; *c != '\0'; c++) {
        c += *c == '\\';
        ck_assert_int_ne(*c, '\0');
        quotes += *c == '"' && c[-1] != '\\';
    }
    ck_assert_int_eq(quotes, 4);
    te_await(env, 1);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, private_response_names_its_segment);
    tcase_add_test(tcase, only_what_no_shared_cache_may_store_is_told);
    te_add_per_mpm(tcase, timings_of_others_stay_and_a_trace_of_theirs_too);
    te_add_per_mpm(tcase, whoever_answers_the_browser_is_told_once);
    te_add_per_mpm(tcase, nobody_is_told_unless_it_is_on);
    tcase_add_test(tcase, unsampled_trace_is_told_as_unsampled);
    tcase_add_test(tcase, context_of_a_client_cannot_end_the_quotes);
}

int main(void)
{
    return te_main("e2e_browser", add_cases);
}
