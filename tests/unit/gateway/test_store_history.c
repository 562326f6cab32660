/* SPDX-License-Identifier: MIT */
/* Events, attempts, changes from outside, priorities and counts: each engine keeps the contract. */
#include "tests/lib/store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_clock.h"
#include "gateway/store/due_turns.h"

/* What the last question was answered with. */
static struct {
    char text[2048]; /* one word per event or attempt */
    int64_t next;
    bool more;
    int64_t last_seq;
    struct gw_store_stats stats;
    int n_news;
} answer;

static void say(const char *word)
{
    size_t len = strlen(answer.text);
    (void)snprintf(answer.text + len, sizeof(answer.text) - len, "%s%s", len != 0 ? " " : "", word);
}

static void on_events(enum gw_status status, const struct gw_event *events, size_t n, int64_t next,
                      bool more, void *data)
{
    struct store_fixture *f = data;
    f->status = status;
    f->n_ends++;
    for (size_t i = 0; i < n; i++) {
        assert_true(events[i].seq > answer.last_seq);
        answer.last_seq = events[i].seq;
        say(gw_event_type_name(events[i].type));
        if (events[i].email != NULL)
            say(events[i].email);
    }
    answer.next = next;
    answer.more = more;
}

static const char *events(struct store_fixture *f, struct gw_event_query query)
{
    answer.text[0] = '\0';
    answer.last_seq = query.after;
    query.max = query.max != 0 ? query.max : GW_EVENTS_MAX;
    f->n_expected++;
    f->store->engine->events_after(f->store, &query, on_events, f);
    store_test_settle(f);
    assert_int_equal(f->status, GW_OK);
    return answer.text;
}

/* Two recipients of a message that is under way. */
static struct gw_message *new_pair(struct store_fixture *f, const char *tenant)
{
    struct gw_message *m = store_test_new_message(tenant, 10);
    struct gw_recipient *two = GW_ARENA_ARRAY(m->arena, struct gw_recipient, 2);
    two[0] = m->rcpts[0];
    two[1] = m->rcpts[0];
    two[1].email = "c@b.example";
    m->rcpts = two;
    m->n_rcpts = 2;
    store_test_commit(f, m, GW_OK);
    return m;
}

static void every_change_becomes_an_event_once(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = new_pair(&f, "k1");
    m->rcpts[0].status = GW_RCPT_SENT;
    m->rcpts[0].attempts = 1;
    m->rcpts[1].status = GW_RCPT_DEFERRED;
    m->rcpts[1].attempts = 1;
    m->rcpts[1].next_attempt_ms = 5000;
    store_test_record(&f, m, GW_OK);
    m->rcpts[1].attempts = 2; /* deferred again */
    store_test_record(&f, m, GW_OK);
    store_test_record(&f, m, GW_OK); /* nothing new */
    m->rcpts[1].uncertain = true;    /* lost, tried again */
    m->rcpts[1].attempts = 3;
    store_test_record(&f, m, GW_OK);
    m->rcpts[1].status = GW_RCPT_REJECTED;
    store_test_record(&f, m, GW_OK);
    assert_string_equal(events(&f, (struct gw_event_query){.id = m->id}),
                        "message.queued recipient.sent a@b.example recipient.deferred c@b.example "
                        "recipient.deferred c@b.example recipient.uncertain c@b.example "
                        "recipient.deferred c@b.example recipient.rejected c@b.example "
                        "message.completed");
    gw_message_free(&m);
    store_test_close(&f);
}

