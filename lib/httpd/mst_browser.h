/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_BROWSER_H
#define MST_BROWSER_H

/* Handing the trace to the browser, so that what Sentry's SDK records there continues it:
 * in the response header Server-Timing, and in two <meta> elements of a page
 * (https://develop.sentry.dev/sdk/foundations/trace-propagation/).
 *
 *   content ─► INCLUDES ─► SENTRY_TRACE_META ─► DEFLATE ─► CACHE_SAVE ─► SENTRY_TRACE_HEADERS ─► HTTP_HEADER
 *
 * A trace belongs to one request, so neither is said in a response that a shared cache may
 * store (st_cache_control.h). Both filters are only in chains where a directive is On. */

#include <util_filter.h>
#include "mst_request.h"
#include "st_head_scan.h"

/* What both filters of a response know; their ctx. */
typedef struct mst_browser_t {
    const char *trace;   /* value of sentry-trace; names the segment */
    const char *baggage; /* the sampling context; "" when it is empty */
    int timing;          /* SentryTraceServerTiming */
    int meta_searches;   /* 1: the response is a page, and the place is being searched */
    int meta_promised;   /* 1: the page has the elements, or may get them still */
    st_head_scan_t scan;
} mst_browser_t;

/* Registers the filters. */
void mst_browser_register(void);

/* Puts the filters that the configuration wants into the chain of a main request. */
void mst_browser_insert(mst_req_t *req, request_rec *r);

/* The same for httpd's own error pages, where SentryTraceServerTiming is On. */
void mst_browser_insert_error(mst_req_t *req, request_rec *r);

/* 1 when no shared cache may store the response, as far as its headers go now. */
int mst_browser_is_unshared(const request_rec *r);

/* All lines of a response header, joined, those that stay on errors included; NULL: none. In
 * r->pool. */
const char *mst_browser_header(const request_rec *r, const char *name);

/* Inserts the elements into pages (meta.c). */
apr_status_t mst_meta_filter(ap_filter_t *f, apr_bucket_brigade *bb);

#endif /* MST_BROWSER_H */
