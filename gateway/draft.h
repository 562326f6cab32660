/* SPDX-License-Identifier: MIT */
/* A draft: one submission as it arrived, decoded from whatever body format, before any judgement of
 * its content. Every text is valid UTF-8; each field remembers where it came from, so that a
 * problem can point at it. All in the arena of the request. */
#ifndef GW_DRAFT_H
#define GW_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_slice.h"
#include "gateway/value.h"

struct gw_field {
    struct gw_slice value; /* value.data NULL: the field was not given */
    const char *pointer;   /* JSON pointer, e.g. "/to/0/email" */
};

struct gw_draft_address {
    struct gw_field text;        /* "a@b" or "Name <a@b>": when given as a string */
    struct gw_field email, name; /* when given as an object */
};

struct gw_draft_addresses {
    struct gw_draft_address *items;
    size_t n;
    const char *pointer; /* "/to" */
};

struct gw_draft_header {
    struct gw_field name, value;
};

struct gw_draft_attachment {
    const char *pointer; /* "/attachments/0" */
    struct gw_field filename, content_type, disposition, content_id;
    struct gw_field part;    /* name of the request's part that is the content */
    struct gw_slice content; /* decoded bytes; data NULL when missing or bad (problem was added) */
};

/* Values for one recipient's copy. */
struct gw_draft_personal {
    struct gw_field email;
    const char *pointer; /* of the values: "/recipients/ann@example.org/variables" */
    struct gw_value variables;
};

struct gw_draft_pair {
    struct gw_field name, value;
};

enum gw_delivery_mode {
    GW_DELIVERY_SHARED,
    GW_DELIVERY_INDIVIDUAL
};
/* What the sender asks the delivering servers to report (RFC 3461). */
enum gw_dsn_ret {
    GW_DSN_RET_DEFAULT, /* not said */
    GW_DSN_RET_FULL,
    GW_DSN_RET_HEADERS
};
enum {
    GW_DSN_NEVER = 1, /* alone */
    GW_DSN_SUCCESS = 2,
    GW_DSN_FAILURE = 4,
    GW_DSN_DELAY = 8
};
struct gw_dsn {
    enum gw_dsn_ret ret;
    const char *envid; /* printable ASCII; NULL: none */
    unsigned notify;   /* GW_DSN_*; 0: not said */
};

enum gw_priority {
    GW_PRIORITY_NORMAL,
    GW_PRIORITY_HIGH,
    GW_PRIORITY_LOW
};
enum gw_on_uncertain {
    GW_UNCERTAIN_DEFAULT, /* as configured */
    GW_UNCERTAIN_RETRY,
    GW_UNCERTAIN_HOLD,
    GW_UNCERTAIN_STOP
};

struct gw_draft {
    /* A whole MIME message (RFC 5322), or data NULL. Then what a header says is taken from it, and
     * of the draft only: to, cc and bcc (when any is given, they are the envelope, else it is that
     * of the header), envelope_from, tags, metadata, times, relay, delivery. Problems of its header
     * are pointed at under raw.pointer "/headers/<Name>". */
    struct gw_field raw;
    bool borrows_body; /* slices of it point into the body */
    bool rehearse;     /* as in struct gw_submit_options */
    bool unread; /* the body could not be read to its end: not worth a judgement of what is here */
    struct gw_draft_address from;
    bool has_from;
    struct gw_draft_addresses to, cc, bcc, reply_to;
    struct gw_field subject, text, html;
    struct gw_draft_header *headers; /* in order given; a list value gives several */
    size_t n_headers;
    struct gw_draft_attachment *attachments;
    size_t n_attachments;
    struct gw_field in_reply_to, message_id;
    struct gw_field *references;
    size_t n_references;
    const char *references_pointer;
    struct {
        bool given, one_click;
        const char *pointer;
        struct gw_field url, mailto;
    } list_unsubscribe;
    /* A stored template, whose texts become those of the draft (gateway/prepare_template.h). */
    struct {
        struct gw_field name;
        bool subject_first; /* its subject comes before the draft's, not after it */
    } template;
    /* subject, text and html are Mustache templates (gateway/mustache.h) when they are stored or
     * one of both is given: values for all, and those of single recipients, which come first. With
     * values of recipients each gets a copy of its own, addressed to it alone. */
    struct gw_value variables;     /* an object, or null: not given */
    const char *variables_pointer; /* where they are, or would be; NULL: "/variables" */
    bool personal_given;
    struct gw_draft_personal *personal;
    size_t n_personal;
    struct gw_field *tags;
    size_t n_tags;
    struct gw_draft_pair *metadata;
    size_t n_metadata;
    struct gw_field envelope_from; /* may be given and empty: the null sender */
    struct gw_field relay;
    struct gw_field scheduled_at; /* RFC 3339 text */
    struct gw_field expires_in;   /* duration text, as in the configuration */
    bool require_tls;
    struct {
        enum gw_dsn_ret ret;
        struct gw_field envid;
        unsigned notify;
        const char *notify_pointer;
    } dsn;
    enum gw_priority priority;
    enum gw_delivery_mode delivery_mode;
    enum gw_on_uncertain on_uncertain;
};

#endif
