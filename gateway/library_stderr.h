/* SPDX-License-Identifier: MIT */
/* What libraries print to standard error becomes events of the log, a few a second: the HTTP
 * library writes lines that a client can cause, and lines that are not JSON break whoever reads the
 * log. */
#ifndef GW_LIBRARY_STDERR_H
#define GW_LIBRARY_STDERR_H

enum {
    GW_LIBRARY_STDERR_LINES = 10, /* at once, and one more each 100 ms */
    GW_LIBRARY_STDERR_REFILL_MS = 100,
    GW_LIBRARY_STDERR_LENGTH = 256 /* octets of one line that are kept */
};

/* From now on `stderr` is the log (event `library_stderr`, `lost` tells how many lines before it
 * were not logged). File descriptor 2 stays what it is: the log itself and sanitizers write there.
 */
void gw_library_stderr_capture(void);

#endif
