/* SPDX-License-Identifier: MIT */
/* The memory engine, as the store's contract says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_random.h"
#include "gateway/store.h"
#include "gateway/store/due_heap.h"

struct fixture {
    uv_loop_t loop;
    struct gw_store *store;
    int n_done, n_messages, n_ends;
    enum gw_status status;
    struct gw_message *got;
};

static void on_done(enum gw_status status, void *data)
{
    struct fixture *f = data;
    f->status = status;
    f->n_done++;
}

static void on_message(enum gw_status status, struct gw_message *m, void *data)
{
    struct fixture *f = data;
    f->status = status;
    if (m == NULL) {
        f->n_ends++;
        return;
    }
    f->n_messages++;
    gw_message_free(&f->got);
    f->got = m;
}

static void settle(struct fixture *f)
{
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void open_store(struct fixture *f, size_t max_bytes)
{
    *f = (struct fixture){.n_done = 0};
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(gw_store_memory_new(&f->loop, max_bytes, &f->store), GW_OK);
}

static void close_store(struct fixture *f)
{
    gw_message_free(&f->got);
    int before = f->n_done;
    f->store->engine->close(f->store, on_done, f);
    settle(f);
    assert_int_equal(f->n_done, before + 1);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static struct gw_message *new_message(const char *tenant, size_t body_len)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_message *m = GW_ARENA_NEW(arena, struct gw_message);
    m->arena = arena;
    gw_uuid_v7(1000, m->id);
    m->tenant = gw_arena_strdup(arena, tenant);
    m->message_id = "<a@b>";
    m->from = "f@example.com";
    m->from_domain = "example.com";
    m->subject = "s";
    m->mail_from = "f@example.com";
    m->rcpts = GW_ARENA_ARRAY(arena, struct gw_recipient, 1);
    m->n_rcpts = 1;
    m->rcpts[0] = (struct gw_recipient){.email = "a@b.example",
                                        .domain = "b.example",
                                        .status = GW_RCPT_QUEUED,
                                        .smtp = {.enhanced = "", .text = ""}};
    char *body = gw_arena_bytes(arena, body_len);
    memset(body, 'x', body_len);
    m->mime = gw_slice_of(body, body_len);
    return m;
}

static void commit(struct fixture *f, const struct gw_message *m, enum gw_status want)
{
    int before = f->n_done;
    f->store->engine->commit(f->store, m, on_done, f);
    assert_int_equal(f->n_done, before); /* never from inside the call */
    settle(f);
    assert_int_equal(f->n_done, before + 1);
    assert_int_equal(f->status, want);
}

static void messages_are_found_by_their_tenant_only(void **state)
{
    (void)state;
    struct fixture f;
    open_store(&f, 1 << 20);
    struct gw_message *m = new_message("k1", 10);
    commit(&f, m, GW_OK);
    f.store->engine->get(f.store, "k1", m->id, on_message, &f);
    f.store->engine->get(f.store, "", m->id, on_message, &f);
    settle(&f);
    assert_int_equal(f.n_messages, 2);
    assert_string_equal(f.got->id, m->id);
    assert_int_equal(f.got->mime.len, 10);
    assert_null(f.got->mime.data);
    f.store->engine->get(f.store, "k2", m->id, on_message, &f);
    settle(&f);
    assert_int_equal(f.status, GW_NOTFOUND);
    gw_message_free(&m);
    close_store(&f);
}

static void a_deferred_message_is_leased_once_when_due(void **state)
{
    (void)state;
    struct fixture f;
    open_store(&f, 1 << 20);
    struct gw_message *m = new_message("", 10);
    commit(&f, m, GW_OK);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 0); /* leased by who committed it */
    m->rcpts[0].status = GW_RCPT_DEFERRED;
    m->rcpts[0].next_attempt_ms = 5000;
    f.store->engine->record(f.store, m, on_done, &f);
    settle(&f);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 5000);
    f.store->engine->lease_due(f.store, 4999, 10, on_message, &f);
    settle(&f);
    assert_int_equal(f.n_messages, 0);
    assert_int_equal(f.n_ends, 1);
    f.store->engine->lease_due(f.store, 5000, 10, on_message, &f);
    f.store->engine->lease_due(f.store, 5000, 10, on_message, &f);
    settle(&f);
    assert_int_equal(f.n_messages, 1);
    assert_int_equal(f.n_ends, 3);
    assert_true(gw_slice_is(f.got->mime, "xxxxxxxxxx"));
    gw_message_free(&m);
    close_store(&f);
}

static void a_full_store_forgets_settled_messages_only(void **state)
{
    (void)state;
    struct fixture f;
    open_store(&f, 100000);
    struct gw_message *first = new_message("", 60000), *second = new_message("", 60000);
    commit(&f, first, GW_OK);
    commit(&f, second, GW_BUSY);
    first->rcpts[0].status = GW_RCPT_SENT;
    f.store->engine->record(f.store, first, on_done, &f);
    settle(&f);
    commit(&f, second, GW_OK);
    f.store->engine->record(f.store, first, on_done, &f);
    settle(&f);
    assert_int_equal(f.status, GW_OK); /* its body went, its row stayed */
    gw_message_free(&first);
    gw_message_free(&second);
    close_store(&f);
}

static void record_of_an_unknown_message_is_not_found(void **state)
{
    (void)state;
    struct fixture f;
    open_store(&f, 100000);
    struct gw_message *m = new_message("", 10);
    f.store->engine->record(f.store, m, on_done, &f);
    settle(&f);
    assert_int_equal(f.status, GW_NOTFOUND);
    gw_message_free(&m);
    close_store(&f);
}

static void thousands_of_messages_are_all_found(void **state)
{
    (void)state;
    enum {
        N = 3000
    };
    static char ids[N][GW_UUID_SIZE];
    struct fixture f;
    open_store(&f, 64 << 20);
    for (int i = 0; i < N; i++) {
        struct gw_message *m = new_message("", 10);
        memcpy(ids[i], m->id, GW_UUID_SIZE);
        f.store->engine->commit(f.store, m, on_done, &f);
        gw_message_free(&m);
    }
    for (int i = 0; i < N; i++)
        f.store->engine->get(f.store, "", ids[i], on_message, &f);
    settle(&f);
    assert_int_equal(f.n_messages, N);
    close_store(&f);
}

static void the_due_heap_keeps_order_under_random_removal(void **state)
{
    (void)state;
    enum {
        N = 2000
    };
    static struct due_entry entries[N];
    struct due_heap h = {.items = NULL};
    gw_random_seed(11);
    memset(entries, 0, sizeof(entries));
    for (int i = 0; i < N; i++)
        due_heap_add(&h, &entries[i], gw_random_below(1000));
    for (int i = 0; i < N / 2; i++) {
        struct due_entry *e = &entries[gw_random_below(N)];
        due_heap_remove(&h, e);
        due_heap_remove(&h, e);
    }
    int64_t last = -1;
    struct due_entry *e;
    while ((e = due_heap_first(&h)) != NULL) {
        assert_true(e->due_ms >= last);
        last = e->due_ms;
        due_heap_remove(&h, e);
    }
    due_heap_deinit(&h);
    gw_random_seed(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_found_by_their_tenant_only),
        cmocka_unit_test(a_deferred_message_is_leased_once_when_due),
        cmocka_unit_test(a_full_store_forgets_settled_messages_only),
        cmocka_unit_test(record_of_an_unknown_message_is_not_found),
        cmocka_unit_test(thousands_of_messages_are_all_found),
        cmocka_unit_test(the_due_heap_keeps_order_under_random_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
