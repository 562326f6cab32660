/* SPDX-License-Identifier: MIT */
/* The sandbox on a real loop with real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"
#include "smtp/sandbox.h"
#include "tests/lib/line_client.h"

struct fixture {
    uv_loop_t loop;
    struct smtp_sandbox *sandbox;
    struct line_client client;
    bool closed;
    size_t n_notified;
    char notified_id[37];
    bool close_on_message, clear_on_message;
};

static void on_closed(void *data)
{
    struct fixture *f = data;
    f->closed = true;
}

static void on_message(const struct smtp_sandbox_message *m, void *data)
{
    struct fixture *f = data;
    f->n_notified++;
    memcpy(f->notified_id, m->id, sizeof(f->notified_id));
    if (f->clear_on_message)
        smtp_sandbox_clear(f->sandbox);
    if (f->close_on_message)
        smtp_sandbox_close(f->sandbox, on_closed, f);
}

static struct fixture *begin(const struct smtp_sandbox_config *config)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct gw_err err;
    assert_non_null(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(smtp_sandbox_new(&f->loop, config, &f->sandbox, &err), GW_OK);
    smtp_sandbox_on_message(f->sandbox, on_message, f);
    return f;
}

static struct fixture *begin_default(void)
{
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    return begin(&config);
}

static void end(struct fixture *f)
{
    if (!f->close_on_message)
        smtp_sandbox_close(f->sandbox, on_closed, f);
    line_client_run_until(&f->loop, &f->closed);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
}

static void greet(struct fixture *f, struct line_client *c)
{
    line_client_connect(c, &f->loop, smtp_sandbox_port(f->sandbox));
    line_client_expect(c, "220 ");
    line_client_ask(c, "EHLO client.example\r\n", "\r\n250 ");
}

static void send_mail(struct line_client *c, const char *rcpt, const char *body)
{
    char text[4096];
    (void)snprintf(text, sizeof(text),
                   "MAIL FROM:<a@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n%s\r\n.\r\n", rcpt, body);
    line_client_ask(c, text, "kept as ");
}

static void a_message_is_kept_and_told_about(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    send_mail(&f->client, "b@example.org", "Subject: hi\r\n\r\n..hello");
    assert_int_equal(f->n_notified, 1);
    assert_int_equal(smtp_sandbox_count(f->sandbox), 1);
    const struct smtp_sandbox_message *m = smtp_sandbox_at(f->sandbox, 0);
    assert_string_equal(m->id, f->notified_id);
    assert_non_null(strstr(f->client.got, m->id));
    assert_ptr_equal(smtp_sandbox_find(f->sandbox, m->id), m);
    assert_string_equal(m->content.data, "Subject: hi\r\n\r\n.hello\r\n");
    assert_string_equal(m->mail_from, "a@example.com");
    assert_string_equal(m->rcpts[0], "b@example.org");
    assert_null(m->tls);
    assert_true(m->received_at_ms > 1000000);
    assert_null(smtp_sandbox_at(f->sandbox, 1));
    assert_null(smtp_sandbox_find(f->sandbox, "no"));
    line_client_ask(&f->client, "QUIT\r\n", "221 ");
    line_client_expect_close(&f->client);
    line_client_close(&f->client);
    end(f);
}

static void messages_are_newest_first_and_can_be_deleted(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    send_mail(&f->client, "one@x", "1");
    send_mail(&f->client, "two@x", "2");
    send_mail(&f->client, "three@x", "3");
    assert_string_equal(smtp_sandbox_at(f->sandbox, 0)->rcpts[0], "three@x");
    assert_string_equal(smtp_sandbox_at(f->sandbox, 2)->rcpts[0], "one@x");
    char id[37];
    memcpy(id, smtp_sandbox_at(f->sandbox, 1)->id, sizeof(id));
    assert_true(smtp_sandbox_delete(f->sandbox, id));
    assert_false(smtp_sandbox_delete(f->sandbox, id));
    assert_int_equal(smtp_sandbox_count(f->sandbox), 2);
    smtp_sandbox_clear(f->sandbox);
    assert_int_equal(smtp_sandbox_count(f->sandbox), 0);
    assert_null(smtp_sandbox_at(f->sandbox, 0));
    line_client_close(&f->client);
    end(f);
}

static void the_oldest_messages_give_way(void **state)
{
    (void)state;
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    config.max_messages = 2;
    struct fixture *f = begin(&config);
    greet(f, &f->client);
    send_mail(&f->client, "one@x", "1");
    send_mail(&f->client, "two@x", "2");
    assert_int_equal(smtp_sandbox_count(f->sandbox), 2);
    send_mail(&f->client, "three@x", "3");
    assert_int_equal(smtp_sandbox_count(f->sandbox), 2);
    assert_string_equal(smtp_sandbox_at(f->sandbox, 1)->rcpts[0], "two@x");
    line_client_close(&f->client);
    end(f);
}

static void memory_for_messages_is_bounded(void **state)
{
    (void)state;
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    config.max_total_bytes = 40000;
    struct fixture *f = begin(&config);
    char body[3000];
    memset(body, 'x', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    greet(f, &f->client);
    for (int i = 0; i < 30; i++)
        send_mail(&f->client, "b@x", body);
    size_t n = smtp_sandbox_count(f->sandbox);
    assert_true(n >= 2 && n * sizeof(body) <= config.max_total_bytes);
    line_client_close(&f->client);
    end(f);
}

static void starttls_protects_the_session(void **state)
{
    (void)state;
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    config.starttls = true;
    config.username = "user";
    config.password = "pass";
    struct fixture *f = begin(&config);
    greet(f, &f->client);
    assert_non_null(strstr(f->client.got, "STARTTLS"));
    line_client_ask(&f->client, "STARTTLS\r\n", "220 ");
    line_client_start_tls(&f->client, smtp_sandbox_certificate(f->sandbox));
    line_client_ask(&f->client, "EHLO x\r\n", "\r\n250 ");
    assert_null(strstr(f->client.got, "STARTTLS"));
    line_client_ask(&f->client, "AUTH PLAIN AHVzZXIAcGFzcw==\r\n", "235 ");
    send_mail(&f->client, "b@x", "secret");
    assert_string_equal(smtp_sandbox_at(f->sandbox, 0)->tls, "TLSv1.3");
    assert_true(smtp_sandbox_at(f->sandbox, 0)->authenticated);
    line_client_ask(&f->client, "QUIT\r\n", "221 ");
    line_client_expect_close(&f->client);
    line_client_close(&f->client);
    end(f);
}

static void implicit_tls_greets_inside(void **state)
{
    (void)state;
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    config.implicit_tls = true;
    struct fixture *f = begin(&config);
    line_client_connect(&f->client, &f->loop, smtp_sandbox_port(f->sandbox));
    line_client_start_tls(&f->client, smtp_sandbox_certificate(f->sandbox));
    line_client_expect(&f->client, "220 ");
    line_client_ask(&f->client, "EHLO x\r\n", "\r\n250 ");
    assert_null(strstr(f->client.got, "STARTTLS"));
    send_mail(&f->client, "b@x", "secret");
    assert_non_null(smtp_sandbox_at(f->sandbox, 0)->tls);
    line_client_close(&f->client);
    end(f);
}

static void plaintext_at_a_tls_port_is_closed(void **state)
{
    (void)state;
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    config.implicit_tls = true;
    struct fixture *f = begin(&config);
    line_client_connect(&f->client, &f->loop, smtp_sandbox_port(f->sandbox));
    line_client_send(&f->client, "EHLO x\r\n", 8);
    line_client_expect_close(&f->client);
    line_client_close(&f->client);
    end(f);
}

static void a_large_message_passes_both_ways_of_transport(void **state)
{
    (void)state;
    const size_t size = 3 << 20;
    char *body = malloc(size);
    assert_non_null(body);
    for (size_t i = 0; i < size; i++)
        body[i] = "the quick brown fox jumps over the lazy dog\r\n"[i % 45];
    for (int tls = 0; tls <= 1; tls++) {
        struct smtp_sandbox_config config = smtp_sandbox_config_default();
        config.starttls = true;
        struct fixture *f = begin(&config);
        greet(f, &f->client);
        if (tls) {
            line_client_ask(&f->client, "STARTTLS\r\n", "220 ");
            line_client_start_tls(&f->client, smtp_sandbox_certificate(f->sandbox));
            line_client_ask(&f->client, "EHLO x\r\n", "\r\n250 ");
        }
        line_client_ask(&f->client, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "354 ");
        for (size_t done = 0; done < size;) {
            size_t n = size - done < 200000 ? size - done : 200000;
            line_client_send(&f->client, body + done, n);
            done += n;
        }
        line_client_ask(&f->client, "\r\n.\r\n", "250 ");
        struct gw_slice content = smtp_sandbox_at(f->sandbox, 0)->content;
        assert_int_equal(content.len, size + 2);
        assert_memory_equal(content.data, body, size);
        line_client_close(&f->client);
        end(f);
    }
    free(body);
}

static void slow_recipients_delay_the_final_answer(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    line_client_ask(&f->client,
                    "MAIL FROM:<a@b>\r\nRCPT TO:<slow+100ms@x>\r\nDATA\r\n.\r\nNOOP\r\n", "354 ");
    assert_int_equal(smtp_sandbox_count(f->sandbox), 0);
    assert_null(strstr(f->client.got, "kept"));
    int64_t start = gw_clock_mono_ms();
    line_client_expect(&f->client, "kept as ");
    assert_true(gw_clock_mono_ms() - start >= 80);
    assert_int_equal(smtp_sandbox_count(f->sandbox), 1);
    line_client_expect(&f->client, "\r\n250 2.0.0 Ok\r\n"); /* NOOP waited for its turn */
    line_client_close(&f->client);
    end(f);
}

