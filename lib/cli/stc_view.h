/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STC_VIEW_H
#define STC_VIEW_H

/* The sub-command `sentry-trace view`. */

#include <apr_pools.h>

/* Exit statuses of the command. */
#define STC_EXIT_OK     0
#define STC_EXIT_FAILED 1 /* cannot read or write, or something was damaged */
#define STC_EXIT_USAGE  2

/* Runs it; argv[0] is for messages, the rest are its arguments.
 * @return the exit status. */
int stc_view_main(int argc, const char *const *argv, apr_pool_t *pool);

#endif /* STC_VIEW_H */
