/* SPDX-License-Identifier: Apache-2.0 */
#include "t_cli.h"
#include "stc_viewer.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static const t_span_t one = {.id = 1, .name = "GET", .end = 10, .is_segment = 1};
static const stc_style_t plain = {.width = 60, .utf8 = 1};

static int in;
static int out;
static stc_viewer_t *viewer;

static void setup(void)
{
    in = memfd_create("in", MFD_CLOEXEC);
    out = memfd_create("out", MFD_CLOEXEC);
    ck_assert_int_ge(in, 0);
    ck_assert_int_ge(out, 0);
    viewer = stc_viewer_create("a-path", out, &plain, 10, t_pool);
}

static void teardown(void)
{
    close(in);
    close(out);
}

static void put(const st_buf_t *content)
{
    ck_assert_int_eq(pwrite(in, content->data, content->len, 0), (ssize_t)content->len);
}

static void read_all(void)
{
    size_t len;
    do {
        ck_assert_int_eq(stc_viewer_read(viewer, in, &len), APR_SUCCESS);
    } while (len > 0);
    stc_reader_drain(viewer->reader, STC_READER_END);
    stc_model_show_all(viewer->model);
    stc_viewer_show_tallies(viewer);
}

static const char *written(void)
{
    static char text[100000];
    ssize_t n = pread(out, text, sizeof(text) - 1, 0);
    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    return text;
}

START_TEST(bytes_become_drawings_and_tallies)
{
    st_buf_t content;
    st_buf_init(&content, 100000);
    t_envelope_add(&content, &one, 1);
    t_item_add(&content, "client_report", t_report("sample_rate", 3));
    put(&content);
    st_buf_free(&content);
    read_all();
    ck_assert_ptr_nonnull(strstr(written(), "trace " T_TRACE_ID ", 1 span\n"));
    ck_assert_ptr_nonnull(strstr(written(), "\n\ndiscarded: sample_rate 3 spans\n"));
    ck_assert_int_eq(viewer->is_damaged, 0);
    ck_assert_int_eq(viewer->is_closed, 0);
}
END_TEST

START_TEST(damage_is_remembered)
{
    st_buf_t content;
    st_buf_init(&content, 100000);
    st_buf_add_str(&content, "rubbish\n");
    t_envelope_add(&content, &one, 1);
    put(&content);
    st_buf_free(&content);
    read_all();
    ck_assert_ptr_nonnull(strstr(written(), ", 1 span\n"));
    ck_assert_int_eq(viewer->is_damaged, 1);
}
END_TEST

START_TEST(reading_fails_with_the_reason)
{
    size_t len = 5;
    ck_assert_int_eq(stc_viewer_read(viewer, -1, &len), APR_EBADF);
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(output_without_a_reader_is_closed_but_has_not_failed)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    viewer->out_fd = ends[1];
    st_buf_add_str(&viewer->out, "text");
    stc_viewer_flush(viewer);
    ck_assert_int_eq(viewer->is_closed, 1);
    ck_assert_int_eq(viewer->is_failed, 0);
    ck_assert_uint_eq(viewer->out.len, 0);
    close(ends[1]);
}
END_TEST

START_TEST(output_that_cannot_be_written_has_failed)
{
    viewer->out_fd = -1;
    st_buf_add_str(&viewer->out, "text");
    stc_viewer_flush(viewer);
    ck_assert_int_eq(viewer->is_closed, 1);
    ck_assert_int_eq(viewer->is_failed, 1);
}
END_TEST

START_TEST(drawing_that_grew_too_long_has_failed)
{
    viewer->out.rv = ST_E_LIMIT;
    stc_viewer_flush(viewer);
    ck_assert_int_eq(viewer->is_failed, 1);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, bytes_become_drawings_and_tallies);
    tcase_add_test(tcase, damage_is_remembered);
    tcase_add_test(tcase, reading_fails_with_the_reason);
    tcase_add_test(tcase, output_without_a_reader_is_closed_but_has_not_failed);
    tcase_add_test(tcase, output_that_cannot_be_written_has_failed);
    tcase_add_test(tcase, drawing_that_grew_too_long_has_failed);
}

T_MAIN("viewer", add_cases)
