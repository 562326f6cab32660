/* SPDX-License-Identifier: MIT */
/* The sandbox's conversation as transcripts, each run whole and split at every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_mem.h"
#include "smtp/sandbox_session.h"

enum {
    MAX_SIZE = 1000,
    MAX_KEPT = 8,
    WHOLE = 0
};

/* A session with a driver that keeps everything. */
struct talk {
    struct smtp_sandbox_session_config config;
    struct smtp_sandbox_budget budget;
    struct smtp_sandbox_session *session;
    struct gw_buf said;
    struct smtp_sandbox_kept *kept[MAX_KEPT];
    size_t n_kept;
    int64_t delay_ms; /* sum */
    bool full, closed, dropped, wants_tls;
};

static void talk_begin(struct talk *t)
{
    t->budget.max = t->budget.max != 0 ? t->budget.max : 1 << 20;
    t->config.max_message_size = MAX_SIZE;
    t->config.budget = &t->budget;
    t->config.tries = smtp_sandbox_tries_new();
    t->session = smtp_sandbox_session_new(&t->config);
    gw_buf_init(&t->said, 1 << 20);
}

static void talk_end(struct talk *t)
{
    smtp_sandbox_session_free(&t->session);
    assert_int_equal(t->budget.used, 0);
    smtp_sandbox_tries_free(&t->config.tries);
    gw_buf_deinit(&t->said);
    for (size_t i = 0; i < t->n_kept; i++)
        smtp_sandbox_kept_free(&t->kept[i]);
}

static void note(struct talk *t, const struct smtp_sandbox_action *act)
{
    assert_int_equal(gw_buf_add_slice(&t->said, act->out), GW_OK);
    t->closed = t->closed || act->need == SMTP_SANDBOX_CLOSE || act->need == SMTP_SANDBOX_DROP;
    t->dropped = t->dropped || act->need == SMTP_SANDBOX_DROP;
    t->wants_tls = t->wants_tls || act->need == SMTP_SANDBOX_START_TLS;
}

/* Feeds @data in pieces of @piece octets until it is used up or the session stops. */
static void feed(struct talk *t, struct gw_slice data, size_t piece)
{
    size_t done = 0;
    while (done < data.len && !t->closed && !t->wants_tls) {
        size_t n = piece == WHOLE || piece > data.len - done ? data.len - done : piece;
        char *copy = gw_memdup0(data.data + done, n); /* so that ASan sees one octet too far */
        struct smtp_sandbox_action act;
        smtp_sandbox_session_step(t->session, gw_slice_of(copy, n), &act);
        assert_true(act.used <= n);
        assert_true(act.used > 0 || act.need != SMTP_SANDBOX_INPUT);
        note(t, &act);
        done += act.used;
        gw_free(copy);
        if (act.need != SMTP_SANDBOX_VERDICT)
            continue;
        t->delay_ms += act.delay_ms;
        assert_true(t->n_kept < MAX_KEPT);
        t->kept[t->n_kept++] = smtp_sandbox_session_take(t->session);
        smtp_sandbox_session_answer(t->session, t->full ? NULL : "ID", &act);
        note(t, &act);
    }
}

/* "250 2.1.0 Ok\r\n221 …" → "250,221": codes of all replies; the text must be well-formed. */
static void codes_of(const struct gw_buf *said, char *out, size_t size)
{
    const char *p = said->data;
    const char *end = said->data + said->len;
    size_t len = 0;
    out[0] = '\0';
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(lf);
        assert_true(lf - p >= 4 && lf[-1] == '\r' && (p[3] == ' ' || p[3] == '-'));
        if (p[3] == ' ')
            len += (size_t)snprintf(out + len, size - len, len > 0 ? ",%.3s" : "%.3s", p);
        assert_true(len < size);
        p = lf + 1;
    }
}

static void check_codes(const struct talk *t, const char *want)
{
    char codes[4096];
    codes_of(&t->said, codes, sizeof(codes));
    assert_string_equal(codes, want);
}

static void run(struct talk *t, const char *client, size_t piece, const char *codes)
{
    talk_begin(t);
    feed(t, gw_slice_str(client), piece);
    check_codes(t, codes);
}

static const char *said(struct talk *t)
{
    assert_int_equal(gw_buf_add_char(&t->said, '\0'), GW_OK);
    t->said.len--;
    return t->said.data;
}

