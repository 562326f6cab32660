/* SPDX-License-Identifier: MIT */
/* Signatures: one that an SDK made, what is canonical, and everything that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "api/sigv4.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

enum {
    MAX_HEADERS = 16
};

struct header {
    const char *name, *value;
};

/* A request as one of AWS's SDKs for JavaScript sent it. */
struct request {
    const char *method, *path, *query, *body, *authorization, *secret;
    struct header headers[MAX_HEADERS];
    int64_t now_s;
};

static const struct request recorded = {
    .method = "POST",
    .path = "/v2/email/outbound-emails",
    .query = "",
    .body = "{\"Content\":{\"Simple\":{\"Subject\":{\"Data\":\"s\"},\"Body\":{\"Text\":{\"Data\":"
            "\"t\"}}}},\"FromEmailAddress\":\"a@example.com\",\"Destination\":{\"ToAddresses\":["
            "\"b@example.com\"]}}",
    .authorization =
        "AWS4-HMAC-SHA256 Credential=test_key/20261123/us-east-1/ses/aws4_request, "
        "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;"
        "x-amz-content-sha256;x-amz-date;x-amz-user-agent, "
        "Signature=113bd4080b749f196134ab2474a2a6f899b221ffe66e7a4e3bc4ea62340fa084",
    .secret = "test_secret",
    .headers = {{"content-type", "application/json"},
                {"content-length", "159"},
                {"x-amz-user-agent", "aws-sdk-js/3.1168.0"},
                {"host", "127.0.0.1:8899"},
                {"amz-sdk-invocation-id", "1d524cb2-184a-40f9-9ab4-2e49f257d7bb"},
                {"amz-sdk-request", "attempt=1; max=3"},
                {"x-amz-date", "20261123T170405Z"},
                {"x-amz-content-sha256",
                 "0dcb5831790fb7e0dac0e3a8b60abdcf645a83eb8763a9ef88103df90c4c6122"}},
    .now_s = 1795453445, /* 2026-11-23T17:04:05Z */
};

static size_t find(const void *data, const char *name, struct gw_slice *out, size_t max)
{
    const struct request *r = data;
    size_t n = 0;
    for (size_t i = 0; i < MAX_HEADERS && r->headers[i].name != NULL; i++) {
        if (strcmp(r->headers[i].name, name) != 0)
            continue;
        if (n < max)
            out[n] = gw_slice_str(r->headers[i].value);
        n++;
    }
    return n;
}

static void set(struct request *r, const char *name, const char *value)
{
    size_t i = 0;
    while (r->headers[i].name != NULL && strcmp(r->headers[i].name, name) != 0)
        i++;
    assert_true(i < MAX_HEADERS);
    r->headers[i] = (struct header){name, value};
}

static struct api_sigv4_request view(const struct request *r)
{
    struct api_sigv4_request out = {.method = gw_slice_str(r->method),
                                    .path = gw_slice_str(r->path),
                                    .query = gw_slice_str(r->query),
                                    .headers = find,
                                    .headers_data = r};
    SHA256((const unsigned char *)r->body, strlen(r->body), out.body_sha256);
    return out;
}

static enum api_sigv4_verdict verdict_of(const struct request *r)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct api_sigv4_claim claim;
    struct api_sigv4_request request = view(r);
    assert_true(api_sigv4_parse(gw_slice_str(r->authorization), &claim));
    enum api_sigv4_verdict v =
        api_sigv4_verify(&request, &claim, r->secret, r->now_s * 1000, arena);
    gw_arena_free(&arena);
    return v;
}

static void what_an_sdk_signed_is_good(void **state)
{
    (void)state;
    struct api_sigv4_claim claim;
    assert_int_equal(verdict_of(&recorded), API_SIGV4_GOOD);
    assert_true(api_sigv4_parse(gw_slice_str(recorded.authorization), &claim));
    assert_true(gw_slice_is(claim.key_id, "test_key"));
    assert_true(gw_slice_is(claim.region, "us-east-1"));
    assert_true(api_sigv4_is_signed(&claim, "amz-sdk-invocation-id"));
    assert_false(api_sigv4_is_signed(&claim, "amz-sdk"));
}

