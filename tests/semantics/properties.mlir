// RUN: attnc-opt --run-reference %s | FileCheck %s
// Laws that hold for all inputs, on inputs that the tool fills in: each function returns a difference that is 0.

// CHECK: shift_invariance: as expected
func.func @shift_invariance(%x: tensor<2x3xf32>, %shift: tensor<2x1xf32>) -> tensor<2x3xf32>
    attributes {attn.tolerance = 1.0e-14, attn.expected = [dense<0.0> : tensor<2x3xf32>]} {
  %shifted = attn.add %x, %shift : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  %0 = attn.softmax %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = attn.softmax %shifted {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = attn.sub %0, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// CHECK: rows_sum_to_one: as expected
func.func @rows_sum_to_one(%x: tensor<2x5xf32>) -> tensor<2x1xf32>
    attributes {attn.tolerance = 1.0e-14, attn.expected = [dense<1.0> : tensor<2x1xf32>]} {
  %ones = attn.constant dense<1.0> : tensor<5x1xf32>
  %0 = attn.softmax %x {axis = 1 : i64} : (tensor<2x5xf32>) -> tensor<2x5xf32>
  %1 = attn.matmul %0, %ones : (tensor<2x5xf32>, tensor<5x1xf32>) -> tensor<2x1xf32>
  return %1 : tensor<2x1xf32>
}

// The fused attention is what the core ops spell out.
// CHECK: fused_is_spelled_out: as expected
func.func @fused_is_spelled_out(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>,
                                %m: tensor<?x1x1x5xi1>) -> tensor<?x2x3x6xf32>
    attributes {attn.batch = 3 : i64, attn.tolerance = 1.0e-14, attn.expected = [dense<0.0> : tensor<3x2x3x6xf32>]} {
  %dots = attn.matmul %q, %k {transpose_rhs} : (tensor<?x2x3x4xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x3x5xf32>
  %scaled = attn.scale %dots {factor = 0.5 : f32} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %masked = attn.mask %scaled, %m : (tensor<?x2x3x5xf32>, tensor<?x1x1x5xi1>) -> tensor<?x2x3x5xf32>
  %weights = attn.softmax %masked {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %spelled = attn.matmul %weights, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  %fused = attn.attention %q, %k, %v captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %mask: tensor<?x1x1x5xi1>):
    %factor = arith.constant 0.5 : f32
    %s = arith.mulf %dot, %factor : f32
    %zero = arith.constant 0 : index
    %blocked = attn.element %mask[%b, %zero, %zero, %j] : tensor<?x1x1x5xi1> -> i1
    %true = arith.constant true
    %live = arith.xori %blocked, %true : i1
    attn.score %s, %live
  } : (tensor<?x2x3x4xf32>, tensor<?x2x5x4xf32>, tensor<?x2x5x6xf32>, tensor<?x1x1x5xi1>) -> tensor<?x2x3x6xf32>
  %0 = attn.sub %fused, %spelled : (tensor<?x2x3x6xf32>, tensor<?x2x3x6xf32>) -> tensor<?x2x3x6xf32>
  return %0 : tensor<?x2x3x6xf32>
}

// A masked key is a removed key.
// CHECK: masked_is_removed: as expected
func.func @masked_is_removed(%x: tensor<2x3xf32>) -> tensor<2x2xf32>
    attributes {attn.tolerance = 1.0e-14, attn.expected = [dense<0.0> : tensor<2x2xf32>]} {
  %last = attn.constant dense<[false, false, true]> : tensor<3xi1>
  %masked = attn.mask %x, %last : (tensor<2x3xf32>, tensor<3xi1>) -> tensor<2x3xf32>
  %0 = attn.softmax %masked {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = attn.slice %0 {axis = 1 : i64, start = 0 : i64, size = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  %removed = attn.slice %x {axis = 1 : i64, start = 0 : i64, size = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  %2 = attn.softmax %removed {axis = 1 : i64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = attn.sub %1, %2 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %3 : tensor<2x2xf32>
}
