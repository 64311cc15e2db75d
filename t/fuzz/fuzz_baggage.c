/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a baggage header: both parts are what they should be, and a trace continues
 * with them whatever they hold. */
#include "fuzz.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include "st_baggage.h"
#include "st_continue.h"
#include "st_dsc.h"

#define TRACE "771a43a4192642f0b136d5159a501700-1e2f3a4b5c6d7e8f"

unsigned long fuzz_accepted;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize() == APR_SUCCESS ? 0 : -1;
}

static void demand(int truth)
{
    if (!truth) {
        abort();
    }
}

/* Short, printable, and of members that can be decoded and are found by their keys. */
static void sentry_inspect(const char *sentry, apr_pool_t *pool)
{
    st_str_t rest = st_str(sentry);
    st_str_t key, value;
    int count = 0;
    demand(rest.len <= ST_BAGGAGE_BYTES_MAX);
    for (size_t i = 0; i < rest.len; i++) {
        demand(sentry[i] > ' ' && sentry[i] < 0x7F &&
               strchr("\"\\;<>", sentry[i]) == NULL);
    }
    while (st_dsc_next(&rest, &key, &value)) {
        char *name = apr_pstrmemdup(pool, key.ptr, key.len);
        const char *found = st_dsc_get(sentry, name, pool);
        demand(key.len > 0 && value.len > 0 && found != NULL && found[0] != '\0');
        count++;
    }
    demand(count <= ST_BAGGAGE_MEMBERS_MAX);
    fuzz_accepted += count > 0;
}

/* Each member stands in the header as it is. */
static void foreign_inspect(const char *foreign, const char *header, apr_pool_t *pool)
{
    st_str_t rest = st_str(foreign);
    st_str_t member;
    while (st_baggage_next(&rest, &member)) {
        const char *text = apr_pstrmemdup(pool, member.ptr, member.len);
        demand(strstr(header, text) != NULL);
    }
}

/* What has been split once has no more to be split off. */
static void again_inspect(const st_baggage_t *baggage, apr_pool_t *pool)
{
    st_baggage_t again;
    st_baggage_parse(&again, baggage->sentry, pool);
    demand(strcmp(again.sentry, baggage->sentry) == 0 && again.foreign[0] == '\0');
    st_baggage_parse(&again, baggage->foreign, pool);
    demand(strcmp(again.foreign, baggage->foreign) == 0 && again.sentry[0] == '\0');
    const char *joined = st_baggage_join(baggage->foreign, baggage->sentry, pool);
    demand(strlen(joined) <= ST_BAGGAGE_BYTES_MAX);
    if (strlen(baggage->foreign) + 1 + strlen(baggage->sentry) <= ST_BAGGAGE_BYTES_MAX) {
        st_baggage_parse(&again, joined, pool);
        demand(strcmp(again.sentry, baggage->sentry) == 0);
        demand(strcmp(again.foreign, baggage->foreign) == 0);
    }
}

static void continue_inspect(const char *header, const char *sentry_trace,
                             apr_pool_t *pool)
{
    st_continue_t decision;
    st_continue_decide(&decision, sentry_trace, header, "1", 0, pool);
    if (decision.continues) {
        double rand = decision.sample_rand;
        demand(decision.dsc != NULL && decision.foreign != NULL);
        demand(rand == -1.0 || (rand >= 0.0 && rand <= 1.0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    char *header = malloc(size + 1);
    if (header == NULL || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        free(header);
        return 0;
    }
    if (size > 0) {
        memcpy(header, data, size);
    }
    header[size] = '\0';
    st_baggage_t baggage;
    st_baggage_parse(&baggage, header, pool);
    sentry_inspect(baggage.sentry, pool);
    foreign_inspect(baggage.foreign, header, pool);
    again_inspect(&baggage, pool);
    continue_inspect(header, TRACE, pool);
    continue_inspect(header, TRACE "-1", pool);
    continue_inspect(header, TRACE "-0", pool);
    apr_pool_destroy(pool);
    free(header);
    return 0;
}
