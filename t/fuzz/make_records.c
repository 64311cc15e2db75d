/* SPDX-License-Identifier: Apache-2.0 */
/* Writes records into a folder as inputs for fuzz_record. They are made when they are needed:
 * a record is in this machine's byte order and this version's layout. */
#include "../unit/t_sample.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

static int file_write(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        return 0;
    }
    int written = fwrite(bytes, 1, len, file) == len;
    int closed = fclose(file) == 0;
    return written && closed;
}

/* A request without children and attributes. */
static st_segment_t *bare_segment(apr_pool_t *pool)
{
    st_segment_t *seg =
        st_segment_open(pool, (st_rng_t){.state = 3}, T_SAMPLE_WALL, 1, 1);
    st_segment_close(seg, 1);
    return seg;
}

/* As many children as fit into a record. */
static st_segment_t *full_segment(apr_pool_t *pool)
{
    st_segment_t *seg = t_sample_segment(pool, 4);
    while (seg->span_count < ST_RECORD_SPANS_MAX - 1) {
        st_segment_span_add(seg, ST_OP_MIDDLEWARE, "DEFLATE", "mod_deflate.c", seg->end);
    }
    st_segment_close(seg, seg->end);
    return seg;
}

/* A request that went on with a trace, with a context that Sentry would not take as it is. */
static st_segment_t *continued_segment(apr_pool_t *pool)
{
    st_segment_t *seg = t_sample_segment(pool, 5);
    seg->dsc = "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-public_key=short,"
               "sentry-sample_rate=often,sentry-release=a%20%22b%22,sentry-release=c,x=1,"
               "sentry-user=d,sentry-replay_id=00112233-4455-6677-8899-AABBCCDDEEFF";
    return seg;
}

/* The record as it is, cut at the end, and with one bit turned in the middle. */
static int record_write(const char *folder, const char *name, const st_segment_t *seg,
                        apr_pool_t *pool)
{
    size_t size = st_record_size(seg);
    char *mem = apr_palloc(pool, size);
    st_record_pack(seg, 0, mem, size);
    const char *path = apr_pstrcat(pool, folder, "/", name, NULL);
    int written = file_write(path, mem, size) &&
                  file_write(apr_pstrcat(pool, path, "-cut", NULL), mem, size - 8);
    mem[size / 2] ^= 1;
    return written && file_write(apr_pstrcat(pool, path, "-damaged", NULL), mem, size);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    if (argc != 2) {
        fprintf(stderr, "usage: make_records FOLDER\n");
        return EXIT_FAILURE;
    }
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return EXIT_FAILURE;
    }
    int written = record_write(argv[1], "bare", bare_segment(pool), pool) &&
                  record_write(argv[1], "sample", t_sample_segment(pool, 1), pool) &&
                  record_write(argv[1], "continued", continued_segment(pool), pool) &&
                  record_write(argv[1], "full", full_segment(pool), pool);
    apr_pool_destroy(pool);
    return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
