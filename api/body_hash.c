/* SPDX-License-Identifier: MIT */
/* Hashing bodies without holding up the loop. */
#include <h2o.h>

#include "api/body_hash.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_mem.h"

struct hashing {
    h2o_timeout_entry_t turn; /* linked while there is more to do */
    struct api_request *request;
    void (*then)(struct api_request *r);
    EVP_MD_CTX *digest;
    size_t done;
};

static void free_hashing(struct hashing *h)
{
    EVP_MD_CTX_free(h->digest);
    gw_free(h);
}

static void on_gone(void *data)
{
    struct hashing *h = data;
    h2o_timeout_unlink(&h->turn);
    free_hashing(h);
}

static void wait_for_next_turn(struct hashing *h)
{
    struct api_request *r = h->request;
    h2o_timeout_link(r->h2o->conn->ctx->loop, r->context->next_turn, &h->turn);
}

static void on_turn(h2o_timeout_entry_t *turn)
{
    struct hashing *h = gw_list_entry(turn, struct hashing, turn);
    struct api_request *r = h->request;
    size_t left = r->body.len - h->done;
    size_t n = left < API_BODY_HASH_SLICE ? left : API_BODY_HASH_SLICE;
    CHECK(EVP_DigestUpdate(h->digest, r->body.data + h->done, n) == 1);
    h->done += n;
    if (h->done < r->body.len) {
        wait_for_next_turn(h);
        return;
    }
    void (*then)(struct api_request *) = h->then;
    CHECK(EVP_DigestFinal_ex(h->digest, r->body_sha256, NULL) == 1);
    free_hashing(h);
    api_request_release(r);
    then(r);
}

void api_body_hash(struct api_request *r, void (*then)(struct api_request *r))
{
    if (r->body.len <= API_BODY_HASH_SLICE) {
        (void)SHA256((const unsigned char *)r->body.data, r->body.len, r->body_sha256);
        then(r);
        return;
    }
    struct hashing *h = gw_calloc(1, sizeof(*h));
    h->request = r;
    h->then = then;
    h->digest = EVP_MD_CTX_new();
    h->turn.cb = on_turn;
    CHECK(h->digest != NULL && EVP_DigestInit_ex(h->digest, EVP_sha256(), NULL) == 1);
    api_request_hold(r, on_gone, h);
    wait_for_next_turn(h);
}
