/* SPDX-License-Identifier: MIT */
/* Keys, configurations and an independent verification for the tests of DKIM. */
#ifndef TESTS_DKIM_FIXTURE_H
#define TESTS_DKIM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <opendkim/dkim.h>

#include "gateway/base/gw_mem.h"
#include "gateway/dkim.h"

enum {
    N_FIXTURE_KEYS = 2,
    FIXTURE_PATH = 128
};

/* Selectors "rsa" and "ed". */
struct fixture {
    char dir[FIXTURE_PATH];
    char files[N_FIXTURE_KEYS][FIXTURE_PATH + 16];
    char *txts[N_FIXTURE_KEYS];
};

static const char *const fixture_selectors[N_FIXTURE_KEYS] = {"rsa", "ed"};

static inline void fixture_write(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline void fixture_init(struct fixture *f)
{
    (void)snprintf(f->dir, sizeof(f->dir), "dkim-test.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    for (int i = 0; i < N_FIXTURE_KEYS; i++) {
        char *pem = NULL;
        struct gw_err err;
        (void)snprintf(f->files[i], sizeof(f->files[i]), "%s/%s.pem", f->dir, fixture_selectors[i]);
        assert_int_equal(
            gw_dkim_keygen(i == 0 ? GW_DKIM_RSA : GW_DKIM_ED25519, 0, &pem, &f->txts[i], &err),
            GW_OK);
        fixture_write(f->files[i], pem, 0600);
        gw_free_secret(&pem);
    }
}

static inline void fixture_deinit(struct fixture *f)
{
    for (int i = 0; i < N_FIXTURE_KEYS; i++) {
        (void)unlink(f->files[i]);
        gw_free(f->txts[i]);
    }
    assert_int_equal(rmdir(f->dir), 0);
}

/* Signing for @domain with the keys from @first up to @last. */
static inline struct gw_dkim *fixture_signer(const struct fixture *f, const char *domain, int first,
                                             int last)
{
    struct cfg_dkim_key keys[N_FIXTURE_KEYS];
    struct cfg_dkim_domain d = {.domain = domain, .keys = keys};
    for (int i = first; i <= last; i++)
        keys[d.n_keys++] = (struct cfg_dkim_key){fixture_selectors[i], f->files[i]};
    struct cfg_dkim config = {.domains = &d, .n_domains = 1};
    struct gw_dkim *dkim = NULL;
    struct gw_err err = {0};
    if (gw_dkim_new(&config, &dkim, &err) != GW_OK)
        fail_msg("%s", err.text);
    return dkim;
}

/* ---- verification by libopendkim as a receiver runs it; it asks for keys by selector ---- */

static _Thread_local const struct fixture *fixture_keys;

static inline DKIM_CBSTAT fixture_lookup(DKIM *dkim, DKIM_SIGINFO *sig, u_char *buf, size_t len)
{
    (void)dkim;
    for (int i = 0; i < N_FIXTURE_KEYS; i++)
        if (strcmp((const char *)dkim_sig_getselector(sig), fixture_selectors[i]) == 0)
            (void)snprintf((char *)buf, len, "%s", fixture_keys->txts[i]);
    return DKIM_CBSTAT_CONTINUE;
}

/* How many of the signatures in @message (whole, signed) are good; -1 when one of them is not. */
static inline int fixture_verify(const struct fixture *f, struct gw_slice message)
{
    DKIM_STAT st = DKIM_STAT_OK;
    DKIM_LIB *lib = dkim_init(NULL, NULL);
    DKIM_SIGINFO **sigs = NULL;
    int n = 0;
    int good = 0;
    fixture_keys = f;
    assert_int_equal(dkim_set_key_lookup(lib, fixture_lookup), DKIM_STAT_OK);
    DKIM *dkim = dkim_verify(lib, NULL, NULL, &st);
    assert_non_null(dkim);
    char *copy = gw_memdup0(message.data, message.len);
    st = dkim_chunk(dkim, (u_char *)copy, message.len);
    if (st == DKIM_STAT_OK)
        st = dkim_chunk(dkim, NULL, 0);
    if (st == DKIM_STAT_OK)
        (void)dkim_eom(dkim, NULL);
    if (st == DKIM_STAT_OK && dkim_getsiglist(dkim, &sigs, &n) == DKIM_STAT_OK)
        for (int i = 0; i < n && good >= 0; i++)
            good = (dkim_sig_getflags(sigs[i]) & DKIM_SIGFLAG_PASSED) != 0 &&
                           dkim_sig_getbh(sigs[i]) == DKIM_SIGBH_MATCH
                       ? good + 1
                       : -1;
    gw_free(copy);
    dkim_free(dkim);
    dkim_close(lib);
    return good;
}

/* Sign @message and give the whole signed message in @out (initialised by the caller). */
static inline enum gw_status fixture_sign(const struct gw_dkim *dkim, const char *domain,
                                          struct gw_slice message, struct gw_buf *out, size_t *n,
                                          struct gw_err *err)
{
    enum gw_status st = gw_dkim_sign(dkim, domain, message, out, n, err);
    if (st == GW_OK)
        assert_int_equal(gw_buf_add_slice(out, message), GW_OK);
    return st;
}

#define FIXTURE_HEADER \
    "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: hello\r\n" \
    "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n" \
    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n"

#endif
