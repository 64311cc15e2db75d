/* SPDX-License-Identifier: Apache-2.0 */
#include "t_cli.h"
#include "stc_model.h"

/* What the model told: "trace 5 (2) ", "discarded sample_rate span 12 ", "skipped log ",
 * "damaged: why ". Traces are named by the last digit of their id. */
static st_buf_t told;
static stc_model_t *model;

static void on_show(stc_trace_t *trace, void *baton)
{
    ck_assert_ptr_eq(baton, &told);
    ck_assert_ptr_nonnull(trace->top.first);
    st_buf_add_str(&told,
                   apr_psprintf(t_pool, "trace %c (%d) ", trace->id[ST_TRACE_ID_HEX - 1],
                                trace->spans->nelts));
}

static void on_discarded(st_str_t reason, st_str_t category, uint64_t quantity,
                         void *baton)
{
    ck_assert_ptr_eq(baton, &told);
    st_buf_add_str(&told, apr_psprintf(t_pool, "discarded %.*s %.*s %d ", (int)reason.len,
                                       reason.ptr, (int)category.len, category.ptr,
                                       (int)quantity));
}

static void on_skipped(st_str_t type, void *baton)
{
    ck_assert_ptr_eq(baton, &told);
    st_buf_add_str(&told, apr_psprintf(t_pool, "skipped %.*s ", (int)type.len, type.ptr));
}

static void on_damaged(const st_envelope_item_t *item, const char *why, void *baton)
{
    ck_assert_ptr_eq(baton, &told);
    ck_assert_ptr_nonnull(item->type);
    st_buf_add_str(&told, apr_psprintf(t_pool, "damaged: %s ", why));
}

static void setup(void)
{
    st_buf_init(&told, 1000000);
    model = stc_model_create(&(stc_model_events_t){.show = on_show,
                                                   .discarded = on_discarded,
                                                   .skipped = on_skipped,
                                                   .damaged = on_damaged,
                                                   .baton = &told},
                             3, t_pool);
}

static void teardown(void)
{
    st_buf_free(&told);
}

static const char *told_now(void)
{
    const char *text = t_text(&told);
    st_buf_clear(&told);
    return text;
}

static void add_item(const char *type, json_t *payload, st_ns_t now)
{
    st_envelope_item_t item = {.type = type, .json = payload, .payload = ""};
    const st_envelope_t envelope = {.items = &item, .item_count = 1};
    stc_model_add(model, &envelope, now);
    json_decref(payload);
}

/* Adds one span of the trace whose id ends in `digit`. */
static void add_span(char digit, int id, int is_segment, st_ns_t now)
{
    char trace_id[] = T_TRACE_ID;
    trace_id[ST_TRACE_ID_HEX - 1] = digit;
    const t_span_t span = {
        .id = id, .trace_id = trace_id, .name = "n", .end = 1, .is_segment = is_segment};
    add_item("span", t_container(&span, 1), now);
}

START_TEST(spans_are_grouped_by_trace_across_envelopes)
{
    add_span('1', 1, 1, 0);
    add_span('2', 1, 1, 0);
    add_span('1', 2, 0, 0);
    ck_assert_str_eq(told_now(), "");
    stc_model_show_all(model);
    ck_assert_str_eq(told_now(), "trace 1 (2) trace 2 (1) ");
    stc_model_show_all(model);
    ck_assert_str_eq(told_now(), "");
}
END_TEST

START_TEST(oldest_trace_is_shown_when_there_are_too_many)
{
    add_span('1', 1, 1, 0);
    add_span('2', 1, 1, 0);
    add_span('3', 1, 1, 0);
    add_span('1', 2, 0, 0);
    ck_assert_str_eq(told_now(), "");
    add_span('4', 1, 1, 0);
    ck_assert_str_eq(told_now(), "trace 1 (2) ");
    add_span('1', 3, 0, 0);
    ck_assert_str_eq(told_now(), "trace 2 (1) ");
    stc_model_show_all(model);
    ck_assert_str_eq(told_now(), "trace 3 (1) trace 4 (1) trace 1 (1) ");
}
END_TEST

