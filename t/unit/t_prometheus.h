/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_PROMETHEUS_H
#define T_PROMETHEUS_H

/* A strict reader of Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/), with what
 * https://prometheus.io/docs/practices/naming/ asks for. The first thing that is wrong is kept;
 * `promtool check metrics` would find the same. */

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include "st_text.h"

#define T_PROM_LABELS 8

typedef struct t_prom_sample_t {
    const char *name;
    const char *labels[T_PROM_LABELS][2]; /* name and unescaped value */
    int label_count;
    double value;
    const char *series; /* name and labels without "le" */
    const char *le;     /* or NULL */
} t_prom_sample_t;

typedef struct t_prom_t {
    apr_pool_t *pool;
    apr_array_header_t *samples;  /* of t_prom_sample_t */
    apr_array_header_t *families; /* of const char *: names that had a TYPE */
    const char *family;
    const char *type;
    int has_help;    /* a HELP stands right before */
    const char *why; /* NULL: all is well */
} t_prom_t;

static int t_prom_fail(t_prom_t *prom, const char *what, const char *line)
{
    if (prom->why == NULL) {
        prom->why =
            apr_psprintf(prom->pool, "%s: %.*s", what, (int)strcspn(line, "\n"), line);
    }
    return 0;
}

/* Length of a name at the start of text. */
static size_t t_prom_name_len(const char *text, const char *more)
{
    size_t len = 0;
    while (isalpha((unsigned char)text[len]) || text[len] == '_' ||
           (len > 0 && isdigit((unsigned char)text[len])) ||
           (text[len] != '\0' && strchr(more, text[len]) != NULL)) {
        len++;
    }
    return len;
}

static int t_prom_ends(const char *text, const char *end)
{
    size_t len = strlen(text);
    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

static int t_prom_is_known(const t_prom_t *prom, const char *family)
{
    for (int i = 0; i < prom->families->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(prom->families, i, const char *), family) == 0) {
            return 1;
        }
    }
    return 0;
}

static int t_prom_help(t_prom_t *prom, const char *name, const char *text,
                       const char *line)
{
    if (text[0] == '\0') {
        return t_prom_fail(prom, "HELP without a text", line);
    }
    if (prom->has_help) {
        return t_prom_fail(prom, "HELP without a TYPE before it", line);
    }
    if (t_prom_is_known(prom, name)) {
        return t_prom_fail(prom, "second HELP of a metric", line);
    }
    for (const char *at = strchr(text, '\\'); at != NULL; at = strchr(at + 2, '\\')) {
        if (at[1] != '\\' && at[1] != 'n') {
            return t_prom_fail(prom, "HELP with an unknown escape", line);
        }
    }
    prom->family = name;
    prom->has_help = 1;
    return 1;
}

static int t_prom_type(t_prom_t *prom, const char *name, const char *type,
                       const char *line)
{
    int is_counter = strcmp(type, "counter") == 0;
    if (!is_counter && strcmp(type, "gauge") != 0 && strcmp(type, "histogram") != 0) {
        return t_prom_fail(prom, "unknown TYPE", line);
    }
    if (!prom->has_help || strcmp(prom->family, name) != 0) {
        return t_prom_fail(prom, "TYPE without its HELP before it", line);
    }
    if (t_prom_ends(name, "_total") != is_counter) {
        return t_prom_fail(prom, "_total is for counters and only for them", line);
    }
    if (t_prom_ends(name, "_count") || t_prom_ends(name, "_sum") ||
        t_prom_ends(name, "_bucket") || strstr(name, type) != NULL) {
        return t_prom_fail(prom, "a name that says its type", line);
    }
    APR_ARRAY_PUSH(prom->families, const char *) = name;
    prom->type = type;
    prom->has_help = 0;
    return 1;
}

static int t_prom_comment(t_prom_t *prom, const char *line)
{
    int is_help = strncmp(line, "# HELP ", 7) == 0;
    if (!is_help && strncmp(line, "# TYPE ", 7) != 0) {
        return t_prom_fail(prom, "a comment", line);
    }
    size_t len = t_prom_name_len(line + 7, ":");
    if (len == 0 || line[7 + len] != ' ') {
        return t_prom_fail(prom, "no metric name", line);
    }
    const char *name = apr_pstrmemdup(prom->pool, line + 7, len);
    const char *text = line + 7 + len + 1;
    return is_help ? t_prom_help(prom, name, text, line)
                   : t_prom_type(prom, name, text, line);
}

