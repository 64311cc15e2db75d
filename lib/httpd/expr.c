/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions of directives. */
#include "mst_expr.h"

#include <apr_strings.h>
#include <string.h>

const char *mst_expr_word(const char *word)
{
    static const char prefix[] = "expr=";
    size_t len = sizeof(prefix) - 1;
    return strncasecmp(word, prefix, len) == 0 ? word + len : NULL;
}

static const char *parse(const ap_expr_info_t **pexpr, const char *directive,
                         const char *text, unsigned flags, cmd_parms *cmd)
{
    const char *why = NULL;
    if (ap_check_cmd_context(cmd, NOT_IN_HTACCESS) != NULL) {
        flags |= AP_EXPR_FLAG_RESTRICTED; /* no reading of files and the like */
    }
    *pexpr = ap_expr_parse_cmd(cmd, text, flags | AP_EXPR_FLAG_DONT_VARY, &why, NULL);
    if (why == NULL) {
        return NULL;
    }
    return apr_psprintf(cmd->pool,
                        "%s: the expression \"%s\" cannot be understood (%s); allowed is "
                        "an expression as in httpd's <If>",
                        directive, text, why);
}

const char *mst_expr_parse(const ap_expr_info_t **pexpr, const char *directive,
                           const char *text, cmd_parms *cmd)
{
    return parse(pexpr, directive, text, 0, cmd);
}

const char *mst_expr_parse_text(const ap_expr_info_t **pexpr, const char *directive,
                                const char *text, cmd_parms *cmd)
{
    return parse(pexpr, directive, text, AP_EXPR_FLAG_STRING_RESULT, cmd);
}

int mst_expr_holds(const ap_expr_info_t *expr, request_rec *r)
{
    const char *why = NULL;
    return ap_expr_exec(r, expr, &why) > 0;
}

const char *mst_expr_value(const ap_expr_info_t *expr, request_rec *r)
{
    const char *why = NULL;
    const char *value = ap_expr_str_exec(r, expr, &why);
    return why == NULL ? value : NULL;
}
