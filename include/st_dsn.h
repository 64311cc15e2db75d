/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_DSN_H
#define ST_DSN_H

/* Where envelopes go.
 *
 *   {http|https}://{public_key}[:{secret}]@{host}[:{port}][/{path}]/{project_id}
 *   file:{absolute path}             envelopes are appended to a local file
 *
 * https://develop.sentry.dev/sdk/foundations/transport/authentication/ */

#include <apr_pools.h>
#include "st_error.h"

typedef enum { ST_DSN_HTTP = 1, ST_DSN_FILE } st_dsn_kind_t;

typedef struct st_dsn_t {
    st_dsn_kind_t kind;
    const char *scheme; /* "http" or "https"; NULL for a file */
    const char
        *public_key;    /* 32 characters; for a file 32 zeros, so that the DSC is valid */
    const char *secret; /* NULL unless given */
    const char *host;   /* without brackets */
    unsigned port;      /* always set for http(s) */
    const char *path;   /* prefix before /api/, "" or "/x/y" */
    const char *project_id; /* digits */
    const char *org_id;     /* digits from a host o<digits>.*, or NULL */
    const char *url;        /* envelope endpoint; for a file its path */
    const char *masked;     /* for messages: the key cut to 4 characters, no secret */
} st_dsn_t;

/* Parses `text`; the result and all its strings are in `result_pool`.
 * @param pwhy on failure set to a sentence part in result_pool saying what is wrong, without
 *        repeating key or secret ("has no project id", ...)
 * @return APR_SUCCESS; ST_E_MALFORMED. */
apr_status_t st_dsn_parse(st_dsn_t **pdsn, const char **pwhy, const char *text,
                          apr_pool_t *result_pool) ST_MUST_CHECK;

#endif /* ST_DSN_H */