#define HELLO "EHLO client.example\r\n"
#define BEGIN HELLO "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n"

/* --- Commands --- */

static void command_sequences_get_their_codes(void **state)
{
    (void)state;
    static const struct {
        const char *client, *codes;
    } cases[] = {
        {"", ""},
        {HELLO "QUIT\r\n", "250,221"},
        {"ehlo x\r\nquit\r\n", "250,221"},
        {"HELO x\r\nQUIT\r\nNOOP\r\n", "250,221"},
        {"EHLO\r\nHELO \r\nEHLO a b\r\n", "501,501,501"},
        {"NOOP\r\nNOOP anything\r\nRSET\r\nRSET x\r\nHELP\r\nVRFY a\r\nVRFY\r\nEXPN a\r\n",
         "250,250,250,501,214,252,501,500"},
        {"MAIL FROM:<a@b>\r\n", "503"},
        {HELLO "RCPT TO:<a@b>\r\nDATA\r\n", "250,503,503"},
        {HELLO "MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", "250,250,503"},
        {HELLO "MAIL FROM:<a@b>\r\nDATA\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n",
         "250,250,554,250,354,250"},
        {HELLO "MAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<c@d>\r\n", "250,250,250,503"},
        {BEGIN HELLO "DATA\r\n", "250,250,250,250,503"},
        {BEGIN "DATA now\r\n", "250,250,250,501"},
        {BEGIN "DATA\r\nhi\r\n.\r\nDATA\r\n", "250,250,250,354,250,503"},
        {"STARTTLS\r\nAUTH PLAIN\r\nBDAT 3\r\n", "502,502,502"},
        {"\r\n \r\nfoo\r\nMAILFROM:<a@b>\r\n", "500,500,500,500"},
        {HELLO "MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nRCPT TO:<>\r\n", "250,250,250,501"},
        {HELLO "MAIL\r\nMAIL TO:<a@b>\r\nMAIL FROM:a@b\r\nMAIL FROM: <a@b>\r\n",
         "250,501,501,501,250"},
        {"GET / HTTP/1.1\r\nEHLO x\r\n", "421"},
        {"POST / HTTP/1.1\r\nEHLO x\r\n", "421"},
        {"QUIT now\r\nquit  \r\n", "501,221"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = WHOLE; piece <= 3; piece++) {
            struct talk t = {.config = {.pipelining = true}};
            run(&t, cases[i].client, piece, cases[i].codes);
            talk_end(&t);
        }
    }
}

static void paths_are_taken_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path, *codes;
    } cases[] = {
        {"<a@example.org>", "250"},
        {"<a@localhost>", "250"},
        {"<\"a b\"@example.org>", "250"},
        {"<\"a>b\\\"c\"@example.org>", "250"},
        {"<@relay.example,@two.example:a@example.org>", "250"},
        {"<a@[127.0.0.1]>", "250"},
        {"<a.b+c@x-y.example>", "250"},
        {"<a>", "501"},
        {"<a@>", "501"},
        {"<@b>", "501"},
        {"<a@b", "501"},
        {"<a@b>x", "501"},
        {"<a b@c>", "501"},
        {"<a@b c>", "501"},
        {"<a@b@c>", "501"},
        {"<a@.b>", "501"},
        {"<a@b.>", "501"},
        {"<a@b..c>", "501"},
        {"<a@[]>", "501"},
        {"<<a@b>>", "501"},
        {"<\"a@b>", "501"},
        {"<\"@b>", "501"},
        {"<\"a\"b@c>", "501"},
        {"<a,b@c>", "501"},
        {"<a@b> NOTIFY=NEVER", "250"},
        {"<a@b> NOTIFY=success,DELAY ORCPT=rfc822;a+2Bc@b", "250"},
        {"<a@b> NOTIFY=NEVER,DELAY", "501"},
        {"<a@b> NOTIFY=", "501"},
        {"<a@b> NOTIFY", "501"},
        {"<a@b> NOTIFY=DELAY,", "501"},
        {"<a@b> ORCPT=a@b", "501"},
        {"<a@b> ORCPT=rfc822;a+zz@b", "501"},
        {"<a@b> ORCPT=rfc822;a=b@b", "501"},
        {"<a@b> FOO=1", "555"},
        {"<\xc3\xbc@example.org>", "553"},
        {"<\xff@example.org>", "501"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char client[512];
        char codes[64];
        (void)snprintf(client, sizeof(client), HELLO "MAIL FROM:<>\r\nRCPT TO:%s\r\n",
                       cases[i].path);
        (void)snprintf(codes, sizeof(codes), "250,250,%s", cases[i].codes);
        struct talk t = {.dropped = false};
        run(&t, client, WHOLE, codes);
        talk_end(&t);
    }
}

