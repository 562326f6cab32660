/* SPDX-License-Identifier: MIT */
/* Suppression lists: each engine keeps the contract. */
#include "tests/lib/store_fixture.h"

#include <stdio.h>
#include <string.h>

/* What the last call was answered with. */
static struct {
    char text[2048]; /* address:reason[:detail] of each entry */
    int64_t cursor;
    int64_t seqs[8];
    int64_t created_ms;
} answer;

static void on_entries(enum gw_status status, const struct gw_suppression *entries, size_t n,
                       int64_t cursor, void *data)
{
    struct store_fixture *f = data;
    f->status = status;
    f->n_ends++;
    answer.cursor = cursor;
    answer.text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const struct gw_suppression *e = &entries[i];
        size_t len = strlen(answer.text);
        (void)snprintf(answer.text + len, sizeof(answer.text) - len, "%s%s:%s%s%s",
                       len != 0 ? " " : "", e->email, gw_suppression_reason_name(e->reason),
                       e->detail != NULL ? ":" : "", e->detail != NULL ? e->detail : "");
        answer.seqs[i % 8] = e->seq;
        answer.created_ms = e->created_at_ms;
    }
}

static const char *settle(struct store_fixture *f, enum gw_status want)
{
    f->n_expected++;
    store_test_settle(f);
    assert_int_equal(f->status, want);
    return answer.text;
}

static const char *add(struct store_fixture *f, const char *tenant, const char *email,
                       enum gw_suppression_reason reason, const char *detail)
{
    struct gw_suppression e = {.email = email, .reason = reason, .detail = detail};
    f->store->engine->suppress(f->store, tenant, &e, 1, on_entries, f);
    return settle(f, GW_OK);
}

static const char *list(struct store_fixture *f, struct gw_suppression_query q)
{
    q.limit = q.limit != 0 ? q.limit : GW_SUPPRESSIONS_MAX;
    f->store->engine->suppressions(f->store, &q, on_entries, f);
    return settle(f, GW_OK);
}

static void entries_are_listed_newest_first_page_by_page(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    assert_string_equal(add(&f, "k1", "a@b.example", GW_SUPPRESSION_MANUAL, NULL),
                        "a@b.example:manual");
    assert_int_equal(answer.cursor, 1); /* new */
    add(&f, "k1", "c@b.example", GW_SUPPRESSION_BOUNCE, "550 no");
    add(&f, "k1", "d@b.example", GW_SUPPRESSION_UNSUBSCRIBE, NULL);
    add(&f, "k2", "e@b.example", GW_SUPPRESSION_MANUAL, NULL);
    struct gw_suppression_query q = {.tenant = "k1", .reason = -1, .limit = 2};
    assert_string_equal(list(&f, q), "d@b.example:unsubscribe c@b.example:bounce:550 no");
    assert_true(answer.cursor > 0);
    q.cursor = answer.cursor;
    assert_string_equal(list(&f, q), "a@b.example:manual");
    assert_int_equal(answer.cursor, 0);
    assert_string_equal(
        list(&f, (struct gw_suppression_query){.tenant = "k1", .reason = GW_SUPPRESSION_BOUNCE}),
        "c@b.example:bounce:550 no");
    assert_string_equal(
        list(&f,
             (struct gw_suppression_query){.tenant = "k1", .reason = -1, .email = "c@b.example"}),
        "c@b.example:bounce:550 no");
    assert_string_equal(
        list(&f, (struct gw_suppression_query){.tenant = "", .reason = -1, .email = "c@b.example"}),
        "");
    store_test_close(&f);
}

static void an_entry_given_again_keeps_its_place_and_time(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_suppression old = {.email = "a@b.example", .created_at_ms = 5000};
    f.store->engine->suppress(f.store, "", &old, 1, on_entries, &f);
    settle(&f, GW_OK);
    int64_t seq = answer.seqs[0];
    add(&f, "", "z@b.example", GW_SUPPRESSION_MANUAL, NULL);
    assert_string_equal(add(&f, "", "a@b.example", GW_SUPPRESSION_COMPLAINT, "spam"),
                        "a@b.example:complaint:spam");
    assert_int_equal(answer.cursor, 0); /* not new */
    assert_int_equal(answer.seqs[0], seq);
    assert_int_equal(answer.created_ms, 5000);
    assert_string_equal(list(&f, (struct gw_suppression_query){.tenant = "", .reason = -1}),
                        "z@b.example:manual a@b.example:complaint:spam");
    store_test_close(&f);
}

