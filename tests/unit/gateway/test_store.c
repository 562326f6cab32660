/* SPDX-License-Identifier: MIT */
/* The store's contract, held against each engine. */
#include "tests/lib/store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_random.h"
#include "gateway/store/due_heap.h"
#include "gateway/store/sqlite.h"

static void on_fatal(const char *detail, void *data)
{
    (void)data;
    fail_msg("%s", detail);
}

static void every_field_comes_back(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = store_test_new_message("k1", 10);
    m->tags = GW_ARENA_ARRAY(m->arena, struct gw_slice, 2);
    m->tags[0] = gw_slice_str("a");
    m->tags[1] = gw_slice_str("b\xc3\xa9");
    m->n_tags = 2;
    m->metadata = GW_ARENA_ARRAY(m->arena, struct gw_draft_pair, 1);
    m->metadata[0].name.value = gw_slice_str("order");
    m->metadata[0].value.value = gw_slice_str("17");
    m->n_metadata = 1;
    m->dsn = (struct gw_dsn){
        .ret = GW_DSN_RET_HEADERS, .envid = "17", .notify = GW_DSN_FAILURE | GW_DSN_DELAY};
    m->relay = "backup";
    m->traceparent = "00-11111111111111111111111111111111-2222222222222222-01";
    m->priority = GW_PRIORITY_LOW;
    m->on_uncertain = GW_UNCERTAIN_HOLD;
    m->expires_at_ms = 99;
    store_test_commit(&f, m, GW_OK);
    m->rcpts[0] = (struct gw_recipient){.email = "a@b.example",
                                        .domain = "b.example",
                                        .kind = GW_RCPT_BCC,
                                        .status = GW_RCPT_REJECTED,
                                        .category = GW_CATEGORY_RECIPIENT,
                                        .uncertain = true,
                                        .attempts = 3,
                                        .relay = "backup",
                                        .reason = "r",
                                        .detail = "d",
                                        .smtp = {.code = 550,
                                                 .enhanced = "5.1.1",
                                                 .command = "RCPT",
                                                 .text = "no\nsuch user",
                                                 .tls = "TLSv1.3"},
                                        .updated_at_ms = 7,
                                        .duration_ms = 8};
    store_test_record(&f, m, GW_OK);
    store_test_get(&f, "k1", m->id, GW_OK);
    const struct gw_message *g = f.got;
    assert_string_equal(g->id, m->id);
    assert_string_equal(g->tenant, "k1");
    assert_string_equal(g->relay, "backup");
    assert_string_equal(g->traceparent, m->traceparent);
    assert_int_equal(g->n_tags, 2);
    assert_true(gw_slice_is(g->tags[1], "b\xc3\xa9"));
    assert_true(gw_slice_is(g->metadata[0].value.value, "17"));
    assert_int_equal(g->dsn.ret, GW_DSN_RET_HEADERS);
    assert_string_equal(g->dsn.envid, "17");
    assert_int_equal(g->dsn.notify, GW_DSN_FAILURE | GW_DSN_DELAY);
    assert_int_equal(g->priority, GW_PRIORITY_LOW);
    assert_int_equal(g->on_uncertain, GW_UNCERTAIN_HOLD);
    assert_int_equal(g->expires_at_ms, 99);
    const struct gw_recipient *r = &g->rcpts[0];
    assert_int_equal(r->status, GW_RCPT_REJECTED);
    assert_int_equal(r->category, GW_CATEGORY_RECIPIENT);
    assert_true(r->uncertain && !r->retryable);
    assert_int_equal(r->attempts, 3);
    assert_string_equal(r->reason, "r");
    assert_string_equal(r->detail, "d");
    assert_int_equal(r->smtp.code, 550);
    assert_string_equal(r->smtp.text, "no\nsuch user");
    assert_string_equal(r->smtp.tls, "TLSv1.3");
    assert_int_equal(r->updated_at_ms, 7);
    gw_message_free(&m);
    store_test_close(&f);
}

static void messages_are_found_by_their_tenant_only(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = store_test_new_message("k1", 10);
    store_test_commit(&f, m, GW_OK);
    store_test_get(&f, "k1", m->id, GW_OK);
    store_test_get(&f, "", m->id, GW_OK);
    assert_string_equal(f.got->id, m->id);
    assert_int_equal(f.got->mime.len, 10);
    assert_null(f.got->mime.data);
    store_test_get(&f, "k2", m->id, GW_NOTFOUND);
    gw_message_free(&m);
    store_test_close(&f);
}

