// RUN: attnc-opt --attnc-fuse-epilogue=explain --split-input-file --verify-diagnostics %s | FileCheck %s

// Bias, residual and the closing norm are in the matmul's kernel; the value of the matmul stands left.
attn.parameter @w : tensor<8x4xf32>
attn.parameter @b : tensor<8xf32>
// CHECK-LABEL: func.func @residual_norm
// CHECK-SAME: (%[[X:.+]]: tensor<80x4xf32>, %[[R:.+]]: tensor<80x8xf32>)
// CHECK: %[[W:.+]] = attn.weight @w
// CHECK: %[[B:.+]] = attn.weight @b
// CHECK: %[[OUT:.+]] = attn.group matmul(%[[X]], %[[W]], %[[B]], %[[R]]) {
// CHECK-NEXT: ^bb0(%[[GX:.+]]: tensor<80x4xf32>, %[[GW:.+]]: tensor<8x4xf32>, %[[GB:.+]]: tensor<8xf32>, %[[GR:.+]]: tensor<80x8xf32>):
// CHECK-NEXT: %[[PRODUCT:.+]] = attn.matmul %[[GX]], %[[GW]] {transpose_rhs}
// CHECK-NEXT: %[[BIASED:.+]] = attn.add %[[PRODUCT]], %[[GB]]
// CHECK-NEXT: %[[SUM:.+]] = attn.add %[[BIASED]], %[[GR]]
// CHECK-NEXT: %[[NORM:.+]] = attn.layernorm %[[SUM]] weight %[[GB]]
// CHECK-NEXT: attn.yield %[[NORM]]
// CHECK: return %[[OUT]]
func.func @residual_norm(%x: tensor<80x4xf32>, %r: tensor<80x8xf32>) -> tensor<80x8xf32> {
  %w = attn.weight @w : tensor<8x4xf32>
  %b = attn.weight @b : tensor<8xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<80x4xf32>, tensor<8x4xf32>) -> tensor<80x8xf32>
  %1 = attn.add %0, %b : (tensor<80x8xf32>, tensor<8xf32>) -> tensor<80x8xf32>
  %2 = attn.add %r, %1 : (tensor<80x8xf32>, tensor<80x8xf32>) -> tensor<80x8xf32>
  %3 = attn.layernorm %2 weight %b {eps = 1.0e-5} : (tensor<80x8xf32>, tensor<8xf32>) -> tensor<80x8xf32>
  return %3 : tensor<80x8xf32>
}

// -----

// Zeros for padding follow the norm in its kernel, and what they are made of is computed there.
attn.parameter @w : tensor<8x4xf32>
// CHECK-LABEL: func.func @padded_rows
// CHECK: attn.group matmul
// CHECK: attn.layernorm
// CHECK-NEXT: attn.reshape
// CHECK-NEXT: attn.is_zero
// CHECK-NEXT: attn.mask
// CHECK-NEXT: attn.padding_mask
// CHECK-NEXT: attn.reshape
// CHECK-NEXT: attn.mask
// CHECK-NEXT: attn.yield
// CHECK-NOT: attn.group
func.func @padded_rows(%x: tensor<4x20x4xf32>, %valid: tensor<4x20xi1>, %n: tensor<4xi32>) -> tensor<4x20x8xf32> {
  %w = attn.weight @w : tensor<8x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<4x20x4xf32>, tensor<8x4xf32>) -> tensor<4x20x8xf32>
  %1 = attn.layernorm %0 {eps = 1.0e-5} : (tensor<4x20x8xf32>) -> tensor<4x20x8xf32>
  %2 = attn.reshape %valid : (tensor<4x20xi1>) -> tensor<4x20x1xi1>
  %3 = attn.is_zero %2 : (tensor<4x20x1xi1>) -> tensor<4x20x1xi1>
  %4 = attn.mask %1, %3 {fill = 0.0 : f32} : (tensor<4x20x8xf32>, tensor<4x20x1xi1>) -> tensor<4x20x8xf32>
  %5 = attn.padding_mask %n {size = 20 : i64} : (tensor<4xi32>) -> tensor<4x20xi1>
  %6 = attn.reshape %5 : (tensor<4x20xi1>) -> tensor<4x20x1xi1>
  %7 = attn.mask %4, %6 {fill = 0.0 : f32} : (tensor<4x20x8xf32>, tensor<4x20x1xi1>) -> tensor<4x20x8xf32>
  return %7 : tensor<4x20x8xf32>
}

