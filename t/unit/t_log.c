/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_log.h"

#include <apr_strings.h>
#include <string.h>

/* The last message, and how many there were. */
typedef struct heard_t {
    int count;
    st_log_level_t level;
    apr_status_t rv;
    char *message;
} heard_t;

static void hear(void *baton, st_log_level_t level, apr_status_t rv, const char *message)
{
    heard_t *heard = baton;
    heard->count++;
    heard->level = level;
    heard->rv = rv;
    heard->message = apr_pstrdup(t_pool, message);
}

START_TEST(without_a_writer_nothing_happens)
{
    heard_t heard = {0};
    st_log(ST_LOG_ERR, 0, "ST0001: before");
    st_log_writer_set(hear, &heard, ST_LOG_DEBUG);
    st_log_writer_set(NULL, NULL, ST_LOG_DEBUG);
    st_log(ST_LOG_ERR, 0, "ST0001: after");
    ck_assert_int_eq(heard.count, 0);
}
END_TEST

START_TEST(message_is_formatted_and_comes_with_level_and_status)
{
    heard_t heard = {0};
    st_log_writer_set(hear, &heard, ST_LOG_INFO);
    st_log(ST_LOG_WARNING, ST_E_FULL, "ST0002: %s has %d", "queue", 7);
    ck_assert_int_eq(heard.count, 1);
    ck_assert_int_eq(heard.level, ST_LOG_WARNING);
    ck_assert_int_eq(heard.rv, ST_E_FULL);
    ck_assert_str_eq(heard.message, "ST0002: queue has 7");
}
END_TEST

START_TEST(more_talkative_levels_are_silent)
{
    for (st_log_level_t max = ST_LOG_ERR; max <= ST_LOG_DEBUG; max++) {
        for (st_log_level_t level = ST_LOG_ERR; level <= ST_LOG_DEBUG; level++) {
            heard_t heard = {0};
            st_log_writer_set(hear, &heard, max);
            st_log(level, 0, "ST0003: text");
            ck_assert_int_eq(heard.count, level <= max);
        }
    }
}
END_TEST

START_TEST(long_message_is_cut_at_one_kilobyte)
{
    char text[3000];
    heard_t heard = {0};
    st_log_writer_set(hear, &heard, ST_LOG_INFO);
    memset(text, 'x', sizeof(text));
    for (size_t len = 1000; len < sizeof(text); len += 9) {
        text[len] = '\0';
        st_log(ST_LOG_INFO, 0, "%s", text);
        ck_assert_uint_eq(strlen(heard.message), len < 1024 ? len : 1023);
        text[len] = 'x';
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, without_a_writer_nothing_happens);
    tcase_add_test(tcase, message_is_formatted_and_comes_with_level_and_status);
    tcase_add_test(tcase, more_talkative_levels_are_silent);
    tcase_add_test(tcase, long_message_is_cut_at_one_kilobyte);
}

T_MAIN("log", add_cases)
