/* SPDX-License-Identifier: MIT */
/* The memory engine: a hash table by id, a heap by due time, a list of settled messages that are
 * evicted oldest first. Nothing survives the process.
 *
 * Calls do their work at once; callbacks are queued and run from an idle handle, so that they never
 * come from inside the call. */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_mem.h"
#include "gateway/id_table.h"
#include "gateway/store.h"
#include "gateway/store/due_heap.h"

enum {
    FIRST_BUCKETS = 64,
    MAX_LIST_STEPS = 20000
};

struct row {
    struct row *next_in_bucket;
    struct gw_list age_link; /* in store.ages, newest first */
    int64_t seq;
    struct gw_list settled_link; /* in store.settled when nothing more will be tried */
    struct due_entry due;
    struct gw_message *m; /* without body */
    char *body;           /* NULL once settled */
    size_t size;          /* what it counts against max_bytes */
    bool leased;
};

/* The key a message was sent with. */
struct key_row {
    struct gw_id_node node; /* in store.keys, by key */
    struct gw_list age;     /* in store.key_ages, oldest first */
    char *key;
    unsigned char fingerprint[GW_FINGERPRINT_SIZE];
    char id[GW_UUID_SIZE];
    int64_t created_ms;
};

/* One callback waiting for its turn. */
struct reply {
    struct gw_list link;
    enum gw_status status;
    struct gw_message *m;
    char id[GW_UUID_SIZE];
    unsigned char fingerprint[GW_FINGERPRINT_SIZE];
    gw_store_idempotency_cb on_idempotency;
    gw_store_list_cb on_list;
    struct gw_message **found; /* LIST: heap */
    size_t n_found;
    int64_t cursor;
    gw_store_done_cb on_done;
    gw_store_message_cb on_message;
    void *data;
};

struct memory_store {
    struct gw_store base;
    struct row **buckets;
    size_t n_buckets, n_rows, bytes, max_bytes;
    struct gw_list settled; /* oldest first */
    struct gw_list ages;    /* all rows, newest first */
    int64_t last_seq;
    struct due_heap due;
    struct gw_id_table keys;
    struct gw_list key_ages;
    size_t n_keys;
    uv_idle_t idle;
    struct gw_list replies;
    struct reply *closing; /* last to be called, from the close callback of idle */
};

static struct memory_store *self(struct gw_store *s)
{
    return (struct memory_store *)(void *)s;
}

static size_t bucket_of(const struct memory_store *s, const char *id)
{
    uint64_t h = 1469598103934665603U; /* FNV-1a; ids are our own random UUIDs */
    for (; *id != '\0'; id++)
        h = (h ^ (unsigned char)*id) * 1099511628211U;
    return (size_t)(h & (s->n_buckets - 1));
}

static struct row *find(const struct memory_store *s, const char *id)
{
    struct row *r = s->buckets[bucket_of(s, id)];
    while (r != NULL && strcmp(r->m->id, id) != 0)
        r = r->next_in_bucket;
    return r;
}

static void grow_table(struct memory_store *s)
{
    struct row **old = s->buckets;
    size_t n_old = s->n_buckets;
    s->n_buckets *= 2;
    s->buckets = gw_calloc(s->n_buckets, sizeof(struct row *));
    for (size_t i = 0; i < n_old; i++) {
        for (struct row *r = old[i], *next; r != NULL; r = next) {
            next = r->next_in_bucket;
            size_t b = bucket_of(s, r->m->id);
            r->next_in_bucket = s->buckets[b];
            s->buckets[b] = r;
        }
    }
    gw_free(old);
}

static void drop_row(struct memory_store *s, struct row *r)
{
    struct row **at = &s->buckets[bucket_of(s, r->m->id)];
    while (*at != r)
        at = &(*at)->next_in_bucket;
    *at = r->next_in_bucket;
    gw_list_remove(&r->settled_link);
    gw_list_remove(&r->age_link);
    due_heap_remove(&s->due, &r->due);
    s->bytes -= r->size;
    s->n_rows--;
    gw_message_free(&r->m);
    gw_free(r->body);
    gw_free(r);
}

