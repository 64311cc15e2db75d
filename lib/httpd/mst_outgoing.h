/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_OUTGOING_H
#define MST_OUTGOING_H

/* Telling backends which span calls them.
 *
 * While a handler runs that may reach a backend, and during each attempt of a proxied call,
 * r->headers_in says our ids: proxies send it, CGI and its like make HTTP_SENTRY_TRACE and
 * HTTP_BAGGAGE of it. r->subprocess_env says the same as SENTRY_TRACE and SENTRY_BAGGAGE.
 * Whoever reads the headers later, an access log, finds those of the client.
 *
 *   begin ─► headers are ours ─► end: headers are what they were at begin
 *
 * Stretches nest, because handlers run sub-requests and internal redirects; the latter share
 * the table of headers. Only the thread that runs the request. */

#include "mst_request.h"

/* sentry-trace, baggage, traceparent, tracestate */
#define MST_OUTGOING_HEADERS 4

/* Lives on the C stack of the caller, between begin and end. */
typedef struct mst_outgoing_t {
    struct mst_outgoing_t *up;
    request_rec *r;
    int attempts;                             /* of a proxied call, within this stretch */
    int is_set;                               /* 0: the headers stay what they are */
    const char *ours[MST_OUTGOING_HEADERS];   /* NULL: not there */
    const char *before[MST_OUTGOING_HEADERS]; /* NULL: not there */
    const char *env_before[2];
} mst_outgoing_t;

/* 1 when the request's handler may reach a backend that reads our headers at once. Files are
 * no backend, and a proxied call is told at each attempt. */
int mst_outgoing_is_wanted(const request_rec *r);

/* Begins a stretch: the headers name the span that runs now, when `is_wanted` and the
 * configuration lets traces go out. */
void mst_outgoing_begin(mst_req_t *req, mst_outgoing_t *out, request_rec *r,
                        int is_wanted);

/* Ends the innermost stretch, `out`. */
void mst_outgoing_end(mst_req_t *req, mst_outgoing_t *out);

/* Says again what the stretch says, in a copy of its request's headers from which some were
 * taken: a client may name any of them as its own connection's ("Connection: baggage"). */
void mst_outgoing_repeat(const mst_outgoing_t *out, apr_table_t *headers);

/* The trace's sampling context in baggage form; it is frozen from now on. */
const char *mst_outgoing_dsc(mst_req_t *req);

/* What a sentry-trace header says of the span that runs now, in result_pool. */
const char *mst_outgoing_sentry_trace(const mst_req_t *req, apr_pool_t *result_pool);

#endif /* MST_OUTGOING_H */
