/* SPDX-License-Identifier: MIT */
/* Events that are about no message: kept with the others, and found without going through them. And
 * where webhooks, which read all of them, begin. */
#include "tests/lib/store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "gateway/history.h"

enum {
    N_MESSAGES = 30
};

static struct {
    char text[256]; /* type subject(reason, text) …, joined */
    int64_t next;
    size_t n;
    bool more;
} page;

static void on_page(enum gw_status status, const struct gw_event *events, size_t n, int64_t next,
                    bool more, void *data)
{
    struct store_fixture *f = data;
    f->n_ends++;
    assert_int_equal(status, GW_OK);
    page.text[0] = '\0';
    page.next = next;
    page.n = n;
    page.more = more;
    for (size_t i = 0; i < n && events[i].subject != NULL; i++) {
        size_t at = strlen(page.text);
        assert_null(events[i].id);
        (void)snprintf(page.text + at, sizeof(page.text) - at, "%s %s(%s, %s) ",
                       gw_event_type_name(events[i].type), events[i].subject,
                       events[i].reason != NULL ? events[i].reason : "", events[i].text);
    }
}

static void ask(struct store_fixture *f, struct gw_event_query q)
{
    q.tenant = q.tenant != NULL ? q.tenant : "";
    q.max = q.max != 0 ? q.max : 100;
    f->n_expected++;
    f->store->engine->events_after(f->store, &q, on_page, f);
    store_test_settle(f);
}

static void note(struct store_fixture *f, enum gw_event_type type, const char *subject,
                 const char *reason)
{
    struct gw_event e = {.type = type,
                         .at_ms = 1000,
                         .subject = subject,
                         .reason = reason,
                         .tenant = "",
                         .message_status = "",
                         .enhanced = "",
                         .text = "words"};
    f->n_expected++;
    f->store->engine->note(f->store, &e, store_test_on_done, f);
    store_test_settle(f);
    assert_int_equal(f->status, GW_OK);
}

static void fill(struct store_fixture *f)
{
    for (int i = 0; i < N_MESSAGES; i++) {
        struct gw_message *m = store_test_new_message("k1", 4);
        store_test_commit(f, m, GW_OK);
        gw_message_free(&m);
        if (i == 10)
            note(f, GW_EVENT_RELAY_DOWN, "main", "conn_refused");
        if (i == 20)
            note(f, GW_EVENT_WEBHOOK_PAUSED, "crm", NULL);
    }
    note(f, GW_EVENT_RELAY_UP, "main", NULL);
}

static const unsigned relays = 1U << GW_EVENT_RELAY_DOWN | 1U << GW_EVENT_RELAY_UP;

static void notes_are_found_between_messages(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    fill(&f);
    ask(&f, (struct gw_event_query){.types = relays});
    assert_string_equal(page.text, "relay.down main(conn_refused, words) relay.up main(, words) ");
    assert_int_equal(page.n, 2);
    assert_false(page.more);
    ask(&f, (struct gw_event_query){.types = relays, .max = 1});
    assert_string_equal(page.text, "relay.down main(conn_refused, words) ");
    assert_true(page.more);
    ask(&f, (struct gw_event_query){.types = relays, .max = 1, .after = page.next});
    assert_string_equal(page.text, "relay.up main(, words) ");
    ask(&f, (struct gw_event_query){.types = relays, .after = page.next});
    assert_int_equal(page.n, 0);
    ask(&f, (struct gw_event_query){.types = relays | 1U << GW_EVENT_WEBHOOK_PAUSED});
    assert_int_equal(page.n, 3);
    ask(&f, (struct gw_event_query){.types = relays | 1U << GW_EVENT_QUEUED});
    assert_int_equal(page.n, N_MESSAGES + 2);
    store_test_close(&f);
}

static void a_tenant_sees_notes_only_with_operations(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    fill(&f);
    ask(&f, (struct gw_event_query){.types = relays, .tenant = "k1"});
    assert_int_equal(page.n, 0);
    ask(&f, (struct gw_event_query){.types = relays, .tenant = "k1", .operations = true});
    assert_int_equal(page.n, 2);
    store_test_close(&f);
}

/* ---- webhooks ---- */

static int64_t cursor;

static void on_webhook(enum gw_status status, const struct gw_webhook_state *state,
                       const struct gw_webhook_retry *retries, size_t n, void *data)
{
    struct store_fixture *f = data;
    (void)retries;
    f->n_ends++;
    assert_int_equal(status, GW_OK);
    assert_int_equal(n, 0);
    assert_false(state->paused);
    cursor = state->cursor;
}

static void load(struct store_fixture *f)
{
    f->n_expected++;
    f->store->engine->webhook_load(f->store, "crm", on_webhook, f);
}

/* What is committed after somebody asked for it is its business, also when the process ends before
 * the answer is there. */
static void a_webhook_begins_with_what_comes_next(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    fill(&f);
    load(&f);
    struct gw_message *m = store_test_new_message("k1", 4);
    store_test_ask_commit(&f, m);
    store_test_settle(&f);
    assert_true(cursor >= N_MESSAGES);
    ask(&f, (struct gw_event_query){.after = cursor});
    assert_int_equal(page.n, 1);
    if (f.engine == STORE_TEST_SQLITE) {
        int64_t first = cursor;
        store_test_reopen(&f);
        load(&f);
        store_test_settle(&f);
        assert_int_equal(cursor, first);
    }
    gw_message_free(&m);
    store_test_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST_EACH(notes_are_found_between_messages),
        STORE_TEST_EACH(a_tenant_sees_notes_only_with_operations),
        STORE_TEST_EACH(a_webhook_begins_with_what_comes_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
