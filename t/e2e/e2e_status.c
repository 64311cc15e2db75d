/* SPDX-License-Identifier: Apache-2.0 */
/* The pages that show what became of every span. */

#include "te.h"

#include "../unit/t_html.h"
#include "../unit/t_prometheus.h"
#include "te_law.h"

#define PAGE   "<Location /page>\nSetHandler sentry-trace-status\n</Location>\n"
#define STATUS "<Location /server-status>\nSetHandler server-status\n</Location>\n"

/* One with threads, and one without. */
static const te_mpm_t mpms[] = {TE_EVENT, TE_PREFORK};

#define te_add_per_two_mpms(tcase, test)                                                 \
    tcase_add_loop_test((tcase), (test), 0, sizeof(mpms) / sizeof(*mpms))

/* A page that came, with its type. */
static const char *page(te_env_t *env, const char *path, const char *type)
{
    const te_reply_t *reply = te_get(env, path);
    ck_assert_int_eq(reply->status, 200);
    ck_assert_str_eq(te_reply_header(reply, "Content-Type", te_pool), type);
    return reply->body;
}

static const t_prom_t *metrics(const char *text)
{
    const t_prom_t *prom = t_prom_read(text, te_pool);
    ck_assert_msg(prom->why == NULL, "%s", prom->why);
    return prom;
}

static void expect_html(const char *html)
{
    const char *why = t_html_check(html, te_pool);
    ck_assert_msg(why == NULL, "%s", why);
}

static void expect(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in %s", part, text);
}

/* The masked DSN of project 42. */
static const char *masked(te_env_t *env)
{
    return apr_psprintf(te_pool, "http://%.4s...@%s/42", TE_SENTRY_KEY,
                        te_sentry_address(env->sentry, te_pool));
}

START_TEST(page_comes_in_four_formats)
{
    te_env_t *env = te_start(mpms[_i], PAGE);
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    te_await(env, 3);
    const char *html = page(env, "/page", "text/html; charset=utf-8");
    expect_html(html);
    expect(html, masked(env));
    const char *text = page(env, "/page?auto", "text/plain; charset=utf-8");
    expect(text, "\nSentryTrace[0]SpansCreated: ");
    expect(text, masked(env));
    json_t *json = json_loads(page(env, "/page?json", "application/json"), 0, NULL);
    const json_t *endpoint = json_array_get(json_object_get(json, "endpoints"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(endpoint, "dsn")), masked(env));
    json_decref(json);
    const t_prom_t *prom = metrics(
        page(env, "/page?prometheus", "text/plain; version=0.0.4; charset=utf-8"));
    ck_assert(t_prom_number(prom, "sentry_trace_spans_created_total", "dsn", masked(env),
                            "category", "span") >= 3);
    te_finish(env);
}
END_TEST

START_TEST(client_gets_the_format_that_it_accepts)
{
    static const struct {
        const char *header;
        const char *type;
    } cases[] = {
        {"Accept: application/json", "application/json"},
        {"Accept: text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"},
        {"Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
         "text/plain; version=0.0.4; charset=utf-8"},
        {"Accept: text/plain", "text/plain; charset=utf-8"},
        {"Accept: text/html,*/*;q=0.8", "text/html; charset=utf-8"},
    };
    te_env_t *env = te_start(TE_EVENT, PAGE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *const headers[] = {cases[i].header, NULL};
        te_request_t request = {.path = "/page", .headers = headers};
        const te_reply_t *reply = te_do(env, &request);
        ck_assert_int_eq(reply->status, 200);
        ck_assert_str_eq(te_reply_header(reply, "Content-Type", te_pool), cases[i].type);
        ck_assert_str_eq(te_reply_header(reply, "Cache-Control", te_pool), "no-store");
        ck_assert_str_eq(te_reply_header(reply, "Vary", te_pool), "Accept");
    }
    te_finish(env);
}
END_TEST

START_TEST(page_of_mod_status_has_a_section)
{
    te_env_t *env = te_start(mpms[_i], STATUS);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    const te_reply_t *html = te_get(env, "/server-status");
    ck_assert_int_eq(html->status, 200);
    expect(html->body, "<h1>Sentry traces</h1>");
    expect(html->body, masked(env));
    expect(html->body, "Server Version");
    const te_reply_t *lines = te_get(env, "/server-status?auto");
    ck_assert_int_eq(lines->status, 200);
    expect(lines->body, "\nSentryTraceEnabled: 1\n");
    expect(lines->body, apr_psprintf(te_pool, "\nSentryTrace[0]DSN: %s\n", masked(env)));
    expect(lines->body, "\nScoreboard: ");
    ck_assert_ptr_null(strchr(strstr(lines->body, "SentryTrace"), '<'));
    te_finish(env);
}
END_TEST