static void address_limits_hold_on_both_sides(void **state)
{
    (void)state;
    for (int over = 0; over <= 1; over++) {
        char client[1024];
        struct talk t = {.dropped = false};
        (void)snprintf(client, sizeof(client), HELLO "MAIL FROM:<%.*s@x>\r\n",
                       SMTP_SANDBOX_MAX_LOCAL + over,
                       "0123456789012345678901234567890123456789012345678901234567890123456789");
        run(&t, client, WHOLE, over ? "250,501" : "250,250");
        talk_end(&t);
        char domain[400];
        memset(domain, 'd', sizeof(domain));
        t = (struct talk){.dropped = false};
        (void)snprintf(client, sizeof(client), HELLO "MAIL FROM:<a@%.*s>\r\n",
                       SMTP_SANDBOX_MAX_PATH - 2 + over, domain);
        run(&t, client, WHOLE, over ? "250,501" : "250,250");
        talk_end(&t);
    }
}

static void mail_parameters_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *params, *codes;
    } cases[] = {
        {" SIZE=1000 BODY=8BITMIME SMTPUTF8", "250"},
        {" size=0 body=7bit", "250"},
        {" SIZE=1001", "552"},
        {" SIZE=99999999999999999999", "552"},
        {" SIZE=999999999999999999999", "501"},
        {" SIZE=", "501"},
        {" SIZE", "501"},
        {" SIZE=-1", "501"},
        {" BODY=BINARYMIME", "501"},
        {" BODY", "501"},
        {" SMTPUTF8=yes", "501"},
        {" SMTPUTF8=", "501"},
        {" SIZE=1 SIZE=1", "501"},
        {" RET=HDRS ENVID=a+2Bb", "250"},
        {" RET=SOME", "501"},
        {" RET", "501"},
        {" ENVID=", "501"},
        {" ENVID=a=b", "501"},
        {" ENVID=a+4", "501"},
        {" REQUIRETLS", "555"},
        {" FOO", "555"},
        {" AUTH=<>", "555"},
        {"   SIZE=1   ", "250"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char client[512];
        char codes[64];
        (void)snprintf(client, sizeof(client), HELLO "MAIL FROM:<a@b>%s\r\n", cases[i].params);
        (void)snprintf(codes, sizeof(codes), "250,%s", cases[i].codes);
        struct talk t = {.dropped = false};
        run(&t, client, WHOLE, codes);
        talk_end(&t);
    }
}

static void utf8_addresses_need_smtputf8(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    run(&t,
        HELLO "MAIL FROM:<\xc3\xbc@x>\r\nMAIL FROM:<\xc3\xbc@x> SMTPUTF8\r\n"
              "RCPT TO:<\xc3\xa4@y>\r\nDATA\r\n.\r\n",
        WHOLE, "250,550,250,250,354,250");
    assert_string_equal(t.kept[0]->message.mail_from, "\xc3\xbc@x");
    assert_string_equal(t.kept[0]->message.rcpts[0], "\xc3\xa4@y");
    talk_end(&t);
}

static void ehlo_offers_what_is_configured(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    run(&t, HELLO, WHOLE, "250");
    assert_null(strstr(said(&t), "PIPELINING"));
    assert_null(strstr(said(&t), "CHUNKING"));
    assert_null(strstr(said(&t), "STARTTLS"));
    assert_null(strstr(said(&t), "AUTH"));
    assert_non_null(strstr(said(&t), "250-SIZE 1000\r\n"));
    talk_end(&t);
    t = (struct talk){.config = {.pipelining = true,
                                 .chunking = true,
                                 .starttls = true,
                                 .username = "u",
                                 .password = "p"}};
    run(&t, HELLO, WHOLE, "250");
    assert_non_null(strstr(said(&t), "250-PIPELINING\r\n"));
    assert_non_null(strstr(said(&t), "250-CHUNKING\r\n"));
    assert_non_null(strstr(said(&t), "250-STARTTLS\r\n"));
    assert_null(strstr(said(&t), "AUTH")); /* not before TLS */
    smtp_sandbox_session_tls_done(t.session, "TLSv1.3");
    gw_buf_reset(&t.said);
    feed(&t, gw_slice_str("MAIL FROM:<a@b>\r\n" HELLO), WHOLE);
    check_codes(&t, "503,250");
    assert_non_null(strstr(said(&t), "250-AUTH PLAIN LOGIN\r\n"));
    assert_null(strstr(said(&t), "STARTTLS"));
    talk_end(&t);
}

