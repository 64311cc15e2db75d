/* SPDX-License-Identifier: Apache-2.0 */
/* `sentry-trace view` on files. */
#include "t_run.h"

static const char *out;
static const char *err;

static const t_span_t request[] = {
    {.id = 1,
     .name = "GET",
     .op = "http.server",
     .path = "/a",
     .status = 200,
     .end = 1000,
     .is_segment = 1},
    {.id = 2, .parent = 1, .name = "CORE", .op = "middleware", .start = 500, .end = 1000},
};

static const char request_at_60[] =
    "GET  /a  200  1.00 ms  2026-11-21 22:26:40.000\n"
    "trace 0123456789abcdef0123456789abcdef, 2 spans\n"
    "GET     http.server ███████████████████████████████  1.00 ms\n"
    "└ CORE  middleware                 ▐███████████████   500 µs\n"
    "\n";

static void setup(void)
{
    t_dir_make();
}

static void teardown(void)
{
    t_dir_remove(T_ARGS("file"));
}

static void write_file(const st_buf_t *content)
{
    t_file_write(t_path("file"), t_text(content), O_TRUNC);
}

START_TEST(trace_and_report_are_shown)
{
    st_buf_t file;
    st_buf_init(&file, 100000);
    /* The two spans of a trace in two envelopes, the second with a report. */
    t_envelope_add(&file, &request[1], 1);
    t_envelope_add(&file, &request[0], 1);
    t_item_add(&file, "client_report", t_report("sample_rate", 12));
    t_item_add(&file, "log", json_object());
    write_file(&file);
    st_buf_free(&file);
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", t_path("file"), "--width", "60")),
                     0);
    ck_assert_str_eq(err, "");
    ck_assert_str_eq(out, apr_pstrcat(t_pool, request_at_60,
                                      "discarded: sample_rate 12 spans\n"
                                      "not shown: log 1 item\n",
                                      NULL));
}
END_TEST

START_TEST(damage_is_told_and_the_rest_is_shown)
{
    st_buf_t file;
    st_buf_init(&file, 100000);
    st_buf_add_str(&file, "rubb\x1bish\n");
    t_envelope_add(&file, request, 2);
    st_buf_add_str(&file, "{\"sent_at\":");
    write_file(&file);
    st_buf_free(&file);
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", "-w60", t_path("file"))), 1);
    ck_assert_str_eq(out, request_at_60);
    ck_assert_ptr_nonnull(strstr(err, "/file:1 (byte 0): "));
    ck_assert_ptr_nonnull(strstr(err, "; going on at line 2\n"));
    ck_assert_ptr_nonnull(strstr(err, "/file:5 (byte "));
    ck_assert_ptr_nonnull(strstr(err, "; nothing readable follows\n"));
    ck_assert_ptr_null(strchr(err, '\x1b'));
}
END_TEST

START_TEST(broken_item_is_told_with_its_line)
{
    st_buf_t file;
    st_buf_init(&file, 100000);
    t_envelope_add(&file, request, 2);
    t_envelope_head(&file);
    t_item_add(&file, "span", json_object());
    write_file(&file);
    st_buf_free(&file);
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", "-w60", t_path("file"))), 1);
    ck_assert_str_eq(out, request_at_60);
    ck_assert_ptr_nonnull(strstr(err, "/file:6 (byte "));
    ck_assert_ptr_nonnull(strstr(err, "): a span item is no JSON with \"items\"\n"));
}
END_TEST

