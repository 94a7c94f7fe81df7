// RUN: attnc-opt --attnc-find-independent-batch --split-input-file %s | FileCheck %s

// Rows of a batch that meet weights, a mask of their own and each other's sequence, but no other batch element.
// CHECK-LABEL: func.func @layer
// CHECK-SAME: attributes {attn.independent_batch}
attn.parameter @w : tensor<16x8xf32>
attn.parameter @table : tensor<11x8xf32>
func.func @layer(%ids: tensor<?x4xi32>, %lengths: tensor<?xi32>, %bias: tensor<4x4xf32>) -> (tensor<?x8xf32>, tensor<?x2x2x2xf32>) {
  %table = attn.weight @table : tensor<11x8xf32>
  %w = attn.weight @w : tensor<16x8xf32>
  %x = attn.embedding %table, %ids : (tensor<11x8xf32>, tensor<?x4xi32>) -> tensor<?x4x8xf32>
  %padding = attn.padding_mask %lengths {size = 4} : (tensor<?xi32>) -> tensor<?x4xi1>
  %qk = attn.matmul %x, %w {transpose_rhs} : (tensor<?x4x8xf32>, tensor<16x8xf32>) -> tensor<?x4x16xf32>
  %q = attn.slice %qk {axis = 2, start = 0, size = 8} : (tensor<?x4x16xf32>) -> tensor<?x4x8xf32>
  %k = attn.slice %qk {axis = 2, start = 8, size = 8} : (tensor<?x4x16xf32>) -> tensor<?x4x8xf32>
  %s = attn.matmul %q, %k {transpose_rhs} : (tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x4x4xf32>
  %biased = attn.add %s, %bias : (tensor<?x4x4xf32>, tensor<4x4xf32>) -> tensor<?x4x4xf32>
  %p = attn.softmax %biased {axis = 2} : (tensor<?x4x4xf32>) -> tensor<?x4x4xf32>
  %y = attn.matmul %p, %x : (tensor<?x4x4xf32>, tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  %n = attn.layernorm %y {eps = 1.0e-5} : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  %pooled = attn.pool mean %n blocked %padding : (tensor<?x4x8xf32>, tensor<?x4xi1>) -> tensor<?x8xf32>
  %parts = attn.reshape %pooled : (tensor<?x8xf32>) -> tensor<?x2x2x2xf32>
  return %pooled, %parts : tensor<?x8xf32>, tensor<?x2x2x2xf32>
}

// -----

// A mask of each batch element, read at its own number.
// CHECK-LABEL: func.func @own_mask
// CHECK-SAME: attributes {attn.independent_batch}
func.func @own_mask(%scores: tensor<?x2x4x4xf32>, %mask: tensor<?x4xi1>) -> tensor<?x2x4x4xf32> {
  %0 = attn.modify_scores %scores captures(%mask) {
  ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?x4xi1>):
    %live = attn.element %all[%b, %j] : tensor<?x4xi1> -> i1
    attn.score %score, %live
  } : (tensor<?x2x4x4xf32>, tensor<?x4xi1>) -> tensor<?x2x4x4xf32>
  return %0 : tensor<?x2x4x4xf32>
}

// -----

// The number of the batch element decides.
// CHECK-LABEL: func.func @batch_number
// CHECK-NOT: attn.independent_batch
// CHECK: return
func.func @batch_number(%scores: tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32> {
  %0 = attn.modify_scores %scores {
  ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
    %live = arith.cmpi sle, %b, %j : index
    attn.score %score, %live
  } : (tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32>
  return %0 : tensor<?x2x4x4xf32>
}

// -----

// Each batch element reads the mask at the number of a key.
// CHECK-LABEL: func.func @other_rows
// CHECK-NOT: attn.independent_batch
// CHECK: return
func.func @other_rows(%scores: tensor<?x2x4x4xf32>, %mask: tensor<?xi1>) -> tensor<?x2x4x4xf32> {
  %0 = attn.modify_scores %scores captures(%mask) {
  ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi1>):
    %live = attn.element %all[%j] : tensor<?xi1> -> i1
    attn.score %score, %live
  } : (tensor<?x2x4x4xf32>, tensor<?xi1>) -> tensor<?x2x4x4xf32>
  return %0 : tensor<?x2x4x4xf32>
}

// -----

// The batch is the second dimension.
// CHECK-LABEL: func.func @sequence_first
// CHECK-NOT: attn.independent_batch
// CHECK: return
func.func @sequence_first(%x: tensor<4x?x8xf32>) -> tensor<?x4x8xf32> {
  %0 = attn.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<4x?x8xf32>) -> tensor<?x4x8xf32>
  return %0 : tensor<?x4x8xf32>
}

// -----

// A result has the batch as its last dimension, whatever the text claims.
// CHECK-LABEL: func.func @transposed
// CHECK-NOT: attn.independent_batch
// CHECK: return
func.func @transposed(%x: tensor<?x8xf32>) -> tensor<8x?xf32> attributes {attn.independent_batch} {
  %0 = attn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x8xf32>) -> tensor<8x?xf32>
  return %0 : tensor<8x?xf32>
}

// -----

// A result has no batch.
// CHECK-LABEL: func.func @same_for_all
// CHECK-NOT: attn.independent_batch
// CHECK: return
func.func @same_for_all(%x: tensor<?x8xf32>, %y: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<8xf32>) {
  %0 = attn.activation relu %y : (tensor<8xf32>) -> tensor<8xf32>
  return %x, %0 : tensor<?x8xf32>, tensor<8xf32>
}

// -----

// There is no batch.
// CHECK-LABEL: func.func @fixed
// CHECK-NOT: attn.independent_batch
// CHECK: return
func.func @fixed(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = attn.activation relu %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// Each sequence has its own cache and place.
// CHECK-LABEL: func.func @cache
// CHECK-SAME: attn.independent_batch
func.func @cache(%c: tensor<?x1x4x8xf32> {attn.state = 0 : i64}, %p: tensor<?xi32>, %r: tensor<?x1x1x8xf32>) -> tensor<?x1x4x8xf32> {
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<?x1x4x8xf32>, tensor<?xi32>, tensor<?x1x1x8xf32>) -> tensor<?x1x4x8xf32>
  return %0 : tensor<?x1x4x8xf32>
}