static void a_deferred_message_is_leased_once_when_due(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = store_test_new_message("", 10);
    store_test_commit(&f, m, GW_OK);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 0); /* leased by who committed it */
    m->rcpts[0].status = GW_RCPT_DEFERRED;
    m->rcpts[0].next_attempt_ms = 5000;
    store_test_record(&f, m, GW_OK);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 5000);
    store_test_lease(&f, 4999, 0);
    store_test_lease(&f, 5000, 1);
    assert_true(gw_slice_is(f.got->mime, "xxxxxxxxxx"));
    store_test_lease(&f, 5000, 0);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 0);
    gw_message_free(&m);
    store_test_close(&f);
}

static void a_key_stands_for_its_message_for_a_day(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_idempotency key = {.key = "t\nPOST /v1/messages\nk1", .fingerprint = {7}};
    struct gw_message *m = store_test_new_message("t", 10);
    int64_t now = gw_clock_wall_ms();
    m->created_at_ms = now;
    store_test_find_key(&f, key.key, GW_NOTFOUND);
    f.idempotency = &key;
    store_test_commit(&f, m, GW_OK);
    store_test_find_key(&f, key.key, GW_OK);
    assert_string_equal(f.id, m->id);
    assert_int_equal(f.first_byte, 7);
    store_test_find_key(&f, "t\nPOST /v1/messages\nk2", GW_NOTFOUND);
    gw_clock_fake(now + GW_IDEMPOTENCY_KEPT_MS, 0);
    store_test_find_key(&f, key.key, GW_OK);
    gw_clock_fake_advance(1);
    store_test_find_key(&f, key.key, GW_NOTFOUND);
    gw_clock_fake_end();
    gw_message_free(&m);
    store_test_close(&f);
}

static void messages_are_listed_newest_first_by_every_condition(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    static const char *const subjects[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) {
        struct gw_message *m = store_test_new_message(i == 1 ? "k2" : "k1", 10);
        m->subject = subjects[i];
        m->created_at_ms = 1000 + i;
        m->from = i == 4 ? "x@example.com" : "f@example.com";
        m->tags = GW_ARENA_ARRAY(m->arena, struct gw_slice, 1);
        m->tags[0] = gw_slice_str(i % 2 == 0 ? "even" : "odd");
        m->n_tags = 1;
        struct gw_recipient two[2] = {m->rcpts[0], m->rcpts[0]};
        two[0].email = i == 2 ? "c@b.example" : "a@b.example";
        two[0].relay = i == 3 ? "backup" : NULL;
        two[1].email = "z@b.example";
        m->rcpts = two;
        m->n_rcpts = 2;
        store_test_commit(&f, m, GW_OK);
        if (i == 0) {
            two[0].status = GW_RCPT_SENT;
            two[1].status = GW_RCPT_SENT;
            store_test_record(&f, m, GW_OK);
        }
        gw_message_free(&m);
    }
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.tenant = ""}), "edcba");
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.tenant = "k1"}), "edca");
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.recipient = "c@b.example"}),
                        "c");
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.recipient = "z@b.example"}),
                        "edcba");
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.tag = "even"}), "eca");
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.from = "x@example.com"}), "e");
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.relay = "backup"}), "d");
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.status = "sent"}), "a");
    assert_string_equal(
        store_test_list(&f, (struct gw_list_query){.status = "queued", .tag = "odd"}), "db");
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.tenant = "k2", .tag = "odd"}),
                        "b");
    assert_string_equal(
        store_test_list(&f, (struct gw_list_query){.since_ms = 1002, .until_ms = 1004}), "dc");
    assert_string_equal(store_test_list(&f, (struct gw_list_query){.tag = "none"}), "");
    struct gw_list_query page = {.recipient = "z@b.example", .limit = 2};
    assert_string_equal(store_test_list(&f, page), "ed");
    page.cursor = f.cursor;
    assert_string_equal(store_test_list(&f, page), "cb");
    page.cursor = f.cursor;
    assert_string_equal(store_test_list(&f, page), "a");
    assert_int_equal(f.cursor, 0);
    store_test_close(&f);
}

