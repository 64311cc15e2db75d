/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of data collection. */
#include "mst_collecting.h"

#include <apr_strings.h>

#define TERMS_MAX 64 /* of one line */

static const char *const kinds[MST_COLLECT_COUNT] = {
    [MST_COLLECT_REQUEST_HEADERS] = "request-headers",
    [MST_COLLECT_RESPONSE_HEADERS] = "response-headers",
    [MST_COLLECT_COOKIES] = "cookies",
    [MST_COLLECT_QUERY] = "query",
    [MST_COLLECT_USER] = "user",
};

static const char *const modes[] = {
    [ST_COLLECT_OFF] = "off",
    [ST_COLLECT_DENY] = "deny",
    [ST_COLLECT_ALLOW] = "allow",
};

/* The index of a word in a list, or -1. */
static int word_find(const char *const *list, int count, const char *word)
{
    for (int i = 0; i < count; i++) {
        if (strcasecmp(list[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static const apr_array_header_t *terms_copy(int count, char *const words[], apr_pool_t *p)
{
    apr_array_header_t *terms = apr_array_make(p, count, sizeof(const char *));
    for (int i = 0; i < count; i++) {
        char *term = apr_pstrdup(p, words[i]);
        ap_str_tolower(term);
        APR_ARRAY_PUSH(terms, const char *) = term;
    }
    return terms;
}

const char *mst_collecting_parse(mst_collect_t *pkind, const st_collect_t **prule,
                                 const char *directive, int count, char *const words[],
                                 apr_pool_t *p)
{
    int kind = count > 0 ? word_find(kinds, MST_COLLECT_COUNT, words[0]) : -1;
    if (kind < 0) {
        return apr_psprintf(p,
                            "%s: \"%s\" is no kind of data; allowed are request-headers, "
                            "response-headers, cookies, query and user",
                            directive, count > 0 ? words[0] : "");
    }
    int mode = count > 1 ? word_find(modes, ST_COLLECT_ALLOW + 1, words[1]) : -1;
    if (mode < 0) {
        return apr_psprintf(p,
                            "%s: \"%s\" is not allowed behind %s; allowed are off, deny "
                            "and allow",
                            directive, count > 1 ? words[1] : "", kinds[kind]);
    }
    if (mode == ST_COLLECT_OFF && count > 2) {
        return apr_psprintf(p, "%s: \"%s\" is not allowed behind off, which has no terms",
                            directive, words[2]);
    }
    if (mode == ST_COLLECT_ALLOW && count == 2) {
        return apr_psprintf(p, "%s: %s allow needs terms; allowed are up to %d words",
                            directive, kinds[kind], TERMS_MAX);
    }
    if (count - 2 > TERMS_MAX) {
        return apr_psprintf(p, "%s: \"%s\" is one term too many; allowed are %d a line",
                            directive, words[2 + TERMS_MAX], TERMS_MAX);
    }
    for (int i = 2; i < count; i++) {
        if (words[i][0] == '\0') {
            return apr_psprintf(p, "%s: \"\" is no term; it would fit every key",
                                directive);
        }
    }
    st_collect_t *rule = apr_pcalloc(p, sizeof(*rule));
    rule->mode = (st_collect_mode_t)mode;
    rule->terms = terms_copy(count - 2, words + 2, p);
    *pkind = (mst_collect_t)kind;
    *prule = rule;
    return NULL;
}
