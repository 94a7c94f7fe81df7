// RUN: attnc-opt --run-reference %s | FileCheck %s

// 1 + 2^-8 lies between 1 and 1 + 2^-7 and becomes 1, the even one; 1 + 3 * 2^-8 becomes 1 + 2^-6.
// CHECK: bf16_rounds_both: as expected
func.func @bf16_rounds_both(%x: tensor<2x1xf32> {attn.value = dense<[[1.00390625], [1.01171875]]> : tensor<2x1xf32>},
                            %y: tensor<1x2xf32> {attn.value = dense<[[2.0, 1.00390625]]> : tensor<1x2xf32>})
    -> tensor<2x2xf32> attributes {attn.expected = [dense<[[2.0, 1.0], [2.03125, 1.015625]]> : tensor<2x2xf32>]} {
  %0 = attn.matmul %x, %y {precision = #attn<precision bf16>} : (tensor<2x1xf32>, tensor<1x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// Beyond the largest bfloat16 lies infinity; NaN stays.
// CHECK: bf16_specials: as expected
func.func @bf16_specials(%x: tensor<3x1xf32> {attn.value = dense<[[0x7F7FFFFF], [0xFF800000], [0x7FC00000]]> : tensor<3x1xf32>},
                         %y: tensor<1x1xf32> {attn.value = dense<1.0> : tensor<1x1xf32>})
    -> tensor<3x1xf32> attributes {attn.expected = [dense<[[0x7F800000], [0xFF800000], [0x7FC00000]]> : tensor<3x1xf32>]} {
  %0 = attn.matmul %x, %y {precision = #attn<precision bf16>} : (tensor<3x1xf32>, tensor<1x1xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// Scales 1 for both rows, 2 for the first column and 1 for the second. 0.5 and 2.5 are ties and go to 0 and 2.
// CHECK: int8_scales: as expected
func.func @int8_scales(%x: tensor<2x3xf32> {attn.value = dense<[[127.0, 0.5, 2.5], [-127.0, 3.0, 0.75]]> : tensor<2x3xf32>},
                       %y: tensor<2x3xf32> {attn.value = dense<[[254.0, 2.0, -4.0], [127.0, 1.25, -1.0]]> : tensor<2x3xf32>})
    -> tensor<2x2xf32> attributes {attn.expected = [dense<[[32250.0, 16127.0], [-32256.0, -16127.0]]> : tensor<2x2xf32>]} {
  %0 = attn.matmul %x, %y {precision = #attn<precision int8>, transpose_rhs} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// The same integers: the balance makes the rows, and takes from the columns, what they are above. Without it, the row would have
// the scale 2 and the columns 4 and 2.
// CHECK: int8_balance: as expected
func.func @int8_balance(%x: tensor<2x3xf32> {attn.value = dense<[[254.0, 0.5, 0.625], [-254.0, 3.0, 0.1875]]> : tensor<2x3xf32>},
                        %y: tensor<2x3xf32> {attn.value = dense<[[127.0, 2.0, -16.0], [63.5, 1.25, -4.0]]> : tensor<2x3xf32>})
    -> tensor<2x2xf32> attributes {attn.expected = [dense<[[32250.0, 16127.0], [-32256.0, -16127.0]]> : tensor<2x2xf32>]} {
  %balance = attn.constant dense<[0.5, 1.0, 4.0]> : tensor<3xf32>
  %0 = attn.matmul %x, %y balance %balance {precision = #attn<precision int8>, transpose_rhs} : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// Rotated, the row is 127, 62.5, -5, 2 and the column -127, 1, 0, 64: 62.5 is a tie and goes to 62. A quarter of their product.
// CHECK: int8_rotates: as expected
func.func @int8_rotates(%x: tensor<1x4xf32> {attn.value = dense<[[46.625, 14.375, 48.125, 17.875]]> : tensor<1x4xf32>},
                        %y: tensor<1x4xf32> {attn.value = dense<[[-15.5, -48.0, -47.5, -16.0]]> : tensor<1x4xf32>})
    -> tensor<1x1xf32> attributes {attn.expected = [dense<-3984.75> : tensor<1x1xf32>]} {
  %0 = attn.matmul %x, %y {precision = #attn<precision int8>, transpose_rhs} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

// Of 8 elements those 4 apart are mixed, then neighbours: rotated, the first row has one element that is not 0, at another
// place than the column; the second has 127 at the column's place.
// CHECK: int8_rotates_apart: as expected
func.func @int8_rotates_apart(%x: tensor<2x8xf32> {attn.value = dense<[[63.5, 63.5, 63.5, 63.5, 63.5, 63.5, 63.5, 63.5],
                                                                      [40.0, 12.0, 8.0, 3.5, -40.0, -12.0, -8.0, -3.5]]> : tensor<2x8xf32>},
                              %y: tensor<1x8xf32> {attn.value = dense<[[15.875, 15.875, 15.875, 15.875, -15.875, -15.875, -15.875, -15.875]]> : tensor<1x8xf32>})
    -> tensor<2x1xf32> attributes {attn.expected = [dense<[[0.0], [2016.125]]> : tensor<2x1xf32>]} {
  %0 = attn.matmul %x, %y {precision = #attn<precision int8>, transpose_rhs} : (tensor<2x8xf32>, tensor<1x8xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// A row of zeros, one below 2^-100, one with a NaN and one with an infinity; a column with a NaN.
// CHECK: int8_specials: as expected
func.func @int8_specials(%x: tensor<4x2xf32> {attn.value = dense<[[0.0, -0.0], [1.0e-31, 0.0], [1.0, 0x7FC00000], [0x7F800000, 1.0]]> : tensor<4x2xf32>},
                         %y: tensor<2x2xf32> {attn.value = dense<[[1.0e+30, 1.0], [0x7FC00000, 1.0]]> : tensor<2x2xf32>})
    -> tensor<4x2xf32> attributes {attn.expected = [dense<[[0.0, 0x7FC00000], [0.0, 0x7FC00000], [0x7FC00000, 0x7FC00000], [0x7FC00000, 0x7FC00000]]> : tensor<4x2xf32>]} {
  %0 = attn.matmul %x, %y {precision = #attn<precision int8>, transpose_rhs} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// CHECK: int8_of_nothing: as expected
func.func @int8_of_nothing(%x: tensor<2x0xf32> {attn.value = dense<> : tensor<2x0xf32>},
                           %y: tensor<1x0xf32> {attn.value = dense<> : tensor<1x0xf32>})
    -> tensor<2x1xf32> attributes {attn.expected = [dense<0.0> : tensor<2x1xf32>]} {
  %0 = attn.matmul %x, %y {precision = #attn<precision int8>, transpose_rhs} : (tensor<2x0xf32>, tensor<1x0xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}