/* Reads a quoted label value at *pat. @return NULL when it is malformed. */
static const char *t_prom_value(t_prom_t *prom, const char **pat)
{
    const char *at = *pat;
    char *value = apr_pcalloc(prom->pool, strlen(at) + 1);
    size_t len = 0;
    while (*at != '"') {
        size_t sequence = *at != '\0' ? st_utf8_sequence(at, strlen(at)) : 0;
        if (sequence == 0) {
            return NULL;
        }
        if (*at == '\\') {
            at++;
            if (*at != '\\' && *at != '"' && *at != 'n') {
                return NULL;
            }
            value[len++] = (char)(*at == 'n' ? '\n' : *at);
            at++;
            continue;
        }
        memcpy(value + len, at, sequence);
        len += sequence;
        at += sequence;
    }
    *pat = at + 1;
    return value;
}

/* Reads `name="value"` at *pat into the sample. */
static int t_prom_label(t_prom_t *prom, t_prom_sample_t *sample, const char **pat)
{
    size_t len = t_prom_name_len(*pat, "");
    if (len == 0 || strncmp(*pat, "__", 2) == 0 || strncmp(*pat + len, "=\"", 2) != 0 ||
        sample->label_count == T_PROM_LABELS) {
        return 0;
    }
    const char *name = apr_pstrmemdup(prom->pool, *pat, len);
    *pat += len + 2;
    const char *value = t_prom_value(prom, pat);
    for (int i = 0; i < sample->label_count; i++) {
        if (strcmp(sample->labels[i][0], name) == 0) {
            return 0;
        }
    }
    sample->labels[sample->label_count][0] = name;
    sample->labels[sample->label_count][1] = value;
    sample->label_count++;
    if (strcmp(name, "le") == 0) {
        sample->le = value;
    } else if (value != NULL) {
        sample->series =
            apr_pstrcat(prom->pool, sample->series, "\x01", name, "\x02", value, NULL);
    }
    return value != NULL;
}

static int t_prom_labels(t_prom_t *prom, t_prom_sample_t *sample, const char **pat)
{
    if (**pat != '{') {
        return 1;
    }
    do {
        (*pat)++;
        if (!t_prom_label(prom, sample, pat)) {
            return 0;
        }
    } while (**pat == ',');
    if (**pat != '}') {
        return 0;
    }
    (*pat)++;
    return 1;
}

/* 1 when a sample of that name belongs to the metric whose TYPE came last. */
static int t_prom_is_member(const t_prom_t *prom, const t_prom_sample_t *sample)
{
    if (prom->type == NULL || strcmp(prom->type, "histogram") != 0) {
        return prom->type != NULL && strcmp(sample->name, prom->family) == 0 &&
               sample->le == NULL;
    }
    size_t len = strlen(prom->family);
    const char *suffix = sample->name + len;
    return strncmp(sample->name, prom->family, len) == 0 &&
           ((strcmp(suffix, "_bucket") == 0 && sample->le != NULL) ||
            (strcmp(suffix, "_sum") == 0 && sample->le == NULL) ||
            (strcmp(suffix, "_count") == 0 && sample->le == NULL));
}

static int t_prom_is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int t_prom_sample(t_prom_t *prom, const char *line)
{
    size_t len = t_prom_name_len(line, ":");
    t_prom_sample_t sample = {.name = apr_pstrmemdup(prom->pool, line, len)};
    sample.series = sample.name;
    const char *at = line + len;
    if (len == 0 || !t_prom_labels(prom, &sample, &at)) {
        return t_prom_fail(prom, "malformed labels", line);
    }
    if (prom->has_help || !t_prom_is_member(prom, &sample)) {
        return t_prom_fail(prom, "a sample that is not of the metric above it", line);
    }
    char *end = NULL;
    sample.value = *at == ' ' ? strtod(at + 1, &end) : 0;
    if (end == NULL || end == at + 1 || *end != '\0' || at[1] == ' ') {
        return t_prom_fail(prom, "malformed value", line);
    }
    if (strcmp(prom->type, "gauge") != 0 && !(sample.value >= 0)) {
        return t_prom_fail(prom, "a negative count", line);
    }
    for (int i = 0; i < prom->samples->nelts; i++) {
        const t_prom_sample_t *other = &APR_ARRAY_IDX(prom->samples, i, t_prom_sample_t);
        if (strcmp(other->series, sample.series) == 0 &&
            t_prom_is_same(other->le, sample.le)) {
            return t_prom_fail(prom, "a series that is there already", line);
        }
    }
    APR_ARRAY_PUSH(prom->samples, t_prom_sample_t) = sample;
    return 1;
}

