/* SPDX-License-Identifier: Apache-2.0 */
/* What happens at which moment of a request. */
#include "mst_request_hooks.h"

#include <string.h>
#include "mst_browser.h"
#include "mst_config.h"
#include "mst_filters.h"
#include "mst_request.h"
#include "mst_sink.h"
#include "mst_variables.h"

int mst_post_read_request(request_rec *r)
{
    mst_req_open(r);
    if (r->prev != NULL) {
        mst_variables_inherit(r);
    }
    return DECLINED;
}

void mst_insert_filter(request_rec *r)
{
    mst_req_t *req = mst_req_decide(r);
    if (req == NULL) {
        return;
    }
    mst_browser_insert(req, r);
    if (req->spans & MST_SPANS_OUTPUT) {
        mst_filters_wrap_chain(r);
    }
}

void mst_insert_error_filter(request_rec *r)
{
    /* A request that could not even be read has no segment yet, and no browser that asks. */
    if (!mst_conf_server_timing(r) || mst_req_of(r) == NULL) {
        return;
    }
    mst_req_t *req = mst_req_decide(r);
    if (req != NULL) {
        mst_browser_insert_error(req, r);
    }
}

int mst_log_transaction_first(request_rec *r)
{
    /* Requests that httpd rejects early are opened only here: logs show their ids, too. */
    mst_req_t *req = mst_req_decide(r);
    if (req != NULL) {
        mst_logio_note(&req->logio, r->connection);
    }
    mst_req_headers_restore(r);
    return DECLINED;
}

int mst_log_transaction(request_rec *r)
{
    mst_req_finish(r);
    return DECLINED;
}

int mst_handler_sink(request_rec *r)
{
    if (r->handler == NULL || strcmp(r->handler, MST_HANDLER_SINK) != 0) {
        return DECLINED;
    }
    return mst_sink_handle(r, mst_conf_sink_file(r), !mst_conf_sink_open(r));
}
