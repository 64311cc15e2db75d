/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, deciding and finishing the segment of a request. */
#include "mst_request.h"

#include <http_protocol.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "mst_attributes.h"
#include "mst_child.h"
#include "mst_config.h"
#include "mst_ignore.h"
#include "mst_incoming.h"
#include "mst_name.h"
#include "mst_push.h"
#include "mst_sampler.h"
#include "mst_variables.h"
#include "st_record.h"
#include "st_version.h"

/* A clock that jumped while the request was read must not make a span of hours. */
#define START_OFFSET_MAX (3600 * ST_NS_PER_SEC)

static const request_rec *top_of(const request_rec *r)
{
    while (r->main != NULL || r->prev != NULL) {
        r = r->main != NULL ? r->main : r->prev;
    }
    return r;
}

mst_req_t *mst_req_of(const request_rec *r)
{
    return ap_get_module_config(top_of(r)->request_config, &sentry_trace_module);
}

mst_req_t *mst_req_of_conn(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &sentry_trace_module);
}

void mst_req_scope_set(request_rec *r, int span)
{
    /* The slot is the sub-request's own: a small number in a pointer, 0 for none. */
    intptr_t slot = span >= 0 ? span + 1 : 0;
    ap_set_module_config(r->request_config, &sentry_trace_module, (void *)slot);
}

int mst_req_scope(const mst_req_t *req, const request_rec *r)
{
    if (r == NULL || r == req->top) {
        return ST_SPAN_SEGMENT;
    }
    intptr_t slot =
        (intptr_t)ap_get_module_config(r->request_config, &sentry_trace_module);
    return slot > 0 ? (int)slot - 1 : ST_SPAN_SEGMENT;
}

/* Takes the state away: nothing finds it any more. */
static void req_detach(mst_req_t *req)
{
    mst_push_slot_free(req);
    ap_set_module_config(req->top->request_config, &sentry_trace_module, NULL);
    conn_rec *c = req->top->connection;
    if (mst_req_of_conn(c) == req) {
        ap_set_module_config(c->conn_config, &sentry_trace_module, NULL);
    }
}

/* The request's pool goes; also when log_transaction never ran. */
static apr_status_t req_cleanup(void *baton)
{
    req_detach(baton);
    return APR_SUCCESS;
}

/* How long before `now` the request began, by its own wall clock stamp. */
static st_ns_t start_offset(const request_rec *r)
{
    st_ns_t offset = (apr_time_now() - r->request_time) * ST_NS_PER_US;
    return offset >= 0 && offset <= START_OFFSET_MAX ? offset : 0;
}

static mst_req_t *req_new(request_rec *r, mst_child_t *child)
{
    mst_req_t *req = apr_pcalloc(r->pool, sizeof(*req));
    st_ns_t offset = start_offset(r);
    st_ns_t wall = offset > 0 ? r->request_time * ST_NS_PER_US : st_clock_wall();
    req->seg = st_segment_open(r->pool, st_id_source_rng(&child->ids), wall,
                               st_clock_mono() - offset, ST_RECORD_SPANS_MAX - 1);
    req->top = r;
    req->dest = mst_conf_dest(r->server);
    req->spans = mst_conf_spans(r);
    req->ignore_rules = mst_ignore_child_rules(r);
    mst_incoming_read(req, r);
    req->slot = mst_push_slot_take(req, child);
    ap_set_module_config(r->request_config, &sentry_trace_module, req);
    ap_set_module_config(r->connection->conn_config, &sentry_trace_module, req);
    apr_pool_cleanup_register(r->pool, req, req_cleanup, apr_pool_cleanup_null);
    mst_variables_open(req);
    return req;
}

/* httpd talks to itself to wake idle children: no request of anybody. */
static int is_dummy_connection(const request_rec *r)
{
    if (r->method_number != M_OPTIONS || r->unparsed_uri == NULL ||
        strcmp(r->unparsed_uri, "*") != 0) {
        return 0;
    }
    const char *agent = apr_table_get(r->headers_in, "User-Agent");
    return agent != NULL && strstr(agent, "(internal dummy connection)") != NULL;
}

