/* SPDX-License-Identifier: MIT */
/* The EHLO reply, keyword by keyword. */
#include "smtp/capabilities.h"

#include <string.h>

#include "smtp/sasl.h"

enum {
    MAX_LIMIT_DIGITS = 6 /* RFC 9422 sec. 4 */
};

/* Cut the next word off @rest; empty at the end. */
static struct gw_slice next_word(struct gw_slice *rest)
{
    const char *const end = rest->data + rest->len;
    const char *p = rest->data;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    const char *word = p;
    while (p < end && *p != ' ' && *p != '\t')
        p++;
    *rest = gw_slice_of(p, (size_t)(end - p));
    return gw_slice_of(word, (size_t)(p - word));
}

static void parse_size(struct gw_slice args, struct smtp_capabilities *out)
{
    struct gw_slice word = next_word(&args);
    uint64_t size = 0;

    out->size = true;
    out->max_size = 0;
    for (size_t i = 0; i < word.len; i++) {
        unsigned digit = (unsigned)(unsigned char)word.data[i] - '0';
        if (digit > 9 || size > (UINT64_MAX - digit) / 10)
            return;
        size = size * 10 + digit;
    }
    out->max_size = size;
}

/* 1*6DIGIT without leading zero, RFC 9422 sec. 4; 0 when it is not that. */
static uint32_t limit_value(struct gw_slice text)
{
    uint32_t value = 0;
    if (text.len == 0 || text.len > MAX_LIMIT_DIGITS || text.data[0] == '0')
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9)
            return 0;
        value = value * 10 + digit;
    }
    return value;
}

static const struct {
    const char *name;
    size_t offset; /* of a uint32_t in struct smtp_capabilities */
} limits[] = {
    {"MAILMAX", offsetof(struct smtp_capabilities, mail_max)},
    {"RCPTMAX", offsetof(struct smtp_capabilities, rcpt_max)},
    {"RCPTDOMAINMAX", offsetof(struct smtp_capabilities, rcpt_domain_max)},
};

/* NAME=value …; what we do not know is passed over. */
static void parse_limits(struct gw_slice args, struct smtp_capabilities *out)
{
    for (struct gw_slice word = next_word(&args); word.len != 0; word = next_word(&args)) {
        const char *equals = memchr(word.data, '=', word.len);
        if (equals == NULL)
            continue;
        struct gw_slice name = gw_slice_of(word.data, (size_t)(equals - word.data));
        struct gw_slice value = gw_slice_of(equals + 1, word.len - name.len - 1);
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
            if (gw_slice_eq_nocase(name, gw_slice_str(limits[i].name)))
                *(uint32_t *)(void *)((char *)out + limits[i].offset) = limit_value(value);
        }
    }
}

static void parse_auth(struct gw_slice args, struct smtp_capabilities *out)
{
    for (struct gw_slice word = next_word(&args); word.len != 0; word = next_word(&args)) {
        for (int i = 0; i < SMTP_N_AUTH_MECHS; i++) {
            enum smtp_auth_mech mech = (enum smtp_auth_mech)i;
            if (gw_slice_eq_nocase(word, gw_slice_str(smtp_sasl_name(mech))))
                out->auth[mech] = true;
        }
    }
}

/* Keywords that are there or not. */
static const struct {
    const char *name;
    size_t offset; /* of a bool in struct smtp_capabilities */
} flags[] = {
    {"STARTTLS", offsetof(struct smtp_capabilities, starttls)},
    {"PIPELINING", offsetof(struct smtp_capabilities, pipelining)},
    {"8BITMIME", offsetof(struct smtp_capabilities, eightbitmime)},
    {"SMTPUTF8", offsetof(struct smtp_capabilities, smtputf8)},
    {"ENHANCEDSTATUSCODES", offsetof(struct smtp_capabilities, enhanced_codes)},
    {"CHUNKING", offsetof(struct smtp_capabilities, chunking)},
    {"DSN", offsetof(struct smtp_capabilities, dsn)},
    {"REQUIRETLS", offsetof(struct smtp_capabilities, requiretls)},
};

/* Keywords with parameters. */
static const struct {
    const char *name;
    void (*parse)(struct gw_slice args, struct smtp_capabilities *out);
} parsers[] = {
    {"SIZE", parse_size},
    {"AUTH", parse_auth},
    {"LIMITS", parse_limits},
};

static void parse_line(struct gw_slice line, struct smtp_capabilities *out)
{
    static const char old_auth[] = "AUTH=";
    const size_t n_old = sizeof(old_auth) - 1;
    if (line.len >= n_old && strncasecmp(line.data, old_auth, n_old) == 0) {
        parse_auth(gw_slice_of(line.data + n_old, line.len - n_old), out);
        return;
    }
    struct gw_slice keyword = next_word(&line);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (gw_slice_eq_nocase(keyword, gw_slice_str(flags[i].name)))
            *(bool *)(void *)((char *)out + flags[i].offset) = true;
    }
    for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
        if (gw_slice_eq_nocase(keyword, gw_slice_str(parsers[i].name)))
            parsers[i].parse(line, out);
    }
}

void smtp_capabilities_parse(const struct smtp_reply_parser *reply, struct smtp_capabilities *out)
{
    *out = (struct smtp_capabilities){.esmtp = true};
    for (size_t i = 1; i < reply->n_lines; i++)
        parse_line(smtp_reply_line(reply, i), out);
}
