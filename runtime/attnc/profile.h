/* attnc runtime: the profile that `attnc --profile` puts into an object.
 *
 * Part of the attnc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * C99 and C++17. An object compiled with --profile exports <name>_attnc_profile beside <name>_attnc_model. It lists the
 * model's kernel calls with their work, and attnc_run() tells an observer when each of them begins. Without --profile
 * the object has neither, and a run costs nothing more. Results are the same.
 */
#ifndef ATTNC_PROFILE_H
#define ATTNC_PROFILE_H

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a kernel call does of the work that is listed for it, where the sequences are shorter than they may be. */
typedef enum attnc_work_share {
  ATTNC_WORK_ALL = 0,    /* all of it */
  ATTNC_WORK_TOKENS = 1, /* weights aside, as much as there are true tokens among all */
  ATTNC_WORK_PAIRS = 2   /* the same of bytes; of FLOPs as much as there are pairs of true tokens of one sequence */
} attnc_work_share;

/* One kernel call at the model's smallest batch. */
typedef struct attnc_profiled_call {
  const char *label;   /* what it computes, in the description's names: "encoder.layers.0.linear1" */
  const char *kernel;  /* equal calls share a kernel: "matmul_1" */
  const char *ops;     /* "matmul + add + gelu" */
  double flops;        /* all arithmetic; a transcendental function counts as ten */
  double matmul_flops; /* of these, the multiply-adds of matmul and attention, without keys outside a causal band */
  double bytes;        /* arguments read once and the result written once */
  double weight_bytes; /* of these, weights that no earlier call reads */
  double token_bytes;  /* of `bytes`, those that are none of weights */
  attnc_work_share share;
} attnc_profiled_call;

typedef struct attnc_profile {
  uint32_t abi_version; /* ATTNC_ABI_VERSION */
  int32_t num_calls;
  const attnc_profiled_call *calls; /* in the order of a run */
  /* Set by the program while no run is on; NULL: nobody looks. Called on the thread that called attnc_run(), with
   * call = i before call i, and with num_calls after the last; so for each pass of a run that has
   * several (attnc_variant.microbatch). */
  void (*observer)(void *state, int32_t call);
  void *state;
} attnc_profile;

#ifdef __cplusplus
}
#endif
#endif /* ATTNC_PROFILE_H */
