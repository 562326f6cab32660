/* SPDX-License-Identifier: MIT */
/* What is refused of listeners, API keys, routes, DKIM, webhooks and the environment. */
#include "tests/unit/config/cfg_helper.h"

#define HASH "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define NOT_HOST \
    "not a host name: use an IP address, or letters, digits, \"-\" and single dots, at most 63 " \
    "characters between dots and 253 in all (names in other scripts in their xn-- form)"
#define BAD_PORT "the port must be a number, at most 65535"

#define NEEDS_KEY(place, address) \
    place address \
        " can be reached from other machines, but no API key is configured; add api_keys " \
        "(\"mailhatch key new --name NAME\" prints one) or set MAILHATCH_API_KEY, or listen on " \
        "127.0.0.1 or a Unix socket"
#define BOTH_FILES "TLS needs both a certificate (cert_file) and its key (key_file)"

static void listeners_are_checked(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        {"listen: [\"0.0.0.0:80\"]\n", NEEDS_KEY("t.yaml:1:10: ", "0.0.0.0:80")},
        {"listen:\n  - address: \"[::]:80\"\n", NEEDS_KEY("t.yaml:2:5: ", "[::]:80")},
        {"listen: [\"localhost:80\"]\n",
         "t.yaml:1:10: \"localhost:80\": the part before the port must be an IP address, such as "
         "127.0.0.1 (this machine only) or 0.0.0.0 (every interface)"},
        {"listen: [\":80\"]\n",
         "t.yaml:1:10: \":80\": the part before the port must be an IP address, such as 127.0.0.1 "
         "(this machine only) or 0.0.0.0 (every interface)"},
        {"listen: [\"127.0.0.1\"]\n",
         "t.yaml:1:10: \"127.0.0.1\": the port is missing; write 127.0.0.1:8080"},
        {"listen: [\"127.0.0.1:65536\"]\n", "t.yaml:1:10: \"127.0.0.1:65536\": " BAD_PORT},
        {"listen: [\"::1:80\"]\n", "t.yaml:1:10: \"::1:80\": an IPv6 address is written in "
                                   "brackets, such as [::1]:8080"},
        {"listen: [\"ftp://127.0.0.1:80\"]\n",
         "t.yaml:1:10: \"ftp://127.0.0.1:80\": an address is 127.0.0.1:8080, [::1]:8080, "
         "unix:/path or https://0.0.0.0:8443?cert=…&key=…"},
        {"listen: [\"unix:\"]\n", "t.yaml:1:10: \"unix:\": the path is missing; write "
                                  "unix:/run/mailhatch/api.sock"},
        {"listen: [\"https://127.0.0.1:80\"]\n",
         "t.yaml:1:10: https:// needs a certificate and its key: ?cert=FILE&key=FILE, or tls: "
         "{cert_file: FILE, key_file: FILE}"},
        {"listen: [\"https://127.0.0.1:80?cert=a\"]\n", "t.yaml:1:10: " BOTH_FILES},
        {"listen: [\"https://127.0.0.1:80?cert=a&key=b&x=c\"]\n",
         "t.yaml:1:10: \"https://127.0.0.1:80?cert=a&key=b&x=c\": after \"?\" only cert=, key= and "
         "client_ca= are known"},
        {"listen: [\"127.0.0.1:80?cert=a&key=b\"]\n",
         "t.yaml:1:10: \"127.0.0.1:80?cert=a&key=b\": only an address that starts with https:// "
         "takes cert= and key="},
        {"listen: [{address: \"127.0.0.1:80\", tls: {key_file: a}}]\n", "t.yaml:1:10: " BOTH_FILES},
        {"listen: [{address: \"127.0.0.1:80\", tls: {client_ca_file: a}}]\n",
         "t.yaml:1:10: \"tls\" needs cert_file and key_file"},
        {"listen: [{address: \"http://127.0.0.1:80\", tls: {cert_file: a, key_file: b}}]\n",
         "t.yaml:1:10: http:// and a certificate contradict each other; write https://"},
        {"listen: [{address: \"unix:/x\", tls: {cert_file: a, key_file: b}}]\n",
         "t.yaml:1:10: TLS is for TCP addresses; a Unix socket goes without"},
        {"listen: [{address: \"127.0.0.1:80\", mode: \"0600\"}]\n",
         "t.yaml:1:42: \"mode\" is for Unix sockets only"},
        {"listen: [{address: \"unix:/x\", mode: rw}]\n",
         "t.yaml:1:37: \"mode\" must be a file mode of up to four octal digits, such as 0660, not "
         "\"rw\""},
        {"listen: [{address: \"unix:/x\", mode: 0888}]\n",
         "t.yaml:1:37: \"mode\" must be a file mode of up to four octal digits, such as 0660, not "
         "\"0888\""},
        {"listen: [{tls: {cert_file: a, key_file: b}}]\n",
         "t.yaml:1:10: a listener needs \"address\""},
        {"listen: [\"127.0.0.1:80\", \"127.0.0.1:80\"]\n",
         "t.yaml:1:26: address 127.0.0.1:80 is there twice"},
    };
    HELPER_BAD_ALL(cases, NULL);
}

