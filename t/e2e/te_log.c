/* SPDX-License-Identifier: Apache-2.0 */
/* The error log of a private httpd has to be clean. */

#include "te_log.h"
#include "te_dir.h"
#include "te_sanitizer.h"
#include "te_wait.h"

#include <check.h>
#include <string.h>

#include <apr_strings.h>

#define ALLOW_MAX 16

/* Lines that say nothing about the module, and why. */
static const char *const harmless[] = {
    /* cgid after a restart: the old daemon has not removed its socket yet; once or for good */
    "AH01243",
    "AH01238",
};

static const char *allowed[ALLOW_MAX];
static int allowed_count;

void te_log_allow(const char *text)
{
    for (int i = 0; i < allowed_count; i++) {
        if (strcmp(allowed[i], text) == 0) {
            return;
        }
    }
    ck_assert_int_lt(allowed_count, ALLOW_MAX);
    allowed[allowed_count++] = text;
}

static int is_allowed(const char *line)
{
    for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
        if (strstr(line, harmless[i]) != NULL) {
            return 1;
        }
    }
    for (int i = 0; i < allowed_count; i++) {
        if (strstr(line, allowed[i]) != NULL) {
            return 1;
        }
    }
    return 0;
}

/* "[Sun Nov 22 08:00:00.000000 2026] [module:level] [pid 1:tid 2] ..." */
static int is_bad_line(const char *line)
{
    static const char *const bad[] = {":warn] ",  ":error] ", ":crit] ",
                                      ":alert] ", ":emerg] ", "exit signal"};
    if (line[0] != '[' || strstr(line, "] [pid ") == NULL) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (strstr(line, bad[i]) != NULL) {
            return 1;
        }
    }
    return 0;
}

static const char *log_read(te_httpd_t *httpd, apr_pool_t *pool)
{
    char *text = te_read(te_path(httpd->root, "logs/error_log", pool), NULL, pool);
    return text != NULL ? text : "";
}

int te_log_count(te_httpd_t *httpd, const char *text)
{
    apr_pool_t *pool;
    ck_assert_int_eq(apr_pool_create(&pool, httpd->pool), APR_SUCCESS);
    int count = 0;
    const char *at = strstr(log_read(httpd, pool), text);
    while (at != NULL) {
        count++;
        at = strchr(at, '\n');
        at = at != NULL ? strstr(at, text) : NULL;
    }
    apr_pool_destroy(pool);
    return count;
}

void te_log_await(te_httpd_t *httpd, const char *text)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_log_count(httpd, text) == 0) {
        ck_assert_msg(te_tick(deadline), "the error log never says: %s", text);
    }
}

static void check_error_log(te_httpd_t *httpd)
{
    char *rest = apr_pstrdup(httpd->pool, log_read(httpd, httpd->pool));
    while (*rest != '\0') {
        char *line = rest;
        size_t len = strcspn(line, "\n");
        rest = line + len + (line[len] != '\0');
        line[len] = '\0';
        ck_assert_msg(!is_bad_line(line) || is_allowed(line), "error log: %.2000s", line);
    }
}

void te_log_check(te_httpd_t *httpd)
{
    check_error_log(httpd);
    const char *said =
        te_read(te_path(httpd->root, "logs/output", httpd->pool), NULL, httpd->pool);
    ck_assert_msg(said == NULL || said[0] == '\0' || is_allowed(said),
                  "httpd said: %.2000s", said);
    te_sanitizer_check(httpd->root, httpd->pool);
}
