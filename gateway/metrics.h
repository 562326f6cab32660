/* SPDX-License-Identifier: MIT */
/* What the process counts, for Prometheus. One registry for the whole process, like the log: any
 * thread adds, without a lock once a combination of label values was seen; /metrics renders.
 *
 * Label values come from bounded sets only: configured names, our own enumerations, patterns of
 * routes. Never an address, an id or anything else a client chooses. A family that reaches
 * GW_METRIC_MAX_SERIES all the same counts everything new under the label value "other".
 *
 * Spec: Prometheus text exposition format 0.0.4. The metrics are in docs/operations.md. */
#ifndef GW_METRICS_H
#define GW_METRICS_H

#include <stdint.h>

#include "gateway/base/gw_buf.h"

enum gw_metric_kind {
    GW_METRIC_COUNTER,
    GW_METRIC_GAUGE,
    GW_METRIC_HISTOGRAM
};
/* In which unit values are given. Both are rendered in the base unit of the name. */
enum gw_metric_unit {
    GW_METRIC_PLAIN,
    GW_METRIC_MICROSECONDS /* rendered as seconds */
};

/* name, kind, unit, name after the prefix `mailhatch_`, label names (at most 3, separated by
 * commas), help */
#define GW_METRIC_TABLE(X) \
    X(HTTP_REQUESTS, COUNTER, PLAIN, "http_requests_total", "route,code", \
      "HTTP requests answered, by pattern of the route and status code.") \
    X(HTTP_DURATION, HISTOGRAM, MICROSECONDS, "http_request_duration_seconds", "", \
      "Time from the whole request to its answer, waits asked for included.") \
    X(HTTP_CONNECTIONS, GAUGE, PLAIN, "http_connections", "", "Open client connections.") \
    X(INFLIGHT, GAUGE, PLAIN, "inflight_bytes", "", "Bytes of request bodies in memory.") \
    X(H2_GUARD, COUNTER, PLAIN, "h2_guard_total", "reason", \
      "What the front door stopped, by reason.") \
    X(ACCEPTED, COUNTER, PLAIN, "messages_accepted_total", "", "Messages committed and answered.") \
    X(IDEMPOTENCY, COUNTER, PLAIN, "idempotency_total", "result", \
      "Requests with an Idempotency-Key, by what became of them.") \
    X(PREPARE, HISTOGRAM, MICROSECONDS, "prepare_seconds", "", \
      "Time to decode, build and sign one message.") \
    X(DKIM_SIGN, HISTOGRAM, MICROSECONDS, "dkim_sign_seconds", "alg", \
      "Time for one DKIM signature.") \
    X(STORE_COMMIT, HISTOGRAM, MICROSECONDS, "store_commit_seconds", "", \
      "Time for one durable transaction of the store.") \
    X(STORE_BATCH, HISTOGRAM, PLAIN, "store_batch_size", "", \
      "Operations that shared one transaction of the store.") \
    X(QUEUE_MESSAGES, GAUGE, PLAIN, "queue_messages", "state", \
      "Messages that are not final, by state.") \
    X(QUEUE_OLDEST, GAUGE, MICROSECONDS, "queue_oldest_seconds", "", \
      "Age of the oldest message that is not final.") \
    X(STORE_BYTES, GAUGE, PLAIN, "store_bytes", "file", \
      "Size of the store's files: database, log (write-ahead), bodies.") \
    X(RECIPIENTS, COUNTER, PLAIN, "recipients_total", "status,relay,category", \
      "Verdicts on recipients: one per recipient and attempt.") \
    X(DELIVERY, HISTOGRAM, MICROSECONDS, "delivery_duration_seconds", "relay", \
      "Time from the accepted request to the relay's final word on a recipient.") \
    X(SMTP_PHASE, HISTOGRAM, MICROSECONDS, "smtp_phase_duration_seconds", "relay,phase", \
      "Time spent in each phase of a conversation with a relay.") \
    X(SMTP_CONNECTIONS, GAUGE, PLAIN, "smtp_connections", "relay,state", \
      "Connections to relays, by state.") \
    X(SMTP_WAITING, GAUGE, PLAIN, "smtp_transactions_waiting", "relay", \
      "Transactions that wait for a connection.") \
    X(SMTP_OPENED, COUNTER, PLAIN, "smtp_connections_opened_total", "relay", \
      "Connections to relays that were set up, TLS and authentication included.") \
    X(SMTP_REUSES, COUNTER, PLAIN, "smtp_connection_reuses_total", "relay", \
      "Transactions that found an open connection.") \
    X(RELAY_UP, GAUGE, PLAIN, "relay_up", "relay", \
      "1 unless the relay's last connection failed or it is paused.") \
    X(RELAY_BREAKER, GAUGE, PLAIN, "relay_breaker_state", "relay", \
      "0 closed (in use), 1 half open (one connection tries), 2 open (not tried now).") \
    X(WEBHOOKS, COUNTER, PLAIN, "webhook_deliveries_total", "result", \
      "Attempts to deliver an event to a webhook endpoint.") \
    X(WEBHOOK_PAUSED, GAUGE, PLAIN, "webhook_paused", "webhook", \
      "1 while the webhook is paused, by somebody or because it failed for long.") \
    X(EVENT_STREAMS, GAUGE, PLAIN, "event_streams", "", "Open streams of /v1/events.") \
    X(EVENT_STREAM_ENDS, COUNTER, PLAIN, "event_streams_ended_total", "reason", \
      "Streams of /v1/events that ended, by reason.") \
    X(LOOP_LAG, HISTOGRAM, MICROSECONDS, "loop_lag_seconds", "", \
      "How long the event loop was busy in one turn: what an event that came meanwhile waited.") \
    X(LOG_DROPPED, COUNTER, PLAIN, "log_lines_dropped_total", "", \
      "Log lines lost because their reader stalled.") \
    X(RELOADS, COUNTER, PLAIN, "config_reloads_total", "result", \
      "Attempts to load a new configuration.") \
    X(BUILD_INFO, GAUGE, PLAIN, "build_info", "version", "Always 1; the label tells the version.") \
    X(UPTIME, GAUGE, MICROSECONDS, "uptime_seconds", "", "Age of the server process.") \
    X(RSS, GAUGE, PLAIN, "resident_memory_bytes", "", "Resident memory of the server process.") \
    X(FDS, GAUGE, PLAIN, "open_fds", "", "Open file descriptors of the server process.")

