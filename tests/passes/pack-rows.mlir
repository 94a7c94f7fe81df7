// RUN: attnc-opt --attnc-pack-rows=explain --split-input-file --verify-diagnostics %s | FileCheck %s

// What lies between the input and the mask that zeroes padding is computed row by row, but for the attention, which unpacks
// and packs. Each value is packed once.
attn.parameter @w : tensor<4x4xf32>
// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.+]]: tensor<?x5x4xf32>, %[[LENGTHS:.+]]: tensor<?xi32>)
// CHECK: %[[ROWS:.+]], %[[SPANS:.+]], %{{.+}} = attn.token_rows %[[LENGTHS]] {number = 0 : i64, size = 5 : i64}
// CHECK: %[[PACKED:.+]] = attn.pack_rows %[[X]], %[[ROWS]], %[[SPANS]]
// CHECK: %[[PROJECTED:.+]] = attn.matmul %[[PACKED]], %{{.+}} {transpose_rhs} : (tensor<?x5x4xf32, #attn.packed_rows<0>>, tensor<4x4xf32>) -> tensor<?x5x4xf32, #attn.packed_rows<0>>
// CHECK: %[[ALL:.+]] = attn.unpack_rows %[[PROJECTED]], %[[SPANS]]
// CHECK: %[[HEADS:.+]] = attn.split_heads %[[ALL]]
// CHECK: %[[MIXED:.+]] = attn.attention %[[HEADS]], %[[HEADS]], %[[HEADS]]
// CHECK: %[[MERGED:.+]] = attn.merge_heads %[[MIXED]]
// CHECK: %[[AGAIN:.+]] = attn.pack_rows %[[MERGED]], %[[ROWS]], %[[SPANS]]
// CHECK: %[[OUT:.+]] = attn.matmul %[[AGAIN]]
// CHECK: %[[SUM:.+]] = attn.add %[[OUT]], %[[PACKED]]
// CHECK: %[[RESULT:.+]] = attn.unpack_rows %[[SUM]], %[[SPANS]]
// CHECK-NOT: mask
// CHECK: return %[[RESULT]]
func.func @layer(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>) -> tensor<?x5x4xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  %2 = attn.attention %1, %1, %1 captures(%lengths) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> tensor<?x2x5x2xf32>
  %3 = attn.merge_heads %2 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.add %4, %x : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %6 = attn.padding_mask %lengths {size = 5} : (tensor<?xi32>) -> tensor<?x5xi1>
  %7 = attn.reshape %6 : (tensor<?x5xi1>) -> tensor<?x5x1xi1>
  %8 = attn.mask %5, %7 {fill = 0.0 : f32} : (tensor<?x5x4xf32>, tensor<?x5x1xi1>) -> tensor<?x5x4xf32>
  return %8 : tensor<?x5x4xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
// A mask with another fill stays, behind rows that are all there again.
// CHECK-LABEL: func.func @other_fill
// CHECK: %[[ALL:.+]] = attn.unpack_rows
// CHECK: attn.mask %[[ALL]]
func.func @other_fill(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>) -> tensor<?x5x4xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  %6 = attn.padding_mask %lengths {size = 5} : (tensor<?xi32>) -> tensor<?x5xi1>
  %7 = attn.reshape %6 : (tensor<?x5xi1>) -> tensor<?x5x1xi1>
  %8 = attn.mask %0, %7 {fill = 1.0 : f32} : (tensor<?x5x4xf32>, tensor<?x5x1xi1>) -> tensor<?x5x4xf32>
  return %8 : tensor<?x5x4xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
