// RUN: attnc-opt --run-reference %s | FileCheck %s

// CHECK: axes: as expected
func.func @axes(%x: tensor<2x3xf32> {attn.value = dense<[[1.0, 2.0, 6.0], [3.0, 6.0, -6.0]]> : tensor<2x3xf32>})
    -> (tensor<3xf32>, tensor<2xf32>)
    attributes {attn.expected = [dense<[2.0, 4.0, 0.0]> : tensor<3xf32>, dense<[3.0, 1.0]> : tensor<2xf32>]} {
  %0 = attn.mean %x {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<3xf32>
  %1 = attn.mean %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2xf32>
  return %0, %1 : tensor<3xf32>, tensor<2xf32>
}

// An extent of 1 and a missing one repeat; the batch may be one of them.
// CHECK: repeats: as expected
func.func @repeats(%x: tensor<2x1xf32> {attn.value = dense<[[1.0], [2.0]]> : tensor<2x1xf32>}, %batch: tensor<?x1xf32> {attn.value = dense<0.0> : tensor<2x1xf32>})
    -> (tensor<2x2x2xf32>, tensor<?x2x1xf32>)
    attributes {attn.expected = [dense<[[[1.0, 1.0], [2.0, 2.0]], [[1.0, 1.0], [2.0, 2.0]]]> : tensor<2x2x2xf32>,
                                 dense<[[[1.0], [2.0]], [[1.0], [2.0]]]> : tensor<2x2x1xf32>]} {
  %0 = attn.broadcast %x : (tensor<2x1xf32>) -> tensor<2x2x2xf32>
  %1 = attn.broadcast %x : (tensor<2x1xf32>) -> tensor<?x2x1xf32>
  return %0, %1 : tensor<2x2x2xf32>, tensor<?x2x1xf32>
}
