/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_PROXY_H
#define MST_PROXY_H

/* Calls of mod_proxy's backends: a span for each attempt, whose id the backend is told.
 *
 *   proxy_handler ─┬─► attempt on worker 1: http.client, 503
 *                  └─► attempt on worker 2: http.client, 200, http.request.resend_count 1
 *
 * Every proxy module (http, http2, fcgi, ajp, uwsgi, wstunnel...) is a scheme handler, and
 * mod_proxy runs all of them once per attempt; a dispatcher in the first entry of that sorted
 * hook array runs the original functions, in their order, and the other entries decline. The
 * array is found by its getter's name: mod_proxy need not be there. */

#include "mst_private.h"

/* Takes over the scheme handlers, when mod_proxy is loaded. In post_config, after all other
 * modules; again at each configuration run, whose pool the saved originals live in. */
void mst_proxy_wrap(apr_pool_t *pconf);

/* For mod_proxy's hook that runs when the headers for an HTTP backend are complete. */
int mst_proxy_fixups(request_rec *r);

#endif /* MST_PROXY_H */
