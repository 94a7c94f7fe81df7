// RUN: attnc-opt --run-reference %s | FileCheck %s

attn.parameter @table {attn.value = dense<[[1.0, 2.0], [3.0, 4.0], [-0.0, 0x7FC00000]]> : tensor<3x2xf32>} : tensor<3x2xf32>

// Rows come out bit by bit.
// CHECK: rows: as expected
func.func @rows(%i: tensor<?x2xi32> {attn.value = dense<[[2, 0], [1, 2]]> : tensor<2x2xi32>},
                %j: tensor<1xi64> {attn.value = dense<[1]> : tensor<1xi64>}) -> (tensor<?x2x2xf32>, tensor<1x2xf32>)
    attributes {attn.expected = [dense<[[[-0.0, 0x7FC00000], [1.0, 2.0]], [[3.0, 4.0], [-0.0, 0x7FC00000]]]> : tensor<2x2x2xf32>,
                                 dense<[[3.0, 4.0]]> : tensor<1x2xf32>]} {
  %table = attn.weight @table : tensor<3x2xf32>
  %0 = attn.embedding %table, %i : (tensor<3x2xf32>, tensor<?x2xi32>) -> tensor<?x2x2xf32>
  %1 = attn.embedding %table, %j : (tensor<3x2xf32>, tensor<1xi64>) -> tensor<1x2xf32>
  return %0, %1 : tensor<?x2x2xf32>, tensor<1x2xf32>
}
