// RUN: attnc-opt --run-reference %s | FileCheck %s

// CHECK: axes: as expected
func.func @axes(%x: tensor<2x3xf32> {attn.value = dense<[[1.0, 2.0, 4.0], [-1.0, 0.5, 3.0]]> : tensor<2x3xf32>})
    -> (tensor<2x3xf32>, tensor<2x3xf32>)
    attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[0.042010066, 0.114195199, 0.843794734], [0.016644519, 0.074595557, 0.908759924]]> : tensor<2x3xf32>,
        dense<[[0.880797078, 0.817574476, 0.731058579], [0.119202922, 0.182425524, 0.268941421]]> : tensor<2x3xf32>]} {
  %0 = attn.softmax %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = attn.softmax %x {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0, %1 : tensor<2x3xf32>, tensor<2x3xf32>
}

// Rows: exp would overflow; all equal; one element masked; NaN among -inf is not fully masked; +inf; one row of -0.
// CHECK: edges: as expected
func.func @edges(%x: tensor<6x2xf32> {attn.value = dense<[[95.0, 94.0], [3.0e38, 3.0e38], [1.0, 0xFF800000],
        [0xFF800000, 0x7FC00000], [0.0, 0x7F800000], [-0.0, 0.0]]> : tensor<6x2xf32>}) -> tensor<6x2xf32>
    attributes {attn.expected = [dense<[[0.731058579, 0.268941421], [0.5, 0.5], [1.0, 0.0], [0x7FC00000, 0x7FC00000],
        [0x7FC00000, 0x7FC00000], [0.5, 0.5]]> : tensor<6x2xf32>]} {
  %0 = attn.softmax %x {axis = 1 : i64} : (tensor<6x2xf32>) -> tensor<6x2xf32>
  return %0 : tensor<6x2xf32>
}

// A fully masked row is +0 or NaN; the row beside it is not touched.
// CHECK: fully_masked: as expected
func.func @fully_masked(%x: tensor<2x2xf32> {attn.value = dense<[[0xFF800000, 0xFF800000], [0.0, 0.0]]> : tensor<2x2xf32>})
    -> (tensor<2x2xf32>, tensor<2x2xf32>)
    attributes {attn.expected = [dense<[[0.0, 0.0], [0.5, 0.5]]> : tensor<2x2xf32>,
                                 dense<[[0x7FC00000, 0x7FC00000], [0.5, 0.5]]> : tensor<2x2xf32>]} {
  %0 = attn.softmax %x {axis = 1 : i64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = attn.softmax %x {axis = 1 : i64, fully_masked = #attn<fully_masked nan>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<2x2xf32>
}

// One element is 1 whatever it is; no element is no element.
// CHECK: small: as expected
func.func @small(%x: tensor<2x1xf32> {attn.value = dense<[[-1.0e38], [7.0]]> : tensor<2x1xf32>},
                 %y: tensor<2x0xf32> {attn.value = dense<> : tensor<2x0xf32>}) -> (tensor<2x1xf32>, tensor<2x0xf32>)
    attributes {attn.expected = [dense<1.0> : tensor<2x1xf32>, dense<> : tensor<2x0xf32>]} {
  %0 = attn.softmax %x {axis = 1 : i64} : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %1 = attn.softmax %y {axis = 1 : i64} : (tensor<2x0xf32>) -> tensor<2x0xf32>
  return %0, %1 : tensor<2x1xf32>, tensor<2x0xf32>
}
