/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_SITE_H
#define TE_SITE_H

/* The site that the private servers serve, and requests that together touch every part of
 * httpd that a trace goes through.
 *
 *   docs/hello.txt        18 bytes            docs/page.shtml     three includes
 *   docs/text.txt         64 KB, compressible docs/dir/           DirectoryIndex
 *   docs/private/         basic auth          docs/off/           .htaccess: SentryTrace Off
 *   docs/missing.html     ErrorDocument       cgi/                ok, fail, crash, echo
 *
 * The user is "alice" with the password "secret". */

#include "te_env.h"

#define TE_SITE_TEXT_BYTES 65536

/* Writes the site below root/docs and root/cgi. */
void te_site_make(const char *root);

/* Configuration that serves all of it; needs nothing but the defines of te_conf.h and
 * ${BACKEND}, host:port of an HTTP server. */
extern const char te_site_conf[];

/* A request, and what it gives. */
typedef struct te_site_request_t {
    const char *name;
    te_request_t request;
    int status;
    const char *handler; /* name of its handler's span; NULL: rejected before any */
    const char *filter;  /* name of an output filter besides httpd's own, or NULL */
    int by_chance; /* 1: chunked or not, as fast as its script is; or the order of a list */
} te_site_request_t;

/* All of them, ended by a NULL name. Answers do not depend on time or place. */
extern const te_site_request_t te_site_requests[];

/* How many there are. */
int te_site_count(void);

/* Sends all of them, number i with the User-Agent "te/i", and checks the status.
 * @return the replies, an array in env->pool. */
const te_reply_t **te_site_visit(te_env_t *env);

/* The segment of number i of a visit. */
const te_span_t *te_site_segment(const te_store_t *store, int i);

#endif /* TE_SITE_H */
