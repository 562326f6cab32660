/* SPDX-License-Identifier: MIT */
/* Messages on their way through relays that fail: which relay is asked next, and what is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/delivery.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"
#include "tests/lib/scripted_server.h"

enum {
    MAX_RELAYS = 2,
    MAX_RCPTS = 3,
    STORE_BYTES = 1 << 20,
    HOUR_MS = 3600 * 1000
};

#define HELLO TEST_PLAIN_HELLO
#define GREET "S: 220 hi\nC: EHLO\nS: 250 me\n"

struct fixture {
    uv_loop_t loop;
    struct test_server *servers[MAX_RELAYS];
    struct smtp_relay *relays[MAX_RELAYS];
    struct gw_relay live[MAX_RELAYS];
    struct gw_relay *held[MAX_RELAYS];
    struct gw_setup setup;
    struct gw_setups setups;
    struct cfg_relay names[MAX_RELAYS];
    struct cfg cfg;
    int64_t schedule_ms[1];
    struct gw_store *store;
    struct gw_delivery *delivery;
    struct gw_message *seen; /* as recorded last */
    int n_recorded, n_wanted;
    int n_closed;
    bool committed;
    int64_t planning_ms; /* how long it takes until a message is planned, by the fake clock */
};

static void on_recorded(const struct gw_message *m, void *data)
{
    struct fixture *f = data;
    gw_message_free(&f->seen);
    f->seen = gw_message_copy(m);
    f->n_recorded++;
}

static bool wants_cancel(const char *id, void *data)
{
    const struct fixture *f = data;
    (void)id;
    if (f->planning_ms != 0)
        gw_clock_fake_advance(f->planning_ms);
    return false;
}

static void on_progress(void *data)
{
    (void)data;
}

static void on_relay_up(struct smtp_relay *relay, void *data)
{
    struct fixture *f = data;
    gw_delivery_relay_up(f->delivery, smtp_relay_name(relay));
}

/* One relay per script, tried in this order; NULL: nothing listens there.
 * @rate_per_s  of each; 0: no limit */
static struct fixture *setup_with_rate(const char *first, const char *second, double rate_per_s)
{
    static const char *const relay_names[MAX_RELAYS] = {"a", "b"};
    const char *scripts[MAX_RELAYS] = {first, second};
    struct fixture *f = test_calloc(1, sizeof(*f));
    struct gw_err err;
    gw_log_init(GW_LOG_ERROR, GW_LOG_FORMAT_TEXT, 2);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    for (size_t i = 0; i < MAX_RELAYS; i++) {
        struct smtp_relay_config config = test_relay_config();
        config.name = relay_names[i];
        config.port = 1; /* nobody listens */
        config.rate_per_s = rate_per_s;
        config.on_up = on_relay_up;
        config.on_change_data = f;
        if (scripts[i] != NULL) {
            struct test_server_config server = {.scripts = {scripts[i], HELLO "SERVE 10\n"}};
            f->servers[i] = test_server_new(&server);
            config.port = test_server_port(f->servers[i]);
        }
        assert_int_equal(smtp_relay_new(&f->loop, &config, &f->relays[i], &err), GW_OK);
        f->names[i].name = relay_names[i];
    }
    f->schedule_ms[0] = 20;
    f->cfg = (struct cfg){
        .relays = f->names,
        .n_relays = MAX_RELAYS,
        .retry = {.schedule_ms = f->schedule_ms, .n_schedule = 1, .uncertain_delay_ms = 40}};
    for (size_t i = 0; i < MAX_RELAYS; i++) {
        f->live[i] = (struct gw_relay){.name = relay_names[i], .smtp = f->relays[i], .refs = 1};
        f->held[i] = &f->live[i];
    }
    f->setup = (struct gw_setup){.cfg = &f->cfg, .relays = f->held, .refs = 1};
    f->setups = (struct gw_setups){.now = &f->setup};
    assert_int_equal(gw_store_memory_new(&f->loop, STORE_BYTES, &f->store), GW_OK);
    f->delivery = gw_delivery_new(&(struct gw_delivery_env){.loop = &f->loop,
                                                            .setups = &f->setups,
                                                            .store = f->store,
                                                            .wants_cancel = wants_cancel,
                                                            .on_recorded = on_recorded,
                                                            .on_progress = on_progress,
                                                            .data = f});
    return f;
}

