// RUN: attnc-opt --attnc-assign-precision="precision=int8" %s | FileCheck %s
// RUN: attnc-opt --attnc-assign-precision="precision=bf16" %s | FileCheck %s --check-prefix=BF16
// RUN: attnc-opt --attnc-pipeline="precision=int8" %s | FileCheck %s --check-prefix=PACKED

// What reads the rows of a norm is balanced, moved or not; what reads other rows, or has a balance for other extents, is not.
// CHECK-NOT: attn.balance
// CHECK-LABEL: func.func @main
// CHECK: %[[NORM:.+]] = attn.layernorm
// CHECK: %[[BALANCE:.+]] = attn.constant dense<[5.000000e-01, 1.000000e+00, 2.000000e+00, 4.000000e+00]>
// CHECK: attn.matmul %[[NORM]], %{{.+}} balance %[[BALANCE]] {precision = #attn<precision int8>, transpose_rhs}
// CHECK: %[[MOVED:.+]] = attn.transpose
// CHECK: attn.matmul %[[MOVED]], %{{.+}} balance %{{.+}} {precision = #attn<precision int8>, transpose_rhs}
// CHECK: attn.rmsnorm
// CHECK: attn.matmul %{{.+}}, %{{.+}} {precision = #attn<precision int8>, transpose_rhs} : (tensor<2x3x4xf32>, tensor<16x4xf32>)
// CHECK: attn.matmul %{{.+}}, %{{.+}} {precision = #attn<precision int8>, transpose_rhs} : (tensor<2x3x4xf32>, tensor<16x4xf32>)

// Others have no use for it.
// BF16-NOT: balance
// BF16: return

// A weight is in the image once for each balance that it has.
// PACKED: attn.packed {balance = dense<[5.000000e-01, 1.000000e+00, 2.000000e+00, 4.000000e+00]> : tensor<4xf32>, offset = [[AT:[0-9]+]] : i64, {{.*}} : tensor<16x4xf32, #attn.panels<16, int8>>
// PACKED: attn.packed {offset = {{[0-9]+}} : i64, {{.*}} : tensor<16x4xf32, #attn.panels<16, int8>>
// PACKED: func.func private @matmul_0({{.*}}: tensor<2x3x4xf32>, {{.*}}: tensor<16x4xf32, #attn.panels<16, int8>>, {{.*}}: tensor<4xf32>)
module attributes {attn.balance = {norm.weight = dense<[0.5, 1.0, 2.0, 4.0]> : tensor<4xf32>, other.weight = dense<1.0> : tensor<3xf32>}} {
  attn.parameter @w : tensor<16x4xf32>
  attn.parameter @norm.weight : tensor<4xf32>
  attn.parameter @other.weight : tensor<4xf32>
  func.func @main(%x: tensor<2x3x4xf32>) -> (tensor<2x3x16xf32>, tensor<3x2x16xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>) {
    %w = attn.weight @w : tensor<16x4xf32>
    %scale = attn.weight @norm.weight : tensor<4xf32>
    %other = attn.weight @other.weight : tensor<4xf32>
    %norm = attn.layernorm %x weight %scale {eps = 1.0e-5} : (tensor<2x3x4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
    %0 = attn.matmul %norm, %w {transpose_rhs} : (tensor<2x3x4xf32>, tensor<16x4xf32>) -> tensor<2x3x16xf32>
    %moved = attn.transpose %norm {permutation = array<i64: 1, 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
    %1 = attn.matmul %moved, %w {transpose_rhs} : (tensor<3x2x4xf32>, tensor<16x4xf32>) -> tensor<3x2x16xf32>
    %rms = attn.rmsnorm %x weight %other {eps = 1.0e-5} : (tensor<2x3x4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
    %2 = attn.matmul %rms, %w {transpose_rhs} : (tensor<2x3x4xf32>, tensor<16x4xf32>) -> tensor<2x3x16xf32>
    %3 = attn.matmul %x, %w {transpose_rhs} : (tensor<2x3x4xf32>, tensor<16x4xf32>) -> tensor<2x3x16xf32>
    return %0, %1, %2, %3 : tensor<2x3x16xf32>, tensor<3x2x16xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>
  }
}