static void a_span_of_time_is_exact_though_clocks_are_not(void **state)
{
    enum {
        N = 200,
        STEP_MS = 600000,
        LATE_MS = 30000 /* prepared before its neighbour, stored behind it */
    };
    struct store_fixture f;
    store_test_open(&f, state);
    for (int i = 0; i < N; i++) {
        struct gw_message *m = store_test_new_message("", 10);
        static char subjects[N][8];
        (void)snprintf(subjects[i], sizeof(subjects[i]), "<%d>", i);
        m->subject = subjects[i];
        m->created_at_ms = (int64_t)(i + 1) * STEP_MS - (i == 101 ? STEP_MS + LATE_MS : 0);
        store_test_commit(&f, m, GW_OK);
        gw_message_free(&m);
    }
    struct gw_list_query q = {.since_ms = (int64_t)100 * STEP_MS,
                              .until_ms = (int64_t)103 * STEP_MS};
    assert_string_equal(store_test_list(&f, q), "<101><100><99>");
    q = (struct gw_list_query){.until_ms = (int64_t)2 * STEP_MS + 1};
    assert_string_equal(store_test_list(&f, q), "<1><0>");
    q = (struct gw_list_query){.since_ms = (int64_t)N * STEP_MS};
    assert_string_equal(store_test_list(&f, q), "<199>");
    q = (struct gw_list_query){.until_ms = 1};
    assert_string_equal(store_test_list(&f, q), "");
    store_test_close(&f);
}

/* A message with one recipient that waits until @next_ms; committed. */
static struct gw_message *commit_waiting(struct store_fixture *f, enum gw_rcpt_status status,
                                         int64_t created_ms, int64_t next_ms)
{
    struct gw_message *m = store_test_new_message("", 10);
    m->created_at_ms = created_ms;
    m->expires_at_ms = created_ms + 500;
    m->rcpts[0].status = status;
    m->rcpts[0].next_attempt_ms = next_ms;
    store_test_commit(f, m, GW_OK);
    return m;
}

static void assert_times(struct store_fixture *f, const struct gw_message *m, int64_t expires_ms,
                         int64_t next_ms)
{
    store_test_get(f, "", m->id, GW_OK);
    assert_int_equal(f->got->expires_at_ms, expires_ms);
    assert_int_equal(f->got->rcpts[0].next_attempt_ms, next_ms);
}

static void lifetimes_and_retries_follow_a_clock_that_jumps(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *retry = commit_waiting(&f, GW_RCPT_DEFERRED, 1000, 9000);
    struct gw_message *soon = commit_waiting(&f, GW_RCPT_DEFERRED, 1000, 3000);
    struct gw_message *scheduled = commit_waiting(&f, GW_RCPT_SCHEDULED, 1000, 9000);
    struct gw_message *after = commit_waiting(&f, GW_RCPT_QUEUED, 2001, 9000);
    struct gw_message *leased = commit_waiting(&f, GW_RCPT_QUEUED, 1000, 0);
    struct gw_clock_jump jump = {
        .by_ms = 100, .accepted_from_ms = 0, .accepted_to_ms = 2000, .latest_ms = 4000};
    f.n_expected++;
    f.store->engine->clock_jumped(f.store, &jump, store_test_on_done, &f);
    store_test_settle(&f);
    assert_int_equal(f.status, GW_OK);
    assert_times(&f, retry, 1600, 4000);
    assert_times(&f, soon, 1600, 3000);
    assert_times(&f, scheduled, 1600, 9000);
    assert_times(&f, after, 2501, 4000);
    assert_times(&f, leased, 1500, 0);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 3000);
    store_test_lease(&f, 4000, 3);
    gw_message_free(&retry);
    gw_message_free(&soon);
    gw_message_free(&scheduled);
    gw_message_free(&after);
    gw_message_free(&leased);
    store_test_close(&f);
}

static void what_is_held_is_not_due(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = commit_waiting(&f, GW_RCPT_QUEUED, 1000, 0);
    m->rcpts[0].status = GW_RCPT_HELD;
    store_test_record(&f, m, GW_OK);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 0);
    store_test_lease(&f, INT64_MAX, 0);
    gw_message_free(&m);
    store_test_close(&f);
}

static void record_of_an_unknown_message_is_not_found(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = store_test_new_message("", 10);
    store_test_record(&f, m, GW_NOTFOUND);
    gw_message_free(&m);
    store_test_close(&f);
}

static void thousands_of_messages_are_all_found(void **state)
{
    enum {
        N = 3000
    };
    static struct gw_message *sent[N];
    struct store_fixture f;
    store_test_open(&f, state);
    for (int i = 0; i < N; i++) {
        sent[i] = store_test_new_message("", 10);
        store_test_ask_commit(&f, sent[i]);
    }
    store_test_settle(&f);
    for (int i = 0; i < N; i++) {
        f.n_expected++;
        f.store->engine->get(f.store, "", sent[i]->id, store_test_on_message, &f);
    }
    store_test_settle(&f);
    assert_int_equal(f.n_messages, N);
    for (int i = 0; i < N; i++)
        gw_message_free(&sent[i]);
    store_test_close(&f);
}

