/* SPDX-License-Identifier: MIT */
/* libcurl's functions and the options that no request of ours goes without. */
#include "gateway/http_lib.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "gateway/gateway.h"

static struct gw_curl loaded;
static bool is_loaded;

/* Where the system keeps its CAs by the hash of their names: those needed are read, one by one. The
 * whole bundle takes 50 ms to read, ten times what the loop has for anything. */
static const char hashed_cas[] = "/etc/ssl/certs";
static bool has_hashed_cas;

static bool is_hashed(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *entry;
    bool found = false;
    while (d != NULL && !found && (entry = readdir(d)) != NULL) {
        const char *dot = strchr(entry->d_name, '.');
        found = dot != NULL && dot - entry->d_name == 8 && strcmp(dot, ".0") == 0;
    }
    if (d != NULL)
        (void)closedir(d);
    return found;
}

static void load(void)
{
    void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL)
        return;
    bool ok = true;
#define LOAD(name) \
    *(void **)&loaded.name = dlsym(lib, #name); \
    ok = ok && loaded.name != NULL;
    GW_CURL_FUNCTIONS(LOAD)
#undef LOAD
    has_hashed_cas = is_hashed(hashed_cas);
    is_loaded = ok && loaded.curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const struct gw_curl *gw_curl_load(struct gw_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, load);
    if (is_loaded)
        return &loaded;
    (void)gw_err_set(err, GW_UNSUPPORTED, "libcurl is not installed; install libcurl4");
    return NULL;
}

static void set_safety(const struct gw_curl *curl, CURL *easy)
{
    (void)curl->curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl->curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl->curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl->curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl->curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void set_trust(const struct gw_curl *curl, CURL *easy, const char *ca_file)
{
    if (ca_file == NULL && !has_hashed_cas)
        return; /* as libcurl was built */
    (void)curl->curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    (void)curl->curl_easy_setopt(easy, CURLOPT_CAPATH, ca_file == NULL ? hashed_cas : NULL);
}

void gw_curl_set_request(const struct gw_curl *curl, CURL *easy, const struct gw_http_request *r,
                         struct curl_slist **headers)
{
    char agent[64];
    set_safety(curl, easy);
    (void)snprintf(agent, sizeof(agent), "mailhatch/%s", gw_gateway_version());
    (void)curl->curl_easy_setopt(easy, CURLOPT_USERAGENT, agent);
    (void)curl->curl_easy_setopt(easy, CURLOPT_URL, r->url);
    (void)curl->curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, r->timeout_ms);
    set_trust(curl, easy, r->ca_file);
    if (r->unix_socket != NULL)
        (void)curl->curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
    if (r->body.data != NULL) {
        (void)curl->curl_easy_setopt(easy, CURLOPT_POST, 1L);
        (void)curl->curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        (void)curl->curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body.data);
    }
    for (size_t i = 0; r->headers != NULL && r->headers[i] != NULL; i++)
        *headers = curl->curl_slist_append(*headers, r->headers[i]);
    (void)curl->curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
}