static void the_canonical_request_is_the_one_that_was_signed(void **state)
{
    (void)state;
    static const char expected[] =
        "POST\n/v2/email/outbound-emails\n\n"
        "amz-sdk-invocation-id:1d524cb2-184a-40f9-9ab4-2e49f257d7bb\n"
        "amz-sdk-request:attempt=1; max=3\ncontent-length:159\ncontent-type:application/json\n"
        "host:127.0.0.1:8899\n"
        "x-amz-content-sha256:0dcb5831790fb7e0dac0e3a8b60abdcf645a83eb8763a9ef88103df90c4c6122\n"
        "x-amz-date:20261123T170405Z\nx-amz-user-agent:aws-sdk-js/3.1168.0\n\n"
        "amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;"
        "x-amz-content-sha256;x-amz-date;x-amz-user-agent\n"
        "0dcb5831790fb7e0dac0e3a8b60abdcf645a83eb8763a9ef88103df90c4c6122";
    struct gw_arena *arena = gw_arena_new(0);
    struct api_sigv4_claim claim;
    struct api_sigv4_request request = view(&recorded);
    struct gw_buf out;
    gw_buf_init(&out, API_SIGV4_MAX_CANONICAL);
    assert_true(api_sigv4_parse(gw_slice_str(recorded.authorization), &claim));
    assert_true(api_sigv4_canonical(&request, &claim, arena, &out));
    assert_int_equal(out.len, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.len);
    gw_buf_deinit(&out);
    gw_arena_free(&arena);
}

static void whatever_is_changed_afterwards_is_refused(void **state)
{
    (void)state;
    struct request r = recorded;
    r.body = "{}";
    set(&r, "x-amz-content-sha256",
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_int_equal(verdict_of(&r), API_SIGV4_MISMATCH);

    static const struct request changed[] = {
        {.body = "{}"}, /* the claimed hash stays that of the old one */
        {.query = "a=1"},  {.path = "/v2/email/outbound-bulk-emails"},
        {.method = "PUT"}, {.secret = "test_secret2"},
        {.secret = ""},
    };
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        r = recorded;
        r.body = changed[i].body != NULL ? changed[i].body : r.body;
        r.query = changed[i].query != NULL ? changed[i].query : r.query;
        r.path = changed[i].path != NULL ? changed[i].path : r.path;
        r.method = changed[i].method != NULL ? changed[i].method : r.method;
        r.secret = changed[i].secret != NULL ? changed[i].secret : r.secret;
        if (verdict_of(&r) != API_SIGV4_MISMATCH)
            fail_msg("case %zu", i);
    }
    static const struct header headers[] = {
        {"host", "127.0.0.1"},
        {"content-length", "160"},
        {"amz-sdk-invocation-id", "1d524cb2-184a-40f9-9ab4-2e49f257d7bc"},
        {"x-amz-date", "20261123T170406Z"},
        {"x-amz-content-sha256", "UNSIGNED-PAYLOAD"},
        {"x-amz-content-sha256",
         "0dcb5831790fb7e0dac0e3a8b60abdcf645a83eb8763a9ef88103df90c4c6123"},
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        r = recorded;
        set(&r, headers[i].name, headers[i].value);
        if (verdict_of(&r) != API_SIGV4_MISMATCH)
            fail_msg("%s: %s", headers[i].name, headers[i].value);
    }
}

static void a_header_that_was_not_signed_does_not_matter(void **state)
{
    (void)state;
    struct request r = recorded;
    set(&r, "user-agent", "anything");
    assert_int_equal(verdict_of(&r), API_SIGV4_GOOD);
}

static void blanks_of_a_signed_header_do_not_matter(void **state)
{
    (void)state;
    struct request r = recorded;
    set(&r, "amz-sdk-request", "\t attempt=1;  \t max=3 ");
    assert_int_equal(verdict_of(&r), API_SIGV4_GOOD);
}

