/* SPDX-License-Identifier: MIT */
/* The parts of judging a domain; shared by their files only. */
#ifndef GW_DOMAIN_INTERNAL_H
#define GW_DOMAIN_INTERNAL_H

#include "gateway/domain_report.h"

/* domain_dkim.c: is what DNS has for a selector our key? False: pending.
 *
 * Spec: RFC 6376 sec. 3.6.1, 3.6.2; RFC 8463 sec. 3. */
bool gw_domain_judge_key(const struct gw_dkim_public *key, struct gw_dns_table *table,
                         struct gw_arena *arena, struct gw_domain_record *out);

struct gw_dmarc {
    const char *policy; /* that counts for the domain; NULL: there is none */
    bool strict_spf, strict_dkim;
};
/* domain_dmarc.c: the policy of @domain, or of the domain that it belongs to. False: pending.
 *
 * Spec: RFC 7489 sec. 6.3, 6.6.3. */
bool gw_domain_judge_dmarc(const char *domain, struct gw_dns_table *table, struct gw_arena *arena,
                           struct gw_domain_record *out, struct gw_dmarc *policy_out);

#endif
