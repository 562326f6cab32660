/* SPDX-License-Identifier: MIT */
/* The wire check: what must be true of every message before it leaves, whoever built it.
 *
 * Spec: RFC 5321 sec. 2.3.8 and 4.5.3.1.6 (lines), RFC 5322 sec. 3.6 (fields). */
#include <string.h>

#include "gateway/mime.h"

enum {
    MAX_LINE = 998
};

struct field_rule {
    const char *name;
    unsigned min, max;
};

static const struct field_rule rules[] = {
    {"From", 1, 1},         {"Date", 1, 1},         {"Message-ID", 1, 1},
    {"MIME-Version", 1, 1}, {"Content-Type", 1, 1}, {"Content-Transfer-Encoding", 0, 1},
    {"To", 0, 1},           {"Cc", 0, 1},           {"Reply-To", 0, 1},
    {"Subject", 0, 1},      {"In-Reply-To", 0, 1},  {"References", 0, 1},
    {"Sender", 0, 1},       {"Bcc", 0, 0},          {"Return-Path", 0, 0},
};
enum {
    N_RULES = sizeof(rules) / sizeof(rules[0])
};

static bool is_seven_bit(struct gw_slice s)
{
    size_t i = 0;
    uint64_t eight;
    for (; s.len - i >= sizeof(eight); i += sizeof(eight)) {
        memcpy(&eight, s.data + i, sizeof(eight));
        if ((eight & 0x8080808080808080U) != 0)
            return false;
    }
    for (; i < s.len; i++) {
        if (((unsigned char)s.data[i] & 0x80) != 0)
            return false;
    }
    return true;
}

/* Takes a line off @rest, without its CRLF. NULL, or what is wrong with it. */
static const char *take_line(struct gw_slice *rest, bool allow_utf8, struct gw_slice *line_out)
{
    const char *lf = memchr(rest->data, '\n', rest->len);
    if (lf == NULL)
        return "the last line has no end";
    size_t len = (size_t)(lf - rest->data);
    if (len == 0 || lf[-1] != '\r')
        return "a line ends in LF alone";
    len--;
    struct gw_slice line = gw_slice_of(rest->data, len);
    if (len > MAX_LINE)
        return "a line is over 998 octets";
    if (memchr(line.data, '\r', len) != NULL)
        return "a line holds CR";
    if (memchr(line.data, '\0', len) != NULL)
        return "a line holds NUL";
    if (!allow_utf8 && !is_seven_bit(line))
        return "a line is not 7-bit";
    rest->data += len + 2;
    rest->len -= len + 2;
    *line_out = line;
    return NULL;
}

/* Counts the field that @line starts. NULL, or what is wrong. */
static const char *count_field(struct gw_slice line, unsigned counts[N_RULES])
{
    if (line.data[0] == ' ' || line.data[0] == '\t') {
        for (size_t i = 0; i < line.len; i++) {
            if (line.data[i] != ' ' && line.data[i] != '\t')
                return NULL;
        }
        return "a folded header line is blank";
    }
    const char *colon = memchr(line.data, ':', line.len);
    struct gw_slice name = gw_slice_of(line.data, colon != NULL ? (size_t)(colon - line.data) : 0);
    if (!gw_mime_header_name_valid(name))
        return "a header line has no valid field name";
    for (size_t i = 0; i < N_RULES; i++)
        counts[i] += gw_slice_eq_nocase(name, gw_slice_str(rules[i].name)) ? 1 : 0;
    return NULL;
}

static enum gw_status check_header(struct gw_slice *rest, bool utf8, struct gw_err *err)
{
    unsigned counts[N_RULES] = {0};
    bool first = true;
    for (;; first = false) {
        struct gw_slice line;
        const char *fault = take_line(rest, utf8, &line);
        if (fault == NULL && line.len == 0)
            break;
        if (fault == NULL && first && (line.data[0] == ' ' || line.data[0] == '\t'))
            fault = "the first line is a continuation";
        if (fault == NULL)
            fault = count_field(line, counts);
        if (fault != NULL)
            return gw_err_set(err, GW_INVALID, "header: %s", fault);
    }
    for (size_t i = 0; i < N_RULES; i++) {
        if (counts[i] < rules[i].min || counts[i] > rules[i].max)
            return gw_err_set(err, GW_INVALID, "header: field %s stands %u times", rules[i].name,
                              counts[i]);
    }
    return GW_OK;
}

enum gw_status gw_mime_check(struct gw_slice message, bool utf8_header, struct gw_err *err)
{
    struct gw_slice rest = message;
    enum gw_status status = check_header(&rest, utf8_header, err);
    while (status == GW_OK && rest.len != 0) {
        struct gw_slice line;
        const char *fault = take_line(&rest, false, &line);
        if (fault != NULL)
            status = gw_err_set(err, GW_INVALID, "body: %s", fault);
    }
    return status;
}
