// RUN: attnc-opt --run-reference %s | FileCheck %s

// CHECK: kinds: as expected
func.func @kinds(%x: tensor<?x3x2xf32> {attn.value = dense<[[[1.0, -2.0], [4.0, 5.0], [7.0, 0.0]],
                                                            [[-1.0, 8.0], [-3.0, 2.0], [-8.0, 5.0]]]> : tensor<2x3x2xf32>})
    -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>)
    attributes {attn.expected = [dense<[[1.0, -2.0], [-1.0, 8.0]]> : tensor<2x2xf32>, dense<[[4.0, 1.0], [-4.0, 5.0]]> : tensor<2x2xf32>,
                                 dense<[[7.0, 5.0], [-1.0, 8.0]]> : tensor<2x2xf32>]} {
  %0 = attn.pool cls %x : (tensor<?x3x2xf32>) -> tensor<?x2xf32>
  %1 = attn.pool mean %x : (tensor<?x3x2xf32>) -> tensor<?x2xf32>
  %2 = attn.pool max %x : (tensor<?x3x2xf32>) -> tensor<?x2xf32>
  return %0, %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// The first sample has position 1 blocked, where NaN and inf lie; the second all, so mean and max are 0. cls ignores `blocked`.
// CHECK: blocked: as expected
func.func @blocked(%x: tensor<?x3x2xf32> {attn.value = dense<[[[1.0, -2.0], [0x7FC00000, 0x7F800000], [7.0, 0.0]],
                                                              [[-1.0, 8.0], [-3.0, 2.0], [-8.0, 5.0]]]> : tensor<2x3x2xf32>},
                   %b: tensor<?x3xi1> {attn.value = dense<[[false, true, false], [true, true, true]]> : tensor<2x3xi1>})
    -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>)
    attributes {attn.expected = [dense<[[1.0, -2.0], [-1.0, 8.0]]> : tensor<2x2xf32>, dense<[[4.0, -1.0], [0.0, 0.0]]> : tensor<2x2xf32>,
                                 dense<[[7.0, 0.0], [0.0, 0.0]]> : tensor<2x2xf32>]} {
  %0 = attn.pool cls %x blocked %b : (tensor<?x3x2xf32>, tensor<?x3xi1>) -> tensor<?x2xf32>
  %1 = attn.pool mean %x blocked %b : (tensor<?x3x2xf32>, tensor<?x3xi1>) -> tensor<?x2xf32>
  %2 = attn.pool max %x blocked %b : (tensor<?x3x2xf32>, tensor<?x3xi1>) -> tensor<?x2xf32>
  return %0, %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// A NaN that takes part stays, wherever it stands, and only in its column. A maximum of -inf is -inf.
// CHECK: edges: as expected
func.func @edges(%x: tensor<2x3xf32> {attn.value = dense<[[0x7FC00000, 1.0, 0xFF800000], [2.0, 0x7FC00000, 0xFF800000]]> : tensor<2x3xf32>})
    -> (tensor<3xf32>, tensor<3xf32>)
    attributes {attn.expected = [dense<[0x7FC00000, 0x7FC00000, 0xFF800000]> : tensor<3xf32>,
                                 dense<[0x7FC00000, 0x7FC00000, 0xFF800000]> : tensor<3xf32>]} {
  %0 = attn.pool max %x : (tensor<2x3xf32>) -> tensor<3xf32>
  %1 = attn.pool mean %x : (tensor<2x3xf32>) -> tensor<3xf32>
  return %0, %1 : tensor<3xf32>, tensor<3xf32>
}
