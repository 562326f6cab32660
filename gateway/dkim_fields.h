/* SPDX-License-Identifier: MIT */
/* A message as the signer wants it: checked to be canonical, its header fields to sign picked.
 *
 * Spec: RFC 5322 sec. 2 and 3.6, RFC 6376 sec. 5.4. */
#ifndef GW_DKIM_FIELDS_H
#define GW_DKIM_FIELDS_H

#include <stddef.h>

#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    /* libopendkim, here and at receivers, cuts the list of signed names at 4096 bytes and then
     * hashes other fields than were named. 120 names of at most 28 characters, colons, folding and
     * the oversigned names stay below. A message has 100 custom fields and 14 of ours at most. */
    GW_DKIM_MAX_SIGNED = 120,
    GW_DKIM_MAX_SIGNED_NAME = 28,
    GW_DKIM_MAX_NAME = 76,        /* of any field, as gw_mime_header_name_valid() */
    GW_DKIM_MAX_HEADER = 4 << 20, /* bytes of all header fields; libopendkim counts with int */
    GW_DKIM_MAX_LINE = 998        /* RFC 5322 sec. 2.1.1, without the CRLF */
};

struct gw_dkim_fields {
    struct gw_slice items[GW_DKIM_MAX_SIGNED]; /* each whole field, without its last CRLF */
    size_t n;
    struct gw_slice body;
};

/* Names that are signed once more than they occur, NULL at the end, so that nobody can add one. */
extern const char *const gw_dkim_oversigned[];

/* Check all of @message (header, empty line, body) and fill *out with views into it.
 * GW_OK, or GW_INVALID: no empty line, bare CR or LF, NUL, a line over GW_DKIM_MAX_LINE, no CRLF at
 * the end, a malformed field, not exactly one From, Date and Message-ID, a field twice that RFC
 * 5322 allows once, over a limit above. */
enum gw_status gw_dkim_fields_pick(struct gw_slice message, struct gw_dkim_fields *out,
                                   struct gw_err *err) GW_NODISCARD;

#endif
