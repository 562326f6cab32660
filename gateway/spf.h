/* SPDX-License-Identifier: MIT */
/* SPF: who may send mail with a domain in MAIL FROM. Evaluates as a receiver would for one address,
 * or, without one, for a sender that no mechanism names: then every mechanism is visited, so that
 * the whole record with all that it includes is judged.
 *
 * A pure function of the table of answers: it returns GW_SPF_PENDING when it needs answers that the
 * table does not have, and asks for them.
 *
 * Spec: RFC 7208. Macros of the sender and the address are expanded (sec. 7) but %{p}, which is
 * "unknown"; `exp` is not fetched. Without an address, a name that depends on it is not looked up.
 */
#ifndef GW_SPF_H
#define GW_SPF_H

#include <stdbool.h>

#include "gateway/dns.h"
#include "gateway/domain_code.h"

enum {
    GW_SPF_MAX_LOOKUPS = 10, /* terms that ask DNS, RFC 7208 sec. 4.6.4 */
    GW_SPF_MAX_VOID = 2,     /* of them without an answer, the same */
    GW_SPF_MAX_NAMES = 10    /* of one mx or ptr, the same */
};

/* name, the word of the specification */
#define GW_SPF_RESULT_TABLE(X) \
    X(GW_SPF_PENDING, "pending") \
    X(GW_SPF_NONE, "none") \
    X(GW_SPF_NEUTRAL, "neutral") \
    X(GW_SPF_PASS, "pass") \
    X(GW_SPF_FAIL, "fail") \
    X(GW_SPF_SOFTFAIL, "softfail") \
    X(GW_SPF_TEMPERROR, "temperror") \
    X(GW_SPF_PERMERROR, "permerror")

enum gw_spf_result {
#define GW_SPF_RESULT_ENUM(name, text) name,
    GW_SPF_RESULT_TABLE(GW_SPF_RESULT_ENUM)
#undef GW_SPF_RESULT_ENUM
};

struct gw_ip {
    bool v6;
    unsigned char octets[16]; /* the first 4 of IPv4 */
};
/* An IPv4 address inside an IPv6 one (::ffff:192.0.2.1) is IPv4. */
bool gw_ip_parse(const char *text, struct gw_ip *out);

struct gw_spf_question {
    struct gw_dns_table *table;
    struct gw_arena *arena; /* for what comes out */
    const char *domain;     /* of MAIL FROM */
    const struct gw_ip *ip; /* who connects; NULL: somebody that no mechanism names */
};

/* Why it is as it is. */
struct gw_spf_finding {
    const char *record; /* of the domain, NULL without one */
    unsigned lookups, voids;
    const char *matched;      /* the term of the domain's own record that decided, or NULL */
    enum gw_domain_code code; /* of an error, else GW_DOMAIN_SOUND */
    const char *detail;
    bool uses_ptr; /* somewhere */
};

enum gw_spf_result gw_spf_check(const struct gw_spf_question *q, struct gw_spf_finding *out);
const char *gw_spf_result_name(enum gw_spf_result r);

#endif
