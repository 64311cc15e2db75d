/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration runs, and what of them a child starts from. */
#include "mst_lifecycle.h"

#include "mst_child.h"
#include "mst_config.h"
#include "mst_dests.h"
#include "mst_directives.h"
#include "mst_env.h"
#include "mst_filters.h"
#include "mst_hooks.h"
#include "mst_keeper.h"
#include "mst_logio.h"
#include "mst_proxy.h"
#include "st_log.h"

/* The core's messages go to the error log of the main server. */
static void log_write(void *baton, st_log_level_t level, apr_status_t rv,
                      const char *message)
{
    /* apr has no words for codes of our own; the message has. */
    apr_status_t known = rv < APR_OS_START_USERERR || rv >= APR_OS_START_EAIERR ? rv : 0;
    ap_log_error(APLOG_MARK, (int)level, known, baton, "%s", message);
}

int mst_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    mst_filters_reset();
    mst_keeper_forget();
    return OK;
}

/* Something is switched on that has nowhere to go. */
static void warn_of_missing_dsn(const server_rec *main_server)
{
    for (const server_rec *s = main_server; s != NULL; s = s->next) {
        if (mst_conf_dest(s) < 0 &&
            mst_conf_enabled_explicitly(mst_dir_conf(s->lookup_defaults))) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         "ST0001: " MST_DIRECTIVE_ENABLE " is On, but there is no DSN: "
                         "nothing is traced; set " MST_DIRECTIVE_DSN " or SENTRY_DSN");
        }
    }
}

int mst_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                     server_rec *s)
{
    const char *problem = mst_env_read(pconf);
    if (problem != NULL) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL, "ST0002: %s",
                     problem);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    mst_dests_build(pconf, s);
    return OK;
}

/* At the start the configuration is read twice, and the module is loaded anew in between: what
 * is made for children is made the second time. */
static int is_for_children(void)
{
    return ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG;
}

/* A server that runs goes on without tracing, one that starts had better not. */
static int is_restart(void)
{
    return ap_state_query(AP_SQ_CONFIG_GEN) > 1;
}

/* Makes or finds the queue, and enters the destinations.
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR. */
static int queue_setup(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    apr_status_t rv = mst_keeper_open(s, ptemp);
    if (rv != APR_SUCCESS) {
        mst_dests_give_up(s);
        return is_restart() ? OK : HTTP_INTERNAL_SERVER_ERROR;
    }
    st_queue_t *queue = mst_keeper_queue();
    if (queue != NULL) {
        mst_dests_enter(queue, s, pconf);
        mst_keeper_watch_end(s, pconf, plog);
        st_wakeup_kick(queue); /* the sender of the last generation need not wait */
    }
    return OK;
}

/* Runs twice at a start and once more at each restart; every step may be repeated.
 *   1. the core's messages find the error log
 *   2. file: destinations belong to the children's user
 *   3. the queue is made or found, when children follow
 *   4. hooks and filters are wrapped, when there is a destination at all */
int mst_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    st_log_writer_set(log_write, s, ST_LOG_DEBUG);
    warn_of_missing_dsn(s);
    const st_dest_t *dest = NULL;
    apr_status_t rv = mst_dests_prepare_files(&dest);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, rv, s,
                     "ST0003: " MST_DIRECTIVE_DSN ": %s cannot be written; allowed is a "
                     "file in a folder that exists",
                     dest->dsn->masked);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (is_for_children()) {
        int result = queue_setup(pconf, plog, ptemp, s);
        if (result != OK) {
            return result;
        }
    }
    if (mst_dests_wanted()->count > 0) {
        mst_filters_wrap_known(pconf);
        mst_hooks_wrap(pconf);
        mst_logio_find();
        mst_proxy_wrap(pconf);
    }
    return OK;
}

void mst_child_init(apr_pool_t *pchild, server_rec *s)
{
    mst_child_start(pchild, s);
}
