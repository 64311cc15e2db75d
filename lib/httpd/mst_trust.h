/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_TRUST_H
#define MST_TRUST_H

/* Whose trace headers count (SentryTraceTrust): everybody's, nobody's, or those of peers in
 * some networks. The peer is the other end of the socket; what headers say about a client
 * behind it is not asked. */

#include "mst_private.h"

typedef struct mst_trust_t {
    int everybody;
    apr_array_header_t *networks; /* of apr_ipsubnet_t *; NULL: none */
} mst_trust_t;

/* Adds a word of the directive: "all", "none", or an address with or without a mask.
 * @param ptrust what was said in this server before, NULL at first; made in p
 * @return NULL, or a sentence that names directive and value. */
const char *mst_trust_add(mst_trust_t **ptrust, const char *directive, const char *word,
                          apr_pool_t *p);

/* 1 when headers from that peer count. A peer without an IP address is in no network. */
int mst_trust_includes(const mst_trust_t *trust, apr_sockaddr_t *peer);

#endif /* MST_TRUST_H */
