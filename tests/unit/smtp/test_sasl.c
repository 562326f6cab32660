/* SPDX-License-Identifier: MIT */
/* PLAIN and LOGIN, token by token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_mem.h"
#include "smtp/sasl.h"

static void assert_next_token(struct smtp_sasl *s, const char *want)
{
    struct gw_buf out;
    gw_buf_init(&out, 1 << 16);
    assert_int_equal(smtp_sasl_token(s, &out), GW_OK);
    assert_true(gw_slice_is(gw_buf_view(&out), want));
    gw_buf_deinit(&out);
}

static void plain_is_one_token(void **state)
{
    (void)state;
    struct smtp_sasl s = smtp_sasl_start(SMTP_AUTH_PLAIN, "tim", "tanstaaftanstaaf");
    assert_string_equal(smtp_sasl_name(SMTP_AUTH_PLAIN), "PLAIN");
    assert_true(smtp_sasl_speaks_first(&s));
    assert_false(smtp_sasl_finished(&s));
    assert_int_equal(smtp_sasl_challenge(&s, GW_SLICE_LIT("")), GW_OK);
    assert_next_token(&s, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"); /* RFC 4616 sec. 4 */
    assert_true(smtp_sasl_finished(&s));
    assert_int_equal(smtp_sasl_challenge(&s, GW_SLICE_LIT("")), GW_PROTO);
}

static void plain_carries_utf8(void **state)
{
    (void)state;
    struct smtp_sasl s = smtp_sasl_start(SMTP_AUTH_PLAIN, "\xc3\xa4", "\xe2\x82\xac");
    assert_next_token(&s, "AMOkAOKCrA==");
}

static void login_is_two_tokens_whatever_is_asked(void **state)
{
    (void)state;
    struct smtp_sasl s = smtp_sasl_start(SMTP_AUTH_LOGIN, "ann", "secret");
    assert_string_equal(smtp_sasl_name(SMTP_AUTH_LOGIN), "LOGIN");
    assert_false(smtp_sasl_speaks_first(&s));
    assert_int_equal(smtp_sasl_challenge(&s, GW_SLICE_LIT("UGFzc3dvcmQ6")), GW_OK);
    assert_next_token(&s, "YW5u");
    assert_false(smtp_sasl_finished(&s));
    assert_int_equal(smtp_sasl_challenge(&s, GW_SLICE_LIT("VXNlcm5hbWU6")), GW_OK);
    assert_next_token(&s, "c2VjcmV0");
    assert_true(smtp_sasl_finished(&s));
}

static void challenges_must_be_base64(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Username:", "VXNl cm5hbWU6", "====", "VXNlcm5hbWU6\r", "\x80", "*", " "};
    struct smtp_sasl s = smtp_sasl_start(SMTP_AUTH_LOGIN, "ann", "secret");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (smtp_sasl_challenge(&s, gw_slice_str(bad[i])) != GW_PROTO)
            fail_msg("taken: %s", bad[i]);
    }
}

static void challenges_have_a_limit(void **state)
{
    (void)state;
    struct smtp_sasl s = smtp_sasl_start(SMTP_AUTH_LOGIN, "ann", "secret");
    const size_t twice = (size_t)SMTP_MAX_AUTH_LINE * 2;
    char *text = gw_calloc(1, twice);
    memset(text, 'A', twice);
    assert_int_equal(smtp_sasl_challenge(&s, gw_slice_of(text, SMTP_MAX_AUTH_LINE)), GW_OK);
    assert_int_equal(smtp_sasl_challenge(&s, gw_slice_of(text, twice)), GW_PROTO);
    gw_free(text);
}

static enum gw_status plain_of_size(size_t len, size_t *out_len)
{
    struct gw_buf out;
    char *password = gw_calloc(1, len + 1);
    memset(password, 'p', len);
    gw_buf_init(&out, 1 << 16);
    struct smtp_sasl s = smtp_sasl_start(SMTP_AUTH_PLAIN, "u", password);
    enum gw_status status = smtp_sasl_token(&s, &out);
    *out_len = out.len;
    gw_buf_deinit(&out);
    gw_free(password);
    return status;
}

static void tokens_have_a_limit(void **state)
{
    (void)state;
    const size_t most = SMTP_MAX_AUTH_LINE / 4 * 3 - 3; /* two NUL and the name */
    size_t len = 0;
    assert_int_equal(plain_of_size(most, &len), GW_OK);
    assert_int_equal(len, SMTP_MAX_AUTH_LINE);
    assert_int_equal(plain_of_size(most + 1, &len), GW_TOOBIG);
    assert_int_equal(len, 0);
}

static void secrets_in_a_relays_text_are_seen(void **state)
{
    (void)state;
    struct smtp_sasl plain = smtp_sasl_start(SMTP_AUTH_PLAIN, "ann", "correct horse");
    struct smtp_sasl login = smtp_sasl_start(SMTP_AUTH_LOGIN, "ann", "correct horse");
    assert_false(smtp_sasl_is_revealed(&plain, "bad credentials"));
    assert_true(smtp_sasl_is_revealed(&plain, "what is AUTH PLAIN AGFubgBjb3JyZWN0IGhvcnNl?"));
    assert_true(smtp_sasl_is_revealed(&plain, "what is AUTH PLAIN AGFubgBjb3JyZ"));
    assert_true(smtp_sasl_is_revealed(&plain, "not the password: correct horse"));
    assert_true(smtp_sasl_is_revealed(&login, "unknown command Y29ycmVjdCBob3JzZQ=="));
    assert_true(smtp_sasl_is_revealed(&login, "unknown command Y29ycmVjdCBob3"));
    struct smtp_sasl empty = smtp_sasl_start(SMTP_AUTH_LOGIN, "", "");
    assert_false(smtp_sasl_is_revealed(&empty, "bad credentials"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_is_one_token),
        cmocka_unit_test(plain_carries_utf8),
        cmocka_unit_test(login_is_two_tokens_whatever_is_asked),
        cmocka_unit_test(challenges_must_be_base64),
        cmocka_unit_test(challenges_have_a_limit),
        cmocka_unit_test(tokens_have_a_limit),
        cmocka_unit_test(secrets_in_a_relays_text_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
