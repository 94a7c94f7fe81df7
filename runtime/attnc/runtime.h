/* attnc runtime: the C ABI behind every kernel.h that attnc generates.
 *
 * Part of the attnc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * C99 and C++17. A model is a read-only `attnc_model` in the object file that attnc emitted. The caller initialises
 * an `attnc_instance` from it once, then calls attnc_run() as often as it likes, from as many threads as it likes, with
 * one workspace per concurrent call. The caller owns all memory: inputs, outputs, workspace and, where the weights are
 * neither embedded in the object nor mapped from a file, the weights image. attnc_run() allocates nothing and never
 * aborts.
 *
 * Tensors are dense, row-major (the last dimension is contiguous), aligned to their element type. A shape entry of -1
 * is the batch, given to attnc_run(). bool tensors hold one byte per element, 0 or not 0.
 */
#ifndef ATTNC_RUNTIME_H
#define ATTNC_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when the layout or meaning of anything below changes; attnc_init() compares. */
#define ATTNC_ABI_VERSION 8u
#define ATTNC_MAX_RANK 8
/* Alignment in bytes of the weights image, the workspace and every tensor inside them. */
#define ATTNC_ALIGNMENT 64u

typedef enum attnc_status {
  ATTNC_OK = 0,
  ATTNC_ERROR_ARGUMENT = 1,  /* a null or misaligned pointer, a batch out of range, an output that overlaps something */
  ATTNC_ERROR_ABI = 2,       /* the object was compiled for another version of this header */
  ATTNC_ERROR_CPU = 3,       /* this CPU lacks instruction sets that the model's kernels need */
  ATTNC_ERROR_WEIGHTS = 4,   /* a weight is missing or not of the expected dtype and shape; the image is too small; a
                                weights file that cannot be read or is not the model's */
  ATTNC_ERROR_WORKSPACE = 5, /* the workspace is smaller than attnc_workspace_size() */
  ATTNC_ERROR_INDEX = 6,     /* an index (a token id) is outside its table */
  ATTNC_ERROR_THREADS = 7,   /* threads could not be started */
  ATTNC_ERROR_KERNEL = 8,    /* the executor or a kernel reported failure */
  ATTNC_ERROR_MASK = 9       /* a query sees no key, which the model takes for an error (fully_masked) */
} attnc_status;

/* Filled when a call fails (and cleared when it succeeds); every function takes NULL where no message is wanted. */
typedef struct attnc_error {
  attnc_status status;
  char message[252]; /* one line, zero-terminated */
} attnc_error;

/* "ok", "argument", "abi" ...: a name for logs, never NULL. */
const char *attnc_status_name(attnc_status status);

typedef enum attnc_dtype {
  ATTNC_F32 = 0,
  ATTNC_I32 = 1,
  ATTNC_I64 = 2,
  ATTNC_BOOL = 3, /* one byte */
  ATTNC_F64 = 4,
  ATTNC_F16 = 5,
  ATTNC_BF16 = 6,
  ATTNC_I8 = 7,
  ATTNC_U8 = 8
} attnc_dtype;

/* Bytes per element; 0 for a value that is no dtype. */
size_t attnc_dtype_size(attnc_dtype dtype);

/* An input, output or weight as the compiler saw it. */
typedef struct attnc_tensor_info {
  const char *name;
  attnc_dtype dtype;
  int32_t rank;
  int64_t shape[ATTNC_MAX_RANK]; /* -1: the batch */
  int64_t index_limit; /* > 0: every element must lie in [0, index_limit); attnc_run() checks before it writes */
  int32_t is_state; /* 1: an output that is read too, such as a cache of keys and values. The caller keeps it from run
                       to run, one for each sequence (or batch of them); what it holds at first does not matter */
  int32_t reserved; /* 0 */
} attnc_tensor_info;

/* How a piece of a weight gets into the weights image. One table serves the compiler (embedded weights) and
 * attnc_init() (weights handed over by the caller), so both make the same bytes. Elements are f32. */
