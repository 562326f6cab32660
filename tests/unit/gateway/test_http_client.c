/* SPDX-License-Identifier: MIT */
/* HTTP on the loop: answers, pinned addresses, everything that can go wrong, and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "gateway/http_client.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/scripted_server.h"

#define OK_ANSWER "R: HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello\nHANG"

struct fixture {
    uv_loop_t loop;
    struct test_server *server;
    struct gw_http *http;
    char *ca_file;
    bool closed;
};

struct answer {
    bool done;
    int n_done;
    enum gw_status status;
    long http_status, retry_after_s;
    char body[256], detail[256];
};

static void begin(struct fixture *f, const char *script)
{
    const struct test_server_config config = {.scripts = {script},
                                              .cert = {.san = "DNS:localhost,IP:127.0.0.1"}};
    *f = (struct fixture){.server = test_server_new(&config)};
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->http = gw_http_new(&f->loop);
    f->ca_file = test_write_temp(test_ca_root());
}

static void on_closed(void *data)
{
    ((struct fixture *)data)->closed = true;
}

static void end(struct fixture *f)
{
    gw_http_close(f->http, on_closed, f);
    test_loop_until(&f->loop, &f->closed);
    test_loop_end(&f->loop);
    test_server_free(f->server);
    test_remove_temp(f->ca_file);
}

static void on_done(const struct gw_http_result *r, void *data)
{
    struct answer *a = data;
    a->done = true;
    a->n_done++;
    a->status = r->status;
    a->http_status = r->http_status;
    a->retry_after_s = r->retry_after_s;
    (void)snprintf(a->body, sizeof(a->body), "%.*s", (int)r->body.len, r->body.data);
    (void)snprintf(a->detail, sizeof(a->detail), "%s", r->detail != NULL ? r->detail : "");
}

static struct gw_http_request request_to(const struct fixture *f, char url[128], const char *form)
{
    const char *port = strstr(form, "%u");
    (void)snprintf(url, 128, "%.*s%u%s", (int)(port - form), form,
                   (unsigned)test_server_port(f->server), port + 2);
    return (struct gw_http_request){
        .url = url, .ca_file = f->ca_file, .timeout_ms = 10000, .max_response = 100};
}

static struct answer ask(struct fixture *f, const struct gw_http_request *request)
{
    struct answer a = {.done = false};
    struct gw_http_call *call;
    struct gw_err err = {.text = ""};
    enum gw_status st = gw_http_start(f->http, request, on_done, &a, &call, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(st, GW_OK);
    assert_false(a.done);
    test_loop_until(&f->loop, &a.done);
    assert_int_equal(a.n_done, 1);
    return a;
}

/* --- Answers --- */

static void post_is_answered_over_plain_and_verified_tls(void **state)
{
    (void)state;
    static const char *const forms[] = {"http://127.0.0.1:%u/token", "http://localhost:%u/token",
                                        "https://127.0.0.1:%u/token",
                                        "https://localhost:%u/token?x=1"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct fixture f;
        char url[128];
        bool tls = strncmp(forms[i], "https", 5) == 0;
        begin(&f, tls ? "TLS\nC: POST /token\n" OK_ANSWER : "C: POST /token\n" OK_ANSWER);
        struct gw_http_request r = request_to(&f, url, forms[i]);
        r.body = gw_slice_str("a=b");
        struct answer a = ask(&f, &r);
        assert_string_equal(a.detail, "");
        assert_int_equal(a.status, GW_OK);
        assert_int_equal(a.http_status, 200);
        assert_string_equal(a.body, "hello");
        end(&f);
    }
}

static void status_and_retry_after_are_told_and_redirects_not_followed(void **state)
{
    (void)state;
    struct fixture f;
    char url[128];
    begin(&f, "C: GET /\nR: HTTP/1.1 302 Found\\r\\nLocation: http://127.0.0.1:1/\\r\\n"
              "Retry-After: 7\\r\\nContent-Length: 0\\r\\n\\r\\n\nHANG");
    struct gw_http_request r = request_to(&f, url, "http://127.0.0.1:%u/");
    struct answer a = ask(&f, &r);
    assert_int_equal(a.status, GW_OK);
    assert_int_equal(a.http_status, 302);
    assert_int_equal(a.retry_after_s, 7);
    assert_int_equal(test_server_accepted(f.server), 1);
    end(&f);
}

/* --- Pinned addresses --- */

struct gate {
    const char *deny;
    int n_asked;
};

static bool allow(const struct sockaddr *address, void *data)
{
    struct gate *g = data;
    char text[INET6_ADDRSTRLEN] = "";
    const void *raw =
        address->sa_family == AF_INET6
            ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
            : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    g->n_asked++;
    (void)inet_ntop(address->sa_family, raw, text, sizeof(text));
    return strcmp(text, g->deny) != 0;
}

