/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_record.h"

#include <string.h>
#include "t_record_sample.h"

static void expect_str(st_str_t got, st_str_t want)
{
    if (want.len > ST_RECORD_STRING_MAX) {
        want.len = st_utf8_cut(want.ptr, want.len, ST_RECORD_STRING_MAX);
    }
    ck_assert_uint_eq(got.len, want.len);
    if (got.len > 0) {
        ck_assert_mem_eq(got.ptr, want.ptr, got.len);
    }
}

static void expect_attr(const st_attr_t *got, const st_attr_t *want)
{
    ck_assert_int_eq(got->key, want->key);
    if (st_attr_is_named(want->key)) {
        expect_str(got->value.str, want->value.str);
        return;
    }
    switch (st_attr_key_type(want->key)) {
    case ST_TYPE_STRING:
        expect_str(got->value.str, want->value.str);
        break;
    case ST_TYPE_DOUBLE:
        ck_assert(got->value.real == want->value.real);
        break;
    default:
        ck_assert_int_eq(got->value.integer, want->value.integer);
        break;
    }
}

/* The next attribute of the record, which is to be `want`. */
static void expect_next_attr(const st_record_t *record, int *pat, const st_attr_t *want)
{
    st_attr_t got;
    st_record_attr(record, *pat, &got);
    ++*pat;
    expect_attr(&got, want);
}

static void expect_segment_span(const st_record_t *record, const st_segment_t *seg)
{
    st_record_span_t got;
    st_record_span(record, 0, &got);
    ck_assert_uint_eq(got.id, seg->span_id);
    ck_assert_uint_eq(got.parent, seg->parent_span_id);
    ck_assert_int_eq(got.start, seg->wall_start);
    ck_assert_int_eq(got.end - got.start, seg->end - seg->start);
    ck_assert_int_eq(got.op, ST_OP_HTTP_SERVER);
    ck_assert_int_eq(got.status, seg->status);
    expect_str(got.name, st_str(seg->name));
    ck_assert_int_eq(got.attr_first, 0);
    ck_assert_int_eq(got.attr_count, seg->attr_count + seg->named_count);
    int at = 0;
    for (int i = 0; i < seg->attr_count; i++) {
        expect_next_attr(record, &at, &seg->attrs[i]);
    }
    for (int i = 0; i < seg->named_count; i++) {
        expect_next_attr(record, &at, &seg->named[i]);
    }
}

static void expect_child(const st_record_t *record, const st_segment_t *seg, int i,
                         int *pat)
{
    const st_span_t *want = &seg->spans[i];
    st_record_span_t got;
    st_record_span(record, i + 1, &got);
    ck_assert_uint_eq(got.id, want->id);
    ck_assert_uint_eq(got.parent, want->parent == ST_SPAN_SEGMENT
                                      ? seg->span_id
                                      : seg->spans[want->parent].id);
    ck_assert_int_eq(got.start - seg->wall_start, want->start - seg->start);
    ck_assert_int_eq(got.end - seg->wall_start, want->end - seg->start);
    ck_assert_int_eq(got.op, want->op);
    ck_assert_int_eq(got.status, want->status);
    expect_str(got.name, st_str(want->name));
    ck_assert_int_eq(got.attr_first, *pat);
    for (int a = 0; a < want->attr_count; a++) {
        expect_next_attr(record, pat, &want->attrs[a]);
    }
    if (want->module != NULL) {
        expect_next_attr(record, pat,
                         &(st_attr_t){.key = ST_ATTR_MIDDLEWARE_NAME,
                                      .value.str = st_str(want->module)});
    }
    if (want->timed) {
        expect_next_attr(record, pat,
                         &(st_attr_t){.key = ST_ATTR_SENTRY_EXCLUSIVE_TIME,
                                      .value.real = (double)want->self / 1e6});
    }
    ck_assert_int_eq(got.attr_first + got.attr_count, *pat);
}