START_TEST(empty_file_shows_nothing)
{
    t_file_write(t_path("file"), "", O_TRUNC);
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", t_path("file"))), 0);
    ck_assert_str_eq(out, "");
    ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(file_that_cannot_be_read_is_told)
{
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", t_path("none"))), 1);
    ck_assert_ptr_nonnull(strstr(err, "cannot read"));
    ck_assert_ptr_nonnull(strstr(err, "No such file"));
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", t_dir)), 1);
    ck_assert_ptr_nonnull(strstr(err, "Is a directory"));
}
END_TEST

START_TEST(colours_can_be_forced)
{
    st_buf_t file;
    st_buf_init(&file, 100000);
    t_envelope_add(&file, request, 2);
    write_file(&file);
    st_buf_free(&file);
    const char *path = t_path("file");
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", path, "--color", "always")), 0);
    ck_assert_ptr_nonnull(strstr(out, "\033[32m"));
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", path, "--color=never")), 0);
    ck_assert_ptr_null(strchr(out, '\033'));
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", path)), 0);
    ck_assert_ptr_null(strchr(out, '\033'));
}
END_TEST

START_TEST(wrong_usage_exits_2)
{
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view")), 2);
    ck_assert_ptr_nonnull(strstr(err, "view takes one FILE"));
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", "a", "b")), 2);
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", "a", "--bogus")), 2);
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", "a", "--color", "pink")), 2);
    ck_assert_ptr_nonnull(strstr(err, "auto, always or never"));
    for (int i = 0; i < 5; i++) {
        static const char *const widths[] = {"39", "1001", "x", "80x", ""};
        ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", "a", "--width", widths[i])), 2);
        ck_assert_ptr_nonnull(strstr(err, "--width takes a number from 40 to 1000"));
    }
}
END_TEST

START_TEST(help_names_the_options)
{
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", "--help")), 0);
    ck_assert_ptr_nonnull(strstr(out, "--follow"));
    ck_assert_ptr_nonnull(strstr(out, "--width N"));
    ck_assert_ptr_nonnull(strstr(out, "--color WHEN"));
}
END_TEST

START_TEST(many_traces_come_in_the_order_of_the_file)
{
    st_buf_t file;
    st_buf_init(&file, 10000000);
    for (int i = 0; i < 2000; i++) {
        char trace_id[40];
        snprintf(trace_id, sizeof(trace_id), "%032x", i + 1);
        const t_span_t span = {
            .id = 1, .name = "GET", .trace_id = trace_id, .end = 9, .is_segment = 1};
        t_envelope_add(&file, &span, 1);
    }
    write_file(&file);
    st_buf_free(&file);
    ck_assert_int_eq(t_run(&out, &err, T_ARGS("view", t_path("file"))), 0);
    const char *at = out;
    for (int i = 0; i < 2000; i++) {
        at = strstr(at, apr_psprintf(t_pool, "trace %032x, 1 span\n", i + 1));
        ck_assert_ptr_nonnull(at);
    }
}
END_TEST

START_TEST(reader_that_goes_away_is_no_error)
{
    st_buf_t file;
    st_buf_init(&file, 10000000);
    for (int i = 0; i < 2000; i++) {
        t_envelope_add(&file, request, 2);
    }
    write_file(&file);
    st_buf_free(&file);
    t_run_t run;
    t_run_start(&run, T_ARGS("view", t_path("file")));
    close(run.out);
    run.out = -1;
    ck_assert_int_eq(t_run_finish(&run), 0);
    ck_assert_uint_eq(run.err_text.len, 0);
    t_run_free(&run);
}
END_TEST

START_TEST(output_that_fails_is_told)
{
    st_buf_t file;
    st_buf_init(&file, 100000);
    t_envelope_add(&file, request, 2);
    write_file(&file);
    st_buf_free(&file);
    int full = open("/dev/full", O_WRONLY);
    ck_assert_int_ge(full, 0);
    const char *path = t_path("file");
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {(char *)(uintptr_t) "sentry-trace", (char *)(uintptr_t) "view",
                        (char *)(uintptr_t)path, NULL};
        t_run_child(argv, full, open("/dev/null", O_WRONLY));
    }
    close(full);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 1);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 2 * T_RUN_DEADLINE_SEC);
    tcase_add_test(tcase, trace_and_report_are_shown);
    tcase_add_test(tcase, damage_is_told_and_the_rest_is_shown);
    tcase_add_test(tcase, broken_item_is_told_with_its_line);
    tcase_add_test(tcase, empty_file_shows_nothing);
    tcase_add_test(tcase, file_that_cannot_be_read_is_told);
    tcase_add_test(tcase, colours_can_be_forced);
    tcase_add_test(tcase, wrong_usage_exits_2);
    tcase_add_test(tcase, help_names_the_options);
    tcase_add_test(tcase, many_traces_come_in_the_order_of_the_file);
    tcase_add_test(tcase, reader_that_goes_away_is_no_error);
    tcase_add_test(tcase, output_that_fails_is_told);
}

T_MAIN("view", add_cases)
