/* SPDX-License-Identifier: MIT */
/* What <h2o/http2_internal.h> needs of khash.h, which the library's package does not ship: the
 * layout of a map from stream id to stream, and ways to read one.
 *
 * Nothing here writes to a map or knows its hash function: a stream is found by walking the slots
 * (a connection has a few hundred at most). What must agree with the library is the layout alone;
 * h2_selfcheck.c proves at start-up that it does. */
#ifndef API_SHIM_KHASH_H
#define API_SHIM_KHASH_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t khiter_t; /* the names are the library's */

/* Two bits a slot: empty, deleted. */
static inline int api_kh_live(const uint32_t *flags, uint32_t slot)
{
    return ((flags[slot >> 4] >> ((slot & 15U) << 1)) & 3U) == 0;
}

#define KHASH_MAP_INIT_INT64(name, value_type) \
    typedef struct kh_##name##_s { \
        uint32_t n_buckets, size, n_occupied, upper_bound; \
        uint32_t *flags; \
        uint64_t *keys; \
        value_type *vals; \
    } kh_##name##_t; \
    _Static_assert(sizeof(kh_##name##_t) == 40, "khash layout"); \
    _Static_assert(offsetof(kh_##name##_t, vals) == 32, "khash layout"); \
    static inline khiter_t kh_get_##name(const kh_##name##_t *map, uint64_t key) \
    { \
        khiter_t i = 0; \
        while (i < map->n_buckets && !(api_kh_live(map->flags, i) && map->keys[i] == key)) \
            i++; \
        return i; \
    }

#define khash_t(name)          kh_##name##_t
#define kh_get(name, map, key) kh_get_##name(map, key)
#define kh_end(map)            ((map)->n_buckets)
#define kh_exist(map, i)       api_kh_live((map)->flags, i)
#define kh_val(map, i)         ((map)->vals[i])

#endif
