/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_CLI_H
#define T_CLI_H

/* Spans and envelopes to feed the command line tool's parts with. */

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <apr_strings.h>
#include "st_buf.h"
#include "t.h"

#define T_TRACE_ID  "0123456789abcdef0123456789abcdef"
#define T_START_SEC 1795300000 /* 2026-11-21 22:26:40 UTC */

/* One span; ids are small numbers, 0 for no parent; times are microseconds after T_START_SEC. */
typedef struct t_span_t {
    const char *name;
    const char *op;
    const char *error; /* message, or NULL when it is ok */
    const char *path;
    const char *trace_id; /* NULL: T_TRACE_ID */
    int id;
    int parent;
    int start;
    int end;
    int is_segment;
    int status;
    double own_ms; /* 0: none */
} t_span_t;

static inline void t_attr(json_t *attributes, const char *key, const char *type,
                          json_t *value)
{
    json_object_set_new(attributes, key,
                        json_pack("{s:s, s:o}", "type", type, "value", value));
}

static inline json_t *t_span_attributes(const t_span_t *span)
{
    json_t *attributes = json_object();
    if (span->op != NULL) {
        t_attr(attributes, "sentry.op", "string", json_string(span->op));
    }
    if (span->error != NULL) {
        t_attr(attributes, "sentry.status.message", "string", json_string(span->error));
    }
    if (span->path != NULL) {
        t_attr(attributes, "url.path", "string", json_string(span->path));
    }
    if (span->status > 0) {
        t_attr(attributes, "http.response.status_code", "integer",
               json_integer(span->status));
    }
    if (span->own_ms > 0) {
        t_attr(attributes, "sentry.exclusive_time", "double", json_real(span->own_ms));
    }
    return attributes;
}

/* The span as a new reference. */
static inline json_t *t_span_json(const t_span_t *span)
{
    char id[32];
    snprintf(id, sizeof(id), "%016x", (unsigned)span->id);
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:f, s:f, s:b, s:s, s:o}", "name", span->name, "span_id", id,
        "trace_id", span->trace_id != NULL ? span->trace_id : T_TRACE_ID,
        "start_timestamp", T_START_SEC + span->start / 1e6, "end_timestamp",
        T_START_SEC + span->end / 1e6, "is_segment", span->is_segment, "status",
        span->error != NULL ? "error" : "ok", "attributes", t_span_attributes(span));
    ck_assert_ptr_nonnull(json);
    if (span->parent != 0) {
        snprintf(id, sizeof(id), "%016x", (unsigned)span->parent);
        json_object_set_new(json, "parent_span_id", json_string(id));
    }
    return json;
}

static inline void t_json_add(st_buf_t *out, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    ck_assert_ptr_nonnull(text);
    st_buf_add_str(out, text);
    st_buf_add_char(out, '\n');
    free(text);
    json_decref(json);
}

/* Appends an envelope header, and an item of this type. */
static inline void t_envelope_head(st_buf_t *out)
{
    t_json_add(out, json_pack("{s:s, s:{s:s}}", "sent_at", "2026-11-22T06:16:05.056Z",
                              "trace", "trace_id", T_TRACE_ID));
}

static inline void t_item_add(st_buf_t *out, const char *type, json_t *payload)
{
    t_json_add(out, json_pack("{s:s}", "type", type));
    t_json_add(out, payload);
}

/* A span container, as a new reference. */
static inline json_t *t_container(const t_span_t *spans, int count)
{
    json_t *items = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(items, t_span_json(&spans[i]));
    }
    return json_pack("{s:i, s:o}", "version", 2, "items", items);
}

/* A client report with one entry, as a new reference. */
static inline json_t *t_report(const char *reason, int quantity)
{
    return json_pack("{s:f, s:[{s:s, s:s, s:i}]}", "timestamp", T_START_SEC * 1.0,
                     "discarded_events", "reason", reason, "category", "span", "quantity",
                     quantity);
}

/* Appends a whole envelope with these spans. */
static inline void t_envelope_add(st_buf_t *out, const t_span_t *spans, int count)
{
    t_envelope_head(out);
    t_item_add(out, "span", t_container(spans, count));
}

/* The buffer's content as a string in t_pool. */
static inline const char *t_text(const st_buf_t *buf)
{
    ck_assert_int_eq(st_buf_status(buf), APR_SUCCESS);
    return apr_pstrmemdup(t_pool, buf->data != NULL ? buf->data : "", buf->len);
}

#endif /* T_CLI_H */
