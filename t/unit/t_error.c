/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_error.h"

#include <string.h>

static const apr_status_t own_codes[] = {ST_E_FULL, ST_E_MALFORMED, ST_E_NETWORK,
                                         ST_E_LIMIT};

enum { OWN_CODES = sizeof(own_codes) / sizeof(own_codes[0]) };

START_TEST(own_codes_have_own_texts)
{
    char text[80];
    char other[80];
    const char *returned = st_error_text(own_codes[_i], text, sizeof(text));
    ck_assert_ptr_eq(returned, text);
    ck_assert_uint_gt(strlen(text), 0);
    ck_assert_str_ne(text, apr_strerror(own_codes[_i], other, sizeof(other)));
    for (int i = 0; i < OWN_CODES; i++) {
        if (i != _i) {
            ck_assert_int_ne(own_codes[i], own_codes[_i]);
            ck_assert_str_ne(st_error_text(own_codes[i], other, sizeof(other)), text);
        }
    }
}
END_TEST

static const apr_status_t foreign_codes[] = {APR_SUCCESS, APR_ENOMEM, APR_ENOENT,
                                             APR_EAGAIN,  APR_EOF,    APR_TIMEUP};

START_TEST(other_codes_have_aprs_texts)
{
    char text[120];
    char want[120];
    st_error_text(foreign_codes[_i], text, sizeof(text));
    ck_assert_str_eq(text, apr_strerror(foreign_codes[_i], want, sizeof(want)));
}
END_TEST

START_TEST(short_buffer_is_filled_and_terminated)
{
    static const apr_status_t codes[] = {ST_E_MALFORMED, ST_E_LIMIT, APR_ENOENT};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char whole[80];
        st_error_text(codes[i], whole, sizeof(whole));
        for (size_t size = 1; size <= strlen(whole) + 1; size++) {
            char text[80];
            memset(text, '#', sizeof(text));
            st_error_text(codes[i], text, size);
            ck_assert_int_eq(text[size], '#');
            ck_assert_uint_eq(strlen(text), size - 1);
            ck_assert_mem_eq(text, whole, size - 1);
        }
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, own_codes_have_own_texts, 0, OWN_CODES);
    tcase_add_loop_test(tcase, other_codes_have_aprs_texts, 0,
                        sizeof(foreign_codes) / sizeof(foreign_codes[0]));
    tcase_add_test(tcase, short_buffer_is_filled_and_terminated);
}

T_MAIN("error", add_cases)
