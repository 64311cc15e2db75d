/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of envelopes: read all, validate each, look at transactions as spans. */
#include "fuzz.h"

#include "st_envelope.h"
#include <apr_general.h>
#include <stdlib.h>

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

/* Every payload lies inside the bytes that the envelope took. */
static void envelope_inspect(const st_envelope_t *envelope, const char *bytes, size_t len)
{
    demand(envelope->used > 0 && envelope->used <= len);
    demand(json_is_object(envelope->header));
    for (int i = 0; i < envelope->item_count; i++) {
        const st_envelope_item_t *item = &envelope->items[i];
        demand(item->type != NULL && json_is_object(item->header));
        demand(item->payload >= bytes && item->len <= envelope->used);
        demand(item->payload + item->len <= bytes + envelope->used);
        json_t *spans = st_envelope_transaction_spans(item->json);
        demand(json_array_size(spans) > 0);
        json_decref(spans);
    }
}

/* @return how far it got: the length of the first envelope, 0 when it is refused. */
static size_t envelope_try(const char *bytes, size_t len, apr_pool_t *pool)
{
    st_envelope_t *envelope;
    const char *why = NULL;
    apr_status_t rv = st_envelope_parse(&envelope, &why, bytes, len, pool);
    if (rv != APR_SUCCESS) {
        demand(rv == ST_E_MALFORMED && why != NULL);
        return 0;
    }
    envelope_inspect(envelope, bytes, len);
    rv = st_envelope_validate(envelope, &why, pool);
    demand(rv == APR_SUCCESS || why != NULL);
    fuzz_accepted += rv == APR_SUCCESS;
    return envelope->used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    apr_pool_t *pool;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return 0;
    }
    size_t step = 1;
    for (size_t at = 0; step > 0 && at < size; at += step) {
        step = envelope_try(bytes + at, size - at, pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
