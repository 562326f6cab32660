/* SPDX-License-Identifier: MIT */
/* Round trips of a message on a warm connection, counted and not timed: the server says nothing
 * before it has read a whole flight, so a client that needed one more would wait for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_buf.h"
#include "tests/lib/relay_fixture.h"

enum {
    MAX_SCRIPT = 4096,
    MAX_CONTENT = 200000,
    LINE = 64
};

#define ENVELOPE "C: MAIL FROM:\nC: RCPT TO:\nC: RCPT TO:\n"
#define TAKEN    "S: 250 a\nS: 250 b\nS: 250 c\n"

/* @flights of one message: what the server reads, and then says, once for each round trip. */
struct course {
    const char *offers; /* one keyword for a line */
    enum smtp_tls_mode mode;
    const char *flights[4];
    size_t content_lines; /* of 64 octets; 0: the fixture's message */
    bool one_flight_off;
};

static void add_hello(struct gw_buf *script, const struct course *c)
{
    if (c->mode == SMTP_TLS_IMPLICIT)
        (void)gw_buf_add_str(script, "TLS\n");
    (void)gw_buf_printf(script, "S: 220 hi\nC: EHLO\nS: 250-me\n%sS: 250 HELP\n", c->offers);
}

static void fill(struct gw_buf *content, size_t lines)
{
    char line[LINE];
    memset(line, 'x', sizeof(line));
    line[LINE - 2] = '\r';
    line[LINE - 1] = '\n';
    for (size_t i = 0; i < lines; i++)
        assert_int_equal(gw_buf_add(content, line, sizeof(line)), GW_OK);
}

/* Three messages on one connection, each in exactly these flights. */
static void run(const struct course *c)
{
    struct gw_buf script;
    struct gw_buf content;
    struct test_relay t;
    struct smtp_relay_config config = test_relay_config();
    gw_buf_init(&script, MAX_SCRIPT);
    gw_buf_init(&content, MAX_CONTENT);
    fill(&content, c->content_lines);
    add_hello(&script, c);
    for (int message = 0; message < 3; message++)
        for (size_t i = 0; i < 4 && c->flights[i] != NULL; i++)
            (void)gw_buf_add_str(&script, c->flights[i]);
    (void)gw_buf_add(&script, "C: QUIT\nS: 221 bye\n", sizeof("C: QUIT\nS: 221 bye\n"));
    const struct test_server_config server = {.scripts = {script.data}};
    config.tls_mode = c->mode;
    config.one_flight = !c->one_flight_off;
    config.max_connections = 1;
    test_relay_begin(&t, &server, config);
    for (int message = 0; message < 3; message++) {
        struct test_mail m = {.done = false};
        if (c->content_lines > 0)
            m.txn.envelope.content = gw_buf_view(&content);
        test_mail_send(&t, &m);
        test_mail_assert_sent(&m);
        assert_int_equal(m.txn.reused_connection, message > 0);
    }
    assert_int_equal(test_server_accepted(t.server), 1);
    test_relay_end(&t, 1000);
    gw_buf_deinit(&script);
    gw_buf_deinit(&content);
}

static void chunking_takes_one_round_trip(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++)
        run(&(struct course){
            .offers = "S: 250-PIPELINING\nS: 250-CHUNKING\n",
            .mode = tls ? SMTP_TLS_IMPLICIT : SMTP_TLS_NONE,
            .flights = {ENVELOPE "C: BDAT 36 LAST\nREAD 36\n" TAKEN "S: 250 2.0.0 ok\n"}});
}

static void up_to_64_kilobytes_take_one_round_trip(void **state)
{
    (void)state;
    run(&(struct course){
        .offers = "S: 250-PIPELINING\nS: 250-CHUNKING\n",
        .mode = SMTP_TLS_NONE,
        .content_lines = SMTP_ONE_FLIGHT_MAX / LINE,
        .flights = {ENVELOPE "C: BDAT 65536 LAST\nREAD 65536\n" TAKEN "S: 250 2.0.0 ok\n"}});
}

static void larger_ones_wait_for_the_recipients(void **state)
{
    (void)state;
    run(&(struct course){.offers = "S: 250-PIPELINING\nS: 250-CHUNKING\n",
                         .mode = SMTP_TLS_NONE,
                         .content_lines = SMTP_ONE_FLIGHT_MAX / LINE + 1,
                         .flights = {ENVELOPE TAKEN, "C: BDAT 64\nREAD 64\n"
                                                     "C: BDAT 65536 LAST\nREAD 65536\n"
                                                     "S: 250 chunk\nS: 250 2.0.0 ok\n"}});
}

static void data_takes_two_round_trips(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++)
        run(&(struct course){
            .offers = "S: 250-PIPELINING\n",
            .mode = tls ? SMTP_TLS_IMPLICIT : SMTP_TLS_NONE,
            .flights = {ENVELOPE "C: DATA\n" TAKEN "S: 354 go\n", "BODY\nS: 250 2.0.0 ok\n"}});
}

static void one_flight_off_takes_two(void **state)
{
    (void)state;
    run(&(struct course){
        .offers = "S: 250-PIPELINING\nS: 250-CHUNKING\n",
        .mode = SMTP_TLS_NONE,
        .one_flight_off = true,
        .flights = {ENVELOPE TAKEN, "C: BDAT 36 LAST\nREAD 36\nS: 250 2.0.0 ok\n"}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunking_takes_one_round_trip),
        cmocka_unit_test(up_to_64_kilobytes_take_one_round_trip),
        cmocka_unit_test(larger_ones_wait_for_the_recipients),
        cmocka_unit_test(data_takes_two_round_trips),
        cmocka_unit_test(one_flight_off_takes_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
