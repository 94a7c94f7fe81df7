// RUN: attnc-opt --run-reference %s | FileCheck %s
// Scores and weights besides the scaled product and softmax, by themselves and in attn.attention.

// CHECK: additive: as expected
func.func @additive(%q: tensor<1x2x2xf32> {attn.value = dense<[[[1.0, 0.0], [0.5, -1.0]]]> : tensor<1x2x2xf32>},
    %k: tensor<1x3x2xf32> {attn.value = dense<[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5]]]> : tensor<1x3x2xf32>},
    %w: tensor<2xf32> {attn.value = dense<[2.0, -0.5]> : tensor<2xf32>}) -> tensor<1x2x3xf32>
    attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[1.54725808, 1.04117452, -0.23105858], [1.81029651, 0.54343724, -0.69317574]]]> : tensor<1x2x3xf32>]} {
  %0 = attn.additive_score %q, %k weight %w : (tensor<1x2x2xf32>, tensor<1x3x2xf32>, tensor<2xf32>) -> tensor<1x2x3xf32>
  return %0 : tensor<1x2x3xf32>
}

// tanh is +-1 far out and at the infinities; inf - inf and 0 * NaN are NaN.
// CHECK: additive_edges: as expected
func.func @additive_edges(%q: tensor<4x1xf32> {attn.value = dense<[[50.0], [0xFF800000], [0x7F800000], [0x7FC00000]]> : tensor<4x1xf32>},
    %k: tensor<2x1xf32> {attn.value = dense<[[1.0], [0xFF800000]]> : tensor<2x1xf32>},
    %w: tensor<1xf32> {attn.value = dense<3.0> : tensor<1xf32>}) -> tensor<4x2xf32>
    attributes {attn.expected = [
        dense<[[3.0, -3.0], [-3.0, -3.0], [3.0, 0x7FC00000], [0x7FC00000, 0x7FC00000]]> : tensor<4x2xf32>]} {
  %0 = attn.additive_score %q, %k weight %w : (tensor<4x1xf32>, tensor<2x1xf32>, tensor<1xf32>) -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// CHECK: log_sum_exp: as expected
func.func @log_sum_exp(%x: tensor<2x3xf32> {attn.value = dense<[[1.0, 2.0, 4.0], [-1.0, 0.5, 3.0]]> : tensor<2x3xf32>}) -> tensor<2xf32>
    attributes {attn.tolerance = 1.0e-7, attn.expected = [dense<[4.16984602, 3.09567433]> : tensor<2xf32>]} {
  %0 = attn.log_sum_exp %x : (tensor<2x3xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// exp would overflow; one element masked; all masked; NaN; +inf; all -0.
// CHECK: log_sum_exp_edges: as expected
func.func @log_sum_exp_edges(%x: tensor<6x2xf32> {attn.value = dense<[[95.0, 94.0], [1.5, 0xFF800000], [0xFF800000, 0xFF800000],
        [0xFF800000, 0x7FC00000], [0.0, 0x7F800000], [-0.0, -0.0]]> : tensor<6x2xf32>}) -> tensor<6xf32>
    attributes {attn.expected = [dense<[95.3132617, 1.5, 0xFF800000, 0x7FC00000, 0x7FC00000, 0.693147181]> : tensor<6xf32>]} {
  %0 = attn.log_sum_exp %x : (tensor<6x2xf32>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}

// A row of no element.
// CHECK: log_sum_exp_of_nothing: as expected
func.func @log_sum_exp_of_nothing(%x: tensor<2x0xf32> {attn.value = dense<> : tensor<2x0xf32>}) -> tensor<2xf32>
    attributes {attn.expected = [dense<0xFF800000> : tensor<2xf32>]} {
  %0 = attn.log_sum_exp %x : (tensor<2x0xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK: score_weights: as expected
func.func @score_weights(%x: tensor<5xf32> {attn.value = dense<[2.0, -2.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<5xf32>})
    -> (tensor<5xf32>, tensor<5xf32>, tensor<5xf32>) attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[1.0, 0.0, 0.0, 0x7F800000, 0x7FC00000]> : tensor<5xf32>,
        dense<[0.880797078, 0.119202922, 0.0, 1.0, 0x7FC00000]> : tensor<5xf32>,
        dense<[6.0, -6.0, 0.0, 0x7F800000, 0x7FC00000]> : tensor<5xf32>]} {
  %0 = attn.score_weights relu %x {factor = 0.5 : f32} : (tensor<5xf32>) -> tensor<5xf32>
  %1 = attn.score_weights sigmoid %x : (tensor<5xf32>) -> tensor<5xf32>
  %2 = attn.score_weights identity %x {factor = 3.0 : f32} : (tensor<5xf32>) -> tensor<5xf32>
  return %0, %1, %2 : tensor<5xf32>, tensor<5xf32>, tensor<5xf32>
}

// Additive attention with weights and log-sum-exp; key 2 is blocked for query 0, key 1 for nobody.
// CHECK: attention_of_additive_scores: as expected
func.func @attention_of_additive_scores(%q: tensor<1x2x2xf32> {attn.value = dense<[[[1.0, 0.0], [0.5, -1.0]]]> : tensor<1x2x2xf32>},
    %k: tensor<1x3x2xf32> {attn.value = dense<[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5]]]> : tensor<1x3x2xf32>},
    %v: tensor<1x3x2xf32> {attn.value = dense<[[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0]]]> : tensor<1x3x2xf32>},
    %w: tensor<2xf32> {attn.value = dense<[2.0, -0.5]> : tensor<2xf32>},
    %m: tensor<2x3xi1> {attn.value = dense<[[false, false, true], [false, false, false]]> : tensor<2x3xi1>})
    -> (tensor<1x2x2xf32>, tensor<1x2x3xf32>, tensor<1x2xf32>) attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[1.75222416, 0.87166377], [1.35322633, 1.50015667]]]> : tensor<1x2x2xf32>,
        dense<[[[0.62388792, 0.37611208, 0.0], [0.73339834, 0.20660933, 0.05999233]]]> : tensor<1x2x3xf32>,
        dense<[[2.01904262, 2.1203628]]> : tensor<1x2xf32>]} {
  %o, %p, %l = attn.attention %q, %k, %v additive %w captures(%m) attributes {returns_weights, returns_log_sum_exp} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %m_: tensor<2x3xi1>):
    %true = arith.constant true
    %blocked = attn.element %m_[%i, %j] : tensor<2x3xi1> -> i1
    %live = arith.xori %blocked, %true : i1
    attn.score %dot, %live
  } : (tensor<1x2x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<2xf32>, tensor<2x3xi1>)
    -> (tensor<1x2x2xf32>, tensor<1x2x3xf32>, tensor<1x2xf32>)
  return %o, %p, %l : tensor<1x2x2xf32>, tensor<1x2x3xf32>, tensor<1x2xf32>
}

