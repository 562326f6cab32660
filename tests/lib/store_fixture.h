/* SPDX-License-Identifier: MIT */
/* A store of either engine with a loop, and calls that wait for their answers. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/store.h"

enum store_test_engine {
    STORE_TEST_MEMORY,
    STORE_TEST_SQLITE
};
enum {
    STORE_TEST_MEMORY_BYTES = 64 << 20 /* what the memory engine may hold */
};
/* cmocka's prestate for a test of one engine, and a test of each. */
extern enum store_test_engine store_test_memory, store_test_sqlite;
#define STORE_TEST_EACH(test) \
    cmocka_unit_test_prestate(test, &store_test_memory), \
        cmocka_unit_test_prestate(test, &store_test_sqlite)

struct store_fixture {
    uv_loop_t loop;
    struct gw_store *store;
    enum store_test_engine engine;
    char dir[16];
    int64_t keep_bodies_ms;
    int64_t keep_history_ms; /* 0: a day */
    bool may_fail;           /* a fatal error is expected */
    int n_fatal;
    int n_done, n_messages, n_ends, n_expected;
    enum gw_status status;
    struct gw_message *got;
    const struct gw_idempotency *idempotency; /* goes with the next commits */
    const struct gw_attempt_log *attempts;    /* go with the next records */
    size_t n_attempts;
    char id[GW_UUID_SIZE];
    unsigned char first_byte;
    char listed[16][16];
    size_t n_listed;
    int64_t cursor;
};

/* @state  points at an enum store_test_engine */
void store_test_open(struct store_fixture *f, void **state);
void store_test_close(struct store_fixture *f);
/* The engine alone, in the same directory. */
void store_test_open_engine(struct store_fixture *f, enum store_test_engine engine);
void store_test_shut(struct store_fixture *f);
void store_test_reopen(struct store_fixture *f);
/* Turns of the loop until the store has answered everything asked. */
void store_test_settle(struct store_fixture *f);

/* One recipient, queued, no attempt planned. */
struct gw_message *store_test_new_message(const char *tenant, size_t body_len);

/* Each asks, counts the answers to come, and sees that none came from inside the call. */
void store_test_ask_commit(struct store_fixture *f, struct gw_message *m);
void store_test_commit(struct store_fixture *f, struct gw_message *m, enum gw_status want);
void store_test_record(struct store_fixture *f, const struct gw_message *m, enum gw_status want);
void store_test_get(struct store_fixture *f, const char *tenant, const char *id,
                    enum gw_status want);
/* Up to ten; the last one is in f->got. */
void store_test_lease(struct store_fixture *f, int64_t now_ms, int n_messages);
void store_test_find_key(struct store_fixture *f, const char *key, enum gw_status want);
/* The subjects of a page, joined; static text. */
const char *store_test_list(struct store_fixture *f, struct gw_list_query q);

/* Callbacks that count the answer in @data, a struct store_fixture. */
void store_test_on_done(enum gw_status status, void *data);
void store_test_on_message(enum gw_status status, struct gw_message *m, void *data);

#endif