START_TEST(trace_with_a_segment_is_ready_after_a_quiet_second)
{
    add_span('1', 1, 1, 0);
    stc_model_show_ready(model, ST_NS_PER_SEC - 1);
    ck_assert_str_eq(told_now(), "");
    add_span('1', 2, 0, ST_NS_PER_SEC / 2);
    stc_model_show_ready(model, ST_NS_PER_SEC);
    ck_assert_str_eq(told_now(), "");
    stc_model_show_ready(model, ST_NS_PER_SEC * 3 / 2);
    ck_assert_str_eq(told_now(), "trace 1 (2) ");
}
END_TEST

START_TEST(trace_without_a_segment_is_ready_after_half_a_minute)
{
    add_span('1', 1, 0, 0);
    add_span('2', 1, 1, 0);
    stc_model_show_ready(model, 29 * ST_NS_PER_SEC);
    ck_assert_str_eq(told_now(), "trace 2 (1) ");
    stc_model_show_ready(model, 30 * ST_NS_PER_SEC);
    ck_assert_str_eq(told_now(), "trace 1 (1) ");
}
END_TEST

START_TEST(ready_traces_go_and_the_others_keep_their_order)
{
    add_span('1', 1, 0, 0);
    add_span('2', 1, 1, 0);
    add_span('3', 1, 0, 0);
    stc_model_show_ready(model, ST_NS_PER_SEC);
    ck_assert_str_eq(told_now(), "trace 2 (1) ");
    add_span('4', 1, 1, ST_NS_PER_SEC);
    stc_model_show_all(model);
    ck_assert_str_eq(told_now(), "trace 1 (1) trace 3 (1) trace 4 (1) ");
}
END_TEST

START_TEST(trace_that_never_gets_quiet_is_shown_all_the_same)
{
    for (int i = 0; i <= 60; i++) {
        add_span('1', i + 1, 1, i * ST_NS_PER_SEC / 2);
        stc_model_show_ready(model, i * ST_NS_PER_SEC / 2);
    }
    ck_assert_str_eq(told_now(), "trace 1 (61) ");
}
END_TEST

START_TEST(full_trace_is_shown_to_make_room)
{
    for (int i = 1; i <= STC_TRACE_SPANS_MAX + 2; i++) {
        add_span('1', i, 0, 0);
    }
    stc_model_show_all(model);
    ck_assert_str_eq(told_now(), "trace 1 (10000) trace 1 (2) ");
}
END_TEST

START_TEST(reports_tell_each_entry)
{
    add_item("client_report", t_report("sample_rate", 12), 0);
    ck_assert_str_eq(told_now(), "discarded sample_rate span 12 ");
}
END_TEST

/* The payload of a transaction with that many spans, which may lack their ids. */
static json_t *transaction(int spans, int with_ids)
{
    json_t *list = json_array();
    for (int i = 0; i < spans; i++) {
        json_t *span = json_pack("{s:s, s:s, s:f, s:f}", "trace_id", T_TRACE_ID, "op",
                                 "handler", "start_timestamp", 1.0, "timestamp", 2.0);
        if (with_ids) {
            json_object_set_new(span, "span_id", json_sprintf("%016x", (unsigned)i + 2));
        }
        json_array_append_new(list, span);
    }
    return json_pack("{s:s, s:f, s:f, s:{s:{s:s, s:s}}, s:o}", "transaction", "GET /",
                     "start_timestamp", 1.0, "timestamp", 2.0, "contexts", "trace",
                     "trace_id", T_TRACE_ID, "span_id", "0000000000000001", "spans",
                     list);
}

START_TEST(transactions_are_segments_with_their_children)
{
    add_item("transaction", transaction(3, 1), 0);
    add_span('1', 9, 1, 0);
    stc_model_show_ready(model, ST_NS_PER_SEC);
    ck_assert_str_eq(told_now(), "trace f (4) trace 1 (1) ");
}
END_TEST

