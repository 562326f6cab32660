/* SPDX-License-Identifier: MIT */
/* A relay tried out: what was said, what is masked, what is wrong and what would work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_mem.h"
#include "smtp/check.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"

enum {
    TEXT = 64 * 1024
};

/* What is looked at after the check is gone. */
struct seen {
    bool done;
    int n_done;
    bool ok, has_certificate, has_capabilities;
    enum smtp_stage stage;
    enum smtp_reason reason;
    size_t n_lines, n_dropped;
    char detail[SMTP_DETAIL_SIZE], advice[SMTP_CHECK_ADVICE_SIZE], pin[64], capabilities[512];
    char transcript[TEXT];
};

static void on_done(const struct smtp_check_result *r, void *data)
{
    struct seen *s = data;
    s->done = true;
    s->n_done++;
    s->ok = r->ok;
    s->stage = r->stage;
    s->reason = r->reason;
    s->n_lines = r->n_lines;
    s->n_dropped = r->n_dropped;
    s->has_certificate = r->has_certificate;
    s->has_capabilities = r->has_capabilities;
    (void)snprintf(s->detail, sizeof(s->detail), "%s", r->detail);
    (void)snprintf(s->advice, sizeof(s->advice), "%s", r->advice);
    (void)snprintf(s->pin, sizeof(s->pin), "%s", r->certificate.pin);
    if (r->has_capabilities)
        smtp_check_capabilities_text(&r->capabilities, s->capabilities, sizeof(s->capabilities));
    size_t at = 0;
    for (size_t i = 0; i < r->n_lines && at < TEXT; i++)
        at += (size_t)snprintf(s->transcript + at, TEXT - at, "%c %s\n", "*><"[r->lines[i].speaker],
                               r -> lines[i].text);
}

static struct seen *check(const struct test_server_config *server, struct smtp_relay_config config,
                          bool cancel)
{
    uv_loop_t loop;
    struct seen *s = gw_calloc(1, sizeof(*s));
    struct smtp_check *running;
    struct gw_err err = {.text = ""};
    struct test_server *srv = server != NULL ? test_server_new(server) : NULL;
    char *ca = test_write_temp(test_ca_root());
    assert_int_equal(uv_loop_init(&loop), 0);
    if (srv != NULL)
        config.port = test_server_port(srv);
    if (config.ca_file == NULL)
        config.ca_file = ca;
    assert_int_equal(smtp_check_start(&loop, &config, on_done, s, &running, &err), GW_OK);
    assert_false(s->done);
    if (cancel)
        smtp_check_cancel(running);
    test_loop_until(&loop, &s->done);
    assert_int_equal(s->n_done, 1);
    test_loop_end(&loop);
    if (srv != NULL)
        test_server_free(srv);
    test_remove_temp(ca);
    return s;
}

static struct smtp_relay_config implicit(void)
{
    struct smtp_relay_config c = test_relay_config();
    c.tls_mode = SMTP_TLS_IMPLICIT;
    c.tls_probe_ms = 200;
    return c;
}

#define AUTH_EHLO "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250-SIZE 1000\nS: 250 AUTH PLAIN CRAM-MD5\n"

static void all_that_was_said_is_shown_but_no_secret(void **state)
{
    (void)state;
    const struct test_server_config server = {
        .scripts = {"TLS\n" AUTH_EHLO "C: AUTH PLAIN AG1lAGh1bnRlcjI=\nS: 235 2.7.0 welcome\n"
                    "C: NOOP\nS: 250 ok\nC: QUIT\nS: 221 bye"},
        .cert = {.san = "IP:127.0.0.1"}};
    struct smtp_relay_config config = implicit();
    config.username = "me";
    config.password = "hunter2";
    struct seen *s = check(&server, config, false);
    assert_true(s->ok);
    assert_string_equal(s->advice, "");
    assert_string_equal(s->capabilities, "SIZE 1000, AUTH PLAIN CRAM-MD5");
    assert_true(s->has_certificate);
    static const char hello[] = "< 220 hi\n> EHLO client.test\n< 250-me\n< 250-SIZE 1000\n";
    static const char rest[] = "> AUTH PLAIN ********\n< 235 2.7.0 welcome\n> NOOP\n< 250 ok\n"
                               "> QUIT\n< 221 bye\n";
    static const char *const parts[] = {"* connected to 127.0.0.1:", "* TLSv1.3, ",
                                        "* certificate of 127.0.0.1, from /CN=Test Root, valid ",
                                        hello, rest};
    const char *at = s->transcript;
    for (size_t i = 0; at != NULL && i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = strstr(at, parts[i]);
        if (at == NULL)
            fail_msg("no \"%s\" in\n%s", parts[i], s->transcript);
    }
    assert_null(strstr(s->transcript, "hunter2"));
    assert_null(strstr(s->transcript, "AG1lAGh1bnRlcjI"));
    gw_free(s);
}

