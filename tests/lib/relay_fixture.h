/* SPDX-License-Identifier: MIT */
/* A relay, the scripted server it talks to, and messages to send through it. */
#ifndef TEST_RELAY_FIXTURE_H
#define TEST_RELAY_FIXTURE_H

#include <stdbool.h>

#include "smtp/relay.h"
#include "tests/lib/scripted_server.h"

#define TEST_PLAIN_HELLO "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 PIPELINING\n"
#define TEST_STARTTLS_HELLO \
    "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\n" \
    "C: EHLO\nS: 250-me\nS: 250 PIPELINING\n"
#define TEST_TLS_HELLO "TLS\n" TEST_PLAIN_HELLO

struct test_relay {
    uv_loop_t loop;
    struct test_server *server; /* NULL without script */
    struct smtp_relay *relay;
    char *ca_file;
    bool closed;
};

/* Quick timeouts, 127.0.0.1, no TLS. */
struct smtp_relay_config test_relay_config(void);
/* Starts a server with @server (may be NULL: then config.port counts) and a relay for it; TLS modes
 * trust the test CA. */
void test_relay_begin(struct test_relay *t, const struct test_server_config *server,
                      struct smtp_relay_config config);
/* Closes the relay with that grace, checks that nothing is left in the loop, ends the server. */
void test_relay_end(struct test_relay *t, int64_t grace_ms);
struct smtp_relay_stats test_relay_stats(const struct test_relay *t);

enum {
    TEST_MAIL_RCPTS = 2
};

struct test_mail {
    struct smtp_transaction txn;
    struct smtp_outcome outcomes[TEST_MAIL_RCPTS];
    const char *const *rcpts; /* TEST_MAIL_RCPTS of them; NULL: a@ and b@example.test */
    bool done;
    int n_done;
    bool inside_call; /* on_done must not come while this is true */
};

/* Fills and submits; asserts GW_OK and that on_done did not come inside. */
void test_mail_submit(struct test_relay *t, struct test_mail *m);
enum gw_status test_mail_try_submit(struct test_relay *t, struct test_mail *m);
void test_mail_cancel(struct test_relay *t, struct test_mail *m);
/* Submits and runs the loop until it is done. */
void test_mail_send(struct test_relay *t, struct test_mail *m);
void test_mail_wait(struct test_relay *t, struct test_mail *m);
void test_mail_assert_sent(const struct test_mail *m);
/* All recipients have this reason and stage, and that certainty. */
void test_mail_assert_failed(const struct test_mail *m, enum smtp_reason reason,
                             enum smtp_stage stage, bool uncertain);

#endif
