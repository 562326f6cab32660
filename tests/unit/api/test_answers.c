/* SPDX-License-Identifier: MIT */
/* What goes out: message objects, problem documents, and which of both; who may come in: API keys,
 * rates, connections per peer. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "api/auth.h"
#include "api/message_answer.h"
#include "api/message_view.h"
#include "api/peers.h"
#include "api/problem.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

#define SELF        "/v1/messages/0193a1b2-0000-7000-8000-000000000001"
#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct gw_recipient sent = {
    .email = "ann@example.org",
    .status = GW_RCPT_SENT,
    .relay = "ses-eu",
    .attempts = 1,
    .duration_ms = 84,
    .smtp = {.code = 250, .enhanced = "2.0.0", .command = "DATA", .text = "Ok", .tls = "TLSv1.3"}};
static const struct gw_recipient rejected = {
    .email = "bob@example.org",
    .kind = GW_RCPT_CC,
    .status = GW_RCPT_REJECTED,
    .category = GW_CATEGORY_RECIPIENT,
    .attempts = 1,
    .duration_ms = 9,
    .smtp = {.code = 550, .enhanced = "5.1.1", .command = "RCPT", .text = "User unknown"}};
static const struct gw_recipient queued = {.email = "q@example.org", .duration_ms = -1};
static const struct gw_recipient greylisted = {
    .email = "g@example.org",
    .status = GW_RCPT_DEFERRED,
    .category = GW_CATEGORY_GREYLIST,
    .retryable = true,
    .attempts = 1,
    .duration_ms = 9,
    .smtp = {.code = 451, .enhanced = "", .command = "RCPT", .text = "later"}};

static struct gw_recipient fault(const char *reason, enum gw_category category)
{
    return (struct gw_recipient){.email = "f@example.org",
                                 .status = GW_RCPT_DEFERRED,
                                 .category = category,
                                 .retryable = true,
                                 .attempts = 1,
                                 .reason = reason,
                                 .detail = "what to fix",
                                 .smtp = {.command = "connect", .enhanced = "", .text = ""}};
}

static struct gw_message message_of(struct gw_recipient *rcpts, size_t n)
{
    return (struct gw_message){.id = "0193a1b2-0000-7000-8000-000000000001",
                               .message_id = "<x@example.com>",
                               .mime = {.data = NULL, .len = 18211},
                               .rcpts = rcpts,
                               .n_rcpts = n};
}

static void a_message_shows_what_happened_to_each_recipient(void **state)
{
    (void)state;
    struct gw_recipient rcpts[] = {sent, rejected, queued};
    struct gw_message m = message_of(rcpts, 3);
    struct gw_buf b;
    gw_buf_init(&b, 4096);
    struct api_json j = {.out = &b};
    api_message_view(&j, NULL, &m, true);
    (void)gw_buf_add_char(&b, '\0');
    assert_string_equal(
        b.data,
        "{\"id\":\"0193a1b2-0000-7000-8000-000000000001\",\"status\":\"queued\","
        "\"message_id\":\"<x@example.com>\",\"created_at\":\"1970-01-01T00:00:00.000Z\","
        "\"size\":18211,\"durable\":true,\"recipients\":["
        "{\"email\":\"ann@example.org\",\"kind\":\"to\",\"status\":\"sent\",\"relay\":\"ses-eu\","
        "\"attempts\":1,\"updated_at\":\"1970-01-01T00:00:00.000Z\",\"duration_ms\":84,"
        "\"smtp\":{\"code\":250,\"enhanced\":\"2.0.0\",\"command\":\"DATA\",\"text\":\"Ok\","
        "\"tls\":\"TLSv1.3\"}},"
        "{\"email\":\"bob@example.org\",\"kind\":\"cc\",\"status\":\"rejected\","
        "\"category\":\"recipient\",\"retryable\":false,\"attempts\":1,"
        "\"updated_at\":\"1970-01-01T00:00:00.000Z\",\"duration_ms\":9,"
        "\"smtp\":{\"code\":550,\"enhanced\":\"5.1.1\",\"command\":\"RCPT\","
        "\"text\":\"User unknown\"}},"
        "{\"email\":\"q@example.org\",\"kind\":\"to\",\"status\":\"queued\",\"attempts\":0,"
        "\"updated_at\":\"1970-01-01T00:00:00.000Z\"}],"
        "\"links\":{\"self\":\"" SELF "\",\"attempts\":\"" SELF "/attempts\",\"events\":\"" SELF
        "/events\",\"raw\":\"" SELF "/raw\"}}");
    gw_buf_deinit(&b);
}

static void what_is_planned_or_unsure_is_shown_too(void **state)
{
    (void)state;
    struct gw_recipient r = fault("conn_refused", GW_CATEGORY_NETWORK);
    r.uncertain = true;
    r.next_attempt_ms = 1000;
    struct gw_message m = message_of(&r, 1);
    struct gw_buf b;
    gw_buf_init(&b, 4096);
    struct api_json j = {.out = &b};
    api_message_view(&j, NULL, &m, false);
    (void)gw_buf_add_char(&b, '\0');
    assert_non_null(strstr(b.data, "\"durable\":false"));
    assert_non_null(strstr(b.data, "\"category\":\"network\",\"retryable\":true,"
                                   "\"reason\":\"conn_refused\",\"detail\":\"what to fix\","
                                   "\"uncertain\":true"));
    assert_non_null(strstr(b.data, "\"next_attempt_at\":\"1970-01-01T00:00:01.000Z\""));
    assert_non_null(strstr(b.data, "\"smtp\":{\"command\":\"connect\"}"));
    gw_buf_deinit(&b);
}

static void a_problem_lists_its_fields(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    gw_problems_init(&problems, arena);
    gw_problems_add(&problems, "/to/1/email", GW_PROBLEM_ADDRESS, "Bad \"%s\".", "a@@b");
    struct gw_buf b;
    gw_buf_init(&b, 4096);
    api_problem_render(&(struct api_problem){.code = API_VALIDATION_FAILED,
                                             .detail = "1 problem.",
                                             .errors = &problems},
                       GW_SLICE_LIT("/v1/messages"), "rid", true, &b);
    (void)gw_buf_add_char(&b, '\0');
    assert_string_equal(b.data,
                        "{\"type\":\"about:blank\",\"title\":\"Request is not valid\","
                        "\"status\":422,\"code\":\"validation_failed\",\"detail\":\"1 problem.\","
                        "\"instance\":\"/v1/messages\",\"request_id\":\"rid\",\"retryable\":false,"
                        "\"errors\":[{\"pointer\":\"/to/1/email\",\"code\":\"address_syntax\","
                        "\"detail\":\"Bad \\\"a@@b\\\".\"}]}");
    gw_buf_deinit(&b);
    gw_arena_free(&arena);
}

static void every_409_429_and_503_tells_when_to_come_back(void **state)
{
    (void)state;
    for (enum api_code code = 0; code < API_N_CODES; code++) {
        unsigned status = api_code_status(code);
        long after = api_problem_retry_after(&(struct api_problem){.code = code});
        assert_int_equal(after > 0, (status == 409 && code != API_MESSAGE_STATE) || status == 429 ||
                                        status == 503);
        assert_string_not_equal(api_reason(status), "Unknown");
        assert_int_equal(
            api_problem_retry_after(&(struct api_problem){.code = code, .retry_after_s = 77}), 77);
    }
}

/* One line: recipients, what the client asked for, and the status that comes of it. */
static void check_answer(const struct gw_recipient *rcpts, size_t n, bool strict, bool owner,
                         unsigned status)
{
    struct gw_recipient copy[4];
    memcpy(copy, rcpts, n * sizeof(copy[0]));
    struct gw_message m = message_of(copy, n);
    struct api_prefer prefer = {.has_wait = true, .wait_ms = 1000, .strict = strict};
    struct api_message_answer a = api_message_answer(&m, &prefer, owner, 0);
    assert_int_equal(a.is_problem ? api_code_status(a.code) : a.status, status);
    assert_int_equal(a.is_problem, status >= 400);
}

