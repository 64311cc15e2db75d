/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_segment.h"

#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#define START 1000000

/* A segment in memory that was used before. */
static st_segment_t *open_segment(int span_max)
{
    for (int i = 0; i < 20; i++) {
        memset(apr_palloc(t_pool, 4000), 0xA5, 4000);
    }
    apr_pool_clear(t_pool);
    return st_segment_open(t_pool, (st_rng_t){.state = 11}, 5 * ST_NS_PER_SEC, START,
                           span_max);
}

/* The span of `owner`, made when there is none yet. */
static int span_of(st_segment_t *seg, const void *owner, st_ns_t now)
{
    int span = st_segment_span_find(seg, owner, ST_SPAN_SEGMENT);
    if (span == ST_SPAN_NONE) {
        span = st_segment_span_add(seg, ST_OP_MIDDLEWARE, "filter", NULL, now);
    }
    if (span != ST_SPAN_NONE) {
        seg->spans[span].owner = owner;
    }
    return span;
}

START_TEST(new_segment_is_a_sampled_head_of_a_trace)
{
    st_segment_t *seg = open_segment(10);
    ck_assert_int_eq(seg->sampled, 1);
    ck_assert_uint_ne(seg->span_id, 0);
    ck_assert_uint_eq(seg->parent_span_id, 0);
    ck_assert_int_eq(seg->start, START);
    ck_assert_int_eq(seg->wall_start, 5 * ST_NS_PER_SEC);
    ck_assert_int_eq(seg->end, 0);
    ck_assert_int_eq(seg->status, ST_STATUS_OK);
    ck_assert(seg->sample_rate == 1.0);
    ck_assert_str_eq(seg->name, "HTTP");
    ck_assert_str_eq(seg->name_source, "url");
    ck_assert_int_eq(seg->attr_count, 0);
    ck_assert_int_eq(st_segment_span_total(seg), 1);
    st_rng_t rng = {.state = 11};
    st_trace_id_t trace_id = st_trace_id_make(&rng);
    ck_assert_mem_eq(&seg->trace_id, &trace_id, sizeof(trace_id));
    ck_assert_uint_eq(seg->span_id, st_span_id_make(&rng));
}
END_TEST

START_TEST(ops_have_the_names_of_the_conventions)
{
    ck_assert_str_eq(st_op_text(ST_OP_HTTP_SERVER), "http.server");
    ck_assert_str_eq(st_op_text(ST_OP_HANDLER), "handler");
    ck_assert_str_eq(st_op_text(ST_OP_MIDDLEWARE), "middleware");
    ck_assert_str_eq(st_op_text(ST_OP_FUNCTION), "function");
    ck_assert_str_eq(st_op_text(ST_OP_HTTP_CLIENT), "http.client");
    ck_assert_int_eq(ST_OP_COUNT, ST_OP_HTTP_CLIENT + 1);
}
END_TEST

/* handler { deflate { core } core } deflate { core } */
START_TEST(parent_is_the_innermost_running_span)
{
    st_segment_t *seg = open_segment(10);
    static const char deflate, core;
    st_frame_t h, d, c;
    int handler =
        st_segment_span_add(seg, ST_OP_HANDLER, "default-handler", "core.c", 10);
    st_frame_enter(seg, &h, handler, 10);
    st_frame_enter(seg, &d, span_of(seg, &deflate, 20), 20);
    st_frame_enter(seg, &c, span_of(seg, &core, 30), 30);
    st_frame_leave(seg, &c, 35);
    st_frame_leave(seg, &d, 40);
    st_frame_enter(seg, &c, span_of(seg, &core, 50), 50);
    st_frame_leave(seg, &c, 57);
    st_frame_leave(seg, &h, 60);
    st_frame_enter(seg, &d, span_of(seg, &deflate, 70), 70);
    st_frame_enter(seg, &c, span_of(seg, &core, 72), 72);
    st_frame_leave(seg, &c, 73);
    st_frame_leave(seg, &d, 80);
    ck_assert_int_eq(seg->span_count, 3);
    ck_assert_int_eq(seg->spans[0].parent, ST_SPAN_SEGMENT);
    ck_assert_int_eq(seg->spans[1].parent, 0);
    ck_assert_int_eq(seg->spans[2].parent, 1);
    ck_assert_int_eq(seg->spans[0].start, 10);
    ck_assert_int_eq(seg->spans[0].end, 60);
    ck_assert_int_eq(seg->spans[0].self, 50 - 20 - 7);
    ck_assert_int_eq(seg->spans[1].start, 20);
    ck_assert_int_eq(seg->spans[1].end, 80);
    ck_assert_int_eq(seg->spans[1].self, 15 + 9);
    ck_assert_int_eq(seg->spans[2].start, 30);
    ck_assert_int_eq(seg->spans[2].end, 73);
    ck_assert_int_eq(seg->spans[2].self, 5 + 7 + 1);
    ck_assert_ptr_null(seg->top);
}
END_TEST

