/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as query string and Accept header of the status page: the first line, and the rest.
 * Whatever they say, one format comes of it, and what follows a refusal changes nothing. */
#include "fuzz.h"

#include "st_overview.h"
#include <stdlib.h>
#include <string.h>

unsigned long fuzz_accepted;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return 0;
}

static void demand(int truth)
{
    if (!truth) {
        abort();
    }
}

/* A copy of exactly its size, so that a sanitizer sees one byte more. */
static char *copy(const char *bytes, size_t len, const char *more)
{
    char *text = malloc(len + strlen(more) + 1);
    if (text == NULL) {
        exit(EXIT_FAILURE);
    }
    memcpy(text, bytes, len);
    memcpy(text + len, more, strlen(more) + 1);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *all = copy((const char *)data, size, "");
    size_t first = strcspn(all, "\n");
    char *query = copy(all, first, "");
    char *accept = copy(all + first, strlen(all + first), "");
    st_overview_format_t format = st_overview_format(query, accept);
    demand(format <= ST_OVERVIEW_AUTO);
    char *refused = copy(accept, strlen(accept), ",application/json;q=0");
    demand(st_overview_format(query, refused) == format);
    char *asked = copy(query, strlen(query), "&json");
    st_overview_format_t by_query = st_overview_format(query, NULL);
    demand(st_overview_format(asked, accept) ==
           (by_query == ST_OVERVIEW_HTML ? ST_OVERVIEW_JSON : by_query));
    fuzz_accepted += format != ST_OVERVIEW_HTML;
    free(asked);
    free(refused);
    free(accept);
    free(query);
    free(all);
    return 0;
}
