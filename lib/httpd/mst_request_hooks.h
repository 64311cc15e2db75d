/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_REQUEST_HOOKS_H
#define MST_REQUEST_HOOKS_H

/* Hooks of a request; registered by mod_sentry_trace.c. None of them changes what happens to
 * the request. */

#include "mst_private.h"

int mst_post_read_request(request_rec *r);
void mst_insert_filter(request_rec *r);
void mst_insert_error_filter(request_rec *r);
int mst_log_transaction_first(request_rec *r); /* before anybody logs */
int mst_log_transaction(request_rec *r);       /* after everybody */

/* The content handler sentry-trace-sink. */
int mst_handler_sink(request_rec *r);

#endif /* MST_REQUEST_HOOKS_H */
