/* SPDX-License-Identifier: Apache-2.0 */
/* The framing of envelopes, byte by byte. */
#include "st_envelope.h"

#include "t.h"
#include <string.h>

static st_envelope_t *parse(const char *bytes, size_t len)
{
    st_envelope_t *envelope = NULL;
    const char *why = "";
    apr_status_t rv = st_envelope_parse(&envelope, &why, bytes, len, t_pool);
    ck_assert_msg(rv == APR_SUCCESS, "%s", why);
    return envelope;
}

static st_envelope_t *parse_text(const char *text)
{
    st_envelope_t *envelope = parse(text, strlen(text));
    ck_assert_uint_eq(envelope->used, strlen(text));
    return envelope;
}

static void expect_payload(const st_envelope_t *envelope, int i, const char *payload)
{
    ck_assert_int_lt(i, envelope->item_count);
    ck_assert_uint_eq(envelope->items[i].len, strlen(payload));
    ck_assert_mem_eq(envelope->items[i].payload, payload, strlen(payload));
}

START_TEST(an_empty_object_is_an_envelope)
{
    st_envelope_t *envelope = parse_text("{}");
    ck_assert_int_eq(envelope->item_count, 0);
    ck_assert_uint_eq(json_object_size(envelope->header), 0);
    ck_assert_int_eq(parse_text("{}\n")->item_count, 0);
}
END_TEST

START_TEST(the_header_is_kept_with_all_its_keys)
{
    st_envelope_t *envelope =
        parse_text("{\"sent_at\":\"2026-11-22T06:26:45.052Z\",\"new\":[1]}\n");
    ck_assert_uint_eq(json_object_size(envelope->header), 2);
}
END_TEST

START_TEST(without_a_length_the_payload_ends_at_the_newline)
{
    st_envelope_t *envelope =
        parse_text("{}\n{\"type\":\"a\"}\n{\"x\":1}\n{\"type\":\"b\"}\nplain");
    ck_assert_int_eq(envelope->item_count, 2);
    expect_payload(envelope, 0, "{\"x\":1}");
    ck_assert_str_eq(envelope->items[0].type, "a");
    ck_assert(json_is_object(envelope->items[0].json));
    expect_payload(envelope, 1, "plain");
    ck_assert_str_eq(envelope->items[1].type, "b");
    ck_assert_ptr_null(envelope->items[1].json);
}
END_TEST

START_TEST(with_a_length_the_payload_may_hold_newlines)
{
    st_envelope_t *envelope = parse_text(
        "{}\n{\"type\":\"a\",\"length\":9}\n{\"x\":\n\n1}\n{\"type\":\"b\"}\n\n");
    ck_assert_int_eq(envelope->item_count, 2);
    expect_payload(envelope, 0, "{\"x\":\n\n1}");
    ck_assert(json_is_object(envelope->items[0].json));
    expect_payload(envelope, 1, "");
}
END_TEST

START_TEST(the_last_newline_may_be_missing)
{
    expect_payload(parse_text("{}\n{\"type\":\"a\",\"length\":3}\nabc"), 0, "abc");
    expect_payload(parse_text("{}\n{\"type\":\"a\",\"length\":0}\n"), 0, "");
    expect_payload(parse_text("{}\n{\"type\":\"a\",\"length\":0}"), 0, "");
    expect_payload(parse_text("{}\n{\"type\":\"a\"}"), 0, "");
}
END_TEST

START_TEST(a_carriage_return_is_data)
{
    expect_payload(parse_text("{}\n{\"type\":\"a\"}\nabc\r\n"), 0, "abc\r");
}
END_TEST

START_TEST(zero_bytes_are_data_too)
{
    static const char bytes[] = "{}\n{\"type\":\"a\",\"length\":3}\n\0\n\0\n";
    st_envelope_t *envelope = parse(bytes, sizeof(bytes) - 1);
    ck_assert_uint_eq(envelope->items[0].len, 3);
    ck_assert_mem_eq(envelope->items[0].payload, "\0\n", 3);
}
END_TEST

START_TEST(an_escaped_zero_character_is_read)
{
    st_envelope_t *envelope = parse_text("{}\n{\"type\":\"a\"}\n[\"x\\u0000y\"]\n");
    ck_assert_uint_eq(json_string_length(json_array_get(envelope->items[0].json, 0)), 3);
}
END_TEST

START_TEST(the_next_envelope_starts_at_a_header_without_a_type)
{
    static const char text[] = "{\"n\":1}\n{\"type\":\"a\"}\nx\n{\"n\":2}\n{\"n\":3}";
    st_envelope_t *first = parse(text, strlen(text));
    ck_assert_int_eq(first->item_count, 1);
    ck_assert_uint_eq(first->used, strlen("{\"n\":1}\n{\"type\":\"a\"}\nx\n"));
    const char *rest = text + first->used;
    st_envelope_t *second = parse(rest, strlen(rest));
    ck_assert_int_eq(second->item_count, 0);
    ck_assert_uint_eq(second->used, strlen("{\"n\":2}\n"));
    st_envelope_t *third = parse_text(rest + second->used);
    ck_assert_int_eq(json_integer_value(json_object_get(third->header, "n")), 3);
}
END_TEST