/* outer { (no span) { inner } } */
START_TEST(frame_without_a_span_is_looked_through)
{
    st_segment_t *seg = open_segment(10);
    st_frame_t outer, none, inner;
    int first = st_segment_span_add(seg, ST_OP_HANDLER, "outer", NULL, 0);
    st_frame_enter(seg, &outer, first, 0);
    st_frame_enter(seg, &none, ST_SPAN_NONE, 10);
    int second = st_segment_span_add(seg, ST_OP_FUNCTION, "inner", NULL, 20);
    ck_assert_int_eq(seg->spans[second].parent, first);
    st_frame_enter(seg, &inner, second, 20);
    st_frame_leave(seg, &inner, 50);
    st_frame_leave(seg, &none, 60);
    st_frame_leave(seg, &outer, 100);
    ck_assert_int_eq(seg->spans[second].self, 30);
    ck_assert_int_eq(seg->spans[first].self, 70);
}
END_TEST

START_TEST(leaving_closes_what_was_entered_later)
{
    st_segment_t *seg = open_segment(10);
    st_frame_t frames[3];
    for (int i = 0; i < 3; i++) {
        int span = st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 10 * i);
        st_frame_enter(seg, &frames[i], span, 10 * i);
    }
    st_frame_leave(seg, &frames[0], 100);
    ck_assert_ptr_null(seg->top);
    ck_assert_int_eq(seg->spans[0].self, 10);
    ck_assert_int_eq(seg->spans[1].self, 10);
    ck_assert_int_eq(seg->spans[2].self, 80);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(seg->spans[i].end, 100);
    }
}
END_TEST

/* A call that returns after its frame was closed with an outer one, or with the segment. */
START_TEST(leaving_a_frame_that_is_not_running_changes_nothing)
{
    st_segment_t *seg = open_segment(10);
    st_frame_t outer, stale, running;
    int first = st_segment_span_add(seg, ST_OP_FUNCTION, "first", NULL, 0);
    int second = st_segment_span_add(seg, ST_OP_FUNCTION, "second", NULL, 0);
    st_frame_enter(seg, &outer, first, 0);
    st_frame_enter(seg, &stale, second, 1);
    st_frame_leave(seg, &outer, 2);
    st_frame_enter(seg, &running, first, 3);
    st_frame_leave(seg, &stale, 4);
    ck_assert_ptr_eq(seg->top, &running);
    ck_assert_int_eq(seg->spans[second].end, 2);
    ck_assert_int_eq(seg->spans[second].self, 1);
    st_frame_leave(seg, &running, 5);
    ck_assert_int_eq(seg->spans[first].self, 1 + 2);
    st_segment_close(seg, 6);
    st_frame_leave(seg, &running, 7);
    ck_assert_int_eq(seg->spans[first].end, 5);
    ck_assert_ptr_null(seg->top);
}
END_TEST

