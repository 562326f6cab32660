/* SPDX-License-Identifier: MIT */
/* What transcripts cannot say about the session: times, memory, events out of place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_mem.h"
#include "smtp/session.h"

enum {
    MAX_TEXT = 1 << 20
};

static struct smtp_session_config config(enum smtp_tls_mode mode)
{
    return (struct smtp_session_config){.helo_name = "client.example",
                                        .host = "mx.example",
                                        .port = 587,
                                        .tls_mode = mode,
                                        .mechs = {SMTP_AUTH_PLAIN, SMTP_AUTH_LOGIN},
                                        .n_mechs = 2,
                                        .timeouts = smtp_timeouts_default()};
}

static struct smtp_action step(struct smtp_session *s, int64_t now, enum smtp_event_kind kind)
{
    struct smtp_action act;
    memset(&act, 0xff, sizeof(act));
    smtp_session_step(s, &(struct smtp_event){.kind = kind, .now_ms = now}, &act);
    return act;
}

static struct smtp_action say(struct smtp_session *s, int64_t now, const char *text)
{
    struct smtp_action act;
    struct smtp_event ev = {.kind = SMTP_EV_BYTES, .now_ms = now, .bytes = gw_slice_str(text)};
    smtp_session_step(s, &ev, &act);
    return act;
}

static struct smtp_action start(struct smtp_session *s, int64_t now,
                                const struct smtp_envelope *envelope)
{
    struct smtp_action act;
    struct smtp_event ev = {.kind = SMTP_EV_TRANSACTION, .now_ms = now, .envelope = envelope};
    smtp_session_step(s, &ev, &act);
    return act;
}

static void timeouts_keep_the_minima_of_rfc_5321(void **state)
{
    (void)state;
    struct smtp_timeouts t = smtp_timeouts_default();
    assert_true(t.greeting_ms >= 300000 && t.mail_ms >= 300000 && t.rcpt_ms >= 300000);
    assert_true(t.data_ms >= 120000 && t.body_floor_ms >= 180000 && t.dot_ms >= 600000);
    assert_int_equal(t.body_min_rate_bps, 500);
}

static void capabilities_are_known_after_ehlo(void **state)
{
    (void)state;
    struct smtp_session_config c = config(SMTP_TLS_REQUIRED);
    struct smtp_session *s = smtp_session_new(&c);
    assert_null(smtp_session_capabilities(s));
    (void)step(s, 1, SMTP_EV_CONNECTED);
    (void)say(s, 1, "220 hi\r\n");
    assert_null(smtp_session_capabilities(s));
    (void)say(s, 1, "250-mx\r\n250-DSN\r\n250 STARTTLS\r\n");
    assert_true(smtp_session_capabilities(s)->dsn);
    assert_true(say(s, 1, "220 go\r\n").start_tls);
    (void)step(s, 1, SMTP_EV_TLS_DONE);
    assert_null(smtp_session_capabilities(s));
    (void)say(s, 1, "250 mx\r\n");
    assert_false(smtp_session_capabilities(s)->dsn);
    smtp_session_free(&s);
    assert_null(s);
    smtp_session_free(&s);
}

static void time_is_booked_on_the_stage_it_was_spent_in(void **state)
{
    (void)state;
    struct smtp_session_config c = config(SMTP_TLS_NONE);
    struct smtp_session *s = smtp_session_new(&c);
    struct smtp_outcome outcome = {0};
    static const char *const rcpts[] = {"c@d"};
    struct smtp_envelope envelope = {.mail_from = "a@b",
                                     .rcpts = rcpts,
                                     .n_rcpts = 1,
                                     .content = GW_SLICE_LIT("x\r\n"),
                                     .outcomes = &outcome};
    struct smtp_timing t;
    (void)step(s, 1000, SMTP_EV_CONNECTED);
    (void)say(s, 1010, "220 hi\r\n");
    (void)say(s, 1030, "250-mx\r\n250 PIPELINING\r\n");
    (void)start(s, 5000, &envelope);
    (void)say(s, 5001, "250\r\n");
    (void)say(s, 5003, "250\r\n");
    (void)say(s, 5007, "354\r\n");
    assert_true(say(s, 5057, "250\r\n").transaction_done);
    smtp_session_timing(s, &t);
    assert_int_equal(t.ms[SMTP_STAGE_GREETING], 10);
    assert_int_equal(t.ms[SMTP_STAGE_EHLO], 20);
    assert_int_equal(t.ms[SMTP_STAGE_MAIL], 1);
    assert_int_equal(t.ms[SMTP_STAGE_RCPT], 2);
    assert_int_equal(t.ms[SMTP_STAGE_DATA], 4);
    assert_int_equal(t.ms[SMTP_STAGE_BODY], 0);
    assert_int_equal(t.ms[SMTP_STAGE_DOT], 50);
    assert_int_equal(t.ms[SMTP_STAGE_AUTH], -1);
    assert_int_equal(t.ms[SMTP_STAGE_RSET], -1);

    outcome = (struct smtp_outcome){0};
    (void)start(s, 9000, &envelope);
    assert_true(say(s, 9003, "550\r\n").transaction_done);
    smtp_session_timing(s, &t);
    assert_int_equal(t.ms[SMTP_STAGE_GREETING], -1);
    assert_int_equal(t.ms[SMTP_STAGE_EHLO], -1);
    assert_int_equal(t.ms[SMTP_STAGE_IDLE], -1);
    assert_int_equal(t.ms[SMTP_STAGE_MAIL], 3);
    assert_int_equal(t.ms[SMTP_STAGE_RCPT], -1);
    assert_int_equal(t.ms[SMTP_STAGE_DOT], -1);
    smtp_session_free(&s);
}

static void credentials_leave_no_trace_in_the_output(void **state)
{
    (void)state;
    struct smtp_session_config c = config(SMTP_TLS_IMPLICIT);
    c.username = "ann";
    c.password = "secret";
    struct smtp_session *s = smtp_session_new(&c);
    (void)step(s, 1, SMTP_EV_CONNECTED);
    (void)say(s, 1, "220 hi\r\n");
    struct smtp_action act = say(s, 1, "250-mx\r\n250 AUTH PLAIN\r\n");
    static const char token[] = "AGFubgBzZWNyZXQ=";
    const char *memory = act.out.data;
    size_t len = act.out.len;
    assert_non_null(memmem(memory, len, token, sizeof(token) - 1));
    act = step(s, 1, SMTP_EV_WRITTEN);
    assert_int_equal(act.out.len, 0);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(memory[i], 0);
    smtp_session_free(&s);
}

/* AUTH PLAIN up to its first output. */
static struct smtp_action auth_with(struct smtp_session **s, const char *password)
{
    struct smtp_session_config c = config(SMTP_TLS_IMPLICIT);
    c.username = "ann";
    c.password = password;
    *s = smtp_session_new(&c);
    (void)step(*s, 1, SMTP_EV_CONNECTED);
    (void)say(*s, 1, "220 hi\r\n");
    return say(*s, 1, "250-mx\r\n250 AUTH PLAIN\r\n");
}

