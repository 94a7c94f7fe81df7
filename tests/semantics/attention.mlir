// RUN: attnc-opt --run-reference %s | FileCheck %s
// The expected values of plain, key_padding, causal, alibi and softcap are PyTorch 2.15's, in f64.

// softmax(q k^T / sqrt(2)) v.
// CHECK: plain: as expected
func.func @plain(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0], [-2.0, 0.5]]]]> : tensor<1x1x4x2xf32>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[0.5602627614, 1.1931550421], [0.7453119856, 2.0384628213], [-0.1247281159, 0.8061011613]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %scale = arith.constant 0.70710678118 : f32
    %s = arith.mulf %dot, %scale : f32
    %true = arith.constant true
    attn.score %s, %true
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// Key 1 is blocked.
// CHECK: key_padding: as expected
func.func @key_padding(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0], [-2.0, 0.5]]]]> : tensor<1x1x4x2xf32>},
    %m: tensor<?x4xi1> {attn.value = dense<[[false, true, false, false]]> : tensor<1x4xi1>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[-0.0965431468, 1.7835781280], [0.3319889597, 2.5954652266], [-0.7496030384, 1.1672805284]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %m_: tensor<?x4xi1>):
    %scale = arith.constant 0.70710678118 : f32
    %s = arith.mulf %dot, %scale : f32
    %true = arith.constant true
    %blocked = attn.element %m_[%b, %j] : tensor<?x4xi1> -> i1
    %live = arith.xori %blocked, %true : i1
    attn.score %s, %live
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>, tensor<?x4xi1>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// NaN and inf in the key and the value of a blocked key have no influence.
// CHECK: blocked_nan: as expected
func.func @blocked_nan(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0x7FC00000, 0x7F800000], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [0x7F800000, 0x7FC00000], [0.0, 4.0], [-2.0, 0.5]]]]> : tensor<1x1x4x2xf32>},
    %m: tensor<?x4xi1> {attn.value = dense<[[false, true, false, false]]> : tensor<1x4xi1>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[-0.0965431468, 1.7835781280], [0.3319889597, 2.5954652266], [-0.7496030384, 1.1672805284]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %m_: tensor<?x4xi1>):
    %scale = arith.constant 0.70710678118 : f32
    %s = arith.mulf %dot, %scale : f32
    %true = arith.constant true
    %blocked = attn.element %m_[%b, %j] : tensor<?x4xi1> -> i1
    %live = arith.xori %blocked, %true : i1
    attn.score %s, %live
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>, tensor<?x4xi1>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// A NaN in the second query makes its row NaN, and no other.
// CHECK: live_nan: as expected
func.func @live_nan(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[1.0, 0.0], [0x7FC00000, -1.0], [2.0, 1.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0], [-2.0, 0.5]]]]> : tensor<1x1x4x2xf32>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[0.5602627614, 1.1931550421], [0x7FC00000, 0x7FC00000], [-0.1247281159, 0.8061011613]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %scale = arith.constant 0.70710678118 : f32
    %s = arith.mulf %dot, %scale : f32
    %true = arith.constant true
    attn.score %s, %true
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// Query i sees keys 0..i.
// CHECK: causal: as expected
func.func @causal(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0], [-2.0, 0.5]]]]> : tensor<1x1x4x2xf32>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[1.0, 2.0], [1.5143666305, 1.2284500543], [1.6155683578, 1.0901702481]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %scale = arith.constant 0.70710678118 : f32
    %s = arith.mulf %dot, %scale : f32
    %live = arith.cmpi ule, %j, %i : index
    attn.score %s, %live
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// A bias that falls with the distance of query and key.
// CHECK: alibi: as expected
func.func @alibi(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0], [-2.0, 0.5]]]]> : tensor<1x1x4x2xf32>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[1.0755422109, 1.3977811808], [1.0419676192, 1.7997651053], [-0.2941583320, 0.6580502089]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %scale = arith.constant 0.70710678118 : f32
    %s = arith.mulf %dot, %scale : f32
    %distance = arith.subi %i, %j : index
    %integer = arith.index_cast %distance : index to i64
    %number = arith.sitofp %integer : i64 to f32
    %magnitude = math.absf %number : f32
    %slope = arith.constant -0.5 : f32
    %bias = arith.mulf %magnitude, %slope : f32
    %biased = arith.addf %s, %bias : f32
    %true = arith.constant true
    attn.score %biased, %true
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// 2 tanh(score / 2).
// CHECK: softcap: as expected
func.func @softcap(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0], [-2.0, 0.5]]]]> : tensor<1x1x4x2xf32>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[0.5535979843, 1.1919746031], [0.6746790636, 1.8861744745], [0.2945611829, 0.7486848656]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %scale = arith.constant 0.70710678118 : f32
    %s = arith.mulf %dot, %scale : f32
    %two = arith.constant 2.0 : f32
    %half = arith.divf %s, %two : f32
    %tanh = math.tanh %half : f32
    %capped = arith.mulf %tanh, %two : f32
    %true = arith.constant true
    attn.score %capped, %true
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// A float mask is added; -inf in a whole row makes it +0.
// CHECK: float_mask: as expected
func.func @float_mask(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0], [-2.0, 0.5]]]]> : tensor<1x1x4x2xf32>},
    %m: tensor<3x4xf32> {attn.value = dense<[[0.0, 0xFF800000, 0.0, 0.0], [0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0xFF800000, 0.0, 0.0]]> : tensor<3x4xf32>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[-0.0965431468, 1.7835781280], [0.0, 0.0], [-0.7496030384, 1.1672805284]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %m_: tensor<3x4xf32>):
    %scale = arith.constant 0.70710678118 : f32
    %s = arith.mulf %dot, %scale : f32
    %bias = attn.element %m_[%i, %j] : tensor<3x4xf32> -> f32
    %biased = arith.addf %s, %bias : f32
    %true = arith.constant true
    attn.score %biased, %true
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>, tensor<3x4xf32>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// The same row under the other policy.
// CHECK: float_mask_nan: as expected
func.func @float_mask_nan(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [3.0, -1.0], [0.0, 4.0], [-2.0, 0.5]]]]> : tensor<1x1x4x2xf32>},
    %m: tensor<3x4xf32> {attn.value = dense<[[0.0, 0xFF800000, 0.0, 0.0], [0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0xFF800000, 0.0, 0.0]]> : tensor<3x4xf32>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[-0.0965431468, 1.7835781280], [0x7FC00000, 0x7FC00000], [-0.7496030384, 1.1672805284]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v captures(%m) attributes {fully_masked = #attn<fully_masked nan>} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %m_: tensor<3x4xf32>):
    %scale = arith.constant 0.70710678118 : f32
    %s = arith.mulf %dot, %scale : f32
    %bias = attn.element %m_[%i, %j] : tensor<3x4xf32> -> f32
    %biased = arith.addf %s, %bias : f32
    %true = arith.constant true
    attn.score %biased, %true
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>, tensor<3x4xf32>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// A query without a live key is +0, though the query is NaN.
// CHECK: no_live_key: as expected
func.func @no_live_key(%q: tensor<?x1x3x2xf32> {attn.value = dense<[[[[0.0, 0.0], [0x7FC00000, 0.0], [0.0, 0.0]]]]> : tensor<1x1x3x2xf32>},
    %k: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 1.0], [0.0, 2.0], [-1.0, 0.5], [0.25, 3.0]]]]> : tensor<1x1x4x2xf32>},
    %v: tensor<?x1x4x2xf32> {attn.value = dense<[[[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]]]> : tensor<1x1x4x2xf32>},
    %m: tensor<3x1xi1> {attn.value = dense<[[false], [true], [false]]> : tensor<3x1xi1>})
    -> tensor<?x1x3x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[[1.0, 2.0], [0.0, 0.0], [1.0, 2.0]]]]> : tensor<1x1x3x2xf32>]} {
  %o = attn.attention %q, %k, %v captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %m_: tensor<3x1xi1>):
    %true = arith.constant true
    %zero = arith.constant 0 : index
    %blocked = attn.element %m_[%i, %zero] : tensor<3x1xi1> -> i1
    %live = arith.xori %blocked, %true : i1
    attn.score %dot, %live
  } : (tensor<?x1x3x2xf32>, tensor<?x1x4x2xf32>, tensor<?x1x4x2xf32>, tensor<3x1xi1>) -> tensor<?x1x3x2xf32>
  return %o : tensor<?x1x3x2xf32>
}

