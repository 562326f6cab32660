/* SPDX-License-Identifier: MIT */
/* Name resolution off the loop, against a getaddrinfo that the test owns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "smtp/resolver.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"

/* --- The program's own getaddrinfo, found by the linker before libc's --- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int result, errnum, calls;
    const char *ips[40];
    bool hold; /* answers wait until this is false */
    int running;
} dns = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct addrinfo *node(const char *ip)
{
    struct {
        struct addrinfo ai;
        struct sockaddr_in6 addr;
    } *n = calloc(1, sizeof(*n));
    assert_non_null(n);
    n->ai.ai_addr = (struct sockaddr *)(void *)&n->addr;
    if (uv_ip6_addr(ip, 0, &n->addr) == 0) {
        n->ai.ai_family = AF_INET6;
        n->ai.ai_addrlen = sizeof(struct sockaddr_in6);
    } else {
        assert_int_equal(uv_ip4_addr(ip, 0, (struct sockaddr_in *)(void *)&n->addr), 0);
        n->ai.ai_family = AF_INET;
        n->ai.ai_addrlen = sizeof(struct sockaddr_in);
    }
    return &n->ai;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): reserved ones there */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **out)
{
    (void)name;
    (void)service;
    (void)hints;
    pthread_mutex_lock(&dns.lock);
    dns.calls++;
    dns.running++;
    pthread_cond_broadcast(&dns.changed);
    while (dns.hold)
        pthread_cond_wait(&dns.changed, &dns.lock);
    int result = dns.result;
    struct addrinfo **at = out;
    *out = NULL;
    for (size_t i = 0; result == 0 && dns.ips[i] != NULL; i++) {
        *at = node(dns.ips[i]);
        at = &(*at)->ai_next;
    }
    dns.running--;
    pthread_cond_broadcast(&dns.changed);
    int errnum = dns.errnum;
    pthread_mutex_unlock(&dns.lock);
    errno = errnum;
    return result;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

static void dns_set(int result, const char *ip0, const char *ip1)
{
    pthread_mutex_lock(&dns.lock);
    dns.result = result;
    memset(dns.ips, 0, sizeof(dns.ips));
    dns.ips[0] = ip0;
    dns.ips[1] = ip1;
    dns.errnum = 0;
    dns.calls = 0;
    pthread_mutex_unlock(&dns.lock);
}

static void dns_hold(bool hold)
{
    pthread_mutex_lock(&dns.lock);
    dns.hold = hold;
    pthread_cond_broadcast(&dns.changed);
    pthread_mutex_unlock(&dns.lock);
}

static int dns_calls(void)
{
    pthread_mutex_lock(&dns.lock);
    int calls = dns.calls;
    pthread_mutex_unlock(&dns.lock);
    return calls;
}

static void dns_wait_running(int n)
{
    pthread_mutex_lock(&dns.lock);
    while (dns.running != n)
        pthread_cond_wait(&dns.changed, &dns.lock);
    pthread_mutex_unlock(&dns.lock);
}

/* --- A question and its answer --- */

struct question {
    struct smtp_lookup lookup;
    bool done, found;
    int n_answers;
    struct smtp_addresses addresses;
    enum smtp_reason reason;
    char detail[SMTP_DETAIL_SIZE];
};

static void on_answer(struct smtp_lookup *lookup, const struct smtp_addresses *found,
                      enum smtp_reason reason, const char *detail)
{
    struct question *q = gw_list_entry(lookup, struct question, lookup);
    q->done = true;
    q->n_answers++;
    q->found = found != NULL;
    if (found != NULL)
        q->addresses = *found;
    q->reason = reason;
    (void)snprintf(q->detail, sizeof(q->detail), "%s", detail);
}

static struct question ask(uv_loop_t *loop, struct smtp_resolver *r)
{
    struct question q = {.lookup = {.on_done = on_answer}};
    smtp_resolver_lookup(r, &q.lookup);
    assert_false(q.done);
    test_loop_until(loop, &q.done);
    return q;
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static void end(uv_loop_t *loop, struct smtp_resolver *r)
{
    bool closed = false;
    smtp_resolver_close(r, on_closed, &closed);
    assert_false(closed);
    test_loop_until(loop, &closed);
    test_loop_end(loop);
}

static struct smtp_resolver *begin(uv_loop_t *loop, const char *host)
{
    struct smtp_resolver *r = NULL;
    assert_int_equal(uv_loop_init(loop), 0);
    assert_int_equal(smtp_resolver_new(loop, host, 587, &r, NULL), GW_OK);
    return r;
}

static void assert_address(const struct smtp_addresses *a, size_t i, const char *want)
{
    char text[SMTP_ADDRESS_TEXT_SIZE];
    assert_true(i < a->n);
    smtp_address_text(&a->list[i], text);
    assert_string_equal(text, want);
}

/* --- Tests --- */

static void host_names_are_checked_before_any_lookup(void **state)
{
    (void)state;
    char label63[70];
    char label64[70];
    char host253[300];
    char host254[300];
    memset(label63, 'a', 63);
    memset(label64, 'a', 64);
    (void)snprintf(label63 + 63, 7, "%s", ".test");
    (void)snprintf(label64 + 64, 6, "%s", ".test");
    memset(host253, 'a', sizeof(host253));
    for (size_t i = 49; i < 253; i += 50)
        host253[i] = '.';
    memcpy(host254, host253, sizeof(host253));
    host253[253] = '\0';
    host254[254] = '\0';
    const struct {
        const char *host;
        enum gw_status st;
    } rows[] = {
        {"localhost", GW_OK},
        {"mx.example.test", GW_OK},
        {"mx.example.test.", GW_OK},
        {"192.0.2.1", GW_OK},
        {"2001:db8::1", GW_OK},
        {"under_score.test", GW_OK},
        {label63, GW_OK},
        {host253, GW_OK},
        {"", GW_INVALID},
        {".", GW_INVALID},
        {"..", GW_INVALID},
        {"a..b", GW_INVALID},
        {".a", GW_INVALID},
        {label64, GW_INVALID},
        {host254, GW_INVALID},
        {"a b", GW_INVALID},
        {"a\n.test", GW_INVALID},
        {"a\x01.test", GW_INVALID},
        {"b\xc3\xbc.test", GW_INVALID},
        {"[::1]", GW_INVALID},
        {"a:25", GW_INVALID},
        {"a/b", GW_INVALID},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_err err = {.text = ""};
        if (smtp_host_check(rows[i].host, &err) != rows[i].st)
            fail_msg("\"%s\": %s", rows[i].host, err.text);
        assert_int_equal(err.text[0] != '\0', rows[i].st != GW_OK);
    }
}

static void literals_need_no_lookup(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"192.0.2.7", "192.0.2.7:587"},
                                          {"2001:db8::7", "[2001:db8::7]:587"}};
    for (size_t i = 0; i < 2; i++) {
        uv_loop_t loop;
        struct smtp_addresses a;
        struct smtp_resolver *r = begin(&loop, rows[i][0]);
        dns_set(0, NULL, NULL);
        assert_true(smtp_resolver_cached(r, &a));
        assert_int_equal(a.n, 1);
        assert_address(&a, 0, rows[i][1]);
        assert_int_equal(dns_calls(), 0);
        end(&loop, r);
    }
}

