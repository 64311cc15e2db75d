/* SPDX-License-Identifier: Apache-2.0 */
/* One sentence for each value that is not allowed. */
#include "mst_value.h"

#include <apr_strings.h>
#include <string.h>
#include "st_dest.h"
#include "st_text.h"

#define ENVIRONMENT_MAX 64  /* https://develop.sentry.dev/sdk/foundations/data-model/ */
#define RELEASE_MAX     200 /* same page */
#define SERVER_NAME_MAX 256
#define ORG_ID_MAX      20

const char *mst_value_dsn(const st_dsn_t **pdsn, const char *name, const char *value,
                          apr_pool_t *p)
{
    st_dsn_t *dsn = NULL;
    const char *why = NULL;
    apr_status_t rv = st_dsn_parse(&dsn, &why, value, p);
    if (rv != APR_SUCCESS) {
        /* The value may hold a key and is not repeated. */
        return apr_psprintf(
            p,
            "%s: the DSN %s; allowed are http(s)://KEY@HOST[:PORT]/PROJECT, "
            "file:/ABSOLUTE/PATH and off",
            name, why);
    }
    *pdsn = dsn;
    if (dsn->kind == ST_DSN_FILE) {
        return mst_value_new_file(&dsn->url, name, dsn->url, p);
    }
    return NULL;
}

static int text_is_plain(const char *value, size_t max, const char *forbidden)
{
    size_t len = strlen(value);
    if (len == 0 || len > max || strcmp(value, ".") == 0 || strcmp(value, "..") == 0) {
        return 0;
    }
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || strchr(forbidden, *c) != NULL) {
            return 0;
        }
    }
    return 1;
}

const char *mst_value_environment(const char *name, const char *value, apr_pool_t *p)
{
    if (text_is_plain(value, ENVIRONMENT_MAX, "/ ")) {
        return NULL;
    }
    return apr_psprintf(
        p,
        "%s: \"%s\" is no environment name; allowed are 1 to %d characters "
        "without spaces, slashes and control characters, not \".\" or \"..\"",
        name, value, ENVIRONMENT_MAX);
}

const char *mst_value_release(const char *name, const char *value, apr_pool_t *p)
{
    if (text_is_plain(value, RELEASE_MAX, "/\\")) {
        return NULL;
    }
    return apr_psprintf(
        p,
        "%s: \"%s\" is no release name; allowed are 1 to %d characters "
        "without slashes, backslashes and control characters, not \".\" or "
        "\"..\"",
        name, value, RELEASE_MAX);
}

const char *mst_value_server_name(const char *name, const char *value, apr_pool_t *p)
{
    if (text_is_plain(value, SERVER_NAME_MAX, "")) {
        return NULL;
    }
    return apr_psprintf(p,
                        "%s: \"%s\" is no server name; allowed are 1 to %d characters "
                        "without control characters",
                        name, value, SERVER_NAME_MAX);
}

const char *mst_value_rate(double *prate, const char *name, const char *value,
                           apr_pool_t *p)
{
    apr_status_t rv = st_rate_parse(prate, value);
    if (rv != APR_SUCCESS) {
        return apr_psprintf(p, "%s: \"%s\" is no rate; allowed is a number from 0 to 1",
                            name, value);
    }
    return NULL;
}

const char *mst_value_lifecycle(int *plifecycle, const char *name, const char *value,
                                apr_pool_t *p)
{
    static const char *const words[ST_LIFECYCLE_COUNT] = {
        [ST_LIFECYCLE_STREAM] = "stream", [ST_LIFECYCLE_STATIC] = "static"};
    for (int i = 0; i < ST_LIFECYCLE_COUNT; i++) {
        if (strcasecmp(words[i], value) == 0) {
            *plifecycle = i;
            return NULL;
        }
    }
    return apr_psprintf(p, "%s: \"%s\" is no lifecycle; allowed are stream and static",
                        name, value);
}

const char *mst_value_org_id(const char *name, const char *value, apr_pool_t *p)
{
    size_t len = strlen(value);
    if (len <= ORG_ID_MAX && strspn(value, "0123456789") == len) {
        return NULL;
    }
    return apr_psprintf(p, "%s: \"%s\" is no organisation id; allowed are 1 to %d digits",
                        name, value, ORG_ID_MAX);
}

