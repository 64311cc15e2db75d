/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what an answer says about limits: its first line as X-Sentry-Rate-Limits, its
 * second as Retry-After. Limits stay in their range, and a second answer never shortens one. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include "st_rate_limits.h"

#define NOW  (1000 * ST_NS_PER_SEC)
#define WALL (1794552401 * ST_NS_PER_SEC)

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

static void endpoint_inspect(const st_endpoint_t *endpoint)
{
    st_ns_t report = endpoint->limited_until[ST_LIMIT_REPORT];
    for (int i = 0; i < ST_LIMIT_COUNT; i++) {
        st_ns_t until = endpoint->limited_until[i];
        demand(until == 0 || (until >= NOW && until <= NOW + ST_ENDPOINT_LIMIT_MAX));
        demand(until >= report); /* reports are held back by limits on everything only */
    }
}

static void answer_inspect(const st_rate_limits_t *answer)
{
    st_endpoint_t endpoint = {.limited_until = {0}};
    st_rate_limits_note(&endpoint, answer, NOW, WALL);
    endpoint_inspect(&endpoint);
    st_ns_t before = endpoint.limited_until[ST_LIMIT_SPAN];
    fuzz_accepted += before > NOW;
    st_rate_limits_note(&endpoint, answer, NOW, WALL);
    demand(endpoint.limited_until[ST_LIMIT_SPAN] == before);
    st_rate_limits_note(&endpoint, answer, NOW - 1, WALL - 1);
    demand(endpoint.limited_until[ST_LIMIT_SPAN] >= before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Memory of exactly its size, so that a sanitizer sees one byte more. */
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    st_rate_limits_t answer = {.http_status = 429, .limits = text};
    char *end = strchr(text, '\n');
    if (end != NULL) {
        *end = '\0';
        answer.retry_after = end + 1;
    }
    answer_inspect(&answer);
    free(text);
    return 0;
}
