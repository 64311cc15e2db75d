/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes whose value somebody chose. */
#include "st_attr_set.h"

#include <string.h>
#include "t.h"

static st_segment_t *segment_make(void)
{
    st_rng_t rng = {.state = 7};
    return st_segment_open(t_pool, rng, 1000, 1000, 10);
}

/* The one attribute of that key; the test ends unless there is exactly one. */
static const st_attr_t *only(const st_attr_t *attrs, int count, st_attr_key_t key)
{
    const st_attr_t *found = NULL;
    for (int i = 0; i < count; i++) {
        if (attrs[i].key == key) {
            ck_assert_ptr_null(found);
            found = &attrs[i];
        }
    }
    ck_assert_ptr_nonnull(found);
    return found;
}

static void expect_str(const st_attr_t *attr, const char *text)
{
    ck_assert_uint_eq(attr->value.str.len, strlen(text));
    ck_assert_mem_eq(attr->value.str.ptr, text, strlen(text));
}

START_TEST(chosen_value_wins_over_those_before_and_after)
{
    st_segment_t *seg = segment_make();
    st_segment_attr_str(seg, ST_ATTR_HTTP_ROUTE, "/before");
    ck_assert_int_eq(st_attr_set_str(seg, ST_SPAN_SEGMENT, ST_ATTR_HTTP_ROUTE, "/chosen"),
                     1);
    st_segment_attr_str(seg, ST_ATTR_HTTP_ROUTE, "/after");
    expect_str(only(seg->attrs, seg->attr_count, ST_ATTR_HTTP_ROUTE), "/chosen");
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, "/other");
    expect_str(only(seg->attrs, seg->attr_count, ST_ATTR_URL_PATH), "/other");
}
END_TEST

START_TEST(last_chosen_value_counts)
{
    st_segment_t *seg = segment_make();
    int span = st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 1100);
    int targets[] = {ST_SPAN_SEGMENT, span};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(st_attr_set_int(seg, targets[i], ST_ATTR_SERVER_PORT, 1), 1);
        ck_assert_int_eq(st_attr_set_int(seg, targets[i], ST_ATTR_SERVER_PORT, 2), 1);
        ck_assert_int_eq(st_attr_set_str(seg, targets[i], ST_ATTR_URL_PATH, "/1"), 1);
        ck_assert_int_eq(st_attr_set_str(seg, targets[i], ST_ATTR_URL_PATH, "/2"), 1);
    }
    const st_span_t *child = &seg->spans[span];
    ck_assert_int_eq(
        only(seg->attrs, seg->attr_count, ST_ATTR_SERVER_PORT)->value.integer, 2);
    ck_assert_int_eq(
        only(child->attrs, child->attr_count, ST_ATTR_SERVER_PORT)->value.integer, 2);
    expect_str(only(seg->attrs, seg->attr_count, ST_ATTR_URL_PATH), "/2");
    expect_str(only(child->attrs, child->attr_count, ST_ATTR_URL_PATH), "/2");
}
END_TEST

START_TEST(nothing_is_kept_where_nothing_is_recorded)
{
    st_segment_t *seg = segment_make();
    ck_assert_int_eq(st_attr_set_str(seg, ST_SPAN_NONE, ST_ATTR_URL_PATH, "/"), 0);
    ck_assert_int_eq(st_attr_set_int(seg, ST_SPAN_NONE, ST_ATTR_SERVER_PORT, 1), 0);
    ck_assert_int_eq(st_attr_set_str(seg, ST_SPAN_SEGMENT, ST_ATTR_URL_PATH, ""), 0);
    ck_assert_int_eq(st_attr_set_str(seg, ST_SPAN_SEGMENT, ST_ATTR_URL_PATH, NULL), 0);
    st_segment_unsample(seg);
    ck_assert_int_eq(st_attr_set_str(seg, ST_SPAN_SEGMENT, ST_ATTR_URL_PATH, "/"), 0);
    ck_assert_int_eq(st_attr_set_int(seg, ST_SPAN_SEGMENT, ST_ATTR_SERVER_PORT, 1), 0);
    ck_assert_int_eq(seg->attr_count, 0);
}
END_TEST

START_TEST(full_segment_and_child_refuse_new_keys_only)
{
    st_segment_t *seg = segment_make();
    int span = st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 1100);
    int targets[] = {ST_SPAN_SEGMENT, span};
    for (int i = 0; i < ST_SPAN_ATTRS_MAX; i++) {
        st_segment_attr_int(seg, ST_ATTR_SERVER_PORT, i);
        st_span_attr_int(seg, span, ST_ATTR_SERVER_PORT, i);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(st_attr_set_int(seg, targets[i], ST_ATTR_CLIENT_PORT, 1), 0);
        ck_assert_int_eq(st_attr_set_str(seg, targets[i], ST_ATTR_URL_PATH, "/"), 0);
        ck_assert_int_eq(st_attr_set_int(seg, targets[i], ST_ATTR_SERVER_PORT, 99), 1);
    }
    ck_assert_int_eq(seg->attrs[0].value.integer, 99);
    ck_assert_int_eq(seg->spans[span].attrs[0].value.integer, 99);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, chosen_value_wins_over_those_before_and_after);
    tcase_add_test(tcase, last_chosen_value_counts);
    tcase_add_test(tcase, nothing_is_kept_where_nothing_is_recorded);
    tcase_add_test(tcase, full_segment_and_child_refuse_new_keys_only);
}

T_MAIN("attr_set", add_cases)