START_TEST(close_ends_running_frames_and_open_spans)
{
    st_segment_t *seg = open_segment(10);
    st_frame_t frames[2];
    int never_entered = st_segment_span_add(seg, ST_OP_FUNCTION, "a", NULL, START + 1);
    int running = st_segment_span_add(seg, ST_OP_FUNCTION, "b", NULL, START + 2);
    st_frame_enter(seg, &frames[0], running, START + 2);
    st_frame_enter(seg, &frames[1], ST_SPAN_NONE, START + 3);
    st_segment_close(seg, START + 10);
    ck_assert_ptr_null(seg->top);
    ck_assert_int_eq(seg->end, START + 10);
    ck_assert_int_eq(seg->spans[never_entered].end, START + 10);
    ck_assert_int_eq(seg->spans[never_entered].timed, 0);
    ck_assert_int_eq(seg->spans[running].end, START + 10);
    ck_assert_int_eq(seg->spans[running].self, 8);
    ck_assert_int_eq(seg->spans[running].timed, 1);
}
END_TEST

START_TEST(only_the_last_span_can_be_taken_back)
{
    st_segment_t *seg = open_segment(2);
    static const char owner;
    int first = st_segment_span_add(seg, ST_OP_HANDLER, "first", NULL, 1);
    int second = span_of(seg, &owner, 2);
    ck_assert_int_eq(st_segment_span_drop(seg, first), 0);
    ck_assert_int_eq(st_segment_span_total(seg), 3);
    ck_assert_int_eq(st_segment_span_drop(seg, second), 1);
    ck_assert_int_eq(st_segment_span_total(seg), 2);
    ck_assert_int_eq(st_segment_span_find(seg, &owner, ST_SPAN_SEGMENT), ST_SPAN_NONE);
    int third = st_segment_span_add(seg, ST_OP_HANDLER, "third", NULL, 3);
    ck_assert_int_eq(third, second);
    ck_assert_str_eq(seg->spans[third].name, "third");
    ck_assert_int_eq(st_segment_span_find(seg, &owner, ST_SPAN_SEGMENT), ST_SPAN_NONE);
}
END_TEST

START_TEST(span_that_is_running_stays)
{
    st_segment_t *seg = open_segment(2);
    st_frame_t frame, none;
    int span = st_segment_span_add(seg, ST_OP_HANDLER, "h", NULL, 1);
    st_frame_enter(seg, &frame, span, 1);
    st_frame_enter(seg, &none, ST_SPAN_NONE, 1);
    ck_assert_int_eq(st_segment_span_drop(seg, span), 0);
    int inner = st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 1);
    ck_assert_int_eq(st_segment_span_drop(seg, inner), 1);
    st_frame_leave(seg, &frame, 2);
    ck_assert_int_eq(st_segment_span_drop(seg, span), 1);
    ck_assert_int_eq(seg->span_count, 0);
}
END_TEST

START_TEST(children_over_the_limit_are_counted)
{
    st_segment_t *seg = open_segment(5);
    for (int i = 0; i < 8; i++) {
        int span = st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 1);
        ck_assert_int_eq(span, i < 5 ? i : ST_SPAN_NONE);
    }
    ck_assert_int_eq(seg->span_count, 5);
    ck_assert_int_eq(seg->overflow, 3);
    ck_assert_int_eq(st_segment_span_total(seg), 9);
    ck_assert_int_eq(st_segment_span_drop(seg, ST_SPAN_NONE), 1);
    ck_assert_int_eq(seg->overflow, 2);
    ck_assert_int_eq(st_segment_span_total(seg), 8);
    /* Making room again makes room. */
    ck_assert_int_eq(st_segment_span_drop(seg, 4), 1);
    ck_assert_int_eq(st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 1), 4);
}
END_TEST

START_TEST(refused_owner_counts_once)
{
    st_segment_t *seg = open_segment(1);
    static const char owners[200];
    ck_assert_int_eq(st_segment_is_full(seg), 0);
    st_segment_span_add(seg, ST_OP_HANDLER, "h", NULL, 1);
    ck_assert_int_eq(st_segment_is_full(seg), 1);
    for (int i = 0; i < 5; i++) {
        st_segment_span_refuse(seg, &owners[0], 1);
        st_segment_span_refuse(seg, &owners[0], 2);
        st_segment_span_refuse(seg, &owners[1], 1);
    }
    ck_assert_int_eq(seg->overflow, 3);
    for (int i = 2; i < 200; i++) {
        st_segment_span_refuse(seg, &owners[i], 1);
        st_segment_span_refuse(seg, &owners[i], 1);
    }
    ck_assert_int_eq(seg->overflow, 3 + 198);
}
END_TEST

