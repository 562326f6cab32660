/* SPDX-License-Identifier: MIT */
/* The memory engine: a hash table by id, a heap by due time, a list of settled messages that are
 * evicted oldest first. Nothing survives the process.
 *
 * Calls do their work at once; callbacks are queued and run from an idle handle, so that they never
 * come from inside the call. */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/store/memory_internal.h"

enum {
    FIRST_BUCKETS = 64,
    MAX_LIST_STEPS = 20000
};

static size_t bucket_of(const struct memory_store *s, const char *id)
{
    uint64_t h = 1469598103934665603U; /* FNV-1a; ids are our own random UUIDs */
    for (; *id != '\0'; id++)
        h = (h ^ (unsigned char)*id) * 1099511628211U;
    return (size_t)(h & (s->n_buckets - 1));
}

static struct memory_row *find(const struct memory_store *s, const char *id)
{
    struct memory_row *r = s->buckets[bucket_of(s, id)];
    while (r != NULL && strcmp(r->m->id, id) != 0)
        r = r->next_in_bucket;
    return r;
}

static void grow_table(struct memory_store *s)
{
    struct memory_row **old = s->buckets;
    size_t n_old = s->n_buckets;
    s->n_buckets *= 2;
    s->buckets = gw_calloc(s->n_buckets, sizeof(struct memory_row *));
    for (size_t i = 0; i < n_old; i++) {
        for (struct memory_row *r = old[i], *next; r != NULL; r = next) {
            next = r->next_in_bucket;
            size_t b = bucket_of(s, r->m->id);
            r->next_in_bucket = s->buckets[b];
            s->buckets[b] = r;
        }
    }
    gw_free(old);
}

static void drop_row(struct memory_store *s, struct memory_row *r)
{
    struct memory_row **at = &s->buckets[bucket_of(s, r->m->id)];
    while (*at != r)
        at = &(*at)->next_in_bucket;
    *at = r->next_in_bucket;
    gw_list_remove(&r->settled_link);
    gw_list_remove(&r->age_link);
    due_heap_remove(&s->due[r->m->priority], &r->due);
    memory_trail_deinit(&s->history, &r->trail);
    s->bytes -= r->size;
    s->n_rows--;
    gw_message_free(&r->m);
    gw_free(r->body);
    gw_free(r);
}

static bool has_room(const struct memory_store *s, size_t n, size_t size)
{
    return s->bytes + size <= s->max_bytes && s->n_rows + n <= GW_STORE_MEMORY_MAX_MESSAGES;
}

/* Makes room for @n messages of @size bytes by forgetting settled messages; false when that is not
 * enough. */
static bool make_room(struct memory_store *s, size_t n, size_t size)
{
    while (!has_room(s, n, size) && !gw_list_empty(&s->settled))
        drop_row(s, gw_list_entry(s->settled.next, struct memory_row, settled_link));
    return has_room(s, n, size);
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
    bool tell = s->has_news && s->base.on_events != NULL;
    s->has_news = false;
    while (!gw_list_empty(&batch)) {
        struct memory_reply *r = gw_list_entry(batch.next, struct memory_reply, link);
        gw_list_remove(&r->link);
        r->call(r);
        gw_free(r);
    }
    if (tell)
        s->base.on_events(s->base.on_events_data);
    if (gw_list_empty(&s->replies))
        (void)uv_idle_stop(&s->idle);
}

void memory_queue_reply(struct memory_store *s, const struct memory_reply *r)
{
    struct memory_reply *node = gw_malloc(sizeof(*node));
    *node = *r;
    gw_list_push_back(&s->replies, &node->link);
    (void)uv_idle_start(&s->idle, on_idle);
}

static void reply_done(struct memory_store *s, enum gw_status status, gw_store_done_cb cb,
                       void *data)
{
    memory_queue_reply(
        s, &(struct memory_reply){
               .call = memory_reply_done, .status = status, .cb.done = cb, .data = data});
}

static int live_status(const struct gw_message *m)
{
    const char *word = gw_message_status(m);
    for (int i = 0; i < GW_STORE_LIVE_STATES; i++)
        if (strcmp(word, gw_rcpt_status_name((enum gw_rcpt_status)i)) == 0)
            return i;
    return -1;
}