/* Makes room for @size bytes by forgetting settled messages; false when that is not enough. */
static bool make_room(struct memory_store *s, size_t size)
{
    while ((s->bytes + size > s->max_bytes || s->n_rows >= GW_STORE_MEMORY_MAX_MESSAGES) &&
           !gw_list_empty(&s->settled))
        drop_row(s, gw_list_entry(s->settled.next, struct row, settled_link));
    return s->bytes + size <= s->max_bytes && s->n_rows < GW_STORE_MEMORY_MAX_MESSAGES;
}

static void on_idle(uv_idle_t *idle)
{
    struct memory_store *s = idle->data;
    struct gw_list batch;
    gw_list_init(&batch);
    while (!gw_list_empty(&s->replies)) {
        struct gw_list *node = s->replies.next;
        gw_list_remove(node);
        gw_list_push_back(&batch, node);
    }
    while (!gw_list_empty(&batch)) {
        struct reply r = *gw_list_entry(batch.next, struct reply, link);
        struct reply *node = gw_list_entry(batch.next, struct reply, link);
        gw_list_remove(&node->link);
        gw_free(node);
        if (r.on_idempotency != NULL)
            r.on_idempotency(r.status, r.status == GW_OK ? r.id : NULL,
                             r.status == GW_OK ? r.fingerprint : NULL, r.data);
        else if (r.on_list != NULL)
            r.on_list(r.status, r.found, r.n_found, r.cursor, r.data);
        else if (r.on_done != NULL)
            r.on_done(r.status, r.data);
        else
            r.on_message(r.status, r.m, r.data);
        gw_free(r.found);
    }
    if (gw_list_empty(&s->replies))
        (void)uv_idle_stop(&s->idle);
}

static void reply(struct memory_store *s, const struct reply *r)
{
    struct reply *node = gw_malloc(sizeof(*node));
    *node = *r;
    gw_list_push_back(&s->replies, &node->link);
    (void)uv_idle_start(&s->idle, on_idle);
}

static int64_t next_attempt_of(const struct gw_message *m)
{
    int64_t first = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        int64_t t = gw_rcpt_status_final(m->rcpts[i].status) ? 0 : m->rcpts[i].next_attempt_ms;
        if (t != 0 && (first == 0 || t < first))
            first = t;
    }
    return first;
}

/* Put the row where its state belongs: the due heap, the settled list, or neither while leased. */
static void file_row(struct memory_store *s, struct row *r)
{
    due_heap_remove(&s->due, &r->due);
    gw_list_remove(&r->settled_link);
    if (gw_message_settled(r->m)) {
        if (r->body != NULL) {
            s->bytes -= r->m->mime.len;
            r->size -= r->m->mime.len;
            gw_free(r->body);
            r->body = NULL;
        }
        gw_list_push_back(&s->settled, &r->settled_link);
    } else if (!r->leased) {
        due_heap_add(&s->due, &r->due, next_attempt_of(r->m));
    }
}

static void drop_key(struct memory_store *s, struct key_row *k)
{
    gw_list_remove(&k->node.link);
    gw_list_remove(&k->age);
    gw_free(k->key);
    gw_free(k);
    s->n_keys--;
}

static void forget_old_keys(struct memory_store *s)
{
    int64_t before = gw_clock_wall_ms() - GW_IDEMPOTENCY_KEPT_MS;
    while (!gw_list_empty(&s->key_ages)) {
        struct key_row *oldest = gw_list_entry(s->key_ages.next, struct key_row, age);
        if (oldest->created_ms >= before && s->n_keys < GW_STORE_MEMORY_MAX_MESSAGES)
            return;
        drop_key(s, oldest);
    }
}

