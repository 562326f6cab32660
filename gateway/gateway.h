/* SPDX-License-Identifier: MIT */
/* The gateway as its HTTP face sees it: submit, look up, wait, health. Loop thread only; callbacks
 * come from the loop, exactly once, never from inside the call. */
#ifndef GW_GATEWAY_H
#define GW_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "config/cfg.h"
#include "gateway/draft.h"
#include "gateway/message.h"
#include "gateway/problems.h"
#include "gateway/setup_parts.h"

struct gw_gateway;

/* Wires store, relays, sandbox, prepare pool and DKIM from @cfg (referenced). Everything that can
 * be wrong with files and keys is found here.
 * @loop  runs it; borrowed
 * On error *out holds what had been opened by then: give it to gw_gateway_close(). */
enum gw_status gw_gateway_new(uv_loop_t *loop, const struct cfg *cfg, struct gw_gateway **out,
                              struct gw_err *err) GW_NODISCARD;
/* Refuse new submissions, finish what is in hand for at most @grace_ms, free everything, then call
 * @on_closed once. */
void gw_gateway_close(struct gw_gateway *g, int64_t grace_ms, void (*on_closed)(void *),
                      void *data);

/* From now on that of @parts is the configuration: routes, keys, limits, relays, retries. What is
 * in hand ends with the one it began with. The store stays what it is.
 * @parts  read while gw_gateway_cfg() was what it is now; what it holds is taken out
 * On error everything is as before, err->text says why. */
enum gw_status gw_gateway_load(struct gw_gateway *g, struct gw_setup_parts *parts,
                               struct gw_err *err) GW_NODISCARD;

const struct cfg *gw_gateway_cfg(const struct gw_gateway *g); /* borrowed until the next load */
const char *gw_gateway_version(void);

/* Decodes a request body into a draft. Runs in a pool thread.
 * @arena  for the draft and the problems' texts
 * GW_OK; GW_INVALID with problems (unless the draft is unread, the rest of it is judged with them);
 * GW_PROTO when the body is not of the format at all (400), with one problem telling where. */
typedef enum gw_status (*gw_decode_fn)(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems);

/* Likewise, of a body and what came beside it, such as a query. */
typedef enum gw_status (*gw_decode_beside_fn)(struct gw_arena *arena, struct gw_slice body,
                                              struct gw_slice beside, const struct cfg *cfg,
                                              struct gw_draft *out, struct gw_problems *problems);

/* How a submission is to be handled. */
struct gw_submit_options {
    gw_decode_fn decode;               /* turns the body into a draft, in the pool */
    gw_decode_beside_fn decode_beside; /* in place of decode, when set */
    struct gw_slice beside;            /* for it; copied, and part of the fingerprint */
    const struct cfg_api_key *api_key; /* NULL when none are configured; borrowed from the cfg */
    int64_t wait_ms; /* 0: answer after the commit; else hold the answer until settled, at most this
                        long after the commit. With a store that is not durable and wait_ms > 0 the
                        caller owns the retry: nothing is tried after the answer. */
    bool only_validate; /* everything but storing and sending; the result's message has its
                           mime, and is gone after the callback */
    const char *route;  /* static text; the scope of the key */
    char traceparent[GW_TRACEPARENT_SIZE]; /* "": none */
    const char *idempotency_key; /* NULL: none; else 1 to 256 printable characters, copied */
    bool rehearse; /* nothing is kept or sent: GW_OK says that it would be, with the message as it
                      would be. The key is not looked at. */
};

/* One submission on its way; the gateway's own. */
struct gw_submission;

struct gw_submission_result {
    enum gw_status status; /* GW_OK: committed. GW_INVALID, GW_PROTO: problems. GW_BUSY: overload,
                              retry later. GW_CLOSED: draining. GW_CONFLICT: a request with this
                              key is still being prepared. GW_EXISTS: the key was used with another
                              body. Other: detail. */
    const struct gw_message *message;   /* GW_OK: state at that moment, valid during the callback */
    bool settled;                       /* GW_OK: nothing more will be tried by us */
    bool replayed;                      /* GW_OK: the message of an earlier equal request */
    bool rehearsed;                     /* GW_OK: it was not kept */
    const struct gw_problems *problems; /* GW_INVALID, GW_PROTO: valid during the callback */
    const char *detail; /* the other errors: a sentence, valid during the callback */
};
typedef void (*gw_submission_cb)(const struct gw_submission_result *result, void *data);

/* @body  up to GW_BODY_PIECE octets (gateway/taken_body.h) are copied; a larger one is borrowed
 * until on_done or abandon, and moves away: its octets are undefined from now on Returns a handle
 * that is valid until on_done. */
struct gw_submission *gw_gateway_submit(struct gw_gateway *g, struct gw_slice body,
                                        const struct gw_submit_options *options,
                                        gw_submission_cb on_done, void *data);
/* Names of the relays (of the configuration) that @r of @m would be tried at now, in that order; at
 * most @max. Where weights decide, one of the possible orders. */
size_t gw_gateway_route(const struct gw_gateway *g, const struct gw_message *m,
                        const struct gw_recipient *r, const char **names_out, size_t max);

/* on_done will not be called; the work goes on (a client that leaves does not cancel) once the body
 * has moved. */
void gw_submission_abandon(struct gw_submission *s);

/* Look a message up. on_change is called once: when what is waited for has happened, or after
 * timeout_ms with the state so far; with NULL when the tenant has no such message. The message is
 * valid during the callback. */
struct gw_wait;
enum gw_wait_for {
    GW_WAIT_REST,  /* nothing more is tried by us in the time that is left (gw_message_at_rest) */
    GW_WAIT_CHANGE /* it is final, or was changed since this call */
};
struct gw_wait_query {
    const char *tenant, *id; /* copied; tenant "" sees all */
    enum gw_wait_for what;
    int64_t timeout_ms; /* 0: at once */
    bool fresh; /* it is stored, and its first attempt is still to come: there is nothing to look up
                   before something happens */
};
typedef void (*gw_wait_cb)(const struct gw_message *m, void *data);
struct gw_wait *gw_gateway_wait(struct gw_gateway *g, const struct gw_wait_query *query,
                                gw_wait_cb on_change, void *data);
/* on_change will not be called. */
void gw_wait_cancel(struct gw_wait *w);

/* Ready: not draining, the store keeps what it is given, and at least one relay can be used. When
 * not, *why_out names all that is in the way (borrowed until the next call). */
bool gw_gateway_ready(struct gw_gateway *g, const char **why_out);
/* Brings the gauges of gateway/metrics.h up to date; those of the store a moment later, then calls
 * @on_collected once. False: it will not be called, the store still owes the answer to the call
 * before; the gauges show what it said last. */
bool gw_gateway_collect(struct gw_gateway *g, void (*on_collected)(void *), void *data);
/* @on_collected will not be called. */
void gw_gateway_collect_cancel(struct gw_gateway *g);
bool gw_gateway_durable(const struct gw_gateway *g);

/* What the sandbox relay caught. NULL functions' results when no sandbox relay is configured. */
struct gw_sandbox;
struct gw_sandbox *gw_gateway_sandbox(struct gw_gateway *g);

#endif
