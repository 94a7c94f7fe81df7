// RUN: attnc-opt --run-reference %s | FileCheck %s

// A causal mask: a query sees the keys up to its own position; the others become -inf, NaN included.
// CHECK: causal: as expected
func.func @causal(%s: tensor<1x2x3xf32> {attn.value = dense<[[[1.0, 0x7FC00000, 3.0], [4.0, 5.0, 6.0]]]> : tensor<1x2x3xf32>})
    -> tensor<1x2x3xf32>
    attributes {attn.expected = [dense<[[[1.0, 0xFF800000, 0xFF800000], [4.0, 5.0, 0xFF800000]]]> : tensor<1x2x3xf32>]} {
  %0 = attn.modify_scores %s {
    ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
      %live = arith.cmpi sle, %j, %i : index
      attn.score %score, %live
  } : (tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  return %0 : tensor<1x2x3xf32>
}

// All four indices and a capture: score + 1000 batch + 100 head + 10 query + key + bias[head].
// CHECK: indices: as expected
func.func @indices(%s: tensor<?x2x1x2xf32> {attn.value = dense<0.0> : tensor<2x2x1x2xf32>},
                   %bias: tensor<2xf32> {attn.value = dense<[0.25, 0.5]> : tensor<2xf32>}) -> tensor<?x2x1x2xf32>
    attributes {attn.expected = [dense<[[[[0.25, 1.25]], [[100.5, 101.5]]], [[[1000.25, 1001.25]], [[1100.5, 1101.5]]]]>
                                 : tensor<2x2x1x2xf32>]} {
  %0 = attn.modify_scores %s captures(%bias) {
    ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index, %t: tensor<2xf32>):
      %c1000 = arith.constant 1000 : index
      %c100 = arith.constant 100 : index
      %c10 = arith.constant 10 : index
      %0 = arith.muli %b, %c1000 : index
      %1 = arith.muli %h, %c100 : index
      %2 = arith.muli %i, %c10 : index
      %3 = arith.addi %0, %1 : index
      %4 = arith.addi %3, %2 : index
      %5 = arith.addi %4, %j : index
      %6 = arith.index_cast %5 : index to i32
      %7 = arith.sitofp %6 : i32 to f32
      %8 = attn.element %t[%h] : tensor<2xf32> -> f32
      %9 = arith.addf %7, %8 : f32
      %10 = arith.addf %score, %9 : f32
      %true = arith.constant true
      attn.score %10, %true
  } : (tensor<?x2x1x2xf32>, tensor<2xf32>) -> tensor<?x2x1x2xf32>
  return %0 : tensor<?x2x1x2xf32>
}

// A window of two keys by a negative constant: a query sees its own key and the one before.
// CHECK: window: as expected
func.func @window(%s: tensor<1x3x3xf32> {attn.value = dense<1.0> : tensor<1x3x3xf32>}) -> tensor<1x3x3xf32>
    attributes {attn.expected = [dense<[[[1.0, 0xFF800000, 0xFF800000], [1.0, 1.0, 0xFF800000], [0xFF800000, 1.0, 1.0]]]> : tensor<1x3x3xf32>]} {
  %0 = attn.modify_scores %s {
    ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
      %back = arith.constant -1 : index
      %first = arith.addi %i, %back : index
      %after = arith.cmpi sge, %j, %first : index
      %before = arith.cmpi sle, %j, %i : index
      %live = arith.andi %after, %before : i1
      attn.score %score, %live
  } : (tensor<1x3x3xf32>) -> tensor<1x3x3xf32>
  return %0 : tensor<1x3x3xf32>
}

// Whole division rounds down: key - 3 by 2 is -2, -1, -1, 0.
// CHECK: floor_division: as expected
func.func @floor_division(%s: tensor<1x1x4xf32> {attn.value = dense<1.0> : tensor<1x1x4xf32>}) -> tensor<1x1x4xf32>
    attributes {attn.expected = [dense<[[[-2.0, -1.0, -1.0, 0.0]]]> : tensor<1x1x4xf32>]} {
  %0 = attn.modify_scores %s {
    ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
      %c3 = arith.constant 3 : index
      %c2 = arith.constant 2 : index
      %0 = arith.subi %j, %c3 : index
      %1 = arith.floordivsi %0, %c2 : index
      %2 = arith.index_cast %1 : index to i32
      %3 = arith.sitofp %2 : i32 to f32
      %true = arith.constant true
      attn.score %3, %true
  } : (tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
  return %0 : tensor<1x1x4xf32>
}
