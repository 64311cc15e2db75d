/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_VARIABLES_H
#define MST_VARIABLES_H

/* Variables in a request's environment, for logs, CGI, SSI and expressions: SENTRY_TRACE_ID,
 * SENTRY_SPAN_ID (the segment's), and SENTRY_SAMPLED ("1" or "0") once that is decided. They
 * are there from the moment a segment is opened, so that even the error messages of early
 * phases know their trace (%{SENTRY_TRACE_ID}e in ErrorLogFormat). */

#include "mst_request.h"

/* The segment was opened, with these ids. */
void mst_variables_open(mst_req_t *req);

/* An internal redirect has an environment of its own. `r` is not the top request; nothing
 * happens when it is not traced. */
void mst_variables_inherit(request_rec *r);

/* The decision has fallen; the trace may be another one now. */
void mst_variables_settle(mst_req_t *req);

/* The request is not traced after all. */
void mst_variables_remove(const mst_req_t *req);

#endif /* MST_VARIABLES_H */
