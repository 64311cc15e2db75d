/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_MAIN_H
#define TE_MAIN_H

/* Frame of an end-to-end test program. */

#include <check.h>

#include <apr_pools.h>

/* File in a server root that holds what the fake Sentry accepted. */
#define TE_ENVELOPES "envelopes"

/* Pool of the running test. */
extern apr_pool_t *te_pool;

/* Runs the cases that `add_cases` adds, as TAP when T_TAP is set, and shows for each server
 * root that a failed test left behind the spans that arrived and the end of the error log.
 * @return exit code for main(). */
int te_main(const char *suite_name, void (*add_cases)(TCase *tcase));

/* Adds a test once for each MPM; its `_i` is the te_mpm_t. */
#define te_add_per_mpm(tcase, test) tcase_add_loop_test((tcase), (test), 0, TE_MPM_COUNT)

/* The same for those with threads. */
#define te_add_per_threaded_mpm(tcase, test)                                             \
    tcase_add_loop_test((tcase), (test), 0, TE_PREFORK)

#endif /* TE_MAIN_H */
