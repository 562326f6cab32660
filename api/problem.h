/* SPDX-License-Identifier: MIT */
/* Problem documents: every error answer of the API.
 *
 * Spec: RFC 9457. */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include "api/request.h"
#include "gateway/base/gw_buf.h"
#include "gateway/message.h"
#include "gateway/problems.h"

/* name, code, HTTP status, title, whether the same request may succeed later */
#define API_CODE_TABLE(X) \
    X(API_BAD_REQUEST, "bad_request", 400, "Request is not valid HTTP for this API", false) \
    X(API_MALFORMED_JSON, "malformed_json", 400, "Body is not valid JSON", false) \
    X(API_UNKNOWN_PARAMETER, "unknown_parameter", 400, "Query is not valid", false) \
    X(API_UNAUTHORIZED, "unauthorized", 401, "API key is missing or not valid", false) \
    X(API_INSUFFICIENT_SCOPE, "insufficient_scope", 403, "API key may not do this", false) \
    X(API_SENDER_NOT_ALLOWED, "sender_not_allowed", 403, "Sender is not allowed", false) \
    X(API_NOT_FOUND, "not_found", 404, "Not found", false) \
    X(API_METHOD_NOT_ALLOWED, "method_not_allowed", 405, "Method is not allowed here", false) \
    X(API_NOT_ACCEPTABLE, "not_acceptable", 406, "Only JSON can be answered", false) \
    X(API_BODY_GONE, "body_gone", 404, "The body is not kept any more", false) \
    X(API_MESSAGE_STATE, "message_state", 409, "The message's state does not allow it", false) \
    X(API_MESSAGE_BUSY, "message_busy", 409, "An attempt is in hand", true) \
    X(API_IDEMPOTENCY_IN_PROGRESS, "idempotency_in_progress", 409, \
      "An equal request is still being prepared", true) \
    X(API_LENGTH_REQUIRED, "length_required", 411, "Body is missing", false) \
    X(API_REQUEST_TIMEOUT, "request_timeout", 408, "Request took too long", true) \
    X(API_BODY_TOO_LARGE, "body_too_large", 413, "Body is too large", false) \
    X(API_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, "Body type is not supported", \
      false) \
    X(API_EXPECTATION_FAILED, "expectation_failed", 417, "Expectation is not supported", false) \
    X(API_VALIDATION_FAILED, "validation_failed", 422, "Request is not valid", false) \
    X(API_IDEMPOTENCY_KEY_REUSED, "idempotency_key_reused", 422, \
      "Idempotency-Key was used with another body", false) \
    X(API_RELOAD_FAILED, "reload_failed", 422, "Configuration is not valid", false) \
    X(API_REJECTED, "recipients_rejected", 422, "No recipient was accepted", false) \
    X(API_HEAD_TOO_LARGE, "head_too_large", 431, "Request headers are too large", false) \
    X(API_RATE_LIMITED, "rate_limited", 429, "Too many requests", true) \
    X(API_INTERNAL, "internal_error", 500, "Internal error", true) \
    X(API_RELAY_FAILED, "relay_failed", 502, "The relay could not be used", true) \
    X(API_DEFERRED, "recipients_deferred", 503, "No recipient was accepted yet", true) \
    X(API_RELAY_BUSY, "relay_busy", 503, "The relay refused for now", true) \
    X(API_STORAGE_FULL, "storage_full", 503, "The disk is full", true) \
    X(API_OVERLOADED, "overloaded", 503, "Too much work in hand", true) \
    X(API_DRAINING, "draining", 503, "The server is shutting down", true) \
    X(API_UNAVAILABLE, "unavailable", 503, "Not available", true) \
    X(API_RELAY_TIMEOUT, "relay_timeout", 504, "The relay did not answer in time", true)

enum api_code {
#define API_CODE_ENUM(name, code, status, title, retryable) name,
    API_CODE_TABLE(API_CODE_ENUM)
#undef API_CODE_ENUM
    API_N_CODES
};

enum {
    API_RETRY_AFTER_OVERLOAD_S = 1, /* load passes quickly */
    API_RETRY_AFTER_DRAIN_S = 5,    /* a restart takes about that long */
    API_RETRY_AFTER_FULL_S = 30,    /* somebody has to make room */
    API_RETRY_AFTER_RELAY_S = 30,   /* when nothing better is known */
    API_MAX_INSTANCE = 256          /* octets of the path that are repeated in `instance` */
};

struct api_facade_error;

/* One error answer. */
struct api_problem {
    enum api_code code;
    const char *detail;                /* a sentence without secrets; NULL: the title says it all */
    const struct gw_problems *errors;  /* fields that are not valid, or NULL */
    const struct gw_message *message;  /* shown as `message`, or NULL */
    const struct api_facade_error *as; /* how a facade says it; NULL: as its table has it */
    long retry_after_s; /* Retry-After; 0: the default for 409, 429 and 503, else none */
};

/* Answers the request. */
void api_problem_send(struct api_request *r, const struct api_problem *p);
/* Answers with a code and a detail. */
void api_problem(struct api_request *r, enum api_code code, const char *fmt, ...) GW_PRINTF(3, 4);

/* Only the document. @durable is for the message. */
void api_problem_render(const struct api_problem *p, struct gw_slice instance,
                        const char *request_id, bool durable, struct gw_buf *out);

unsigned api_code_status(enum api_code code);
const char *api_code_name(enum api_code code);
const char *api_code_title(enum api_code code);
/* Seconds for Retry-After of @p, 0 when the answer carries none. */
long api_problem_retry_after(const struct api_problem *p);

#endif
