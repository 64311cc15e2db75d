/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_HEADERS_H
#define MST_HEADERS_H

#include "mst_request.h"

/* Adds the headers of a finished request and of its response (`last`: of the request that
 * answered) to the segment, filtered as SentryTraceCollect says: an array of strings for each
 * name. Values are cut to 1 KB. At log_transaction, of a sampled segment. */
void mst_headers_add(mst_req_t *req, const request_rec *last);

/* 1 when the value of the request's header of that name may be sent as it is. */
int mst_headers_keep(const request_rec *r, const char *name);

#endif /* MST_HEADERS_H */