static void the_time_may_be_off_by_five_minutes(void **state)
{
    (void)state;
    static const struct {
        int64_t off_s;
        enum api_sigv4_verdict verdict;
    } cases[] = {
        {API_SIGV4_WINDOW_S, API_SIGV4_GOOD},
        {-API_SIGV4_WINDOW_S, API_SIGV4_GOOD},
        {API_SIGV4_WINDOW_S + 1, API_SIGV4_EXPIRED},
        {-API_SIGV4_WINDOW_S - 1, API_SIGV4_EXPIRED},
        {86400, API_SIGV4_EXPIRED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct request r = recorded;
        r.now_s += cases[i].off_s;
        if (verdict_of(&r) != cases[i].verdict)
            fail_msg("%lld s", (long long)cases[i].off_s);
    }
}

static void times_that_are_none_are_malformed(void **state)
{
    (void)state;
    static const char *const times[] = {
        "",
        "20261123T170405",
        "20261123t170405Z",
        "20261323T170405Z",
        "20261132T170405Z",
        "20261123T240405Z",
        "20261123T176005Z",
        "20261123T170461Z",
        "2026112aT170405Z",
        "20261124T170405Z", /* not the day of the scope */
        "Mon, 23 Nov 2026 17:04:05 GMT",
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct request r = recorded;
        set(&r, "x-amz-date", times[i]);
        if (verdict_of(&r) != API_SIGV4_MALFORMED)
            fail_msg("%s", times[i]);
    }
}

#define CREDENTIAL "Credential=k/20261123/us-east-1/ses/aws4_request"
#define SIGNATURE  "Signature=113bd4080b749f196134ab2474a2a6f899b221ffe66e7a4e3bc4ea62340fa084"

static void only_the_documented_form_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool good;
    } cases[] = {
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;x-amz-date, " SIGNATURE, true},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=host;x-amz-date," SIGNATURE, true},
        {"AWS4-HMAC-SHA256 SignedHeaders=host, " SIGNATURE ", " CREDENTIAL, true},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;x-amz-date", false},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", " SIGNATURE, false},
        {"AWS4-HMAC-SHA256 SignedHeaders=host, " SIGNATURE, false},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=x-amz-date;host, " SIGNATURE, false},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;host, " SIGNATURE, false},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;;x, " SIGNATURE, false},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=Host, " SIGNATURE, false},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=, " SIGNATURE, false},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host, Signature=113b", false},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host, " SIGNATURE ", " SIGNATURE, false},
        {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host, " SIGNATURE ", More=1", false},
        {"AWS4-HMAC-SHA512 " CREDENTIAL ", SignedHeaders=host, " SIGNATURE, false},
        {"AWS4-HMAC-SHA256 Credential=k/20261123/us-east-1/s3/aws4_request, "
         "SignedHeaders=host, " SIGNATURE,
         false},
        {"AWS4-HMAC-SHA256 Credential=k/2026112/us-east-1/ses/aws4_request, "
         "SignedHeaders=host, " SIGNATURE,
         false},
        {"AWS4-HMAC-SHA256 Credential=/20261123/us-east-1/ses/aws4_request, "
         "SignedHeaders=host, " SIGNATURE,
         false},
        {"AWS4-HMAC-SHA256 Credential=k/20261123//ses/aws4_request, SignedHeaders=host, " SIGNATURE,
         false},
        {"AWS4-HMAC-SHA256 Credential=k/20261123/us-east-1/ses, SignedHeaders=host, " SIGNATURE,
         false},
        {"Bearer k.secret", false},
        {"AWS4-HMAC-SHA256 ", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct api_sigv4_claim claim;
        if (api_sigv4_parse(gw_slice_str(cases[i].value), &claim) != cases[i].good)
            fail_msg("%s", cases[i].value);
    }
}

static void host_and_time_must_be_signed(void **state)
{
    (void)state;
    static const char *const lists[] = {"host", "x-amz-date", "content-type"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct request r = recorded;
        char text[256];
        (void)snprintf(text, sizeof(text),
                       "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=%s, " SIGNATURE, lists[i]);
        r.authorization = text;
        if (verdict_of(&r) != API_SIGV4_MALFORMED)
            fail_msg("%s", lists[i]);
    }
}

static void limits_hold(void **state)
{
    (void)state;
    struct request r = recorded;
    struct gw_buf text;
    struct api_sigv4_claim claim;
    for (unsigned n = API_SIGV4_MAX_PAIRS; n <= API_SIGV4_MAX_PAIRS + 1; n++) {
        gw_buf_init(&text, 4096);
        for (unsigned i = 0; i < n; i++)
            (void)gw_buf_printf(&text, "&a=%u", i);
        (void)gw_buf_add_char(&text, '\0');
        r.query = text.data;
        assert_int_equal(verdict_of(&r),
                         n > API_SIGV4_MAX_PAIRS ? API_SIGV4_MALFORMED : API_SIGV4_MISMATCH);
        gw_buf_deinit(&text);
    }
    for (unsigned n = API_SIGV4_MAX_SIGNED; n <= API_SIGV4_MAX_SIGNED + 1; n++) {
        gw_buf_init(&text, 4096);
        (void)gw_buf_add_str(&text, "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=h00");
        for (unsigned i = 1; i < n; i++)
            (void)gw_buf_printf(&text, ";h%02u", i);
        (void)gw_buf_add_str(&text, ", " SIGNATURE);
        assert_int_equal(api_sigv4_parse(gw_buf_view(&text), &claim), n <= API_SIGV4_MAX_SIGNED);
        gw_buf_deinit(&text);
    }
    r = recorded;
    for (size_t n = 1; n <= API_SIGV4_MAX_VALUES - 1; n++)
        r.headers[7 + n] = (struct header){"amz-sdk-request", "attempt=1; max=3"};
    assert_int_equal(verdict_of(&r), API_SIGV4_MISMATCH);
    r.headers[7 + API_SIGV4_MAX_VALUES] = (struct header){"amz-sdk-request", "attempt=1; max=3"};
    assert_int_equal(verdict_of(&r), API_SIGV4_MALFORMED);
    r = recorded;
    char *large = calloc(1, API_SIGV4_MAX_CANONICAL + 1);
    assert_non_null(large);
    memset(large, 'x', API_SIGV4_MAX_CANONICAL);
    set(&r, "amz-sdk-request", large);
    assert_int_equal(verdict_of(&r), API_SIGV4_MALFORMED);
    free(large);
}

