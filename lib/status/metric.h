/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_METRIC_H
#define ST_METRIC_H

/* Writes metrics in Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/):
 *
 *   st_metric_t m = st_metric(out, "answers_total", "counter", "Answers that came.");
 *   st_metric_sample(&m, "");             # HELP sentry_trace_answers_total Answers that came.
 *                                         # TYPE sentry_trace_answers_total counter
 *   st_metric_label(&m, "dsn", dsn);
 *   st_metric_uint(&m, 7);                sentry_trace_answers_total{dsn="..."} 7
 *
 * A metric without samples is not there at all. All samples of a metric have to be written
 * before the next one. */

#include "st_buf.h"
#include "st_clock.h"

typedef struct st_metric_t {
    st_buf_t *out;
    const char *name; /* without "sentry_trace_" */
    const char *type; /* "counter", "gauge" or "histogram" */
    const char *help; /* one line without backslashes */
    int is_begun;     /* HELP and TYPE are out */
    int has_label;    /* of the sample that is being written */
} st_metric_t;

/* A metric that is not begun. Borrows everything. */
st_metric_t st_metric(st_buf_t *out, const char *name, const char *type,
                      const char *help);

/* Begins a sample. @param suffix "", or "_bucket", "_sum", "_count" of a histogram */
void st_metric_sample(st_metric_t *m, const char *suffix);

/* Adds a label to the sample. Any text will do for the value. */
void st_metric_label(st_metric_t *m, const char *name, const char *value);

/* Ends the sample with its value. */
void st_metric_uint(st_metric_t *m, uint64_t number);
void st_metric_seconds(st_metric_t *m, st_ns_t duration);

#endif /* ST_METRIC_H */
