/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics, sample by sample; and the reader that the other tests rely on. */
#include "../../lib/status/metric.h"

#include "t.h"
#include "t_prometheus.h"

static st_buf_t out;

static void buf_setup(void)
{
    st_buf_init(&out, (size_t)1024 * 1024);
}

static void buf_teardown(void)
{
    st_buf_free(&out);
}

static const char *written(void)
{
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    return apr_pstrmemdup(t_pool, out.data, out.len);
}

START_TEST(first_sample_brings_help_and_type)
{
    st_metric_t m = st_metric(&out, "answers_total", "counter", "Answers.");
    st_metric_sample(&m, "");
    st_metric_label(&m, "dsn", "x");
    st_metric_label(&m, "reason", "y");
    st_metric_uint(&m, UINT64_MAX);
    st_metric_sample(&m, "");
    st_metric_seconds(&m, 1500 * ST_NS_PER_MS);
    ck_assert_str_eq(written(), "# HELP sentry_trace_answers_total Answers.\n"
                                "# TYPE sentry_trace_answers_total counter\n"
                                "sentry_trace_answers_total{dsn=\"x\",reason=\"y\"} "
                                "18446744073709551615\n"
                                "sentry_trace_answers_total 1.5\n");
}
END_TEST

START_TEST(metric_without_samples_is_not_there)
{
    (void)st_metric(&out, "answers_total", "counter", "Answers.");
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(label_values_come_back)
{
    static const char *const values[] = {
        "",           "plain", "\"",
        "\\",         "\n",    "\\n",
        "a\"b\\c\nd", "{}=,#", "\xc3\xa9\xe2\x82\xac",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        st_buf_clear(&out);
        st_metric_t m = st_metric(&out, "x_total", "counter", "X.");
        st_metric_sample(&m, "");
        st_metric_label(&m, "key", values[i]);
        st_metric_uint(&m, 1);
        t_prom_t *prom = t_prom_read(written(), t_pool);
        ck_assert_msg(prom->why == NULL, "%s", prom->why);
        ck_assert(t_prom_number(prom, "sentry_trace_x_total", "key", values[i]) == 1);
    }
}
END_TEST

START_TEST(what_is_no_utf_8_is_replaced)
{
    st_metric_t m = st_metric(&out, "x", "gauge", "X.");
    st_metric_sample(&m, "");
    st_metric_label(&m, "key", "a\xff\"");
    st_metric_uint(&m, 1);
    ck_assert_ptr_nonnull(strstr(written(), "{key=\"a\xEF\xBF\xBD\\\"\"} 1\n"));
}
END_TEST

/* Breaks one rule each; the reader has to see it. */
static const char *const malformed[] = {
    "x 1\n",
    "# HELP x X\nx 1\n",
    "# TYPE x gauge\nx 1\n",
    "# HELP x X\n# TYPE y gauge\n",
    "# HELP x X\n# TYPE x gauge\nx 1",
    "# HELP x X\n# TYPE x gauge\n\nx 1\n",
    "# HELP x X\n# TYPE x thing\nx 1\n",
    "# HELP x \n# TYPE x gauge\nx 1\n",
    "# HELP x X\n# TYPE x counter\nx 1\n",
    "# HELP x_total X\n# TYPE x_total gauge\nx_total 1\n",
    "# HELP x_total X\n# TYPE x_total counter\nx_total -1\n",
    "# HELP x X\n# TYPE x gauge\ny 1\n",
    "# HELP x X\n# TYPE x gauge\nx 1\nx 2\n",
    "# HELP x X\n# TYPE x gauge\nx{a=\"1\"} 1\nx{a=\"1\"} 2\n",
    "# HELP x X\n# TYPE x gauge\nx{a=\"1\",a=\"2\"} 1\n",
    "# HELP x X\n# TYPE x gauge\nx{a=\"1} 1\n",
    "# HELP x X\n# TYPE x gauge\nx{a=\"\\t\"} 1\n",
    "# HELP x X\n# TYPE x gauge\nx{a=\"\xff\"} 1\n",
    "# HELP x X\n# TYPE x gauge\nx{1=\"1\"} 1\n",
    "# HELP x X\n# TYPE x gauge\nx{} 1\n",
    "# HELP x X\n# TYPE x gauge\nx one\n",
    "# HELP x X\n# TYPE x gauge\nx 1 2\n",
    "# HELP x X\n# TYPE x gauge\nx 1\n# HELP y Y\n# TYPE y gauge\ny 1\nx{a=\"1\"} 2\n",
    "# HELP x X\n# TYPE x gauge\nx 1\n# HELP x X\n# TYPE x gauge\nx{a=\"1\"} 2\n",
    "# HELP h X\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
    "# HELP h X\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n"
    "h_sum 1\nh_count 1\n",
    "# HELP h X\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
    "# HELP h X\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n",
    "# HELP h X\n# TYPE h histogram\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\n"
    "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
};

START_TEST(reader_finds_what_breaks_the_format)
{
    const t_prom_t *prom = t_prom_read(malformed[_i], t_pool);
    ck_assert_msg(prom->why != NULL, "nothing wrong with %s", malformed[_i]);
}
END_TEST

START_TEST(reader_accepts_what_obeys_it)
{
    const t_prom_t *prom = t_prom_read(
        "# HELP x_total X\n# TYPE x_total counter\nx_total{a=\"1\",b=\"\\\\\"} 1e3\n"
        "# HELP h X\n# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} "
        "2\n"
        "h_sum 1.5\nh_count 2\n",
        t_pool);
    ck_assert_msg(prom->why == NULL, "%s", prom->why);
    ck_assert_int_eq(prom->samples->nelts, 5);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, buf_setup, buf_teardown);
    tcase_add_test(tcase, first_sample_brings_help_and_type);
    tcase_add_test(tcase, metric_without_samples_is_not_there);
    tcase_add_test(tcase, label_values_come_back);
    tcase_add_test(tcase, what_is_no_utf_8_is_replaced);
    tcase_add_loop_test(tcase, reader_finds_what_breaks_the_format, 0,
                        sizeof(malformed) / sizeof(*malformed));
    tcase_add_test(tcase, reader_accepts_what_obeys_it);
}

T_MAIN("metric", add_cases)
