/* SPDX-License-Identifier: Apache-2.0 */
#include "t_queue_file.h"

#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include "../../lib/queue/queue_int.h"
#include "t_fork.h"

START_TEST(folder_and_file_are_made_whole_and_private)
{
    static const mode_t masks[] = {0, 022, 077};
    umask(masks[_i]);
    open_expect(0);
    struct stat folder = stat_of("q");
    struct stat file = stat_of(FILE_NAME);
    ck_assert_int_eq(folder.st_mode, S_IFDIR | 0700);
    ck_assert_int_eq(file.st_mode, S_IFREG | 0600);
    ck_assert_int_eq(file.st_nlink, 1);
    ck_assert_int_eq(file.st_size, (off_t)queue.size);
    ck_assert_int_ge(file.st_blocks * 512, file.st_size);
    ck_assert(!exists(NEW_NAME));
    ck_assert_int_eq(fcntl(queue.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_uint_eq(waiting_spans(), 0);
    st_queue_close(&queue);
}
END_TEST

START_TEST(mask_of_the_server_is_not_that_of_the_file)
{
    ck_assert_int_eq(mkdir("q", 0700), 0);
    umask(0777);
    open_expect(0);
    umask(022);
    ck_assert_int_eq(stat_of(FILE_NAME).st_mode, S_IFREG | 0600);
    st_queue_close(&queue);
}
END_TEST

START_TEST(both_belong_to_the_user_of_the_children)
{
    open_expect(0);
    ck_assert_uint_eq(stat_of("q").st_uid, USER);
    ck_assert_uint_eq(stat_of("q").st_gid, GROUP);
    ck_assert_uint_eq(stat_of(FILE_NAME).st_uid, USER);
    ck_assert_uint_eq(stat_of(FILE_NAME).st_gid, GROUP);
    st_queue_close(&queue);
}
END_TEST

START_TEST(folder_that_was_there_keeps_its_owner)
{
    ck_assert_int_eq(mkdir("q", 0755), 0);
    open_expect(0);
    ck_assert_uint_eq(stat_of("q").st_uid, geteuid());
    st_queue_close(&queue);
}
END_TEST

START_TEST(what_waits_survives_the_server)
{
    open_expect(0);
    int dest = enter();
    put(dest);
    st_queue_generation_next(&queue);
    unsigned generation = st_queue_generation(&queue);
    st_counters_created(&queue.endpoints[0].counters, ST_CATEGORY_SPAN, 3);
    ino_t inode = stat_of(FILE_NAME).st_ino;
    st_queue_close(&queue);
    open_expect(0);
    ck_assert_uint_eq(stat_of(FILE_NAME).st_ino, inode);
    ck_assert_uint_eq(st_queue_generation(&queue), generation);
    ck_assert_uint_eq(waiting_spans(), 3);
    ck_assert_int_eq(enter(), dest);
    st_counters_t *counters = &queue.endpoints[0].counters;
    ck_assert_uint_eq(st_counters_get_created(counters, ST_CATEGORY_SPAN), 3);
    st_ring_cursor_t cursor;
    st_ring_entry_t entry;
    st_ring_cursor_init(&queue.ring, &cursor);
    ck_assert_int_eq(st_ring_next(&queue.ring, &cursor, &entry), APR_SUCCESS);
    ck_assert_uint_eq(entry.len, 6);
    ck_assert_mem_eq(entry.data, "record", 6);
    st_queue_close(&queue);
}
END_TEST

static int open_other(void *unused)
{
    (void)unused;
    apr_status_t rv = open_as("q", &layout);
    return rv == APR_SUCCESS ? 100 : rv == APR_EBUSY && why != NULL ? 101 : 102;
}

START_TEST(second_server_is_refused_until_the_first_has_ended)
{
    open_expect(0);
    ino_t inode = stat_of(FILE_NAME).st_ino;
    ck_assert_int_eq(t_fork_run(open_other, NULL), 101);
    ck_assert_int_eq(t_fork_run(open_other, NULL), 101);
    ck_assert_uint_eq(stat_of(FILE_NAME).st_ino, inode);
    ck_assert(!exists(ASIDE_NAME));
    st_queue_close(&queue);
    ck_assert_int_eq(t_fork_run(open_other, NULL), 100);
}
END_TEST

START_TEST(damaged_file_of_a_running_server_is_left_alone)
{
    open_expect(0);
    queue.shm->fixed.magic++;
    ck_assert_int_eq(chmod(FILE_NAME, 0644), 0);
    ck_assert_int_eq(t_fork_run(open_other, NULL), 101);
    ck_assert(!exists(ASIDE_NAME));
    st_queue_close(&queue);
}
END_TEST

enum { STARTERS = 6 };

typedef struct start_t {
    int go[2];
    int told[2];
    int end[2];
} start_t;

static int start(void *baton)
{
    start_t *pipes = baton;
    char byte;
    close(pipes->go[1]);
    close(pipes->end[1]);
    ssize_t n = read(pipes->go[0], &byte, 1);
    byte = (char)open_other(NULL);
    n += write(pipes->told[1], &byte, 1);
    n += read(pipes->end[0], &byte, 1);
    return n == 1 ? 0 : 1;
}

START_TEST(of_servers_that_start_at_once_one_gets_it)
{
    start_t pipes;
    ck_assert_int_eq(pipe(pipes.go), 0);
    ck_assert_int_eq(pipe(pipes.told), 0);
    ck_assert_int_eq(pipe(pipes.end), 0);
    pid_t pids[STARTERS];
    for (int i = 0; i < STARTERS; i++) {
        pids[i] = t_fork(start, &pipes);
    }
    close(pipes.go[1]);
    int opened = 0;
    for (int i = 0; i < STARTERS; i++) {
        char told = 0;
        ck_assert_int_eq(read(pipes.told[0], &told, 1), 1);
        ck_assert_int_ne(told, 102);
        opened += told == 100;
    }
    ck_assert_int_eq(opened, 1);
    close(pipes.end[1]);
    for (int i = 0; i < STARTERS; i++) {
        ck_assert_int_eq(t_fork_join(pids[i]), 0);
    }
    ck_assert(!exists(ASIDE_NAME));
    ck_assert(!exists(NEW_NAME));
    open_expect(0);
    st_queue_close(&queue);
}
END_TEST

START_TEST(half_made_file_is_no_hindrance)
{
    ck_assert_int_eq(mkdir("q", 0700), 0);
    int fd = open(NEW_NAME, O_WRONLY | O_CREAT, 0644);
    ck_assert_int_ge(fd, 0);
    close(fd);
    open_expect(0);
    ck_assert(!exists(NEW_NAME));
    st_queue_close(&queue);
    ck_assert_int_eq(unlink(FILE_NAME), 0);
    ck_assert_int_eq(mkdir(NEW_NAME, 0700), 0);
    open_refused(EEXIST);
    ck_assert(!exists(FILE_NAME));
}
END_TEST

START_TEST(holes_are_filled)
{
    leave_record();
    int fd = open(FILE_NAME, O_RDWR);
    struct stat st = stat_of(FILE_NAME);
    int failed = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, st.st_size / 2,
                           st.st_size / 2);
    ck_assert_int_eq(failed, 0);
    close(fd);
    ck_assert_int_lt(stat_of(FILE_NAME).st_blocks * 512, st.st_size);
    open_expect(0);
    ck_assert_int_ge(stat_of(FILE_NAME).st_blocks * 512, st.st_size);
    ck_assert_uint_eq(waiting_spans(), 3);
    st_queue_close(&queue);
}
END_TEST

static const st_queue_layout_t others[] = {
    {.endpoints = 3, .dests = 2, .open_slots = 3, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 2, .dests = 1, .open_slots = 3, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 2, .dests = 2, .open_slots = 9, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 2, .dests = 2, .open_slots = 3, .ring_bytes = 2 * ST_QUEUE_RING_MIN},
};

static void expect_layout(const st_queue_layout_t *want)
{
    ck_assert_int_eq(queue.layout.endpoints, want->endpoints);
    ck_assert_int_eq(queue.layout.dests, want->dests);
    ck_assert_int_eq(queue.layout.open_slots, want->open_slots);
    ck_assert_int_eq(queue.open.count, want->open_slots);
    ck_assert_uint_eq(queue.layout.ring_bytes, want->ring_bytes);
    ck_assert_int_eq(was_aside, 0);
}

START_TEST(other_layout_is_made_once_nothing_waits)
{
    leave_record();
    ck_assert_int_eq(open_as("q", &others[_i]), APR_SUCCESS);
    expect_layout(&layout);
    ck_assert_uint_eq(waiting_spans(), 3);
    st_ring_release(&queue.ring, 0);
    ck_assert_uint_eq(waiting_spans(), 0);
    st_queue_close(&queue);
    ck_assert_int_eq(open_as("q", &others[_i]), APR_SUCCESS);
    expect_layout(&others[_i]);
    ck_assert_uint_eq(stat_of(FILE_NAME).st_size, queue.size);
    ck_assert(!exists(ASIDE_NAME));
    /* The lock went with the new file. */
    ck_assert_int_eq(t_fork_run(open_other, NULL), 101);
    st_queue_close(&queue);
}
END_TEST

START_TEST(layout_out_of_range_is_refused)
{
    st_queue_layout_t wrong = layout;
    wrong.dests = 0;
    ck_assert_int_eq(open_as("q", &wrong), APR_EINVAL);
    ck_assert_ptr_nonnull(why);
    ck_assert(!exists("q"));
}
END_TEST

START_TEST(folder_that_others_can_write_to_is_refused)
{
    static const mode_t modes[] = {0720, 0702, 0777, 01777};
    ck_assert_int_eq(mkdir("q", 0700), 0);
    ck_assert_int_eq(chmod("q", modes[_i]), 0);
    open_refused(APR_EACCES);
    ck_assert(!exists(FILE_NAME));
}
END_TEST

START_TEST(folder_of_another_user_is_refused)
{
    ck_assert_int_eq(mkdir("q", 0700), 0);
    ck_assert_int_eq(chown("q", USER + 1, GROUP), 0);
    open_refused(APR_EACCES);
    ck_assert_ptr_nonnull(strstr(why, "61235"));
    ck_assert_ptr_nonnull(strstr(why, "61234"));
    ck_assert(!exists(FILE_NAME));
}
END_TEST

START_TEST(folder_that_is_a_link_is_refused)
{
    ck_assert_int_eq(mkdir("real", 0700), 0);
    ck_assert_int_eq(symlink("real", "q"), 0);
    static const char *const paths[] = {"q", "q/", "q//"};
    ck_assert_int_ne(open_as(paths[_i], &layout), APR_SUCCESS);
    ck_assert_ptr_nonnull(why);
    ck_assert_int_eq(rmdir("real"), 0);
}
END_TEST

START_TEST(folder_that_is_none_is_refused)
{
    int fd = open("q", O_WRONLY | O_CREAT, 0600);
    close(fd);
    open_refused(ENOTDIR);
    ck_assert_int_eq(unlink("q"), 0);
    ck_assert_int_eq(open_as("missing/q", &layout), ENOENT);
    ck_assert_ptr_nonnull(why);
}
END_TEST

START_TEST(folder_that_stays_locked_is_busy)
{
    ck_assert_int_eq(mkdir("q", 0700), 0);
    int fd = open("q", O_RDONLY);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    open_refused(APR_EBUSY);
    close(fd);
    open_expect(0);
    st_queue_close(&queue);
}
END_TEST

/* Makes "q" a disk of that size, for this process alone. @return 0 when that is not allowed */
static int disk_make(const char *options)
{
    ck_assert_int_eq(mkdir("q", 0700), 0);
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "q", "tmpfs", 0, options) != 0) {
        fprintf(stderr, "skipped: no disk can be mounted here\n");
        ck_assert(errno == EPERM || errno == EACCES || errno == ENOSYS);
        return 0;
    }
    return 1;
}

