/* SPDX-License-Identifier: Apache-2.0 */
#include "t_cli.h"
#include "stc_reader.h"

static const t_span_t one = {.id = 1, .name = "a", .end = 10, .is_segment = 1};

/* What the reader told, as text: "envelope@line:offset(items) damaged@line:offset>line". */
static st_buf_t told;
static const char *told_why;
static stc_reader_t *reader;

static void on_envelope(const st_envelope_t *envelope, const char *bytes,
                        stc_place_t place, void *baton)
{
    ck_assert_ptr_eq(baton, &told);
    ck_assert_int_eq(bytes[0], '{');
    st_buf_add_str(&told, apr_psprintf(t_pool, "envelope@%d:%d(%d) ", (int)place.line,
                                       (int)place.offset, envelope->item_count));
}

static void on_damaged(stc_place_t place, stc_place_t resumed, const char *why,
                       void *baton)
{
    ck_assert_ptr_eq(baton, &told);
    told_why = apr_pstrdup(t_pool, why);
    st_buf_add_str(&told, apr_psprintf(t_pool, "damaged@%d:%d>%d ", (int)place.line,
                                       (int)place.offset, (int)resumed.line));
}

static void setup(void)
{
    st_buf_init(&told, 1000000);
    reader = stc_reader_create(&(stc_reader_events_t){.envelope = on_envelope,
                                                      .damaged = on_damaged,
                                                      .baton = &told},
                               t_pool);
}

static void teardown(void)
{
    st_buf_free(&told);
}

static void feed(const char *bytes, size_t len)
{
    while (len > 0) {
        size_t size;
        char *room = stc_reader_room(reader, &size);
        ck_assert_ptr_nonnull(room);
        ck_assert_uint_ge(size, 65536);
        size_t part = len < size ? len : size;
        memcpy(room, bytes, part);
        stc_reader_fed(reader, part);
        bytes += part;
        len -= part;
    }
}

static void feed_text(const char *text)
{
    feed(text, strlen(text));
}

/* What was told since the last call. */
static const char *told_now(stc_reader_state_t state)
{
    stc_reader_drain(reader, state);
    const char *text = t_text(&told);
    st_buf_clear(&told);
    return text;
}

/* An envelope of one span as a string; its length is always the same. */
static const char *envelope(void)
{
    st_buf_t out;
    st_buf_init(&out, 10000);
    t_envelope_add(&out, &one, 1);
    const char *text = t_text(&out);
    st_buf_free(&out);
    return text;
}

START_TEST(envelopes_come_out_one_by_one_with_their_places)
{
    size_t len = strlen(envelope());
    feed_text(envelope());
    feed_text(envelope());
    ck_assert_str_eq(told_now(STC_READER_MORE), "envelope@1:0(1) ");
    ck_assert_str_eq(told_now(STC_READER_END),
                     apr_psprintf(t_pool, "envelope@4:%d(1) ", (int)len));
    ck_assert_str_eq(told_now(STC_READER_END), "");
}
END_TEST

START_TEST(any_portions_give_the_same_envelopes)
{
    st_buf_t all;
    st_buf_init(&all, 100000);
    for (int i = 0; i < 5; i++) {
        st_buf_add_str(&all, envelope());
        st_buf_add_str(&all, i == 2 ? "rubbish\n" : "");
    }
    feed(all.data, all.len);
    const char *want = told_now(STC_READER_END);
    ck_assert_ptr_nonnull(strstr(want, "damaged@10"));
    stc_reader_reset(reader);
    for (size_t at = 0; at < all.len; at++) {
        feed(all.data + at, 1);
        stc_reader_drain(reader, STC_READER_MORE);
    }
    ck_assert_str_eq(told_now(STC_READER_END), want);
    st_buf_free(&all);
}
END_TEST

START_TEST(last_envelope_waits_until_it_is_quiet)
{
    feed_text(envelope());
    ck_assert_str_eq(told_now(STC_READER_MORE), "");
    ck_assert_str_eq(told_now(STC_READER_QUIET), "envelope@1:0(1) ");
}
END_TEST

START_TEST(half_an_envelope_waits_even_when_it_is_quiet)
{
    const char *text = envelope();
    size_t len = strlen(text);
    for (size_t part = 1; part < len; part++) {
        feed(text, part);
        ck_assert_str_eq(told_now(STC_READER_QUIET), "");
        stc_reader_reset(reader);
    }
    feed(text, len - 20);
    ck_assert_str_eq(told_now(STC_READER_QUIET), "");
    feed(text + len - 20, 20);
    ck_assert_str_eq(told_now(STC_READER_QUIET), "envelope@1:0(1) ");
}
END_TEST

START_TEST(whole_envelope_before_half_a_one_does_not_wait)
{
    feed_text(envelope());
    feed(envelope(), 50);
    ck_assert_str_eq(told_now(STC_READER_MORE), "");
    ck_assert_str_eq(told_now(STC_READER_QUIET), "envelope@1:0(1) ");
    feed_text(envelope() + 50);
    ck_assert_ptr_nonnull(strstr(told_now(STC_READER_QUIET), "envelope@4"));
}
END_TEST

START_TEST(missing_last_newline_is_fine_at_the_end)
{
    feed(envelope(), strlen(envelope()) - 1);
    ck_assert_str_eq(told_now(STC_READER_QUIET), "");
    ck_assert_str_eq(told_now(STC_READER_END), "envelope@1:0(1) ");
}
END_TEST