typedef enum attnc_pack_kind {
  /* rows*cols elements: image[dst + i] = source[src_offset + i]; stride_row == cols. */
  ATTNC_PACK_COPY = 0,
  /* A matmul operand in panels: element (n, k), 0 <= n < rows, 0 <= k < cols, read at
   * source[src_offset + n*stride_row + k*stride_col], goes to dst + ((first+n)/panel*cols + k)*panel + (first+n)%panel.
   */
  ATTNC_PACK_PANEL = 1,
  /* The same rounded to bfloat16 (to nearest even), of 2 bytes, two k side by side: with p = (first+n)/panel and
   * i = (first+n)%panel, element (n, k) goes to byte dst + ((p*ceil(cols/2) + k/2)*panel + i)*4 + k%2*2. */
  ATTNC_PACK_PANEL_BF16 = 2,
  /* The same as integers of 1 byte, four k side by side, with a scale for each n, of rotated rows. Of the powers of two
   * that divide cols, J is the largest up to 4, and W, of those that divide cols/J, the largest up to 16. A row counts
   * as x[w][i][j] of extents W, cols/W/J and J. It is multiplied along w, then along j, by the Hadamard matrix
   * (-1)^popcount(a & b), in f32: sums and differences of elements half the extent apart, a quarter, ... With a the
   * largest magnitude of a rotated row: x becomes the integer nearest to x * (127 / a), ties to even, and goes to byte
   * P + (k/4*panel + i)*4 + k%4, where P = dst + p*(ceil(cols/4) + 2)*panel*4. Behind the panel's integers, at S = P +
   * ceil(cols/4)*panel*4, lie the f32 scale a / 127 / (W*J) at S + i*4 and, at S + (panel + i)*4, as i32, -128 times
   * the sum of the row's integers. A row with a < 2^-100 becomes zeros, one with a NaN or an infinity gets the scale
   * NaN. */
  ATTNC_PACK_PANEL_I8 = 3,
  /* The same of rows whose element k is divided by constants[balance + k], in f32. */
  ATTNC_PACK_PANEL_I8_BALANCED = 4
} attnc_pack_kind;

typedef struct attnc_pack_step {
  int32_t weight; /* index into attnc_model.weights; -1: attnc_model.constants */
  attnc_pack_kind kind;
  int64_t src_offset;             /* elements */
  int64_t rows, cols;             /* elements */
  int64_t stride_row, stride_col; /* elements, in the source */
  uint64_t dst;    /* bytes from the start of the image; PANEL with panel > 1: a multiple of ATTNC_ALIGNMENT */
  int64_t first;   /* PANELs: the row of the packed matrix where this piece begins */
  int64_t panel;   /* PANELs: columns of a panel */
  int64_t balance; /* PANEL_I8_BALANCED: elements into attnc_model.constants */
} attnc_pack_step;

/* A model that was compiled for several extents of one named dimension (`attnc --dim seq=32,64,128`) has a bucket for
 * each: the same weights image, and shapes and code of its own. */
typedef struct attnc_bucket {
  int64_t extent;                   /* of attnc_model.bucket_dim */
  const attnc_tensor_info *inputs;  /* attnc_model.inputs, with the shapes of this bucket */
  const attnc_tensor_info *outputs; /* attnc_model.outputs, in the same way */
} attnc_bucket;

/* The code of a model for one CPU, and for one bucket where there are any. */
typedef struct attnc_variant {
  const char *cpu;           /* as `attnc --cpu` names it: "x86-64-v3" */
  const char *cpu_features;  /* space-separated, as GCC's __builtin_cpu_supports names them: "avx2 fma"; "" for none */
  uint64_t arena_size_fixed; /* bytes of activations that do not depend on the batch */
  uint64_t arena_size_per_batch; /* bytes of activations per batch element */
  uint64_t scratch_size;         /* bytes that each worker's kernels may take at once */
  /* > 0: a run takes a large batch in passes, so that the activations of a pass stay in the caches; each has at least
   * `microbatch` batch elements for each thread. At most 2^30. 0: all of the batch at once. */
  int64_t microbatch;
  /* The generated host entry for the batch elements from `first` on, `batch` of them; without a microbatch `first` is
   * 0. `inputs` and `outputs` are those of the whole batch. `weights` is the image, `arena` has arena_size_fixed +
   * batch*arena_size_per_batch bytes; `context` is handed back to attnc_rt_*. Returns 0, or what a kernel returned. */
  int32_t (*entry)(void *context, const void *const *inputs, void *const *outputs, const void *weights, void *arena,
                   int64_t first, int64_t batch);
} attnc_variant;

