/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer against another implementation's reader, and against exact texts. */
#include "st_json.h"

#include "t.h"
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define BUF_MAX ((size_t)1024 * 1024)

static st_buf_t out;

static void buf_setup(void)
{
    st_buf_init(&out, BUF_MAX);
}

static void buf_teardown(void)
{
    st_buf_free(&out);
}

/* What has been written since the last call, as a C string in the test's pool. */
static const char *written(void)
{
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    char *text = apr_pcalloc(t_pool, out.len + 1);
    if (out.len > 0) {
        memcpy(text, out.data, out.len);
    }
    st_buf_clear(&out);
    return text;
}

/* Writes the bytes as a JSON string and compares what a parser gets from it with `expected`. */
static void expect_string(st_str_t bytes, st_str_t expected)
{
    st_json_string(&out, bytes);
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    json_error_t error;
    json_t *json =
        json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    ck_assert_msg(json != NULL, "%s in %.*s", error.text, (int)out.len, out.data);
    ck_assert_uint_eq(json_string_length(json), expected.len);
    ck_assert_mem_eq(json_string_value(json), expected.ptr, expected.len);
    json_decref(json);
    st_buf_clear(&out);
}

START_TEST(every_ascii_character_comes_back)
{
    for (int c = 0; c < 0x80; c++) {
        char bytes[] = {'a', (char)c, 'b'};
        st_str_t text = {bytes, sizeof(bytes)};
        expect_string(text, text);
    }
}
END_TEST

START_TEST(control_characters_quotes_and_backslashes_are_escaped)
{
    static const char bytes[] = "\b\f\n\r\t\"\\/\x01\x1f\x7f";
    st_json_string(&out, (st_str_t){bytes, sizeof(bytes)});
    ck_assert_str_eq(written(), "\"\\b\\f\\n\\r\\t\\\"\\\\/\\u0001\\u001f\x7f\\u0000\"");
}
END_TEST

START_TEST(the_empty_string_is_two_quotes)
{
    st_json_string(&out, (st_str_t){NULL, 0});
    ck_assert_str_eq(written(), "\"\"");
}
END_TEST

/* The fast path looks at eight bytes at a time: a special one must be seen at each place. */
START_TEST(special_bytes_are_seen_wherever_they_stand)
{
    static const char specials[] = {'"', '\\', '\n', '\0', '\x1f'};
    char bytes[40];
    for (size_t special = 0; special < sizeof(specials); special++) {
        for (size_t len = 1; len <= sizeof(bytes); len++) {
            memset(bytes, 0x20 + (int)(len % 2), sizeof(bytes));
            for (size_t at = 0; at < len; at++) {
                char before = bytes[at];
                bytes[at] = specials[special];
                expect_string((st_str_t){bytes, len}, (st_str_t){bytes, len});
                bytes[at] = before;
            }
        }
    }
}
END_TEST

START_TEST(valid_utf8_stays_as_it_is)
{
    static const char text[] =
        "\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 "
        "\xEF\xBF\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF \xE2\x80\xA8";
    st_str_t str = st_str(text);
    expect_string(str, str);
    st_json_string(&out, str);
    const char *json = written();
    ck_assert_uint_eq(strlen(json), str.len + 2);
    ck_assert_mem_eq(json + 1, text, str.len);
}
END_TEST

#define FFFD "\xEF\xBF\xBD"

