// RUN: attnc-opt --run-reference %s | FileCheck %s
// The expected values are NumPy's, in f64 from the f32 tables of positions 0 and 5 with the angles 0.1 and 0.01 a step.

// Position 0 stays. Pairs are (0, 2), (1, 3), then (0, 1), (2, 3); the rows of both batch elements turn alike.
// CHECK: rotary: as expected
func.func @rotary(%x: tensor<?x2x4xf32> {attn.value = dense<[[[1.0, 2.0, 3.0, 4.0], [-1.0, 0.5, 2.0, -3.0]], [[1.0, 2.0, 3.0, 4.0], [-1.0, 0.5, 2.0, -3.0]]]> : tensor<2x2x4xf32>},
                  %cos: tensor<2x2xf32> {attn.value = dense<[[1.000000000, 1.000000000], [0.877582550, 0.998750269]]> : tensor<2x2xf32>},
                  %sin: tensor<2x2xf32> {attn.value = dense<[[0.000000000, 0.000000000], [0.479425550, 0.049979169]]> : tensor<2x2xf32>})
    -> (tensor<?x2x4xf32>, tensor<?x2x4xf32>)
    attributes {attn.tolerance = 1.0e-8, attn.expected = [
        dense<[[[1.000000000, 2.000000000, 3.000000000, 4.000000000], [-1.836433649, 0.649312641, 1.275739551, -2.971261224]], [[1.000000000, 2.000000000, 3.000000000, 4.000000000], [-1.836433649, 0.649312641, 1.275739551, -2.971261224]]]> : tensor<2x2x4xf64>,
        dense<[[[1.000000000, 2.000000000, 3.000000000, 4.000000000], [-1.117295325, -0.040634274, 2.147438046, -2.896292470]], [[1.000000000, 2.000000000, 3.000000000, 4.000000000], [-1.117295325, -0.040634274, 2.147438046, -2.896292470]]]> : tensor<2x2x4xf64>]} {
  %0 = attn.rotary %x, %cos, %sin : (tensor<?x2x4xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<?x2x4xf32>
  %1 = attn.rotary %x, %cos, %sin {interleaved} : (tensor<?x2x4xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<?x2x4xf32>
  return %0, %1 : tensor<?x2x4xf32>, tensor<?x2x4xf32>
}

// NaN and infinities stay in their pair.
// CHECK: edges: as expected
func.func @edges(%x: tensor<1x4xf32> {attn.value = dense<[[0x7FC00000, 0x7F800000, 1.0, 1.0]]> : tensor<1x4xf32>},
                 %cos: tensor<1x2xf32> {attn.value = dense<[[0.5, 0.5]]> : tensor<1x2xf32>},
                 %sin: tensor<1x2xf32> {attn.value = dense<[[0.25, 0.25]]> : tensor<1x2xf32>}) -> tensor<1x4xf32>
    attributes {attn.expected = [dense<[[0x7FC00000, 0x7F800000, 0x7FC00000, 0x7F800000]]> : tensor<1x4xf32>]} {
  %0 = attn.rotary %x, %cos, %sin : (tensor<1x4xf32>, tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}
