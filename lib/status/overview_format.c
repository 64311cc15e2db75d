/* SPDX-License-Identifier: Apache-2.0 */
/* Which format a client wants. */
#include "st_overview.h"

#include <string.h>
#include <strings.h>
#include "st_text.h"

#define Q_MAX 1000

/* A piece of a header; spaces around it are gone. */
static st_str_t piece(const char *begin, const char *end)
{
    while (begin < end && (*begin == ' ' || *begin == '\t')) {
        begin++;
    }
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    return (st_str_t){begin, (size_t)(end - begin)};
}

/* Cuts the text up to the next `separator` off *prest, which is NULL after the last one. */
static st_str_t cut(st_str_t *prest, char separator)
{
    const char *end = prest->ptr + prest->len;
    const char *at = memchr(prest->ptr, separator, prest->len);
    st_str_t first = piece(prest->ptr, at != NULL ? at : end);
    *prest =
        at != NULL ? (st_str_t){at + 1, (size_t)(end - at - 1)} : (st_str_t){NULL, 0};
    return first;
}

static int is_text(st_str_t text, const char *expected)
{
    return text.len == strlen(expected) && strncasecmp(text.ptr, expected, text.len) == 0;
}

static int is_parameter(st_str_t text, const char *name)
{
    return text.len >= strlen(name) && strncasecmp(text.ptr, name, strlen(name)) == 0;
}

/* A weight in thousandths: "0.5" is 500. What is none counts as 1
 * (RFC 9110, 12.4.2). */
static int weight_of(st_str_t text)
{
    if (text.len == 0 || text.ptr[0] != '0') {
        return Q_MAX;
    }
    int weight = 0;
    int unit = Q_MAX / 10;
    for (size_t i = 2; i < text.len && unit > 0; i++, unit /= 10) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return Q_MAX;
        }
        weight += (text.ptr[i] - '0') * unit;
    }
    return weight;
}

/* The format of a media range; -1 for what is not offered. */
static int format_of(st_str_t type, int has_version)
{
    static const struct {
        const char *type;
        st_overview_format_t format;
    } types[] = {
        {"application/json", ST_OVERVIEW_JSON},
        {"application/*", ST_OVERVIEW_JSON},
        {"application/openmetrics-text", ST_OVERVIEW_PROMETHEUS},
        {"text/html", ST_OVERVIEW_HTML},
        {"text/*", ST_OVERVIEW_HTML},
        {"*/*", ST_OVERVIEW_HTML},
    };
    if (is_text(type, "text/plain")) {
        return has_version ? ST_OVERVIEW_PROMETHEUS : ST_OVERVIEW_AUTO;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        if (is_text(type, types[i].type)) {
            return (int)types[i].format;
        }
    }
    return -1;
}

/* Reads "type;parameter;..." @return its weight, 0 when it is not offered. */
static int range_read(st_str_t range, st_overview_format_t *pformat)
{
    st_str_t type = cut(&range, ';');
    int weight = Q_MAX;
    int has_version = 0;
    while (range.ptr != NULL) {
        st_str_t parameter = cut(&range, ';');
        if (is_parameter(parameter, "q=")) {
            weight = weight_of((st_str_t){parameter.ptr + 2, parameter.len - 2});
        }
        has_version = has_version || is_parameter(parameter, "version=");
    }
    int format = format_of(type, has_version);
    if (format < 0) {
        return 0;
    }
    *pformat = (st_overview_format_t)format;
    return weight;
}

static st_overview_format_t accepted(const char *accept)
{
    st_overview_format_t best = ST_OVERVIEW_HTML;
    int best_weight = 0;
    st_str_t rest = st_str(accept);
    while (rest.ptr != NULL) {
        st_overview_format_t format = ST_OVERVIEW_HTML;
        int weight = range_read(cut(&rest, ','), &format);
        if (weight > best_weight) {
            best = format;
            best_weight = weight;
        }
    }
    return best;
}

st_overview_format_t st_overview_format(const char *query, const char *accept)
{
    st_str_t rest = st_str(query);
    while (rest.ptr != NULL) {
        st_str_t parameter = cut(&rest, '&');
        st_str_t word = cut(&parameter, '=');
        if (is_text(word, "json")) {
            return ST_OVERVIEW_JSON;
        }
        if (is_text(word, "prometheus")) {
            return ST_OVERVIEW_PROMETHEUS;
        }
        if (is_text(word, "auto")) {
            return ST_OVERVIEW_AUTO;
        }
    }
    return accepted(accept);
}
