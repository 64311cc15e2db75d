/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_NAME_H
#define MST_NAME_H

/* The segment's name (SentryTraceName). Names have to be few: the path of a request is none,
 * but a route is ("GET /users/:id"). Sources of names:
 *
 *   route    a route was configured, computed or made from the path, or the path is "/"
 *   custom   a configured name that is no route
 *   url      nothing better is known: the method alone */

#include "mst_private.h"
#include <ap_expr.h>

struct mst_req_t;

typedef enum {
    MST_NAME_OFF = 1,
    MST_NAME_AUTO,
    MST_NAME_TEXT,
    MST_NAME_EXPR
} mst_name_kind_t;

typedef struct mst_name_t {
    mst_name_kind_t kind;
    const char *text;           /* MST_NAME_TEXT */
    const ap_expr_info_t *expr; /* MST_NAME_EXPR */
} mst_name_t;

/* Reads a value: "off", "auto", "expr=EXPRESSION", or a route or name.
 * @return NULL, or a sentence that names directive and value. */
const char *mst_name_parse(mst_name_t *name, const char *directive, const char *value,
                           cmd_parms *cmd);

/* Names the segment by what is known so far: at the decision, for the sampling context, which
 * stays as it was sent. */
void mst_name_set(struct mst_req_t *req);

/* The final name, at the end of the request: an expression may ask what only the response
 * knows. */
void mst_name_finish(struct mst_req_t *req);

/* The method: known ones as they are, "HTTP" for anything else, because names must not follow
 * a client's fancy. */
const char *mst_name_method(const request_rec *r);

/* The path as the client sent it; rewrites and directory indexes do not show. NULL when the
 * request line could not be read. */
const char *mst_name_path(const request_rec *r);

#endif /* MST_NAME_H */
