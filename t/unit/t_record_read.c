/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are no record, or no longer. */
#include "t.h"
#include "../../lib/queue/record_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "t_record_sample.h"

/* Bytes of a record in memory of exactly their size, so that reading on is noticed. */
static void *copy_of(const void *bytes, size_t len)
{
    void *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, bytes, len);
    return copy;
}

static apr_status_t open_copy(const void *bytes, size_t len)
{
    void *copy = copy_of(bytes, len);
    st_record_t record;
    apr_status_t rv = st_record_open(&record, copy, len);
    free(copy);
    return rv;
}

static char *make_record(uint64_t seed, int spans, size_t text_max, size_t *psize)
{
    st_rng_t rng = {.state = seed};
    return sample_pack(sample_segment(t_pool, &rng, spans, text_max), 1, psize);
}

START_TEST(any_changed_byte_is_refused)
{
    size_t size;
    char *bytes = make_record(31, 5, 20, &size);
    ck_assert_int_eq(open_copy(bytes, size), APR_SUCCESS);
    st_record_t record;
    for (size_t at = 0; at < size; at++) {
        for (int change = 1; change <= 0xFF; change++) {
            bytes[at] ^= (char)change;
            if (st_record_open(&record, bytes, size) != ST_E_MALFORMED) {
                ck_abort_msg("byte %zu changed by %02x is accepted", at, change);
            }
            bytes[at] ^= (char)change;
        }
    }
    ck_assert_int_eq(st_record_open(&record, bytes, size), APR_SUCCESS);
    free(bytes);
}
END_TEST

START_TEST(any_other_length_is_refused)
{
    size_t size;
    char *bytes = make_record(32, 5, 20, &size);
    char *longer = calloc(1, size + 64);
    memcpy(longer, bytes, size);
    for (size_t len = 0; len <= size + 64; len++) {
        ck_assert_int_eq(open_copy(longer, len),
                         len == size ? APR_SUCCESS : ST_E_MALFORMED);
    }
    free(longer);
    free(bytes);
}
END_TEST

START_TEST(swapped_words_are_refused)
{
    size_t size;
    char *bytes = make_record(33, 3, 20, &size);
    uint64_t *words = (uint64_t *)bytes;
    for (size_t i = 0; i < size / 8; i++) {
        for (size_t j = 0; j < i; j++) {
            uint64_t one = words[i];
            uint64_t two = words[j];
            words[i] = two;
            words[j] = one;
            st_record_t record;
            if (one != two && st_record_open(&record, bytes, size) != ST_E_MALFORMED) {
                ck_abort_msg("words %zu and %zu swapped are accepted", i, j);
            }
            words[i] = one;
            words[j] = two;
        }
    }
    ck_assert_int_eq(open_copy(bytes, size), APR_SUCCESS);
    free(bytes);
}
END_TEST

START_TEST(garbage_is_refused)
{
    st_rng_t rng = {.state = 34};
    for (int round = 0; round < 20000; round++) {
        uint64_t words[64];
        for (int i = 0; i < 64; i++) {
            words[i] = st_rng_next(&rng);
        }
        size_t len = st_rng_next(&rng) % (sizeof(words) + 1);
        ck_assert_int_eq(open_copy(words, len), ST_E_MALFORMED);
    }
}
END_TEST

static int str_is_inside(const st_record_t *record, st_str_t str)
{
    return str.ptr >= record->bytes && str.len <= record->len &&
           str.ptr + str.len <= record->bytes + record->len;
}

static int attr_is_sound(const st_record_t *record, int i)
{
    st_attr_t attr;
    st_record_attr(record, i, &attr);
    if (st_attr_is_named(attr.key)) {
        return str_is_inside(record, attr.value.str) &&
               st_attr_named_is_valid(attr.key, attr.value.str);
    }
    if (attr.key <= ST_ATTR_NONE || attr.key >= ST_ATTR_COUNT) {
        return 0;
    }
    switch (st_attr_key_type(attr.key)) {
    case ST_TYPE_STRING:
        return str_is_inside(record, attr.value.str);
    case ST_TYPE_DOUBLE:
        return isfinite(attr.value.real) != 0;
    default:
        return 1;
    }
}

