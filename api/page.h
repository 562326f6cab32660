/* SPDX-License-Identifier: MIT */
/* What lists have in common: the parameters `limit` and `cursor`, and `next_cursor`. */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "api/json_write.h"
#include "api/request.h"

enum {
    API_DEFAULT_LIMIT = 50
};

/* The query parameter @name as a whole number from 1 to @max; *out stays when it was not given.
 * False: the request is answered. */
bool api_page_number(struct api_request *r, const char *name, int64_t max, int64_t *out);
/* limit, 1 to @max, and cursor (0: from the beginning). False: the request is answered. */
bool api_page_read(struct api_request *r, int64_t max, int64_t *limit, int64_t *cursor);
/* Writes next_cursor; @cursor 0: there is no next page. */
void api_page_cursor(struct api_json *j, int64_t cursor);

#endif