START_TEST(half_an_envelope_at_the_end_is_damage)
{
    feed(envelope(), 30);
    ck_assert_str_eq(told_now(STC_READER_END), "damaged@1:0>0 ");
    ck_assert_ptr_nonnull(strstr(told_why, "no JSON"));
}
END_TEST

static const char *const rubbish[] = {
    "rubbish\n",
    "\n",
    "\n\n\n",
    "{\"type\":\"span\"}\n{\"version\":2,\"items\":[]}\n",
    "[1]\n{}x\n",
    "{\"sent_at\":\"yesterday\"}\n{\"type\":\"span\"}\n{}\n",
    "{\"sent_at\":\"2026-11-22T06:16:05.056Z\",\"trace\n",
    "\x01\x02\xff\xfe\n",
};

START_TEST(damage_is_skipped_up_to_the_next_envelope)
{
    int lines = 0;
    for (const char *c = rubbish[_i]; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    feed_text(envelope());
    feed_text(rubbish[_i]);
    feed_text(envelope());
    const char *text = told_now(STC_READER_END);
    int len = (int)strlen(envelope());
    int next = len + (int)strlen(rubbish[_i]);
    /* Items that follow a whole envelope are taken for its own. */
    if (strstr(rubbish[_i], "\"version\"") != NULL) {
        ck_assert_str_eq(text, apr_psprintf(t_pool, "envelope@1:0(2) envelope@%d:%d(1) ",
                                            4 + lines, next));
    } else {
        ck_assert_str_eq(text, apr_psprintf(t_pool,
                                            "envelope@1:0(1) damaged@4:%d>%d "
                                            "envelope@%d:%d(1) ",
                                            len, 4 + lines, 4 + lines, next));
    }
}
END_TEST

/* It takes the next line for its payload, and with that the rest stands where it belongs. */
START_TEST(item_header_without_payload_costs_one_header)
{
    feed_text(envelope());
    feed_text("{\"type\":\"span\"}\n");
    feed_text(envelope());
    ck_assert_str_eq(told_now(STC_READER_END), "envelope@1:0(3) ");
}
END_TEST

START_TEST(payloads_are_not_taken_for_envelope_headers)
{
    feed_text("rubbish\n{\"version\":2,\"items\":[]}\n{\"type\":\"client_report\"}\n"
              "{\"timestamp\":1,\"discarded_events\":[]}\n{\"type\":\"span\"}\n"
              "{\"event_id\":\"1\",\"platform\":\"c\"}\n{\"type\":\"span\"}\n");
    feed_text(envelope());
    const char *text = told_now(STC_READER_END);
    ck_assert_int_eq(strncmp(text, "damaged@1:0>8 envelope@8", 24), 0);
}
END_TEST

START_TEST(envelope_without_items_counts_at_the_end_only)
{
    feed_text("{}\n");
    ck_assert_str_eq(told_now(STC_READER_QUIET), "");
    ck_assert_str_eq(told_now(STC_READER_END), "envelope@1:0(0) ");
}
END_TEST

START_TEST(reset_forgets_what_is_pending)
{
    feed(envelope(), 30);
    stc_reader_reset(reader);
    feed_text(envelope());
    ck_assert_str_eq(told_now(STC_READER_END), "envelope@1:0(1) ");
}
END_TEST

START_TEST(nothing_at_all_is_fine)
{
    ck_assert_str_eq(told_now(STC_READER_MORE), "");
    ck_assert_str_eq(told_now(STC_READER_END), "");
}
END_TEST

START_TEST(endless_rubbish_is_given_up)
{
    size_t size = 65u * 1024 * 1024;
    char *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 'x', size);
    feed(bytes, size);
    ck_assert_str_eq(told_now(STC_READER_MORE), "damaged@1:0>0 ");
    feed_text("\n");
    feed_text(envelope());
    free(bytes);
    ck_assert_ptr_nonnull(strstr(told_now(STC_READER_END), "envelope@2"));
}
END_TEST

START_TEST(places_count_lines_and_bytes)
{
    stc_place_t place =
        stc_place_after((stc_place_t){.offset = 5, .line = 2}, "a\n\nb", 4);
    ck_assert_int_eq(place.offset, 9);
    ck_assert_int_eq(place.line, 4);
    place = stc_place_after(place, "", 0);
    ck_assert_int_eq(place.offset, 9);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, envelopes_come_out_one_by_one_with_their_places);
    tcase_add_test(tcase, any_portions_give_the_same_envelopes);
    tcase_add_test(tcase, last_envelope_waits_until_it_is_quiet);
    tcase_add_test(tcase, half_an_envelope_waits_even_when_it_is_quiet);
    tcase_add_test(tcase, whole_envelope_before_half_a_one_does_not_wait);
    tcase_add_test(tcase, missing_last_newline_is_fine_at_the_end);
    tcase_add_test(tcase, half_an_envelope_at_the_end_is_damage);
    tcase_add_loop_test(tcase, damage_is_skipped_up_to_the_next_envelope, 0,
                        sizeof(rubbish) / sizeof(rubbish[0]));
    tcase_add_test(tcase, item_header_without_payload_costs_one_header);
    tcase_add_test(tcase, payloads_are_not_taken_for_envelope_headers);
    tcase_add_test(tcase, envelope_without_items_counts_at_the_end_only);
    tcase_add_test(tcase, reset_forgets_what_is_pending);
    tcase_add_test(tcase, nothing_at_all_is_fine);
    tcase_add_test(tcase, endless_rubbish_is_given_up);
    tcase_add_test(tcase, places_count_lines_and_bytes);
}

T_MAIN("reader", add_cases)