static void verdicts_answer_200_and_work_in_hand_202(void **state)
{
    (void)state;
    check_answer(&sent, 1, false, false, 200);
    check_answer(&rejected, 1, false, false, 200);
    check_answer(&rejected, 1, false, true, 200);
    check_answer(&queued, 1, false, false, 202);
    check_answer((struct gw_recipient[]){sent, queued}, 2, true, false, 202);
    struct gw_recipient planned = greylisted;
    planned.next_attempt_ms = 1000;
    check_answer(&planned, 1, false, false, 202);
    check_answer((struct gw_recipient[]){sent, greylisted}, 2, false, true, 200);
    check_answer((struct gw_recipient[]){rejected, greylisted}, 2, false, true, 200);
}

static void strict_turns_failure_of_all_into_an_error_status(void **state)
{
    (void)state;
    check_answer(&rejected, 1, true, false, 422);
    check_answer(&greylisted, 1, true, false, 503);
    check_answer((struct gw_recipient[]){rejected, greylisted}, 2, true, false, 503);
    check_answer((struct gw_recipient[]){rejected, sent}, 2, true, false, 200);
    check_answer((struct gw_recipient[]){rejected, queued}, 2, true, false, 202);
}

static void a_caller_who_owns_the_retry_sees_the_relays_fault(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        enum gw_category category;
        unsigned status;
    } cases[] = {
        {"conn_refused", GW_CATEGORY_NETWORK, 502},    {"tls_cert_expired", GW_CATEGORY_TLS, 502},
        {"auth_failed", GW_CATEGORY_AUTH, 502},        {"relay_dns", GW_CATEGORY_DNS, 502},
        {"bad_reply", GW_CATEGORY_PROTOCOL, 502},      {"no_relay", GW_CATEGORY_CONFIG, 502},
        {"timeout_connect", GW_CATEGORY_NETWORK, 504}, {"relay_421", GW_CATEGORY_NETWORK, 503},
        {"rate_limited", GW_CATEGORY_RATE, 503},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct gw_recipient r = fault(cases[i].reason, cases[i].category);
        check_answer(&r, 1, false, true, cases[i].status);
        check_answer(&r, 1, false, false, 200);
        check_answer((struct gw_recipient[]){r, sent}, 2, false, true, 200);
        struct gw_message m = message_of(&r, 1);
        struct api_prefer prefer = {.has_wait = true, .wait_ms = 1000};
        assert_string_equal(api_message_answer(&m, &prefer, true, 0).detail, "what to fix");
    }
    check_answer(&greylisted, 1, false, true, 503);
}