/* A compiled model, in the read-only data of kernel.o; its symbol is <name>_attnc_model. Private to the runtime but for
 * name, inputs, outputs, weights, max_batch and the buckets. */
typedef struct attnc_model {
  uint32_t abi_version;
  uint32_t reserved;
  const char *name;
  const char *compiler; /* "attnc <version>" */
  int32_t num_inputs, num_outputs, num_weights, num_pack_steps;
  const attnc_tensor_info *inputs;  /* of the largest bucket, where there are any */
  const attnc_tensor_info *outputs; /* in the same way */
  const attnc_tensor_info *weights; /* what the caller hands over; also listed when the weights are embedded */
  const attnc_pack_step *pack_steps;
  const void *constants;         /* f32 values that the compiler made, source of steps with weight == -1 */
  const void *weights_image;     /* embedded image, or NULL: in a file, or packed by attnc_init() */
  uint64_t weights_image_size;   /* bytes; bytes that no step writes are zero */
  uint64_t weights_hash;         /* of the image in the weights file that belongs to the object; 0: there is none */
  int64_t min_batch, max_batch;  /* both 1 where the model has no batch dimension */
  int32_t num_variants;          /* >= 1 */
  const attnc_variant *variants; /* the most demanding CPU first; the same weights image and results for all. Of each
                                    CPU one for each bucket, in their order */
  int32_t num_buckets;           /* 0: all shapes are those of inputs and outputs; else >= 2 */
  const char *bucket_dim;        /* "seq"; NULL without buckets */
  const attnc_bucket *buckets;   /* ascending */
} attnc_model;

/* --- threads --------------------------------------------------------------------------------------------------- */

/* One piece of parallel work. `worker` is in [0, executor.threads); no two tasks that run at the same time may be given
 * the same worker. */
typedef void (*attnc_task)(void *context, int32_t index, int32_t worker);

/* Threads as a run sees them. Fill one in to run on a pool of the caller's own; results do not depend on it. */
typedef struct attnc_executor {
  void *state;
  int32_t threads; /* >= 1 */
  /* Calls task(context, i, worker) for every i in [0, count), in any order, on any thread, and returns when all are
   * done. 0, or not 0 when some task was not called. */
  int32_t (*parallel_for)(void *state, int32_t count, attnc_task task, void *context);
} attnc_executor;

/* A pool made by the runtime: threads - 1 threads beside the caller's own. */
typedef struct attnc_pool attnc_pool;

/* threads: 0 for one per CPU this process may run on; at most 1024. NULL on failure. The caller destroys it, after its
 * last run. */
attnc_pool *attnc_pool_create(int32_t threads, attnc_error *error);
void attnc_pool_destroy(attnc_pool *pool); /* NULL is fine */
/* The executor of a pool; valid as long as the pool. Several runs may share it: while one run's loop holds the threads,
 * the others run theirs on their calling thread. A child made by fork() has none of the threads: there every loop runs
 * on its calling thread. */
attnc_executor attnc_pool_executor(attnc_pool *pool);

/* --- models ---------------------------------------------------------------------------------------------------- */

/* A weight handed over by the caller, under its PyTorch parameter name. */
typedef struct attnc_weight {
  const char *name;
  attnc_dtype dtype;
  int32_t rank;
  int64_t shape[ATTNC_MAX_RANK];
  const void *data; /* dense, row-major, of any alignment */
} attnc_weight;

/* Weights for a model without an embedded image: filled by attnc_map_weights(), or by the caller, who leaves what he
 * does not use zero. Read during attnc_init() only, but for `image` and the mapping. */
typedef struct attnc_weights {
  const attnc_weight *items;
  size_t count; /* extra weights are ignored; names occur once */
  void *image;  /* model->weights_image_size bytes, aligned to ATTNC_ALIGNMENT, kept by the caller as long as the
                   instance */
  size_t image_size;
  const void *mapping; /* of a weights file; then items and image are not read */
  size_t mapping_size;
} attnc_weights;

/* Maps the weights file that attnc wrote beside the model's object (`attnc --weights external`), read-only: processes
 * that map one file share its memory, and a page is read when a kernel first needs it. Fills *weights for attnc_init().
 * The file's header is checked against the model, and its size; its contents are not read (attnc_check_weights()). The
 * file may be replaced by another one while it is mapped, as attnc does, but not be written to or cut short. */
