/* SPDX-License-Identifier: MIT */
/* The pool of a relay: reuse, limits, order, dead connections, failing attempts, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "smtp/client.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"

#define FLIGHT "C: MAIL\nC: RCPT\nC: RCPT\nC: DATA\n"

/* --- Names of the test's own; everything else goes to libc --- */

static struct {
    const char *ips[3];     /* of "many.test" */
    pthread_mutex_t silent; /* locked: "silent.test" is not answered */
} dns = {.silent = PTHREAD_MUTEX_INITIALIZER};

typedef int (*getaddrinfo_fn)(const char *, const char *, const struct addrinfo *,
                              struct addrinfo **);

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): reserved ones there */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **out)
{
    union {
        void *symbol;
        getaddrinfo_fn call;
    } real = {.symbol = dlsym(RTLD_NEXT, "getaddrinfo")};
    struct addrinfo **at = out;
    if (strcmp(name, "silent.test") == 0) {
        (void)pthread_mutex_lock(&dns.silent);
        (void)pthread_mutex_unlock(&dns.silent);
        return EAI_AGAIN;
    }
    if (strcmp(name, "many.test") != 0)
        return strcmp(name, "missing.test") == 0 ? EAI_NONAME
                                                 : real.call(name, service, hints, out);
    for (size_t i = 0; i < 3 && dns.ips[i] != NULL; i++) {
        struct addrinfo numeric = *hints;
        numeric.ai_flags = AI_NUMERICHOST;
        int rc = real.call(dns.ips[i], NULL, &numeric, at);
        if (rc != 0)
            return rc;
        at = &(*at)->ai_next;
    }
    return 0;
}

/* --- Helpers --- */

static struct test_server_config script(const char *text)
{
    return (struct test_server_config){.scripts = {text}};
}

static struct test_server_config scripts(const char *first, const char *second)
{
    return (struct test_server_config){.scripts = {first, second}};
}

/* A loopback port nobody listens on: bound, never listening, held until closed. */
static int closed_port(uint16_t *port_out)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port_out = ntohs(a.sin_port);
    return fd;
}

/* --- Reuse --- */

static void connection_is_reused_for_the_next_message(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[3] = {{.done = false}, {.done = false}, {.done = false}};
    const struct test_server_config server = script(TEST_PLAIN_HELLO "SERVE");
    test_relay_begin(&t, &server, test_relay_config());
    for (size_t i = 0; i < 3; i++) {
        test_mail_send(&t, &m[i]);
        test_mail_assert_sent(&m[i]);
        assert_int_equal(m[i].txn.reused_connection, i > 0);
        assert_int_equal(m[i].txn.timing.ms[SMTP_STAGE_EHLO] >= 0, i == 0);
        assert_int_equal(m[i].txn.timing.ms[SMTP_STAGE_CONNECT] >= 0, i == 0);
        assert_true(m[i].txn.timing.ms[SMTP_STAGE_DOT] >= 0);
    }
    struct smtp_relay_stats s = test_relay_stats(&t);
    assert_int_equal(s.opened, 1);
    assert_int_equal(s.reused, 2);
    assert_int_equal(s.idle, 1);
    assert_int_equal(s.busy + s.connecting + s.waiting, 0);
    assert_int_equal(test_server_accepted(t.server), 1);
    test_relay_end(&t, 0);
}

static void refused_message_leaves_the_connection_usable(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail bad = {.done = false};
    struct test_mail good = {.done = false};
    const struct test_server_config server =
        script(TEST_PLAIN_HELLO FLIGHT "S: 250 ok\nS: 550 5.1.1 no\nS: 550 5.1.1 no\nS: 554 no\n"
                                       "SERVE");
    struct smtp_relay_config config = test_relay_config();
    config.max_connections = 1; /* the next message comes while RSET is still on its way */
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &bad);
    test_mail_assert_failed(&bad, SMTP_REASON_REPLY, SMTP_STAGE_RCPT, false);
    assert_int_equal(bad.outcomes[0].reply.code, 550);
    assert_string_equal(bad.outcomes[0].reply.enhanced, "5.1.1");
    test_mail_send(&t, &good);
    test_mail_assert_sent(&good);
    assert_true(good.txn.reused_connection);
    test_relay_end(&t, 0);
}

