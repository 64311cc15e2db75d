/* SPDX-License-Identifier: Apache-2.0 */
/* The command table. Each function checks one value and stores it. */
#include "mst_directives.h"

#include <apr_strings.h>
#include "mst_config.h"
#include "mst_expr.h"
#include "mst_value.h"
#include "st_queue.h"

#define FLUSH_MIN    apr_time_from_msec(100)
#define FLUSH_MAX    apr_time_from_sec(60)
#define SHUTDOWN_MIN apr_time_from_msec(100)
/* httpd kills a child that is not gone nine seconds after SIGTERM. */
#define SHUTDOWN_MAX apr_time_from_sec(8)
#define TIMEOUT_MIN  apr_time_from_msec(100)
#define TIMEOUT_MAX  apr_time_from_sec(300)

static const char *set_dsn(cmd_parms *cmd, void *unused, const char *value)
{
    mst_server_conf_t *conf = mst_server_conf(cmd->server);
    if (strcasecmp(value, "off") == 0) {
        conf->dsn = &mst_dsn_off;
        return NULL;
    }
    return mst_value_dsn(&conf->dsn, MST_DIRECTIVE_DSN, value, cmd->pool);
}

static const char *set_lifecycle(cmd_parms *cmd, void *unused, const char *value)
{
    return mst_value_lifecycle(&mst_server_conf(cmd->server)->lifecycle,
                               MST_DIRECTIVE_LIFECYCLE, value, cmd->pool);
}

static const char *set_environment(cmd_parms *cmd, void *unused, const char *value)
{
    mst_server_conf(cmd->server)->environment = value;
    return mst_value_environment(MST_DIRECTIVE_ENVIRONMENT, value, cmd->pool);
}

static const char *set_release(cmd_parms *cmd, void *unused, const char *value)
{
    mst_server_conf(cmd->server)->release = value;
    return mst_value_release(MST_DIRECTIVE_RELEASE, value, cmd->pool);
}

static const char *set_server_name(cmd_parms *cmd, void *unused, const char *value)
{
    mst_server_conf(cmd->server)->server_name = value;
    return mst_value_server_name(MST_DIRECTIVE_SERVER_NAME, value, cmd->pool);
}

static const char *set_ca_file(cmd_parms *cmd, void *unused, const char *value)
{
    return mst_value_file(&mst_server_conf(cmd->server)->ca_file, MST_DIRECTIVE_CA_FILE,
                          value, cmd->pool);
}

static const char *set_timeout(cmd_parms *cmd, void *unused, const char *value)
{
    return mst_value_time(&mst_server_conf(cmd->server)->timeout, MST_DIRECTIVE_TIMEOUT,
                          value, TIMEOUT_MIN, TIMEOUT_MAX, cmd->pool);
}

/* There is one sender for all virtual hosts. */
static const char *refuse_in_vhost(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, GLOBAL_ONLY);
}

static const char *set_flush(cmd_parms *cmd, void *unused, const char *value)
{
    const char *problem = refuse_in_vhost(cmd);
    if (problem != NULL) {
        return problem;
    }
    return mst_value_time(&mst_server_conf(cmd->server)->flush_interval,
                          MST_DIRECTIVE_FLUSH, value, FLUSH_MIN, FLUSH_MAX, cmd->pool);
}

static const char *set_shutdown_timeout(cmd_parms *cmd, void *unused, const char *value)
{
    const char *problem = refuse_in_vhost(cmd);
    if (problem != NULL) {
        return problem;
    }
    return mst_value_time(&mst_server_conf(cmd->server)->shutdown_timeout,
                          MST_DIRECTIVE_SHUTDOWN_TIMEOUT, value, SHUTDOWN_MIN,
                          SHUTDOWN_MAX, cmd->pool);
}