#define KEY "api_keys: [{name: a, id: k, hash: \"" HASH "\""
#define KEY_FORM \
    "must be <id>.<secret>: an id of 1 to 64 letters, digits, \"_\" and \"-\", a dot, and a " \
    "secret of 16 to 256 visible ASCII characters"

static void api_keys_are_checked(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        {"api_keys: [{id: k, hash: \"" HASH "\"}]\n", "t.yaml:1:12: an API key needs \"name\""},
        {"api_keys: [{name: a, hash: \"" HASH "\"}]\n",
         "t.yaml:1:12: an API key with \"hash\" needs \"id\""},
        {"api_keys: [{name: a, id: k}]\n",
         "t.yaml:1:12: an API key needs \"id\" and \"hash\", or \"key\" or \"key_file\"; "
         "\"mailhatch key new\" prints them"},
        {"api_keys: [{name: a, id: k, hash: \"sha256:00\"}]\n",
         "t.yaml:1:35: \"hash\" must be sha256: and 64 lower-case hex digits, as \"mailhatch key "
         "new\" prints it"},
        {"api_keys: [{name: a, key: k.short}]\n", "t.yaml:1:27: \"key\" " KEY_FORM},
        {"api_keys: [{name: a, key: 0123456789abcdef}]\n", "t.yaml:1:27: \"key\" " KEY_FORM},
        {"api_keys: [{name: a, key: \"k k.0123456789abcdef\"}]\n",
         "t.yaml:1:27: \"key\" " KEY_FORM},
        {"api_keys: [{name: a, key: \"k.0123456789 abcdef\"}]\n", "t.yaml:1:27: \"key\" " KEY_FORM},
        {"api_keys: [{name: a, id: other, key: k.0123456789abcdef}]\n",
         "t.yaml:1:38: the id before the dot is not the \"id\" of this key; leave \"id\" out"},
        {KEY ", key: k.0123456789abcdef}]\n",
         "t.yaml:1:12: an API key has \"hash\" or \"key\", not both"},
        {"master_key: 0123456789012345678901234567890\n",
         "t.yaml:1:13: \"master_key\" must be a secret of at least 32 characters"},
        {KEY "}, {name: a, id: k2, hash: \"" HASH "\"}]\n",
         "t.yaml:1:111: an API key with this \"name\" is there already (\"a\")"},
        {KEY "}, {name: b, key: k.0123456789abcdef}]\n",
         "t.yaml:1:111: an API key with this \"id\" is there already (\"k\")"},
        {"api_keys:\n"
         "  - {name: b, key: k.0123456789abcdef}\n"
         "  - {name: c, key: k.0123456789abcdef}\n"
         "  - {name: a, key: k.0123456789abcdef}\n",
         "t.yaml:3:5: an API key with this \"id\" is there already (\"k\")\n"
         "t.yaml:4:5: an API key with this \"id\" is there already (\"k\")"},
        {KEY ", senders: []}]\n", "t.yaml:1:119: \"senders\" is an empty list; give it an item or "
                                  "leave the key out"},
        {KEY ", senders: }]\n",
         "t.yaml:1:110: \"senders\" is empty; give it a value or leave the key out"},
        {KEY ", senders: [\"*\"]}]\n",
         "t.yaml:1:120: an item of \"senders\" must be a sender such as a@example.com, "
         "*@example.com or *@*.example.com, not \"*\""},
        {KEY ", scopes: [sent]}]\n", "t.yaml:1:119: an item of \"scopes\" must be one of send, "
                                     "read, admin, not \"sent\"; did you mean \"send\"?"},
        {KEY ", relays: [sandbx]}]\n",
         "t.yaml:1:119: there is no relay \"sandbx\"; did you mean \"sandbox\"?"},
        {KEY ", relays: []}]\n",
         "t.yaml:1:118: \"relays\" is an empty list; give it an item or leave the key out"},
    };
    HELPER_BAD_ALL(cases, NULL);
}

