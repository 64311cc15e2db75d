/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher for scheme handlers, and what is said of an attempt. */
#include "mst_proxy.h"

#include <apr_strings.h>
#include <dlfcn.h>
#include <mod_proxy.h>
#include <stdlib.h>
#include "mst_config.h"
#include "mst_dests.h"
#include "mst_ignore.h"
#include "mst_name.h"
#include "mst_outgoing.h"
#include "mst_request.h"
#include "st_target.h"

typedef int scheme_fn(request_rec *r, proxy_worker *worker, proxy_server_conf *conf,
                      char *url, const char *proxyhost, apr_port_t proxyport);
typedef apr_array_header_t *scheme_get_fn(void);

/* What stood in the hook array before. */
static struct {
    scheme_fn **fns;
    int count;
} schemes;

/* One attempt on a backend. */
typedef struct call_t {
    request_rec *r;
    proxy_worker *worker;
    proxy_server_conf *conf;
    char *url;
    const char *proxyhost;
    apr_port_t proxyport;
} call_t;

static int schemes_run(const call_t *call)
{
    for (int i = 0; i < schemes.count; i++) {
        int rv = schemes.fns[i](call->r, call->worker, call->conf, call->url,
                                call->proxyhost, call->proxyport);
        if (rv != DECLINED) {
            return rv;
        }
    }
    return DECLINED;
}

/* Backends are told; the servers that clients ask for through a forward proxy are strangers,
 * and our ids are nobody's business where our own envelopes go. */
static int is_told(const request_rec *r, const st_target_t *target)
{
    const st_dest_table_t *table = mst_dests();
    if (r->proxyreq != PROXYREQ_REVERSE) {
        return 0;
    }
    for (int i = 0; i < table->count; i++) {
        const st_dsn_t *dsn = table->dests[i].dsn;
        if (dsn != NULL && st_target_is_dsn(target, dsn)) {
            return 0;
        }
    }
    return 1;
}

/* How many attempts this request has made before, in its running handler. */
static int attempts_before(const mst_req_t *req, const request_rec *r)
{
    mst_outgoing_t *handler = req->outgoing;
    return handler != NULL && handler->r == r ? handler->attempts++ : 0;
}

/* The path of the socket when the backend listens on one of this machine. */
static const char *socket_path(const call_t *call)
{
    const proxy_worker *worker = call->worker;
    return worker != NULL && worker->s->uds_path[0] != '\0'
               ? worker->s->uds_path
               : apr_table_get(call->r->notes, "uds_path");
}

static void add_server(st_segment_t *seg, int span, const call_t *call,
                       const st_target_t *target)
{
    const char *path = socket_path(call);
    st_span_attr_str(seg, span, ST_ATTR_SERVER_ADDRESS, target->host);
    if (path != NULL) {
        st_span_attr_str(seg, span, ST_ATTR_NETWORK_PEER_ADDRESS,
                         apr_pstrdup(seg->pool, path));
        st_span_attr_str(seg, span, ST_ATTR_NETWORK_TRANSPORT, "unix");
        return;
    }
    if (target->port != 0) {
        st_span_attr_int(seg, span, ST_ATTR_SERVER_PORT, target->port);
    }
    st_span_attr_str(seg, span, ST_ATTR_NETWORK_TRANSPORT, "tcp");
}

/* What is known before the backend answers. */
static void add_request(st_segment_t *seg, int span, const call_t *call,
                        const st_target_t *target)
{
    st_span_attr_str(seg, span, ST_ATTR_SENTRY_KIND, "client");
    st_span_attr_str(seg, span, ST_ATTR_HTTP_REQUEST_METHOD, mst_name_method(call->r));
    st_span_attr_str(seg, span, ST_ATTR_URL_FULL, target->url);
    st_span_attr_str(seg, span, ST_ATTR_URL_SCHEME, target->scheme);
    st_span_attr_str(seg, span, ST_ATTR_URL_DOMAIN, target->host);
    st_span_attr_str(seg, span, ST_ATTR_URL_PATH, target->path);
    st_span_attr_str(seg, span, ST_ATTR_URL_QUERY, target->query);
    if (target->port != 0) {
        st_span_attr_int(seg, span, ST_ATTR_URL_PORT, target->port);
    }
    add_server(seg, span, call, target);
    st_span_attr_str(seg, span, ST_ATTR_NETWORK_PROTOCOL_NAME, target->protocol);
    st_span_attr_str(seg, span, ST_ATTR_NETWORK_PROTOCOL_VERSION, target->version);
}

static int span_make(mst_req_t *req, const call_t *call, const st_target_t *target,
                     st_ns_t now)
{
    st_segment_t *seg = req->seg;
    int before = attempts_before(req, call->r);
    const char *name = NULL;
    if (seg->sampled) {
        const char *method = mst_name_method(call->r);
        name = apr_pstrcat(seg->pool, method, " ", target->host, NULL);
    }
    int span = st_segment_span_add(seg, ST_OP_HTTP_CLIENT, name, NULL, now);
    if (!seg->sampled || span == ST_SPAN_NONE) {
        return span;
    }
    mst_ignore_child(req, span, name);
    add_request(seg, span, call, target);
    if (before > 0) {
        st_span_attr_int(seg, span, ST_ATTR_HTTP_REQUEST_RESEND_COUNT, before);
    }
    return span;
}

/* The status that the backend answered with; 0 when it did not, or that cannot be told from
 * what httpd made of it.
 * @param note "proxy-status" as it was before: a new one is a new string */
