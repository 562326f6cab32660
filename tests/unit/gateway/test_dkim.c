/* SPDX-License-Identifier: MIT */
/* DKIM signing from configuration to verified signature. */
#include "tests/unit/gateway/dkim_fixture.h"

#include <malloc.h>
#include <pthread.h>

#include <openssl/pem.h>

enum {
    OUT_MAX = 8 << 20,
    N_THREADS = 4,
    SIGNATURES_PER_THREAD = 200
};

static struct fixture fx;

static int setup(void **state)
{
    (void)state;
    fixture_init(&fx);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_deinit(&fx);
    return 0;
}

static void self_check_finds_the_cached_keys_in_use(void **state)
{
    (void)state;
    struct gw_dkim *d = fixture_signer(&fx, "example.org", 0, 1);
    assert_true(gw_dkim_cached_keys_active());
    gw_dkim_free(&d);
    assert_null(d);
    gw_dkim_free(&d);
}

/* Header and body shapes; each is signed with RSA, Ed25519 and both, and verified. */
static const char *const shapes[] = {
    FIXTURE_HEADER "\r\n",
    FIXTURE_HEADER "\r\n\r\n",
    FIXTURE_HEADER "\r\n\r\n\r\n\r\n",
    FIXTURE_HEADER "\r\nx\r\n",
    FIXTURE_HEADER "\r\n \r\n",
    FIXTURE_HEADER "\r\n \t \r\n\r\n",
    FIXTURE_HEADER "\r\nHello\r\n\r\nworld\r\n",
    FIXTURE_HEADER "\r\ntrailing   \r\nspaces \t\r\n  inside  a \t line\r\n\r\n\r\n",
    FIXTURE_HEADER "\r\n.\r\n..\r\n.dot\r\n",
    FIXTURE_HEADER "\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n--b--\r\n",
    FIXTURE_HEADER "\r\n\303\244 8-bit \377\r\n",
    "Date: x\r\nMessage-ID: <1@e>\r\nFrom: a@example.org\r\n\r\nno more fields\r\n",
    "DATE: x\r\nmessage-id: <1@e>\r\nfrom: a@example.org\r\nSUBJECT:no space\r\n\r\nx\r\n",
    FIXTURE_HEADER "Cc: a@b,\r\n\tc@d,\r\n   e@f\r\nReply-To: a@b\r\nIn-Reply-To: <0@e>\r\n"
                   "References: <a@e>\r\n <b@e>\r\n\r\nfolded\r\n",
    FIXTURE_HEADER
    "List-Id: <l>\r\nList-Unsubscribe: <https://e/>\r\n"
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nX-A: 1\r\nX-A: 2\r\n\r\nx\r\n",
    FIXTURE_HEADER "List-X: 1\r\nList-Y: 2\r\nList-X: 3\r\nlist-x: 4\r\n\r\nrepeated\r\n",
    FIXTURE_HEADER "List-A=b: 1\r\nList-|: 2\r\nX=: 3\r\n!: 4\r\n\r\nodd names\r\n",
    FIXTURE_HEADER "X-Empty: \r\nKeywords:\r\n\r\nempty values\r\n",
};

static void check_shape(const char *shape, int first, int last)
{
    struct gw_dkim *d = fixture_signer(&fx, "example.org", first, last);
    struct gw_buf out;
    struct gw_err err;
    size_t n = 0;
    gw_buf_init(&out, OUT_MAX);
    assert_int_equal(fixture_sign(d, "example.org", gw_slice_str(shape), &out, &n, &err), GW_OK);
    assert_int_equal(n, last - first + 1);
    if (fixture_verify(&fx, gw_buf_view(&out)) != (int)n)
        fail_msg("keys %d to %d: %.*s", first, last, (int)out.len, out.data);
    gw_buf_deinit(&out);
    gw_dkim_free(&d);
}

static void signatures_of_every_shape_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (int first = 0; first < N_FIXTURE_KEYS; first++)
            for (int last = first; last < N_FIXTURE_KEYS; last++)
                check_shape(shapes[i], first, last);
}

