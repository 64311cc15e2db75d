/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer. This runs for every byte of every span: strings are copied in runs, and
 * numbers are formatted here instead of by printf. */
#include "st_json.h"

#include <math.h>
#include <string.h>

#define BYTES_OF(byte) (UINT64_C(0x0101010101010101) * (byte))

#define UINT_DIGITS_MAX 20
#define TIME_DIGITS     6

/* Between two values a comma, after an opening nothing. */
static int separator_needed(const st_buf_t *out)
{
    if (out->len == 0) {
        return 0;
    }
    char last = out->data[out->len - 1];
    return last != '{' && last != '[' && last != ':' && last != '\n';
}

/* Room for `len` bytes of a new value, behind a comma where one is needed. The caller writes
 * all of them. NULL on failure. */
static char *value_reserve(st_buf_t *out, size_t len)
{
    size_t comma = separator_needed(out) ? 1 : 0;
    char *to = st_buf_reserve(out, len + comma);
    if (to == NULL) {
        return NULL;
    }
    to[0] = ',';
    out->len += len + comma;
    return to + comma;
}

static void value_add(st_buf_t *out, const char *bytes, size_t len)
{
    char *to = value_reserve(out, len);
    if (to != NULL) {
        memcpy(to, bytes, len);
    }
}

void st_json_object_begin(st_buf_t *out)
{
    value_add(out, "{", 1);
}

void st_json_object_end(st_buf_t *out)
{
    st_buf_add_char(out, '}');
}

void st_json_array_begin(st_buf_t *out)
{
    value_add(out, "[", 1);
}

void st_json_array_end(st_buf_t *out)
{
    st_buf_add_char(out, ']');
}

void st_json_key(st_buf_t *out, const char *key)
{
    size_t len = strlen(key);
    char *to = value_reserve(out, len + 3);
    if (to == NULL) {
        return;
    }
    to[0] = '"';
    memcpy(to + 1, key, len);
    memcpy(to + 1 + len, "\":", 2);
}

void st_json_raw(st_buf_t *out, st_str_t json)
{
    if (json.len > 0) {
        value_add(out, json.ptr, json.len);
    }
}

/* Not 0 when a byte of `word` is below 0x20, above 0x7F, a quote or a backslash. A borrow from
 * a lower byte may raise a false alarm, never hide one. */
static uint64_t word_is_special(uint64_t word)
{
    uint64_t quote = word ^ BYTES_OF('"');
    uint64_t backslash = word ^ BYTES_OF('\\');
    uint64_t special = (word - BYTES_OF(0x20)) | (quote - BYTES_OF(1)) |
                       (backslash - BYTES_OF(1)) | word;
    return special & BYTES_OF(0x80);
}

static int byte_is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static size_t plain_ascii(const char *s, size_t len)
{
    size_t at = 0;
    while (at + sizeof(uint64_t) <= len) {
        uint64_t word;
        memcpy(&word, s + at, sizeof(word));
        if (word_is_special(word)) {
            break;
        }
        at += sizeof(word);
    }
    while (at < len && byte_is_plain((unsigned char)s[at])) {
        at++;
    }
    return at;
}

/* Length of what stands in a JSON string as it is: plain ASCII and valid UTF-8. */
static size_t plain_run(const char *s, size_t len)
{
    size_t at = plain_ascii(s, len);
    while (at < len && (unsigned char)s[at] >= 0x80) {
        size_t sequence = st_utf8_sequence(s + at, len - at);
        if (sequence == 0) {
            break;
        }
        at += sequence;
        at += plain_ascii(s + at, len - at);
    }
    return at;
}

/* The character of the two-character escape of `byte`, or 0. */
static char short_escape(unsigned char byte)
{
    switch (byte) {
    case '"':
    case '\\':
        return (char)byte;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void escape_add(st_buf_t *out, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    char letter = short_escape(byte);
    if (byte >= 0x80) {
        st_buf_add_lit(out, "\xEF\xBF\xBD");
    } else if (letter != 0) {
        char escape[] = {'\\', letter};
        st_buf_add(out, escape, sizeof(escape));
    } else {
        char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 0x0F]};
        st_buf_add(out, escape, sizeof(escape));
    }
}

static void string_add_escaped(st_buf_t *out, const char *s, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t run = plain_run(s + at, len - at);
        st_buf_add(out, s + at, run);
        at += run;
        if (at < len) {
            escape_add(out, (unsigned char)s[at++]);
        }
    }
}

