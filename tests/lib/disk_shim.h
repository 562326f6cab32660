/* SPDX-License-Identifier: MIT */
/* A disk under SQLite that can be full, fail, or lose its power: a VFS in front of the real one.
 *
 * Full: files may grow by so many bytes, as on a real disk: overwriting is always possible.
 * Power: while recording, it keeps what each file would hold if the power failed now (its content
 * at the last sync) apart from the writes since then. An image is a directory as a disk may show it
 * after the failure: of the writes since the last sync some are there, in any order, torn at any
 * sector; a name that was not synced may be missing, a deleted one may be back.
 *
 * One disk per process. All calls from any thread. */
#ifndef DISK_SHIM_H
#define DISK_SHIM_H

#include <stdbool.h>
#include <stdint.h>

enum disk_call {
    DISK_READ,
    DISK_WRITE,
    DISK_SYNC,
    DISK_SYNC_LOG, /* of the write-ahead log alone */
    DISK_N_CALLS
};

/* Everything that SQLite opens from now on goes through it. */
void disk_shim_install(void);
void disk_shim_remove(void);

/* Bytes that files may still grow by; -1: no limit. */
void disk_shim_set_room(int64_t bytes);
/* @rc  what the call answers from now on; 0: works again */
void disk_shim_fail(enum disk_call call, int rc);

/* Forget everything and keep account of all files from now on; opened before any of them. Syncs
 * do not reach the real disk meanwhile. */
void disk_shim_record(bool on);
/* @cut  called before each write and sync while recording, under the shim's lock; it may only call
 *       disk_shim_image */
void disk_shim_on_call(void (*cut)(void *data), void *data);
/* @before  called before a file is deleted, by whoever deletes it, without the lock; NULL: nothing
 *          is */
void disk_shim_on_delete(void (*before)(void *data), void *data);
/* Writes one image of the files below @from into @to, both made already with their sub-directory
 * `bodies`. Draws on gw_random_below(). */
void disk_shim_image(const char *from, const char *to);

#endif
