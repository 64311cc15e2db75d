/* SPDX-License-Identifier: Apache-2.0 */
#ifndef T_QUEUE_SMALL_H
#define T_QUEUE_SMALL_H

/* The smallest queue, for tests of its parts. */

#include <check.h>
#include "st_queue.h"

static st_queue_t t_queue;

static void t_queue_setup(void)
{
    st_queue_layout_t layout = {
        .endpoints = 2, .dests = 2, .open_slots = 4, .ring_bytes = ST_QUEUE_RING_MIN};
    ck_assert_int_eq(st_queue_create(&t_queue, &layout), APR_SUCCESS);
}

static void t_queue_teardown(void)
{
    st_queue_close(&t_queue);
}

#endif /* T_QUEUE_SMALL_H */
