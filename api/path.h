/* SPDX-License-Identifier: MIT */
/* Paths as they are sent: an escaped slash is part of a segment and never divides it, and nothing
 * is taken away ("..", "//"), so that whoever stands in front of us sees the same path as we do.
 *
 * Spec: RFC 3986 sec. 2.1, 3.3. */
#ifndef API_PATH_H
#define API_PATH_H

#include <stdbool.h>

#include "api/request.h"

/* Does @path match @pattern? Escapes in the path stand for their characters, %2F for none of the
 * pattern. params_out[i] is what the {…} number i matched, escaped as it is, and not empty; empty
 * when there is none. An escaped NUL matches nothing. */
bool api_pattern_match(const char *pattern, struct gw_slice path,
                       struct gw_slice params_out[API_MAX_PARAMS]);

/* Replaces the escapes in @text. A "%" that begins none stays. */
void api_path_decode(char *text);

#endif
