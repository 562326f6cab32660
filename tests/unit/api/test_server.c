/* SPDX-License-Identifier: MIT */
/* The server over real sockets and a gateway without mail: protocols, gates, drain, and clients
 * that leave at any instant. Client and server share this thread: the client's sockets do not
 * block, and `pump` lets the server's loop run. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "api/server.h"
#include "gateway/base/gw_clock.h"
#include "tests/unit/api/fake_gateway.h"

enum {
    BODY_LIMIT = 1000,
    BODY_LARGE = 10000,
    DEADLINE_MS = 10000,
    HOUR_MS = 3600 * 1000
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static uv_loop_t loop;
static struct cfg_listen listeners[2];
static struct cfg cfg;
static struct gw_recipient rcpt;
static struct gw_gateway gateway;
static struct api_server *server;
static char socket_path[64];
static struct api_server *all_servers[32]; /* servers are never freed: keep them reachable */
static size_t n_servers;

static void pump(int times)
{
    for (int i = 0; i < times; i++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
}

static struct api_server *new_server(struct gw_err *err)
{
    struct api_server *s;
    assert_true(n_servers < N_OF(all_servers));
    if (api_server_new(&loop, &gateway, &s, err) != GW_OK)
        return NULL;
    all_servers[n_servers++] = s;
    return s;
}

static int set_up(void **state)
{
    (void)state;
    if (n_servers == 0)
        (void)uv_loop_init(&loop);
    (void)snprintf(socket_path, sizeof(socket_path), "/tmp/api-test-%d-%zu.sock", (int)getpid(),
                   n_servers);
    listeners[0] = (struct cfg_listen){
        .kind = CFG_LISTEN_TCP, .address = "127.0.0.1:0", .host = "127.0.0.1", .loopback = true};
    listeners[1] = (struct cfg_listen){
        .kind = CFG_LISTEN_UNIX, .address = "unix:x", .path = socket_path, .mode = 0600};
    cfg = (struct cfg){.listen = listeners,
                       .n_listen = 2,
                       .limits = {.body_bytes = BODY_LIMIT,
                                  .recipients = 10,
                                  .inflight_bytes = 1 << 20,
                                  .connections = 1000,
                                  .connections_per_peer = 1000,
                                  .header_timeout_ms = DEADLINE_MS,
                                  .idle_timeout_ms = DEADLINE_MS,
                                  .body_timeout_ms = DEADLINE_MS,
                                  .connection_age_ms = HOUR_MS,
                                  .min_rate = 1,
                                  .stall_window_ms = DEADLINE_MS}};
    rcpt = (struct gw_recipient){.email = "a@b", .status = GW_RCPT_SENT, .duration_ms = 1};
    gateway = (struct gw_gateway){.loop = &loop,
                                  .cfg = &cfg,
                                  .settled = true,
                                  .n_relays = 2,
                                  .relays = {{.name = "ses",
                                              .state = "down",
                                              .breaker = "open",
                                              .rate_per_s = 0.5,
                                              .error_at_ms = 1,
                                              .error_reason = "timeout",
                                              .error_stage = "connect",
                                              .error_detail = "no answer"},
                                             {.name = "backup",
                                              .state = "up",
                                              .breaker = "closed",
                                              .error_reason = "",
                                              .error_stage = ""}},
                                  .message = {.id = "0193a1b2-0000-7000-8000-000000000001",
                                              .message_id = "<a@b>",
                                              .rcpts = &rcpt,
                                              .n_rcpts = 1}};
    struct gw_err err;
    server = new_server(&err);
    if (server == NULL)
        print_message("%s\n", err.text);
    return server != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_servers; i++)
        api_server_drain(all_servers[i]);
    pump(5);
    return 0;
}

