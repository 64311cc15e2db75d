/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_LOAD_H
#define TE_LOAD_H

/* Many GET requests over many keep-alive connections, each in a thread of its own. A request
 * whose connection is closed before the answer begins was not served (a graceful restart
 * closes idle connections) and is sent again on a new one. */

typedef struct te_load_t te_load_t;

/* What came out. */
typedef struct te_load_result_t {
    int answered; /* complete answers with status 200 */
    int failed;   /* other answers, and answers that were cut */
    int repeated; /* requests that were sent again */
} te_load_result_t;

/* Starts `requests` requests for `path` over `connections` connections. Borrows path. */
te_load_t *te_load_start(int port, const char *path, int requests, int connections);

/* From now on each connection pauses for that long after an answer: a load that goes on while
 * something else happens. */
void te_load_pace(te_load_t *load, int pause_ms);

/* Begins no request any more, and returns when none is under way; goes on. */
void te_load_hold(te_load_t *load);
void te_load_release(te_load_t *load);

/* Complete answers so far. */
int te_load_progress(te_load_t *load);

/* No request begins any more, and none is sent again: the server is about to stop. */
void te_load_cancel(te_load_t *load);

/* Waits for the end of all of them and frees the load. */
te_load_result_t te_load_finish(te_load_t *load);

#endif /* TE_LOAD_H */