static void add_key(struct memory_store *s, const struct gw_idempotency *i,
                    const struct gw_message *m)
{
    forget_old_keys(s);
    struct key_row *k = gw_calloc(1, sizeof(*k));
    k->key = gw_strdup(i->key);
    memcpy(k->fingerprint, i->fingerprint, sizeof(k->fingerprint));
    memcpy(k->id, m->id, sizeof(k->id));
    k->created_ms = m->created_at_ms;
    gw_id_table_add(&s->keys, &k->node, k->key);
    gw_list_push_back(&s->key_ages, &k->age);
    s->n_keys++;
}

static void memory_idempotency_find(struct gw_store *base, const char *key,
                                    gw_store_idempotency_cb cb, void *data)
{
    struct memory_store *s = self(base);
    forget_old_keys(s);
    struct reply r = {.status = GW_NOTFOUND, .on_idempotency = cb, .data = data};
    struct gw_id_node *n = gw_id_table_find(&s->keys, key);
    if (n != NULL) {
        const struct key_row *k = gw_list_entry(n, struct key_row, node);
        r.status = GW_OK;
        memcpy(r.id, k->id, sizeof(r.id));
        memcpy(r.fingerprint, k->fingerprint, sizeof(r.fingerprint));
    }
    reply(s, &r);
}

static void memory_commit(struct gw_store *base, const struct gw_message *m,
                          const struct gw_idempotency *idempotency, gw_store_done_cb cb, void *data)
{
    struct memory_store *s = self(base);
    struct reply done = {.status = GW_OK, .on_done = cb, .data = data};
    struct gw_message *copy = gw_message_copy(m);
    size_t size = gw_arena_size(copy->arena) + m->mime.len + sizeof(struct row);
    if (!make_room(s, size)) {
        gw_message_free(&copy);
        done.status = GW_BUSY;
        reply(s, &done);
        return;
    }
    if (s->n_rows >= s->n_buckets)
        grow_table(s);
    struct row *r = gw_calloc(1, sizeof(*r));
    r->m = copy;
    r->body = gw_memdup0(m->mime.data, m->mime.len);
    r->size = size;
    r->leased = m->scheduled_at_ms == 0;
    size_t b = bucket_of(s, m->id);
    r->next_in_bucket = s->buckets[b];
    s->buckets[b] = r;
    r->seq = ++s->last_seq;
    gw_list_push_front(&s->ages, &r->age_link);
    s->n_rows++;
    s->bytes += size;
    file_row(s, r);
    if (idempotency != NULL)
        add_key(s, idempotency, m);
    reply(s, &done);
}

static void memory_begin(struct gw_store *base, const struct gw_message *m, gw_store_done_cb cb,
                         void *data)
{
    (void)m;
    reply(self(base), &(struct reply){.status = GW_OK, .on_done = cb, .data = data});
}

static void memory_record(struct gw_store *base, const struct gw_message *m, gw_store_done_cb cb,
                          void *data)
{
    struct memory_store *s = self(base);
    struct row *r = find(s, m->id);
    struct reply done = {.status = r != NULL ? GW_OK : GW_NOTFOUND, .on_done = cb, .data = data};
    if (r != NULL) {
        struct gw_message *copy = gw_message_copy(m);
        s->bytes -= gw_arena_size(r->m->arena);
        r->size -= gw_arena_size(r->m->arena);
        s->bytes += gw_arena_size(copy->arena);
        r->size += gw_arena_size(copy->arena);
        gw_message_free(&r->m);
        r->m = copy;
        r->leased = false;
        file_row(s, r);
    }
    reply(s, &done);
}

static void memory_get(struct gw_store *base, const char *tenant, const char *id,
                       gw_store_message_cb cb, void *data)
{
    struct memory_store *s = self(base);
    const struct row *r = find(s, id);
    bool visible = r != NULL && (tenant[0] == '\0' || strcmp(tenant, r->m->tenant) == 0);
    reply(s, &(struct reply){.status = visible ? GW_OK : GW_NOTFOUND,
                             .m = visible ? gw_message_copy(r->m) : NULL,
                             .on_message = cb,
                             .data = data});
}