START_TEST(array_grows_and_keeps_everything)
{
    st_segment_t *seg = open_segment(999);
    char *names = apr_palloc(t_pool, 1000 * 8);
    st_frame_t frame;
    for (int i = 0; i < 1000; i++) {
        snprintf(names + 8 * i, 8, "n%d", i);
        int span =
            st_segment_span_add(seg, ST_OP_FUNCTION, names + 8 * i, NULL, START + i);
        ck_assert_int_eq(span, i < 999 ? i : ST_SPAN_NONE);
        if (i == 0) {
            st_frame_enter(seg, &frame, span, START);
        }
    }
    st_segment_close(seg, START + 2000);
    ck_assert_int_eq(seg->overflow, 1);
    ck_assert_int_eq(seg->span_cap, 1024);
    st_rng_t rng = {.state = 11};
    st_trace_id_make(&rng);
    st_span_id_make(&rng);
    for (int i = 0; i < 999; i++) {
        ck_assert_str_eq(seg->spans[i].name, names + 8 * i);
        ck_assert_int_eq(seg->spans[i].start, START + i);
        ck_assert_int_eq(seg->spans[i].parent, i == 0 ? ST_SPAN_SEGMENT : 0);
        ck_assert_uint_eq(seg->spans[i].id, st_span_id_make(&rng));
    }
}
END_TEST

START_TEST(owners_of_other_sub_requests_are_others)
{
    st_segment_t *seg = open_segment(10);
    static const char owner;
    int first = span_of(seg, &owner, 1);
    int second = st_segment_span_add(seg, ST_OP_MIDDLEWARE, "f", NULL, 2);
    seg->spans[second].owner = &owner;
    seg->spans[second].owner_scope = 7;
    ck_assert_int_eq(st_segment_span_find(seg, &owner, ST_SPAN_SEGMENT), first);
    ck_assert_int_eq(st_segment_span_find(seg, &owner, 7), second);
    ck_assert_int_eq(st_segment_span_find(seg, &owner, 8), ST_SPAN_NONE);
    ck_assert_int_eq(st_segment_span_find(seg, &first, 7), ST_SPAN_NONE);
}
END_TEST

/* Where a search succeeded, or will after the next add, the next one looks first. */
START_TEST(calls_that_repeat_find_their_span_at_once)
{
    st_segment_t *seg = open_segment(10);
    static const char owners[3];
    st_frame_t frame;
    for (int i = 0; i < 3; i++) {
        int span = span_of(seg, &owners[i], 1);
        ck_assert_int_eq(seg->hint, span);
    }
    ck_assert_int_eq(st_segment_span_find(seg, &owners[1], ST_SPAN_SEGMENT), 1);
    ck_assert_int_eq(seg->hint, 1);
    st_frame_enter(seg, &frame, 1, 2);
    ck_assert_int_eq(st_segment_span_find(seg, &owners[2], ST_SPAN_SEGMENT), 2);
    ck_assert_int_eq(seg->spans[1].hint, 2);
    ck_assert_int_eq(seg->hint, 1);
}
END_TEST

START_TEST(span_without_length_keeps_its_end)
{
    st_segment_t *seg = open_segment(10);
    st_frame_t frame;
    st_frame_enter(seg, &frame, st_segment_span_add(seg, ST_OP_HANDLER, "h", NULL, 7), 7);
    st_frame_leave(seg, &frame, 7);
    st_segment_close(seg, 20);
    ck_assert_int_eq(seg->spans[0].end, 7);
    ck_assert_int_eq(seg->spans[0].self, 0);
    ck_assert_int_eq(seg->spans[0].timed, 1);
}
END_TEST

