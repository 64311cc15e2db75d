/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_TERM_H
#define STC_TERM_H

/* Text that is safe to print to a terminal, measured in columns.
 *
 * Span names and messages come from clients. Control characters, invalid bytes, and what
 * changes the direction of writing are shown as escapes (\n, \x1b, \u{202e}); without UTF-8
 * so is everything beyond ASCII. Piles of combining marks are thinned out. */

#include <apr_time.h>
#include "st_buf.h"
#include "st_text.h"

/* Columns of the whole text in its safe form. */
int stc_term_width(st_str_t text, int utf8);

/* Appends the safe form, cut to `max` columns; what is cut ends in an ellipsis.
 * @return columns used. */
int stc_term_add(st_buf_t *out, st_str_t text, int max, int utf8);

/* Appends `count` spaces, none when it is negative. */
void stc_term_pad(st_buf_t *out, int count);

#define STC_DURATION_COLUMNS 8
#define STC_DURATION_BYTES   16 /* with the terminating zero and a µ of two bytes */

/* Writes a duration with a sensible unit in at most STC_DURATION_COLUMNS columns: "350 µs",
 * "4.35 ms", "12.0 s", "3m05s", "7h12m", "9d". Negative ones count as 0.
 * @return its columns. */
int stc_term_duration(char out[STC_DURATION_BYTES], apr_interval_time_t duration,
                      int utf8);

#endif /* STC_TERM_H */