static void line_length_limit_holds_on_both_sides(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        for (size_t piece = WHOLE; piece <= 7; piece += 7) {
            char client[SMTP_SANDBOX_MAX_LINE + 100];
            size_t n = SMTP_SANDBOX_MAX_LINE + over;
            memset(client, 'x', n);
            memcpy(client, "NOOP ", sizeof("NOOP ") - 1); /* NOLINT: more follows */
            (void)snprintf(client + n, sizeof(client) - n, "\r\nNOOP\r\n");
            struct talk t = {.dropped = false};
            run(&t, client, piece, over != 0 ? "500,250" : "250,250");
            talk_end(&t);
        }
    }
}

static void an_endless_line_takes_no_memory(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    talk_begin(&t);
    char block[4096];
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 1000; i++)
        feed(&t, gw_slice_of(block, sizeof(block)), WHOLE);
    assert_int_equal(t.said.len, 0);
    feed(&t, gw_slice_str("\r\nNOOP\r\n"), WHOLE);
    check_codes(&t, "500,250");
    talk_end(&t);
}

static void bad_line_ends_and_control_characters_are_refused(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    talk_begin(&t);
    feed(&t, GW_SLICE_LIT("NOOP\nNOOP\r\r\nNO\rOP\r\nNOOP\0\r\nNOOP\t\r\nNOOP \x1b\r\n\n\r\n"),
         WHOLE);
    check_codes(&t, "500,500,500,500,500,500,500,500");
    talk_end(&t);
}

static void too_many_errors_end_the_session(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    talk_begin(&t);
    for (int i = 0; i < SMTP_SANDBOX_MAX_ERRORS - 1; i++)
        feed(&t, GW_SLICE_LIT("FOO\r\n"), WHOLE);
    assert_false(t.closed);
    gw_buf_reset(&t.said);
    feed(&t, GW_SLICE_LIT("FOO\r\nNOOP\r\n"), WHOLE);
    assert_true(t.closed);
    check_codes(&t, "500,421");
    talk_end(&t);
}

static void a_flood_of_commands_is_answered_in_portions(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    talk_begin(&t);
    char flood[30000 + 1];
    for (size_t i = 0; i < 30000; i += 6)
        memcpy(flood + i, "NOOP\r\n", 7);
    struct smtp_sandbox_action act;
    smtp_sandbox_session_step(t.session, gw_slice_of(flood, sizeof(flood) - 1), &act);
    assert_true(act.used < sizeof(flood) - 1);
    assert_true(act.out.len < 16384);
    talk_end(&t);
}

/* --- Content --- */