static void any_change_of_what_is_signed_breaks_it(void **state)
{
    (void)state;
    static const char message[] = FIXTURE_HEADER "List-Unsubscribe: <https://e/>\r\n\r\nbody\r\n";
    static const char *const added[] = {"From: m@e\r\n",     "To: m@e\r\n",
                                        "Cc: m@e\r\n",       "Subject: m\r\n",
                                        "Date: m\r\n",       "Message-ID: <m@e>\r\n",
                                        "Reply-To: m@e\r\n", "Content-Type: text/html\r\n"};
    static const char *const changed[] = {"Ann", "bob@",  "hello", "Mon,",  "<1@",
                                          "1.0", "plain", "7bit",  "https", "body"};
    struct gw_dkim *d = fixture_signer(&fx, "example.org", 0, 1);
    struct gw_buf out;
    struct gw_err err;
    gw_buf_init(&out, OUT_MAX);
    assert_int_equal(fixture_sign(d, "example.org", gw_slice_str(message), &out, NULL, &err),
                     GW_OK);
    assert_int_equal(fixture_verify(&fx, gw_buf_view(&out)), 2);
    for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
        struct gw_buf forged;
        gw_buf_init(&forged, OUT_MAX);
        (void)gw_buf_add_str(&forged, added[i]);
        (void)gw_buf_add_slice(&forged, gw_buf_view(&out));
        if (fixture_verify(&fx, gw_buf_view(&forged)) != -1)
            fail_msg("verifies with an added %s", added[i]);
        gw_buf_deinit(&forged);
    }
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        char *at = memmem(out.data, out.len, message, 9);
        at = memmem(at, out.len - (size_t)(at - out.data), changed[i], strlen(changed[i]));
        assert_non_null(at);
        at[0] ^= 3;
        if (fixture_verify(&fx, gw_buf_view(&out)) != -1)
            fail_msg("verifies with a changed %s", changed[i]);
        at[0] ^= 3;
    }
    assert_int_equal(fixture_verify(&fx, gw_buf_view(&out)), 2);
    gw_buf_deinit(&out);
    gw_dkim_free(&d);
}

/* Removes folding, so that tags can be looked for. */
static void unfold(struct gw_buf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++)
        if (strchr(" \t\r\n", b->data[i]) == NULL)
            b->data[n++] = b->data[i];
    b->len = n;
    (void)gw_buf_add_char(b, '\0');
}

static void signature_is_relaxed_oversigned_without_length(void **state)
{
    (void)state;
    struct gw_dkim *d = fixture_signer(&fx, "example.org", 0, 1);
    struct gw_buf out;
    struct gw_err err;
    gw_buf_init(&out, OUT_MAX);
    assert_int_equal(gw_dkim_sign(d, "example.org", gw_slice_str(shapes[6]), &out, NULL, &err),
                     GW_OK);
    for (const char *line = out.data; line < out.data + out.len;) {
        const char *end = memmem(line, (size_t)(out.data + out.len - line), "\r\n", 2);
        assert_non_null(end);
        assert_true(end - line <= 78);
        assert_null(memchr(line, '\n', (size_t)(end - line)));
        line = end + 2;
    }
    unfold(&out);
    assert_int_equal(
        strncmp(out.data,
                "DKIM-Signature:v=1;a=rsa-sha256;c=relaxed/relaxed;d=example.org;s=rsa;t=", 71),
        0);
    const char *second = strstr(out.data + 1, "DKIM-Signature:v=1;");
    assert_non_null(second);
    assert_non_null(strstr(second, ";a=ed25519-sha256;c=relaxed/relaxed;d=example.org;s=ed;t="));
    assert_non_null(strstr(second, ";h=From:To:Subject:Date:Message-ID:MIME-Version:Content-Type:"
                                   "Content-Transfer-Encoding:From:To:Cc:Subject:Date:Message-ID:"
                                   "Reply-To:Content-Type;b="));
    assert_null(strstr(out.data, ";l="));
    assert_null(strstr(out.data, ";x="));
    assert_null(strstr(out.data, ";i="));
    gw_buf_deinit(&out);
    gw_dkim_free(&d);
}

static void large_headers_and_bodies_verify(void **state)
{
    (void)state;
    struct gw_dkim *d = fixture_signer(&fx, "example.org", 0, 1);
    struct gw_buf message;
    struct gw_buf out;
    struct gw_err err;
    gw_buf_init(&message, OUT_MAX);
    gw_buf_init(&out, OUT_MAX);
    (void)gw_buf_add_str(&message, FIXTURE_HEADER "Cc: first@example.net");
    for (int i = 0; i < 1000; i++)
        (void)gw_buf_printf(&message, ",\r\n \"Recipient number %d\" <recipient%d@example.net>", i,
                            i);
    for (int i = 0; i < 100; i++)
        (void)gw_buf_printf(&message, "\r\nList-A-Name-Of-25-Bytes-%d: %d", i, i);
    (void)gw_buf_add_str(&message, "\r\n\r\n");
    while (message.len < 2 << 20)
        (void)gw_buf_add_str(&message, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w"
                                       "cXJzdHV2d3h5ejAxMjM0\r\n");
    for (int i = 0; i < 998; i++)
        (void)gw_buf_add_char(&message, 'x');
    (void)gw_buf_add_str(&message, "\r\n");
    assert_false(message.overflowed);
    assert_int_equal(fixture_sign(d, "example.org", gw_buf_view(&message), &out, NULL, &err),
                     GW_OK);
    assert_int_equal(fixture_verify(&fx, gw_buf_view(&out)), 2);
    gw_buf_deinit(&message);
    gw_buf_deinit(&out);
    gw_dkim_free(&d);
}

