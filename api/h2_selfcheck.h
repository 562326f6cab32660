/* SPDX-License-Identifier: MIT */
/* Is the HTTP/2 guard in effect? */
#ifndef API_H2_SELFCHECK_H
#define API_H2_SELFCHECK_H

#include <stdbool.h>

/* Speaks HTTP/2 to the library over a socket pair, once in the life of the process, and watches
 * whether the guard saw it and reads the library's structures right. False: HTTP/2 must not be
 * offered, and a line in the log says why. Takes about a millisecond. */
bool api_h2_selfcheck(void);

/* The result; true until the check has run. */
bool api_h2_offered(void);

#endif
