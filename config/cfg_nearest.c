/* SPDX-License-Identifier: MIT */
/* "Did you mean": the nearest of some names by edit distance (optimal string alignment). */
#include <string.h>

#include "config/cfg_text.h"

enum {
    MAX_WORD = 64 /* longer ones have no near neighbour worth the work */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 'a';
    return c == '-' ? '_' : c;
}

/* Insertions, deletions, replacements and swaps of neighbours between @a and @b. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][MAX_WORD + 1];
    size_t n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    size_t i = 0;
    for (; a[i] != '\0'; i++) {
        size_t *prev = rows[i % 3];
        size_t *row = rows[(i + 1) % 3];
        size_t *before = rows[(i + 2) % 3];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t cost = fold(a[i]) == fold(b[j]) ? 0 : 1;
            row[j + 1] = least(least(prev[j + 1], row[j]) + 1, prev[j] + cost);
            if (i > 0 && j > 0 && fold(a[i]) == fold(b[j - 1]) && fold(a[i - 1]) == fold(b[j]))
                row[j + 1] = least(row[j + 1], before[j - 1] + 1);
        }
    }
    return rows[i % 3][n];
}

const char *cfg_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t len = strlen(word);
    if (len == 0 || len > MAX_WORD)
        return NULL;
    size_t best_distance = len <= 2 ? 1 : len <= 4 ? 2 : len / 3 + 1;
    for (size_t i = 0; i < n; i++) {
        size_t other = strlen(names[i]);
        if (other > MAX_WORD)
            continue;
        size_t d = distance(word, names[i]);
        /* A name that shares nothing with the word is no help. */
        if (d < least(len, other) && (best == NULL ? d <= best_distance : d < best_distance)) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