attn.parameter @table : tensor<9x4xf32>
attn.parameter @positions : tensor<5x4xf32>
// Looked-up rows, and a table that repeats for each sequence; each lookup packs its indices for itself.
// CHECK-LABEL: func.func @looked_up
// CHECK-SAME: (%[[IDS:.+]]: tensor<?x5xi64>
// CHECK: %[[PACKED:.+]] = attn.pack_rows %[[IDS]]
// CHECK: %[[FIRST:.+]] = attn.embedding %{{.+}}, %[[PACKED]]
// CHECK: %[[ALSO:.+]] = attn.pack_rows %[[IDS]]
// CHECK: %[[SECOND:.+]] = attn.embedding %{{.+}}, %[[ALSO]]
// CHECK: attn.add %[[FIRST]], %[[SECOND]]
// CHECK: %[[EACH:.+]] = attn.broadcast %{{.+}} : (tensor<5x4xf32>) -> tensor<?x5x4xf32>
// CHECK: %[[TABLE:.+]] = attn.pack_rows %[[EACH]]
// CHECK: attn.add %{{.+}}, %[[TABLE]]
// CHECK: attn.pool mean
func.func @looked_up(%ids: tensor<?x5xi64>, %lengths: tensor<?xi32>) -> tensor<?x4xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %t = attn.weight @table : tensor<9x4xf32>
  %p = attn.weight @positions : tensor<5x4xf32>
  %0 = attn.embedding %t, %ids : (tensor<9x4xf32>, tensor<?x5xi64>) -> tensor<?x5x4xf32>
  %1 = attn.embedding %t, %ids : (tensor<9x4xf32>, tensor<?x5xi64>) -> tensor<?x5x4xf32>
  %2 = attn.add %0, %1 : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %3 = attn.add %2, %p : (tensor<?x5x4xf32>, tensor<5x4xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.padding_mask %lengths {size = 5} : (tensor<?xi32>) -> tensor<?x5xi1>
  %6 = attn.pool mean %4 blocked %5 : (tensor<?x5x4xf32>, tensor<?x5xi1>) -> tensor<?x4xf32>
  return %6 : tensor<?x4xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
// Must not pack because the rows of padding are kept.
// CHECK-LABEL: func.func @kept
// CHECK-NOT: attn.pack_rows
func.func @kept(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>) -> tensor<?x5x4xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  // expected-remark @below {{rows stay padded: the model returns them}}
  %2 = attn.attention %1, %1, %1 captures(%lengths) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> tensor<?x2x5x2xf32>
  %3 = attn.merge_heads %2 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.add %4, %x : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  return %5 : tensor<?x5x4xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
// Must not pack because another mask says what is zero.
// CHECK-LABEL: func.func @other_mask
// CHECK-NOT: attn.pack_rows
func.func @other_mask(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>, %other: tensor<?x5x1xi1>) -> tensor<?x5x4xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  // expected-remark @below {{rows stay padded: 'attn.mask' keeps them}}
  %2 = attn.attention %1, %1, %1 captures(%lengths) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> tensor<?x2x5x2xf32>
  %3 = attn.merge_heads %2 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.add %4, %x : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %8 = attn.mask %5, %other {fill = 0.0 : f32} : (tensor<?x5x4xf32>, tensor<?x5x1xi1>) -> tensor<?x5x4xf32>
  return %8 : tensor<?x5x4xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
// Must not pack because cls pooling reads the first row, of an empty sequence too.
// CHECK-LABEL: func.func @cls
// CHECK-NOT: attn.pack_rows
func.func @cls(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>) -> tensor<?x4xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  // expected-remark @below {{rows stay padded: cls pooling reads the first row, which an empty sequence does not have}}
  %2 = attn.attention %1, %1, %1 captures(%lengths) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> tensor<?x2x5x2xf32>
  %3 = attn.merge_heads %2 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.add %4, %x : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %8 = attn.pool cls %5 : (tensor<?x5x4xf32>) -> tensor<?x4xf32>
  return %8 : tensor<?x4xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
// Must not pack because pooling takes padding in.
// CHECK-LABEL: func.func @pooled
// CHECK-NOT: attn.pack_rows
func.func @pooled(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>) -> tensor<?x4xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  // expected-remark @below {{rows stay padded: pooling does not leave them out}}
  %2 = attn.attention %1, %1, %1 captures(%lengths) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> tensor<?x2x5x2xf32>
  %3 = attn.merge_heads %2 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.add %4, %x : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %8 = attn.pool mean %5 : (tensor<?x5x4xf32>) -> tensor<?x4xf32>
  return %8 : tensor<?x4xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
// Must not pack because rows are taken apart.
// CHECK-LABEL: func.func @transposed
// CHECK-NOT: attn.pack_rows
func.func @transposed(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>) -> tensor<?x4x5xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  // expected-remark @below {{rows stay padded: 'attn.transpose' reads them}}
  %2 = attn.attention %1, %1, %1 captures(%lengths) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> tensor<?x2x5x2xf32>
  %3 = attn.merge_heads %2 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.add %4, %x : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %8 = attn.transpose %5 {permutation = array<i64: 0, 2, 1>} : (tensor<?x5x4xf32>) -> tensor<?x4x5xf32>
  return %8 : tensor<?x4x5xf32>
}

// -----