/* Our own sink, whether it answers or refuses. */
static int is_sink(const request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *handler = r->handler != NULL ? r->handler : core->handler;
    return handler != NULL && strcmp(handler, MST_HANDLER_SINK) == 0;
}

/* An envelope of this module that passes through this server, to our sink or to a Sentry
 * behind it: tracing what traces send would never end. */
static int is_own_envelope(const request_rec *r)
{
    static const char tail[] = "/envelope/";
    const char *path = r->parsed_uri.path;
    size_t len = path != NULL ? strlen(path) : 0;
    if (len < sizeof(tail) - 1 || strcmp(path + len - (sizeof(tail) - 1), tail) != 0) {
        return 0;
    }
    const char *agent = apr_table_get(r->headers_in, "User-Agent");
    return agent != NULL && strncmp(agent, ST_SDK_NAME "/", sizeof(ST_SDK_NAME)) == 0;
}

void mst_req_thread_note(mst_req_t *req)
{
    if (!req->seg->sampled) {
        return;
    }
    req->thread_id = gettid();
    if (prctl(PR_GET_NAME, req->thread_name) != 0) {
        req->thread_name[0] = '\0';
    }
}

/* What the final configuration has to say again. */
static int is_wanted(const request_rec *r)
{
    return mst_conf_dest(r->server) >= 0 && mst_conf_enabled(r) && !is_sink(r);
}

/* A request of somebody, about something else than tracing. */
static int is_foreign(const request_rec *r)
{
    return !is_dummy_connection(r) && !is_own_envelope(r);
}

void mst_req_open(request_rec *r)
{
    mst_child_t *child = mst_child();
    if (child == NULL || r->main != NULL || r->prev != NULL || !is_wanted(r) ||
        !is_foreign(r)) {
        return;
    }
    req_new(r, child);
}

/* The top request's first look at its final configuration. */
static mst_req_t *top_decide(request_rec *r, mst_req_t *req)
{
    mst_child_t *child = mst_child();
    if (child == NULL || !is_wanted(r)) {
        if (req != NULL) {
            mst_variables_remove(req);
            req_detach(req);
        }
        return NULL;
    }
    if (req == NULL) {
        if (!is_foreign(r)) {
            return NULL;
        }
        req = req_new(r, child);
    }
    req->decided = 1;
    req->spans = mst_conf_spans(r);
    req->ignore_rules = mst_ignore_child_rules(r);
    mst_incoming_settle(req, r);
    mst_name_set(req);
    mst_sampler_decide(req, r, child);
    if (req->seg->sampled) {
        mst_push_slot_update(req);
    } else {
        mst_push_slot_free(req); /* whatever happens to it is nobody's business */
    }
    mst_variables_settle(req);
    return req;
}

mst_req_t *mst_req_decide(request_rec *r)
{
    mst_req_t *req = mst_req_of(r);
    if (r->main != NULL || (req != NULL && req->decided)) {
        return req;
    }
    /* A request that is refused early and answered by an ErrorDocument never comes here
     * itself. */
    while (r->prev != NULL) {
        r = r->prev;
    }
    return top_decide(r, req);
}

void mst_req_headers_restore(request_rec *r)
{
    const mst_req_t *req = mst_req_of(r);
    if (req == NULL || !req->headers_removed) {
        return;
    }
    if (req->client_trace != NULL) {
        apr_table_setn(r->headers_in, "sentry-trace", req->client_trace);
    }
    if (req->client_baggage != NULL) {
        apr_table_setn(r->headers_in, "baggage", req->client_baggage);
    }
}

void mst_req_finish(request_rec *r)
{
    mst_req_t *req = mst_req_decide(r);
    mst_child_t *child = mst_child();
    if (req == NULL || child == NULL) {
        return;
    }
    if (req->seg->sampled) {
        mst_attributes_add(req, child->pid);
    }
    st_segment_close(req->seg, mst_req_now(req));
    mst_push(req, child);
    req_detach(req);
}