static void every_address_is_put_to_the_caller_before_it_is_used(void **state)
{
    (void)state;
    static const struct {
        const char *form, *deny;
        enum gw_status status;
    } rows[] = {
        {"http://localhost:%u/", "192.0.2.1", GW_OK},
        {"http://127.0.0.1:%u/", "127.0.0.1", GW_DENIED},
        {"http://2130706433:%u/", "127.0.0.1", GW_DENIED},
        {"http://0x7f.1:%u/", "127.0.0.1", GW_DENIED},
        {"http://[::1]:%u/", "::1", GW_DENIED},
        {"http://[::ffff:127.0.0.1]:%u/", "::ffff:127.0.0.1", GW_DENIED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        char url[128];
        struct gate gate = {.deny = rows[i].deny};
        begin(&f, "C: GET\n" OK_ANSWER);
        struct gw_http_request r = request_to(&f, url, rows[i].form);
        r.allow = allow;
        r.allow_data = &gate;
        struct answer a = ask(&f, &r);
        if (a.status != rows[i].status)
            fail_msg("%s: %s (%s)", rows[i].form, gw_status_text(a.status), a.detail);
        assert_true(gate.n_asked > 0);
        assert_int_equal(test_server_accepted(f.server), rows[i].status == GW_OK ? 1 : 0);
        end(&f);
    }
}

/* --- What can go wrong --- */

static void failures_have_their_own_status_and_words(void **state)
{
    (void)state;
    static const struct {
        const char *script, *form;
        long timeout_ms;
        enum gw_status status;
    } rows[] = {
        {"HANG", "http://missing.invalid:%u/", 10000, GW_DNS},
        {"HANG", "http://127.0.0.1:%u/", 60, GW_TIMEOUT},
        {"C: GET\nFIN", "http://127.0.0.1:%u/", 10000, GW_IO},
        {"RST", "http://127.0.0.1:%u/", 10000, GW_IO},
        {"TLS\nHANG", "https://127.0.0.2:%u/", 10000, GW_IO}, /* nobody listens there */
        {"R: nonsense\nHANG", "https://127.0.0.1:%u/", 10000, GW_TLS},
        {"C: GET\nR: HTTP/1.1 200 OK\\r\\nContent-Length: 101\\r\\n\\r\\n"
         "01234567890123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567890123456789x\nHANG",
         "http://127.0.0.1:%u/", 10000, GW_TOOBIG},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        char url[128];
        begin(&f, rows[i].script);
        struct gw_http_request r = request_to(&f, url, rows[i].form);
        r.timeout_ms = rows[i].timeout_ms;
        struct answer a = ask(&f, &r);
        if (a.status != rows[i].status || a.detail[0] == '\0')
            fail_msg("row %zu: %s (%s)", i, gw_status_text(a.status), a.detail);
        end(&f);
    }
}

static void a_stranger_s_certificate_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    char url[128];
    begin(&f, "TLS\nC: GET\n" OK_ANSWER);
    struct gw_http_request r = request_to(&f, url, "https://127.0.0.1:%u/");
    r.ca_file = NULL; /* the system's do not know our CA */
    struct answer a = ask(&f, &r);
    assert_int_equal(a.status, GW_TLS);
    end(&f);
}

static void urls_that_could_be_read_in_two_ways_are_not_taken(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "ftp://h/",        "file:///etc/passwd", "http://",
        "http://u@h/",     "http://u:p@h/",      "http://h\\@e/",
        "http://h /",      "http://h:/",         "http://h:0/",
        "http://h:65536/", "http://h:80x/",      "http://[::1/",
        "http://[]/",      "http://h./",         "http://h\n/",
        "http://%68/",     "http://h\xc3\xbc/",  "http://[fe80::1%25eth0]/",
        "http://h..h/",    "http://:80/",
    };
    struct fixture f;
    begin(&f, "HANG");
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        const struct gw_http_request r = {.url = urls[i], .timeout_ms = 100, .max_response = 1};
        struct gw_http_call *call;
        struct gw_err err = {.text = ""};
        struct answer a = {.done = false};
        if (gw_http_start(f.http, &r, on_done, &a, &call, &err) != GW_INVALID ||
            err.text[0] == '\0')
            fail_msg("%s is taken", urls[i]);
    }
    end(&f);
}

/* --- The end --- */

static void a_cancelled_call_is_never_answered_and_close_ends_the_rest(void **state)
{
    (void)state;
    struct fixture f;
    char url[128];
    struct answer a[3];
    struct gw_http_call *calls[3];
    memset(a, 0, sizeof(a));
    begin(&f, "C: GET\nHANG");
    struct gw_http_request r = request_to(&f, url, "http://127.0.0.1:%u/");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(gw_http_start(f.http, &r, on_done, &a[i], &calls[i], NULL), GW_OK);
    gw_http_cancel(calls[0]); /* before its first turn */
    while (test_server_accepted(f.server) < 2)
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    gw_http_cancel(calls[1]); /* in the transfer */
    end(&f);
    assert_false(a[0].done || a[1].done || a[2].done);
}

static void more_calls_than_the_limit_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    char url[128];
    static struct answer a;
    struct gw_http_call *call;
    begin(&f, "HANG");
    struct gw_http_request r = request_to(&f, url, "http://127.0.0.1:%u/");
    for (int i = 0; i < GW_HTTP_MAX_CALLS; i++)
        assert_int_equal(gw_http_start(f.http, &r, on_done, &a, &call, NULL), GW_OK);
    assert_int_equal(gw_http_start(f.http, &r, on_done, &a, &call, NULL), GW_BUSY);
    gw_http_cancel(call);
    assert_int_equal(gw_http_start(f.http, &r, on_done, &a, &call, NULL), GW_OK);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(post_is_answered_over_plain_and_verified_tls),
        cmocka_unit_test(status_and_retry_after_are_told_and_redirects_not_followed),
        cmocka_unit_test(every_address_is_put_to_the_caller_before_it_is_used),
        cmocka_unit_test(failures_have_their_own_status_and_words),
        cmocka_unit_test(a_stranger_s_certificate_is_refused),
        cmocka_unit_test(urls_that_could_be_read_in_two_ways_are_not_taken),
        cmocka_unit_test(a_cancelled_call_is_never_answered_and_close_ends_the_rest),
        cmocka_unit_test(more_calls_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