START_TEST(attributes_are_kept_in_order_up_to_the_limit)
{
    st_segment_t *seg = open_segment(10);
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, NULL);
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, "");
    ck_assert_int_eq(seg->attr_count, 0);
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, "/x");
    for (int i = 1; i < ST_SEGMENT_ATTRS + 5; i++) {
        st_segment_attr_int(seg, ST_ATTR_SERVER_PORT, -i);
    }
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, "/y");
    ck_assert_int_eq(seg->attr_count, ST_SEGMENT_ATTRS);
    ck_assert_int_eq(seg->attrs[0].key, ST_ATTR_URL_PATH);
    ck_assert_uint_eq(seg->attrs[0].value.str.len, 2);
    for (int i = 1; i < ST_SEGMENT_ATTRS; i++) {
        ck_assert_int_eq(seg->attrs[i].key, ST_ATTR_SERVER_PORT);
        ck_assert_int_eq(seg->attrs[i].value.integer, -i);
    }
}
END_TEST

START_TEST(attributes_of_children_are_kept_up_to_the_limit)
{
    st_segment_t *seg = open_segment(10);
    int span = st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 1);
    st_span_attr_str(seg, ST_SPAN_NONE, ST_ATTR_URL_PATH, "/x");
    st_span_attr_str(seg, span, ST_ATTR_URL_PATH, NULL);
    st_span_attr_str(seg, span, ST_ATTR_URL_PATH, "");
    ck_assert_ptr_null(seg->spans[span].attrs);
    st_span_attr_str(seg, span, ST_ATTR_URL_PATH, "/first");
    st_span_attr_int(seg, ST_SPAN_NONE, ST_ATTR_SERVER_PORT, 1);
    for (int i = 1; i < ST_SPAN_ATTRS_MAX + 2; i++) {
        st_span_attr_int(seg, span, ST_ATTR_SERVER_PORT, -i);
    }
    st_span_attr_str(seg, span, ST_ATTR_URL_PATH, "/too late");
    ck_assert_int_eq(seg->spans[span].attr_count, ST_SPAN_ATTRS_MAX);
    ck_assert_str_eq(seg->spans[span].attrs[0].value.str.ptr, "/first");
    for (int i = 1; i < ST_SPAN_ATTRS_MAX; i++) {
        ck_assert_int_eq(seg->spans[span].attrs[i].key, ST_ATTR_SERVER_PORT);
        ck_assert_int_eq(seg->spans[span].attrs[i].value.integer, -i);
    }
}
END_TEST

START_TEST(proxied_call_gets_room_for_its_attributes_at_once)
{
    st_segment_t *seg = open_segment(10);
    int call = st_segment_span_add(seg, ST_OP_HTTP_CLIENT, "GET a", NULL, 1);
    int other = st_segment_span_add(seg, ST_OP_HANDLER, "h", NULL, 1);
    st_span_attr_int(seg, call, ST_ATTR_SERVER_PORT, 80);
    st_span_attr_int(seg, other, ST_ATTR_SERVER_PORT, 80);
    ck_assert_int_ge(seg->spans[call].attr_cap, 12);
    ck_assert_int_le(seg->spans[other].attr_cap, 4);
}
END_TEST

START_TEST(a_call_comes_from_the_innermost_running_span)
{
    st_segment_t *seg = open_segment(1);
    st_frame_t outer;
    st_frame_t inner;
    ck_assert_uint_eq(st_segment_calling_id(seg), seg->span_id);
    int span = st_segment_span_add(seg, ST_OP_HANDLER, "h", NULL, 1);
    ck_assert_uint_eq(st_segment_calling_id(seg), seg->span_id);
    st_frame_enter(seg, &outer, span, 1);
    ck_assert_uint_eq(st_segment_calling_id(seg), seg->spans[span].id);
    int refused = st_segment_span_add(seg, ST_OP_MIDDLEWARE, "f", NULL, 2);
    st_frame_enter(seg, &inner, refused, 2);
    ck_assert_uint_eq(st_segment_calling_id(seg), seg->spans[span].id);
    st_frame_leave(seg, &outer, 3);
    ck_assert_uint_eq(st_segment_calling_id(seg), seg->span_id);
}
END_TEST

