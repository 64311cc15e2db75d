/* SPDX-License-Identifier: Apache-2.0 */
/* Output filters and sub-requests. */

#include "te.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#define BIG_BYTES ((size_t)100 << 20)
#define PAGE      65536

static const char *const gzip_wanted[] = {"Accept-Encoding: gzip", NULL};

START_TEST(includes_are_function_spans_with_handler_and_filters)
{
    static const char *const paths[] = {"/hello.txt", "/dir/part.html", "/cgi/ok"};
    te_env_t *env = te_start(_i, te_site_conf);
    ck_assert_ptr_nonnull(strstr(te_get(env, "/page.shtml")->body, "fine"));
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const te_span_t *includes =
        te_span_find(env->store, segment, "middleware", "INCLUDES");
    ck_assert_str_eq(te_span_attr_str(includes, "middleware.name"), "mod_include.c");
    ck_assert_int_eq(te_span_count(env->store, segment, "function", NULL), 3);
    int found = 0;
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        if (strcmp(span->op, "function") != 0) {
            continue;
        }
        ck_assert_str_eq(span->name, "subrequest GET");
        ck_assert_str_eq(te_span_attr_str(span, "url.path"), paths[found]);
        ck_assert_ptr_eq(te_span_parent(env->store, span), includes);
        found++;
    }
    ck_assert_int_eq(found, 3);
    te_finish(env);
}
END_TEST

/* The child of `parent` with that op; the test ends unless there is exactly one. */
static const te_span_t *only_child(const te_store_t *store, const te_span_t *parent,
                                   const char *op)
{
    const te_span_t *found = NULL;
    for (int i = 0; i < te_store_count(store); i++) {
        const te_span_t *span = te_store_span(store, i);
        if (span->is_segment || strcmp(span->op, op) != 0 ||
            te_span_parent(store, span) != parent) {
            continue;
        }
        ck_assert_msg(found == NULL, "%s has several children %s", parent->name, op);
        found = span;
    }
    ck_assert_msg(found != NULL, "%s has no child %s", parent->name, op);
    return found;
}

START_TEST(included_script_runs_below_its_sub_request)
{
    te_env_t *env = te_start(_i, te_site_conf);
    te_write(env->httpd->root, "docs/one.shtml", "<!--#include virtual=\"/cgi/ok\" -->");
    ck_assert_str_eq(te_get(env, "/one.shtml")->body, "fine\n");
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const te_span_t *sub = te_span_find(env->store, segment, "function", NULL);
    const te_span_t *handler = only_child(env->store, sub, "handler");
    ck_assert_str_eq(handler->name, "cgi-script");
    const te_span_t *filter = only_child(env->store, handler, "middleware");
    ck_assert_str_eq(filter->name, "SUBREQ_CORE");
    te_finish(env);
}
END_TEST

START_TEST(without_sub_requests_their_work_hangs_on_the_filter)
{
    te_env_t *env = te_start(
        _i, apr_pstrcat(te_pool, te_site_conf, "SentryTraceSpans -Subrequests\n", NULL));
    ck_assert_int_eq(te_get(env, "/page.shtml")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_int_eq(te_span_count(env->store, segment, "function", NULL), 0);
    const te_span_t *script = te_span_find(env->store, segment, "handler", "cgi-script");
    ck_assert_str_eq(te_span_parent(env->store, script)->name, "INCLUDES");
    te_finish(env);
}
END_TEST

/* Which children a configuration leaves of /page.shtml. */
typedef struct kinds_t {
    const char *conf;
    int handlers;
    int filters;
    int functions;
} kinds_t;

static const kinds_t kinds[] = {
    {"SentryTraceSpans All\n", 1, 1, 1},
    {"SentryTraceSpans None\n", 0, 0, 0},
    {"SentryTraceSpans Handler\n", 1, 0, 0},
    {"SentryTraceSpans OutputFilters\n", 0, 1, 0},
    {"SentryTraceSpans Handler Subrequests\n", 1, 0, 1},
    {"SentryTraceSpans -Handler\n", 0, 1, 1},
    {"SentryTraceSpans None\n<Location />\nSentryTraceSpans +Handler\n</Location>\n", 1,
     0, 0},
    {"SentryTraceSpans -Handler\n<Location />\nSentryTraceSpans +Handler "
     "-OutputFilters\n</Location>\n",
     1, 0, 1},
};

START_TEST(only_the_chosen_kinds_of_spans_are_recorded)
{
    const kinds_t *expected = &kinds[_i];
    te_env_t *env =
        te_start(TE_EVENT, apr_pstrcat(te_pool, te_site_conf, expected->conf, NULL));
    ck_assert_int_eq(te_get(env, "/page.shtml")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    int handlers = te_span_count(env->store, segment, "handler", NULL);
    int filters = te_span_count(env->store, segment, "middleware", NULL);
    int functions = te_span_count(env->store, segment, "function", NULL);
    ck_assert_int_eq(handlers > 0, expected->handlers);
    ck_assert_int_eq(filters > 0, expected->filters);
    ck_assert_int_eq(functions > 0, expected->functions);
    ck_assert_int_eq(te_store_count(env->store), 1 + handlers + filters + functions);
    te_finish(env);
}
END_TEST

START_TEST(filter_chain_shows_harness_and_provider)
{
    te_env_t *env = te_start(_i, te_site_conf);
    const te_reply_t *reply = te_get(env, "/chain/text.txt");
    ck_assert_ptr_nonnull(strstr(reply->body, "beta beta gamma"));
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const te_span_t *harness = te_span_find(env->store, segment, "middleware", "WORDS");
    const te_span_t *provider =
        te_span_find(env->store, segment, "middleware", "SUBSTITUTE");
    ck_assert_str_eq(te_span_attr_str(harness, "middleware.name"), "mod_filter.c");
    ck_assert_str_eq(te_span_attr_str(provider, "middleware.name"), "mod_substitute.c");
    ck_assert_ptr_eq(te_span_parent(env->store, provider), harness);
    te_finish(env);
}
END_TEST

START_TEST(filters_by_type_in_htaccess_work_again_and_again)
{
    te_env_t *env =
        te_start(_i, "<Directory ${DOCS}>\nAllowOverride All\n</Directory>\n");
    te_write(env->httpd->root, "docs/bytype/.htaccess",
             "AddOutputFilterByType DEFLATE text/plain\n");
    te_request_t request = {
        .path = "/bytype/text.txt", .headers = gzip_wanted, .digest = 1};
    for (int i = 0; i < 20; i++) {
        const te_reply_t *reply = te_do(env, &request);
        ck_assert_int_eq(reply->status, 200);
        ck_assert_uint_eq(reply->inflated_len, TE_SITE_TEXT_BYTES);
    }
    te_await(env, 20);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(
            te_span_count(env->store, te_segment(env->store, i), "middleware", "DEFLATE"),
            1);
    }
    te_finish(env);
}
END_TEST

/* A sparse file with a word here and there. @return its CRC-32 */
static uint32_t big_file_make(const char *root)
{
    int fd =
        open(te_path(root, "docs/deflated/big.txt", te_pool), O_CREAT | O_RDWR, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)BIG_BYTES), 0);
    for (size_t at = 12345; at < BIG_BYTES; at += 999983) {
        char word[32];
        int len = apr_snprintf(word, sizeof(word), "word at %" APR_SIZE_T_FMT "\n", at);
        ck_assert_int_eq(pwrite(fd, word, (size_t)len, (off_t)at), len);
    }
    static unsigned char page[PAGE];
    uLong crc = 0;
    for (size_t at = 0; at < BIG_BYTES; at += PAGE) {
        ssize_t got = pread(fd, page, PAGE, (off_t)at);
        crc = crc32(crc, page, (uInt)got);
    }
    close(fd);
    return (uint32_t)crc;
}

