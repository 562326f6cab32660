/* SPDX-License-Identifier: MIT */
/* What everything that reads a body promises. */
#ifndef FUZZ_DECODED_H
#define FUZZ_DECODED_H

#include "gateway/gateway.h"

/* Reads @body by @decode into @out, which borrows from @arena: a draft comes out, or problems. */
enum gw_status fuzz_decode(gw_decode_fn decode, struct gw_slice body, struct gw_arena *arena,
                           struct gw_draft *out);

#endif