START_TEST(first_failure_of_a_child_counts)
{
    st_segment_t *seg = open_segment(10);
    int span = st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 1);
    int silent = st_segment_span_add(seg, ST_OP_FUNCTION, "g", NULL, 1);
    st_span_fail(seg, ST_SPAN_NONE, "nobody");
    st_span_fail(seg, span, "unavailable");
    st_span_fail(seg, span, "internal_error");
    st_span_fail(seg, silent, NULL);
    ck_assert_int_eq(seg->spans[span].status, ST_STATUS_ERROR);
    ck_assert_int_eq(seg->spans[span].attr_count, 1);
    ck_assert_int_eq(seg->spans[span].attrs[0].key, ST_ATTR_SENTRY_STATUS_MESSAGE);
    ck_assert_str_eq(seg->spans[span].attrs[0].value.str.ptr, "unavailable");
    ck_assert_int_eq(seg->spans[silent].status, ST_STATUS_ERROR);
    ck_assert_int_eq(seg->spans[silent].attr_count, 0);
    ck_assert_int_eq(seg->status, ST_STATUS_OK);
}
END_TEST

START_TEST(unsampled_segment_makes_no_ids_and_no_attributes)
{
    st_segment_t *seg = open_segment(10);
    st_segment_unsample(seg);
    uint64_t state = seg->rng.state;
    int span = st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 0);
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, "/x");
    st_segment_attr_int(seg, ST_ATTR_SERVER_PORT, 1);
    st_span_attr_str(seg, span, ST_ATTR_URL_PATH, "/x");
    st_span_fail(seg, span, "internal_error");
    ck_assert_int_eq(seg->attr_count, 0);
    ck_assert_int_eq(seg->spans[span].attr_count, 0);
    ck_assert_ptr_null(seg->spans[span].attrs);
    ck_assert_uint_eq(seg->spans[span].id, 0);
    st_frame_t frame;
    st_frame_enter(seg, &frame, span, 0);
    ck_assert_uint_eq(st_segment_calling_id(seg), seg->span_id);
    ck_assert_uint_eq(seg->rng.state, state);
    ck_assert_int_eq(st_segment_span_total(seg), 2);
}
END_TEST

/* handler { ignored { core } } filter: indexes 0 { 1 { 2 } } 3 */
START_TEST(ignored_child_hands_children_and_time_to_its_caller)
{
    st_segment_t *seg = open_segment(10);
    st_frame_t handler, middle, core;
    st_frame_enter(seg, &handler,
                   st_segment_span_add(seg, ST_OP_HANDLER, "handler", NULL, START),
                   START);
    int ignored = st_segment_span_add(seg, ST_OP_MIDDLEWARE, "ignored", NULL, START + 10);
    st_segment_span_ignore(seg, ignored, 1);
    st_frame_enter(seg, &middle, ignored, START + 10);
    ck_assert_uint_eq(st_segment_calling_id(seg), seg->spans[0].id);
    st_frame_enter(seg, &core,
                   st_segment_span_add(seg, ST_OP_MIDDLEWARE, "core", NULL, START + 30),
                   START + 30);
    st_frame_leave(seg, &core, START + 70);
    st_frame_leave(seg, &middle, START + 80);
    st_frame_leave(seg, &handler, START + 100);
    st_segment_span_add(seg, ST_OP_MIDDLEWARE, "filter", NULL, START + 100);
    ck_assert_int_eq(st_segment_span_total(seg), 5);
    st_segment_close(seg, START + 110);
    ck_assert_int_eq(st_segment_span_total(seg), 5);
    ck_assert_int_eq(seg->ignored, 1);
    ck_assert_int_eq(seg->span_count, 3);
    ck_assert_str_eq(seg->spans[0].name, "handler");
    ck_assert_int_eq(seg->spans[0].self, 60);
    ck_assert_str_eq(seg->spans[1].name, "core");
    ck_assert_int_eq(seg->spans[1].parent, 0);
    ck_assert_int_eq(seg->spans[1].self, 40);
    ck_assert_str_eq(seg->spans[2].name, "filter");
    ck_assert_int_eq(seg->spans[2].parent, ST_SPAN_SEGMENT);
}
END_TEST

