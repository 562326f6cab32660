/* SPDX-License-Identifier: MIT */
/* Several messages in one transaction: all of them, or none. */
#include "tests/lib/store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_clock.h"
#include "tests/lib/disk_shim.h"

enum {
    N = 5
};

struct several {
    struct gw_message *m[N];
    struct gw_store_new given[N];
    struct gw_idempotency keys[N];
    char names[N][8];
};

static void make(struct several *s, size_t body_len)
{
    for (int i = 0; i < N; i++) {
        s->m[i] = store_test_new_message("k", body_len);
        s->m[i]->created_at_ms = gw_clock_wall_ms(); /* keys grow old */
        (void)snprintf(s->names[i], sizeof(s->names[i]), "key%d", i);
        s->keys[i] = (struct gw_idempotency){.key = s->names[i], .fingerprint = {(unsigned char)i}};
        s->given[i] = (struct gw_store_new){.m = s->m[i], .idempotency = &s->keys[i]};
    }
    s->given[N - 1].idempotency = NULL;
}

static void commit_all(struct store_fixture *f, struct several *s, enum gw_status want)
{
    f->store->engine->commit_all(f->store, s->given, N, store_test_on_done, f);
    f->n_expected++;
    store_test_settle(f);
    assert_int_equal(f->status, want);
    for (int i = 0; i < N; i++)
        store_test_get(f, "k", s->m[i]->id, want == GW_OK ? GW_OK : GW_NOTFOUND);
    for (int i = 0; i < N - 1; i++)
        store_test_find_key(f, s->names[i], want == GW_OK ? GW_OK : GW_NOTFOUND);
}

static void forget(struct several *s)
{
    for (int i = 0; i < N; i++)
        gw_message_free(&s->m[i]);
}

static void all_are_stored_with_their_keys(void **state)
{
    struct store_fixture f;
    struct several s;
    store_test_open(&f, state);
    make(&s, 100);
    s.m[2]->rcpts[0].next_attempt_ms = 9000; /* this one waits; the others are leased */
    commit_all(&f, &s, GW_OK);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 9000);
    store_test_lease(&f, INT64_MAX, 1);
    assert_string_equal(f.got->id, s.m[2]->id);
    forget(&s);
    store_test_close(&f);
}

static void none_is_stored_when_the_disk_has_no_room_for_one(void **state)
{
    struct store_fixture f;
    struct several s;
    disk_shim_install();
    store_test_open(&f, state);
    make(&s, (size_t)100 * 1024);
    disk_shim_set_room((int64_t)250 * 1024);
    commit_all(&f, &s, GW_FULL);
    disk_shim_set_room(-1);
    commit_all(&f, &s, GW_OK);
    forget(&s);
    store_test_close(&f);
    disk_shim_remove();
}

static void none_is_stored_when_memory_has_no_room_for_one(void **state)
{
    struct store_fixture f;
    struct several s;
    store_test_open(&f, state);
    make(&s, STORE_TEST_MEMORY_BYTES / N); /* and what a row is beside its body */
    commit_all(&f, &s, GW_BUSY);
    forget(&s);
    make(&s, STORE_TEST_MEMORY_BYTES / N - (size_t)64 * 1024);
    commit_all(&f, &s, GW_OK);
    forget(&s);
    store_test_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST_EACH(all_are_stored_with_their_keys),
        cmocka_unit_test_prestate(none_is_stored_when_the_disk_has_no_room_for_one,
                                  &store_test_sqlite),
        cmocka_unit_test_prestate(none_is_stored_when_memory_has_no_room_for_one,
                                  &store_test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
