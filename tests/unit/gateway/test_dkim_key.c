/* SPDX-License-Identifier: MIT */
/* Key files: what is accepted, what is refused and how; key making and TXT records. */
#include "tests/unit/gateway/dkim_fixture.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "gateway/base/gw_base64.h"
#include "gateway/dkim_key.h"

static char dir[] = "dkim-key-test.XXXXXX";
static char path[64];

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/key", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir);
}

static char *pem_of(EVP_PKEY *key, const char *passphrase)
{
    const char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(
                         bio, key, passphrase != NULL ? EVP_aes_256_cbc() : NULL, passphrase,
                         passphrase != NULL ? (int)strlen(passphrase) : 0, NULL, NULL),
                     1);
    long len = BIO_get_mem_data(bio, &text);
    char *copy = gw_memdup0(text, (size_t)len);
    BIO_free(bio);
    return copy;
}

/* Loading @pem must fail with a text that names the file and holds @error. */
static void expect_refused(const char *pem, mode_t mode, enum gw_status want, const char *error)
{
    struct gw_err err = {0};
    EVP_PKEY *key = NULL;
    enum gw_dkim_key_type type = GW_DKIM_RSA;
    fixture_write(path, pem, mode);
    enum gw_status st = gw_dkim_key_load(path, &key, &type, &err);
    if (st != want || strncmp(err.text, path, strlen(path)) != 0 || strstr(err.text, error) == NULL)
        fail_msg("wanted %s: %s", error, err.text);
    assert_null(key);
    assert_int_equal(ERR_peek_error(), 0);
}

static void expect_type_refused(EVP_PKEY *key, const char *error)
{
    assert_non_null(key);
    char *pem = pem_of(key, NULL);
    expect_refused(pem, 0600, GW_CRYPTO, error);
    gw_free(pem);
    EVP_PKEY_free(key);
}

static void keys_of_other_types_and_sizes_are_named(void **state)
{
    (void)state;
    expect_type_refused(EVP_RSA_gen(1024), "too short");
    expect_type_refused(EVP_RSA_gen(2040), "too short");
    expect_type_refused(EVP_EC_gen("P-256"), "elliptic curve");
    expect_type_refused(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "of a type");
    expect_type_refused(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), "of a type");
    EVP_PKEY *pss = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &pss), 1);
    EVP_PKEY_CTX_free(ctx);
    expect_type_refused(pss, "RSA-PSS");
}

static void too_long_an_rsa_key_is_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_RSA_gen(4104);
    expect_type_refused(key, "too long");
}

static void both_pem_forms_are_read(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    char *pkcs8 = pem_of(key, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    const char *text = NULL;
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &text);
    char *pkcs1 = gw_memdup0(text, (size_t)len);
    assert_non_null(strstr(pkcs1, "BEGIN RSA PRIVATE KEY"));
    const char *const forms[] = {pkcs8, pkcs1};
    for (size_t i = 0; i < 2; i++) {
        static const mode_t modes[] = {0600, 0400, 0640, 0440};
        for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
            EVP_PKEY *read = NULL;
            enum gw_dkim_key_type type = GW_DKIM_ED25519;
            struct gw_err err = {0};
            (void)unlink(path);
            fixture_write(path, forms[i], modes[m]);
            assert_int_equal(gw_dkim_key_load(path, &read, &type, &err), GW_OK);
            assert_int_equal(type, GW_DKIM_RSA);
            assert_int_equal(EVP_PKEY_eq(read, key), 1);
            EVP_PKEY_free(read);
        }
    }
    (void)unlink(path);
    BIO_free(bio);
    gw_free(pkcs1);
    gw_free(pkcs8);
    EVP_PKEY_free(key);
}

static void files_open_to_others_are_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0644, 0604, 0602, 0601, 0660, 0620, 0666, 0777};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        (void)unlink(path);
        expect_refused("secret text", modes[i], GW_DENIED, "chmod 600");
    }
}