static void routes_dkim_and_webhooks_are_checked(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        {"routes: [{match: {}}]\n", "t.yaml:1:10: a route needs \"relays\""},
        {"routes: [{relays: []}]\n",
         "t.yaml:1:19: \"relays\" is an empty list; give it an item or leave the key out"},
        {"routes: [{relays: [ses]}]\n",
         "t.yaml:1:20: there is no relay of this name under \"relays\""},
        {"routes: [{relays: [sandbox, {relay: sandbox}]}]\n",
         "t.yaml:1:29: relay \"sandbox\" is in this route twice"},
        {"routes: [{relays: [{relay: sandbox, weight: 0}]}]\n",
         "t.yaml:1:45: \"weight\" must be a number from 1 to 1000, not \"0\""},
        {"routes: [{match: {api_key: x}, relays: [sandbox]}]\n",
         "t.yaml:1:28: there is no API key of this name under \"api_keys\""},
        {"routes: [{match: {from_domain: \"*\"}, relays: [sandbox]}]\n",
         "t.yaml:1:32: \"from_domain\" must be a domain such as example.com or *.example.com "
         "(other scripts in their xn-- form), not \"*\""},
        {"dkim: {domains: [{domain: \"node.ee; s=evil\", keys: [{selector: a, key_file: x}]}]}\n",
         "t.yaml:1:27: \"domain\" must be a domain such as example.com (other scripts in their "
         "xn-- form), not \"node.ee; s=evil\""},
        {"dkim: {domains: [{domain: a.b, keys: [{selector: \"dkim; d=evil.ee\", key_file: x}]}]}\n",
         "t.yaml:1:50: \"selector\" must be a selector (letters, digits, \"-\" and \"_\", single "
         "dots), not \"dkim; d=evil.ee\""},
        {"dkim: {domains: [{domain: a.b, keys: []}]}\n",
         "t.yaml:1:38: \"keys\" is an empty list; give it an item or leave the key out"},
        {"dkim: {domains: [{domain: a.b, keys: [{selector: r, key_file: x}, {selector: R, key_file:"
         " y}]}]}\n",
         "t.yaml:1:67: a DKIM key with this \"selector\" is there already (\"r\")"},
        {"dkim: {domains: [{domain: a.b, keys: [{selector: r, key_file: x}]}, {domain: A.B, keys: "
         "[{selector: r, key_file: x}]}]}\n",
         "t.yaml:1:69: a DKIM domain with this \"domain\" is there already (\"a.b\")"},
        {"webhooks: [{name: a, url: \"http://h\", secret: 0123456789}]\n",
         "t.yaml:1:12: \"url\" must begin with https://, unless \"allow_private\" is true"},
        {"webhooks: [{name: a, url: \"https://h:25/\", secret: 0123456789}]\n",
         "t.yaml:1:12: \"url\" must have port 443 or 8443, unless \"allow_private\" is true"},
        {"webhooks: [{name: a, url: \"https://2130706433\", secret: 0123456789}]\n",
         "t.yaml:1:27: \"url\" must be a URL such as https://host/path, without user, password and "
         "fragment"},
        {"webhooks: [{name: a, url: \"https://h\", secret: 0123456789, api_key: none}]\n",
         "t.yaml:1:69: there is no API key of this name under \"api_keys\""},
        {"webhooks: [{name: a, url: \"https://h\", secret: \"whsec_!!\"}]\n",
         "t.yaml:1:48: \"secret\" must be a secret of at least 8 characters, or whsec_ and the "
         "base64 "
         "of as many octets"},
        {"webhooks: [{name: a, url: \"https://h\"}]\n",
         "t.yaml:1:12: a webhook needs \"secret\" or \"secret_file\""},
        {"webhooks: [{name: a, url: \"https://h\", secret: short}]\n",
         "t.yaml:1:48: \"secret\" must be a secret of at least 8 characters, or whsec_ and the "
         "base64 "
         "of as many octets"},
        {"webhooks: [{name: a, url: \"https://h\", secret: 0123456789, events: [sent]}]\n",
         "t.yaml:1:69: an item of \"events\" must be an event such as recipient.sent, recipient.* "
         "or *, not \"sent\""},
    };
    HELPER_BAD_ALL(cases, NULL);
}

