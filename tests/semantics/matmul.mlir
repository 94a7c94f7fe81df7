// RUN: attnc-opt --run-reference %s | FileCheck %s

// CHECK: plain: as expected
func.func @plain(%x: tensor<2x3xf32> {attn.value = dense<[[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]]> : tensor<2x3xf32>},
                 %y: tensor<3x2xf32> {attn.value = dense<[[1.0, 0.0], [2.0, -1.0], [0.5, 4.0]]> : tensor<3x2xf32>})
    -> tensor<2x2xf32> attributes {attn.expected = [dense<[[6.5, 10.0], [0.0, -0.5]]> : tensor<2x2xf32>]} {
  %0 = attn.matmul %x, %y : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// The same product with the rhs as a Linear layer's weight.
// CHECK: transposed: as expected
func.func @transposed(%x: tensor<2x3xf32> {attn.value = dense<[[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]]> : tensor<2x3xf32>},
                      %y: tensor<2x3xf32> {attn.value = dense<[[1.0, 2.0, 0.5], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>})
    -> tensor<2x2xf32> attributes {attn.expected = [dense<[[6.5, 10.0], [0.0, -0.5]]> : tensor<2x2xf32>]} {
  %0 = attn.matmul %x, %y {transpose_rhs} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// One matrix for each of the leading extents.
// CHECK: batched: as expected
func.func @batched(%x: tensor<?x1x2xf32> {attn.value = dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>},
                   %y: tensor<?x2x1xf32> {attn.value = dense<[[[5.0], [6.0]], [[7.0], [-8.0]]]> : tensor<2x2x1xf32>})
    -> tensor<?x1x1xf32> attributes {attn.expected = [dense<[[[17.0]], [[-11.0]]]> : tensor<2x1x1xf32>]} {
  %0 = attn.matmul %x, %y : (tensor<?x1x2xf32>, tensor<?x2x1xf32>) -> tensor<?x1x1xf32>
  return %0 : tensor<?x1x1xf32>
}

// One rhs for all of them, and a vector as a single row.
// CHECK: shared_rhs: as expected
func.func @shared_rhs(%x: tensor<2x1x2xf32> {attn.value = dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>},
                      %v: tensor<2xf32> {attn.value = dense<[1.0, -1.0]> : tensor<2xf32>},
                      %y: tensor<2x2xf32> {attn.value = dense<[[5.0, 1.0], [6.0, 2.0]]> : tensor<2x2xf32>})
    -> (tensor<2x1x2xf32>, tensor<2xf32>)
    attributes {attn.expected = [dense<[[[17.0, 5.0]], [[39.0, 11.0]]]> : tensor<2x1x2xf32>,
                                 dense<[-1.0, -1.0]> : tensor<2xf32>]} {
  %0 = attn.matmul %x, %y : (tensor<2x1x2xf32>, tensor<2x2xf32>) -> tensor<2x1x2xf32>
  %1 = attn.matmul %v, %y : (tensor<2xf32>, tensor<2x2xf32>) -> tensor<2xf32>
  return %0, %1 : tensor<2x1x2xf32>, tensor<2xf32>
}

// A contraction over nothing is 0; 0 * inf is NaN.
// CHECK: edges: as expected
func.func @edges(%x: tensor<2x0xf32> {attn.value = dense<> : tensor<2x0xf32>},
                 %y: tensor<0x1xf32> {attn.value = dense<> : tensor<0x1xf32>},
                 %z: tensor<1x2xf32> {attn.value = dense<[[0.0, 1.0]]> : tensor<1x2xf32>},
                 %i: tensor<2x1xf32> {attn.value = dense<[[0x7F800000], [1.0]]> : tensor<2x1xf32>})
    -> (tensor<2x1xf32>, tensor<1x1xf32>)
    attributes {attn.expected = [dense<0.0> : tensor<2x1xf32>, dense<0x7FC00000> : tensor<1x1xf32>]} {
  %0 = attn.matmul %x, %y : (tensor<2x0xf32>, tensor<0x1xf32>) -> tensor<2x1xf32>
  %1 = attn.matmul %z, %i : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  return %0, %1 : tensor<2x1xf32>, tensor<1x1xf32>
}
