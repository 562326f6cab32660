/* SPDX-License-Identifier: MIT */
/* Waits for messages: a table by id and one timer each. */
#include "gateway/waits.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"

struct gw_wait_entry {
    struct gw_id_node node;
    char id[GW_UUID_SIZE];
    enum gw_wait_for what;
    int64_t until_ms; /* wall */
    struct gw_waits *owner;
    uv_timer_t timer;
    gw_wait_entry_cb cb; /* NULL once called or cancelled */
    void *data;
};

void gw_waits_init(struct gw_waits *w, uv_loop_t *loop, void (*on_progress)(void *), void *data)
{
    *w = (struct gw_waits){.loop = loop, .on_progress = on_progress, .data = data};
    gw_id_table_init(&w->table);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct gw_wait_entry *e = handle->data;
    struct gw_waits *w = e->owner;
    gw_free(e);
    w->n--;
    w->on_progress(w->data);
}

static void end(struct gw_wait_entry *e, const struct gw_message *m, bool call)
{
    gw_wait_entry_cb cb = e->cb;
    if (cb == NULL)
        return;
    e->cb = NULL;
    gw_list_remove(&e->node.link);
    uv_close((uv_handle_t *)&e->timer, on_timer_closed);
    if (call)
        cb(m, e->data);
}

static void on_timer(uv_timer_t *timer)
{
    end(timer->data, NULL, true);
}

struct gw_wait_entry *gw_waits_add(struct gw_waits *w, const char *id, enum gw_wait_for what,
                                   int64_t timeout_ms, gw_wait_entry_cb cb, void *data)
{
    PRE(strlen(id) < GW_UUID_SIZE && timeout_ms >= 0);
    struct gw_wait_entry *e = gw_calloc(1, sizeof(*e));
    memcpy(e->id, id, strlen(id) + 1);
    e->what = what;
    e->until_ms = gw_clock_wall_ms() + timeout_ms;
    e->owner = w;
    e->cb = cb;
    e->data = data;
    CHECK(uv_timer_init(w->loop, &e->timer) == 0);
    e->timer.data = e;
    CHECK(uv_timer_start(&e->timer, on_timer, (uint64_t)timeout_ms, 0) == 0);
    gw_id_table_add(&w->table, &e->node, e->id);
    w->n++;
    return e;
}

void gw_waits_cancel(struct gw_wait_entry *e)
{
    end(e, NULL, false);
}

void gw_waits_changed(struct gw_waits *w, const struct gw_message *m)
{
    struct gw_list *bucket = gw_id_table_bucket(&w->table, m->id);
    struct gw_list found;
    gw_list_init(&found);
    gw_list_foreach_safe (it, bucket) {
        struct gw_wait_entry *e = gw_list_entry(it, struct gw_wait_entry, node.link);
        bool enough = e->what == GW_WAIT_CHANGE || gw_message_at_rest(m, e->until_ms);
        if (enough && strcmp(e->id, m->id) == 0) {
            gw_list_remove(it);
            gw_list_push_back(&found, it);
        }
    }
    while (!gw_list_empty(&found))
        end(gw_list_entry(found.next, struct gw_wait_entry, node.link), m, true);
}

void gw_waits_expire_all(struct gw_waits *w)
{
    for (size_t i = 0; i < GW_ID_TABLE_BUCKETS; i++)
        while (!gw_list_empty(&w->table.buckets[i]))
            end(gw_list_entry(w->table.buckets[i].next, struct gw_wait_entry, node.link), NULL,
                true);
}