static void connection_is_left_after_its_share_of_messages(void **state)
{
    (void)state;
    struct test_relay t;
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = script(TEST_PLAIN_HELLO "SERVE");
    config.max_connections = 1;
    config.max_messages_per_connection = 2;
    test_relay_begin(&t, &server, config);
    for (size_t i = 0; i < 5; i++) {
        struct test_mail m = {.done = false};
        test_mail_send(&t, &m);
        test_mail_assert_sent(&m);
        assert_int_equal(m.txn.reused_connection, i % 2);
    }
    assert_int_equal(test_server_accepted(t.server), 3);
    test_relay_end(&t, 1000);
}

static bool no_connection_left(void *data)
{
    const struct test_relay *t = data;
    struct smtp_relay_stats s = test_relay_stats(t);
    return s.idle == 0 && s.busy == 0 && test_server_closed(t->server) == 1;
}

static void idle_and_old_connections_say_quit(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct test_relay t;
        struct test_mail m = {.done = false};
        struct smtp_relay_config config = test_relay_config();
        const struct test_server_config server = script(TEST_PLAIN_HELLO "SERVE");
        *(i == 0 ? &config.idle_ms : &config.max_age_ms) = 50;
        test_relay_begin(&t, &server, config);
        test_mail_send(&t, &m);
        test_mail_assert_sent(&m);
        test_loop_until_true(&t.loop, no_connection_left, &t);
        assert_int_equal(test_server_quits(t.server), 1);
        assert_int_equal(test_relay_stats(&t).last_error_at_ms, 0);
        test_relay_end(&t, 0);
    }
}

/* --- Dead idle connections: Q3, Q4, M11 --- */

static void message_moves_off_a_connection_found_dead(void **state)
{
    (void)state;
    static const struct {
        const char *end;
        bool closed_before; /* the end comes while the connection is idle */
    } rows[] = {
        {"SERVE 1\nFIN", true},
        {"SERVE 1\nRST", true},
        {"SERVE 1\nS: 421 4.4.2 idle too long\nFIN", true},
        {"SERVE 1\nC: MAIL\nFIN", false},
        {"SERVE 1\nC: MAIL\nRST", false},
        {"SERVE 1\nC: MAIL\nS: 421 4.7.0 enough\nFIN", false},
        {"SERVE 1\nC: MAIL\nS: 421 4.7.0 enough\nHANG", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int tls = 0; tls < 2; tls++) {
            char first[400];
            struct test_relay t;
            struct test_mail m[2] = {{.done = false}, {.done = false}};
            struct smtp_relay_config config = test_relay_config();
            (void)snprintf(first, sizeof(first), "%s%s", tls ? TEST_TLS_HELLO : TEST_PLAIN_HELLO,
                           rows[i].end);
            const struct test_server_config server =
                scripts(first, tls ? TEST_TLS_HELLO "SERVE" : TEST_PLAIN_HELLO "SERVE");
            config.tls_mode = tls ? SMTP_TLS_IMPLICIT : SMTP_TLS_NONE;
            test_relay_begin(&t, &server, config);
            test_mail_send(&t, &m[0]);
            test_mail_assert_sent(&m[0]);
            /* The loop does not run meanwhile, so the end is found when MAIL is sent. */
            if (rows[i].closed_before)
                test_server_wait_closed(t.server, 1);
            test_mail_send(&t, &m[1]);
            test_mail_assert_sent(&m[1]);
            assert_false(m[1].txn.reused_connection);
            assert_int_equal(test_server_accepted(t.server), 2);
            assert_int_equal(test_server_messages(t.server), 2);
            assert_int_equal(test_relay_stats(&t).failed_connections, 0);
            assert_int_equal(test_relay_stats(&t).last_error_at_ms, 0);
            test_relay_end(&t, 0);
        }
    }
}

static void idle_connection_that_ends_is_forgotten_quietly(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    const struct test_server_config server = script(TEST_PLAIN_HELLO "SERVE 1\nFIN");
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_send(&t, &m);
    test_loop_until_true(&t.loop, no_connection_left, &t);
    assert_int_equal(test_relay_stats(&t).last_error_at_ms, 0);
    test_relay_end(&t, 0);
}

