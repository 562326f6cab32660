/* SPDX-License-Identifier: MIT */
/* What is looked for in a relay's texts, whichever mechanism said it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/gw_check.h"
#include "smtp/secrets.h"

static bool shows(const struct smtp_sasl_credentials *who, const char *text)
{
    struct smtp_secrets secrets;
    smtp_secrets_init(&secrets, who);
    bool found = smtp_secrets_in(&secrets, gw_slice_str(text));
    smtp_secrets_deinit(&secrets);
    return found;
}

static const struct smtp_sasl_credentials horse = {.username = "ann", .password = "correct horse"};
static const struct smtp_sasl_credentials bearer = {
    .username = "ann", .token = "token-1234567890", .host = "server.example.com", .port = 143};

static void passwords_are_seen(void **state)
{
    (void)state;
    assert_true(shows(&horse, "not the password: correct horse"));
    assert_false(shows(&horse, "not the password: correct hors"));
    assert_false(shows(&horse, "bad credentials of ann"));
    assert_false(shows(&horse, ""));
}

static void both_forms_of_a_prepared_password_are_seen(void **state)
{
    (void)state;
    const struct smtp_sasl_credentials who = {.username = "ann", .password = "I\xc2\xadXIX"};
    assert_true(shows(&who, "it is I\xc2\xadXIX")); /* as configured, by LOGIN */
    assert_true(shows(&who, "it is IXIX"));         /* by SASLprep (RFC 4013), by PLAIN */
}

static void base64_of_any_mechanism_is_seen(void **state)
{
    (void)state;
    assert_true(shows(&horse, "what is AUTH PLAIN AGFubgBjb3JyZWN0IGhvcnNl?"));
    assert_true(shows(&horse, "unknown command Y29ycmVjdCBob3JzZQ=="));
    assert_true(shows(&bearer, "bad token token-1234567890"));
    assert_true(shows(&bearer, "what is dXNlcj1hbm4BYXV0aD1CZWFyZXIgdG9rZW4tMTIzNDU2Nzg5MAEB?"));
    assert_false(shows(&bearer, "bad token"));
}

/* The echo of a line may be cut: twelve octets of the base64 are enough. */
static void a_cut_echo_is_seen(void **state)
{
    (void)state;
    assert_true(shows(&horse, "500 AGFubgBjb3Jy"));
    assert_false(shows(&horse, "500 AGFubgBjb3J"));
    assert_true(shows(&horse, "500 Y29ycmVjdCBo"));
    assert_false(shows(&horse, "500 Y29ycmVjdCB"));
}

static void short_passwords_are_in_any_text(void **state)
{
    (void)state;
    const struct smtp_sasl_credentials four = {.username = "u", .password = "2.0."};
    const struct smtp_sasl_credentials three = {.username = "u", .password = "2.0"};
    assert_true(shows(&four, "250 2.0.0 Ok"));
    assert_false(shows(&three, "250 2.0.0 Ok"));
}

static void octets_of_any_kind_are_looked_at(void **state)
{
    (void)state;
    struct smtp_secrets secrets;
    smtp_secrets_init(&secrets, &horse);
    assert_true(smtp_secrets_in(&secrets, GW_SLICE_LIT("a\0correct horse\0b")));
    smtp_secrets_deinit(&secrets);
    assert_int_equal(secrets.n, 0);
}

static void without_credentials_nothing_is_secret(void **state)
{
    (void)state;
    const struct smtp_sasl_credentials none = {.host = "server.example.com"};
    const struct smtp_sasl_credentials empty = {.username = "", .password = ""};
    assert_false(shows(&none, "535 bad credentials"));
    assert_false(shows(&empty, "535 bad credentials"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_are_seen),
        cmocka_unit_test(both_forms_of_a_prepared_password_are_seen),
        cmocka_unit_test(base64_of_any_mechanism_is_seen),
        cmocka_unit_test(a_cut_echo_is_seen),
        cmocka_unit_test(short_passwords_are_in_any_text),
        cmocka_unit_test(octets_of_any_kind_are_looked_at),
        cmocka_unit_test(without_credentials_nothing_is_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
