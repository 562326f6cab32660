/* SPDX-License-Identifier: MIT */
/* Organizational domains, and identifiers that are aligned: by the Public Suffix List, as libpsl
 * has it.
 *
 * Spec: RFC 7489 sec. 3.1 (alignment), 3.2 (organizational domain). */
#ifndef GW_ORG_DOMAIN_H
#define GW_ORG_DOMAIN_H

#include <stdbool.h>

/* The part of @domain that somebody registered: "example.co.uk" of "a.b.example.co.uk". @domain
 * itself when it is a public suffix, or nothing is known. Borrowed from it.
 * @domain  lower case, A-labels, no root dot */
const char *gw_org_domain(const char *domain);

enum gw_alignment {
    GW_ALIGNED_NOT,
    GW_ALIGNED_RELAXED, /* of one organizational domain */
    GW_ALIGNED_STRICT   /* the same */
};
enum gw_alignment gw_domain_alignment(const char *a, const char *b);
const char *gw_alignment_name(enum gw_alignment a); /* "none", "relaxed", "strict" */

#endif
