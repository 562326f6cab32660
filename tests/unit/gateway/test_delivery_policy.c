/* SPDX-License-Identifier: MIT */
/* Every kind of outcome and the verdict it must get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/delivery_policy.h"

struct row {
    const char *label;
    enum smtp_stage stage;
    enum smtp_reason reason;
    int code;
    const char *enhanced;
    enum gw_rcpt_status status;
    enum gw_category category;
    bool next_relay;
};

#define REPLY SMTP_REASON_REPLY

static const struct row rows[] = {
    {"C2", SMTP_STAGE_RCPT, REPLY, 550, "5.1.1", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT, false},
    {"no enhanced", SMTP_STAGE_RCPT, REPLY, 550, "", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT,
     false},
    {"policy", SMTP_STAGE_RCPT, REPLY, 550, "5.7.1", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, false},
    {"C3", SMTP_STAGE_RCPT, REPLY, 451, "4.7.1", GW_RCPT_DEFERRED, GW_CATEGORY_GREYLIST, false},
    {"C3 plain", SMTP_STAGE_RCPT, REPLY, 450, "", GW_RCPT_DEFERRED, GW_CATEGORY_GREYLIST, false},
    {"full", SMTP_STAGE_RCPT, REPLY, 452, "4.2.2", GW_RCPT_DEFERRED, GW_CATEGORY_MAILBOX_FULL,
     false},
    {"full for good", SMTP_STAGE_RCPT, REPLY, 552, "5.2.2", GW_RCPT_REJECTED,
     GW_CATEGORY_MAILBOX_FULL, false},
    {"C4", SMTP_STAGE_RCPT, REPLY, 552, "", GW_RCPT_DEFERRED, GW_CATEGORY_MAILBOX_FULL, false},
    {"C10", SMTP_STAGE_RCPT, REPLY, 551, "", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT, false},
    {"C14", SMTP_STAGE_RCPT, REPLY, 503, "5.5.1", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL, true},
    {"M1", SMTP_STAGE_MAIL, REPLY, 451, "4.3.0", GW_RCPT_DEFERRED, GW_CATEGORY_OTHER, false},
    {"M2", SMTP_STAGE_MAIL, REPLY, 553, "5.1.8", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, false},
    {"M3", SMTP_STAGE_MAIL, REPLY, 552, "5.3.4", GW_RCPT_REJECTED, GW_CATEGORY_SIZE, false},
    {"M4", SMTP_STAGE_MAIL, REPLY, 530, "5.7.0", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH, true},
    {"M6", SMTP_STAGE_MAIL, SMTP_REASON_TOO_LARGE, 0, "", GW_RCPT_REJECTED, GW_CATEGORY_SIZE,
     false},
    {"M8", SMTP_STAGE_MAIL, SMTP_REASON_SMTPUTF8_UNSUPPORTED, 0, "", GW_RCPT_REJECTED,
     GW_CATEGORY_RECIPIENT, false},
    {"D1", SMTP_STAGE_DATA, REPLY, 554, "5.6.0", GW_RCPT_REJECTED, GW_CATEGORY_MESSAGE, false},
    {"D9", SMTP_STAGE_DOT, REPLY, 451, "", GW_RCPT_DEFERRED, GW_CATEGORY_OTHER, false},
    {"D10", SMTP_STAGE_DOT, REPLY, 554, "", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, false},
    {"g14", SMTP_STAGE_RCPT, SMTP_REASON_RELAY_421, 421, "4.3.2", GW_RCPT_DEFERRED,
     GW_CATEGORY_RATE, true},
    {"R1", SMTP_STAGE_RESOLVE, SMTP_REASON_RELAY_DNS, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_DNS,
     true},
    {"R5", SMTP_STAGE_CONNECT, SMTP_REASON_CONN_REFUSED, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, true},
    {"R5 EMFILE", SMTP_STAGE_CONNECT, SMTP_REASON_LOCAL_FD, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_OTHER, false},
    {"R8", SMTP_STAGE_GREETING, SMTP_REASON_RELAY_REFUSED, 554, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_POLICY, true},
    {"R11", SMTP_STAGE_GREETING, SMTP_REASON_WRONG_TLS_MODE, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_TLS, true},
    {"T1", SMTP_STAGE_STARTTLS, SMTP_REASON_TLS_REQUIRED_MISSING, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_TLS, true},
    {"T13", SMTP_STAGE_TLS, SMTP_REASON_TLS_CERT_EXPIRED, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_TLS,
     true},
    {"A3", SMTP_STAGE_AUTH, SMTP_REASON_AUTH_FAILED, 535, "5.7.8", GW_RCPT_DEFERRED,
     GW_CATEGORY_AUTH, true},
    {"g7", SMTP_STAGE_MAIL, SMTP_REASON_BAD_REPLY, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     true},
    {"g24", SMTP_STAGE_MAIL, SMTP_REASON_CANCELED, 0, "", GW_RCPT_CANCELED, GW_CATEGORY_NONE,
     false},
    {"g23", SMTP_STAGE_MAIL, SMTP_REASON_SHUTDOWN, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_OTHER,
     false},
};

static void every_outcome_gets_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        struct smtp_outcome o = {.final = true, .stage = r->stage, .reason = r->reason};
        o.reply.code = r->code;
        (void)snprintf(o.reply.enhanced, sizeof(o.reply.enhanced), "%s", r->enhanced);
        struct gw_verdict v = gw_delivery_judge(&o);
        if (v.status != r->status || v.category != r->category || v.next_relay != r->next_relay)
            fail_msg("%s: %s/%s/%d", r->label, gw_rcpt_status_name(v.status),
                     gw_category_name(v.category), v.next_relay);
        assert_false(v.uncertain);
        assert_int_equal(v.retryable, r->status == GW_RCPT_DEFERRED);
    }
}

static void relay_faults_never_reject(void **state)
{
    (void)state;
    static const enum smtp_reason about_the_message[] = {
        SMTP_REASON_REPLY, SMTP_REASON_TOO_LARGE, SMTP_REASON_SMTPUTF8_UNSUPPORTED,
        SMTP_REASON_REQUIRETLS_UNSUPPORTED, SMTP_REASON_CANCELED};
    for (int reason = 0; reason <= SMTP_REASON_LOCAL_ERROR; reason++) {
        bool skip = false;
        for (size_t i = 0; i < sizeof(about_the_message) / sizeof(about_the_message[0]); i++)
            skip = skip || about_the_message[i] == (enum smtp_reason)reason;
        if (skip)
            continue;
        struct smtp_outcome o = {.final = true, .reason = (enum smtp_reason)reason};
        o.reply.code = 550;
        assert_int_equal(gw_delivery_judge(&o).status, GW_RCPT_DEFERRED);
    }
}

static void acceptance_is_sent_whatever_else_is_set(void **state)
{
    (void)state;
    struct smtp_outcome o = {.final = true, .accepted = true, .stage = SMTP_STAGE_DOT};
    o.reply.code = 250;
    assert_int_equal(gw_delivery_judge(&o).status, GW_RCPT_SENT);
}

static void loss_between_dot_and_reply_is_uncertain_and_stays_with_its_relay(void **state)
{
    (void)state;
    struct smtp_outcome o = {.final = true,
                             .uncertain = true,
                             .stage = SMTP_STAGE_DOT,
                             .reason = SMTP_REASON_CONN_CLOSED};
    struct gw_verdict v = gw_delivery_judge(&o);
    assert_int_equal(v.status, GW_RCPT_DEFERRED);
    assert_true(v.uncertain);
    assert_false(v.next_relay);
}

static void retry_delays_follow_the_schedule_and_repeat_the_last(void **state)
{
    (void)state;
    static const int64_t schedule[] = {1000, 5000};
    struct cfg_retry retry = {.schedule_ms = schedule, .n_schedule = 2, .jitter = 0.2};
    assert_int_equal(gw_retry_delay_ms(&retry, 1, 0.5), 1000);
    assert_int_equal(gw_retry_delay_ms(&retry, 1, 0.0), 800);
    assert_in_range(gw_retry_delay_ms(&retry, 1, 0.999999), 1199, 1200);
    assert_int_equal(gw_retry_delay_ms(&retry, 2, 0.5), 5000);
    assert_int_equal(gw_retry_delay_ms(&retry, 3, 0.5), 5000);
    assert_int_equal(gw_retry_delay_ms(&retry, 4000000000U, 0.5), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_gets_its_verdict),
        cmocka_unit_test(relay_faults_never_reject),
        cmocka_unit_test(acceptance_is_sent_whatever_else_is_set),
        cmocka_unit_test(loss_between_dot_and_reply_is_uncertain_and_stays_with_its_relay),
        cmocka_unit_test(retry_delays_follow_the_schedule_and_repeat_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
