/* SPDX-License-Identifier: MIT */
/* /v1/sandbox/messages over real sockets on both sides: mail comes in by SMTP, goes out as JSON. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/sha.h>

#include "gateway/sandbox.h"
#include "tests/lib/line_client.h"
#include "tests/unit/api/fake_gateway.h"
#include "tests/unit/api/http_helper.h"

#define PATH "/v1/sandbox/messages"

static uv_loop_t loop;
static struct cfg_listen listener;
static struct cfg_api_key keys[2];
static struct cfg cfg;
static struct gw_gateway gateway;
static struct gw_workers *workers;
static struct api_server *server, *first_server; /* servers are never freed */
static struct line_client client;
static char answer[1 << 20];

static void on_progress(void *data)
{
    (void)data;
}

static int set_up(void **state)
{
    (void)state;
    listener = (struct cfg_listen){
        .kind = CFG_LISTEN_TCP, .address = "127.0.0.1:0", .host = "127.0.0.1", .loopback = true};
    cfg = (struct cfg){.listen = &listener,
                       .n_listen = 1,
                       .limits = {.body_bytes = 1000,
                                  .recipients = 10,
                                  .inflight_bytes = 1 << 20,
                                  .connections = 2000,
                                  .connections_per_peer = 2000}};
    gateway = (struct gw_gateway){.loop = &loop, .cfg = &cfg};
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(gw_workers_new(&loop, 1, 2000, &workers, NULL), GW_OK);
    static const struct cfg_sandbox plain = {.tls = CFG_TLS_NONE};
    struct gw_sandbox_env env = {
        .loop = &loop, .workers = workers, .cfg = &plain, .on_progress = on_progress};
    assert_int_equal(gw_sandbox_new(&env, &gateway.sandbox, NULL), GW_OK);
    assert_int_equal(api_server_new(&loop, &gateway, &server, NULL), GW_OK);
    line_client_connect(&client, &loop, gw_sandbox_port(gateway.sandbox));
    line_client_expect(&client, "220 ");
    line_client_ask(&client, "EHLO client.example\r\n", "\r\n250 ");
    return 0;
}

static int forget(void **state)
{
    (void)state;
    gw_sandbox_clear(gateway.sandbox);
    cfg.n_api_keys = 0;
    return 0;
}

static void deliver(const char *rcpt, const char *content)
{
    char text[4096];
    (void)snprintf(text, sizeof(text),
                   "MAIL FROM:<bounce@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n%s\r\n.\r\n", rcpt,
                   content);
    line_client_ask(&client, text, "kept as ");
}

static void ask(const char *line, const char *headers, const char *status)
{
    http_ask(&loop, api_server_port(server, 0), line, headers, answer, sizeof(answer));
    if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, status, strlen(status)) != 0)
        fail_msg("%s: %s expected\n%s", line, status, answer);
}

