/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A model made by hand, for tests of attnc-run without the compiler: y[b, i] = x[b, i] * scale[i] + (sum of ids[b, :])
 * and, where OUTPUTS is 2, count[b] = the number of true flags[b, :]. Macros make its variants; run_test.py compiles
 * it.
 */
#include <attnc/runtime.h>

#ifndef NAME
#define NAME toy
#endif
#ifndef INPUTS
#define INPUTS 3
#endif
#ifndef OUTPUTS
#define OUTPUTS 2
#endif
#ifndef ABI
#define ABI ATTNC_ABI_VERSION
#endif
#ifndef FEATURES
#define FEATURES ""
#endif
#ifndef PADDING
#define PADDING 0
#endif
#define JOIN(a, b) a##b
#define PASTE(a, b) JOIN(a, b)
#define SYMBOL(name) PASTE(name, _attnc_model)
#define TEXT(name) #name
#define STRING(name) TEXT(name)
enum { WIDTH = 5, IDS = 4, LIMIT = 100, MAX_BATCH = 8 };

#ifdef UNDEFINED
extern void no_such_function(void);
#endif

typedef struct Closure {
  const void *const *inputs;
  void *const *outputs;
  const float *scale;
} Closure;

static int32_t row(void *context, int32_t index, uint8_t *bytes) {
  const Closure *c = (const Closure *)bytes;
  const float *x = (const float *)c->inputs[0] + index * WIDTH;
  float *y = (float *)c->outputs[0] + index * WIDTH;
  float *slice = attnc_rt_malloc(context, sizeof(float));
  if (!slice)
    return -1;
  *slice = 0;
  if (INPUTS > 1)
    for (int i = 0; i < IDS; ++i)
      *slice += (float)((const int32_t *)c->inputs[1])[index * IDS + i];
  for (int i = 0; i < WIDTH; ++i)
    y[i] = x[i] * c->scale[i] + *slice;
  if (OUTPUTS > 1) {
    const uint8_t *flags = (const uint8_t *)c->inputs[2] + index * IDS;
    ((float *)c->outputs[1])[index] = (float)(flags[0] + flags[1] + flags[2] + flags[3]);
  }
  attnc_rt_free(context, slice);
  return 0;
}

static int32_t entry(void *context, const void *const *inputs, void *const *outputs, const void *weights, void *arena,
                     int64_t first, int64_t batch) {
  Closure closure = {inputs, outputs, weights};
  (void)arena;
  (void)first;
#ifdef UNDEFINED
  no_such_function();
#endif
  return attnc_rt_parallel_for(context, row, 0, (int32_t)batch, (uint8_t *)&closure);
}

static const attnc_tensor_info inputs[] = {{"x", ATTNC_F32, 2, {-1, WIDTH}, 0},
                                           {"ids", ATTNC_I32, 2, {-1, IDS}, LIMIT},
                                           {"flags", ATTNC_BOOL, 2, {-1, IDS}, 0}};
static const attnc_tensor_info outputs[] = {{"y", ATTNC_F32, 2, {-1, WIDTH}, 0}, {"count", ATTNC_F32, 1, {-1}, 0}};
static const attnc_tensor_info weights[] = {{"layer.scale", ATTNC_F32, 1, {WIDTH}, 0}};
static const attnc_pack_step steps[] = {{0, ATTNC_PACK_COPY, 0, 1, WIDTH, WIDTH, 1, 0, 0, 0, 0}};
#ifndef HANDED_OVER
static const struct {
  float scale[16];
  uint8_t padding[PADDING + 64];
} image __attribute__((aligned(64))) = {{1, 2, 3, 4, 5}, {1}};
#endif

static const attnc_variant variant = {.cpu = "test", .cpu_features = FEATURES, .scratch_size = 64, .entry = entry};

const attnc_model SYMBOL(NAME) = {
    .abi_version = ABI,
    .name = STRING(NAME),
    .compiler = "attnc test",
    .num_inputs = INPUTS,
    .num_outputs = OUTPUTS,
    .num_weights = 1,
    .num_pack_steps = 1,
    .inputs = inputs,
    .outputs = outputs,
    .weights = weights,
    .pack_steps = steps,
#ifndef HANDED_OVER
    .weights_image = &image,
#endif
    .weights_image_size = 64,
    .min_batch = 1,
    .max_batch = MAX_BATCH,
    .num_variants = 1,
    .variants = &variant,
};
