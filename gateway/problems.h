/* SPDX-License-Identifier: MIT */
/* The list of everything that is wrong with a request, each with a JSON pointer. */
#ifndef GW_PROBLEMS_H
#define GW_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_status.h"

enum {
    GW_MAX_PROBLEMS = 100
};

struct gw_problem {
    const char *pointer; /* RFC 6901, "" for the whole document */
    const char *code;    /* one of GW_PROBLEM_* below */
    const char *detail;  /* a sentence without secrets; UTF-8 */
};

struct gw_problems {
    struct gw_arena *arena; /* where the strings live */
    const char *base;       /* pointer of what is judged, "" when it is the whole document */
    struct gw_problem items[GW_MAX_PROBLEMS];
    size_t n, n_dropped;
};

/* Codes of field problems; listed in the API's documentation. */
#define GW_PROBLEM_TABLE(X) \
    X(GW_PROBLEM_REQUIRED, "required") \
    X(GW_PROBLEM_UNKNOWN_FIELD, "unknown_field") \
    X(GW_PROBLEM_TYPE, "type") \
    X(GW_PROBLEM_VALUE, "value") \
    X(GW_PROBLEM_DUPLICATE, "duplicate_field") \
    X(GW_PROBLEM_ENCODING, "encoding") \
    X(GW_PROBLEM_TOO_LONG, "too_long") \
    X(GW_PROBLEM_TOO_MANY, "too_many") \
    X(GW_PROBLEM_TOO_LARGE, "too_large") \
    X(GW_PROBLEM_ADDRESS, "address_syntax") \
    X(GW_PROBLEM_DOMAIN, "domain_syntax") \
    X(GW_PROBLEM_HEADER_NAME, "header_name") \
    X(GW_PROBLEM_HEADER_MANAGED, "header_managed") \
    X(GW_PROBLEM_INJECTION, "header_injection") \
    X(GW_PROBLEM_BASE64, "base64") \
    X(GW_PROBLEM_CONTENT_TYPE, "content_type") \
    X(GW_PROBLEM_URL, "url") \
    X(GW_PROBLEM_DATE, "date") \
    X(GW_PROBLEM_UNSUPPORTED, "unsupported") \
    X(GW_PROBLEM_SENDER, "sender_not_allowed") \
    X(GW_PROBLEM_RELAY, "relay") \
    X(GW_PROBLEM_DKIM, "dkim_unavailable") \
    X(GW_PROBLEM_TEMPLATE, "template") \
    X(GW_PROBLEM_NO_TEMPLATE, "template_not_found") \
    X(GW_PROBLEM_VARIABLE, "variable")

#define GW_PROBLEM_DECLARE(name, text) extern const char(name)[];
GW_PROBLEM_TABLE(GW_PROBLEM_DECLARE)
#undef GW_PROBLEM_DECLARE

/* @arena outlives the list; base is "". */
void gw_problems_init(struct gw_problems *p, struct gw_arena *arena);
/* Past GW_MAX_PROBLEMS only counts.
 * @pointer  copied; relative to p->base, or into the whole document when it is a URI fragment
 *           ("#/defaults/from", RFC 6901 sec. 6) */
void gw_problems_add(struct gw_problems *p, const char *pointer, const char *code, const char *fmt,
                     ...) GW_PRINTF(4, 5);
/* Is @pointer (as above), or something in it, the subject of a problem already? True also when some
 * are not kept. */
bool gw_problems_has(const struct gw_problems *p, const char *pointer);

#endif
