/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_TLS_H
#define TE_TLS_H

/* A virtual host with TLS on ${PORT2} and a certificate of its own. */

#include <apr_pools.h>

/* Configuration that loads mod_ssl and opens the virtual host with `lines` in it. */
#define TE_TLS_VHOST(lines)                                                              \
    "LoadModule ssl_module ${MODULES}/mod_ssl.so\nListen 127.0.0.1:${PORT2}\n"           \
    "SSLSessionCache none\n<VirtualHost 127.0.0.1:${PORT2}>\nServerName localhost\n"     \
    "SSLEngine on\nSSLCertificateFile ${ROOT}/server.crt\n"                              \
    "SSLCertificateKeyFile ${ROOT}/server.key\n" lines "</VirtualHost>\n"

/* Makes root/server.crt, which is its own authority, and root/server.key with the openssl
 * command, and allows what mod_ssl says of such a certificate and of its library. */
void te_tls_make(const char *root, apr_pool_t *pool);

/* The certificate's path, in pool. */
const char *te_tls_certificate(const char *root, apr_pool_t *pool);

#endif /* TE_TLS_H */
