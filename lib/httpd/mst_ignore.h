/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_IGNORE_H
#define MST_IGNORE_H

/* What is not recorded (SentryTraceIgnore). An ignored request is counted with all its
 * children and continues its trace as unsampled; an ignored child is counted alone, and its
 * children belong to its parent
 * (https://develop.sentry.dev/sdk/telemetry/spans/filtering/). */

#include "mst_private.h"
#include <ap_expr.h>

struct mst_req_t;

/* One line; exactly one member is set. */
typedef struct mst_ignore_rule_t {
    const char *pattern; /* as in st_pattern.h */
    const ap_regex_t *regex;
    const ap_expr_info_t *expr;
} mst_ignore_rule_t;

/* Reads a value: a pattern, "m#regex#" or "m#regex#i", or "expr=EXPRESSION".
 * @return NULL, or a sentence that names directive and value. */
const char *mst_ignore_parse(mst_ignore_rule_t *rule, const char *directive,
                             const char *value, cmd_parms *cmd);

/* 1 when the request with its final configuration is ignored: its handler is one of httpd's own
 * pages about itself, an expression holds, or a rule fits "METHOD path". */
int mst_ignore_request(request_rec *r);

/* The rules that may fit a child's name; NULL when there is none. */
const apr_array_header_t *mst_ignore_child_rules(const request_rec *r);

/* Leaves a child out when a rule fits its name. Before the first call into it. `span` may be
 * ST_SPAN_NONE. Cheap when there are no rules. */
void mst_ignore_child(struct mst_req_t *req, int span, const char *name);

#endif /* MST_IGNORE_H */
