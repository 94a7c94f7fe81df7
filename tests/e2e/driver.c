/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Runs the model whose symbol is MODEL on one file with the bytes of all its inputs, one after the other, and writes
 * those of all its outputs: driver INPUT OUTPUT BATCH THREADS. Prints the CPU whose variant ran. Knows nothing of the
 * model but what the object says about it.
 */
#define PROGRAM "driver"
#include "driver.h"

extern const attnc_model MODEL;

static size_t bytes_of(const attnc_tensor_info *tensor, int64_t batch) {
  size_t bytes = attnc_dtype_size(tensor->dtype);
  for (int32_t i = 0; i < tensor->rank; ++i)
    bytes *= (size_t)(tensor->shape[i] < 0 ? batch : tensor->shape[i]);
  return bytes;
}

int main(int argc, char **argv) {
  void *inputs[16], *outputs[16];
  if (argc != 5 || MODEL.num_inputs > 16 || MODEL.num_outputs > 16)
    fail("usage: driver INPUT OUTPUT BATCH THREADS");
  int64_t batch = atoi(argv[3]);
  attnc_error error;
  attnc_instance instance;
  if (attnc_init(&instance, &MODEL, NULL, &error) != ATTNC_OK)
    fail(error.message);
  FILE *file = fopen(argv[1], "rb");
  if (!file)
    fail("cannot read the inputs");
  for (int32_t i = 0; i < MODEL.num_inputs; ++i) {
    size_t bytes = bytes_of(&MODEL.inputs[i], batch);
    inputs[i] = allocate(bytes);
    if (fread(inputs[i], 1, bytes, file) != bytes)
      fail("the inputs are too short");
  }
  fclose(file);
  for (int32_t i = 0; i < MODEL.num_outputs; ++i)
    outputs[i] = allocate(bytes_of(&MODEL.outputs[i], batch));

  attnc_pool *pool = attnc_pool_create(atoi(argv[4]), &error);
  if (!pool)
    fail(error.message);
  attnc_executor executor = attnc_pool_executor(pool);
  size_t size = attnc_workspace_size(&MODEL, batch, executor.threads);
  if (attnc_run(&instance, (const void *const *)inputs, outputs, batch, allocate(size), size, &executor, &error) !=
      ATTNC_OK)
    fail(error.message);
  attnc_pool_destroy(pool);
  puts(instance.variant->cpu);

  file = fopen(argv[2], "wb");
  if (!file)
    fail("cannot write the outputs");
  for (int32_t i = 0; i < MODEL.num_outputs; ++i)
    fwrite(outputs[i], 1, bytes_of(&MODEL.outputs[i], batch), file);
  return fclose(file) ? 1 : 0;
}
