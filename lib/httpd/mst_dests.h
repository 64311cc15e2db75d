/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_DESTS_H
#define MST_DESTS_H

/* The table of destinations, made from all virtual hosts when the configuration has been
 * read; constant until the next configuration run. */

#include "mst_private.h"
#include "st_dest.h"

/* Builds the table in pconf (forgotten when that is cleared) and gives each server its index.
 * Needs mst_env_read before. */
void mst_dests_build(apr_pool_t *pconf, server_rec *main_server);

/* The table; count 0 when nothing is traced. Any thread. */
const st_dest_table_t *mst_dests(void);

/* Creates the files of file: destinations and hands them to the user that children run as.
 * Root only; as another user the children create them. Before children exist.
 * @return APR_SUCCESS, or why *pdest's file cannot be had. */
apr_status_t mst_dests_prepare_files(const st_dest_t **pdest) ST_MUST_CHECK;

#endif /* MST_DESTS_H */