/* The first lines of the canonical request for a path and a query. */
static void expect_canonical(const char *path, const char *query, const char *expected)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct request r = recorded;
    struct api_sigv4_claim claim;
    struct gw_buf out;
    r.path = path;
    r.query = query;
    struct api_sigv4_request request = view(&r);
    gw_buf_init(&out, API_SIGV4_MAX_CANONICAL);
    assert_true(api_sigv4_parse(gw_slice_str(r.authorization), &claim));
    assert_true(api_sigv4_canonical(&request, &claim, arena, &out));
    (void)gw_buf_add_char(&out, '\0');
    if (strncmp(out.data + strlen("POST\n"), expected, strlen(expected)) != 0)
        fail_msg("%s?%s: %.100s", path, query, out.data);
    gw_buf_deinit(&out);
    gw_arena_free(&arena);
}

static void paths_and_queries_are_canonical(void **state)
{
    (void)state;
    expect_canonical("/", "", "/\n\n");
    expect_canonical("", "", "/\n\n");
    expect_canonical("//compat//ses/", "", "/compat/ses/\n\n");
    expect_canonical("/a/./b/../c", "", "/a/c\n\n");
    expect_canonical("/../..", "", "/\n\n");
    expect_canonical("/x%2By%40b.example", "", "/x%252By%2540b.example\n\n");
    expect_canonical("/a~b-c_d.e", "", "/a~b-c_d.e\n\n");
    expect_canonical("/", "b=2&a=1&a=0&a-b=3", "/\na=0&a=1&a-b=3&b=2\n");
    expect_canonical("/", "a", "/\na=\n");
    expect_canonical("/", "a=b=c&&", "/\na=b%3Dc\n");
    expect_canonical("/", "a=%2b%7E%zz%", "/\na=%2B~%25zz%25\n");
    expect_canonical("/", "Reasons=BOUNCE&PageSize=5", "/\nPageSize=5&Reasons=BOUNCE\n");
}

static void a_derived_secret_is_that_of_the_key(void **state)
{
    (void)state;
    char a[API_SIGV4_SECRET_SIZE];
    char b[API_SIGV4_SECRET_SIZE];
    /* printf %s k_3f9a | openssl dgst -sha256 -hmac MASTER -binary | base64 */
    api_sigv4_derive_secret("a master key of some length, at least", "k_3f9a", a);
    assert_string_equal(a, "dlkApspKUci0w6B3zffMsGz+6KWrrzjCzLDMVXgeuZc=");
    api_sigv4_derive_secret("a master key of some length, at least", "k_3f9b", b);
    assert_string_not_equal(a, b);
    api_sigv4_derive_secret("another master key of some length....", "k_3f9a", b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_sdk_signed_is_good),
        cmocka_unit_test(the_canonical_request_is_the_one_that_was_signed),
        cmocka_unit_test(whatever_is_changed_afterwards_is_refused),
        cmocka_unit_test(a_header_that_was_not_signed_does_not_matter),
        cmocka_unit_test(blanks_of_a_signed_header_do_not_matter),
        cmocka_unit_test(the_time_may_be_off_by_five_minutes),
        cmocka_unit_test(times_that_are_none_are_malformed),
        cmocka_unit_test(only_the_documented_form_is_read),
        cmocka_unit_test(host_and_time_must_be_signed),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(paths_and_queries_are_canonical),
        cmocka_unit_test(a_derived_secret_is_that_of_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
