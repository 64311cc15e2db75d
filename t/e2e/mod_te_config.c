/* SPDX-License-Identifier: Apache-2.0 */
/* A module for e2e_merge: its handler te-config answers with what the getters of
 * lib/httpd/mst_config.h say about the request, one line a directive:
 *
 *   SentryTraceContext inject
 *
 * With the query "commands" it lists the names of all directives of mod_sentry_trace. */

#include <apr_strings.h>
#include <http_main.h>
#include <http_protocol.h>
#include <string.h>

#include "../../lib/httpd/mst_config.h"
#include "../../lib/httpd/mst_directives.h"

static const char *base_name(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path;
}

static void show(request_rec *r, const char *directive, const char *value)
{
    ap_rprintf(r, "%s %s\n", directive, value != NULL ? value : "-");
}

static void show_flag(request_rec *r, const char *directive, int flag)
{
    show(r, directive, flag ? "On" : "Off");
}

static void show_time(request_rec *r, const char *directive, apr_interval_time_t time)
{
    show(r, directive, apr_psprintf(r->pool, "%ldms", (long)apr_time_as_msec(time)));
}

/* Whom of three the server trusts. */
static const char *trust_text(request_rec *r)
{
    static const char *const peers[] = {"10.1.2.3", "192.0.2.7", "2001:db8::1"};
    char *text = apr_pstrdup(r->pool, "...");
    for (int i = 0; i < 3; i++) {
        apr_sockaddr_t *peer = NULL;
        apr_status_t rv =
            apr_sockaddr_info_get(&peer, peers[i], APR_UNSPEC, 1, 0, r->pool);
        if (rv == APR_SUCCESS && mst_trust_includes(mst_conf_trust(r->server), peer)) {
            text[i] = 'x';
        }
    }
    return text;
}

static void show_server(request_rec *r)
{
    const server_rec *s = r->server;
    const st_dsn_t *dsn = mst_conf_dsn(s);
    show(r, MST_DIRECTIVE_DSN, dsn != NULL ? base_name(dsn->url) : NULL);
    show(r, MST_DIRECTIVE_LIFECYCLE,
         mst_conf_lifecycle(s) == ST_LIFECYCLE_STATIC ? "static" : "stream");
    show(r, MST_DIRECTIVE_ENVIRONMENT, mst_conf_environment(s));
    show(r, MST_DIRECTIVE_RELEASE, mst_conf_release(s));
    show(r, MST_DIRECTIVE_SERVER_NAME, mst_conf_server_name(s));
    show(r, MST_DIRECTIVE_CA_FILE, base_name(mst_conf_ca_file(s)));
    show(r, MST_DIRECTIVE_ORG_ID, mst_conf_org_id(s));
    show(r, MST_DIRECTIVE_TRUST, trust_text(r));
    show_flag(r, MST_DIRECTIVE_STRICT, mst_conf_strict_continuation(s));
    show_flag(r, MST_DIRECTIVE_TRACEPARENT, mst_conf_traceparent(s));
    show_time(r, MST_DIRECTIVE_TIMEOUT, mst_conf_timeout(s));
    show_time(r, MST_DIRECTIVE_FLUSH, mst_conf_flush_interval(ap_server_conf));
    show_time(r, MST_DIRECTIVE_SHUTDOWN_TIMEOUT,
              mst_conf_shutdown_timeout(ap_server_conf));
    const mst_queue_conf_t *queue = mst_conf_queue(ap_server_conf);
    const char *dir = base_name(queue->dir);
    show(r, MST_DIRECTIVE_QUEUE,
         apr_psprintf(r->pool, "%ldK %s", (long)(queue->bytes / 1024),
                      dir != NULL ? dir : "-"));
}

/* In thousandths, the plain rate first. */
static const char *rates_text(request_rec *r)
{
    const apr_array_header_t *rules = mst_conf_rate_rules(r);
    const char *text =
        apr_psprintf(r->pool, "%d;", (int)(mst_conf_sample_rate(r) * 1000));
    for (int i = 0; rules != NULL && i < rules->nelts; i++) {
        text = apr_psprintf(r->pool, "%s%s%d", text, i > 0 ? "," : "",
                            (int)(APR_ARRAY_IDX(rules, i, mst_rate_rule_t).rate * 1000));
    }
    return text;
}

static const char *rule_text(const mst_ignore_rule_t *rule)
{
    if (rule->pattern != NULL) {
        return rule->pattern;
    }
    return rule->regex != NULL ? "(regex)" : "(expr)";
}

