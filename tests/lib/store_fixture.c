/* SPDX-License-Identifier: MIT */
/* A store under test and its answers. */
#include "tests/lib/store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/gw_random.h"
#include "gateway/store/sqlite.h"

void store_test_on_done(enum gw_status status, void *data)
{
    struct store_fixture *f = data;
    f->status = status;
    f->n_done++;
}

void store_test_on_message(enum gw_status status, struct gw_message *m, void *data)
{
    struct store_fixture *f = data;
    f->status = status;
    if (m == NULL) {
        f->n_ends++;
        return;
    }
    f->n_messages++;
    gw_message_free(&f->got);
    f->got = m;
}

static void on_fatal(const char *detail, void *data)
{
    struct store_fixture *f = data;
    if (!f->may_fail)
        fail_msg("%s", detail);
    f->n_fatal++;
}

void store_test_open_engine(struct store_fixture *f, enum store_test_engine engine)
{
    struct gw_err err = {.text = ""};
    if (engine == STORE_TEST_MEMORY) {
        assert_int_equal(gw_store_memory_new(&f->loop, STORE_TEST_MEMORY_BYTES, &f->store), GW_OK);
        return;
    }
    struct gw_store_sqlite_config config = {
        .dir = f->dir,
        .retention_bodies_ms = f->keep_bodies_ms,
        .retention_history_ms = f->keep_history_ms != 0 ? f->keep_history_ms : INT64_C(86400000),
        .on_fatal = on_fatal,
        .data = f};
    if (gw_store_sqlite_new(&f->loop, &config, &f->store, &err) != GW_OK)
        fail_msg("%s", err.text);
}

enum store_test_engine store_test_memory = STORE_TEST_MEMORY;
enum store_test_engine store_test_sqlite = STORE_TEST_SQLITE;

void store_test_open(struct store_fixture *f, void **state)
{
    *f = (struct store_fixture){.engine = *(enum store_test_engine *)*state, .dir = "store-XXXXXX"};
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    store_test_open_engine(f, f->engine);
}

/* Turns of the loop until the store has answered everything asked. */
void store_test_settle(struct store_fixture *f)
{
    while (f->n_done + f->n_messages + f->n_ends < f->n_expected)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
}

void store_test_shut(struct store_fixture *f)
{
    f->n_expected++;
    f->store->engine->close(f->store, store_test_on_done, f);
    store_test_settle(f);
}

void store_test_close(struct store_fixture *f)
{
    gw_message_free(&f->got);
    store_test_shut(f);
    assert_int_equal(f->n_done + f->n_messages + f->n_ends, f->n_expected);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    static const char *const files[] = {"mailhatch.db", "mailhatch.db-wal", "mailhatch.db-shm",
                                        "lock",         "ballast",          "running",
                                        "damaged"};
    char path[64];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", f->dir, files[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof(path), "%s/bodies", f->dir);
    (void)rmdir(path);
    assert_int_equal(rmdir(f->dir), 0);
}

struct gw_message *store_test_new_message(const char *tenant, size_t body_len)
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

/* Each asks, counts the answers to come, and sees that none came from inside the call. */
void store_test_ask_commit(struct store_fixture *f, struct gw_message *m)
{
    int before = f->n_done;
    f->n_expected++;
    f->store->engine->commit(f->store, m, f->idempotency, store_test_on_done, f);
    assert_int_equal(f->n_done, before);
}

void store_test_commit(struct store_fixture *f, struct gw_message *m, enum gw_status want)
{
    store_test_ask_commit(f, m);
    store_test_settle(f);
    assert_int_equal(f->status, want);
}

void store_test_record(struct store_fixture *f, const struct gw_message *m, enum gw_status want)
{
    f->n_expected++;
    f->store->engine->record(f->store, m, f->attempts, f->n_attempts, store_test_on_done, f);
    store_test_settle(f);
    assert_int_equal(f->status, want);
}

void store_test_get(struct store_fixture *f, const char *tenant, const char *id,
                    enum gw_status want)
{
    f->n_expected++;
    f->store->engine->get(f->store, tenant, id, store_test_on_message, f);
    store_test_settle(f);
    assert_int_equal(f->status, want);
}

void store_test_lease(struct store_fixture *f, int64_t now_ms, int n_messages)
{
    int before = f->n_messages;
    f->n_expected += n_messages + 1;
    f->store->engine->lease_due(f->store, now_ms, 10, store_test_on_message, f);
    store_test_settle(f);
    assert_int_equal(f->n_messages, before + n_messages);
}

static void on_idempotency(enum gw_status status, const char *id, const unsigned char *fingerprint,
                           void *data)
{
    struct store_fixture *f = data;
    f->status = status;
    f->n_ends++;
    assert_int_equal(status == GW_OK, id != NULL);
    if (id != NULL) {
        memcpy(f->id, id, GW_UUID_SIZE);
        f->first_byte = fingerprint[0];
    }
}

void store_test_find_key(struct store_fixture *f, const char *key, enum gw_status want)
{
    f->n_expected++;
    f->store->engine->idempotency_find(f->store, key, on_idempotency, f);
    store_test_settle(f);
    assert_int_equal(f->status, want);
}

static void on_list(enum gw_status status, struct gw_message **messages, size_t n, int64_t cursor,
                    void *data)
{
    struct store_fixture *f = data;
    f->status = status;
    f->n_ends++;
    f->n_listed = n;
    f->cursor = cursor;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(f->listed[i], sizeof(f->listed[i]), "%s", messages[i]->subject);
        gw_message_free(&messages[i]);
    }
}

/* The subjects of a page, joined. */
const char *store_test_list(struct store_fixture *f, struct gw_list_query q)
{
    static char text[256];
    f->n_expected++;
    q.limit = q.limit != 0 ? q.limit : 10;
    f->store->engine->list(f->store, &q, on_list, f);
    store_test_settle(f);
    assert_int_equal(f->status, GW_OK);
    text[0] = '\0';
    for (size_t i = 0; i < f->n_listed; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", f->listed[i]);
    return text;
}

void store_test_reopen(struct store_fixture *f)
{
    store_test_shut(f);
    store_test_open_engine(f, f->engine);
}
