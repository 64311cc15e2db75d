/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_CANNED_H
#define TE_CANNED_H

/* A server that speaks no protocol: on each connection it reads until certain bytes come,
 * answers with fixed bytes, and closes. For backends that speak FastCGI, SCGI or WebSocket. */

#include <stddef.h>

#include <apr_pools.h>

/* What it reads and says; borrowed. */
typedef struct te_canned_script_t {
    const char *until; /* the last bytes of a request */
    size_t until_len;
    const char *answer;
    size_t answer_len;
    const char *path; /* listens on this Unix socket; NULL: on a port */
} te_canned_script_t;

typedef struct te_canned_t te_canned_t;

te_canned_t *te_canned_start(const te_canned_script_t *script);

/* Its port; 0 for a Unix socket. */
int te_canned_port(const te_canned_t *canned);

/* All that was received so far, on all connections. @return bytes in pool */
const char *te_canned_received(te_canned_t *canned, size_t *plen, apr_pool_t *pool);

/* Closes everything and frees it. */
void te_canned_stop(te_canned_t *canned);

#endif /* TE_CANNED_H */
