/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_ATTRIBUTES_H
#define MST_ATTRIBUTES_H

#include "mst_request.h"

/* Gives a sampled segment its final name, status and attributes from the finished request.
 * Nothing personal unless SentryTraceSendDefaultPII or SentryTraceCollect say so; sensitive
 * values are replaced. Copies what is not in the request's pool. At log_transaction. */
void mst_attributes_add(mst_req_t *req, pid_t pid);

#endif /* MST_ATTRIBUTES_H */
