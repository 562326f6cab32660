/* SPDX-License-Identifier: MIT */
/* sign_stdin DOMAIN SELECTOR KEYFILE [SELECTOR KEYFILE]… < message > signed: puts the
 * DKIM-Signature fields in front of a message, for checks by other verifiers. */
#include <stdio.h>
#include <unistd.h>

#include "gateway/base/gw_mem.h"
#include "gateway/dkim.h"

enum {
    MAX_KEYS = 8,
    MAX_MESSAGE = 64 << 20
};

static int fail(const char *what)
{
    (void)fprintf(stderr, "sign_stdin: %s\n", what);
    return 1;
}

static int sign(const struct gw_dkim *dkim, const char *domain, struct gw_buf *message,
                struct gw_buf *signatures)
{
    struct gw_err err;
    if (gw_dkim_sign(dkim, domain, gw_buf_view(message), signatures, NULL, &err) != GW_OK)
        return fail(err.text);
    return fwrite(signatures->data, 1, signatures->len, stdout) == signatures->len &&
                   fwrite(message->data, 1, message->len, stdout) == message->len
               ? 0
               : fail("write");
}

int main(int argc, char **argv)
{
    struct cfg_dkim_key keys[MAX_KEYS];
    struct cfg_dkim_domain domain = {.keys = keys};
    if (argc < 4 || argc % 2 != 0 || argc > 2 + 2 * MAX_KEYS)
        return fail("usage: sign_stdin DOMAIN SELECTOR KEYFILE [SELECTOR KEYFILE]... < message");
    domain.domain = argv[1];
    for (int i = 2; i < argc; i += 2)
        keys[domain.n_keys++] = (struct cfg_dkim_key){.selector = argv[i], .key_file = argv[i + 1]};
    struct cfg_dkim config = {.domains = &domain, .n_domains = 1};
    struct gw_dkim *dkim = NULL;
    struct gw_err err;
    if (gw_dkim_new(&config, &dkim, &err) != GW_OK)
        return fail(err.text);
    struct gw_buf message;
    struct gw_buf signatures;
    gw_buf_init(&message, MAX_MESSAGE);
    gw_buf_init(&signatures, MAX_MESSAGE);
    char chunk[65536];
    ssize_t n = 0;
    while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
        (void)gw_buf_add(&message, chunk, (size_t)n);
    int rc = sign(dkim, argv[1], &message, &signatures);
    gw_buf_deinit(&message);
    gw_buf_deinit(&signatures);
    gw_dkim_free(&dkim);
    return rc;
}