// Without a batch, whose index is then 0; two heads, of which the region negates the second.
// CHECK: rank_3: as expected
func.func @rank_3(%q: tensor<2x1x1xf32> {attn.value = dense<[[[1.0]], [[1.0]]]> : tensor<2x1x1xf32>},
    %k: tensor<2x2x1xf32> {attn.value = dense<[[[1.0], [0.0]], [[1.0], [0.0]]]> : tensor<2x2x1xf32>},
    %v: tensor<2x2x1xf32> {attn.value = dense<[[[1.0], [0.0]], [[1.0], [0.0]]]> : tensor<2x2x1xf32>})
    -> tensor<2x1x1xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[0.7310585786]], [[0.2689414214]]]> : tensor<2x1x1xf32>]} {
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %zero = arith.constant 0 : index
    %first = arith.cmpi eq, %h, %zero : index
    %negated = arith.negf %dot : f32
    %s = arith.select %first, %dot, %negated : f32
    %live = arith.cmpi eq, %b, %zero : index
    attn.score %s, %live
  } : (tensor<2x1x1xf32>, tensor<2x2x1xf32>, tensor<2x2x1xf32>) -> tensor<2x1x1xf32>
  return %o : tensor<2x1x1xf32>
}

// No key at all: +0.
// CHECK: empty: as expected
func.func @empty(%q: tensor<1x2x3xf32> {attn.value = dense<1.0> : tensor<1x2x3xf32>},
    %k: tensor<1x0x3xf32> {attn.value = dense<> : tensor<1x0x3xf32>},
    %v: tensor<1x0x1xf32> {attn.value = dense<> : tensor<1x0x1xf32>}) -> tensor<1x2x1xf32>
    attributes {attn.expected = [dense<0.0> : tensor<1x2x1xf32>]} {
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.score %dot, %true
  } : (tensor<1x2x3xf32>, tensor<1x0x3xf32>, tensor<1x0x1xf32>) -> tensor<1x2x1xf32>
  return %o : tensor<1x2x1xf32>
}

