/* SPDX-License-Identifier: MIT */
/* A bounded row of received messages. */
#include "smtp/sandbox_store.h"

#include <stdint.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"

_Static_assert(offsetof(struct smtp_sandbox_kept, message) == 0, "a message is what was kept");
_Static_assert(sizeof(((struct smtp_sandbox_message *)0)->id) == GW_UUID_SIZE, "id is a UUID");

static size_t kept_size(const struct smtp_sandbox_kept *kept)
{
    return sizeof(*kept) + kept->message.content.len + gw_arena_size(kept->arena);
}

void smtp_sandbox_kept_free(struct smtp_sandbox_kept **kept)
{
    struct smtp_sandbox_kept *k = *kept;
    *kept = NULL;
    if (k == NULL || k->n_refs-- > 0)
        return;
    gw_free(k->content);
    gw_arena_free(&k->arena);
    gw_free(k);
}

static struct smtp_sandbox_kept *kept_of_message(const struct smtp_sandbox_message *m)
{
    /* const for who reads it, not for us. NOLINTNEXTLINE(performance-no-int-to-ptr) */
    return (struct smtp_sandbox_kept *)(uintptr_t)m;
}

const struct smtp_sandbox_message *smtp_sandbox_message_ref(const struct smtp_sandbox_message *m)
{
    kept_of_message(m)->n_refs++;
    return m;
}

void smtp_sandbox_message_unref(const struct smtp_sandbox_message *m)
{
    struct smtp_sandbox_kept *kept = kept_of_message(m);
    smtp_sandbox_kept_free(&kept);
}

void smtp_sandbox_store_init(struct smtp_sandbox_store *store, size_t max_messages,
                             size_t max_bytes)
{
    PRE(max_messages > 0 && max_bytes > 0);
    *store = (struct smtp_sandbox_store){
        .kept = gw_calloc(max_messages, sizeof(struct smtp_sandbox_kept *)),
        .max_messages = max_messages,
        .max_bytes = max_bytes};
}

void smtp_sandbox_store_deinit(struct smtp_sandbox_store *store)
{
    smtp_sandbox_store_clear(store);
    gw_free(store->kept);
    store->kept = NULL;
}

static void drop(struct smtp_sandbox_store *store, size_t at)
{
    struct smtp_sandbox_kept *kept = store->kept[at];
    store->n--;
    store->n_bytes -= kept_size(kept);
    memmove(&store->kept[at], &store->kept[at + 1],
            (store->n - at) * sizeof(struct smtp_sandbox_kept *));
    smtp_sandbox_kept_free(&kept);
}

enum gw_status smtp_sandbox_store_add(struct smtp_sandbox_store *store,
                                      struct smtp_sandbox_kept *kept)
{
    size_t size = kept_size(kept);
    if (size > store->max_bytes) {
        smtp_sandbox_kept_free(&kept);
        return GW_TOOBIG;
    }
    kept->message.received_at_ms = gw_clock_wall_ms();
    gw_uuid_v7(kept->message.received_at_ms, kept->message.id);
    while (store->n == store->max_messages || store->n_bytes > store->max_bytes - size)
        drop(store, 0);
    store->kept[store->n++] = kept;
    store->n_bytes += size;
    return GW_OK;
}

const struct smtp_sandbox_message *smtp_sandbox_store_at(const struct smtp_sandbox_store *store,
                                                         size_t i)
{
    return i < store->n ? &store->kept[store->n - 1 - i]->message : NULL;
}

/* store->n when there is none. */
static size_t find(const struct smtp_sandbox_store *store, const char *id)
{
    size_t at = 0;
    while (at < store->n && strcmp(store->kept[at]->message.id, id) != 0)
        at++;
    return at;
}

const struct smtp_sandbox_message *smtp_sandbox_store_find(const struct smtp_sandbox_store *store,
                                                           const char *id)
{
    size_t at = find(store, id);
    return at < store->n ? &store->kept[at]->message : NULL;
}

bool smtp_sandbox_store_delete(struct smtp_sandbox_store *store, const char *id)
{
    size_t at = find(store, id);
    if (at == store->n)
        return false;
    drop(store, at);
    return true;
}

void smtp_sandbox_store_clear(struct smtp_sandbox_store *store)
{
    while (store->n > 0)
        drop(store, store->n - 1);
}