static int span_is_sound(const st_record_t *record, int i)
{
    st_record_span_t span;
    st_record_span(record, i, &span);
    int sound = span.id != 0 && span.end >= span.start && span.op >= ST_OP_HTTP_SERVER &&
                span.op < ST_OP_COUNT && span.status < ST_STATUS_COUNT &&
                str_is_inside(record, span.name) && span.attr_first >= 0 &&
                span.attr_count >= 0;
    for (int a = span.attr_first; sound && a < span.attr_first + span.attr_count; a++) {
        sound = attr_is_sound(record, a);
    }
    return sound;
}

/* What the checksum covers up must still be in bounds: all of the record is read. */
static int record_is_sound(const st_record_t *record)
{
    int sound = str_is_inside(record, record->head.dsc) &&
                (record->head.has_dsc == 1 ||
                 (record->head.has_dsc == 0 && record->head.dsc.len == 0));
    for (int i = 0; sound && i < record->head.span_count; i++) {
        sound = span_is_sound(record, i);
    }
    return sound;
}

/* A number that breaks things. */
static uint32_t odd_number(st_rng_t *rng)
{
    static const uint32_t numbers[] = {
        0,      1,          2,          7,          8,          1000,       1001,
        0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF8, 0x7FF00000, 0xFFF00000};
    uint64_t pick = st_rng_next(rng) % 20;
    return pick < 14 ? numbers[pick] : (uint32_t)(st_rng_next(rng) >> (32 + pick));
}

START_TEST(damage_with_a_right_checksum_is_refused_or_harmless)
{
    size_t size;
    char *bytes = make_record(35, 6, 20, &size);
    st_rng_t rng = {.state = 36};
    int accepted = 0;
    for (int round = 0; round < 50000; round++) {
        char *copy = copy_of(bytes, size);
        for (uint64_t n = 1 + st_rng_next(&rng) % 3; n > 0; n--) {
            uint32_t number = odd_number(&rng);
            size_t at = 4 * (st_rng_next(&rng) % (size / 4));
            memcpy(copy + at, &number, sizeof(number));
        }
        ((record_head_t *)copy)->checksum = st_record_checksum(copy, size);
        st_record_t record;
        if (st_record_open(&record, copy, size) == APR_SUCCESS) {
            ck_assert(record_is_sound(&record));
            accepted++;
        }
        free(copy);
    }
    ck_assert_int_gt(accepted, 0);
    ck_assert_int_lt(accepted, 50000);
    free(bytes);
}
END_TEST

/* One field of a good record at a time, to a value that is wrong by itself. */
typedef void damage_fn(record_head_t *head, record_span_t *span, record_attr_t *attr);

static void other_magic(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    head->magic++;
}

static void other_version(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    head->version = ST_RECORD_VERSION + 1;
}

static void other_length(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    head->len += 8;
}

static void no_spans(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    head->attr_count += 3 * head->span_count;
    head->span_count = 0;
}

static void rate_is_nan(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    head->sample_rate = NAN;
}

static void rand_is_infinite(record_head_t *head, record_span_t *span,
                             record_attr_t *attr)
{
    head->sample_rand = INFINITY;
}

static void dsc_runs_out(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    head->has_dsc = 1;
    head->dsc = (record_str_t){.at = 1, .len = head->strings_len};
}

static void dsc_is_there_and_not(record_head_t *head, record_span_t *span,
                                 record_attr_t *attr)
{
    head->has_dsc = 0;
    head->dsc = (record_str_t){.at = 0, .len = 1};
}

static void dsc_flag_is_unknown(record_head_t *head, record_span_t *span,
                                record_attr_t *attr)
{
    head->has_dsc = 2;
}

static void no_id(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    span->id = 0;
}

static void ends_early(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    span->end = span->start - 1;
}