static const char *set_queue(cmd_parms *cmd, void *unused, const char *size,
                             const char *dir)
{
    const char *problem = refuse_in_vhost(cmd);
    if (problem != NULL) {
        return problem;
    }
    mst_queue_conf_t *queue = apr_pcalloc(cmd->pool, sizeof(*queue));
    mst_server_conf(cmd->server)->queue = queue;
    problem = mst_value_size(&queue->bytes, MST_DIRECTIVE_QUEUE, size, ST_QUEUE_RING_MIN,
                             ST_QUEUE_RING_MAX, cmd->pool);
    if (problem != NULL || dir == NULL) {
        return problem;
    }
    return mst_value_new_dir(&queue->dir, MST_DIRECTIVE_QUEUE, dir, cmd->pool);
}

/* AP_INIT_FLAG would say "must be On or Off" without the value; ours names it. */
static const char *on_or_off(int *pflag, const char *name, const char *value,
                             apr_pool_t *p)
{
    if (strcasecmp(value, "on") == 0) {
        *pflag = 1;
        return NULL;
    }
    if (strcasecmp(value, "off") == 0) {
        *pflag = 0;
        return NULL;
    }
    return apr_psprintf(p, "%s: \"%s\" is not allowed; allowed are On and Off", name,
                        value);
}

static const char *set_enable(cmd_parms *cmd, void *dir, const char *value)
{
    mst_dir_conf_t *conf = dir;
    return on_or_off(&conf->enabled, MST_DIRECTIVE_ENABLE, value, cmd->pool);
}

static const char *set_send_default_pii(cmd_parms *cmd, void *dir, const char *value)
{
    mst_dir_conf_t *conf = dir;
    return on_or_off(&conf->send_default_pii, MST_DIRECTIVE_SEND_DEFAULT_PII, value,
                     cmd->pool);
}

static const char *set_collect(cmd_parms *cmd, void *dir, int count, char *const words[])
{
    mst_dir_conf_t *conf = dir;
    const st_collect_t **rules[MST_COLLECT_COUNT] = {
        [MST_COLLECT_REQUEST_HEADERS] = &conf->collect_request_headers,
        [MST_COLLECT_RESPONSE_HEADERS] = &conf->collect_response_headers,
        [MST_COLLECT_COOKIES] = &conf->collect_cookies,
        [MST_COLLECT_QUERY] = &conf->collect_query,
        [MST_COLLECT_USER] = &conf->collect_user,
    };
    mst_collect_t kind;
    const st_collect_t *rule;
    const char *problem = mst_collecting_parse(&kind, &rule, MST_DIRECTIVE_COLLECT, count,
                                               words, cmd->pool);
    if (problem == NULL) {
        *rules[kind] = rule;
    }
    return problem;
}

static const char *set_attribute(cmd_parms *cmd, void *dir, const char *key,
                                 const char *expr, const char *type)
{
    mst_dir_conf_t *conf = dir;
    apr_array_header_t *line = apr_array_make(cmd->pool, 1, sizeof(mst_own_attr_t));
    mst_own_attr_t *own = apr_array_push(line);
    const char *problem =
        mst_own_attr_parse(own, MST_DIRECTIVE_ATTRIBUTE, key, expr, type, cmd);
    if (problem == NULL) {
        conf->own_attrs = mst_own_attr_join(cmd->pool, conf->own_attrs, line);
    }
    return problem;
}

static const char *set_server_timing(cmd_parms *cmd, void *dir, const char *value)
{
    mst_dir_conf_t *conf = dir;
    return on_or_off(&conf->server_timing, MST_DIRECTIVE_SERVER_TIMING, value, cmd->pool);
}

static const char *set_meta(cmd_parms *cmd, void *dir, const char *value)
{
    mst_dir_conf_t *conf = dir;
    return on_or_off(&conf->meta, MST_DIRECTIVE_META, value, cmd->pool);
}

static const char *set_traceparent(cmd_parms *cmd, void *unused, const char *value)
{
    return on_or_off(&mst_server_conf(cmd->server)->traceparent,
                     MST_DIRECTIVE_TRACEPARENT, value, cmd->pool);
}