static const struct {
    const char *bytes, *expected;
} invalid_utf8[] = {
    {"\x80", FFFD},
    {"a\xFFz", "a" FFFD "z"},
    {"\xC3", FFFD},
    {"\xC3(", FFFD "("},
    {"\xC0\xAF", FFFD FFFD},                    /* overlong slash */
    {"\xE0\x80\xAF", FFFD FFFD FFFD},           /* overlong slash, longer */
    {"\xED\xA0\x80", FFFD FFFD FFFD},           /* surrogate */
    {"\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD},  /* above U+10FFFF */
    {"\xF0\x9F\x98", FFFD FFFD FFFD},           /* cut */
    {"12345678\xE2\x82", "12345678" FFFD FFFD}, /* cut after a whole word */
    {"\xE2\x82\xAC\xE2\x82", "\xE2\x82\xAC" FFFD FFFD},
    {"\xF8\x88\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD},
    {"\"\xFE\\", "\"" FFFD "\\"},
};

START_TEST(bytes_that_are_no_utf8_become_replacement_characters)
{
    expect_string(st_str(invalid_utf8[_i].bytes), st_str(invalid_utf8[_i].expected));
}
END_TEST

/* Appends a random piece of text; half of the pieces are awkward ones. */
static size_t random_piece(char *to, st_rng_t *rng)
{
    static const char *const pieces[] = {
        "\"", "\\", "\n", "\x01", "/", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    uint64_t draw = st_rng_next(rng);
    if (draw % 2 == 0) {
        *to = (char)(0x20 + (draw >> 8) % 0x5F);
        return 1;
    }
    const char *piece = pieces[(draw >> 8) % (sizeof(pieces) / sizeof(pieces[0]))];
    size_t len = strlen(piece);
    memcpy(to, piece, len);
    return len;
}

START_TEST(random_texts_come_back)
{
    st_rng_t rng = {.state = 42};
    for (int round = 0; round < 2000; round++) {
        char text[200];
        size_t len = 0;
        size_t wanted = st_rng_next(&rng) % (sizeof(text) - 4);
        while (len < wanted) {
            len += random_piece(text + len, &rng);
        }
        expect_string((st_str_t){text, len}, (st_str_t){text, len});
    }
}
END_TEST

START_TEST(random_bytes_always_give_a_json_string)
{
    st_rng_t rng = {.state = 7};
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (char)st_rng_next(&rng);
        }
        st_json_string(&out, (st_str_t){bytes, 1 + (size_t)round % sizeof(bytes)});
        json_t *json =
            json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        ck_assert(json_is_string(json));
        json_decref(json);
        st_buf_clear(&out);
    }
}
END_TEST

START_TEST(integers_are_written_to_their_limits)
{
    st_json_array_begin(&out);
    st_json_int(&out, 0);
    st_json_int(&out, -1);
    st_json_int(&out, 1234567890);
    st_json_int(&out, INT64_MAX);
    st_json_int(&out, INT64_MIN);
    st_json_uint(&out, UINT64_MAX);
    st_json_array_end(&out);
    ck_assert_str_eq(written(), "[0,-1,1234567890,9223372036854775807,"
                                "-9223372036854775808,18446744073709551615]");
}
END_TEST

static const struct {
    double number;
    const char *text;
} doubles[] = {
    {0.0, "0"},
    {1.0, "1"},
    {0.25, "0.25"},
    {0.1, "0.1"},
    {0.000001, "0.000001"},
    {12.034567, "12.034567"},
    {100.0, "100"},
    {999999999.999999, "999999999.999999"},
    {-0.5, "-0.5"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1.0 / 3.0, "0.3333333333333333"},
};

START_TEST(doubles_take_the_shortest_text)
{
    st_json_double(&out, doubles[_i].number);
    ck_assert_str_eq(written(), doubles[_i].text);
}
END_TEST

static const double rare_doubles[] = {1e9, 1e-7, 2.5e-10, -0.0, -7.0, 1e300, 0.1234567};

START_TEST(rare_doubles_are_left_to_the_general_writer)
{
    char text[32];
    size_t len = st_number_write(text, sizeof(text), rare_doubles[_i]);
    st_json_double(&out, rare_doubles[_i]);
    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(out.data, text, len);
}
END_TEST

static void expect_double(double number)
{
    st_json_double(&out, number);
    const char *text = written();
    ck_assert_msg(strtod(text, NULL) == number, "%.17g was written as %s", number, text);
    char shortest[32];
    st_number_write(shortest, sizeof(shortest), number);
    size_t digits = strspn(text, "0123456789");
    if (digits < strlen(text) && strchr(text, 'e') == NULL &&
        strchr(shortest, 'e') == NULL) {
        ck_assert_str_eq(text, shortest);
    }
}

START_TEST(doubles_come_back_as_the_same_bits)
{
    st_rng_t rng = {.state = 99};
    for (int round = 0; round < 2000; round++) {
        uint64_t draw = st_rng_next(&rng);
        double any;
        memcpy(&any, &draw, sizeof(any));
        if (isfinite(any)) {
            expect_double(any);
        }
        expect_double((double)(draw % 1000000000000) / 1e6);
        expect_double((double)(draw >> 11) * 0x1p-53);
    }
    expect_double(DBL_MIN);
    expect_double(DBL_MAX);
    expect_double(DBL_TRUE_MIN);
}
END_TEST

START_TEST(what_json_has_no_number_for_is_null)
{
    st_json_array_begin(&out);
    st_json_double(&out, NAN);
    st_json_double(&out, INFINITY);
    st_json_double(&out, -INFINITY);
    st_json_array_end(&out);
    ck_assert_str_eq(written(), "[null,null,null]");
}
END_TEST

static const struct {
    st_ns_t time;
    const char *text;
} times[] = {
    {0, "0.000000"},
    {999, "0.000000"},
    {1000, "0.000001"},
    {999999999, "0.999999"},
    {1000000000, "1.000000"},
    {INT64_C(1795300000000412999), "1795300000.000412"},
    {INT64_C(1795300000999999999), "1795300000.999999"},
    {INT64_MAX, "9223372036.854775"},
    {-999, "0.000000"},
    {-1000, "-0.000001"},
    {-1500000000, "-1.500000"},
    {INT64_MIN, "-9223372036.854775"},
};

START_TEST(times_have_six_decimals_and_are_cut)
{
    st_json_time(&out, times[_i].time);
    ck_assert_str_eq(written(), times[_i].text);
}
END_TEST

START_TEST(commas_stand_between_members_and_elements_only)
{
    st_buf_add_lit(&out, "{}\n");
    st_json_object_begin(&out);
    st_json_key(&out, "a:");
    st_json_array_begin(&out);
    st_json_array_end(&out);
    st_json_key(&out, "b");
    st_json_array_begin(&out);
    st_json_bool(&out, 1);
    st_json_bool(&out, 0);
    st_json_string(&out, st_str("{"));
    st_json_object_begin(&out);
    st_json_object_end(&out);
    st_json_object_begin(&out);
    st_json_raw(&out, st_str("\"c\":1"));
    st_json_raw(&out, st_str(""));
    st_json_raw(&out, st_str("\"d\":2"));
    st_json_object_end(&out);
    st_json_array_end(&out);
    st_json_object_end(&out);
    ck_assert_str_eq(written(),
                     "{}\n{\"a:\":[],\"b\":[true,false,\"{\",{},{\"c\":1,\"d\":2}]}");
}
END_TEST

START_TEST(ids_are_hex_strings)
{
    st_trace_id_t trace_id = {
        .bytes = {0x00, 0x11, 0xAB, 0xCD, 0xEF, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF}};
    st_json_array_begin(&out);
    st_json_trace_id(&out, &trace_id);
    st_json_span_id(&out, 0x0123456789ABCDEFu);
    st_json_array_end(&out);
    ck_assert_str_eq(written(),
                     "[\"0011abcdef05060708090a0b0c0d0eff\",\"0123456789abcdef\"]");
}
END_TEST

START_TEST(an_empty_attribute_is_not_written)
{
    st_json_object_begin(&out);
    st_json_attr_string(&out, "sentry.release", st_str(""));
    st_json_attr_string(&out, "sentry.op", st_str("a\"b"));
    st_json_attr_string(&out, "sentry.dist", st_str(NULL));
    st_json_object_end(&out);
    ck_assert_str_eq(written(),
                     "{\"sentry.op\":{\"type\":\"string\",\"value\":\"a\\\"b\"}}");
}
END_TEST

/* Writes one of everything. */
static void everything_write(st_buf_t *buf)
{
    st_trace_id_t trace_id = {.bytes = {1}};
    st_json_object_begin(buf);
    st_json_attr_string(buf, "key", st_str("plain"));
    st_json_attr_string(buf, "other", st_str("a\nb\xFF"));
    st_json_key(buf, "list");
    st_json_array_begin(buf);
    st_json_int(buf, -5);
    st_json_uint(buf, 5);
    st_json_bool(buf, 1);
    st_json_double(buf, 0.5);
    st_json_time(buf, ST_NS_PER_SEC);
    st_json_trace_id(buf, &trace_id);
    st_json_span_id(buf, 1);
    st_json_raw(buf, st_str("null"));
    st_json_array_end(buf);
    st_json_object_end(buf);
}

START_TEST(a_full_buffer_refuses_at_every_length)
{
    everything_write(&out);
    size_t need = out.len;
    ck_assert_int_eq(st_buf_status(&out), APR_SUCCESS);
    for (size_t max = 0; max < need; max++) {
        st_buf_t small;
        st_buf_init(&small, max);
        everything_write(&small);
        ck_assert_int_eq(st_buf_status(&small), ST_E_LIMIT);
        ck_assert_uint_le(small.len, max);
        st_buf_free(&small);
    }
    st_buf_t exact;
    st_buf_init(&exact, need);
    everything_write(&exact);
    ck_assert_int_eq(st_buf_status(&exact), APR_SUCCESS);
    ck_assert_uint_eq(exact.len, need);
    st_buf_free(&exact);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table[0])))

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, buf_setup, buf_teardown);
    tcase_add_test(tcase, every_ascii_character_comes_back);
    tcase_add_test(tcase, control_characters_quotes_and_backslashes_are_escaped);
    tcase_add_test(tcase, the_empty_string_is_two_quotes);
    tcase_add_test(tcase, special_bytes_are_seen_wherever_they_stand);
    tcase_add_test(tcase, valid_utf8_stays_as_it_is);
    tcase_add_loop_test(tcase, bytes_that_are_no_utf8_become_replacement_characters, 0,
                        COUNT(invalid_utf8));
    tcase_add_test(tcase, random_texts_come_back);
    tcase_add_test(tcase, random_bytes_always_give_a_json_string);
    tcase_add_test(tcase, integers_are_written_to_their_limits);
    tcase_add_loop_test(tcase, doubles_take_the_shortest_text, 0, COUNT(doubles));
    tcase_add_loop_test(tcase, rare_doubles_are_left_to_the_general_writer, 0,
                        COUNT(rare_doubles));
    tcase_add_test(tcase, doubles_come_back_as_the_same_bits);
    tcase_add_test(tcase, what_json_has_no_number_for_is_null);
    tcase_add_loop_test(tcase, times_have_six_decimals_and_are_cut, 0, COUNT(times));
    tcase_add_test(tcase, commas_stand_between_members_and_elements_only);
    tcase_add_test(tcase, ids_are_hex_strings);
    tcase_add_test(tcase, an_empty_attribute_is_not_written);
    tcase_add_test(tcase, a_full_buffer_refuses_at_every_length);
}

T_MAIN("json", add_cases)