static void fresh_connection_that_breaks_is_an_outcome(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        enum smtp_reason reason;
        enum smtp_stage stage;
    } rows[] = {
        {TEST_PLAIN_HELLO "C: MAIL\nS: 421 4.7.0 enough\nHANG", SMTP_REASON_RELAY_421,
         SMTP_STAGE_MAIL},
        {TEST_PLAIN_HELLO FLIGHT "FIN", SMTP_REASON_CONN_CLOSED, SMTP_STAGE_MAIL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct test_relay t;
        struct test_mail m = {.done = false};
        const struct test_server_config server = script(rows[i].script);
        test_relay_begin(&t, &server, test_relay_config());
        test_mail_send(&t, &m);
        test_mail_assert_failed(&m, rows[i].reason, rows[i].stage, false);
        assert_int_equal(test_server_accepted(t.server), 1);
        assert_true(test_relay_stats(&t).last_error_at_ms > 0);
        assert_int_equal(test_relay_stats(&t).last_reason, rows[i].reason);
        test_relay_end(&t, 0);
    }
}

static void reused_connection_that_breaks_behind_mail_is_an_outcome(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    const struct test_server_config server =
        scripts(TEST_PLAIN_HELLO "SERVE 1\n" FLIGHT "S: 250 ok\nFIN", TEST_PLAIN_HELLO "SERVE");
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_send(&t, &m[0]);
    test_mail_send(&t, &m[1]);
    test_mail_assert_failed(&m[1], SMTP_REASON_CONN_CLOSED, SMTP_STAGE_RCPT, false);
    assert_int_equal(test_server_accepted(t.server), 1);
    test_relay_end(&t, 0);
}

/* --- Many at once --- */

static void connections_stay_within_the_maximum(void **state)
{
    (void)state;
    enum {
        N = 40
    };
    struct test_relay t;
    struct test_mail *m = gw_calloc(N, sizeof(*m));
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = script(TEST_PLAIN_HELLO "SERVE");
    config.max_connections = 3;
    test_relay_begin(&t, &server, config);
    for (size_t i = 0; i < N; i++)
        test_mail_submit(&t, &m[i]);
    assert_int_equal(test_relay_stats(&t).waiting, N);
    assert_int_equal(test_relay_stats(&t).connecting, 3);
    for (size_t i = 0; i < N; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_sent(&m[i]);
    }
    assert_int_equal(test_server_accepted(t.server), 3);
    assert_int_equal(test_server_messages(t.server), N);
    test_relay_end(&t, 0);
    gw_free(m);
}

enum {
    N_NUMBERED = 6
};

/* Over one connection, transactions of these flows, submitted at once: they go in this order. */
static void assert_order(const uint32_t *flows, const size_t *order)
{
    struct test_relay t;
    char bodies[N_NUMBERED][32];
    struct test_mail m[N_NUMBERED];
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = script(TEST_PLAIN_HELLO "SERVE");
    memset(m, 0, sizeof(m));
    config.max_connections = 1;
    test_relay_begin(&t, &server, config);
    for (size_t i = 0; i < N_NUMBERED; i++) {
        (void)snprintf(bodies[i], sizeof(bodies[i]), "Subject: number %zu\r\n", i);
        m[i].txn.envelope.content = gw_slice_str(bodies[i]);
        m[i].txn.flow = flows[i];
        test_mail_submit(&t, &m[i]);
    }
    for (size_t i = 0; i < N_NUMBERED; i++)
        test_mail_wait(&t, &m[i]);
    char *log = test_server_log(t.server);
    const char *at = log;
    for (size_t i = 0; i < N_NUMBERED; i++) {
        at = strstr(at, bodies[order[i]]);
        assert_non_null(at);
    }
    free(log);
    test_relay_end(&t, 0);
}

static void transactions_go_in_the_order_they_came(void **state)
{
    (void)state;
    assert_order((const uint32_t[N_NUMBERED]){0}, (const size_t[N_NUMBERED]){0, 1, 2, 3, 4, 5});
}

