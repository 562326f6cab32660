/* SPDX-License-Identifier: MIT */
/* Which header fields are signed, and the check that a message is canonical. */
#include "gateway/dkim_fields.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ANY_NUMBER = GW_DKIM_MAX_SIGNED,
    LIST_PREFIX_LEN = 5
};

/* name, least and most that a message may have of it */
#define RULE(name, min, max) \
    { \
        {(name), sizeof(name) - 1}, (min), (max) \
    }
static const struct rule {
    struct gw_slice name;
    unsigned min, max;
} rules[] = {
    RULE("From", 1, 1),
    RULE("Date", 1, 1),
    RULE("Message-ID", 1, 1),
    RULE("To", 0, 1),
    RULE("Cc", 0, 1),
    RULE("Subject", 0, 1),
    RULE("Reply-To", 0, 1),
    RULE("In-Reply-To", 0, 1),
    RULE("References", 0, 1),
    RULE("MIME-Version", 0, 1),
    RULE("Content-Type", 0, 1),
    RULE("Content-Transfer-Encoding", 0, 1),
    RULE("List-", 0, ANY_NUMBER), /* a prefix: RFC 2369, 2919, 8058 and what follows */
};
enum {
    N_RULES = sizeof(rules) / sizeof(rules[0])
};

const char *const gw_dkim_oversigned[] = {
    "From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "Content-Type", NULL};

/* Letters, digits and hyphens: other characters that RFC 5322 allows, such as `;`, would end the
 * list of names in the signature. */
static bool is_list_name(struct gw_slice name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    if (name.len <= LIST_PREFIX_LEN || name.len > GW_DKIM_MAX_SIGNED_NAME)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (memchr(allowed, name.data[i], sizeof(allowed) - 1) == NULL)
            return false;
    return gw_slice_eq_nocase(gw_slice_of(name.data, LIST_PREFIX_LEN), rules[N_RULES - 1].name);
}

/* NULL: not signed. */
static const struct rule *rule_of(struct gw_slice name)
{
    for (size_t i = 0; i < N_RULES - 1; i++)
        if (gw_slice_eq_nocase(name, rules[i].name))
            return &rules[i];
    return is_list_name(name) ? &rules[N_RULES - 1] : NULL;
}

static enum gw_status invalid(struct gw_err *err, const char *what, size_t at)
{
    return gw_err_set(err, GW_INVALID, "message cannot be signed: %s at byte %zu", what, at);
}

/* The line at @at without its CRLF; *next behind it. NULL when it is canonical. */
static const char *take_line(struct gw_slice text, size_t at, struct gw_slice *line, size_t *next)
{
    const char *start = text.data + at;
    const char *lf = memchr(start, '\n', text.len - at);
    if (lf == NULL)
        return "no CRLF at the end";
    if (lf == start || lf[-1] != '\r')
        return "bare LF";
    *line = gw_slice_of(start, (size_t)(lf - start) - 1);
    *next = (size_t)(lf - text.data) + 1;
    if (line->len > GW_DKIM_MAX_LINE)
        return "a line over 998 bytes";
    return memchr(start, '\r', line->len) == NULL ? NULL : "bare CR";
}

/* Length of the field name in front of the colon, 0 when malformed (RFC 5322 sec. 2.2). */
static size_t name_length(struct gw_slice line)
{
    size_t i = 0;
    while (i < line.len && line.data[i] >= '!' && line.data[i] <= '~' && line.data[i] != ':')
        i++;
    return i < line.len && line.data[i] == ':' && i <= GW_DKIM_MAX_NAME ? i : 0;
}

static bool has_control(struct gw_slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.data[i] < ' ' && line.data[i] != '\t')
            return true;
    return false;
}

/* One whole field, folded lines included, from @at; *next behind it. */
static const char *take_field(struct gw_slice header, size_t at, struct gw_slice *field,
                              size_t *next)
{
    size_t end = at;
    do {
        struct gw_slice line;
        const char *fault = take_line(header, end, &line, &end);
        if (fault != NULL)
            return fault;
        /* libopendkim takes more bytes for space than RFC 6376 does */
        if (has_control(line))
            return "control character in the header";
    } while (end < header.len && (header.data[end] == ' ' || header.data[end] == '\t'));
    *field = gw_slice_of(header.data + at, end - at - 2);
    *next = end;
    return NULL;
}

static enum gw_status check_counts(const unsigned counts[N_RULES], struct gw_err *err)
{
    for (size_t i = 0; i < N_RULES; i++) {
        if (counts[i] >= rules[i].min && counts[i] <= rules[i].max)
            continue;
        return gw_err_set(err, GW_INVALID,
                          "message cannot be signed: %u %.*s header fields, not %s", counts[i],
                          GW_SLICE_ARG(rules[i].name), rules[i].min == 1 ? "one" : "at most one");
    }
    return GW_OK;
}

/* The field at @start and the rule for its name, NULL when it is not signed. */
static const char *judge_field(struct gw_slice message, size_t start, struct gw_slice *field,
                               size_t *next, const struct rule **rule)
{
    if (start == message.len)
        return "no end of the header";
    const char *fault = take_field(message, start, field, next);
    if (fault != NULL)
        return fault;
    size_t name_len = name_length(*field);
    if (name_len == 0)
        return "a malformed header field";
    *rule = rule_of(gw_slice_of(field->data, name_len));
    return *next > GW_DKIM_MAX_HEADER ? "a header over 4 MB" : NULL;
}

static enum gw_status pick(struct gw_slice message, struct gw_dkim_fields *out, size_t *body_at,
                           struct gw_err *err)
{
    unsigned counts[N_RULES] = {0};
    size_t at = 0;
    while (message.len - at < 2 || memcmp(message.data + at, "\r\n", 2) != 0) {
        const struct rule *rule = NULL;
        struct gw_slice field = {0};
        size_t start = at;
        const char *fault = judge_field(message, start, &field, &at, &rule);
        if (fault == NULL && rule != NULL && out->n == GW_DKIM_MAX_SIGNED)
            fault = "too many header fields";
        if (fault != NULL)
            return invalid(err, fault, start);
        if (rule != NULL) {
            counts[rule - rules]++;
            out->items[out->n++] = field;
        }
    }
    *body_at = at + 2;
    return check_counts(counts, err);
}

enum gw_status gw_dkim_fields_pick(struct gw_slice message, struct gw_dkim_fields *out,
                                   struct gw_err *err)
{
    size_t at = 0;
    out->n = 0;
    const char *nul = message.len != 0 ? memchr(message.data, '\0', message.len) : NULL;
    if (nul != NULL)
        return invalid(err, "NUL", (size_t)(nul - message.data));
    enum gw_status st = pick(message, out, &at, err);
    if (st != GW_OK)
        return st;
    out->body = gw_slice_of(message.data + at, message.len - at);
    while (at < message.len) {
        struct gw_slice line;
        size_t start = at;
        const char *fault = take_line(message, start, &line, &at);
        if (fault != NULL)
            return invalid(err, fault, start);
    }
    return GW_OK;
}
