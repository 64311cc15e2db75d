/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_H
#define FUZZ_H

/* A fuzz target: what libFuzzer calls, and what standalone.c calls for each file of a corpus.
 * With libFuzzer: see Makefile.inc. */

#include <stddef.h>
#include <stdint.h>

/* Prepares the process, once. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Reads one input; aborts when a promise of the code under test does not hold. @return 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many inputs were good ones so far. A corpus without any tests nothing but refusals. */
extern unsigned long fuzz_accepted;

#endif /* FUZZ_H */
