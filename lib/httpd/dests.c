/* SPDX-License-Identifier: Apache-2.0 */
/* One destination per distinct set of values, one endpoint per distinct DSN. */
#include "mst_dests.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unixd.h>
#include "mst_config.h"

static st_dest_table_t table;

static apr_status_t table_forget(void *unused)
{
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

/* Index of `dest` in the table, added when new. */
static int dest_index(st_dest_t *dests, st_dest_t *dest)
{
    dest->endpoint = table.endpoint_count;
    for (int i = 0; i < table.count; i++) {
        if (same_dest(&dests[i], dest)) {
            return i;
        }
        if (same_endpoint(&dests[i], dest)) {
            dest->endpoint = dests[i].endpoint;
        }
    }
    if (dest->endpoint == table.endpoint_count) {
        table.endpoint_count++;
    }
    dests[table.count] = *dest;
    return table.count++;
}

void mst_dests_build(apr_pool_t *pconf, server_rec *main_server)
{
    int servers = 0;
    for (const server_rec *s = main_server; s != NULL; s = s->next) {
        servers++;
    }
    st_dest_t *dests = apr_pcalloc(pconf, sizeof(*dests) * (size_t)servers);
    const char *host = host_name(pconf);
    table = (st_dest_table_t){.dests = dests};
    apr_pool_cleanup_register(pconf, NULL, table_forget, apr_pool_cleanup_null);
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
    for (int i = 0; i < table.count; i++) {
        if (table.dests[i].dsn->kind != ST_DSN_FILE) {
            continue;
        }
        *pdest = &table.dests[i];
        apr_status_t rv = prepare_file(table.dests[i].dsn->url);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}
