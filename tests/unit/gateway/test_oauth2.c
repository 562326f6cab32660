/* SPDX-License-Identifier: MIT */
/* Access tokens: when they are fetched, what endpoints answer, and the two together over a socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/oauth2.h"
#include "gateway/oauth2_answer.h"
#include "gateway/oauth2_state.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/scripted_server.h"

/* --- When --- */

static void token_is_fetched_once_and_replaced_ahead_of_its_end(void **state)
{
    (void)state;
    const int64_t hour = 3600000;
    struct gw_oauth2_state s = {.has_token = false};
    bool fetch;
    assert_int_equal(gw_oauth2_ask(&s, 5, &fetch), GW_OAUTH2_WAIT);
    assert_true(fetch);
    for (int i = 0; i < 3; i++) { /* the other connections join it */
        assert_int_equal(gw_oauth2_ask(&s, 6, &fetch), GW_OAUTH2_WAIT);
        assert_false(fetch);
    }
    gw_oauth2_fetched(&s, hour, 10);
    assert_int_equal(gw_oauth2_ask(&s, 10 + hour * 3 / 4 - 1, &fetch), GW_OAUTH2_READY);
    assert_false(fetch);
    assert_int_equal(gw_oauth2_ask(&s, 10 + hour * 3 / 4, &fetch), GW_OAUTH2_READY);
    assert_true(fetch); /* beside: the old one still serves */
    assert_int_equal(gw_oauth2_ask(&s, 10 + hour - GW_OAUTH2_MARGIN_MS - 1, &fetch),
                     GW_OAUTH2_READY);
    assert_false(fetch);
    assert_int_equal(gw_oauth2_ask(&s, 10 + hour - GW_OAUTH2_MARGIN_MS, &fetch), GW_OAUTH2_WAIT);
}

static void a_failing_endpoint_is_asked_less_and_less(void **state)
{
    (void)state;
    static const int64_t want[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct gw_oauth2_state s = {.has_token = false};
    int64_t now = 100;
    bool fetch;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(gw_oauth2_ask(&s, now, &fetch), GW_OAUTH2_WAIT);
        assert_true(fetch);
        gw_oauth2_fetch_failed(&s, false, now);
        assert_int_equal(gw_oauth2_ask(&s, now + want[i] - 1, &fetch), GW_OAUTH2_FAILED);
        assert_false(fetch);
        now += want[i];
    }
    gw_oauth2_fetched(&s, 0, now);
    gw_oauth2_fetch_failed(&s, true, now); /* a refusal waits the minute at once */
    s.has_token = false;
    assert_int_equal(gw_oauth2_ask(&s, now + 59999, &fetch), GW_OAUTH2_FAILED);
    assert_int_equal(gw_oauth2_ask(&s, now + 60000, &fetch), GW_OAUTH2_WAIT);
}

static void old_token_serves_while_the_endpoint_is_down(void **state)
{
    (void)state;
    struct gw_oauth2_state s = {.has_token = false};
    bool fetch;
    gw_oauth2_fetched(&s, 1000000, 0);
    assert_int_equal(gw_oauth2_ask(&s, 800000, &fetch), GW_OAUTH2_READY);
    assert_true(fetch);
    gw_oauth2_fetch_failed(&s, false, 800000);
    assert_int_equal(gw_oauth2_ask(&s, 800000 + 1, &fetch), GW_OAUTH2_READY);
    assert_false(fetch);
    gw_oauth2_token_refused(&s);
    assert_int_equal(gw_oauth2_ask(&s, 800000 + 2, &fetch), GW_OAUTH2_FAILED);
}

static void short_lives_have_short_margins(void **state)
{
    (void)state;
    static const struct {
        int64_t life, refresh, useful;
    } rows[] = {
        {1000, 500, 900},
        {5000, 2500, 4500},
        {100000, 50000, 90000},
        {120000, 60000, 110000},
        {3600000, 2700000, 3590000},
        {0, 2700000, 3590000}, /* not said: an hour */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_oauth2_state s = {.has_token = false};
        bool fetch;
        gw_oauth2_fetched(&s, rows[i].life, 7);
        assert_int_equal(gw_oauth2_ask(&s, 7 + rows[i].refresh - 1, &fetch), GW_OAUTH2_READY);
        assert_false(fetch);
        assert_int_equal(gw_oauth2_ask(&s, 7 + rows[i].refresh, &fetch), GW_OAUTH2_READY);
        assert_true(fetch);
        assert_int_equal(gw_oauth2_ask(&s, 7 + rows[i].useful - 1, &fetch), GW_OAUTH2_READY);
        assert_int_equal(gw_oauth2_ask(&s, 7 + rows[i].useful, &fetch), GW_OAUTH2_WAIT);
    }
}