/* Five of one flow, then one of another: it is second, not sixth. */
static void another_flow_has_its_turn_before_the_rest_of_the_first(void **state)
{
    (void)state;
    assert_order((const uint32_t[N_NUMBERED]){1, 1, 1, 1, 1, 2},
                 (const size_t[N_NUMBERED]){0, 5, 1, 2, 3, 4});
}

static void full_queue_is_refused_at_once(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[4];
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = script("WAIT\n" TEST_PLAIN_HELLO "SERVE");
    memset(m, 0, sizeof(m));
    config.max_connections = 1;
    config.max_waiting = 3;
    test_relay_begin(&t, &server, config);
    for (size_t i = 0; i < 3; i++)
        test_mail_submit(&t, &m[i]);
    test_mail_send(&t, &m[3]);
    test_mail_assert_failed(&m[3], SMTP_REASON_RELAY_BUSY, SMTP_STAGE_CONNECT, false);
    assert_true(m[3].txn.not_tried);
    assert_true(m[3].txn.retry_after_ms >= SMTP_RELAY_BUSY_MS);
    test_server_go(t.server);
    for (size_t i = 0; i < 3; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_sent(&m[i]);
    }
    test_relay_end(&t, 0);
}

static void a_waiting_transaction_can_be_cancelled(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = script("WAIT\n" TEST_PLAIN_HELLO "SERVE");
    config.max_connections = 1;
    test_relay_begin(&t, &server, config);
    test_mail_submit(&t, &m[0]);
    test_mail_submit(&t, &m[1]);
    test_mail_cancel(&t, &m[1]);
    test_mail_wait(&t, &m[1]);
    test_mail_assert_failed(&m[1], SMTP_REASON_CANCELED, SMTP_STAGE_CONNECT, false);
    assert_false(m[0].done);
    test_server_go(t.server);
    test_mail_wait(&t, &m[0]);
    test_mail_assert_sent(&m[0]);
    test_relay_end(&t, 0);
}

/* --- Failing attempts --- */

static void refused_port_answers_all_who_wait(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[4];
    struct smtp_relay_config config = test_relay_config();
    int fd = closed_port(&config.port);
    char address[40];
    memset(m, 0, sizeof(m));
    test_relay_begin(&t, NULL, config);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u: connection refused", config.port);
    for (size_t i = 0; i < 4; i++)
        test_mail_submit(&t, &m[i]);
    for (size_t i = 0; i < 4; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_failed(&m[i], SMTP_REASON_CONN_REFUSED, SMTP_STAGE_CONNECT, false);
        assert_non_null(strstr(m[i].outcomes[0].detail, address));
    }
    struct smtp_relay_stats s = test_relay_stats(&t);
    assert_int_equal(s.last_reason, SMTP_REASON_CONN_REFUSED);
    assert_int_equal(s.last_stage, SMTP_STAGE_CONNECT);
    assert_true(s.last_error_at_ms > 0);
    assert_non_null(strstr(s.last_detail, address));
    assert_true(s.failed_connections >= 1);
    test_relay_end(&t, 0);
    (void)close(fd);
}

static void unknown_host_is_named(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    config.host = "missing.test";
    config.port = 587;
    test_relay_begin(&t, NULL, config);
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_RELAY_DNS, SMTP_STAGE_RESOLVE, false);
    assert_non_null(strstr(m.outcomes[0].detail, "\"missing.test\" does not exist"));
    test_relay_end(&t, 0);
}

static void silent_dns_runs_into_its_deadline(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct test_mail waiting = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    config.host = "silent.test";
    config.port = 587;
    config.timeouts.resolve_ms = 40;
    (void)pthread_mutex_lock(&dns.silent);
    test_relay_begin(&t, NULL, config);
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_TIMEOUT, SMTP_STAGE_RESOLVE, false);
    assert_non_null(strstr(m.outcomes[0].detail, "\"silent.test\""));
    test_mail_submit(&t, &waiting); /* joins the lookup that still hangs */
    test_loop_once(&t.loop);
    test_relay_end(&t, 0);
    (void)pthread_mutex_unlock(&dns.silent);
    test_mail_assert_failed(&waiting, SMTP_REASON_SHUTDOWN, SMTP_STAGE_CONNECT, false);
}