static int connect_tcp(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(api_server_port(server, 0))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void send_all(int fd, const void *data, size_t len)
{
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads into @out until it holds @wanted or the server closes. */
static bool receive(int fd, char *out, size_t size, const char *wanted)
{
    size_t len = 0;
    int64_t deadline = gw_clock_mono_ms() + DEADLINE_MS;
    out[0] = '\0';
    while (gw_clock_mono_ms() < deadline) {
        pump(1);
        ssize_t n = recv(fd, out + len, size - 1 - len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        len += n > 0 ? (size_t)n : 0;
        out[len] = '\0';
        if (wanted != NULL && memmem(out, len, wanted, strlen(wanted)) != NULL)
            return true;
    }
    return wanted == NULL;
}

/* One request on a connection of its own that is closed by the server after it. */
static void ask(const char *request, const char *body, char *answer, size_t size)
{
    char head[2048];
    int fd = connect_tcp();
    int len = snprintf(head, sizeof(head), "%sHost: x\r\nConnection: close\r\n", request);
    if (body != NULL)
        len += snprintf(head + len, sizeof(head) - (size_t)len, "Content-Length: %zu\r\n",
                        strlen(body));
    len += snprintf(head + len, sizeof(head) - (size_t)len, "\r\n%s", body != NULL ? body : "");
    send_all(fd, head, (size_t)len);
    (void)receive(fd, answer, size, NULL);
    (void)close(fd);
}

#define POST     "POST /v1/messages HTTP/1.1\r\nContent-Type: application/json\r\n"
#define THE_ID   "0193a1b2-0000-7000-8000-000000000001" /* the fake's one message */
#define OTHER_ID "0193a1b2-0000-7000-8000-000000000002"
#define PATCH    "PATCH /v1/messages/" THE_ID " HTTP/1.1\r\nContent-Type: application/json\r\n"

static void a_message_is_answered_with_its_state_and_place(void **state)
{
    (void)state;
    char answer[8192];
    ask(POST "Prefer: wait=5\r\nX-Request-Id: me-1\r\n", "{}", answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "location: /v1/messages/0193a1b2-0000-7000-8000-000000000001"));
    assert_non_null(strstr(answer, "preference-applied: wait=5\r\n"));
    assert_non_null(strstr(answer, "x-request-id: me-1\r\n"));
    assert_non_null(strstr(answer, "\"status\":\"sent\""));
    assert_int_equal(api_server_in_flight(server), 0);
}

/* request lines, body or NULL, status line, something the answer must hold */
static const struct {
    const char *request, *body, *status, *holds;
} gates[] = {
    {"GET /nope HTTP/1.1\r\n", NULL, "404 Not Found", "\"code\":\"not_found\""},
    {"GET /v1/messages/x HTTP/1.1\r\n", NULL, "404 Not Found", "\"code\":\"not_found\""},
    {"GET /v1/messages/0193a1b2-0000-7000-8000-000000000009 HTTP/1.1\r\n", NULL, "404 Not Found",
     "no message"},
    {"GET /v1/messages/0193a1b2-0000-7000-8000-000000000001 HTTP/1.1\r\n", NULL, "200 OK",
     "\"id\":\"0193a1b2"},
    {"GET //livez HTTP/1.1\r\n", NULL, "404 Not Found", "not_found"},
    {"DELETE /v1/messages HTTP/1.1\r\n", NULL, "405 Method Not Allowed", "allow: POST"},
    {"POST /livez HTTP/1.1\r\n", "", "405 Method Not Allowed", "allow: GET, HEAD"},
    {"OPTIONS * HTTP/1.1\r\n", NULL, "404 Not Found", "not_found"},
    {"TRACE /livez HTTP/1.1\r\n", NULL, "405 Method Not Allowed", "method_not_allowed"},
    {POST "Accept: text/html\r\n", "{}", "406 Not Acceptable", "not_acceptable"},
    {POST, NULL, "411 Length Required", "length_required"},
    {POST, "", "400 Bad Request", "line 1, column 1: the body is empty"},
    {POST, "{\"a\":}", "400 Bad Request", "\"code\":\"malformed_json\""},
    {POST, "{\"a\":1}", "422 Unprocessable Content", "\"pointer\":\"/a\""},
    {POST "Content-Encoding: gzip\r\n", "{}", "415 Unsupported Media Type", "Compressed"},
    {POST "Content-Type: text/plain\r\n", "{}", "415 Unsupported Media Type", "application/json"},
    {"POST /v1/messages HTTP/1.1\r\n", "{}", "415 Unsupported Media Type", "application/json"},
    {"POST /v1/messages?api_key=k.s HTTP/1.1\r\nContent-Type: application/json\r\n", "{}",
     "400 Bad Request", "Authorization header"},
    {POST "Idempotency-Key: \r\n", "{}", "400 Bad Request", "1 to 256 printable"},
    {POST "Idempotency-Key: a\tb\r\n", "{}", "400 Bad Request", "1 to 256 printable"},
    {POST "Idempotency-Key: a\r\nX-Idempotency-Key: a\r\n", "{}", "400 Bad Request", "Give one"},
    {POST "Expect: 200-ok\r\n", "{}", "417 Expectation Failed", "application/problem+json"},
    {"GET /v1/relays HTTP/1.1\r\n", NULL, "200 OK", "{\"relays\":[{\"name\":\"ses\""},
    {"GET /v1/relays/ses HTTP/1.1\r\n", NULL, "200 OK",
     "\"rate\":{\"per_second\":0.5,\"burst\":null,"},
    {"GET /v1/relays/ses HTTP/1.1\r\n", NULL, "200 OK",
     "\"reason\":\"timeout\",\"detail\":\"no answer\"}"},
    {"GET /v1/relays/sess HTTP/1.1\r\n", NULL, "404 Not Found", "no relay"},
    {"POST /v1/relays/nope/pause HTTP/1.1\r\n", "", "404 Not Found", "no relay"},
    {"POST /v1/relays/ses/check HTTP/1.1\r\n", "", "503 Service Unavailable", "overloaded"},
    {"GET /v1/relays/ses/pause HTTP/1.1\r\n", NULL, "405 Method Not Allowed", "allow: POST"},
    {"POST /v1/relays/ses/pause HTTP/1.1\r\n", "", "200 OK", "\"state\":\"paused\""},
    {"POST /v1/relays/ses/resume HTTP/1.1\r\n", NULL, "200 OK", "\"state\":\"up\""},
    {"GET /v1/messages?limit=0 HTTP/1.1\r\n", NULL, "400 Bad Request", "limit must be"},
    {"GET /v1/messages?limit=201 HTTP/1.1\r\n", NULL, "400 Bad Request", "limit must be"},
    {"GET /v1/messages?limit=200 HTTP/1.1\r\n", NULL, "200 OK", "\"next_cursor\":null"},
    {"GET /v1/messages?cursor=x HTTP/1.1\r\n", NULL, "400 Bad Request", "cursor must be"},
    {"GET /v1/messages?status=nope HTTP/1.1\r\n", NULL, "400 Bad Request", "status must be"},
    {"GET /v1/messages?from=nobody HTTP/1.1\r\n", NULL, "400 Bad Request", "must be an address"},
    {"GET /v1/messages?since=monday HTTP/1.1\r\n", NULL, "400 Bad Request", "since must be"},
    {"GET /v1/messages?subject=x HTTP/1.1\r\n", NULL, "400 Bad Request", "known here"},
    {"GET /v1/messages/" OTHER_ID "/attempts HTTP/1.1\r\n", NULL, "404 Not Found", "not_found"},
    {"GET /v1/messages/x/events HTTP/1.1\r\n", NULL, "404 Not Found", "not_found"},
    {"GET /v1/messages/" THE_ID "/events HTTP/1.1\r\n", NULL, "200 OK", "\"events\":[]"},
    {"GET /v1/messages/" THE_ID "/raw HTTP/1.1\r\n", NULL, "404 Not Found", "body_gone"},
    {"POST /v1/messages/" THE_ID "/cancel HTTP/1.1\r\n", "", "409 Conflict", "message_state"},
    {"POST /v1/messages/" THE_ID "/retry HTTP/1.1\r\n", "", "404 Not Found", "body_gone"},
    {PATCH, "{\"scheduled_at\":null}", "409 Conflict", "message_busy"},
    {PATCH, "{}", "422 Unprocessable Content", "\"pointer\":\"/scheduled_at\""},
    {PATCH, "{\"scheduled_at\":\"monday\"}", "422 Unprocessable Content", "RFC 3339"},
    {PATCH, "{\"scheduled_at\":7}", "422 Unprocessable Content", "\"code\":\"type\""},
    {PATCH, "{\"subject\":\"x\"}", "422 Unprocessable Content", "unknown_field"},
    {PATCH, "{", "400 Bad Request", "malformed_json"},
    {"GET /readyz HTTP/1.1\r\n", NULL, "200 OK", "\"status\":\"ready\""},
    {"GET /version HTTP/1.1\r\n", NULL, "200 OK", "\"version\":\"0.0.0-test\""},
};

static void every_gate_answers_its_own_problem(void **state)
{
    (void)state;
    char answer[8192];
    for (size_t i = 0; i < N_OF(gates); i++) {
        ask(gates[i].request, gates[i].body, answer, sizeof(answer));
        bool good = strncmp(answer, "HTTP/1.1 ", 9) == 0 &&
                    strncmp(answer + 9, gates[i].status, strlen(gates[i].status)) == 0 &&
                    strstr(answer, gates[i].holds) != NULL &&
                    strstr(answer, "x-request-id: ") != NULL;
        if (!good)
            fail_msg("%s%s\n%s", gates[i].request, gates[i].status, answer);
    }
}

static void submissions_that_fail_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        enum gw_status fail;
        const char *status, *holds;
    } cases[] = {
        {GW_BUSY, "503 Service Unavailable", "retry-after: 1\r\n"},
        {GW_CLOSED, "503 Service Unavailable", "retry-after: 5\r\n"},
        {GW_CONFLICT, "409 Conflict", "\"code\":\"idempotency_in_progress\""},
        {GW_CONFLICT, "409 Conflict", "retry-after: 1\r\n"},
        {GW_EXISTS, "422 Unprocessable Content", "\"code\":\"idempotency_key_reused\""},
        {GW_INTERNAL, "500 Internal Server Error", "\"detail\":\"fake\""},
    };
    char answer[8192];
    for (size_t i = 0; i < N_OF(cases); i++) {
        gateway.fail = cases[i].fail;
        ask(POST, "{}", answer, sizeof(answer));
        assert_non_null(strstr(answer, cases[i].status));
        assert_non_null(strstr(answer, cases[i].holds));
    }
    gateway.not_ready = true;
    ask("GET /readyz HTTP/1.1\r\n", NULL, answer, sizeof(answer));
    assert_non_null(strstr(answer, "503 Service Unavailable"));
    assert_non_null(strstr(answer, "The fake says no."));
}