static void memory_list(struct gw_store *base, const struct gw_list_query *query,
                        gw_store_list_cb cb, void *data)
{
    PRE(query->limit > 0 && query->limit <= GW_LIST_MAX);
    struct memory_store *s = self(base);
    struct reply r = {.status = GW_OK, .on_list = cb, .data = data};
    r.found = gw_calloc(query->limit, sizeof(struct gw_message *));
    int64_t last = 0;
    size_t steps = 0;
    gw_list_foreach (it, &s->ages) {
        const struct row *row = gw_list_entry(it, struct row, age_link);
        if (query->cursor != 0 && row->seq >= query->cursor)
            continue;
        if (r.n_found == query->limit || steps++ == MAX_LIST_STEPS) {
            r.cursor = last;
            break;
        }
        if (gw_list_query_matches(query, row->m))
            r.found[r.n_found++] = gw_message_copy(row->m);
        last = row->seq;
    }
    reply(s, &r);
}

static struct gw_message *copy_with_body(const struct row *r)
{
    struct gw_message *m = gw_message_copy(r->m);
    m->mime = gw_arena_slice(m->arena, gw_slice_of(r->body, r->m->mime.len));
    return m;
}

static void memory_lease_due(struct gw_store *base, int64_t now_ms, size_t max,
                             gw_store_message_cb cb, void *data)
{
    struct memory_store *s = self(base);
    struct due_entry *e;
    while (max-- > 0 && (e = due_heap_first(&s->due)) != NULL && e->due_ms <= now_ms) {
        struct row *r = gw_list_entry(e, struct row, due);
        due_heap_remove(&s->due, e);
        r->leased = true;
        reply(s, &(struct reply){
                     .status = GW_OK, .m = copy_with_body(r), .on_message = cb, .data = data});
    }
    reply(s, &(struct reply){.status = GW_NOTFOUND, .on_message = cb, .data = data});
}

static int64_t memory_next_due_ms(struct gw_store *base)
{
    const struct due_entry *e = due_heap_first(&self(base)->due);
    return e != NULL ? e->due_ms : 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct memory_store *s = handle->data;
    struct reply last = *s->closing;
    gw_free(s->closing);
    for (size_t i = 0; i < s->n_buckets; i++)
        while (s->buckets[i] != NULL)
            drop_row(s, s->buckets[i]);
    while (!gw_list_empty(&s->key_ages))
        drop_key(s, gw_list_entry(s->key_ages.next, struct key_row, age));
    due_heap_deinit(&s->due);
    gw_free(s->buckets);
    gw_free(s);
    last.on_done(GW_OK, last.data);
}

static void memory_close(struct gw_store *base, gw_store_done_cb cb, void *data)
{
    struct memory_store *s = self(base);
    PRE(gw_list_empty(&s->replies));
    s->closing = gw_malloc(sizeof(*s->closing));
    *s->closing = (struct reply){.on_done = cb, .data = data};
    uv_close((uv_handle_t *)&s->idle, on_closed);
}

static const struct gw_store_engine memory_engine = {.name = "memory",
                                                     .durable = false,
                                                     .commit = memory_commit,
                                                     .idempotency_find = memory_idempotency_find,
                                                     .begin = memory_begin,
                                                     .record = memory_record,
                                                     .get = memory_get,
                                                     .list = memory_list,
                                                     .lease_due = memory_lease_due,
                                                     .next_due_ms = memory_next_due_ms,
                                                     .close = memory_close};

enum gw_status gw_store_memory_new(uv_loop_t *loop, size_t max_bytes, struct gw_store **out)
{
    struct memory_store *s = gw_calloc(1, sizeof(*s));
    s->base.engine = &memory_engine;
    s->max_bytes = max_bytes;
    s->n_buckets = FIRST_BUCKETS;
    s->buckets = gw_calloc(s->n_buckets, sizeof(struct row *));
    gw_list_init(&s->settled);
    gw_list_init(&s->ages);
    gw_list_init(&s->replies);
    gw_id_table_init(&s->keys);
    gw_list_init(&s->key_ages);
    CHECK(uv_idle_init(loop, &s->idle) == 0);
    s->idle.data = s;
    *out = &s->base;
    return GW_OK;
}