static void texts_that_hold_no_key_are_refused_unquoted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "root:$y$secret:19000:0:99999:7:::\n",
        "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAsecret=\n-----END PUBLIC KEY-----\n",
        "-----MAILHATCH LENT KEY-----",
        "\x30\x2e\x02\x01",
        "MIIEpAIBAAKCAQEA"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct gw_err err = {0};
        EVP_PKEY *key = NULL;
        enum gw_dkim_key_type type = GW_DKIM_RSA;
        expect_refused(texts[i], 0600, GW_CRYPTO, "no private key in PEM form");
        assert_int_equal(gw_dkim_key_parse(gw_slice_str(texts[i]), &key, &type, &err), GW_CRYPTO);
        assert_null(strstr(err.text, "secret"));
    }
    expect_refused("", 0600, GW_CRYPTO, "is empty");
}

static void passphrases_are_not_asked_for(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char *pem = pem_of(key, "secret");
    expect_refused(pem, 0600, GW_CRYPTO, "passphrase");
    gw_free(pem);
    EVP_PKEY_free(key);
}

static void size_limit_holds_on_both_sides(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char *pem = pem_of(key, NULL);
    char *text = gw_calloc(1, GW_DKIM_MAX_KEY_FILE + 2);
    size_t pem_len = strlen(pem);
    size_t lead = GW_DKIM_MAX_KEY_FILE - pem_len;
    memset(text, '\n', lead);
    memcpy(text + lead, pem, pem_len + 1);
    EVP_PKEY *read = NULL;
    enum gw_dkim_key_type type = GW_DKIM_RSA;
    struct gw_err err = {0};
    fixture_write(path, text, 0600);
    assert_int_equal(gw_dkim_key_load(path, &read, &type, &err), GW_OK);
    assert_int_equal(type, GW_DKIM_ED25519);
    text[GW_DKIM_MAX_KEY_FILE] = '\n';
    expect_refused(text, 0600, GW_CRYPTO, "too large");
    EVP_PKEY_free(read);
    EVP_PKEY_free(key);
    gw_free(text);
    gw_free(pem);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    char fifo[80];
    (void)snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const struct {
        const char *file, *error;
        enum gw_status status;
    } cases[] = {{dir, "is a directory", GW_IO},
                 {fifo, "not a regular file", GW_IO},
                 {"/dev/null", "not a regular file", GW_IO},
                 {"/nonexistent/key", "No such file", GW_IO},
                 {"", "No such file", GW_IO}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY *key = NULL;
        enum gw_dkim_key_type type = GW_DKIM_RSA;
        struct gw_err err = {0};
        assert_int_equal(gw_dkim_key_load(cases[i].file, &key, &type, &err), cases[i].status);
        assert_int_equal(strncmp(err.text, cases[i].file, strlen(cases[i].file)), 0);
        assert_non_null(strstr(err.text, cases[i].error));
    }
    assert_int_equal(unlink(fifo), 0);
}

static void errors_of_a_configuration_name_domain_selector_and_file(void **state)
{
    (void)state;
    struct cfg_dkim_key key = {"sel", "/nonexistent/key"};
    struct cfg_dkim_domain domain = {"example.org", &key, 1};
    struct cfg_dkim config = {.domains = &domain, .n_domains = 1};
    struct gw_dkim *d = NULL;
    struct gw_err err = {0};
    assert_int_equal(gw_dkim_new(&config, &d, &err), GW_IO);
    assert_string_equal(err.text, "dkim example.org, selector sel: /nonexistent/key: "
                                  "No such file or directory");
    assert_null(d);
}