static void count_row(struct memory_store *s, struct memory_row *r, int live)
{
    if (r->live >= 0)
        s->n_live[r->live]--;
    r->live = live;
    if (live >= 0)
        s->n_live[live]++;
}

/* Put the row where its state belongs: the due heap, the settled list, or neither while leased. */
static void file_row(struct memory_store *s, struct memory_row *r)
{
    struct due_heap *due = &s->due[r->m->priority];
    count_row(s, r, live_status(r->m));
    due_heap_remove(due, &r->due);
    gw_list_remove(&r->settled_link);
    if (gw_message_settled(r->m)) {
        if (r->body != NULL && !gw_message_held(r->m)) {
            s->bytes -= r->m->mime.len;
            r->size -= r->m->mime.len;
            gw_free(r->body);
            r->body = NULL;
        }
        gw_list_push_back(&s->settled, &r->settled_link);
    } else if (!r->leased && gw_message_next_attempt_ms(r->m) != 0) {
        due_heap_add(due, &r->due, gw_message_next_attempt_ms(r->m));
    }
}

static void memory_idempotency_find(struct gw_store *base, const char *key,
                                    gw_store_idempotency_cb cb, void *data)
{
    struct memory_store *s = memory_self(base);
    struct memory_reply r = {.call = memory_reply_idempotency, .cb.idempotency = cb, .data = data};
    r.status = memory_keys_find(&s->keys, key, r.id, r.fingerprint);
    memory_queue_reply(s, &r);
}

static void note(struct memory_store *s, struct memory_row *r, const struct gw_recipient *before)
{
    s->n_changes++;
    if (memory_history_note(&s->history, &r->trail, before, r->m))
        s->has_news = true;
}

/* What a row of @copy counts. */
static size_t size_of(const struct gw_message *copy, const struct gw_message *m)
{
    return gw_arena_size(copy->arena) + m->mime.len + sizeof(struct memory_row);
}

/* @copy of @m becomes a row. There is room. */
static void add_row(struct memory_store *s, struct gw_message *copy,
                    const struct gw_store_new *given)
{
    const struct gw_message *m = given->m;
    if (s->n_rows >= s->n_buckets)
        grow_table(s);
    struct memory_row *r = gw_calloc(1, sizeof(*r));
    r->m = copy;
    r->body = gw_memdup0(m->mime.data, m->mime.len);
    r->size = size_of(copy, m);
    r->live = -1;
    r->leased = gw_message_next_attempt_ms(m) == 0;
    memory_trail_init(&r->trail);
    size_t b = bucket_of(s, m->id);
    r->next_in_bucket = s->buckets[b];
    s->buckets[b] = r;
    r->seq = ++s->last_seq;
    gw_list_push_front(&s->ages, &r->age_link);
    s->n_rows++;
    s->bytes += r->size;
    file_row(s, r);
    note(s, r, NULL);
    if (given->idempotency != NULL)
        memory_keys_add(&s->keys, given->idempotency, m);
}

static void memory_commit_all(struct gw_store *base, const struct gw_store_new *messages, size_t n,
                              gw_store_done_cb cb, void *data)
{
    PRE(n > 0);
    struct memory_store *s = memory_self(base);
    struct gw_message **copies = gw_calloc(n, sizeof(*copies));
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        memory_suppress_recipients(&s->suppressions, messages[i].m);
        copies[i] = gw_message_copy(messages[i].m);
        size += size_of(copies[i], messages[i].m);
    }
    bool fits = make_room(s, n, size);
    for (size_t i = 0; i < n; i++) {
        if (fits)
            add_row(s, copies[i], &messages[i]);
        else
            gw_message_free(&copies[i]);
    }
    gw_free(copies);
    reply_done(s, fits ? GW_OK : GW_BUSY, cb, data);
}

static void memory_commit(struct gw_store *base, struct gw_message *m,
                          const struct gw_idempotency *idempotency, gw_store_done_cb cb, void *data)
{
    const struct gw_store_new one = {.m = m, .idempotency = idempotency};
    memory_commit_all(base, &one, 1, cb, data);
}

static void memory_begin(struct gw_store *base, const struct gw_message *m,
                         const struct gw_attempt_log *attempts, size_t n_attempts,
                         gw_store_done_cb cb, void *data)
{
    (void)m;
    (void)attempts;
    (void)n_attempts;
    reply_done(memory_self(base), GW_OK, cb, data);
}

