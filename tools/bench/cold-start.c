/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A program that does nothing but load a model and run it once, as a user's would:
 *
 *     attnc-cold-start LIBRARY MODEL THREADS START [WEIGHTS]
 *
 * START is the monotonic clock in nanoseconds when the process was started. Prints the milliseconds from there until
 * the first result is there (WEIGHTS is the weights file of a model whose weights are external), and the kilobytes of
 * memory that were resident at most. Inputs are zeros.
 */
#define _POSIX_C_SOURCE 200809L
#include <attnc/runtime.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int fail(const char *what) {
  fprintf(stderr, "attnc-cold-start: %s\n", what);
  return 1;
}

static void *symbol(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (!found)
    exit(fail(name));
  return found;
}

static void *tensor(const attnc_tensor_info *info, int64_t batch, size_t size) {
  void *data = NULL;
  for (int32_t i = 0; i < info->rank; ++i)
    size *= (size_t)(info->shape[i] < 0 ? batch : info->shape[i]);
  if (posix_memalign(&data, ATTNC_ALIGNMENT, size + 1))
    exit(fail("out of memory"));
  return memset(data, 0, size);
}

/* The largest resident memory so far. getrusage() would count the program that started this one. */
static long long peak_kilobytes(void) {
  FILE *status = fopen("/proc/self/status", "r");
  char line[200];
  long long size = 0;
  while (status && fgets(line, sizeof line, status))
    if (strncmp(line, "VmHWM:", 6) == 0)
      size = atoll(line + 6);
  return size;
}

int main(int argc, char **argv) {
  char name[300];
  attnc_error error;
  attnc_instance instance;
  attnc_weights weights;
  struct timespec time;
  if (argc != 5 && argc != 6)
    return fail("usage: attnc-cold-start LIBRARY MODEL THREADS START [WEIGHTS]");
  void *library = dlopen(argv[1], RTLD_NOW);
  if (!library)
    return fail(dlerror());
  snprintf(name, sizeof name, "%s_attnc_model", argv[2]);
  const attnc_model *model = symbol(library, name);
  attnc_status (*init)(attnc_instance *, const attnc_model *, const attnc_weights *, attnc_error *);
  attnc_status (*run)(const attnc_instance *, const void *const *, void *const *, int64_t, void *, size_t,
                      const attnc_executor *, attnc_error *);
  attnc_status (*map_weights)(attnc_weights *, const attnc_model *, const char *, attnc_error *);
  size_t (*workspace_size)(const attnc_model *, int64_t, int32_t);
  size_t (*dtype_size)(attnc_dtype);
  attnc_pool *(*pool_create)(int32_t, attnc_error *);
  attnc_executor (*pool_executor)(attnc_pool *);
  *(void **)&init = symbol(library, "attnc_init");
  *(void **)&run = symbol(library, "attnc_run");
  *(void **)&map_weights = symbol(library, "attnc_map_weights");
  *(void **)&workspace_size = symbol(library, "attnc_workspace_size");
  *(void **)&dtype_size = symbol(library, "attnc_dtype_size");
  *(void **)&pool_create = symbol(library, "attnc_pool_create");
  *(void **)&pool_executor = symbol(library, "attnc_pool_executor");

  attnc_pool *pool = pool_create(atoi(argv[3]), &error);
  if (!pool || (argc == 6 && map_weights(&weights, model, argv[5], &error) != ATTNC_OK) ||
      init(&instance, model, argc == 6 ? &weights : NULL, &error) != ATTNC_OK)
    return fail(error.message);
  attnc_executor executor = pool_executor(pool);
  int64_t batch = model->min_batch;
  const void **inputs = calloc((size_t)model->num_inputs + 1, sizeof *inputs);
  void **outputs = calloc((size_t)model->num_outputs + 1, sizeof *outputs);
  void *workspace = NULL;
  size_t size = workspace_size(model, batch, executor.threads);
  if (!inputs || !outputs || posix_memalign(&workspace, ATTNC_ALIGNMENT, size))
    return fail("out of memory");
  for (int32_t i = 0; i < model->num_inputs; ++i)
    inputs[i] = tensor(&model->inputs[i], batch, dtype_size(model->inputs[i].dtype));
  for (int32_t i = 0; i < model->num_outputs; ++i)
    outputs[i] = tensor(&model->outputs[i], batch, dtype_size(model->outputs[i].dtype));
  if (run(&instance, inputs, outputs, batch, workspace, size, &executor, &error) != ATTNC_OK)
    return fail(error.message);
  clock_gettime(CLOCK_MONOTONIC, &time);
  printf("%.3f %lld\n", ((double)time.tv_sec * 1e9 + (double)time.tv_nsec - atof(argv[4])) * 1e-6, peak_kilobytes());
  return 0;
}
