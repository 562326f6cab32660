/* SPDX-License-Identifier: MIT */
/* Mail addresses. One parser gives the envelope form and the header form, so the two can never
 * disagree about who gets the mail.
 *
 * Spec: RFC 5321 sec. 4.1.2 (Mailbox), RFC 5322 sec. 3.4 (mailbox), RFC 6531/6532 (UTF-8),
 * RFC 5890-5895 and UTS #46 (IDN, by libidn2). */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include <stdbool.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    SMTP_MAX_LOCAL_PART = 64, /* octets, RFC 5321 sec. 4.5.3.1.1 */
    SMTP_MAX_DOMAIN = 253,    /* octets of the A-label form without root dot (RFC 1035 wire 255) */
    SMTP_MAX_MAILBOX = 254,   /* octets, RFC 5321 sec. 4.5.3.1.3 less the angle brackets */
    SMTP_MAX_DISPLAY_NAME = 512,  /* octets of UTF-8; ours */
    SMTP_MAX_ADDRESS_INPUT = 2048 /* octets of what may be parsed at all; ours */
};

/* One parsed mailbox. Strings live in the arena given to the parser, NUL-terminated, no control
 * characters anywhere. */
struct smtp_mailbox {
    const char *address; /* wire form local@domain: dot-atom or canonical quoted-string local part
                            (UTF-8 only if utf8_local), A-label lower-case domain */
    const char *domain;  /* points into address, behind the @ */
    const char *name;    /* display name, decoded UTF-8, or NULL */
    bool utf8_local;     /* the local part needs SMTPUTF8 */
    bool bad_domain;     /* GW_INVALID: it is the domain that is at fault */
};

/* Parse a bare address: `local@domain`, nothing around it.
 * Refused: empty or over-long parts, control and 8-bit bytes that are not valid UTF-8, source
 * routes, address literals, percent/bang hacks (% and ! in the local part), encoded-words,
 * comments, anything after the domain, code points that are invisible or look like syntax
 * (full-width @), domains that IDNA2008 (UTS #46 non-transitional) refuses, IPv4 addresses,
 * single-label domains but `localhost`. A quoted local part loses its quotes when it needs none; @
 * < > inside quotes are refused, because too many programs look for them before they look at the
 * quotes. The result parses to itself. GW_OK, or GW_INVALID with err->text naming the rule ("domain
 * label starts with a hyphen") and @out zeroed but bad_domain. */
enum gw_status smtp_mailbox_parse_addr(struct gw_arena *arena, struct gw_slice in,
                                       struct smtp_mailbox *out, struct gw_err *err) GW_NODISCARD;

/* Parse `local@domain`, `<local@domain>`, or `Display Name <local@domain>` (name as atoms and
 * quoted-strings, or raw UTF-8 text without specials). Spaces around it are passed over. Exactly
 * one mailbox: lists and groups are refused. RFC 2047 encoded-words in the name stay literal
 * text. */
enum gw_status smtp_mailbox_parse(struct gw_arena *arena, struct gw_slice in,
                                  struct smtp_mailbox *out, struct gw_err *err) GW_NODISCARD;

/* Validate a display name given apart: valid UTF-8, no C0/C1 controls, no line separators (U+2028,
 * U+2029), no bidi overrides, at most SMTP_MAX_DISPLAY_NAME octets. Surrounding white space is cut.
 * An empty name gives NULL. */
enum gw_status smtp_display_name_parse(struct gw_arena *arena, struct gw_slice in,
                                       const char **name_out, struct gw_err *err) GW_NODISCARD;

/* A domain name alone, checked as in an address: *out is lower case, IDN labels as A-labels. A
 * trailing root dot is refused. */
enum gw_status smtp_domain_parse(struct gw_arena *arena, struct gw_slice in, const char **out,
                                 struct gw_err *err) GW_NODISCARD;

#endif
