// RUN: attnc-opt --attnc-assign-microbatch --split-input-file %s | FileCheck %s --check-prefixes=CHECK,COST
// RUN: attnc-opt --attnc-assign-microbatch=elements=3 --split-input-file %s | FileCheck %s --check-prefixes=CHECK,GIVEN
// RUN: attnc-opt --attnc-assign-microbatch=elements=0 --split-input-file %s | FileCheck %s --check-prefixes=CHECK,WHOLE
// RUN: not attnc-opt --attnc-assign-microbatch=elements=-2 %s 2>&1 | FileCheck %s --check-prefix=ERROR

// ERROR: elements is from 0 to 1073741824, or -1, not -2

// 2 rows of 1024 by 1 MiB of weights: 128 FLOPs for each of its bytes take 256 rows; 2 MiB of activations would take 64
// batch elements.
// CHECK-LABEL: func.func @weights
// COST-SAME: attn.microbatch = 128 : i64
// GIVEN-SAME: attn.microbatch = 3 : i64
// WHOLE-NOT: attn.microbatch
// CHECK: return
attn.parameter @w : tensor<1024x256xf32>
func.func @weights(%x: tensor<?x2x1024xf32>) -> tensor<?x2x1024xf32>
    attributes {attn.independent_batch, attn.arena_fixed = 0 : i64, attn.arena_per_batch = 32768 : i64} {
  %w = attn.packed {offset = 0 : i64, pieces = [
      #attn.piece<parameter = "w", offset = 0, rows = 1024, cols = 256, stride_row = 256, stride_col = 1, first = 0>]}
      : tensor<1024x256xf32>
  %0 = call @matmul_0(%x, %w) : (tensor<?x2x1024xf32>, tensor<1024x256xf32>) -> tensor<?x2x256xf32>
  return %x : tensor<?x2x1024xf32>
}
func.func private @matmul_0(%x: tensor<?x2x1024xf32>, %w: tensor<1024x256xf32>) -> tensor<?x2x256xf32> attributes {attn.kind = #attn<kernel_kind matmul>} {
  %0 = attn.matmul %x, %w : (tensor<?x2x1024xf32>, tensor<1024x256xf32>) -> tensor<?x2x256xf32>
  return %0 : tensor<?x2x256xf32>
}

// -----

// Activations decide where there are no weights.
// CHECK-LABEL: func.func @activations
// COST-SAME: attn.microbatch = 4 : i64
// GIVEN-SAME: attn.microbatch = 3 : i64
// WHOLE-NOT: attn.microbatch
// CHECK: return
func.func @activations(%x: tensor<?x8xf32>) -> tensor<?x8xf32>
    attributes {attn.independent_batch, attn.arena_fixed = 0 : i64, attn.arena_per_batch = 524288 : i64} {
  %0 = call @rowwise_0(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
func.func private @rowwise_0(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// One that keeps nothing between its kernels gains nothing.
// CHECK-LABEL: func.func @no_activations
// COST-NOT: attn.microbatch
// CHECK: return
func.func @no_activations(%x: tensor<?x8xf32>) -> tensor<?x8xf32>
    attributes {attn.independent_batch, attn.arena_fixed = 0 : i64, attn.arena_per_batch = 0 : i64} {
  return %x : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @dependent
// CHECK-NOT: attn.microbatch
// CHECK: return
func.func @dependent(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {attn.microbatch = 7 : i64, attn.arena_fixed = 0 : i64, attn.arena_per_batch = 524288 : i64} {
  return %x : tensor<?x8xf32>
}
