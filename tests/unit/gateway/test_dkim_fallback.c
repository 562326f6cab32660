/* SPDX-License-Identifier: MIT */
/* The slow path: libopendkim does not take our keys, because this executable puts OpenSSL's plain
 * parser in place of gateway/pem_interpose.c. */
#include "tests/unit/gateway/dkim_fixture.h"

#include <fcntl.h>

#include <openssl/pem.h>

#include "gateway/base/gw_log.h"

/* Signing with Ed25519 this way leaks the parsed key, in libopendkim. */
/* NOLINTBEGIN(*-reserved-identifier,readability-identifier-naming) */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libcrypto.so";
}
/* NOLINTEND(*-reserved-identifier,readability-identifier-naming) */

static unsigned parsed;

__attribute__((visibility("default"))) EVP_PKEY * /* NOLINTNEXTLINE(readability-identifier-naming)*/
PEM_read_bio_PrivateKey(BIO *out, EVP_PKEY **x, pem_password_cb *cb, void *u)
{
    parsed++;
    return PEM_read_bio_PrivateKey_ex(out, x, cb, u, NULL, NULL);
}

static void signs_by_parsing_each_time_and_says_so(void **state)
{
    (void)state;
    struct fixture f;
    struct gw_buf out;
    struct gw_err err;
    char log[4096] = {0};
    int fds[2];
    gw_buf_init(&out, 1 << 16);
    fixture_init(&f);
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    gw_log_init(GW_LOG_INFO, GW_LOG_FORMAT_JSON, fds[1]);
    struct gw_dkim *d = fixture_signer(&f, "example.org", 0, 1);
    assert_true(read(fds[0], log, sizeof(log) - 1) > 0);
    assert_non_null(strstr(log, "\"warn\""));
    assert_non_null(strstr(log, "dkim_keys_not_cached"));
    assert_false(gw_dkim_cached_keys_active());
    unsigned before = parsed;
    assert_int_equal(
        fixture_sign(d, "example.org", gw_slice_str(FIXTURE_HEADER "\r\nx\r\n"), &out, NULL, &err),
        GW_OK);
    assert_int_equal(parsed, before + 2);
    assert_int_equal(fixture_verify(&f, gw_buf_view(&out)), 2);
    gw_log_init(GW_LOG_INFO, GW_LOG_FORMAT_JSON, 2);
    (void)close(fds[0]);
    (void)close(fds[1]);
    gw_dkim_free(&d);
    gw_buf_deinit(&out);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(signs_by_parsing_each_time_and_says_so)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
