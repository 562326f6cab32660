/* SPDX-License-Identifier: MIT */
/* The EHLO reply, keyword by keyword. */
#include "smtp/capabilities.h"

#include <string.h>

#include "smtp/sasl.h"

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