// -----

// Must not take what follows the norm unless it is a mask of whole rows.
attn.parameter @w : tensor<8x4xf32>
// CHECK-LABEL: func.func @after_the_norm
// CHECK: attn.group matmul
// CHECK: attn.layernorm
// CHECK-NEXT: attn.yield
// CHECK: attn.group rowwise
// CHECK: attn.mask
// CHECK: attn.group matmul
// CHECK: attn.layernorm
// CHECK-NEXT: attn.yield
// CHECK: attn.group rowwise
// CHECK: attn.scale
func.func @after_the_norm(%x: tensor<80x4xf32>, %columns: tensor<8xi1>) -> (tensor<80x8xf32>, tensor<80x8xf32>) {
  %w = attn.weight @w : tensor<8x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<80x4xf32>, tensor<8x4xf32>) -> tensor<80x8xf32>
  %1 = attn.layernorm %0 {eps = 1.0e-5} : (tensor<80x8xf32>) -> tensor<80x8xf32>
  %2 = attn.mask %1, %columns {fill = 0.0 : f32} : (tensor<80x8xf32>, tensor<8xi1>) -> tensor<80x8xf32>
  %3 = attn.matmul %x, %w {transpose_rhs} : (tensor<80x4xf32>, tensor<8x4xf32>) -> tensor<80x8xf32>
  %4 = attn.layernorm %3 {eps = 1.0e-5} : (tensor<80x8xf32>) -> tensor<80x8xf32>
  %5 = attn.scale %4 {factor = 2.0 : f32} : (tensor<80x8xf32>) -> tensor<80x8xf32>
  return %2, %5 : tensor<80x8xf32>, tensor<80x8xf32>
}

// -----

// Must not take the norm because few rows cannot occupy the threads.
attn.parameter @w : tensor<8x4xf32>
// CHECK-LABEL: func.func @few_rows
// CHECK: attn.group matmul
// CHECK: attn.activation gelu
// CHECK: attn.group rowwise
// CHECK: attn.layernorm
func.func @few_rows(%x: tensor<4x4xf32>) -> tensor<4x8xf32> {
  %w = attn.weight @w : tensor<8x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<4x4xf32>, tensor<8x4xf32>) -> tensor<4x8xf32>
  %1 = attn.activation gelu %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  // expected-remark @below {{4 rows are too few for tasks of whole rows, which each read all weights}}
  %2 = attn.layernorm %1 {eps = 1.0e-5} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// Must not take the norm because a block of its rows does not stay in the cache.
attn.parameter @w : tensor<20000x4xf32>
// CHECK-LABEL: func.func @long_rows
// CHECK: attn.group matmul
// CHECK: attn.group rowwise
func.func @long_rows(%x: tensor<64x4xf32>) -> tensor<64x20000xf32> {
  %w = attn.weight @w : tensor<20000x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<64x4xf32>, tensor<20000x4xf32>) -> tensor<64x20000xf32>
  // expected-remark @below {{20000 columns: a row block of 320000 bytes does not stay in L2}}
  %1 = attn.rmsnorm %0 {eps = 1.0e-5} : (tensor<64x20000xf32>) -> tensor<64x20000xf32>
  return %1 : tensor<64x20000xf32>
}

// -----

// Must not take the norm because its scale is computed.
attn.parameter @w : tensor<8x4xf32>
// CHECK-LABEL: func.func @computed_scale
// CHECK: attn.group matmul
// CHECK: attn.group rowwise
func.func @computed_scale(%x: tensor<64x4xf32>, %g: tensor<8xf32>) -> tensor<64x8xf32> {
  %w = attn.weight @w : tensor<8x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<64x4xf32>, tensor<8x4xf32>) -> tensor<64x8xf32>
  // expected-remark @below {{its scale or bias is computed}}
  %1 = attn.rmsnorm %0 weight %g {eps = 1.0e-5} : (tensor<64x8xf32>, tensor<8xf32>) -> tensor<64x8xf32>
  return %1 : tensor<64x8xf32>
}

// -----