enum gw_metric {
#define GW_METRIC_ENUM(id, kind, unit, name, labels, help) GW_METRIC_##id,
    GW_METRIC_TABLE(GW_METRIC_ENUM)
#undef GW_METRIC_ENUM
    GW_N_METRICS
};

enum {
    GW_METRIC_MAX_LABELS = 3,
    GW_METRIC_MAX_SERIES = 2000,    /* per family; ours, far above what configurations have */
    GW_METRIC_MAX_LABEL_VALUE = 64, /* octets; longer ones are cut */
    GW_METRICS_MAX_TEXT = 16 << 20  /* octets of the whole page */
};

/* Label values in the order of the family's names: gw_metric_add(GW_METRIC_HTTP_REQUESTS, 1,
 * GW_LABELS("/livez", "200")). Copied; NULL counts as "". */
#define GW_LABELS(...) ((const char *const[GW_METRIC_MAX_LABELS]){__VA_ARGS__})

/* A counter. */
void gw_metric_add(enum gw_metric m, uint64_t n, const char *const *labels);
/* A gauge. */
void gw_metric_set(enum gw_metric m, int64_t value, const char *const *labels);
/* Forgets all values of a gauge whose label values come and go; a series shows up again when set.
 */
void gw_metric_clear(enum gw_metric m);
/* A histogram. Negative values are ignored: "did not happen". */
void gw_metric_observe(enum gw_metric m, int64_t value, const char *const *labels);

/* The value of a counter or gauge, the number of observations of a histogram; 0 when never seen. */
int64_t gw_metric_value(enum gw_metric m, const char *const *labels);

/* The whole page; every family is there, also one without a value yet. */
void gw_metrics_render(struct gw_buf *out);
/* Forgets everything. For tests; no other thread may be counting. */
void gw_metrics_reset(void);

#endif
