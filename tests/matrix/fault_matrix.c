/* SPDX-License-Identifier: MIT */
/* Prints the fault matrix: rows, expected, seen. Exits with 0 when all are equal.
 *
 *   fault_matrix [PART OF A NAME] */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "tests/matrix/matrix.h"

enum {
    MAX_SCRIPT = 8192
};

struct matrix_case *matrix_add(struct matrix *m)
{
    CHECK(m->n < MATRIX_MAX_CASES);
    struct matrix_case *c = &m->cases[m->n++];
    gw_buf_init(&c->script, MAX_SCRIPT);
    gw_buf_init(&c->second_script, MAX_SCRIPT);
    return c;
}

static void keep_named(struct matrix *m, const char *part)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (strstr(m->cases[i].name, part) != NULL) {
            struct matrix_case c = m->cases[i];
            m->cases[i] = m->cases[n];
            m->cases[n++] = c;
        }
    }
    for (size_t i = n; i < m->n; i++) {
        gw_buf_deinit(&m->cases[i].script);
        gw_buf_deinit(&m->cases[i].second_script);
    }
    m->n = n;
}

static void print(const struct matrix_case *c)
{
    bool same = strcmp(c->want[0], c->want[1]) == 0 && strcmp(c->seen[0], c->seen[1]) == 0;
    for (size_t i = 0; i < (same ? 1 : MATRIX_RCPTS); i++)
        (void)printf("%-4s %-52s | %-62s | %s (%lld ms)\n", c->ok ? "ok" : "FAIL",
                     i == 0 ? c->name : "", c->want[i], c->ok ? "=" : c->seen[i], (long long)c->ms);
    if (c->fault[0] != '\0')
        (void)printf("     %s\n", c->fault);
}

int main(int argc, char **argv)
{
    struct matrix m = {.cases = gw_calloc(MATRIX_MAX_CASES, sizeof(struct matrix_case))};
    int64_t since_ms = gw_clock_mono_ms();
    matrix_add_generic(&m);
    matrix_add_rows(&m);
    matrix_add_network(&m);
    if (argc > 1)
        keep_named(&m, argv[1]);
    bool clean = matrix_run(&m);
    size_t n_ok = 0;
    (void)printf("     %-52s | %-62s | %s\n", "case",
                 "expected: status category reason stage code "
                 "next relay",
                 "seen");
    for (size_t i = 0; i < m.n; i++) {
        print(&m.cases[i]);
        n_ok += m.cases[i].ok ? 1 : 0;
        gw_buf_deinit(&m.cases[i].script);
        gw_buf_deinit(&m.cases[i].second_script);
    }
    (void)printf("%zu cases, %zu equal, %lld ms%s\n", m.n, n_ok,
                 (long long)(gw_clock_mono_ms() - since_ms), clean ? "" : ", handles left over");
    bool ok = clean && m.n > 0 && n_ok == m.n;
    gw_free(m.cases);
    return ok ? 0 : 1;
}
