/* SPDX-License-Identifier: MIT */
/* Code points that must not stand in an address. */
#ifndef SMTP_ADDRESS_TEXT_H
#define SMTP_ADDRESS_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* Controls, white space beyond the space, invisible (default ignorable), private and unassignable
 * code points, and those whose compatibility form is ASCII punctuation or a dot. */
bool smtp_cp_is_deceptive(uint32_t cp);

#endif
