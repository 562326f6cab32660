/* SPDX-License-Identifier: MIT */
/* Words for what may be wrong with a domain's records. */
#ifndef GW_DOMAIN_CODE_H
#define GW_DOMAIN_CODE_H

/* name, the word of the API */
#define GW_VERDICT_TABLE(X) \
    X(GW_VERDICT_OK, "ok") \
    X(GW_VERDICT_WEAK, "weak")       /* works, and should be better */ \
    X(GW_VERDICT_MISSING, "missing") /* is not published */ \
    X(GW_VERDICT_WRONG, "wrong")     /* is published, and receivers cannot use it */ \
    X(GW_VERDICT_UNKNOWN, "unknown") /* DNS did not say */

enum gw_verdict {
#define GW_VERDICT_ENUM(name, text) name,
    GW_VERDICT_TABLE(GW_VERDICT_ENUM)
#undef GW_VERDICT_ENUM
};

/* name, the word of the API, the verdict that it brings */
#define GW_DOMAIN_CODE_TABLE(X) \
    X(GW_DOMAIN_SOUND, "sound", GW_VERDICT_OK) \
    X(GW_DOMAIN_DNS, "dns_failed", GW_VERDICT_UNKNOWN) \
    X(GW_DOMAIN_MISSING, "missing", GW_VERDICT_MISSING) \
    X(GW_DOMAIN_MULTIPLE, "multiple", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_SYNTAX, "syntax", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_LOOKUPS, "too_many_lookups", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_VOID_LOOKUPS, "too_many_void_lookups", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_NAMES, "too_many_names", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_INCLUDE, "include_missing", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_PASSES_ALL, "passes_everybody", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_IP, "ip_not_allowed", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_NO_END, "no_all", GW_VERDICT_WEAK) \
    X(GW_DOMAIN_PTR, "uses_ptr", GW_VERDICT_WEAK) \
    X(GW_DOMAIN_REVOKED, "revoked", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_OTHER_KEY, "other_key", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_NOT_ALLOWED, "not_allowed", GW_VERDICT_WRONG) \
    X(GW_DOMAIN_TESTING, "testing", GW_VERDICT_WEAK) \
    X(GW_DOMAIN_UNKNOWN_VALUE, "unknown_value", GW_VERDICT_WEAK) \
    X(GW_DOMAIN_PARTIAL, "partial", GW_VERDICT_WEAK)

enum gw_domain_code {
#define GW_DOMAIN_CODE_ENUM(name, text, verdict) name,
    GW_DOMAIN_CODE_TABLE(GW_DOMAIN_CODE_ENUM)
#undef GW_DOMAIN_CODE_ENUM
};

const char *gw_verdict_name(enum gw_verdict v);
const char *gw_domain_code_name(enum gw_domain_code code);
enum gw_verdict gw_domain_code_verdict(enum gw_domain_code code);

#endif
