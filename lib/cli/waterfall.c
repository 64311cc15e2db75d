/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of a trace: columns, tree, bars. */
#include "stc_waterfall.h"

#include "stc_term.h"
#include <stdio.h>
#include <string.h>

#define OP_COLUMNS_MAX   14
#define NOTE_COLUMNS_MAX 24
#define MARK_COLUMNS     1
#define OWN_COLUMNS      (STC_DURATION_COLUMNS + 4) /* " own" */
#define LEVEL_COLUMNS    2                          /* of a level of the tree */
#define DEPTH_TEXT_MAX   16

/* Name and bar together get no less than this, as long as another column can give way. */
#define NAME_AND_BAR_MIN 34

/* Narrower titles tell the time without the date. */
#define DATE_FROM_WIDTH 60

static const char *const note_backwards = "ends before it starts";

/* Widths of the columns; 0: not there. */
typedef struct columns_t {
    int name;
    int levels; /* of the tree that are drawn; deeper ones are told as a number */
    int op;
    int bar;
    int own;
    int note;
} columns_t;

typedef struct sheet_t {
    st_buf_t *out;
    const stc_trace_t *trace;
    const stc_style_t *style;
    columns_t columns;
} sheet_t;

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static const char *glyph(const sheet_t *sheet, const char *utf8, const char *ascii)
{
    return sheet->style->utf8 ? utf8 : ascii;
}

static int text_width(const sheet_t *sheet, st_str_t text)
{
    return stc_term_width(text, sheet->style->utf8);
}

static int text_add(const sheet_t *sheet, st_str_t text, int max)
{
    return stc_term_add(sheet->out, text, max, sheet->style->utf8);
}

/* What is said behind a span, without its mark. */
static st_str_t note_of(const stc_span_t *span)
{
    if (span->end < span->start) {
        return st_str(note_backwards);
    }
    return span->is_error ? span->message : (st_str_t){NULL, 0};
}

static int note_width(const sheet_t *sheet, const stc_span_t *span)
{
    st_str_t note = note_of(span);
    if (note.len > 0) {
        return MARK_COLUMNS + 1 + text_width(sheet, note);
    }
    return span->is_error ? MARK_COLUMNS : 0;
}

/* Other segments than the one in the title show their path here. */
static int shows_path(const sheet_t *sheet, const stc_span_t *span)
{
    return span->is_segment && span != sheet->trace->main && span->path.len > 0;
}

static int label_width(const sheet_t *sheet, const stc_span_t *span)
{
    int width = (span->depth - 1) * LEVEL_COLUMNS + text_width(sheet, span->name);
    if (span->is_orphan) {
        width += 2;
    }
    if (shows_path(sheet, span)) {
        width += 2 + text_width(sheet, span->path);
    }
    return width;
}

/* What name and bar share when the other columns and the gaps have theirs. */
static int room_left(const sheet_t *sheet)
{
    const columns_t *c = &sheet->columns;
    int taken = 2 + 1 + STC_DURATION_COLUMNS;
    taken += c->op > 0 ? c->op + 1 : 0;
    taken += c->own > 0 ? c->own + 2 : 0;
    taken += c->note > 0 ? c->note + 2 : 0;
    return sheet->style->width - taken;
}

static void columns_give_way(sheet_t *sheet)
{
    columns_t *c = &sheet->columns;
    if (room_left(sheet) < NAME_AND_BAR_MIN) {
        c->own = 0;
    }
    if (room_left(sheet) < NAME_AND_BAR_MIN) {
        c->op = 0;
    }
    if (room_left(sheet) < NAME_AND_BAR_MIN) {
        c->note = min_int(c->note, MARK_COLUMNS);
    }
}

static void columns_set(sheet_t *sheet)
{
    columns_t *c = &sheet->columns;
    int label = 1;
    const stc_trace_t *trace = sheet->trace;
    const stc_span_t *span = stc_trace_next(trace, &trace->top);
    for (; span != NULL; span = stc_trace_next(trace, span)) {
        label = max_int(label, label_width(sheet, span));
        c->op = max_int(c->op, text_width(sheet, span->op));
        c->own = span->own >= 0 ? OWN_COLUMNS : c->own;
        c->note = max_int(c->note, note_width(sheet, span));
    }
    c->op = min_int(c->op, OP_COLUMNS_MAX);
    c->note = min_int(c->note, NOTE_COLUMNS_MAX);
    columns_give_way(sheet);
    int room = room_left(sheet);
    c->name = min_int(label, room * 6 / 10);
    c->bar = room - c->name;
    c->levels = (label <= c->name ? c->name : c->name / 2) / LEVEL_COLUMNS;
}

static void gap(const sheet_t *sheet, int count)
{
    stc_term_pad(sheet->out, count);
}

