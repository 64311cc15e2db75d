/* SPDX-License-Identifier: Apache-2.0 */
/* What other modules can do with a trace: mod_test_optional.c is one. */

#include "te.h"

#define TEST_MODULE                                                                      \
    "LoadModule test_optional_module " TE_OPTIONAL_SO "\n"                               \
    "<Location /do>\nSetHandler test-optional\n</Location>\n"                            \
    "<Location /logged>\nSetHandler test-optional\n</Location>\n"

static const te_span_t *child(te_env_t *env, int segment, const char *op,
                              const char *name)
{
    return te_span_find(env->store, te_segment(env->store, segment), op, name);
}

static const te_span_t *parent(te_env_t *env, const te_span_t *span)
{
    return te_span_parent(env->store, span);
}

START_TEST(ids_are_those_of_the_trace_and_the_running_span)
{
    te_env_t *env = te_start(_i, TEST_MODULE "Protocols h2c http/1.1\n");
    te_request_t request = {.path = "/do?ids", .fresh = 1};
    for (int i = 0; i < (_i == TE_PREFORK ? 1 : 2); i++) {
        request.version = i == 1 ? TE_HTTP_2 : TE_HTTP_1_1;
        const char *body = te_do(env, &request)->body;
        te_await(env, i + 1);
        const te_span_t *own = child(env, i, "function", "ids");
        const te_span_t *handler = child(env, i, "handler", "test-optional");
        ck_assert_str_eq(body, apr_psprintf(te_pool, "%s|%s|1|span|%s", own->trace_id,
                                            own->span_id, handler->span_id));
        ck_assert_ptr_eq(parent(env, own), handler);
    }
    te_finish(env);
}
END_TEST

START_TEST(spans_of_a_module_nest_where_they_run)
{
    te_env_t *env = te_start(_i, TEST_MODULE);
    ck_assert_str_eq(te_get(env, "/do?spans")->body, "1110");
    te_await(env, 1);
    const te_span_t *outer = child(env, 0, "function", "outer");
    const te_span_t *inner = child(env, 0, "middleware", "inner");
    const te_span_t *sibling = child(env, 0, "http.client", "sibling");
    const te_span_t *unfinished = child(env, 0, "function", "unfinished");
    const te_span_t *handler = child(env, 0, "handler", "test-optional");
    ck_assert_ptr_eq(parent(env, outer), handler);
    ck_assert_ptr_eq(parent(env, inner), outer);
    ck_assert_ptr_eq(parent(env, sibling), outer);
    ck_assert_ptr_eq(parent(env, unfinished), handler);
    ck_assert_str_eq(inner->status, "error");
    ck_assert_str_eq(te_span_attr_str(inner, "sentry.status.message"), "not_found");
    ck_assert_str_eq(te_span_attr_str(inner, "url.path"), "/inner");
    ck_assert_int_eq(te_span_attr_int(inner, "server.port"), 4711);
    ck_assert_str_eq(outer->status, "ok");
    ck_assert_double_le(outer->start, inner->start);
    ck_assert_double_ge(outer->end, inner->end);
    ck_assert_double_le(unfinished->end, handler->end);
    te_finish(env);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
    te_env_t *env =
        te_start(_i, TEST_MODULE "<Location /do/open>\nSentryTraceSendDefaultPII "
                                 "On\n</Location>\n");
    ck_assert_str_eq(te_get(env, "/do?nonsense")->body, "000000000000000000|00");
    te_await(env, 1);
    ck_assert_str_eq(te_get(env, "/do/open?nonsense")->body, "000000000000000000|11");
    te_await(env, 2);
    const te_span_t *segment = te_segment_of(env->store, "/do/open");
    const te_span_t *open = te_span_find(env->store, segment, "function", "span");
    ck_assert_str_eq(te_span_attr_str(open, "user.name"), "alice");
    ck_assert_str_eq(te_span_attr_str(segment, "client.address"), "192.0.2.1");
    te_finish(env);
}
END_TEST

START_TEST(attributes_of_a_module_win)
{
    te_env_t *env = te_start(_i, TEST_MODULE);
    ck_assert_str_eq(te_get(env, "/do?attributes")->body, "111");
    te_await(env, 1);
    te_get(env, "/logged");
    te_await(env, 2);
    const te_span_t *segment = te_segment_of(env->store, "/chosen");
    ck_assert_int_eq(te_span_attr_int(segment, "server.port"), 4711);
    segment = te_segment_of(env->store, "/logged");
    ck_assert_str_eq(te_span_attr_str(segment, "http.route"), "/from/a/log");
    te_finish(env);
}
END_TEST

START_TEST(too_many_spans_are_counted)
{
    te_env_t *env = te_start(TE_EVENT, TEST_MODULE);
    ck_assert_str_eq(te_get(env, "/do?many")->body, "span");
    te_await(env, 1);
    te_close(env);
    ck_assert_int_eq(te_store_count(env->store), 1000);
    ck_assert_int_gt(te_store_discarded(env->store, "buffer_overflow"), 200);
    te_finish(env);
}
END_TEST

START_TEST(filter_finishes_its_span_in_a_later_call)
{
    te_env_t *env = te_start(
        _i, TEST_MODULE "<Location /do>\nSetOutputFilter TEST_OPTIONAL\n</Location>\n");
    ck_assert_str_eq(te_get(env, "/do?pieces")->body, "one, two");
    te_await(env, 1);
    const te_span_t *own = child(env, 0, "middleware", "test filter");
    const te_span_t *handler = child(env, 0, "handler", "test-optional");
    ck_assert_str_eq(parent(env, own)->name, "TEST_OPTIONAL");
    ck_assert_double_ge(own->end, handler->end);
    te_finish(env);
}
END_TEST