static void content_is_kept_octet_for_octet(void **state)
{
    (void)state;
    static const struct {
        const char *wire, *content;
    } cases[] = {
        {".\r\n", ""},
        {"hi\r\n.\r\n", "hi\r\n"},
        {"\r\n.\r\n", "\r\n"},
        {"..\r\n.\r\n", ".\r\n"},
        {"..x\r\n...\r\nx.\r\n.\r\n", ".x\r\n..\r\nx.\r\n"},
        {".x\r\n.\r\n", "x\r\n"},
        {"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n"},
        {"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"},
        {"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n"},
        {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n"},
        {"a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n"},
        {"a\r.\rb\r\n.\r\n", "a\r.\rb\r\n"},
        {"a\r\r\n.\r\n", "a\r\r\n"},
        {"a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n"},
        {"a\r\n\r.\r\n\n.\r\n.\r\n", "a\r\n\r.\r\n\n.\r\n"},
        {"\n.\r\n\r\n.\r\n", "\n.\r\n\r\n"},
        {"\xff\x01\x7f\r\n.\r\n", "\xff\x01\x7f\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = WHOLE; piece <= 5; piece++) {
            char client[512];
            (void)snprintf(client, sizeof(client), BEGIN "DATA\r\n%sQUIT\r\n", cases[i].wire);
            struct talk t = {.dropped = false};
            run(&t, client, piece, "250,250,250,354,250,221");
            assert_int_equal(t.n_kept, 1);
            assert_string_equal(t.kept[0]->content, cases[i].content);
            assert_int_equal(t.kept[0]->message.content.len, strlen(cases[i].content));
            talk_end(&t);
        }
    }
}

static void envelope_is_kept_as_given(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    run(&t,
        HELLO "MAIL FROM:<A+b@Example.COM>\r\nRCPT TO:<One@x>\r\nRCPT TO:<no>\r\n"
              "RCPT TO:<two@y>\r\nDATA\r\nhi\r\n.\r\n"
              "MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n",
        WHOLE, "250,250,250,501,250,354,250,250,250,354,250");
    assert_int_equal(t.n_kept, 2);
    const struct smtp_sandbox_message *m = &t.kept[0]->message;
    assert_string_equal(m->mail_from, "A+b@Example.COM");
    assert_int_equal(m->n_rcpts, 2);
    assert_string_equal(m->rcpts[0], "One@x");
    assert_string_equal(m->rcpts[1], "two@y");
    assert_null(m->tls);
    assert_false(m->authenticated);
    assert_string_equal(t.kept[1]->message.mail_from, "");
    assert_non_null(strstr(said(&t), "250 2.0.0 Ok: kept as ID\r\n"));
    talk_end(&t);
}

static void message_size_limit_holds_on_both_sides(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        for (size_t piece = WHOLE; piece <= 11; piece += 11) {
            char client[MAX_SIZE + 300];
            size_t n = (size_t)snprintf(client, sizeof(client), BEGIN "DATA\r\n");
            memset(client + n, 'x', MAX_SIZE - 2 + over);
            (void)snprintf(client + n + MAX_SIZE - 2 + over, 100, "\r\n.\r\nNOOP\r\n");
            struct talk t = {.dropped = false};
            run(&t, client, piece,
                over != 0 ? "250,250,250,354,552,250" : "250,250,250,354,250,250");
            assert_int_equal(t.n_kept, over != 0 ? 0 : 1);
            talk_end(&t);
        }
    }
}

static void an_endless_message_ends_the_session(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    run(&t, BEGIN "DATA\r\n", WHOLE, "250,250,250,354");
    char block[100];
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < MAX_SIZE / 50 && !t.closed; i++)
        feed(&t, gw_slice_of(block, sizeof(block)), WHOLE);
    assert_false(t.closed);
    feed(&t, gw_slice_of(block, sizeof(block)), WHOLE);
    feed(&t, gw_slice_of(block, sizeof(block)), WHOLE);
    assert_true(t.closed);
    check_codes(&t, "250,250,250,354,552");
    talk_end(&t);
}

static void messages_beyond_the_shared_budget_get_452(void **state)
{
    (void)state;
    char client[MAX_SIZE + 300];
    size_t n = (size_t)snprintf(client, sizeof(client), BEGIN "DATA\r\n");
    memset(client + n, 'x', 900);
    (void)snprintf(client + n + 900, 100, "\r\n.\r\nNOOP\r\n");
    struct talk t = {.budget = {.max = 600}};
    run(&t, client, 50, "250,250,250,354,452,250");
    assert_int_equal(t.n_kept, 0);
    talk_end(&t);
}

static void a_full_store_gives_452(void **state)
{
    (void)state;
    struct talk t = {.full = true};
    run(&t, BEGIN "DATA\r\n.\r\nNOOP\r\n", WHOLE, "250,250,250,354,452,250");
    talk_end(&t);
}

static void too_many_recipients_get_452(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    run(&t, HELLO "MAIL FROM:<a@b>\r\n", WHOLE, "250,250");
    for (int i = 0; i < SMTP_SANDBOX_MAX_RCPTS; i++)
        feed(&t, GW_SLICE_LIT("RCPT TO:<c@d>\r\n"), WHOLE);
    assert_null(strstr(said(&t), "452"));
    feed(&t, GW_SLICE_LIT("RCPT TO:<c@d>\r\nDATA\r\n.\r\n"), WHOLE);
    assert_non_null(strstr(said(&t), "452 4.5.3"));
    assert_int_equal(t.kept[0]->message.n_rcpts, SMTP_SANDBOX_MAX_RCPTS);
    talk_end(&t);
}