static struct fixture *setup(const char *first, const char *second)
{
    return setup_with_rate(first, second, 0);
}

static struct gw_message *new_message(const char *const *rcpts, size_t n)
{
    static const char mime[] = "From: <f@example.com>\r\n\r\nhello\r\n";
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_message *m = GW_ARENA_NEW(arena, struct gw_message);
    m->arena = arena;
    m->created_at_ms = gw_clock_wall_ms();
    m->expires_at_ms = m->created_at_ms + HOUR_MS;
    gw_uuid_v7(m->created_at_ms, m->id);
    m->tenant = "";
    m->message_id = "<1@example.com>";
    m->from = "f@example.com";
    m->from_domain = "example.com";
    m->subject = "s";
    m->mail_from = "f@example.com";
    m->mime = gw_slice_of(mime, sizeof(mime) - 1);
    m->rcpts = GW_ARENA_ARRAY(arena, struct gw_recipient, n);
    m->n_rcpts = n;
    for (size_t i = 0; i < n; i++)
        m->rcpts[i] =
            (struct gw_recipient){.email = rcpts[i], .domain = "example.org", .duration_ms = -1};
    return m;
}

static void on_committed(enum gw_status status, void *data)
{
    struct fixture *f = data;
    assert_int_equal(status, GW_OK);
    f->committed = true;
}

static void start(struct fixture *f, struct gw_message *m)
{
    f->committed = false;
    f->store->engine->commit(f->store, m, NULL, on_committed, f);
    test_loop_until(&f->loop, &f->committed);
    gw_delivery_start(f->delivery, m);
}

static bool has_recorded(void *data)
{
    const struct fixture *f = data;
    return f->n_recorded >= f->n_wanted;
}

/* The state after @n attempts in all. */
static const struct gw_message *after(struct fixture *f, int n)
{
    f->n_wanted = n;
    test_loop_until_true(&f->loop, has_recorded, f);
    assert_int_equal(f->n_recorded, n);
    return f->seen;
}

static bool is_idle(void *data)
{
    const struct fixture *f = data;
    return gw_delivery_active(f->delivery) == 0;
}

static void on_relay_closed(void *data)
{
    ((struct fixture *)data)->n_closed++;
}

static void on_store_closed(enum gw_status status, void *data)
{
    assert_int_equal(status, GW_OK);
    ((struct fixture *)data)->n_closed++;
}

static bool all_closed(void *data)
{
    return ((struct fixture *)data)->n_closed == MAX_RELAYS + 2;
}

static void teardown(struct fixture *f)
{
    gw_delivery_stop(f->delivery);
    for (size_t i = 0; i < MAX_RELAYS; i++)
        smtp_relay_close(f->relays[i], 0, on_relay_closed, f);
    test_loop_until_true(&f->loop, is_idle, f);
    gw_delivery_close(f->delivery, on_relay_closed, f);
    f->store->engine->close(f->store, on_store_closed, f);
    test_loop_until_true(&f->loop, all_closed, f);
    test_loop_end(&f->loop);
    for (size_t i = 0; i < MAX_RELAYS; i++)
        if (f->servers[i] != NULL)
            test_server_free(f->servers[i]);
    gw_message_free(&f->seen);
    test_free(f);
}

static const char *const one[] = {"ann@example.org"};
static const char *const two[] = {"ann@example.org", "bob@example.org"};
static const char *const three[] = {"ann@example.org", "bob@example.org", "cyd@example.org"};

