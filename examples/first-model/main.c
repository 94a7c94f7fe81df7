/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Runs the model of memory.json: C99, no library but libc and attnc's runtime.
 */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const fruits[4] = {"apple", "banana", "plum", "kiwi"};
static const char *const colours[4] = {"red", "yellow", "blue", "green"};

int main(void) {
  /* Four facts, each a one-hot fruit and a one-hot colour; a question names the fruit only. */
  float facts[4][8] = {{0}}, question[8] = {0}, answer[8];
  for (int i = 0; i < 4; ++i)
    facts[i][i] = facts[i][4 + i] = 1;

  attnc_instance instance;
  attnc_error error;
  if (memory_init(&instance, NULL, &error) != ATTNC_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  /* The caller owns all memory; the workspace must be aligned. */
  size_t size = memory_workspace_size(1);
  char *memory = malloc(size + ATTNC_ALIGNMENT);
  if (!memory)
    return 1;
  void *workspace = memory + (ATTNC_ALIGNMENT - (uintptr_t)memory % ATTNC_ALIGNMENT);

  struct memory_args args = {.question = question, .facts = &facts[0][0], .answer = answer};
  for (int fruit = 0; fruit < 4; ++fruit) {
    for (int i = 0; i < 8; ++i)
      question[i] = i == fruit;
    if (memory_run(&instance, &args, workspace, size, NULL, &error) != ATTNC_OK) {
      fprintf(stderr, "%s\n", error.message);
      return 1;
    }
    int best = 0;
    for (int i = 1; i < 4; ++i)
      if (answer[4 + i] > answer[4 + best])
        best = i;
    printf("%s is %s (%.3f)\n", fruits[fruit], colours[best], answer[4 + best]);
  }
  free(memory);
  return 0;
}
