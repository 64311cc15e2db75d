/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_LAW_H
#define TE_LAW_H

/* The law under faults: what the module says of itself (te_status.h), held against what the
 * clients asked for and what the fake Sentry saw.
 *
 *   te_env_t *env = te_start(_i, TE_FAULT);
 *   te_server_answer(env->sentry->server, &(te_answer_t){.status = 500});
 *   te_visit(env, 3);
 *   const te_account_t *account = te_law_settled(env, 42, 3);
 *   ck_assert_uint_eq(account->discarded[ST_REASON_SEND_ERROR], 3 * TE_SPANS);
 *   te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
 *   te_law_agreed(env, 42);
 *   te_finish(env); */

#include "te_status.h"

/* In front of a test's lines: the status page, a known number of spans a request, and on prefork
 * children for the page besides the one that the client keeps busy. */
#define TE_FAULT                                                                         \
    TE_STATUS "SentryTraceSpans Handler\n<IfModule mpm_prefork_module>\n"                \
              "StartServers 4\nMinSpareServers 2\n</IfModule>\n"
#define TE_SPANS 2

/* So many GETs of /hello.txt over the client's connection. */
void te_visit(te_env_t *env, int requests);

/* Waits until so many requests have created their spans for `project`, and no more than those.
 * @return the numbers, as te_status_account */
const te_account_t *te_law_created(te_env_t *env, int project, int requests);

/* The same, and until none of them waits: each is delivered or discarded. */
const te_account_t *te_law_settled(te_env_t *env, int project, int requests);

/* The same without a number of requests, where it is not known. */
const te_account_t *te_law_settled_any(te_env_t *env, int project);

/* The same after processes have ended in whatever way, while requests flow, since it is requests
 * that notice a sender which is gone: GETs of /hello.txt until nothing waits, and the open
 * requests of the dead have been told of, too. @return how many GETs that took */
int te_law_recover(te_env_t *env, int project);

/* Waits until Sentry has been told of everything that was discarded for a reason that client
 * reports name; the test ends unless it then knows of exactly what the module says: spans and
 * transactions that were delivered, and each reason. Where repeats are expected, reports may
 * have come twice. */
void te_law_agreed(te_env_t *env, int project);

/* What the page says about the endpoint of `project`, by the path of a member, "circuit.state":
 * a text, NULL when it is none; a number, the test ends when it is none. */
const char *te_endpoint_text(te_env_t *env, int project, const char *path);
double te_endpoint_number(te_env_t *env, int project, const char *path);

/* Waits until that text contains `wanted`. */
void te_endpoint_await(te_env_t *env, int project, const char *path, const char *wanted);

/* What the page says about the queue: "bytes", "capacity", "used", "holes". */
long te_queue_number(te_env_t *env, const char *member);

/* Waits until the sender has made as much room in a queue that overflows as it keeps for bursts:
 * a quarter. */
void te_queue_await_room(te_env_t *env);

/* The child that sends now; waits for one. */
pid_t te_sender_pid(te_env_t *env);

/* Sender threads of all children together. */
int te_sender_threads(te_env_t *env);

/* Waits until another process than `pid` has the sender. @return it */
pid_t te_sender_await_other(te_env_t *env, pid_t pid);

/* The server, which has stopped, said that this many spans of one endpoint were lost, or are
 * kept in the queue's file. */
void te_law_lost(te_env_t *env, int spans);
void te_law_kept(te_env_t *env, int spans);

/* Allows the messages that tell of outages and losses. */
void te_law_allow_losses(void);

#endif /* TE_LAW_H */
