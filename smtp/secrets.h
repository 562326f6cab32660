/* SPDX-License-Identifier: MIT */
/* What must not be shown of a relay's texts: the credentials, as they are and in the base64 that
 * AUTH makes of them. A relay may repeat them in any reply of any connection: it knows them since
 * the first. */
#ifndef SMTP_SECRETS_H
#define SMTP_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_slice.h"
#include "smtp/sasl.h"

enum {
    SMTP_N_SECRETS = 8 /* password, its prepared form, token, and tokens of mechanisms */
};

struct smtp_secrets {
    char *texts[SMTP_N_SECRETS]; /* copies */
    size_t n;
};

/* @who  as for smtp_sasl_start(); nothing is secret without a user name */
void smtp_secrets_init(struct smtp_secrets *s, const struct smtp_sasl_credentials *who);
void smtp_secrets_deinit(struct smtp_secrets *s);
/* Does @text, any octets, hold one of them, or the beginning of its base64? */
bool smtp_secrets_in(const struct smtp_secrets *s, struct gw_slice text);

#endif