/* R5: our own want of file descriptors is not the relay's fault. */
static void want_of_file_descriptors_is_named(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    struct rlimit before;
    config.port = 587;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    test_relay_begin(&t, NULL, config);
    const struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    test_mail_send(&t, &m);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    test_mail_assert_failed(&m, SMTP_REASON_LOCAL_FD, SMTP_STAGE_CONNECT, false);
    assert_non_null(strstr(m.outcomes[0].detail, "too many open files"));
    test_relay_end(&t, 0);
}

static void next_address_is_tried_when_the_first_refuses(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = script(TEST_PLAIN_HELLO "SERVE");
    config.host = "many.test";
    dns.ips[0] = "127.0.0.9"; /* nobody is there */
    dns.ips[1] = "127.0.0.1";
    dns.ips[2] = NULL;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m);
    test_mail_assert_sent(&m);
    test_relay_end(&t, 0);
}

static void all_addresses_are_named_when_all_refuse(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    int fd = closed_port(&config.port);
    config.host = "many.test";
    dns.ips[0] = "127.0.0.9";
    dns.ips[1] = "127.0.0.1";
    dns.ips[2] = "127.0.0.8";
    test_relay_begin(&t, NULL, config);
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_CONN_REFUSED, SMTP_STAGE_CONNECT, false);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(strstr(m.outcomes[0].detail, dns.ips[i]));
    test_relay_end(&t, 0);
    (void)close(fd);
}

/* An address whose accept queue is full swallows connection requests. */
static int black_hole(const char *ip, uint16_t port, int fillers[4])
{
    struct sockaddr_in a;
    assert_int_equal(uv_ip4_addr(ip, port, &a), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (size_t i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (const struct sockaddr *)&a, sizeof(a));
    }
    return fd;
}

static void silent_address_does_not_hold_up_the_others(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    int fillers[4];
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = script(TEST_PLAIN_HELLO "SERVE");
    config.host = "many.test";
    dns.ips[0] = "127.0.0.9";
    dns.ips[1] = "127.0.0.1";
    dns.ips[2] = NULL;
    test_relay_begin(&t, &server, config);
    int fd = black_hole("127.0.0.9", test_server_port(t.server), fillers);
    test_mail_send(&t, &m);
    test_mail_assert_sent(&m);
    assert_in_range(m.txn.timing.ms[SMTP_STAGE_CONNECT], SMTP_CLIENT_STAGGER_MS - 5, 10000);
    test_relay_end(&t, 0);
    for (size_t i = 0; i < 4; i++)
        (void)close(fillers[i]);
    (void)close(fd);
}

static void silent_relay_runs_into_the_connect_deadline(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    int fillers[4];
    struct smtp_relay_config config = test_relay_config();
    int reserved = closed_port(&config.port);
    int fd = black_hole("127.0.0.9", config.port, fillers);
    config.host = "127.0.0.9";
    config.timeouts.connect_ms = 80;
    test_relay_begin(&t, NULL, config);
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_TIMEOUT, SMTP_STAGE_CONNECT, false);
    assert_non_null(strstr(m.outcomes[0].detail, "127.0.0.9"));
    assert_non_null(strstr(m.outcomes[0].detail, "no answer"));
    test_relay_end(&t, 0);
    for (size_t i = 0; i < 4; i++)
        (void)close(fillers[i]);
    (void)close(fd);
    (void)close(reserved);
}

#define AUTH_HELLO "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250-AUTH PLAIN\nS: 250 PIPELINING\nC: AUTH\n"

