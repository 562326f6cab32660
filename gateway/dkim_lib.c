/* SPDX-License-Identifier: MIT */
/* Signing with libopendkim.
 *
 * Every allocation of one signature comes from an arena that is dropped whole, because dkim_free()
 * forgets some of them for Ed25519. The key is lent (gateway/pem_cache.h) unless the self-check
 * found that this does not work. */
#include "gateway/dkim_lib_internal.h"

#include <pthread.h>

#include <openssl/err.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/dkim_key.h"
#include "gateway/pem_cache.h"

enum {
    ARENA_SIZE = 32 * 1024, /* what a signature of a 2 KB message takes, so one block does */
    WHOLE_BODY = -1         /* no l= */
};

#define FIELD_NAME "DKIM-Signature: "

/* Written once under `once`, read-only afterwards. */
static struct {
    DKIM_LIB *dkim;
    bool borrows_keys;
    bool keeps_ed25519_keys; /* dkim_free() does not give the reference back */
} lib;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static enum gw_status append(DKIM *dkim, struct gw_buf *out, struct gw_err *err)
{
    unsigned char *text = NULL;
    size_t len = 0;
    /* Where libopendkim folded when it hashed depends on the width of the name before. */
    DKIM_STAT st = dkim_getsighdr_d(dkim, sizeof(FIELD_NAME) - 1, &text, &len);
    if (st != DKIM_STAT_OK)
        return gw_err_set(err, GW_CRYPTO, "libopendkim: %s", dkim_getresultstr(st));
    (void)gw_buf_add_str(out, FIELD_NAME);
    (void)gw_buf_add(out, text, len);
    (void)gw_buf_add_str(out, "\r\n");
    return out->overflowed ? gw_err_set(err, GW_TOOBIG, "no room for the signature") : GW_OK;
}

/* Hash and sign in @dkim; the only step that sees the key. */
static DKIM_STAT sign(DKIM *dkim, const struct gw_dkim_signer *signer,
                      const struct gw_dkim_fields *fields, struct gw_pem_loan *loan)
{
    DKIM_STAT st = gw_dkim_lib_feed(dkim, fields);
    if (st != DKIM_STAT_OK)
        return st;
    if (signer->pem == NULL)
        gw_pem_loan_begin(loan);
    st = dkim_eom(dkim, NULL);
    if (signer->pem == NULL)
        gw_pem_loan_end();
    return st;
}

static enum gw_status sign_in(struct gw_arena *arena, const struct gw_dkim_signer *signer,
                              const struct gw_dkim_fields *fields, struct gw_buf *out,
                              struct gw_err *err)
{
    DKIM_STAT st = DKIM_STAT_OK;
    struct gw_pem_loan loan = {.key = signer->key};
    DKIM *dkim = dkim_sign(
        lib.dkim, NULL, arena, gw_dkim_lib_bytes(signer->pem != NULL ? signer->pem : GW_PEM_TOKEN),
        gw_dkim_lib_bytes(signer->selector), gw_dkim_lib_bytes(signer->domain), DKIM_CANON_RELAXED,
        DKIM_CANON_RELAXED,
        signer->type == GW_DKIM_RSA ? DKIM_SIGN_RSASHA256 : DKIM_SIGN_ED25519SHA256, WHOLE_BODY,
        &st);
    if (dkim == NULL)
        return gw_err_set(err, GW_CRYPTO, "libopendkim: %s", dkim_getresultstr(st));
    st = sign(dkim, signer, fields, &loan);
    /* No dkim_free() after an error: it would free a key twice that dkim_eom() freed already. The
     * arena has the memory; one reference to the key is lost. */
    if (st != DKIM_STAT_OK)
        return gw_err_set(err, GW_CRYPTO, "libopendkim: %s", dkim_getresultstr(st));
    enum gw_status status = append(dkim, out, err);
    (void)dkim_free(dkim);
    if (lib.keeps_ed25519_keys && signer->type == GW_DKIM_ED25519 && loan.taken != 0)
        EVP_PKEY_free(signer->key);
    return status;
}

