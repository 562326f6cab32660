/* SPDX-License-Identifier: MIT */
/* Bodies that move in pieces. */
#include "gateway/taken_body.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/gw_mem.h"

/* Gives the pages that lie wholly in @s back. What they held is gone; that it fails (locked memory)
 * only costs memory. */
static void drop_pages(struct gw_slice s)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    size_t before = (page - (uintptr_t)s.data % page) % page;
    size_t behind = ((uintptr_t)s.data + s.len) % page;
    char *at; /* borrowed as read-only, but ours to give back: gw_gateway_submit() says so */
    memcpy(&at, &s.data, sizeof(at));
    if (before + behind < s.len)
        (void)madvise(at + before, s.len - before - behind, MADV_DONTNEED);
}

void gw_taken_body_start(struct gw_taken_body *b, struct gw_slice from)
{
    *b = (struct gw_taken_body){.data = gw_malloc(from.len + 1), .len = from.len};
    b->data[from.len] = '\0';
    if (from.len > GW_BODY_PIECE)
        b->left = from;
    else if (from.len > 0)
        memcpy(b->data, from.data, from.len);
}

bool gw_taken_body_go_on(struct gw_taken_body *b)
{
    struct gw_slice piece =
        gw_slice_of(b->left.data, b->left.len < GW_BODY_PIECE ? b->left.len : GW_BODY_PIECE);
    if (piece.len == 0)
        return true;
    memcpy(b->data + (b->len - b->left.len), piece.data, piece.len);
    drop_pages(piece);
    b->left = gw_slice_of(b->left.data + piece.len, b->left.len - piece.len);
    return b->left.len == 0;
}

void gw_taken_body_free(struct gw_taken_body *b)
{
    gw_free(b->data);
    *b = (struct gw_taken_body){.data = NULL};
}
