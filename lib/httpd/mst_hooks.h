/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_HOOKS_H
#define MST_HOOKS_H

/* Handler spans: a dispatcher in the first entry of the sorted handler and quick_handler
 * arrays runs the original functions, in their order and with their rules; the other entries
 * decline. Functions that other modules register later still run, after ours. */

#include "mst_private.h"

/* Takes over both hook arrays. In post_config, after all other modules; again at each
 * configuration run, whose pool the saved originals live in. */
void mst_hooks_wrap(apr_pool_t *pconf);

#endif /* MST_HOOKS_H */
