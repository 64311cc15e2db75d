/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_KEEPER_H
#define MST_KEEPER_H

/* The queue (st_queue.h) as the parent process keeps it: made at the start, found again at each
 * restart, looked at once more when the server ends.
 *
 * Its handle hangs on the process's pool, which outlives configurations, and so does not know
 * our code: the module may be unloaded, loaded again, and be a newer one then. */

#include "mst_private.h"
#include "st_queue.h"

/* Makes the queue for what is wanted (mst_dests_wanted), or finds the one that there is, and
 * begins a new generation. Logs why it cannot, and what it does not change before a full
 * restart. The parent, in post_config. */
apr_status_t mst_keeper_open(server_rec *main_server, apr_pool_t *ptemp) ST_MUST_CHECK;

/* Makes the parent tell, when the server ends, what has not been delivered. */
void mst_keeper_watch_end(server_rec *main_server, apr_pool_t *pconf, apr_pool_t *plog);

/* Forgets it for this configuration run. */
void mst_keeper_forget(void);

/* The queue; NULL while nothing is traced. Constant in children. */
st_queue_t *mst_keeper_queue(void);

/* The generation that this configuration run has begun. */
unsigned mst_keeper_generation(void);

/* Hook error_log: hears from httpd's messages which child was ended by which signal. Called for
 * every message of every process; logs nothing itself. */
void mst_error_log(const ap_errorlog_info *info, const char *message);

#endif /* MST_KEEPER_H */
