/* SPDX-License-Identifier: Apache-2.0 */
/* mod_sentry_trace: shows where the time of every request goes, and streams it to Sentry.
 *
 * This file is the table of contents: the module record and its hooks. The manual of the
 * directives is conf/sentry_trace.conf, the architecture docs/architecture.md. */

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_proxy.h>

#include "lib/httpd/mst_browser.h"
#include "lib/httpd/mst_config.h"
#include "lib/httpd/mst_directives.h"
#include "lib/httpd/mst_keeper.h"
#include "lib/httpd/mst_lifecycle.h"
#include "lib/httpd/mst_optional.h"
#include "lib/httpd/mst_proxy.h"
#include "lib/httpd/mst_request_hooks.h"
#include "lib/httpd/mst_status_page.h"

/* Behind everybody who says "really last": the wrappers have to see what all others made, and
 * the segment has to end after all others have logged. */
#define AFTER_ALL (APR_HOOK_REALLY_LAST + 10)

static void register_hooks(apr_pool_t *p)
{
    /* server */
    ap_hook_pre_config(mst_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(mst_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(mst_post_config, NULL, NULL, AFTER_ALL);
    ap_hook_child_init(mst_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_error_log(mst_error_log, NULL, NULL, APR_HOOK_MIDDLE);

    /* request */
    ap_hook_post_read_request(mst_post_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_filter(mst_insert_filter, NULL, NULL, AFTER_ALL);
    ap_hook_insert_error_filter(mst_insert_error_filter, NULL, NULL, AFTER_ALL);
    ap_hook_log_transaction(mst_log_transaction_first, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_log_transaction(mst_log_transaction, NULL, NULL, AFTER_ALL);

    /* proxied calls; mod_proxy need not be there */
    APR_OPTIONAL_HOOK(proxy, fixups, mst_proxy_fixups, NULL, NULL, AFTER_ALL);

    /* the browser */
    mst_browser_register();

    /* other modules */
    mst_optional_register();

    /* content */
    ap_hook_handler(mst_handler_sink, NULL, NULL, APR_HOOK_MIDDLE);
    mst_status_page_register();
}

module AP_MODULE_DECLARE_DATA sentry_trace_module = {
    STANDARD20_MODULE_STUFF,
    mst_dir_conf_create,    /* per directory: create */
    mst_dir_conf_merge,     /* per directory: inner wins where set */
    mst_server_conf_create, /* per server: create */
    mst_server_conf_merge,  /* per server: virtual host wins where set */
    mst_directives,         /* directives */
    register_hooks,         /* hooks */
    AP_MODULE_FLAG_ALWAYS_MERGE,
};
