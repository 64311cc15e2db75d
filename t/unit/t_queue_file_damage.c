/* SPDX-License-Identifier: Apache-2.0 */
/* What else may stand where the queue's file should be. */
#include "t_queue_file.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "../../lib/queue/queue_int.h"
#include "../../lib/queue/ring_int.h"

static void poke(off_t at, const void *bytes, size_t len)
{
    int fd = open(FILE_NAME, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
}

static void damage_magic(void)
{
    poke(0, "x", 1);
}

static void damage_version(void)
{
    poke(offsetof(st_queue_fixed_t, version), "\xFE\xFF", 2);
}

static void damage_shape(void)
{
    poke(offsetof(st_queue_fixed_t, shape), "\xFE\xFF", 2);
}

static void damage_sum(void)
{
    poke(offsetof(st_queue_fixed_t, reserved), "x", 1);
}

/* With a right sum: as another build would write it. */
static void fixed_change(void (*change)(st_queue_fixed_t *fixed))
{
    open_expect(0);
    st_queue_fixed_t fixed = queue.shm->fixed;
    st_queue_close(&queue);
    change(&fixed);
    fixed.sum = st_queue_sum(&fixed, offsetof(st_queue_fixed_t, sum));
    poke(0, &fixed, sizeof(fixed));
}

static void change_version(st_queue_fixed_t *fixed)
{
    fixed->version++;
}

static void change_shape(st_queue_fixed_t *fixed)
{
    fixed->shape++;
}

static void change_dests(st_queue_fixed_t *fixed)
{
    fixed->dests = 3;
}

static void change_ring(st_queue_fixed_t *fixed)
{
    fixed->ring_bytes = UINT64_MAX - 100;
}

static void change_slots(st_queue_fixed_t *fixed)
{
    fixed->open_slots = UINT32_MAX;
}

static void damage_other_version(void)
{
    fixed_change(change_version);
}

static void damage_other_shape(void)
{
    fixed_change(change_shape);
}

static void damage_other_size(void)
{
    fixed_change(change_dests);
}

static void damage_large_ring(void)
{
    fixed_change(change_ring);
}

static void damage_many_slots(void)
{
    fixed_change(change_slots);
}

static void damage_ring(void)
{
    open_expect(0);
    off_t at = (char *)queue.ring.shm - (char *)queue.shm;
    st_queue_close(&queue);
    poke(at, "wrong", 5);
}

static void damage_head(void)
{
    open_expect(0);
    atomic_fetch_add(&queue.ring.shm->head, 2 * queue.ring.cap);
    st_queue_close(&queue);
}

static void damage_dest(void)
{
    open_expect(0);
    put(1);
    st_queue_close(&queue);
}

static void damage_shorter(void)
{
    ck_assert_int_eq(truncate(FILE_NAME, stat_of(FILE_NAME).st_size - 1), 0);
}

static void damage_longer(void)
{
    ck_assert_int_eq(truncate(FILE_NAME, stat_of(FILE_NAME).st_size + 1), 0);
}

static void damage_empty(void)
{
    ck_assert_int_eq(truncate(FILE_NAME, 0), 0);
}

static void damage_mode(void)
{
    ck_assert_int_eq(chmod(FILE_NAME, 0640), 0);
}

static void damage_link(void)
{
    ck_assert_int_eq(link(FILE_NAME, "link"), 0);
}

static void damage_symlink(void)
{
    ck_assert_int_eq(rename(FILE_NAME, "moved"), 0);
    ck_assert_int_eq(symlink("../moved", FILE_NAME), 0);
}

static void damage_loop(void)
{
    ck_assert_int_eq(unlink(FILE_NAME), 0);
    ck_assert_int_eq(symlink("sentry-trace.queue", FILE_NAME), 0);
}

static void damage_pipe(void)
{
    ck_assert_int_eq(unlink(FILE_NAME), 0);
    ck_assert_int_eq(mkfifo(FILE_NAME, 0600), 0);
}

static void damage_folder(void)
{
    ck_assert_int_eq(unlink(FILE_NAME), 0);
    ck_assert_int_eq(mkdir(FILE_NAME, 0700), 0);
    ck_assert_int_eq(mkdir(FILE_NAME "/below", 0700), 0);
}

static void damage_socket(void)
{
    ck_assert_int_eq(unlink(FILE_NAME), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = FILE_NAME};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    close(fd);
}

static void (*const damages[])(void) = {
    damage_sum,           damage_magic,       damage_version,    damage_shape,
    damage_other_version, damage_other_shape, damage_other_size, damage_large_ring,
    damage_many_slots,    damage_ring,        damage_head,       damage_dest,
    damage_shorter,       damage_longer,      damage_empty,      damage_mode,
    damage_link,          damage_symlink,     damage_loop,       damage_pipe,
    damage_folder,        damage_socket,
};

static void expect_set_aside(void)
{
    struct stat before = stat_of(FILE_NAME);
    open_expect(1);
    struct stat aside = stat_of(ASIDE_NAME);
    ck_assert_uint_eq(aside.st_ino, before.st_ino);
    ck_assert_int_eq(aside.st_mode, before.st_mode);
    ck_assert_int_eq(aside.st_size, before.st_size);
    ck_assert_uint_eq(waiting_spans(), 0);
    st_queue_close(&queue);
    open_expect(0);
    st_queue_close(&queue);
}

START_TEST(what_is_no_whole_queue_is_set_aside)
{
    leave_record();
    damages[_i]();
    expect_set_aside();
}
END_TEST

START_TEST(file_of_another_owner_is_set_aside)
{
    leave_record();
    ck_assert_int_eq(chown(FILE_NAME, USER + 1, GROUP), 0);
    expect_set_aside();
    ck_assert_uint_eq(stat_of(ASIDE_NAME).st_uid, USER + 1);
}
END_TEST

START_TEST(target_of_a_link_is_not_touched)
{
    ck_assert_int_eq(mkdir("q", 0700), 0);
    int fd = open("target", O_WRONLY | O_CREAT, 0644);
    ck_assert_int_eq(write(fd, "text", 4), 4);
    close(fd);
    struct stat before = stat_of("target");
    ck_assert_int_eq(symlink("../target", FILE_NAME), 0);
    ck_assert_int_eq(symlink("../target", NEW_NAME), 0);
    ck_assert_int_eq(symlink("../target", ASIDE_NAME), 0);
    open_expect(1);
    struct stat after = stat_of("target");
    ck_assert_int_eq(after.st_size, 4);
    ck_assert_int_eq(after.st_mode, before.st_mode);
    ck_assert_uint_eq(after.st_uid, before.st_uid);
    ck_assert_int_eq(stat_of(FILE_NAME).st_mode, S_IFREG | 0600);
    st_queue_close(&queue);
}
END_TEST

START_TEST(newest_file_that_was_set_aside_is_kept)
{
    static void (*const first[])(void) = {damage_magic, damage_pipe, damage_loop};
    leave_record();
    first[_i]();
    open_expect(1);
    st_queue_close(&queue);
    damage_magic();
    ino_t inode = stat_of(FILE_NAME).st_ino;
    open_expect(1);
    ck_assert_uint_eq(stat_of(ASIDE_NAME).st_ino, inode);
    st_queue_close(&queue);
}
END_TEST

START_TEST(what_cannot_be_set_aside_stays)
{
    leave_record();
    damage_magic();
    ck_assert_int_eq(mkdir(ASIDE_NAME, 0700), 0);
    ck_assert_int_eq(mkdir(ASIDE_NAME "/below", 0700), 0);
    ino_t inode = stat_of(FILE_NAME).st_ino;
    apr_status_t rv = open_as("q", &layout);
    ck_assert_int_ne(rv, APR_SUCCESS);
    ck_assert_ptr_nonnull(why);
    ck_assert_uint_eq(stat_of(FILE_NAME).st_ino, inode);
    ck_assert_int_eq(rmdir(ASIDE_NAME "/below"), 0);
    open_expect(1);
    st_queue_close(&queue);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, what_is_no_whole_queue_is_set_aside, 0,
                        sizeof(damages) / sizeof(damages[0]));
    tcase_add_test(tcase, target_of_a_link_is_not_touched);
    tcase_add_loop_test(tcase, newest_file_that_was_set_aside_is_kept, 0, 3);
    tcase_add_test(tcase, what_cannot_be_set_aside_stays);
    if (is_root()) {
        tcase_add_test(tcase, file_of_another_owner_is_set_aside);
    } else {
        fprintf(stderr, "skipped, as this is not root: file of another owner\n");
    }
}

T_MAIN("queue_file_damage", add_cases)