static void every_final_status_has_its_event(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    static const struct {
        enum gw_rcpt_status status;
        const char *type;
    } cases[] = {
        {GW_RCPT_SENT, "recipient.sent"},           {GW_RCPT_REJECTED, "recipient.rejected"},
        {GW_RCPT_EXPIRED, "recipient.expired"},     {GW_RCPT_CANCELED, "recipient.canceled"},
        {GW_RCPT_UNCERTAIN, "recipient.uncertain"}, {GW_RCPT_SUPPRESSED, "recipient.suppressed"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_message *m = store_test_new_message("", 10);
        m->rcpts[0].status = cases[i].status; /* final from the start */
        store_test_commit(&f, m, GW_OK);
        char want[128];
        (void)snprintf(want, sizeof(want), "message.queued %s a@b.example message.completed",
                       cases[i].type);
        assert_string_equal(events(&f, (struct gw_event_query){.id = m->id}), want);
        gw_message_free(&m);
    }
    assert_int_equal(f.store->engine->next_due_ms(f.store), 0);
    store_test_close(&f);
}

static void on_one_event(enum gw_status status, const struct gw_event *events, size_t n,
                         int64_t next, bool more, void *data)
{
    struct store_fixture *f = data;
    (void)next;
    (void)more;
    f->n_ends++;
    assert_int_equal(status, GW_OK);
    assert_int_equal(n, 1);
    const struct gw_event *e = &events[0];
    assert_int_equal(e->type, GW_EVENT_DEFERRED);
    assert_int_equal(e->at_ms, 777000);
    assert_int_equal(strlen(e->id), GW_UUID_SIZE - 1);
    assert_string_equal(e->tenant, "k1");
    assert_string_equal(e->message_status, "deferred");
    assert_string_equal(e->email, "a@b.example");
    assert_int_equal(e->category, GW_CATEGORY_GREYLIST);
    assert_true(!e->uncertain);
    assert_int_equal(e->attempt, 4);
    assert_string_equal(e->relay, "backup");
    assert_string_equal(e->reason, "timeout");
    assert_int_equal(e->code, 450);
    assert_string_equal(e->enhanced, "4.7.1");
    assert_string_equal(e->command, "RCPT");
    assert_string_equal(e->text, "later");
    assert_int_equal(e->next_attempt_ms, 5000);
}

static void an_event_tells_all_about_its_recipient(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = store_test_new_message("k1", 10);
    store_test_commit(&f, m, GW_OK);
    struct gw_recipient *r = &m->rcpts[0];
    r->status = GW_RCPT_DEFERRED;
    r->category = GW_CATEGORY_GREYLIST;
    r->attempts = 4;
    r->relay = "backup";
    r->reason = "timeout";
    r->smtp = (struct gw_smtp_result){
        .code = 450, .enhanced = "4.7.1", .command = "RCPT", .text = "later"};
    r->next_attempt_ms = 5000;
    gw_clock_fake(777000, 1);
    store_test_record(&f, m, GW_OK);
    gw_clock_fake_end();
    f.n_expected++;
    f.store->engine->events_after(
        f.store, &(struct gw_event_query){.types = 1U << GW_EVENT_DEFERRED, .max = 5}, on_one_event,
        &f);
    store_test_settle(&f);
    gw_message_free(&m);
    store_test_close(&f);
}

static void events_are_read_in_pages_and_by_every_condition(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *tagged = store_test_new_message("k1", 10);
    tagged->tags = GW_ARENA_ARRAY(tagged->arena, struct gw_slice, 1);
    tagged->tags[0] = gw_slice_str("invoice");
    tagged->n_tags = 1;
    store_test_commit(&f, tagged, GW_OK);
    struct gw_message *other = new_pair(&f, "k2");
    tagged->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(&f, tagged, GW_OK);
    const char *k1 = "message.queued recipient.sent a@b.example message.completed";
    assert_string_equal(events(&f, (struct gw_event_query){.tenant = "k1"}), k1);
    assert_string_equal(events(&f, (struct gw_event_query){.tag = "invoice"}), k1);
    assert_string_equal(events(&f, (struct gw_event_query){.id = tagged->id}), k1);
    assert_string_equal(events(&f, (struct gw_event_query){.tenant = "k2"}), "message.queued");
    assert_string_equal(events(&f, (struct gw_event_query){.tag = "none"}), "");
    assert_string_equal(events(&f, (struct gw_event_query){.id = "none"}), "");
    assert_string_equal(events(&f, (struct gw_event_query){.types = 1U << GW_EVENT_COMPLETED}),
                        "message.completed");
    assert_string_equal(events(&f, (struct gw_event_query){.max = 2}),
                        "message.queued message.queued");
    assert_true(answer.more);
    assert_string_equal(events(&f, (struct gw_event_query){.after = answer.next, .max = 2}),
                        "recipient.sent a@b.example message.completed");
    assert_true(!answer.more);
    int64_t last = answer.next;
    assert_string_equal(events(&f, (struct gw_event_query){.after = last}), "");
    assert_int_equal(answer.next, last);
    gw_message_free(&tagged);
    gw_message_free(&other);
    store_test_close(&f);
}

static void on_news(void *data)
{
    (void)data;
    answer.n_news++;
}

static void who_listens_is_told_of_new_events_only(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    f.store->on_events = on_news;
    answer.n_news = 0;
    struct gw_message *m = store_test_new_message("", 10);
    store_test_commit(&f, m, GW_OK);
    assert_int_equal(answer.n_news, 1);
    store_test_get(&f, "", m->id, GW_OK);
    store_test_record(&f, m, GW_OK);
    store_test_get(&f, "", m->id, GW_OK); /* behind the sync of that verdict */
    assert_int_equal(answer.n_news, 1);
    m->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(&f, m, GW_OK);
    while (answer.n_news < 2) /* told once it is synced */
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    gw_message_free(&m);
    store_test_close(&f);
}

static void on_attempts(enum gw_status status, const struct gw_message *m,
                        const struct gw_attempt_log *attempts, size_t n, void *data)
{
    struct store_fixture *f = data;
    f->status = status;
    f->n_ends++;
    assert_int_equal(status == GW_OK, m != NULL);
    answer.text[0] = '\0';
    for (size_t i = 0; m != NULL && i < n; i++) {
        char word[512];
        (void)snprintf(
            word, sizeof(word),
            "%s/%s/%s/%s/%d/%s/%s/%s/%d%d/%lld+%lld/connect=%d,dot=%d:", attempts[i].relay,
            attempts[i].stage, attempts[i].reason != NULL ? attempts[i].reason : "-",
            attempts[i].detail != NULL ? attempts[i].detail : "-", attempts[i].code,
            attempts[i].enhanced, attempts[i].text, attempts[i].tls != NULL ? attempts[i].tls : "-",
            attempts[i].uncertain, attempts[i].reused_connection,
            (long long)attempts[i].started_at_ms, (long long)attempts[i].duration_ms,
            attempts[i].step_ms[GW_STEP_CONNECT], attempts[i].step_ms[GW_STEP_DOT]);
        say(word);
        for (size_t k = 0; k < attempts[i].n_rcpts; k++)
            say(m->rcpts[attempts[i].rcpts[k]].email);
    }
}

static const char *attempts(struct store_fixture *f, const char *tenant, const char *id,
                            enum gw_status want)
{
    f->n_expected++;
    f->store->engine->attempts(f->store, tenant, id, on_attempts, f);
    store_test_settle(f);
    assert_int_equal(f->status, want);
    return answer.text;
}

static void attempts_are_kept_in_order_with_their_steps(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = new_pair(&f, "k1");
    assert_string_equal(attempts(&f, "k1", m->id, GW_OK), "");
    static const size_t both[] = {0, 1};
    static const size_t second[] = {1};
    struct gw_attempt_log log[2] = {{.rcpts = both,
                                     .n_rcpts = 2,
                                     .relay = "r1",
                                     .stage = "dot",
                                     .code = 451,
                                     .enhanced = "4.3.0",
                                     .text = "later",
                                     .tls = "TLSv1.3",
                                     .reused_connection = true,
                                     .started_at_ms = 100,
                                     .duration_ms = 12},
                                    {.rcpts = second,
                                     .n_rcpts = 1,
                                     .relay = "r2",
                                     .stage = "dot",
                                     .reason = "conn_closed",
                                     .detail = "gone",
                                     .enhanced = "",
                                     .text = "",
                                     .uncertain = true,
                                     .started_at_ms = 200,
                                     .duration_ms = 9}};
    for (int i = 0; i < GW_N_STEPS; i++) {
        log[0].step_ms[i] = -1;
        log[1].step_ms[i] = i;
    }
    log[0].step_ms[GW_STEP_DOT] = 3;
    f.attempts = log;
    f.n_attempts = 1;
    store_test_record(&f, m, GW_OK);
    f.attempts = &log[1];
    store_test_record(&f, m, GW_OK);
    assert_string_equal(
        attempts(&f, "k1", m->id, GW_OK),
        "r1/dot/-/-/451/4.3.0/later/TLSv1.3/01/100+12/connect=-1,dot=3: a@b.example c@b.example "
        "r2/dot/conn_closed/gone/0///-/10/200+9/connect=1,dot=11: c@b.example");
    (void)attempts(&f, "k2", m->id, GW_NOTFOUND);
    gw_message_free(&m);
    store_test_close(&f);
}

/* ---- changes from outside ---- */

static enum gw_status cancel(struct gw_message *m, int64_t now_ms, const void *arg)
{
    assert_string_equal(arg, "arg");
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (gw_rcpt_status_final(m->rcpts[i].status))
            return GW_DENIED;
        m->rcpts[i].status = GW_RCPT_CANCELED;
        m->rcpts[i].next_attempt_ms = 0;
        m->rcpts[i].updated_at_ms = now_ms;
    }
    return GW_OK;
}

