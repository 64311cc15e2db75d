/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_QUEUE_FILE_H
#define T_QUEUE_FILE_H

/* A queue in a file, in a folder of each test's own. */

#include "t.h"
#include "st_queue.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "0123456789abcdef0123456789abcdef"

#define FILE_NAME  "q/sentry-trace.queue"
#define ASIDE_NAME "q/sentry-trace.queue.aside"
#define NEW_NAME   "q/sentry-trace.queue.new"

/* Of nobody who could be here. */
enum { USER = 61234, GROUP = 61235 };

static const st_queue_layout_t layout = {
    .endpoints = 2, .dests = 2, .open_slots = 3, .ring_bytes = ST_QUEUE_RING_MIN};

static char dir[64];
static st_queue_t queue;
static int was_aside;
static const char *why;

static int is_root(void)
{
    return geteuid() == 0;
}

/* The folder is that of each test, with the queue's own below. */
static void setup(void)
{
    strcpy(dir, "t_queue_file_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chdir(dir), 0);
}

static void teardown(void)
{
    ck_assert_int_eq(chdir(".."), 0);
    ck_assert_int_eq(system(apr_pstrcat(t_pool, "rm -r ", dir, NULL)), 0);
}

static apr_status_t open_as(const char *path, const st_queue_layout_t *wanted)
{
    why = NULL;
    was_aside = -1;
    return st_queue_open_file(&queue, wanted, path, is_root() ? USER : geteuid(),
                              is_root() ? GROUP : getegid(), &was_aside, &why, t_pool);
}

static void open_expect(int aside)
{
    apr_status_t rv = open_as("q", &layout);
    ck_assert_msg(rv == APR_SUCCESS, "%d: %s", rv, why);
    ck_assert_int_eq(was_aside, aside);
}

static inline void open_refused(apr_status_t want)
{
    apr_status_t rv = open_as("q", &layout);
    ck_assert_msg(rv == want, "%d: %s", rv, why);
    ck_assert_ptr_nonnull(why);
    ck_assert_int_eq(was_aside, 0);
}

static struct stat stat_of(const char *path)
{
    struct stat st;
    ck_assert_msg(lstat(path, &st) == 0, "%s", path);
    return st;
}

static inline int exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static int enter(void)
{
    st_dsn_t *dsn;
    const char *bad;
    const char *text = "https://" KEY "@h/1";
    ck_assert_int_eq(st_dsn_parse(&dsn, &bad, text, t_pool), APR_SUCCESS);
    st_dest_t dest = {.dsn = dsn, .environment = "e"};
    int index = -1;
    ck_assert_int_eq(st_queue_dest_enter(&queue, &dest, &index), APR_SUCCESS);
    return index;
}

static void put(int dest)
{
    st_ring_tag_t tag = {.dest = (uint16_t)dest, .spans = 3};
    uint64_t pos = 0;
    char *to = st_ring_reserve(&queue.ring, 6, tag, NULL, &pos);
    ck_assert_ptr_nonnull(to);
    memcpy(to, "record", 6);
    st_ring_commit(&queue.ring, pos, NULL);
}

/* Leaves a file in which a record waits. */
static inline void leave_record(void)
{
    open_expect(0);
    put(enter());
    st_queue_close(&queue);
}

static uint64_t waiting_spans(void)
{
    st_queue_waiting_t waiting[2];
    ck_assert_int_eq(st_queue_waiting(&queue, waiting), APR_SUCCESS);
    return waiting[0].quantity[ST_CATEGORY_SPAN];
}

#endif /* T_QUEUE_FILE_H */
