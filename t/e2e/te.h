/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_H
#define TE_H

/* Everything an end-to-end test uses. Start reading at te_env.h. */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "te_burst.h"
#include "te_dir.h"
#include "te_disk.h"
#include "te_env.h"
#include "te_law.h"
#include "te_load.h"
#include "te_log.h"
#include "te_main.h"
#include "te_port.h"
#include "te_proc.h"
#include "te_raw.h"
#include "te_sample.h"
#include "te_shim.h"
#include "te_site.h"
#include "te_status.h"
#include "te_tls.h"
#include "te_vocabulary.h"
#include "te_wait.h"

#endif /* TE_H */