START_TEST(nothing_is_the_end_of_the_file)
{
    st_envelope_t *envelope = NULL;
    const char *why = NULL;
    ck_assert_int_eq(st_envelope_parse(&envelope, &why, "", 0, t_pool), APR_EOF);
    ck_assert_ptr_null(envelope);
}
END_TEST

#define ITEM(header) "{}\n" header "\n"

static const struct {
    const char *bytes, *why;
} refused[] = {
    {"\n", "there is a blank line where the envelope header should be"},
    {"[]\n", "the envelope header is not one JSON object that ends its line"},
    {"{}\r\n", "the envelope header is not one JSON object that ends its line"},
    {"{} \n", "the envelope header is not one JSON object that ends its line"},
    {"{}{}\n", "the envelope header is no JSON: end of file expected"},
    {"{\"a\":\n1}\n", "the envelope header is no JSON"},
    {"text", "the envelope header is no JSON"},
    {"{\"a\":1,\"a\":1}", "the envelope header is no JSON: duplicate object key"},
    {"{\"a\":\"\xFF\"}", "the envelope header is no JSON: unable to decode byte 0xff"},
    {"{\"sent_at\":1795300000}", "\"sent_at\" is no RFC 3339 time"},
    {"{\"sent_at\":\"2026-11-22\"}", "\"sent_at\" is no RFC 3339 time"},
    {"{\"sent_at\":null}", "\"sent_at\" is no RFC 3339 time"},
    {"{}\n\n", "there is a blank line where an item header should be"},
    {"{}\n\n{\"type\":\"a\"}\n", "there is a blank line where an item header should be"},
    {ITEM("{\"type\":\"a\"}") "x\n\n",
     "there is a blank line where an item header should be"},
    {ITEM("{\"type\":\"a\"}") "x\nmore", "an item header is no JSON"},
    {ITEM("[\"type\"]"), "an item header is not one JSON object that ends its line"},
    {ITEM("{\"type\":7}"), "an item's \"type\" is no string"},
    {ITEM("{\"type\":\"a\\u0000\"}"), "an item's \"type\" is no string"},
    {ITEM("{\"type\":\"a\",\"type\":\"a\"}"),
     "an item header is no JSON: duplicate object"},
    {ITEM("{\"type\":\"a\",\"length\":4}") "abc", "is 4, but only 3 bytes follow"},
    {ITEM("{\"type\":\"a\",\"length\":1}"), "is 1, but only 0 bytes follow"},
    {ITEM("{\"type\":\"a\",\"length\":2}") "abc", "no newline follows the 2 bytes"},
    {ITEM("{\"type\":\"a\",\"length\":4}") "abc\n{", "no newline follows the 4 bytes"},
    {ITEM("{\"type\":\"a\",\"length\":-1}") "abc", "\"length\" is no number of bytes"},
    {ITEM("{\"type\":\"a\",\"length\":\"3\"}") "abc", "\"length\" is no number of bytes"},
    {ITEM("{\"type\":\"a\",\"length\":3.0}") "abc", "\"length\" is no number of bytes"},
    {ITEM("{\"type\":\"a\",\"length\":null}") "abc", "\"length\" is no number of bytes"},
    {ITEM("{\"type\":\"a\",\"length\":4294967296}") "abc",
     "\"length\" is no number of bytes"},
    {ITEM("{\"type\":\"a\",\"length\":4294967295}") "abc", "but only 3 bytes follow"},
};

START_TEST(bytes_that_break_the_framing_are_refused)
{
    st_envelope_t *envelope = NULL;
    const char *why = NULL;
    const char *bytes = refused[_i].bytes;
    ck_assert_int_eq(st_envelope_parse(&envelope, &why, bytes, strlen(bytes), t_pool),
                     ST_E_MALFORMED);
    ck_assert_ptr_null(envelope);
    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, refused[_i].why) != NULL, "\"%s\" does not say \"%s\"", why,
                  refused[_i].why);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, an_empty_object_is_an_envelope);
    tcase_add_test(tcase, the_header_is_kept_with_all_its_keys);
    tcase_add_test(tcase, without_a_length_the_payload_ends_at_the_newline);
    tcase_add_test(tcase, with_a_length_the_payload_may_hold_newlines);
    tcase_add_test(tcase, the_last_newline_may_be_missing);
    tcase_add_test(tcase, a_carriage_return_is_data);
    tcase_add_test(tcase, zero_bytes_are_data_too);
    tcase_add_test(tcase, an_escaped_zero_character_is_read);
    tcase_add_test(tcase, the_next_envelope_starts_at_a_header_without_a_type);
    tcase_add_test(tcase, nothing_is_the_end_of_the_file);
    tcase_add_loop_test(tcase, bytes_that_break_the_framing_are_refused, 0,
                        (int)(sizeof(refused) / sizeof(refused[0])));
}

T_MAIN("envelope", add_cases)
