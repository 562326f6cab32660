/* SPDX-License-Identifier: MIT */
/* Pages of lists. */
#include "api/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/problem.h"

enum {
    CURSOR_SIZE = sizeof("9223372036854775807")
};

bool api_page_number(struct api_request *r, const char *name, int64_t min, int64_t max,
                     int64_t *out)
{
    const char *text = api_request_query(r, name);
    char *end;
    if (text == NULL)
        return true;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    bool good =
        text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && v >= min && v <= max;
    if (good)
        *out = v;
    else
        api_problem(r, API_UNKNOWN_PARAMETER,
                    "%s must be a number from %" PRId64 " to %" PRId64 ".", name, min, max);
    return good;
}

bool api_page_read(struct api_request *r, int64_t max, int64_t *limit, int64_t *cursor)
{
    *limit = API_DEFAULT_LIMIT;
    *cursor = 0;
    return api_page_number(r, "limit", 1, max, limit) &&
           api_page_number(r, "cursor", 1, INT64_MAX, cursor);
}

void api_page_begin(struct api_page *p, const char *name, size_t max)
{
    gw_buf_init(&p->body, max);
    p->json = (struct api_json){.out = &p->body};
    api_json_begin_object(&p->json, NULL);
    api_json_begin_array(&p->json, name);
}

void api_page_answer(struct api_page *p, struct api_request *r, int64_t cursor)
{
    char text[CURSOR_SIZE];
    (void)snprintf(text, sizeof(text), "%" PRId64, cursor);
    api_json_end_array(&p->json);
    api_json_str(&p->json, "next_cursor", cursor > 0 ? text : NULL);
    api_json_end_object(&p->json);
    api_answer_json(r, 200, &p->body);
}
