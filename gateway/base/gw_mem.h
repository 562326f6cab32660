/* SPDX-License-Identifier: MIT */
/* Heap memory. Out of memory ends the process: nothing here returns NULL. */
#ifndef GW_MEM_H
#define GW_MEM_H

#include <stddef.h>

enum {
    GW_MEM_LARGE = 1 << 20 /* blocks from here on go back to the kernel when they are freed; ours */
};
/* Once at the start of a program that runs long: large messages come and go, and the allocator
 * would otherwise learn from the first one to keep what the others free. */
void gw_mem_init(void);

/* Bytes are zeroed. @size may be 0. Free with gw_free(). */
void *gw_calloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *gw_malloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *gw_realloc(void *p, size_t size) __attribute__((alloc_size(2)));
char *gw_strdup(const char *s) __attribute__((malloc));
/* Copy of @n bytes at @data with a NUL behind. */
char *gw_memdup0(const void *data, size_t n) __attribute__((malloc));
void gw_free(void *p);

/* Overwrite in a way the compiler keeps; for secrets before their memory is freed. */
void gw_wipe(void *p, size_t n);
/* Wipe a NUL-terminated heap secret, free it, set the pointer to NULL. NULL is fine. */
void gw_free_secret(char **secret);

#endif