static void wrong_password_answers_all_and_is_not_tried_again_at_once(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[3];
    struct test_mail later = {.done = false};
    struct test_mail fixed = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server =
        scripts(AUTH_HELLO "S: 535 5.7.8 bad\nHANG", AUTH_HELLO "S: 235 ok\nSERVE");
    memset(m, 0, sizeof(m));
    config.username = "user";
    config.password = "hunter2";
    config.max_connections = 3; /* but nobody may try the password more than once */
    test_relay_begin(&t, &server, config);
    for (size_t i = 0; i < 3; i++)
        test_mail_submit(&t, &m[i]);
    for (size_t i = 0; i < 3; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_failed(&m[i], SMTP_REASON_AUTH_FAILED, SMTP_STAGE_AUTH, false);
        assert_int_equal(m[i].outcomes[0].reply.code, 535);
    }
    test_mail_send(&t, &later);
    test_mail_assert_failed(&later, SMTP_REASON_AUTH_FAILED, SMTP_STAGE_AUTH, false);
    assert_int_equal(test_server_accepted(t.server), 1);
    assert_null(strstr(test_relay_stats(&t).last_detail, "hunter2"));
    gw_clock_fake(gw_clock_wall_ms(), gw_clock_mono_ms() + SMTP_BREAKER_CREDENTIALS_MS + 1);
    test_mail_send(&t, &fixed);
    test_mail_assert_sent(&fixed);
    gw_clock_fake_end();
    assert_int_equal(test_relay_stats(&t).last_error_at_ms, 0);
    test_relay_end(&t, 0);
}

static void failed_attempt_fails_nobody_while_another_connection_works(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[4];
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server =
        scripts(TEST_PLAIN_HELLO "SERVE", "S: 421 4.7.0 too many connections\nFIN");
    memset(m, 0, sizeof(m));
    config.max_connections = 4;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m[0]);
    for (size_t i = 1; i < 4; i++)
        test_mail_submit(&t, &m[i]);
    for (size_t i = 1; i < 4; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_sent(&m[i]);
    }
    assert_int_equal(test_server_messages(t.server), 4);
    test_relay_end(&t, 0);
}

static void later_transactions_get_an_attempt_of_their_own(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail first = {.done = false};
    struct test_mail second = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server =
        scripts("WAIT\nS: 421 4.3.2 come back\nFIN", TEST_PLAIN_HELLO "SERVE");
    config.max_connections = 1;
    test_relay_begin(&t, &server, config);
    test_mail_submit(&t, &first);
    test_mail_submit(&t, &second); /* behind the attempt */
    test_server_go(t.server);
    test_mail_wait(&t, &first);
    test_mail_assert_failed(&first, SMTP_REASON_RELAY_421, SMTP_STAGE_GREETING, false);
    test_mail_wait(&t, &second);
    test_mail_assert_sent(&second);
    test_relay_end(&t, 0);
}

/* --- The end --- */

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static void close_lets_a_running_transaction_finish_in_its_grace(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail running = {.done = false};
    struct test_mail waiting = {.done = false};
    struct test_mail late = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server =
        script(TEST_PLAIN_HELLO FLIGHT "WAIT\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\n"
                                       "S: 250 queued\nC: QUIT\nS: 221 bye");
    config.max_connections = 1;
    test_relay_begin(&t, &server, config);
    test_mail_submit(&t, &running);
    while (test_relay_stats(&t).busy == 0)
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    test_mail_submit(&t, &waiting);
    bool closed = false;
    smtp_relay_close(t.relay, 20000, on_closed, &closed);
    assert_int_equal(test_mail_try_submit(&t, &late), GW_CLOSED);
    test_mail_wait(&t, &waiting);
    test_mail_assert_failed(&waiting, SMTP_REASON_SHUTDOWN, SMTP_STAGE_CONNECT, false);
    assert_false(running.done);
    test_server_go(t.server);
    test_mail_wait(&t, &running);
    test_mail_assert_sent(&running);
    test_loop_until(&t.loop, &closed);
    test_loop_end(&t.loop);
    test_server_free(t.server);
}

static void close_without_grace_ends_a_running_transaction(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    const struct test_server_config server = script(TEST_PLAIN_HELLO FLIGHT "HANG");
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_submit(&t, &m);
    while (test_relay_stats(&t).busy == 0)
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    test_relay_end(&t, 0);
    assert_int_equal(m.n_done, 1);
    test_mail_assert_failed(&m, SMTP_REASON_SHUTDOWN, SMTP_STAGE_MAIL, false);
}