static void assert_rcpt(const struct gw_message *m, size_t i, const char *status, const char *relay,
                        unsigned attempts)
{
    const struct gw_recipient *r = &m->rcpts[i];
    assert_string_equal(gw_rcpt_status_name(r->status), status);
    assert_string_equal(r->relay, relay);
    assert_int_equal(r->attempts, attempts);
}

static void f1_a_relay_that_is_down_hands_over_to_the_next(void **state)
{
    (void)state;
    struct fixture *f = setup(NULL, HELLO "SERVE 1\n");
    start(f, new_message(one, 1));
    assert_rcpt(after(f, 1), 0, "sent", "b", 1);
    teardown(f);
}

static void f2_a_verdict_of_one_relay_is_not_asked_of_another(void **state)
{
    (void)state;
    struct fixture *f = setup(GREET "C: MAIL\nS: 250 ok\nC: RCPT\nS: 550 5.1.1 no such user\n"
                                    "C: RSET\nS: 250 ok\nHANG\n",
                              HELLO "SERVE 1\n");
    start(f, new_message(one, 1));
    const struct gw_message *m = after(f, 1);
    assert_rcpt(m, 0, "rejected", "a", 1);
    assert_int_equal(m->rcpts[0].category, GW_CATEGORY_RECIPIENT);
    assert_int_equal(test_server_accepted(f->servers[1]), 0);
    teardown(f);
}

#define LOST_AFTER_DOT \
    GREET "C: MAIL\nS: 250 ok\nC: RCPT\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nFIN\n"

static void f3_after_a_loss_behind_the_dot_the_same_relay_is_asked_after_the_delay(void **state)
{
    (void)state;
    struct fixture *f = setup(LOST_AFTER_DOT, HELLO "SERVE 1\n");
    start(f, new_message(one, 1));
    const struct gw_message *m = after(f, 1);
    assert_rcpt(m, 0, "deferred", "a", 1);
    assert_true(m->rcpts[0].uncertain);
    int64_t lost_at = m->rcpts[0].updated_at_ms;
    assert_true(m->rcpts[0].next_attempt_ms >= lost_at + 40);
    m = after(f, 2);
    assert_rcpt(m, 0, "sent", "a", 2);
    assert_true(m->rcpts[0].uncertain);
    assert_true(m->rcpts[0].updated_at_ms >= lost_at + 40);
    assert_int_equal(test_server_accepted(f->servers[1]), 0);
    teardown(f);
}

static void a_loss_behind_the_dot_is_held_when_asked_for(void **state)
{
    (void)state;
    struct fixture *f = setup(LOST_AFTER_DOT, NULL);
    struct gw_message *m = new_message(one, 1);
    m->on_uncertain = GW_UNCERTAIN_HOLD;
    start(f, m);
    const struct gw_message *held = after(f, 1);
    assert_rcpt(held, 0, "uncertain", "a", 1);
    assert_int_equal(held->rcpts[0].next_attempt_ms, 0);
    assert_false(gw_message_final(held));
    assert_true(gw_message_at_rest(held, INT64_MAX) && !gw_message_settled(held));
    teardown(f);
}

static void a_loss_behind_the_dot_ends_it_when_asked_for(void **state)
{
    (void)state;
    struct fixture *f = setup(LOST_AFTER_DOT, NULL);
    struct gw_message *m = new_message(one, 1);
    m->on_uncertain = GW_UNCERTAIN_STOP;
    start(f, m);
    const struct gw_message *stopped = after(f, 1);
    assert_rcpt(stopped, 0, "uncertain", "a", 1);
    assert_true(gw_message_final(stopped) && stopped->rcpts[0].uncertain);
    teardown(f);
}

#define TOO_LARGE GREET "C: MAIL\nS: 552 5.3.4 too large\nC: RSET\nS: 250 ok\nHANG\n"

static void m3_what_is_too_large_for_one_relay_may_fit_another(void **state)
{
    (void)state;
    struct fixture *f = setup(TOO_LARGE, HELLO "SERVE 1\n");
    start(f, new_message(one, 1));
    assert_rcpt(after(f, 1), 0, "sent", "b", 1);
    teardown(f);
}

