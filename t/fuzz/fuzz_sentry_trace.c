/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a sentry-trace header: what is read is a parent, and is written back the same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include "st_parent.h"

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

static void parent_inspect(const st_parent_t *parent)
{
    static const st_trace_id_t zero;
    char text[ST_PARENT_BYTES];
    char w3c[ST_PARENT_W3C_BYTES];
    st_parent_t again;
    demand(memcmp(&parent->trace_id, &zero, sizeof(zero)) != 0);
    demand(parent->sampled >= ST_SAMPLED_UNKNOWN && parent->sampled <= 1);
    st_span_id_t span_id = parent->span_id != 0 ? parent->span_id : 1;
    size_t len = st_parent_write(text, &parent->trace_id, span_id, parent->sampled);
    demand(len == strlen(text) && len < sizeof(text));
    demand(st_parent_parse(&again, text) == APR_SUCCESS);
    demand(memcmp(&again.trace_id, &parent->trace_id, sizeof(zero)) == 0);
    demand(again.span_id == span_id && again.sampled == parent->sampled);
    len = st_parent_write_w3c(w3c, &parent->trace_id, span_id, parent->sampled);
    demand(len == strlen(w3c) && len + 1 == sizeof(w3c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Memory of exactly its size, so that a sanitizer sees one byte more. */
    char *header = malloc(size + 1);
    if (header == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(header, data, size);
    }
    header[size] = '\0';
    st_parent_t parent;
    apr_status_t rv = st_parent_parse(&parent, header);
    if (rv == APR_SUCCESS) {
        parent_inspect(&parent);
        fuzz_accepted++;
    }
    demand(rv == APR_SUCCESS || rv == ST_E_MALFORMED);
    free(header);
    return 0;
}