/* --- BDAT --- */

static void chunks_are_taken_as_they_are(void **state)
{
    (void)state;
    for (size_t piece = WHOLE; piece <= 4; piece++) {
        struct talk t = {.config = {.chunking = true}};
        run(&t, BEGIN "BDAT 5\r\nab\r\n.BDAT 0\r\nBDAT 4 last\r\n\r\n.\nQUIT\r\n", piece,
            "250,250,250,250,250,250,221");
        assert_int_equal(t.n_kept, 1);
        assert_string_equal(t.kept[0]->content, "ab\r\n.\r\n.\n");
        talk_end(&t);
    }
}

static void chunk_sequences_get_their_codes(void **state)
{
    (void)state;
    static const struct {
        const char *client, *codes;
    } cases[] = {
        {BEGIN "BDAT 0 LAST\r\n", "250,250,250,250"},
        {"BDAT 6\r\nQUIT\r\nNOOP\r\n", "503,250"},
        {HELLO "MAIL FROM:<a@b>\r\nBDAT 4 LAST\r\n1234RCPT TO:<c@d>\r\n", "250,250,554,250"},
        {BEGIN "BDAT 1\r\nxDATA\r\nRCPT TO:<c@d>\r\nRSET\r\nDATA\r\n",
         "250,250,250,250,503,503,250,503"},
        {BEGIN "BDAT\r\nNOOP\r\n", "250,250,250,501"},
        {BEGIN "BDAT x\r\n", "250,250,250,501"},
        {BEGIN "BDAT 1 FIRST\r\n", "250,250,250,501"},
        {BEGIN "BDAT 99999999999999999999 LAST\r\n", "250,250,250,501"},
        {BEGIN "BDAT 2001\r\n", "250,250,250,552"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = WHOLE; piece <= 3; piece++) {
            struct talk t = {.config = {.chunking = true}};
            run(&t, cases[i].client, piece, cases[i].codes);
            talk_end(&t);
        }
    }
}

static void chunks_over_the_limit_are_refused_at_the_last(void **state)
{
    (void)state;
    char client[2 * MAX_SIZE];
    size_t n = (size_t)snprintf(client, sizeof(client), BEGIN "BDAT 999\r\n");
    memset(client + n, 'x', 999);
    (void)snprintf(client + n + 999, 100, "BDAT 2 LAST\r\nyzNOOP\r\n");
    struct talk t = {.config = {.chunking = true}};
    run(&t, client, WHOLE, "250,250,250,250,552,250");
    assert_int_equal(t.n_kept, 0);
    talk_end(&t);
}

/* --- STARTTLS and AUTH --- */

static void starttls_starts_anew(void **state)
{
    (void)state;
    struct talk t = {.config = {.starttls = true}};
    run(&t, BEGIN "STARTTLS x\r\nSTARTTLS\r\n", WHOLE, "250,250,250,501,220");
    assert_true(t.wants_tls);
    smtp_sandbox_session_tls_done(t.session, "TLSv1.3");
    t.wants_tls = false;
    gw_buf_reset(&t.said);
    feed(&t, GW_SLICE_LIT("DATA\r\nSTARTTLS\r\n" BEGIN "DATA\r\n.\r\n"), WHOLE);
    check_codes(&t, "503,503,250,250,250,354,250");
    assert_string_equal(t.kept[0]->message.tls, "TLSv1.3");
    talk_end(&t);
}

static void plaintext_behind_starttls_ends_the_session(void **state)
{
    (void)state;
    struct talk t = {.config = {.starttls = true}};
    run(&t, HELLO "STARTTLS\r\nM", WHOLE, "250,554");
    assert_true(t.closed);
    assert_false(t.wants_tls);
    talk_end(&t);
}