static enum gw_status send_again(struct gw_message *m, int64_t now_ms, const void *arg)
{
    (void)arg;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        m->rcpts[i].status = GW_RCPT_QUEUED;
        m->rcpts[i].next_attempt_ms = now_ms;
    }
    return GW_OK;
}

static enum gw_status put_off(struct gw_message *m, int64_t now_ms, const void *arg)
{
    (void)now_ms;
    (void)arg;
    m->scheduled_at_ms = 9000;
    m->expires_at_ms = 19000;
    m->on_uncertain = GW_UNCERTAIN_STOP;
    m->rcpts[0].next_attempt_ms = 9000;
    return GW_OK;
}

static void update(struct store_fixture *f, const char *tenant, const char *id,
                   gw_store_change_fn change, enum gw_status want)
{
    int before = f->n_messages + f->n_ends;
    f->n_expected++;
    gw_message_free(&f->got);
    f->store->engine->update(f->store, tenant, id, &(struct gw_store_change){change, "arg"},
                             store_test_on_message, f);
    assert_int_equal(f->n_messages + f->n_ends, before);
    store_test_settle(f);
    assert_int_equal(f->status, want);
    assert_int_equal(f->got != NULL, want == GW_OK);
}

static struct gw_message *new_scheduled(struct store_fixture *f, enum gw_priority priority,
                                        int64_t at_ms)
{
    struct gw_message *m = store_test_new_message("k1", 10);
    m->priority = priority;
    m->scheduled_at_ms = at_ms;
    m->rcpts[0].status = GW_RCPT_SCHEDULED;
    m->rcpts[0].next_attempt_ms = at_ms;
    store_test_commit(f, m, GW_OK);
    return m;
}

