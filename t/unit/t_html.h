/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_HTML_H
#define T_HTML_H

/* A reader of HTML as this project writes it, which is stricter than HTML is: every element is
 * closed in order, only a few are known, and every special character is escaped. */

#include <stdlib.h>
#include <string.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_tables.h>

/* Skips an entity at `at`. @return behind it, or NULL when it is none. */
static const char *t_html_entity(const char *at)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++) {
        if (strncmp(at, entities[i], strlen(entities[i])) == 0) {
            return at + strlen(entities[i]);
        }
    }
    return NULL;
}

/* Reads the tag at `at`, which starts with '<'.
 * @return behind it, or NULL and *pwhy. */
static const char *t_html_tag(const char *at, apr_array_header_t *open, const char **pwhy,
                              apr_pool_t *pool)
{
    static const char known[] =
        " html head meta title style body h1 h2 h3 p a table tr th "
        "td br hr ";
    const char *end = strchr(at, '>');
    int closes = at[1] == '/';
    const char *name = at + 1 + closes;
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");
    const char *word = apr_psprintf(pool, " %.*s ", (int)len, name);
    if (end == NULL || len == 0 || strstr(known, word) == NULL) {
        *pwhy = apr_psprintf(pool, "unknown element: %.40s", at);
        return NULL;
    }
    if (end[-1] == '/') {
        return end + 1;
    }
    if (!closes) {
        APR_ARRAY_PUSH(open, const char *) = word;
        return end + 1;
    }
    const char **top = apr_array_pop(open);
    if (top == NULL || strcmp(*top, word) != 0) {
        *pwhy = apr_psprintf(pool, "closed out of order: %.40s", at);
        return NULL;
    }
    return end + 1;
}

/* @return what is wrong with the text, in pool; NULL: nothing. */
static const char *t_html_check(const char *text, apr_pool_t *pool)
{
    apr_array_header_t *open = apr_array_make(pool, 8, sizeof(const char *));
    const char *why = NULL;
    const char *at = text;
    static const char doctype[] = "<!DOCTYPE html>\n";
    if (strncmp(at, doctype, sizeof(doctype) - 1) == 0) {
        at += sizeof(doctype) - 1;
    }
    while (at != NULL && *at != '\0') {
        const char *from = at;
        if (*at == '<') {
            at = t_html_tag(at, open, &why, pool);
            continue;
        }
        at = *at == '&' ? t_html_entity(at) : at + 1;
        if (at == NULL || *from == '>' || ((unsigned char)*from < ' ' && *from != '\n')) {
            return apr_psprintf(pool, "not escaped: %.40s", from);
        }
    }
    if (why == NULL && open->nelts > 0) {
        return apr_psprintf(pool, "%d elements are not closed", open->nelts);
    }
    return why;
}

#endif /* T_HTML_H */