/* @copy, which becomes the store's, replaces what the row holds. */
static void replace(struct memory_store *s, struct memory_row *r, struct gw_message *copy)
{
    struct gw_message *before = r->m;
    s->bytes -= gw_arena_size(before->arena);
    r->size -= gw_arena_size(before->arena);
    s->bytes += gw_arena_size(copy->arena);
    r->size += gw_arena_size(copy->arena);
    due_heap_remove(&s->due[before->priority], &r->due);
    r->m = copy;
    r->leased = false;
    file_row(s, r);
    note(s, r, before->rcpts);
    gw_message_free(&before);
}

static void memory_record(struct gw_store *base, const struct gw_message *m,
                          const struct gw_attempt_log *attempts, size_t n_attempts,
                          gw_store_done_cb cb, void *data)
{
    struct memory_store *s = memory_self(base);
    struct memory_row *r = find(s, m->id);
    if (r != NULL) {
        replace(s, r, gw_message_copy(m));
        memory_trail_add_attempts(&r->trail, attempts, n_attempts);
    }
    reply_done(s, r != NULL ? GW_OK : GW_NOTFOUND, cb, data);
}

static struct memory_row *find_visible(const struct memory_store *s, const char *tenant,
                                       const char *id)
{
    struct memory_row *r = find(s, id);
    return r != NULL && (tenant[0] == '\0' || strcmp(tenant, r->m->tenant) == 0) ? r : NULL;
}

static void memory_update(struct gw_store *base, const char *tenant, const char *id,
                          const struct gw_store_change *change, gw_store_message_cb cb, void *data)
{
    struct memory_store *s = memory_self(base);
    struct memory_row *r = find_visible(s, tenant, id);
    struct memory_reply answer = {
        .call = memory_reply_message, .status = GW_NOTFOUND, .cb.message = cb, .data = data};
    struct gw_message *m = r != NULL ? gw_message_copy(r->m) : NULL;
    if (m != NULL)
        answer.status = r->leased ? GW_BUSY : change->fn(m, gw_clock_wall_ms(), change->arg);
    if (answer.status == GW_OK && r->body == NULL && !gw_message_settled(m))
        answer.status = GW_CONFLICT;
    if (answer.status == GW_OK) {
        answer.m = gw_message_copy(m);
        replace(s, r, m);
    } else {
        gw_message_free(&m);
    }
    memory_queue_reply(s, &answer);
}

struct gw_message *memory_copy_with_body(const struct memory_row *r)
{
    struct gw_message *m = gw_message_copy(r->m);
    if (r->body != NULL)
        m->mime = gw_arena_slice(m->arena, gw_slice_of(r->body, r->m->mime.len));
    return m;
}

static void find_message(struct memory_store *s, const char *tenant, const char *id,
                         struct gw_message *(*copy)(const struct memory_row *r),
                         gw_store_message_cb cb, void *data)
{
    const struct memory_row *r = find_visible(s, tenant, id);
    memory_queue_reply(s, &(struct memory_reply){.call = memory_reply_message,
                                                 .status = r != NULL ? GW_OK : GW_NOTFOUND,
                                                 .m = r != NULL ? copy(r) : NULL,
                                                 .cb.message = cb,
                                                 .data = data});
}

static struct gw_message *copy_without_body(const struct memory_row *r)
{
    return gw_message_copy(r->m);
}

static void memory_get(struct gw_store *base, const char *tenant, const char *id,
                       gw_store_message_cb cb, void *data)
{
    find_message(memory_self(base), tenant, id, copy_without_body, cb, data);
}

static void memory_raw(struct gw_store *base, const char *tenant, const char *id,
                       gw_store_message_cb cb, void *data)
{
    find_message(memory_self(base), tenant, id, memory_copy_with_body, cb, data);
}

static void memory_attempts(struct gw_store *base, const char *tenant, const char *id,
                            gw_store_attempts_cb cb, void *data)
{
    struct memory_store *s = memory_self(base);
    const struct memory_row *r = find_visible(s, tenant, id);
    struct memory_reply answer = {
        .call = memory_reply_attempts, .status = GW_NOTFOUND, .cb.attempts = cb, .data = data};
    if (r != NULL) {
        answer.status = GW_OK;
        answer.m = gw_message_copy(r->m);
        answer.arena = gw_arena_new(0);
        answer.attempts = memory_trail_attempts(&r->trail, answer.arena);
        answer.n = r->trail.n_attempts;
    }
    memory_queue_reply(s, &answer);
}

