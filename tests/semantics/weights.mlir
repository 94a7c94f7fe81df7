// RUN: attnc-opt --run-reference %s | FileCheck %s

attn.parameter @w {attn.value = dense<[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]> : tensor<2x3xf32>} : tensor<2x3xf32>
attn.parameter @b {attn.value = dense<[6.0, 7.0]> : tensor<2xf32>} : tensor<2xf32>

// CHECK: weight: as expected
func.func @weight() -> (tensor<2x3xf32>, tensor<2xi1>, tensor<2xi64>)
    attributes {attn.expected = [dense<[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]> : tensor<2x3xf32>, dense<[true, false]> : tensor<2xi1>,
                                 dense<[-5, 9007199254740992]> : tensor<2xi64>]} {
  %0 = attn.weight @w : tensor<2x3xf32>
  %1 = attn.constant dense<[true, false]> : tensor<2xi1>
  %2 = attn.constant dense<[-5, 9007199254740992]> : tensor<2xi64>
  return %0, %1, %2 : tensor<2x3xf32>, tensor<2xi1>, tensor<2xi64>
}

// The transposed rows of @w, then a constant row: pieces in any order. The encoding says nothing of the values.
// CHECK: packed_matrix: as expected
func.func @packed_matrix() -> tensor<4x2xf32, #attn.panels<16>>
    attributes {attn.expected = [dense<[[0.0, 3.0], [1.0, 4.0], [2.0, 5.0], [8.0, 9.0]]> : tensor<4x2xf32>]} {
  %0 = attn.packed {offset = 64 : i64, pieces = [
      #attn.piece<parameter = "", constant = dense<[8.0, 9.0]> : tensor<2xf32>, offset = 0, rows = 1, cols = 2, stride_row = 2,
                  stride_col = 1, first = 3>,
      #attn.piece<parameter = "w", offset = 0, rows = 3, cols = 2, stride_row = 1, stride_col = 3, first = 0>]}
      : tensor<4x2xf32, #attn.panels<16>>
  return %0 : tensor<4x2xf32, #attn.panels<16>>
}

// A vector: `first` counts elements.
// CHECK: packed_vector: as expected
func.func @packed_vector() -> tensor<5xf32> attributes {attn.expected = [dense<[3.0, 4.0, 5.0, 6.0, 7.0]> : tensor<5xf32>]} {
  %0 = attn.packed {offset = 0 : i64, pieces = [
      #attn.piece<parameter = "w", offset = 3, rows = 1, cols = 3, stride_row = 3, stride_col = 1, first = 0>,
      #attn.piece<parameter = "b", offset = 0, rows = 2, cols = 1, stride_row = 1, stride_col = 1, first = 3>]} : tensor<5xf32>
  return %0 : tensor<5xf32>
}
