/* SPDX-License-Identifier: Apache-2.0 */
/* A module of somebody else that uses the optional functions of mod_sentry_trace.h, from a
 * handler (the query says what it does), from an output filter and from a logging hook. */

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_strings.h>
#include <mod_sentry_trace.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <util_filter.h>

static APR_OPTIONAL_FN_TYPE(sentry_trace_trace_id) * trace_id;
static APR_OPTIONAL_FN_TYPE(sentry_trace_span_id) * span_id;
static APR_OPTIONAL_FN_TYPE(sentry_trace_is_sampled) * is_sampled;
static APR_OPTIONAL_FN_TYPE(sentry_trace_span_start) * span_start;
static APR_OPTIONAL_FN_TYPE(sentry_trace_span_finish) * span_finish;
static APR_OPTIONAL_FN_TYPE(sentry_trace_span_string) * span_string;
static APR_OPTIONAL_FN_TYPE(sentry_trace_span_integer) * span_integer;
static APR_OPTIONAL_FN_TYPE(sentry_trace_request_string) * request_string;
static APR_OPTIONAL_FN_TYPE(sentry_trace_request_integer) * request_integer;

static void functions_find(void)
{
    trace_id = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_trace_id);
    span_id = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_span_id);
    is_sampled = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_is_sampled);
    span_start = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_span_start);
    span_finish = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_span_finish);
    span_string = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_span_string);
    span_integer = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_span_integer);
    request_string = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_request_string);
    request_integer = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_request_integer);
}

static const char *shown(const char *text)
{
    return text != NULL ? text : "-";
}

static void show_ids(request_rec *r)
{
    sentry_trace_span_t *span = span_start(r, "function", "ids");
    ap_rprintf(r, "%s|%s|%d|%s", shown(trace_id(r)), shown(span_id(r)), is_sampled(r),
               span != NULL ? "span" : "-");
    span_finish(span, NULL);
    ap_rprintf(r, "|%s", shown(span_id(r)));
}

/* Which thread runs the handler. */
static void show_thread(request_rec *r)
{
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    ap_rprintf(r, "%d %s", (int)gettid(), name);
}

/* Texts that are gone as soon as they were handed over. */
static sentry_trace_span_t *start_from_stack(request_rec *r, const char *op,
                                             const char *name)
{
    char there[32];
    apr_cpystrn(there, name, sizeof(there));
    sentry_trace_span_t *span = span_start(r, op, there);
    memset(there, 'x', sizeof(there));
    return span;
}

static void make_spans(request_rec *r)
{
    char path[] = "/inner";
    sentry_trace_span_t *outer = start_from_stack(r, "function", "outer");
    sentry_trace_span_t *inner = start_from_stack(r, "middleware", "inner");
    ap_rprintf(r, "%d", span_string(inner, "url.path", "/first"));
    ap_rprintf(r, "%d", span_string(inner, "url.path", path));
    ap_rprintf(r, "%d", span_integer(inner, "server.port", 4711));
    memset(path, 'x', strlen(path));
    span_finish(inner, "not_found");
    span_finish(inner, "again");
    ap_rprintf(r, "%d", span_string(inner, "url.path", "/late"));
    span_finish(start_from_stack(r, "http.client", "sibling"), NULL);
    span_finish(outer, NULL);
    start_from_stack(r, "function", "unfinished");
}

static void try_nonsense(request_rec *r)
{
    sentry_trace_span_t *span = span_start(r, "function", "span");
    ap_rprintf(r, "%d", span_start(r, "http.server", "x") != NULL);
    ap_rprintf(r, "%d", span_start(r, "nonsense", "x") != NULL);
    ap_rprintf(r, "%d", span_start(r, NULL, "x") != NULL);
    ap_rprintf(r, "%d", span_start(r, "function", NULL) != NULL);
    ap_rprintf(r, "%d", span_start(r, "function", "") != NULL);
    ap_rprintf(r, "%d", span_start(NULL, "function", "x") != NULL);
    ap_rprintf(r, "%d", span_string(span, "no.such.key", "x"));
    ap_rprintf(r, "%d", span_string(span, NULL, "x"));
    ap_rprintf(r, "%d", span_string(span, "url.path", NULL));
    ap_rprintf(r, "%d", span_string(span, "url.path", ""));
    ap_rprintf(r, "%d", span_string(span, "server.port", "80"));
    ap_rprintf(r, "%d", span_integer(span, "url.path", 80));
    ap_rprintf(r, "%d", span_string(span, "sentry.kind", "x"));
    ap_rprintf(r, "%d", span_string(span, "middleware.name", "x"));
    ap_rprintf(r, "%d", span_string(NULL, "url.path", "x"));
    ap_rprintf(r, "%d", span_integer(NULL, "server.port", 1));
    ap_rprintf(r, "%d", request_string(NULL, "url.path", "x"));
    ap_rprintf(r, "%d|", trace_id(NULL) != NULL);
    ap_rprintf(r, "%d", span_string(span, "user.name", "alice"));
    ap_rprintf(r, "%d", request_string(r, "client.address", "192.0.2.1"));
    span_finish(NULL, NULL);
    span_finish(span, NULL);
}

static void set_attributes(request_rec *r)
{
    ap_rprintf(r, "%d", request_string(r, "url.path", "/old"));
    ap_rprintf(r, "%d", request_string(r, "url.path", "/chosen"));
    ap_rprintf(r, "%d", request_integer(r, "server.port", 4711));
}

static void make_many(request_rec *r)
{
    for (int i = 0; i < 1200; i++) {
        sentry_trace_span_t *span = span_start(r, "function", "one of many");
        (void)span_integer(span, "server.port", i);
        span_finish(span, NULL);
    }
    ap_rprintf(r, "%s", span_start(r, "function", "last") != NULL ? "span" : "-");
}

/* The filters below are called twice. */
static void write_pieces(request_rec *r)
{
    ap_rputs("one, ", r);
    ap_rflush(r);
    ap_rputs("two", r);
}

static int handle(request_rec *r)
{
    static const struct {
        const char *query;
        void (*act)(request_rec *r);
    } acts[] = {{"ids", show_ids},          {"spans", make_spans},
                {"nonsense", try_nonsense}, {"attributes", set_attributes},
                {"many", make_many},        {"pieces", write_pieces},
                {"thread", show_thread}};
    if (r->handler == NULL || strcmp(r->handler, "test-optional") != 0) {
        return DECLINED;
    }
    ap_set_content_type(r, "text/plain");
    if (span_start == NULL) {
        ap_rputs("absent", r);
        return OK;
    }
    for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
        if (r->args != NULL && strcmp(r->args, acts[i].query) == 0) {
            acts[i].act(r);
        }
    }
    return OK;
}

/* A span from the first call of the filter to the end of the body. */
static apr_status_t filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    int is_end = !APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb));
    if (f->ctx == NULL) {
        f->ctx = span_start(f->r, "middleware", "test filter");
    }
    apr_status_t rv = ap_pass_brigade(f->next, bb);
    if (is_end) {
        span_finish(f->ctx, NULL);
    }
    return rv;
}

/* While others write their logs the request is still traced. */
static int log_request(request_rec *r)
{
    if (request_string != NULL && strcmp(r->uri, "/logged") == 0) {
        (void)request_string(r, "http.route", "/from/a/log");
    }
    return DECLINED;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_optional_fn_retrieve(functions_find, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(log_request, NULL, NULL, APR_HOOK_MIDDLE);
    ap_register_output_filter("TEST_OPTIONAL", filter, NULL, AP_FTYPE_RESOURCE);
}

module AP_MODULE_DECLARE_DATA test_optional_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0,
};
