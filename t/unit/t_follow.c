/* SPDX-License-Identifier: Apache-2.0 */
/* `sentry-trace view --follow` on files that change. */
#include "t_run.h"

static t_run_t run;

static void setup(void)
{
    t_dir_make();
}

static void teardown(void)
{
    t_run_free(&run);
    t_dir_remove(T_ARGS("file", "old"));
}

static void start(void)
{
    t_run_start(&run, T_ARGS("view", t_path("file"), "--follow", "-w", "60"));
}

static void stop(int signal)
{
    ck_assert_int_eq(kill(run.pid, signal), 0);
    ck_assert_int_eq(t_run_finish(&run), 0);
}

/* An envelope with a segment, or a child, of the trace of this number. */
static const char *envelope(int number, int is_segment)
{
    char trace_id[40];
    snprintf(trace_id, sizeof(trace_id), "%032x", number);
    const t_span_t span = {.id = is_segment ? 1 : 2,
                           .parent = is_segment ? 0 : 1,
                           .trace_id = trace_id,
                           .name = "GET",
                           .end = 10,
                           .is_segment = is_segment};
    st_buf_t out;
    st_buf_init(&out, 10000);
    t_envelope_add(&out, &span, 1);
    const char *text = t_text(&out);
    st_buf_free(&out);
    return text;
}

static void append(const char *text)
{
    t_file_write(t_path("file"), text, O_APPEND);
}

static void expect_trace(int number, const char *spans)
{
    t_run_expect(&run, apr_psprintf(t_pool, "trace %032x, %s\n", number, spans));
}

START_TEST(what_is_there_and_what_comes_is_shown)
{
    append(envelope(1, 1));
    start();
    expect_trace(1, "1 span");
    append(envelope(2, 1));
    expect_trace(2, "1 span");
    stop(SIGINT);
    ck_assert_uint_eq(run.err_text.len, 0);
}
END_TEST

START_TEST(missing_file_is_waited_for)
{
    start();
    t_run_expect(&run, "waiting for");
    append(envelope(1, 1));
    expect_trace(1, "1 span");
    stop(SIGTERM);
}
END_TEST

START_TEST(spans_of_a_trace_are_gathered_before_it_is_shown)
{
    append(envelope(1, 0));
    append(envelope(1, 1));
    start();
    expect_trace(1, "2 spans");
    stop(SIGINT);
}
END_TEST

START_TEST(envelope_in_two_writes_is_shown_whole)
{
    const char *text = envelope(1, 1);
    append(apr_pstrmemdup(t_pool, text, 40));
    start();
    append(text + 40);
    expect_trace(1, "1 span");
    stop(SIGINT);
    ck_assert_uint_eq(run.err_text.len, 0);
}
END_TEST

START_TEST(replaced_file_is_finished_and_the_new_one_followed)
{
    append(envelope(1, 1));
    start();
    expect_trace(1, "1 span");
    ck_assert_int_eq(rename(t_path("file"), t_path("old")), 0);
    /* Writers may still have the old one. */
    t_file_write(t_path("old"), envelope(2, 1), O_APPEND);
    expect_trace(2, "1 span");
    append(envelope(3, 1));
    expect_trace(3, "1 span");
    stop(SIGINT);
    ck_assert_uint_eq(run.err_text.len, 0);
}
END_TEST

START_TEST(truncated_file_is_started_over)
{
    append(envelope(1, 1));
    append(envelope(2, 1));
    start();
    expect_trace(2, "1 span");
    t_file_write(t_path("file"), envelope(3, 1), O_TRUNC);
    t_run_expect(&run, "was truncated, starting over");
    expect_trace(3, "1 span");
    stop(SIGINT);
}
END_TEST

START_TEST(damage_is_told_and_following_goes_on)
{
    append(envelope(1, 1));
    append("rubbish\n");
    append(envelope(2, 1));
    start();
    expect_trace(1, "1 span");
    expect_trace(2, "1 span");
    t_run_expect(&run, "/file:4 (byte ");
    stop(SIGINT);
}
END_TEST

START_TEST(open_traces_are_shown_at_the_end)
{
    append(envelope(1, 0));
    append(envelope(2, 1));
    start();
    expect_trace(2, "1 span");
    stop(SIGTERM);
    expect_trace(1, "1 span");
}
END_TEST

START_TEST(closed_output_ends_it)
{
    append(envelope(1, 1));
    start();
    expect_trace(1, "1 span");
    close(run.out);
    run.out = -1;
    ck_assert_int_eq(t_run_finish(&run), 0);
}
END_TEST

START_TEST(what_is_no_file_is_waited_for)
{
    ck_assert_int_eq(mkfifo(t_path("file"), 0600), 0);
    start();
    t_run_expect(&run, "waiting for");
    unlink(t_path("file"));
    append(envelope(1, 1));
    expect_trace(1, "1 span");
    stop(SIGINT);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 2 * T_RUN_DEADLINE_SEC);
    tcase_add_test(tcase, what_is_there_and_what_comes_is_shown);
    tcase_add_test(tcase, missing_file_is_waited_for);
    tcase_add_test(tcase, spans_of_a_trace_are_gathered_before_it_is_shown);
    tcase_add_test(tcase, envelope_in_two_writes_is_shown_whole);
    tcase_add_test(tcase, replaced_file_is_finished_and_the_new_one_followed);
    tcase_add_test(tcase, truncated_file_is_started_over);
    tcase_add_test(tcase, damage_is_told_and_following_goes_on);
    tcase_add_test(tcase, open_traces_are_shown_at_the_end);
    tcase_add_test(tcase, closed_output_ends_it);
    tcase_add_test(tcase, what_is_no_file_is_waited_for);
}

T_MAIN("follow", add_cases)