static void a_body_at_the_limit_passes_and_any_larger_is_413(void **state)
{
    (void)state;
    static const size_t larger[] = {BODY_LIMIT + 1, BODY_LARGE / 5, BODY_LARGE};
    char answer[8192];
    char *body = malloc(BODY_LARGE + 1);
    assert_non_null(body);
    memset(body, ' ', BODY_LARGE + 1);
    memcpy(body, "{}", 2);
    body[BODY_LIMIT] = '\0';
    ask(POST, body, answer, sizeof(answer));
    assert_non_null(strstr(answer, "200 OK"));
    assert_int_equal(gateway.last_body_len, BODY_LIMIT);
    for (size_t i = 0; i < N_OF(larger); i++) {
        char head[256];
        int fd = connect_tcp();
        int len =
            snprintf(head, sizeof(head), POST "Host: x\r\nContent-Length: %zu\r\n\r\n", larger[i]);
        send_all(fd, head, (size_t)len);
        memset(body, ' ', BODY_LARGE);
        send_all(fd, body, larger[i]);
        assert_true(receive(fd, answer, sizeof(answer), "at most 1000 "));
        assert_non_null(strstr(answer, "413 Content Too Large"));
        (void)close(fd);
    }
    free(body);
    ask(POST "Content-Length: 99999999999\r\n", NULL, answer, sizeof(answer));
    assert_non_null(strstr(answer, "413 Content Too Large"));
    assert_non_null(strstr(answer, "\"code\":\"body_too_large\""));
    assert_int_equal(gateway.n_submitted, 1);
}

