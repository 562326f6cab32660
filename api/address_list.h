/* SPDX-License-Identifier: MIT */
/* Lists of addresses in one text: "Ann <a@b>, \"C, D\" <c@d>". Only where it is to be cut is read
 * here; what an address is, gw_prepare() judges.
 *
 * Spec: RFC 5322 sec. 3.4 (commas in quoted strings, comments and angle brackets do not count). */
#ifndef API_ADDRESS_LIST_H
#define API_ADDRESS_LIST_H

#include "gateway/draft.h"
#include "gateway/problems.h"

enum {
    API_ADDRESS_LIST_MAX = 100000 /* addresses; ours, as many as limits.recipients may allow */
};

/* Appends the addresses of @text to @list, pointers counting on: @pointer/0, @pointer/1, … Empty
 * places between commas are passed over. When it would be more than API_ADDRESS_LIST_MAX, nothing
 * is appended and a problem is added. All is in the arena of @problems.
 * @list     made by this function only, zeroed before
 * @pointer  of the list, in the arena or static */
void api_address_list_add(struct gw_problems *problems, struct gw_slice text, const char *pointer,
                          struct gw_draft_addresses *list);

#endif