static void answer_is_kept_fresh_then_asked_again(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct smtp_addresses a;
    gw_clock_fake(1000, 1000);
    struct smtp_resolver *r = begin(&loop, "mx.example.test");
    dns_set(0, "192.0.2.1", NULL);
    assert_false(smtp_resolver_cached(r, &a));
    struct question q = ask(&loop, r);
    assert_true(q.found);
    assert_address(&q.addresses, 0, "192.0.2.1:587");
    gw_clock_fake_advance(SMTP_RESOLVER_FRESH_MS - 1);
    assert_true(smtp_resolver_cached(r, &a));
    assert_address(&a, 0, "192.0.2.1:587");
    gw_clock_fake_advance(1);
    assert_false(smtp_resolver_cached(r, &a));
    dns_set(0, "192.0.2.2", NULL);
    q = ask(&loop, r);
    assert_address(&q.addresses, 0, "192.0.2.2:587");
    gw_clock_fake_end();
    end(&loop, r);
}

static void families_take_turns_and_five_are_enough(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct smtp_resolver *r = begin(&loop, "mx.example.test");
    dns_set(0, "2001:db8::1", "2001:db8::2");
    static const char *const more[] = {"2001:db8::1", "2001:db8::3", "2001:db8::4", "192.0.2.1",
                                       "192.0.2.1",   "192.0.2.2",   "192.0.2.3"};
    memcpy(dns.ips + 2, more, sizeof(more));
    for (size_t i = 9; i < 39; i++)
        dns.ips[i] = "192.0.2.99";
    struct question q = ask(&loop, r);
    assert_int_equal(q.addresses.n, SMTP_MAX_ADDRESSES);
    assert_address(&q.addresses, 0, "[2001:db8::1]:587");
    assert_address(&q.addresses, 1, "192.0.2.1:587");
    assert_address(&q.addresses, 2, "[2001:db8::2]:587");
    assert_address(&q.addresses, 3, "192.0.2.2:587");
    assert_address(&q.addresses, 4, "[2001:db8::3]:587");
    end(&loop, r);
}

