/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_H
#define T_H

/* Frame of a unit test program: cases in one tcase, TAP or plain output, a pool per test. */

#include <check.h>
#include <stdlib.h>
#include <apr_general.h>
#include <apr_pools.h>

/* Pool of the running test; made before and destroyed after each one. */
static apr_pool_t *t_pool;

static void t_setup(void)
{
    ck_assert_int_eq(apr_initialize(), APR_SUCCESS);
    ck_assert_int_eq(apr_pool_create(&t_pool, NULL), APR_SUCCESS);
}

static void t_teardown(void)
{
    apr_pool_destroy(t_pool);
    t_pool = NULL;
}

/* Like ck_assert, for loops of millions: free as long as it holds. */
#define t_assert(expr)                                                                   \
    do {                                                                                 \
        if (!(expr)) {                                                                   \
            ck_abort_msg("not true: %s", #expr);                                         \
        }                                                                                \
    } while (0)

/* Defines main(): runs what `add_cases(TCase *)` adds. TAP goes to stdout when the automake
 * driver asks for it (T_TAP=1). */
#define T_MAIN(suite_name, add_cases)                                                    \
    int main(void)                                                                       \
    {                                                                                    \
        Suite *suite = suite_create(suite_name);                                         \
        TCase *tcase = tcase_create(suite_name);                                         \
        tcase_add_checked_fixture(tcase, t_setup, t_teardown);                           \
        add_cases(tcase);                                                                \
        suite_add_tcase(suite, tcase);                                                   \
        SRunner *runner = srunner_create(suite);                                         \
        int tap = getenv("T_TAP") != NULL;                                               \
        if (tap) {                                                                       \
            srunner_set_tap(runner, "-");                                                \
        }                                                                                \
        srunner_run_all(runner, tap ? CK_SILENT : CK_NORMAL);                            \
        int failed = srunner_ntests_failed(runner);                                      \
        srunner_free(runner);                                                            \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                \
    }

#endif /* T_H */
