/* SPDX-License-Identifier: MIT */
/* The policy on HTTP/1 heads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/http1_policy.h"
#include "api/http_limits.h"

enum {
    MAX_FIELDS = 100
};

/* fields as "name: value" separated by LF; a line that begins with a space is a folded one */
static enum api_http1_fault judge(const char *text, int minor_version, struct api_http1_state *out)
{
    struct api_http1_field fields[MAX_FIELDS];
    struct api_http1_head head = {
        .raw = GW_SLICE_LIT(""), .minor_version = minor_version, .fields = fields};
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        const char *colon = memchr(text, ':', len);
        struct api_http1_field *f = &fields[head.n_fields++];
        *f = (struct api_http1_field){.value = gw_slice_of(text, len)};
        if (*text != ' ') {
            f->name = gw_slice_of(text, (size_t)(colon - text));
            f->value = gw_slice_of(colon + 2, len - f->name.len - 2);
        }
        text += len + (text[len] == '\n');
    }
    return api_http1_judge(&head, out);
}

static void framing_must_be_unambiguous(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        int minor;
        enum api_http1_fault fault;
    } cases[] = {
        {"Host: x", 1, API_HTTP1_SOUND},
        {"", 0, API_HTTP1_SOUND},
        {"", 1, API_HTTP1_HOST},
        {"Host: x\nhost: x", 1, API_HTTP1_HOST},
        {"Host: x\nContent-Length: 0", 1, API_HTTP1_SOUND},
        {"Host: x\nContent-Length: 18446744073709551615", 1, API_HTTP1_LENGTH},
        {"Host: x\nContent-Length: 18446744073709551616", 1, API_HTTP1_LENGTH},
        {"Host: x\nContent-Length: ", 1, API_HTTP1_LENGTH},
        {"Host: x\nContent-Length: +3", 1, API_HTTP1_LENGTH},
        {"Host: x\nContent-Length: 3, 3", 1, API_HTTP1_LENGTH},
        {"Host: x\nContent-Length: 3\ncontent-length: 3", 1, API_HTTP1_LENGTH},
        {"Host: x\nContent-Length: x\ncontent-length: 3", 1, API_HTTP1_LENGTH},
        {"Host: x\nTransfer-Encoding: chunked", 1, API_HTTP1_SOUND},
        {"Host: x\nTransfer-Encoding: Chunked", 1, API_HTTP1_SOUND},
        {"Host: x\nTransfer-Encoding: chunked", 0, API_HTTP1_CODING},
        {"Host: x\nTransfer-Encoding: gzip, chunked", 1, API_HTTP1_CODING},
        {"Host: x\nTransfer-Encoding: chunked\ntransfer-encoding: chunked", 1, API_HTTP1_CODING},
        {"Host: x\nTransfer-Encoding: chunked\nContent-Length: 3", 1, API_HTTP1_BOTH},
        {"Host: x\n folded", 1, API_HTTP1_FOLDED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct api_http1_state out;
        assert_int_equal(judge(cases[i].fields, cases[i].minor, &out), cases[i].fault);
    }
}

static void what_body_follows_is_told(void **state)
{
    (void)state;
    struct api_http1_state out;
    assert_int_equal(judge("Host: x", 1, &out), API_HTTP1_SOUND);
    assert_false(out.in_body);
    assert_int_equal(judge("Host: x\nContent-Length: 12345", 1, &out), API_HTTP1_SOUND);
    assert_true(out.in_body && !out.chunked);
    assert_int_equal(out.content_length, 12345);
    assert_int_equal(judge("Host: x\nTransfer-Encoding: chunked", 1, &out), API_HTTP1_SOUND);
    assert_true(out.in_body && out.chunked);
}

static void heads_are_bounded(void **state)
{
    (void)state;
    static char raw[API_MAX_HEAD + 1];
    struct api_http1_state out;
    struct api_http1_field fields[API_MAX_HEADER_FIELDS + 1];
    for (size_t i = 0; i <= API_MAX_HEADER_FIELDS; i++)
        fields[i] = (struct api_http1_field){GW_SLICE_LIT("x"), GW_SLICE_LIT("y")};
    fields[0].name = GW_SLICE_LIT("host");
    memset(raw, 'x', sizeof(raw));
    struct api_http1_head head = {.raw = {raw, API_MAX_HEAD},
                                  .minor_version = 1,
                                  .fields = fields,
                                  .n_fields = API_MAX_HEADER_FIELDS};
    assert_int_equal(api_http1_judge(&head, &out), API_HTTP1_SOUND);
    head.n_fields++;
    assert_int_equal(api_http1_judge(&head, &out), API_HTTP1_FIELDS);
    head.raw.len++;
    assert_int_equal(api_http1_judge(&head, &out), API_HTTP1_HEAD);
}

static void a_bare_line_feed_is_found_anywhere(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        enum api_http1_fault fault;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", API_HTTP1_SOUND},
        {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", API_HTTP1_SOUND},
        {"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", API_HTTP1_BARE_LF},
        {"GET / HTTP/1.1\nHost: x\r\n\r\n", API_HTTP1_BARE_LF},
        {"GET / HTTP/1.1\r\nHost: x\n\r\n", API_HTTP1_BARE_LF},
        {"GET / HTTP/1.1\r\nHost: x\r\n\n", API_HTTP1_BARE_LF},
    };
    const struct api_http1_field host = {GW_SLICE_LIT("host"), GW_SLICE_LIT("x")};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct api_http1_state out;
        const struct api_http1_head head = {
            .raw = gw_slice_str(cases[i].raw), .minor_version = 1, .fields = &host, .n_fields = 1};
        assert_int_equal(api_http1_judge(&head, &out), cases[i].fault);
    }
}

static void what_could_not_be_parsed_is_diagnosed(void **state)
{
    (void)state;
    static char many[4 * MAX_FIELDS];
    static char large[API_MAX_HEAD + 1];
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = "a:\r\n"[i % 4];
    memset(large, 'x', sizeof(large));
    assert_int_equal(api_http1_diagnose(gw_slice_str("GET\0 /\r\n")), API_HTTP1_SYNTAX);
    assert_int_equal(api_http1_diagnose(gw_slice_of(many, sizeof(many))), API_HTTP1_FIELDS);
    assert_int_equal(api_http1_diagnose(gw_slice_of(large, sizeof(large))), API_HTTP1_HEAD);
    assert_int_equal(api_http1_diagnose(gw_slice_of(large, sizeof(large) - 1)), API_HTTP1_SYNTAX);
    assert_int_equal(api_code_status(api_http1_fault_code(API_HTTP1_FIELDS)), 431);
    assert_int_equal(api_code_status(api_http1_fault_code(API_HTTP1_BOTH)), 400);
    assert_int_equal(api_http1_fault_reason(API_HTTP1_BOTH), API_GUARD_HTTP1_FRAMING);
    assert_non_null(strstr(api_http1_fault_text(API_HTTP1_BOTH), "exclude"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing_must_be_unambiguous),
        cmocka_unit_test(what_body_follows_is_told),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(a_bare_line_feed_is_found_anywhere),
        cmocka_unit_test(what_could_not_be_parsed_is_diagnosed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