static void m3_what_is_too_large_for_all_is_rejected(void **state)
{
    (void)state;
    struct fixture *f = setup(TOO_LARGE, TOO_LARGE);
    start(f, new_message(one, 1));
    const struct gw_message *m = after(f, 1);
    assert_rcpt(m, 0, "rejected", "b", 1);
    assert_string_equal(m->rcpts[0].reason, "too_large");
    teardown(f);
}

static void what_is_too_large_for_the_relay_that_is_up_waits_for_the_other(void **state)
{
    (void)state;
    struct fixture *f = setup(NULL, TOO_LARGE);
    start(f, new_message(one, 1));
    assert_rcpt(after(f, 1), 0, "deferred", "b", 1);
    teardown(f);
}

static void c4_recipients_over_the_limit_go_in_a_new_transaction_at_once(void **state)
{
    (void)state;
    struct fixture *f = setup(GREET "C: MAIL\nS: 250 ok\nC: RCPT\nS: 250 ok\n"
                                    "C: RCPT\nS: 452 too many\n"
                                    "C: DATA\nS: 354 go\nBODY\nS: 250 ok\nSERVE 5\n",
                              NULL);
    f->schedule_ms[0] = HOUR_MS;
    start(f, new_message(three, 3));
    const struct gw_message *m = after(f, 1);
    for (size_t i = 0; i < 3; i++)
        assert_rcpt(m, i, "sent", "a", 1);
    teardown(f);
}

static void c4_a_relay_that_takes_none_is_asked_again_later(void **state)
{
    (void)state;
    struct fixture *f =
        setup(GREET "C: MAIL\nS: 250 ok\nC: RCPT\nS: 452 4.5.3 too many\nHANG\n", NULL);
    f->schedule_ms[0] = HOUR_MS;
    start(f, new_message(one, 1));
    assert_rcpt(after(f, 1), 0, "deferred", "a", 1);
    teardown(f);
}

#define DSN_GREET "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 DSN\n"

static void what_is_to_be_reported_reaches_the_relay(void **state)
{
    (void)state;
    struct fixture *f = setup(
        DSN_GREET "C: MAIL FROM:<f@example.com> RET=HDRS ENVID=17\nS: 250 ok\n"
                  "C: RCPT TO:<ann@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;\nS: 250 ok\n"
                  "C: DATA\nS: 354 go\nBODY\nS: 250 ok\nHANG\n",
        NULL);
    struct gw_message *m = new_message(one, 1);
    m->dsn = (struct gw_dsn){
        .ret = GW_DSN_RET_HEADERS, .envid = "17", .notify = GW_DSN_FAILURE | GW_DSN_DELAY};
    start(f, m);
    assert_rcpt(after(f, 1), 0, "sent", "a", 1);
    teardown(f);
}

static void a_relay_that_does_not_promise_tls_is_not_asked(void **state)
{
    (void)state;
    struct fixture *f = setup(DSN_GREET "HANG\n", DSN_GREET "HANG\n");
    struct gw_message *m = new_message(one, 1);
    m->require_tls = true;
    start(f, m);
    const struct gw_message *tried = after(f, 1);
    assert_rcpt(tried, 0, "rejected", "b", 1);
    assert_string_equal(tried->rcpts[0].reason, "requiretls_unsupported");
    teardown(f);
}

static void f4_what_no_relay_took_in_time_expires(void **state)
{
    (void)state;
    struct fixture *f = setup(NULL, NULL);
    struct gw_message *m = new_message(one, 1);
    m->expires_at_ms = m->created_at_ms + 300;
    start(f, m);
    const struct gw_message *tried = after(f, 1);
    assert_rcpt(tried, 0, "deferred", "b", 1);
    assert_true(tried->rcpts[0].next_attempt_ms <= tried->created_at_ms + 300);
    while (!gw_message_final(f->seen))
        (void)after(f, f->n_recorded + 1);
    assert_string_equal(gw_rcpt_status_name(f->seen->rcpts[0].status), "expired");
    assert_string_equal(f->seen->rcpts[0].reason, "conn_refused");
    assert_int_equal(f->seen->rcpts[0].next_attempt_ms, 0);
    teardown(f);
}

