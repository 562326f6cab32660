/* SPDX-License-Identifier: MIT */
/* What cancel, retry and a new time do to recipients in each state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/message_change.h"

enum {
    CREATED = 1000,
    NOW = 5000,
    LIFETIME = 700,
    MAX_RCPTS = 3
};

static struct gw_recipient rcpts[MAX_RCPTS];

static struct gw_message message(size_t n, const enum gw_rcpt_status *statuses)
{
    for (size_t i = 0; i < n; i++)
        rcpts[i] = (struct gw_recipient){
            .status = statuses[i],
            .attempts = statuses[i] == GW_RCPT_QUEUED || statuses[i] == GW_RCPT_SCHEDULED ? 0 : 2,
            .next_attempt_ms = gw_rcpt_status_final(statuses[i]) ? 0 : 9000,
            .duration_ms = -1};
    return (struct gw_message){.rcpts = rcpts,
                               .n_rcpts = n,
                               .created_at_ms = CREATED,
                               .expires_at_ms = CREATED + 60000,
                               .crashes = 2};
}

static struct gw_message with(enum gw_rcpt_status status)
{
    return message(1, &status);
}

/* state before; cancel, retry, schedule: the state after, or GW_N_RCPT_STATUS: refused */
static const struct {
    enum gw_rcpt_status before, canceled, retried, scheduled;
} rows[] = {
#define REFUSED GW_N_RCPT_STATUS
    {GW_RCPT_QUEUED, GW_RCPT_CANCELED, GW_RCPT_QUEUED, GW_RCPT_SCHEDULED},
    {GW_RCPT_SCHEDULED, GW_RCPT_CANCELED, REFUSED, GW_RCPT_SCHEDULED},
    {GW_RCPT_DEFERRED, GW_RCPT_CANCELED, GW_RCPT_DEFERRED, REFUSED},
    {GW_RCPT_HELD, GW_RCPT_CANCELED, GW_RCPT_DEFERRED, REFUSED},
    {GW_RCPT_UNCERTAIN, REFUSED, GW_RCPT_DEFERRED, REFUSED},
    {GW_RCPT_REJECTED, REFUSED, GW_RCPT_DEFERRED, REFUSED},
    {GW_RCPT_EXPIRED, REFUSED, GW_RCPT_DEFERRED, REFUSED},
    {GW_RCPT_SENT, REFUSED, REFUSED, REFUSED},
    {GW_RCPT_SUPPRESSED, REFUSED, REFUSED, REFUSED},
    {GW_RCPT_CANCELED, GW_RCPT_CANCELED, REFUSED, REFUSED},
};

static void check(enum gw_status status, enum gw_rcpt_status before, enum gw_rcpt_status after)
{
    assert_int_equal(status, after == REFUSED ? GW_INVALID : GW_OK);
    assert_int_equal(rcpts[0].status, after == REFUSED ? before : after);
}

static void every_state_may_change_or_stay(void **state)
{
    (void)state;
    static const int64_t lifetime = LIFETIME;
    static const int64_t later = NOW + 100;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_message m = with(rows[i].before);
        check(gw_change_cancel(&m, NOW, NULL), rows[i].before, rows[i].canceled);
        m = with(rows[i].before);
        check(gw_change_retry(&m, NOW, &lifetime), rows[i].before, rows[i].retried);
        m = with(rows[i].before);
        check(gw_change_schedule(&m, NOW, &later), rows[i].before, rows[i].scheduled);
    }
}

static void cancel_takes_back_only_what_is_not_final(void **state)
{
    (void)state;
    static const enum gw_rcpt_status mixed[] = {GW_RCPT_SENT, GW_RCPT_DEFERRED, GW_RCPT_QUEUED};
    struct gw_message m = message(3, mixed);
    assert_int_equal(gw_change_cancel(&m, NOW, NULL), GW_OK);
    assert_int_equal(rcpts[0].status, GW_RCPT_SENT);
    assert_int_equal(rcpts[1].status, GW_RCPT_CANCELED);
    assert_int_equal(rcpts[1].next_attempt_ms, 0);
    assert_int_equal(rcpts[1].duration_ms, NOW - CREATED);
    assert_int_equal(rcpts[2].duration_ms, -1);
    assert_string_equal(gw_message_status(&m), "partial");
}

