/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_STATUS_PAGE_H
#define MST_STATUS_PAGE_H

/* The content handler sentry-trace-status, and a section in the page of mod_status, if that is
 * there. Both show st_overview.h of the child that answers; who may see them is said where the
 * pages are configured. */

#include "mst_private.h"

/* Registers both. */
void mst_status_page_register(void);

#endif /* MST_STATUS_PAGE_H */
