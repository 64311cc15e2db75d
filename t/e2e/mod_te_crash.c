/* SPDX-License-Identifier: Apache-2.0 */
/* A module for e2e_queue: its handler te-crash ends the child that runs it with the signal whose
 * number is the query, as a module with a bug does, or a kernel that is short of memory. */

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int crash_handler(request_rec *r)
{
    if (r->handler == NULL || strcmp(r->handler, "te-crash") != 0 || r->args == NULL) {
        return DECLINED;
    }
    int sig = (int)strtol(r->args, NULL, 10);
    raise(sig);
    pause(); /* another thread may be the one that dies first */
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_handler(crash_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA te_crash_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0,
};
