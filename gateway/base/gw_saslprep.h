/* SPDX-License-Identifier: MIT */
/* User names and passwords in the one form that both sides of an authentication compare: SASLprep.
 *
 * Spec: RFC 4013, a profile of stringprep (RFC 3454). Prepared as a query string: code points that
 * Unicode 3.2 did not know yet are taken as they are. */
#ifndef GW_SASLPREP_H
#define GW_SASLPREP_H

#include <stdbool.h>

#include "gateway/base/gw_status.h"

enum {
    GW_SASLPREP_SIZE = 4096 /* of a prepared name or password with its NUL; ours */
};

/* Printable ASCII, which stays as it is. */
bool gw_saslprep_is_plain(const char *text);

/* The prepared form of @text, NUL-terminated, at @out, which has GW_SASLPREP_SIZE octets and may
 * hold a secret after any answer. Returns NULL, or words about what stands in the way, such as "is
 * too long", which hold nothing of @text. */
const char *gw_saslprep(const char *text, char *out) GW_NODISCARD;
/* The same words without the form; NULL for printable ASCII of any length. */
const char *gw_saslprep_problem(const char *text) GW_NODISCARD;

#endif
