/* SPDX-License-Identifier: MIT */
/* Base64 with AVX2: 32 characters at a time, where the processor has it. */
#include "gateway/base/gw_base64_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

#define AVX2 __attribute__((target("avx2")))

enum {
    CHARS = 32,
    BYTES = 24,
    LOAD = 32 /* bytes that a step touches, in or out */
};

bool gw_base64_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

/* 0xff where @low ≤ c ≤ @high. Octets from 0x80 on are negative and below every range. */
AVX2 static inline __m256i in_range(__m256i c, char low, char high)
{
    return _mm256_and_si256(_mm256_cmpgt_epi8(c, _mm256_set1_epi8((char)(low - 1))),
                            _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(high + 1)), c));
}

AVX2 static inline __m256i where(__m256i mask, int value)
{
    return _mm256_and_si256(mask, _mm256_set1_epi8((char)value));
}

/* Values 0 to 63 of the characters; false when one is not of the standard alphabet. */
AVX2 static inline bool values_of(__m256i c, __m256i *values, __m256i *specials)
{
    __m256i upper = in_range(c, 'A', 'Z');
    __m256i lower = in_range(c, 'a', 'z');
    __m256i digit = in_range(c, '0', '9');
    __m256i plus = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('+'));
    __m256i slash = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('/'));
    __m256i offset =
        _mm256_or_si256(_mm256_or_si256(where(upper, -'A'), where(lower, 26 - 'a')),
                        _mm256_or_si256(where(digit, 52 - '0'), where(plus, 62 - '+')));
    offset = _mm256_or_si256(offset, where(slash, 63 - '/'));
    *specials = _mm256_or_si256(plus, slash);
    *values = _mm256_add_epi8(c, offset);
    __m256i good =
        _mm256_or_si256(_mm256_or_si256(upper, lower), _mm256_or_si256(digit, *specials));
    return _mm256_movemask_epi8(good) == -1;
}

/* 32 values of 6 bits to 24 bytes, in the first 24 of the result. */
AVX2 static inline __m256i pack(__m256i values)
{
    /* pairs: a << 6 | b; then fours: ab << 12 | cd */
    __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
    __m256i order = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2, 1,
                                     0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(fours, order),
                                       _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
}

AVX2 size_t gw_base64_decode_avx2(const char *in, size_t len, char *out, bool *special_out)
{
    size_t n = 0;
    __m256i seen = _mm256_setzero_si256();
    /* the last step must leave room for what it stores too much */
    while (len - n >= CHARS + LOAD) {
        __m256i values;
        __m256i specials;
        if (!values_of(_mm256_loadu_si256((const void *)(in + n)), &values, &specials))
            break;
        seen = _mm256_or_si256(seen, specials);
        _mm256_storeu_si256((void *)(out + n / 4 * 3), pack(values));
        n += CHARS;
    }
    *special_out = _mm256_movemask_epi8(seen) != 0;
    return n;
}

/* 24 bytes in two lanes of 12 to 32 values. */
AVX2 static inline __m256i unpack(__m256i bytes)
{
    __m256i spread = _mm256_shuffle_epi8(bytes, _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7,
                                                                 10, 9, 11, 10, 1, 0, 2, 1, 4, 3, 5,
                                                                 4, 7, 6, 8, 7, 10, 9, 11, 10));
    /* of each 32 bits (b a | c b): first and third value by a shift right, the others left */
    __m256i odd = _mm256_mulhi_epu16(_mm256_and_si256(spread, _mm256_set1_epi32(0x0fc0fc00)),
                                     _mm256_set1_epi32(0x04000040));
    __m256i even = _mm256_mullo_epi16(_mm256_and_si256(spread, _mm256_set1_epi32(0x003f03f0)),
                                      _mm256_set1_epi32(0x01000010));
    return _mm256_or_si256(odd, even);
}

AVX2 static inline __m256i above(__m256i values, int limit, int add)
{
    return where(_mm256_cmpgt_epi8(values, _mm256_set1_epi8((char)limit)), add);
}

AVX2 size_t gw_base64_encode_avx2(const char *in, size_t len, char *out)
{
    size_t n = 0;
    while (len - n >= LOAD) {
        __m256i lanes =
            _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)(in + n))),
                                    _mm_loadu_si128((const void *)(in + n + BYTES / 2)), 1);
        __m256i v = unpack(lanes);
        __m256i offset = _mm256_add_epi8(_mm256_set1_epi8('A'), above(v, 25, 'a' - 26 - 'A'));
        offset = _mm256_add_epi8(offset, above(v, 51, '0' - 52 - ('a' - 26)));
        offset = _mm256_add_epi8(offset, above(v, 61, '+' - 62 - ('0' - 52)));
        offset = _mm256_add_epi8(offset, above(v, 62, '/' - 63 - ('+' - 62)));
        _mm256_storeu_si256((void *)(out + n / 3 * 4), _mm256_add_epi8(v, offset));
        n += BYTES;
    }
    return n;
}

#else

bool gw_base64_has_avx2(void)
{
    return false;
}

size_t gw_base64_decode_avx2(const char *in, size_t len, char *out, bool *special_out)
{
    (void)in;
    (void)len;
    (void)out;
    *special_out = false;
    return 0;
}

size_t gw_base64_encode_avx2(const char *in, size_t len, char *out)
{
    (void)in;
    (void)len;
    (void)out;
    return 0;
}

#endif
