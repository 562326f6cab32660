/* SPDX-License-Identifier: MIT */
/* No memory is lost per signature, for either algorithm and on errors. Under AddressSanitizer the
 * heap is not measured (it keeps what is freed); LeakSanitizer says at exit what was lost. */
#include "tests/unit/gateway/dkim_fixture.h"

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    WARM_UP = 200,
    N_SIGNATURES = SANITIZED ? 300 : 2000,
    N_LOADS = SANITIZED ? 3 : 500,
    WARM_UP_LOADS = SANITIZED ? 1 : 500,
    SLACK = 4096 /* the least leak, 24 bytes each time, is three times more */
};

static size_t heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void sign(const struct gw_dkim *d, const char *message, enum gw_status want, int times)
{
    struct gw_buf out;
    struct gw_err err;
    gw_buf_init(&out, 1 << 16);
    for (int i = 0; i < times; i++) {
        gw_buf_reset(&out);
        assert_int_equal(fixture_sign(d, "example.org", gw_slice_str(message), &out, NULL, &err),
                         want);
    }
    gw_buf_deinit(&out);
}

static void check_flat(int first, int last, const char *message, enum gw_status want)
{
    struct fixture f;
    fixture_init(&f);
    struct gw_dkim *d = fixture_signer(&f, "example.org", first, last);
    sign(d, message, want, WARM_UP);
    size_t before = heap_in_use();
    sign(d, message, want, N_SIGNATURES);
    size_t after = heap_in_use();
    if (!SANITIZED && after > before + SLACK)
        fail_msg("%d signatures left %zu bytes behind", N_SIGNATURES, after - before);
    gw_dkim_free(&d);
    fixture_deinit(&f);
}

static void rsa_signatures_leave_nothing_behind(void **state)
{
    (void)state;
    check_flat(0, 0, FIXTURE_HEADER "\r\nx\r\n", GW_OK);
}

static void ed25519_signatures_leave_nothing_behind(void **state)
{
    (void)state;
    check_flat(1, 1, FIXTURE_HEADER "\r\nx\r\n", GW_OK);
}

static void refused_messages_leave_nothing_behind(void **state)
{
    (void)state;
    check_flat(0, 1, FIXTURE_HEADER "\r\nx\n", GW_INVALID);
}

static void loading_keys_leaves_nothing_behind(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    size_t before = 0;
    for (int i = 0; i < WARM_UP_LOADS + N_LOADS; i++) {
        if (i == WARM_UP_LOADS)
            before = heap_in_use();
        struct gw_dkim *d = fixture_signer(&f, "example.org", 0, 1);
        gw_dkim_free(&d);
    }
    size_t after = heap_in_use();
    if (!SANITIZED && after > before + SLACK)
        fail_msg("%d loads left %zu bytes behind", N_LOADS, after - before);
    fixture_deinit(&f);
}

int main(void)
{
    /* glibc counts what its thread cache holds as used: start again without one. */
    if (getenv("GLIBC_TUNABLES") == NULL && !SANITIZED) {
        (void)setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
        (void)execl("/proc/self/exe", "test_dkim_leak", (char *)NULL);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rsa_signatures_leave_nothing_behind),
        cmocka_unit_test(ed25519_signatures_leave_nothing_behind),
        cmocka_unit_test(refused_messages_leave_nothing_behind),
        cmocka_unit_test(loading_keys_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