static void temporary_failure_falls_back_on_the_last_good_answer_for_an_hour(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct smtp_addresses a;
    gw_clock_fake(1000, 1000);
    struct smtp_resolver *r = begin(&loop, "mx.example.test");
    dns_set(0, "192.0.2.1", NULL);
    (void)ask(&loop, r);
    dns_set(EAI_AGAIN, NULL, NULL);
    gw_clock_fake_advance(SMTP_RESOLVER_KEEP_MS - 1);
    assert_true(smtp_resolver_last_good(r, &a));
    struct question q = ask(&loop, r);
    assert_true(q.found);
    assert_address(&q.addresses, 0, "192.0.2.1:587");
    gw_clock_fake_advance(1);
    assert_false(smtp_resolver_last_good(r, &a));
    q = ask(&loop, r);
    assert_false(q.found);
    assert_int_equal(q.reason, SMTP_REASON_RELAY_DNS);
    gw_clock_fake_end();
    end(&loop, r);
}

static bool was_asked_again(void *data)
{
    (void)data;
    return dns_calls() == 2;
}

/* Name servers that went silent cost a relay's next connection less than two seconds. */
static void silence_is_not_waited_for_when_an_answer_is_known(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {TEST_PLAIN_HELLO "SERVE"}};
    config.host = "mx.example.test";
    config.max_messages_per_connection = 1;
    dns_set(0, "127.0.0.1", NULL);
    gw_clock_fake(1000, 1000);
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m[0]);
    gw_clock_fake_advance(SMTP_RESOLVER_FRESH_MS);
    dns_hold(true);
    test_mail_submit(&t, &m[1]);
    test_loop_until_true(&t.loop, was_asked_again, NULL);
    gw_clock_fake_advance(SMTP_RESOLVER_STALE_MS - 1);
    test_loop_once(&t.loop);
    assert_int_equal(test_server_accepted(t.server), 1);
    gw_clock_fake_advance(1);
    test_mail_wait(&t, &m[1]);
    test_mail_assert_sent(&m[1]);
    dns_hold(false);
    dns_wait_running(0);
    gw_clock_fake_end();
    test_relay_end(&t, 0);
}

static void failures_have_a_reason_and_name_the_host(void **state)
{
    (void)state;
    static const struct {
        int result, errnum;
        enum smtp_reason reason;
        const char *says;
    } rows[] = {
        {EAI_NONAME, 0, SMTP_REASON_RELAY_DNS, "\"mx.example.test\" does not exist"},
        {EAI_NODATA, 0, SMTP_REASON_RELAY_DNS, "no address"},
        {EAI_AGAIN, 0, SMTP_REASON_RELAY_DNS, "\"mx.example.test\" cannot be resolved: Temporary"},
        {EAI_SYSTEM, EIO, SMTP_REASON_RELAY_DNS, "i/o error"},
        {EAI_SYSTEM, EMFILE, SMTP_REASON_LOCAL_FD, "too many open files"},
        {0, 0, SMTP_REASON_RELAY_DNS, "no address"},
    };
    uv_loop_t loop;
    struct smtp_resolver *r = begin(&loop, "mx.example.test");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        dns_set(rows[i].result, NULL, NULL);
        dns.errnum = rows[i].errnum;
        struct question q = ask(&loop, r);
        assert_false(q.found);
        assert_int_equal(q.reason, rows[i].reason);
        assert_non_null(strstr(q.detail, rows[i].says));
    }
    end(&loop, r);
}

static void no_such_name_overrules_the_last_good_answer(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct smtp_resolver *r = begin(&loop, "mx.example.test");
    dns_set(0, "192.0.2.1", NULL);
    (void)ask(&loop, r);
    dns_set(EAI_NONAME, NULL, NULL);
    struct question q = ask(&loop, r);
    assert_false(q.found);
    end(&loop, r);
}

