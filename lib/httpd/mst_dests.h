/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_DESTS_H
#define MST_DESTS_H

/* The destinations of all virtual hosts. What a configuration wants is known when it has been
 * read; what it gets, and where the queue has it, when the queue is there. Constant from then
 * until the next configuration run.
 *
 *   mst_dests_build ──► mst_dests_enter ──► mst_dests()
 *   configuration check  post_config         children
 *
 * mst_conf_dest(s) is the index of a server's destination: in the one table before, in the
 * other one afterwards. */

#include "mst_private.h"
#include "st_queue.h"

/* Builds what is wanted in pconf (forgotten when that is cleared) and gives each server its
 * index. Needs mst_env_read before. */
void mst_dests_build(apr_pool_t *pconf, server_rec *main_server);

/* What is wanted; count 0 when nothing is to be traced. */
const st_dest_table_t *mst_dests_wanted(void);

/* Enters them into the queue, and gives each server the index that its destination has there.
 * Logs which servers have found no room: they are not traced. */
void mst_dests_enter(st_queue_t *queue, server_rec *main_server, apr_pool_t *pconf);

/* No server is traced. */
void mst_dests_give_up(server_rec *main_server);

/* The queue's table as this configuration has found it: entries that no server names may be
 * left from before, or have dsn NULL. Empty without a queue. Any thread. */
const st_dest_table_t *mst_dests(void);

/* What limits what is sent to `dest`. */
static inline st_limit_t mst_dest_limit(const st_dest_t *dest)
{
    return dest->lifecycle == ST_LIFECYCLE_STATIC ? ST_LIMIT_TRANSACTION : ST_LIMIT_SPAN;
}

/* Creates the files of file: destinations and hands them to the user that children run as.
 * Root only; as another user the children create them. Before children exist.
 * @return APR_SUCCESS, or why *pdest's file cannot be had. */
apr_status_t mst_dests_prepare_files(const st_dest_t **pdest) ST_MUST_CHECK;

#endif /* MST_DESTS_H */
