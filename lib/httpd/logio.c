/* SPDX-License-Identifier: Apache-2.0 */
/* What mod_logio counted. */
#include "mst_logio.h"

static const module *logio_module;

void mst_logio_find(void)
{
    logio_module = ap_find_linked_module("mod_logio.c");
}

void mst_logio_note(mst_logio_t *noted, const conn_rec *c)
{
    const mst_logio_t *counts =
        logio_module != NULL ? ap_get_module_config(c->conn_config, logio_module) : NULL;
    *noted = counts != NULL ? *counts : (mst_logio_t){0, 0};
}

apr_off_t mst_logio_sent(const mst_logio_t *noted, conn_rec *c)
{
    if (logio_module == NULL || noted->out <= 0 ||
        ap_get_module_config(c->conn_config, logio_module) == NULL) {
        return 0;
    }
    APR_OPTIONAL_FN_TYPE(ap_logio_get_last_bytes) *last_bytes =
        APR_RETRIEVE_OPTIONAL_FN(ap_logio_get_last_bytes);
    int is_right = last_bytes != NULL && last_bytes(c) == noted->in + noted->out;
    return is_right ? noted->out : 0;
}
