/* SPDX-License-Identifier: MIT */
/* Domain names of mail addresses: one canonical form, A-labels in lower case.
 *
 * Spec: RFC 1035 sec. 2.3.4 (sizes), RFC 5321 sec. 4.1.2 (Domain), RFC 5890 sec. 2.3.1 (LDH
 * labels). */
#include <idn2.h>
#include <string.h>

#include "gateway/base/gw_utf8.h"
#include "smtp/address.h"
#include "smtp/address_text.h"

enum {
    MAX_LABEL = 63
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_ldh(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-';
}

static bool is_a_label(struct gw_slice label)
{
    return label.len >= 4 && memcmp(label.data, "xn--", 4) == 0;
}

/* NULL when @label (lower case) may stand in a host name, else the rule it breaks. */
static const char *label_fault(struct gw_slice label)
{
    if (label.len == 0)
        return "domain has an empty label (two dots, or a dot at an end)";
    if (label.len > MAX_LABEL)
        return "domain label is over 63 octets";
    for (size_t i = 0; i < label.len; i++) {
        if (!is_ldh(label.data[i]))
            return "domain holds a character that is not a letter, digit, hyphen or dot";
    }
    if (label.data[0] == '-')
        return "domain label starts with a hyphen";
    if (label.data[label.len - 1] == '-')
        return "domain label ends with a hyphen";
    if (label.len >= 4 && label.data[2] == '-' && label.data[3] == '-' && !is_a_label(label))
        return "domain label has hyphens in its third and fourth place";
    return NULL;
}

/* As label_fault for the whole of an ASCII, lower-case domain; tells whether it has A-labels. */
static const char *domain_fault(struct gw_slice d, bool *has_a_label_out)
{
    *has_a_label_out = false;
    if (d.len == 0)
        return "domain is empty";
    if (d.len > SMTP_MAX_DOMAIN)
        return "domain is over 253 octets";
    size_t n_labels = 0;
    bool numeric = false;
    for (size_t at = 0; at <= d.len; n_labels++) {
        const char *dot = memchr(d.data + at, '.', d.len - at);
        size_t end = dot != NULL ? (size_t)(dot - d.data) : d.len;
        struct gw_slice label = gw_slice_of(d.data + at, end - at);
        const char *fault = label_fault(label);
        if (fault != NULL)
            return fault;
        *has_a_label_out = *has_a_label_out || is_a_label(label);
        numeric = strspn(label.data, "0123456789") >= label.len;
        at = end + 1;
    }
    if (numeric)
        return "domain ends in a number; an IP address is not accepted";
    if (n_labels == 1 && !gw_slice_is(d, "localhost"))
        return "domain has no dot";
    return NULL;
}

static size_t count_code_points(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80 ? 1 : 0;
    return n;
}

/* IDNA2008 as it stands and, for what that refuses (capitals), with the mapping of UTS #46. The
 * mapping may replace code points one by one but add or drop none: libidn2 2.3.3 drops U+2100,
 * whose mapping holds a slash, and the address must read as it is sent. Returns a status of
 * libidn2. */
static int lookup(const char *in, uint8_t **ascii_out)
{
    const int common = IDN2_NFC_INPUT | IDN2_USE_STD3_ASCII_RULES;
    int rc = idn2_lookup_u8((const uint8_t *)in, ascii_out, common | IDN2_NO_TR46);
    if (rc != IDN2_DISALLOWED)
        return rc;
    rc = idn2_lookup_u8((const uint8_t *)in, ascii_out, common | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK)
        return rc;
    char *back = NULL;
    rc = idn2_to_unicode_8z8z((const char *)*ascii_out, &back, 0);
    if (rc == IDN2_OK && count_code_points(back) != count_code_points(in))
        rc = IDN2_DISALLOWED;
    idn2_free(back);
    if (rc != IDN2_OK)
        idn2_free(*ascii_out);
    return rc;
}

/* IDN to A-labels; returns the rule it breaks (perhaps in @err). */
static const char *to_a_labels(struct gw_arena *arena, struct gw_slice in, const char **out,
                               struct gw_err *err)
{
    for (size_t i = 0; i < in.len;) {
        uint32_t cp;
        size_t n = gw_utf8_decode(gw_slice_of(in.data + i, in.len - i), &cp);
        if (n == 0)
            return "domain is not valid UTF-8";
        /* ZWNJ and ZWJ have their place in some scripts; IDNA2008 says where */
        if (cp != 0x200c && cp != 0x200d && smtp_cp_is_deceptive(cp))
            return "domain holds a character that is invisible or looks like punctuation";
        i += n;
    }
    uint8_t *ascii = NULL;
    int rc = lookup(gw_arena_cstr(arena, in), &ascii);
    if (rc != IDN2_OK) {
        gw_err_set(err, GW_INVALID, "domain is not a valid internationalized name: %s",
                   idn2_strerror(rc));
        return err->text;
    }
    *out = gw_arena_strdup(arena, (const char *)ascii);
    idn2_free(ascii);
    return NULL;
}

static bool is_ascii(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.data[i] >= 0x80)
            return false;
    }
    return true;
}

static struct gw_slice lower_case(struct gw_arena *arena, struct gw_slice s)
{
    char *copy = gw_arena_cstr(arena, s);
    for (size_t i = 0; i < s.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] - 'A' + 'a');
    }
    return gw_slice_of(copy, s.len);
}

enum gw_status smtp_domain_parse(struct gw_arena *arena, struct gw_slice in, const char **out,
                                 struct gw_err *err)
{
    *out = NULL;
    struct gw_err idn_err = {.status = GW_OK};
    const char *fault = NULL;
    struct gw_slice domain = gw_slice_of(in.data, 0);
    bool has_a_label = false;
    if (in.len > SMTP_MAX_ADDRESS_INPUT)
        return gw_err_set(err, GW_INVALID, "domain is over 253 octets");
    if (in.len != 0 && in.data[0] == '[')
        return gw_err_set(err, GW_INVALID, "an address literal is not accepted as domain");
    if (is_ascii(in)) {
        domain = lower_case(arena, in);
        fault = domain_fault(domain, &has_a_label);
    }
    /* A-labels given by the sender are decoded, checked and encoded again */
    if (fault == NULL && (has_a_label || !is_ascii(in))) {
        const char *converted = NULL;
        fault = to_a_labels(arena, lower_case(arena, in), &converted, &idn_err);
        if (fault == NULL) {
            domain = gw_slice_str(converted);
            fault = domain_fault(domain, &has_a_label);
        }
    }
    if (fault != NULL)
        return gw_err_set(err, GW_INVALID, "%s", fault);
    *out = domain.data;
    return GW_OK;
}
