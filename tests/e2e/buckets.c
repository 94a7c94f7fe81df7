/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Runs tests/e2e/run_buckets.py's model through its generated header, with the extent that it is told:
 * buckets SEQ BATCH INPUT OUTPUT. INPUT has the bytes of ids and lengths, OUTPUT gets those of y and weights.
 */
#include "kernel.h"

#define PROGRAM "buckets"
#include "driver.h"

int main(int argc, char **argv) {
  static int32_t ids[LENGTHS_IDS_DIM0 * LENGTHS_IDS_DIM1], lengths[LENGTHS_LENGTHS_DIM0];
  static float y[LENGTHS_Y_DIM0 * LENGTHS_Y_DIM1 * LENGTHS_Y_DIM2];
  static float weights[LENGTHS_WEIGHTS_DIM0 * LENGTHS_WEIGHTS_DIM1 * LENGTHS_WEIGHTS_DIM2];
  attnc_error error;
  attnc_instance instance;
  if (argc != 5)
    fail("usage: buckets SEQ BATCH INPUT OUTPUT");
  if (lengths_init(&instance, NULL, &error) != ATTNC_OK)
    fail(error.message);
  lengths_args args = {0};
  args.seq = atoi(argv[1]);
  args.batch = atoi(argv[2]);
  args.ids = ids;
  args.lengths = lengths;
  args.y = y;
  args.weights = weights;
  if (lengths_bucket(args.seq) == args.seq) {
    const size_t rows = (size_t)(args.seq * args.batch);
    FILE *file = fopen(argv[3], "rb");
    if (!file || fread(ids, sizeof *ids, rows, file) != rows ||
        fread(lengths, sizeof *lengths, (size_t)args.batch, file) != (size_t)args.batch)
      fail("cannot read the inputs");
    fclose(file);
  }
  const size_t size = lengths_workspace_size(args.batch, 1);
  if (lengths_run(&instance, &args, allocate(size), size, NULL, &error) != ATTNC_OK)
    fail(error.message);
  FILE *file = fopen(argv[4], "wb");
  const size_t of_y = (size_t)(args.batch * args.seq * LENGTHS_Y_DIM2);
  const size_t of_weights = (size_t)(args.batch * args.seq * (args.seq + 1));
  if (!file || fwrite(y, sizeof *y, of_y, file) != of_y ||
      fwrite(weights, sizeof *weights, of_weights, file) != of_weights || fclose(file) != 0)
    fail("cannot write the outputs");
  printf("%s, up to 6: %lld, up to 17: %lld, up to 34: %lld\n", instance.variant->cpu, (long long)lengths_bucket(6),
         (long long)lengths_bucket(17), (long long)lengths_bucket(34));
  return 0;
}
