/* SPDX-License-Identifier: MIT */
/* Facades: below /compat/<name>/ a provider's SDK finds the API that it knows, over the same
 * messages as ours. A facade is a file of routes (in routes.c, like all) and one struct api_facade:
 * how its keys arrive, and how each refusal of such a path is said in the provider's own words,
 * whether the handler, dispatch or the HTTP library refuses.
 *
 * Spec: docs/compat.md. */
#ifndef API_FACADE_H
#define API_FACADE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/problem.h"
#include "api/request.h"
#include "gateway/base/gw_buf.h"

/* How a provider says an error. */
struct api_facade_error {
    unsigned status;     /* HTTP */
    const char *name;    /* its word for it; NULL: it has none */
    int number;          /* its number for it; 0: none */
    const char *message; /* its sentence, in which {field} is the field that is wrong, {path} the
                            whole way to it and {detail} what we say; NULL: what we say */
};

/* How it says that a field is wrong. The first rule that matches counts. */
struct api_facade_rule {
    const char *pointer; /* of the field; matches what is inside it too; "": any */
    const char *code;    /* GW_PROBLEM_*; NULL: any */
    struct api_facade_error error;
};

/* A field of ours that is called otherwise there. */
struct api_facade_field {
    const char *pointer; /* one that gateway/prepare*.c makes up: "/to" */
    const char *name;    /* "To" */
};

/* One refusal, as a facade renders it. */
struct api_facade_refusal {
    const struct api_facade *facade;
    const struct api_problem *problem;
    const struct api_facade_error *error; /* of the problem, or of its first field */
    const char *message;                  /* about it: a sentence */
    const char *request_id;
};

struct api_facade {
    const char *name;
    bool at_root; /* it answers at /compat/<name> itself; another one of the name is below that */
    const struct api_facade_error *errors; /* API_N_CODES of them; status 0: as ours */
    const char *other_name;                /* name of errors that have none; NULL: none */
    const struct api_facade_rule *rules;
    size_t n_rules;
    const struct api_facade_field *fields;
    size_t n_fields;
    /* Whose key came with @r? NULL: nobody's; `as` of *why may say that more precisely. Not called
     * when no keys are configured. */
    const struct cfg_api_key *(*authenticate)(struct api_request *r, struct api_problem *why);
    void (*render)(const struct api_facade_refusal *refusal, struct gw_buf *out);
    const char *content_type;      /* of what it renders */
    bool hashes_body;              /* authenticate wants r->body_sha256 */
    const char *error_header;      /* carries the error's name; NULL: none */
    const char *request_id_header; /* carries our request id; NULL: none but our own */
};

/* The facade that @path is in, else NULL. Repeated slashes around its name do not matter.
 * @rest_out  what follows the slash behind its name; may be NULL */
const struct api_facade *api_facade_find(struct gw_slice path, struct gw_slice *rest_out);
/* Sets r->facade, and r->path without those slashes, nor one at the end of its root. */
void api_facade_enter(struct api_request *r);

enum {
    API_FACADE_MAX_MESSAGE = 1024 /* octets of one sentence; more are cut */
};

/* What a facade says of a problem. @refusal_out borrows @p and @message.
 * @message  room for the sentence */
void api_facade_say(const struct api_facade *f, const struct api_problem *p, const char *request_id,
                    char message[API_FACADE_MAX_MESSAGE], struct api_facade_refusal *refusal_out);
/* The same of one field of it. @path_out  dotted: personalizations.0.to */
const struct api_facade_error *api_facade_say_field(const struct api_facade *f,
                                                    const struct gw_problem *field,
                                                    char message[API_FACADE_MAX_MESSAGE],
                                                    char path_out[API_FACADE_MAX_MESSAGE]);
/* HTTP status and name of a refusal. */
unsigned api_facade_status(const struct api_facade_refusal *refusal);
const char *api_facade_name(const struct api_facade_refusal *refusal);
/* Answers @r, whose facade is set. */
void api_facade_refuse(struct api_request *r, const struct api_problem *p);

/* An authenticate: `Authorization: Bearer <id>.<secret>`. */
const struct cfg_api_key *api_facade_bearer(struct api_request *r, struct api_problem *why);

extern const struct api_facade api_resend_facade;
extern const struct api_facade api_postmark_facade;
extern const struct api_facade api_sendgrid_facade;
extern const struct api_facade api_ses_facade;
extern const struct api_facade api_ses_query_facade;
extern const struct api_facade api_mailgun_facade;

#endif