attnc_status attnc_map_weights(attnc_weights *weights, const attnc_model *model, const char *path, attnc_error *error);
/* Ends the mapping, after the last run of the instances that were initialised with it. NULL and weights that are not
 * mapped are fine. */
void attnc_unmap_weights(attnc_weights *weights);
/* Reads the whole mapping and compares it with the model's hash: to find out whether a file is damaged. */
attnc_status attnc_check_weights(const attnc_weights *weights, const attnc_model *model, attnc_error *error);

/* A model that is ready to run. Holds no resources; copy it freely, there is nothing to destroy. */
typedef struct attnc_instance {
  const attnc_model *model;
  const attnc_variant *variant; /* what attnc_run() runs; its `cpu` is there to be shown */
  const void *weights;
} attnc_instance;

/* Checks that ABI, CPU and weights fit, chooses the first CPU's variant that this CPU can run, of the largest bucket,
 * packs the weights where they are handed over. `weights` may be NULL where the object embeds them. On failure
 * *instance cannot be run. */
attnc_status attnc_init(attnc_instance *instance, const attnc_model *model, const attnc_weights *weights,
                        attnc_error *error);

/* Makes an initialised instance run the variant for `cpu`, a name given to `attnc --cpu`, instead of the one that
 * attnc_init() chose: to find out which code a fault or a time belongs to. Other instances, copies of this one too,
 * keep theirs. ATTNC_ERROR_ARGUMENT where the model has no such variant, ATTNC_ERROR_CPU where this CPU cannot run it;
 * then *instance stays as it is. */
attnc_status attnc_select_cpu(attnc_instance *instance, const char *cpu, attnc_error *error);

/* The extent of the smallest bucket that holds `extent`: what to pad to. 0 where none does, or the model has no
 * buckets. */
int64_t attnc_bucket_for(const attnc_model *model, int64_t extent);

/* Makes an initialised instance run the bucket of exactly this extent: inputs and outputs of attnc_run() then have its
 * shapes. An instance costs nothing to copy: one for each bucket, from one attnc_init(), may run at the same time.
 * ATTNC_ERROR_ARGUMENT where the model has no such bucket; then *instance stays as it is. */
attnc_status attnc_select_bucket(attnc_instance *instance, int64_t extent, attnc_error *error);

/* Bytes of workspace that a run with this batch on this many threads needs, whichever variant runs; 0 for arguments out
 * of range. */
size_t attnc_workspace_size(const attnc_model *model, int64_t batch, int32_t threads);

/* Runs the model. inputs and outputs are in the order of model->inputs and model->outputs; they must not overlap.
 * workspace is aligned to ATTNC_ALIGNMENT and used by this call alone. executor NULL: on the calling thread.
 * Nothing is written to the outputs unless all checks pass (after ATTNC_ERROR_KERNEL and ATTNC_ERROR_MASK they hold
 * anything). The bits of the result do not depend on the executor. */
attnc_status attnc_run(const attnc_instance *instance, const void *const *inputs, void *const *outputs, int64_t batch,
                       void *workspace, size_t workspace_size, const attnc_executor *executor, attnc_error *error);

/* --- called by generated code only ------------------------------------------------------------------------------ */

/* Halide's task and parallel loop; `context` reaches the task as the context of the worker that runs it. */
typedef int32_t (*attnc_rt_task)(void *context, int32_t index, uint8_t *closure);
int32_t attnc_rt_parallel_for(void *context, attnc_rt_task task, int32_t min, int32_t extent, uint8_t *closure);
/* A slice of the worker's scratch, aligned to ATTNC_ALIGNMENT; at most 64 are alive at once. Slices may be freed in any
 * order, but the room of one comes back only when all that were taken after it are freed too: the compiler sizes the
 * scratch for that, each slice rounded up to ATTNC_ALIGNMENT. NULL means a bug of the compiler, and the run fails. */
void *attnc_rt_malloc(void *context, uint64_t size);
void attnc_rt_free(void *context, void *pointer);
/* The run fails with this attnc_status; the kernel goes on, to no purpose. */
void attnc_rt_fail(void *context, int32_t status);

#ifdef __cplusplus
}
#endif
#endif /* ATTNC_RUNTIME_H */
