/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_OPTIONAL_H
#define MST_OPTIONAL_H

/* Registers the functions of mod_sentry_trace.h. While hooks are registered. */
void mst_optional_register(void);

#endif /* MST_OPTIONAL_H */