enum gw_status gw_dkim_lib_sign(const struct gw_dkim_signer *signer,
                                const struct gw_dkim_fields *fields, struct gw_buf *out,
                                struct gw_err *err)
{
    PRE(lib.dkim != NULL);
    struct gw_arena *arena = gw_arena_new(ARENA_SIZE);
    enum gw_status st = sign_in(arena, signer, fields, out, err);
    gw_arena_free(&arena);
    if (st != GW_OK)
        ERR_clear_error();
    return st;
}

/* ---- once per process ---- */

static const char sample[] = "From: a@example.org\r\n"
                             "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
                             "Message-ID: <1@example.org>\r\n"
                             "\r\n"
                             "self-check  \r\n\r\n";

enum gw_status gw_dkim_lib_check(const struct gw_dkim_signer *signer, struct gw_err *err)
{
    struct gw_dkim_fields fields;
    struct gw_buf signature;
    char *txt = gw_dkim_key_txt(signer->key, signer->type);
    gw_buf_init(&signature, GW_DKIM_MAX_SIGNATURE);
    enum gw_status st = gw_dkim_fields_pick(gw_slice_str(sample), &fields, err);
    if (st == GW_OK && txt == NULL)
        st = gw_err_set(err, GW_CRYPTO, "the public key cannot be written");
    if (st == GW_OK)
        st = gw_dkim_lib_sign(signer, &fields, &signature, err);
    if (st == GW_OK)
        st = gw_dkim_lib_verify(gw_buf_view(&signature), &fields, txt, err);
    gw_buf_deinit(&signature);
    gw_free(txt);
    return st;
}

static void on_key_freed(void *parent, void *freed, CRYPTO_EX_DATA *ad, int index, long argl,
                         void *argp)
{
    (void)parent;
    (void)ad;
    (void)index;
    (void)argl;
    (void)argp;
    if (freed != NULL)
        *(bool *)freed = true;
}

/* With a throw-away key: does libopendkim take a lent key, and does it give the reference back?
 * A libopendkim that does must not make us free twice, one that does not must not let the count
 * run over. */
static void probe(void)
{
    int index =
        CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL, NULL, NULL, on_key_freed);
    bool freed = false;
    struct gw_dkim_signer signer = {.domain = "example.org",
                                    .selector = "self-check",
                                    .type = GW_DKIM_ED25519,
                                    .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    CHECK(index >= 0 && signer.key != NULL && EVP_PKEY_set_ex_data(signer.key, index, &freed) == 1);
    struct gw_err why = {0};
    lib.borrows_keys = gw_dkim_lib_check(&signer, &why) == GW_OK;
    EVP_PKEY_free(signer.key);
    if (lib.borrows_keys && !freed) {
        lib.keeps_ed25519_keys = true;
        EVP_PKEY_free(signer.key);
    }
    (void)CRYPTO_free_ex_index(CRYPTO_EX_INDEX_EVP_PKEY, index);
    if (!lib.borrows_keys)
        gw_log(GW_LOG_WARN, "dkim_keys_not_cached", GW_LOG_STR("reason", why.text),
               GW_LOG_STR("effect", "libopendkim parses the key for every signature: 3 to 10 times "
                                    "the CPU, and Ed25519 loses memory with each"));
}

static void init(void)
{
    lib.dkim = dkim_init(gw_dkim_lib_malloc, gw_dkim_lib_free);
    if (lib.dkim == NULL)
        return;
    const char *const *oversigned = gw_dkim_oversigned;
    if (dkim_options(lib.dkim, DKIM_OP_SETOPT, DKIM_OPTS_OVERSIGNHDRS,
                     gw_dkim_lib_bytes(oversigned), sizeof(oversigned)) != DKIM_STAT_OK ||
        !dkim_libfeature(lib.dkim, DKIM_FEATURE_SHA256) ||
        !dkim_libfeature(lib.dkim, DKIM_FEATURE_ED25519)) {
        dkim_close(lib.dkim);
        lib.dkim = NULL;
        return;
    }
    probe();
}

enum gw_status gw_dkim_lib_init(struct gw_err *err)
{
    (void)pthread_once(&once, init);
    if (lib.dkim == NULL)
        return gw_err_set(err, GW_CRYPTO,
                          "this libopendkim has no SHA-256, Ed25519 or oversigning");
    return GW_OK;
}

bool gw_dkim_lib_borrows_keys(void)
{
    return lib.borrows_keys;
}
