/* SPDX-License-Identifier: MIT */
/* Which rows of the memory engine are due, and which wait for a relay. */
#include <string.h>

#include "gateway/base/gw_clock.h"
#include "gateway/message_change.h"
#include "gateway/store/memory_internal.h"

enum {
    MAX_WAITING = 256 /* leased per call of lease_waiting */
};

/* Hands out @r. @relay  whose return makes it due; NULL: its time has come */
static void lease(struct memory_store *s, struct memory_row *r, const char *relay,
                  gw_store_message_cb cb, void *data)
{
    due_heap_remove(&s->due[r->m->priority], &r->due);
    r->leased = true;
    struct gw_message *copy = memory_copy_with_body(r);
    if (relay != NULL)
        gw_message_hasten(copy, relay, gw_clock_wall_ms());
    memory_queue_reply(s, &(struct memory_reply){.call = memory_reply_message,
                                                 .status = GW_OK,
                                                 .m = copy,
                                                 .cb.message = cb,
                                                 .data = data});
}

static void end(struct memory_store *s, gw_store_message_cb cb, void *data)
{
    memory_queue_reply(s, &(struct memory_reply){.call = memory_reply_message,
                                                 .status = GW_NOTFOUND,
                                                 .cb.message = cb,
                                                 .data = data});
}

/* The first due of each priority, where there is one. */
static bool see_due(const struct memory_store *s, int64_t now_ms, bool due[DUE_N_PRIORITIES])
{
    bool any = false;
    for (int p = 0; p < DUE_N_PRIORITIES; p++) {
        const struct due_entry *e = due_heap_first(&s->due[p]);
        due[p] = e != NULL && e->due_ms <= now_ms;
        any = any || due[p];
    }
    return any;
}

void memory_lease_due(struct gw_store *base, int64_t now_ms, size_t max, gw_store_message_cb cb,
                      void *data)
{
    struct memory_store *s = memory_self(base);
    bool due[DUE_N_PRIORITIES];
    while (max-- > 0 && see_due(s, now_ms, due)) {
        const struct due_heap *heap = &s->due[due_turns_next(&s->turns, due)];
        lease(s, gw_list_entry(due_heap_first(heap), struct memory_row, due), NULL, cb, data);
    }
    end(s, cb, data);
}

static bool waits(const struct memory_row *r, const char *relay, int64_t before_ms)
{
    const struct gw_recipient *rcpt = gw_message_relay_wait(r->m);
    return rcpt != NULL && rcpt->updated_at_ms < before_ms && strcmp(rcpt->relay, relay) == 0;
}

/* The first @max of @heap that wait, in order of time. */
static size_t pick_waiting(const struct due_heap *heap, const char *relay, int64_t before_ms,
                           size_t max, struct memory_row **out)
{
    size_t n = 0;
    for (size_t i = 0; i < heap->n; i++) {
        struct memory_row *r = gw_list_entry(heap->items[i], struct memory_row, due);
        bool late = n == max && r->due.due_ms >= out[n - 1]->due.due_ms;
        if (late || !waits(r, relay, before_ms))
            continue;
        size_t at = n < max ? n++ : n - 1;
        for (; at > 0 && out[at - 1]->due.due_ms > r->due.due_ms; at--)
            out[at] = out[at - 1];
        out[at] = r;
    }
    return n;
}

void memory_lease_waiting(struct gw_store *base, const char *relay, int64_t before_ms, size_t max,
                          gw_store_message_cb cb, void *data)
{
    struct memory_store *s = memory_self(base);
    struct memory_row *rows[DUE_N_PRIORITIES][MAX_WAITING];
    size_t n[DUE_N_PRIORITIES];
    size_t at[DUE_N_PRIORITIES] = {0};
    max = max < MAX_WAITING ? max : MAX_WAITING;
    for (int p = 0; p < DUE_N_PRIORITIES && max > 0; p++)
        n[p] = pick_waiting(&s->due[p], relay, before_ms, max, rows[p]);
    while (max-- > 0) {
        int p = due_turns_next_of(&s->turns, at, n);
        if (p == DUE_N_PRIORITIES)
            break;
        lease(s, rows[p][at[p]++], relay, cb, data);
    }
    end(s, cb, data);
}

int64_t memory_next_due_ms(struct gw_store *base)
{
    int64_t first = 0;
    for (int p = 0; p < DUE_N_PRIORITIES; p++) {
        const struct due_entry *e = due_heap_first(&memory_self(base)->due[p]);
        if (e != NULL && (first == 0 || e->due_ms < first))
            first = e->due_ms;
    }
    return first;
}
