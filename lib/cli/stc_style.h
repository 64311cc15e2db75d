/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_STYLE_H
#define STC_STYLE_H

/* How to draw: the terminal's width, whether it takes UTF-8, whether it takes colours. */

#include "st_buf.h"
#include "st_text.h"

#define STC_WIDTH_MIN     40
#define STC_WIDTH_MAX     1000
#define STC_WIDTH_DEFAULT 100

typedef struct stc_style_t {
    int width; /* columns, STC_WIDTH_MIN..STC_WIDTH_MAX */
    int utf8;
    int colour;
} stc_style_t;

typedef enum {
    STC_PAINT_TITLE,
    STC_PAINT_DIM,
    STC_PAINT_ERROR,
    STC_PAINT_SERVER,
    STC_PAINT_HANDLER,
    STC_PAINT_MIDDLEWARE,
    STC_PAINT_CLIENT,
    STC_PAINT_OTHER,
    STC_PAINT_COUNT
} stc_paint_t;

typedef enum { STC_COLOUR_AUTO, STC_COLOUR_ALWAYS, STC_COLOUR_NEVER } stc_colour_t;

/* What suits the descriptor `fd` and the environment: TIOCGWINSZ, COLUMNS; the locale's
 * character set (setlocale must have been called); for AUTO a terminal that is not "dumb"
 * and no NO_COLOR (https://no-color.org/).
 * @param width what the user asked for, 0 for none */
stc_style_t stc_style_detect(int fd, int width, stc_colour_t colour);

/* Starts and ends a stretch of colour; nothing without colours. They do not nest. */
void stc_style_begin(st_buf_t *out, const stc_style_t *style, stc_paint_t paint);
void stc_style_end(st_buf_t *out, const stc_style_t *style);

/* The colour of a span operation. */
stc_paint_t stc_style_paint_of_op(st_str_t op);

#endif /* STC_STYLE_H */