static void close_behind_the_dot_is_uncertain(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    const struct test_server_config server =
        script(TEST_PLAIN_HELLO FLIGHT "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nHANG");
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_submit(&t, &m);
    char *log = NULL;
    do { /* until the server has the dot */
        free(log);
        (void)uv_run(&t.loop, UV_RUN_NOWAIT);
        log = test_server_log(t.server);
    } while (strstr(log, "\r\n.\r\n") == NULL);
    free(log);
    test_relay_end(&t, 0);
    test_mail_assert_failed(&m, SMTP_REASON_SHUTDOWN, SMTP_STAGE_DOT, true);
}

static void idle_relay_closes_without_ever_connecting(void **state)
{
    (void)state;
    struct test_relay t;
    struct smtp_relay_config config = test_relay_config();
    config.port = 9;
    test_relay_begin(&t, NULL, config);
    assert_string_equal(smtp_relay_name(t.relay), "test");
    test_relay_end(&t, 10000);
}

static void bad_configuration_is_an_error_at_once(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct smtp_relay *relay = NULL;
    struct gw_err err = {.text = ""};
    struct smtp_relay_config config = test_relay_config();
    assert_int_equal(uv_loop_init(&loop), 0);
    config.port = 587;
    config.tls_mode = SMTP_TLS_REQUIRED;
    config.ca_file = "/nonexistent/ca.pem";
    assert_int_equal(smtp_relay_new(&loop, &config, &relay, &err), GW_IO);
    assert_non_null(strstr(err.text, "/nonexistent/ca.pem"));
    config.ca_file = NULL;
    config.host = "not a host";
    assert_int_equal(smtp_relay_new(&loop, &config, &relay, &err), GW_INVALID);
    config.host = "mx.example.test";
    config.username = "user";
    assert_int_equal(smtp_relay_new(&loop, &config, &relay, &err), GW_INVALID);
    assert_non_null(strstr(err.text, "password"));
    assert_null(relay);
    test_loop_end(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_is_reused_for_the_next_message),
        cmocka_unit_test(refused_message_leaves_the_connection_usable),
        cmocka_unit_test(connection_is_left_after_its_share_of_messages),
        cmocka_unit_test(idle_and_old_connections_say_quit),
        cmocka_unit_test(message_moves_off_a_connection_found_dead),
        cmocka_unit_test(idle_connection_that_ends_is_forgotten_quietly),
        cmocka_unit_test(fresh_connection_that_breaks_is_an_outcome),
        cmocka_unit_test(reused_connection_that_breaks_behind_mail_is_an_outcome),
        cmocka_unit_test(connections_stay_within_the_maximum),
        cmocka_unit_test(transactions_go_in_the_order_they_came),
        cmocka_unit_test(another_flow_has_its_turn_before_the_rest_of_the_first),
        cmocka_unit_test(full_queue_is_refused_at_once),
        cmocka_unit_test(a_waiting_transaction_can_be_cancelled),
        cmocka_unit_test(refused_port_answers_all_who_wait),
        cmocka_unit_test(unknown_host_is_named),
        cmocka_unit_test(silent_dns_runs_into_its_deadline),
        cmocka_unit_test(want_of_file_descriptors_is_named),
        cmocka_unit_test(next_address_is_tried_when_the_first_refuses),
        cmocka_unit_test(all_addresses_are_named_when_all_refuse),
        cmocka_unit_test(silent_address_does_not_hold_up_the_others),
        cmocka_unit_test(silent_relay_runs_into_the_connect_deadline),
        cmocka_unit_test(wrong_password_answers_all_and_is_not_tried_again_at_once),
        cmocka_unit_test(failed_attempt_fails_nobody_while_another_connection_works),
        cmocka_unit_test(later_transactions_get_an_attempt_of_their_own),
        cmocka_unit_test(close_lets_a_running_transaction_finish_in_its_grace),
        cmocka_unit_test(close_without_grace_ends_a_running_transaction),
        cmocka_unit_test(close_behind_the_dot_is_uncertain),
        cmocka_unit_test(idle_relay_closes_without_ever_connecting),
        cmocka_unit_test(bad_configuration_is_an_error_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
