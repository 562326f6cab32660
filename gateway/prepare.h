/* SPDX-License-Identifier: MIT */
/* From draft to message: a pure function of draft, configuration, clock and randomness. Runs in the
 * prepare pool; touches nothing shared but immutable snapshots. */
#ifndef GW_PREPARE_H
#define GW_PREPARE_H

#include "config/cfg.h"
#include "gateway/dkim.h"
#include "gateway/draft.h"
#include "gateway/message.h"
#include "gateway/problems.h"

/* Limits of one message beside cfg.limits; each is documented in docs/limits.md. Sizes are octets
 * of UTF-8. */
enum {
    GW_MAX_HEADERS = 100,
    GW_MAX_HEADER_VALUE = 8192,
    GW_MAX_HEADERS_SIZE = 32 * 1024,
    GW_MAX_SUBJECT = 2000,
    GW_MAX_ATTACHMENTS = 1000,
    GW_MAX_FILENAME = 255,
    GW_MAX_ENVID = 100, /* octets of xtext, RFC 3461 sec. 4.4 */
    GW_MAX_TAGS = 10,
    GW_MAX_TAG = 128,
    GW_MAX_METADATA = 20,
    GW_MAX_METADATA_NAME = 64,
    GW_MAX_METADATA_VALUE = 500,
    GW_MAX_REFERENCES = 100,
    GW_MAX_MESSAGE_ID = 250,
    GW_MAX_REPLY_TO = 25,
    GW_MAX_CONTENT_ID = 250,
    GW_MAX_UNSUBSCRIBE = 900,       /* each of the two addresses; a line holds 998 */
    GW_MAX_RENDER_STEPS = 10000000, /* of all copies together, as gateway/mustache.h counts */
    GW_MAX_RENDERED = 64 << 20,     /* all copies of a message with values of its recipients */
    GW_MAX_SCHEDULE_DAYS = 366,
    GW_MAX_EXPIRES_DAYS = 30
};

/* Who is asking, and the snapshots to work with. Borrowed. */
struct gw_prepare_context {
    const struct cfg *cfg;
    const struct gw_dkim *dkim;
    const struct cfg_api_key *api_key; /* NULL: no keys configured */
    int64_t now_ms;                    /* wall */
    const char *traceparent;           /* to be kept with it; NULL or "": none */
};

/* @arena  of the message to be; the draft may live in it or elsewhere, nothing of it is kept by
 *         reference unless it lives in @arena
 * @problems  may hold those of the decoding; a field that has one already is not missed again
 * GW_OK with *out; GW_INVALID with problems (all of them); GW_CRYPTO or GW_INTERNAL, logged, when
 * signing or the wire check fails: nothing unsigned or malformed ever leaves. */
enum gw_status gw_prepare(const struct gw_prepare_context *ctx, const struct gw_draft *draft,
                          struct gw_arena *arena, struct gw_message **out,
                          struct gw_problems *problems) GW_NODISCARD;

/* May @key, NULL: none is configured, send as anybody of @domain? */
bool gw_prepare_domain_allowed(const struct cfg_api_key *key, const char *domain);

#endif