static json_t *body(void)
{
    json_t *root = json_loads(strstr(answer, "\r\n\r\n") + 4, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

static const char *const full =
    "From: =?utf-8?Q?J=C3=B6?= <jo@example.com>\r\nTo: Ann <ann@example.org>, b@example.org\r\n"
    "Cc: c@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.com>\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\n\r\nhello\r\nthere\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>hello</b>\r\n"
    "--b\r\nContent-Type: image/png; name=l.png\r\nContent-ID: <l>\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
    "--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\n12345\r\n--b--";

/* The members that both views have; spaces of @root that are not asserted are ours to free. */
static void assert_is_full(json_t *root)
{
    const char *id = NULL;
    const char *from_name = NULL;
    const char *subject = NULL;
    const char *rcpt = NULL;
    const char *mail_from = NULL;
    const char *header = NULL;
    const char *file = NULL;
    const char *cid = NULL;
    json_int_t size = 0;
    json_int_t file_size = 0;
    struct gw_sandbox_item item;
    assert_int_equal(
        json_unpack(
            root,
            "{s:s, s:I, s:s, s:[s!], s:{s:s}, s:s, s:[[s,s!],*], s:[{s:s, s:s}, {s:s, s:I}!]}",
            "id", &id, "size", &size, "mail_from", &mail_from, "rcpt_to", &rcpt, "from", "name",
            &from_name, "subject", &subject, "headers", &header, &header, "attachments", "filename",
            &file, "content_id", &cid, "filename", &file, "size", &file_size),
        0);
    assert_true(gw_sandbox_at(gateway.sandbox, 0, &item));
    assert_string_equal(id, item.id);
    assert_int_equal(size, item.raw.len);
    assert_string_equal(mail_from, "bounce@example.com");
    assert_string_equal(rcpt, "ann@example.org");
    assert_string_equal(from_name, "Jö");
    assert_string_equal(subject, "Grüße");
    assert_string_equal(header, "Jö <jo@example.com>");
    assert_string_equal(cid, "l");
    assert_string_equal(file, "a.txt");
    assert_int_equal(file_size, 5);
    assert_true(json_is_null(json_object_get(root, "tls")));
    assert_int_equal(json_array_size(json_object_get(root, "to")), 2);
    assert_int_equal(json_array_size(json_object_get(root, "cc")), 1);
    assert_string_equal(json_string_value(json_object_get(root, "message_id")), "<1@example.com>");
}

static void a_message_is_shown_with_all_its_parts(void **state)
{
    (void)state;
    char line[128];
    struct gw_sandbox_item item;
    deliver("ann@example.org", full);
    assert_true(gw_sandbox_at(gateway.sandbox, 0, &item));
    (void)snprintf(line, sizeof(line), "GET " PATH "/%s", item.id);
    ask(line, "", "200 OK");
    assert_non_null(strstr(answer, "content-type: application/json\r\n"));
    assert_non_null(strstr(answer, "cache-control: no-store\r\n"));
    json_t *root = body();
    assert_is_full(root);
    assert_int_equal(json_object_size(root), 15);
    assert_string_equal(json_string_value(json_object_get(root, "text")), "hello\nthere");
    assert_string_equal(json_string_value(json_object_get(root, "html")), "<b>hello</b>");
    json_decref(root);
    (void)snprintf(line, sizeof(line), "GET " PATH "/%s/raw", item.id);
    ask(line, "", "200 OK");
    assert_non_null(strstr(answer, "content-type: message/rfc822\r\n"));
    const char *raw = strstr(answer, "\r\n\r\n") + 4;
    assert_int_equal(strlen(raw), item.raw.len);
    assert_memory_equal(raw, item.raw.data, item.raw.len);
}

static void a_bare_message_has_nulls(void **state)
{
    (void)state;
    deliver("ann@example.org", "");
    ask("GET " PATH "/wait", "", "200 OK");
    json_t *root = body();
    assert_true(json_is_null(json_object_get(root, "from")));
    assert_true(json_is_null(json_object_get(root, "html")));
    assert_int_equal(json_array_size(json_object_get(root, "to")), 0);
    assert_string_equal(json_string_value(json_object_get(root, "subject")), "");
    json_decref(root);
}

/* The subjects on a page, one character each; sets @cursor to the next page or "". */
static void assert_page(const char *query, const char *subjects, char cursor[64])
{
    char line[256];
    (void)snprintf(line, sizeof(line), "GET " PATH "%s", query);
    ask(line, "", "200 OK");
    json_t *root = body();
    json_t *messages = json_object_get(root, "messages");
    assert_int_equal(json_array_size(messages), strlen(subjects));
    for (size_t i = 0; i < strlen(subjects); i++) {
        const json_t *m = json_array_get(messages, i);
        assert_int_equal(json_string_value(json_object_get(m, "subject"))[0], subjects[i]);
        assert_null(json_object_get(m, "text"));
        assert_null(json_object_get(m, "html"));
    }
    const char *next = json_string_value(json_object_get(root, "next_cursor"));
    (void)snprintf(cursor, 64, "%s", next != NULL ? next : "");
    json_decref(root);
}

static void lists_are_newest_first_in_pages(void **state)
{
    (void)state;
    char cursor[64];
    char query[128];
    static const char *const mails[] = {"Subject: 1\r\n", "Subject: 2\r\n", "Subject: 3\r\n"};
    assert_page("", "", cursor);
    assert_string_equal(cursor, "");
    for (size_t i = 0; i < 3; i++)
        deliver("ann@example.org", mails[i]);
    assert_page("", "321", cursor);
    assert_string_equal(cursor, "");
    assert_page("?limit=2", "32", cursor);
    (void)snprintf(query, sizeof(query), "?limit=2&cursor=%s", cursor);
    deliver("ann@example.org", "Subject: 4\r\n"); /* moves nothing on later pages */
    assert_page(query, "1", cursor);
    assert_string_equal(cursor, "");
    (void)snprintf(query, sizeof(query), "?cursor=%s", "00000000-0000-7000-8000-000000000000");
    assert_page(query, "", cursor);
    (void)snprintf(query, sizeof(query), "?cursor=%s", "ffffffff-ffff-7fff-bfff-ffffffffffff");
    assert_page(query, "4321", cursor);
    assert_page("?limit=0", "", cursor);
    deliver("ann@example.org", full);
    ask("GET " PATH "?limit=1", "", "200 OK");
    json_t *root = body();
    json_t *m = json_array_get(json_object_get(root, "messages"), 0);
    assert_is_full(m);
    assert_int_equal(json_object_size(m), 13);
    json_decref(root);
}

static void a_wait_is_answered_when_the_message_comes(void **state)
{
    (void)state;
    uint16_t port = api_server_port(server, 0);
    int fd =
        http_send(port, "GET " PATH "/wait?to=ann%40example.org&subject=gr%C3%BC&timeout=20", "");
    int other = http_send(port, "GET " PATH "/wait?to=ann%40example.org&subject=Gr%C3%BC", "");
    deliver("bob@example.org", full);
    deliver("ann@example.org", "Subject: x\r\n");
    deliver("ann@example.org", full);
    http_receive(&loop, other, answer, sizeof(answer));
    json_t *root = body();
    assert_is_full(root);
    json_decref(root);
    (void)close(fd); /* its wait goes on for nobody */
    ask("GET " PATH "/wait?subject=nothing&timeout=0", "", "404 Not Found");
    assert_non_null(strstr(answer, "No such message came within 0 s."));
}

static void messages_are_deleted_one_by_one_and_all(void **state)
{
    (void)state;
    char line[128];
    struct gw_sandbox_item item;
    for (int i = 0; i < 3; i++)
        deliver("ann@example.org", full);
    assert_true(gw_sandbox_at(gateway.sandbox, 1, &item));
    (void)snprintf(line, sizeof(line), "DELETE " PATH "/%s", item.id);
    ask(line, "", "204 No Content");
    assert_int_equal(gw_sandbox_count(gateway.sandbox), 2);
    ask(line, "", "404 Not Found");
    ask("DELETE " PATH, "", "204 No Content");
    assert_int_equal(gw_sandbox_count(gateway.sandbox), 0);
    ask("DELETE " PATH, "", "204 No Content");
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *line, *status, *holds;
    } cases[] = {
        {"GET " PATH "/x", "404 Not Found", "no message with this id"},
        {"GET " PATH "/x/raw", "404 Not Found", "no message with this id"},
        {"GET " PATH "/x/text", "404 Not Found", "nothing at this path"},
        {"POST " PATH, "405 Method Not Allowed", "allow: GET, HEAD, DELETE"},
        {"GET " PATH "?limit=101", "400 Bad Request", "from 0 to 100"},
        {"GET " PATH "?limit=-1", "400 Bad Request", "from 0 to 100"},
        {"GET " PATH "?limit=", "400 Bad Request", "from 0 to 100"},
        {"GET " PATH "?tag=x", "400 Bad Request", "limit cursor"},
        {"GET " PATH "/wait?timeout=61", "400 Bad Request", "from 0 to 60"},
        {"GET " PATH "/wait?timeout=1s", "400 Bad Request", "from 0 to 60"},
        {"GET " PATH "/wait?timeout=99999999999", "400 Bad Request", "from 0 to 60"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ask(cases[i].line, "", cases[i].status);
        if (strstr(answer, cases[i].holds) == NULL)
            fail_msg("%s\n%s", cases[i].line, answer);
    }
    struct gw_sandbox *kept = gateway.sandbox;
    gateway.sandbox = NULL;
    static const char *const lines[] = {"GET " PATH,      "GET " PATH "/wait",
                                        "GET " PATH "/x", "GET " PATH "/x/raw",
                                        "DELETE " PATH,   "DELETE " PATH "/x"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ask(lines[i], "", "404 Not Found");
        assert_non_null(strstr(answer, "No sandbox relay is configured"));
    }
    gateway.sandbox = kept;
}

static void make_key(struct cfg_api_key *key, const char *id, unsigned scopes)
{
    *key = (struct cfg_api_key){.id = id, .scopes = scopes};
    SHA256((const unsigned char *)"secret", 6, key->sha256);
}

static void the_mail_of_all_keys_needs_the_admin_scope(void **state)
{
    (void)state;
    first_server = server;
    make_key(&keys[0], "reader", CFG_SCOPE_READ | CFG_SCOPE_SEND);
    make_key(&keys[1], "admin", CFG_SCOPE_ADMIN);
    api_server_drain(server);
    cfg.api_keys = keys;
    cfg.n_api_keys = 2;
    assert_int_equal(api_server_new(&loop, &gateway, &server, NULL), GW_OK);
    ask("GET " PATH, "", "401 Unauthorized");
    ask("GET " PATH, "Authorization: Bearer reader.secret\r\n", "403 Forbidden");
    ask("DELETE " PATH, "Authorization: Bearer reader.secret\r\n", "403 Forbidden");
    ask("GET " PATH, "Authorization: Bearer admin.secret\r\n", "200 OK");
}

static void a_wait_ends_when_the_server_drains(void **state)
{
    (void)state;
    size_t before = api_server_in_flight(server);
    int fd = http_send(api_server_port(server, 0), "GET " PATH "/wait?timeout=60", "");
    while (api_server_in_flight(server) == before)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    api_server_drain(server);
    gw_sandbox_expire_waits(gateway.sandbox);
    http_receive(&loop, fd, answer, sizeof(answer));
    assert_non_null(strstr(answer, "503 Service Unavailable"));
    assert_non_null(strstr(answer, "\"code\":\"draining\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_message_is_shown_with_all_its_parts, forget),
        cmocka_unit_test_teardown(a_bare_message_has_nulls, forget),
        cmocka_unit_test_teardown(lists_are_newest_first_in_pages, forget),
        cmocka_unit_test_teardown(a_wait_is_answered_when_the_message_comes, forget),
        cmocka_unit_test_teardown(messages_are_deleted_one_by_one_and_all, forget),
        cmocka_unit_test_teardown(what_is_wrong_is_told, forget),
        cmocka_unit_test_teardown(a_wait_ends_when_the_server_drains, forget),
        cmocka_unit_test_teardown(the_mail_of_all_keys_needs_the_admin_scope, forget),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does: NOLINT(performance-no-int-to-ptr) */
    return cmocka_run_group_tests(tests, set_up, NULL);
}
