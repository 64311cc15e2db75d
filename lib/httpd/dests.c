/* SPDX-License-Identifier: Apache-2.0 */
/* One destination per distinct set of values, one endpoint per distinct DSN; then their places in
 * the queue. */
#include "mst_dests.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unixd.h>
#include "mst_config.h"

static st_dest_table_t wanted; /* by this configuration */
static st_dest_table_t table;  /* of the queue */

static apr_status_t tables_forget(void *unused)
{
    wanted = (st_dest_table_t){.count = 0};
    table = (st_dest_table_t){.count = 0};
    return APR_SUCCESS;
}

static int same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int same_endpoint(const st_dest_t *a, const st_dest_t *b)
{
    return same_text(a->dsn->url, b->dsn->url) &&
           same_text(a->dsn->public_key, b->dsn->public_key);
}

static int same_dest(const st_dest_t *a, const st_dest_t *b)
{
    return same_endpoint(a, b) && a->lifecycle == b->lifecycle &&
           same_text(a->environment, b->environment) &&
           same_text(a->release, b->release) &&
           same_text(st_dest_org_id(a), st_dest_org_id(b)) &&
           same_text(a->server_name, b->server_name) &&
           same_text(a->ca_file, b->ca_file) && a->timeout == b->timeout;
}

static const char *host_name(apr_pool_t *p)
{
    char name[APRMAXHOSTLEN + 1];
    apr_status_t rv = apr_gethostname(name, sizeof(name), p);
    return rv == APR_SUCCESS && name[0] != '\0' ? apr_pstrdup(p, name) : NULL;
}

/* Index of `dest` in what is wanted, added when new. */
static int dest_index(st_dest_t *dests, st_dest_t *dest)
{
    dest->endpoint = wanted.endpoint_count;
    for (int i = 0; i < wanted.count; i++) {
        if (same_dest(&dests[i], dest)) {
            return i;
        }
        if (same_endpoint(&dests[i], dest)) {
            dest->endpoint = dests[i].endpoint;
        }
    }
    if (dest->endpoint == wanted.endpoint_count) {
        wanted.endpoint_count++;
    }
    dests[wanted.count] = *dest;
    return wanted.count++;
}

void mst_dests_build(apr_pool_t *pconf, server_rec *main_server)
{
    int servers = 0;
    for (const server_rec *s = main_server; s != NULL; s = s->next) {
        servers++;
    }
    st_dest_t *dests = apr_pcalloc(pconf, sizeof(*dests) * (size_t)servers);
    const char *host = host_name(pconf);
    wanted = (st_dest_table_t){.dests = dests};
    apr_pool_cleanup_register(pconf, NULL, tables_forget, apr_pool_cleanup_null);
    for (server_rec *s = main_server; s != NULL; s = s->next) {
        mst_server_conf_t *conf = mst_server_conf(s);
        conf->dest = -1;
        if (mst_conf_dsn(s) == NULL) {
            continue;
        }
        const char *name = mst_conf_server_name(s);
        st_dest_t dest = {.dsn = mst_conf_dsn(s),
                          .lifecycle = mst_conf_lifecycle(s),
                          .environment = mst_conf_environment(s),
                          .release = mst_conf_release(s),
                          .org_id = mst_conf_org_id(s),
                          .server_name = name != NULL ? name : host,
                          .ca_file = mst_conf_ca_file(s),
                          .timeout = mst_conf_timeout(s)};
        conf->dest = dest_index(dests, &dest);
    }
}

const st_dest_table_t *mst_dests_wanted(void)
{
    return &wanted;
}

static void log_refused(const server_rec *s, apr_status_t rv)
{
    if (rv == ST_E_FULL) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, s,
            "ST0005: this server is not traced: the queue, which is as old as the "
            "parent process, has no room for its destination; after a stop and a "
            "start it has");
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                 "ST0006: this server is not traced: the values of its destination (DSN, "
                 "environment, release, names, path of certificates) are too long");
}

void mst_dests_enter(st_queue_t *queue, server_rec *main_server, apr_pool_t *pconf)
{
    int *index = apr_palloc(pconf, sizeof(*index) * (size_t)(wanted.count + 1));
    apr_status_t *result =
        apr_palloc(pconf, sizeof(*result) * (size_t)(wanted.count + 1));
    /* All of them first: which endpoint has moved shows only when it is known which stayed. */
    for (int i = 0; i < wanted.count; i++) {
        st_queue_dsn_keep(queue, wanted.dests[i].dsn);
    }
    for (int i = 0; i < wanted.count; i++) {
        index[i] = -1;
        result[i] = st_queue_dest_enter(queue, &wanted.dests[i], &index[i]);
    }
    for (server_rec *s = main_server; s != NULL; s = s->next) {
        mst_server_conf_t *conf = mst_server_conf(s);
        int i = conf->dest;
        if (i < 0) {
            continue;
        }
        conf->dest = result[i] == APR_SUCCESS ? index[i] : -1;
        if (result[i] != APR_SUCCESS) {
            log_refused(s, result[i]);
        }
    }
    st_queue_dests(queue, &table, pconf);
}

void mst_dests_give_up(server_rec *main_server)
{
    for (server_rec *s = main_server; s != NULL; s = s->next) {
        mst_server_conf(s)->dest = -1;
    }
}

const st_dest_table_t *mst_dests(void)
{
    return &table;
}

static apr_status_t prepare_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1) {
        return errno;
    }
    apr_status_t rv = APR_SUCCESS;
    struct stat st;
    /* Only a plain file that nobody else owns changes hands. */
    int ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0;
    if (ours && fchown(fd, ap_unixd_config.user_id, ap_unixd_config.group_id) == -1) {
        rv = errno;
    }
    close(fd);
    return rv;
}

apr_status_t mst_dests_prepare_files(const st_dest_t **pdest)
{
    if (geteuid() != 0) {
        return APR_SUCCESS;
    }
    for (int i = 0; i < wanted.count; i++) {
        if (wanted.dests[i].dsn->kind != ST_DSN_FILE) {
            continue;
        }
        *pdest = &wanted.dests[i];
        apr_status_t rv = prepare_file(wanted.dests[i].dsn->url);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}