static void a_sandbox_closes_while_an_answer_is_delayed(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    line_client_ask(&f->client, "MAIL FROM:<a@b>\r\nRCPT TO:<slow+60s@x>\r\nDATA\r\n.\r\n", "354 ");
    line_client_close(&f->client);
    end(f);
}

static void drop_after_dot_closes_without_a_word(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    line_client_ask(&f->client, "MAIL FROM:<a@b>\r\nRCPT TO:<drop-after-dot@x>\r\nDATA\r\n",
                    "354 ");
    f->client.n_got = 0;
    line_client_send(&f->client, "hi\r\n.\r\n", 7);
    line_client_expect_close(&f->client);
    assert_int_equal(f->client.n_got, 0);
    assert_int_equal(smtp_sandbox_count(f->sandbox), 0);
    line_client_close(&f->client);
    end(f);
}

static void the_last_reply_arrives_though_more_input_waits(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    char noise[100000];
    memset(noise, 'x', sizeof(noise));
    (void)snprintf(noise, 100, "MAIL FROM:<a@b>\r\nRCPT TO:<busy+421@x>\r\nDATA\r\n");
    line_client_send(&f->client, noise, sizeof(noise));
    line_client_expect(&f->client, "421 4.3.2 ");
    line_client_expect_close(&f->client);
    line_client_close(&f->client);
    end(f);
}

