/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_CONFIG_H
#define MST_CONFIG_H

/* Configuration of servers and directories.
 *
 * create sets every member to its "unset" value, merge lets the inner one win when it is set,
 * getters add the defaults; nothing else reads members. Members stand in one list per scope,
 * from which struct, create and merge are generated, so none can be forgotten. */

#include "mst_collecting.h"
#include "mst_ignore.h"
#include "mst_name.h"
#include "mst_own_attr.h"
#include "mst_private.h"
#include "mst_sampler.h"
#include "mst_trust.h"
#include "st_dest.h"

/* A line SentryTraceQueue. */
typedef struct mst_queue_conf_t {
    size_t bytes;    /* of the ring */
    const char *dir; /* absolute; NULL: memory without a name */
} mst_queue_conf_t;

/* X(type, name) with unset NULL, -1 (int), -1 (interval), -1.0 (double). */
#define MST_SERVER_MEMBERS(PTR, TIME, INT)                                               \
    PTR(const st_dsn_t *, dsn) /* &mst_dsn_off: explicitly none */                       \
    PTR(const char *, environment)                                                       \
    PTR(const char *, release)                                                           \
    PTR(const char *, server_name)                                                       \
    PTR(const char *, ca_file)                                                           \
    PTR(const char *, org_id)                                                            \
    PTR(mst_trust_t *, trust)                                                            \
    PTR(const mst_queue_conf_t *, queue)                                                 \
    INT(lifecycle) /* st_lifecycle_t */                                                  \
    INT(traceparent)                                                                     \
    INT(strict_continuation)                                                             \
    TIME(timeout)                                                                        \
    TIME(flush_interval)                                                                 \
    TIME(shutdown_timeout)

#define MST_DIR_MEMBERS(PTR, INT, REAL)                                                  \
    INT(enabled)                                                                         \
    INT(send_default_pii)                                                                \
    INT(server_timing)                                                                   \
    INT(meta)                                                                            \
    INT(sink_open) /* sink answers to others than this machine */                        \
    INT(context)   /* MST_CONTEXT_* */                                                   \
    REAL(sample_rate)                                                                    \
    PTR(const mst_name_t *, name)                                                        \
    PTR(const st_collect_t *, collect_request_headers)                                   \
    PTR(const st_collect_t *, collect_response_headers)                                  \
    PTR(const st_collect_t *, collect_cookies)                                           \
    PTR(const st_collect_t *, collect_query)                                             \
    PTR(const st_collect_t *, collect_user)                                              \
    PTR(const char *, sink_file)

#define MST_FIELD_PTR(type, name) type name;
#define MST_FIELD_INT(name)       int name;
#define MST_FIELD_REAL(name)      double name;
#define MST_FIELD_TIME(name)      apr_interval_time_t name;

typedef struct mst_server_conf_t {
    MST_SERVER_MEMBERS(MST_FIELD_PTR, MST_FIELD_TIME, MST_FIELD_INT)
    int dest; /* computed by mst_dests.h: index into its table, -1 none; not merged */
} mst_server_conf_t;

typedef struct mst_dir_conf_t {
    MST_DIR_MEMBERS(MST_FIELD_PTR, MST_FIELD_INT, MST_FIELD_REAL)
    /* Merged by hand: +X and -X work on what the outer scope has, a plain list replaces it. */
    int spans_set;      /* 1: spans_add is the whole list */
    unsigned spans_add; /* MST_SPANS_* */
    unsigned spans_remove;
    /* Merged by hand: lines of an inner scope replace all of the outer's, but a plain rate
     * stays the default until another one is set. Of mst_rate_rule_t; NULL: none. */
    apr_array_header_t *rate_rules;
    /* Merged by hand: what is ignored adds up from outside to inside; a reset drops what is
     * outside of it, and httpd's own pages. Of mst_ignore_rule_t; NULL: none. */
    apr_array_header_t *ignore_rules;
    int ignore_reset;
    /* Merged by hand: attributes add up, of the same key the inner one stays. Of
     * mst_own_attr_t; NULL: none. */
    apr_array_header_t *own_attrs;
} mst_dir_conf_t;