// Must not take the add because it broadcasts the matmul's result.
attn.parameter @w : tensor<8x4xf32>
// CHECK-LABEL: func.func @broadcasting_add
// CHECK: attn.group matmul
// CHECK: attn.group rowwise
func.func @broadcasting_add(%x: tensor<16x4xf32>, %y: tensor<2x16x8xf32>) -> tensor<2x16x8xf32> {
  %w = attn.weight @w : tensor<8x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<16x4xf32>, tensor<8x4xf32>) -> tensor<16x8xf32>
  // expected-remark @below {{adds a tensor of another shape, which would broadcast}}
  %1 = attn.add %0, %y : (tensor<16x8xf32>, tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
  return %1 : tensor<2x16x8xf32>
}

// -----

// Must not take the add because the same weight cannot lie in two layouts.
attn.parameter @w : tensor<8x8xf32>
// CHECK-LABEL: func.func @own_weight
// CHECK: attn.group matmul
// CHECK: attn.group rowwise
func.func @own_weight(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w = attn.weight @w : tensor<8x8xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  // expected-remark @below {{adds the matmul's own weight, which is packed for the matmul}}
  %1 = attn.add %0, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// -----

// Must not take the activation because somebody else reads the matmul's result.
attn.parameter @w : tensor<8x4xf32>
// CHECK-LABEL: func.func @two_users
// CHECK: %[[PRODUCT:.+]] = attn.group matmul
// CHECK-NOT: attn.activation
// CHECK: attn.yield
// CHECK: %[[ACT:.+]] = attn.group rowwise(%[[PRODUCT]])
// CHECK: return %[[PRODUCT]], %[[ACT]]
func.func @two_users(%x: tensor<16x4xf32>) -> (tensor<16x8xf32>, tensor<16x8xf32>) {
  %w = attn.weight @w : tensor<8x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<16x4xf32>, tensor<8x4xf32>) -> tensor<16x8xf32>
  %1 = attn.activation relu %0 : (tensor<16x8xf32>) -> tensor<16x8xf32>
  return %0, %1 : tensor<16x8xf32>, tensor<16x8xf32>
}

// -----

// Slices, split_heads and merge_heads are index maps of the attention; a map with another user is computed for it as well.
// CHECK-LABEL: func.func @attention
// CHECK-SAME: (%[[QKV:.+]]: tensor<?x5x24xf32>)
// CHECK: %[[K:.+]] = attn.group rowwise(%[[QKV]])
// CHECK: attn.slice {{.+}} start = 8
// CHECK: attn.split_heads
// CHECK: %[[OUT:.+]] = attn.group attention(%[[QKV]]) {
// CHECK-COUNT-3: attn.slice
// CHECK-COUNT-3: attn.split_heads
// CHECK: attn.attention
// CHECK: attn.merge_heads
// CHECK: attn.yield
// CHECK: return %[[OUT]], %[[K]]
func.func @attention(%qkv: tensor<?x5x24xf32>) -> (tensor<?x5x8xf32>, tensor<?x2x5x4xf32>) {
  %0 = attn.slice %qkv {axis = 2, start = 0, size = 8} : (tensor<?x5x24xf32>) -> tensor<?x5x8xf32>
  %1 = attn.slice %qkv {axis = 2, start = 8, size = 8} : (tensor<?x5x24xf32>) -> tensor<?x5x8xf32>
  %2 = attn.slice %qkv {axis = 2, start = 16, size = 8} : (tensor<?x5x24xf32>) -> tensor<?x5x8xf32>
  %q = attn.split_heads %0 {heads = 2} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
  %k = attn.split_heads %1 {heads = 2} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
  %v = attn.split_heads %2 {heads = 2} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
  %o = attn.attention %q, %k, %v {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %true = arith.constant true
      attn.score %dot, %true
  } : (tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
  %3 = attn.merge_heads %o : (tensor<?x2x5x4xf32>) -> tensor<?x5x8xf32>
  return %3, %k : tensor<?x5x8xf32>, tensor<?x2x5x4xf32>
}

// -----

// What such a map reads from memory has a kernel of its own, though the map is the only one that reads it.
// CHECK-LABEL: func.func @read_by_a_copied_map
// CHECK-SAME: (%[[X:.+]]: tensor<5x4x2xf32>)
// CHECK: %[[ROWS:.+]] = attn.group rowwise(%[[X]]) {
// CHECK: attn.reshape
// CHECK: %[[K:.+]] = attn.group rowwise(%[[ROWS]]) {
// CHECK: attn.split_heads
// CHECK: attn.group attention(%[[ROWS]]) {
// CHECK: attn.split_heads
// CHECK: return %{{.+}}, %[[K]]
func.func @read_by_a_copied_map(%x: tensor<5x4x2xf32>) -> (tensor<5x8xf32>, tensor<2x5x4xf32>) {
  %0 = attn.reshape %x : (tensor<5x4x2xf32>) -> tensor<5x8xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<5x8xf32>) -> tensor<2x5x4xf32>
  %2 = attn.attention %1, %1, %1 {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %true = arith.constant true
      attn.score %dot, %true
  } : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %3 = attn.merge_heads %2 : (tensor<2x5x4xf32>) -> tensor<5x8xf32>
  return %3, %1 : tensor<5x8xf32>, tensor<2x5x4xf32>
}