// head_dim 0: every dot product is 0, so the row is the mean of the values.
// CHECK: head_dim_0: as expected
func.func @head_dim_0(%q: tensor<1x1x0xf32> {attn.value = dense<> : tensor<1x1x0xf32>},
    %k: tensor<1x2x0xf32> {attn.value = dense<> : tensor<1x2x0xf32>},
    %v: tensor<1x2x1xf32> {attn.value = dense<[[[1.0], [4.0]]]> : tensor<1x2x1xf32>}) -> tensor<1x1x1xf32>
    attributes {attn.expected = [dense<2.5> : tensor<1x1x1xf32>]} {
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.score %dot, %true
  } : (tensor<1x1x0xf32>, tensor<1x2x0xf32>, tensor<1x2x1xf32>) -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

// Scores 100, +inf and -inf of keys that take part; the NaN value of the last key counts though its weight is 0.
// CHECK: extreme_scores: as expected
func.func @extreme_scores(%q: tensor<1x4x1xf32> {attn.value = dense<[[[1.0], [0x7F800000], [0.0], [-1.0]]]> : tensor<1x4x1xf32>},
    %k: tensor<1x2x1xf32> {attn.value = dense<[[[100.0], [99.0]]]> : tensor<1x2x1xf32>},
    %v: tensor<1x2x2xf32> {attn.value = dense<[[[1.0, 1.0], [0.0, 0x7FC00000]]]> : tensor<1x2x2xf32>},
    %m: tensor<4x2xf32> {attn.value = dense<[[0.0, 0.0], [0.0, 0.0], [0.0, 0xFF800000], [0.0, 0.0]]> : tensor<4x2xf32>})
    -> tensor<1x4x2xf32> attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[[[0.7310585786, 0x7FC00000], [0x7FC00000, 0x7FC00000], [1.0, 0x7FC00000], [0.2689414214, 0x7FC00000]]]> : tensor<1x4x2xf32>]} {
  %o = attn.attention %q, %k, %v captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %mask: tensor<4x2xf32>):
    %bias = attn.element %mask[%i, %j] : tensor<4x2xf32> -> f32
    %s = arith.addf %dot, %bias : f32
    %true = arith.constant true
    attn.score %s, %true
  } : (tensor<1x4x1xf32>, tensor<1x2x1xf32>, tensor<1x2x2xf32>, tensor<4x2xf32>) -> tensor<1x4x2xf32>
  return %o : tensor<1x4x2xf32>
}