static void a_client_that_closes_its_side_gets_its_answers(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    static const char text[] = "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<slow+50ms@x>\r\n"
                               "DATA\r\nhi\r\n.\r\n";
    line_client_connect(&f->client, &f->loop, smtp_sandbox_port(f->sandbox));
    line_client_send(&f->client, text, sizeof(text) - 1);
    assert_int_equal(shutdown(f->client.fd, SHUT_WR), 0);
    line_client_expect(&f->client, "kept as ");
    line_client_expect_close(&f->client);
    line_client_close(&f->client);
    end(f);
}

static void a_client_that_vanishes_leaves_nothing(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    struct line_client other;
    greet(f, &f->client);
    line_client_ask(&f->client, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "354 ");
    line_client_send(&f->client, "half of it\r\n", 12);
    line_client_close(&f->client);
    greet(f, &other); /* the loop has seen the end of the first one by then */
    assert_int_equal(smtp_sandbox_count(f->sandbox), 0);
    line_client_close(&other);
    end(f);
}

static void silence_ends_a_session_with_421(void **state)
{
    (void)state;
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    config.idle_ms = 30;
    struct fixture *f = begin(&config);
    line_client_connect(&f->client, &f->loop, smtp_sandbox_port(f->sandbox));
    line_client_expect(&f->client, "421 4.4.2 ");
    line_client_expect_close(&f->client);
    line_client_close(&f->client);
    end(f);
}

static void a_handshake_that_never_comes_is_closed(void **state)
{
    (void)state;
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    config.idle_ms = 30;
    config.implicit_tls = true;
    struct fixture *f = begin(&config);
    line_client_connect(&f->client, &f->loop, smtp_sandbox_port(f->sandbox));
    line_client_expect_close(&f->client);
    line_client_close(&f->client);
    end(f);
}

static void connections_beyond_the_limit_get_421(void **state)
{
    (void)state;
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    config.max_connections = 2;
    struct fixture *f = begin(&config);
    struct line_client two;
    struct line_client three;
    greet(f, &f->client);
    greet(f, &two);
    line_client_connect(&three, &f->loop, smtp_sandbox_port(f->sandbox));
    line_client_expect(&three, "421 4.7.0 ");
    line_client_expect_close(&three);
    line_client_close(&three);
    line_client_ask(&two, "QUIT\r\n", "221 ");
    line_client_expect_close(&two);
    line_client_close(&two);
    line_client_ask(&f->client, "NOOP\r\n", "250 "); /* turns for the closed one to be freed */
    line_client_ask(&f->client, "NOOP\r\n", "250 ");
    greet(f, &three);
    line_client_close(&three);
    line_client_close(&f->client);
    end(f);
}