static void what_expires_while_it_is_planned_is_not_tried(void **state)
{
    (void)state;
    struct fixture *f = setup(NULL, NULL);
    struct gw_store_engine lasting = *f->store->engine;
    lasting.durable = true; /* only there are attempts planned */
    f->store->engine = &lasting;
    test_stop_clocks();
    struct gw_message *m = new_message(one, 1);
    m->expires_at_ms = m->created_at_ms + 1;
    f->planning_ms = 1;
    assert_null(gw_delivery_plan(f->delivery, m));
    assert_string_equal(gw_rcpt_status_name(m->rcpts[0].status), "expired");
    assert_int_equal(m->rcpts[0].attempts, 0);
    test_loop_until_true(&f->loop, is_idle, f);
    gw_clock_fake_end();
    gw_message_free(&m);
    teardown(f);
}

static void each_recipient_keeps_its_own_verdict(void **state)
{
    (void)state;
    struct fixture *f = setup(GREET "C: MAIL\nS: 250 ok\nC: RCPT\nS: 550 5.1.1 no\n"
                                    "C: RCPT\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nS: 250 ok\n"
                                    "HANG\n",
                              NULL);
    start(f, new_message(two, 2));
    const struct gw_message *m = after(f, 1);
    assert_rcpt(m, 0, "rejected", "a", 1);
    assert_rcpt(m, 1, "sent", "a", 1);
    assert_string_equal(gw_message_status(m), "partial");
    teardown(f);
}

static void what_a_paused_relay_kept_waiting_goes_when_it_is_resumed(void **state)
{
    (void)state;
    struct fixture *f = setup(HELLO "SERVE 10\n", NULL);
    f->cfg.n_relays = 1; /* nothing else to go to */
    f->schedule_ms[0] = HOUR_MS;
    f->cfg.retry.uncertain_delay_ms = HOUR_MS;
    smtp_relay_pause(f->relays[0]);
    for (int i = 1; i <= 3; i++) {
        start(f, new_message(one, 1));
        const struct gw_message *m = after(f, i);
        assert_rcpt(m, 0, "deferred", "a", 0);
        assert_true(m->rcpts[0].next_attempt_ms >= m->created_at_ms + HOUR_MS);
    }
    struct gw_message *doubtful = new_message(one, 1);
    doubtful->rcpts[0].status = GW_RCPT_SENDING; /* when the process ended */
    doubtful->rcpts[0].relay = "a";
    start(f, doubtful);
    assert_true(after(f, 4)->rcpts[0].uncertain);
    smtp_relay_resume(f->relays[0]);
    assert_rcpt(after(f, 7), 0, "sent", "a", 1);
    assert_int_equal(test_server_accepted(f->servers[0]), 3); /* the doubtful one waits */
    teardown(f);
}

enum {
    MANY = 150
};

static size_t n_in_hand(const struct fixture *f)
{
    return f->live[0].lane.in_hand;
}

static bool has_more_in_hand(void *data)
{
    const struct fixture *f = data;
    return n_in_hand(f) > (size_t)f->n_wanted;
}