static void op_is_0(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    span->op = 0;
}

static void op_is_unknown(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    span->op = ST_OP_COUNT;
}

static void status_is_unknown(record_head_t *head, record_span_t *span,
                              record_attr_t *attr)
{
    span->status = ST_STATUS_COUNT;
}

static void name_runs_out(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    span->name.at = head->strings_len;
    span->name.len = 1;
}

static void name_wraps(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    span->name.at = 8;
    span->name.len = UINT32_MAX - 7;
}

static void attrs_run_out(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    span->attr_first = head->attr_count;
    span->attr_count = 1;
}

static void key_is_0(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    attr->key = ST_ATTR_NONE;
}

static void key_is_unknown(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    attr->key = ST_ATTR_COUNT;
}

static void key_is_behind_the_named(record_head_t *head, record_span_t *span,
                                    record_attr_t *attr)
{
    attr->key = ST_ATTR_NAMED_END;
}

static void name_has_no_end(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    attr->key = ST_ATTR_OWN_STRING;
    attr->value.str = (record_str_t){.at = 0, .len = 1};
}

static void number_is_short(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    attr->key = ST_ATTR_OWN_INTEGER;
    attr->value.str = (record_str_t){.at = 0, .len = 2};
}

static void text_runs_out(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    attr->key = ST_ATTR_URL_PATH;
    attr->value.str = (record_str_t){.at = 1, .len = head->strings_len};
}

static void time_is_nan(record_head_t *head, record_span_t *span, record_attr_t *attr)
{
    attr->key = ST_ATTR_SENTRY_EXCLUSIVE_TIME;
    attr->value.real = NAN;
}

static damage_fn *const damages[] = {
    other_magic,
    other_version,
    other_length,
    no_spans,
    rate_is_nan,
    rand_is_infinite,
    no_id,
    ends_early,
    op_is_0,
    op_is_unknown,
    status_is_unknown,
    name_runs_out,
    name_wraps,
    attrs_run_out,
    key_is_0,
    key_is_unknown,
    text_runs_out,
    time_is_nan,
    dsc_runs_out,
    dsc_is_there_and_not,
    dsc_flag_is_unknown,
    key_is_behind_the_named,
    name_has_no_end,
    number_is_short,
};

START_TEST(wrong_field_is_refused)
{
    size_t size;
    char *bytes = make_record(37, 6, 20, &size);
    record_head_t *head = (record_head_t *)bytes;
    record_span_t *spans = (record_span_t *)(head + 1);
    record_attr_t *attrs = (record_attr_t *)(spans + head->span_count);
    ck_assert_uint_gt(head->attr_count, 1);
    damages[_i](head, &spans[head->span_count - 1], &attrs[head->attr_count - 1]);
    head->checksum = st_record_checksum(bytes, size);
    ck_assert_int_eq(open_copy(bytes, size), ST_E_MALFORMED);
    free(bytes);
}
END_TEST

START_TEST(more_spans_than_a_container_takes_are_refused)
{
    for (int spans = ST_RECORD_SPANS_MAX - 2; spans <= ST_RECORD_SPANS_MAX; spans++) {
        size_t size;
        char *bytes = make_record(38, spans, 5, &size);
        ck_assert_int_eq(open_copy(bytes, size),
                         spans < ST_RECORD_SPANS_MAX ? APR_SUCCESS : ST_E_MALFORMED);
        free(bytes);
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, any_changed_byte_is_refused);
    tcase_add_test(tcase, any_other_length_is_refused);
    tcase_add_test(tcase, swapped_words_are_refused);
    tcase_add_test(tcase, garbage_is_refused);
    tcase_add_test(tcase, damage_with_a_right_checksum_is_refused_or_harmless);
    tcase_add_loop_test(tcase, wrong_field_is_refused, 0,
                        sizeof(damages) / sizeof(damages[0]));
    tcase_add_test(tcase, more_spans_than_a_container_takes_are_refused);
}

T_MAIN("record_read", add_cases)