// A row of blocked keys: weights and result by fully_masked, the log-sum-exp -inf.
// CHECK: fully_masked_results: as expected
func.func @fully_masked_results(%q: tensor<1x1x1xf32> {attn.value = dense<1.0> : tensor<1x1x1xf32>},
    %k: tensor<1x2x1xf32> {attn.value = dense<2.0> : tensor<1x2x1xf32>})
    -> (tensor<1x1x1xf32>, tensor<1x1x2xf32>, tensor<1x1xf32>, tensor<1x1x2xf32>) attributes {attn.expected = [
        dense<0.0> : tensor<1x1x1xf32>, dense<0.0> : tensor<1x1x2xf32>, dense<0xFF800000> : tensor<1x1xf32>,
        dense<0x7FC00000> : tensor<1x1x2xf32>]} {
  %o, %p, %l = attn.attention %q, %k, %k attributes {returns_weights, returns_log_sum_exp} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %false = arith.constant false
    attn.score %dot, %false
  } : (tensor<1x1x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>) -> (tensor<1x1x1xf32>, tensor<1x1x2xf32>, tensor<1x1xf32>)
  %on, %pn = attn.attention %q, %k, %k attributes {fully_masked = #attn<fully_masked nan>, returns_weights} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %false = arith.constant false
    attn.score %dot, %false
  } : (tensor<1x1x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>) -> (tensor<1x1x1xf32>, tensor<1x1x2xf32>)
  return %o, %p, %l, %pn : tensor<1x1x1xf32>, tensor<1x1x2xf32>, tensor<1x1xf32>, tensor<1x1x2xf32>
}