/* Which children are recorded (SentryTraceSpans). */
#define MST_SPANS_HANDLER     (1u << 0)
#define MST_SPANS_OUTPUT      (1u << 1)
#define MST_SPANS_SUBREQUESTS (1u << 2)
#define MST_SPANS_PROXY       (1u << 3)
#define MST_SPANS_CALLS       (1u << 4) /* each brigade that a filter gets */
#define MST_SPANS_DEFAULT                                                                \
    (MST_SPANS_HANDLER | MST_SPANS_OUTPUT | MST_SPANS_SUBREQUESTS | MST_SPANS_PROXY)
#define MST_SPANS_ALL (MST_SPANS_DEFAULT | MST_SPANS_CALLS)

/* Whether a trace is taken from a request, and handed on with what it causes
 * (SentryTraceContext). */
#define MST_CONTEXT_EXTRACT (1u << 0)
#define MST_CONTEXT_INJECT  (1u << 1)

/* Says that a DSN is set, to nothing. */
extern const st_dsn_t mst_dsn_off;

/* For the module record. */
void *mst_server_conf_create(apr_pool_t *p, server_rec *s);
void *mst_server_conf_merge(apr_pool_t *p, void *base, void *add);
void *mst_dir_conf_create(apr_pool_t *p, char *dir);
void *mst_dir_conf_merge(apr_pool_t *p, void *base, void *add);

mst_server_conf_t *mst_server_conf(const server_rec *s);
mst_dir_conf_t *mst_dir_conf(const ap_conf_vector_t *per_dir_config);

/* Getters of a server. Never fail; strings live as long as the configuration. NULL where
 * there is neither a value nor a default. */
const st_dsn_t *mst_conf_dsn(const server_rec *s);
st_lifecycle_t mst_conf_lifecycle(const server_rec *s);
const char *mst_conf_environment(const server_rec *s);
const char *mst_conf_release(const server_rec *s);
const char *mst_conf_server_name(const server_rec *s);
const char *mst_conf_ca_file(const server_rec *s);
const char *mst_conf_org_id(const server_rec *s); /* NULL: what the DSN says */
const mst_trust_t *mst_conf_trust(const server_rec *s);
int mst_conf_strict_continuation(const server_rec *s);
int mst_conf_traceparent(const server_rec *s);
apr_interval_time_t mst_conf_timeout(const server_rec *s);
apr_interval_time_t mst_conf_flush_interval(const server_rec *main_server);
apr_interval_time_t mst_conf_shutdown_timeout(const server_rec *main_server);
const mst_queue_conf_t *mst_conf_queue(const server_rec *main_server);
/* Index of the server's destination in mst_dests(), -1 when its requests are not traced. */
int mst_conf_dest(const server_rec *s);

/* Getters of a directory, for a request's final configuration. */
int mst_conf_enabled(const request_rec *r);
int mst_conf_enabled_explicitly(const mst_dir_conf_t *conf);
unsigned mst_conf_context(const request_rec *r); /* MST_CONTEXT_* */
double mst_conf_sample_rate(const request_rec *r);
/* Of mst_rate_rule_t in the order of their lines; NULL: none. */
const apr_array_header_t *mst_conf_rate_rules(const request_rec *r);
/* Of mst_ignore_rule_t; NULL: none. */
const apr_array_header_t *mst_conf_ignore_rules(const request_rec *r);
/* 0 when SentryTraceIgnore none stands before the rules. */
int mst_conf_ignores_own_pages(const request_rec *r);
const mst_name_t *mst_conf_name(const request_rec *r); /* NULL: not set */
unsigned mst_conf_spans(const request_rec *r);
int mst_conf_send_default_pii(const request_rec *r);
/* The rule for one kind of data, with its default; never NULL. */
const st_collect_t *mst_conf_collect(const request_rec *r, mst_collect_t kind);
/* Of mst_own_attr_t; NULL: none. */
const apr_array_header_t *mst_conf_own_attrs(const request_rec *r);
int mst_conf_server_timing(const request_rec *r);
int mst_conf_meta(const request_rec *r);
const char *mst_conf_sink_file(const request_rec *r);
int mst_conf_sink_open(const request_rec *r);

#endif /* MST_CONFIG_H */
