/* SPDX-License-Identifier: MIT */
/* What an attachment costs: decoding base64 and encoding it again in lines, per byte of content. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    SIZE = 25 * 1000 * 1000,
    LINE = 57, /* bytes of a line of 76 characters */
    RUNS = 15
};

static double cpu_s(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *name, double *seconds)
{
    qsort(seconds, RUNS, sizeof(*seconds), compare);
    (void)printf("%s: median %.2f GB/s, %.2f to %.2f, %d runs\n", name,
                 SIZE / seconds[RUNS / 2] / 1e9, SIZE / seconds[RUNS - 1] / 1e9,
                 SIZE / seconds[0] / 1e9, RUNS);
}

int main(void)
{
    size_t size = gw_base64_encoded_size(SIZE);
    char *bytes = gw_malloc(gw_base64_decoded_max(size));
    char *text = gw_malloc(size);
    char *lines = gw_malloc(size + size / 76 * 2);
    double decode[RUNS];
    double encode[RUNS];
    double both[RUNS];
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(unsigned char)(i * 2654435761U >> 13);
    (void)gw_base64_encode(bytes, SIZE, text);
    for (int run = -1; run < RUNS; run++) { /* the first one touches the memory */
        size_t n = 0;
        double from = cpu_s();
        CHECK(gw_base64_decode(gw_slice_of(text, size), bytes, &n, NULL) == GW_OK && n == SIZE);
        double between = cpu_s();
        char *to = lines;
        for (size_t at = 0; at < n; at += LINE)
            to += gw_base64_encode(bytes + at, n - at < LINE ? n - at : LINE, to);
        double end = cpu_s();
        if (run < 0)
            continue;
        decode[run] = between - from;
        encode[run] = end - between;
        both[run] = end - from;
    }
    print("base64 decode", decode);
    print("base64 encode", encode);
    print("both, one after the other", both);
    gw_free(bytes);
    gw_free(text);
    gw_free(lines);
    return 0;
}
