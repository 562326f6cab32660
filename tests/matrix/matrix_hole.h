/* SPDX-License-Identifier: MIT */
/* What a host may lack: an answer to connects, and file descriptors. */
#ifndef TESTS_MATRIX_HOLE_H
#define TESTS_MATRIX_HOLE_H

#include <stdint.h>

enum {
    MATRIX_HOLE_FILLERS = 4
};

/* A listener on MATRIX_HOLE that accepts nobody and whose queue is full: what connects to it hears
 * nothing. */
struct matrix_hole {
    int listener, fillers[MATRIX_HOLE_FILLERS];
};

void matrix_hole_open(struct matrix_hole *h, uint16_t port);
void matrix_hole_close(struct matrix_hole *h);

/* The process gets no further descriptor until they are given back. */
void matrix_descriptors_take(void);
void matrix_descriptors_give_back(void);

#endif