static int answer_status(const call_t *call, const st_target_t *target, const char *note,
                         int rv)
{
    const request_rec *r = call->r;
    const char *line = apr_table_get(r->notes, "proxy-status");
    if (target->answer == ST_ANSWER_HTTP && line != NULL && line != note) {
        int status = (int)strtol(line, NULL, 10);
        return status == HTTP_SWITCHING_PROTOCOLS || status >= HTTP_OK ? status : 0;
    }
    if (target->answer != ST_ANSWER_GATEWAY) {
        return 0;
    }
    if (ap_is_HTTP_ERROR(rv) && apr_table_get(r->notes, "proxy-error-override") != NULL) {
        return rv; /* mod_proxy_ajp, for ProxyErrorOverride */
    }
    /* A client that has gone need not have waited for an answer. */
    return rv == OK && !r->connection->aborted ? r->status : 0;
}

static void span_fail_status(st_segment_t *seg, int span, int status)
{
    if (seg->spans[span].status == ST_STATUS_OK) {
        st_span_fail(seg, span, st_status_message(status));
        st_span_attr_str(seg, span, ST_ATTR_ERROR_TYPE,
                         apr_psprintf(seg->pool, "%d", status));
    }
}

/* How an attempt failed that the backend did not answer, or not to the end. */
static void span_fail_other(st_segment_t *seg, int span, const call_t *call, int rv)
{
    if (ap_is_HTTP_ERROR(rv)) {
        span_fail_status(seg, span, rv);
    } else if (call->r->connection->aborted) {
        st_span_fail(seg, span, "cancelled");
    } else if (rv == DONE) {
        st_span_fail(seg, span, "data_loss"); /* what proxies say of a cut answer */
    } else if (rv == AP_FILTER_ERROR) {
        st_span_fail(seg, span, "internal_error");
    }
}

static void span_done(st_segment_t *seg, int span, const call_t *call, int status, int rv)
{
    if (status != 0) {
        st_span_attr_int(seg, span, ST_ATTR_HTTP_RESPONSE_STATUS_CODE, status);
    }
    if (ap_is_HTTP_ERROR(status)) {
        span_fail_status(seg, span, status);
    }
    /* A tunnel ends as it likes. */
    if (status != HTTP_SWITCHING_PROTOCOLS) {
        span_fail_other(seg, span, call, rv);
    }
}

/* An attempt without a span of its own names the span that is running. */
static int attempt_run(mst_req_t *req, const call_t *call, const st_target_t *target)
{
    mst_outgoing_t out;
    mst_outgoing_begin(req, &out, call->r, is_told(call->r, target));
    int rv = schemes_run(call);
    mst_outgoing_end(req, &out);
    return rv;
}

static int attempt_run_traced(mst_req_t *req, const call_t *call,
                              const st_target_t *target)
{
    st_segment_t *seg = req->seg;
    const char *note = apr_table_get(call->r->notes, "proxy-status");
    st_frame_t frame;
    st_ns_t now = mst_req_now(req);
    int span = span_make(req, call, target, now);
    st_frame_enter(seg, &frame, span, now);
    int rv = attempt_run(req, call, target);
    st_frame_leave(seg, &frame, mst_req_now(req));
    if (rv == DECLINED && st_segment_span_drop(seg, span)) {
        return rv; /* no module knows the scheme */
    }
    if (seg->sampled && span != ST_SPAN_NONE) {
        span_done(seg, span, call, answer_status(call, target, note, rv), rv);
    }
    return rv;
}

static int scheme_dispatch(request_rec *r, proxy_worker *worker, proxy_server_conf *conf,
                           char *url, const char *proxyhost, apr_port_t proxyport)
{
    const call_t call = {r, worker, conf, url, proxyhost, proxyport};
    mst_req_t *req = mst_req_of(r);
    if (req == NULL || !mst_conf_enabled(r)) {
        return schemes_run(&call);
    }
    st_target_t target;
    st_target_read(&target, url, mst_conf_collect(r, MST_COLLECT_QUERY), req->seg->pool);
    return req->spans & MST_SPANS_PROXY ? attempt_run_traced(req, &call, &target)
                                        : attempt_run(req, &call, &target);
}

/* Stands in for the entries that the dispatcher runs. */
static int scheme_decline(request_rec *r, proxy_worker *worker, proxy_server_conf *conf,
                          char *url, const char *proxyhost, apr_port_t proxyport)
{
    return DECLINED;
}

void mst_proxy_wrap(apr_pool_t *pconf)
{
    void *symbol = dlsym(RTLD_DEFAULT, "proxy_hook_get_scheme_handler");
    const apr_array_header_t *hooks = symbol != NULL ? ((scheme_get_fn *)symbol)() : NULL;
    if (hooks == NULL || hooks->nelts == 0) {
        return;
    }
    proxy_LINK_scheme_handler_t *links = (proxy_LINK_scheme_handler_t *)hooks->elts;
    if (links[0].pFunc == scheme_dispatch) {
        return;
    }
    schemes.count = hooks->nelts;
    schemes.fns = apr_palloc(pconf, sizeof(*schemes.fns) * (size_t)hooks->nelts);
    for (int i = 0; i < hooks->nelts; i++) {
        schemes.fns[i] = links[i].pFunc;
        links[i].pFunc = i == 0 ? scheme_dispatch : scheme_decline;
    }
}

int mst_proxy_fixups(request_rec *r)
{
    const mst_req_t *req = mst_req_of(r);
    const mst_outgoing_t *out = req != NULL ? req->outgoing : NULL;
    if (out != NULL && out->r == r) {
        mst_outgoing_repeat(out, r->headers_in);
    }
    return OK;
}
