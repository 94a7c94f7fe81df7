// RUN: attnc-opt --attnc-fuse-epilogue=epilogue=false %s | FileCheck %s

// Without epilogues a matmul is alone in its kernel.
attn.parameter @w : tensor<8x4xf32>
// CHECK-LABEL: func.func @activation
// CHECK: attn.group matmul
// CHECK: attn.matmul
// CHECK-NEXT: attn.yield
// CHECK: attn.group rowwise
// CHECK: attn.activation
func.func @activation(%x: tensor<20x4xf32>) -> tensor<20x8xf32> {
  %w = attn.weight @w : tensor<8x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<20x4xf32>, tensor<8x4xf32>) -> tensor<20x8xf32>
  %1 = attn.activation gelu %0 : (tensor<20x8xf32>) -> tensor<20x8xf32>
  return %1 : tensor<20x8xf32>
}
