/* SPDX-License-Identifier: Apache-2.0 */
/* A queue that an earlier server has left in a file. Children of it may still be at work. */
#include "queue_int.h"

#include <fcntl.h>
#include <unistd.h>

#define WALK_TRIES 20

/* Longer than any limit or pause that an endpoint knows. */
#define YEAR (365 * 86400 * ST_NS_PER_SEC)

/* 1 when a process has the lease, which may be a child that has outlived its server. */
static int has_sender(const st_queue_t *queue)
{
    /* Byte 0: see lease.c. */
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    int failed = fcntl(queue->fd, F_GETLK, &lock);
    return !failed && lock.l_type != F_UNLCK;
}

/* A sum of the boot's name; 0: not known, then every boot is the same. */
static uint64_t boot_now(void)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }
    char id[64];
    ssize_t len = read(fd, id, sizeof(id));
    close(fd);
    return len > 0 ? st_queue_sum(id, (size_t)len) : 0;
}

static void entry_note(st_ring_tag_t tag, uint64_t bytes, void *baton)
{
    (void)bytes;
    char *is_named = baton;
    is_named[tag.dest] = 1;
}

apr_status_t st_queue_old_check(const st_queue_t *queue, apr_pool_t *scratch_pool)
{
    char *is_named = apr_pcalloc(scratch_pool, UINT16_MAX + 1);
    apr_status_t rv = APR_EAGAIN;
    for (int i = 0; i < WALK_TRIES && rv != APR_SUCCESS; i++) {
        rv = st_queue_walk(queue, entry_note, is_named);
    }
    st_dest_table_t table;
    st_queue_dests(queue, &table, scratch_pool);
    for (int i = 0; i <= UINT16_MAX; i++) {
        if (is_named[i] && (i >= table.count || table.dests[i].dsn == NULL)) {
            return ST_E_MALFORMED;
        }
    }
    return APR_SUCCESS;
}

int st_queue_old_is_empty(const st_queue_t *queue)
{
    if (st_ring_used(&queue->ring) > 0 || has_sender(queue)) {
        return 0;
    }
    for (int i = 0; i < queue->open.count; i++) {
        /* Relaxed: who might use it now is a child without a server. */
        const _Atomic st_owner_t *owner = &queue->open.slots[i].owner;
        if (atomic_load_explicit(owner, memory_order_relaxed) != 0) {
            return 0;
        }
    }
    for (int i = 0; i < queue->layout.endpoints; i++) {
        int is_pending = st_counters_report_read(&queue->endpoints[i].counters, NULL);
        if (is_pending) {
            return 0;
        }
    }
    return 1;
}

/* Of another boot: instants mean nothing, and processes have ended although others may have
 * their names now. */
static void boot_forget(st_queue_t *queue)
{
    /* No process has this id (pid_max is at most 2^22). */
    const st_owner_t ended = (st_owner_t)INT32_MAX << 32 | 1;
    for (int i = 0; i < queue->layout.endpoints; i++) {
        /* Seen from long ago, every instant is too far ahead. */
        st_endpoint_clocks_check(&queue->endpoints[i], -YEAR);
    }
    /* Relaxed, here and below: only a fork brings others. */
    for (int i = 0; i < queue->open.count; i++) {
        _Atomic st_owner_t *owner = &queue->open.slots[i].owner;
        if (atomic_load_explicit(owner, memory_order_relaxed) != 0) {
            atomic_store_explicit(owner, ended, memory_order_relaxed);
        }
    }
    for (int i = 0; i < ST_QUEUE_EXITS; i++) {
        atomic_store_explicit(&queue->shm->exits[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&queue->shm->lease.given_at, 0, memory_order_relaxed);
}

void st_queue_old_revive(st_queue_t *queue)
{
    uint64_t boot = boot_now();
    if (queue->shm->boot != boot) {
        boot_forget(queue);
        queue->shm->boot = boot;
    }
    st_ns_t now = st_clock_mono();
    for (int i = 0; i < queue->layout.endpoints; i++) {
        st_endpoint_clocks_check(&queue->endpoints[i], now);
    }
    if (!has_sender(queue)) {
        atomic_store_explicit(&queue->shm->lease.holder, 0, memory_order_relaxed);
    }
    /* The descriptor behind these words is a new one. */
    atomic_store_explicit(&queue->shm->wakeup.sleeping, 0, memory_order_relaxed);
    atomic_store_explicit(&queue->shm->wakeup.nudged, 0, memory_order_relaxed);
}

void st_queue_boot_set(st_queue_t *queue)
{
    queue->shm->boot = boot_now();
}
