/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the core's own status codes. */
#include "st_error.h"

#include <apr_strings.h>

const char *st_error_text(apr_status_t rv, char *buf, apr_size_t size)
{
    const char *text = NULL;
    switch (rv) {
    case ST_E_FULL:
        text = "full";
        break;
    case ST_E_MALFORMED:
        text = "malformed";
        break;
    case ST_E_NETWORK:
        text = "no answer";
        break;
    case ST_E_LIMIT:
        text = "over the size limit";
        break;
    default:
        return apr_strerror(rv, buf, size);
    }
    apr_cpystrn(buf, text, size);
    return buf;
}
