/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping, measuring and cutting text for terminals. */
#include "stc_term.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

/* Combining marks that one character may carry. */
#define MARKS_MAX 2

/* One character in its safe form. */
typedef struct glyph_t {
    const char *bytes; /* of the text, or `escape` */
    size_t len;
    size_t taken; /* bytes of the text */
    int columns;
    char escape[16];
} glyph_t;

typedef struct range_t {
    uint32_t first;
    uint32_t last;
} range_t;

/* Characters of two columns: East Asian Width W and F (Unicode, UAX #11), rounded to blocks. */
static const range_t wide_ranges[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},
    {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},
    {0x26c4, 0x26c5},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},
    {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},   {0x274c, 0x274c},
    {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},   {0x2e80, 0x303e},
    {0x3041, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x18cff}, {0x1aff0, 0x1b2ff}, {0x1f18e, 0x1f19a},
    {0x1f200, 0x1f320}, {0x1f32d, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f7e0, 0x1f7eb},
    {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

/* Marks that stand on the character before them, rounded to blocks. */
static const range_t mark_ranges[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489},   {0x0591, 0x05bd},   {0x0610, 0x061a},
    {0x064b, 0x065f}, {0x06d6, 0x06dc},   {0x0730, 0x074a},   {0x0900, 0x0902},
    {0x093c, 0x093c}, {0x0941, 0x0948},   {0x094d, 0x094d},   {0x0e31, 0x0e31},
    {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},   {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff},
    {0x200c, 0x200d}, {0x20d0, 0x20f0},   {0x3099, 0x309a},   {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff}, {0xe0100, 0xe01ef},
};

/* Invisible ones, and those that turn the direction of writing or break the line. */
static const range_t unsafe_ranges[] = {
    {0x00, 0x1f},       {0x7f, 0x9f},        {0xad, 0xad},     {0x061c, 0x061c},
    {0x180e, 0x180e},   {0x200b, 0x200b},    {0x200e, 0x200f}, {0x2028, 0x202e},
    {0x2060, 0x206f},   {0xfeff, 0xfeff},    {0xfff9, 0xfffb}, {0xe000, 0xf8ff},
    {0xe0000, 0xe00ff}, {0xf0000, 0x10ffff},
};

static int range_find(const range_t *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return 1;
        }
    }
    return 0;
}

#define IN_RANGES(ranges, c) range_find(ranges, sizeof(ranges) / sizeof(ranges[0]), c)

static uint32_t utf8_decode(const char *s, size_t len)
{
    static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (uint8_t)s[0] & lead_mask[len];
    for (size_t i = 1; i < len; i++) {
        c = c << 6 | ((uint8_t)s[i] & 0x3f);
    }
    return c;
}

static void glyph_is_escape(glyph_t *g, int len)
{
    g->bytes = g->escape;
    g->len = (size_t)len;
    g->columns = len;
}

static void glyph_escape(glyph_t *g, uint32_t c)
{
    static const char letters[] = "abtnvfr"; /* 0x07..0x0d */
    if (c >= 0x07 && c <= 0x0d) {
        glyph_is_escape(g,
                        snprintf(g->escape, sizeof(g->escape), "\\%c", letters[c - 7]));
    } else if (c < 0x80) {
        glyph_is_escape(g, snprintf(g->escape, sizeof(g->escape), "\\x%02x", c));
    } else {
        glyph_is_escape(g, snprintf(g->escape, sizeof(g->escape), "\\u{%x}", c));
    }
}

/* Reads the first character of a text that is not empty. */
static void glyph_read(glyph_t *g, const char *text, size_t len, int utf8)
{
    *g = (glyph_t){.bytes = text, .columns = 1};
    g->taken = st_utf8_sequence(text, len);
    if (g->taken == 0) {
        g->taken = 1;
        glyph_is_escape(
            g, snprintf(g->escape, sizeof(g->escape), "\\x%02x", (uint8_t)text[0]));
        return;
    }
    g->len = g->taken;
    uint32_t c = utf8_decode(text, g->taken);
    if (IN_RANGES(unsafe_ranges, c) || (!utf8 && c >= 0x80)) {
        glyph_escape(g, c);
    } else if (IN_RANGES(mark_ranges, c)) {
        g->columns = 0;
    } else if (IN_RANGES(wide_ranges, c)) {
        g->columns = 2;
    }
}