static void expect_record(const st_record_t *record, const st_segment_t *seg,
                          uint16_t dest)
{
    ck_assert_uint_eq(record->head.dest, dest);
    ck_assert_int_eq(record->head.span_count, seg->span_count + 1);
    ck_assert_mem_eq(&record->head.trace_id, &seg->trace_id, sizeof(seg->trace_id));
    ck_assert(record->head.sample_rate == seg->sample_rate);
    ck_assert(record->head.sample_rand == seg->sample_rand);
    ck_assert_int_eq(record->head.has_dsc, seg->dsc != NULL);
    expect_str(record->head.dsc, st_str(seg->dsc));
    expect_segment_span(record, seg);
    int at = seg->attr_count + seg->named_count;
    for (int i = 0; i < seg->span_count; i++) {
        expect_child(record, seg, i, &at);
    }
    ck_assert_uint_eq(record->attr_count, (unsigned)at);
}

static const struct {
    int rounds;
    int span_max;
    size_t text_max;
} shapes[] = {{300, 12, 40}, {20, 60, 300}, {5, 3, 20000}, {2, 999, 30}};

START_TEST(whatever_is_packed_is_read_back)
{
    st_rng_t rng = {.state = 21};
    for (int round = 0; round < shapes[_i].rounds; round++) {
        int most = shapes[_i].span_max;
        int spans = most == 999 ? 999 : (int)(st_rng_next(&rng) % (uint64_t)(most + 1));
        uint16_t dest = (uint16_t)st_rng_next(&rng);
        st_segment_t *seg = sample_segment(t_pool, &rng, spans, shapes[_i].text_max);
        size_t size;
        void *mem = sample_pack(seg, dest, &size);
        ck_assert_uint_eq(size % 8, 0);
        st_record_t record;
        ck_assert_int_eq(st_record_open(&record, mem, size), APR_SUCCESS);
        expect_record(&record, seg, dest);
        free(mem);
    }
}
END_TEST

static st_segment_t *small_segment(void)
{
    st_segment_t *seg =
        st_segment_open(t_pool, (st_rng_t){.state = 1}, 7 * ST_NS_PER_SEC, 1000, 10);
    seg->name = "GET";
    return seg;
}

static st_record_t reopen(const st_segment_t *seg)
{
    size_t size = st_record_size(seg);
    void *mem = apr_palloc(t_pool, size);
    st_record_pack(seg, 0, mem, size);
    st_record_t record;
    ck_assert_int_eq(st_record_open(&record, mem, size), APR_SUCCESS);
    return record;
}

START_TEST(an_empty_context_is_not_a_missing_one)
{
    st_segment_t *seg = small_segment();
    st_segment_close(seg, 2000);
    st_record_t record = reopen(seg);
    ck_assert_int_eq(record.head.has_dsc, 0);
    ck_assert_uint_eq(record.head.dsc.len, 0);
    seg->dsc = "";
    record = reopen(seg);
    ck_assert_int_eq(record.head.has_dsc, 1);
    ck_assert_uint_eq(record.head.dsc.len, 0);
    seg->dsc = "sentry-a=1";
    record = reopen(seg);
    ck_assert_int_eq(record.head.has_dsc, 1);
    expect_str(record.head.dsc, st_str("sentry-a=1"));
}
END_TEST

START_TEST(long_text_is_cut_between_characters)
{
    static const char *const characters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC",
                                             "\xF0\x9F\x98\x80"};
    const char *character = characters[_i];
    size_t unit = strlen(character);
    char *text = apr_pcalloc(t_pool, 9001);
    for (size_t len = 0; len + unit <= 9000; len += unit) {
        memcpy(text + len, character, unit);
    }
    st_segment_t *seg = small_segment();
    seg->name = text + unit;
    st_segment_attr_str(seg, ST_ATTR_URL_FULL, text);
    int span = st_segment_span_add(seg, ST_OP_FUNCTION, text, text, 1000);
    st_span_attr_str(seg, span, ST_ATTR_URL_FULL, text);
    st_segment_close(seg, 2000);
    st_record_t record = reopen(seg);
    st_record_span_t got[2];
    st_attr_t attrs[3];
    for (int i = 0; i < 2; i++) {
        st_record_span(&record, i, &got[i]);
        ck_assert_uint_eq(got[i].name.len, ST_RECORD_STRING_MAX / unit * unit);
        ck_assert_mem_eq(got[i].name.ptr, text, got[i].name.len);
    }
    for (int i = 0; i < 3; i++) {
        st_record_attr(&record, i, &attrs[i]);
        ck_assert_uint_eq(attrs[i].value.str.len, ST_RECORD_STRING_MAX / unit * unit);
        ck_assert_mem_eq(attrs[i].value.str.ptr, text, attrs[i].value.str.len);
    }
}
END_TEST