static void a_waiting_message_can_be_changed_and_a_leased_one_not(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = new_scheduled(&f, GW_PRIORITY_NORMAL, 5000);
    update(&f, "k2", m->id, cancel, GW_NOTFOUND);
    update(&f, "k1", "none", cancel, GW_NOTFOUND);
    update(&f, "k1", m->id, put_off, GW_OK);
    assert_int_equal(f.got->scheduled_at_ms, 9000);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 9000);
    store_test_get(&f, "k1", m->id, GW_OK);
    assert_int_equal(f.got->scheduled_at_ms, 9000);
    assert_int_equal(f.got->expires_at_ms, 19000);
    assert_int_equal(f.got->on_uncertain, GW_UNCERTAIN_STOP);
    store_test_lease(&f, 9000, 1);
    update(&f, "k1", m->id, cancel, GW_BUSY);
    store_test_record(&f, f.got != NULL ? f.got : m, GW_OK); /* the lease ends */
    update(&f, "", m->id, cancel, GW_OK);
    assert_int_equal(f.got->rcpts[0].status, GW_RCPT_CANCELED);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 0);
    update(&f, "k1", m->id, cancel, GW_DENIED); /* what the change says */
    assert_string_equal(events(&f, (struct gw_event_query){.id = m->id}),
                        "message.queued recipient.canceled a@b.example message.completed");
    gw_message_free(&m);
    store_test_close(&f);
}

static void raw(struct store_fixture *f, const char *tenant, const char *id, enum gw_status want)
{
    gw_message_free(&f->got);
    f->n_expected++;
    f->store->engine->raw(f->store, tenant, id, store_test_on_message, f);
    store_test_settle(f);
    assert_int_equal(f->status, want);
}

