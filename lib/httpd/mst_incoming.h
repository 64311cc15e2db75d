/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_INCOMING_H
#define MST_INCOMING_H

/* The trace that a request comes with: sentry-trace and baggage headers of the client.
 *
 * They count when SentryTraceContext says "extract" and SentryTraceTrust names the peer. What an
 * untrusted peer sent is not handed on either: it is taken out of the request before a handler
 * sees it. Nothing is parsed when nothing was sent. */

#include "mst_request.h"
#include "st_continue.h"

/* Takes the headers and, when they count, continues their trace. When the segment is opened:
 * error messages of early phases then name the right trace. */
void mst_incoming_read(mst_req_t *req, request_rec *r);

/* The same with the final configuration, before the decision on sampling: takes back what the
 * directory does not want, continues what only it wants, and removes the headers of untrusted
 * peers. Once. */
void mst_incoming_settle(mst_req_t *req, request_rec *r);

/* 1 when the segment continues a trace. */
static inline int mst_incoming_continues(const mst_req_t *req)
{
    return req->incoming != NULL && req->incoming->continues;
}

#endif /* MST_INCOMING_H */
