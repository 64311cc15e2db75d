/* SPDX-License-Identifier: Apache-2.0 */
/* The response header Server-Timing, and the rule that decides on it and on <meta>. */
#include "mst_browser.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>
#include "mst_config.h"
#include "mst_outgoing.h"
#include "st_cache_control.h"
#include "st_parent.h"

#define FILTER_HEADERS "SENTRY_TRACE_HEADERS"
#define FILTER_META    "SENTRY_TRACE_META"

static ap_filter_rec_t *headers_rec;
static ap_filter_rec_t *meta_rec;

const char *mst_browser_header(const request_rec *r, const char *name)
{
    const char *usual = apr_table_getm(r->pool, r->headers_out, name);
    const char *always = apr_table_getm(r->pool, r->err_headers_out, name);
    if (usual == NULL || always == NULL) {
        return usual != NULL ? usual : always;
    }
    return apr_pstrcat(r->pool, usual, ", ", always, NULL);
}

/* Headers that tell some caches to mind them instead of Cache-Control
 * (https://www.rfc-editor.org/rfc/rfc9213.html). */
static int is_targeted(const char *name)
{
    static const char tail[] = "-Cache-Control";
    size_t len = strlen(name);
    if (len >= sizeof(tail) - 1 &&
        strcasecmp(name + len - (sizeof(tail) - 1), tail) == 0) {
        return 1;
    }
    return strcasecmp(name, "Surrogate-Control") == 0;
}

/* The name of such a header in the table, or NULL. */
static const char *targeted_name(const apr_table_t *headers)
{
    const apr_array_header_t *rows = apr_table_elts(headers);
    for (int i = 0; i < rows->nelts; i++) {
        const char *name = APR_ARRAY_IDX(rows, i, apr_table_entry_t).key;
        if (is_targeted(name)) {
            return name;
        }
    }
    return NULL;
}

int mst_browser_is_unshared(const request_rec *r)
{
    if (targeted_name(r->headers_out) != NULL ||
        targeted_name(r->err_headers_out) != NULL) {
        return 0;
    }
    st_cache_control_t control;
    st_cache_control_parse(&control, mst_browser_header(r, "Cache-Control"));
    return st_cache_control_is_unshared(
        &control, apr_table_get(r->headers_in, "Authorization") != NULL);
}

/* The text as it stands between quotes. */
static const char *quoted(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(text) * 2 + 1);
    char *to = out;
    for (; *text != '\0'; text++) {
        if (apr_iscntrl(*text)) {
            continue;
        }
        if (*text == '"' || *text == '\\') {
            *to++ = '\\';
        }
        *to++ = *text;
    }
    *to = '\0';
    return out;
}

static void timing_add(const mst_browser_t *browser, request_rec *r)
{
    const char *there = mst_browser_header(r, "Server-Timing");
    if (st_str_contains_nocase(st_str(there), "sentry-trace")) {
        return; /* a backend has said it, and stands nearer to the page */
    }
    const char *value =
        apr_pstrcat(r->pool, "sentry-trace;desc=\"", browser->trace, "\"", NULL);
    if (browser->baggage[0] != '\0') {
        value = apr_pstrcat(r->pool, value, ", baggage;desc=\"",
                            quoted(browser->baggage, r->pool), "\"", NULL);
    }
    apr_table_mergen(r->headers_out, "Server-Timing", value);
}

static void targeted_remove(apr_table_t *headers)
{
    const char *name = targeted_name(headers);
    while (name != NULL) {
        apr_table_unset(headers, name);
        name = targeted_name(headers);
    }
}

/* Whoever changed the headers after the page was promised its elements (mod_headers does)
 * cannot have it stored: somebody else's browser would join this trace. */
static void storing_forbid(request_rec *r)
{
    targeted_remove(r->headers_out);
    targeted_remove(r->err_headers_out);
    apr_table_unset(r->err_headers_out, "Cache-Control");
    apr_table_setn(r->headers_out, "Cache-Control", "private");
}

/* 1 when httpd makes another response in place of this one. */
static int is_given_up(const apr_bucket_brigade *bb)
{
    for (const apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        if (AP_BUCKET_IS_ERROR(b)) {
            return 1;
        }
    }
    return 0;
}

/* The first brigade takes the headers along. */
static apr_status_t headers_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    const mst_browser_t *browser = f->ctx;
    ap_remove_output_filter(f);
    if (is_given_up(bb)) {
        return ap_pass_brigade(f->next, bb);
    }
    int is_unshared = mst_browser_is_unshared(f->r);
    if (browser->timing && is_unshared) {
        timing_add(browser, f->r);
    }
    if (browser->meta_promised && !is_unshared) {
        storing_forbid(f->r);
    }
    return ap_pass_brigade(f->next, bb);
}

void mst_browser_register(void)
{
    /* Right before the headers are written: everybody else has had their say, caches too. */
    headers_rec = ap_register_output_filter(FILTER_HEADERS, headers_filter, NULL,
                                            AP_FTYPE_PROTOCOL - 1);
    /* Between what makes content and mod_expires above, compression below. */
    meta_rec = ap_register_output_filter(FILTER_META, mst_meta_filter, NULL,
                                         AP_FTYPE_CONTENT_SET - 1);
}

static int is_wanted(const request_rec *r)
{
    return r->main == NULL && mst_conf_context(r) & MST_CONTEXT_INJECT;
}

static mst_browser_t *browser_make(mst_req_t *req, const request_rec *r)
{
    const st_segment_t *seg = req->seg;
    mst_browser_t *browser = apr_pcalloc(r->pool, sizeof(*browser));
    char *trace = apr_palloc(r->pool, ST_PARENT_BYTES);
    st_parent_write(trace, &seg->trace_id, seg->span_id, seg->sampled);
    browser->trace = trace;
    browser->baggage = mst_outgoing_dsc(req);
    return browser;
}

void mst_browser_insert(mst_req_t *req, request_rec *r)
{
    int timing = mst_conf_server_timing(r);
    int meta = mst_conf_meta(r);
    if (!(timing || meta) || !is_wanted(r)) {
        return;
    }
    mst_browser_t *browser = browser_make(req, r);
    browser->timing = timing;
    ap_add_output_filter_handle(headers_rec, browser, r, r->connection);
    if (meta) {
        ap_add_output_filter_handle(meta_rec, browser, r, r->connection);
    }
}

void mst_browser_insert_error(mst_req_t *req, request_rec *r)
{
    if (!is_wanted(r)) {
        return;
    }
    mst_browser_t *browser = browser_make(req, r);
    browser->timing = 1;
    ap_add_output_filter_handle(headers_rec, browser, r, r->connection);
}