static void a_body_goes_with_the_last_verdict_and_stays_while_held(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = new_pair(&f, "k1");
    raw(&f, "k1", m->id, GW_OK);
    assert_true(gw_slice_is(f.got->mime, "xxxxxxxxxx"));
    raw(&f, "k2", m->id, GW_NOTFOUND);
    m->rcpts[0].status = GW_RCPT_SENT;
    m->rcpts[1].status = GW_RCPT_UNCERTAIN;
    m->on_uncertain = GW_UNCERTAIN_HOLD;
    store_test_record(&f, m, GW_OK);
    raw(&f, "k1", m->id, GW_OK);
    assert_non_null(f.got->mime.data);
    update(&f, "k1", m->id, send_again, GW_OK);
    m->rcpts[1].status = GW_RCPT_SENT;
    store_test_record(&f, m, GW_OK);
    raw(&f, "k1", m->id, GW_OK);
    assert_null(f.got->mime.data);
    assert_int_equal(f.got->mime.len, 10);
    update(&f, "k1", m->id, send_again, GW_CONFLICT); /* there is nothing to send */
    store_test_get(&f, "k1", m->id, GW_OK);
    assert_int_equal(f.got->rcpts[0].status, GW_RCPT_SENT);
    gw_message_free(&m);
    store_test_close(&f);
}

static void bodies_are_kept_as_long_as_asked(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    store_test_shut(&f);
    f.keep_bodies_ms = 60000;
    store_test_open_engine(&f, f.engine);
    gw_clock_fake(1000000, 1);
    struct gw_message *m = store_test_new_message("k1", 10);
    store_test_commit(&f, m, GW_OK);
    m->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(&f, m, GW_OK);
    gw_clock_fake_advance(59000);
    raw(&f, "k1", m->id, GW_OK);
    assert_non_null(f.got->mime.data);
    gw_clock_fake_advance(120000);
    bool kept = true;
    while (kept) { /* dropped between two batches */
        raw(&f, "k1", m->id, GW_OK);
        kept = f.got->mime.data != NULL;
        gw_clock_fake_advance(120000);
    }
    gw_clock_fake_end();
    gw_message_free(&m);
    store_test_close(&f);
}

/* ---- order ---- */

static void a_message_committed_with_a_time_waits_for_it(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = new_scheduled(&f, GW_PRIORITY_NORMAL, 5000);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 5000);
    store_test_lease(&f, 4999, 0);
    store_test_lease(&f, 5000, 1);
    gw_message_free(&m);
    store_test_close(&f);
}

static void priorities_share_by_weight_and_nobody_starves(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    static const enum gw_priority all[] = {GW_PRIORITY_LOW, GW_PRIORITY_NORMAL, GW_PRIORITY_HIGH};
    for (int i = 0; i < 20; i++)
        for (int p = 0; p < 3; p++) {
            struct gw_message *m = new_scheduled(&f, all[p], 100 + i);
            gw_message_free(&m);
        }
    int n[3] = {0};
    for (int i = 0; i < 30; i++) {
        f.n_expected += 2;
        f.store->engine->lease_due(f.store, 1000, 1, store_test_on_message, &f);
        store_test_settle(&f);
        n[f.got->priority]++;
    }
    assert_int_equal(n[GW_PRIORITY_HIGH], 18);
    assert_int_equal(n[GW_PRIORITY_NORMAL], 9);
    assert_int_equal(n[GW_PRIORITY_LOW], 3);
    store_test_close(&f);
}

static void turns_are_mixed_and_left_to_those_who_have_work(void **state)
{
    (void)state;
    struct due_turns t = {.credit = {0}};
    bool none[DUE_N_PRIORITIES] = {false};
    bool low[DUE_N_PRIORITIES] = {[GW_PRIORITY_LOW] = true};
    bool all[DUE_N_PRIORITIES] = {true, true, true};
    assert_int_equal(due_turns_next(&t, none), DUE_N_PRIORITIES);
    for (int i = 0; i < 100; i++)
        assert_int_equal(due_turns_next(&t, low), GW_PRIORITY_LOW);
    int n[DUE_N_PRIORITIES] = {0};
    int high_in_a_row = 0;
    for (int i = 0; i < 100; i++) {
        int p = due_turns_next(&t, all);
        n[p]++;
        high_in_a_row = p == GW_PRIORITY_HIGH ? high_in_a_row + 1 : 0;
        assert_true(high_in_a_row <= 3);
    }
    assert_int_equal(n[GW_PRIORITY_HIGH], 60);
    assert_int_equal(n[GW_PRIORITY_NORMAL], 30);
    assert_int_equal(n[GW_PRIORITY_LOW], 10);
}

/* ---- counts ---- */