static void several_come_and_go_at_once(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    add(&f, "k", "b@b.example", GW_SUPPRESSION_MANUAL, NULL);
    const struct gw_suppression three[] = {
        {.email = "a@b.example"}, {.email = "b@b.example"}, {.email = "c@b.example"}};
    f.store->engine->suppress(f.store, "k", three, 3, on_entries, &f);
    assert_string_equal(settle(&f, GW_OK), "a@b.example:manual b@b.example:manual "
                                           "c@b.example:manual");
    assert_int_equal(answer.cursor, 2);
    const char *two[] = {"c@b.example", "nobody@b.example", "a@b.example"};
    f.store->engine->unsuppress(f.store, "k", two, 3, on_entries, &f);
    assert_string_equal(settle(&f, GW_OK), "c@b.example:manual a@b.example:manual");
    f.store->engine->unsuppress(f.store, "k", two, 3, on_entries, &f);
    assert_string_equal(settle(&f, GW_NOTFOUND), "");
    f.store->engine->unsuppress(f.store, "other", (const char *[]){"b@b.example"}, 1, on_entries,
                                &f);
    settle(&f, GW_NOTFOUND);
    assert_string_equal(list(&f, (struct gw_suppression_query){.tenant = "k", .reason = -1}),
                        "b@b.example:manual");
    store_test_close(&f);
}

/* a@b.example in another case, and somebody else. */
static struct gw_message *new_pair(const char *tenant, const char *email)
{
    struct gw_message *m = store_test_new_message(tenant, 10);
    struct gw_recipient *two = GW_ARENA_ARRAY(m->arena, struct gw_recipient, 2);
    two[0] = m->rcpts[0];
    two[1] = m->rcpts[0];
    two[0].email = email;
    two[1].email = "c@b.example";
    m->rcpts = two;
    m->n_rcpts = 2;
    return m;
}

static void a_commit_marks_who_is_suppressed_and_leaves_the_others(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    add(&f, "k1", "a@b.example", GW_SUPPRESSION_MANUAL, NULL);
    struct gw_message *m = new_pair("k1", "A@b.example");
    m->rcpts[0].next_attempt_ms = 7000; /* scheduled: it is not due any more */
    m->rcpts[1].next_attempt_ms = 9000;
    store_test_commit(&f, m, GW_OK);
    assert_int_equal(m->rcpts[0].status, GW_RCPT_SUPPRESSED);
    assert_string_equal(m->rcpts[0].reason, "suppressed");
    assert_int_equal(m->rcpts[1].status, GW_RCPT_QUEUED);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 9000);
    store_test_get(&f, "k1", m->id, GW_OK);
    assert_int_equal(f.got->rcpts[0].status, GW_RCPT_SUPPRESSED);
    assert_int_equal(f.got->rcpts[0].category, GW_CATEGORY_RECIPIENT);
    assert_int_equal(f.got->rcpts[1].status, GW_RCPT_QUEUED);
    gw_message_free(&m);
    m = new_pair("k2", "a@b.example"); /* another tenant's */
    store_test_commit(&f, m, GW_OK);
    assert_int_equal(m->rcpts[0].status, GW_RCPT_QUEUED);
    gw_message_free(&m);
    store_test_close(&f);
}

static void a_message_whose_recipients_are_all_suppressed_is_final(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    add(&f, "", "a@b.example", GW_SUPPRESSION_MANUAL, NULL);
    struct gw_message *m = store_test_new_message("", 10);
    store_test_commit(&f, m, GW_OK);
    assert_string_equal(gw_message_status(m), "suppressed");
    store_test_get(&f, "", m->id, GW_OK);
    assert_string_equal(gw_message_status(f.got), "suppressed");
    assert_int_equal(f.store->engine->next_due_ms(f.store), 0);
    store_test_lease(&f, INT64_MAX, 0);
    gw_message_free(&m);
    store_test_close(&f);
}

static void reject(struct store_fixture *f, const char *tenant, const char *email, int code,
                   const char *enhanced)
{
    struct gw_message *m = store_test_new_message(tenant, 10);
    m->rcpts[0].email = email;
    store_test_commit(f, m, GW_OK);
    m->rcpts[0].status = code >= 500 ? GW_RCPT_REJECTED : GW_RCPT_DEFERRED;
    m->rcpts[0].attempts = 1;
    m->rcpts[0].next_attempt_ms = code >= 500 ? 0 : 5000;
    m->rcpts[0].smtp = (struct gw_smtp_result){
        .code = code, .enhanced = enhanced, .command = "RCPT", .text = "User unknown"};
    store_test_record(f, m, GW_OK);
    gw_message_free(&m);
}

static void an_unknown_mailbox_is_suppressed_when_asked_for(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_suppression_query all = {.tenant = "k", .reason = -1};
    reject(&f, "k", "a@b.example", 550, "5.1.1");
    assert_string_equal(list(&f, all), ""); /* not asked for */
    atomic_store(&f.store->suppresses_unknown, true);
    reject(&f, "k", "b@b.example", 450, "4.1.1");
    reject(&f, "k", "c@b.example", 550, "5.7.1");
    reject(&f, "k", "d@b.example", 550, "");
    assert_string_equal(list(&f, all), "");
    add(&f, "k", "e@b.example", GW_SUPPRESSION_COMPLAINT, NULL);
    reject(&f, "k", "E@b.example", 550, "5.1.1"); /* suppressed: not tried, not changed */
    reject(&f, "k", "F@b.example", 550, "5.1.1");
    assert_string_equal(list(&f, all), "f@b.example:bounce:550 5.1.1 User unknown "
                                       "e@b.example:complaint");
    assert_true(answer.created_ms > 0);
    store_test_close(&f);
}

