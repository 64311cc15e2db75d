/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's own attributes. */
#include "mst_own_attr.h"

#include <apr_strings.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "mst_config.h"
#include "mst_expr.h"
#include "mst_request.h"
#include "st_attr_named.h"
#include "st_attr_set.h"

#define VALUE_BYTES_MAX 1024

static const char *const types[ST_TYPE_COUNT] = {
    [ST_TYPE_STRING] = "string",
    [ST_TYPE_BOOLEAN] = "boolean",
    [ST_TYPE_INTEGER] = "integer",
    [ST_TYPE_DOUBLE] = "double",
};

static int type_find(const char *word)
{
    for (int type = ST_TYPE_STRING; type <= ST_TYPE_DOUBLE; type++) {
        if (strcasecmp(types[type], word) == 0) {
            return type;
        }
    }
    return 0;
}

/* Keys are Sentry's own, or of SentryTraceCollect. */
static int is_reserved(const char *key)
{
    static const char *const prefixes[] = {"sentry.", "http.request.header.",
                                           "http.response.header."};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncasecmp(key, prefixes[i], strlen(prefixes[i])) == 0) {
            return 1;
        }
    }
    return 0;
}

static const char *key_check(const char *directive, const char *key, apr_pool_t *p)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    size_t len = strlen(key);
    if (len == 0 || len > ST_ATTR_NAME_MAX || strspn(key, allowed) != len) {
        return apr_psprintf(p,
                            "%s: \"%s\" is no key; allowed are 1 to %d letters, digits, "
                            "dots, dashes and underscores",
                            directive, key, ST_ATTR_NAME_MAX);
    }
    if (is_reserved(key)) {
        return apr_psprintf(p,
                            "%s: \"%s\" is not allowed; keys that begin with sentry. are "
                            "Sentry's, and headers are chosen with SentryTraceCollect",
                            directive, key);
    }
    return NULL;
}

const char *mst_own_attr_parse(mst_own_attr_t *own, const char *directive,
                               const char *key, const char *expr, const char *type,
                               cmd_parms *cmd)
{
    const char *problem = key_check(directive, key, cmd->pool);
    if (problem != NULL) {
        return problem;
    }
    own->key = key;
    own->known = st_attr_find(key);
    st_attr_type_t fixed =
        own->known != ST_ATTR_NONE ? st_attr_key_type(own->known) : ST_TYPE_STRING;
    int asked = type != NULL ? type_find(type) : (int)fixed;
    if (asked == 0) {
        return apr_psprintf(cmd->pool,
                            "%s: \"%s\" is no type; allowed are string, integer, double "
                            "and boolean",
                            directive, type);
    }
    if (own->known != ST_ATTR_NONE && asked != (int)fixed) {
        return apr_psprintf(cmd->pool,
                            "%s: \"%s\" is not the type of %s in Sentry's conventions; "
                            "allowed is %s",
                            directive, type, key, types[fixed]);
    }
    own->type = (st_attr_type_t)asked;
    return mst_expr_parse_text(&own->expr, directive, expr, cmd);
}

/* Adds those of a list whose keys do not come again in it or in `later`. */
static void last_of_each(apr_array_header_t *out, const apr_array_header_t *list,
                         const apr_array_header_t *later)
{
    for (int i = 0; list != NULL && i < list->nelts; i++) {
        const mst_own_attr_t *own = &APR_ARRAY_IDX(list, i, mst_own_attr_t);
        int again = 0;
        for (int j = i + 1; j < list->nelts; j++) {
            again |= strcmp(APR_ARRAY_IDX(list, j, mst_own_attr_t).key, own->key) == 0;
        }
        for (int j = 0; later != NULL && j < later->nelts; j++) {
            again |= strcmp(APR_ARRAY_IDX(later, j, mst_own_attr_t).key, own->key) == 0;
        }
        if (!again) {
            APR_ARRAY_PUSH(out, mst_own_attr_t) = *own;
        }
    }
}

apr_array_header_t *mst_own_attr_join(apr_pool_t *p, const apr_array_header_t *outer,
                                      const apr_array_header_t *inner)
{
    if (outer == NULL && inner == NULL) {
        return NULL;
    }
    apr_array_header_t *both = apr_array_make(p, 4, sizeof(mst_own_attr_t));
    last_of_each(both, outer, inner);
    last_of_each(both, inner, NULL);
    return both;
}

static int word_in(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcasecmp(text, *words) == 0) {
            return 1;
        }
    }
    return 0;
}

/* @return 1 when the text is a truth, or a whole number. */
static int integer_read(int64_t *pnumber, st_attr_type_t type, const char *text)
{
    static const char *const yes[] = {"true", "on", "yes", "1", NULL};
    static const char *const no[] = {"false", "off", "no", "0", NULL};
    if (type == ST_TYPE_BOOLEAN) {
        *pnumber = word_in(text, yes);
        return *pnumber || word_in(text, no);
    }
    char *end;
    errno = 0;
    *pnumber = apr_strtoi64(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static int double_read(double *pnumber, const char *text)
{
    char *end;
    *pnumber = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*pnumber);
}

static void number_add(st_segment_t *seg, const mst_own_attr_t *own, const char *text)
{
    static const st_attr_key_t keys[ST_TYPE_COUNT] = {
        [ST_TYPE_BOOLEAN] = ST_ATTR_OWN_BOOLEAN,
        [ST_TYPE_INTEGER] = ST_ATTR_OWN_INTEGER,
    };
    int64_t integer;
    double real;
    if (own->type == ST_TYPE_DOUBLE) {
        if (!double_read(&real, text)) {
            return;
        }
        if (own->known != ST_ATTR_NONE) {
            st_attr_set_double(seg, ST_SPAN_SEGMENT, own->known, real);
        } else {
            st_segment_attr_named(
                seg, ST_ATTR_OWN_DOUBLE,
                st_attr_named_double(st_str(own->key), real, seg->pool));
        }
    } else if (integer_read(&integer, own->type, text)) {
        if (own->known != ST_ATTR_NONE) {
            st_attr_set_int(seg, ST_SPAN_SEGMENT, own->known, integer);
        } else {
            st_segment_attr_named(
                seg, keys[own->type],
                st_attr_named_int(st_str(own->key), integer, seg->pool));
        }
    }
}

static void text_add(st_segment_t *seg, const mst_own_attr_t *own, const char *text)
{
    const st_str_t cut = st_str_cut(st_str(text), VALUE_BYTES_MAX);
    if (own->known == ST_ATTR_NONE) {
        st_segment_attr_named(
            seg, ST_ATTR_OWN_STRING,
            st_attr_named_strings(st_str(own->key), &cut, 1, seg->pool));
        return;
    }
    st_attr_set_str(seg, ST_SPAN_SEGMENT, own->known,
                    apr_pstrmemdup(seg->pool, cut.ptr, cut.len));
}

void mst_own_attr_add(mst_req_t *req, request_rec *last)
{
    const apr_array_header_t *list = mst_conf_own_attrs(req->top);
    for (int i = 0; list != NULL && i < list->nelts; i++) {
        const mst_own_attr_t *own = &APR_ARRAY_IDX(list, i, mst_own_attr_t);
        const char *text = mst_expr_value(own->expr, req->top);
        if (text == NULL || text[0] == '\0') {
            text = last != req->top ? mst_expr_value(own->expr, last) : NULL;
        }
        if (text == NULL || text[0] == '\0') {
            continue;
        }
        if (own->type == ST_TYPE_STRING) {
            text_add(req->seg, own, text);
        } else {
            number_add(req->seg, own, text);
        }
    }
}
