// RUN: attnc-opt --run-reference %s | FileCheck %s

// Lengths below 0 count as 0, those beyond the size as the size. Where a row is depends on all lengths before it.
// CHECK: token_rows: as expected
func.func @token_rows(%n: tensor<?xi32> {attn.value = dense<[2, -1, 5, 1]> : tensor<4xi32>}) -> (tensor<?x2xi32>, tensor<i32>)
    attributes {attn.expected = [dense<[[0, 2], [2, 0], [2, 3], [5, 1]]> : tensor<4x2xi32>, dense<6> : tensor<i32>]} {
  %rows, %spans, %count = attn.token_rows %n {size = 3 : i64, number = 0 : i64} : (tensor<?xi32>) -> (tensor<?x3xi32, #attn.packed_rows<0>>, tensor<?x2xi32>, tensor<i32>)
  return %spans, %count : tensor<?x2xi32>, tensor<i32>
}

// rows holds the place of each row that is there.
// CHECK: places: as expected
func.func @places(%n: tensor<2xi32> {attn.value = dense<[1, 3]> : tensor<2xi32>}) -> tensor<2x3xi32>
    attributes {attn.expected = [dense<[[0, 0, 0], [3, 4, 5]]> : tensor<2x3xi32>]} {
  %rows, %spans, %count = attn.token_rows %n {size = 3 : i64, number = 0 : i64} : (tensor<2xi32>) -> (tensor<2x3xi32, #attn.packed_rows<0>>, tensor<2x2xi32>, tensor<i32>)
  %0 = attn.unpack_rows %rows, %spans : (tensor<2x3xi32, #attn.packed_rows<0>>, tensor<2x2xi32>) -> tensor<2x3xi32>
  return %0 : tensor<2x3xi32>
}

// What is packed comes back, and zeros in the place of what was left out, NaN included.
// CHECK: pack_and_unpack: as expected
func.func @pack_and_unpack(%x: tensor<2x2x2xf32> {attn.value = dense<[[[1.0, 2.0], [0x7FC00000, 3.0]], [[4.0, 5.0], [6.0, 7.0]]]> : tensor<2x2x2xf32>},
                           %n: tensor<2xi32> {attn.value = dense<[1, 2]> : tensor<2xi32>}) -> tensor<2x2x2xf32>
    attributes {attn.expected = [dense<[[[2.0, 4.0], [0.0, 0.0]], [[8.0, 10.0], [12.0, 14.0]]]> : tensor<2x2x2xf32>]} {
  %rows, %spans, %count = attn.token_rows %n {size = 2 : i64, number = 0 : i64} : (tensor<2xi32>) -> (tensor<2x2xi32, #attn.packed_rows<0>>, tensor<2x2xi32>, tensor<i32>)
  %p = attn.pack_rows %x, %rows, %spans : (tensor<2x2x2xf32>, tensor<2x2xi32, #attn.packed_rows<0>>, tensor<2x2xi32>) -> tensor<2x2x2xf32, #attn.packed_rows<0>>
  %s = attn.scale %p {factor = 2.0 : f32} : (tensor<2x2x2xf32, #attn.packed_rows<0>>) -> tensor<2x2x2xf32, #attn.packed_rows<0>>
  %0 = attn.unpack_rows %s, %spans : (tensor<2x2x2xf32, #attn.packed_rows<0>>, tensor<2x2xi32>) -> tensor<2x2x2xf32>
  return %0 : tensor<2x2x2xf32>
}

// Who looks at a row that is not there sees NaN: other spans than those it was packed with find it.
// CHECK: missing: as expected
func.func @missing(%x: tensor<1x2x1xf32> {attn.value = dense<[[[1.0], [2.0]]]> : tensor<1x2x1xf32>},
                   %n: tensor<1xi32> {attn.value = dense<1> : tensor<1xi32>},
                   %all: tensor<1x2xi32> {attn.value = dense<[[0, 2]]> : tensor<1x2xi32>}) -> tensor<1x2x1xf32>
    attributes {attn.expected = [dense<[[[1.0], [0x7FC00000]]]> : tensor<1x2x1xf32>]} {
  %rows, %spans, %count = attn.token_rows %n {size = 2 : i64, number = 0 : i64} : (tensor<1xi32>) -> (tensor<1x2xi32, #attn.packed_rows<0>>, tensor<1x2xi32>, tensor<i32>)
  %p = attn.pack_rows %x, %rows, %spans : (tensor<1x2x1xf32>, tensor<1x2xi32, #attn.packed_rows<0>>, tensor<1x2xi32>) -> tensor<1x2x1xf32, #attn.packed_rows<0>>
  %0 = attn.unpack_rows %p, %all : (tensor<1x2x1xf32, #attn.packed_rows<0>>, tensor<1x2xi32>) -> tensor<1x2x1xf32>
  return %0 : tensor<1x2x1xf32>
}