static void a_full_memory_store_forgets_settled_messages_only(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    store_test_shut(&f);
    assert_int_equal(gw_store_memory_new(&f.loop, 100000, &f.store), GW_OK);
    struct gw_message *first = store_test_new_message("", 60000);
    struct gw_message *second = store_test_new_message("", 60000);
    store_test_commit(&f, first, GW_OK);
    store_test_commit(&f, second, GW_BUSY);
    first->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(&f, first, GW_OK);
    store_test_commit(&f, second, GW_OK);
    store_test_record(&f, first, GW_OK); /* its body went, its row stayed */
    gw_message_free(&first);
    gw_message_free(&second);
    store_test_close(&f);
}

static void acknowledged_messages_survive_and_leased_ones_fall_due(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = store_test_new_message("k1", 10);
    store_test_commit(&f, m, GW_OK);
    m->rcpts[0].status = GW_RCPT_SENDING;
    m->rcpts[0].attempts = 1;
    f.n_expected++;
    f.store->engine->begin(f.store, m, NULL, 0, store_test_on_done, &f);
    store_test_settle(&f);
    store_test_reopen(&f);
    assert_true(f.store->engine->next_due_ms(f.store) > 0);
    store_test_lease(&f, INT64_MAX, 1);
    assert_int_equal(f.got->rcpts[0].status, GW_RCPT_SENDING);
    assert_int_equal(f.got->rcpts[0].attempts, 1);
    assert_int_equal(f.got->mime.len, 10);
    gw_message_free(&m);
    store_test_close(&f);
}

static void a_second_process_is_refused(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_store_sqlite_config config = {.dir = f.dir, .on_fatal = on_fatal};
    struct gw_store *second;
    struct gw_err err;
    assert_int_equal(gw_store_sqlite_new(&f.loop, &config, &second, &err), GW_BUSY);
    assert_non_null(strstr(err.text, "another process"));
    store_test_close(&f);
}

static void read_file(const struct store_fixture *f, long at, char *bytes, size_t n)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", f->dir);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fread(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void patch_file(const struct store_fixture *f, long at, const char *bytes, size_t n)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", f->dir);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void check_refusal(struct store_fixture *f, enum gw_status want, const char *text)
{
    struct gw_store_sqlite_config config = {.dir = f->dir, .on_fatal = on_fatal};
    struct gw_err err = {.text = ""};
    assert_int_equal(gw_store_sqlite_new(&f->loop, &config, &f->store, &err), want);
    if (strstr(err.text, text) == NULL)
        fail_msg("`%s` lacks `%s`", err.text, text);
}

static void a_newer_schema_is_refused(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    store_test_shut(&f);
    /* user_version: https://sqlite.org/fileformat.html */
    char version[4];
    read_file(&f, 60, version, sizeof(version));
    patch_file(&f, 60, "\0\0\0\x63", 4);
    check_refusal(&f, GW_CONFLICT, "has schema 99");
    patch_file(&f, 60, version, sizeof(version));
    store_test_open_engine(&f, f.engine);
    store_test_close(&f);
}

static void a_damaged_file_is_refused(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    store_test_shut(&f);
    char keep[16] = "SQLite format 3";
    patch_file(&f, 0, "garbage garbage!", 16);
    check_refusal(&f, GW_IO, "salvage");
    patch_file(&f, 0, keep, 16);
    store_test_open_engine(&f, f.engine);
    store_test_close(&f);
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
        STORE_TEST_EACH(every_field_comes_back),
        STORE_TEST_EACH(messages_are_found_by_their_tenant_only),
        STORE_TEST_EACH(a_deferred_message_is_leased_once_when_due),
        STORE_TEST_EACH(lifetimes_and_retries_follow_a_clock_that_jumps),
        STORE_TEST_EACH(what_is_held_is_not_due),
        STORE_TEST_EACH(a_key_stands_for_its_message_for_a_day),
        STORE_TEST_EACH(messages_are_listed_newest_first_by_every_condition),
        STORE_TEST_EACH(a_span_of_time_is_exact_though_clocks_are_not),
        STORE_TEST_EACH(record_of_an_unknown_message_is_not_found),
        STORE_TEST_EACH(thousands_of_messages_are_all_found),
        cmocka_unit_test_prestate(a_full_memory_store_forgets_settled_messages_only,
                                  &store_test_memory),
        cmocka_unit_test_prestate(acknowledged_messages_survive_and_leased_ones_fall_due,
                                  &store_test_sqlite),
        cmocka_unit_test_prestate(a_second_process_is_refused, &store_test_sqlite),
        cmocka_unit_test_prestate(a_newer_schema_is_refused, &store_test_sqlite),
        cmocka_unit_test_prestate(a_damaged_file_is_refused, &store_test_sqlite),
        cmocka_unit_test(the_due_heap_keeps_order_under_random_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
