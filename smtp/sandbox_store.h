/* SPDX-License-Identifier: MIT */
/* The messages that the sandbox keeps: newest first, bounded by count and bytes. */
#ifndef SMTP_SANDBOX_STORE_H
#define SMTP_SANDBOX_STORE_H

#include "gateway/base/gw_arena.h"
#include "smtp/sandbox.h"

/* A message and the memory it owns. */
struct smtp_sandbox_kept {
    struct smtp_sandbox_message message;
    struct gw_arena *arena; /* envelope */
    char *content;          /* heap */
    size_t n_refs;          /* beside the one that made or stored it */
};
/* Drops a reference, and it with the last one. NULL inside is fine. */
void smtp_sandbox_kept_free(struct smtp_sandbox_kept **kept);

struct smtp_sandbox_store {
    struct smtp_sandbox_kept **kept; /* oldest first, with room for max_messages */
    size_t n, n_bytes;
    size_t max_messages, max_bytes; /* both > 0 */
};

void smtp_sandbox_store_init(struct smtp_sandbox_store *store, size_t max_messages,
                             size_t max_bytes);
void smtp_sandbox_store_deinit(struct smtp_sandbox_store *store);

/* Takes @kept over, gives it id and time, and drops the oldest ones that are over a maximum.
 * GW_TOOBIG when it alone is over max_bytes; it is freed then. */
enum gw_status smtp_sandbox_store_add(struct smtp_sandbox_store *store,
                                      struct smtp_sandbox_kept *kept) GW_NODISCARD;
/* As their namesakes of smtp_sandbox. */
const struct smtp_sandbox_message *smtp_sandbox_store_at(const struct smtp_sandbox_store *store,
                                                         size_t i);
const struct smtp_sandbox_message *smtp_sandbox_store_find(const struct smtp_sandbox_store *store,
                                                           const char *id);
bool smtp_sandbox_store_delete(struct smtp_sandbox_store *store, const char *id);
void smtp_sandbox_store_clear(struct smtp_sandbox_store *store);

#endif