static void lists_survive_a_restart(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    add(&f, "k", "a@b.example", GW_SUPPRESSION_MANUAL, "by hand");
    store_test_reopen(&f);
    assert_string_equal(list(&f, (struct gw_suppression_query){.tenant = "k", .reason = -1}),
                        "a@b.example:manual:by hand");
    store_test_close(&f);
}

static void memory_takes_so_many_and_says_when_it_is_full(void **state)
{
    static char emails[GW_SUPPRESSIONS_MAX][32];
    static struct gw_suppression page[GW_SUPPRESSIONS_MAX];
    struct store_fixture f;
    store_test_open(&f, state);
    for (int n = 0; n < GW_STORE_MEMORY_MAX_SUPPRESSIONS; n += GW_SUPPRESSIONS_MAX) {
        for (int i = 0; i < GW_SUPPRESSIONS_MAX; i++) {
            (void)snprintf(emails[i], sizeof(emails[i]), "u%d@b.example", n + i);
            page[i].email = emails[i];
        }
        f.store->engine->suppress(f.store, "k", page, GW_SUPPRESSIONS_MAX, on_entries, &f);
        f.n_expected++;
        store_test_settle(&f);
        assert_int_equal(f.status, GW_OK);
    }
    struct gw_suppression one = {.email = "more@b.example"};
    f.store->engine->suppress(f.store, "k", &one, 1, on_entries, &f);
    settle(&f, GW_BUSY);
    add(&f, "k", "u0@b.example", GW_SUPPRESSION_COMPLAINT, NULL); /* that one is there */
    store_test_close(&f);
}

static void addresses_are_compared_without_case(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    assert_string_equal(gw_suppression_email(arena, "Ann.B@xn--mller-kva.example"),
                        "ann.b@xn--mller-kva.example");
    assert_string_equal(gw_suppression_email(arena, "\xc3\x84@b.example"), "\xc3\x84@b.example");
    gw_arena_free(&arena);
}

static void a_long_reply_is_cut_between_characters(void **state)
{
    (void)state;
    char text[2 * GW_MAX_SUPPRESSION_DETAIL + 1];
    for (size_t i = 0; i + 1 < sizeof(text); i += 2) {
        text[i] = '\xc3';
        text[i + 1] = '\xa4';
    }
    text[sizeof(text) - 1] = '\0';
    struct gw_event e = {.type = GW_EVENT_REJECTED,
                         .code = 550,
                         .enhanced = "5.1.1",
                         .text = text,
                         .email = "a@b.example"};
    struct gw_suppression s;
    struct gw_arena *arena = gw_arena_new(0);
    assert_true(gw_suppression_of_event(arena, &e, &s));
    size_t len = strlen(s.detail);
    assert_true(len <= GW_MAX_SUPPRESSION_DETAIL && len >= GW_MAX_SUPPRESSION_DETAIL - 1);
    assert_int_equal((unsigned char)s.detail[len - 1], 0xa4);
    e.enhanced = "5.1.10";
    assert_false(gw_suppression_of_event(arena, &e, &s));
    gw_arena_free(&arena);
}

int main(void)
{
    static int memory = STORE_TEST_MEMORY;
    static int sqlite = STORE_TEST_SQLITE;
#define OF_BOTH(test) \
    cmocka_unit_test_prestate(test, &memory), cmocka_unit_test_prestate(test, &sqlite)
    const struct CMUnitTest tests[] = {
        OF_BOTH(entries_are_listed_newest_first_page_by_page),
        OF_BOTH(an_entry_given_again_keeps_its_place_and_time),
        OF_BOTH(several_come_and_go_at_once),
        OF_BOTH(a_commit_marks_who_is_suppressed_and_leaves_the_others),
        OF_BOTH(a_message_whose_recipients_are_all_suppressed_is_final),
        OF_BOTH(an_unknown_mailbox_is_suppressed_when_asked_for),
        cmocka_unit_test_prestate(lists_survive_a_restart, &sqlite),
        cmocka_unit_test_prestate(memory_takes_so_many_and_says_when_it_is_full, &memory),
        cmocka_unit_test(addresses_are_compared_without_case),
        cmocka_unit_test(a_long_reply_is_cut_between_characters),
    };
#undef OF_BOTH
    return cmocka_run_group_tests(tests, NULL, NULL);
}
