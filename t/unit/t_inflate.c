/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_inflate.h"

#include <string.h>
#include <zlib.h>

#define GZIP 31
#define ZLIB 15
#define RAW  (-15)

static char packed[1000000];

/* Packs `len` bytes. @return the packed length. */
static size_t pack(const void *bytes, size_t len, int window)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)packed,
                  .avail_out = sizeof(packed)};
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t packed_len = sizeof(packed) - z.avail_out;
    deflateEnd(&z);
    return packed_len;
}

static const int windows[] = {GZIP, ZLIB};

START_TEST(gzip_and_zlib_are_unpacked)
{
    size_t len = pack("the same text, the same text", 28, windows[_i]);
    st_buf_t out;
    st_buf_init(&out, 28);
    ck_assert_int_eq(st_inflate(&out, packed, len), APR_SUCCESS);
    ck_assert_uint_eq(out.len, 28);
    ck_assert_mem_eq(out.data, "the same text, the same text", 28);
    st_buf_free(&out);
}
END_TEST

START_TEST(long_data_is_unpacked_in_steps)
{
    size_t size = 3000000;
    char *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(i % 251);
    }
    size_t len = pack(bytes, size, GZIP);
    st_buf_t out;
    st_buf_init(&out, size);
    ck_assert_int_eq(st_inflate(&out, packed, len), APR_SUCCESS);
    ck_assert_uint_eq(out.len, size);
    ck_assert_mem_eq(out.data, bytes, size);
    st_buf_free(&out);
    free(bytes);
}
END_TEST

START_TEST(nothing_packed_is_nothing_unpacked)
{
    size_t len = pack("", 0, GZIP);
    st_buf_t out;
    st_buf_init(&out, 0);
    ck_assert_int_eq(st_inflate(&out, packed, len), APR_SUCCESS);
    ck_assert_uint_eq(out.len, 0);
    st_buf_free(&out);
}
END_TEST

START_TEST(bombs_stop_at_the_limit)
{
    size_t size = 10000000;
    char *zeros = calloc(1, size);
    ck_assert_ptr_nonnull(zeros);
    size_t len = pack(zeros, size, ZLIB);
    free(zeros);
    st_buf_t out;
    st_buf_init(&out, 100000);
    ck_assert_int_eq(st_inflate(&out, packed, len), ST_E_LIMIT);
    ck_assert_uint_le(out.cap, 2 * 131072);
    st_buf_free(&out);
}
END_TEST

START_TEST(one_byte_over_the_limit_is_too_much)
{
    size_t len = pack("12345", 5, GZIP);
    st_buf_t out;
    st_buf_init(&out, 4);
    ck_assert_int_eq(st_inflate(&out, packed, len), ST_E_LIMIT);
    st_buf_free(&out);
}
END_TEST

START_TEST(data_that_ends_too_early_is_malformed)
{
    size_t len = pack("some text that is long enough", 29, windows[_i]);
    for (size_t part = 0; part < len; part++) {
        st_buf_t out;
        st_buf_init(&out, 1000);
        ck_assert_int_eq(st_inflate(&out, packed, part), ST_E_MALFORMED);
        st_buf_free(&out);
    }
}
END_TEST

START_TEST(bytes_behind_the_end_are_malformed)
{
    size_t len = pack("text", 4, windows[_i]);
    packed[len] = '\n';
    st_buf_t out;
    st_buf_init(&out, 1000);
    ck_assert_int_eq(st_inflate(&out, packed, len + 1), ST_E_MALFORMED);
    st_buf_free(&out);
}
END_TEST

START_TEST(other_data_is_malformed)
{
    st_buf_t out;
    st_buf_init(&out, 1000);
    ck_assert_int_eq(st_inflate(&out, "{\"sent_at\":1}", 13), ST_E_MALFORMED);
    st_buf_clear(&out);
    size_t len = pack("text text text", 14, RAW);
    ck_assert_int_eq(st_inflate(&out, packed, len), ST_E_MALFORMED);
    st_buf_free(&out);
}
END_TEST

START_TEST(damaged_checksum_is_malformed)
{
    size_t len = pack("text text text", 14, GZIP);
    packed[len - 6] ^= 1;
    st_buf_t out;
    st_buf_init(&out, 1000);
    ck_assert_int_eq(st_inflate(&out, packed, len), ST_E_MALFORMED);
    st_buf_free(&out);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, gzip_and_zlib_are_unpacked, 0, 2);
    tcase_add_test(tcase, long_data_is_unpacked_in_steps);
    tcase_add_test(tcase, nothing_packed_is_nothing_unpacked);
    tcase_add_test(tcase, bombs_stop_at_the_limit);
    tcase_add_test(tcase, one_byte_over_the_limit_is_too_much);
    tcase_add_loop_test(tcase, data_that_ends_too_early_is_malformed, 0, 2);
    tcase_add_loop_test(tcase, bytes_behind_the_end_are_malformed, 0, 2);
    tcase_add_test(tcase, other_data_is_malformed);
    tcase_add_test(tcase, damaged_checksum_is_malformed);
}

T_MAIN("inflate", add_cases)
