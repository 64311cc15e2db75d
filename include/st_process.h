/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_PROCESS_H
#define ST_PROCESS_H

/* Names of processes that stay true after the process is gone: a process id is given out
 * again, together with the start time it is not. For what processes leave in shared memory. */

#include <stdint.h>
#include <sys/types.h>

/* pid << 32 | low 32 bits of its start time in clock ticks since boot; 0: nobody. */
typedef uint64_t st_owner_t;

/* The calling process. Reads /proc, so ask once per process, after fork, and keep it. Where
 * /proc cannot be read, or numbers processes differently, the start time is 0, which then means
 * "any". Never fails. */
st_owner_t st_process_self(void);

/* 0 when `owner` has ended: it is gone, a zombie without a running thread, or its pid belongs
 * to another process; also for what cannot be a process. 1 also when that cannot be known. Any
 * thread; opens a file in /proc, never blocks. */
int st_process_is_alive(st_owner_t owner);

pid_t st_process_pid(st_owner_t owner);

#endif /* ST_PROCESS_H */
