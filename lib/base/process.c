/* SPDX-License-Identifier: Apache-2.0 */
/* Processes by pid and start time; proc(5) has the fields of /proc/PID/stat. */
#include "st_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Numbers of fields, from 1. */
enum { FIELD_STATE = 3, FIELD_THREADS = 20, FIELD_START = 22 };

typedef struct stat_t {
    pid_t pid;
    char state;
    unsigned long long threads;
    unsigned long long start;
} stat_t;

/* Reads at most size - 1 bytes, terminated. @return 0 when it cannot. */
static int file_read(char *out, size_t size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    if (n <= 0) {
        return 0;
    }
    out[n] = '\0';
    return 1;
}

/* The text of field `n`, which is behind the name. NULL when there are not so many. */
static const char *field_at(const char *text, int n)
{
    /* The name, in parentheses, may hold anything, parentheses and blanks too. */
    const char *at = strrchr(text, ')');
    for (int i = 2; at != NULL && i < n; i++) {
        at = strchr(at + 1, ' ');
    }
    return at != NULL ? at + 1 : NULL;
}

/* @param who "self" or a number. @return 0 when it cannot be read. */
static int stat_read(stat_t *stat, const char *who)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof(path), "/proc/%s/stat", who);
    int is_read = file_read(text, sizeof(text), path);
    if (!is_read) {
        return 0;
    }
    const char *state = field_at(text, FIELD_STATE);
    const char *threads = field_at(text, FIELD_THREADS);
    const char *start = field_at(text, FIELD_START);
    if (start == NULL) {
        return 0;
    }
    *stat = (stat_t){.pid = (pid_t)strtol(text, NULL, 10),
                     .state = *state,
                     .threads = strtoull(threads, NULL, 10),
                     .start = strtoull(start, NULL, 10)};
    return 1;
}

st_owner_t st_process_self(void)
{
    pid_t pid = getpid();
    stat_t stat;
    int is_read = stat_read(&stat, "self");
    /* A /proc of another pid namespace knows us by another number, and others by ours. */
    uint32_t start = is_read && stat.pid == pid ? (uint32_t)stat.start : 0;
    return (st_owner_t)(uint32_t)pid << 32 | start;
}

pid_t st_process_pid(st_owner_t owner)
{
    return (pid_t)(owner >> 32);
}

/* A zombie whose threads still run is only the main thread that has ended before them. */
static int has_ended(const stat_t *stat)
{
    return (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
}

int st_process_is_alive(st_owner_t owner)
{
    pid_t pid = st_process_pid(owner);
    if (pid <= 0) {
        return 0;
    }
    /* Not by a missing /proc/PID: with hidepid, processes of others have none. */
    int failed = kill(pid, 0);
    if (failed && errno == ESRCH) {
        return 0;
    }
    uint32_t start = (uint32_t)owner;
    if (start == 0) {
        return 1;
    }
    char who[16];
    snprintf(who, sizeof(who), "%d", (int)pid);
    stat_t stat;
    int is_read = stat_read(&stat, who);
    return !is_read || ((uint32_t)stat.start == start && !has_ended(&stat));
}
