/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What the C programs of these suites share. PROGRAM is the name that their messages begin with.
 */
#ifndef ATTNC_TESTS_DRIVER_H
#define ATTNC_TESTS_DRIVER_H

#include <attnc/runtime.h>

#include <stdio.h>
#include <stdlib.h>

static void fail(const char *message) {
  fprintf(stderr, PROGRAM ": %s\n", message);
  exit(1);
}

/* Memory for a tensor or a workspace, until the program ends. */
static void *allocate(size_t size) {
  char *memory = malloc(size + ATTNC_ALIGNMENT);
  if (!memory)
    fail("out of memory");
  return memory + (ATTNC_ALIGNMENT - (uintptr_t)memory % ATTNC_ALIGNMENT);
}

#endif
