/* SPDX-License-Identifier: MIT */
/* Every mechanism, token by token, against the examples of their specifications. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "smtp/sasl.h"
#include "smtp/secrets.h"

static struct smtp_sasl start(enum smtp_auth_mech mech, const char *user, const char *password)
{
    const struct smtp_sasl_credentials who = {.username = user, .password = password};
    return smtp_sasl_start(mech, &who);
}

static struct smtp_sasl start_bearer(enum smtp_auth_mech mech, const char *user, const char *token)
{
    const struct smtp_sasl_credentials who = {
        .username = user, .token = token, .host = "server.example.com", .port = 143};
    return smtp_sasl_start(mech, &who);
}

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
    struct smtp_sasl s = start(SMTP_AUTH_PLAIN, "tim", "tanstaaftanstaaf");
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
    struct smtp_sasl s = start(SMTP_AUTH_PLAIN, "\xc3\xa4", "\xe2\x82\xac");
    assert_next_token(&s, "AMOkAOKCrA==");
}

/* SASLprep (RFC 4013): U+00AD goes, U+2168 becomes IX, U+00A0 a space. LOGIN has no such rule. */
static void plain_and_scram_prepare_name_and_password(void **state)
{
    (void)state;
    struct smtp_sasl plain = start(SMTP_AUTH_PLAIN, "I\xc2\xadX", "\xe2\x85\xa8");
    assert_next_token(&plain, "AElYAElY");
    struct smtp_sasl scram = start(SMTP_AUTH_SCRAM_SHA_256, "a\xc2\xa0z", "\xc2\xaa");
    assert_string_equal(smtp_sasl_username(&scram), "a z");
    assert_string_equal(smtp_sasl_password(&scram), "a");
    struct smtp_sasl login = start(SMTP_AUTH_LOGIN, "I\xc2\xadX", "\xe2\x85\xa8");
    assert_string_equal(smtp_sasl_username(&login), "I\xc2\xadX");
    assert_string_equal(smtp_sasl_password(&login), "\xe2\x85\xa8");
    smtp_sasl_wipe(&scram);
    assert_int_equal(scram.password[0], 0);
}

static void what_cannot_be_prepared_is_not_for_plain_and_scram(void **state)
{
    (void)state;
    static const struct smtp_sasl_credentials bad_password = {.username = "u", .password = "p\a"};
    static const struct smtp_sasl_credentials bad_name = {.username = "\xd8\xa7\x31",
                                                          .password = "p"};
    char why[160];
    assert_false(smtp_sasl_can(SMTP_AUTH_PLAIN, &bad_password));
    assert_false(smtp_sasl_can(SMTP_AUTH_SCRAM_SHA_256, &bad_name));
    assert_true(smtp_sasl_can(SMTP_AUTH_LOGIN, &bad_password));
    assert_true(smtp_sasl_can(SMTP_AUTH_CRAM_MD5, &bad_name));
    assert_true(smtp_sasl_unprepared(&bad_password, why, sizeof(why)));
    assert_non_null(strstr(why, "the password has a character"));
    assert_true(smtp_sasl_unprepared(&bad_name, why, sizeof(why)));
    assert_non_null(strstr(why, "the username has right-to-left letters"));
}

static void login_is_two_tokens_whatever_is_asked(void **state)
{
    (void)state;
    struct smtp_sasl s = start(SMTP_AUTH_LOGIN, "ann", "secret");
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
    struct smtp_sasl s = start(SMTP_AUTH_LOGIN, "ann", "secret");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (smtp_sasl_challenge(&s, gw_slice_str(bad[i])) != GW_PROTO)
            fail_msg("taken: %s", bad[i]);
    }
}

