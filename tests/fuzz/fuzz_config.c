/* SPDX-License-Identifier: MIT */
/* Any bytes as a configuration file: loaded or refused with problems; what loads can be printed,
 * and what is printed loads again and prints the same. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/cfg_loader.h"
#include "gateway/base/gw_check.h"

enum {
    MAX_PRINT = 64 << 20
};

/* libFuzzer's name for it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const some[] = {"A=smtp://user:pass@host", "B=", NULL};

/* The printed form of what @text loads to in @out; false when it is refused. */
static bool load_and_print(struct gw_slice text, const char *const *env, struct gw_buf *out)
{
    const struct cfg *cfg;
    struct cfg_problems problems;
    enum gw_status status = cfg_load_text("fuzz.yaml", &text, env, &cfg, &problems);
    CHECK((status == GW_OK) == (problems.n == 0));
    CHECK((status == GW_OK) == (cfg != NULL));
    for (size_t i = 0; i < problems.n; i++)
        CHECK(strlen(problems.text[i]) > 0);
    cfg_problems_deinit(&problems);
    if (status != GW_OK)
        return false;
    CHECK(cfg_print(cfg, out) == GW_OK);
    cfg_unref(&cfg);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_buf first;
    struct gw_buf second;
    gw_buf_init(&first, MAX_PRINT);
    gw_buf_init(&second, MAX_PRINT);
    if (load_and_print(gw_slice_of((const char *)data, size), some, &first)) {
        CHECK(load_and_print(gw_buf_view(&first), NULL, &second));
        CHECK(gw_slice_eq(gw_buf_view(&first), gw_buf_view(&second)));
    }
    gw_buf_deinit(&first);
    gw_buf_deinit(&second);
    return 0;
}
