/* SPDX-License-Identifier: Apache-2.0 */
/* The lease: a record lock, and a few words beside it. */
#include "st_lease.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "st_queue.h"

/* Byte 0 of the file; the others are not the sender's. Of the kinds of locks this is the one that a
 * fork does not inherit: children of a child (CGI programs) must not keep a dead sender's.
 * @param type F_WRLCK or F_UNLCK */
static apr_status_t byte_lock(const st_queue_t *queue, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    int rc = fcntl(queue->fd, F_SETLK, &lock);
    if (rc == 0) {
        return APR_SUCCESS;
    }
    return errno == EACCES ? APR_EAGAIN : errno; /* POSIX allows both for "another's" */
}

int st_lease_is_wanted(const st_queue_t *queue, st_ns_t now)
{
    const st_lease_shm_t *lease = st_queue_lease(queue);
    /* Relaxed: a hint; the lock decides. */
    st_owner_t holder = atomic_load_explicit(&lease->holder, memory_order_relaxed);
    st_ns_t beat = atomic_load_explicit(&lease->beat, memory_order_relaxed);
    /* Far ahead of now it is another boot's, which a queue file has brought along. */
    return holder == 0 || now - beat > ST_LEASE_STALE || beat - now > ST_LEASE_STALE;
}

/* A holder that died has left no word of when. */
static void gap_note(st_lease_shm_t *lease, st_ns_t now)
{
    st_owner_t holder = atomic_load_explicit(&lease->holder, memory_order_relaxed);
    st_ns_t given_at = atomic_load_explicit(&lease->given_at, memory_order_relaxed);
    st_ns_t most = atomic_load_explicit(&lease->gap_max, memory_order_relaxed);
    if (holder == 0 && given_at > 0 && now - given_at > most) {
        atomic_store_explicit(&lease->gap_max, now - given_at, memory_order_relaxed);
    }
}

apr_status_t st_lease_take(st_queue_t *queue, st_owner_t self, st_ns_t now)
{
    apr_status_t rv = byte_lock(queue, F_WRLCK);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* Relaxed: the lock has ordered them among holders; for others they are hints. */
    st_lease_shm_t *lease = st_queue_lease(queue);
    gap_note(lease, now);
    atomic_store_explicit(&lease->beat, now, memory_order_relaxed);
    atomic_store_explicit(&lease->holder, self, memory_order_relaxed);
    atomic_fetch_add_explicit(&lease->taken, 1, memory_order_relaxed);
    return APR_SUCCESS;
}

void st_lease_beat(st_queue_t *queue, st_ns_t now)
{
    atomic_store_explicit(&st_queue_lease(queue)->beat, now, memory_order_relaxed);
}

void st_lease_give_back(st_queue_t *queue, st_ns_t now)
{
    st_lease_shm_t *lease = st_queue_lease(queue);
    atomic_store_explicit(&lease->given_at, now, memory_order_relaxed);
    /* Before the lock is open: afterwards it is the next one's word. */
    atomic_store_explicit(&lease->holder, 0, memory_order_relaxed);
    apr_status_t rv = byte_lock(queue, F_UNLCK);
    (void)rv; /* a lock that is held can be given back */
}
