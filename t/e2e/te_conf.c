/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a private httpd. */

#include "te_conf.h"
#include "te_dir.h"

#include <stdlib.h>
#include <unistd.h>

#include <apr_strings.h>

/* Loaded when the file exists: what is a file and what is compiled in differs between
 * distributions. A module stands after those whose symbols it needs. */
static const char *const modules[] = {
    "authz_core", "authz_host",  "authz_user", "authn_core", "authn_file", "auth_basic",
    "alias",      "mime",        "dir",        "env",        "setenvif",   "headers",
    "expires",    "negotiation", "autoindex",  "actions",    "rewrite",    "include",
    "filter",     "deflate",     "substitute", "ratelimit",  "ext_filter", "cache",
    "cache_disk", "proxy",       "proxy_http", "reqtimeout", "status",     "info",
    "unixd",      "log_config",
};

const char *te_mpm_name(te_mpm_t mpm)
{
    static const char *const names[] = {"event", "worker", "prefork"};
    return names[mpm];
}

static const char *module_line(const char *name, apr_pool_t *pool)
{
    const char *file = apr_psprintf(pool, "%s/mod_%s.so", TE_HTTPD_MODULES, name);
    if (access(file, R_OK) != 0) {
        return "";
    }
    return apr_psprintf(pool, "LoadModule %s_module %s\n", name, file);
}

static const char *module_lines(const te_conf_t *conf, apr_pool_t *pool)
{
    const char *mpm = apr_pstrcat(pool, "mpm_", te_mpm_name(conf->mpm), NULL);
    const char *text = module_line(mpm, pool);
    for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
        text = apr_pstrcat(pool, text, module_line(modules[i], pool), NULL);
    }
    /* The CGI module that suits, and HTTP/2 where it works. */
    if (conf->mpm == TE_PREFORK) {
        text = apr_pstrcat(pool, text, module_line("cgi", pool), NULL);
    } else {
        text = apr_pstrcat(pool, text, module_line("cgid", pool),
                           module_line("http2", pool), NULL);
    }
    if (conf->without_module) {
        return text;
    }
    const char *ours = getenv("TE_MODULE");
    return apr_psprintf(pool, "%sLoadModule sentry_trace_module %s\n", text,
                        ours != NULL ? ours : TE_MODULE_SO);
}

/* Small and quick to start, wide enough for the load tests. */
static const char *mpm_lines(te_mpm_t mpm)
{
    if (mpm == TE_PREFORK) {
        return "StartServers 1\nMinSpareServers 1\nMaxSpareServers 50\n"
               "ServerLimit 50\nMaxRequestWorkers 50\n";
    }
    return "StartServers 1\nServerLimit 4\nThreadLimit 20\nThreadsPerChild 20\n"
           "MinSpareThreads 1\nMaxSpareThreads 80\nMaxRequestWorkers 80\n";
}

static const char *define_lines(const te_conf_t *conf, const char *root,
                                const int ports[TE_PORT_COUNT], apr_pool_t *pool)
{
    const char *text = apr_psprintf(
        pool,
        "Define ROOT %s\nDefine DOCS %s/docs\nDefine PORT %d\nDefine PORT2 %d\n"
        "Define PORT3 %d\nDefine MODULES " TE_HTTPD_MODULES "\n",
        root, root, ports[0], ports[1], ports[2]);
    for (int i = 0; conf->defines != NULL && conf->defines[i] != NULL; i++) {
        text = apr_pstrcat(pool, text, "Define ", conf->defines[i], "\n", NULL);
    }
    return text;
}

/* Root's children change their user; nobody else may say so. */
static const char *user_lines(apr_pool_t *pool)
{
    if (geteuid() != 0) {
        return "";
    }
    const struct passwd *user = te_child_user();
    return apr_psprintf(pool, "User %s\nGroup #%d\n", user->pw_name, (int)user->pw_gid);
}

const char *te_conf_render(const te_conf_t *conf, const char *root,
                           const int ports[TE_PORT_COUNT], apr_pool_t *pool)
{
    static const char frame[] =
        "ServerRoot ${ROOT}\nServerName localhost\nListen 127.0.0.1:${PORT}\n"
        "DefaultRuntimeDir ${ROOT}/run\nPidFile run/httpd.pid\n"
        "ErrorLog logs/error_log\nLogLevel info\nTimeout 30\nKeepAliveTimeout "
        "2\nHostnameLookups Off\n"
        /* Not below ROOT: a socket's path has 107 characters at most. */
        "<IfModule cgid_module>\nScriptSock /tmp/te-cgisock-${PORT}\n</IfModule>\n"
        "<IfModule mime_module>\nTypesConfig mime.types\n</IfModule>\n"
        "<Directory />\nAllowOverride None\nRequire all denied\n</Directory>\n"
        "DocumentRoot ${DOCS}\n"
        "<Directory ${DOCS}>\nRequire all granted\n</Directory>\n";
    /* The question "are you there?" must not be among the traced requests. */
    static const char ready[] = "<IfModule sentry_trace_module>\n<Location /te-ready>\n"
                                "SentryTrace Off\n</Location>\n</IfModule>\n";
    return apr_pstrcat(pool, define_lines(conf, root, ports, pool),
                       module_lines(conf, pool), user_lines(pool), frame,
                       mpm_lines(conf->mpm), ready, conf->text, "\n", NULL);
}