START_TEST(sub_requests_share_the_trace)
{
    te_env_t *env = te_start(_i, apr_pstrcat(te_pool, te_site_conf, TEST_MODULE, NULL));
    te_write(env->httpd->root, "docs/ids.shtml", "<!--#include virtual=\"/do?ids\" -->");
    const char *body = te_get(env, "/ids.shtml")->body;
    te_await(env, 1);
    const te_span_t *own = child(env, 0, "function", "ids");
    const te_span_t *handler = child(env, 0, "handler", "test-optional");
    ck_assert_str_eq(body, apr_psprintf(te_pool, "%s|%s|1|span|%s", own->trace_id,
                                        own->span_id, handler->span_id));
    te_finish(env);
}
END_TEST

START_TEST(nothing_happens_where_nothing_is_traced)
{
    te_env_t *env =
        te_start(_i, apr_pstrcat(te_pool, te_site_conf, TEST_MODULE,
                                 "<Location /do>\nSentryTrace Off\n</Location>\n", NULL));
    te_write(env->httpd->root, "docs/ids.shtml", "<!--#include virtual=\"/do?ids\" -->");
    ck_assert_str_eq(te_get(env, "/do?ids")->body, "-|-|-1|-|-");
    ck_assert_str_eq(te_get(env, "/do?spans")->body, "0000");
    ck_assert_str_eq(te_get(env, "/do?attributes")->body, "000");
    ck_assert_str_eq(te_get(env, "/ids.shtml")->body, "-|-|-1|-|-");
    te_await(env, 1);
    te_finish(env);
}
END_TEST

START_TEST(unsampled_spans_are_counted_and_have_no_id)
{
    te_env_t *env = te_start(_i, TEST_MODULE "SentryTraceSampleRate 0\n"
                                             "SentryTraceSpans None\n"
                                             "<Location /hello.txt>\n"
                                             "SentryTraceSampleRate 1\n</Location>\n");
    const char *ids = te_get(env, "/do?ids")->body;
    ck_assert_uint_eq(strspn(ids, "0123456789abcdef"), 32);
    const char *segment = apr_pstrmemdup(te_pool, ids + 33, 16);
    ck_assert_str_eq(ids + 49, apr_pstrcat(te_pool, "|0|span|", segment, NULL));
    ck_assert_str_eq(te_get(env, "/do?spans")->body, "0000");
    ck_assert_str_eq(te_get(env, "/do?attributes")->body, "000");
    te_get(env, "/hello.txt"); /* on the same connection: the others are over */
    te_await(env, 1);
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, "sample_rate"), 3 + 1 + 4);
    te_finish(env);
}
END_TEST

START_TEST(module_works_without_ours)
{
    te_setup_t setup = {.mpm = (te_mpm_t)_i, .conf = TEST_MODULE, .without_module = 1};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    ck_assert_str_eq(te_get(env, "/do?ids")->body, "absent");
    ck_assert_int_eq(te_get(env, "/logged")->status, 200);
    te_finish(env);
}
END_TEST

START_TEST(functions_are_found_again_after_a_restart)
{
    te_env_t *env = te_start(_i, TEST_MODULE);
    te_httpd_graceful(env->httpd);
    const char *body = te_get(env, "/do?ids")->body;
    te_await(env, 1);
    ck_assert_int_eq(strncmp(body, te_segment(env->store, 0)->trace_id, 32), 0);
    te_finish(env);
}
END_TEST

/* With HTTP/2 that is not the thread which ends the request. */
START_TEST(thread_is_the_one_that_ran_the_handler)
{
    te_env_t *env = te_start(_i, TEST_MODULE "Protocols h2c http/1.1\n");
    te_request_t request = {.path = "/do?thread", .fresh = 1};
    for (int i = 0; i < 4; i++) {
        request.version = i % 2 == 1 && _i != TE_PREFORK ? TE_HTTP_2 : TE_HTTP_1_1;
        const char *body = te_do(env, &request)->body;
        te_await(env, i + 1);
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_str_eq(body, apr_psprintf(te_pool, "%ld %s",
                                            te_span_attr_int(segment, "thread.id"),
                                            te_span_attr_str(segment, "thread.name")));
    }
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, ids_are_those_of_the_trace_and_the_running_span);
    te_add_per_mpm(tcase, spans_of_a_module_nest_where_they_run);
    te_add_per_mpm(tcase, what_makes_no_sense_is_refused);
    te_add_per_mpm(tcase, attributes_of_a_module_win);
    tcase_add_test(tcase, too_many_spans_are_counted);
    te_add_per_mpm(tcase, filter_finishes_its_span_in_a_later_call);
    te_add_per_mpm(tcase, sub_requests_share_the_trace);
    te_add_per_mpm(tcase, nothing_happens_where_nothing_is_traced);
    te_add_per_mpm(tcase, unsampled_spans_are_counted_and_have_no_id);
    te_add_per_mpm(tcase, thread_is_the_one_that_ran_the_handler);
    te_add_per_mpm(tcase, module_works_without_ours);
    te_add_per_mpm(tcase, functions_are_found_again_after_a_restart);
}

int main(void)
{
    return te_main("e2e_optional", add_cases);
}