static void disk_end(void)
{
    ck_assert_int_eq(umount("q"), 0);
}

START_TEST(full_disk_is_an_error_at_the_start)
{
    int is_made = disk_make("size=128k,mode=700");
    if (!is_made) {
        return;
    }
    open_refused(ENOSPC);
    ck_assert(!exists(FILE_NAME));
    ck_assert(!exists(NEW_NAME));
    disk_end();
}
END_TEST

START_TEST(hole_on_a_full_disk_is_an_error_and_nothing_is_lost)
{
    int is_made = disk_make("size=1m,mode=700");
    if (!is_made) {
        return;
    }
    leave_record();
    struct stat st = stat_of(FILE_NAME);
    int fd = open(FILE_NAME, O_RDWR);
    ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               st.st_size / 2, st.st_size / 2),
                     0);
    close(fd);
    fd = open("q/other", O_WRONLY | O_CREAT, 0600);
    static const char zeros[4096];
    while (write(fd, zeros, sizeof(zeros)) > 0) {
    }
    ck_assert_int_eq(errno, ENOSPC);
    close(fd);
    open_refused(ENOSPC);
    ck_assert(!exists(ASIDE_NAME));
    ck_assert_int_eq(unlink("q/other"), 0);
    open_expect(0);
    ck_assert_uint_eq(waiting_spans(), 3);
    st_queue_close(&queue);
    disk_end();
}
END_TEST

