/* SPDX-License-Identifier: MIT */
/* Heap memory; the only place that calls malloc. */
#include "gateway/base/gw_mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
    static const char text[] = "mailhatch: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    abort();
}

void gw_mem_init(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, GW_MEM_LARGE);
}

void *gw_calloc(size_t count, size_t size)
{
    void *p = calloc(count != 0 ? count : 1, size != 0 ? size : 1);
    if (p == NULL)
        out_of_memory();
    return p;
}

void *gw_malloc(size_t size)
{
    void *p = malloc(size != 0 ? size : 1);
    if (p == NULL)
        out_of_memory();
    return p;
}

void *gw_realloc(void *p, size_t size)
{
    void *q = realloc(p, size != 0 ? size : 1);
    if (q == NULL)
        out_of_memory();
    return q;
}

char *gw_strdup(const char *s)
{
    return gw_memdup0(s, strlen(s));
}

char *gw_memdup0(const void *data, size_t n)
{
    char *copy = gw_malloc(n + 1);
    if (n != 0)
        memcpy(copy, data, n);
    copy[n] = '\0';
    return copy;
}

void gw_free(void *p)
{
    free(p);
}

void gw_wipe(void *p, size_t n)
{
    if (n != 0)
        explicit_bzero(p, n);
}

void gw_free_secret(char **secret)
{
    if (*secret == NULL)
        return;
    gw_wipe(*secret, strlen(*secret));
    gw_free(*secret);
    *secret = NULL;
}