/* Ends a line without the spaces that padding left at its end. */
static void line_end(const sheet_t *sheet)
{
    st_buf_t *out = sheet->out;
    while (out->len > 0 && out->data[out->len - 1] == ' ') {
        out->len--;
    }
    st_buf_add_char(out, '\n');
}

/* The lines of the tree before a name. They are made from the inside out, because a span
 * knows only its parent. @return columns used. */
static int tree_add(const sheet_t *sheet, const stc_span_t *span)
{
    int levels = span->depth - 1;
    int drawn = min_int(levels, sheet->columns.levels);
    const char *parts[STC_WIDTH_MAX];
    const stc_span_t *at = span;
    for (int level = levels; level > 0; level--) {
        const char *part = at->next != NULL ? glyph(sheet, "│ ", "| ") : "  ";
        if (at == span) {
            part = at->next != NULL ? glyph(sheet, "├ ", "+ ") : glyph(sheet, "└ ", "` ");
        }
        if (level <= drawn) {
            parts[level - 1] = part;
        }
        at = at->parent;
    }
    for (int i = 0; i < drawn; i++) {
        st_buf_add_str(sheet->out, parts[i]);
    }
    if (drawn == levels) {
        return drawn * LEVEL_COLUMNS;
    }
    char depth[DEPTH_TEXT_MAX];
    snprintf(depth, sizeof(depth), "%s%d ", glyph(sheet, "»", ">"), levels);
    return drawn * LEVEL_COLUMNS + text_add(sheet, st_str(depth), DEPTH_TEXT_MAX);
}

static void label_add(const sheet_t *sheet, const stc_span_t *span)
{
    int width = sheet->columns.name;
    int used = 0;
    if (span->depth > 1) {
        stc_style_begin(sheet->out, sheet->style, STC_PAINT_DIM);
        used = tree_add(sheet, span);
        stc_style_end(sheet->out, sheet->style);
    }
    if (span->is_orphan) {
        used += text_add(sheet, st_str("? "), width - used);
    }
    used += text_add(sheet, span->name, width - used);
    if (shows_path(sheet, span) && width - used > 2) {
        gap(sheet, 2);
        used += 2 + text_add(sheet, span->path, width - used - 2);
    }
    gap(sheet, width - used);
}

/* Position of a moment on a scale of `steps`, rounded down. */
static int scale(const sheet_t *sheet, apr_time_t when, int steps)
{
    apr_interval_time_t offset = when - sheet->trace->start;
    apr_interval_time_t total = sheet->trace->duration;
    return total > 0 ? (int)((double)offset / (double)total * steps) : 0;
}

/* With UTF-8 the bar has a resolution of half a column. A span that takes time fills at least
 * one step; one that takes none is a thin line. */
static void bar_add(const sheet_t *sheet, const stc_span_t *span)
{
    static const char *const halves[] = {" ", "▌", "▐", "█"};
    int per_column = sheet->style->utf8 ? 2 : 1;
    int steps = sheet->columns.bar * per_column;
    int first = min_int(scale(sheet, span->start, steps), steps - 1);
    int last = max_int(scale(sheet, span->end, steps), first + 1);
    int is_instant = span->end <= span->start;
    for (int column = 0; column < sheet->columns.bar; column++) {
        int left = column * per_column;
        int right = left + per_column - 1;
        if (is_instant && first >= left && first <= right) {
            st_buf_add_str(sheet->out, glyph(sheet, "▏", "|"));
        } else if (is_instant) {
            gap(sheet, 1);
        } else if (sheet->style->utf8) {
            int fill =
                (left >= first && left < last) + 2 * (right >= first && right < last);
            st_buf_add_str(sheet->out, halves[fill]);
        } else {
            st_buf_add_char(sheet->out, left >= first && left < last ? '#' : ' ');
        }
    }
}

static void duration_add(const sheet_t *sheet, apr_interval_time_t duration)
{
    char text[STC_DURATION_BYTES];
    int width = stc_term_duration(text, duration, sheet->style->utf8);
    gap(sheet, STC_DURATION_COLUMNS - width);
    st_buf_add_str(sheet->out, text);
}

static void own_add(const sheet_t *sheet, const stc_span_t *span)
{
    if (sheet->columns.own == 0) {
        return;
    }
    gap(sheet, 2);
    if (span->own < 0) {
        gap(sheet, OWN_COLUMNS);
        return;
    }
    stc_style_begin(sheet->out, sheet->style, STC_PAINT_DIM);
    duration_add(sheet, span->own);
    st_buf_add_lit(sheet->out, " own");
    stc_style_end(sheet->out, sheet->style);
}