static void retry_is_due_now_and_gives_a_lifetime_that_is_over_anew(void **state)
{
    (void)state;
    static const int64_t lifetime = LIFETIME;
    struct gw_message m = with(GW_RCPT_DEFERRED);
    assert_int_equal(gw_change_retry(&m, NOW, &lifetime), GW_OK);
    assert_int_equal(rcpts[0].next_attempt_ms, NOW);
    assert_int_equal(m.expires_at_ms, CREATED + 60000);
    assert_int_equal(m.crashes, 0);
    m = with(GW_RCPT_EXPIRED);
    m.expires_at_ms = NOW;
    assert_int_equal(gw_change_retry(&m, NOW, &lifetime), GW_OK);
    assert_int_equal(m.expires_at_ms, NOW + LIFETIME);
}

static void a_new_time_moves_the_lifetime_along(void **state)
{
    (void)state;
    static const int64_t later = NOW + 100000;
    static const int64_t past = NOW - 1;
    struct gw_message m = with(GW_RCPT_SCHEDULED);
    m.scheduled_at_ms = 2000;
    m.expires_at_ms = 2000 + LIFETIME;
    assert_int_equal(gw_change_schedule(&m, NOW, &later), GW_OK);
    assert_int_equal(m.scheduled_at_ms, later);
    assert_int_equal(rcpts[0].next_attempt_ms, later);
    assert_int_equal(m.expires_at_ms, later + LIFETIME);
    assert_int_equal(gw_change_schedule(&m, NOW, &past), GW_OK);
    assert_int_equal(rcpts[0].status, GW_RCPT_QUEUED);
    assert_int_equal(rcpts[0].next_attempt_ms, NOW);
    assert_int_equal(m.scheduled_at_ms, 0);
    assert_int_equal(m.expires_at_ms, NOW + LIFETIME);
}

static void a_pause_takes_the_time_and_its_end_gives_it_back(void **state)
{
    (void)state;
    static const enum gw_rcpt_status mixed[] = {GW_RCPT_SCHEDULED, GW_RCPT_SUPPRESSED};
    struct gw_message m = message(2, mixed);
    m.scheduled_at_ms = NOW + 500;
    m.expires_at_ms = NOW + 500 + LIFETIME;
    rcpts[0].next_attempt_ms = NOW + 500;
    assert_int_equal(gw_change_unpause(&m, NOW, NULL), GW_INVALID);
    assert_int_equal(gw_change_pause(&m, NOW, NULL), GW_OK);
    assert_true(gw_recipient_paused(&rcpts[0]));
    assert_int_equal(rcpts[1].status, GW_RCPT_SUPPRESSED);
    assert_int_equal(gw_message_next_attempt_ms(&m), 0);
    assert_false(gw_message_settled(&m));
    assert_true(gw_message_at_rest(&m, NOW + 1000000));
    assert_int_equal(gw_change_unpause(&m, NOW, NULL), GW_OK);
    assert_int_equal(rcpts[0].next_attempt_ms, NOW + 500);
    assert_int_equal(m.expires_at_ms, NOW + 500 + LIFETIME);
    assert_int_equal(gw_change_pause(&m, NOW, NULL), GW_OK);
    assert_int_equal(gw_change_unpause(&m, NOW + 900, NULL), GW_OK); /* its time has passed */
    assert_int_equal(rcpts[0].next_attempt_ms, NOW + 900);
    assert_int_equal(m.expires_at_ms, NOW + 900 + LIFETIME);
    m = with(GW_RCPT_QUEUED);
    assert_int_equal(gw_change_pause(&m, NOW, NULL), GW_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_may_change_or_stay),
        cmocka_unit_test(cancel_takes_back_only_what_is_not_final),
        cmocka_unit_test(retry_is_due_now_and_gives_a_lifetime_that_is_over_anew),
        cmocka_unit_test(a_new_time_moves_the_lifetime_along),
        cmocka_unit_test(a_pause_takes_the_time_and_its_end_gives_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
