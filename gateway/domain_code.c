/* SPDX-License-Identifier: MIT */
/* The tables of domain_code.h. */
#include "gateway/domain_code.h"

const char *gw_verdict_name(enum gw_verdict v)
{
    static const char *const names[] = {
#define NAME(name, text) [name] = (text),
        GW_VERDICT_TABLE(NAME)
#undef NAME
    };
    return names[v];
}

const char *gw_domain_code_name(enum gw_domain_code code)
{
    static const char *const names[] = {
#define NAME(name, text, verdict) [name] = (text),
        GW_DOMAIN_CODE_TABLE(NAME)
#undef NAME
    };
    return names[code];
}

enum gw_verdict gw_domain_code_verdict(enum gw_domain_code code)
{
    static const enum gw_verdict verdicts[] = {
#define VERDICT(name, text, verdict) [name] = (verdict),
        GW_DOMAIN_CODE_TABLE(VERDICT)
#undef VERDICT
    };
    return verdicts[code];
}
