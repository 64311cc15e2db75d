/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what is shown of a span. */
#include "stc_span.h"

#include <apr_strings.h>
#include <string.h>

/* More of a name than any terminal shows. */
#define STRING_BYTES_MAX 2048

#define SEC_YEAR_9999 253402300799.0
#define US_PER_SEC    1e6
#define US_PER_MS     1e3

int stc_id_is_valid(const char *text, size_t digits)
{
    if (text == NULL || strlen(text) != digits) {
        return 0;
    }
    return strspn(text, "0123456789abcdef") == digits && strspn(text, "0") != digits;
}

static st_str_t string_copy(const json_t *json, apr_pool_t *pool)
{
    if (!json_is_string(json)) {
        return (st_str_t){NULL, 0};
    }
    const char *text = json_string_value(json);
    size_t len = st_utf8_cut(text, json_string_length(json), STRING_BYTES_MAX);
    return (st_str_t){apr_pmemdup(pool, text, len), len};
}

static const json_t *attribute(const json_t *span, const char *key)
{
    const json_t *attributes = json_object_get(span, "attributes");
    return json_object_get(json_object_get(attributes, key), "value");
}

/* Unix seconds to microseconds: finer is nothing that a double of this size could hold. */
static int time_read(apr_time_t *ptime, const json_t *json)
{
    double seconds = json_number_value(json);
    if (!json_is_number(json) || !(seconds >= 0.0 && seconds <= SEC_YEAR_9999)) {
        return 0;
    }
    *ptime = (apr_time_t)(seconds * US_PER_SEC + 0.5);
    return 1;
}

static const char *ids_read(stc_span_t *span, const json_t *json)
{
    const char *id = json_string_value(json_object_get(json, "span_id"));
    if (!stc_id_is_valid(id, ST_SPAN_ID_HEX)) {
        return "its span_id is not 16 hex digits";
    }
    memcpy(span->id, id, ST_SPAN_ID_HEX);
    const json_t *parent = json_object_get(json, "parent_span_id");
    if (parent == NULL) {
        return NULL;
    }
    const char *parent_id = json_string_value(parent);
    if (!stc_id_is_valid(parent_id, ST_SPAN_ID_HEX)) {
        return "its parent_span_id is not 16 hex digits";
    }
    memcpy(span->parent_id, parent_id, ST_SPAN_ID_HEX);
    return NULL;
}

static const char *required_read(stc_span_t *span, const json_t *json, apr_pool_t *pool)
{
    const char *why = ids_read(span, json);
    if (why != NULL) {
        return why;
    }
    if (!time_read(&span->start, json_object_get(json, "start_timestamp"))) {
        return "its start_timestamp is no Unix time";
    }
    if (!time_read(&span->end, json_object_get(json, "end_timestamp"))) {
        return "its end_timestamp is no Unix time";
    }
    const json_t *name = json_object_get(json, "name");
    if (!json_is_string(name)) {
        return "it has no name";
    }
    span->name = string_copy(name, pool);
    return NULL;
}

/* The path, unless the name ends with it, as those of transactions do. */
static st_str_t path_read(const stc_span_t *span, const json_t *json, apr_pool_t *pool)
{
    st_str_t path = string_copy(attribute(json, "url.path"), pool);
    size_t len = path.len < span->name.len ? path.len : span->name.len;
    const char *ending = span->name.ptr + span->name.len - len;
    int is_told = path.len > 0 && len == path.len && memcmp(ending, path.ptr, len) == 0;
    return (st_str_t){path.ptr, is_told ? 0 : path.len};
}

static void attributes_read(stc_span_t *span, const json_t *json, apr_pool_t *pool)
{
    span->op = string_copy(attribute(json, "sentry.op"), pool);
    span->message = string_copy(attribute(json, "sentry.status.message"), pool);
    span->path = path_read(span, json, pool);
    json_int_t status = json_integer_value(attribute(json, "http.response.status_code"));
    span->http_status = status >= 100 && status <= 999 ? (int)status : 0;
    const json_t *own = attribute(json, "sentry.exclusive_time");
    double own_ms = json_number_value(own);
    int has_own = json_is_number(own) && own_ms >= 0.0 && own_ms <= SEC_YEAR_9999;
    span->own = has_own ? (apr_interval_time_t)(own_ms * US_PER_MS + 0.5) : -1;
}

apr_status_t stc_span_read(stc_span_t *span, const char **pwhy, const json_t *json,
                           apr_pool_t *result_pool)
{
    *span = (stc_span_t){.own = -1};
    *pwhy =
        json_is_object(json) ? required_read(span, json, result_pool) : "it is no object";
    if (*pwhy != NULL) {
        return ST_E_MALFORMED;
    }
    span->is_segment = json_is_true(json_object_get(json, "is_segment"));
    const char *status = json_string_value(json_object_get(json, "status"));
    span->is_error = status != NULL && strcmp(status, "ok") != 0;
    attributes_read(span, json, result_pool);
    return APR_SUCCESS;
}