static void longest_names_stay_within_the_line_limit(void **state)
{
    (void)state;
    char label[64];
    char domain[254];
    memset(label, 'a', 63);
    label[63] = '\0';
    (void)snprintf(domain, sizeof(domain), "%s.%s.%s.%.61s", label, label, label, label);
    struct gw_dkim *d = fixture_signer(&fx, domain, 0, 1);
    struct gw_buf out;
    struct gw_err err;
    gw_buf_init(&out, OUT_MAX);
    assert_int_equal(fixture_sign(d, domain, gw_slice_str(shapes[3]), &out, NULL, &err), GW_OK);
    assert_int_equal(fixture_verify(&fx, gw_buf_view(&out)), 2);
    gw_buf_deinit(&out);
    gw_dkim_free(&d);
}

static void keys_are_found_by_domain_then_parents(void **state)
{
    (void)state;
    struct cfg_dkim_key rsa = {"rsa", fx.files[0]};
    struct cfg_dkim_key ed = {"ed", fx.files[1]};
    struct cfg_dkim_domain domains[] = {{.domain = "mail.example.org", .keys = &ed, .n_keys = 1},
                                        {.domain = "example.org", .keys = &rsa, .n_keys = 1},
                                        {.domain = "none.example.com", .keys = &rsa, .n_keys = 0}};
    struct cfg_dkim config = {.domains = domains, .n_domains = 3};
    static const struct {
        const char *from, *d;
    } cases[] = {{"example.org", ";d=example.org;s=rsa;"},
                 {"EXAMPLE.org", ";d=example.org;s=rsa;"},
                 {"a.b.example.org", ";d=example.org;s=rsa;"},
                 {"mail.example.org", ";d=mail.example.org;s=ed;"},
                 {"x.mail.example.org", ";d=mail.example.org;s=ed;"},
                 {"notexample.org", NULL},
                 {"example.org.evil.test", NULL},
                 {"example.or", NULL},
                 {"org", NULL},
                 {"", NULL},
                 {".", NULL},
                 {"none.example.com", NULL}};
    struct gw_dkim *d = NULL;
    struct gw_err err;
    assert_int_equal(gw_dkim_new(&config, &d, &err), GW_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_buf out;
        size_t n = 9;
        gw_buf_init(&out, OUT_MAX);
        assert_int_equal(gw_dkim_sign(d, cases[i].from, gw_slice_str(shapes[3]), &out, &n, &err),
                         GW_OK);
        assert_int_equal(n, cases[i].d != NULL ? 1 : 0);
        assert_int_equal(gw_dkim_has_key(d, cases[i].from), cases[i].d != NULL);
        assert_int_equal(out.len != 0, cases[i].d != NULL);
        unfold(&out);
        if (cases[i].d != NULL)
            assert_non_null(strstr(out.data, cases[i].d));
        gw_buf_deinit(&out);
    }
    gw_dkim_free(&d);
}

static void configuration_without_keys_signs_nothing(void **state)
{
    (void)state;
    struct cfg_dkim config = {.domains = NULL};
    struct gw_dkim *d = NULL;
    struct gw_err err;
    struct gw_buf out;
    size_t n = 1;
    gw_buf_init(&out, 10);
    assert_int_equal(gw_dkim_new(&config, &d, &err), GW_OK);
    assert_false(gw_dkim_has_key(d, "example.org"));
    assert_int_equal(gw_dkim_sign(d, "example.org", gw_slice_str("x"), &out, &n, &err), GW_OK);
    assert_int_equal(n, 0);
    gw_dkim_free(&d);
}

static void names_that_are_no_dns_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ".",
        "node.ee; s=evil",
        "a;b",
        "a=b",
        "a..b",
        ".a",
        "a.",
        "-a",
        "a-",
        "a b",
        "a\r\nBcc: x",
        "../keys",
        "a:b",
        "\303\244.example",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (int as_selector = 0; as_selector < 2; as_selector++) {
            struct cfg_dkim_key key = {as_selector != 0 ? bad[i] : "s", fx.files[1]};
            struct cfg_dkim_domain domain = {as_selector == 0 ? bad[i] : "example.org", &key, 1};
            struct cfg_dkim config = {.domains = &domain, .n_domains = 1};
            struct gw_dkim *d = NULL;
            struct gw_err err;
            if (gw_dkim_new(&config, &d, &err) != GW_INVALID)
                fail_msg("accepted \"%s\"", bad[i]);
            assert_null(d);
            assert_non_null(strstr(err.text, as_selector != 0 ? "selector" : "domain"));
        }
    }
}

