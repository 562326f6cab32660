/* SPDX-License-Identifier: MIT */
/* Names, hosts, domains and patterns: is this text one? */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/cfg_text.h"
#include "gateway/base/gw_base64.h"

#define DIGIT  "0123456789"
#define HEX    DIGIT "abcdefABCDEF"
#define LETTER "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM  LETTER DIGIT
/* RFC 5321 atext and dot: what a local part of a sender pattern may hold. */
#define LOCAL_PART ALNUM "!#$%&'*+-/=?^_`{|}~."

enum {
    MAX_LOCAL_PART = 64,
    MAX_PATH = 4095,
    MAX_URL = 2048
};

static bool only(const char *s, const char *allowed, size_t max)
{
    size_t n = strspn(s, allowed);
    return n >= 1 && n <= max && s[n] == '\0';
}

/* The code point at the start of @s and its length; 0 when it is not UTF-8 (RFC 3629). */
static size_t utf8_next(struct gw_slice s, uint32_t *out)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)s.data[0];
    size_t n = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (n == 0 || n > s.len || first > 0xF4)
        return 0;
    uint32_t c = n == 1 ? first : first & (0xFFU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s.data[i];
        if ((next & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (next & 0x3FU);
    }
    *out = c;
    return c < smallest[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF) ? 0 : n;
}

bool cfg_is_clean(struct gw_slice s)
{
    while (s.len != 0) {
        uint32_t c;
        size_t n = utf8_next(s, &c);
        if (n == 0 || c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ||
            (c & 0xFFFE) == 0xFFFE)
            return false;
        s = gw_slice_of(s.data + n, s.len - n);
    }
    return true;
}

bool cfg_is_name(const char *s)
{
    return strspn(s, ALNUM) != 0 && only(s, ALNUM "._-", CFG_MAX_NAME);
}

bool cfg_is_key_id(const char *s)
{
    return only(s, ALNUM "_-", CFG_MAX_NAME);
}

bool cfg_is_ipv4(const char *s)
{
    struct in_addr v4;
    return inet_pton(AF_INET, s, &v4) == 1;
}

bool cfg_is_ip(const char *s)
{
    struct in6_addr v6;
    return cfg_is_ipv4(s) || inet_pton(AF_INET6, s, &v6) == 1;
}

/* Labels of letters, digits, - and _, separated by single dots. *last_out: the last label. */
static bool are_labels(const char *s, const char **last_out)
{
    if (strlen(s) > CFG_MAX_HOST)
        return false;
    for (;;) {
        size_t n = strspn(s, ALNUM "-_");
        if (n == 0 || n > CFG_MAX_LABEL || s[0] == '-' || s[n - 1] == '-')
            return false;
        *last_out = s;
        if (s[n] != '.')
            return s[n] == '\0';
        s += n + 1;
    }
}

bool cfg_is_host_name(const char *s)
{
    const char *last;
    if (!are_labels(s, &last))
        return false;
    /* getaddrinfo() takes "127.1" and "0x7f000001" for addresses: not what the text shows. */
    bool hex = strncasecmp(last, "0x", 2) == 0 && last[2 + strspn(last + 2, HEX)] == '\0';
    return !hex && last[strspn(last, DIGIT)] != '\0';
}

bool cfg_is_host(const char *s)
{
    return cfg_is_ip(s) || cfg_is_host_name(s);
}

bool cfg_is_helo(const char *s)
{
    char inner[INET6_ADDRSTRLEN + sizeof("IPv6:")];
    size_t n = strlen(s);
    if (s[0] != '[')
        return cfg_is_host_name(s);
    if (n < 3 || n - 2 >= sizeof(inner) || s[n - 1] != ']')
        return false;
    memcpy(inner, s + 1, n - 2);
    inner[n - 2] = '\0';
    if (strncasecmp(inner, "IPv6:", 5) == 0)
        return !cfg_is_ipv4(inner + 5) && cfg_is_ip(inner + 5);
    return cfg_is_ipv4(inner);
}

bool cfg_is_domain_pattern(const char *s)
{
    return cfg_is_host_name(strncmp(s, "*.", 2) == 0 ? s + 2 : s);
}

bool cfg_is_sender_pattern(const char *s)
{
    const char *at = strrchr(s, '@');
    if (at == NULL || !cfg_is_domain_pattern(at + 1))
        return false;
    size_t local = (size_t)(at - s);
    if (local == 1 && s[0] == '*')
        return true;
    return local >= 1 && local <= MAX_LOCAL_PART && strspn(s, LOCAL_PART) == local &&
           memchr(s, '*', local) == NULL;
}

bool cfg_is_selector(const char *s)
{
    const char *last;
    return are_labels(s, &last);
}

bool cfg_is_event_pattern(const char *s)
{
    static const char *const events[] = {
        "*",
        "message.*",
        "message.queued",
        "message.completed",
        "recipient.*",
        "recipient.sent",
        "recipient.deferred",
        "recipient.rejected",
        "recipient.expired",
        "recipient.uncertain",
        "recipient.suppressed",
        "relay.*",
        "relay.down",
        "relay.up",
        "webhook.*",
        "webhook.paused",
        "webhook.resumed",
        "recipient.canceled",
    };
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (strcmp(s, events[i]) == 0)
            return true;
    return false;
}

bool cfg_parse_port(struct gw_slice s, uint16_t *out)
{
    unsigned port = 0;
    if (s.len == 0 || s.len > 5)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        port = port * 10 + (unsigned)(s.data[i] - '0');
    }
    *out = (uint16_t)port;
    return port <= UINT16_MAX;
}

bool cfg_is_https_url(const char *s)
{
    static const char scheme[] = "https://";
    size_t n = strlen(s);
    if (n > MAX_URL || strncmp(s, scheme, sizeof(scheme) - 1) != 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] <= ' ' || s[i] > '~' || s[i] == '\\' || s[i] == '#')
            return false;
    const char *host = s + sizeof(scheme) - 1;
    size_t len = strcspn(host, "/?");
    size_t host_len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?");
    char text[CFG_MAX_HOST + 1];
    if (host_len > len || host_len > CFG_MAX_HOST)
        return false;
    memcpy(text, host, host_len);
    text[host_len] = '\0';
    uint16_t port;
    if (host_len < len &&
        (host[host_len] != ':' ||
         !cfg_parse_port(gw_slice_of(host + host_len + 1, len - host_len - 1), &port) || port == 0))
        return false;
    if (text[0] != '[')
        return cfg_is_host(text);
    text[host_len - 1] = '\0';
    return !cfg_is_ipv4(text + 1) && cfg_is_ip(text + 1);
}

bool cfg_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
    return strcasecmp(host, "localhost") == 0;
}

bool cfg_is_pin(const char *s)
{
    static const char prefix[] = "sha256/";
    unsigned char digest[64];
    size_t len = 0;
    if (strncmp(s, prefix, sizeof(prefix) - 1) != 0 || strlen(s) != sizeof(prefix) - 1 + 44)
        return false;
    return gw_base64_decode(gw_slice_str(s + sizeof(prefix) - 1), digest, &len, NULL) == GW_OK &&
           len == 32;
}

bool cfg_is_file_path(const char *s)
{
    size_t n = strlen(s);
    return n >= 1 && n <= MAX_PATH;
}
