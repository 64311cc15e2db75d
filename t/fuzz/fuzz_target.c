/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the URL of a proxied call: what is told of it names no user, and reads as the
 * same target again. */
#include "fuzz.h"

#include "st_target.h"
#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

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

static void url_inspect(const st_target_t *target, apr_pool_t *pool)
{
    st_target_t again;
    const char *authority = strstr(target->url, "://");
    demand(authority != NULL);
    authority += 3;
    demand(memchr(authority, '@', strcspn(authority, "/?#")) == NULL);
    st_target_read(&again, target->url, &st_collect_default, pool);
    demand(again.url != NULL && strcmp(again.url, target->url) == 0);
    demand(strcmp(again.host, target->host) == 0 && again.port == target->port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    /* Memory of exactly its size, so that a sanitizer sees one byte more. */
    char *url = malloc(size + 1);
    if (url == NULL || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        free(url);
        return 0;
    }
    if (size > 0) {
        memcpy(url, data, size);
    }
    url[size] = '\0';
    st_target_t target;
    st_target_read(&target, url, &st_collect_default, pool);
    demand(target.host != NULL && target.port <= 65535);
    if (target.url != NULL) {
        url_inspect(&target, pool);
        fuzz_accepted += target.protocol != NULL;
    }
    apr_pool_destroy(pool);
    free(url);
    return 0;
}
