/* SPDX-License-Identifier: MIT */
/* What the tests of config/ share: an environment of their own, loading from text. */
#ifndef TESTS_UNIT_CONFIG_CFG_HELPER_H
#define TESTS_UNIT_CONFIG_CFG_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/cfg.h"
#include "config/cfg_loader.h"

/* Load @yaml (NULL: no file) as the file "t.yaml". */
static inline enum gw_status helper_load(const char *yaml, const char **env, const struct cfg **out,
                                         struct cfg_problems *problems)
{
    struct gw_slice text = gw_slice_str(yaml);
    return cfg_load_text("t.yaml", yaml != NULL ? &text : NULL, env, out, problems);
}

/* The configuration, which must be good. */
static inline const struct cfg *helper_good(const char *yaml, const char **env)
{
    const struct cfg *cfg = NULL;
    struct cfg_problems problems;
    enum gw_status status = helper_load(yaml, env, &cfg, &problems);
    if (problems.n != 0)
        fail_msg("%s", problems.text[0]);
    assert_int_equal(status, GW_OK);
    assert_non_null(cfg);
    cfg_problems_deinit(&problems);
    return cfg;
}

/* Loading must fail with exactly these problems, one per line of @want. */
static inline void helper_bad(const char *yaml, const char **env, const char *want)
{
    const struct cfg *cfg = NULL;
    struct cfg_problems problems;
    char got[65536] = "";
    enum gw_status status = helper_load(yaml, env, &cfg, &problems);
    for (size_t i = 0; i < problems.n; i++) {
        size_t used = strlen(got);
        (void)snprintf(got + used, sizeof(got) - used, "%s%s", i != 0 ? "\n" : "",
                       problems.text[i]);
    }
    cfg_problems_deinit(&problems);
    if (strcmp(got, want) != 0)
        fail_msg("for\n%.300s\nwant\n%s\n got\n%s", yaml != NULL ? yaml : "(environment)", want,
                 got);
    assert_int_equal(status, GW_INVALID);
    assert_null(cfg);
}

/* A file and all that is wrong with it, one problem per line. */
struct helper_case {
    const char *yaml;
    const char *want;
};

static inline void helper_bad_all(const struct helper_case *cases, size_t n, const char **env)
{
    for (size_t i = 0; i < n; i++)
        helper_bad(cases[i].yaml, env, cases[i].want);
}
#define HELPER_BAD_ALL(cases, env) helper_bad_all((cases), sizeof(cases) / sizeof((cases)[0]), env)

#endif
