/* SPDX-License-Identifier: MIT */
/* What the sandbox relay caught, parsed, for test assertions. Loop thread only. */
#ifndef GW_SANDBOX_H
#define GW_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "config/cfg.h"
#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"
#include "gateway/mime_read.h"
#include "gateway/workers.h"

struct gw_sandbox;
struct smtp_relay_config;

/* One caught message, borrowed until the loop runs again. */
struct gw_sandbox_item {
    const char *id;
    int64_t received_at_ms;
    const char *mail_from;
    const char *const *rcpts;
    size_t n_rcpts;
    struct gw_slice raw;
    const char *tls; /* "TLSv1.3" or NULL */
};

struct gw_sandbox_env {
    uv_loop_t *loop;
    struct gw_workers *workers;      /* read messages; must be there as long as the sandbox */
    const struct cfg_sandbox *cfg;   /* read at the start only */
    void (*on_progress)(void *data); /* from the loop, after each reading */
    void *data;
};

/* Starts the sandbox relay on 127.0.0.1. */
enum gw_status gw_sandbox_new(const struct gw_sandbox_env *env, struct gw_sandbox **out,
                              struct gw_err *err) GW_NODISCARD;
uint16_t gw_sandbox_port(const struct gw_sandbox *s);
/* Where and how a client reaches it: address, TLS mode, key, credentials. Strings are borrowed. */
void gw_sandbox_reach(const struct gw_sandbox *s, struct smtp_relay_config *out);
/* End all waits with NULL. */
void gw_sandbox_expire_waits(struct gw_sandbox *s);
/* Only when no reading is in hand. Pending waits end with NULL. Freed when @on_closed is called. */
void gw_sandbox_close(struct gw_sandbox *s, void (*on_closed)(void *), void *data);

size_t gw_sandbox_count(const struct gw_sandbox *s);
/* Newest first; false past the end. */
bool gw_sandbox_at(const struct gw_sandbox *s, size_t i, struct gw_sandbox_item *out);
bool gw_sandbox_find(const struct gw_sandbox *s, const char *id, struct gw_sandbox_item *out);
bool gw_sandbox_delete(struct gw_sandbox *s, const char *id);
void gw_sandbox_clear(struct gw_sandbox *s);

/* A message, parsed. */
struct gw_sandbox_parsed {
    struct gw_sandbox_item item;
    struct gw_read_message message;
};

enum {
    GW_SANDBOX_MAX_READING = 100,       /* messages read at once; ours */
    GW_SANDBOX_MAX_RENDERED = 256 << 20 /* bytes that one reading may render; ours */
};
/* Turns @n messages into what is wanted; runs in a pool thread. */
typedef void (*gw_sandbox_render_fn)(const struct gw_sandbox_parsed *parsed, size_t n,
                                     struct gw_buf *out);
/* @rendered  what the function wrote, to be taken out */
typedef void (*gw_sandbox_reading_cb)(struct gw_buf *rendered, void *data);
struct gw_sandbox_query {
    const char *const *ids;
    size_t n;      /* of them, at most GW_SANDBOX_MAX_READING */
    unsigned what; /* GW_MIME_READ_* together */
    gw_sandbox_render_fn render;
};
struct gw_sandbox_reading;
/* Reads those of the items that are there, in the pool: they may be as large as the relay takes
 * them. @cb once from the loop; NULL when the pool is busy, no callback comes then. */
struct gw_sandbox_reading *gw_sandbox_read(struct gw_sandbox *s,
                                           const struct gw_sandbox_query *query,
                                           gw_sandbox_reading_cb cb, void *data);
/* Its callback will not be called. */
void gw_sandbox_reading_abandon(struct gw_sandbox_reading *r);

/* Wait for a message that matches (also one already caught; the newest). NULL matches all.
 * @to       a recipient of the envelope, compared without case
 * @subject  the decoded subject contains it
 * Callback once from the loop: the item, or NULL after @timeout_ms. At most GW_SANDBOX_MAX_WAITS at
 * once (then NULL is returned and no callback comes). */
enum {
    GW_SANDBOX_MAX_WAITS = 1000
};
struct gw_sandbox_wait;
typedef void (*gw_sandbox_wait_cb)(const struct gw_sandbox_item *item, void *data);
struct gw_sandbox_wait *gw_sandbox_wait(struct gw_sandbox *s, const char *to, const char *subject,
                                        int64_t timeout_ms, gw_sandbox_wait_cb cb, void *data);
void gw_sandbox_wait_cancel(struct gw_sandbox_wait *w);

#endif
