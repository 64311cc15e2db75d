/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_WATERFALL_H
#define STC_WATERFALL_H

/* Draws one trace for a terminal:
 *
 *   GET /user/:id  /user/7  200  4.35 ms  2026-11-22 06:16:04.550
 *   trace 228429ec2bff424a855a5cdd0ed4be17, 2 spans
 *   GET /user/:id  http.server ████████████████  4.35 ms
 *   └ /user/:id    handler       ███████████     3.08 ms   1.10 ms own  ✗ not_found
 *
 * The bars of all spans share one scale: from the first start to the last end of the trace.
 * A "?" before a name marks an orphan. No line is wider than the style says. */

#include "stc_style.h"
#include "stc_trace.h"

/* Appends the drawing of an arranged trace, followed by an empty line. Times are local. */
void stc_waterfall_add(st_buf_t *out, const stc_trace_t *trace, const stc_style_t *style);

#endif /* STC_WATERFALL_H */