static void long_tokens_wait_for_the_challenge(void **state)
{
    (void)state;
    struct smtp_session *s = NULL;
    char password[10001] = "";
    /* "AUTH PLAIN " and CRLF leave 499 octets: 496 of base64, 372 of which 5 are not the password.
     */
    memset(password, 'p', 367);
    struct smtp_action act = auth_with(&s, password);
    assert_int_equal(act.out.len, 509);
    smtp_session_free(&s);

    memset(password, 'p', 368);
    act = auth_with(&s, password);
    assert_true(gw_slice_is(act.out, "AUTH PLAIN\r\n"));
    act = say(s, 1, "334 \r\n");
    assert_int_equal(act.out.len, 502);
    assert_true(say(s, 1, "235 ok\r\n").ready);
    smtp_session_free(&s);

    memset(password, 'p', 10000);
    act = auth_with(&s, password);
    assert_true(act.close);
    assert_int_equal(act.reason, SMTP_REASON_LOCAL_ERROR);
    assert_int_equal(act.out.len, 0);
    assert_false(act.relay_sick);
    smtp_session_free(&s);
}

static void early_deadline_event_is_ignored(void **state)
{
    (void)state;
    struct smtp_session_config c = config(SMTP_TLS_NONE);
    struct smtp_session *s = smtp_session_new(&c);
    struct smtp_action act = step(s, 1000, SMTP_EV_CONNECTED);
    assert_int_equal(act.deadline_ms, 301000);
    assert_false(step(s, 300999, SMTP_EV_DEADLINE).close);
    assert_true(step(s, 301000, SMTP_EV_DEADLINE).close);
    smtp_session_free(&s);
}

