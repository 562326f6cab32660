/* SPDX-License-Identifier: MIT */
/* Verifying a signature of ours as a receiver would, for the self-checks. */
#include <stdio.h>

#include <openssl/err.h>

#include "gateway/dkim_lib_internal.h"

/* Stands in for the DNS: the record travels in the handle's user context. */
static DKIM_CBSTAT look_up(DKIM *dkim, DKIM_SIGINFO *sig, unsigned char *buf, size_t size)
{
    (void)sig;
    int n = snprintf((char *)buf, size, "%s", (const char *)dkim_get_user_context(dkim));
    return n > 0 && (size_t)n < size ? DKIM_CBSTAT_CONTINUE : DKIM_CBSTAT_ERROR;
}

static DKIM_STAT verify(DKIM_LIB *lib, struct gw_arena *arena, struct gw_slice signature,
                        const struct gw_dkim_fields *fields, const char *txt)
{
    DKIM_STAT st = dkim_set_key_lookup(lib, look_up);
    DKIM *dkim = st == DKIM_STAT_OK ? dkim_verify(lib, NULL, arena, &st) : NULL;
    if (dkim == NULL)
        return st;
    st = dkim_set_user_context(dkim, gw_dkim_lib_bytes(txt));
    if (st == DKIM_STAT_OK) /* without its CRLF */
        st = dkim_header(dkim, gw_dkim_lib_bytes(signature.data), signature.len - 2);
    if (st == DKIM_STAT_OK)
        st = gw_dkim_lib_feed(dkim, fields);
    if (st == DKIM_STAT_OK)
        st = dkim_eom(dkim, NULL);
    (void)dkim_free(dkim);
    return st;
}

enum gw_status gw_dkim_lib_verify(struct gw_slice signature, const struct gw_dkim_fields *fields,
                                  const char *txt, struct gw_err *err)
{
    DKIM_LIB *lib = dkim_init(gw_dkim_lib_malloc, gw_dkim_lib_free);
    if (lib == NULL)
        return gw_err_set(err, GW_CRYPTO, "libopendkim has no verifier");
    struct gw_arena *arena = gw_arena_new(0);
    DKIM_STAT st = verify(lib, arena, signature, fields, txt);
    gw_arena_free(&arena);
    dkim_close(lib);
    ERR_clear_error();
    return st == DKIM_STAT_OK ? GW_OK
                              : gw_err_set(err, GW_CRYPTO, "the signature does not verify: %s",
                                           dkim_getresultstr(st));
}
