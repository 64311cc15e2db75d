/* SPDX-License-Identifier: Apache-2.0 */
/* Head sampling, and that what is not sampled is counted exactly. */

#include "te.h"

/* Requests that always give the same number of spans: no scripts, whose answers come in one
 * piece or two, as it happens. */
static const char *const paths[] = {
    "/hello.txt",       "/nothing",        "/dir/", "/dir",           "/two.shtml",
    "/chain/text.txt",  "/errordoc/x",     "/old",  "/private/a.txt", "/bytype/text.txt",
    "/cached/text.txt", "/cached/text.txt"};

static void visit(te_env_t *env)
{
    te_write(env->httpd->root, "docs/two.shtml",
             "<!--#include virtual=\"/hello.txt\" -->\n"
             "<!--#include virtual=\"/dir/part.html\" -->\n");
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        ck_assert_int_ne(te_get(env, paths[i])->status, 0);
    }
}

/* Waits until client reports name at least `count` spans. */
static void await_discarded(te_env_t *env, long count)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    te_sentry_collect(env->sentry);
    while (te_store_discarded(env->store, "sample_rate") < count) {
        ck_assert_msg(te_tick(deadline), "%ld of %ld spans reported",
                      te_store_discarded(env->store, "sample_rate"), count);
        te_sentry_collect(env->sentry);
    }
}

START_TEST(rate_0_sends_nothing_and_counts_the_same_spans)
{
    te_env_t *all = te_start(
        _i, apr_pstrcat(te_pool, te_site_conf, "SentryTraceSampleRate 1\n", NULL));
    visit(all);
    te_await(all, sizeof(paths) / sizeof(*paths));
    int spans = te_store_count(all->store);
    te_finish(all);
    te_env_t *none = te_start(
        _i, apr_pstrcat(te_pool, te_site_conf, "SentryTraceSampleRate 0\n", NULL));
    visit(none);
    await_discarded(none, spans);
    te_close(none);
    ck_assert_int_eq(te_store_count(none->store), 0);
    ck_assert_int_eq(te_store_discarded(none->store, "sample_rate"), spans);
    ck_assert_int_eq(te_store_discarded(none->store, NULL), spans);
    te_finish(none);
}
END_TEST

START_TEST(what_is_sampled_and_what_is_not_adds_up)
{
    enum { REQUESTS = 400 };
    te_env_t *env = te_start(_i, "SentryTraceSampleRate 0.5\nSentryTraceSpans None\n");
    te_load_t *load = te_load_start(env->httpd->ports[0], "/hello.txt", REQUESTS, 4);
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_eq(result.answered, REQUESTS);
    te_sentry_await_segments(env->sentry, 1);
    te_httpd_stop_gracefully(env->httpd);
    te_close(env);
    int sampled = env->store->segment_count;
    ck_assert_int_eq(sampled + te_store_discarded(env->store, "sample_rate"), REQUESTS);
    /* Outside of these the decision would be no coin: less than one in 10^15. */
    ck_assert_int_gt(sampled, REQUESTS / 2 - 80);
    ck_assert_int_lt(sampled, REQUESTS / 2 + 80);
    te_finish(env);
}
END_TEST

/* A member of the envelope header's trace; NULL when absent. */
static const char *dsc(const te_env_t *env, const char *key)
{
    const json_t *trace = json_object_get(env->store->last_header, "trace");
    return json_string_value(json_object_get(trace, key));
}

START_TEST(decision_and_rate_are_in_the_envelope_header)
{
    te_env_t *env = te_start(_i, "SentryTraceSampleRate 0.9999999\n");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_str_eq(dsc(env, "trace_id"), segment->trace_id);
    ck_assert_str_eq(dsc(env, "public_key"), TE_SENTRY_KEY);
    ck_assert_str_eq(dsc(env, "sampled"), "true");
    ck_assert_str_eq(dsc(env, "sample_rate"), "0.9999999");
    ck_assert_str_eq(dsc(env, "environment"), "production");
    ck_assert_ptr_null(dsc(env, "transaction")); /* its source is "url" */
    double random = strtod(dsc(env, "sample_rand"), NULL);
    ck_assert(random >= 0.0 && random < 0.9999999);
    ck_assert_uint_eq(strlen(dsc(env, "sample_rand")), 8);
    ck_assert(te_span_attr_double(segment, "sentry.client_sample_rate") == 0.9999999);
    te_finish(env);
}
END_TEST

START_TEST(each_directory_has_its_rate)
{
    te_env_t *env =
        te_start(_i, "SentryTraceSampleRate 0\nSentryTraceSpans None\n"
                     "<Location /dir>\nSentryTraceSampleRate 1\n</Location>\n");
    for (int i = 0; i < 5; i++) {
        te_get(env, "/hello.txt");
        te_get(env, "/dir/part.html");
    }
    te_await(env, 5);
    await_discarded(env, 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_str_eq(te_span_attr_str(te_segment(env->store, i), "url.path"),
                         "/dir/part.html");
    }
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 5);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, rate_0_sends_nothing_and_counts_the_same_spans);
    te_add_per_mpm(tcase, what_is_sampled_and_what_is_not_adds_up);
    te_add_per_mpm(tcase, decision_and_rate_are_in_the_envelope_header);
    te_add_per_mpm(tcase, each_directory_has_its_rate);
}

int main(void)
{
    return te_main("e2e_sampling", add_cases);
}
