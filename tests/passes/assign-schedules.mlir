// RUN: attnc-opt --attnc-assign-schedules="vector-bytes=64 registers=32 l2-bytes=1048576" %s | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: attnc-opt --attnc-assign-schedules %s | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: attnc-opt --attnc-assign-schedules=block-keys=16 %s | FileCheck %s --check-prefixes=CHECK,BLOCKS
// RUN: not attnc-opt --attnc-assign-schedules=block-keys=8 %s 2>&1 | FileCheck %s --check-prefix=EIGHT
// EIGHT: block-keys is a multiple of 16, 0 or -1, not 8

// Each kind gets its attribute; the numbers are Schedules.cpp's, which the unit tests check. A schedule that is there stays.
// CHECK-LABEL: func.func private @matmul_0
// AVX512-SAME: attn.schedule = #attn.matmul_schedule<tile_rows = 8, tile_cols = 32,
// AVX2-SAME: attn.schedule = #attn.matmul_schedule<tile_rows = 6, tile_cols = 16,
func.func private @matmul_0(%x: tensor<?x128x768xf32>, %w: tensor<768x768xf32>) -> tensor<?x128x768xf32> attributes {attn.kind = #attn<kernel_kind matmul>} {
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x128x768xf32>, tensor<768x768xf32>) -> tensor<?x128x768xf32>
  return %0 : tensor<?x128x768xf32>
}
// A norm takes whole rows.
// CHECK-LABEL: func.func private @matmul_1
// CHECK-SAME: attn.schedule = #attn.matmul_schedule<{{.*}}task_cols = 0>
func.func private @matmul_1(%x: tensor<?x128x768xf32>, %w: tensor<768x768xf32>) -> tensor<?x128x768xf32> attributes {attn.kind = #attn<kernel_kind matmul>} {
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x128x768xf32>, tensor<768x768xf32>) -> tensor<?x128x768xf32>
  %1 = attn.layernorm %0 {eps = 1.0e-5} : (tensor<?x128x768xf32>) -> tensor<?x128x768xf32>
  return %1 : tensor<?x128x768xf32>
}
// CHECK-LABEL: func.func private @attention_0
// AVX512-SAME: attn.schedule = #attn.attention_schedule<tile_queries = 10, tile_cols = 32, task_queries = 0>
// AVX2-SAME: attn.schedule = #attn.attention_schedule<tile_queries = 5, tile_cols = 16, task_queries = 0>
// BLOCKS-SAME: attn.schedule = #attn.attention_schedule<tile_queries = 5, tile_cols = 16, task_queries = 0, block_keys = 16, block_queries = 4>
func.func private @attention_0(%q: tensor<12x20x64xf32>) -> tensor<12x20x64xf32> attributes {attn.kind = #attn<kernel_kind attention>} {
  %0 = attn.attention %q, %q, %q {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %true = arith.constant true
      attn.score %dot, %true
  } : (tensor<12x20x64xf32>, tensor<12x20x64xf32>, tensor<12x20x64xf32>) -> tensor<12x20x64xf32>
  return %0 : tensor<12x20x64xf32>
}
// Blocks of keys where keys and values of a head are too many; not where the weights are a result, whose sum is a row's.
// CHECK-LABEL: func.func private @attention_1
// AVX512-SAME: block_keys = 512, block_queries = 1>
// AVX2-SAME: block_keys = 512, block_queries = 1>
func.func private @attention_1(%q: tensor<1x4x64xf32>, %k: tensor<1x20000x64xf32>) -> tensor<1x4x64xf32> attributes {attn.kind = #attn<kernel_kind attention>} {
  %0 = attn.attention %q, %k, %k {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %true = arith.constant true
      attn.score %dot, %true
  } : (tensor<1x4x64xf32>, tensor<1x20000x64xf32>, tensor<1x20000x64xf32>) -> tensor<1x4x64xf32>
  return %0 : tensor<1x4x64xf32>
}
// CHECK-LABEL: func.func private @attention_2
// CHECK-SAME: task_queries = 0>
func.func private @attention_2(%q: tensor<1x4x64xf32>, %k: tensor<1x20000x64xf32>) -> (tensor<1x4x64xf32>, tensor<1x4x20000xf32>) attributes {attn.kind = #attn<kernel_kind attention>} {
  %0:2 = attn.attention %q, %k, %k attributes {returns_weights} {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %true = arith.constant true
      attn.score %dot, %true
  } : (tensor<1x4x64xf32>, tensor<1x20000x64xf32>, tensor<1x20000x64xf32>) -> (tensor<1x4x64xf32>, tensor<1x4x20000xf32>)
  return %0#0, %0#1 : tensor<1x4x64xf32>, tensor<1x4x20000xf32>
}
// CHECK-LABEL: func.func private @rowwise_0
// CHECK-SAME: attn.schedule = #attn.rowwise_schedule<task_rows = 0>
func.func private @rowwise_0(%x: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}
// CHECK-LABEL: func.func private @rowwise_1
// CHECK-SAME: attn.schedule = #attn.rowwise_schedule<task_rows = 77>
func.func private @rowwise_1(%x: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {attn.kind = #attn<kernel_kind rowwise>, attn.schedule = #attn.rowwise_schedule<task_rows = 77>} {
  %0 = attn.activation relu %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}
