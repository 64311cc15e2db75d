/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_LIFECYCLE_H
#define MST_LIFECYCLE_H

/* Hooks of the server's life; registered by mod_sentry_trace.c. */

#include "mst_private.h"

/* Forgets what the configuration run before has wrapped and found. */
int mst_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/* Reads the environment and sees which destinations are wanted; bad values end here, also in
 * `configtest`. */
int mst_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                     server_rec *s);

/* Makes or finds the queue; wraps hooks and filters. After all other modules. */
int mst_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                    server_rec *s);

/* Starts tracing in a child. */
void mst_child_init(apr_pool_t *pchild, server_rec *s);

#endif /* MST_LIFECYCLE_H */
