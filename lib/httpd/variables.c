/* SPDX-License-Identifier: Apache-2.0 */
/* Variables in a request's environment. Their texts stand in the request's state, and follow
 * when the trace changes. */
#include "mst_variables.h"

#define NAME_TRACE_ID "SENTRY_TRACE_ID"
#define NAME_SPAN_ID  "SENTRY_SPAN_ID"
#define NAME_SAMPLED  "SENTRY_SAMPLED"

/* The texts' last bytes are the zeroes that the state was made with. */
static void ids_write(mst_req_t *req)
{
    st_trace_id_hex(req->trace_id_text, &req->seg->trace_id);
    st_span_id_hex(req->span_id_text, req->seg->span_id);
}

static void ids_put(const mst_req_t *req, const request_rec *r)
{
    apr_table_setn(r->subprocess_env, NAME_TRACE_ID, req->trace_id_text);
    apr_table_setn(r->subprocess_env, NAME_SPAN_ID, req->span_id_text);
}

static void sampled_put(const mst_req_t *req, const request_rec *r)
{
    apr_table_setn(r->subprocess_env, NAME_SAMPLED, req->seg->sampled ? "1" : "0");
}

void mst_variables_open(mst_req_t *req)
{
    ids_write(req);
    ids_put(req, req->top);
}

void mst_variables_inherit(request_rec *r)
{
    const mst_req_t *req = mst_req_of(r);
    if (req == NULL) {
        return;
    }
    ids_put(req, r);
    if (req->decided) {
        sampled_put(req, r);
    }
}

void mst_variables_settle(mst_req_t *req)
{
    if (req->client_trace != NULL) {
        ids_write(req);
    }
    for (const request_rec *r = req->top; r != NULL; r = r->next) {
        sampled_put(req, r);
    }
}

void mst_variables_remove(const mst_req_t *req)
{
    for (const request_rec *r = req->top; r != NULL; r = r->next) {
        apr_table_unset(r->subprocess_env, NAME_TRACE_ID);
        apr_table_unset(r->subprocess_env, NAME_SPAN_ID);
    }
}
