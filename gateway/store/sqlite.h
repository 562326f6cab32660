/* SPDX-License-Identifier: MIT */
/* The embedded durable engine: SQLite in WAL mode on a thread of its own, group commit. */
#ifndef GW_STORE_SQLITE_H
#define GW_STORE_SQLITE_H

#include <stdint.h>
#include <uv.h>

#include "gateway/store.h"

struct gw_store_sqlite_config {
    const char *dir;              /* data directory */
    int64_t retention_bodies_ms;  /* bodies are kept this long after the last verdict */
    int64_t retention_history_ms; /* settled messages are forgotten after this */
    /* The disk has failed in a way that makes further promises impossible (fsync reported an error,
     * the file is damaged): called once, from the loop. The owner stops accepting and ends the
     * process; nothing is acknowledged any more. */
    void (*on_fatal)(const char *detail, void *data);
    void *data;
};

/* Open or create; messages that were leased when the last process ended are due at once.
 * GW_OK; GW_BUSY, GW_CONFLICT or GW_IO with err->text that says what to do. */
enum gw_status gw_store_sqlite_new(uv_loop_t *loop, const struct gw_store_sqlite_config *config,
                                   struct gw_store **out, struct gw_err *err) GW_NODISCARD;

#endif
