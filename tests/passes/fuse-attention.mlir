// RUN: attnc-opt --attnc-fuse-attention=explain --split-input-file --verify-diagnostics %s | FileCheck %s

// Captures are indexed by batch, head, query and key, aligned at the last dimension; a reshape by extents of 1 is an index.
// CHECK-LABEL: func.func @scale_mask_bias
// CHECK-SAME: (%[[Q:.+]]: tensor<?x2x5x4xf32>, %[[K:.+]]: tensor<?x2x5x4xf32>, %[[V:.+]]: tensor<?x2x5x4xf32>, %[[PAD:.+]]: tensor<?x5xi1>, %[[BIAS:.+]]: tensor<2x1x5xf32>)
// CHECK-NEXT: %[[OUT:.+]] = attn.attention %[[Q]], %[[K]], %[[V]] captures(%[[BIAS]], %[[PAD]]) attributes {fully_masked = {{.*}}nan{{.*}}} {
// CHECK-NEXT: ^bb0(%[[DOT:.+]]: f32, %[[B:.+]]: index, %[[H:.+]]: index, %[[I:.+]]: index, %[[J:.+]]: index, %[[CBIAS:.+]]: tensor<2x1x5xf32>, %[[CPAD:.+]]: tensor<?x5xi1>):
// CHECK-DAG: %[[FACTOR:.+]] = arith.constant 5.000000e-01 : f32
// CHECK-DAG: %[[SCALED:.+]] = arith.mulf %[[DOT]], %[[FACTOR]] : f32
// CHECK-DAG: %[[ZERO:.+]] = arith.constant 0 : index
// CHECK: %[[ELEMENT:.+]] = attn.element %[[CBIAS]][%[[H]], %[[ZERO]], %[[J]]]
// CHECK: %[[SCORE:.+]] = arith.addf %[[SCALED]], %[[ELEMENT]] : f32
// CHECK: %[[BLOCKED:.+]] = attn.element %[[CPAD]][%[[B]], %[[J]]]
// CHECK: %[[LIVE:.+]] = arith.xori %[[BLOCKED]]
// CHECK: attn.score %[[SCORE]], %[[LIVE]]
// CHECK: return %[[OUT]]
func.func @scale_mask_bias(%q: tensor<?x2x5x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x4xf32>, %pad: tensor<?x5xi1>,
                           %bias: tensor<2x1x5xf32>) -> tensor<?x2x5x4xf32> {
  %0 = attn.matmul %q, %k {transpose_rhs} : (tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x5xf32>
  %1 = attn.scale %0 {factor = 0.5 : f32} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
  %2 = attn.add %1, %bias : (tensor<?x2x5x5xf32>, tensor<2x1x5xf32>) -> tensor<?x2x5x5xf32>
  %3 = attn.reshape %pad : (tensor<?x5xi1>) -> tensor<?x1x1x5xi1>
  %4 = attn.mask %2, %3 : (tensor<?x2x5x5xf32>, tensor<?x1x1x5xi1>) -> tensor<?x2x5x5xf32>
  %5 = attn.softmax %4 {axis = 3, fully_masked = #attn<fully_masked nan>} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
  %6 = attn.matmul %5, %v : (tensor<?x2x5x5xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
  return %6 : tensor<?x2x5x4xf32>
}

// -----

// Rank 3, the scale on the query; without a mask every key takes part.
// CHECK-LABEL: func.func @query_scale
// CHECK-SAME: (%[[Q:.+]]: tensor<2x5x4xf32>, %[[K:.+]]: tensor<2x7x4xf32>, %[[V:.+]]: tensor<2x7x6xf32>)
// CHECK-NEXT: attn.attention %[[Q]], %[[K]], %[[V]] {
// CHECK: arith.mulf
// CHECK: %[[TRUE:.+]] = arith.constant true
// CHECK: attn.score %{{.+}}, %[[TRUE]]
func.func @query_scale(%q: tensor<2x5x4xf32>, %k: tensor<2x7x4xf32>, %v: tensor<2x7x6xf32>) -> tensor<2x5x6xf32> {
  %0 = attn.scale %q {factor = 0.5 : f32} : (tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %1 = attn.matmul %0, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x7x4xf32>) -> tensor<2x5x7xf32>
  %2 = attn.softmax %1 {axis = 2} : (tensor<2x5x7xf32>) -> tensor<2x5x7xf32>
  %3 = attn.matmul %2, %v : (tensor<2x5x7xf32>, tensor<2x7x6xf32>) -> tensor<2x5x6xf32>
  return %3 : tensor<2x5x6xf32>
}

// -----

// Must not fuse because somebody else reads the scores.
// CHECK-LABEL: func.func @scores_returned
// CHECK-NOT: attn.attention
func.func @scores_returned(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>, tensor<2x5x5xf32>) {
  // expected-remark @below {{the scores have several users}}
  %s = attn.matmul %q, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  %p = attn.softmax %s {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o, %s : tensor<2x5x4xf32>, tensor<2x5x5xf32>
}

// -----

// Probabilities that somebody else reads, and the log-sum-exp of the scores, are further results.
// CHECK-LABEL: func.func @probabilities_and_log_sum_exp_returned
// CHECK-NEXT: %[[OUT:.+]], %[[FURTHER:.+]]:2 = attn.attention %{{.+}}, %{{.+}}, %{{.+}} attributes {returns_log_sum_exp, returns_weights} {
// CHECK-NOT: attn.softmax
// CHECK: return %[[OUT]], %[[FURTHER]]#0, %[[FURTHER]]#1
func.func @probabilities_and_log_sum_exp_returned(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>)
    -> (tensor<2x5x4xf32>, tensor<2x5x5xf32>, tensor<2x5xf32>) {
  %s = attn.matmul %q, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  %l = attn.log_sum_exp %s : (tensor<2x5x5xf32>) -> tensor<2x5xf32>
  %p = attn.softmax %s {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o, %p, %l : tensor<2x5x4xf32>, tensor<2x5x5xf32>, tensor<2x5xf32>
}

// -----

// The attention goes before the first reader of its results.
// CHECK-LABEL: func.func @read_before_the_values
// CHECK: %[[OUT:.+]], %[[WEIGHTS:.+]] = attn.attention
// CHECK: %[[MEAN:.+]] = attn.mean %[[WEIGHTS]]
// CHECK: return %[[OUT]], %[[MEAN]]
func.func @read_before_the_values(%q: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>, tensor<5x5xf32>) {
  %s = attn.matmul %q, %q {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  %p = attn.softmax %s {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %m = attn.mean %p {axis = 0} : (tensor<2x5x5xf32>) -> tensor<5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o, %m : tensor<2x5x4xf32>, tensor<5x5xf32>
}

// -----

// Must not fuse because the value is made of the probabilities.
// CHECK-LABEL: func.func @value_of_probabilities
// CHECK-NOT: attn.attention
func.func @value_of_probabilities(%q: tensor<2x5x4xf32>) -> (tensor<2x5x5xf32>, tensor<2x5x5xf32>) {
  %s = attn.matmul %q, %q {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  %p = attn.softmax %s {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  // expected-remark @below {{the weights or the log-sum-exp are read before the value is known}}
  %o = attn.matmul %p, %p : (tensor<2x5x5xf32>, tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %t = attn.activation tanh %p : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  // expected-remark @below {{the weights or the log-sum-exp are read before the value is known}}
  %o2 = attn.matmul %p, %t : (tensor<2x5x5xf32>, tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  return %o, %o2 : tensor<2x5x5xf32>, tensor<2x5x5xf32>
}

// -----

// Two values of the same weights: the first attention hands its weights to the second matmul.
// CHECK-LABEL: func.func @two_values
// CHECK: %{{.+}}, %[[WEIGHTS:.+]] = attn.attention
// CHECK-NOT: attn.attention
// CHECK: attn.matmul %[[WEIGHTS]]
func.func @two_values(%q: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %w: tensor<2x5x3xf32>) -> (tensor<2x5x4xf32>, tensor<2x5x3xf32>) {
  %s = attn.matmul %q, %q {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  %p = attn.softmax %s {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  // expected-remark @below {{another attention computes its weights}}
  %o2 = attn.matmul %p, %w : (tensor<2x5x5xf32>, tensor<2x5x3xf32>) -> tensor<2x5x3xf32>
  return %o, %o2 : tensor<2x5x4xf32>, tensor<2x5x3xf32>
}

// -----

// Additive scores, masked, with weights that are no softmax.
// CHECK-LABEL: func.func @additive_relu
// CHECK-SAME: (%[[Q:.+]]: tensor<2x5x4xf32>, %[[V:.+]]: tensor<2x5x4xf32>, %[[W:.+]]: tensor<4xf32>, %[[B:.+]]: tensor<5x5xi1>)
// CHECK-NEXT: attn.attention %[[Q]], %[[Q]], %[[V]] additive %[[W]] captures(%[[B]]) attributes {factor = 2.000000e-01 : f32, normalizer = {{.*}}relu{{.*}}} {
// CHECK: attn.score
func.func @additive_relu(%q: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %w: tensor<4xf32>, %b: tensor<5x5xi1>) -> tensor<2x5x4xf32> {
  %s = attn.additive_score %q, %q weight %w : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<4xf32>) -> tensor<2x5x5xf32>
  %m = attn.mask %s, %b : (tensor<2x5x5xf32>, tensor<5x5xi1>) -> tensor<2x5x5xf32>
  %p = attn.score_weights relu %m {factor = 0.2 : f32} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o : tensor<2x5x4xf32>
}

// -----

// Must not fuse because the mask gives blocked keys a weight.
// CHECK-LABEL: func.func @other_fill
// CHECK-NOT: attn.attention
func.func @other_fill(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %m: tensor<5xi1>) -> tensor<2x5x4xf32> {
  %s = attn.matmul %q, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  // expected-remark @below {{a mask that fills with another value than -inf blocks no key}}
  %b = attn.mask %s, %m {fill = 0.0 : f32} : (tensor<2x5x5xf32>, tensor<5xi1>) -> tensor<2x5x5xf32>
  %p = attn.softmax %b {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o : tensor<2x5x4xf32>
}

// -----

// Must not fuse because the softmax runs over the queries.
// CHECK-LABEL: func.func @other_axis
// CHECK-NOT: attn.attention
func.func @other_axis(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %s = attn.matmul %q, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  // expected-remark @below {{softmax runs along axis 1, not over the keys}}
  %p = attn.softmax %s {axis = 1} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o : tensor<2x5x4xf32>
}

// -----

// Must not fuse because an op between is no score function.
// CHECK-LABEL: func.func @other_op
// CHECK-NOT: attn.attention
func.func @other_op(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %s = attn.matmul %q, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  // expected-remark @below {{'attn.activation' between the scores and their normalizer is not a score function}}
  %a = attn.activation tanh %s : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = attn.softmax %a {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o : tensor<2x5x4xf32>
}

// -----

// Must not fuse because -inf times a negative factor is +inf.
// CHECK-LABEL: func.func @negative_factor
// CHECK-NOT: attn.attention
func.func @negative_factor(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %b: tensor<5x5xi1>) -> tensor<2x5x4xf32> {
  %s = attn.matmul %q, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  %m = attn.mask %s, %b : (tensor<2x5x5xf32>, tensor<5x5xi1>) -> tensor<2x5x5xf32>
  // expected-remark @below {{a factor that is not positive after a mask turns -inf into another value}}
  %a = attn.scale %m {factor = -1.0 : f32} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %p = attn.softmax %a {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o : tensor<2x5x4xf32>
}

// -----

// Must not fuse because the value is transposed.
// CHECK-LABEL: func.func @transposed_value
// CHECK-NOT: attn.attention
func.func @transposed_value(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %t: tensor<2x4x5xf32>) -> tensor<2x5x4xf32> {
  %s = attn.matmul %q, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  %p = attn.softmax %s {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  // expected-remark @below {{value is transposed}}
  %o = attn.matmul %p, %t {transpose_rhs} : (tensor<2x5x5xf32>, tensor<2x4x5xf32>) -> tensor<2x5x4xf32>
  return %o : tensor<2x5x4xf32>
}

// -----

// Must not fuse because the scores are an argument.
// CHECK-LABEL: func.func @scores_of_input
// CHECK-NOT: attn.attention
func.func @scores_of_input(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %x: tensor<2x5x5xf32>) -> tensor<2x5x4xf32> {
  // expected-remark @below {{its scores are an input of the model}}
  %p = attn.softmax %x {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o : tensor<2x5x4xf32>
}

// -----

// Must not fuse because the key is not transposed.
// CHECK-LABEL: func.func @plain_rhs
// CHECK-NOT: attn.attention
func.func @plain_rhs(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %t: tensor<2x4x5xf32>) -> tensor<2x5x4xf32> {
  // expected-remark @below {{the scores are no product of queries and keys: rhs is not transposed}}
  %s = attn.matmul %q, %t : (tensor<2x5x4xf32>, tensor<2x4x5xf32>) -> tensor<2x5x5xf32>
  %p = attn.softmax %s {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %o = attn.matmul %p, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %o : tensor<2x5x4xf32>
}

// -----

// Must not fuse because the mask is per batch element, the scores are not.
// CHECK-LABEL: func.func @mask_broadcasts_scores
// CHECK-NOT: attn.attention
func.func @mask_broadcasts_scores(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x5x4xf32>, %v: tensor<3x2x5x4xf32>, %b: tensor<3x1x1x5xf32>) -> tensor<3x2x5x4xf32> {
  %0 = attn.matmul %q, %k {transpose_rhs} : (tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>) -> tensor<1x2x5x5xf32>
  // expected-remark @below {{a mask or bias broadcasts the scores}}
  %1 = attn.add %0, %b : (tensor<1x2x5x5xf32>, tensor<3x1x1x5xf32>) -> tensor<3x2x5x5xf32>
  %2 = attn.softmax %1 {axis = 3} : (tensor<3x2x5x5xf32>) -> tensor<3x2x5x5xf32>
  %3 = attn.matmul %2, %v : (tensor<3x2x5x5xf32>, tensor<3x2x5x4xf32>) -> tensor<3x2x5x4xf32>
  return %3 : tensor<3x2x5x4xf32>
}

// -----

// Must not fuse because there is no head dimension.
// CHECK-LABEL: func.func @rank_two
// CHECK-NOT: attn.attention
func.func @rank_two(%q: tensor<5x4xf32>) -> tensor<5x4xf32> {
  // expected-remark @below {{the scores have rank 2, not [batch,] heads, queries, keys}}
  %0 = attn.matmul %q, %q {transpose_rhs} : (tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x5xf32>
  %1 = attn.softmax %0 {axis = 1} : (tensor<5x5xf32>) -> tensor<5x5xf32>
  %2 = attn.matmul %1, %q : (tensor<5x5xf32>, tensor<5x4xf32>) -> tensor<5x4xf32>
  return %2 : tensor<5x4xf32>
}

// -----

// Must not fuse because the batch stands where the heads belong.
// CHECK-LABEL: func.func @batch_for_heads
// CHECK-NOT: attn.attention
func.func @batch_for_heads(%q: tensor<?x5x4xf32>) -> tensor<?x5x4xf32> {
  // expected-remark @below {{the run-time batch is not the batch dimension of the scores}}
  %0 = attn.matmul %q, %q {transpose_rhs} : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x5xf32>
  %1 = attn.softmax %0 {axis = 2} : (tensor<?x5x5xf32>) -> tensor<?x5x5xf32>
  %2 = attn.matmul %1, %q : (tensor<?x5x5xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  return %2 : tensor<?x5x4xf32>
}

// -----

// Must not fuse because all heads share one value.
// CHECK-LABEL: func.func @shared_value
// CHECK-NOT: attn.attention
func.func @shared_value(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<5x4xf32>) -> tensor<2x5x4xf32> {
  // expected-remark @below {{key or value has no head dimension of its own}}
  %0 = attn.matmul %q, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  %1 = attn.softmax %0 {axis = 2} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %2 = attn.matmul %1, %v : (tensor<2x5x5xf32>, tensor<5x4xf32>) -> tensor<2x5x4xf32>
  return %2 : tensor<2x5x4xf32>
}

// -----

// The region of modify_scores is taken over, after the scale and before the mask; its captures become captures.
// CHECK-LABEL: func.func @modify_scores
// CHECK: attn.attention %{{.+}}, %{{.+}}, %{{.+}} captures(%[[SLOPES:.+]], %[[PAD:.+]]) {
// CHECK: ^bb0(%[[DOT:.+]]: f32, %[[B:.+]]: index, %[[H:.+]]: index, %[[I:.+]]: index, %[[J:.+]]: index, %[[CSLOPES:.+]]: tensor<2xf32>, %[[CPAD:.+]]: tensor<?x5xi1>):
// CHECK: %[[SCALED:.+]] = arith.mulf %[[DOT]]
// CHECK: %[[SLOPE:.+]] = attn.element %[[CSLOPES]][%[[H]]]
// CHECK: %[[SCORE:.+]] = arith.addf %[[SCALED]], %[[SLOPE]]
// CHECK: %[[CAUSAL:.+]] = arith.cmpi sle, %[[J]], %[[I]]
// CHECK: %[[BLOCKED:.+]] = attn.element %[[CPAD]][%[[B]], %[[J]]]
// CHECK: %[[FREE:.+]] = arith.xori %[[BLOCKED]]
// CHECK: %[[LIVE:.+]] = arith.andi %[[CAUSAL]], %[[FREE]]
// CHECK: attn.score %[[SCORE]], %[[LIVE]]
func.func @modify_scores(%q: tensor<?x2x5x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x4xf32>, %slopes: tensor<2xf32>,
                         %padding: tensor<?x5xi1>) -> tensor<?x2x5x4xf32> {
  %pad = attn.reshape %padding : (tensor<?x5xi1>) -> tensor<?x1x1x5xi1>
  %0 = attn.matmul %q, %k {transpose_rhs} : (tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x5xf32>
  %1 = attn.scale %0 {factor = 0.5 : f32} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
  %2 = attn.modify_scores %1 captures(%slopes) {
    ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index, %t: tensor<2xf32>):
      %slope = attn.element %t[%h] : tensor<2xf32> -> f32
      %s = arith.addf %score, %slope : f32
      %causal = arith.cmpi sle, %j, %i : index
      attn.score %s, %causal
  } : (tensor<?x2x5x5xf32>, tensor<2xf32>) -> tensor<?x2x5x5xf32>
  %3 = attn.mask %2, %pad : (tensor<?x2x5x5xf32>, tensor<?x1x1x5xi1>) -> tensor<?x2x5x5xf32>
  %4 = attn.softmax %3 {axis = 3 : i64} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
  %5 = attn.matmul %4, %v : (tensor<?x2x5x5xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
  return %5 : tensor<?x2x5x4xf32>
}

// -----

// A soft-cap turns the -inf of a mask before it into a finite score.
// CHECK-LABEL: func.func @modified_after_mask
// CHECK-NOT: attn.attention
func.func @modified_after_mask(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %pad: tensor<5xi1>) -> tensor<2x5x4xf32> {
  %0 = attn.matmul %q, %k {transpose_rhs} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x5xf32>
  %1 = attn.mask %0, %pad : (tensor<2x5x5xf32>, tensor<5xi1>) -> tensor<2x5x5xf32>
  // expected-remark@+1 {{a score function after a mask may turn -inf into another value}}
  %2 = attn.modify_scores %1 {
    ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
      %s = math.tanh %score : f32
      %true = arith.constant true
      attn.score %s, %true
  } : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %3 = attn.softmax %2 {axis = 2 : i64} : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %4 = attn.matmul %3, %v : (tensor<2x5x5xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %4 : tensor<2x5x4xf32>
}
