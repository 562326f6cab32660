/* SPDX-License-Identifier: MIT */
/* SPF records as they are read; shared by the files of SPF only. */
#ifndef GW_SPF_INTERNAL_H
#define GW_SPF_INTERNAL_H

#include "gateway/base/gw_status.h"
#include "gateway/spf.h"

enum gw_spf_kind {
    GW_SPF_ALL,
    GW_SPF_INCLUDE,
    GW_SPF_A,
    GW_SPF_MX,
    GW_SPF_PTR,
    GW_SPF_IP4,
    GW_SPF_IP6,
    GW_SPF_EXISTS,
    GW_SPF_REDIRECT,
    GW_SPF_OTHER_MODIFIER /* exp, and those that nobody knows */
};

struct gw_spf_term {
    struct gw_slice text; /* as it stands in the record */
    enum gw_spf_kind kind;
    enum gw_spf_result result; /* of its qualifier */
    struct gw_slice spec;      /* domain-spec; len 0: none */
    struct gw_ip network;      /* ip4, ip6 */
    unsigned bits4, bits6;     /* of the prefix */
};

struct gw_spf_record {
    struct gw_spf_term *terms; /* mechanisms in their order; modifiers anywhere */
    size_t n;
    const struct gw_spf_term *redirect; /* NULL: none */
};

/* Is @text a record of SPF (sec. 4.5), whatever follows the version? */
bool gw_spf_is_record(struct gw_slice text);

/* Reads all of it (sec. 4.6, 12). Borrows from @text.
 * GW_OK; GW_INVALID with err->text naming the term. */
enum gw_status gw_spf_record_read(struct gw_arena *arena, struct gw_slice text,
                                  struct gw_spf_record *out, struct gw_err *err) GW_NODISCARD;

/* What the macros stand for. */
struct gw_spf_macros {
    const char *domain;     /* the one whose record it is */
    const char *sender;     /* the one of MAIL FROM */
    const struct gw_ip *ip; /* NULL: not known */
};

/* Is @spec a domain-spec (sec. 7.1)? */
bool gw_spf_spec_valid(struct gw_slice spec);
/* The name that @spec stands for; labels at its left go when it is too long (sec. 7.3). NULL: it
 * depends on an address, and there is none.
 * @spec  valid */
const char *gw_spf_expand(struct gw_arena *arena, struct gw_slice spec,
                          const struct gw_spf_macros *macros);

/* "1.2.0.192", nibbles for IPv6. */
const char *gw_ip_reversed(struct gw_arena *arena, const struct gw_ip *ip);
/* Are the first @bits of both the same? */
bool gw_ip_in(const struct gw_ip *ip, const struct gw_ip *network, unsigned bits);

#endif