/* A line with an expression is a rule, one without is the default. */
static const char *set_sample_rate(cmd_parms *cmd, void *dir, const char *value,
                                   const char *word)
{
    mst_dir_conf_t *conf = dir;
    double rate = -1.0;
    const char *problem =
        mst_value_rate(&rate, MST_DIRECTIVE_SAMPLE_RATE, value, cmd->pool);
    if (problem != NULL || word == NULL) {
        conf->sample_rate = rate;
        return problem;
    }
    const char *text = mst_expr_word(word);
    if (text == NULL) {
        return apr_psprintf(cmd->pool,
                            MST_DIRECTIVE_SAMPLE_RATE
                            ": \"%s\" is not allowed behind the rate; allowed is "
                            "expr=EXPRESSION",
                            word);
    }
    mst_rate_rule_t rule = {.rate = rate};
    problem = mst_expr_parse(&rule.expr, MST_DIRECTIVE_SAMPLE_RATE, text, cmd);
    if (conf->rate_rules == NULL) {
        conf->rate_rules = apr_array_make(cmd->pool, 2, sizeof(rule));
    }
    APR_ARRAY_PUSH(conf->rate_rules, mst_rate_rule_t) = rule;
    return problem;
}

/* Called once per word of the line. */
static const char *set_ignore(cmd_parms *cmd, void *dir, const char *word)
{
    mst_dir_conf_t *conf = dir;
    if (strcasecmp(word, "none") == 0) {
        conf->ignore_reset = 1;
        conf->ignore_rules = NULL;
        return NULL;
    }
    mst_ignore_rule_t rule;
    const char *problem = mst_ignore_parse(&rule, MST_DIRECTIVE_IGNORE, word, cmd);
    if (conf->ignore_rules == NULL) {
        conf->ignore_rules = apr_array_make(cmd->pool, 2, sizeof(rule));
    }
    APR_ARRAY_PUSH(conf->ignore_rules, mst_ignore_rule_t) = rule;
    return problem;
}

static const char *set_name(cmd_parms *cmd, void *dir, const char *value)
{
    mst_dir_conf_t *conf = dir;
    mst_name_t *name = apr_palloc(cmd->pool, sizeof(*name));
    conf->name = name;
    return mst_name_parse(name, MST_DIRECTIVE_NAME, value, cmd);
}

static const char *set_context(cmd_parms *cmd, void *dir, const char *value)
{
    static const struct {
        const char *name;
        unsigned bits;
    } contexts[] = {
        {"extract", MST_CONTEXT_EXTRACT},
        {"inject", MST_CONTEXT_INJECT},
        {"propagate", MST_CONTEXT_EXTRACT | MST_CONTEXT_INJECT},
        {"ignore", 0},
    };
    mst_dir_conf_t *conf = dir;
    for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
        if (strcasecmp(contexts[i].name, value) == 0) {
            conf->context = (int)contexts[i].bits;
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool,
                        MST_DIRECTIVE_CONTEXT
                        ": \"%s\" is not allowed; allowed are extract, inject, propagate "
                        "and ignore",
                        value);
}

/* Called once per word of the line. */
static const char *set_trust(cmd_parms *cmd, void *unused, const char *word)
{
    return mst_trust_add(&mst_server_conf(cmd->server)->trust, MST_DIRECTIVE_TRUST, word,
                         cmd->pool);
}

static const char *set_strict(cmd_parms *cmd, void *unused, const char *value)
{
    return on_or_off(&mst_server_conf(cmd->server)->strict_continuation,
                     MST_DIRECTIVE_STRICT, value, cmd->pool);
}

static const char *set_org_id(cmd_parms *cmd, void *unused, const char *value)
{
    mst_server_conf(cmd->server)->org_id = value;
    return mst_value_org_id(MST_DIRECTIVE_ORG_ID, value, cmd->pool);
}