void st_json_string(st_buf_t *out, st_str_t text)
{
    size_t plain = text.len > 0 ? plain_run(text.ptr, text.len) : 0;
    if (plain < text.len) {
        value_add(out, "\"", 1);
        string_add_escaped(out, text.ptr, text.len);
        st_buf_add_char(out, '"');
        return;
    }
    char *to = value_reserve(out, plain + 2);
    if (to == NULL) {
        return;
    }
    to[0] = '"';
    if (plain > 0) {
        memcpy(to + 1, text.ptr, plain);
    }
    to[plain + 1] = '"';
}

/* Writes the digits of `number` so that they end before `end`, at least `least` of them.
 * @return where they start. */
static char *digits_before(char *end, uint64_t number, int least)
{
    char *at = end;
    while (number > 0 || end - at < least) {
        *--at = (char)('0' + number % 10);
        number /= 10;
    }
    return at;
}

void st_json_uint(st_buf_t *out, uint64_t number)
{
    char text[UINT_DIGITS_MAX];
    char *end = text + sizeof(text);
    char *start = digits_before(end, number, 1);
    value_add(out, start, (size_t)(end - start));
}

/* |number|, also of the smallest one. */
static uint64_t magnitude(int64_t number)
{
    return number < 0 ? UINT64_C(0) - (uint64_t)number : (uint64_t)number;
}

void st_json_int(st_buf_t *out, int64_t number)
{
    char text[UINT_DIGITS_MAX + 1];
    char *end = text + sizeof(text);
    char *start = digits_before(end, magnitude(number), 1);
    if (number < 0) {
        *--start = '-';
    }
    value_add(out, start, (size_t)(end - start));
}

void st_json_bool(st_buf_t *out, int truth)
{
    if (truth) {
        value_add(out, "true", 4);
    } else {
        value_add(out, "false", 5);
    }
}

/* Writes `micros` millionths as a decimal number that ends before `end`.
 * @return where it starts. */
static char *decimal_before(char *end, uint64_t micros)
{
    char *at = digits_before(end, micros % 1000000, TIME_DIGITS);
    *--at = '.';
    return digits_before(at, micros / 1000000, 1);
}

/* The usual numbers (durations, rates) are a few digits with up to six decimals. If n / 10^6 is
 * the double itself, then so are the decimal digits of n: division rounds correctly, and below
 * 10^15 all decimals differ as doubles, so no shorter ones mean the same number.
 * @return the length written, or 0 when the number is none of these. */
static size_t decimal_text(char *out, double number)
{
    if (!(number >= 0.0 && number < 1e9) || signbit(number)) {
        return 0;
    }
    uint64_t micros = (uint64_t)(number * 1e6 + 0.5);
    if ((double)micros / 1e6 != number) {
        return 0;
    }
    char text[UINT_DIGITS_MAX + 2];
    char *end = text + sizeof(text);
    char *start = decimal_before(end, micros);
    while (end[-1] == '0') {
        end--;
    }
    if (end[-1] == '.') {
        end--;
    }
    memcpy(out, start, (size_t)(end - start));
    return (size_t)(end - start);
}

size_t st_json_double_text(char *out, double number)
{
    if (!isfinite(number)) {
        memcpy(out, "null", 4);
        return 4;
    }
    size_t len = decimal_text(out, number);
    return len > 0 ? len : st_number_write(out, ST_JSON_NUMBER_BYTES, number);
}

void st_json_double(st_buf_t *out, double number)
{
    char text[ST_JSON_NUMBER_BYTES];
    value_add(out, text, st_json_double_text(text, number));
}

void st_json_time(st_buf_t *out, st_ns_t time)
{
    char text[UINT_DIGITS_MAX + 2];
    char *end = text + sizeof(text);
    uint64_t micros = magnitude(time) / (uint64_t)ST_NS_PER_US;
    char *start = decimal_before(end, micros);
    if (time < 0 && micros > 0) {
        *--start = '-';
    }
    value_add(out, start, (size_t)(end - start));
}

void st_json_trace_id(st_buf_t *out, const st_trace_id_t *id)
{
    char *to = value_reserve(out, ST_TRACE_ID_HEX + 2);
    if (to != NULL) {
        to[0] = '"';
        st_trace_id_hex(to + 1, id);
        to[ST_TRACE_ID_HEX + 1] = '"';
    }
}

void st_json_span_id(st_buf_t *out, st_span_id_t id)
{
    char *to = value_reserve(out, ST_SPAN_ID_HEX + 2);
    if (to != NULL) {
        to[0] = '"';
        st_span_id_hex(to + 1, id);
        to[ST_SPAN_ID_HEX + 1] = '"';
    }
}

void st_json_attr_string(st_buf_t *out, const char *key, st_str_t value)
{
    if (value.len == 0) {
        return;
    }
    st_json_key(out, key);
    st_buf_add_lit(out, "{\"type\":\"string\",\"value\":");
    st_json_string(out, value);
    st_json_object_end(out);
}
