/* SPDX-License-Identifier: MIT */
/* What facades do with messages that were sent: show one, list them, take them back. Whatever fails
 * is answered with a problem, which comes in the facade's words. */
#ifndef API_COMPAT_RECORDS_H
#define API_COMPAT_RECORDS_H

#include "api/json_write.h"
#include "api/request.h"
#include "gateway/mime_read.h"
#include "gateway/records.h"

/* Answers @r; @m is valid during the call. */
typedef void (*api_compat_view_fn)(struct api_request *r, const struct gw_message *m);

/* The message r->param; m->mime.data is NULL when its body is not kept any more. */
void api_compat_show(struct api_request *r, api_compat_view_fn view);
/* Takes the message r->param back. @too_late  what is said when it is final */
void api_compat_cancel(struct api_request *r, const char *too_late, api_compat_view_fn view);
/* Moves its first attempt to @at_ms (wall). @too_late  what is said when it was tried already */
void api_compat_schedule(struct api_request *r, int64_t at_ms, const char *too_late,
                         api_compat_view_fn view);

enum {
    API_COMPAT_MAX_PAGE = 4 << 20,  /* octets of one list */
    API_COMPAT_MAX_WALK = 50 * 200, /* messages looked at for one list */
    API_COMPAT_MAX_READ = 1 << 20   /* octets of a mail that is read for its text; larger ones are
                                       shown without */
};

/* Which messages a list shows, and how. Texts live as long as the request. */
struct api_compat_list {
    struct gw_list_query query; /* tenant, limit and cursor are not looked at */
    const char *after;          /* id of the message before the first one; NULL: from the newest */
    size_t offset, take;        /* leave out so many, then show at most so many */
    /* For `end`, set by the list: */
    struct api_request *request;
    char last[GW_UUID_SIZE]; /* id of the last message that was shown, "": none was */
    void (*begin)(struct api_json *j);
    void (*item)(struct api_json *j, const struct gw_message *m);
    /* In place of item: called for each event of a message, the newest first. When half of the page
     * is full, what is left of that message is left out, and the page ends. */
    void (*event)(struct api_json *j, const struct gw_message *m, const struct gw_event *e,
                  const struct api_compat_list *list);
    /* @n     how many were shown
     * @more  whether there are more */
    void (*end)(struct api_json *j, size_t n, bool more, const struct api_compat_list *list);
};
/* Newest first. 404 when there is no message `after`. */
void api_compat_list(struct api_request *r, const struct api_compat_list *list);

/* Text, html and addresses of the mail, when it is kept and not too large; else false.
 * @arena  for *out */
bool api_compat_read(struct gw_arena *arena, const struct gw_message *m,
                     struct gw_read_message *out);

/* A text that may not be known: data NULL is null. */
void api_compat_text(struct api_json *j, const char *key, struct gw_slice text);

/* The parameter @name, an address, in the form that records have it; *out stays when it is not
 * there. False: the request was answered. */
bool api_compat_address(struct api_request *r, const char *name, const char **out);

/* The parameter @name, a whole number from @min to @max; @otherwise when it is not there. False:
 * the request was answered. */
bool api_compat_number(struct api_request *r, const char *name, int64_t min, int64_t max,
                       int64_t otherwise, int64_t *out);

#endif
