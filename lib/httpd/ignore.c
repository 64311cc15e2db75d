/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that leave requests and child spans out. */
#include "mst_ignore.h"

#include <apr_strings.h>
#include <string.h>
#include "mst_config.h"
#include "mst_expr.h"
#include "mst_request.h"
#include "st_pattern.h"

static const char regex_opening[] = "m#";

/* `value` is "m#regex#flags". */
static const char *regex_parse(const ap_regex_t **pregex, const char *directive,
                               const char *value, apr_pool_t *p)
{
    const char *text = value + sizeof(regex_opening) - 1;
    const char *end = strrchr(text, '#');
    int has_flag = end != NULL && strcmp(end, "#i") == 0;
    if (end != NULL && (has_flag || end[1] == '\0')) {
        *pregex = ap_pregcomp(p, apr_pstrmemdup(p, text, (apr_size_t)(end - text)),
                              has_flag ? AP_REG_ICASE : 0);
    }
    if (*pregex != NULL) {
        return NULL;
    }
    return apr_psprintf(
        p,
        "%s: \"%s\" is no regular expression; allowed is one between m# and "
        "#, with an i behind it when case does not matter",
        directive, value);
}

const char *mst_ignore_parse(mst_ignore_rule_t *rule, const char *directive,
                             const char *value, cmd_parms *cmd)
{
    const char *expr = mst_expr_word(value);
    *rule = (mst_ignore_rule_t){.pattern = NULL};
    if (expr != NULL) {
        return mst_expr_parse(&rule->expr, directive, expr, cmd);
    }
    if (strncmp(value, regex_opening, sizeof(regex_opening) - 1) == 0) {
        return regex_parse(&rule->regex, directive, value, cmd->pool);
    }
    rule->pattern = value;
    return NULL;
}

static int rule_fits_name(const mst_ignore_rule_t *rule, const char *name)
{
    if (rule->pattern != NULL) {
        return st_pattern_matches(rule->pattern, name);
    }
    return rule->regex != NULL && ap_regexec(rule->regex, name, 0, NULL, 0) == 0;
}

static int rules_fit_name(const apr_array_header_t *rules, const char *name)
{
    for (int i = 0; i < rules->nelts; i++) {
        if (rule_fits_name(&APR_ARRAY_IDX(rules, i, mst_ignore_rule_t), name)) {
            return 1;
        }
    }
    return 0;
}

/* Pages that httpd and this module make about themselves. */
static int is_own_page(const request_rec *r)
{
    static const char *const handlers[] = {"server-status", "server-info",
                                           "balancer-manager", MST_HANDLER_STATUS};
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (strcmp(r->handler, handlers[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int rules_fit_request(const apr_array_header_t *rules, request_rec *r)
{
    for (int i = 0; i < rules->nelts; i++) {
        const mst_ignore_rule_t *rule = &APR_ARRAY_IDX(rules, i, mst_ignore_rule_t);
        if (rule->expr != NULL && mst_expr_holds(rule->expr, r)) {
            return 1;
        }
    }
    const char *path = mst_name_path(r);
    return path != NULL && rules_fit_name(rules, apr_pstrcat(r->pool, mst_name_method(r),
                                                             " ", path, NULL));
}

int mst_ignore_request(request_rec *r)
{
    if (r->handler != NULL && mst_conf_ignores_own_pages(r) && is_own_page(r)) {
        return 1;
    }
    const apr_array_header_t *rules = mst_conf_ignore_rules(r);
    return rules != NULL && rules_fit_request(rules, r);
}

const apr_array_header_t *mst_ignore_child_rules(const request_rec *r)
{
    const apr_array_header_t *rules = mst_conf_ignore_rules(r);
    for (int i = 0; rules != NULL && i < rules->nelts; i++) {
        if (APR_ARRAY_IDX(rules, i, mst_ignore_rule_t).expr == NULL) {
            return rules;
        }
    }
    return NULL;
}

void mst_ignore_child(mst_req_t *req, int span, const char *name)
{
    if (req->ignore_rules == NULL || span == ST_SPAN_NONE || !req->seg->sampled ||
        name == NULL) {
        return;
    }
    st_segment_span_ignore(req->seg, span, rules_fit_name(req->ignore_rules, name));
}
