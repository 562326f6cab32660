/* SPDX-License-Identifier: MIT */
/* Reading single values: units, names, addresses. Pure functions of NUL-terminated text. */
#ifndef CFG_TEXT_H
#define CFG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_slice.h"

enum {
    CFG_UNIT_SIZE = 40, /* of a formatted value */
    CFG_MAX_HOST = 253, /* RFC 1035 sec. 2.3.4, as text without the final dot */
    CFG_MAX_LABEL = 63,
    CFG_MAX_NAME = 64,      /* of relays, API keys, webhooks */
    CFG_MAX_UNIX_PATH = 107 /* sockaddr_un.sun_path without its NUL */
};

/* Digits only, no sign, no leading zero, at most 15 of them. */
bool cfg_parse_count(const char *s, int64_t *out);
/* A count and one of ms s m h d; milliseconds. */
bool cfg_parse_duration(const char *s, int64_t *ms_out);
/* A count and KB MB GB or nothing; bytes, KB = 1024. */
bool cfg_parse_size(const char *s, int64_t *bytes_out);
/* Digits, with a fraction or not. */
bool cfg_parse_number(const char *s, double *out);
/* A number and one of /s /m /h; per second. */
bool cfg_parse_rate(const char *s, double *per_s_out);

/* The shortest text that the parser reads back as the same value. */
void cfg_format_duration(int64_t ms, char out[CFG_UNIT_SIZE]);
void cfg_format_size(int64_t bytes, char out[CFG_UNIT_SIZE]);
void cfg_format_number(double n, char out[CFG_UNIT_SIZE]);
void cfg_format_rate(double per_s, char out[CFG_UNIT_SIZE]);

/* Valid UTF-8 without control characters, line separators and non-characters: what can be logged,
 * sent in a protocol line, and written as YAML. */
bool cfg_is_clean(struct gw_slice s);

/* Letters, digits and . _ -, starting with a letter or digit, at most CFG_MAX_NAME. */
bool cfg_is_name(const char *s);
/* [A-Za-z0-9_-]{1,64} */
bool cfg_is_key_id(const char *s);
bool cfg_is_ipv4(const char *s);
bool cfg_is_ip(const char *s); /* without brackets or scope */
/* RFC 952/1123 name (also with _), ASCII; not one that inet_aton() would take for an address. */
bool cfg_is_host_name(const char *s);
/* Name or IP literal without brackets. */
bool cfg_is_host(const char *s);
/* Host name, or address literal in brackets (RFC 5321 sec. 4.1.3). */
bool cfg_is_helo(const char *s);
/* "example.com", "*.example.com" */
bool cfg_is_domain_pattern(const char *s);
/* "a@b", "*@b", "*@*.b" */
bool cfg_is_sender_pattern(const char *s);
/* RFC 6376 sec. 3.1: labels separated by dots. */
bool cfg_is_selector(const char *s);
/* An event name of the API, "recipient.*" or "*". */
bool cfg_is_event_pattern(const char *s);
/* "https://host[:port][/…]", no user, no fragment, nothing outside visible ASCII. */
bool cfg_is_https_url(const char *s);
/* "sha256/" and the base64 of 32 octets. */
bool cfg_is_pin(const char *s);
bool cfg_is_file_path(const char *s); /* 1 to 4095 bytes */

/* 127.0.0.0/8, ::1 (also mapped), "localhost". */
bool cfg_is_loopback(const char *host);

/* A port 0 to 65535, the whole of @s. */
bool cfg_parse_port(struct gw_slice s, uint16_t *out);

/* The one of @n names that @word most likely meant, or NULL. */
const char *cfg_nearest(const char *word, const char *const *names, size_t n);

#endif