static void nothing_happens_after_the_end(void **state)
{
    (void)state;
    struct smtp_session_config c = config(SMTP_TLS_NONE);
    struct smtp_session *s = smtp_session_new(&c);
    (void)step(s, 1, SMTP_EV_CONNECTED);
    struct smtp_event closed = {.kind = SMTP_EV_CLOSED, .reason = SMTP_REASON_CONN_RESET};
    struct smtp_action act;
    smtp_session_step(s, &closed, &act);
    assert_true(act.close && act.relay_sick);
    static const enum smtp_event_kind kinds[] = {
        SMTP_EV_CONNECTED, SMTP_EV_TLS_DONE, SMTP_EV_WRITTEN, SMTP_EV_DEADLINE,
        SMTP_EV_CANCEL,    SMTP_EV_QUIT,     SMTP_EV_CLOSED};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        act = step(s, 2, kinds[i]);
        assert_true(act.close);
        assert_false(act.transaction_done || act.start_tls || act.ready || act.relay_sick);
        assert_int_equal(act.out.len, 0);
        assert_int_equal(act.stage, SMTP_STAGE_GREETING);
        assert_int_equal(act.reason, SMTP_REASON_CONN_RESET);
        assert_int_equal(act.deadline_ms, 0);
    }
    assert_true(say(s, 2, "220 hi\r\n").close);
    smtp_session_free(&s);
}

static void events_out_of_place_end_the_session_not_the_process(void **state)
{
    (void)state;
    struct smtp_session_config c = config(SMTP_TLS_REQUIRED);
    static const enum smtp_event_kind kinds[] = {SMTP_EV_CONNECTED, SMTP_EV_TLS_DONE};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct smtp_session *s = smtp_session_new(&c);
        (void)step(s, 1, SMTP_EV_CONNECTED);
        struct smtp_action act = step(s, 1, kinds[i]);
        assert_true(act.close);
        assert_false(act.relay_sick);
        assert_int_equal(act.reason, SMTP_REASON_LOCAL_ERROR);
        smtp_session_free(&s);
    }
}

static void a_failed_connection_is_reported_with_its_stage(void **state)
{
    (void)state;
    struct smtp_session_config c = config(SMTP_TLS_IMPLICIT);
    static const struct {
        enum smtp_reason reason;
        enum smtp_stage stage;
    } cases[] = {{SMTP_REASON_CONN_REFUSED, SMTP_STAGE_CONNECT},
                 {SMTP_REASON_WRONG_TLS_MODE, SMTP_STAGE_TLS},
                 {SMTP_REASON_TLS_CERT_NAME, SMTP_STAGE_TLS}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smtp_session *s = smtp_session_new(&c);
        struct smtp_event ev = {
            .kind = SMTP_EV_CLOSED, .reason = cases[i].reason, .detail = "as the driver says"};
        struct smtp_action act;
        smtp_session_step(s, &ev, &act);
        assert_true(act.close && act.relay_sick);
        assert_int_equal(act.stage, cases[i].stage);
        assert_int_equal(act.reason, cases[i].reason);
        assert_string_equal(act.detail, "as the driver says");
        smtp_session_free(&s);
    }
}

