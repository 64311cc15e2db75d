/* SPDX-License-Identifier: Apache-2.0 */
/* Networks whose trace headers count. */
#include "mst_trust.h"

#include <apr_strings.h>
#include <string.h>

/* NULL when the word is no address or network. */
static apr_ipsubnet_t *network_parse(const char *word, apr_pool_t *p)
{
    apr_ipsubnet_t *network = NULL;
    char *address = apr_pstrdup(p, word);
    char *mask = strchr(address, '/');
    if (mask != NULL) {
        *mask++ = '\0';
        if (*mask == '\0') {
            return NULL;
        }
    }
    apr_status_t rv = apr_ipsubnet_create(&network, address, mask, p);
    return rv == APR_SUCCESS ? network : NULL;
}

const char *mst_trust_add(mst_trust_t **ptrust, const char *directive, const char *word,
                          apr_pool_t *p)
{
    mst_trust_t *trust = *ptrust;
    int is_all = strcasecmp(word, "all") == 0;
    int is_word = is_all || strcasecmp(word, "none") == 0;
    if (trust != NULL && (is_word || trust->networks == NULL)) {
        return apr_psprintf(
            p,
            "%s: \"%s\" stands beside other values; allowed is all, none, "
            "or a list of networks",
            directive, word);
    }
    if (trust == NULL) {
        trust = *ptrust = apr_pcalloc(p, sizeof(*trust));
    }
    if (is_word) {
        trust->everybody = is_all;
        return NULL;
    }
    apr_ipsubnet_t *network = network_parse(word, p);
    if (network == NULL) {
        return apr_psprintf(
            p,
            "%s: \"%s\" is no network; allowed are all, none, and addresses "
            "such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32",
            directive, word);
    }
    if (trust->networks == NULL) {
        trust->networks = apr_array_make(p, 4, sizeof(apr_ipsubnet_t *));
    }
    APR_ARRAY_PUSH(trust->networks, apr_ipsubnet_t *) = network;
    return NULL;
}

int mst_trust_includes(const mst_trust_t *trust, apr_sockaddr_t *peer)
{
    if (trust->everybody) {
        return 1;
    }
    for (int i = 0; trust->networks != NULL && i < trust->networks->nelts; i++) {
        apr_ipsubnet_t *network = APR_ARRAY_IDX(trust->networks, i, apr_ipsubnet_t *);
        if (peer != NULL && apr_ipsubnet_test(network, peer)) {
            return 1;
        }
    }
    return 0;
}
