/* SPDX-License-Identifier: Apache-2.0 */
/* The command `sentry-trace`: its sub-commands. */
#include "st_version.h"
#include "stc_view.h"
#include <apr_general.h>
#include <apr_pools.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef struct command_t {
    const char *name;
    int (*run)(int argc, const char *const *argv, apr_pool_t *pool);
} command_t;

static const command_t commands[] = {
    {"view", stc_view_main},
};

static const char usage[] =
    "Usage: sentry-trace COMMAND [ARGUMENTS]\n"
    "\n"
    "  view FILE           show the traces in a file of envelopes\n"
    "\n"
    "  sentry-trace COMMAND --help    more about a command\n"
    "  sentry-trace --version         the version of this program\n";

static int usage_wrong(void)
{
    fputs(usage, stderr);
    return STC_EXIT_USAGE;
}

static int run(int argc, const char *const *argv, apr_pool_t *pool)
{
    if (argc < 2) {
        return usage_wrong();
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        puts("sentry-trace " ST_VERSION);
        return STC_EXIT_OK;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        fputs(usage, stdout);
        return STC_EXIT_OK;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(word, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1, pool);
        }
    }
    return usage_wrong();
}

int main(int argc, const char *const *argv)
{
    apr_status_t rv = apr_app_initialize(&argc, &argv, NULL);
    if (rv != APR_SUCCESS) {
        return STC_EXIT_FAILED;
    }
    /* For the character set only: numbers are written without regard to the locale. A reader
     * that goes away is no reason to die. */
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    apr_pool_t *pool;
    rv = apr_pool_create(&pool, NULL);
    int status = rv == APR_SUCCESS ? run(argc, argv, pool) : STC_EXIT_FAILED;
    apr_terminate();
    return status;
}
