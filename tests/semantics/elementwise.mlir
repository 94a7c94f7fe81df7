// RUN: attnc-opt --run-reference %s | FileCheck %s

// CHECK: arithmetic: as expected
func.func @arithmetic(%x: tensor<4xf32> {attn.value = dense<[1.0, -2.0, 0.5, 8.0]> : tensor<4xf32>},
                      %y: tensor<4xf32> {attn.value = dense<[2.0, 4.0, -0.25, 8.0]> : tensor<4xf32>})
    -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    attributes {attn.expected = [dense<[3.0, 2.0, 0.25, 16.0]> : tensor<4xf32>, dense<[-1.0, -6.0, 0.75, 0.0]> : tensor<4xf32>,
                                 dense<[2.0, -8.0, -0.125, 64.0]> : tensor<4xf32>, dense<[0.5, -0.5, -2.0, 1.0]> : tensor<4xf32>,
                                 dense<[-3.0, 6.0, -1.5, -24.0]> : tensor<4xf32>]} {
  %add = attn.add %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %sub = attn.sub %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %mul = attn.mul %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %div = attn.div %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %scale = attn.scale %x {factor = -3.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %add, %sub, %mul, %div, %scale : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// Extents of 1 and missing ones repeat, on either side.
// CHECK: broadcast: as expected
func.func @broadcast(%x: tensor<?x1x2xf32> {attn.value = dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>},
                     %y: tensor<3x1xf32> {attn.value = dense<[[10.0], [20.0], [30.0]]> : tensor<3x1xf32>})
    -> tensor<?x3x2xf32> attributes {attn.expected = [dense<[[[-9.0, -8.0], [-19.0, -18.0], [-29.0, -28.0]],
                                                             [[-7.0, -6.0], [-17.0, -16.0], [-27.0, -26.0]]]> : tensor<2x3x2xf32>]} {
  %0 = attn.sub %x, %y : (tensor<?x1x2xf32>, tensor<3x1xf32>) -> tensor<?x3x2xf32>
  return %0 : tensor<?x3x2xf32>
}

// IEEE: inf - inf, 0 / 0 and 0 * inf are NaN, 1 / -0 is -inf, -0 + -0 is -0; a denormal is not flushed.
// CHECK: edges: as expected
func.func @edges(%x: tensor<3xf32> {attn.value = dense<[0x7F800000, -0.0, 1.0e-40]> : tensor<3xf32>},
                 %y: tensor<3xf32> {attn.value = dense<[0xFF800000, -0.0, 1.0]> : tensor<3xf32>},
                 %z: tensor<3xf32> {attn.value = dense<[0.0, 1.0, 1.0e-40]> : tensor<3xf32>})
    -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    attributes {attn.tolerance = 1.0e-50,
                attn.expected = [dense<[0x7FC00000, -0.0, 1.0]> : tensor<3xf32>, dense<[0x7FC00000, 0x7FC00000, 1.0e-40]> : tensor<3xf32>,
                                 dense<[0.0, 0xFF800000, 1.0]> : tensor<3xf32>, dense<[0x7FC00000, -0.0, 0.0]> : tensor<3xf32>]} {
  %add = attn.add %x, %y : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %quotient = attn.div %x, %y : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %inverse = attn.div %z, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %mul = attn.mul %x, %z : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %add, %quotient, %inverse, %mul : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

// CHECK: is_zero: as expected
func.func @is_zero(%x: tensor<3xi32> {attn.value = dense<[0, 1, -7]> : tensor<3xi32>},
                   %y: tensor<2xi64> {attn.value = dense<[4294967296, 0]> : tensor<2xi64>},
                   %z: tensor<2xi1> {attn.value = dense<[true, false]> : tensor<2xi1>})
    -> (tensor<3xi1>, tensor<2xi1>, tensor<2xi1>)
    attributes {attn.expected = [dense<[true, false, false]> : tensor<3xi1>, dense<[false, true]> : tensor<2xi1>,
                                 dense<[false, true]> : tensor<2xi1>]} {
  %0 = attn.is_zero %x : (tensor<3xi32>) -> tensor<3xi1>
  %1 = attn.is_zero %y : (tensor<2xi64>) -> tensor<2xi1>
  %2 = attn.is_zero %z : (tensor<2xi1>) -> tensor<2xi1>
  return %0, %1, %2 : tensor<3xi1>, tensor<2xi1>, tensor<2xi1>
}

// What lies at a blocked position does not matter, NaN included.
// CHECK: mask: as expected
func.func @mask(%x: tensor<2x3xf32> {attn.value = dense<[[1.0, 0x7FC00000, 3.0], [4.0, 0x7F800000, 0x7FC00000]]> : tensor<2x3xf32>},
                %blocked: tensor<3xi1> {attn.value = dense<[false, true, false]> : tensor<3xi1>})
    -> tensor<2x3xf32>
    attributes {attn.expected = [dense<[[1.0, 0xFF800000, 3.0], [4.0, 0xFF800000, 0x7FC00000]]> : tensor<2x3xf32>]} {
  %0 = attn.mask %x, %blocked : (tensor<2x3xf32>, tensor<3xi1>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// A row of padding becomes zeros, whatever it holds.
// CHECK: mask_fill: as expected
func.func @mask_fill(%x: tensor<2x2xf32> {attn.value = dense<[[1.0, -2.0], [0x7FC00000, 0xFF800000]]> : tensor<2x2xf32>},
                     %blocked: tensor<2x1xi1> {attn.value = dense<[[false], [true]]> : tensor<2x1xi1>})
    -> tensor<2x2xf32>
    attributes {attn.expected = [dense<[[1.0, -2.0], [0.0, 0.0]]> : tensor<2x2xf32>]} {
  %0 = attn.mask %x, %blocked {fill = 0.0 : f32} : (tensor<2x2xf32>, tensor<2x1xi1>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// Lengths outside the places are as the nearest one inside.
// CHECK: padding_mask: as expected
func.func @padding_mask(%n: tensor<4xi32> {attn.value = dense<[2, 0, -5, 9]> : tensor<4xi32>}) -> tensor<4x3xi1>
    attributes {attn.expected = [dense<[[false, false, true], [true, true, true], [true, true, true],
                                        [false, false, false]]> : tensor<4x3xi1>]} {
  %0 = attn.padding_mask %n {size = 3 : i64} : (tensor<4xi32>) -> tensor<4x3xi1>
  return %0 : tensor<4x3xi1>
}
