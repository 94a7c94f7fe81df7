/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Decodes with tests/e2e/run_cache.py's encoder through its generated header, a token of each sequence at a time:
 * cache TOKENS BATCH INPUT OUTPUT. INPUT has the bytes of x, [BATCH, TOKENS, width], OUTPUT gets those of y, [TOKENS,
 * BATCH, width].
 */
#include "kernel.h"

#include <string.h>

#define PROGRAM "cache"
#include "driver.h"

int main(int argc, char **argv) {
  attnc_error error;
  attnc_instance instance;
  if (argc != 5)
    fail("usage: cache TOKENS BATCH INPUT OUTPUT");
  const size_t tokens = (size_t)atoi(argv[1]), batch = (size_t)atoi(argv[2]), width = ENCODER_X_DIM2;
  if (encoder_init(&instance, NULL, &error) != ATTNC_OK)
    fail(error.message);
  float *all = allocate(tokens * batch * width * sizeof *all), *x = allocate(batch * width * sizeof *x);
  FILE *in = fopen(argv[3], "rb"), *out = fopen(argv[4], "wb");
  if (!in || !out || fread(all, sizeof *all, tokens * batch * width, in) != tokens * batch * width)
    fail("cannot read the input");
  const size_t slots = ENCODER_ENCODER_CACHE_DIM1, capacity = ENCODER_ENCODER_CACHE_DIM2;
  const size_t of_cache = batch * slots * capacity * ENCODER_ENCODER_CACHE_DIM3 * sizeof(float);
  int32_t *position = allocate(batch * sizeof *position);
  encoder_args args = {0};
  args.seq = 1;
  args.batch = (int64_t)batch;
  args.x = x;
  args.position = position;
  args.y = allocate(batch * width * sizeof *args.y);
  args.encoder_cache = allocate(of_cache);
  memset(args.encoder_cache, 0xFF, of_cache); /* NaN: what no run has written has no influence. */
  const size_t size = encoder_workspace_size(args.batch, 1);
  void *workspace = allocate(size);
  for (size_t token = 0; token < tokens; ++token) {
    for (size_t b = 0; b < batch; ++b) {
      memcpy(x + b * width, all + (b * tokens + token) * width, width * sizeof *x);
      position[b] = (int32_t)token;
    }
    if (encoder_run(&instance, &args, workspace, size, NULL, &error) != ATTNC_OK)
      fail(error.message);
    if (fwrite(args.y, sizeof *args.y, batch * width, out) != batch * width)
      fail("cannot write the output");
  }
  return fclose(in) | fclose(out);
}