/* The bit of a span kind, 0 when there is none of that name. */
static unsigned span_kind(const char *name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } kinds[] = {
        {"Handler", MST_SPANS_HANDLER},      {"Proxy", MST_SPANS_PROXY},
        {"OutputFilters", MST_SPANS_OUTPUT}, {"Subrequests", MST_SPANS_SUBREQUESTS},
        {"FilterCalls", MST_SPANS_CALLS},    {"All", MST_SPANS_ALL},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcasecmp(kinds[i].name, name) == 0) {
            return kinds[i].bit;
        }
    }
    return 0;
}

/* Called once per word of the line. */
static const char *set_spans(cmd_parms *cmd, void *dir, const char *word)
{
    mst_dir_conf_t *conf = dir;
    char sign = word[0] == '+' || word[0] == '-' ? word[0] : '\0';
    const char *kind = sign != '\0' ? word + 1 : word;
    int none = strcasecmp(kind, "None") == 0 && sign == '\0';
    unsigned bits = span_kind(kind);
    if (bits == 0 && !none) {
        return apr_psprintf(
            cmd->pool,
            MST_DIRECTIVE_SPANS
            ": \"%s\" is no kind of span; allowed are Handler, Proxy, "
            "OutputFilters, Subrequests, FilterCalls and All, each with + or - before it "
            "or without, and None",
            word);
    }
    if (sign == '\0' && !conf->spans_set) {
        conf->spans_set = 1;
        conf->spans_add = 0;
    }
    if (sign == '-') {
        conf->spans_add &= ~bits;
        conf->spans_remove |= bits;
    } else {
        conf->spans_add |= bits;
        conf->spans_remove &= ~bits;
    }
    return NULL;
}

static const char *set_sink_file(cmd_parms *cmd, void *dir, const char *value)
{
    mst_dir_conf_t *conf = dir;
    return mst_value_new_file(&conf->sink_file, MST_DIRECTIVE_SINK_FILE, value,
                              cmd->pool);
}

static const char *set_sink_allow(cmd_parms *cmd, void *dir, const char *value)
{
    mst_dir_conf_t *conf = dir;
    if (strcasecmp(value, "all") != 0 && strcasecmp(value, "loopback") != 0) {
        return apr_psprintf(cmd->pool,
                            MST_DIRECTIVE_SINK_ALLOW
                            ": \"%s\" is not allowed; allowed are loopback and all",
                            value);
    }
    conf->sink_open = strcasecmp(value, "all") == 0;
    return NULL;
}

/* What a .htaccess file may say is what cannot cost or leak more than the server allows: it may
 * trace its folder or not, and choose which children are recorded. */
#define ANYWHERE  (RSRC_CONF | OR_FILEINFO)
#define DIRECTORY (RSRC_CONF | ACCESS_CONF)

