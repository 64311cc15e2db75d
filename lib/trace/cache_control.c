/* SPDX-License-Identifier: Apache-2.0 */
/* Reading Cache-Control. */
#include "st_cache_control.h"

#include <string.h>
#include <strings.h>
#include "st_text.h"

/* One directive: its name, and whether "=" follows. */
typedef struct directive_t {
    st_str_t name;
    int has_value;
} directive_t;

static int is_name(const directive_t *directive, const char *name)
{
    return directive->name.len == strlen(name) &&
           strncasecmp(directive->name.ptr, name, directive->name.len) == 0;
}

static void directive_note(st_cache_control_t *control, const directive_t *directive)
{
    int bare = !directive->has_value;
    control->is_private |= bare && is_name(directive, "private");
    control->has_no_store |= bare && is_name(directive, "no-store");
    control->is_public |= is_name(directive, "public");
    control->has_shared_age |= is_name(directive, "s-maxage");
    control->has_no_transform |= is_name(directive, "no-transform");
    control->has_must_understand |= is_name(directive, "must-understand");
    control->has_must_revalidate |= is_name(directive, "must-revalidate");
}

/* Behind the quoted text that begins at `text`; NULL when it never ends. */
static const char *quoted_end(const char *text)
{
    for (text++; *text != '"'; text++) {
        if (*text == '\\' && text[1] != '\0') {
            text++;
        }
        if (*text == '\0') {
            return NULL;
        }
    }
    return text + 1;
}

/* Behind the directive's value, at a comma or the end; NULL when a quote is never closed. */
static const char *value_end(const char *text)
{
    while (text != NULL && *text != '\0' && *text != ',') {
        text = *text == '"' ? quoted_end(text) : text + 1;
    }
    return text;
}

void st_cache_control_parse(st_cache_control_t *control, const char *header)
{
    *control = (st_cache_control_t){.is_malformed = 0};
    while (header != NULL && *header != '\0') {
        header += strspn(header, " \t,");
        directive_t directive = {.name = {header, strcspn(header, " \t,=\"")}};
        const char *rest = header + directive.name.len;
        rest += strspn(rest, " \t");
        directive.has_value = *rest != ',' && *rest != '\0';
        directive_note(control, &directive);
        header = value_end(rest);
        control->is_malformed = header == NULL;
    }
}

int st_cache_control_is_unshared(const st_cache_control_t *control, int is_authorized)
{
    if (control->is_malformed || control->is_public || control->has_shared_age) {
        return 0;
    }
    if (control->is_private) {
        return 1;
    }
    if (control->has_no_store && !control->has_must_understand) {
        return 1;
    }
    return is_authorized && !control->has_must_revalidate;
}
