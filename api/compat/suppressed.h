/* SPDX-License-Identifier: MIT */
/* A key's suppression list, for facades. Whatever fails is answered with a problem. */
#ifndef API_COMPAT_SUPPRESSED_H
#define API_COMPAT_SUPPRESSED_H

#include "api/json_read.h"
#include "api/json_write.h"
#include "api/request.h"
#include "gateway/suppressions.h"

enum {
    API_COMPAT_MAX_SUPPRESSED = 10000,        /* entries of one list */
    API_COMPAT_MAX_ADDRESSES = 100,           /* of one request that changes it */
    API_COMPAT_MAX_ADDRESSES_BODY = 64 * 1024 /* its octets */
};

/* How a list ended. */
struct api_compat_listed {
    struct api_request *request;
    bool more;        /* there are more entries than `take` */
    const char *last; /* address of the last one that was shown; NULL: none was */
};

/* Which entries a list shows, and how. Texts live as long as the request. */
struct api_compat_suppressed {
    unsigned reasons;  /* 1 << enum gw_suppression_reason, or-ed; 0: all */
    const char *email; /* NULL: all */
    const char *after; /* address of the entry before the first one; NULL: from the newest */
    int64_t since_ms, until_ms; /* wall, put on it from … until before; 0: ever */
    bool must_exist;            /* 404 when there is none */
    size_t offset, take;
    void (*begin)(struct api_json *j);
    void (*item)(struct api_json *j, const struct gw_suppression *entry);
    void (*end)(struct api_json *j, const struct api_compat_listed *listed);
};
/* Newest first. 404 when `after` is not on it. */
void api_compat_list_suppressed(struct api_request *r, const struct api_compat_suppressed *list);

/* Answers @r with the entries that were put on the list or taken off it; those that were not there
 * are not among the latter. */
typedef void (*api_compat_entries_fn)(struct api_request *r, const struct gw_suppression *entries,
                                      size_t n);
/* @emails  as gw_suppression_address() makes them, 1 to API_COMPAT_MAX_ADDRESSES, none twice;
 *          copied */
void api_compat_suppress(struct api_request *r, const char *const *emails, size_t n,
                         api_compat_entries_fn view);
void api_compat_unsuppress(struct api_request *r, const char *const *emails, size_t n,
                           api_compat_entries_fn view);
/* Likewise with reasons, details and times of their own; copied. */
void api_compat_suppress_entries(struct api_request *r, const struct gw_suppression *entries,
                                 size_t n, api_compat_entries_fn view);
/* Takes @email, as somebody wrote it, off the list if it is there for one of @reasons (1 << enum
 * gw_suppression_reason, or-ed). */
void api_compat_unsuppress_one(struct api_request *r, unsigned reasons, const char *email,
                               api_compat_entries_fn view);

typedef void (*api_compat_change_fn)(struct api_request *r, const char *const *emails, size_t n,
                                     api_compat_entries_fn view);

/* How a request's body names addresses: a JSON object of one field, whose reader fills @items. */
struct api_compat_addresses {
    struct gw_arena *arena;
    const struct api_json_field *field;
    void *target; /* of the field */
    const struct gw_field *items;
    const size_t *n;     /* at most API_COMPAT_MAX_ADDRESSES */
    const char *pointer; /* of the field */
};
/* Reads the body and makes the change, or answers with what is wrong. */
void api_compat_change_suppressed(struct api_request *r, const struct api_compat_addresses *in,
                                  api_compat_change_fn change, api_compat_entries_fn view);

#endif
