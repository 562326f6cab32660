/* SPDX-License-Identifier: MIT */
/* The steps of gw_prepare(), for gateway/prepare*.c only. Each takes its fields from the draft,
 * adds a problem for whatever is wrong with them, and fills in the message and the input of the
 * MIME builder. */
#ifndef GW_PREPARE_INTERNAL_H
#define GW_PREPARE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/mime.h"
#include "gateway/prepare.h"

struct gw_prepare_job {
    const struct gw_prepare_context *ctx;
    const struct gw_draft *draft;
    struct gw_arena *arena;
    struct gw_problems *problems;
    struct gw_message *m;
    struct gw_mime_input mime;
    const char *from_pointer, *to_pointer; /* of the sender, and of recipients that are missing */
    bool utf8_header; /* an address in the header needs SMTPUTF8, and so does every recipient */
};

/* From, recipients, Reply-To, envelope sender, who may send as whom. */
void gw_prepare_addresses(struct gw_prepare_job *job);
/* Subject and custom headers. */
void gw_prepare_headers(struct gw_prepare_job *job);
/* Message-ID, In-Reply-To, References. Behind the headers. */
void gw_prepare_ids(struct gw_prepare_job *job);
void gw_prepare_unsubscribe(struct gw_prepare_job *job);
/* Text, html, attachments. */
void gw_prepare_parts(struct gw_prepare_job *job);
/* Tags, metadata, times, relay. */
void gw_prepare_options(struct gw_prepare_job *job);

struct gw_prepare_raw;
/* Of a draft that is a MIME message, in place of headers, unsubscribe and parts. Reads its header;
 * job->draft is a draft made of it from now on. Before the addresses. */
struct gw_prepare_raw *gw_prepare_raw_read(struct gw_prepare_job *job);
/* Behind the addresses. */
void gw_prepare_raw_finish(struct gw_prepare_job *job, const struct gw_prepare_raw *raw);
/* The message: at most max_size octets, expected are about size. NULL, or what is wrong with it.
 * @scratch  needed during the call only */
const char *gw_prepare_raw_build(const struct gw_prepare_job *job, const struct gw_prepare_raw *raw,
                                 struct gw_arena *scratch, struct gw_buf *out);
size_t gw_prepare_raw_max_size(const struct gw_prepare_raw *raw);
size_t gw_prepare_raw_size(const struct gw_prepare_raw *raw);

struct gw_prepare_copies;
/* Are subject, text and html templates? */
bool gw_prepare_is_rendered(const struct gw_draft *draft);
/* Compiles them. Behind the addresses. */
struct gw_prepare_copies *gw_prepare_copies_read(struct gw_prepare_job *job);
/* The draft for the recipient @rcpt (any when there are no values of recipients), its texts in
 * @arena. False when problems were added. */
bool gw_prepare_copies_render(struct gw_prepare_job *job, struct gw_prepare_copies *c, size_t rcpt,
                              struct gw_arena *arena, struct gw_draft *out);

/* The list as the header has it; problems where an address is none. */
struct gw_mime_address *gw_prepare_header_form(struct gw_prepare_job *job,
                                               const struct gw_draft_addresses *list);

/* The display name that To, Cc or Bcc of the draft gives the address (wire form); NULL: none. */
const char *gw_prepare_name_of(const struct gw_prepare_job *job, const char *address);

/* Was the field given? */
static inline bool gw_is_given(const struct gw_field *f)
{
    return f->value.data != NULL;
}

/* What a text of one line may hold. */
enum {
    GW_LINE_TAB = 1,  /* horizontal tabs */
    GW_LINE_BIDI = 2, /* directional overrides */
};
/* Checks a text of one line: at most @max octets, UTF-8, no line break of any kind and no NUL
 * (header_injection), no other control. False when a problem was added. */
bool gw_prepare_line(struct gw_prepare_job *job, const struct gw_field *f, size_t max,
                     unsigned allowed);
/* Is the field, or something in it, the subject of a problem already? */
bool gw_prepare_has_problem(const struct gw_prepare_job *job, const char *pointer);
/* The field is missing: a problem, unless it has one. */
void gw_prepare_required(struct gw_prepare_job *job, const char *pointer, const char *detail);

/* May @key send as @address (wire form)? Patterns: "a@b", "*@b", "*@*.b"; case is not minded. */
bool gw_prepare_sender_allowed(const struct cfg_api_key *key, const char *address);

/* RFC 3339 sec. 5.6 date-time, any offset; milliseconds since the epoch. False when it is none. */
bool gw_prepare_parse_time(struct gw_slice s, int64_t *wall_ms_out);

#endif
