/* SPDX-License-Identifier: Apache-2.0 */
/* What all checks of envelopes need: saying no, and looking at ids. */
#include "envelope_check.h"

#include "st_rfc3339.h"
#include "st_text.h"
#include <apr_strings.h>
#include <stdarg.h>
#include <string.h>

#define QUOTE_BYTES_MAX 60

int st_check_refuse(st_check_t *check, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *rest = apr_pvsprintf(check->pool, fmt, args);
    va_end(args);
    const char *number =
        check->number > 0 ? apr_psprintf(check->pool, " %d", check->number) : "";
    check->why = apr_pstrcat(check->pool, check->part, number, " ", rest, NULL);
    return 0;
}

const char *st_check_quote(const char *text, apr_pool_t *pool)
{
    size_t len = strlen(text);
    size_t kept = st_utf8_cut(text, len, QUOTE_BYTES_MAX);
    char *quote = apr_pstrmemdup(pool, text, kept);
    for (char *at = quote; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F) {
            *at = '?';
        }
    }
    return kept < len ? apr_pstrcat(pool, quote, "...", NULL) : quote;
}

const char *st_check_text(const json_t *json)
{
    const char *text = json_string_value(json);
    return text != NULL && strlen(text) == json_string_length(json) ? text : NULL;
}

int st_check_is_id(const json_t *json, size_t digits)
{
    const char *text = st_check_text(json);
    return text != NULL && strlen(text) == digits &&
           strspn(text, "0123456789abcdef") == digits && strspn(text, "0") < digits;
}

int st_check_is_text(const json_t *json)
{
    return json_string_length(json) > 0;
}

int st_check_is_instant(const json_t *json, st_ns_t *ptime)
{
    const char *text = st_check_text(json);
    return text != NULL && st_rfc3339_parse(ptime, text) == APR_SUCCESS;
}

json_t *st_check_optional(const json_t *object, const char *key)
{
    json_t *member = json_object_get(object, key);
    return json_is_null(member) ? NULL : member;
}

int st_check_is_short(const json_t *json, size_t max)
{
    const char *text = st_check_text(json);
    size_t characters = 0;
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        characters += ((unsigned char)*at & 0xC0) != 0x80;
    }
    return characters > 0 && characters <= max;
}

int st_check_is_time(const json_t *json, double *psec)
{
    st_ns_t time;
    if (json_is_number(json)) {
        *psec = json_number_value(json);
        return 1;
    }
    if (!st_check_is_instant(json, &time)) {
        return 0;
    }
    *psec = (double)time / (double)ST_NS_PER_SEC;
    return 1;
}

int st_check_times(st_check_t *check, const json_t *object, const char *start,
                   const char *end)
{
    double start_sec, end_sec;
    if (!st_check_is_time(json_object_get(object, start), &start_sec)) {
        return st_check_refuse(check, "has no time as \"%s\"", start);
    }
    if (!st_check_is_time(json_object_get(object, end), &end_sec)) {
        return st_check_refuse(check, "has no time as \"%s\"", end);
    }
    if (start_sec > end_sec) {
        return st_check_refuse(check, "ends before it starts");
    }
    return 1;
}

int st_check_is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            return 1;
        }
    }
    return 0;
}

int st_check_members(st_check_t *check, json_t *object, const char *const *known,
                     size_t count)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!st_check_is_one_of(key, known, count)) {
            return st_check_refuse(check, "has the unknown member \"%s\"",
                                   st_check_quote(key, check->pool));
        }
    }
    return 1;
}
