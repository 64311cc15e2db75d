/* SPDX-License-Identifier: Apache-2.0 */
/* The queue's memory: where its parts are, and the small ones of them. */
#include "queue_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "st_id.h"

#define LINE       64   /* parts start on cache lines of their own */
#define PAGE       4096 /* and the ring on a page */
#define SLOTS_MAX  (1 << 20)
#define WALK_TRIES 20

typedef struct queue_parts_t {
    size_t endpoints;
    size_t dsns;
    size_t dests;
    size_t slots;
    size_t ring;
    size_t size;
} queue_parts_t;

static size_t part_add(size_t *pend, size_t align, int count, size_t each)
{
    size_t start = (*pend + align - 1) / align * align;
    *pend = start + (size_t)count * each;
    return start;
}

static queue_parts_t parts_of(const st_queue_layout_t *layout)
{
    queue_parts_t parts;
    size_t end = sizeof(st_queue_shm_t);
    parts.endpoints = part_add(&end, LINE, layout->endpoints, sizeof(st_endpoint_t));
    parts.dsns = part_add(&end, LINE, layout->endpoints, sizeof(st_queue_dsn_t));
    parts.dests = part_add(&end, LINE, layout->dests, sizeof(st_queue_dest_t));
    parts.slots = part_add(&end, LINE, layout->open_slots, sizeof(st_open_slot_t));
    parts.ring = part_add(&end, PAGE, 1, layout->ring_bytes);
    parts.size = end;
    return parts;
}

static int is_in(int value, int most)
{
    return value >= 1 && value <= most;
}