static void note_add(const sheet_t *sheet, const stc_span_t *span)
{
    if (sheet->columns.note == 0 || note_width(sheet, span) == 0) {
        return;
    }
    gap(sheet, 2);
    stc_style_begin(sheet->out, sheet->style, STC_PAINT_ERROR);
    st_buf_add_str(sheet->out, glyph(sheet, "✗", "!"));
    int room = sheet->columns.note - MARK_COLUMNS - 1;
    st_str_t note = note_of(span);
    if (room > 0 && note.len > 0) {
        gap(sheet, 1);
        text_add(sheet, note, room);
    }
    stc_style_end(sheet->out, sheet->style);
}

static void row_add(const sheet_t *sheet, const stc_span_t *span)
{
    const columns_t *c = &sheet->columns;
    label_add(sheet, span);
    gap(sheet, 2);
    if (c->op > 0) {
        gap(sheet, c->op - text_add(sheet, span->op, c->op) + 1);
    }
    stc_style_begin(sheet->out, sheet->style,
                    span->is_error ? STC_PAINT_ERROR : stc_style_paint_of_op(span->op));
    bar_add(sheet, span);
    stc_style_end(sheet->out, sheet->style);
    gap(sheet, 1);
    duration_add(sheet, span->end - span->start);
    own_add(sheet, span);
    note_add(sheet, span);
    line_end(sheet);
}

/* "  200  4.35 ms  2026-11-22 06:16:04.550" */
static int title_tail(const sheet_t *sheet, char *tail, size_t size)
{
    const stc_trace_t *trace = sheet->trace;
    char status[16] = "";
    if (trace->main != NULL && trace->main->http_status > 0) {
        snprintf(status, sizeof(status), "  %d", trace->main->http_status);
    }
    char total[STC_DURATION_BYTES];
    stc_term_duration(total, trace->duration, sheet->style->utf8);
    apr_time_exp_t local;
    apr_time_exp_lt(&local, trace->start);
    char date[32] = "";
    if (sheet->style->width >= DATE_FROM_WIDTH) {
        snprintf(date, sizeof(date), "%04d-%02d-%02d ", local.tm_year + 1900,
                 local.tm_mon + 1, local.tm_mday);
    }
    snprintf(tail, size, "%s  %s  %s%02d:%02d:%02d.%03d", status, total, date,
             local.tm_hour, local.tm_min, local.tm_sec, local.tm_usec / 1000);
    return text_width(sheet, st_str(tail));
}

static void title_add(const sheet_t *sheet)
{
    const stc_span_t *segment = sheet->trace->main;
    st_str_t name = segment != NULL ? segment->name : st_str("(no segment)");
    st_str_t path = segment != NULL ? segment->path : (st_str_t){NULL, 0};
    char tail[96];
    int room = sheet->style->width - title_tail(sheet, tail, sizeof(tail));
    int path_room = path.len > 0 ? text_width(sheet, path) + 2 : 0;
    int name_room = max_int(room - path_room, min_int(text_width(sheet, name), room / 2));
    stc_style_begin(sheet->out, sheet->style, STC_PAINT_TITLE);
    int used = text_add(sheet, name, name_room);
    if (path.len > 0 && room - used > 2) {
        gap(sheet, 2);
        text_add(sheet, path, room - used - 2);
    }
    stc_style_end(sheet->out, sheet->style);
    st_buf_add_str(sheet->out, tail);
    line_end(sheet);
}

/* "trace 228429ec2bff424a855a5cdd0ed4be17, 2 spans, 1 repeated" */
static void subtitle_add(const sheet_t *sheet)
{
    const stc_trace_t *trace = sheet->trace;
    int spans = trace->spans->nelts;
    char text[160];
    int len = snprintf(text, sizeof(text), "trace %s, %d span%s", trace->id, spans,
                       spans == 1 ? "" : "s");
    if (trace->segment_count > 1) {
        len += snprintf(text + len, sizeof(text) - (size_t)len, ", %d segments",
                        trace->segment_count);
    }
    if (trace->repeated > 0) {
        snprintf(text + len, sizeof(text) - (size_t)len, ", %d repeated",
                 trace->repeated);
    }
    stc_style_begin(sheet->out, sheet->style, STC_PAINT_DIM);
    text_add(sheet, st_str(text), sheet->style->width);
    stc_style_end(sheet->out, sheet->style);
    line_end(sheet);
}

void stc_waterfall_add(st_buf_t *out, const stc_trace_t *trace, const stc_style_t *style)
{
    sheet_t sheet = {.out = out, .trace = trace, .style = style};
    columns_set(&sheet);
    title_add(&sheet);
    subtitle_add(&sheet);
    const stc_span_t *span = stc_trace_next(trace, &trace->top);
    for (; span != NULL; span = stc_trace_next(trace, span)) {
        row_add(&sheet, span);
    }
    st_buf_add_char(out, '\n');
}