START_TEST(hundred_megabytes_through_deflate_are_one_span)
{
    te_env_t *env = te_start(_i, te_site_conf);
    uint32_t crc = big_file_make(env->httpd->root);
    te_request_t request = {
        .path = "/deflated/big.txt", .headers = gzip_wanted, .digest = 1};
    const te_reply_t *reply = te_do(env, &request);
    ck_assert_int_eq(reply->status, 200);
    ck_assert_ptr_null(reply->why);
    ck_assert_uint_eq(reply->inflated_len, BIG_BYTES);
    ck_assert_uint_eq(reply->crc, crc);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_int_eq(te_span_count(env->store, segment, "middleware", "DEFLATE"), 1);
    ck_assert_int_eq(te_span_count(env->store, segment, "middleware", "CORE"), 1);
    ck_assert_int_eq(te_span_attr_int(segment, "http.response.body.size"),
                     (long)reply->len);
    te_finish(env);
}
END_TEST

/* Spans of a page with `count` includes, delivered and refused.
 * @param prefused those of them that had no room */
static long page_spans(te_mpm_t mpm, int count, long *prefused)
{
    static const char line[] = "<!--#include virtual=\"/hello.txt\" -->\n";
    te_env_t *env = te_start(mpm, te_site_conf);
    char *page = apr_pcalloc(te_pool, (apr_size_t)count * sizeof(line) + 1);
    for (int i = 0; i < count; i++) {
        memcpy(page + (apr_size_t)i * (sizeof(line) - 1), line, sizeof(line) - 1);
    }
    te_write(env->httpd->root, "docs/many.shtml", page);
    ck_assert_int_eq(te_get(env, "/many.shtml")->status, 200);
    te_await(env, 1);
    te_close(env);
    *prefused = te_store_discarded(env->store, "buffer_overflow");
    long spans = te_store_count(env->store);
    ck_assert_int_le(spans, 1000);
    te_finish(env);
    return spans + *prefused;
}

/* Each include makes as many spans as any other, whether there is room for them or not. */
START_TEST(more_spans_than_fit_are_counted)
{
    long refused;
    long few = page_spans(_i, 10, &refused);
    long more = page_spans(_i, 20, &refused);
    ck_assert_int_eq(refused, 0);
    long many = page_spans(_i, 600, &refused);
    ck_assert_int_gt(refused, 600);
    ck_assert_int_eq(many - more, 58 * (more - few));
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, includes_are_function_spans_with_handler_and_filters);
    te_add_per_mpm(tcase, included_script_runs_below_its_sub_request);
    te_add_per_mpm(tcase, without_sub_requests_their_work_hangs_on_the_filter);
    tcase_add_loop_test(tcase, only_the_chosen_kinds_of_spans_are_recorded, 0,
                        sizeof(kinds) / sizeof(*kinds));
    te_add_per_mpm(tcase, filter_chain_shows_harness_and_provider);
    te_add_per_mpm(tcase, filters_by_type_in_htaccess_work_again_and_again);
    te_add_per_mpm(tcase, hundred_megabytes_through_deflate_are_one_span);
    te_add_per_mpm(tcase, more_spans_than_fit_are_counted);
}

int main(void)
{
    return te_main("e2e_filters", add_cases);
}