static void memory_events_after(struct gw_store *base, const struct gw_event_query *query,
                                gw_store_events_cb cb, void *data)
{
    PRE(query->max > 0 && query->max <= GW_EVENTS_MAX);
    struct memory_store *s = memory_self(base);
    const struct memory_row *r = query->id != NULL ? find(s, query->id) : NULL;
    struct memory_reply answer = {.call = memory_reply_events,
                                  .status = GW_OK,
                                  .cursor = query->after,
                                  .cb.events = cb,
                                  .data = data,
                                  .arena = gw_arena_new(0)};
    if (query->id == NULL || r != NULL) {
        struct gw_event_page page =
            memory_history_find(&s->history, r != NULL ? &r->trail : NULL, query, answer.arena);
        answer.events = page.events;
        answer.n = page.n;
        answer.cursor = page.next;
        answer.more = page.more;
    }
    memory_queue_reply(s, &answer);
}

static void memory_list(struct gw_store *base, const struct gw_list_query *query,
                        gw_store_list_cb cb, void *data)
{
    PRE(query->limit > 0 && query->limit <= GW_LIST_MAX);
    struct memory_store *s = memory_self(base);
    struct memory_reply r = {
        .call = memory_reply_list, .status = GW_OK, .cb.list = cb, .data = data};
    r.found = gw_calloc(query->limit, sizeof(struct gw_message *));
    int64_t last = 0;
    size_t steps = 0;
    gw_list_foreach (it, &s->ages) {
        const struct memory_row *row = gw_list_entry(it, struct memory_row, age_link);
        if (query->cursor != 0 && row->seq >= query->cursor)
            continue;
        if (r.n == query->limit || steps++ == MAX_LIST_STEPS) {
            r.cursor = last;
            break;
        }
        if (gw_list_query_matches(query, row->m))
            r.found[r.n++] = gw_message_copy(row->m);
        last = row->seq;
    }
    memory_queue_reply(s, &r);
}

static void memory_note(struct gw_store *base, const struct gw_event *e, gw_store_done_cb cb,
                        void *data)
{
    struct memory_store *s = memory_self(base);
    memory_history_add(&s->history, e);
    s->has_news = true;
    reply_done(s, GW_OK, cb, data);
}

static void memory_webhook_load(struct gw_store *base, const char *name, gw_store_webhook_cb cb,
                                void *data)
{
    struct memory_store *s = memory_self(base);
    (void)name;
    memory_queue_reply(s, &(struct memory_reply){.call = memory_reply_webhook,
                                                 .status = GW_OK,
                                                 .cursor = s->history.last_seq,
                                                 .cb.webhook = cb,
                                                 .data = data});
}

static void memory_webhook_save(struct gw_store *base, const struct gw_webhook_progress *progress,
                                gw_store_done_cb cb, void *data)
{
    (void)progress;
    reply_done(memory_self(base), GW_OK, cb, data);
}

static void memory_stats(struct gw_store *base, gw_store_stats_cb cb, void *data)
{
    struct memory_store *s = memory_self(base);
    struct memory_reply r = {
        .call = memory_reply_stats, .status = GW_OK, .cb.stats = cb, .data = data};
    r.stats.file_bytes = (int64_t)s->bytes;
    r.stats.n_transactions = s->n_changes;
    r.stats.n_operations = s->n_changes;
    memcpy(r.stats.n_live, s->n_live, sizeof(r.stats.n_live));
    size_t steps = 0;
    for (struct gw_list *it = s->ages.prev; it != &s->ages && steps++ < MAX_LIST_STEPS;
         it = it->prev) {
        const struct memory_row *row = gw_list_entry(it, struct memory_row, age_link);
        if (row->live >= 0) {
            r.stats.oldest_ms = row->m->created_at_ms;
            break;
        }
    }
    memory_queue_reply(s, &r);
}

