/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_file.h"

#include <apr_strings.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static const char *path;

static void setup(void)
{
    strcpy(dir, "t_file_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    path = apr_pstrcat(t_pool, dir, "/file", NULL);
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(dir), 0);
}

static apr_status_t append(const char *text)
{
    return st_file_append(path, text, strlen(text), 0640);
}

static const char *content(size_t *plen)
{
    static char bytes[1000000];
    int fd = open(path, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ssize_t n = read(fd, bytes, sizeof(bytes) - 1);
    ck_assert_int_ge(n, 0);
    close(fd);
    bytes[n] = '\0';
    *plen = (size_t)n;
    return bytes;
}

static const char *content_text(void)
{
    size_t len;
    return content(&len);
}

START_TEST(file_is_made_and_appended_to)
{
    umask(0);
    ck_assert_int_eq(append("one\n"), APR_SUCCESS);
    ck_assert_int_eq(append("two\n"), APR_SUCCESS);
    ck_assert_str_eq(content_text(), "one\ntwo\n");
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(nothing_is_added_to_the_bytes)
{
    ck_assert_int_eq(append("a"), APR_SUCCESS);
    ck_assert_int_eq(append(""), APR_SUCCESS);
    ck_assert_int_eq(append("b"), APR_SUCCESS);
    ck_assert_str_eq(content_text(), "ab");
}
END_TEST

START_TEST(rotated_file_is_made_anew)
{
    ck_assert_int_eq(append("one\n"), APR_SUCCESS);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(append("two\n"), APR_SUCCESS);
    ck_assert_str_eq(content_text(), "two\n");
}
END_TEST

START_TEST(only_regular_files_are_written)
{
    ck_assert_int_eq(st_file_append("/dev/null", "x", 1, 0600), APR_EINVAL);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(append("x"), APR_EINVAL);
    ck_assert_int_eq(st_file_append(dir, "x", 1, 0600), EISDIR);
}
END_TEST

START_TEST(missing_folder_is_an_error)
{
    const char *missing = apr_pstrcat(t_pool, dir, "/none/file", NULL);
    ck_assert(APR_STATUS_IS_ENOENT(st_file_append(missing, "x", 1, 0600)));
}
END_TEST

/* The limit of the file's size lets a part of the bytes in, as a full disk does. */
START_TEST(failed_append_leaves_nothing_behind)
{
    const struct rlimit limit = {.rlim_cur = 10, .rlim_max = RLIM_INFINITY};
    ck_assert_int_eq(append("one\n"), APR_SUCCESS);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    apr_status_t rv = append("longer than the room that is left\n");
    const struct rlimit unlimited = {.rlim_cur = RLIM_INFINITY,
                                     .rlim_max = RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    ck_assert_int_eq(rv, EFBIG);
    ck_assert_str_eq(content_text(), "one\n");
    ck_assert_int_eq(append("two\n"), APR_SUCCESS);
    ck_assert_str_eq(content_text(), "one\ntwo\n");
}
END_TEST

START_TEST(held_lock_is_not_waited_for_forever)
{
    ck_assert_int_eq(append("one\n"), APR_SUCCESS);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(append("two\n"), APR_TIMEUP);
    close(fd);
    ck_assert_int_eq(append("three\n"), APR_SUCCESS);
    ck_assert_str_eq(content_text(), "one\nthree\n");
}
END_TEST

#define WRITERS 4
#define LINES   200
#define LINE    600

static void write_lines(int writer)
{
    char line[LINE];
    memset(line, 'a' + writer, sizeof(line));
    line[LINE - 1] = '\n';
    for (int i = 0; i < LINES; i++) {
        apr_status_t rv = st_file_append(path, line, sizeof(line), 0600);
        if (rv != APR_SUCCESS) {
            _exit(1);
        }
    }
    _exit(0);
}

START_TEST(writers_do_not_mix_their_lines)
{
    for (int writer = 0; writer < WRITERS; writer++) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            write_lines(writer);
        }
    }
    for (int writer = 0; writer < WRITERS; writer++) {
        int status;
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    size_t len;
    const char *bytes = content(&len);
    ck_assert_uint_eq(len, (size_t)WRITERS * LINES * LINE);
    for (size_t at = 0; at < len; at += LINE) {
        const char same[] = {bytes[at], '\0'};
        ck_assert_uint_eq(strspn(bytes + at, same), LINE - 1);
        ck_assert_int_eq(bytes[at + LINE - 1], '\n');
    }
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, file_is_made_and_appended_to);
    tcase_add_test(tcase, nothing_is_added_to_the_bytes);
    tcase_add_test(tcase, rotated_file_is_made_anew);
    tcase_add_test(tcase, only_regular_files_are_written);
    tcase_add_test(tcase, missing_folder_is_an_error);
    tcase_add_test(tcase, failed_append_leaves_nothing_behind);
    tcase_add_test(tcase, held_lock_is_not_waited_for_forever);
    tcase_add_test(tcase, writers_do_not_mix_their_lines);
}

T_MAIN("file", add_cases)
