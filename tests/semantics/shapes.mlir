// RUN: attnc-opt --run-reference %s | FileCheck %s

// CHECK: heads: as expected
func.func @heads(%x: tensor<?x2x4xf32> {attn.value = dense<[[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]]> : tensor<1x2x4xf32>})
    -> (tensor<?x2x2x2xf32>, tensor<?x2x4xf32>)
    attributes {attn.expected = [dense<[[[[0.0, 1.0], [4.0, 5.0]], [[2.0, 3.0], [6.0, 7.0]]]]> : tensor<1x2x2x2xf32>,
                                 dense<[[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]]> : tensor<1x2x4xf32>]} {
  %0 = attn.split_heads %x {heads = 2 : i64} : (tensor<?x2x4xf32>) -> tensor<?x2x2x2xf32>
  %1 = attn.merge_heads %0 : (tensor<?x2x2x2xf32>) -> tensor<?x2x4xf32>
  return %0, %1 : tensor<?x2x2x2xf32>, tensor<?x2x4xf32>
}

// Result dimension i is input dimension permutation[i]: not the inverse, which a cycle of three tells apart.
// CHECK: transpose: as expected
func.func @transpose(%x: tensor<1x2x3xf32> {attn.value = dense<[[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]]> : tensor<1x2x3xf32>},
                     %m: tensor<1x2xi1> {attn.value = dense<[[true, false]]> : tensor<1x2xi1>})
    -> (tensor<2x3x1xf32>, tensor<2x1xi1>)
    attributes {attn.expected = [dense<[[[0.0], [1.0], [2.0]], [[3.0], [4.0], [5.0]]]> : tensor<2x3x1xf32>,
                                 dense<[[true], [false]]> : tensor<2x1xi1>]} {
  %0 = attn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<1x2x3xf32>) -> tensor<2x3x1xf32>
  %1 = attn.transpose %m {permutation = array<i64: 1, 0>} : (tensor<1x2xi1>) -> tensor<2x1xi1>
  return %0, %1 : tensor<2x3x1xf32>, tensor<2x1xi1>
}

// CHECK: reshape: as expected
func.func @reshape(%x: tensor<?x2x2xf32> {attn.value = dense<[[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]]> : tensor<2x2x2xf32>})
    -> tensor<?x4xf32>
    attributes {attn.expected = [dense<[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]> : tensor<2x4xf32>]} {
  %0 = attn.reshape %x : (tensor<?x2x2xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK: slice_and_concat: as expected
func.func @slice_and_concat(%x: tensor<2x3xf32> {attn.value = dense<[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]> : tensor<2x3xf32>})
    -> (tensor<2x2xf32>, tensor<1x3xf32>, tensor<2x5xf32>, tensor<3x3xf32>)
    attributes {attn.expected = [dense<[[1.0, 2.0], [4.0, 5.0]]> : tensor<2x2xf32>, dense<[[3.0, 4.0, 5.0]]> : tensor<1x3xf32>,
        dense<[[1.0, 2.0, 0.0, 1.0, 2.0], [4.0, 5.0, 3.0, 4.0, 5.0]]> : tensor<2x5xf32>,
        dense<[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [3.0, 4.0, 5.0]]> : tensor<3x3xf32>]} {
  %0 = attn.slice %x {axis = 1 : i64, start = 1 : i64, size = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  %1 = attn.slice %x {axis = 0 : i64, start = 1 : i64, size = 1 : i64} : (tensor<2x3xf32>) -> tensor<1x3xf32>
  %2 = attn.concat %0, %x {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x5xf32>
  %3 = attn.concat %x, %1 {axis = 0 : i64} : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<3x3xf32>
  return %0, %1, %2, %3 : tensor<2x2xf32>, tensor<1x3xf32>, tensor<2x5xf32>, tensor<3x3xf32>
}
