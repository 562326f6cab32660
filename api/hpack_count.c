/* SPDX-License-Identifier: MIT */
/* Counting HPACK fields. */
#include "api/hpack_count.h"

#include <stdbool.h>

enum {
    MAX_SHIFT = 21 /* four octets behind the prefix: far over any length that fits a block */
};

struct reader {
    const uint8_t *at, *end;
};

/* An integer whose first octet keeps @prefix bits for it (RFC 7541 sec. 5.1). */
static bool read_integer(struct reader *r, unsigned prefix, uint32_t *out)
{
    const uint32_t mask = (1U << prefix) - 1;
    if (r->at == r->end)
        return false;
    uint32_t value = *r->at++ & mask;
    bool more = value == mask;
    for (unsigned shift = 0; more; shift += 7) {
        if (r->at == r->end || shift > MAX_SHIFT)
            return false;
        uint8_t octet = *r->at++;
        value += (uint32_t)(octet & 0x7fU) << shift;
        more = (octet & 0x80U) != 0;
    }
    *out = value;
    return true;
}

static bool skip_string(struct reader *r)
{
    uint32_t len;
    if (!read_integer(r, 7, &len) || len > (size_t)(r->end - r->at))
        return false;
    r->at += len;
    return true;
}

/* One representation (RFC 7541 sec. 6); *fields grows by what it adds to the header list. */
static bool skip_representation(struct reader *r, long *fields)
{
    uint8_t first = *r->at;
    uint32_t value;
    if ((first & 0xe0U) == 0x20) /* table size update: no field */
        return read_integer(r, 5, &value);
    *fields += 1;
    if ((first & 0x80U) != 0) /* name and value from the table */
        return read_integer(r, 7, &value);
    if (!read_integer(r, (first & 0x40U) != 0 ? 6 : 4, &value))
        return false;
    bool name_is_literal = value == 0;
    return (!name_is_literal || skip_string(r)) && skip_string(r);
}

long api_hpack_count(const uint8_t *src, size_t len)
{
    struct reader r = {.at = src, .end = src + len};
    long fields = 0;
    while (r.at != r.end) {
        if (!skip_representation(&r, &fields))
            return -1;
    }
    return fields;
}