/* --- What endpoints answer --- */

static void answers_are_read_and_what_is_no_answer_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *access, *refresh, *error;
        int64_t expires_in_s;
        bool ok;
    } rows[] = {
        /* as Microsoft writes it, and Google */
        {"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,"
         "\"access_token\":\"eyJ0.e30.x-_~+/=\"}",
         "eyJ0.e30.x-_~+/=", NULL, "", 3599, true},
        {"{\n  \"access_token\": \"ya29.a0\",\n  \"expires_in\": 3599,\n  \"scope\": "
         "\"https://mail.google.com/\",\n  \"token_type\": \"Bearer\"\n}\n",
         "ya29.a0", NULL, "", 3599, true},
        {"{\"access_token\":\"a\",\"expires_in\":\"120\",\"refresh_token\":\"r\"}", "a", "r", "",
         120, true},
        {"{\"access_token\":\"a\\u0062\\/c\",\"refresh_token\":null,\"x\":[{\"y\":[1,\"]\"]},{}],"
         "\"z\":{\"q\":{}}}",
         "ab/c", NULL, "", 0, true},
        {"{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS70008: expired.\\r\\nTrace\"}",
         NULL, NULL, "invalid_grant", 0, true},
        {"{}", NULL, NULL, "", 0, true},
        {"{\"access_token\":\"a\",\"expires_in\":99999999999999999999}", "a", NULL, "", INT32_MAX,
         true},
        {"", NULL, NULL, NULL, 0, false},
        {"<html>", NULL, NULL, NULL, 0, false},
        {"[]", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":\"a\"", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":\"a\"}x", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":\"\"}", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":null}", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":7}", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":\"a b\"}", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":\"a\\r\\nRSET\"}", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":\"a\\u0001b\"}", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":\"a\\u00e9\"}", "a?", NULL, "", 0, true},
        {"{\"access_token\":\"a\",\"access_token\":\"b\"}", NULL, NULL, NULL, 0, false},
        {"{\"access_token\":\"a\\x\"}", NULL, NULL, NULL, 0, false},
        {"{\"x\":[[[[[[[[[[1]]]]]]]]]]}", NULL, NULL, NULL, 0, false},
        {"{\"x\":}", NULL, NULL, NULL, 0, false},
        {"{,}", NULL, NULL, NULL, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_oauth2_answer a;
        enum gw_status st = gw_oauth2_answer_parse(gw_slice_str(rows[i].body), &a);
        if ((st == GW_OK) != rows[i].ok)
            fail_msg("%s: %s", rows[i].body, gw_status_text(st));
        if (st != GW_OK)
            continue;
        assert_int_equal(a.access_token != NULL, rows[i].access != NULL);
        if (rows[i].access != NULL)
            assert_string_equal(a.access_token, rows[i].access);
        assert_int_equal(a.refresh_token != NULL, rows[i].refresh != NULL);
        assert_string_equal(a.error, rows[i].error);
        assert_int_equal(a.expires_in_s, rows[i].expires_in_s);
        assert_null(strpbrk(a.description, "\r\n"));
        gw_oauth2_answer_deinit(&a);
    }
}

/* Whatever is cut off is no answer, and nothing is read past the end. */
static void every_prefix_of_an_answer_is_refused(void **state)
{
    (void)state;
    static const char body[] = "{\"a\":[1,{\"b\":\"\\u0041\"}],\"access_token\":\"t\",\"c\":true}";
    for (size_t n = 0; n < sizeof(body) - 1; n++) {
        struct gw_oauth2_answer a;
        char *exact = gw_malloc(n + 1);
        memcpy(exact, body, n);
        char *tight = gw_realloc(exact, n != 0 ? n : 1); /* ASan sees a read past it */
        assert_int_equal(gw_oauth2_answer_parse(gw_slice_of(tight, n), &a), GW_PROTO);
        gw_free(tight);
    }
}

static void token_at_the_limit_passes_and_one_more_is_refused(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct gw_buf body;
        struct gw_oauth2_answer a;
        gw_buf_init(&body, GW_OAUTH2_MAX_ANSWER);
        (void)gw_buf_add_str(&body, "{\"access_token\":\"");
        for (size_t i = 0; i < GW_OAUTH2_MAX_TOKEN + extra; i++)
            (void)gw_buf_add_char(&body, 't');
        (void)gw_buf_add_str(&body, "\"}");
        assert_int_equal(gw_oauth2_answer_parse(gw_buf_view(&body), &a),
                         extra == 0 ? GW_OK : GW_PROTO);
        if (extra == 0)
            gw_oauth2_answer_deinit(&a);
        gw_buf_deinit(&body);
    }
}

/* --- Over a socket --- */