/* Sends @n octets of body while the server's loop runs; false when the connection breaks. */
static bool send_body(int fd, size_t n)
{
    static const char zeros[65536];
    int64_t deadline = gw_clock_mono_ms() + DEADLINE_MS;
    while (n > 0 && gw_clock_mono_ms() < deadline) {
        ssize_t sent =
            send(fd, zeros, n < sizeof(zeros) ? n : sizeof(zeros), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            return false;
        n -= sent > 0 ? (size_t)sent : 0;
        pump(1);
    }
    return n == 0;
}

static void a_413_reaches_a_client_that_sends_its_whole_body_first(void **state)
{
    (void)state;
    char answer[8192];
    static const char head[] = POST
    "Host: x\r\nContent-Length: 90000000\r\n\r\n";
    int fd = connect_tcp();
    send_all(fd, head, sizeof(head) - 1);
    assert_true(send_body(fd, 90000000));
    assert_true(receive(fd, answer, sizeof(answer), "at most 1000 "));
    assert_non_null(strstr(answer, "413 Content Too Large"));
    assert_true(receive(fd, answer, sizeof(answer), NULL));
    (void)close(fd);
    pump(5);
    fd = connect_tcp(); /* and one that leaves while it lingers */
    send_all(fd, head, sizeof(head) - 1);
    assert_true(send_body(fd, 100000));
    (void)close(fd);
    pump(5);
}

static void keys_scopes_and_rates_are_enforced(void **state)
{
    (void)state;
    static const size_t own[] = {1};
    static struct cfg_api_key keys[2] = {
        {.name = "a", .id = "k_1", .scopes = CFG_SCOPE_SEND, .rate_per_s = 1},
        {.name = "b", .id = "k_2", .scopes = CFG_SCOPE_READ, .relays = own, .n_relays = 1}};
    SHA256((const unsigned char *)"one", 3, keys[0].sha256);
    SHA256((const unsigned char *)"two", 3, keys[1].sha256);
    cfg.api_keys = keys;
    cfg.n_api_keys = 2;
    struct gw_err err;
    cfg.n_listen = 1;
    server = new_server(&err);
    assert_non_null(server);
    static const struct {
        const char *headers, *status;
    } cases[] = {
        {"", "401 Unauthorized"},
        {"Authorization: Bearer k_1.two\r\n", "401 Unauthorized"},
        {"Authorization: Bearer k_9.one\r\n", "401 Unauthorized"},
        {"Authorization: Bearer k_1.one\r\nAuthorization: Bearer k_1.one\r\n", "401 Unauthorized"},
        {"Authorization: Bearer k_2.two\r\n", "403 Forbidden"},
        {"Authorization: Bearer k_1.one\r\n", "200 OK"},
        {"Authorization: Bearer k_1.one\r\n", "429 Too Many Requests"},
    };
    char answer[8192];
    char request[512];
    for (size_t i = 0; i < N_OF(cases); i++) {
        (void)snprintf(request, sizeof(request), "%s%s", POST, cases[i].headers);
        ask(request, "{}", answer, sizeof(answer));
        if (strstr(answer, cases[i].status) == NULL)
            fail_msg("%s\n%s", cases[i].headers, answer);
        bool unauthorized = strncmp(cases[i].status, "401", 3) == 0;
        assert_int_equal(unauthorized, strstr(answer, "www-authenticate: Bearer") != NULL);
        bool limited = strncmp(cases[i].status, "429", 3) == 0;
        assert_int_equal(limited, strstr(answer, "retry-after: ") != NULL);
    }
    ask("GET /livez HTTP/1.1\r\n", NULL, answer, sizeof(answer));
    assert_non_null(strstr(answer, "200 OK"));
    /* A key sees the relays it may use, and pauses none without `admin`. */
    ask("GET /v1/relays HTTP/1.1\r\nAuthorization: Bearer k_2.two\r\n", NULL, answer,
        sizeof(answer));
    assert_non_null(strstr(answer, "\"backup\""));
    assert_null(strstr(answer, "\"ses\""));
    ask("GET /v1/relays/ses HTTP/1.1\r\nAuthorization: Bearer k_2.two\r\n", NULL, answer,
        sizeof(answer));
    assert_non_null(strstr(answer, "404 Not Found"));
    ask("POST /v1/relays/backup/pause HTTP/1.1\r\nAuthorization: Bearer k_2.two\r\n", "", answer,
        sizeof(answer));
    assert_non_null(strstr(answer, "403 Forbidden"));
}

static void too_many_bytes_in_hand_are_refused_before_work(void **state)
{
    (void)state;
    char answer[8192];
    cfg.limits.inflight_bytes = 900;
    gateway.delay_ms = HOUR_MS;
    char body[600];
    memset(body, ' ', sizeof(body));
    body[0] = '{';
    body[1] = '}';
    body[sizeof(body) - 1] = '\0';
    int fd = connect_tcp();
    char head[1024];
    int len = snprintf(head, sizeof(head), POST "Host: x\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(body), body);
    send_all(fd, head, (size_t)len);
    while (gateway.n_submitted == 0)
        pump(1);
    ask(POST, body, answer, sizeof(answer));
    assert_non_null(strstr(answer, "503 Service Unavailable"));
    assert_non_null(strstr(answer, "\"code\":\"overloaded\""));
    assert_int_equal(gateway.n_submitted, 1);
    assert_int_equal(api_server_in_flight(server), 1);
    (void)close(fd);
}

static void a_full_house_closes_the_door(void **state)
{
    (void)state;
    char byte;
    cfg.limits.connections_per_peer = 2;
    int a = connect_tcp();
    int b = connect_tcp();
    pump(3);
    int c = connect_tcp();
    pump(3);
    assert_int_equal(recv(c, &byte, 1, MSG_DONTWAIT), 0);
    assert_true(recv(a, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    (void)close(a);
    pump(3);
    int d = connect_tcp();
    pump(3);
    assert_true(recv(d, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    (void)close(b);
    (void)close(c);
    (void)close(d);
    pump(3);
}

static void draining_refuses_new_work_and_finishes_the_rest(void **state)
{
    (void)state;
    char answer[8192];
    static const char post[] = POST
    "Host: x\r\nContent-Length: 2\r\n\r\n{}";
    gateway.delay_ms = 20;
    int old = connect_tcp();
    int idle = connect_tcp();
    pump(3);
    send_all(old, post, sizeof(post) - 1);
    while (gateway.n_submitted == 0)
        pump(1);
    api_server_drain(server);
    api_server_drain(server);
    pump(3);
    assert_int_equal(connect_tcp(), -1);
    assert_int_equal(access(socket_path, F_OK), -1);
    send_all(idle, post, sizeof(post) - 1);
    assert_true(receive(idle, answer, sizeof(answer), "\"code\":\"draining\""));
    assert_non_null(strstr(answer, "Connection: close"));
    assert_non_null(strstr(answer, "retry-after: 5"));
    assert_true(receive(old, answer, sizeof(answer), "\"status\":\"sent\""));
    assert_int_equal(api_server_in_flight(server), 0);
    (void)close(old);
    (void)close(idle);
}

static void a_unix_socket_has_its_mode_and_replaces_a_stale_file(void **state)
{
    (void)state;
    struct stat st;
    struct gw_err err;
    struct api_server *second;
    assert_int_equal(stat(socket_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    cfg.listen = &listeners[1];
    cfg.n_listen = 1;
    assert_int_equal(api_server_new(&loop, &gateway, &second, &err), GW_IO);
    assert_non_null(strstr(err.text, "another process listens"));
    assert_null(second);
    char stale[80];
    (void)snprintf(stale, sizeof(stale), "%s.stale", socket_path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, stale, strlen(stale) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(fd);
    listeners[1].path = stale;
    second = new_server(&err);
    assert_non_null(second);
    assert_int_equal(api_server_port(second, 0), 0);
    api_server_drain(second);
    pump(3);
    static const char *const bad[] = {"/tmp", "/nonexistent/x.sock"};
    for (size_t i = 0; i < N_OF(bad); i++) {
        listeners[1].path = bad[i];
        assert_int_equal(api_server_new(&loop, &gateway, &second, &err), GW_IO);
    }
    char too_long[200];
    memset(too_long, 'a', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    listeners[1].path = too_long;
    assert_int_equal(api_server_new(&loop, &gateway, &second, &err), GW_IO);
    assert_non_null(strstr(err.text, "at most 107"));
    pump(3);
}

static void a_taken_port_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct gw_err err;
    struct api_server *second;
    listeners[0].port = api_server_port(server, 0);
    cfg.n_listen = 1;
    assert_int_equal(api_server_new(&loop, &gateway, &second, &err), GW_IO);
    assert_non_null(strstr(err.text, "127.0.0.1:0"));
    assert_non_null(strstr(err.text, "address already in use"));
    pump(3);
}

/* --- HTTP/2, by hand --- */

/* A POST /v1/messages over HTTP/2 with prior knowledge, without its body; returns its length.
 * @extra is one more header, coded. */
static size_t h2_headers(unsigned char *out, const char *extra, size_t extra_len)
{
    static const unsigned char headers[] = "\x83\x86\x41\x01x"    /* POST, http, authority x */
                                           "\x44\x0c/v1/messages" /* path */
                                           "\x5f\x10"             /* content-type */
                                           "application/json"
                                           "\x40\x06prefer\x07wait=30";
    static const char start[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                "\0\0\0\x04\0\0\0\0\0" /* SETTINGS */;
    size_t n = sizeof(start) - 1;
    size_t block = sizeof(headers) - 1 + extra_len;
    memcpy(out, start, n);
    const unsigned char head[9] = {0, 0, (unsigned char)block, 1, 4, 0, 0, 0, 1};
    memcpy(out + n, head, sizeof(head));
    n += sizeof(head);
    memcpy(out + n, headers, sizeof(headers) - 1);
    memcpy(out + n + sizeof(headers) - 1, extra, extra_len);
    return n + block;
}

static size_t h2_request(unsigned char *out)
{
    static const char data[11] = {0, 0, 2, 0, 1, 0, 0, 0, 1, '{', '}'};
    size_t n = h2_headers(out, "", 0);
    memcpy(out + n, data, sizeof(data));
    return n + sizeof(data);
}

static void a_huge_body_announced_over_http2_is_413_at_once(void **state)
{
    (void)state;
    static const char content_length[] = "\x5c\x0b"
                                         "99999999999";
    unsigned char request[256];
    char answer[4096];
    size_t len = h2_headers(request, content_length, sizeof(content_length) - 1);
    int fd = connect_tcp();
    send_all(fd, request, len);
    assert_true(receive(fd, answer, sizeof(answer), "at most 1000 "));
    assert_non_null(memmem(answer, sizeof(answer), "body_too_large", 14));
    assert_int_equal(api_server_in_flight(server), 0);
    (void)close(fd);
}

static void the_preface_split_anywhere_is_http2(void **state)
{
    (void)state;
    unsigned char request[256];
    char answer[4096];
    size_t len = h2_request(request);
    for (size_t cut = 1; cut < len; cut++) {
        int fd = connect_tcp();
        send_all(fd, request, cut);
        pump(3);
        send_all(fd, request + cut, len - cut);
        assert_true(receive(fd, answer, sizeof(answer), "\"status\":\"sent\""));
        assert_memory_equal(answer + 3, "\x04", 1); /* our SETTINGS come first */
        (void)close(fd);
    }
    pump(5);
    assert_int_equal(api_server_in_flight(server), 0);
}

static void what_only_looks_like_the_preface_is_http1(void **state)
{
    (void)state;
    char answer[4096];
    static const char *const requests[] = {"PRI /livez HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"};
    static const char *const answers[] = {"HTTP/1.1 405", "HTTP/1.1 400"};
    for (size_t i = 0; i < N_OF(requests); i++) {
        int fd = connect_tcp();
        send_all(fd, requests[i], strlen(requests[i]));
        assert_true(receive(fd, answer, sizeof(answer), answers[i]));
        (void)close(fd);
    }
}

static void http2_clients_that_reset_or_leave_abandon_their_wait(void **state)
{
    (void)state;
    unsigned char request[256];
    size_t len = h2_request(request);
    gateway.delay_ms = HOUR_MS;
    int fd = connect_tcp();
    send_all(fd, request, len);
    while (gateway.n_submitted < 1)
        pump(1);
    assert_int_equal(api_server_in_flight(server), 1);
    send_all(fd, "\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08", 13); /* RST_STREAM CANCEL */
    while (gateway.n_abandoned < 1)
        pump(1);
    assert_int_equal(api_server_in_flight(server), 0);
    (void)close(fd);
    fd = connect_tcp();
    send_all(fd, request, len);
    while (gateway.n_submitted < 2)
        pump(1);
    (void)close(fd);
    while (gateway.n_abandoned < 2)
        pump(1);
    assert_int_equal(api_server_in_flight(server), 0);
}

/* Sends the first @cut octets, lets the loop turn @turns times, and is gone; hard or soft. */
static void leave_early(const void *request, size_t cut, int turns, bool reset)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    int fd = connect_tcp();
    send_all(fd, request, cut);
    pump(turns);
    if (reset)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    (void)close(fd);
}

static void a_client_may_leave_at_any_instant(void **state)
{
    (void)state;
    static const char h1[] = POST
    "Host: x\r\nPrefer: wait=30\r\nContent-Length: 2\r\n\r\n{}";
    unsigned char h2[256];
    size_t h2_len = h2_request(h2);
    gateway.delay_ms = 2;
    for (int reset = 0; reset < 2; reset++) {
        for (size_t cut = 0; cut < sizeof(h1); cut++)
            leave_early(h1, cut, (int)cut % 4, reset != 0);
        for (size_t cut = 0; cut <= h2_len; cut++)
            leave_early(h2, cut, (int)cut % 4, reset != 0);
        for (int turns = 0; turns < 40; turns++) {
            leave_early(h1, sizeof(h1) - 1, turns, reset != 0);
            leave_early(h2, h2_len, turns, reset != 0);
        }
    }
    int64_t deadline = gw_clock_mono_ms() + DEADLINE_MS;
    while (gateway.n_submitted > gateway.n_answered + gateway.n_abandoned &&
           gw_clock_mono_ms() < deadline)
        pump(1);
    pump(20);
    assert_true(gateway.n_submitted >= 160);
    assert_int_equal(gateway.n_submitted, gateway.n_answered + gateway.n_abandoned);
    assert_int_equal(api_server_in_flight(server), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_is_answered_with_its_state_and_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_gate_answers_its_own_problem, set_up, tear_down),
        cmocka_unit_test_setup_teardown(submissions_that_fail_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_at_the_limit_passes_and_any_larger_is_413, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_413_reaches_a_client_that_sends_its_whole_body_first,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_scopes_and_rates_are_enforced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_bytes_in_hand_are_refused_before_work, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_house_closes_the_door, set_up, tear_down),
        cmocka_unit_test_setup_teardown(draining_refuses_new_work_and_finishes_the_rest, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_unix_socket_has_its_mode_and_replaces_a_stale_file,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_taken_port_is_an_error_that_names_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_preface_split_anywhere_is_http2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_huge_body_announced_over_http2_is_413_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_only_looks_like_the_preface_is_http1, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(http2_clients_that_reset_or_leave_abandon_their_wait,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_may_leave_at_any_instant, set_up, tear_down),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does: NOLINT(performance-no-int-to-ptr) */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