size_t st_queue_size(const st_queue_layout_t *layout)
{
    if (!is_in(layout->endpoints, ST_QUEUE_DESTS_MAX) ||
        !is_in(layout->dests, ST_QUEUE_DESTS_MAX) ||
        !is_in(layout->open_slots, SLOTS_MAX) || layout->ring_bytes < ST_QUEUE_RING_MIN ||
        layout->ring_bytes > ST_QUEUE_RING_MAX) {
        return 0;
    }
    return parts_of(layout).size;
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/). */
uint64_t st_queue_sum(const void *bytes, size_t len)
{
    const unsigned char *byte = bytes;
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        sum = (sum ^ byte[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

/* Differs when the structs of another build differ. */
static uint32_t shape(void)
{
    const uint32_t sizes[] = {sizeof(st_queue_shm_t), sizeof(st_endpoint_t),
                              sizeof(st_queue_dsn_t), sizeof(st_queue_dest_t),
                              sizeof(st_open_slot_t), ST_REASON_COUNT,
                              ST_CATEGORY_COUNT,      ST_QUEUE_STRINGS_MAX};
    return (uint32_t)st_queue_sum(sizes, sizeof(sizes));
}

uint64_t st_queue_kind(void)
{
    return (uint64_t)ST_QUEUE_VERSION << 32 | shape();
}

static uint64_t fixed_sum(const st_queue_fixed_t *fixed)
{
    return st_queue_sum(fixed, offsetof(st_queue_fixed_t, sum));
}

apr_status_t st_queue_layout_read(st_queue_layout_t *layout,
                                  const st_queue_fixed_t *fixed)
{
    if (fixed->magic != ST_QUEUE_MAGIC || fixed->version != ST_QUEUE_VERSION ||
        fixed->shape != shape() || fixed->sum != fixed_sum(fixed)) {
        return ST_E_MALFORMED;
    }
    /* What is too large for an int becomes negative, and so out of range. */
    *layout = (st_queue_layout_t){.endpoints = (int)fixed->endpoints,
                                  .dests = (int)fixed->dests,
                                  .open_slots = (int)fixed->open_slots,
                                  .ring_bytes = fixed->ring_bytes};
    return st_queue_size(layout) != 0 ? APR_SUCCESS : ST_E_MALFORMED;
}

apr_status_t st_queue_map(st_queue_t *queue, int fd, const st_queue_layout_t *layout)
{
    queue_parts_t parts = parts_of(layout);
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd == -1) {
        return errno;
    }
    char *mem = mmap(NULL, parts.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mem == MAP_FAILED) {
        apr_status_t rv = errno;
        close(wake_fd);
        return rv;
    }
    *queue = (st_queue_t){.shm = (st_queue_shm_t *)mem,
                          .size = parts.size,
                          .fd = fd,
                          .wake_fd = wake_fd,
                          .layout = *layout,
                          .endpoints = (st_endpoint_t *)(mem + parts.endpoints),
                          .open = {.slots = (st_open_slot_t *)(mem + parts.slots),
                                   .count = layout->open_slots}};
    return APR_SUCCESS;
}

static char *part_at(const st_queue_t *queue, size_t start)
{
    return (char *)queue->shm + start;
}

st_queue_dsn_t *st_queue_dsn_at(const st_queue_t *queue, int i)
{
    return (st_queue_dsn_t *)part_at(queue, parts_of(&queue->layout).dsns) + i;
}

st_queue_dest_t *st_queue_dest_at(const st_queue_t *queue, int i)
{
    return (st_queue_dest_t *)part_at(queue, parts_of(&queue->layout).dests) + i;
}

apr_status_t st_queue_attach(st_queue_t *queue)
{
    char *mem = part_at(queue, parts_of(&queue->layout).ring);
    apr_status_t rv = st_ring_attach(&queue->ring, mem, queue->layout.ring_bytes);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* What the handle says is used from now on: it must lie in the memory. */
    uint64_t start = (uint64_t)(queue->ring.data - mem);
    int fits = queue->ring.data >= mem && start <= queue->layout.ring_bytes &&
               queue->ring.cap <= queue->layout.ring_bytes - start;
    return fits ? APR_SUCCESS : ST_E_MALFORMED;
}

apr_status_t st_queue_format(st_queue_t *queue)
{
    st_id_source_t source;
    st_id_source_seed(&source);
    st_rng_t rng = st_id_source_rng(&source);
    char *ring = part_at(queue, parts_of(&queue->layout).ring);
    apr_status_t rv = st_ring_format(ring, queue->layout.ring_bytes, st_rng_next(&rng));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    st_queue_fixed_t *fixed = &queue->shm->fixed;
    *fixed = (st_queue_fixed_t){.magic = ST_QUEUE_MAGIC,
                                .version = ST_QUEUE_VERSION,
                                .shape = shape(),
                                .endpoints = (uint32_t)queue->layout.endpoints,
                                .dests = (uint32_t)queue->layout.dests,
                                .open_slots = (uint32_t)queue->layout.open_slots,
                                .ring_bytes = queue->layout.ring_bytes};
    fixed->sum = fixed_sum(fixed);
    /* Relaxed: nobody else looks yet. 0 would say "unused" in the tables. */
    atomic_store_explicit(&queue->shm->generation, 1, memory_order_relaxed);
    return APR_SUCCESS;
}

/* A memory file of that size. Sealed: who shrank it would kill all others at their next look. */
static apr_status_t memory_make(int *pfd, size_t size)
{
    int fd = memfd_create("sentry_trace", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd == -1) {
        return errno;
    }
    int failed = ftruncate(fd, (off_t)size);
    if (!failed) {
        failed = fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    }
    if (failed) {
        apr_status_t rv = errno;
        close(fd);
        return rv;
    }
    *pfd = fd;
    return APR_SUCCESS;
}

static apr_status_t empty_make(st_queue_t *queue)
{
    apr_status_t rv = st_queue_format(queue);
    return rv == APR_SUCCESS ? st_queue_attach(queue) : rv;
}

apr_status_t st_queue_create(st_queue_t *queue, const st_queue_layout_t *layout)
{
    size_t size = st_queue_size(layout);
    if (size == 0) {
        return APR_EINVAL;
    }
    int fd = -1;
    apr_status_t rv = memory_make(&fd, size);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = st_queue_map(queue, fd, layout);
    if (rv != APR_SUCCESS) {
        close(fd);
        return rv;
    }
    rv = empty_make(queue);
    if (rv != APR_SUCCESS) {
        st_queue_close(queue);
    }
    return rv;
}

void st_queue_close(st_queue_t *queue)
{
    munmap(queue->shm, queue->size);
    close(queue->fd);
    close(queue->wake_fd);
    *queue = (st_queue_t){.fd = -1, .wake_fd = -1};
}

/* Relaxed: what a generation means is in memory that a fork has copied, or a hint. */
void st_queue_generation_next(st_queue_t *queue)
{
    unsigned next = st_queue_generation(queue) + 1;
    atomic_store_explicit(&queue->shm->generation, next != 0 ? next : 1,
                          memory_order_relaxed);
}

unsigned st_queue_generation(const st_queue_t *queue)
{
    return atomic_load_explicit(&queue->shm->generation, memory_order_relaxed);
}

apr_status_t st_queue_walk(const st_queue_t *queue, st_queue_entry_fn *fn, void *baton)
{
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&queue->ring, &cursor);
    /* There cannot be more entries: whoever sees more follows a ring that runs away. */
    uint64_t most = queue->ring.cap / sizeof(uint64_t);
    for (uint64_t i = 0; i < most; i++) {
        uint64_t before = cursor.pos;
        st_ring_tag_t tag;
        apr_status_t rv = st_ring_peek(&queue->ring, &cursor, &tag);
        if (rv != APR_SUCCESS) {
            return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
        }
        fn(tag, cursor.pos - before, baton);
    }
    return APR_EAGAIN;
}

void st_queue_tag_count(st_ring_tag_t tag, uint64_t quantity[ST_CATEGORY_COUNT])
{
    quantity[ST_CATEGORY_SPAN] += tag.spans;
    if (tag.flags & ST_QUEUE_TAG_TRANSACTION) {
        quantity[ST_CATEGORY_TRANSACTION]++;
    }
}

typedef struct waiting_baton_t {
    const st_queue_t *queue;
    st_queue_waiting_t *waiting;
} waiting_baton_t;

static void waiting_add(st_ring_tag_t tag, uint64_t bytes, void *baton)
{
    const waiting_baton_t *all = baton;
    int endpoint = st_queue_dest_endpoint(all->queue, tag.dest);
    if (endpoint >= 0) {
        st_queue_tag_count(tag, all->waiting[endpoint].quantity);
        all->waiting[endpoint].bytes += bytes;
    }
}

apr_status_t st_queue_waiting(const st_queue_t *queue, st_queue_waiting_t *waiting)
{
    waiting_baton_t baton = {.queue = queue, .waiting = waiting};
    apr_status_t rv = APR_EAGAIN;
    for (int i = 0; i < WALK_TRIES && APR_STATUS_IS_EAGAIN(rv); i++) {
        memset(waiting, 0, sizeof(*waiting) * (size_t)queue->layout.endpoints);
        rv = st_queue_walk(queue, waiting_add, &baton);
    }
    return rv;
}

void st_queue_exit_note(st_queue_t *queue, pid_t pid, int sig)
{
    st_queue_shm_t *shm = queue->shm;
    uint64_t note = (uint64_t)(uint32_t)pid << 32 | (uint32_t)sig;
    /* Relaxed: the parent alone writes. The note is one word, the count only says which of two
     * notes of one pid is the newer. */
    unsigned count = atomic_load_explicit(&shm->exit_count, memory_order_relaxed);
    atomic_store_explicit(&shm->exits[count % ST_QUEUE_EXITS], note,
                          memory_order_relaxed);
    atomic_store_explicit(&shm->exit_count, count + 1, memory_order_relaxed);
}

int st_queue_exit_signal(const st_queue_t *queue, pid_t pid)
{
    const st_queue_shm_t *shm = queue->shm;
    unsigned count = atomic_load_explicit(&shm->exit_count, memory_order_relaxed);
    for (unsigned i = 1; i <= ST_QUEUE_EXITS; i++) {
        uint64_t note = atomic_load_explicit(&shm->exits[(count - i) % ST_QUEUE_EXITS],
                                             memory_order_relaxed);
        if (note >> 32 == (uint32_t)pid) {
            return (int)(uint32_t)note;
        }
    }
    return 0;
}

st_lease_shm_t *st_queue_lease(const st_queue_t *queue)
{
    return &queue->shm->lease;
}

st_ledger_shm_t *st_queue_ledger(const st_queue_t *queue)
{
    return &queue->shm->ledger;
}

st_wakeup_shm_t *st_queue_wakeup(const st_queue_t *queue)
{
    return &queue->shm->wakeup;
}