START_TEST(spans_of_a_transaction_that_cannot_be_shown_are_told)
{
    add_item("transaction", transaction(1, 0), 0);
    add_item("transaction", json_array(), 0);
    stc_model_show_all(model);
    ck_assert_str_eq(told_now(), "damaged: span 2 cannot be shown: its span_id is not 16 "
                                 "hex digits damaged: a transaction is no JSON object "
                                 "trace f (1) ");
}
END_TEST

START_TEST(other_items_are_skipped_with_their_type)
{
    add_item("event", json_object(), 0);
    add_item("log", NULL, 0);
    ck_assert_str_eq(told_now(), "skipped event skipped log ");
}
END_TEST

static const struct {
    const char *type;
    const char *payload;
    const char *why;
} broken[] = {
    {"span", "7", "a span item is no JSON with \"items\""},
    {"span", "{\"items\":{}}", "a span item is no JSON with \"items\""},
    {"span", "{\"items\":[7]}",
     "span 1 cannot be shown: its trace_id is not 32 hex digits"},
    {"span", "{\"items\":[{\"trace_id\":\"" T_TRACE_ID "\"}]}",
     "span 1 cannot be shown: its span_id is not 16 hex digits"},
    {"client_report", "[]", "a client report is no JSON with \"discarded_events\""},
    {"client_report", "{\"discarded_events\":[{\"reason\":\"x\",\"category\":\"span\"}]}",
     "an entry of a client report lacks reason, category or quantity"},
    {"client_report",
     "{\"discarded_events\":[{\"reason\":\"x\",\"category\":\"s\",\"quantity\":-1}]}",
     "an entry of a client report lacks reason, category or quantity"},
};

START_TEST(broken_items_are_told_and_show_nothing)
{
    json_t *payload = json_loads(broken[_i].payload, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(payload);
    add_item(broken[_i].type, payload, 0);
    ck_assert_str_eq(told_now(), apr_psprintf(t_pool, "damaged: %s ", broken[_i].why));
    stc_model_show_all(model);
    ck_assert_str_eq(told_now(), "");
}
END_TEST

START_TEST(item_that_is_no_json_is_damaged)
{
    add_item("span", NULL, 0);
    ck_assert_str_eq(told_now(), "damaged: a span item is no JSON with \"items\" ");
}
END_TEST

START_TEST(good_spans_beside_a_broken_one_are_shown)
{
    const t_span_t spans[] = {{.id = 1, .name = "a", .is_segment = 1},
                              {.id = 2, .name = "b"}};
    json_t *container = t_container(spans, 2);
    json_object_del(json_array_get(json_object_get(container, "items"), 0), "name");
    add_item("span", container, 0);
    ck_assert_str_eq(told_now(), "damaged: span 1 cannot be shown: it has no name ");
    stc_model_show_all(model);
    ck_assert_str_eq(told_now(), "trace f (1) ");
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, spans_are_grouped_by_trace_across_envelopes);
    tcase_add_test(tcase, oldest_trace_is_shown_when_there_are_too_many);
    tcase_add_test(tcase, trace_with_a_segment_is_ready_after_a_quiet_second);
    tcase_add_test(tcase, trace_without_a_segment_is_ready_after_half_a_minute);
    tcase_add_test(tcase, ready_traces_go_and_the_others_keep_their_order);
    tcase_add_test(tcase, trace_that_never_gets_quiet_is_shown_all_the_same);
    tcase_add_test(tcase, full_trace_is_shown_to_make_room);
    tcase_add_test(tcase, reports_tell_each_entry);
    tcase_add_test(tcase, transactions_are_segments_with_their_children);
    tcase_add_test(tcase, spans_of_a_transaction_that_cannot_be_shown_are_told);
    tcase_add_test(tcase, other_items_are_skipped_with_their_type);
    tcase_add_loop_test(tcase, broken_items_are_told_and_show_nothing, 0,
                        sizeof(broken) / sizeof(broken[0]));
    tcase_add_test(tcase, item_that_is_no_json_is_damaged);
    tcase_add_test(tcase, good_spans_beside_a_broken_one_are_shown);
}

T_MAIN("model", add_cases)
