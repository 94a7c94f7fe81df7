// RUN: attnc-opt --attnc-canonicalize-graph --split-input-file %s | FileCheck %s

// A residual stands right of what was computed last; a weight stands right of everything, and leads the block.
attn.parameter @w : tensor<8x8xf32>
attn.parameter @b : tensor<8xf32>
// CHECK-LABEL: func.func @operand_order
// CHECK-SAME: (%[[X:.+]]: tensor<4x8xf32>)
// CHECK-NEXT: %[[W:.+]] = attn.weight @w
// CHECK-NEXT: %[[B:.+]] = attn.weight @b
// CHECK-NEXT: %[[PRODUCT:.+]] = attn.matmul %[[X]], %[[W]]
// CHECK-NEXT: %[[BIASED:.+]] = attn.add %[[PRODUCT]], %[[B]]
// CHECK-NEXT: %[[SUM:.+]] = attn.add %[[BIASED]], %[[X]]
// CHECK-NEXT: return %[[SUM]]
func.func @operand_order(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %w = attn.weight @w : tensor<8x8xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %b = attn.weight @b : tensor<8xf32>
  %1 = attn.add %b, %0 : (tensor<8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = attn.add %x, %1 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func.func @one_number
// CHECK-SAME: (%[[X:.+]]: tensor<4x8xf32>)
// CHECK-NEXT: %[[SCALED:.+]] = attn.scale %[[X]] {factor = 2.500000e-01 : f32}
// CHECK-NEXT: return %[[SCALED]]
func.func @one_number(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %c = attn.constant dense<0.25> : tensor<1x1xf32>
  %0 = attn.mul %c, %x : (tensor<1x1xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// The constant's shape broadcasts the other operand: not a scale.
// CHECK-LABEL: func.func @one_number_broadcasts
// CHECK: attn.mul
func.func @one_number_broadcasts(%x: tensor<1x8xf32>) -> tensor<4x8xf32> {
  %c = attn.constant dense<0.25> : tensor<4x8xf32>
  %0 = attn.mul %x, %c : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func.func @transposed_rhs
// CHECK-SAME: (%[[Q:.+]]: tensor<2x4x8xf32>, %[[K:.+]]: tensor<2x5x8xf32>)
// CHECK-NEXT: attn.matmul %[[Q]], %[[K]] {transpose_rhs}
func.func @transposed_rhs(%q: tensor<2x4x8xf32>, %k: tensor<2x5x8xf32>) -> tensor<2x4x5xf32> {
  %0 = attn.transpose %k {permutation = array<i64: 0, 2, 1>} : (tensor<2x5x8xf32>) -> tensor<2x8x5xf32>
  %1 = attn.matmul %q, %0 : (tensor<2x4x8xf32>, tensor<2x8x5xf32>) -> tensor<2x4x5xf32>
  return %1 : tensor<2x4x5xf32>
}

// -----

// A transposition of another dimension stays.
// CHECK-LABEL: func.func @transposed_batch
// CHECK: attn.transpose
func.func @transposed_batch(%q: tensor<2x4x8xf32>, %k: tensor<8x2x5xf32>) -> tensor<2x4x5xf32> {
  %0 = attn.transpose %k {permutation = array<i64: 1, 0, 2>} : (tensor<8x2x5xf32>) -> tensor<2x8x5xf32>
  %1 = attn.matmul %q, %0 : (tensor<2x4x8xf32>, tensor<2x8x5xf32>) -> tensor<2x4x5xf32>
  return %1 : tensor<2x4x5xf32>
}

// -----

// Equal ops are one op; parameters stay, read or not.
// CHECK: attn.parameter @unread
attn.parameter @unread : tensor<8xf32>
// CHECK-LABEL: func.func @equal_ops
// CHECK-NEXT: %[[ACT:.+]] = attn.activation relu
// CHECK-NEXT: %[[SUM:.+]] = attn.add %[[ACT]], %[[ACT]]
// CHECK-NEXT: return %[[SUM]]
func.func @equal_ops(%x: tensor<8xf32>) -> tensor<8xf32> {
  %w = attn.weight @unread : tensor<8xf32>
  %0 = attn.activation relu %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = attn.activation relu %x : (tensor<8xf32>) -> tensor<8xf32>
  %2 = attn.add %0, %1 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}
