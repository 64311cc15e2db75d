/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_LOGIO_H
#define MST_LOGIO_H

/* What mod_logio counted: the bytes that %O logs for a request, headers and all.
 *
 * mod_logio tells other modules only the sum of bytes in and out, when it has logged. What it
 * counts stands at the beginning of its state of the connection; that is read before it starts
 * anew, and believed only when the sum that it tells later is the same. */

#include "mst_private.h"

typedef struct mst_logio_t {
    apr_off_t in;
    apr_off_t out;
} mst_logio_t;

/* Looks for the module. At post_config. */
void mst_logio_find(void);

/* Remembers the counts so far. Before mod_logio logs. */
void mst_logio_note(mst_logio_t *noted, const conn_rec *c);

/* The bytes sent; 0 when they are not known. After mod_logio has logged. */
apr_off_t mst_logio_sent(const mst_logio_t *noted, conn_rec *c);

#endif /* MST_LOGIO_H */