// -----

// Embeddings, their sum and its norm are one kernel; so are pooling and l2norm. Pooling does not take the norm before it.
attn.parameter @table : tensor<11x8xf32>
// CHECK-LABEL: func.func @rowwise_chains
// CHECK: %[[TABLE:.+]] = attn.weight
// CHECK: %[[X:.+]] = attn.group rowwise(%[[TABLE]], %{{.+}}) {
// CHECK-COUNT-2: attn.embedding
// CHECK: attn.add
// CHECK: attn.layernorm
// CHECK: attn.yield
// CHECK: attn.group rowwise(%{{.+}}, %[[X]]) {
// CHECK: attn.is_zero
// CHECK: attn.pool mean
// CHECK: attn.l2norm
// CHECK: attn.yield
// CHECK-NOT: attn.group
func.func @rowwise_chains(%ids: tensor<?x6xi32>) -> tensor<?x8xf32> {
  %t = attn.weight @table : tensor<11x8xf32>
  %0 = attn.embedding %t, %ids : (tensor<11x8xf32>, tensor<?x6xi32>) -> tensor<?x6x8xf32>
  %1 = attn.embedding %t, %ids : (tensor<11x8xf32>, tensor<?x6xi32>) -> tensor<?x6x8xf32>
  %2 = attn.add %0, %1 : (tensor<?x6x8xf32>, tensor<?x6x8xf32>) -> tensor<?x6x8xf32>
  %3 = attn.layernorm %2 {eps = 1.0e-5} : (tensor<?x6x8xf32>) -> tensor<?x6x8xf32>
  %4 = attn.is_zero %ids : (tensor<?x6xi32>) -> tensor<?x6xi1>
  %5 = attn.pool mean %3 blocked %4 : (tensor<?x6x8xf32>, tensor<?x6xi1>) -> tensor<?x8xf32>
  %6 = attn.l2norm %5 {eps = 1.0e-12} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %6 : tensor<?x8xf32>
}

// -----

// Heads are rotated where they are split, an element-wise op after it is the same kernel; one before it would be computed
// twice.
// CHECK-LABEL: func.func @rotary
// CHECK: attn.group rowwise
// CHECK-NEXT: ^
// CHECK-NEXT: attn.activation
// CHECK-NEXT: attn.yield
// CHECK: attn.group rowwise
// CHECK: attn.split_heads
// CHECK-NEXT: attn.rotary
// CHECK-NEXT: attn.scale
// CHECK-NEXT: attn.yield
// CHECK-NOT: attn.group
func.func @rotary(%x: tensor<?x6x8xf32>, %a: tensor<6x2xf32>) -> tensor<?x2x6x4xf32> {
  %0 = attn.activation relu %x : (tensor<?x6x8xf32>) -> tensor<?x6x8xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x6x8xf32>) -> tensor<?x2x6x4xf32>
  %2 = attn.rotary %1, %a, %a : (tensor<?x2x6x4xf32>, tensor<6x2xf32>, tensor<6x2xf32>) -> tensor<?x2x6x4xf32>
  %3 = attn.scale %2 {factor = 0.5 : f32} : (tensor<?x2x6x4xf32>) -> tensor<?x2x6x4xf32>
  return %3 : tensor<?x2x6x4xf32>
}

// -----

