/* SPDX-License-Identifier: MIT */
/* The key "oauth2" of a relay, secret files that are named so that they can be read again, pins. */
#include "tests/unit/config/cfg_helper.h"

#include <fcntl.h>
#include <unistd.h>

#define RELAY(rest) "relays: {a: {url: \"smtp://h\", " rest "}}\n"
#define FULL        "token_url: \"https://login.test/t\", client_id: c"

static void each_grant_is_taken_with_its_default_mechanisms(void **state)
{
    (void)state;
    static const char *const good[] = {
        RELAY("username: u, oauth2: {" FULL ", client_secret: s, scope: \"a b\"}"),
        RELAY("username: u, oauth2: {" FULL ", refresh_token: r}"),
        RELAY("username: u, oauth2: {" FULL ", client_secret: s, refresh_token: r, ca_file: /ca}"),
        RELAY("username: u, oauth2: {access_token: t}"),
        RELAY("username: u, oauth2: {token_url: \"http://127.0.0.1:8/t\", client_id: c, "
              "client_secret: s}"),
        RELAY("username: u, oauth2: {token_url: \"http://[::1]:8/t\", client_id: c, "
              "client_secret: s}"),
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const struct cfg *cfg = helper_good(good[i], NULL);
        assert_int_equal(cfg->relays[0].n_auth, 2);
        assert_int_equal(cfg->relays[0].auth[0], CFG_AUTH_XOAUTH2);
        assert_int_equal(cfg->relays[0].auth[1], CFG_AUTH_OAUTHBEARER);
        struct gw_buf printed;
        gw_buf_init(&printed, CFG_MAX_FILE_SIZE);
        assert_int_equal(cfg_print(cfg, &printed), GW_OK);
        assert_int_equal(gw_buf_add_char(&printed, '\0'), GW_OK);
        assert_null(strstr(printed.data, "secret: s"));
        const struct cfg *again = helper_good(printed.data, NULL);
        assert_int_equal(again->relays[0].n_auth, 2);
        cfg_unref(&again);
        gw_buf_deinit(&printed);
        cfg_unref(&cfg);
    }
}

static void what_does_not_fit_together_is_named(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        {RELAY("username: u, oauth2: {client_id: c, client_secret: s}"),
         "t.yaml:1:10: oauth2 needs token_url and client_id, or an access_token"},
        {RELAY("username: u, oauth2: {" FULL "}"),
         "t.yaml:1:10: oauth2 needs a refresh_token (on behalf of a user) or a client_secret (on "
         "behalf of the application)"},
        {RELAY("username: u, oauth2: {" FULL ", access_token: t}"),
         "t.yaml:1:10: oauth2: access_token is a token as it stands; leave out token_url, "
         "client_id "
         "and refresh_token, or access_token"},
        {RELAY("oauth2: {access_token: t}"),
         "t.yaml:1:10: oauth2 needs the username: the mailbox that sends"},
        {RELAY("username: u, password: p, oauth2: {access_token: t}"),
         "t.yaml:1:10: a relay has a password or oauth2, not both"},
        {RELAY("username: u, auth: [plain], oauth2: {access_token: t}"),
         "t.yaml:1:10: with oauth2 only xoauth2 and oauthbearer can be in auth"},
        {RELAY("username: u, oauth2: {token_url: \"http://login.test/t\", client_id: c, "
               "client_secret: s}"),
         "t.yaml:1:64: \"token_url\" must be an https:// URL (http:// only on this machine)"},
    };
    HELPER_BAD_ALL(cases, NULL);
}

static void secret_files_are_kept_by_name(void **state)
{
    (void)state;
    char file[] = "./secret_XXXXXX";
    char yaml[512];
    int fd = mkstemp(file);
    assert_int_equal(write(fd, "hush\n", 5), 5);
    assert_int_equal(close(fd), 0);
    (void)snprintf(yaml, sizeof(yaml),
                   "relays: {a: {url: \"smtp://h\", username: u, password_file: %s}, b: {url: "
                   "\"smtp://h\", username: u, oauth2: {" FULL
                   ", client_secret_file: %s, refresh_token: r}}}\n",
                   file, file);
    const struct cfg *cfg = helper_good(yaml, NULL);
    assert_string_equal(cfg->relays[0].password, "hush");
    assert_string_equal(cfg->relays[0].password_file, file);
    assert_string_equal(cfg->relays[1].oauth2.client_secret, "hush");
    assert_string_equal(cfg->relays[1].oauth2.client_secret_file, file);
    assert_null(cfg->relays[1].oauth2.refresh_token_file);
    cfg_unref(&cfg);
    (void)unlink(file);
}

static void pins_up_to_the_limit_are_taken(void **state)
{
    (void)state;
    static const char pin[] = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (size_t n = CFG_MAX_PINS; n <= CFG_MAX_PINS + 1; n++) {
        char yaml[4096];
        size_t at = (size_t)snprintf(yaml, sizeof(yaml),
                                     "relays: {a: {url: \"smtp://h\", tls: {pins: [%s", pin);
        for (size_t i = 1; i < n; i++)
            at += (size_t)snprintf(yaml + at, sizeof(yaml) - at, ", %s", pin);
        (void)snprintf(yaml + at, sizeof(yaml) - at, "]}}}\n");
        const struct cfg *cfg = NULL;
        struct cfg_problems problems;
        enum gw_status st = helper_load(yaml, NULL, &cfg, &problems);
        assert_int_equal(st, n == CFG_MAX_PINS ? GW_OK : GW_INVALID);
        cfg_problems_deinit(&problems);
        cfg_unref(&cfg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_grant_is_taken_with_its_default_mechanisms),
        cmocka_unit_test(what_does_not_fit_together_is_named),
        cmocka_unit_test(secret_files_are_kept_by_name),
        cmocka_unit_test(pins_up_to_the_limit_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
