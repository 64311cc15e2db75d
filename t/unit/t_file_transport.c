/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_transport.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static st_transport_t *transport;
static st_dest_t dest;
static char *folder;
static int wake_fd;
static st_answer_t answers[8];
static char detail[128];
static int answer_count;

static void on_answer(const st_answer_t *answer, void *baton)
{
    ck_assert_ptr_eq(baton, &answers);
    apr_cpystrn(detail, answer->detail, sizeof(detail));
    answers[answer_count++] = *answer;
}

static void setup(void)
{
    char template[] = "t_file_transport.XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(template));
    folder = apr_pstrdup(t_pool, template);
    transport = st_file_transport_create(t_pool);
    transport->answer = on_answer;
    transport->baton = &answers;
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert_int_ge(wake_fd, 0);
}

static void teardown(void)
{
    transport->ops->destroy(transport);
    close(wake_fd);
    unlink(apr_pstrcat(t_pool, folder, "/envelopes", NULL));
    rmdir(folder);
}

static void write_to(const char *name)
{
    char cwd[1024];
    const char *why = NULL;
    st_dsn_t *dsn;
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    const char *text = apr_pstrcat(t_pool, "file:", cwd, "/", folder, "/", name, NULL);
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, text, t_pool), APR_SUCCESS);
    dest = (st_dest_t){.dsn = dsn, .environment = "production"};
}

static void submit(const char *body, void *parcel)
{
    ck_assert_int_eq(transport->ops->submit(transport, &dest, body, strlen(body), parcel),
                     APR_SUCCESS);
}

static int drive(st_ns_t timeout)
{
    int woken;
    ck_assert_int_eq(transport->ops->drive(transport, wake_fd, timeout, &woken),
                     APR_SUCCESS);
    return woken;
}

static const char *content(void)
{
    char *text = apr_pcalloc(t_pool, 4096);
    FILE *file = fopen(dest.dsn->url, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_lt(fread(text, 1, 4095, file), 4095);
    fclose(file);
    return text;
}

START_TEST(envelopes_follow_each_other_each_on_its_own_lines)
{
    write_to("envelopes");
    submit("{}\n{\"type\":\"span\"}\n{}\n", NULL);
    drive(-1);
    submit("{}\n{\"type\":\"client_report\"}\n{}", NULL);
    drive(-1);
    submit("{}", NULL);
    drive(-1);
    ck_assert_str_eq(content(), "{}\n{\"type\":\"span\"}\n{}\n"
                                "{}\n{\"type\":\"client_report\"}\n{}\n"
                                "{}\n");
    ck_assert_int_eq(answer_count, 3);
}
END_TEST

START_TEST(the_file_is_made_for_its_owner_alone)
{
    struct stat st;
    write_to("envelopes");
    submit("{}\n", NULL);
    ck_assert_int_eq(stat(dest.dsn->url, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(the_answer_comes_from_drive_and_until_then_there_is_no_room)
{
    static char parcel;
    write_to("envelopes");
    ck_assert_int_eq(transport->ops->room(transport, &dest), 1);
    submit("{}\n", &parcel);
    ck_assert_int_eq(answer_count, 0);
    ck_assert_int_eq(transport->ops->room(transport, &dest), 0);
    drive(-1);
    ck_assert_int_eq(answer_count, 1);
    ck_assert_ptr_eq(answers[0].parcel, &parcel);
    ck_assert_int_eq(answers[0].rv, APR_SUCCESS);
    ck_assert_int_eq(answers[0].http_status, 200);
    ck_assert_int_gt(answers[0].at, 0);
    ck_assert_ptr_null(answers[0].limits);
    ck_assert_int_eq(transport->ops->room(transport, &dest), 1);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_gives_the_reason)
{
    write_to("missing/envelopes");
    submit("{}\n", NULL);
    drive(-1);
    ck_assert_int_eq(answers[0].rv, APR_ENOENT);
    ck_assert_int_eq(answers[0].http_status, 0);
    ck_assert_str_ne(detail, "");
}
END_TEST

START_TEST(drive_waits_for_the_time_or_the_wake_up)
{
    uint64_t one = 1;
    ck_assert_int_eq(drive(1), 0);
    ck_assert_int_eq(write(wake_fd, &one, sizeof(one)), sizeof(one));
    ck_assert_int_eq(drive(-1), 1);
}
END_TEST

START_TEST(abort_gives_the_answer_that_is_due)
{
    write_to("envelopes");
    transport->ops->abort(transport);
    ck_assert_int_eq(answer_count, 0);
    submit("{}\n", NULL);
    transport->ops->abort(transport);
    ck_assert_int_eq(answer_count, 1);
    ck_assert_int_eq(answers[0].rv, APR_SUCCESS);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, envelopes_follow_each_other_each_on_its_own_lines);
    tcase_add_test(tc, the_file_is_made_for_its_owner_alone);
    tcase_add_test(tc, the_answer_comes_from_drive_and_until_then_there_is_no_room);
    tcase_add_test(tc, a_file_that_cannot_be_written_gives_the_reason);
    tcase_add_test(tc, drive_waits_for_the_time_or_the_wake_up);
    tcase_add_test(tc, abort_gives_the_answer_that_is_due);
}

T_MAIN("file_transport", add_cases)