static void relay_that_repeats_the_password_does_not_get_it_shown(void **state)
{
    (void)state;
    static const char *const echoes[] = {"S: 535 5.7.8 wrong: hunter2\nHANG",
                                         "S: 535 5.7.8 got AG1lAGh1bnRlcjI=\nHANG"};
    for (size_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++) {
        char script[512];
        (void)snprintf(script, sizeof(script), "TLS\n" AUTH_EHLO "C: AUTH\n%s", echoes[i]);
        const struct test_server_config server = {.scripts = {script},
                                                  .cert = {.san = "IP:127.0.0.1"}};
        struct smtp_relay_config config = implicit();
        config.username = "me";
        config.password = "hunter2";
        struct seen *s = check(&server, config, false);
        assert_false(s->ok);
        assert_int_equal(s->reason, SMTP_REASON_AUTH_FAILED);
        assert_null(strstr(s->transcript, "hunter2"));
        assert_null(strstr(s->transcript, "AG1lAGh1bnRlcjI"));
        assert_null(strstr(s->detail, "hunter2"));
        assert_non_null(strstr(s->advice, "username and password"));
        gw_free(s);
    }
}

static const struct mistake {
    const char *script;
    struct test_cert_spec cert;
    enum smtp_tls_mode mode;
    bool auth;
    enum smtp_reason reason;
    const char *advice;
} mistakes[] = {
    {"TLS\nHANG",
     {.san = "IP:127.0.0.1", .self_signed = true},
     SMTP_TLS_IMPLICIT,
     false,
     SMTP_REASON_TLS_CERT_UNTRUSTED,
     "tls.pins: [\"sha256/"},
    {"TLS\nHANG",
     {.san = "DNS:mail.example.test,DNS:b.test"},
     SMTP_TLS_IMPLICIT,
     false,
     SMTP_REASON_TLS_CERT_NAME,
     "tls.server_name: mail.example.test"},
    {"TLS\nHANG",
     {.san = "IP:127.0.0.1", .from_day = -9, .to_day = -2},
     SMTP_TLS_IMPLICIT,
     false,
     SMTP_REASON_TLS_CERT_EXPIRED,
     "renew its certificate"},
    {"S: 220 hi\nHANG",
     {.san = NULL},
     SMTP_TLS_IMPLICIT,
     false,
     SMTP_REASON_WRONG_TLS_MODE,
     "use smtp://127.0.0.1:"},
    {"S: HTTP/1.1 400 Bad Request\nHANG",
     {.san = NULL},
     SMTP_TLS_IMPLICIT,
     false,
     SMTP_REASON_TLS_ERROR,
     "is it the right port? Relays take mail at smtp://127.0.0.1:587"},
    {"TLS\nHANG",
     {.san = "IP:127.0.0.1"},
     SMTP_TLS_REQUIRED,
     false,
     SMTP_REASON_WRONG_TLS_MODE,
     "use smtps://127.0.0.1:"},
    {"S: 220 hi\nC: EHLO\nS: 250 me\nHANG",
     {.san = NULL},
     SMTP_TLS_REQUIRED,
     false,
     SMTP_REASON_TLS_REQUIRED_MISSING,
     "?tls=none"},
    {"TLS\nS: 220 hi\nC: EHLO\nS: 250-me\nS: 250 AUTH CRAM-MD5\nHANG",
     {.san = "IP:127.0.0.1"},
     SMTP_TLS_IMPLICIT,
     true,
     SMTP_REASON_AUTH_UNAVAILABLE,
     "set auth: [cram-md5]"},
    {"S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 STARTTLS\nHANG",
     {.san = NULL},
     SMTP_TLS_NONE,
     true,
     SMTP_REASON_AUTH_UNAVAILABLE,
     "leave ?tls=none out: use smtp://127.0.0.1:"},
    {"TLS\nS: 220 hi\nC: EHLO\nS: 250 me\nHANG",
     {.san = "IP:127.0.0.1"},
     SMTP_TLS_IMPLICIT,
     true,
     SMTP_REASON_AUTH_UNAVAILABLE,
     "smtp://127.0.0.1:587"},
};