struct fixture {
    uv_loop_t loop;
    struct test_server *server;
    struct gw_http *http;
    struct gw_oauth2 *oauth2;
    struct cfg_oauth2 config;
    char url[64];
    bool closed;
    int n_changes;
};

static void on_change(void *data)
{
    ((struct fixture *)data)->n_changes++;
}

static void begin(struct fixture *f, const struct test_server_config *server)
{
    f->server = test_server_new(server);
    (void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/t", test_server_port(f->server));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->http = gw_http_new(&f->loop);
    f->config.token_url = f->url;
    f->config.client_id = "client&id";
    f->oauth2 = gw_oauth2_new(f->http, &f->config, "test", on_change, f);
}

static void on_closed(void *data)
{
    ((struct fixture *)data)->closed = true;
}

static void end(struct fixture *f)
{
    gw_oauth2_free(&f->oauth2);
    gw_http_close(f->http, on_closed, f);
    test_loop_until(&f->loop, &f->closed);
    test_loop_end(&f->loop);
    test_server_free(f->server);
}

static bool has_changed(void *data)
{
    return ((struct fixture *)data)->n_changes > 0;
}

/* Asks, waits for the answer to come, asks again. */
static enum smtp_secret_status get(struct fixture *f, struct smtp_secret *out)
{
    f->n_changes = 0;
    enum smtp_secret_status st = gw_oauth2_get(f->oauth2, out);
    if (st != SMTP_SECRET_PENDING)
        return st;
    test_loop_until_true(&f->loop, has_changed, f);
    return gw_oauth2_get(f->oauth2, out);
}

static void both_grants_are_asked_for_as_written_down(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *refresh, *scope, *form;
    } rows[] = {
        {"s+e c", NULL, "https://outlook.office365.com/.default",
         "grant_type=client_credentials&client_id=client%26id&client_secret=s%2Be%20c&scope="
         "https%3A%2F%2Foutlook.office365.com%2F.default"},
        {"s", "1//r", NULL,
         "grant_type=refresh_token&client_id=client%26id&client_secret=s&refresh_token=1%2F%2Fr"},
        {NULL, "r", "https://mail.google.com/",
         "grant_type=refresh_token&client_id=client%26id&refresh_token=r&scope="
         "https%3A%2F%2Fmail.google.com%2F"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        /* The body has no line end, so it is looked at through its length. */
        char script[512];
        struct fixture f = {.config = {.client_secret = rows[i].secret,
                                       .refresh_token = rows[i].refresh,
                                       .scope = rows[i].scope}};
        (void)snprintf(script, sizeof(script),
                       "C: POST /t\nC: Host\nC: User-Agent: mailhatch/\nC: Content-Type: "
                       "application/x-www-form-urlencoded\nC: Accept: application/json\n"
                       "C: Content-Length: %zu\nR: HTTP/1.1 200 OK\\r\\nContent-Length: "
                       "20\\r\\n\\r\\n{\"access_token\":\"t\"}\nHANG",
                       strlen(rows[i].form));
        const struct test_server_config server = {.scripts = {script}};
        struct smtp_secret secret;
        begin(&f, &server);
        assert_int_equal(get(&f, &secret), SMTP_SECRET_READY);
        assert_string_equal(secret.token, "t");
        assert_null(secret.password);
        assert_int_equal(gw_oauth2_get(f.oauth2, &secret), SMTP_SECRET_READY);
        assert_int_equal(test_server_accepted(f.server), 1);
        end(&f);
    }
}

static void refusals_and_outages_are_told_apart_and_hold_no_secret(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum smtp_reason reason;
        const char *says;
    } rows[] = {
        {"C: POST\nR: HTTP/1.1 400 Bad Request\\r\\nContent-Length: 70\\r\\n\\r\\n"
         "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been revoked\"}\nHANG",
         SMTP_REASON_AUTH_FAILED, "HTTP 400 invalid_grant: Token has been revoked"},
        {"C: POST\nR: HTTP/1.1 503 Down\\r\\nContent-Length: 2\\r\\n\\r\\n{}\nHANG",
         SMTP_REASON_AUTH_TEMPORARY, "HTTP 503"},
        {"C: POST\nR: HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\n<html>\nHANG",
         SMTP_REASON_AUTH_TEMPORARY, "not the JSON"},
        {"C: POST\nFIN", SMTP_REASON_AUTH_TEMPORARY, "no access token from http://127.0.0.1:"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f = {.config = {.client_secret = "hunter2", .refresh_token = "hunter3"}};
        const struct test_server_config server = {.scripts = {rows[i].answer}};
        struct smtp_secret secret;
        begin(&f, &server);
        assert_int_equal(get(&f, &secret), SMTP_SECRET_FAILED);
        if (secret.reason != rows[i].reason || strstr(secret.detail, rows[i].says) == NULL)
            fail_msg("%s: %s", smtp_reason_name(secret.reason), secret.detail);
        assert_null(strstr(secret.detail, "hunter"));
        assert_int_equal(gw_oauth2_get(f.oauth2, &secret), SMTP_SECRET_FAILED);
        assert_int_equal(test_server_accepted(f.server), 1); /* it is left alone */
        end(&f);
    }
}

static void refused_token_is_fetched_anew(void **state)
{
    (void)state;
    struct fixture f = {.config = {.client_secret = "s"}};
    const struct test_server_config server = {
        .scripts = {"C: POST\nR: HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: "
                    "22\\r\\n\\r\\n{\"access_token\":\"one\"}\nFIN",
                    "C: POST\nR: HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: "
                    "22\\r\\n\\r\\n{\"access_token\":\"two\"}\nFIN"}};
    struct smtp_secret secret;
    begin(&f, &server);
    assert_int_equal(get(&f, &secret), SMTP_SECRET_READY);
    assert_string_equal(secret.token, "one");
    assert_true(gw_oauth2_refused(f.oauth2));
    assert_int_equal(get(&f, &secret), SMTP_SECRET_READY);
    assert_string_equal(secret.token, "two");
    end(&f);
}

static bool is_fetched_again(void *data)
{
    return test_server_accepted(((struct fixture *)data)->server) == 2;
}

/* Nobody has to ask: what is in use is renewed ahead of its end; what is not, is left to expire. */
static void token_in_use_is_renewed_by_itself(void **state)
{
    (void)state;
    struct fixture f = {.config = {.client_secret = "s"}};
    const struct test_server_config server = {
        .scripts = {"C: POST\nR: HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: "
                    "37\\r\\n\\r\\n{\"access_token\":\"one\",\"expires_in\":1}\nFIN",
                    "C: POST\nR: HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: "
                    "37\\r\\n\\r\\n{\"access_token\":\"two\",\"expires_in\":1}\nFIN"}};
    struct smtp_secret secret;
    begin(&f, &server);
    assert_int_equal(get(&f, &secret), SMTP_SECRET_READY);
    assert_string_equal(secret.token, "one");
    test_loop_until_true(&f.loop, is_fetched_again, &f);
    end(&f);
}

static void fixed_token_follows_its_file(void **state)
{
    (void)state;
    char *file = test_write_temp("first\n");
    struct fixture f = {.config = {.access_token = "first", .access_token_file = file}};
    const struct test_server_config server = {.scripts = {"HANG"}};
    struct smtp_secret secret;
    begin(&f, &server);
    assert_int_equal(gw_oauth2_get(f.oauth2, &secret), SMTP_SECRET_READY);
    assert_string_equal(secret.token, "first");
    assert_false(gw_oauth2_refused(f.oauth2));
    char *other = test_write_temp("second\n");
    assert_int_equal(rename(other, file), 0);
    free(other);
    assert_true(gw_oauth2_refused(f.oauth2));
    assert_int_equal(gw_oauth2_get(f.oauth2, &secret), SMTP_SECRET_READY);
    assert_string_equal(secret.token, "second");
    end(&f);
    test_remove_temp(file);
}

static void freeing_it_calls_the_request_off(void **state)
{
    (void)state;
    struct fixture f = {.config = {.client_secret = "s"}};
    const struct test_server_config server = {.scripts = {"HANG"}};
    struct smtp_secret secret;
    begin(&f, &server);
    assert_int_equal(gw_oauth2_get(f.oauth2, &secret), SMTP_SECRET_PENDING);
    while (test_server_accepted(f.server) == 0)
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    end(&f);
    assert_int_equal(f.n_changes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_is_fetched_once_and_replaced_ahead_of_its_end),
        cmocka_unit_test(a_failing_endpoint_is_asked_less_and_less),
        cmocka_unit_test(old_token_serves_while_the_endpoint_is_down),
        cmocka_unit_test(short_lives_have_short_margins),
        cmocka_unit_test(answers_are_read_and_what_is_no_answer_refused),
        cmocka_unit_test(every_prefix_of_an_answer_is_refused),
        cmocka_unit_test(token_at_the_limit_passes_and_one_more_is_refused),
        cmocka_unit_test(both_grants_are_asked_for_as_written_down),
        cmocka_unit_test(refusals_and_outages_are_told_apart_and_hold_no_secret),
        cmocka_unit_test(refused_token_is_fetched_anew),
        cmocka_unit_test(token_in_use_is_renewed_by_itself),
        cmocka_unit_test(fixed_token_follows_its_file),
        cmocka_unit_test(freeing_it_calls_the_request_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
