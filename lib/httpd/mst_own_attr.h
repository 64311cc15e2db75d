/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_OWN_ATTR_H
#define MST_OWN_ATTR_H

/* The operator's own attributes of requests (SentryTraceAttribute): a key, an expression that is
 * evaluated when the request is over, and once more for the request that answered in its place
 * when that gives nothing, and a type. */

#include "mst_private.h"
#include "st_attr.h"
#include <ap_expr.h>

struct mst_req_t;

typedef struct mst_own_attr_t {
    const char *key;
    st_attr_key_t known; /* a key of ours that it replaces, or ST_ATTR_NONE */
    st_attr_type_t type;
    const ap_expr_info_t *expr;
} mst_own_attr_t;

/* Reads a line.
 * @param type NULL: the known key's, else string
 * @return NULL, or a sentence that names directive and value. */
const char *mst_own_attr_parse(mst_own_attr_t *own, const char *directive,
                               const char *key, const char *expr, const char *type,
                               cmd_parms *cmd);

/* Both lists of mst_own_attr_t, either may be NULL; of lines with the same key the last one
 * stays. */
apr_array_header_t *mst_own_attr_join(apr_pool_t *p, const apr_array_header_t *outer,
                                      const apr_array_header_t *inner);

/* Adds the attributes that the final configuration asks for. A value that is empty or not of
 * its type is left out. At log_transaction, after everything that is collected. */
void mst_own_attr_add(struct mst_req_t *req, request_rec *last);

#endif /* MST_OWN_ATTR_H */