static void auth_sequences_get_their_codes(void **state)
{
    (void)state;
    /* "\0user\0pass", "id\0user\0pass", "\0user\0wrong", "\0user\0passx", "user", "pass" */
    static const struct {
        const char *client, *codes;
        bool authenticated;
    } cases[] = {
        {"AUTH PLAIN AHVzZXIAcGFzcw==\r\n", "235", true},
        {"auth plain aWQAdXNlcgBwYXNz\r\n", "235", true},
        {"AUTH PLAIN\r\nAHVzZXIAcGFzcw==\r\nAUTH PLAIN\r\n", "334,235,503", true},
        {"AUTH PLAIN AHVzZXIAd3Jvbmc=\r\n", "535", false},
        {"AUTH PLAIN AHVzZXIAcGFzc3g=\r\n", "535", false},
        {"AUTH PLAIN dXNlcg==\r\n", "501", false},
        {"AUTH PLAIN =\r\n", "501", false},
        {"AUTH PLAIN !!\r\nNOOP\r\n", "501,250", false},
        {"AUTH PLAIN\r\n*\r\nNOOP\r\n", "334,501,250", false},
        {"AUTH PLAIN\r\nNO\nNOOP\r\n", "334,500,250", false},
        {"AUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\n", "334,334,235", true},
        {"AUTH LOGIN dXNlcg==\r\ncGFzcw==\r\n", "334,235", true},
        {"AUTH LOGIN\r\ndXNlcg==\r\nd3Jvbmc=\r\n", "334,334,535", false},
        {"AUTH LOGIN\r\ncGFzcw==\r\ndXNlcg==\r\n", "334,334,535", false},
        {"AUTH LOGIN\r\n*\r\n", "334,501", false},
        {"AUTH LOGIN\r\ndXNlcg==\r\n*\r\nNOOP\r\n", "334,334,501,250", false},
        {"AUTH CRAM-MD5\r\nAUTH\r\n", "504,501", false},
        {"MAIL FROM:<a@b> AUTH=<>\r\nAUTH PLAIN\r\n", "250,503", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = WHOLE; piece <= 3; piece++) {
            struct talk t = {.config = {.username = "user", .password = "pass"}};
            run(&t, "AUTH PLAIN\r\n" HELLO, WHOLE, "503,250");
            gw_buf_reset(&t.said);
            feed(&t, gw_slice_str(cases[i].client), piece);
            check_codes(&t, cases[i].codes);
            feed(&t, gw_slice_str("RSET\r\n" BEGIN "DATA\r\n.\r\n"), piece);
            assert_int_equal(t.n_kept, 1);
            assert_int_equal(t.kept[0]->message.authenticated, cases[i].authenticated);
            talk_end(&t);
        }
    }
}

static void auth_waits_for_tls_when_there_is_tls(void **state)
{
    (void)state;
    struct talk t = {.config = {.starttls = true, .username = "user", .password = "pass"}};
    run(&t, HELLO "AUTH PLAIN AHVzZXIAcGFzcw==\r\n", WHOLE, "250,538");
    smtp_sandbox_session_tls_done(t.session, "TLSv1.3");
    feed(&t, GW_SLICE_LIT(HELLO "AUTH PLAIN AHVzZXIAcGFzcw==\r\n"), WHOLE);
    check_codes(&t, "250,538,250,235");
    talk_end(&t);
}

/* --- Simulator recipients --- */

static void simulators_answer_each_recipient_its_own(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    run(&t,
        HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<ann@x>\r\nRCPT TO:<reject+550@x>\r\n"
              "RCPT TO:<defer+451@x>\r\nRCPT TO:<slow+2s@x>\r\nRCPT TO:<slow+500ms@x>\r\n"
              "RCPT TO:<reject+5@x>\r\nDATA\r\n.\r\n",
        WHOLE, "250,250,250,550,451,250,250,553,354,250");
    assert_int_equal(t.delay_ms, 2000);
    assert_int_equal(t.kept[0]->message.n_rcpts, 3);
    assert_non_null(
        strstr(said(&t), "550 5.1.1 <reject+550@x>: Recipient address rejected (sandbox)\r\n"));
    assert_non_null(strstr(said(&t), "451 4.3.0 <defer+451@x>: "));
    talk_end(&t);
}

static void a_deferred_recipient_is_taken_after_its_count(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    run(&t,
        HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<defer+451x2@x>\r\nDATA\r\nRSET\r\n"
              "MAIL FROM:<a@b>\r\nRCPT TO:<defer+451x2@x>\r\nRSET\r\n"
              "MAIL FROM:<other@b>\r\nRCPT TO:<defer+451x2@x>\r\nRSET\r\n"
              "MAIL FROM:<a@b>\r\nRCPT TO:<defer+451x2@x>\r\nDATA\r\n.\r\n",
        WHOLE, "250,250,451,554,250,250,451,250,250,451,250,250,250,354,250");
    assert_int_equal(t.n_kept, 1);
    talk_end(&t);
}

