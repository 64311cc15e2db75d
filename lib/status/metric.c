/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics, sample by sample. */
#include "metric.h"

#include "overview_int.h"

#define PREFIX "sentry_trace_"

static const char *label_escape(char c)
{
    switch (c) {
    case '\\':
        return "\\\\";
    case '"':
        return "\\\"";
    case '\n':
        return "\\n";
    default:
        return NULL;
    }
}

st_metric_t st_metric(st_buf_t *out, const char *name, const char *type, const char *help)
{
    return (st_metric_t){.out = out, .name = name, .type = type, .help = help};
}

static void head_line(const st_metric_t *m, const char *keyword, const char *text)
{
    st_buf_add_lit(m->out, "# ");
    st_buf_add_str(m->out, keyword);
    st_buf_add_lit(m->out, " " PREFIX);
    st_buf_add_str(m->out, m->name);
    st_buf_add_char(m->out, ' ');
    st_buf_add_str(m->out, text);
    st_buf_add_char(m->out, '\n');
}

void st_metric_sample(st_metric_t *m, const char *suffix)
{
    if (!m->is_begun) {
        head_line(m, "HELP", m->help);
        head_line(m, "TYPE", m->type);
        m->is_begun = 1;
    }
    st_buf_add_lit(m->out, PREFIX);
    st_buf_add_str(m->out, m->name);
    st_buf_add_str(m->out, suffix);
    m->has_label = 0;
}

void st_metric_label(st_metric_t *m, const char *name, const char *value)
{
    st_buf_add_char(m->out, m->has_label ? ',' : '{');
    st_buf_add_str(m->out, name);
    st_buf_add_lit(m->out, "=\"");
    st_overview_text(m->out, value, label_escape);
    st_buf_add_char(m->out, '"');
    m->has_label = 1;
}

static void value_begin(st_metric_t *m)
{
    st_buf_add_str(m->out, m->has_label ? "} " : " ");
}

void st_metric_uint(st_metric_t *m, uint64_t number)
{
    value_begin(m);
    st_overview_uint(m->out, number);
    st_buf_add_char(m->out, '\n');
}

void st_metric_seconds(st_metric_t *m, st_ns_t duration)
{
    value_begin(m);
    st_overview_double(m->out, st_overview_seconds(duration));
    st_buf_add_char(m->out, '\n');
}