/* "5s", "500ms": a whole unit where possible, for messages. */
static const char *time_text(apr_interval_time_t time, apr_pool_t *p)
{
    if (time % APR_USEC_PER_SEC == 0) {
        return apr_psprintf(p, "%" APR_TIME_T_FMT "s", apr_time_sec(time));
    }
    return apr_psprintf(p, "%" APR_TIME_T_FMT "ms", apr_time_as_msec(time));
}

const char *mst_value_time(apr_interval_time_t *ptime, const char *name,
                           const char *value, apr_interval_time_t low,
                           apr_interval_time_t high, apr_pool_t *p)
{
    apr_interval_time_t time = -1;
    apr_status_t rv = APR_EINVAL;
    if (value[0] >= '0' && value[0] <= '9') {
        rv = ap_timeout_parameter_parse(value, &time, "s");
    }
    if (rv != APR_SUCCESS || time < low || time > high) {
        return apr_psprintf(p, "%s: \"%s\" is no allowed time; allowed are %s to %s",
                            name, value, time_text(low, p), time_text(high, p));
    }
    *ptime = time;
    return NULL;
}

/* Bytes that one of a unit has; 0 when there is no such unit. */
static size_t unit_bytes(char unit)
{
    switch (unit) {
    case 'K':
    case 'k':
        return (size_t)1 << 10;
    case 'M':
    case 'm':
        return (size_t)1 << 20;
    case 'G':
    case 'g':
        return (size_t)1 << 30;
    default:
        return 0;
    }
}

/* "16M": the largest whole unit, for messages. */
static const char *size_text(size_t size, apr_pool_t *p)
{
    static const char units[] = "GMK";
    const char *unit = units;
    while (size % unit_bytes(*unit) != 0 && unit[1] != '\0') {
        unit++;
    }
    return apr_psprintf(p, "%" APR_SIZE_T_FMT "%c", size / unit_bytes(*unit), *unit);
}

#define SIZE_DIGITS_MAX 8 /* so that no product with a unit overflows */

const char *mst_value_size(size_t *psize, const char *name, const char *value, size_t low,
                           size_t high, apr_pool_t *p)
{
    size_t digits = strspn(value, "0123456789");
    size_t unit = unit_bytes(value[digits]);
    size_t size = 0;
    if (digits > 0 && digits <= SIZE_DIGITS_MAX && unit > 0 &&
        value[digits + 1] == '\0') {
        size = (size_t)apr_atoi64(value) * unit;
    }
    if (size < low || size > high) {
        return apr_psprintf(p,
                            "%s: \"%s\" is no allowed size; allowed are %s to %s, with "
                            "one of the units K, M and G",
                            name, value, size_text(low, p), size_text(high, p));
    }
    *psize = size;
    return NULL;
}

const char *mst_value_file(const char **ppath, const char *name, const char *value,
                           apr_pool_t *p)
{
    const char *path = ap_server_root_relative(p, value);
    apr_file_t *file = NULL;
    apr_status_t rv = path == NULL
                          ? APR_EBADPATH
                          : apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, p);
    if (rv != APR_SUCCESS) {
        return apr_psprintf(p,
                            "%s: the file \"%s\" cannot be read (%pm); allowed is the "
                            "path of a file in PEM format",
                            name, value, &rv);
    }
    apr_file_close(file);
    *ppath = path;
    return NULL;
}

const char *mst_value_new_file(const char **ppath, const char *name, const char *value,
                               apr_pool_t *p)
{
    const char *path = ap_server_root_relative(p, value);
    const char *folder = path != NULL ? ap_make_dirstr_parent(p, path) : NULL;
    if (folder == NULL || !ap_is_directory(p, folder) || ap_is_directory(p, path)) {
        return apr_psprintf(p,
                            "%s: \"%s\" cannot be a file; allowed is a path in a folder "
                            "that exists",
                            name, value);
    }
    *ppath = path;
    return NULL;
}

const char *mst_value_new_dir(const char **ppath, const char *name, const char *value,
                              apr_pool_t *p)
{
    const char *path = ap_server_root_relative(p, value);
    const char *folder = path != NULL ? ap_make_dirstr_parent(p, path) : NULL;
    apr_finfo_t info;
    if (folder == NULL || value[0] == '\0' || !ap_is_directory(p, folder) ||
        (apr_stat(&info, path, APR_FINFO_TYPE, p) == APR_SUCCESS &&
         info.filetype != APR_DIR)) {
        return apr_psprintf(p,
                            "%s: \"%s\" cannot be a folder; allowed is a folder, or the "
                            "path of a new one in a folder that exists",
                            name, value);
    }
    *ppath = path;
    return NULL;
}
