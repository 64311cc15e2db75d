/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_VALUE_H
#define MST_VALUE_H

/* Checks of configured values, the same for directives and the environment.
 *
 * Each returns NULL when the value is good, else a sentence in `p` that names `name` (the
 * directive or variable), the value (never a key) and what is allowed. */

#include "mst_private.h"
#include "st_dsn.h"

const char *mst_value_dsn(const st_dsn_t **pdsn, const char *name, const char *value,
                          apr_pool_t *p);
const char *mst_value_environment(const char *name, const char *value, apr_pool_t *p);
const char *mst_value_release(const char *name, const char *value, apr_pool_t *p);
const char *mst_value_server_name(const char *name, const char *value, apr_pool_t *p);
const char *mst_value_rate(double *prate, const char *name, const char *value,
                           apr_pool_t *p);

/* "stream" or "static", in any case; *plifecycle is an st_lifecycle_t. */
const char *mst_value_lifecycle(int *plifecycle, const char *name, const char *value,
                                apr_pool_t *p);

/* Digits, as in the host name of a DSN without its "o". */
const char *mst_value_org_id(const char *name, const char *value, apr_pool_t *p);

/* A time with an optional unit (ms, s, min; seconds without), within [low, high]. */
const char *mst_value_time(apr_interval_time_t *ptime, const char *name,
                           const char *value, apr_interval_time_t low,
                           apr_interval_time_t high, apr_pool_t *p);

/* A size with its unit (K, M or G), within [low, high]. */
const char *mst_value_size(size_t *psize, const char *name, const char *value, size_t low,
                           size_t high, apr_pool_t *p);

/* A file that can be opened for reading; *ppath is absolute. */
const char *mst_value_file(const char **ppath, const char *name, const char *value,
                           apr_pool_t *p);

/* A file that may be created: its folder exists; *ppath is absolute. */
const char *mst_value_new_file(const char **ppath, const char *name, const char *value,
                               apr_pool_t *p);

/* A folder that is there or may be made: what it is in exists; *ppath is absolute. */
const char *mst_value_new_dir(const char **ppath, const char *name, const char *value,
                              apr_pool_t *p);

#endif /* MST_VALUE_H */
