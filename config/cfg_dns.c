/* SPDX-License-Identifier: MIT */
/* The section "dns". */
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"

enum {
    MAX_SERVERS = 8,
    MAX_ADDRESS = 64
};

static bool is_port(const char *s)
{
    uint16_t port;
    return cfg_parse_port(gw_slice_str(s), &port) && port != 0;
}

/* An address, or one with a port: "192.0.2.1:53", "[2001:db8::1]:53". */
static bool is_server(const char *s)
{
    char host[MAX_ADDRESS];
    size_t len = strlen(s);
    const char *end = s[0] == '[' ? strchr(s, ']') : strchr(s, ':');
    if (cfg_is_ip(s))
        return true;
    if (len >= sizeof(host) || end == NULL)
        return false;
    size_t skip = s[0] == '[' ? 1 : 0;
    memcpy(host, s + skip, (size_t)(end - s) - skip);
    host[(size_t)(end - s) - skip] = '\0';
    end += skip;
    return cfg_is_ip(host) && cfg_is_ipv4(host) == (skip == 0) &&
           (*end == '\0' || (*end == ':' && is_port(end + 1)));
}

static const struct cfg_field fields[] = {
    {.name = "servers",
     .type = &cfg_type_strings,
     .offset = offsetof(struct cfg_dns, servers),
     .count_offset = offsetof(struct cfg_dns, n_servers),
     .min = 1,
     .max = MAX_SERVERS,
     .check = is_server,
     .want = "the address of a name server, such as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53"},
};

const struct cfg_section cfg_dns_section = {.what = "dns", CFG_FIELDS(fields)};
