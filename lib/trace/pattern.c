/* SPDX-License-Identifier: Apache-2.0 */
/* Substrings and globs. */
#include "st_pattern.h"

#include <string.h>

/* One star is remembered, the last: what an earlier one took never has to change, because
 * the text between the two was found at its first place. */
static int glob_matches(const char *pattern, const char *name)
{
    const char *star = NULL;
    const char *retry = NULL;
    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            retry = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++retry;
        } else {
            return 0;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

int st_pattern_matches(const char *pattern, const char *name)
{
    if (pattern[0] == '\0') {
        return 0;
    }
    if (pattern[strcspn(pattern, "*?")] != '\0') {
        return glob_matches(pattern, name);
    }
    return strstr(name, pattern) != NULL;
}
