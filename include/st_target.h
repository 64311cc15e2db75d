/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_TARGET_H
#define ST_TARGET_H

/* Where a proxied call goes: what its URL says, in the words of the conventions. */

#include <apr_pools.h>
#include "st_collect.h"
#include "st_dsn.h"

/* Where the status of the backend's answer is found. */
typedef enum {
    ST_ANSWER_NONE = 0, /* nowhere: no answer in HTTP's terms, or none that httpd reads */
    ST_ANSWER_HTTP,     /* httpd notes the status line it reads */
    ST_ANSWER_GATEWAY   /* the gateway's protocol: it becomes the request's own status */
} st_answer_t;

typedef struct st_target_t {
    const char *protocol; /* network.protocol.name: "http", "fastcgi"...; NULL: unknown */
    const char *version;  /* network.protocol.version where the scheme says it, or NULL */
    const char *host;     /* without brackets; never NULL, "" when there is none */
    unsigned port;        /* given, or the scheme's; 0: unknown */
    const char *scheme;   /* as in url, or NULL */
    const char *path;     /* "" when there is none; NULL when url is */
    const char *query;    /* sensitive values filtered; NULL when there is none */
    const char *url;      /* url.full: without user and password, sensitive query values
                             filtered; NULL when it is no URL */
    st_answer_t answer;
} st_target_t;

/* Reads the URL of a proxied call, scheme://[user[:password]@]host[:port][/path][?query], or
 * host:port (CONNECT). h2 and h2c are httpd's names for HTTP/2 over https and http. Never
 * fails: what cannot be read is left out. The query is filtered by `rule`. Everything is in result_pool or static. */
void st_target_read(st_target_t *target, const char *url, const st_collect_t *rule,
                    apr_pool_t *result_pool);

/* 1 when calls to the target arrive where the DSN's envelopes do: same host, same port. */
int st_target_is_dsn(const st_target_t *target, const st_dsn_t *dsn);

#endif /* ST_TARGET_H */