static void retry_after_is_the_next_planned_attempt(void **state)
{
    (void)state;
    struct gw_recipient rcpts[] = {greylisted, greylisted};
    rcpts[0].next_attempt_ms = 100000;
    rcpts[1].next_attempt_ms = 61001;
    struct gw_message m = message_of(rcpts, 2);
    struct api_prefer strict = {.strict = true};
    assert_int_equal(api_message_answer(&m, &strict, false, 1000).retry_after_s, 61);
    assert_int_equal(api_message_answer(&m, &strict, false, 70000).retry_after_s,
                     API_RETRY_AFTER_RELAY_S);
}

static void only_the_whole_right_key_is_let_in(void **state)
{
    (void)state;
    struct cfg_api_key keys[] = {{.name = "a", .id = "k_1"}, {.name = "b", .id = "k_2"}};
    SHA256((const unsigned char *)"s3cret", 6, keys[0].sha256);
    SHA256((const unsigned char *)"other.dot", 9, keys[1].sha256);
    struct cfg cfg = {.api_keys = keys, .n_api_keys = 2};
    static const struct {
        const char *value;
        int key; /* -1: nobody */
    } cases[] = {
        {"Bearer k_1.s3cret", 0},
        {"bearer k_1.s3cret", 0},
        {"Bearer k_2.other.dot", 1},
        {"Bearer k_1.s3cre", -1},
        {"Bearer k_1.s3crett", -1},
        {"Bearer k_1.", -1},
        {"Bearer k_2.s3cret", -1},
        {"Bearer k_3.s3cret", -1},
        {"Bearer .s3cret", -1},
        {"Bearer k_1", -1},
        {"Bearer ", -1},
        {"Bearer", -1},
        {"", -1},
        {"Basic k_1.s3cret", -1},
        {"k_1.s3cret", -1},
        {"Bearer k_1.s3cret\t", -1},
        {"Bearer  k_1.s3cret", -1},
        {"Bearer k_1.s3cret, x", -1},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        const struct cfg_api_key *key = api_auth_bearer(&cfg, gw_slice_str(cases[i].value));
        const struct cfg_api_key *want = cases[i].key < 0 ? NULL : &keys[cases[i].key];
        if (key != want)
            fail_msg("%s", cases[i].value);
    }
    char longest[7 + API_MAX_CREDENTIALS + 2];
    static const char start[11] = {'B', 'e', 'a', 'r', 'e', 'r', ' ', 'k', '_', '1', '.'};
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, start, sizeof(start));
    SHA256((const unsigned char *)longest + 11, API_MAX_CREDENTIALS - 4, keys[0].sha256);
    assert_ptr_equal(api_auth_bearer(&cfg, gw_slice_of(longest, 7 + API_MAX_CREDENTIALS)),
                     &keys[0]);
    assert_null(api_auth_bearer(&cfg, gw_slice_of(longest, 7 + API_MAX_CREDENTIALS + 1)));
}