static void challenges_have_a_limit(void **state)
{
    (void)state;
    struct smtp_sasl s = start(SMTP_AUTH_LOGIN, "ann", "secret");
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
    struct smtp_sasl s = start(SMTP_AUTH_PLAIN, "u", password);
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

/* The challenge as text, not in base64. */
static enum gw_status challenge(struct smtp_sasl *s, const char *text)
{
    char encoded[2048];
    CHECK(gw_base64_encoded_size(strlen(text)) <= sizeof(encoded));
    return smtp_sasl_challenge(s,
                               gw_slice_of(encoded, gw_base64_encode(text, strlen(text), encoded)));
}

/* The next token as text. */
static void assert_next_text(struct smtp_sasl *s, const char *want)
{
    struct gw_buf out;
    char text[2048];
    size_t len = 0;
    gw_buf_init(&out, 1 << 16);
    assert_int_equal(smtp_sasl_token(s, &out), GW_OK);
    assert_true(gw_base64_decoded_max(out.len) < sizeof(text));
    if (out.len > 0)
        assert_int_equal(gw_base64_decode(gw_buf_view(&out), text, &len, NULL), GW_OK);
    text[len] = '\0';
    assert_string_equal(text, want);
    gw_buf_deinit(&out);
}

/* RFC 2195 sec. 2 */
static void cram_md5_answers_with_a_digest(void **state)
{
    (void)state;
    struct smtp_sasl s = start(SMTP_AUTH_CRAM_MD5, "tim", "tanstaaftanstaaf");
    assert_false(smtp_sasl_speaks_first(&s));
    assert_int_equal(challenge(&s, "<1896.697170952@postoffice.reston.mci.net>"), GW_OK);
    assert_next_text(&s, "tim b913a602c7eda7a495b4e6e7334d3890");
    assert_true(smtp_sasl_finished(&s));
    struct smtp_sasl empty = start(SMTP_AUTH_CRAM_MD5, "tim", "tanstaaftanstaaf");
    assert_int_equal(challenge(&empty, ""), GW_PROTO);
}

/* RFC 7677 sec. 3 */
#define SCRAM_NONCE  "rOprNGfwEbeRWgbNEkqO"
#define SCRAM_BOTH   SCRAM_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SCRAM_SALT   "W22ZaJ0SNY7soEsUEjb6gQ=="
#define SCRAM_FIRST  "r=" SCRAM_BOTH ",s=" SCRAM_SALT ",i=4096"
#define SCRAM_PROOF  "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SCRAM_SIGNED "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct smtp_sasl start_scram(struct smtp_scram_cache *cache)
{
    const struct smtp_sasl_credentials who = {
        .username = "user", .password = "pencil", .scram_cache = cache};
    struct smtp_sasl s = smtp_sasl_start(SMTP_AUTH_SCRAM_SHA_256, &who);
    (void)snprintf(s.scram.nonce, sizeof(s.scram.nonce), "%s", SCRAM_NONCE);
    assert_next_text(&s, "n,,n=user,r=" SCRAM_NONCE);
    return s;
}

static size_t work_off(struct smtp_sasl *s)
{
    size_t slices = 1;
    while (!smtp_sasl_work(s))
        slices++;
    return slices;
}

static void scram_proves_and_wants_proof(void **state)
{
    (void)state;
    struct smtp_sasl s = start_scram(NULL);
    assert_true(smtp_sasl_speaks_first(&s));
    assert_int_equal(challenge(&s, SCRAM_FIRST), GW_BUSY);
    assert_int_equal(work_off(&s), 4096 / SMTP_SCRAM_SLICE);
    assert_next_text(&s, "c=biws,r=" SCRAM_BOTH ",p=" SCRAM_PROOF);
    assert_false(smtp_sasl_finished(&s));
    assert_int_equal(challenge(&s, "v=" SCRAM_SIGNED), GW_OK);
    assert_false(smtp_sasl_finished(&s));
    assert_next_text(&s, "");
    assert_true(smtp_sasl_finished(&s));
}

static void scram_does_the_work_once_for_a_relay(void **state)
{
    (void)state;
    struct smtp_scram_cache cache = {.filled = false};
    for (int i = 0; i < 2; i++) {
        struct smtp_sasl s = start_scram(&cache);
        assert_int_equal(challenge(&s, SCRAM_FIRST), i == 0 ? GW_BUSY : GW_OK);
        (void)work_off(&s);
        assert_next_text(&s, "c=biws,r=" SCRAM_BOTH ",p=" SCRAM_PROOF);
    }
    struct smtp_sasl other_count = start_scram(&cache);
    assert_int_equal(challenge(&other_count, "r=" SCRAM_BOTH ",s=" SCRAM_SALT ",i=4097"), GW_BUSY);
    struct smtp_sasl other_salt = start_scram(&cache);
    assert_int_equal(challenge(&other_salt, "r=" SCRAM_BOTH ",s=W22ZaJ0SNY7soEsUEjb6gg==,i=4096"),
                     GW_BUSY);
    struct smtp_sasl other_password = start_scram(&cache);
    other_password.who.password = "pencils";
    assert_int_equal(challenge(&other_password, SCRAM_FIRST), GW_BUSY);
}

static void scram_refuses_a_false_server(void **state)
{
    (void)state;
    static const char *const bad_first[] = {
        "",
        "r=" SCRAM_NONCE ",s=" SCRAM_SALT ",i=4096", /* nothing of its own */
        "r=other" SCRAM_BOTH ",s=" SCRAM_SALT ",i=4096",
        "m=x,r=" SCRAM_BOTH ",s=" SCRAM_SALT ",i=4096", /* an extension we must know */
        "r=" SCRAM_BOTH ",i=4096",
        "r=" SCRAM_BOTH ",s=,i=4096",
        "r=" SCRAM_BOTH ",s=!,i=4096",
        "r=" SCRAM_BOTH ",s=" SCRAM_SALT ",i=4095",   /* SMTP_SCRAM_MIN_ITERATIONS */
        "r=" SCRAM_BOTH ",s=" SCRAM_SALT ",i=600001", /* SMTP_SCRAM_MAX_ITERATIONS */
        "r=" SCRAM_BOTH ",s=" SCRAM_SALT ",i=99999999999999999999",
        "r=" SCRAM_BOTH ",s=" SCRAM_SALT ",i=-4096",
        "r=" SCRAM_BOTH ",s=" SCRAM_SALT ",i=",
        "r=" SCRAM_BOTH "\x7f,s=" SCRAM_SALT ",i=4096",
    };
    for (size_t i = 0; i < sizeof(bad_first) / sizeof(bad_first[0]); i++) {
        struct smtp_sasl s = start_scram(NULL);
        if (challenge(&s, bad_first[i]) != GW_PROTO)
            fail_msg("taken: %s", bad_first[i]);
    }
    static const char *const bad_final[] = {
        "",
        "e=invalid-proof",
        "v=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==",
    };
    for (size_t i = 0; i < sizeof(bad_final) / sizeof(bad_final[0]); i++) {
        struct smtp_sasl s = start_scram(NULL);
        assert_int_equal(challenge(&s, SCRAM_FIRST), GW_BUSY);
        (void)work_off(&s);
        assert_next_text(&s, "c=biws,r=" SCRAM_BOTH ",p=" SCRAM_PROOF);
        if (challenge(&s, bad_final[i]) != GW_PROTO || smtp_sasl_finished(&s))
            fail_msg("taken: %s", bad_final[i]);
    }
}

static void scram_limits_have_two_sides(void **state)
{
    (void)state;
    struct smtp_sasl most = start_scram(NULL);
    assert_int_equal(challenge(&most, "r=" SCRAM_BOTH ",s=" SCRAM_SALT ",i=600000"), GW_BUSY);
    struct gw_buf out;
    char user[257];
    memset(user, 'u', sizeof(user));
    gw_buf_init(&out, 1 << 16);
    user[255] = '\0';
    struct smtp_sasl longest = start(SMTP_AUTH_SCRAM_SHA_256, user, "p");
    assert_int_equal(smtp_sasl_token(&longest, &out), GW_OK);
    user[255] = 'u';
    user[256] = '\0';
    struct smtp_sasl too_long = start(SMTP_AUTH_SCRAM_SHA_256, user, "p");
    assert_int_equal(smtp_sasl_token(&too_long, &out), GW_TOOBIG);
    gw_buf_deinit(&out);
    struct smtp_sasl escaped = start(SMTP_AUTH_SCRAM_SHA_256, "a,b=c", "p");
    (void)snprintf(escaped.scram.nonce, sizeof(escaped.scram.nonce), "x");
    assert_next_text(&escaped, "n,,n=a=2Cb=3Dc,r=x");
}

/* The example of Google's and Microsoft's pages. */
static void xoauth2_is_one_token(void **state)
{
    (void)state;
    struct smtp_sasl s = start_bearer(SMTP_AUTH_XOAUTH2, "someuser@example.com",
                                      "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
    assert_next_token(&s,
                      "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52"
                      "YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==");
    assert_true(smtp_sasl_finished(&s));
}

/* RFC 7628 sec. 4.1, with the user name that SMTP relays want. */
static void oauthbearer_names_the_relay(void **state)
{
    (void)state;
    struct smtp_sasl s = start_bearer(SMTP_AUTH_OAUTHBEARER, "user@example.com",
                                      "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
    assert_next_token(&s,
                      "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1"
                      "dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB");
    assert_true(smtp_sasl_finished(&s));
}

static void bearers_answer_an_error_challenge_once(void **state)
{
    (void)state;
    static const char error[] = "{\"status\":\"invalid_token\"}";
    static const struct {
        enum smtp_auth_mech mech;
        const char *answer;
    } rows[] = {{SMTP_AUTH_XOAUTH2, ""}, {SMTP_AUTH_OAUTHBEARER, "\001"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct smtp_sasl s = start_bearer(rows[i].mech, "ann", "token-1234567890");
        struct gw_buf out;
        gw_buf_init(&out, 1 << 16);
        assert_int_equal(smtp_sasl_token(&s, &out), GW_OK);
        gw_buf_deinit(&out);
        assert_int_equal(challenge(&s, error), GW_OK);
        assert_string_equal(s.error, error);
        assert_next_text(&s, rows[i].answer);
        assert_false(smtp_sasl_finished(&s));
        assert_int_equal(challenge(&s, error), GW_PROTO);
    }
}

static void access_tokens_are_not_repeated(void **state)
{
    (void)state;
    struct smtp_secrets secrets;
    struct smtp_sasl_credentials who = {
        .username = "ann", .token = "token-1234567890", .host = "server.example.com", .port = 143};
    smtp_secrets_init(&secrets, &who);
    who.secrets = &secrets;
    struct smtp_sasl s = smtp_sasl_start(SMTP_AUTH_XOAUTH2, &who);
    struct gw_buf out;
    gw_buf_init(&out, 1 << 16);
    assert_int_equal(smtp_sasl_token(&s, &out), GW_OK);
    gw_buf_deinit(&out);
    assert_int_equal(challenge(&s, "no such token: token-1234567890"), GW_OK);
    assert_null(strstr(s.error, "1234567890"));
    smtp_secrets_deinit(&secrets);
}

static void each_mechanism_needs_its_secret(void **state)
{
    (void)state;
    const struct smtp_sasl_credentials password = {.username = "u", .password = "p"};
    const struct smtp_sasl_credentials token = {.username = "u", .token = "t"};
    for (int i = 0; i < SMTP_N_AUTH_MECHS; i++) {
        enum smtp_auth_mech mech = (enum smtp_auth_mech)i;
        bool bearer = mech == SMTP_AUTH_XOAUTH2 || mech == SMTP_AUTH_OAUTHBEARER;
        assert_int_equal(smtp_sasl_can(mech, &password), !bearer);
        assert_int_equal(smtp_sasl_can(mech, &token), bearer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_is_one_token),
        cmocka_unit_test(plain_carries_utf8),
        cmocka_unit_test(plain_and_scram_prepare_name_and_password),
        cmocka_unit_test(what_cannot_be_prepared_is_not_for_plain_and_scram),
        cmocka_unit_test(login_is_two_tokens_whatever_is_asked),
        cmocka_unit_test(challenges_must_be_base64),
        cmocka_unit_test(challenges_have_a_limit),
        cmocka_unit_test(tokens_have_a_limit),
        cmocka_unit_test(cram_md5_answers_with_a_digest),
        cmocka_unit_test(scram_proves_and_wants_proof),
        cmocka_unit_test(scram_does_the_work_once_for_a_relay),
        cmocka_unit_test(scram_refuses_a_false_server),
        cmocka_unit_test(scram_limits_have_two_sides),
        cmocka_unit_test(xoauth2_is_one_token),
        cmocka_unit_test(oauthbearer_names_the_relay),
        cmocka_unit_test(bearers_answer_an_error_challenge_once),
        cmocka_unit_test(access_tokens_are_not_repeated),
        cmocka_unit_test(each_mechanism_needs_its_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