static void the_environment_is_checked_too(void **state)
{
    (void)state;
    static const struct {
        const char *env[4];
        const char *yaml, *want;
    } cases[] = {
        {{"MAILHATCH_RELAY=smtp://u:secret@h..x"}, NULL, "MAILHATCH_RELAY: " NOT_HOST},
        {{"MAILHATCH_RELAY="},
         NULL,
         "MAILHATCH_RELAY: is set but empty; unset it or give it a value"},
        {{"MAILHATCH_RELAY= \t"},
         NULL,
         "MAILHATCH_RELAY: is set but empty; unset it or give it a value"},
        {{"MAILHATCH_RELAY=smtp://u:p@h?tls=none"},
         NULL,
         "MAILHATCH_RELAY: ?tls=none would send the password of this relay over the network in "
         "clear text; leave ?tls=none out, or the password, or use a relay on 127.0.0.1"},
        {{"MAILHATCH_RELAY=smtp://h"},
         "relays: {a: \"sandbox:\"}\n",
         "MAILHATCH_RELAY: the configuration file has relays already; unset the variable or "
         "remove them there"},
        {{"MAILHATCH_DKIM=a.b:s:/k"},
         "dkim: {sign: required}\n",
         "MAILHATCH_DKIM: the configuration file has dkim already; unset the variable or remove "
         "it there"},
        {{"MAILHATCH_DKIM=a.b:s"},
         NULL,
         "MAILHATCH_DKIM: each item must be domain:selector:keyfile"},
        {{"MAILHATCH_DKIM=a.b:s;d=x:/k"},
         NULL,
         "MAILHATCH_DKIM: it must be a selector (letters, digits, \"-\" and \"_\", single dots), "
         "not \"s;d=x\""},
        {{"MAILHATCH_LISTEN=0.0.0.0:80"}, NULL, NEEDS_KEY("MAILHATCH_LISTEN: ", "0.0.0.0:80")},
        {{"MAILHATCH_LISTEN=localhost:80"},
         NULL,
         "MAILHATCH_LISTEN: \"localhost:80\": the part before the port must be an IP address, such "
         "as 127.0.0.1 (this machine only) or 0.0.0.0 (every interface)"},
        {{"MAILHATCH_STORE=redis"},
         NULL,
         "MAILHATCH_STORE: it must be one of sqlite, memory, not \"redis\""},
        {{"MAILHATCH_API_KEY=secret"}, NULL, "MAILHATCH_API_KEY: it " KEY_FORM},
        {{"MAILHATCH_API_KEY=k.0123456789abcdef", "MAILHATCH_API_KEY_FILE=/x"},
         NULL,
         "MAILHATCH_API_KEY_FILE: MAILHATCH_API_KEY is set too; keep one of them"},
        {{"MAILHATCH_API_KEY_FILE=/nonexistent/x"},
         NULL,
         "MAILHATCH_API_KEY_FILE: /nonexistent/x cannot be read: No such file or directory"},
        {{"MAILHATCH_API_KEY=k.0123456789abcdef"},
         KEY "}]\nroutes: [{match: {api_key: a}, relays: [sandbox]}]\n",
         "t.yaml:2:28: there is no API key of this name under \"api_keys\" (MAILHATCH_API_KEY "
         "replaces all of them)"},
        {{"MAILHATCH_LOG=\xFF"},
         NULL,
         "MAILHATCH_LOG: it holds a line break, another control character, or bytes that are not "
         "UTF-8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *env[4];
        memcpy(env, cases[i].env, sizeof(env));
        helper_bad(cases[i].yaml, env, cases[i].want);
    }
}

/* Without MAILHATCH_RELAY mail goes to the sandbox: a mistyped one must not be passed over. */
static void mistyped_variables_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *name, *meant;
    } cases[] = {
        {"RELAYS", "RELAY"},     {"REALY", "RELAY"},
        {"RELAY_URL", "RELAY"},  {"Relay", "RELAY"},
        {"APIKEY", "API_KEY"},   {"API_KEYS", "API_KEY"},
        {"DATADIR", "DATA_DIR"}, {"LISTENS", "LISTEN"},
        {"CONF", "CONFIG"},      {"APIKEYFILE", "API_KEY_FILE"},
        {"LOGS", "LOG"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char variable[128];
        char want[256];
        (void)snprintf(variable, sizeof(variable), "MAILHATCH_%s=smtp://h", cases[i].name);
        (void)snprintf(want, sizeof(want),
                       "MAILHATCH_%s: is no variable of Mailhatch; did you mean MAILHATCH_%s?",
                       cases[i].name, cases[i].meant);
        const char *env[] = {"OTHER_RELAYS=x", variable, NULL};
        helper_bad(NULL, env, want);
    }
}

