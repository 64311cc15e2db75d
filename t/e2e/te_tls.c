/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate for a private server. */

#include "te_tls.h"
#include "te_dir.h"
#include "te_log.h"
#include "te_proc.h"

#include <check.h>

void te_tls_make(const char *root, apr_pool_t *pool)
{
    const char *said;
    const char *argv[] = {"/usr/bin/env",
                          "openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:prime256v1",
                          "-nodes",
                          "-days",
                          "2",
                          "-subj",
                          "/CN=te",
                          "-addext",
                          "subjectAltName=IP:127.0.0.1,DNS:localhost",
                          "-keyout",
                          te_path(root, "server.key", pool),
                          "-out",
                          te_path(root, "server.crt", pool),
                          NULL};
    int code = te_run(&said, argv, NULL, te_path(root, "openssl.out", pool), pool);
    ck_assert_msg(code == 0, "openssl: %s", said);
    te_log_allow("AH01882"); /* compiled against a newer library than is loaded */
    te_log_allow("AH01906"); /* the certificate is its own authority */
    te_log_allow("AH01873"); /* no session cache */
}

const char *te_tls_certificate(const char *root, apr_pool_t *pool)
{
    return te_path(root, "server.crt", pool);
}
