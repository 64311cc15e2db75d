/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_STATUS_H
#define TE_STATUS_H

/* What the server under test says of its own traces: the page of docs/status.md as numbers, and
 * the law that they have to obey.
 *
 *   te_env_t *env = te_start(TE_EVENT, TE_STATUS "...");
 *   ...
 *   const te_status_t *status = te_status_settled(env);
 *   const te_account_t *spans = te_status_account(status, 42, ST_CATEGORY_SPAN);
 *   ck_assert_uint_eq(spans->discarded[ST_REASON_QUEUE_OVERFLOW], 0);
 *
 * Functions ask again while there is no whole answer, or one that says that numbers moved while
 * they were read, and end the test when that goes on for too long. */

#include <jansson.h>

#include "st_report.h"
#include "te_env.h"

#define TE_STATUS_PATH "/te-status"

/* To be put in front of a test's lines. Looking at the page changes no number. */
#define TE_STATUS                                                                        \
    "<Location \"" TE_STATUS_PATH "\">\nSetHandler sentry-trace-status\n"                \
    "SentryTrace Off\n</Location>\n"

/* One category of one endpoint. */
typedef struct te_account_t {
    uint64_t created;
    uint64_t delivered;
    uint64_t waiting;
    uint64_t discarded[ST_REASON_COUNT];
} te_account_t;

typedef struct te_status_t {
    json_t *json; /* the whole answer; lives as long as env->pool */
    te_env_t *env;
} te_status_t;

/* The page as it is now, nothing moving. Checks the law. */
const te_status_t *te_status(te_env_t *env);

/* The page as it is now, even if numbers move while it is made, as under load; the law is not
 * checked then. */
const te_status_t *te_status_moving(te_env_t *env);

/* As te_status, once nothing waits any more at any endpoint. */
const te_status_t *te_status_settled(te_env_t *env);

/* The same, once at least that many spans wait at project's endpoint. */
const te_status_t *te_status_waiting(te_env_t *env, int project, uint64_t spans);

/* What the page says of the endpoint of `project`, or NULL when it has none; ends the test when
 * it has several. */
json_t *te_status_endpoint(const te_status_t *status, int project);

/* The numbers of it, in env->pool; all 0 for a category that nothing was created in. The test
 * ends when there is no such endpoint. */
const te_account_t *te_status_account(const te_status_t *status, int project,
                                      st_category_t category);

/* Everything discarded. */
uint64_t te_account_discarded(const te_account_t *account);

/* Ends the test unless created = delivered + discarded + waiting holds for each endpoint and
 * category that the page shows. te_status and its kin have done so. */
void te_status_law(const te_status_t *status);

/* A member by its path, "server.sender.pid"; the test ends when there is none. */
json_t *te_status_member(const te_status_t *status, const char *path);

#endif /* TE_STATUS_H */
