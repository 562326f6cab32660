/* SPDX-License-Identifier: MIT */
/* Every transcript of tests/replay, whole and split at every octet. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_mem.h"
#include "tests/lib/replay.h"

enum {
    MAX_TRANSCRIPT = 1 << 20
};

static const char folder[] = TEST_SOURCE_DIR "/replay";

static void read_file(const char *name, struct gw_buf *out)
{
    char path[512];
    assert_true(snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char piece[4096];
    for (size_t n = fread(piece, 1, sizeof(piece), f); n > 0; n = fread(piece, 1, sizeof(piece), f))
        assert_int_equal(gw_buf_add(out, piece, n), GW_OK);
    (void)fclose(f);
}

static void transcript_holds(void **state)
{
    struct gw_buf text;
    struct replay_result result;
    gw_buf_init(&text, MAX_TRANSCRIPT);
    read_file(*state, &text);
    bool ok = replay_run_all_splits(*state, gw_buf_view(&text), &result);
    gw_buf_deinit(&text);
    if (!ok)
        fail_msg("%s", result.text);
}

static int is_transcript(const struct dirent *d)
{
    const char *dot = strrchr(d->d_name, '.');
    return dot != NULL && strcmp(dot, ".smtp") == 0;
}

static struct replay_result run_text(const char *text)
{
    struct replay_result result;
    (void)replay_run_all_splits("inline", gw_slice_str(text), &result);
    return result;
}

/* The runner itself must be able to fail. */
static void runner_refuses_what_does_not_hold(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "! connect\nX: hello\n",
        "! connect\n! fly\n",
        "! connect\n= wings\n",
        "! connect\nS: 220 hi\nC: HELO client.example\n",
        "! connect\nS: 220 hi\n",
        "! connect\nS: 220 hi\nC: EHLO client.example\nS: 250 ok\n= not-ready\n",
        "! connect\n! eof\n",
        "! connect\n! eof\n= close EHLO conn_closed sick\n",
        "! connect\n! eof\n= close greeting conn_closed quiet\n",
        "@ rcpts 1\n! ready\n! send\nC: MAIL FROM:<>\n",
        "! ready\n! tls\n",
        "! connect\nS: \\q\n",
        "! connect\n= within 1\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (run_text(bad[i]).ok)
            fail_msg("transcript %zu passed", i);
    }
    struct replay_result good =
        run_text("! connect\n# fine\n\n! eof\n= close greeting conn_closed sick\n");
    if (!good.ok)
        fail_msg("%s", good.text);
}

int main(void)
{
    struct dirent **found = NULL;
    int n = scandir(folder, &found, is_transcript, alphasort);
    if (n <= 0) {
        (void)fprintf(stderr, "no transcripts in %s\n", folder);
        return 1;
    }
    size_t n_tests = (size_t)n + 1;
    struct CMUnitTest *tests = gw_calloc(n_tests, sizeof(*tests));
    tests[0] = (struct CMUnitTest)cmocka_unit_test(runner_refuses_what_does_not_hold);
    for (int i = 0; i < n; i++)
        tests[i + 1] = (struct CMUnitTest){.name = found[i]->d_name,
                                           .test_func = transcript_holds,
                                           .initial_state = found[i]->d_name};
    int failed = _cmocka_run_group_tests("replay", tests, n_tests, NULL, NULL);
    for (int i = 0; i < n; i++)
        free(found[i]);
    free(found);
    gw_free(tests);
    return failed;
}
