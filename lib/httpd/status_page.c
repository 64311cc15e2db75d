/* SPDX-License-Identifier: Apache-2.0 */
/* The pages that show what became of all spans. */
#include "mst_status_page.h"

#include <http_protocol.h>
#include <http_request.h>
#include <mod_status.h>
#include <string.h>
#include "mst_keeper.h"
#include "st_overview.h"

/* Some 20 KB are an endpoint's largest page. */
#define PAGE_BYTES_MAX ((size_t)64 * 1024 * 1024)

typedef void overview_writer_fn(st_buf_t *out, const st_overview_t *overview);

static const struct {
    overview_writer_fn *write;
    const char *content_type;
} formats[] = {
    [ST_OVERVIEW_HTML] = {st_overview_page, "text/html; charset=utf-8"},
    [ST_OVERVIEW_JSON] = {st_overview_json, "application/json"},
    [ST_OVERVIEW_PROMETHEUS] = {st_overview_prometheus,
                                "text/plain; version=0.0.4; charset=utf-8"},
    [ST_OVERVIEW_AUTO] = {st_overview_auto, "text/plain; charset=utf-8"},
};

static apr_status_t page_free(void *page)
{
    st_buf_free(page);
    return APR_SUCCESS;
}

/* What `write` makes of the queue as it is now; lives as long as r->pool. NULL without memory. */
static const st_buf_t *page_make(request_rec *r, overview_writer_fn *write)
{
    st_overview_t overview;
    st_overview_read(&overview, mst_keeper_queue(), st_clock_mono(), st_clock_wall(),
                     r->pool);
    st_buf_t *page = apr_palloc(r->pool, sizeof(*page));
    st_buf_init(page, PAGE_BYTES_MAX);
    apr_pool_cleanup_register(r->pool, page, page_free, apr_pool_cleanup_null);
    write(page, &overview);
    apr_status_t rv = st_buf_status(page);
    if (rv != APR_SUCCESS) {
        /* Without the status: httpd has no text for the core's own codes. */
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "ST0204: no memory for the status page, or it is over 64 MB");
        return NULL;
    }
    return page;
}

static int handle(request_rec *r)
{
    if (r->handler == NULL || strcmp(r->handler, MST_HANDLER_STATUS) != 0) {
        return DECLINED;
    }
    ap_allow_standard_methods(r, MERGE_ALLOW, M_GET, M_OPTIONS, -1);
    if (r->method_number == M_OPTIONS) {
        return DECLINED; /* the core answers with what is allowed */
    }
    if (r->method_number != M_GET) {
        return HTTP_METHOD_NOT_ALLOWED;
    }
    const char *accept = apr_table_get(r->headers_in, "Accept");
    st_overview_format_t format = st_overview_format(r->args, accept);
    const st_buf_t *page = page_make(r, formats[format].write);
    if (page == NULL) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_set_content_type(r, formats[format].content_type);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_mergen(r->headers_out, "Vary", "Accept");
    ap_rwrite(page->data, (int)page->len, r);
    return OK;
}

/* Writes into the page of mod_status, which is being written. */
static int section(request_rec *r, int flags)
{
    int is_short = (flags & AP_STATUS_SHORT) != 0;
    const st_buf_t *page =
        page_make(r, is_short ? st_overview_auto : st_overview_section);
    if (page == NULL) {
        return DECLINED;
    }
    if (!is_short) {
        ap_rputs("<hr />\n<h1>Sentry traces</h1>\n", r);
    }
    ap_rwrite(page->data, (int)page->len, r);
    return OK;
}

void mst_status_page_register(void)
{
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, section, NULL, NULL, APR_HOOK_MIDDLE);
}
