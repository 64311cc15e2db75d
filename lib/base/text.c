/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, case-blind search, and numbers without a locale. */
#include "st_text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

st_str_t st_str(const char *cstr)
{
    return (st_str_t){.ptr = cstr, .len = cstr != NULL ? strlen(cstr) : 0};
}

/* The lowest second byte of a sequence that starts with `lead`, and *phigh the highest: this
 * is where overlong forms, surrogates and numbers above U+10FFFF differ (RFC 3629, 4). */
static unsigned char second_low(unsigned char lead, unsigned char *phigh)
{
    *phigh = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    return lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
}

static size_t lead_length(unsigned char lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return 3;
    }
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

size_t st_utf8_sequence(const char *s, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)s;
    size_t need = lead_length(bytes[0]);
    if (need < 2) {
        return need;
    }
    if (need > len) {
        return 0;
    }
    unsigned char high;
    unsigned char low = second_low(bytes[0], &high);
    if (bytes[1] < low || bytes[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return need;
}

size_t st_utf8_cut(const char *s, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    /* Walk back over at most three continuation bytes to the start of what would be cut. */
    for (size_t back = 0; back < 4 && back <= max; back++) {
        size_t at = max - back;
        size_t sequence = st_utf8_sequence(s + at, len - at);
        if (sequence > back) {
            return at;
        }
    }
    return max;
}

st_str_t st_str_cut(st_str_t text, size_t max)
{
    if (text.len > max) {
        text.len = st_utf8_cut(text.ptr, text.len, max);
    }
    return text;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static int matches_at(const char *s, const char *needle, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (lower(s[i]) != needle[i]) {
            return 0;
        }
    }
    return 1;
}

int st_str_contains_nocase(st_str_t haystack, const char *needle)
{
    size_t len = strlen(needle);
    if (len == 0 || len > haystack.len) {
        return len == 0;
    }
    for (size_t at = 0; at <= haystack.len - len; at++) {
        if (matches_at(haystack.ptr + at, needle, len)) {
            return 1;
        }
    }
    return 0;
}

int st_hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The "C" locale, made once: strtod and printf obey the process locale otherwise. */
static locale_t c_locale(void)
{
    static _Atomic(locale_t) cached;
    /* Acquire: pairs with the release below, of another thread. Two may come at once; C
     * libraries hand out one static object for "C". */
    locale_t locale = atomic_load_explicit(&cached, memory_order_acquire);
    if (locale == NULL) {
        locale = newlocale(LC_ALL_MASK, "C", NULL);
        atomic_store_explicit(&cached, locale, memory_order_release);
    }
    return locale;
}

apr_status_t st_number_parse(double *pnumber, const char *text)
{
    /* strtod also takes white space, hex, "inf" and "nan". */
    if (text[strspn(text, "0123456789.eE+-")] != '\0') {
        return ST_E_MALFORMED;
    }
    char *end;
    double number = strtod_l(text, &end, c_locale());
    if (end == text || *end != '\0') {
        return ST_E_MALFORMED;
    }
    *pnumber = number;
    return APR_SUCCESS;
}

apr_status_t st_rate_parse(double *prate, const char *text)
{
    double rate;
    apr_status_t rv = st_number_parse(&rate, text);
    if (rv != APR_SUCCESS || !(rate >= 0.0 && rate <= 1.0)) {
        return ST_E_MALFORMED;
    }
    *prate = fabs(rate); /* "-0" is in the range */
    return APR_SUCCESS;
}

size_t st_number_write(char *out, size_t size, double number)
{
    /* What 15 digits can say comes back from %.15g without trailing digits, so fewer need not
     * be tried. Subnormal numbers have less precision, and a shorter form. */
    int digits = fabs(number) < DBL_MIN ? 1 : DBL_DIG;
    locale_t before = uselocale(c_locale());
    int len;
    do {
        len = snprintf(out, size, "%.*g", digits, number);
    } while (++digits <= 17 && strtod(out, NULL) != number);
    uselocale(before);
    return (size_t)len;
}
