// RUN: attnc-opt --attnc-assign-precision="precision=int8 explain" --split-input-file --verify-diagnostics %s | FileCheck %s

// A matmul by a weight, the product of two activations, and one that has its precision already.
attn.parameter @w : tensor<24x8xf32>
attn.parameter @v : tensor<24x8xf32>
// CHECK-LABEL: func.func @weights_alone
// CHECK: attn.matmul %{{.+}}, %[[W:.+]] {precision = #attn<precision int8>, transpose_rhs} : (tensor<4x8xf32>, tensor<24x8xf32>)
// CHECK: attn.matmul %{{.+}}, %{{.+}} {precision = #attn<precision bf16>, transpose_rhs} : (tensor<4x8xf32>, tensor<24x8xf32>)
// CHECK: attn.matmul %{{.+}}, %{{.+}} {transpose_rhs} : (tensor<4x24xf32>, tensor<4x24xf32>)
func.func @weights_alone(%x: tensor<4x8xf32>) -> tensor<4x4xf32> {
  %w = attn.weight @w : tensor<24x8xf32>
  %v = attn.weight @v : tensor<24x8xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<4x8xf32>, tensor<24x8xf32>) -> tensor<4x24xf32>
  %1 = attn.matmul %x, %v {precision = #attn<precision bf16>, transpose_rhs} : (tensor<4x8xf32>, tensor<24x8xf32>) -> tensor<4x24xf32>
  %2 = attn.matmul %0, %1 {transpose_rhs} : (tensor<4x24xf32>, tensor<4x24xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

// Must not be rounded because it is narrow.
attn.parameter @w : tensor<15x8xf32>
// CHECK-LABEL: func.func @narrow
// CHECK: attn.matmul %{{.+}}, %{{.+}} {transpose_rhs} :
func.func @narrow(%x: tensor<4x8xf32>) -> tensor<4x15xf32> {
  %w = attn.weight @w : tensor<15x8xf32>
  // expected-remark@+1 {{stays f32: a result of 15 columns gains nothing}}
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<4x8xf32>, tensor<15x8xf32>) -> tensor<4x15xf32>
  return %0 : tensor<4x15xf32>
}

// -----

// Must not become int8 because its sums are long.
attn.parameter @w : tensor<16x65537xf32>
// CHECK-LABEL: func.func @long
// CHECK: attn.matmul %{{.+}}, %{{.+}} {transpose_rhs} :
func.func @long(%x: tensor<4x65537xf32>) -> tensor<4x16xf32> {
  %w = attn.weight @w : tensor<16x65537xf32>
  // expected-remark@+1 {{stays f32: a sum of 65537 products exceeds 32 bits}}
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<4x65537xf32>, tensor<16x65537xf32>) -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}
