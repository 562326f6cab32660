/* SPDX-License-Identifier: MIT */
/* DNS as a judge sees it: a table of questions and of what is known of their answers. Whoever
 * judges asks the table; what it does not know yet comes out as pending, and is asked for by
 * dns_client.h; then the judge begins again. So a judge is a pure function of the table, and tests
 * fill it by hand.
 *
 * Spec: RFC 1035; RFC 2308 (no such name, no such data). */
#ifndef GW_DNS_H
#define GW_DNS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_slice.h"

enum {
    GW_DNS_MAX_QUESTIONS = 150, /* of one table; the most that SPF may need, and room; ours */
    GW_DNS_MAX_RECORDS = 64,    /* of one answer, else it is too large, but MX and PTR; ours */
    GW_DNS_MAX_TEXT = 4096,     /* octets of one TXT record, all its strings; ours */
    GW_DNS_MAX_NAME = 253       /* octets without the root dot, RFC 1035 sec. 2.3.4 */
};

/* As the protocol numbers them. */
enum gw_dns_type {
    GW_DNS_A = 1,
    GW_DNS_PTR = 12,
    GW_DNS_MX = 15,
    GW_DNS_TXT = 16,
    GW_DNS_AAAA = 28
};

/* name, text for people */
#define GW_DNS_STATUS_TABLE(X) \
    X(GW_DNS_PENDING, "not answered yet") \
    X(GW_DNS_FOUND, "found") \
    X(GW_DNS_NODATA, "no such record") \
    X(GW_DNS_NXDOMAIN, "no such name") \
    X(GW_DNS_SERVFAIL, "the name server failed (SERVFAIL)") \
    X(GW_DNS_REFUSED, "the name server refused") \
    X(GW_DNS_UNREACHABLE, "no name server can be reached") \
    X(GW_DNS_TIMEOUT, "no answer in time") \
    X(GW_DNS_MALFORMED, "the answer is malformed or too large") \
    X(GW_DNS_UNASKED, "not asked: too many questions")

enum gw_dns_status {
#define GW_DNS_STATUS_ENUM(name, text) name,
    GW_DNS_STATUS_TABLE(GW_DNS_STATUS_ENUM)
#undef GW_DNS_STATUS_ENUM
};

struct gw_dns_answer {
    enum gw_dns_status status;
    /* GW_DNS_FOUND: TXT: the strings of each record joined; A: 4 octets; AAAA: 16; MX, PTR: a name.
     */
    const struct gw_slice *records;
    size_t n;
};

struct gw_dns_question {
    enum gw_dns_type type;
    const char *name; /* lower case, without the root dot */
    bool asked;       /* of the network; the client's */
    struct gw_dns_answer answer;
};

struct gw_dns_table {
    struct gw_arena *arena; /* of names and answers */
    struct gw_dns_question *questions[GW_DNS_MAX_QUESTIONS];
    size_t n;
    bool over; /* gw_dns_give_up() was called */
};

/* Zeroed otherwise. @arena outlives the table. */
void gw_dns_table_init(struct gw_dns_table *t, struct gw_arena *arena);

/* What is known; asked before, it is the same answer again.
 * @name  any text: what cannot be a name of DNS is GW_DNS_NXDOMAIN at once
 * Never NULL, valid as long as the table. */
const struct gw_dns_answer *gw_dns_ask(struct gw_dns_table *t, enum gw_dns_type type,
                                       const char *name);

/* What is pending, and whatever is asked from now on, is GW_DNS_TIMEOUT. */
void gw_dns_give_up(struct gw_dns_table *t);

/* Found, or known not to exist: DNS has spoken. */
bool gw_dns_is_said(enum gw_dns_status status);
bool gw_dns_is_void(enum gw_dns_status status); /* no such name or no such data */
const char *gw_dns_status_text(enum gw_dns_status status);
const char *gw_dns_type_name(enum gw_dns_type type);

#endif
