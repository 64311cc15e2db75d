/* SPDX-License-Identifier: Apache-2.0 */
/* Continuing the trace of a client. */
#include "mst_incoming.h"

#include <string.h>
#include "mst_config.h"
#include "mst_dests.h"
#include "st_baggage.h"

static int is_extracted(const request_rec *r)
{
    return (mst_conf_context(r) & MST_CONTEXT_EXTRACT) != 0;
}

static int is_trusted(const request_rec *r)
{
    return mst_trust_includes(mst_conf_trust(r->server), r->connection->client_addr);
}

/* Continues the client's trace, unless it is somebody else's. */
static void extract(mst_req_t *req, const request_rec *r)
{
    st_segment_t *seg = req->seg;
    const st_dest_t *dest = &mst_dests()->dests[req->dest];
    st_continue_t *incoming = apr_palloc(seg->pool, sizeof(*incoming));
    st_continue_decide(incoming, req->client_trace, req->client_baggage,
                       st_dest_org_id(dest), mst_conf_strict_continuation(r->server),
                       seg->pool);
    st_continue_apply(incoming, seg);
    req->incoming = incoming;
}

void mst_incoming_read(mst_req_t *req, request_rec *r)
{
    req->client_trace = apr_table_get(r->headers_in, "sentry-trace");
    req->client_baggage = apr_table_get(r->headers_in, "baggage");
    if (req->client_trace != NULL && is_extracted(r) && is_trusted(r)) {
        extract(req, r);
    }
}

/* What a backend would believe; members of others mean nothing to Sentry and stay. */
static void remove_headers(mst_req_t *req, request_rec *r)
{
    st_baggage_t baggage;
    apr_table_unset(r->headers_in, "sentry-trace");
    st_baggage_parse(&baggage, req->client_baggage, r->pool);
    if (baggage.foreign[0] == '\0') {
        apr_table_unset(r->headers_in, "baggage");
    } else if (baggage.sentry[0] != '\0') {
        apr_table_setn(r->headers_in, "baggage", baggage.foreign);
    }
    req->headers_removed = 1;
}

void mst_incoming_settle(mst_req_t *req, request_rec *r)
{
    if (req->client_trace == NULL && req->client_baggage == NULL) {
        return;
    }
    if (!is_trusted(r)) {
        remove_headers(req, r);
        return;
    }
    if (req->incoming != NULL && !is_extracted(r)) {
        req->incoming = NULL;
        st_segment_trace_renew(req->seg);
    } else if (req->incoming == NULL && req->client_trace != NULL && is_extracted(r)) {
        extract(req, r);
    }
}
