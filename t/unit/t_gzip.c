/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "../../lib/send/gzip.h"

#include <string.h>
#include <zlib.h>

static void expect_inflates_to(const char *packed, size_t packed_len, const char *bytes,
                               size_t len)
{
    char *out = apr_palloc(t_pool, len + 1);
    z_stream stream = {.next_in = (Bytef *)packed,
                       .avail_in = (uInt)packed_len,
                       .next_out = (Bytef *)out,
                       .avail_out = (uInt)len + 1};
    ck_assert_int_eq(inflateInit2(&stream, 15 + 16), Z_OK);
    ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    ck_assert_uint_eq(stream.avail_in, 0);
    ck_assert_uint_eq(stream.total_out, len);
    ck_assert_mem_eq(out, bytes, len);
    inflateEnd(&stream);
}

START_TEST(what_is_packed_inflates_to_the_same_bytes)
{
    static const size_t lens[] = {0, 1, 1000, 100000, 3000000};
    size_t len = lens[_i];
    char *bytes = apr_palloc(t_pool, len + 1);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(i * i % 251);
    }
    st_buf_t out;
    st_buf_init(&out, SIZE_MAX);
    ck_assert_int_eq(st_gzip_pack(&out, bytes, len), APR_SUCCESS);
    expect_inflates_to(out.data, out.len, bytes, len);
    st_buf_free(&out);
}
END_TEST

START_TEST(packing_appends)
{
    st_buf_t out;
    st_buf_init(&out, SIZE_MAX);
    st_buf_add_lit(&out, "head");
    ck_assert_int_eq(st_gzip_pack(&out, "body", 4), APR_SUCCESS);
    ck_assert_mem_eq(out.data, "head", 4);
    expect_inflates_to(out.data + 4, out.len - 4, "body", 4);
    st_buf_free(&out);
}
END_TEST

START_TEST(a_buffer_that_is_too_small_is_told)
{
    st_buf_t out;
    st_buf_init(&out, 10);
    ck_assert_int_eq(st_gzip_pack(&out, "body", 4), ST_E_LIMIT);
    st_buf_free(&out);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_loop_test(tc, what_is_packed_inflates_to_the_same_bytes, 0, 5);
    tcase_add_test(tc, packing_appends);
    tcase_add_test(tc, a_buffer_that_is_too_small_is_told);
}

T_MAIN("gzip", add_cases)