START_TEST(parents_are_found_again_when_ignored_children_are_gone)
{
    st_segment_t *seg = open_segment(100);
    st_frame_t frames[30];
    for (int i = 0; i < 30; i++) {
        int span = st_segment_span_add(seg, ST_OP_MIDDLEWARE, "f", NULL, START + i);
        seg->spans[span].owner = &frames[i];
        st_segment_span_ignore(seg, span, 1);
        st_segment_span_ignore(seg, span, i % 3 == 0);
        st_frame_enter(seg, &frames[i], span, START + i);
    }
    st_segment_close(seg, START + 100);
    ck_assert_int_eq(seg->ignored, 10);
    ck_assert_int_eq(seg->span_count, 20);
    for (int i = 0; i < 20; i++) {
        ck_assert_ptr_eq(seg->spans[i].owner, &frames[i / 2 * 3 + 1 + i % 2]);
        ck_assert_int_eq(seg->spans[i].parent, i > 0 ? i - 1 : ST_SPAN_SEGMENT);
    }
}
END_TEST

START_TEST(renewed_trace_has_no_past)
{
    st_segment_t *seg = open_segment(10);
    st_trace_id_t before = seg->trace_id;
    st_span_id_t span_id = seg->span_id;
    seg->parent_span_id = 7;
    seg->parent_sampled = 0;
    seg->sample_rand = 0.5;
    seg->dsc = "sentry-sampled=false";
    st_segment_trace_renew(seg);
    ck_assert_mem_ne(&seg->trace_id, &before, sizeof(before));
    ck_assert_uint_eq(seg->span_id, span_id);
    ck_assert_uint_eq(seg->parent_span_id, 0);
    ck_assert_int_eq(seg->parent_sampled, -1);
    ck_assert(seg->sample_rand < 0.0);
    ck_assert_ptr_null(seg->dsc);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, new_segment_is_a_sampled_head_of_a_trace);
    tcase_add_test(tcase, ops_have_the_names_of_the_conventions);
    tcase_add_test(tcase, parent_is_the_innermost_running_span);
    tcase_add_test(tcase, frame_without_a_span_is_looked_through);
    tcase_add_test(tcase, leaving_closes_what_was_entered_later);
    tcase_add_test(tcase, leaving_a_frame_that_is_not_running_changes_nothing);
    tcase_add_test(tcase, close_ends_running_frames_and_open_spans);
    tcase_add_test(tcase, only_the_last_span_can_be_taken_back);
    tcase_add_test(tcase, span_that_is_running_stays);
    tcase_add_test(tcase, children_over_the_limit_are_counted);
    tcase_add_test(tcase, refused_owner_counts_once);
    tcase_add_test(tcase, array_grows_and_keeps_everything);
    tcase_add_test(tcase, owners_of_other_sub_requests_are_others);
    tcase_add_test(tcase, calls_that_repeat_find_their_span_at_once);
    tcase_add_test(tcase, span_without_length_keeps_its_end);
    tcase_add_test(tcase, attributes_are_kept_in_order_up_to_the_limit);
    tcase_add_test(tcase, attributes_of_children_are_kept_up_to_the_limit);
    tcase_add_test(tcase, proxied_call_gets_room_for_its_attributes_at_once);
    tcase_add_test(tcase, a_call_comes_from_the_innermost_running_span);
    tcase_add_test(tcase, first_failure_of_a_child_counts);
    tcase_add_test(tcase, unsampled_segment_makes_no_ids_and_no_attributes);
    tcase_add_test(tcase, ignored_child_hands_children_and_time_to_its_caller);
    tcase_add_test(tcase, parents_are_found_again_when_ignored_children_are_gone);
    tcase_add_test(tcase, renewed_trace_has_no_past);
}

T_MAIN("segment", add_cases)
