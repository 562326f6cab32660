/* SPDX-License-Identifier: MIT */
/* The policy on HTTP/1 heads. */
#include "api/http1_policy.h"

#include <string.h>

#include "api/http_limits.h"

static bool has_bare_lf(struct gw_slice raw)
{
    const char *end = raw.data + raw.len;
    for (const char *p = raw.data; p < end; p++) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (p == NULL)
            return false;
        if (p == raw.data || p[-1] != '\r')
            return true;
    }
    return false;
}

/* RFC 9112 sec. 6.3: digits only; a number that does not fit is not one. */
static bool parse_length(struct gw_slice value, size_t *out)
{
    size_t n = 0;
    if (value.len == 0)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c < '0' || c > '9' || n > (SIZE_MAX - 9) / 10)
            return false;
        n = n * 10 + (size_t)(c - '0');
    }
    *out = n;
    return true;
}

enum api_http1_fault api_http1_judge(const struct api_http1_head *head, struct api_http1_state *out)
{
    size_t n_hosts = 0;
    size_t n_lengths = 0;
    size_t n_codings = 0;
    size_t length = 0;
    bool good_length = true;
    bool good_coding = true;
    if (head->raw.len > API_MAX_HEAD)
        return API_HTTP1_HEAD;
    if (head->n_fields > API_MAX_HEADER_FIELDS)
        return API_HTTP1_FIELDS;
    if (has_bare_lf(head->raw))
        return API_HTTP1_BARE_LF;
    for (size_t i = 0; i < head->n_fields; i++) {
        const struct api_http1_field *f = &head->fields[i];
        if (f->name.data == NULL)
            return API_HTTP1_FOLDED;
        if (gw_slice_eq_nocase(f->name, GW_SLICE_LIT("host"))) {
            n_hosts++;
        } else if (gw_slice_eq_nocase(f->name, GW_SLICE_LIT("content-length"))) {
            n_lengths++;
            good_length = good_length && parse_length(f->value, &length);
        } else if (gw_slice_eq_nocase(f->name, GW_SLICE_LIT("transfer-encoding"))) {
            n_codings++;
            good_coding = good_coding && gw_slice_eq_nocase(f->value, GW_SLICE_LIT("chunked"));
        }
    }
    if (n_hosts > 1 || (n_hosts == 0 && head->minor_version > 0))
        return API_HTTP1_HOST;
    if (n_lengths > 0 && n_codings > 0)
        return API_HTTP1_BOTH;
    if (n_lengths > 1 || !good_length)
        return API_HTTP1_LENGTH;
    if (n_codings > 1 || !good_coding || (n_codings > 0 && head->minor_version == 0))
        return API_HTTP1_CODING;
    *out = (struct api_http1_state){
        .in_body = n_lengths + n_codings > 0, .chunked = n_codings > 0, .content_length = length};
    return API_HTTP1_SOUND;
}

enum api_http1_fault api_http1_diagnose(struct gw_slice input)
{
    size_t lines = 0;
    const char *end = input.data + input.len;
    for (const char *p = input.data; p < end; p++) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (p == NULL)
            break;
        lines++;
    }
    if (input.len > API_MAX_HEAD)
        return API_HTTP1_HEAD;
    return lines > API_MAX_HEADER_FIELDS + 1 ? API_HTTP1_FIELDS : API_HTTP1_SYNTAX;
}

static const struct {
    enum api_code code;
    enum api_guard_reason reason;
    const char *text;
} faults[] = {
#define API_HTTP1_FAULT_ROW(name, code, reason, text) [name] = {code, reason, text},
    API_HTTP1_FAULT_TABLE(API_HTTP1_FAULT_ROW)
#undef API_HTTP1_FAULT_ROW
};

enum api_code api_http1_fault_code(enum api_http1_fault fault)
{
    return faults[fault].code;
}

enum api_guard_reason api_http1_fault_reason(enum api_http1_fault fault)
{
    return faults[fault].reason;
}

const char *api_http1_fault_text(enum api_http1_fault fault)
{
    return faults[fault].text;
}
