/* SPDX-License-Identifier: MIT */
/* A relay under test. */
#include "tests/lib/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_log.h"
#include "tests/lib/loop_util.h"

struct smtp_relay_config test_relay_config(void)
{
    struct smtp_relay_config c = smtp_relay_config_default();
    c.name = "test";
    c.host = "127.0.0.1";
    c.tls_mode = SMTP_TLS_NONE;
    c.helo_name = "client.test";
    return c;
}

struct smtp_relay_stats test_relay_stats(const struct test_relay *t)
{
    struct smtp_relay_stats s;
    smtp_relay_stats(t->relay, &s);
    return s;
}

void test_relay_begin(struct test_relay *t, const struct test_server_config *server,
                      struct smtp_relay_config config)
{
    struct gw_err err = {.text = ""};
    *t = (struct test_relay){.server = NULL};
    gw_log_init(GW_LOG_ERROR, GW_LOG_FORMAT_TEXT, 2);
    assert_int_equal(uv_loop_init(&t->loop), 0);
    if (server != NULL) {
        t->server = test_server_new(server);
        config.port = test_server_port(t->server);
    }
    if (config.tls_mode != SMTP_TLS_NONE && config.ca_file == NULL) {
        t->ca_file = test_write_temp(test_ca_root());
        config.ca_file = t->ca_file;
    }
    enum gw_status st = smtp_relay_new(&t->loop, &config, &t->relay, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(st, GW_OK);
}

static void on_closed(void *data)
{
    struct test_relay *t = data;
    assert_false(t->closed);
    t->closed = true;
    t->relay = NULL;
}

void test_relay_end(struct test_relay *t, int64_t grace_ms)
{
    if (t->relay != NULL)
        smtp_relay_close(t->relay, grace_ms, on_closed, t);
    test_loop_until(&t->loop, &t->closed);
    test_loop_end(&t->loop);
    if (t->server != NULL)
        test_server_free(t->server);
    if (t->ca_file != NULL)
        test_remove_temp(t->ca_file);
}

static void on_done(struct smtp_transaction *txn)
{
    struct test_mail *m = gw_list_entry(txn, struct test_mail, txn);
    assert_false(m->inside_call);
    m->done = true;
    m->n_done++;
    assert_int_equal(m->n_done, 1);
    for (size_t i = 0; i < txn->envelope.n_rcpts; i++)
        assert_true(m->outcomes[i].final);
}

static void fill(struct test_mail *m)
{
    static const char *const rcpts[TEST_MAIL_RCPTS] = {"a@example.test", "b@example.test"};
    struct smtp_envelope *e = &m->txn.envelope;
    if (e->content.len == 0)
        e->content = GW_SLICE_LIT("Subject: hello\r\n\r\n.dots\r\nand lines\r\n");
    e->mail_from = "me@example.test";
    e->rcpts = m->rcpts != NULL ? m->rcpts : rcpts;
    e->n_rcpts = TEST_MAIL_RCPTS;
    e->outcomes = m->outcomes;
    m->txn.on_done = on_done;
}

enum gw_status test_mail_try_submit(struct test_relay *t, struct test_mail *m)
{
    fill(m);
    m->inside_call = true;
    enum gw_status st = smtp_relay_submit(t->relay, &m->txn);
    m->inside_call = false;
    return st;
}

void test_mail_submit(struct test_relay *t, struct test_mail *m)
{
    assert_int_equal(test_mail_try_submit(t, m), GW_OK);
}

void test_mail_cancel(struct test_relay *t, struct test_mail *m)
{
    m->inside_call = true;
    smtp_relay_cancel(t->relay, &m->txn);
    m->inside_call = false;
}

void test_mail_wait(struct test_relay *t, struct test_mail *m)
{
    test_loop_until(&t->loop, &m->done);
}

void test_mail_send(struct test_relay *t, struct test_mail *m)
{
    test_mail_submit(t, m);
    test_mail_wait(t, m);
}

void test_mail_assert_sent(const struct test_mail *m)
{
    for (size_t i = 0; i < TEST_MAIL_RCPTS; i++) {
        if (!m->outcomes[i].accepted)
            fail_msg("not sent: %s at %s, %d %s (%s)", smtp_reason_name(m->outcomes[i].reason),
                     smtp_stage_name(m->outcomes[i].stage), m->outcomes[i].reply.code,
                     m->outcomes[i].reply.text, m->outcomes[i].detail);
        assert_false(m->outcomes[i].uncertain);
        assert_int_equal(m->outcomes[i].reply.code, 250);
    }
}

void test_mail_assert_failed(const struct test_mail *m, enum smtp_reason reason,
                             enum smtp_stage stage, bool uncertain)
{
    for (size_t i = 0; i < TEST_MAIL_RCPTS; i++) {
        const struct smtp_outcome *o = &m->outcomes[i];
        if (o->reason != reason || o->stage != stage || o->uncertain != uncertain || o->accepted)
            fail_msg("%s%s at %s%s, %d %s (%s)", o->accepted ? "accepted, " : "",
                     smtp_reason_name(o->reason), smtp_stage_name(o->stage),
                     o->uncertain ? ", uncertain" : "", o->reply.code, o->reply.text, o->detail);
    }
}