const command_rec mst_directives[] = {
    AP_INIT_TAKE1(MST_DIRECTIVE_ENABLE, set_enable, NULL, ANYWHERE,
                  "On or Off: whether requests are traced"),
    AP_INIT_TAKE1(MST_DIRECTIVE_DSN, set_dsn, NULL, RSRC_CONF,
                  "where spans go: the project's DSN, file:/path, or off"),
    AP_INIT_TAKE1(MST_DIRECTIVE_LIFECYCLE, set_lifecycle, NULL, RSRC_CONF,
                  "stream or static: whether requests are sent as spans or transactions"),
    AP_INIT_TAKE1(MST_DIRECTIVE_ENVIRONMENT, set_environment, NULL, RSRC_CONF,
                  "the environment's name, for example production"),
    AP_INIT_TAKE1(MST_DIRECTIVE_RELEASE, set_release, NULL, RSRC_CONF,
                  "the release's name, for example shop@1.4.2"),
    AP_INIT_TAKE1(MST_DIRECTIVE_SERVER_NAME, set_server_name, NULL, RSRC_CONF,
                  "the name of this machine; the host name unless given"),
    AP_INIT_TAKE12(MST_DIRECTIVE_SAMPLE_RATE, set_sample_rate, NULL, DIRECTORY,
                   "the share of requests that is traced, 0 to 1, and when"),
    AP_INIT_ITERATE(MST_DIRECTIVE_IGNORE, set_ignore, NULL, ANYWHERE,
                    "requests and child spans that are not recorded"),
    AP_INIT_TAKE1(MST_DIRECTIVE_NAME, set_name, NULL, ANYWHERE,
                  "the route of requests, an expression for it, auto or off"),
    AP_INIT_TAKE1(MST_DIRECTIVE_CONTEXT, set_context, NULL, DIRECTORY,
                  "extract, inject, propagate or ignore: what happens to trace headers"),
    AP_INIT_ITERATE(MST_DIRECTIVE_TRUST, set_trust, NULL, RSRC_CONF,
                    "all, none or networks: whose trace headers count"),
    AP_INIT_TAKE1(MST_DIRECTIVE_STRICT, set_strict, NULL, RSRC_CONF,
                  "On or Off: whether traces without an organisation's id go on"),
    AP_INIT_TAKE1(MST_DIRECTIVE_ORG_ID, set_org_id, NULL, RSRC_CONF,
                  "the id of the organisation at Sentry, digits"),
    AP_INIT_ITERATE(MST_DIRECTIVE_SPANS, set_spans, NULL, ANYWHERE,
                    "which child spans are recorded"),
    AP_INIT_TAKE1(MST_DIRECTIVE_TRACEPARENT, set_traceparent, NULL, RSRC_CONF,
                  "On or Off: whether backends get a W3C traceparent header as well"),
    AP_INIT_TAKE1(MST_DIRECTIVE_SERVER_TIMING, set_server_timing, NULL, DIRECTORY,
                  "On or Off: whether responses tell the browser their trace"),
    AP_INIT_TAKE1(MST_DIRECTIVE_META, set_meta, NULL, DIRECTORY,
                  "On or Off: whether pages tell the browser their trace"),
    AP_INIT_TAKE1(MST_DIRECTIVE_SEND_DEFAULT_PII, set_send_default_pii, NULL, DIRECTORY,
                  "On or Off: whether client addresses and user names are sent"),
    AP_INIT_TAKE_ARGV(MST_DIRECTIVE_COLLECT, set_collect, NULL, DIRECTORY,
                      "what of headers, cookies, queries and users is sent"),
    AP_INIT_TAKE23(MST_DIRECTIVE_ATTRIBUTE, set_attribute, NULL, DIRECTORY,
                   "an attribute of your own: key, expression, type"),
    AP_INIT_TAKE1(MST_DIRECTIVE_FLUSH, set_flush, NULL, RSRC_CONF,
                  "the longest time a span waits before it is sent"),
    AP_INIT_TAKE1(MST_DIRECTIVE_SHUTDOWN_TIMEOUT, set_shutdown_timeout, NULL, RSRC_CONF,
                  "the longest time a child spends on sending when it ends"),
    AP_INIT_TAKE12(MST_DIRECTIVE_QUEUE, set_queue, NULL, RSRC_CONF,
                   "the size of the queue, and a folder where it outlives the server"),
    AP_INIT_TAKE1(MST_DIRECTIVE_TIMEOUT, set_timeout, NULL, RSRC_CONF,
                  "the longest time one transfer to Sentry may take"),
    AP_INIT_TAKE1(MST_DIRECTIVE_CA_FILE, set_ca_file, NULL, RSRC_CONF,
                  "file with the CA certificates that Sentry's is verified with"),
    AP_INIT_TAKE1(MST_DIRECTIVE_SINK_FILE, set_sink_file, NULL, DIRECTORY,
                  "file that the handler " MST_HANDLER_SINK " appends envelopes to"),
    AP_INIT_TAKE1(MST_DIRECTIVE_SINK_ALLOW, set_sink_allow, NULL, DIRECTORY,
                  "loopback or all: who may post to the handler " MST_HANDLER_SINK),
    {.name = NULL}};
