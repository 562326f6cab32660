/* SPDX-License-Identifier: MIT */
/* What lists have in common: the parameters `limit` and `cursor`, and an array with `next_cursor`.
 */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "api/json_write.h"
#include "api/request.h"
#include "gateway/base/gw_buf.h"

enum {
    API_DEFAULT_LIMIT = 50
};

/* The query parameter @name as a whole number from @min to @max; *out stays when it was not given.
 * False: the request is answered. */
bool api_page_number(struct api_request *r, const char *name, int64_t min, int64_t max,
                     int64_t *out);
/* limit, 1 to @max, and cursor (0: from the beginning). False: the request is answered. */
bool api_page_read(struct api_request *r, int64_t max, int64_t *limit, int64_t *cursor);

/* A page as an answer: after begin the items are written to `json`. */
struct api_page {
    struct gw_buf body;
    struct api_json json;
};
/* @name  of the array in the answer
 * @max   bytes of the answer, at most */
void api_page_begin(struct api_page *p, const char *name, size_t max);
/* @cursor  for the next page; 0: there is none */
void api_page_answer(struct api_page *p, struct api_request *r, int64_t cursor);

#endif