static void each_mistake_has_its_reason_and_what_would_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        const struct test_server_config server = {.scripts = {mistakes[i].script},
                                                  .cert = mistakes[i].cert};
        struct smtp_relay_config config = implicit();
        config.tls_mode = mistakes[i].mode;
        config.username = mistakes[i].auth ? "me" : NULL;
        config.password = mistakes[i].auth ? "hunter2" : NULL;
        struct seen *s = check(&server, config, false);
        if (s->ok || s->reason != mistakes[i].reason ||
            strstr(s->advice, mistakes[i].advice) == NULL)
            fail_msg("row %zu: %s, try \"%s\"\n%s", i, smtp_reason_name(s->reason), s->advice,
                     s->transcript);
        assert_null(strstr(s->transcript, "hunter2"));
        gw_free(s);
    }
}

static void missing_credentials_are_named_where_auth_is_offered(void **state)
{
    (void)state;
    for (int offers = 0; offers < 2; offers++) {
        char script[512];
        (void)snprintf(script, sizeof(script), "TLS\n%s%s",
                       offers != 0 ? AUTH_EHLO : "S: 220 hi\nC: EHLO\nS: 250 me\n",
                       "C: NOOP\nS: 250 ok\nC: QUIT\nS: 221 bye");
        const struct test_server_config server = {.scripts = {script},
                                                  .cert = {.san = "IP:127.0.0.1"}};
        struct seen *s = check(&server, implicit(), false);
        assert_true(s->ok);
        assert_int_equal(strstr(s->advice, "no credentials are configured") != NULL, offers != 0);
        gw_free(s);
    }
}

static void long_transcripts_are_cut(void **state)
{
    (void)state;
    static char script[16 * 1024];
    size_t at = 0;
    for (int i = 0; i < 120; i++)
        at += (size_t)snprintf(script + at, sizeof(script) - at, "S: 220-%d\n", i);
    at += (size_t)snprintf(script + at, sizeof(script) - at, "S: 220 end\nC: EHLO\n");
    for (int i = 0; i < 120; i++)
        at += (size_t)snprintf(script + at, sizeof(script) - at, "S: 250-x%d\n", i);
    (void)snprintf(script + at, sizeof(script) - at,
                   "S: 250 end\nC: NOOP\nS: 250 ok\nC: QUIT\nS: 221 bye");
    const struct test_server_config talkative = {.scripts = {script}};
    struct seen *s = check(&talkative, test_relay_config(), false);
    assert_true(s->ok);
    assert_int_equal(s->n_lines, SMTP_CHECK_MAX_LINES);
    assert_int_equal(s->n_lines + s->n_dropped, 1 + 121 + 1 + 121 + 4);
    gw_free(s);
}

static void canceled_check_ends_and_says_so(void **state)
{
    (void)state;
    const struct test_server_config server = {.scripts = {"HANG"}};
    struct seen *s = check(&server, test_relay_config(), true);
    assert_false(s->ok);
    assert_int_equal(s->reason, SMTP_REASON_SHUTDOWN);
    gw_free(s);
}

/* Whoever called it off may not know yet that it is nearly over: its connection is gone before the
 * check is. */
static void check_may_be_canceled_at_any_time(void **state)
{
    (void)state;
    const struct test_server_config server = {.scripts = {"S: 554 no"}};
    struct test_server *srv = test_server_new(&server);
    struct smtp_relay_config config = test_relay_config();
    config.port = test_server_port(srv);
    for (int turns = 0;; turns++) { /* of the loop, before it is canceled in each that follows */
        uv_loop_t loop;
        struct smtp_check *running;
        struct gw_err err = {.text = ""};
        struct seen *s = gw_calloc(1, sizeof(*s));
        assert_int_equal(uv_loop_init(&loop), 0);
        assert_int_equal(smtp_check_start(&loop, &config, on_done, s, &running, &err), GW_OK);
        for (int i = 0; i < turns && !s->done; i++)
            (void)uv_run(&loop, UV_RUN_ONCE);
        bool over = s->done;
        while (!s->done) {
            smtp_check_cancel(running);
            (void)uv_run(&loop, UV_RUN_ONCE);
        }
        assert_int_equal(s->n_done, 1);
        gw_free(s);
        test_loop_end(&loop);
        if (over)
            break;
    }
    test_server_free(srv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_said_is_shown_but_no_secret),
        cmocka_unit_test(relay_that_repeats_the_password_does_not_get_it_shown),
        cmocka_unit_test(each_mistake_has_its_reason_and_what_would_work),
        cmocka_unit_test(missing_credentials_are_named_where_auth_is_offered),
        cmocka_unit_test(long_transcripts_are_cut),
        cmocka_unit_test(canceled_check_ends_and_says_so),
        cmocka_unit_test(check_may_be_canceled_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
