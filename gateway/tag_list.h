/* SPDX-License-Identifier: MIT */
/* "name=value; name=value": the form of DKIM key records and of DMARC records.
 *
 * Spec: RFC 6376 sec. 3.2; RFC 7489 sec. 6.4. */
#ifndef GW_TAG_LIST_H
#define GW_TAG_LIST_H

#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    GW_TAGS_MAX = 32 /* in one list; both specifications name fewer than 15; ours */
};

/* Borrows from the text. */
struct gw_tag_list {
    struct gw_slice names[GW_TAGS_MAX], values[GW_TAGS_MAX]; /* without the blanks around them */
    size_t n;
};

/* GW_OK; GW_INVALID with err->text: a tag without name or "=", a name that is there twice, too
 * many. */
enum gw_status gw_tag_list_read(struct gw_slice text, struct gw_tag_list *out,
                                struct gw_err *err) GW_NODISCARD;
/* NULL when it is not there. @name as it is written: names have case. */
const struct gw_slice *gw_tag_find(const struct gw_tag_list *list, const char *name);

#endif
