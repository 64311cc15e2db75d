/* SPDX-License-Identifier: Apache-2.0 */
/* Create, merge and getters, generated from the member lists. */
#include "mst_config.h"

#include "mst_env.h"

#define TIMEOUT_DEFAULT          apr_time_from_sec(30)
#define FLUSH_INTERVAL_DEFAULT   apr_time_from_sec(5)
#define SHUTDOWN_TIMEOUT_DEFAULT apr_time_from_sec(2)
#define ENVIRONMENT_DEFAULT      "production"
#define QUEUE_BYTES_DEFAULT      ((size_t)16 * 1024 * 1024)

const st_dsn_t mst_dsn_off = {.kind = 0};

#define UNSET_PTR(type, name) conf->name = NULL;
#define UNSET_INT(name)       conf->name = -1;
#define UNSET_REAL(name)      conf->name = -1.0;
#define UNSET_TIME(name)      conf->name = -1;
#define MERGE_PTR(type, name) conf->name = add->name != NULL ? add->name : base->name;
#define MERGE_INT(name)       conf->name = add->name != -1 ? add->name : base->name;
#define MERGE_REAL(name)      conf->name = add->name >= 0.0 ? add->name : base->name;
#define MERGE_TIME(name)      conf->name = add->name != -1 ? add->name : base->name;

void *mst_server_conf_create(apr_pool_t *p, server_rec *s)
{
    mst_server_conf_t *conf = apr_pcalloc(p, sizeof(*conf));
    MST_SERVER_MEMBERS(UNSET_PTR, UNSET_TIME, UNSET_INT)
    conf->dest = -1;
    return conf;
}

void *mst_server_conf_merge(apr_pool_t *p, void *base_conf, void *add_conf)
{
    const mst_server_conf_t *base = base_conf;
    const mst_server_conf_t *add = add_conf;
    mst_server_conf_t *conf = apr_pcalloc(p, sizeof(*conf));
    MST_SERVER_MEMBERS(MERGE_PTR, MERGE_TIME, MERGE_INT)
    conf->dest = -1;
    return conf;
}

void *mst_dir_conf_create(apr_pool_t *p, char *dir)
{
    mst_dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));
    MST_DIR_MEMBERS(UNSET_PTR, UNSET_INT, UNSET_REAL)
    return conf;
}

/* Both lists, the outer one first; either may be NULL. */
static apr_array_header_t *joined(apr_pool_t *p, apr_array_header_t *outer,
                                  apr_array_header_t *inner)
{
    if (outer == NULL || inner == NULL) {
        return outer != NULL ? outer : inner;
    }
    return apr_array_append(p, outer, inner);
}

void *mst_dir_conf_merge(apr_pool_t *p, void *base_conf, void *add_conf)
{
    const mst_dir_conf_t *base = base_conf;
    const mst_dir_conf_t *add = add_conf;
    mst_dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));
    MST_DIR_MEMBERS(MERGE_PTR, MERGE_INT, MERGE_REAL)
    int has_rates = add->rate_rules != NULL || add->sample_rate >= 0.0;
    conf->rate_rules = has_rates ? add->rate_rules : base->rate_rules;
    conf->ignore_reset = base->ignore_reset || add->ignore_reset;
    conf->ignore_rules =
        joined(p, add->ignore_reset ? NULL : base->ignore_rules, add->ignore_rules);
    conf->own_attrs = mst_own_attr_join(p, base->own_attrs, add->own_attrs);
    conf->spans_set = base->spans_set || add->spans_set;
    if (add->spans_set) {
        conf->spans_add = add->spans_add;
        return conf;
    }
    conf->spans_add = (base->spans_add & ~add->spans_remove) | add->spans_add;
    conf->spans_remove = (base->spans_remove & ~add->spans_add) | add->spans_remove;
    return conf;
}

mst_server_conf_t *mst_server_conf(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &sentry_trace_module);
}

mst_dir_conf_t *mst_dir_conf(const ap_conf_vector_t *per_dir_config)
{
    return ap_get_module_config(per_dir_config, &sentry_trace_module);
}

const st_dsn_t *mst_conf_dsn(const server_rec *s)
{
    const st_dsn_t *dsn = mst_server_conf(s)->dsn;
    if (dsn == NULL) {
        dsn = mst_env_dsn();
    }
    return dsn != &mst_dsn_off ? dsn : NULL;
}

st_lifecycle_t mst_conf_lifecycle(const server_rec *s)
{
    int lifecycle = mst_server_conf(s)->lifecycle;
    if (lifecycle == -1) {
        lifecycle = mst_env_lifecycle();
    }
    return lifecycle != -1 ? (st_lifecycle_t)lifecycle : ST_LIFECYCLE_STREAM;
}

const char *mst_conf_environment(const server_rec *s)
{
    const char *environment = mst_server_conf(s)->environment;
    if (environment == NULL) {
        environment = mst_env_environment();
    }
    return environment != NULL ? environment : ENVIRONMENT_DEFAULT;
}

