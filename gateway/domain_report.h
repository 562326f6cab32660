/* SPDX-License-Identifier: MIT */
/* What DNS says about mail from a domain, judged: SPF, the DKIM keys that sign here, DMARC, and
 * whether what they vouch for is aligned with From. */
#ifndef GW_DOMAIN_REPORT_H
#define GW_DOMAIN_REPORT_H

#include "gateway/dkim.h"
#include "gateway/domain_code.h"
#include "gateway/spf.h"

enum {
    GW_DOMAIN_MAX_PROBLEMS = 8, /* of one record; the code has no more */
    GW_DOMAIN_MAX_KEYS = 8      /* of one domain; the configuration takes no more */
};

/* One record of DNS and what is wrong with it. */
struct gw_domain_record {
    enum gw_verdict verdict;
    const char *name;  /* where it is looked up */
    const char *value; /* what is there, NULL: nothing of its kind */
    struct {
        enum gw_domain_code code;
        const char *detail;
    } problems[GW_DOMAIN_MAX_PROBLEMS];
    size_t n_problems;
    const char *publish_name; /* what to publish there; NULL: nothing, or DNS must speak first */
    const char *publish_value;
};

struct gw_domain_dkim {
    const struct gw_dkim_public *key;
    struct gw_domain_record record;
};

/* Whether DMARC takes what a method vouches for as said about From. */
struct gw_domain_identifier {
    const char *domain; /* vouched for; NULL: none */
    bool strict;        /* DMARC asks for the same domain */
    bool aligned;
};

/* All texts live in the arena of the check. */
struct gw_domain_report {
    const char *domain, *org_domain;
    bool has_spf; /* false: the null sender, which has no domain */
    struct gw_domain_record spf;
    unsigned spf_lookups, spf_voids;
    enum gw_spf_result spf_others; /* for whoever is not named */
    const char *ip;                /* NULL: none was given */
    enum gw_spf_result ip_result;
    const char *ip_matched; /* the term that decided, NULL: none */
    enum gw_verdict dkim;   /* of all keys: weak when only some can be used */
    struct gw_domain_dkim keys[GW_DOMAIN_MAX_KEYS];
    size_t n_keys;
    struct gw_domain_record dmarc;
    const char *policy; /* for mail from this domain: none, quarantine, reject; NULL: none is
                           published */
    struct gw_domain_identifier by_spf, by_dkim;
    bool ok; /* SPF, DKIM and DMARC are in place, and a pass of DMARC can be had */
    size_t n_questions;
};

/* What is asked. All borrowed, and as they come from the parser of addresses: lower case, A-labels.
 */
struct gw_domain_subject {
    const char *domain;      /* of From */
    const char *mail_domain; /* of MAIL FROM; "" for the null sender */
    const char *ip;          /* who will connect to receivers, or NULL; valid */
    const struct gw_dkim_public *keys;
    size_t n_keys;
    const char *spf_advice; /* an SPF record that would name the relays */
};

/* A pure function of @table, which it asks. False: answers are missing that it asked for just now.
 * @arena  for what is new in the report */
bool gw_domain_judge(const struct gw_domain_subject *subject, struct gw_dns_table *table,
                     struct gw_arena *arena, struct gw_domain_report *out);

/* The verdict becomes the one of @code when that is worse.
 * @detail  lives as long as the report */
void gw_domain_problem(struct gw_domain_record *r, enum gw_domain_code code, const char *detail);

#endif
