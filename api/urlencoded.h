/* SPDX-License-Identifier: MIT */
/* Takes an application/x-www-form-urlencoded body apart, into the same parts as a form of
 * multipart.h has: names and values, none of them a file. Strict: an escape that is none, octets
 * that are not UTF-8 and a pair without a name are refused.
 *
 * Spec: WHATWG URL, sec. 5.1. */
#ifndef API_URLENCODED_H
#define API_URLENCODED_H

#include "api/multipart.h"

/* Names and values are decoded into the arena: never more octets than @body has. An empty body has
 * no parts. GW_OK, or GW_PROTO with err->text. */
enum gw_status api_urlencoded_split(struct gw_arena *arena, struct gw_slice body,
                                    struct api_multipart *out, struct gw_err *err) GW_NODISCARD;

#endif