static void bodies_come_in_pieces_and_the_last_has_the_dot(void **state)
{
    (void)state;
    struct smtp_session_config c = config(SMTP_TLS_NONE);
    struct smtp_session *s = smtp_session_new(&c);
    struct gw_buf content;
    struct gw_buf wire;
    gw_buf_init(&content, MAX_TEXT);
    gw_buf_init(&wire, MAX_TEXT);
    while (content.len < 300000)
        (void)gw_buf_add_str(&content, "0123456789012345678901234567890123456789012345678\r\n");
    struct smtp_outcome outcome = {0};
    static const char *const rcpts[] = {"c@d"};
    struct smtp_envelope envelope = {.mail_from = "",
                                     .rcpts = rcpts,
                                     .n_rcpts = 1,
                                     .content = gw_buf_view(&content),
                                     .outcomes = &outcome};
    (void)step(s, 1, SMTP_EV_CONNECTED);
    (void)say(s, 1, "220 hi\r\n");
    (void)say(s, 1, "250-mx\r\n250 PIPELINING\r\n");
    (void)start(s, 1, &envelope);
    struct smtp_action act = say(s, 1, "250\r\n250\r\n354\r\n");
    size_t n = 0;
    for (; act.out.len > 0; n++) {
        assert_true(act.out.len <= SMTP_BODY_CHUNK);
        assert_int_equal(act.stage == SMTP_STAGE_DOT, wire.len + act.out.len > content.len);
        (void)gw_buf_add_slice(&wire, act.out);
        act = step(s, 1, SMTP_EV_WRITTEN);
    }
    assert_int_equal(n, 5);
    assert_int_equal(wire.len, content.len + 3);
    assert_memory_equal(wire.data, content.data, content.len);
    assert_memory_equal(wire.data + content.len, ".\r\n", 3);
    assert_true(say(s, 1, "250 ok\r\n").transaction_done);
    assert_true(outcome.accepted);
    gw_buf_deinit(&content);
    gw_buf_deinit(&wire);
    smtp_session_free(&s);
}

/* What a new session says first. */
static struct gw_slice ehlo_of(struct smtp_session *s)
{
    (void)step(s, 1, SMTP_EV_CONNECTED);
    return say(s, 1, "220 hi\r\n").out;
}

static void sessions_share_the_memory_of_their_output(void **state)
{
    (void)state;
    struct gw_buf memory;
    struct smtp_session_config c = config(SMTP_TLS_IMPLICIT);
    gw_buf_init(&memory, MAX_TEXT);
    c.memory = &memory;
    c.username = "ann";
    c.password = "secret";
    struct smtp_session *a = smtp_session_new(&c);
    struct smtp_session *b = smtp_session_new(&c);
    struct gw_slice first = ehlo_of(a);
    struct gw_slice second = ehlo_of(b); /* a has not given its own back */
    assert_ptr_not_equal(first.data, second.data);
    assert_memory_equal(first.data, "EHLO client.example\r\n", first.len);
    smtp_session_release(a);
    smtp_session_release(b);
    struct smtp_action act = say(b, 1, "250-mx\r\n250 AUTH PLAIN\r\n");
    assert_ptr_equal(act.out.data, first.data);
    assert_true(act.secret && act.out.len > 0);
    size_t len = act.out.len;
    smtp_session_release(b);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(memory.data[i], 0); /* before anybody else has it */
    assert_ptr_equal(say(a, 1, "250-mx\r\n250 AUTH PLAIN\r\n").out.data, first.data);
    smtp_session_free(&a);
    smtp_session_free(&b);
    gw_buf_deinit(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeouts_keep_the_minima_of_rfc_5321),
        cmocka_unit_test(capabilities_are_known_after_ehlo),
        cmocka_unit_test(time_is_booked_on_the_stage_it_was_spent_in),
        cmocka_unit_test(credentials_leave_no_trace_in_the_output),
        cmocka_unit_test(long_tokens_wait_for_the_challenge),
        cmocka_unit_test(early_deadline_event_is_ignored),
        cmocka_unit_test(nothing_happens_after_the_end),
        cmocka_unit_test(events_out_of_place_end_the_session_not_the_process),
        cmocka_unit_test(a_failed_connection_is_reported_with_its_stage),
        cmocka_unit_test(bodies_come_in_pieces_and_the_last_has_the_dot),
        cmocka_unit_test(sessions_share_the_memory_of_their_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