static void busy_ends_the_session_with_421(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    run(&t, HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<busy+421@x>\r\nRCPT TO:<c@d>\r\nDATA\r\n", WHOLE,
        "250,250,421");
    assert_true(t.closed);
    assert_false(t.dropped);
    talk_end(&t);
}

static void drop_after_dot_says_and_keeps_nothing(void **state)
{
    (void)state;
    static const char *const bodies[] = {"DATA\r\nhi\r\n.\r\n", "BDAT 2 LAST\r\nhi"};
    for (size_t i = 0; i < 2; i++) {
        char client[512];
        (void)snprintf(client, sizeof(client), BEGIN "RCPT TO:<drop-after-dot@x>\r\n%s", bodies[i]);
        struct talk t = {.config = {.chunking = true}};
        run(&t, client, WHOLE, i == 0 ? "250,250,250,250,354" : "250,250,250,250");
        assert_true(t.dropped);
        assert_int_equal(t.n_kept, 0);
        talk_end(&t);
    }
}

static void a_silent_client_gets_421(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    struct smtp_sandbox_action act;
    run(&t, BEGIN "DATA\r\nhal", WHOLE, "250,250,250,354");
    smtp_sandbox_session_timeout(t.session, &act);
    note(&t, &act);
    assert_true(t.closed);
    check_codes(&t, "250,250,250,354,421");
    talk_end(&t);
}

static void only_complete_commands_and_content_are_progress(void **state)
{
    (void)state;
    struct talk t = {.dropped = false};
    struct smtp_sandbox_action act;
    talk_begin(&t);
    smtp_sandbox_session_step(t.session, GW_SLICE_LIT("NOO"), &act);
    assert_false(act.progress);
    smtp_sandbox_session_step(t.session, GW_SLICE_LIT("P\r\n"), &act);
    assert_true(act.progress);
    feed(&t, GW_SLICE_LIT(BEGIN "DATA\r\n"), WHOLE);
    smtp_sandbox_session_step(t.session, GW_SLICE_LIT("x"), &act);
    assert_true(act.progress);
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_sequences_get_their_codes),
        cmocka_unit_test(paths_are_taken_or_refused),
        cmocka_unit_test(address_limits_hold_on_both_sides),
        cmocka_unit_test(mail_parameters_are_checked),
        cmocka_unit_test(utf8_addresses_need_smtputf8),
        cmocka_unit_test(ehlo_offers_what_is_configured),
        cmocka_unit_test(line_length_limit_holds_on_both_sides),
        cmocka_unit_test(an_endless_line_takes_no_memory),
        cmocka_unit_test(bad_line_ends_and_control_characters_are_refused),
        cmocka_unit_test(too_many_errors_end_the_session),
        cmocka_unit_test(a_flood_of_commands_is_answered_in_portions),
        cmocka_unit_test(content_is_kept_octet_for_octet),
        cmocka_unit_test(envelope_is_kept_as_given),
        cmocka_unit_test(message_size_limit_holds_on_both_sides),
        cmocka_unit_test(an_endless_message_ends_the_session),
        cmocka_unit_test(messages_beyond_the_shared_budget_get_452),
        cmocka_unit_test(a_full_store_gives_452),
        cmocka_unit_test(too_many_recipients_get_452),
        cmocka_unit_test(chunks_are_taken_as_they_are),
        cmocka_unit_test(chunk_sequences_get_their_codes),
        cmocka_unit_test(chunks_over_the_limit_are_refused_at_the_last),
        cmocka_unit_test(starttls_starts_anew),
        cmocka_unit_test(plaintext_behind_starttls_ends_the_session),
        cmocka_unit_test(auth_sequences_get_their_codes),
        cmocka_unit_test(auth_waits_for_tls_when_there_is_tls),
        cmocka_unit_test(simulators_answer_each_recipient_its_own),
        cmocka_unit_test(a_deferred_recipient_is_taken_after_its_count),
        cmocka_unit_test(busy_ends_the_session_with_421),
        cmocka_unit_test(drop_after_dot_says_and_keeps_nothing),
        cmocka_unit_test(a_silent_client_gets_421),
        cmocka_unit_test(only_complete_commands_and_content_are_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
