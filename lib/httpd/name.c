/* SPDX-License-Identifier: Apache-2.0 */
/* Names of segments. */
#include "mst_name.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include "mst_config.h"
#include "mst_expr.h"
#include "mst_request.h"
#include "st_route.h"
#include "st_text.h"

#define NAME_BYTES_MAX 200 /* https://develop.sentry.dev/sdk/foundations/data-model/ */

const char *mst_name_parse(mst_name_t *name, const char *directive, const char *value,
                           cmd_parms *cmd)
{
    const char *expr = mst_expr_word(value);
    *name = (mst_name_t){.kind = MST_NAME_TEXT, .text = value};
    if (expr != NULL) {
        name->kind = MST_NAME_EXPR;
        return mst_expr_parse_text(&name->expr, directive, expr, cmd);
    }
    if (strcasecmp(value, "off") == 0) {
        name->kind = MST_NAME_OFF;
    } else if (strcasecmp(value, "auto") == 0) {
        name->kind = MST_NAME_AUTO;
    } else if (strlen(value) > NAME_BYTES_MAX) {
        return apr_psprintf(
            cmd->pool,
            "%s: \"%s\" is no name; allowed are auto, off, expr=EXPRESSION, "
            "and a route or name of 1 to %d characters",
            directive, value, NAME_BYTES_MAX);
    }
    return NULL;
}

const char *mst_name_method(const request_rec *r)
{
    if (r->method == NULL || r->method_number == M_INVALID) {
        return "HTTP";
    }
    return r->method;
}

const char *mst_name_path(const request_rec *r)
{
    return r->parsed_uri.path != NULL ? r->parsed_uri.path : r->uri;
}

/* What an expression gave, as a name: no control characters, no blanks around it, not longer
 * than Sentry takes. NULL when nothing is left. */
static const char *cleaned(const char *value, apr_pool_t *pool)
{
    while (value != NULL && apr_isspace(*value)) {
        value++;
    }
    if (value == NULL || value[0] == '\0') {
        return NULL;
    }
    size_t len = strlen(value);
    if (len > NAME_BYTES_MAX) {
        len = st_utf8_cut(value, len, NAME_BYTES_MAX);
    }
    char *text = apr_pstrmemdup(pool, value, len);
    for (char *c = text; *c != '\0'; c++) {
        *c = apr_iscntrl(*c) ? ' ' : *c;
    }
    for (; len > 0 && text[len - 1] == ' '; len--) {
        text[len - 1] = '\0';
    }
    return text[0] != '\0' ? text : NULL;
}

/* The request that answered knows its response; the first one, what was asked for. */
static const char *expr_value(const ap_expr_info_t *expr, request_rec *first)
{
    const char *value = cleaned(mst_expr_value(expr, first), first->pool);
    request_rec *last = first;
    while (last->next != NULL) {
        last = last->next;
    }
    if (value == NULL && last != first) {
        value = cleaned(mst_expr_value(expr, last), first->pool);
    }
    return value;
}

/* The route or name that is configured or known, or NULL. */
static const char *given(const mst_name_t *name, request_rec *r)
{
    const char *path = mst_name_path(r);
    const char *text = NULL;
    if (name != NULL && name->kind == MST_NAME_TEXT) {
        text = name->text;
    } else if (name != NULL && name->kind == MST_NAME_EXPR) {
        text = expr_value(name->expr, r);
    } else if (name != NULL && name->kind == MST_NAME_AUTO) {
        text = st_route_from_path(path, r->pool);
    }
    /* The one path that is a route by itself. */
    return text == NULL && path != NULL && strcmp(path, "/") == 0 ? "/" : text;
}

void mst_name_set(mst_req_t *req)
{
    st_segment_t *seg = req->seg;
    request_rec *r = req->top;
    const char *text = given(mst_conf_name(r), r);
    req->route = NULL;
    if (text == NULL) {
        seg->name = mst_name_method(r);
        seg->name_source = "url";
    } else if (text[0] == '/') {
        req->route = text;
        seg->name = apr_pstrcat(seg->pool, mst_name_method(r), " ", text, NULL);
        seg->name_source = "route";
    } else {
        seg->name = text;
        seg->name_source = "custom";
    }
}

void mst_name_finish(mst_req_t *req)
{
    const mst_name_t *name = mst_conf_name(req->top);
    if (name != NULL && name->kind == MST_NAME_EXPR) {
        mst_name_set(req);
    }
}