static void memory_clock_jumped(struct gw_store *base, const struct gw_clock_jump *jump,
                                gw_store_done_cb cb, void *data)
{
    struct memory_store *s = memory_self(base);
    gw_list_foreach (it, &s->ages) {
        struct memory_row *r = gw_list_entry(it, struct memory_row, age_link);
        if (r->leased || gw_message_settled(r->m))
            continue;
        if (r->m->created_at_ms >= jump->accepted_from_ms &&
            r->m->created_at_ms <= jump->accepted_to_ms)
            r->m->expires_at_ms += jump->by_ms;
        for (size_t i = 0; i < r->m->n_rcpts; i++) {
            struct gw_recipient *rcpt = &r->m->rcpts[i];
            bool waits = rcpt->status == GW_RCPT_QUEUED || rcpt->status == GW_RCPT_DEFERRED;
            if (waits && rcpt->next_attempt_ms > jump->latest_ms)
                rcpt->next_attempt_ms = jump->latest_ms;
        }
        file_row(s, r);
    }
    reply_done(s, GW_OK, cb, data);
}

static void on_closed(uv_handle_t *handle)
{
    struct memory_store *s = handle->data;
    struct memory_reply last = *s->closing;
    gw_free(s->closing);
    for (size_t i = 0; i < s->n_buckets; i++)
        while (s->buckets[i] != NULL)
            drop_row(s, s->buckets[i]);
    memory_keys_deinit(&s->keys);
    memory_suppressions_deinit(&s->suppressions);
    memory_templates_deinit(&s->templates);
    memory_history_deinit(&s->history);
    for (int p = 0; p < DUE_N_PRIORITIES; p++)
        due_heap_deinit(&s->due[p]);
    gw_free(s->buckets);
    gw_free(s);
    last.cb.done(GW_OK, last.data);
}

static void memory_close(struct gw_store *base, gw_store_done_cb cb, void *data)
{
    struct memory_store *s = memory_self(base);
    PRE(gw_list_empty(&s->replies));
    s->closing = gw_malloc(sizeof(*s->closing));
    *s->closing = (struct memory_reply){.cb.done = cb, .data = data};
    uv_close((uv_handle_t *)&s->idle, on_closed);
}

static const struct gw_store_engine memory_engine = {.name = "memory",
                                                     .durable = false,
                                                     .commit = memory_commit,
                                                     .commit_all = memory_commit_all,
                                                     .idempotency_find = memory_idempotency_find,
                                                     .begin = memory_begin,
                                                     .record = memory_record,
                                                     .update = memory_update,
                                                     .get = memory_get,
                                                     .raw = memory_raw,
                                                     .attempts = memory_attempts,
                                                     .list = memory_list,
                                                     .events_after = memory_events_after,
                                                     .suppress = memory_suppress_entries,
                                                     .unsuppress = memory_unsuppress_entries,
                                                     .suppressions = memory_suppression_list,
                                                     .template_put = memory_template_put,
                                                     .template_delete = memory_template_delete,
                                                     .templates = memory_template_list,
                                                     .note = memory_note,
                                                     .webhook_load = memory_webhook_load,
                                                     .webhook_save = memory_webhook_save,
                                                     .stats = memory_stats,
                                                     .lease_due = memory_lease_due,
                                                     .lease_waiting = memory_lease_waiting,
                                                     .clock_jumped = memory_clock_jumped,
                                                     .next_due_ms = memory_next_due_ms,
                                                     .close = memory_close};

enum gw_status gw_store_memory_new(uv_loop_t *loop, size_t max_bytes, struct gw_store **out)
{
    struct memory_store *s = gw_calloc(1, sizeof(*s));
    s->base.engine = &memory_engine;
    s->max_bytes = max_bytes;
    s->n_buckets = FIRST_BUCKETS;
    s->buckets = gw_calloc(s->n_buckets, sizeof(struct memory_row *));
    gw_list_init(&s->settled);
    gw_list_init(&s->ages);
    gw_list_init(&s->replies);
    memory_keys_init(&s->keys);
    memory_suppressions_init(&s->suppressions, &s->base.suppresses_unknown);
    memory_templates_init(&s->templates);
    memory_history_init(&s->history, &s->suppressions);
    CHECK(uv_idle_init(loop, &s->idle) == 0);
    s->idle.data = s;
    *out = &s->base;
    return GW_OK;
}
