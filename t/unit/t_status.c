/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_status.h"

#include <limits.h>

/* HTTP statuses first to last have this message. The first row that fits counts. */
static const struct {
    int first;
    int last;
    const char *message;
} messages[] = {
    {100, 399, "ok"},
    {401, 401, "unauthenticated"},
    {403, 403, "permission_denied"},
    {404, 404, "not_found"},
    {409, 409, "already_exists"},
    {413, 413, "failed_precondition"},
    {429, 429, "resource_exhausted"},
    {499, 499, "cancelled"},
    {400, 499, "invalid_argument"},
    {501, 501, "unimplemented"},
    {503, 503, "unavailable"},
    {504, 504, "deadline_exceeded"},
    {INT_MIN, INT_MAX, "internal_error"},
};

static void expect_mapped(int http_status)
{
    int i = 0;
    while (http_status < messages[i].first || http_status > messages[i].last) {
        i++;
    }
    ck_assert_str_eq(st_status_message(http_status), messages[i].message);
    ck_assert_int_eq(st_status_from_http(http_status),
                     i == 0 ? ST_STATUS_OK : ST_STATUS_ERROR);
}

START_TEST(every_http_status_has_its_span_status)
{
    for (int http_status = -5; http_status <= 700; http_status++) {
        expect_mapped(http_status);
    }
    expect_mapped(INT_MIN);
    expect_mapped(INT_MAX);
}
END_TEST

START_TEST(status_is_written_ok_or_error)
{
    ck_assert_str_eq(st_status_text(ST_STATUS_OK), "ok");
    ck_assert_str_eq(st_status_text(ST_STATUS_ERROR), "error");
}
END_TEST

START_TEST(every_message_is_a_rich_status)
{
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        ck_assert_msg(st_status_is_rich(st_str(messages[i].message)), "%s",
                      messages[i].message);
    }
    ck_assert(st_status_is_rich(st_str("data_loss")));
}
END_TEST

START_TEST(other_texts_are_no_rich_status)
{
    static const char *const texts[] = {"", "o", "okay", "OK", "error", "not found"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_msg(!st_status_is_rich(st_str(texts[i])), "%s", texts[i]);
    }
    ck_assert(!st_status_is_rich((st_str_t){NULL, 0}));
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, every_http_status_has_its_span_status);
    tcase_add_test(tcase, status_is_written_ok_or_error);
    tcase_add_test(tcase, every_message_is_a_rich_status);
    tcase_add_test(tcase, other_texts_are_no_rich_status);
}

T_MAIN("status", add_cases)
