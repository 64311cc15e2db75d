/* SPDX-License-Identifier: Apache-2.0 */
/* What happens at which moment of a request. */
#include "mst_request_hooks.h"

#include <string.h>
#include "mst_config.h"
#include "mst_filters.h"
#include "mst_request.h"
#include "mst_sink.h"

int mst_post_read_request(request_rec *r)
{
    mst_req_open(r);
    return DECLINED;
}

void mst_insert_filter(request_rec *r)
{
    const mst_req_t *req = mst_req_decide(r);
    if (req != NULL && req->spans & MST_SPANS_OUTPUT) {
        mst_filters_wrap_chain(r);
    }
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
