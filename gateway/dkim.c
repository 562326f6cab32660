/* SPDX-License-Identifier: MIT */
/* The signing keys of a configuration, and signing with all keys of a domain. */
#include "gateway/dkim.h"

#include <stdlib.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/dkim_key.h"
#include "gateway/dkim_lib.h"
#include "gateway/metrics.h"

enum {
    MAX_LABEL = 63,
    MAX_NAME = 253
};

struct signing_domain {
    const char *name;
    struct gw_dkim_signer *signers;
    size_t n_signers;
};

struct gw_dkim {
    struct gw_arena *arena;
    struct signing_domain *domains; /* sorted by name */
    size_t n_domains;
};

/* Labels of letters, digits, hyphens and underscores, joined by single dots: nothing that could end
 * a tag of the signature and begin another. */
static bool is_name(const char *s)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (s == NULL || strlen(s) > MAX_NAME)
        return false;
    for (;;) {
        size_t n = strspn(s, allowed);
        if (n == 0 || n > MAX_LABEL || s[0] == '-' || s[n - 1] == '-')
            return false;
        if (s[n] == '\0')
            return true;
        if (s[n] != '.')
            return false;
        s += n + 1;
    }
}

static enum gw_status new_signer(struct gw_arena *arena, const char *domain,
                                 const struct cfg_dkim_key *key, struct gw_dkim_signer *out,
                                 struct gw_err *err)
{
    struct gw_err why;
    if (!is_name(key->selector))
        return gw_err_set(
            err, GW_INVALID,
            "dkim %s: selector \"%s\" is not a DNS name (letters, digits, hyphens, dots)", domain,
            key->selector);
    *out = (struct gw_dkim_signer){.domain = domain,
                                   .selector = gw_arena_strdup(arena, key->selector)};
    enum gw_status st = gw_dkim_key_load(key->key_file, &out->key, &out->type, &why);
    if (st != GW_OK)
        return gw_err_set(err, st, "dkim %s, selector %s: %s", domain, key->selector, why.text);
    if (!gw_dkim_lib_borrows_keys())
        out->pem = gw_dkim_key_pem(out->key);
    st = gw_dkim_lib_check(out, &why);
    if (st != GW_OK)
        return gw_err_set(err, st, "dkim %s, selector %s: %s: the key does not work: %s", domain,
                          key->selector, key->key_file, why.text);
    return GW_OK;
}

static enum gw_status refuse_twins(const struct signing_domain *d, struct gw_err *err)
{
    for (size_t i = 0; i < d->n_signers; i++)
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(d->signers[i].selector, d->signers[k].selector) == 0)
                return gw_err_set(err, GW_INVALID, "dkim %s: selector %s is there twice", d->name,
                                  d->signers[i].selector);
    return GW_OK;
}

static enum gw_status new_domain(struct gw_arena *arena, const struct cfg_dkim_domain *config,
                                 struct signing_domain *out, struct gw_err *err)
{
    if (!is_name(config->domain))
        return gw_err_set(err, GW_INVALID, "dkim: domain \"%s\" is not a DNS name", config->domain);
    *out = (struct signing_domain){
        .name = gw_arena_strdup(arena, config->domain),
        .signers = GW_ARENA_ARRAY(arena, struct gw_dkim_signer, config->n_keys)};
    enum gw_status st = GW_OK;
    for (size_t i = 0; i < config->n_keys && st == GW_OK; i++)
        st = new_signer(arena, out->name, &config->keys[i], &out->signers[out->n_signers++], err);
    return st == GW_OK ? refuse_twins(out, err) : st;
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(((const struct signing_domain *)a)->name,
                      ((const struct signing_domain *)b)->name);
}

enum gw_status gw_dkim_new(const struct cfg_dkim *config, struct gw_dkim **out, struct gw_err *err)
{
    /* Without keys libopendkim stays untouched: the self-check brings 3 MB of code into memory. */
    enum gw_status st = config->n_domains != 0 ? gw_dkim_lib_init(err) : GW_OK;
    if (st != GW_OK)
        return st;
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_dkim *d = GW_ARENA_NEW(arena, struct gw_dkim);
    d->arena = arena;
    d->domains = GW_ARENA_ARRAY(arena, struct signing_domain, config->n_domains);
    for (size_t i = 0; i < config->n_domains && st == GW_OK; i++)
        st = new_domain(arena, &config->domains[i], &d->domains[d->n_domains++], err);
    if (st == GW_OK && d->n_domains != 0)
        qsort(d->domains, d->n_domains, sizeof(d->domains[0]), by_name);
    for (size_t i = 1; i < d->n_domains && st == GW_OK; i++)
        if (by_name(&d->domains[i - 1], &d->domains[i]) == 0)
            st = gw_err_set(err, GW_INVALID, "dkim: domain %s is there twice", d->domains[i].name);
    if (st != GW_OK)
        gw_dkim_free(&d);
    else
        *out = d;
    return st;
}