static void a_relay_that_is_back_gets_twice_as_much_each_time_up_to_half_a_lane(void **state)
{
    (void)state;
    struct fixture *f = setup_with_rate(HELLO "SERVE 1\n", NULL, 0.001); /* one, then none */
    f->cfg.n_relays = 1;
    f->schedule_ms[0] = HOUR_MS;
    smtp_relay_pause(f->relays[0]);
    for (int i = 1; i <= MANY; i++) {
        start(f, new_message(one, 1));
        (void)after(f, i);
    }
    assert_int_equal(n_in_hand(f), 0);
    smtp_relay_resume(f->relays[0]);
    f->n_wanted = 0;
    for (size_t want = 4; want <= GW_LANE_MAX / 2; want *= 2) {
        test_loop_until_true(&f->loop, has_more_in_hand, f);
        assert_int_equal(n_in_hand(f), want);
        f->n_wanted = (int)want;
    }
    smtp_relay_pause(f->relays[0]);
    (void)after(f, MANY + 1 + GW_LANE_MAX / 2);
    teardown(f);
}

/* A message that was at relay a when the process ended, for the @crashes-th time in a row. */
static struct gw_message *new_interrupted(unsigned crashes)
{
    struct gw_message *m = new_message(one, 1);
    m->crashes = crashes - 1;
    m->rcpts[0].status = GW_RCPT_SENDING;
    m->rcpts[0].relay = "a";
    m->rcpts[0].attempts = crashes;
    return m;
}

static void two_crashes_are_forgotten_when_an_attempt_comes_to_its_end(void **state)
{
    (void)state;
    struct fixture *f = setup(HELLO "SERVE 1\n", NULL);
    start(f, new_interrupted(2));
    const struct gw_message *m = after(f, 1);
    assert_rcpt(m, 0, "deferred", "a", 2);
    assert_string_equal(m->rcpts[0].reason, "interrupted");
    assert_int_equal(m->crashes, 2);
    m = after(f, 2);
    assert_rcpt(m, 0, "sent", "a", 3);
    assert_int_equal(m->crashes, 0);
    teardown(f);
}

static void after_the_third_crash_in_a_row_a_message_is_set_aside(void **state)
{
    (void)state;
    struct fixture *f = setup(HELLO "SERVE 1\n", NULL);
    start(f, new_interrupted(3));
    const struct gw_message *m = after(f, 1);
    assert_rcpt(m, 0, "uncertain", "a", 3);
    assert_string_equal(m->rcpts[0].reason, "quarantined");
    assert_true(gw_message_final(m) && gw_message_held(m));
    assert_int_equal(m->crashes, 3);
    teardown(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f1_a_relay_that_is_down_hands_over_to_the_next),
        cmocka_unit_test(f2_a_verdict_of_one_relay_is_not_asked_of_another),
        cmocka_unit_test(f3_after_a_loss_behind_the_dot_the_same_relay_is_asked_after_the_delay),
        cmocka_unit_test(a_loss_behind_the_dot_is_held_when_asked_for),
        cmocka_unit_test(a_loss_behind_the_dot_ends_it_when_asked_for),
        cmocka_unit_test(m3_what_is_too_large_for_one_relay_may_fit_another),
        cmocka_unit_test(m3_what_is_too_large_for_all_is_rejected),
        cmocka_unit_test(what_is_too_large_for_the_relay_that_is_up_waits_for_the_other),
        cmocka_unit_test(c4_recipients_over_the_limit_go_in_a_new_transaction_at_once),
        cmocka_unit_test(c4_a_relay_that_takes_none_is_asked_again_later),
        cmocka_unit_test(what_is_to_be_reported_reaches_the_relay),
        cmocka_unit_test(a_relay_that_does_not_promise_tls_is_not_asked),
        cmocka_unit_test(f4_what_no_relay_took_in_time_expires),
        cmocka_unit_test(what_expires_while_it_is_planned_is_not_tried),
        cmocka_unit_test(each_recipient_keeps_its_own_verdict),
        cmocka_unit_test(what_a_paused_relay_kept_waiting_goes_when_it_is_resumed),
        cmocka_unit_test(a_relay_that_is_back_gets_twice_as_much_each_time_up_to_half_a_lane),
        cmocka_unit_test(two_crashes_are_forgotten_when_an_attempt_comes_to_its_end),
        cmocka_unit_test(after_the_third_crash_in_a_row_a_message_is_set_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