static void on_stats(enum gw_status status, const struct gw_store_stats *stats, void *data)
{
    struct store_fixture *f = data;
    f->status = status;
    f->n_ends++;
    answer.stats = *stats;
}

static void check_stats(struct store_fixture *f, int queued, int scheduled, int deferred,
                        int64_t oldest_ms)
{
    f->n_expected++;
    f->store->engine->stats(f->store, on_stats, f);
    store_test_settle(f);
    assert_int_equal(f->status, GW_OK);
    assert_int_equal(answer.stats.n_live[GW_RCPT_QUEUED], queued);
    assert_int_equal(answer.stats.n_live[GW_RCPT_SCHEDULED], scheduled);
    assert_int_equal(answer.stats.n_live[GW_RCPT_DEFERRED], deferred);
    assert_int_equal(answer.stats.oldest_ms, oldest_ms);
}

static void live_messages_are_counted_by_state(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    check_stats(&f, 0, 0, 0, 0);
    struct gw_message *a = store_test_new_message("k1", 10);
    a->created_at_ms = 100;
    store_test_commit(&f, a, GW_OK);
    struct gw_message *b = new_scheduled(&f, GW_PRIORITY_LOW, 5000);
    check_stats(&f, 1, 1, 0, 100);
    a->rcpts[0].status = GW_RCPT_DEFERRED;
    a->rcpts[0].next_attempt_ms = 700;
    store_test_record(&f, a, GW_OK);
    check_stats(&f, 0, 1, 1, 100);
    a->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(&f, a, GW_OK);
    check_stats(&f, 0, 1, 0, 0);
    update(&f, "k1", b->id, cancel, GW_OK);
    check_stats(&f, 0, 0, 0, 0);
    assert_true(answer.stats.n_operations >= 5);
    gw_message_free(&a);
    gw_message_free(&b);
    store_test_close(&f);
}

static void history_and_counts_survive_a_restart(void **state)
{
    struct store_fixture f;
    store_test_open(&f, state);
    struct gw_message *m = new_scheduled(&f, GW_PRIORITY_HIGH, 5000);
    (void)events(&f, (struct gw_event_query){.id = m->id});
    int64_t last = answer.next;
    store_test_reopen(&f);
    check_stats(&f, 0, 1, 0, 0);
    assert_true(answer.stats.file_bytes > 0);
    struct gw_message *large = store_test_new_message("k1", 200000);
    store_test_commit(&f, large, GW_OK);
    check_stats(&f, 1, 1, 0, 0);
    assert_int_equal(answer.stats.body_file_bytes, 200000);
    store_test_reopen(&f);
    check_stats(&f, 1, 1, 0, 0);
    assert_int_equal(answer.stats.body_file_bytes, 200000);
    large->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(&f, large, GW_OK);
    check_stats(&f, 0, 1, 0, 0);
    assert_int_equal(answer.stats.body_file_bytes, 0);
    gw_message_free(&large);
    update(&f, "k1", m->id, cancel, GW_OK);
    assert_string_equal(events(&f, (struct gw_event_query){.after = last, .id = m->id}),
                        "recipient.canceled a@b.example message.completed");
    gw_message_free(&m);
    store_test_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST_EACH(every_change_becomes_an_event_once),
        STORE_TEST_EACH(every_final_status_has_its_event),
        STORE_TEST_EACH(an_event_tells_all_about_its_recipient),
        STORE_TEST_EACH(events_are_read_in_pages_and_by_every_condition),
        STORE_TEST_EACH(who_listens_is_told_of_new_events_only),
        STORE_TEST_EACH(attempts_are_kept_in_order_with_their_steps),
        STORE_TEST_EACH(a_waiting_message_can_be_changed_and_a_leased_one_not),
        STORE_TEST_EACH(a_body_goes_with_the_last_verdict_and_stays_while_held),
        STORE_TEST_EACH(a_message_committed_with_a_time_waits_for_it),
        STORE_TEST_EACH(priorities_share_by_weight_and_nobody_starves),
        STORE_TEST_EACH(live_messages_are_counted_by_state),
        cmocka_unit_test_prestate(bodies_are_kept_as_long_as_asked, &store_test_sqlite),
        cmocka_unit_test_prestate(history_and_counts_survive_a_restart, &store_test_sqlite),
        cmocka_unit_test(turns_are_mixed_and_left_to_those_who_have_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