START_TEST(text_of_exactly_the_limit_is_whole)
{
    for (size_t len = ST_RECORD_STRING_MAX - 1; len <= ST_RECORD_STRING_MAX + 1; len++) {
        char *text = apr_pcalloc(t_pool, len + 1);
        memset(text, 'x', len);
        st_segment_t *seg = small_segment();
        seg->name = text;
        st_segment_close(seg, 2000);
        st_record_t record = reopen(seg);
        st_record_span_t got;
        st_record_span(&record, 0, &got);
        ck_assert_uint_eq(got.name.len,
                          len < ST_RECORD_STRING_MAX ? len : ST_RECORD_STRING_MAX);
    }
}
END_TEST

START_TEST(children_stay_within_the_time_of_the_segment)
{
    st_segment_t *seg = small_segment();
    st_segment_span_add(seg, ST_OP_FUNCTION, "early", NULL, 10);
    st_segment_span_add(seg, ST_OP_FUNCTION, "late", NULL, 1500);
    st_segment_span_add(seg, ST_OP_FUNCTION, "after", NULL, 5000);
    st_segment_close(seg, 2000);
    seg->spans[0].end = 900;
    seg->spans[1].end = 9000;
    st_record_t record = reopen(seg);
    static const st_ns_t want[][2] = {{0, 0}, {500, 1000}, {1000, 1000}};
    for (int i = 0; i < 3; i++) {
        st_record_span_t got;
        st_record_span(&record, i + 1, &got);
        ck_assert_int_eq(got.start, 7 * ST_NS_PER_SEC + want[i][0]);
        ck_assert_int_eq(got.end, 7 * ST_NS_PER_SEC + want[i][1]);
    }
}
END_TEST

/* The clock of the caller must not make a record that is refused. */
START_TEST(segment_that_ends_before_it_starts_has_no_length)
{
    st_segment_t *seg = small_segment();
    st_segment_span_add(seg, ST_OP_FUNCTION, "f", NULL, 1000);
    st_segment_close(seg, 999);
    st_record_t record = reopen(seg);
    for (int i = 0; i < 2; i++) {
        st_record_span_t got;
        st_record_span(&record, i, &got);
        ck_assert_int_eq(got.end, got.start);
    }
}
END_TEST

START_TEST(same_segment_gives_the_same_bytes)
{
    st_rng_t rng = {.state = 22};
    st_segment_t *seg = sample_segment(t_pool, &rng, 7, 50);
    size_t size;
    size_t again;
    void *one = sample_pack(seg, 3, &size);
    void *two = malloc(size);
    memset(two, 0x5A, size);
    again = st_record_size(seg);
    st_record_pack(seg, 3, two, again);
    ck_assert_uint_eq(again, size);
    ck_assert_mem_eq(one, two, size);
    free(two);
    free(one);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, an_empty_context_is_not_a_missing_one);
    tcase_add_loop_test(tcase, whatever_is_packed_is_read_back, 0,
                        sizeof(shapes) / sizeof(shapes[0]));
    tcase_add_loop_test(tcase, long_text_is_cut_between_characters, 0, 4);
    tcase_add_test(tcase, text_of_exactly_the_limit_is_whole);
    tcase_add_test(tcase, children_stay_within_the_time_of_the_segment);
    tcase_add_test(tcase, segment_that_ends_before_it_starts_has_no_length);
    tcase_add_test(tcase, same_segment_gives_the_same_bytes);
}

T_MAIN("record", add_cases)
