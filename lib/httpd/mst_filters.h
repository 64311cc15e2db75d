/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_FILTERS_H
#define MST_FILTERS_H

/* Output filter spans.
 *
 * A filter's record (ap_filter_rec_t) gets a small static function of ours, a trampoline, in
 * place of its own; one trampoline per distinct original function. Never one per record, and
 * never a look-up by f->frec: mod_filter calls the functions of other filters with its own
 * ap_filter_t.
 *
 * Records that are known by name are wrapped at post_config, which also reaches filters that
 * are added late in a request; the others when they are first seen in a chain. */

#include "mst_private.h"

/* Forgets all slots. At the start of each configuration run: records of the run before are
 * gone, and new ones may stand at their addresses. */
void mst_filters_reset(void);

/* Wraps the records known by name. In post_config, after all other modules. */
void mst_filters_wrap_known(apr_pool_t *pconf);

/* Wraps what is new in the request's chain. At insert_filter, last. Any thread. */
void mst_filters_wrap_chain(request_rec *r);

#endif /* MST_FILTERS_H */
