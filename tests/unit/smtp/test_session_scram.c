/* SPDX-License-Identifier: MIT */
/* AUTH SCRAM-SHA-256 over the session, against a server side written apart from the client's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "gateway/base/gw_base64.h"
#include "smtp/sasl_scram.h"
#include "smtp/session.h"

enum {
    HASH = 32,
    TEXT = 1024,
    ITERATIONS = 10000
};

static const char salt[] = "sixteen octets..";

struct peer {
    struct smtp_session *session;
    struct smtp_action act;
    char out[TEXT]; /* what the session said last */
    size_t n_work;  /* WORK events it asked for */
};

static void step(struct peer *p, struct smtp_event ev)
{
    ev.now_ms = 1;
    smtp_session_step(p->session, &ev, &p->act);
    while (p->act.more_work) {
        p->n_work++;
        assert_int_equal(p->act.out.len, 0);
        const struct smtp_event work = {.kind = SMTP_EV_WORK, .now_ms = 1};
        smtp_session_step(p->session, &work, &p->act);
    }
    assert_true(p->act.out.len < TEXT);
    if (p->act.out.len > 0)
        memcpy(p->out, p->act.out.data, p->act.out.len);
    p->out[p->act.out.len] = '\0';
}

static void say(struct peer *p, const char *text)
{
    step(p, (struct smtp_event){.kind = SMTP_EV_BYTES, .bytes = gw_slice_str(text)});
}

static void say_334(struct peer *p, const char *message)
{
    char line[2 * TEXT] = "334 ";
    size_t len = 4 + gw_base64_encode(message, strlen(message), line + 4);
    memcpy(line + len, "\r\n", 3);
    say(p, line);
}

/* The base64 in the last output, behind @prefix, as text. */
static void heard(const struct peer *p, const char *prefix, char out[TEXT])
{
    size_t skip = strlen(prefix);
    size_t len = 0;
    assert_memory_equal(p->out, prefix, skip);
    size_t n = strcspn(p->out + skip, "\r");
    assert_int_equal(gw_base64_decode(gw_slice_of(p->out + skip, n), out, &len, NULL), GW_OK);
    out[len] = '\0';
}

static void mac(const void *key, size_t key_len, const char *text, unsigned char out[HASH])
{
    unsigned len = 0;
    assert_non_null(HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text),
                         out, &len));
}

/* What a server that knows @password makes of the exchange: is the proof right, and its signature.
 */
static bool judge(const char *password, const char *auth_message, const char *proof,
                  char signature[TEXT])
{
    unsigned char salted[HASH];
    unsigned char client[HASH];
    unsigned char stored[HASH];
    unsigned char signed_by[HASH];
    unsigned char server[HASH];
    unsigned char theirs[HASH + 4];
    size_t len = 0;
    assert_int_equal(PKCS5_PBKDF2_HMAC(password, -1, (const unsigned char *)salt, (int)strlen(salt),
                                       ITERATIONS, EVP_sha256(), HASH, salted),
                     1);
    mac(salted, HASH, "Client Key", client);
    (void)SHA256(client, HASH, stored);
    mac(stored, HASH, auth_message, signed_by);
    assert_int_equal(gw_base64_decode(gw_slice_str(proof), theirs, &len, NULL), GW_OK);
    for (size_t i = 0; i < HASH; i++)
        theirs[i] ^= signed_by[i];
    mac(salted, HASH, "Server Key", server);
    mac(server, HASH, auth_message, signed_by);
    signature[gw_base64_encode(signed_by, HASH, signature)] = '\0';
    return memcmp(theirs, client, HASH) == 0;
}

static void begin(struct peer *p, struct smtp_scram_cache *cache)
{
    const struct smtp_session_config config = {.helo_name = "client.example",
                                               .tls_mode = SMTP_TLS_IMPLICIT,
                                               .username = "ann",
                                               .password = "secret",
                                               .mechs = {SMTP_AUTH_SCRAM_SHA_256},
                                               .n_mechs = 1,
                                               .scram_cache = cache,
                                               .host = "mx.example",
                                               .port = 465,
                                               .timeouts = smtp_timeouts_default()};
    *p = (struct peer){.session = smtp_session_new(&config)};
    step(p, (struct smtp_event){.kind = SMTP_EV_CONNECTED});
    say(p, "220 hi\r\n");
    say(p, "250-mx\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n");
}