static void replies_wait_for_a_client_that_does_not_read(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    const size_t n = 200000;
    char *flood = malloc(n * 6 + 7);
    assert_non_null(flood);
    for (size_t i = 0; i < n; i++)
        memcpy(flood + 6 * i, "NOOP\r\n", 7);
    f->client.n_got = 0;
    size_t sent = 0;
    for (int idle = 0; idle < 50;) { /* until the server takes no more */
        ssize_t k = send(f->client.fd, flood + sent, n * 6 - sent, MSG_NOSIGNAL);
        idle = k > 0 ? 0 : idle + 1;
        sent += k > 0 ? (size_t)k : 0;
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        if (sent == n * 6)
            break;
    }
    free(flood);
    line_client_close(&f->client);
    end(f);
}

static void the_listener_may_close_the_sandbox(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    f->close_on_message = true;
    static const char text[] = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n";
    line_client_send(&f->client, text, sizeof(text) - 1);
    line_client_expect_close(&f->client);
    line_client_close(&f->client);
    end(f);
}

static void the_listener_may_clear_the_sandbox(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    f->clear_on_message = true;
    send_mail(&f->client, "b@x", "1");
    assert_int_equal(smtp_sandbox_count(f->sandbox), 0);
    assert_int_equal(f->n_notified, 1);
    line_client_close(&f->client);
    end(f);
}

static void clearing_forgets_deferrals(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    greet(f, &f->client);
    line_client_ask(&f->client, "MAIL FROM:<a@b>\r\n", "250 ");
    line_client_ask(&f->client, "RCPT TO:<defer+451x1@x>\r\n", "451 ");
    line_client_ask(&f->client, "RCPT TO:<defer+451x1@x>\r\n", "250 ");
    smtp_sandbox_clear(f->sandbox);
    line_client_ask(&f->client, "RCPT TO:<defer+451x1@x>\r\n", "451 ");
    line_client_close(&f->client);
    end(f);
}

static void addresses_that_cannot_be_listened_on_are_named(void **state)
{
    (void)state;
    struct fixture *f = begin_default();
    struct gw_err err;
    struct smtp_sandbox *s;
    struct smtp_sandbox_config config = smtp_sandbox_config_default();
    config.address = "0.0.0.0";
    assert_int_equal(smtp_sandbox_new(&f->loop, &config, &s, &err), GW_INVALID);
    assert_non_null(strstr(err.text, "0.0.0.0 is not a loopback address"));
    config.address = "localhost";
    assert_int_equal(smtp_sandbox_new(&f->loop, &config, &s, &err), GW_INVALID);
    config.address = "127.0.0.1";
    config.port = smtp_sandbox_port(f->sandbox);
    assert_int_equal(smtp_sandbox_new(&f->loop, &config, &s, &err), GW_IO);
    assert_non_null(strstr(err.text, "address already in use"));
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_kept_and_told_about),
        cmocka_unit_test(messages_are_newest_first_and_can_be_deleted),
        cmocka_unit_test(the_oldest_messages_give_way),
        cmocka_unit_test(memory_for_messages_is_bounded),
        cmocka_unit_test(starttls_protects_the_session),
        cmocka_unit_test(implicit_tls_greets_inside),
        cmocka_unit_test(plaintext_at_a_tls_port_is_closed),
        cmocka_unit_test(a_large_message_passes_both_ways_of_transport),
        cmocka_unit_test(slow_recipients_delay_the_final_answer),
        cmocka_unit_test(a_sandbox_closes_while_an_answer_is_delayed),
        cmocka_unit_test(drop_after_dot_closes_without_a_word),
        cmocka_unit_test(the_last_reply_arrives_though_more_input_waits),
        cmocka_unit_test(a_client_that_closes_its_side_gets_its_answers),
        cmocka_unit_test(a_client_that_vanishes_leaves_nothing),
        cmocka_unit_test(silence_ends_a_session_with_421),
        cmocka_unit_test(a_handshake_that_never_comes_is_closed),
        cmocka_unit_test(connections_beyond_the_limit_get_421),
        cmocka_unit_test(replies_wait_for_a_client_that_does_not_read),
        cmocka_unit_test(the_listener_may_close_the_sandbox),
        cmocka_unit_test(the_listener_may_clear_the_sandbox),
        cmocka_unit_test(clearing_forgets_deferrals),
        cmocka_unit_test(addresses_that_cannot_be_listened_on_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