const char *mst_conf_release(const server_rec *s)
{
    const char *release = mst_server_conf(s)->release;
    return release != NULL ? release : mst_env_release();
}

const char *mst_conf_server_name(const server_rec *s)
{
    return mst_server_conf(s)->server_name;
}

const char *mst_conf_ca_file(const server_rec *s)
{
    return mst_server_conf(s)->ca_file;
}

const char *mst_conf_org_id(const server_rec *s)
{
    return mst_server_conf(s)->org_id;
}

const mst_trust_t *mst_conf_trust(const server_rec *s)
{
    static const mst_trust_t everybody = {.everybody = 1};
    const mst_trust_t *trust = mst_server_conf(s)->trust;
    return trust != NULL ? trust : &everybody;
}

int mst_conf_strict_continuation(const server_rec *s)
{
    return mst_server_conf(s)->strict_continuation == 1;
}

int mst_conf_traceparent(const server_rec *s)
{
    return mst_server_conf(s)->traceparent == 1;
}

apr_interval_time_t mst_conf_timeout(const server_rec *s)
{
    apr_interval_time_t timeout = mst_server_conf(s)->timeout;
    return timeout != -1 ? timeout : TIMEOUT_DEFAULT;
}

apr_interval_time_t mst_conf_flush_interval(const server_rec *main_server)
{
    apr_interval_time_t interval = mst_server_conf(main_server)->flush_interval;
    return interval != -1 ? interval : FLUSH_INTERVAL_DEFAULT;
}

apr_interval_time_t mst_conf_shutdown_timeout(const server_rec *main_server)
{
    apr_interval_time_t timeout = mst_server_conf(main_server)->shutdown_timeout;
    return timeout != -1 ? timeout : SHUTDOWN_TIMEOUT_DEFAULT;
}

const mst_queue_conf_t *mst_conf_queue(const server_rec *main_server)
{
    static const mst_queue_conf_t usual = {.bytes = QUEUE_BYTES_DEFAULT};
    const mst_queue_conf_t *queue = mst_server_conf(main_server)->queue;
    return queue != NULL ? queue : &usual;
}

int mst_conf_dest(const server_rec *s)
{
    return mst_server_conf(s)->dest;
}

int mst_conf_enabled(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->enabled != 0;
}

int mst_conf_enabled_explicitly(const mst_dir_conf_t *conf)
{
    return conf->enabled == 1;
}

double mst_conf_sample_rate(const request_rec *r)
{
    double rate = mst_dir_conf(r->per_dir_config)->sample_rate;
    if (rate < 0.0) {
        rate = mst_env_sample_rate();
    }
    return rate >= 0.0 ? rate : 1.0;
}

const apr_array_header_t *mst_conf_rate_rules(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->rate_rules;
}

unsigned mst_conf_context(const request_rec *r)
{
    int context = mst_dir_conf(r->per_dir_config)->context;
    return context != -1 ? (unsigned)context : MST_CONTEXT_EXTRACT | MST_CONTEXT_INJECT;
}

const apr_array_header_t *mst_conf_ignore_rules(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->ignore_rules;
}

int mst_conf_ignores_own_pages(const request_rec *r)
{
    return !mst_dir_conf(r->per_dir_config)->ignore_reset;
}

const mst_name_t *mst_conf_name(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->name;
}

unsigned mst_conf_spans(const request_rec *r)
{
    const mst_dir_conf_t *conf = mst_dir_conf(r->per_dir_config);
    if (conf->spans_set) {
        return conf->spans_add;
    }
    return (MST_SPANS_DEFAULT & ~conf->spans_remove) | conf->spans_add;
}

int mst_conf_send_default_pii(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->send_default_pii == 1;
}

const st_collect_t *mst_conf_collect(const request_rec *r, mst_collect_t kind)
{
    static const st_collect_t off = {.mode = ST_COLLECT_OFF};
    const mst_dir_conf_t *conf = mst_dir_conf(r->per_dir_config);
    const st_collect_t *const rules[MST_COLLECT_COUNT] = {
        [MST_COLLECT_REQUEST_HEADERS] = conf->collect_request_headers,
        [MST_COLLECT_RESPONSE_HEADERS] = conf->collect_response_headers,
        [MST_COLLECT_COOKIES] = conf->collect_cookies,
        [MST_COLLECT_QUERY] = conf->collect_query,
        [MST_COLLECT_USER] = conf->collect_user,
    };
    if (rules[kind] != NULL) {
        return rules[kind];
    }
    int is_off = kind == MST_COLLECT_COOKIES ||
                 (kind == MST_COLLECT_USER && conf->send_default_pii != 1);
    return is_off ? &off : &st_collect_default;
}

const apr_array_header_t *mst_conf_own_attrs(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->own_attrs;
}

int mst_conf_server_timing(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->server_timing == 1;
}

int mst_conf_meta(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->meta == 1;
}

const char *mst_conf_sink_file(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->sink_file;
}

int mst_conf_sink_open(const request_rec *r)
{
    return mst_dir_conf(r->per_dir_config)->sink_open == 1;
}