static void add_root_cases(TCase *tcase)
{
    tcase_add_test(tcase, both_belong_to_the_user_of_the_children);
    tcase_add_test(tcase, folder_of_another_user_is_refused);
    tcase_add_test(tcase, full_disk_is_an_error_at_the_start);
    tcase_add_test(tcase, hole_on_a_full_disk_is_an_error_and_nothing_is_lost);
}

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, folder_and_file_are_made_whole_and_private, 0, 3);
    tcase_add_test(tcase, mask_of_the_server_is_not_that_of_the_file);
    tcase_add_test(tcase, folder_that_was_there_keeps_its_owner);
    tcase_add_test(tcase, what_waits_survives_the_server);
    tcase_add_test(tcase, second_server_is_refused_until_the_first_has_ended);
    tcase_add_test(tcase, damaged_file_of_a_running_server_is_left_alone);
    tcase_add_loop_test(tcase, of_servers_that_start_at_once_one_gets_it, 0, 5);
    tcase_add_test(tcase, half_made_file_is_no_hindrance);
    tcase_add_test(tcase, holes_are_filled);
    tcase_add_loop_test(tcase, other_layout_is_made_once_nothing_waits, 0,
                        sizeof(others) / sizeof(others[0]));
    tcase_add_test(tcase, layout_out_of_range_is_refused);
    tcase_add_loop_test(tcase, folder_that_others_can_write_to_is_refused, 0, 4);
    tcase_add_loop_test(tcase, folder_that_is_a_link_is_refused, 0, 3);
    tcase_add_test(tcase, folder_that_is_none_is_refused);
    tcase_add_test(tcase, folder_that_stays_locked_is_busy);
    if (is_root()) {
        add_root_cases(tcase);
    } else {
        fprintf(stderr, "skipped, as this is not root: owners, full disks\n");
    }
}

T_MAIN("queue_file", add_cases)