static void made_keys_load_and_have_the_record_they_came_with(void **state)
{
    (void)state;
    static const struct {
        enum gw_dkim_key_type type;
        unsigned bits;
        const char *prefix;
        int bits_out;
    } kinds[] = {{GW_DKIM_RSA, 0, "v=DKIM1; k=rsa; p=MII", 2048},
                 {GW_DKIM_RSA, 3072, "v=DKIM1; k=rsa; p=MII", 3072},
                 {GW_DKIM_ED25519, 0, "v=DKIM1; k=ed25519; p=", 256}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char *pem = NULL;
        char *made = NULL;
        char *read = NULL;
        struct gw_err err = {0};
        assert_int_equal(gw_dkim_keygen(kinds[i].type, kinds[i].bits, &pem, &made, &err), GW_OK);
        assert_int_equal(strncmp(pem, "-----BEGIN PRIVATE KEY-----\n", 28), 0);
        assert_int_equal(strncmp(made, kinds[i].prefix, strlen(kinds[i].prefix)), 0);
        (void)unlink(path);
        fixture_write(path, pem, 0600);
        assert_int_equal(gw_dkim_dns_txt(path, &read, &err), GW_OK);
        assert_string_equal(read, made);
        EVP_PKEY *key = NULL;
        enum gw_dkim_key_type type = GW_DKIM_RSA;
        assert_int_equal(gw_dkim_key_parse(gw_slice_str(pem), &key, &type, &err), GW_OK);
        assert_int_equal(type, kinds[i].type);
        assert_int_equal(EVP_PKEY_get_bits(key), kinds[i].bits_out);
        EVP_PKEY_free(key);
        gw_free_secret(&pem);
        gw_free(made);
        gw_free(read);
    }
}

static void record_holds_the_public_key(void **state)
{
    (void)state;
    char *pem = NULL;
    char *txt = NULL;
    struct gw_err err;
    size_t len = 0;
    unsigned char der[1024];
    /* RFC 8463 appendix A: key pair and record */
    static const char rfc_pem[] =
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----\n";
    (void)unlink(path);
    fixture_write(path, rfc_pem, 0600);
    assert_int_equal(gw_dkim_dns_txt(path, &txt, &err), GW_OK);
    assert_string_equal(txt, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    gw_free(txt);
    assert_int_equal(gw_dkim_keygen(GW_DKIM_RSA, 2048, &pem, &txt, &err), GW_OK);
    assert_int_equal(gw_base64_decode(gw_slice_str(strstr(txt, "p=") + 2), der, &len, NULL), GW_OK);
    const unsigned char *p = der;
    EVP_PKEY *public_key = d2i_PUBKEY(NULL, &p, (long)len);
    assert_non_null(public_key);
    EVP_PKEY *private_key = NULL;
    enum gw_dkim_key_type type = GW_DKIM_RSA;
    assert_int_equal(gw_dkim_key_parse(gw_slice_str(pem), &private_key, &type, &err), GW_OK);
    assert_int_equal(EVP_PKEY_eq(public_key, private_key), 1);
    EVP_PKEY_free(public_key);
    EVP_PKEY_free(private_key);
    gw_free(txt);
    gw_free_secret(&pem);
}

static void key_sizes_to_make_are_bounded(void **state)
{
    (void)state;
    static const unsigned bad[] = {1, 1024, 2047, 4097, 16384, ~0U};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *pem = NULL;
        char *txt = NULL;
        struct gw_err err;
        assert_int_equal(gw_dkim_keygen(GW_DKIM_RSA, bad[i], &pem, &txt, &err), GW_INVALID);
        assert_null(pem);
        assert_non_null(strstr(err.text, "2048 to 4096"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_other_types_and_sizes_are_named),
        cmocka_unit_test(too_long_an_rsa_key_is_refused),
        cmocka_unit_test(both_pem_forms_are_read),
        cmocka_unit_test(files_open_to_others_are_refused),
        cmocka_unit_test(texts_that_hold_no_key_are_refused_unquoted),
        cmocka_unit_test(passphrases_are_not_asked_for),
        cmocka_unit_test(size_limit_holds_on_both_sides),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(errors_of_a_configuration_name_domain_selector_and_file),
        cmocka_unit_test(made_keys_load_and_have_the_record_they_came_with),
        cmocka_unit_test(record_holds_the_public_key),
        cmocka_unit_test(key_sizes_to_make_are_bounded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