// What is returned comes from a kernel of its own: arguments, weights and second returns are copied.
attn.parameter @w : tensor<8xf32>
// CHECK-LABEL: func.func @returned
// CHECK-SAME: (%[[X:.+]]: tensor<8xf32>)
// CHECK: %[[W:.+]] = attn.weight @w
// CHECK: %[[ACT:.+]] = attn.group rowwise(%[[X]])
// CHECK: attn.activation
// CHECK: %[[ARGUMENT:.+]] = attn.group rowwise(%[[X]])
// CHECK: attn.reshape
// CHECK: %[[WEIGHT:.+]] = attn.group rowwise(%[[W]])
// CHECK: attn.reshape
// CHECK: %[[AGAIN:.+]] = attn.group rowwise(%[[ACT]])
// CHECK: attn.reshape
// CHECK: return %[[ACT]], %[[ARGUMENT]], %[[WEIGHT]], %[[AGAIN]]
func.func @returned(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %w = attn.weight @w : tensor<8xf32>
  %0 = attn.activation relu %x : (tensor<8xf32>) -> tensor<8xf32>
  return %0, %x, %w, %0 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// A constant that the weights image cannot hold comes inside.
// CHECK-LABEL: func.func @inline_constant
// CHECK: attn.group rowwise(%{{[^,]+}}) {
// CHECK: attn.constant dense<[false, true]>
// CHECK: attn.mask
func.func @inline_constant(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %c = attn.constant dense<[false, true]> : tensor<2xi1>
  %0 = attn.mask %x, %c : (tensor<3x2xf32>, tensor<2xi1>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

// Weights that an attention returns leave its group beside the result, which is merged inside where there is one head and nobody
// reads the weights before.
// CHECK-LABEL: func.func @further_results
// CHECK: %[[ONE:.+]]:2 = attn.group attention(
// CHECK: attn.merge_heads
// CHECK: attn.yield %{{.+}}, %{{.+}} : tensor<5x4xf32>, tensor<1x5x5xf32>
// CHECK: %[[TWO:.+]]:2 = attn.group attention(
// CHECK-NOT: attn.merge_heads
// CHECK: attn.yield %{{.+}}, %{{.+}} : tensor<2x5x4xf32>, tensor<2x5x5xf32>
// CHECK: attn.group rowwise(%[[TWO]]#0)
// CHECK: attn.merge_heads
// CHECK: %[[EARLY:.+]]:2 = attn.group attention(
// CHECK-NOT: attn.merge_heads
// CHECK: attn.yield %{{.+}}, %{{.+}} : tensor<1x5x4xf32>, tensor<1x5x5xf32>
// CHECK: attn.group rowwise(%[[EARLY]]#1)
// CHECK: attn.group rowwise(%[[EARLY]]#0)
func.func @further_results(%x: tensor<1x5x4xf32>, %y: tensor<2x5x4xf32>)
    -> (tensor<5x4xf32>, tensor<1x5x5xf32>, tensor<5x8xf32>, tensor<2x5x5xf32>, tensor<5x5xf32>, tensor<5x4xf32>) {
  %0, %1 = attn.attention %x, %x, %x attributes {returns_weights} {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %true = arith.constant true
      attn.score %dot, %true
  } : (tensor<1x5x4xf32>, tensor<1x5x4xf32>, tensor<1x5x4xf32>) -> (tensor<1x5x4xf32>, tensor<1x5x5xf32>)
  %2 = attn.merge_heads %0 : (tensor<1x5x4xf32>) -> tensor<5x4xf32>
  %3, %4 = attn.attention %y, %y, %y attributes {returns_weights} {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %true = arith.constant true
      attn.score %dot, %true
  } : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>, tensor<2x5x5xf32>)
  %5 = attn.merge_heads %3 : (tensor<2x5x4xf32>) -> tensor<5x8xf32>
  %6, %7 = attn.attention %x, %x, %x attributes {returns_weights} {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %true = arith.constant true
      attn.score %dot, %true
  } : (tensor<1x5x4xf32>, tensor<1x5x4xf32>, tensor<1x5x4xf32>) -> (tensor<1x5x4xf32>, tensor<1x5x5xf32>)
  %8 = attn.mean %7 {axis = 0} : (tensor<1x5x5xf32>) -> tensor<5x5xf32>
  %9 = attn.merge_heads %6 : (tensor<1x5x4xf32>) -> tensor<5x4xf32>
  return %2, %1, %5, %4, %8, %9 : tensor<5x4xf32>, tensor<1x5x5xf32>, tensor<5x8xf32>, tensor<2x5x5xf32>, tensor<5x5xf32>, tensor<5x4xf32>
}
