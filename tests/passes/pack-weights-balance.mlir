// RUN: attnc-opt --attnc-pack-weights --verify-diagnostics %s

// A balance whose values are not known divides nothing.
attn.parameter @w : tensor<16x4xf32>
attn.parameter @b : tensor<4xf32>
func.func @unknown(%x: tensor<2x4xf32>) -> tensor<2x16xf32> {
  %w = attn.weight @w : tensor<16x4xf32>
  %b = attn.weight @b : tensor<4xf32>
  // expected-error@+1 {{a matmul's balance must be an attn.constant for its weight to be packed}}
  %0 = call @matmul_0(%x, %w, %b) : (tensor<2x4xf32>, tensor<16x4xf32>, tensor<4xf32>) -> tensor<2x16xf32>
  return %0 : tensor<2x16xf32>
}
func.func private @matmul_0(%x: tensor<2x4xf32>, %w: tensor<16x4xf32>, %b: tensor<4xf32>) -> tensor<2x16xf32> attributes {attn.kind = #attn<kernel_kind matmul>} {
  %0 = attn.matmul %x, %w balance %b {precision = #attn<precision int8>, transpose_rhs} : (tensor<2x4xf32>, tensor<16x4xf32>, tensor<4xf32>) -> tensor<2x16xf32>
  return %0 : tensor<2x16xf32>
}
