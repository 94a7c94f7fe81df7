// RUN: attnc-opt --run-reference %s | FileCheck %s
// The expected values are PyTorch 2.15's layer_norm, rms_norm and normalize, in f64.

// CHECK: layernorm: as expected
func.func @layernorm(%x: tensor<2x3xf32> {attn.value = dense<[[1.0, 2.0, 4.0], [-1.0, 0.5, 3.0]]> : tensor<2x3xf32>},
                     %w: tensor<3xf32> {attn.value = dense<[1.0, 2.0, -1.0]> : tensor<3xf32>},
                     %b: tensor<3xf32> {attn.value = dense<[0.5, 0.0, 1.0]> : tensor<3xf32>})
    -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
    attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[-0.569041531, -0.534520766, -0.336301914], [-0.611165758, -0.404060276, -0.313195896]]> : tensor<2x3xf32>,
        dense<[[-1.069041531, -0.267260383, 1.336301914], [-1.111165758, -0.202030138, 1.313195896]]> : tensor<2x3xf32>,
        dense<[[-0.569041531, -0.267260383, 2.336301914], [-0.611165758, -0.202030138, 2.313195896]]> : tensor<2x3xf32>]} {
  %0 = attn.layernorm %x weight %w bias %b {eps = 1.0e-5 : f64} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %1 = attn.layernorm %x {eps = 1.0e-5 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = attn.layernorm %x bias %b {eps = 1.0e-5 : f64} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %0, %1, %2 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// CHECK: rmsnorm: as expected
func.func @rmsnorm(%x: tensor<2x3xf32> {attn.value = dense<[[1.0, 2.0, 4.0], [-1.0, 0.5, 3.0]]> : tensor<2x3xf32>},
                   %w: tensor<3xf32> {attn.value = dense<[1.0, 2.0, -1.0]> : tensor<3xf32>}) -> tensor<2x3xf32>
    attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[0.377964203, 1.511856812, -1.511856812], [-0.541000989, 0.541000989, -1.623002967]]> : tensor<2x3xf32>]} {
  %0 = attn.rmsnorm %x weight %w {eps = 1.0e-5 : f64} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK: l2norm: as expected
func.func @l2norm(%x: tensor<2x3xf32> {attn.value = dense<[[1.0, 2.0, 4.0], [-1.0, 0.5, 3.0]]> : tensor<2x3xf32>})
    -> tensor<2x3xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[0.21821789, 0.43643578, 0.872871561], [-0.312347524, 0.156173762, 0.937042571]]> : tensor<2x3xf32>]} {
  %0 = attn.l2norm %x {eps = 1.0e-12 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// A constant row is 0 where eps > 0 and NaN where it is 0. NaN and inf stay in their row.
// CHECK: edges: as expected
func.func @edges(%x: tensor<3x2xf32> {attn.value = dense<[[5.0, 5.0], [1.0, 0x7FC00000], [3.0, 0x7F800000]]> : tensor<3x2xf32>})
    -> (tensor<3x2xf32>, tensor<3x2xf32>)
    attributes {attn.expected = [
        dense<[[0.0, 0.0], [0x7FC00000, 0x7FC00000], [0x7FC00000, 0x7FC00000]]> : tensor<3x2xf32>,
        dense<[[0x7FC00000, 0x7FC00000], [0x7FC00000, 0x7FC00000], [0x7FC00000, 0x7FC00000]]> : tensor<3x2xf32>]} {
  %0 = attn.layernorm %x {eps = 1.0e-12 : f64} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %1 = attn.layernorm %x {eps = 0.0 : f64} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<3x2xf32>
}

// A zero vector stays zero; a row of one element normalises to 0 (layernorm) or its sign (l2norm).
// CHECK: small: as expected
func.func @small(%x: tensor<2x2xf32> {attn.value = dense<[[0.0, -0.0], [3.0e-13, 4.0e-13]]> : tensor<2x2xf32>},
                 %y: tensor<2x1xf32> {attn.value = dense<[[-3.0], [2.0]]> : tensor<2x1xf32>})
    -> (tensor<2x2xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
    attributes {attn.expected = [dense<[[0.0, -0.0], [0.3, 0.4]]> : tensor<2x2xf32>, dense<0.0> : tensor<2x1xf32>,
                                 dense<[[-1.0], [1.0]]> : tensor<2x1xf32>]} {
  %0 = attn.l2norm %x {eps = 1.0e-12 : f64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = attn.layernorm %y {eps = 1.0e-5 : f64} : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %2 = attn.l2norm %y {eps = 1.0e-12 : f64} : (tensor<2x1xf32>) -> tensor<2x1xf32>
  return %0, %1, %2 : tensor<2x2xf32>, tensor<2x1xf32>, tensor<2x1xf32>
}

// Zero rows, with and without eps, and an infinity: rmsnorm, then l2norm.
// CHECK: zeros_and_infinities: as expected
func.func @zeros_and_infinities(%x: tensor<2x2xf32> {attn.value = dense<[[0.0, 0.0], [3.0, 0xFF800000]]> : tensor<2x2xf32>})
    -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>)
    attributes {attn.expected = [
        dense<[[0.0, 0.0], [0.0, 0x7FC00000]]> : tensor<2x2xf32>, dense<[[0x7FC00000, 0x7FC00000], [0.0, 0x7FC00000]]> : tensor<2x2xf32>,
        dense<[[0.0, 0.0], [0.0, 0x7FC00000]]> : tensor<2x2xf32>, dense<[[0x7FC00000, 0x7FC00000], [0.0, 0x7FC00000]]> : tensor<2x2xf32>]} {
  %0 = attn.rmsnorm %x {eps = 1.0e-5 : f64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = attn.rmsnorm %x {eps = 0.0 : f64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = attn.l2norm %x {eps = 1.0e-5 : f64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = attn.l2norm %x {eps = 0.0 : f64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0, %1, %2, %3 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}
