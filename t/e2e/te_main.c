/* SPDX-License-Identifier: Apache-2.0 */
/* Frame of an end-to-end test program. */

#include "te_main.h"
#include "te_dir.h"
#include "te_store.h"

#include <curl/curl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#define TEST_TIMEOUT_SEC 120
#define LOG_LINES        25

apr_pool_t *te_pool;

static void setup(void)
{
    ck_assert_int_eq(apr_initialize(), APR_SUCCESS);
    ck_assert_int_eq(apr_pool_create(&te_pool, NULL), APR_SUCCESS);
    ck_assert_int_eq(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    signal(SIGPIPE, SIG_IGN);
}

static void teardown(void)
{
    apr_pool_destroy(te_pool);
    te_pool = NULL;
    curl_global_cleanup();
    apr_terminate();
}

/* Prints text as TAP comments. */
static void show(const char *text)
{
    while (*text != '\0') {
        int len = (int)strcspn(text, "\n");
        printf("# %.*s\n", len, text);
        text += len + (text[len] != '\0');
    }
}

static const char *last_lines(const char *text, int lines)
{
    const char *at = text + strlen(text);
    while (at > text && lines >= 0) {
        at--;
        lines -= *at == '\n';
    }
    return at;
}

static void show_root(const char *root, apr_pool_t *pool)
{
    printf("# left behind: %s\n", root);
    te_store_t *store = te_store_read(te_path(root, TE_ENVELOPES, pool), pool);
    show(te_store_dump(store, pool));
    const char *log = te_read(te_path(root, "logs/error_log", pool), NULL, pool);
    show(log != NULL ? last_lines(log, LOG_LINES) : "no error log");
}

/* A root that is still there belongs to a failed test. */
START_TEST(show_left_behind)
{
    glob_t roots;
    if (glob(te_path(te_dir_base(), "*", te_pool), 0, NULL, &roots) == 0) {
        for (size_t i = 0; i < roots.gl_pathc; i++) {
            show_root(roots.gl_pathv[i], te_pool);
        }
        globfree(&roots);
    }
}
END_TEST

static SRunner *runner_make(const char *name, void (*add_cases)(TCase *tcase))
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, TEST_TIMEOUT_SEC);
    tcase_add_checked_fixture(tcase, setup, teardown);
    add_cases(tcase);
    suite_add_tcase(suite, tcase);
    return srunner_create(suite);
}

static void add_show(TCase *tcase)
{
    tcase_add_test(tcase, show_left_behind);
}

/* The checks inside what is called need a runner around them. */
static void show_all(void)
{
    unsetenv("CK_XML_LOG_FILE_NAME"); /* a report of the tests stays as it is */
    SRunner *runner = runner_make("left behind", add_show);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    srunner_free(runner);
}

int te_main(const char *suite_name, void (*add_cases)(TCase *tcase))
{
    te_dir_base_make();
    SRunner *runner = runner_make(suite_name, add_cases);
    int tap = getenv("T_TAP") != NULL;
    if (tap) {
        srunner_set_tap(runner, "-");
    }
    srunner_run_all(runner, tap ? CK_SILENT : CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (failed > 0) {
        show_all();
    }
    te_dir_base_remove();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
