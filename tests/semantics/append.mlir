// RUN: attnc-opt --run-reference %s | FileCheck %s

// Each sequence at its own place; rows of two tensors in slots side by side, the first slot as it was.
// CHECK: places: as expected
func.func @places(%c: tensor<?x3x3x1xf32> {attn.value = dense<0.5> : tensor<2x3x3x1xf32>},
                  %p: tensor<?xi32> {attn.value = dense<[0, 2]> : tensor<2xi32>},
                  %k: tensor<?x1x1x1xf32> {attn.value = dense<[[[[1.0]]], [[[2.0]]]]> : tensor<2x1x1x1xf32>},
                  %v: tensor<?x1x1x1xf32> {attn.value = dense<[[[[3.0]]], [[[4.0]]]]> : tensor<2x1x1x1xf32>})
    -> tensor<?x3x3x1xf32> attributes {attn.expected = [dense<
      [[[[0.5], [0.5], [0.5]], [[1.0], [0.5], [0.5]], [[3.0], [0.5], [0.5]]],
       [[[0.5], [0.5], [0.5]], [[0.5], [0.5], [2.0]], [[0.5], [0.5], [4.0]]]]> : tensor<2x3x3x1xf32>]} {
  %0 = attn.append %c at %p, %k, %v {start = 1 : i64} : (tensor<?x3x3x1xf32>, tensor<?xi32>, tensor<?x1x1x1xf32>, tensor<?x1x1x1xf32>) -> tensor<?x3x3x1xf32>
  return %0 : tensor<?x3x3x1xf32>
}

// Several rows and heads, over what was there; NaN and infinities are copied.
// CHECK: several: as expected
func.func @several(%c: tensor<1x2x3x2xf32> {attn.value = dense<7.0> : tensor<1x2x3x2xf32>},
                   %p: tensor<1xi32> {attn.value = dense<[1]> : tensor<1xi32>},
                   %r: tensor<1x2x2x2xf32> {attn.value = dense<[[[[1.0, 2.0], [3.0, 0x7F800000]], [[5.0, 0x7FC00000], [-0.0, 8.0]]]]> : tensor<1x2x2x2xf32>})
    -> tensor<1x2x3x2xf32> attributes {attn.expected = [dense<
      [[[[7.0, 7.0], [1.0, 2.0], [3.0, 0x7F800000]], [[7.0, 7.0], [5.0, 0x7FC00000], [-0.0, 8.0]]]]> : tensor<1x2x3x2xf32>]} {
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<1x2x3x2xf32>, tensor<1xi32>, tensor<1x2x2x2xf32>) -> tensor<1x2x3x2xf32>
  return %0 : tensor<1x2x3x2xf32>
}