/* The secrets, the last error, and texts that want to break out are all in play. */
START_TEST(pages_show_no_secrets_and_escape_what_they_show)
{
    static const char *const paths[] = {
        "/page",      "/page?json",     "/page?prometheus",
        "/page?auto", "/server-status", "/server-status?auto",
    };
    te_law_allow_losses();
    te_setup_t setup = {.mpm = mpms[_i],
                        .conf =
                            "SentryTraceDSN http://" TE_SENTRY_KEY
                            ":averysecretsecret@${SENTRY}/42\nSentryTraceFlush 100ms\n"
                            "SentryTraceRelease \"<script>&'x'\"\n"
                            "SentryTraceShutdownTimeout 100ms\n" TE_STATUS PAGE STATUS};
    te_env_t *env = te_env_make(&setup, __func__);
    te_server_refuse(env->sentry->server, 1);
    te_env_run(env);
    ck_assert_int_eq(te_get(env, "/hello.txt?private=words")->status, 200);
    te_endpoint_await(env, 42, "last_error.text", "onnect");
    te_endpoint_await(env, 42, "circuit.state", "open");
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        const te_reply_t *reply = te_get(env, paths[i]);
        ck_assert_int_eq(reply->status, 200);
        expect(reply->body, "0123...@");
        ck_assert_ptr_null(strstr(reply->body, "012345678"));
        ck_assert_ptr_null(strstr(reply->body, "averysecretsecret"));
        /* The first page of mod_status lists requests itself. */
        ck_assert(i == 4 || strstr(reply->body, "private=words") == NULL);
        ck_assert(strstr(reply->body, "<script>") == NULL || i % 4 != 0);
    }
    expect_html(te_get(env, "/page")->body);
    metrics(te_get(env, "/page?prometheus")->body);
    te_server_refuse(env->sentry->server, 0);
    te_status_settled(env);
    te_finish(env);
}
END_TEST

static void load(te_env_t *env, const char *path, int requests)
{
    te_load_result_t result =
        te_load_finish(te_load_start(env->httpd->ports[0], path, requests, 8));
    ck_assert_int_eq(result.answered, requests);
}

START_TEST(law_holds_after_sampling_and_ignoring)
{
    te_env_t *env = te_start(mpms[_i], TE_FAULT "SentryTraceSampleRate 0.5\n"
                                                "SentryTraceIgnore \"* /page.shtml\"\n");
    load(env, "/hello.txt", 100);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(te_get(env, "/page.shtml")->status, 200);
    }
    const te_account_t *spans = te_law_settled(env, 42, 110);
    ck_assert_uint_eq(spans->discarded[ST_REASON_IGNORED], 10 * TE_SPANS);
    uint64_t unsampled = spans->discarded[ST_REASON_SAMPLE_RATE];
    ck_assert_uint_gt(unsampled, 0);
    ck_assert_uint_gt(spans->delivered, 0);
    ck_assert_uint_eq(unsampled + spans->delivered, 100 * TE_SPANS);
    te_law_agreed(env, 42);
    te_finish(env);
}
END_TEST

START_TEST(law_holds_while_spans_wait_and_after_an_overflow)
{
    te_law_allow_losses();
    te_env_t *env = te_start(mpms[_i], TE_FAULT "SentryTraceQueue 256K\n");
    te_server_refuse(env->sentry->server, 1);
    load(env, "/hello.txt", 20);
    const te_status_t *status = te_status_waiting(env, 42, 20 * TE_SPANS);
    ck_assert_int_gt(json_integer_value(te_status_member(status, "server.queue.used")),
                     0);
    load(env, "/hello.txt", 600);
    const te_account_t *spans = te_law_created(env, 42, 620);
    ck_assert_uint_gt(spans->discarded[ST_REASON_QUEUE_OVERFLOW], 0);
    ck_assert_uint_gt(spans->waiting, 0);
    te_server_refuse(env->sentry->server, 0);
    spans = te_law_settled(env, 42, 620);
    ck_assert_uint_gt(spans->delivered, 0);
    te_law_agreed(env, 42);
    te_finish(env);
}
END_TEST

START_TEST(only_get_and_head_are_answered)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "PROPFIND"};
    te_env_t *env = te_start(TE_EVENT, PAGE);
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        te_request_t request = {.method = methods[i], .path = "/page", .body = "x"};
        const te_reply_t *reply = te_do(env, &request);
        ck_assert_msg(reply->status == 405, "%s: %d", methods[i], reply->status);
        expect(te_reply_header(reply, "Allow", te_pool), "GET");
        ck_assert_ptr_null(strstr(reply->body, "Sentry traces"));
    }
    te_request_t head = {.method = "HEAD", .path = "/page"};
    const te_reply_t *reply = te_do(env, &head);
    ck_assert_int_eq(reply->status, 200);
    ck_assert_uint_eq(reply->len, 0);
    te_request_t options = {.method = "OPTIONS", .path = "/page"};
    reply = te_do(env, &options);
    ck_assert_int_eq(reply->status, 200);
    expect(te_reply_header(reply, "Allow", te_pool), "GET");
    te_finish(env);
}
END_TEST

