/* SPDX-License-Identifier: MIT */
/* Memory that is not needed any more, given back without holding up the loop: to unmap 34 MB takes
 * the system 5 ms and more. What is large is freed in a thread of the pool, anything else, or all
 * when there is no pool (NULL), at once. Loop thread only. */
#ifndef GW_DISCARD_H
#define GW_DISCARD_H

#include "gateway/base/gw_arena.h"
#include "gateway/message.h"
#include "gateway/workers.h"

/* *arena and *m are NULL then; they may be before. */
void gw_discard_arena(struct gw_workers *p, struct gw_arena **arena);
void gw_discard_message(struct gw_workers *p, struct gw_message **m);
/* Heap memory of @size octets, or NULL. */
void gw_discard_heap(struct gw_workers *p, void *data, size_t size);

#endif
