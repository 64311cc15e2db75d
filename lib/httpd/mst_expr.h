/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_EXPR_H
#define MST_EXPR_H

/* httpd's expressions in our directives: the part behind "expr=". Parsed with the configuration,
 * evaluated per request; asking one never changes the response's Vary. */

#include "mst_private.h"
#include <ap_expr.h>

/* The expression of "expr=EXPRESSION"; NULL when `word` is something else. */
const char *mst_expr_word(const char *word);

/* Parses a condition. @return NULL, or a sentence that names directive and expression. */
const char *mst_expr_parse(const ap_expr_info_t **pexpr, const char *directive,
                           const char *text, cmd_parms *cmd);

/* Parses an expression whose value is a text, as in httpd's own "expr=" of Header. */
const char *mst_expr_parse_text(const ap_expr_info_t **pexpr, const char *directive,
                                const char *text, cmd_parms *cmd);

/* 1 when the condition holds; 0 also when it cannot be evaluated, which httpd logs. */
int mst_expr_holds(const ap_expr_info_t *expr, request_rec *r);

/* The value, in r->pool or constant; NULL when it cannot be evaluated. */
const char *mst_expr_value(const ap_expr_info_t *expr, request_rec *r);

#endif /* MST_EXPR_H */
