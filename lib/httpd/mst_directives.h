/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_DIRECTIVES_H
#define MST_DIRECTIVES_H

/* The names of all directives, for the command table, messages and checks. Each one is
 * documented in conf/sentry_trace.conf. */

#include "mst_private.h"

#define MST_DIRECTIVE_ENABLE           "SentryTrace"
#define MST_DIRECTIVE_DSN              "SentryTraceDSN"
#define MST_DIRECTIVE_LIFECYCLE        "SentryTraceLifecycle"
#define MST_DIRECTIVE_ENVIRONMENT      "SentryTraceEnvironment"
#define MST_DIRECTIVE_RELEASE          "SentryTraceRelease"
#define MST_DIRECTIVE_SERVER_NAME      "SentryTraceServerName"
#define MST_DIRECTIVE_SAMPLE_RATE      "SentryTraceSampleRate"
#define MST_DIRECTIVE_IGNORE           "SentryTraceIgnore"
#define MST_DIRECTIVE_NAME             "SentryTraceName"
#define MST_DIRECTIVE_CONTEXT          "SentryTraceContext"
#define MST_DIRECTIVE_TRUST            "SentryTraceTrust"
#define MST_DIRECTIVE_STRICT           "SentryTraceStrictContinuation"
#define MST_DIRECTIVE_ORG_ID           "SentryTraceOrgId"
#define MST_DIRECTIVE_SPANS            "SentryTraceSpans"
#define MST_DIRECTIVE_TRACEPARENT      "SentryTraceTraceparent"
#define MST_DIRECTIVE_SERVER_TIMING    "SentryTraceServerTiming"
#define MST_DIRECTIVE_META             "SentryTraceMeta"
#define MST_DIRECTIVE_SEND_DEFAULT_PII "SentryTraceSendDefaultPII"
#define MST_DIRECTIVE_COLLECT          "SentryTraceCollect"
#define MST_DIRECTIVE_ATTRIBUTE        "SentryTraceAttribute"
#define MST_DIRECTIVE_FLUSH            "SentryTraceFlush"
#define MST_DIRECTIVE_SHUTDOWN_TIMEOUT "SentryTraceShutdownTimeout"
#define MST_DIRECTIVE_QUEUE            "SentryTraceQueue"
#define MST_DIRECTIVE_TIMEOUT          "SentryTraceTimeout"
#define MST_DIRECTIVE_CA_FILE          "SentryTraceCACertificateFile"
#define MST_DIRECTIVE_SINK_FILE        "SentryTraceSinkFile"
#define MST_DIRECTIVE_SINK_ALLOW       "SentryTraceSinkAllow"

/* For the module record. */
extern const command_rec mst_directives[];

#endif /* MST_DIRECTIVES_H */