static void questions_join_the_lookup_in_progress(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct smtp_resolver *r = begin(&loop, "mx.example.test");
    dns_set(0, "192.0.2.1", NULL);
    dns_hold(true);
    struct question q[3] = {{.lookup = {.on_done = on_answer}},
                            {.lookup = {.on_done = on_answer}},
                            {.lookup = {.on_done = on_answer}}};
    for (size_t i = 0; i < 3; i++)
        smtp_resolver_lookup(r, &q[i].lookup);
    dns_wait_running(1);
    smtp_resolver_cancel(&q[1].lookup);
    smtp_resolver_cancel(&q[1].lookup);
    test_loop_once(&loop);
    assert_false(q[0].done);
    dns_hold(false);
    test_loop_until(&loop, &q[2].done);
    assert_true(q[0].done);
    assert_false(q[1].done);
    assert_int_equal(q[0].n_answers, 1);
    assert_int_equal(dns_calls(), 1);
    end(&loop, r);
}

static void close_during_a_lookup_leaves_the_thread_to_end_alone(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct smtp_resolver *r = begin(&loop, "mx.example.test");
    struct question q = {.lookup = {.on_done = on_answer}};
    dns_set(0, "192.0.2.1", NULL);
    dns_hold(true);
    smtp_resolver_lookup(r, &q.lookup);
    dns_wait_running(1);
    end(&loop, r);
    dns_hold(false);
    dns_wait_running(0);
    assert_false(q.done);
}

static void close_with_an_answer_not_yet_taken_is_safe(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct smtp_resolver *r = begin(&loop, "mx.example.test");
    struct question q = {.lookup = {.on_done = on_answer}};
    dns_set(0, "192.0.2.1", NULL);
    dns_hold(true);
    smtp_resolver_lookup(r, &q.lookup);
    dns_wait_running(1);
    dns_hold(false);
    dns_wait_running(0);
    end(&loop, r);
    assert_false(q.done);
}

/* Many hosts whose servers are silent: the threads are counted, the rest is refused at once. */
static void threads_of_the_process_are_bounded(void **state)
{
    (void)state;
    enum {
        N = SMTP_RESOLVER_MAX_THREADS + 1
    };
    uv_loop_t loop;
    struct smtp_resolver *r[N];
    struct question q[N];
    bool closed[N] = {false};
    assert_int_equal(uv_loop_init(&loop), 0);
    dns_set(0, "192.0.2.1", NULL);
    dns_hold(true);
    for (size_t i = 0; i < N; i++) {
        q[i] = (struct question){.lookup = {.on_done = on_answer}};
        assert_int_equal(smtp_resolver_new(&loop, "mx.example.test", 587, &r[i], NULL), GW_OK);
        smtp_resolver_lookup(r[i], &q[i].lookup);
    }
    test_loop_until(&loop, &q[N - 1].done);
    assert_false(q[N - 1].found);
    assert_int_equal(q[N - 1].reason, SMTP_REASON_RELAY_DNS);
    dns_hold(false);
    for (size_t i = 0; i < N - 1; i++) {
        test_loop_until(&loop, &q[i].done);
        assert_true(q[i].found);
    }
    for (size_t i = 0; i < N; i++)
        smtp_resolver_close(r[i], on_closed, &closed[i]);
    test_loop_end(&loop);
    for (size_t i = 0; i < N; i++)
        assert_true(closed[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: the others leave threads behind that still count. */
        cmocka_unit_test(threads_of_the_process_are_bounded),
        cmocka_unit_test(host_names_are_checked_before_any_lookup),
        cmocka_unit_test(literals_need_no_lookup),
        cmocka_unit_test(answer_is_kept_fresh_then_asked_again),
        cmocka_unit_test(families_take_turns_and_five_are_enough),
        cmocka_unit_test(temporary_failure_falls_back_on_the_last_good_answer_for_an_hour),
        cmocka_unit_test(silence_is_not_waited_for_when_an_answer_is_known),
        cmocka_unit_test(failures_have_a_reason_and_name_the_host),
        cmocka_unit_test(no_such_name_overrules_the_last_good_answer),
        cmocka_unit_test(questions_join_the_lookup_in_progress),
        cmocka_unit_test(close_during_a_lookup_leaves_the_thread_to_end_alone),
        cmocka_unit_test(close_with_an_answer_not_yet_taken_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