void gw_dkim_free(struct gw_dkim **d)
{
    if (*d == NULL)
        return;
    for (size_t i = 0; i < (*d)->n_domains; i++)
        for (size_t k = 0; k < (*d)->domains[i].n_signers; k++) {
            EVP_PKEY_free((*d)->domains[i].signers[k].key);
            gw_free_secret(&(*d)->domains[i].signers[k].pem);
        }
    struct gw_arena *arena = (*d)->arena;
    gw_arena_free(&arena);
    *d = NULL;
}

static const struct signing_domain *find(const struct gw_dkim *d, const char *from_domain)
{
    for (const char *name = from_domain; name != NULL && d->n_domains != 0;) {
        struct signing_domain wanted = {.name = name};
        const struct signing_domain *found =
            bsearch(&wanted, d->domains, d->n_domains, sizeof(d->domains[0]), by_name);
        if (found != NULL)
            return found;
        name = strchr(name, '.');
        if (name != NULL)
            name++;
    }
    return NULL;
}

bool gw_dkim_has_key(const struct gw_dkim *d, const char *from_domain)
{
    const struct signing_domain *domain = find(d, from_domain);
    return domain != NULL && domain->n_signers != 0;
}

size_t gw_dkim_public_keys(const struct gw_dkim *d, const char *from_domain, struct gw_arena *arena,
                           struct gw_dkim_public *out, size_t max)
{
    const struct signing_domain *domain = find(d, from_domain);
    size_t n = domain != NULL && domain->n_signers < max ? domain->n_signers : max;
    for (size_t i = 0; domain != NULL && i < n; i++) {
        const struct gw_dkim_signer *s = &domain->signers[i];
        char *txt = gw_dkim_key_txt(s->key, s->type);
        out[i] = (struct gw_dkim_public){.domain = gw_arena_strdup(arena, s->domain),
                                         .selector = gw_arena_strdup(arena, s->selector),
                                         .type = s->type,
                                         .txt = gw_arena_strdup(arena, txt != NULL ? txt : "p=")};
        gw_free(txt);
    }
    return domain != NULL ? n : 0;
}

static enum gw_status sign(const struct gw_dkim_signer *signer, const struct gw_dkim_fields *fields,
                           struct gw_buf *out, struct gw_err *err)
{
    int64_t from_us = gw_clock_mono_us();
    enum gw_status st = gw_dkim_lib_sign(signer, fields, out, err);
    gw_metric_observe(GW_METRIC_DKIM_SIGN, gw_clock_mono_us() - from_us,
                      GW_LABELS(signer->type == GW_DKIM_RSA ? "rsa-sha256" : "ed25519-sha256"));
    return st;
}

enum gw_status gw_dkim_sign(const struct gw_dkim *d, const char *from_domain,
                            struct gw_slice message, struct gw_buf *out, size_t *n_signatures_out,
                            struct gw_err *err)
{
    const struct signing_domain *domain = find(d, from_domain);
    size_t n_signers = domain != NULL ? domain->n_signers : 0;
    struct gw_dkim_fields fields;
    size_t before = out->len;
    bool overflowed = out->overflowed;
    enum gw_status st = n_signers != 0 ? gw_dkim_fields_pick(message, &fields, err) : GW_OK;
    for (size_t i = 0; i < n_signers && st == GW_OK; i++)
        st = sign(&domain->signers[i], &fields, out, err);
    if (st != GW_OK) {
        out->len = before;
        out->overflowed = overflowed;
        return st;
    }
    if (n_signatures_out != NULL)
        *n_signatures_out = n_signers;
    return GW_OK;
}

bool gw_dkim_cached_keys_active(void)
{
    return gw_dkim_lib_borrows_keys();
}
