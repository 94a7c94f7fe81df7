/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a C program does with a model: initialise with weights, run on a pool, read an error. The model is made by hand.
 */
#include <attnc/runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, COLS = 3, TABLE = 5 };

struct closure {
  const int32_t *ids;
  const float *table;
  float *y;
};

/* y[row, :] = table[ids[row], :], through scratch. */
static int32_t row_task(void *context, int32_t row, uint8_t *closure) {
  struct closure c;
  float *slice = (float *)attnc_rt_malloc(context, COLS * sizeof(float));
  int32_t k;
  memcpy(&c, closure, sizeof c);
  if (!slice)
    return 1;
  for (k = 0; k < COLS; ++k)
    slice[k] = c.table[c.ids[row] * COLS + k];
  memcpy(c.y + row * COLS, slice, COLS * sizeof(float));
  attnc_rt_free(context, slice);
  return 0;
}

static int32_t entry(void *context, const void *const *inputs, void *const *outputs, const void *weights, void *arena,
                     int64_t first, int64_t batch) {
  struct closure c;
  (void)arena;
  (void)first;
  c.ids = (const int32_t *)inputs[0];
  c.table = (const float *)weights;
  c.y = (float *)outputs[0];
  return attnc_rt_parallel_for(context, row_task, 0, (int32_t)batch, (uint8_t *)&c);
}

static const attnc_tensor_info input = {"ids", ATTNC_I32, 1, {-1}, TABLE, 0, 0};
static const attnc_tensor_info output = {"y", ATTNC_F32, 2, {-1, COLS}, 0, 0, 0};
static const attnc_tensor_info weight = {"table.weight", ATTNC_F32, 2, {TABLE, COLS}, 0, 0, 0};
static const attnc_pack_step step = {0, ATTNC_PACK_COPY, 0, TABLE, COLS, COLS, 1, 0, 0, 0, 0};

#if defined(__aarch64__)
#define FEATURES "neon"
#else
#define FEATURES ""
#endif

static const attnc_variant variant = {"least", FEATURES, 0, 0, COLS * sizeof(float), 0, entry};
static const attnc_model model = {ATTNC_ABI_VERSION,
                                  0,
                                  "lookup",
                                  "attnc test",
                                  1,
                                  1,
                                  1,
                                  1,
                                  &input,
                                  &output,
                                  &weight,
                                  &step,
                                  NULL,
                                  NULL,
                                  TABLE * COLS * sizeof(float),
                                  0,
                                  1,
                                  ROWS,
                                  1,
                                  &variant,
                                  0,
                                  NULL,
                                  NULL};

static int check(int condition, const char *what) {
  if (!condition)
    fprintf(stderr, "failed: %s\n", what);
  return !condition;
}

int main(void) {
  float table[TABLE * COLS], y[ROWS * COLS];
  int32_t ids[ROWS];
  const void *inputs[1];
  void *outputs[1];
  attnc_weight item = {"table.weight", ATTNC_F32, 2, {TABLE, COLS}, NULL};
  attnc_weights weights;
  attnc_instance instance;
  attnc_error error;
  attnc_pool *pool = attnc_pool_create(2, &error);
  attnc_executor executor;
  size_t size;
  void *image = NULL, *workspace = NULL;
  int failures = check(pool != NULL, "a pool"), i, k;
  if (failures)
    return 1;
  executor = attnc_pool_executor(pool);
  for (i = 0; i < TABLE * COLS; ++i)
    table[i] = (float)i;
  for (i = 0; i < ROWS; ++i)
    ids[i] = i * 7 % TABLE;
  inputs[0] = ids;
  outputs[0] = y;
  item.data = table;

  size = attnc_workspace_size(&model, ROWS, executor.threads);
  /* Over-allocated and rounded up: C99 has no aligned allocation. */
  workspace = malloc(size + ATTNC_ALIGNMENT);
  image = malloc(1024 + ATTNC_ALIGNMENT);
  if (check(workspace && image, "memory"))
    return 1;
  weights.items = &item;
  weights.count = 1;
  weights.image = (char *)image + (ATTNC_ALIGNMENT - (uintptr_t)image % ATTNC_ALIGNMENT);
  weights.image_size = 1024;

  failures += check(attnc_init(&instance, &model, &weights, &error) == ATTNC_OK, "attnc_init");
  failures += check(attnc_run(&instance, inputs, outputs, ROWS,
                              (char *)workspace + (ATTNC_ALIGNMENT - (uintptr_t)workspace % ATTNC_ALIGNMENT), size,
                              &executor, &error) == ATTNC_OK,
                    "attnc_run");
  for (i = 0; i < ROWS; ++i)
    for (k = 0; k < COLS; ++k)
      failures += check(y[i * COLS + k] == table[ids[i] * COLS + k], "y");
  failures += check(attnc_init(&instance, &model, NULL, &error) == ATTNC_ERROR_WEIGHTS, "weights are needed");
  failures += check(strcmp(attnc_status_name(error.status), "weights") == 0, "status name");
  attnc_pool_destroy(pool);
  free(workspace);
  free(image);
  printf("%s\n", failures ? "failed" : "ok");
  return failures != 0;
}
