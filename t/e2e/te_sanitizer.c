/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of sanitizers in a private httpd. */

#include "te_sanitizer.h"
#include "te_dir.h"

#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* Check's pipe takes no longer message. */
#define SHOWN_MAX 3000

int te_sanitizer_env(const char *env[TE_SANITIZER_ENV], const char *more,
                     const char *root, apr_pool_t *pool)
{
    const char *preload = getenv("TE_PRELOAD");
    if (preload == NULL) {
        return 0;
    }
    const char *log = apr_pstrcat(pool, "log_path=", root, "/logs/sanitizer", NULL);
    env[0] = apr_pstrcat(pool, "LD_PRELOAD=", preload, more != NULL ? ":" : "",
                         more != NULL ? more : "", NULL);
    env[1] = apr_pstrcat(pool, "ASAN_OPTIONS=detect_leaks=0:", log, NULL);
    env[2] = apr_pstrcat(pool, "UBSAN_OPTIONS=print_stacktrace=1:", log, NULL);
    env[3] = apr_pstrcat(pool, "TSAN_OPTIONS=report_signal_unsafe=0:", log, NULL);
    return TE_SANITIZER_ENV;
}

static void check_report(char *report)
{
    static const char ruler[] = "==================\n";
    int from_tsan = strstr(report, "ThreadSanitizer") != NULL;
    char *next = report;
    while (next != NULL) {
        char *part = next;
        char *end = strstr(part, ruler);
        next = end != NULL ? end + strlen(ruler) : NULL;
        if (end != NULL) {
            *end = '\0';
        }
        /* Prefork's handler of SIGTERM, in which a child ends, never returns to spoil anything. */
        int spoils = strstr(part, "signal handler spoils errno") != NULL;
        int counts = !from_tsan || (strstr(part, "mod_sentry_trace") != NULL && !spoils);
        ck_assert_msg(!counts || part[0] == '\0', "%.*s", SHOWN_MAX, part);
    }
}

void te_sanitizer_check(const char *root, apr_pool_t *pool)
{
    glob_t reports;
    if (glob(te_path(root, "logs/sanitizer*", pool), 0, NULL, &reports) != 0) {
        return;
    }
    for (size_t i = 0; i < reports.gl_pathc; i++) {
        char *report = te_read(reports.gl_pathv[i], NULL, pool);
        ck_assert_msg(report != NULL, "%s cannot be read", reports.gl_pathv[i]);
        check_report(report);
    }
    globfree(&reports);
}