static const char *ignored_text(request_rec *r)
{
    const apr_array_header_t *rules = mst_conf_ignore_rules(r);
    const char *text = mst_conf_ignores_own_pages(r) ? "own" : "none";
    for (int i = 0; rules != NULL && i < rules->nelts; i++) {
        text = apr_pstrcat(r->pool, text, ",",
                           rule_text(&APR_ARRAY_IDX(rules, i, mst_ignore_rule_t)), NULL);
    }
    return text;
}

static const char *name_text(request_rec *r)
{
    const mst_name_t *name = mst_conf_name(r);
    if (name == NULL || name->kind == MST_NAME_OFF) {
        return "off";
    }
    if (name->kind == MST_NAME_TEXT) {
        return name->text;
    }
    return name->kind == MST_NAME_AUTO ? "auto" : "(expr)";
}

static const char *context_text(request_rec *r)
{
    static const char *const texts[] = {"ignore", "extract", "inject", "propagate"};
    return texts[mst_conf_context(r) & (MST_CONTEXT_EXTRACT | MST_CONTEXT_INJECT)];
}

static const char *spans_text(request_rec *r)
{
    unsigned spans = mst_conf_spans(r);
    return apr_psprintf(
        r->pool, "%s%s%s%s%s.", spans & MST_SPANS_HANDLER ? "H" : "",
        spans & MST_SPANS_PROXY ? "P" : "", spans & MST_SPANS_OUTPUT ? "O" : "",
        spans & MST_SPANS_SUBREQUESTS ? "S" : "", spans & MST_SPANS_CALLS ? "C" : "");
}

/* "deny a b", in the order of mst_collect_t; "-": not set. */
static const char *collect_text(request_rec *r)
{
    static const char *const modes[] = {"off", "deny", "allow"};
    const char *text = "";
    for (int kind = 0; kind < MST_COLLECT_COUNT; kind++) {
        const st_collect_t *rule = mst_conf_collect(r, (mst_collect_t)kind);
        text = apr_pstrcat(r->pool, text, kind > 0 ? ";" : "",
                           rule->terms != NULL ? modes[rule->mode] : "-", NULL);
        for (int i = 0; rule->terms != NULL && i < rule->terms->nelts; i++) {
            text = apr_pstrcat(r->pool, text, " ",
                               APR_ARRAY_IDX(rule->terms, i, const char *), NULL);
        }
    }
    return text;
}

static const char *own_attrs_text(request_rec *r)
{
    static const char types[] = "?sbid";
    const apr_array_header_t *list = mst_conf_own_attrs(r);
    const char *text = "";
    for (int i = 0; list != NULL && i < list->nelts; i++) {
        const mst_own_attr_t *own = &APR_ARRAY_IDX(list, i, mst_own_attr_t);
        text = apr_psprintf(r->pool, "%s,%s:%c", text, own->key, types[own->type]);
    }
    return text;
}

static void show_directory(request_rec *r)
{
    show_flag(r, MST_DIRECTIVE_ENABLE, mst_conf_enabled(r));
    show(r, MST_DIRECTIVE_SAMPLE_RATE, rates_text(r));
    show(r, MST_DIRECTIVE_IGNORE, ignored_text(r));
    show(r, MST_DIRECTIVE_NAME, name_text(r));
    show(r, MST_DIRECTIVE_CONTEXT, context_text(r));
    show(r, MST_DIRECTIVE_SPANS, spans_text(r));
    show_flag(r, MST_DIRECTIVE_SEND_DEFAULT_PII, mst_conf_send_default_pii(r));
    show(r, MST_DIRECTIVE_COLLECT, collect_text(r));
    show(r, MST_DIRECTIVE_ATTRIBUTE, own_attrs_text(r));
    show_flag(r, MST_DIRECTIVE_SERVER_TIMING, mst_conf_server_timing(r));
    show_flag(r, MST_DIRECTIVE_META, mst_conf_meta(r));
    show(r, MST_DIRECTIVE_SINK_FILE, base_name(mst_conf_sink_file(r)));
    show(r, MST_DIRECTIVE_SINK_ALLOW, mst_conf_sink_open(r) ? "all" : "loopback");
}

static int config_handler(request_rec *r)
{
    if (r->handler == NULL || strcmp(r->handler, "te-config") != 0) {
        return DECLINED;
    }
    ap_set_content_type(r, "text/plain");
    if (r->args != NULL && strcmp(r->args, "commands") == 0) {
        for (const command_rec *c = sentry_trace_module.cmds; c->name != NULL; c++) {
            ap_rprintf(r, "%s\n", c->name);
        }
        return OK;
    }
    show_server(r);
    show_directory(r);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_handler(config_handler, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA te_config_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
