/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_CONF_H
#define TE_CONF_H

/* The configuration of a private httpd: what every server needs, then a test's own lines.
 *
 * The test's lines may use ${ROOT} (server root), ${DOCS} (document root), ${PORT} (where the
 * server listens), ${PORT2} and ${PORT3} (free, for further Listen lines), ${MODULES} (where
 * httpd's modules are, to load one that most tests do without), and whatever the caller
 * defines besides. */

#include <apr_pools.h>

typedef enum { TE_EVENT = 0, TE_WORKER, TE_PREFORK, TE_MPM_COUNT } te_mpm_t;

#define TE_PORT_COUNT 3

typedef struct te_conf_t {
    te_mpm_t mpm;
    int without_module;         /* 1: mod_sentry_trace is not loaded */
    const char *const *defines; /* "NAME value", NULL-terminated; or NULL */
    const char *text;           /* the test's lines */
} te_conf_t;

/* "event", "worker", "prefork". */
const char *te_mpm_name(te_mpm_t mpm);

/* Renders the whole httpd.conf into pool. */
const char *te_conf_render(const te_conf_t *conf, const char *root,
                           const int ports[TE_PORT_COUNT], apr_pool_t *pool);

#endif /* TE_CONF_H */
