/* SPDX-License-Identifier: Apache-2.0 */
/* Finding out what the terminal can do, and colours. */
#include "stc_style.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const paint_codes[STC_PAINT_COUNT] = {
    [STC_PAINT_TITLE] = "\033[1m",    [STC_PAINT_DIM] = "\033[2m",
    [STC_PAINT_ERROR] = "\033[31m",   [STC_PAINT_SERVER] = "\033[32m",
    [STC_PAINT_HANDLER] = "\033[34m", [STC_PAINT_MIDDLEWARE] = "\033[36m",
    [STC_PAINT_CLIENT] = "\033[35m",  [STC_PAINT_OTHER] = "\033[33m",
};

static int width_of_environment(void)
{
    const char *columns = getenv("COLUMNS");
    if (columns == NULL) {
        return 0;
    }
    char *end;
    long width = strtol(columns, &end, 10);
    return *end == '\0' && width > 0 && width <= STC_WIDTH_MAX ? (int)width : 0;
}

static int width_detect(int fd)
{
    struct winsize size;
    int failed = ioctl(fd, TIOCGWINSZ, &size);
    int width = failed ? 0 : size.ws_col;
    if (width == 0) {
        width = width_of_environment();
    }
    if (width == 0) {
        return STC_WIDTH_DEFAULT;
    }
    return width < STC_WIDTH_MIN ? STC_WIDTH_MIN : width;
}

static int colour_detect(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    if (no_color != NULL && no_color[0] != '\0') {
        return 0;
    }
    const char *term = getenv("TERM");
    return term != NULL && strcmp(term, "dumb") != 0 && isatty(fd);
}

stc_style_t stc_style_detect(int fd, int width, stc_colour_t colour)
{
    int detected = width > 0 ? width : width_detect(fd);
    return (stc_style_t){
        .width = detected > STC_WIDTH_MAX ? STC_WIDTH_MAX : detected,
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .colour =
            colour == STC_COLOUR_AUTO ? colour_detect(fd) : colour == STC_COLOUR_ALWAYS,
    };
}

void stc_style_begin(st_buf_t *out, const stc_style_t *style, stc_paint_t paint)
{
    if (style->colour) {
        st_buf_add_str(out, paint_codes[paint]);
    }
}

void stc_style_end(st_buf_t *out, const stc_style_t *style)
{
    if (style->colour) {
        st_buf_add_lit(out, "\033[0m");
    }
}

stc_paint_t stc_style_paint_of_op(st_str_t op)
{
    static const struct {
        const char *op;
        stc_paint_t paint;
    } table[] = {
        {"http.server", STC_PAINT_SERVER},
        {"handler", STC_PAINT_HANDLER},
        {"middleware", STC_PAINT_MIDDLEWARE},
        {"http.client", STC_PAINT_CLIENT},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (op.len == strlen(table[i].op) && memcmp(op.ptr, table[i].op, op.len) == 0) {
            return table[i].paint;
        }
    }
    return STC_PAINT_OTHER;
}
