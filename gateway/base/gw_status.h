/* SPDX-License-Identifier: MIT */
/* Status codes and the error record that every fallible function of the project speaks. */
#ifndef GW_STATUS_H
#define GW_STATUS_H

#include <stdarg.h>

#define GW_NODISCARD         __attribute__((warn_unused_result))
#define GW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* name, text for people */
#define GW_STATUS_TABLE(X) \
    X(GW_OK, "ok") \
    X(GW_INVALID, "not valid") \
    X(GW_TOOBIG, "over a limit") \
    X(GW_NOTFOUND, "not found") \
    X(GW_EXISTS, "exists already") \
    X(GW_CONFLICT, "in conflict with the present state") \
    X(GW_PROTO, "protocol error") \
    X(GW_IO, "input/output error") \
    X(GW_DNS, "name resolution failed") \
    X(GW_TLS, "TLS error") \
    X(GW_TIMEOUT, "timed out") \
    X(GW_CLOSED, "closed") \
    X(GW_BUSY, "busy") \
    X(GW_FULL, "no room on the disk") \
    X(GW_CANCELED, "canceled") \
    X(GW_UNSUPPORTED, "not supported") \
    X(GW_DENIED, "not allowed") \
    X(GW_CRYPTO, "cryptographic operation failed") \
    X(GW_INTERNAL, "internal error")

enum gw_status {
#define GW_STATUS_ENUM(name, text) name,
    GW_STATUS_TABLE(GW_STATUS_ENUM)
#undef GW_STATUS_ENUM
};

enum {
    GW_ERR_TEXT_SIZE = 512
};

/* What went wrong, in words that name the thing to fix. Fixed size: it can live on any stack. */
struct gw_err {
    enum gw_status status;
    char text[GW_ERR_TEXT_SIZE];
};

/* Static text for @status, never NULL. */
const char *gw_status_text(enum gw_status status);

/* Fill @err (may be NULL) and return @status, so that `return gw_err_set(err, …);` reads well.
 * Text over GW_ERR_TEXT_SIZE - 1 bytes is cut. */
enum gw_status gw_err_set(struct gw_err *err, enum gw_status status, const char *fmt, ...)
    GW_PRINTF(3, 4);

/* As gw_err_set with `: strerror(errnum)` appended. */
enum gw_status gw_err_errno(struct gw_err *err, enum gw_status status, int errnum, const char *fmt,
                            ...) GW_PRINTF(4, 5);

#endif
