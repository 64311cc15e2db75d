/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_INTERRUPT_H
#define T_INTERRUPT_H

/* Interrupts the test at any instruction, many times, for what another process may do meanwhile:
 * two threads that run side by side rarely meet in the middle of something. */

#include <check.h>
#include <signal.h>
#include <sys/time.h>

#define T_INTERRUPT_US 50

static void t_interrupt_start(void (*handler)(int sig))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_interval = {.tv_usec = T_INTERRUPT_US},
                              .it_value = {.tv_usec = T_INTERRUPT_US}};
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void t_interrupt_end(void)
{
    struct itimerval never = {.it_value = {.tv_usec = 0}};
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}

#endif /* T_INTERRUPT_H */
