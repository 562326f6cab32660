/* SPDX-License-Identifier: MIT */
/* Mail that waits because of its relay is found when that is back, and nothing else is. */
#include "tests/lib/store_fixture.h"

#include <stdio.h>
#include <string.h>

enum {
    NOW_MS = 100000,
    BACK_MS = 50000 /* when the relay came back */
};

/* Deferred at 2000 because of relay a, to be tried again at @next_ms; its subject is @subject. */
static struct gw_message *new_waiting(const char *subject, int64_t next_ms)
{
    struct gw_message *m = store_test_new_message("", 4);
    m->subject = gw_arena_strdup(m->arena, subject);
    m->priority = GW_PRIORITY_NORMAL;
    m->rcpts[0].status = GW_RCPT_DEFERRED;
    m->rcpts[0].attempts = 1;
    m->rcpts[0].relay = "a";
    m->rcpts[0].reason = "conn_refused";
    m->rcpts[0].updated_at_ms = 2000;
    m->rcpts[0].next_attempt_ms = next_ms;
    return m;
}

/* A message leased, and recorded as it is then. */
static void keep(struct store_fixture *f, struct gw_message *m)
{
    struct gw_message *queued = gw_message_copy(m);
    queued->mime = m->mime;
    queued->rcpts[0].status = GW_RCPT_QUEUED;
    queued->rcpts[0].next_attempt_ms = 0;
    store_test_commit(f, queued, GW_OK);
    store_test_record(f, m, GW_OK);
    gw_message_free(&queued);
    gw_message_free(&m);
}

struct leased {
    char subjects[128]; /* joined, in order */
    int64_t next_ms;    /* of the last one */
    bool ended;
};

static void on_leased(enum gw_status status, struct gw_message *m, void *data)
{
    struct leased *l = data;
    if (m == NULL) {
        assert_int_equal(status, GW_NOTFOUND);
        l->ended = true;
        return;
    }
    assert_false(l->ended);
    size_t at = strlen(l->subjects);
    (void)snprintf(l->subjects + at, sizeof(l->subjects) - at, "%s", m->subject);
    l->next_ms = m->rcpts[0].next_attempt_ms;
    assert_int_equal(m->mime.len, 4);
    gw_message_free(&m);
}

static struct leased lease(struct store_fixture *f, const char *relay, int64_t before_ms,
                           size_t max)
{
    struct leased l = {.ended = false};
    f->store->engine->lease_waiting(f->store, relay, before_ms, max, on_leased, &l);
    assert_false(l.ended);
    while (!l.ended)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    return l;
}

static void what_waits_for_a_relay_comes_in_the_order_of_its_attempts_and_once(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    static const int64_t later = INT64_C(1) << 50;
    keep(&f, new_waiting("c", later + 3));
    keep(&f, new_waiting("a", later + 1));
    keep(&f, new_waiting("d", later + 4));
    keep(&f, new_waiting("b", later + 2));
    assert_string_equal(lease(&f, "other", BACK_MS, 10).subjects, "");
    struct leased l = lease(&f, "a", BACK_MS, 3);
    assert_string_equal(l.subjects, "abc");
    assert_true(l.next_ms > 0 && l.next_ms < later);
    assert_string_equal(lease(&f, "a", BACK_MS, 3).subjects, "d");
    assert_string_equal(lease(&f, "a", BACK_MS, 3).subjects, "");
    assert_int_equal(f.store->engine->next_due_ms(f.store), 0);
    store_test_close(&f);
}

static void priorities_take_turns(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    for (int i = 0; i < 10; i++) {
        keep(&f, new_waiting("n", NOW_MS + i));
        struct gw_message *high = new_waiting("h", NOW_MS + 100 + i);
        high->priority = GW_PRIORITY_HIGH;
        keep(&f, high);
    }
    size_t n_high = 0;
    struct leased l = lease(&f, "a", BACK_MS, 9);
    for (const char *c = l.subjects; *c != '\0'; c++)
        n_high += *c == 'h';
    assert_int_equal(n_high, 6);
    store_test_close(&f);
}

static void what_waits_for_something_else_stays(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = new_waiting("uncertain", NOW_MS);
    m->rcpts[0].uncertain = true;
    keep(&f, m);
    m = new_waiting("greylisted", NOW_MS);
    m->rcpts[0].reason = NULL;
    keep(&f, m);
    m = new_waiting("held", NOW_MS);
    m->rcpts[0].status = GW_RCPT_HELD;
    keep(&f, m);
    m = new_waiting("failed since", NOW_MS);
    m->rcpts[0].updated_at_ms = BACK_MS;
    keep(&f, m);
    assert_string_equal(lease(&f, "a", BACK_MS, 10).subjects, "");
    assert_string_equal(lease(&f, "a", BACK_MS + 1, 10).subjects, "failed since");
    store_test_close(&f);
}

/* The other one is about this recipient, and keeps its time. */
static void only_the_recipients_that_wait_are_due(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = new_waiting("two", NOW_MS);
    struct gw_recipient *rcpts = GW_ARENA_ARRAY(m->arena, struct gw_recipient, 2);
    rcpts[0] = m->rcpts[0];
    rcpts[1] = m->rcpts[0];
    rcpts[1].email = "b@b.example";
    rcpts[1].reason = NULL;
    m->rcpts = rcpts;
    m->n_rcpts = 2;
    store_test_commit(&f, m, GW_OK);
    store_test_record(&f, m, GW_OK);
    f.n_expected += 2;
    f.store->engine->lease_waiting(f.store, "a", BACK_MS, 10, store_test_on_message, &f);
    store_test_settle(&f);
    assert_true(f.got->rcpts[0].next_attempt_ms != NOW_MS);
    assert_int_equal(f.got->rcpts[1].next_attempt_ms, NOW_MS);
    gw_message_free(&m);
    store_test_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST_EACH(what_waits_for_a_relay_comes_in_the_order_of_its_attempts_and_once),
        STORE_TEST_EACH(priorities_take_turns),
        STORE_TEST_EACH(what_waits_for_something_else_stays),
        STORE_TEST_EACH(only_the_recipients_that_wait_are_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
