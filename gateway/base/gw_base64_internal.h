/* SPDX-License-Identifier: MIT */
/* The fast parts of base64. */
#ifndef GW_BASE64_INTERNAL_H
#define GW_BASE64_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

/* May the functions below be called? */
bool gw_base64_has_avx2(void);
/* Decodes from the start as far as there are only characters of the standard alphabet, in whole
 * groups, some less than there are. Returns the characters taken, a multiple of 4.
 * @out          gw_base64_decoded_max(len) bytes
 * @special_out  was a + or / among them? */
size_t gw_base64_decode_avx2(const char *in, size_t len, char *out, bool *special_out);
/* Encodes from the start, some bytes less than there are. Returns the bytes taken, a multiple of 3.
 * @out  gw_base64_encoded_size(len) characters */
size_t gw_base64_encode_avx2(const char *in, size_t len, char *out);

#endif
