// RUN: attnc-opt --attnc-merge-projections=explain --split-input-file --verify-diagnostics %s | FileCheck %s

// Slices of one packed parameter are that parameter again.
attn.parameter @in_proj_weight : tensor<24x8xf32>
attn.parameter @in_proj_bias : tensor<24xf32>
// CHECK-LABEL: func.func @packed_parameter
// CHECK-SAME: (%[[X:.+]]: tensor<?x5x8xf32>)
// CHECK: %[[W:.+]] = attn.weight @in_proj_weight
// CHECK: %[[B:.+]] = attn.weight @in_proj_bias
// CHECK: %[[PRODUCT:.+]] = attn.matmul %[[X]], %[[W]] {transpose_rhs}
// CHECK: %[[ALL:.+]] = attn.add %[[PRODUCT]], %[[B]]
// CHECK: %[[Q:.+]] = attn.slice %[[ALL]] {axis = 2 : i64, size = 8 : i64, start = 0 : i64}
// CHECK: %[[K:.+]] = attn.slice %[[ALL]] {axis = 2 : i64, size = 8 : i64, start = 8 : i64}
// CHECK: %[[V:.+]] = attn.slice %[[ALL]] {axis = 2 : i64, size = 8 : i64, start = 16 : i64}
// CHECK-NOT: attn.matmul
// CHECK: attn.split_heads %[[Q]]
// CHECK: attn.split_heads %[[K]]
// CHECK: attn.split_heads %[[V]]
func.func @packed_parameter(%x: tensor<?x5x8xf32>) -> (tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>) {
  %w = attn.weight @in_proj_weight : tensor<24x8xf32>
  %b = attn.weight @in_proj_bias : tensor<24xf32>
  %wq = attn.slice %w {axis = 0, start = 0, size = 8} : (tensor<24x8xf32>) -> tensor<8x8xf32>
  %wk = attn.slice %w {axis = 0, start = 8, size = 8} : (tensor<24x8xf32>) -> tensor<8x8xf32>
  %wv = attn.slice %w {axis = 0, start = 16, size = 8} : (tensor<24x8xf32>) -> tensor<8x8xf32>
  %bq = attn.slice %b {axis = 0, start = 0, size = 8} : (tensor<24xf32>) -> tensor<8xf32>
  %bk = attn.slice %b {axis = 0, start = 8, size = 8} : (tensor<24xf32>) -> tensor<8xf32>
  %bv = attn.slice %b {axis = 0, start = 16, size = 8} : (tensor<24xf32>) -> tensor<8xf32>
  %0 = attn.matmul %x, %wq {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
  %1 = attn.add %0, %bq : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
  %q = attn.split_heads %1 {heads = 2} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
  %2 = attn.matmul %x, %wk {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
  %3 = attn.add %2, %bk : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
  %k = attn.split_heads %3 {heads = 2} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
  %4 = attn.matmul %x, %wv {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
  %5 = attn.add %4, %bv : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
  %v = attn.split_heads %5 {heads = 2} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
  return %q, %k, %v : tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>
}

// -----

// Weights of their own are concatenated; projections of other values are not touched.
attn.parameter @q : tensor<8x8xf32>
attn.parameter @k : tensor<8x8xf32>
attn.parameter @v : tensor<12x8xf32>
// CHECK-LABEL: func.func @cross_attention
// CHECK-SAME: (%[[X:.+]]: tensor<5x8xf32>, %[[MEMORY:.+]]: tensor<7x8xf32>)
// CHECK: attn.matmul %[[X]], %{{.+}} : (tensor<5x8xf32>, tensor<8x8xf32>)
// CHECK: %[[W:.+]] = attn.concat %{{.+}}, %{{.+}} {axis = 0 : i64} : (tensor<8x8xf32>, tensor<12x8xf32>)
// CHECK: attn.matmul %[[MEMORY]], %[[W]]
// CHECK-NOT: attn.matmul
func.func @cross_attention(%x: tensor<5x8xf32>, %memory: tensor<7x8xf32>) -> (tensor<2x5x4xf32>, tensor<2x7x4xf32>, tensor<2x7x6xf32>) {
  %wq = attn.weight @q : tensor<8x8xf32>
  %wk = attn.weight @k : tensor<8x8xf32>
  %wv = attn.weight @v : tensor<12x8xf32>
  %0 = attn.matmul %x, %wq {transpose_rhs} : (tensor<5x8xf32>, tensor<8x8xf32>) -> tensor<5x8xf32>
  %1 = attn.matmul %memory, %wk {transpose_rhs} : (tensor<7x8xf32>, tensor<8x8xf32>) -> tensor<7x8xf32>
  %2 = attn.matmul %memory, %wv {transpose_rhs} : (tensor<7x8xf32>, tensor<12x8xf32>) -> tensor<7x12xf32>
  %q = attn.split_heads %0 {heads = 2} : (tensor<5x8xf32>) -> tensor<2x5x4xf32>
  %k = attn.split_heads %1 {heads = 2} : (tensor<7x8xf32>) -> tensor<2x7x4xf32>
  %v = attn.split_heads %2 {heads = 2} : (tensor<7x12xf32>) -> tensor<2x7x6xf32>
  return %q, %k, %v : tensor<2x5x4xf32>, tensor<2x7x4xf32>, tensor<2x7x6xf32>
}

// -----

// Must not merge because only one has a bias.
attn.parameter @k : tensor<8x8xf32>
attn.parameter @v : tensor<8x8xf32>
attn.parameter @b : tensor<8xf32>
// CHECK-LABEL: func.func @one_bias
// CHECK-COUNT-2: attn.matmul
func.func @one_bias(%x: tensor<5x8xf32>) -> (tensor<2x5x4xf32>, tensor<2x5x4xf32>) {
  %wk = attn.weight @k : tensor<8x8xf32>
  %wv = attn.weight @v : tensor<8x8xf32>
  %b = attn.weight @b : tensor<8xf32>
  // expected-remark @below {{only some of the projections have a bias}}
  %0 = attn.matmul %x, %wk {transpose_rhs} : (tensor<5x8xf32>, tensor<8x8xf32>) -> tensor<5x8xf32>
  %1 = attn.add %0, %b : (tensor<5x8xf32>, tensor<8xf32>) -> tensor<5x8xf32>
  %2 = attn.matmul %x, %wv {transpose_rhs} : (tensor<5x8xf32>, tensor<8x8xf32>) -> tensor<5x8xf32>
  %k = attn.split_heads %1 {heads = 2} : (tensor<5x8xf32>) -> tensor<2x5x4xf32>
  %v = attn.split_heads %2 {heads = 2} : (tensor<5x8xf32>) -> tensor<2x5x4xf32>
  return %k, %v : tensor<2x5x4xf32>, tensor<2x5x4xf32>
}

// -----

// Must not merge because a gate and what it gates do not feed attention.
attn.parameter @gate : tensor<8x8xf32>
attn.parameter @up : tensor<8x8xf32>
// CHECK-LABEL: func.func @gated
// CHECK-COUNT-2: attn.matmul
func.func @gated(%x: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %w0 = attn.weight @gate : tensor<8x8xf32>
  %w1 = attn.weight @up : tensor<8x8xf32>
  // expected-remark @below {{its result is not split into heads: a slice of a merged matmul would cost a copy}}
  %0 = attn.matmul %x, %w0 {transpose_rhs} : (tensor<5x8xf32>, tensor<8x8xf32>) -> tensor<5x8xf32>
  // expected-remark @below {{its result is not split into heads}}
  %1 = attn.matmul %x, %w1 {transpose_rhs} : (tensor<5x8xf32>, tensor<8x8xf32>) -> tensor<5x8xf32>
  %2 = attn.mul %1, %0 : (tensor<5x8xf32>, tensor<5x8xf32>) -> tensor<5x8xf32>
  return %2 : tensor<5x8xf32>
}
