/* SPDX-License-Identifier: Apache-2.0 */
/* sentry-trace in both directions, traceparent in one. */
#include "st_parent.h"

#include <string.h>
#include "st_text.h"

#define FLAG_SAMPLED   '1'
#define FLAG_UNSAMPLED '0'

/* The first part between commas that is not empty, without the white space around it. */
static st_str_t part_first(const char *header)
{
    const char *start = header + strspn(header, ", \t");
    size_t len = strcspn(start, ",");
    while (len > 0 && (start[len - 1] == ' ' || start[len - 1] == '\t')) {
        len--;
    }
    return (st_str_t){start, len};
}

/* The value of a lower-case hex digit, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes hex digits for `count` bytes off the text. @return 0 and takes nothing when there are
 * fewer of them. */
static int take_bytes(st_str_t *text, uint8_t *bytes, size_t count)
{
    if (text->len < 2 * count) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        int high = hex_value(text->ptr[2 * i]);
        int low = hex_value(text->ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return 0;
        }
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    text->ptr += 2 * count;
    text->len -= 2 * count;
    return 1;
}

/* Takes one character off the text when it is there. */
static int take_char(st_str_t *text, char c)
{
    if (text->len == 0 || text->ptr[0] != c) {
        return 0;
    }
    text->ptr++;
    text->len--;
    return 1;
}

static int take_flag(st_str_t *text)
{
    if (take_char(text, FLAG_SAMPLED)) {
        return 1;
    }
    return take_char(text, FLAG_UNSAMPLED) ? 0 : ST_SAMPLED_UNKNOWN;
}

/* A span id off the text, 0 when there is none. @return 0 for an id that is all zero. */
static int take_span_id(st_str_t *text, st_span_id_t *pid)
{
    uint8_t bytes[ST_SPAN_ID_HEX / 2];
    *pid = 0;
    if (!take_bytes(text, bytes, sizeof(bytes))) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        *pid = *pid << 8 | bytes[i];
    }
    return *pid != 0;
}

static int trace_id_is_zero(const st_trace_id_t *id)
{
    static const st_trace_id_t zero;
    return memcmp(id, &zero, sizeof(zero)) == 0;
}

apr_status_t st_parent_parse(st_parent_t *parent, const char *header)
{
    st_str_t text = part_first(header);
    st_parent_t found;
    if (!take_bytes(&text, found.trace_id.bytes, sizeof(found.trace_id.bytes)) ||
        trace_id_is_zero(&found.trace_id)) {
        return ST_E_MALFORMED;
    }
    take_char(&text, '-');
    if (!take_span_id(&text, &found.span_id)) {
        return ST_E_MALFORMED;
    }
    take_char(&text, '-');
    found.sampled = take_flag(&text);
    if (text.len > 0) {
        return ST_E_MALFORMED;
    }
    *parent = found;
    return APR_SUCCESS;
}

/* Writes "<trace id>-<span id>". @return where it ends. */
static char *ids_write(char *out, const st_trace_id_t *trace_id, st_span_id_t span_id)
{
    st_trace_id_hex(out, trace_id);
    out[ST_TRACE_ID_HEX] = '-';
    st_span_id_hex(out + ST_TRACE_ID_HEX + 1, span_id);
    return out + ST_TRACE_ID_HEX + 1 + ST_SPAN_ID_HEX;
}

size_t st_parent_write(char out[ST_PARENT_BYTES], const st_trace_id_t *trace_id,
                       st_span_id_t span_id, int sampled)
{
    char *end = ids_write(out, trace_id, span_id);
    if (sampled != ST_SAMPLED_UNKNOWN) {
        *end++ = '-';
        *end++ = sampled ? FLAG_SAMPLED : FLAG_UNSAMPLED;
    }
    *end = '\0';
    return (size_t)(end - out);
}

size_t st_parent_write_w3c(char out[ST_PARENT_W3C_BYTES], const st_trace_id_t *trace_id,
                           st_span_id_t span_id, int sampled)
{
    memcpy(out, "00-", 3);
    char *end = ids_write(out + 3, trace_id, span_id);
    memcpy(end, sampled == 1 ? "-01" : "-00", sizeof("-01"));
    return (size_t)(end - out) + 3;
}
