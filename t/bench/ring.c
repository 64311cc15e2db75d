/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs a request to put a record into the ring: processes that share one, as httpd's
 * children do, append records of 1.5 KB (claim, reserve, copy, commit) until it is nearly full;
 * then it is emptied, and they do it again.
 *
 *   ring [ROUNDS]     for 1, 4 and 16 producers, with and without claims, a line
 *                     PRODUCERS CLAIM CPU-NS WALL-NS APPENDS
 *
 * CPU-NS is processor time of one append as its producer sees it; WALL-NS is what passes
 * between two appends of anybody. Medians over the rounds. Nobody takes entries meanwhile. */

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "st_clock.h"
#include "st_open.h"
#include "st_ring.h"

#define RING_BYTES    ((size_t)8 * 1024 * 1024)
#define RECORD_BYTES  1536
#define PRODUCERS_MAX 16
#define ROUNDS_MAX    10000

typedef struct producer_t {
    st_ns_t cpu; /* of the last round */
    st_ns_t start;
    st_ns_t end;
    long appends;
} producer_t;

/* Shared by all processes. */
typedef struct shared_t {
    st_open_slot_t slots[PRODUCERS_MAX];
    producer_t producers[PRODUCERS_MAX];
    _Atomic int round; /* that producers are to do; -1: end */
    _Atomic int done;  /* producers that have done it */
    _Alignas(64) char ring[RING_BYTES];
} shared_t;

typedef struct bench_t {
    shared_t *shared;
    st_ring_t ring;
    int producers;
    int has_claim;
} bench_t;

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static st_ns_t cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * ST_NS_PER_SEC + now.tv_nsec;
}

static int append(bench_t *bench, st_open_slot_t *slot, const char *record)
{
    uint64_t pos;
    st_ring_claim_t *claim = bench->has_claim ? &slot->claim : NULL;
    void *to = st_ring_reserve(&bench->ring, RECORD_BYTES, (st_ring_tag_t){.spans = 1},
                               claim, &pos);
    if (to == NULL) {
        return 0;
    }
    memcpy(to, record, RECORD_BYTES);
    st_ring_commit(&bench->ring, pos, claim);
    return 1;
}

static void produce_round(bench_t *bench, int id, const char *record)
{
    producer_t *me = &bench->shared->producers[id];
    long share =
        (long)(st_ring_capacity(&bench->ring) / (RECORD_BYTES + 64)) / bench->producers;
    long appends = 0;
    me->start = st_clock_mono();
    st_ns_t cpu = cpu_now();
    while (appends < share) {
        appends += append(bench, &bench->shared->slots[id], record);
    }
    me->cpu = cpu_now() - cpu;
    me->end = st_clock_mono();
    me->appends = appends;
}

static void produce(bench_t *bench, int id)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char record[RECORD_BYTES];
    memset(record, id, sizeof(record));
    for (int done = 0;;) {
        int round = atomic_load(&bench->shared->round);
        if (round < 0) {
            _exit(EXIT_SUCCESS);
        }
        if (round == done) {
            sched_yield();
            continue;
        }
        produce_round(bench, id, record);
        done = round;
        atomic_fetch_add(&bench->shared->done, 1);
    }
}

static void empty_ring(bench_t *bench)
{
    st_ring_cursor_t cursor;
    st_ring_entry_t entry;
    st_ring_cursor_init(&bench->ring, &cursor);
    while (st_ring_next(&bench->ring, &cursor, &entry) == APR_SUCCESS) {
        st_ring_release(&bench->ring, entry.pos);
    }
}

typedef struct result_t {
    double cpu;
    double wall;
    long appends;
} result_t;

static result_t run_round(bench_t *bench, int round)
{
    atomic_store(&bench->shared->done, 0);
    atomic_store(&bench->shared->round, round);
    while (atomic_load(&bench->shared->done) < bench->producers) {
        sched_yield();
    }
    empty_ring(bench);
    const producer_t *all = bench->shared->producers;
    st_ns_t cpu = 0;
    st_ns_t start = all[0].start;
    st_ns_t end = all[0].end;
    result_t result = {0};
    for (int i = 0; i < bench->producers; i++) {
        cpu += all[i].cpu;
        start = all[i].start < start ? all[i].start : start;
        end = all[i].end > end ? all[i].end : end;
        result.appends += all[i].appends;
    }
    result.cpu = (double)cpu / (double)result.appends;
    result.wall = (double)(end - start) / (double)result.appends;
    return result;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return values[count / 2];
}

static void run_rounds(bench_t *bench, int rounds)
{
    static double cpu[ROUNDS_MAX];
    static double wall[ROUNDS_MAX];
    long appends = 0;
    /* The first rounds are for page faults. */
    for (int i = -2; i < rounds; i++) {
        result_t result = run_round(bench, i + 3);
        if (i >= 0) {
            cpu[i] = result.cpu;
            wall[i] = result.wall;
            appends += result.appends;
        }
    }
    printf("%9d %5s %6.0f %7.0f %9ld\n", bench->producers,
           bench->has_claim ? "yes" : "no", median(cpu, rounds), median(wall, rounds),
           appends);
    fflush(stdout);
}

static void run(bench_t *bench, int rounds)
{
    shared_t *shared = bench->shared;
    atomic_store(&shared->round, 0);
    apr_status_t rv = st_ring_format(shared->ring, RING_BYTES, 1);
    if (rv == APR_SUCCESS) {
        rv = st_ring_attach(&bench->ring, shared->ring, RING_BYTES);
    }
    if (rv != APR_SUCCESS) {
        die("ring");
    }
    for (int i = 0; i < bench->producers; i++) {
        pid_t pid = fork();
        if (pid < 0) {
            die("fork");
        }
        if (pid == 0) {
            produce(bench, i);
        }
    }
    run_rounds(bench, rounds);
    atomic_store(&shared->round, -1);
    for (int i = 0; i < bench->producers; i++) {
        wait(NULL);
    }
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 200;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: ring [ROUNDS]\n");
        return 2;
    }
    shared_t *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        die("mmap");
    }
    static const int producers[] = {1, 4, 16};
    printf("producers claim cpu-ns wall-ns   appends\n");
    for (size_t i = 0; i < sizeof(producers) / sizeof(producers[0]); i++) {
        for (int has_claim = 0; has_claim < 2; has_claim++) {
            bench_t bench = {
                .shared = shared, .producers = producers[i], .has_claim = has_claim};
            run(&bench, rounds);
        }
    }
    return EXIT_SUCCESS;
}
