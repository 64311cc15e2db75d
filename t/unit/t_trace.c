/* SPDX-License-Identifier: Apache-2.0 */
#include "t_cli.h"
#include "stc_trace.h"

static stc_trace_t *trace;

static apr_status_t add(const t_span_t *span)
{
    const char *why = NULL;
    json_t *json = t_span_json(span);
    apr_status_t rv = stc_trace_add(trace, &why, json);
    json_decref(json);
    ck_assert_int_eq(rv == APR_SUCCESS, why == NULL);
    return rv;
}

static void add_all(const t_span_t *spans, int count)
{
    trace = stc_trace_create(T_TRACE_ID, t_pool);
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(add(&spans[i]), APR_SUCCESS);
    }
    stc_trace_arrange(trace);
}

/* The tree as text: "a(b(c) ?d)", names in order, children in brackets. */
static const char *tree(void)
{
    st_buf_t out;
    st_buf_init(&out, 1000000);
    int depth = 0;
    const stc_span_t *span = stc_trace_next(trace, &trace->top);
    for (; span != NULL; span = stc_trace_next(trace, span)) {
        if (span->depth > depth) {
            st_buf_add_str(&out, depth > 0 ? "(" : "");
        }
        for (int i = span->depth; i < depth; i++) {
            st_buf_add_char(&out, ')');
        }
        if (span->depth <= depth) {
            st_buf_add_char(&out, ' ');
        }
        st_buf_add_str(&out, span->is_orphan ? "?" : "");
        st_buf_add(&out, span->name.ptr, span->name.len);
        depth = span->depth;
    }
    for (int i = 1; i < depth; i++) {
        st_buf_add_char(&out, ')');
    }
    const char *text = t_text(&out);
    st_buf_free(&out);
    return text;
}

START_TEST(children_stand_below_their_parents_sorted_by_start)
{
    const t_span_t spans[] = {
        {.id = 4, .parent = 2, .name = "d", .start = 6, .end = 7},
        {.id = 3, .parent = 1, .name = "c", .start = 8, .end = 9},
        {.id = 2, .parent = 1, .name = "b", .start = 5, .end = 8},
        {.id = 1, .name = "a", .end = 10, .is_segment = 1},
        {.id = 5, .parent = 2, .name = "e", .start = 6, .end = 7},
    };
    add_all(spans, 5);
    ck_assert_str_eq(tree(), "a(b(d e) c)");
    ck_assert_ptr_eq(trace->main, trace->top.first);
    ck_assert_int_eq(trace->duration, 10);
    ck_assert_int_eq(trace->start, apr_time_from_sec(T_START_SEC));
}
END_TEST

START_TEST(orphans_stand_last_below_the_main_segment)
{
    const t_span_t spans[] = {
        {.id = 2, .parent = 99, .name = "lost", .start = 1, .end = 2},
        {.id = 5, .parent = 2, .name = "below", .start = 1, .end = 2},
        {.id = 1, .name = "a", .end = 10, .is_segment = 1},
        {.id = 3, .parent = 1, .name = "b", .start = 5, .end = 8},
    };
    add_all(spans, 4);
    ck_assert_str_eq(tree(), "a(b ?lost(below))");
}
END_TEST

START_TEST(without_a_segment_orphans_are_roots)
{
    const t_span_t spans[] = {
        {.id = 2, .parent = 99, .name = "x", .start = 3, .end = 4},
        {.id = 3, .parent = 98, .name = "y", .start = 1, .end = 2},
    };
    add_all(spans, 2);
    ck_assert_str_eq(tree(), "?y ?x");
    ck_assert_ptr_null(trace->main);
}
END_TEST

START_TEST(segment_with_a_parent_elsewhere_is_a_root)
{
    const t_span_t spans[] = {
        {.id = 1, .parent = 77, .name = "a", .start = 0, .end = 9, .is_segment = 1},
        {.id = 2, .parent = 1, .name = "b", .start = 1, .end = 2},
        {.id = 3, .parent = 2, .name = "inner", .start = 1, .end = 2, .is_segment = 1},
        {.id = 4, .parent = 78, .name = "c", .start = 5, .end = 6, .is_segment = 1},
    };
    add_all(spans, 4);
    ck_assert_str_eq(tree(), "a(b(inner)) c");
    ck_assert_int_eq(trace->segment_count, 3);
    ck_assert_int_eq(trace->main->name.ptr[0], 'a');
}
END_TEST

START_TEST(segment_without_any_parent_gives_the_title)
{
    const t_span_t spans[] = {
        {.id = 1, .parent = 77, .name = "skewed", .start = 0, .end = 9, .is_segment = 1},
        {.id = 2, .name = "first", .start = 5, .end = 6, .is_segment = 1},
        {.id = 3, .name = "later", .start = 6, .end = 7, .is_segment = 1},
    };
    add_all(spans, 3);
    ck_assert_uint_eq(trace->main->name.len, strlen("first"));
}
END_TEST

START_TEST(circles_are_cut_at_their_earliest_span)
{
    const t_span_t spans[] = {
        {.id = 1, .name = "a", .end = 10, .is_segment = 1},
        {.id = 2, .parent = 4, .name = "x", .start = 3, .end = 4},
        {.id = 3, .parent = 2, .name = "y", .start = 2, .end = 4},
        {.id = 4, .parent = 3, .name = "z", .start = 4, .end = 5},
        {.id = 5, .parent = 5, .name = "self", .start = 5, .end = 5},
        {.id = 6, .parent = 3, .name = "early", .start = 1, .end = 2},
    };
    add_all(spans, 6);
    ck_assert_str_eq(tree(), "a(?early ?y(z(x)) ?self)");
}
END_TEST

