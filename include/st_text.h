/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_TEXT_H
#define ST_TEXT_H

/* Text with a length. Values come from requests, so nothing here trusts encoding. */

#include <stddef.h>
#include <stdint.h>
#include "st_error.h"

/* Borrowed bytes, not zero-terminated. {NULL, 0} is empty. */
typedef struct st_str_t {
    const char *ptr;
    size_t len;
} st_str_t;

/* A view of a C string; NULL gives the empty one. */
st_str_t st_str(const char *cstr);

/* Length of the valid UTF-8 sequence at the start of s[0..len), 1..4; 0 when the first byte
 * starts none (also overlong forms, surrogates, above U+10FFFF). len must be > 0. */
size_t st_utf8_sequence(const char *s, size_t len);

/* The longest prefix of s with at most `max` bytes that does not cut a UTF-8 sequence. */
size_t st_utf8_cut(const char *s, size_t len, size_t max);

/* The text, or its longest prefix as above. */
st_str_t st_str_cut(st_str_t text, size_t max);

/* 1 when `haystack` contains `needle`, which must be lower-case; ASCII case of the haystack
 * does not matter. An empty needle is contained in everything. */
int st_str_contains_nocase(st_str_t haystack, const char *needle);

/* 0..15 for a hexadecimal digit of either case, -1 for anything else. */
int st_hex_value(char c);

/* Parses a decimal number ("60", "-0.5", "1e3"), whole text, without regard to the locale. One
 * too large for a double gives infinity.
 * @return APR_SUCCESS, or ST_E_MALFORMED and *pnumber is untouched. */
apr_status_t st_number_parse(double *pnumber, const char *text) ST_MUST_CHECK;

/* Parses a decimal number in [0,1] ("0", "0.25", "1", "1e-3"), whole text, without regard to
 * the locale. Never gives a negative zero.
 * @return APR_SUCCESS, or ST_E_MALFORMED and *prate is untouched. */
apr_status_t st_rate_parse(double *prate, const char *text) ST_MUST_CHECK;

/* Writes a finite `number` as a JSON number with as few digits as give the same double back,
 * dot whatever the locale. @return length without the terminating zero. size >= 32. */
size_t st_number_write(char *out, size_t size, double number);

#endif /* ST_TEXT_H */
