/* SPDX-License-Identifier: MIT */
/* Who waits for which message. Loop thread only. */
#ifndef GW_WAITS_H
#define GW_WAITS_H

#include <stddef.h>
#include <uv.h>

#include "gateway/gateway.h"
#include "gateway/id_table.h"
#include "gateway/message.h"

struct gw_waits {
    uv_loop_t *loop;
    struct gw_id_table table;
    size_t n;                        /* waits whose timer handle is not closed yet */
    void (*on_progress)(void *data); /* after each wait is gone */
    void *data;
};

struct gw_wait_entry;
/* @m  the message as waited for, or NULL when the time is up */
typedef void (*gw_wait_entry_cb)(const struct gw_message *m, void *data);

void gw_waits_init(struct gw_waits *w, uv_loop_t *loop, void (*on_progress)(void *), void *data);
/* @cb once from the loop, unless cancelled. @timeout_ms  0: at the next turn of the loop */
struct gw_wait_entry *gw_waits_add(struct gw_waits *w, const char *id, enum gw_wait_for what,
                                   int64_t timeout_ms, gw_wait_entry_cb cb, void *data);
void gw_waits_cancel(struct gw_wait_entry *e);
/* @m was changed: the waits for which that is enough are answered. */
void gw_waits_changed(struct gw_waits *w, const struct gw_message *m);
/* End all waits as if their time were up. */
void gw_waits_expire_all(struct gw_waits *w);

#endif