static void an_id_of_nobody_with_a_zero_hash_is_nobody(void **state)
{
    (void)state;
    struct cfg cfg = {0};
    assert_null(api_auth_bearer(&cfg, GW_SLICE_LIT("Bearer k_1.s3cret")));
}

static void a_rate_lets_its_burst_through_and_then_refills(void **state)
{
    (void)state;
    struct api_rate r = {0};
    int64_t after = 0;
    for (int i = 0; i < 10; i++)
        assert_true(api_rate_take(&r, 10, 1000000, &after));
    assert_false(api_rate_take(&r, 10, 1000000, &after));
    assert_in_range(after, 100, 101);
    assert_false(api_rate_take(&r, 10, 1000050, &after));
    assert_true(api_rate_take(&r, 10, 1000101, &after));
    assert_true(api_rate_take(&r, 0, 1000101, &after));
    struct api_rate slow = {0};
    assert_true(api_rate_take(&slow, 0.1, 0, &after));
    assert_false(api_rate_take(&slow, 0.1, 9000, &after));
    assert_true(api_rate_take(&slow, 0.1, 10001, &after));
}

static struct api_peer *take(struct api_peers *p, const char *address, size_t max)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return api_peers_take(p, (struct sockaddr *)&v4, max);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return api_peers_take(p, (struct sockaddr *)&v6, max);
}

static void a_peer_holds_only_so_many_connections(void **state)
{
    (void)state;
    struct api_peers p;
    api_peers_init(&p);
    struct api_peer *a = take(&p, "192.0.2.1", 2);
    struct api_peer *b = take(&p, "192.0.2.1", 2);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(take(&p, "192.0.2.1", 2));
    assert_null(take(&p, "::ffff:192.0.2.1", 2));
    struct api_peer *c = take(&p, "192.0.2.2", 2);
    assert_non_null(c);
    api_peer_release(a);
    a = take(&p, "192.0.2.1", 2);
    assert_non_null(a);
    struct api_peer *d = take(&p, "2001:db8::1", 1);
    assert_non_null(d);
    assert_null(take(&p, "2001:db8::ffff", 1));
    struct api_peer *e = take(&p, "2001:db8:0:1::1", 1);
    assert_non_null(e);
    api_peer_release(a);
    api_peer_release(b);
    api_peer_release(c);
    api_peer_release(d);
    api_peer_release(e);
    api_peer_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_shows_what_happened_to_each_recipient),
        cmocka_unit_test(what_is_planned_or_unsure_is_shown_too),
        cmocka_unit_test(a_problem_lists_its_fields),
        cmocka_unit_test(every_409_429_and_503_tells_when_to_come_back),
        cmocka_unit_test(verdicts_answer_200_and_work_in_hand_202),
        cmocka_unit_test(strict_turns_failure_of_all_into_an_error_status),
        cmocka_unit_test(a_caller_who_owns_the_retry_sees_the_relays_fault),
        cmocka_unit_test(retry_after_is_the_next_planned_attempt),
        cmocka_unit_test(only_the_whole_right_key_is_let_in),
        cmocka_unit_test(an_id_of_nobody_with_a_zero_hash_is_nobody),
        cmocka_unit_test(a_rate_lets_its_burst_through_and_then_refills),
        cmocka_unit_test(a_peer_holds_only_so_many_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