/* Adds characters while they fit into `max` columns; `out` may be NULL to measure only. */
static int glyphs_add(st_buf_t *out, st_str_t text, int max, int utf8)
{
    int columns = 0;
    int marks = 0;
    while (text.len > 0) {
        glyph_t g;
        glyph_read(&g, text.ptr, text.len, utf8);
        if (columns + g.columns > max) {
            break;
        }
        columns += g.columns;
        marks = g.columns == 0 ? marks + 1 : 0;
        if (out != NULL && marks <= MARKS_MAX) {
            st_buf_add(out, g.bytes, g.len);
        }
        text.ptr += g.taken;
        text.len -= g.taken;
    }
    return columns;
}

int stc_term_width(st_str_t text, int utf8)
{
    return glyphs_add(NULL, text, INT_MAX / 2, utf8);
}

int stc_term_add(st_buf_t *out, st_str_t text, int max, int utf8)
{
    if (max <= 0) {
        return 0;
    }
    int whole = stc_term_width(text, utf8);
    if (whole <= max) {
        return glyphs_add(out, text, max, utf8);
    }
    int ellipsis = utf8 ? 1 : 3;
    if (ellipsis > max) {
        ellipsis = max;
    }
    int columns = glyphs_add(out, text, max - ellipsis, utf8);
    st_buf_add(out, utf8 ? "\u2026" : "...", utf8 ? 3 : (size_t)ellipsis);
    return columns + ellipsis;
}

void stc_term_pad(st_buf_t *out, int count)
{
    for (int i = 0; i < count; i++) {
        st_buf_add_char(out, ' ');
    }
}

/* Durations below `below` are shown in units of `unit` with `decimals`; all in µs. The limits
 * are where rounding would give the next one a digit more. */
typedef struct duration_form_t {
    apr_interval_time_t below;
    apr_interval_time_t unit;
    int decimals;
    const char *suffix;
} duration_form_t;

static const duration_form_t duration_forms[] = {
    {9995, 1000, 2, " ms"},      {99950, 1000, 1, " ms"},      {999500, 1000, 0, " ms"},
    {9995000, 1000000, 2, " s"}, {59950000, 1000000, 1, " s"},
};

static int duration_decimal(char *out, apr_interval_time_t duration)
{
    const duration_form_t *form = duration_forms;
    while (duration >= form->below) {
        form++;
    }
    int scale = form->decimals == 2 ? 100 : form->decimals == 1 ? 10 : 1;
    long long value = (duration * scale + form->unit / 2) / form->unit;
    if (form->decimals == 0) {
        return snprintf(out, STC_DURATION_BYTES, "%lld%s", value, form->suffix);
    }
    return snprintf(out, STC_DURATION_BYTES, "%lld.%0*lld%s", value / scale,
                    form->decimals, value % scale, form->suffix);
}

static int duration_clock(char *out, apr_interval_time_t duration)
{
    long long seconds = (duration + APR_USEC_PER_SEC / 2) / APR_USEC_PER_SEC;
    long long hours = seconds / 3600;
    if (hours == 0) {
        return snprintf(out, STC_DURATION_BYTES, "%lldm%02llds", seconds / 60,
                        seconds % 60);
    }
    if (hours < 100) {
        return snprintf(out, STC_DURATION_BYTES, "%lldh%02lldm", hours,
                        seconds / 60 % 60);
    }
    return snprintf(out, STC_DURATION_BYTES, "%lldd", hours / 24);
}

int stc_term_duration(char out[STC_DURATION_BYTES], apr_interval_time_t duration,
                      int utf8)
{
    if (duration < 0) {
        duration = 0;
    }
    if (duration < 1000) {
        int len = snprintf(out, STC_DURATION_BYTES, "%d %s", (int)duration,
                           utf8 ? "\u00b5s" : "us");
        return utf8 ? len - 1 : len;
    }
    return duration < 59950000 ? duration_decimal(out, duration)
                               : duration_clock(out, duration);
}