/* Up to the server's last message, which is left in @final_out; true when the proof was right. */
static bool exchange(struct peer *p, const char *password, char final_out[TEXT])
{
    char first[TEXT];
    char answer[TEXT];
    char server[TEXT];
    char message[4 * TEXT];
    char salt64[64];
    char signature[TEXT];
    heard(p, "AUTH SCRAM-SHA-256 ", first);
    assert_memory_equal(first, "n,,n=ann,r=", 11);
    salt64[gw_base64_encode(salt, strlen(salt), salt64)] = '\0';
    (void)snprintf(server, sizeof(server), "r=%.64s0123456789,s=%s,i=%d", first + 11, salt64,
                   ITERATIONS);
    say_334(p, server);
    heard(p, "", answer);
    char *proof = strstr(answer, ",p=");
    assert_non_null(proof);
    *proof = '\0';
    (void)snprintf(message, sizeof(message), "%s,%s,%s", first + 3, server, answer);
    bool right = judge(password, message, proof + 3, signature);
    (void)snprintf(final_out, TEXT, "v=%.64s", signature);
    return right;
}

static void both_sides_prove_themselves(void **state)
{
    (void)state;
    struct smtp_scram_cache cache = {.filled = false};
    for (int i = 0; i < 2; i++) {
        struct peer p;
        char final[TEXT];
        begin(&p, &cache);
        assert_true(exchange(&p, "secret", final));
        /* The second connection has it from the first. */
        assert_int_equal(p.n_work,
                         i == 0 ? (ITERATIONS + SMTP_SCRAM_SLICE - 1) / SMTP_SCRAM_SLICE - 1 : 0);
        say_334(&p, final);
        assert_string_equal(p.out, "\r\n");
        say(&p, "235 ok\r\n");
        assert_true(smtp_session_ready(p.session));
        smtp_session_free(&p.session);
    }
}

static void a_server_that_does_not_know_the_password_is_left(void **state)
{
    (void)state;
    struct peer p;
    char final[TEXT];
    begin(&p, NULL);
    assert_false(exchange(&p, "guess", final));
    say_334(&p, final);
    assert_string_equal(p.out, "*\r\n");
    say(&p, "501 canceled\r\n");
    assert_true(p.act.close && p.act.relay_sick);
    assert_int_equal(p.act.reason, SMTP_REASON_AUTH_PROTOCOL);
    smtp_session_free(&p.session);
}

static void a_welcome_without_proof_is_no_welcome(void **state)
{
    (void)state;
    struct peer p;
    char final[TEXT];
    begin(&p, NULL);
    assert_true(exchange(&p, "secret", final));
    say(&p, "235 ok\r\n");
    assert_true(p.act.close);
    assert_int_equal(p.act.reason, SMTP_REASON_PROTOCOL_ERROR);
    smtp_session_free(&p.session);
}

static void work_ends_with_the_deadline(void **state)
{
    (void)state;
    struct peer p;
    begin(&p, NULL);
    char first[TEXT];
    char text[TEXT];
    char line[2 * TEXT] = "334 ";
    heard(&p, "AUTH SCRAM-SHA-256 ", first);
    int n = snprintf(text, sizeof(text), "r=%.64sx,s=c2FsdA==,i=%d", first + 11,
                     SMTP_SCRAM_MAX_ITERATIONS);
    size_t len = 4 + gw_base64_encode(text, (size_t)n, line + 4);
    memcpy(line + len, "\r\n", 3);
    struct smtp_event ev = {.kind = SMTP_EV_BYTES, .now_ms = 1, .bytes = gw_slice_str(line)};
    smtp_session_step(p.session, &ev, &p.act);
    assert_true(p.act.more_work && p.act.deadline_ms > 1);
    ev = (struct smtp_event){.kind = SMTP_EV_DEADLINE, .now_ms = p.act.deadline_ms};
    smtp_session_step(p.session, &ev, &p.act);
    assert_true(p.act.close && !p.act.more_work);
    assert_int_equal(p.act.reason, SMTP_REASON_TIMEOUT);
    smtp_session_free(&p.session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_prove_themselves),
        cmocka_unit_test(a_server_that_does_not_know_the_password_is_left),
        cmocka_unit_test(a_welcome_without_proof_is_no_welcome),
        cmocka_unit_test(work_ends_with_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
