/* SPDX-License-Identifier: MIT */
/* The Public Suffix List of libpsl. */
#include "gateway/org_domain.h"

#include <libpsl.h>
#include <string.h>

const char *gw_org_domain(const char *domain)
{
    const char *registered = psl_registrable_domain(psl_builtin(), domain);
    return registered != NULL ? registered : domain;
}

enum gw_alignment gw_domain_alignment(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return GW_ALIGNED_STRICT;
    return strcmp(gw_org_domain(a), gw_org_domain(b)) == 0 ? GW_ALIGNED_RELAXED : GW_ALIGNED_NOT;
}

const char *gw_alignment_name(enum gw_alignment a)
{
    static const char *const names[] = {[GW_ALIGNED_NOT] = "none",
                                        [GW_ALIGNED_RELAXED] = "relaxed",
                                        [GW_ALIGNED_STRICT] = "strict"};
    return names[a];
}