// Must not pack because no matmul would get smaller: packing costs two copies.
// CHECK-LABEL: func.func @no_matmul
// CHECK-NOT: attn.pack_rows
func.func @no_matmul(%q: tensor<?x2x5x2xf32>, %lengths: tensor<?xi32>) -> tensor<?x5x4xf32> {
  // expected-remark @below {{rows stay padded: no matmul would get smaller}}
  %2 = attn.attention %q, %q, %q captures(%lengths) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> tensor<?x2x5x2xf32>
  %5 = attn.merge_heads %2 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %6 = attn.padding_mask %lengths {size = 5} : (tensor<?xi32>) -> tensor<?x5xi1>
  %7 = attn.reshape %6 : (tensor<?x5xi1>) -> tensor<?x5x1xi1>
  %8 = attn.mask %5, %7 {fill = 0.0 : f32} : (tensor<?x5x4xf32>, tensor<?x5x1xi1>) -> tensor<?x5x4xf32>
  return %8 : tensor<?x5x4xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
// The query's rows are all read where the weights of every query are returned; those behind the attention are not.
// CHECK-LABEL: func.func @weights
// CHECK-SAME: (%[[X:.+]]: tensor<?x5x4xf32>
// CHECK: %[[PROJECTED:.+]] = attn.matmul %[[X]], %{{.+}} {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
// CHECK: attn.split_heads %[[PROJECTED]]
// CHECK: %[[MERGED:.+]] = attn.merge_heads
// CHECK: attn.pack_rows %[[MERGED]]
func.func @weights(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>) -> (tensor<?x5x4xf32>, tensor<?x2x5x5xf32>) {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  %2:2 = attn.attention %1, %1, %1 captures(%lengths) attributes {returns_weights} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> (tensor<?x2x5x2xf32>, tensor<?x2x5x5xf32>)
  %3 = attn.merge_heads %2#0 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.add %4, %x : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %6 = attn.padding_mask %lengths {size = 5} : (tensor<?xi32>) -> tensor<?x5xi1>
  %7 = attn.reshape %6 : (tensor<?x5xi1>) -> tensor<?x5x1xi1>
  %8 = attn.mask %5, %7 {fill = 0.0 : f32} : (tensor<?x5x4xf32>, tensor<?x5x1xi1>) -> tensor<?x5x4xf32>
  return %8, %2#1 : tensor<?x5x4xf32>, tensor<?x2x5x5xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
// A query of padding without a key fails the run: the queries keep all rows, what comes behind does not.
// CHECK-LABEL: func.func @fails_where_fully_masked
// CHECK-SAME: (%[[X:.+]]: tensor<?x5x4xf32>
// CHECK: attn.matmul %[[X]], %{{.+}} {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
// CHECK: attn.attention
// CHECK: %[[MERGED:.+]] = attn.merge_heads
// CHECK: attn.pack_rows %[[MERGED]]
func.func @fails_where_fully_masked(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>) -> tensor<?x5x4xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  %2 = attn.attention %1, %1, %1 captures(%lengths) attributes {fully_masked = #attn<fully_masked error>} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> tensor<?x2x5x2xf32>
  %3 = attn.merge_heads %2 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.add %4, %x : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %6 = attn.padding_mask %lengths {size = 5} : (tensor<?xi32>) -> tensor<?x5xi1>
  %7 = attn.reshape %6 : (tensor<?x5xi1>) -> tensor<?x5x1xi1>
  %8 = attn.mask %5, %7 {fill = 0.0 : f32} : (tensor<?x5x4xf32>, tensor<?x5x1xi1>) -> tensor<?x5x4xf32>
  return %8 : tensor<?x5x4xf32>
}

// -----

attn.parameter @w : tensor<4x4xf32>
// Keys that other lengths block are read beyond these: their projection keeps all rows.
// CHECK-LABEL: func.func @other_lengths
// CHECK-SAME: (%[[X:.+]]: tensor<?x5x4xf32>
// CHECK: attn.matmul %[[X]], %{{.+}} {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
// CHECK: attn.attention
// CHECK: attn.pack_rows
// CHECK: attn.unpack_rows
func.func @other_lengths(%x: tensor<?x5x4xf32>, %lengths: tensor<?xi32>, %other: tensor<?xi32>) -> tensor<?x5x4xf32> {
  %w = attn.weight @w : tensor<4x4xf32>
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %1 = attn.split_heads %0 {heads = 2} : (tensor<?x5x4xf32>) -> tensor<?x2x5x2xf32>
  // expected-remark @below {{rows stay padded: 'attn.mask' keeps them}}
  %2 = attn.attention %1, %1, %1 captures(%other) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<?xi32>):
    %n = attn.element %all[%b] : tensor<?xi32> -> i32
    %length = arith.index_cast %n : i32 to index
    %live = arith.cmpi slt, %j, %length : index
    attn.score %dot, %live
  } : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?xi32>) -> tensor<?x2x5x2xf32>
  %3 = attn.merge_heads %2 : (tensor<?x2x5x2xf32>) -> tensor<?x5x4xf32>
  %4 = attn.matmul %3, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<4x4xf32>) -> tensor<?x5x4xf32>
  %5 = attn.add %4, %x : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %6 = attn.padding_mask %lengths {size = 5} : (tensor<?xi32>) -> tensor<?x5xi1>
  %7 = attn.reshape %6 : (tensor<?x5xi1>) -> tensor<?x5x1xi1>
  %8 = attn.mask %5, %7 {fill = 0.0 : f32} : (tensor<?x5x4xf32>, tensor<?x5x1xi1>) -> tensor<?x5x4xf32>
  return %8 : tensor<?x5x4xf32>
}