/* The sample that has that name and these labels, "dsn", "x", ..., NULL; NULL when there is
 * none. More labels than these do not matter. */
static const t_prom_sample_t *t_prom_find(const t_prom_t *prom, const char *name, ...)
{
    for (int i = 0; i < prom->samples->nelts; i++) {
        const t_prom_sample_t *sample = &APR_ARRAY_IDX(prom->samples, i, t_prom_sample_t);
        int fits = strcmp(sample->name, name) == 0;
        va_list args;
        va_start(args, name);
        const char *label = va_arg(args, const char *);
        while (label != NULL && fits) {
            const char *value = va_arg(args, const char *);
            int has = 0;
            for (int n = 0; n < sample->label_count; n++) {
                has = has || (strcmp(sample->labels[n][0], label) == 0 &&
                              strcmp(sample->labels[n][1], value) == 0);
            }
            fits = has;
            label = va_arg(args, const char *);
        }
        va_end(args);
        if (fits) {
            return sample;
        }
    }
    return NULL;
}

/* The value of it; NAN when there is none. */
#define t_prom_number(prom, ...)                                                         \
    (t_prom_find(prom, __VA_ARGS__, NULL) != NULL                                        \
         ? t_prom_find(prom, __VA_ARGS__, NULL)->value                                   \
         : NAN)

/* The sample of the same histogram and labels that ends in `suffix`. */
static const t_prom_sample_t *
t_prom_sibling(const t_prom_t *prom, const t_prom_sample_t *bucket, const char *suffix)
{
    size_t stem = strlen(bucket->name) - strlen("_bucket");
    const char *series = apr_psprintf(prom->pool, "%.*s%s%s", (int)stem, bucket->name,
                                      suffix, bucket->series + strlen(bucket->name));
    for (int i = 0; i < prom->samples->nelts; i++) {
        const t_prom_sample_t *sample = &APR_ARRAY_IDX(prom->samples, i, t_prom_sample_t);
        if (strcmp(sample->series, series) == 0) {
            return sample;
        }
    }
    return NULL;
}

/* Buckets go up in bound and count, and end with all there is. */
static void t_prom_histograms(t_prom_t *prom)
{
    const t_prom_sample_t *before = NULL;
    for (int i = 0; i < prom->samples->nelts; i++) {
        const t_prom_sample_t *sample = &APR_ARRAY_IDX(prom->samples, i, t_prom_sample_t);
        if (sample->le == NULL) {
            continue;
        }
        char *end;
        double bound = strtod(sample->le, &end);
        const t_prom_sample_t *count = t_prom_sibling(prom, sample, "_count");
        if (*end != '\0' || count == NULL ||
            t_prom_sibling(prom, sample, "_sum") == NULL) {
            t_prom_fail(prom, "a histogram without bound, sum or count", sample->series);
            return;
        }
        if (before != NULL &&
            (strtod(before->le, NULL) >= bound || before->value > sample->value ||
             strcmp(before->series, sample->series) != 0)) {
            t_prom_fail(prom, "buckets out of order", sample->series);
        }
        before = sample;
        if (isinf(bound)) {
            if (sample->value != count->value) {
                t_prom_fail(prom, "+Inf is not the count", sample->series);
            }
            before = NULL;
        }
    }
    if (before != NULL) {
        t_prom_fail(prom, "a histogram without +Inf", before->series);
    }
}

/* Reads a whole exposition; `why` of the result says what is wrong with it. */
static t_prom_t *t_prom_read(const char *text, apr_pool_t *pool)
{
    t_prom_t *prom = apr_pcalloc(pool, sizeof(*prom));
    prom->pool = pool;
    prom->samples = apr_array_make(pool, 64, sizeof(t_prom_sample_t));
    prom->families = apr_array_make(pool, 16, sizeof(const char *));
    while (*text != '\0' && prom->why == NULL) {
        const char *end = strchr(text, '\n');
        if (end == NULL) {
            t_prom_fail(prom, "no newline at the end", text);
            return prom;
        }
        const char *line = apr_pstrmemdup(pool, text, (size_t)(end - text));
        if (line[0] == '#') {
            t_prom_comment(prom, line);
        } else {
            t_prom_sample(prom, line);
        }
        text = end + 1;
    }
    if (prom->has_help) {
        t_prom_fail(prom, "HELP without a TYPE", prom->family);
    }
    t_prom_histograms(prom);
    return prom;
}

#endif /* T_PROMETHEUS_H */