START_TEST(access_is_what_the_section_says)
{
    te_log_allow("AH01630"); /* denied by server configuration */
    te_env_t *env = te_start(
        TE_EVENT, "<Location /page>\nSetHandler sentry-trace-status\n"
                  "Require ip 203.0.113.1\n</Location>\n<Location /local>\n"
                  "SetHandler sentry-trace-status\nRequire local\n</Location>\n");
    const te_reply_t *reply = te_get(env, "/page?json");
    ck_assert_int_eq(reply->status, 403);
    ck_assert_ptr_null(strstr(reply->body, "endpoints"));
    ck_assert_int_eq(te_get(env, "/local?json")->status, 200);
    te_finish(env);
}
END_TEST

START_TEST(pages_are_not_traced_unless_that_is_wanted)
{
    te_env_t *env = te_start(TE_EVENT, PAGE STATUS
                             "<Location /traced>\nSetHandler sentry-trace-status\n"
                             "SentryTraceIgnore none\n</Location>\n");
    ck_assert_int_eq(te_get(env, "/page")->status, 200);
    ck_assert_int_eq(te_get(env, "/server-status")->status, 200);
    ck_assert_int_eq(te_get(env, "/traced")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment_of(env->store, "/traced");
    te_span_find(env->store, segment, "handler", "sentry-trace-status");
    te_close(env);
    ck_assert_int_gt(te_store_discarded(env->store, "ignored"), 1);
    te_finish(env);
}
END_TEST

START_TEST(server_that_does_not_trace_says_so)
{
    te_setup_t setup = {.mpm = mpms[_i], .conf = PAGE STATUS};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    expect(te_get(env, "/page?json")->body, "\"traced\":false");
    const t_prom_t *prom = metrics(te_get(env, "/page?prometheus")->body);
    ck_assert(t_prom_number(prom, "sentry_trace_enabled") == 0);
    expect_html(te_get(env, "/page")->body);
    expect(te_get(env, "/page")->body, "does not trace");
    expect(te_get(env, "/server-status?auto")->body, "SentryTraceEnabled: 0\n");
    te_finish(env);
}
END_TEST

START_TEST(endpoints_of_all_hosts_are_on_one_page)
{
    te_env_t *env = te_start(TE_EVENT, TE_FAULT
                             "SentryTraceEnvironment one\nListen 127.0.0.1:${PORT2}\n"
                             "<VirtualHost *:${PORT2}>\nSentryTraceEnvironment two\n"
                             "SentryTraceDSN http://" TE_SENTRY_KEY
                             "@${SENTRY}/43\n</VirtualHost>\n");
    te_visit(env, 2);
    te_client_t *other = te_client_create(env->httpd->ports[1], te_pool);
    ck_assert_int_eq(te_client_get(other, "/hello.txt")->status, 200);
    te_client_disconnect(other);
    ck_assert_uint_eq(te_law_settled(env, 42, 2)->delivered, 2 * TE_SPANS);
    ck_assert_uint_eq(te_law_settled(env, 43, 1)->delivered, 1 * TE_SPANS);
    const te_status_t *status = te_status(env);
    const json_t *dests = json_object_get(te_status_endpoint(status, 43), "destinations");
    ck_assert_uint_eq(json_array_size(dests), 1);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_array_get(dests, 0), "environment")),
        "two");
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_two_mpms(tcase, page_comes_in_four_formats);
    tcase_add_test(tcase, client_gets_the_format_that_it_accepts);
    te_add_per_two_mpms(tcase, page_of_mod_status_has_a_section);
    te_add_per_two_mpms(tcase, pages_show_no_secrets_and_escape_what_they_show);
    te_add_per_two_mpms(tcase, law_holds_after_sampling_and_ignoring);
    te_add_per_two_mpms(tcase, law_holds_while_spans_wait_and_after_an_overflow);
    tcase_add_test(tcase, only_get_and_head_are_answered);
    tcase_add_test(tcase, access_is_what_the_section_says);
    tcase_add_test(tcase, pages_are_not_traced_unless_that_is_wanted);
    te_add_per_two_mpms(tcase, server_that_does_not_trace_says_so);
    tcase_add_test(tcase, endpoints_of_all_hosts_are_on_one_page);
}

int main(void)
{
    return te_main("e2e_status", add_cases);
}