// Keys 0 and 2 are live for query 0, none for query 1; NaN in the value of key 1, which is blocked.
// CHECK: relu_attention: as expected
func.func @relu_attention(%q: tensor<1x2x2xf32> {attn.value = dense<[[[1.0, 0.0], [0.5, -1.0]]]> : tensor<1x2x2xf32>},
    %k: tensor<1x3x2xf32> {attn.value = dense<[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5]]]> : tensor<1x3x2xf32>},
    %v: tensor<1x3x2xf32> {attn.value = dense<[[[1.0, 2.0], [0x7FC00000, -1.0], [0.0, 4.0]]]> : tensor<1x3x2xf32>},
    %m: tensor<2x3xi1> {attn.value = dense<[[false, true, false], [true, true, true]]> : tensor<2x3xi1>})
    -> (tensor<1x2x2xf32>, tensor<1x2x3xf32>) attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[0.5, 1.0], [0.0, 0.0]]]> : tensor<1x2x2xf32>,
        dense<[[[0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]]> : tensor<1x2x3xf32>]} {
  %o, %p = attn.attention %q, %k, %v captures(%m) attributes {normalizer = #attn<normalizer relu>, factor = 0.5 : f32, returns_weights} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %m_: tensor<2x3xi1>):
    %true = arith.constant true
    %blocked = attn.element %m_[%i, %j] : tensor<2x3xi1> -> i1
    %live = arith.xori %blocked, %true : i1
    attn.score %dot, %live
  } : (tensor<1x2x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<2x3xi1>) -> (tensor<1x2x2xf32>, tensor<1x2x3xf32>)
  return %o, %p : tensor<1x2x2xf32>, tensor<1x2x3xf32>
}

// Keys 0 and 2 are live for query 0, none for query 1; NaN in the value of key 1, which is blocked.
// CHECK: sigmoid_attention: as expected
func.func @sigmoid_attention(%q: tensor<1x2x2xf32> {attn.value = dense<[[[1.0, 0.0], [0.5, -1.0]]]> : tensor<1x2x2xf32>},
    %k: tensor<1x3x2xf32> {attn.value = dense<[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5]]]> : tensor<1x3x2xf32>},
    %v: tensor<1x3x2xf32> {attn.value = dense<[[[1.0, 2.0], [0x7FC00000, -1.0], [0.0, 4.0]]]> : tensor<1x3x2xf32>},
    %m: tensor<2x3xi1> {attn.value = dense<[[false, true, false], [true, true, true]]> : tensor<2x3xi1>})
    -> (tensor<1x2x2xf32>, tensor<1x2x3xf32>) attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[0.36552929, 1.26894142], [0.0, 0.0]]]> : tensor<1x2x2xf32>,
        dense<[[[0.36552929, 0.0, 0.13447071], [0.0, 0.0, 0.0]]]> : tensor<1x2x3xf32>]} {
  %o, %p = attn.attention %q, %k, %v captures(%m) attributes {normalizer = #attn<normalizer sigmoid>, factor = 0.5 : f32, returns_weights} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %m_: tensor<2x3xi1>):
    %true = arith.constant true
    %blocked = attn.element %m_[%i, %j] : tensor<2x3xi1> -> i1
    %live = arith.xori %blocked, %true : i1
    attn.score %dot, %live
  } : (tensor<1x2x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<2x3xi1>) -> (tensor<1x2x2xf32>, tensor<1x2x3xf32>)
  return %o, %p : tensor<1x2x2xf32>, tensor<1x2x3xf32>
}

// Keys 0 and 2 are live for query 0, none for query 1; NaN in the value of key 1, which is blocked.
// CHECK: identity_attention: as expected
func.func @identity_attention(%q: tensor<1x2x2xf32> {attn.value = dense<[[[1.0, 0.0], [0.5, -1.0]]]> : tensor<1x2x2xf32>},
    %k: tensor<1x3x2xf32> {attn.value = dense<[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5]]]> : tensor<1x3x2xf32>},
    %v: tensor<1x3x2xf32> {attn.value = dense<[[[1.0, 2.0], [0x7FC00000, -1.0], [0.0, 4.0]]]> : tensor<1x3x2xf32>},
    %m: tensor<2x3xi1> {attn.value = dense<[[false, true, false], [true, true, true]]> : tensor<2x3xi1>})
    -> (tensor<1x2x2xf32>, tensor<1x2x3xf32>) attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[0.5, -1.0], [0.0, 0.0]]]> : tensor<1x2x2xf32>,
        dense<[[[0.5, 0.0, -0.5], [0.0, 0.0, 0.0]]]> : tensor<1x2x3xf32>]} {
  %o, %p = attn.attention %q, %k, %v captures(%m) attributes {normalizer = #attn<normalizer identity>, factor = 0.5 : f32, returns_weights} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %m_: tensor<2x3xi1>):
    %true = arith.constant true
    %blocked = attn.element %m_[%i, %j] : tensor<2x3xi1> -> i1
    %live = arith.xori %blocked, %true : i1
    attn.score %dot, %live
  } : (tensor<1x2x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<2x3xi1>) -> (tensor<1x2x2xf32>, tensor<1x2x3xf32>)
  return %o, %p : tensor<1x2x2xf32>, tensor<1x2x3xf32>
}
