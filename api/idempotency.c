/* SPDX-License-Identifier: MIT */
/* Finding and checking an Idempotency-Key. */
#include "api/idempotency.h"

#include "api/problem.h"

static bool is_printable(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] < ' ' || s.data[i] > '~')
            return false;
    return true;
}

const char *api_idempotency_read(struct api_request *r, const char **key_out)
{
    static const char *const names[] = {"idempotency-key", "x-idempotency-key"};
    struct gw_slice key = {.data = NULL};
    size_t n = 0;
    *key_out = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct gw_slice value;
        size_t given = api_request_headers(r, names[i], &value, 1);
        if (given != 0)
            key = value;
        n += given;
    }
    if (n == 0)
        return NULL;
    if (n > 1)
        return "Give one Idempotency-Key.";
    if (key.len == 0 || key.len > API_MAX_IDEMPOTENCY_KEY || !is_printable(key))
        return "An Idempotency-Key has 1 to 256 printable characters.";
    *key_out = api_request_strdup(r, key);
    return NULL;
}

bool api_idempotency_key(struct api_request *r, const char **key_out)
{
    const char *wrong = api_idempotency_read(r, key_out);
    if (wrong != NULL)
        api_problem(r, API_BAD_REQUEST, "%s", wrong);
    return wrong == NULL;
}