START_TEST(segment_in_a_circle_with_itself_is_shown)
{
    const t_span_t spans[] = {
        {.id = 1, .parent = 1, .name = "a", .end = 10, .is_segment = 1}};
    add_all(spans, 1);
    ck_assert_str_eq(tree(), "?a");
}
END_TEST

START_TEST(repeated_spans_count_once)
{
    const t_span_t spans[] = {
        {.id = 1, .name = "a", .end = 10, .is_segment = 1},
        {.id = 1, .name = "again", .end = 10, .is_segment = 1},
    };
    add_all(spans, 2);
    ck_assert_str_eq(tree(), "a");
    ck_assert_int_eq(trace->repeated, 1);
    ck_assert_int_eq(trace->segment_count, 1);
}
END_TEST

START_TEST(totals_cover_skewed_clocks)
{
    const t_span_t spans[] = {
        {.id = 1, .name = "a", .start = 100, .end = 200, .is_segment = 1},
        {.id = 2, .parent = 1, .name = "before", .start = 40, .end = 120},
        {.id = 3, .parent = 1, .name = "after", .start = 150, .end = 500},
        {.id = 4, .parent = 1, .name = "backwards", .start = 700, .end = 10},
    };
    add_all(spans, 4);
    ck_assert_int_eq(trace->start, apr_time_from_sec(T_START_SEC) + 40);
    ck_assert_int_eq(trace->duration, 660);
    ck_assert_str_eq(tree(), "a(before after backwards)");
}
END_TEST

START_TEST(spans_may_come_after_arranging)
{
    const t_span_t spans[] = {
        {.id = 2, .parent = 1, .name = "b", .start = 1, .end = 2},
        {.id = 3, .parent = 2, .name = "c", .start = 1, .end = 2},
        {.id = 1, .name = "a", .end = 10, .is_segment = 1},
    };
    add_all(spans, 2);
    ck_assert_str_eq(tree(), "?b(c)");
    ck_assert_int_eq(add(&spans[2]), APR_SUCCESS);
    stc_trace_arrange(trace);
    ck_assert_str_eq(tree(), "a(b(c))");
}
END_TEST

START_TEST(deep_chain_keeps_every_level)
{
    trace = stc_trace_create(T_TRACE_ID, t_pool);
    for (int i = STC_TRACE_SPANS_MAX; i > 0; i--) {
        t_span_t span = {.id = i, .parent = i - 1, .name = "n", .end = 1};
        ck_assert_int_eq(add(&span), APR_SUCCESS);
    }
    stc_trace_arrange(trace);
    int deepest = 0;
    const stc_span_t *span = stc_trace_next(trace, &trace->top);
    for (; span != NULL; span = stc_trace_next(trace, span)) {
        ck_assert_int_eq(span->depth, deepest + 1);
        deepest = span->depth;
    }
    ck_assert_int_eq(deepest, STC_TRACE_SPANS_MAX);
}
END_TEST

START_TEST(full_trace_takes_no_more)
{
    trace = stc_trace_create(T_TRACE_ID, t_pool);
    for (int i = 1; i <= STC_TRACE_SPANS_MAX; i++) {
        t_span_t span = {.id = i, .name = "n", .end = 1};
        ck_assert_int_eq(add(&span), APR_SUCCESS);
    }
    const t_span_t more = {.id = STC_TRACE_SPANS_MAX + 1, .name = "n", .end = 1};
    ck_assert_int_eq(add(&more), ST_E_FULL);
    ck_assert_int_eq(trace->spans->nelts, STC_TRACE_SPANS_MAX);
}
END_TEST

START_TEST(malformed_span_is_refused_with_its_reason)
{
    trace = stc_trace_create(T_TRACE_ID, t_pool);
    const char *why = NULL;
    json_t *json = json_object();
    ck_assert_int_eq(stc_trace_add(trace, &why, json), ST_E_MALFORMED);
    json_decref(json);
    ck_assert_str_eq(why, "its span_id is not 16 hex digits");
    ck_assert_int_eq(trace->spans->nelts, 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, children_stand_below_their_parents_sorted_by_start);
    tcase_add_test(tcase, orphans_stand_last_below_the_main_segment);
    tcase_add_test(tcase, without_a_segment_orphans_are_roots);
    tcase_add_test(tcase, segment_with_a_parent_elsewhere_is_a_root);
    tcase_add_test(tcase, segment_without_any_parent_gives_the_title);
    tcase_add_test(tcase, circles_are_cut_at_their_earliest_span);
    tcase_add_test(tcase, segment_in_a_circle_with_itself_is_shown);
    tcase_add_test(tcase, repeated_spans_count_once);
    tcase_add_test(tcase, totals_cover_skewed_clocks);
    tcase_add_test(tcase, spans_may_come_after_arranging);
    tcase_add_test(tcase, deep_chain_keeps_every_level);
    tcase_add_test(tcase, full_trace_takes_no_more);
    tcase_add_test(tcase, malformed_span_is_refused_with_its_reason);
}

T_MAIN("trace", add_cases)