static void domains_and_selectors_are_unique(void **state)
{
    (void)state;
    struct cfg_dkim_key keys[] = {{"s", fx.files[0]}, {"S", fx.files[1]}};
    struct cfg_dkim_domain twice[] = {
        {"example.org", keys, 1}, {"example.com", keys, 1}, {"example.org", keys + 1, 1}};
    struct cfg_dkim_domain twins = {"example.org", keys, 2};
    struct cfg_dkim config = {.domains = twice, .n_domains = 3};
    struct gw_dkim *d = NULL;
    struct gw_err err;
    assert_int_equal(gw_dkim_new(&config, &d, &err), GW_INVALID);
    assert_string_equal(err.text, "dkim: domain example.org is there twice");
    config = (struct cfg_dkim){.domains = &twins, .n_domains = 1};
    assert_int_equal(gw_dkim_new(&config, &d, &err), GW_INVALID);
    assert_string_equal(err.text, "dkim example.org: selector S is there twice");
    assert_null(d);
}

static void error_leaves_the_output_as_it_was(void **state)
{
    (void)state;
    struct gw_dkim *d = fixture_signer(&fx, "example.org", 0, 1);
    struct gw_err err;
    struct gw_buf out;
    gw_buf_init(&out, 900); /* one signature fits, two do not */
    (void)gw_buf_add_str(&out, "before");
    assert_int_equal(gw_dkim_sign(d, "example.org", gw_slice_str(shapes[3]), &out, NULL, &err),
                     GW_TOOBIG);
    assert_true(gw_slice_is(gw_buf_view(&out), "before"));
    assert_false(out.overflowed);
    assert_int_equal(
        gw_dkim_sign(d, "example.org", gw_slice_str("From: a\r\n\r\n"), &out, NULL, &err),
        GW_INVALID);
    assert_true(gw_slice_is(gw_buf_view(&out), "before"));
    gw_buf_deinit(&out);
    gw_dkim_free(&d);
}

static void *sign_many(void *arg)
{
    const struct gw_dkim *d = arg;
    int *failures = gw_calloc(1, sizeof(*failures));
    for (int i = 0; i < SIGNATURES_PER_THREAD; i++) {
        struct gw_buf message;
        struct gw_buf out;
        struct gw_err err;
        gw_buf_init(&message, OUT_MAX);
        gw_buf_init(&out, OUT_MAX);
        (void)gw_buf_printf(&message, "%s\r\nMessage %d of thread %p\r\n", FIXTURE_HEADER, i,
                            (void *)failures);
        if (fixture_sign(d, "example.org", gw_buf_view(&message), &out, NULL, &err) != GW_OK ||
            fixture_verify(&fx, gw_buf_view(&out)) != 2)
            (*failures)++;
        gw_buf_deinit(&message);
        gw_buf_deinit(&out);
    }
    return failures;
}

static void threads_sign_at_once(void **state)
{
    (void)state;
    struct gw_dkim *d = fixture_signer(&fx, "example.org", 0, 1);
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, d), 0);
    for (int i = 0; i < N_THREADS; i++) {
        void *failures = NULL;
        assert_int_equal(pthread_join(threads[i], &failures), 0);
        assert_int_equal(*(int *)failures, 0);
        gw_free(failures);
    }
    gw_dkim_free(&d);
}

/* Everybody else's keys pass through our PEM_read_bio_PrivateKey() as well. */
static void pem_parser_of_openssl_is_still_there(void **state)
{
    (void)state;
    FILE *f = fopen(fx.files[0], "re");
    assert_non_null(f);
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    (void)fclose(f);
    BIO *bio = BIO_new_file(fx.files[1], "r");
    EVP_PKEY *other = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_non_null(key);
    assert_non_null(other);
    assert_int_equal(EVP_PKEY_get_base_id(other), EVP_PKEY_ED25519);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    BIO_free(bio);
    assert_null(PEM_read_bio_PrivateKey(NULL, NULL, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(self_check_finds_the_cached_keys_in_use),
        cmocka_unit_test(signatures_of_every_shape_verify),
        cmocka_unit_test(any_change_of_what_is_signed_breaks_it),
        cmocka_unit_test(signature_is_relaxed_oversigned_without_length),
        cmocka_unit_test(large_headers_and_bodies_verify),
        cmocka_unit_test(longest_names_stay_within_the_line_limit),
        cmocka_unit_test(keys_are_found_by_domain_then_parents),
        cmocka_unit_test(configuration_without_keys_signs_nothing),
        cmocka_unit_test(names_that_are_no_dns_names_are_refused),
        cmocka_unit_test(domains_and_selectors_are_unique),
        cmocka_unit_test(error_leaves_the_output_as_it_was),
        cmocka_unit_test(threads_sign_at_once),
        cmocka_unit_test(pem_parser_of_openssl_is_still_there),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