/* What Kubernetes sets in every container for services named mailhatch and mailhatch-api, and what
 * an application beside us may have for itself. */
static void variables_of_others_are_left_alone(void **state)
{
    (void)state;
    const char *env[] = {"MAILHATCH_SERVICE_HOST=10.0.0.1",
                         "MAILHATCH_SERVICE_PORT=80",
                         "MAILHATCH_SERVICE_PORT_HTTP=80",
                         "MAILHATCH_PORT=tcp://10.0.0.1:80",
                         "MAILHATCH_PORT_80_TCP=tcp://10.0.0.1:80",
                         "MAILHATCH_PORT_80_TCP_PROTO=tcp",
                         "MAILHATCH_PORT_80_TCP_PORT=80",
                         "MAILHATCH_PORT_80_TCP_ADDR=10.0.0.1",
                         "MAILHATCH_API_SERVICE_HOST=10.0.0.1",
                         "MAILHATCH_API_PORT=tcp://10.0.0.1:80",
                         "MAILHATCH_URL=http://127.0.0.1:8080",
                         "MAILHATCH_TOKEN=x",
                         "MAILHATCH_FROM=shop@example.com",
                         "MAILHATCH_HOST=10.0.0.1",
                         "MAILHATCH_USER=shop",
                         "MAILHATCH_PASSWORD=secret",
                         "MAILHATCH_ENABLED=1",
                         "MAILHATCH_=x",
                         "MAILHATCH_RELAYRELAYRELAYRELAYRELAYRELAYRELAYRELAYRELAYRELAYRELAYRELAY=x",
                         "MAILHATCHRELAY=smtp://h",
                         NULL};
    const struct cfg *cfg = helper_good(NULL, env);
    cfg_unref(&cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_are_checked),
        cmocka_unit_test(api_keys_are_checked),
        cmocka_unit_test(routes_dkim_and_webhooks_are_checked),
        cmocka_unit_test(the_environment_is_checked_too),
        cmocka_unit_test(mistyped_variables_are_named),
        cmocka_unit_test(variables_of_others_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
