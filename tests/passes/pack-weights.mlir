// RUN: attnc-opt --attnc-pack-weights --split-input-file %s | FileCheck %s

// A matmul's weight is panels of 16 columns, one of 16 x 4 floats for 10 columns whatever the tile;
// [k, n] is read with the strides that make it [n, k]. A dense entry takes a multiple of 64 floats, and equal entries are one.
// CHECK: module attributes {attn.image_size = 768 : i64}
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.+]]: tensor<20x4xf32>)
// CHECK-DAG: %[[W:.+]] = attn.packed {offset = 0 : i64, pieces = [#attn.piece<parameter = "w", offset = 0, rows = 10, cols = 4, stride_row = 4, stride_col = 1, first = 0>]} : tensor<10x4xf32, #attn.panels<16>>
// CHECK-DAG: %[[B:.+]] = attn.packed {offset = 256 : i64, pieces = [#attn.piece<parameter = "b", offset = 0, rows = 1, cols = 10, stride_row = 10, stride_col = 1, first = 0>]} : tensor<10xf32>
// CHECK-DAG: %[[V:.+]] = attn.packed {offset = 512 : i64, pieces = [#attn.piece<parameter = "v", offset = 0, rows = 10, cols = 4, stride_row = 1, stride_col = 10, first = 0>]} : tensor<10x4xf32, #attn.panels<16>>
// CHECK-NOT: attn.weight
// CHECK: call @matmul_0(%[[X]], %[[W]], %[[B]])
// CHECK: call @matmul_1(%[[X]], %[[V]], %[[B]])
// CHECK: func.func private @matmul_0(%{{.+}}: tensor<20x4xf32>, %{{.+}}: tensor<10x4xf32, #attn.panels<16>>, %{{.+}}: tensor<10xf32>)
// CHECK: func.func private @matmul_1(%{{.+}}: tensor<20x4xf32>, %{{.+}}: tensor<10x4xf32, #attn.panels<16>>, %{{.+}}: tensor<10xf32>)
// CHECK: attn.matmul {{.*}}{transpose_rhs} : (tensor<20x4xf32>, tensor<10x4xf32, #attn.panels<16>>)
attn.parameter @w : tensor<10x4xf32>
attn.parameter @v : tensor<4x10xf32>
attn.parameter @b : tensor<10xf32>
func.func @main(%x: tensor<20x4xf32>) -> (tensor<20x10xf32>, tensor<20x10xf32>) {
  %w = attn.weight @w : tensor<10x4xf32>
  %v = attn.weight @v : tensor<4x10xf32>
  %b = attn.weight @b : tensor<10xf32>
  %0 = call @matmul_0(%x, %w, %b) : (tensor<20x4xf32>, tensor<10x4xf32>, tensor<10xf32>) -> tensor<20x10xf32>
  %1 = call @matmul_1(%x, %v, %b) : (tensor<20x4xf32>, tensor<4x10xf32>, tensor<10xf32>) -> tensor<20x10xf32>
  return %0, %1 : tensor<20x10xf32>, tensor<20x10xf32>
}
func.func private @matmul_0(%x: tensor<20x4xf32>, %w: tensor<10x4xf32>, %b: tensor<10xf32>) -> tensor<20x10xf32> attributes {attn.kind = #attn<kernel_kind matmul>,
    attn.schedule = #attn.matmul_schedule<tile_rows = 4, tile_cols = 8, block_rows = 5, task_rows = 0, task_cols = 1>} {
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<20x4xf32>, tensor<10x4xf32>) -> tensor<20x10xf32>
  %1 = attn.add %0, %b : (tensor<20x10xf32>, tensor<10xf32>) -> tensor<20x10xf32>
  return %1 : tensor<20x10xf32>
}
func.func private @matmul_1(%x: tensor<20x4xf32>, %w: tensor<4x10xf32>, %b: tensor<10xf32>) -> tensor<20x10xf32> attributes {attn.kind = #attn<kernel_kind matmul>,
    attn.schedule = #attn.matmul_schedule<tile_rows = 4, tile_cols = 8, block_rows = 5, task_rows = 0, task_cols = 1>} {
  %0 = attn.matmul %x, %w : (tensor<20x4xf32>, tensor<4x10xf32>) -> tensor<20x10xf32>
  %1 = attn.add %0, %b : (tensor<20x10xf32>, tensor<10xf32>) -> tensor<20x10xf32>
  return %1 : tensor<20x10xf32>
}

// -----

// Expressions of weights become pieces: rows of a matrix, elements of a vector; what is adjacent is one piece. Reshapes of the
// same elements are one entry.
// CHECK: module attributes {attn.image_size = 1280 : i64}
// CHECK-LABEL: func.func @pieces
// CHECK: attn.packed {offset = 0 : i64, pieces = [#attn.piece<parameter = "t", offset = 8, rows = 3, cols = 4, stride_row = 4, stride_col = 1, first = 0>, #attn.piece<parameter = "t", offset = 0, rows = 1, cols = 4, stride_row = 4, stride_col = 1, first = 3>]} : tensor<4x4xf32>
// CHECK: attn.packed {offset = 256 : i64, pieces = [#attn.piece<parameter = "b", offset = 2, rows = 1, cols = 3, {{.*}}first = 0>, #attn.piece<parameter = "c", offset = 0, rows = 1, cols = 5, {{.*}}first = 3>]} : tensor<8xf32>
// CHECK: attn.packed {offset = 512 : i64, pieces = [#attn.piece<parameter = "b", offset = 0, rows = 1, cols = 5, {{.*}}first = 0>]} : tensor<5xf32>
// CHECK: attn.packed {offset = 512 : i64, {{.*}} : tensor<1x1x5xf32>
// CHECK: attn.packed {offset = 768 : i64, pieces = [#attn.piece<parameter = "", constant = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>, offset = 0, rows = 1, cols = 2, {{.*}}first = 0>]} : tensor<2xf32>
// CHECK: attn.packed {offset = 1024 : i64, pieces = [#attn.piece<parameter = "t", offset = 1, rows = 6, cols = 2, stride_row = 4, stride_col = 1, first = 0>]} : tensor<1x6x2xf32>
attn.parameter @t : tensor<6x4xf32>
attn.parameter @b : tensor<5xf32>
attn.parameter @c : tensor<5xf32>
func.func @pieces() -> tensor<4x4xf32> {
  %t = attn.weight @t : tensor<6x4xf32>
  %b = attn.weight @b : tensor<5xf32>
  %c = attn.weight @c : tensor<5xf32>
  %0 = attn.slice %t {axis = 0, start = 2, size = 2} : (tensor<6x4xf32>) -> tensor<2x4xf32>
  %1 = attn.slice %t {axis = 0, start = 4, size = 1} : (tensor<6x4xf32>) -> tensor<1x4xf32>
  %2 = attn.slice %t {axis = 0, start = 0, size = 1} : (tensor<6x4xf32>) -> tensor<1x4xf32>
  %3 = attn.concat %0, %1, %2 {axis = 0} : (tensor<2x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  %4 = attn.slice %b {axis = 0, start = 2, size = 3} : (tensor<5xf32>) -> tensor<3xf32>
  %5 = attn.concat %4, %c {axis = 0} : (tensor<3xf32>, tensor<5xf32>) -> tensor<8xf32>
  %6 = attn.reshape %b : (tensor<5xf32>) -> tensor<1x1x5xf32>
  %7 = attn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %8 = attn.slice %t {axis = 1, start = 1, size = 2} : (tensor<6x4xf32>) -> tensor<6x2xf32>
  %9 = attn.reshape %8 : (tensor<6x2xf32>) -> tensor<1x6x2xf32>
  %10 = call @rowwise_0(%3, %5, %b, %6, %7, %9) : (tensor<4x4xf32>, tensor<8xf32>, tensor<5xf32>, tensor<1x1x5xf32>, tensor<2xf32>, tensor<1x6x2xf32>) -> tensor<4x4xf32>
  return %10 : tensor<4x4xf32>
}
func.func private @rowwise_0(%a: tensor<4x4xf32>, %b: tensor<8xf32>, %c: tensor<5xf32>, %d: tensor<1x1x5xf32>, %e: tensor<2xf32>, %f: tensor<1x6x2xf32>) -> tensor<4x4xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  return %a : tensor<4x4xf32>
}

// -----

// The same weight in another layout is another entry; kernels with different tiles share one.
// CHECK: module attributes {attn.image_size = 768 : i64}
// CHECK-LABEL: func.func @layouts
// CHECK: %[[PANELS:.+]] = attn.packed {offset = 0 : i64, {{.*}} : tensor<8x8xf32, #attn.panels<16>>
// CHECK: %[[DENSE:.+]] = attn.packed {offset = 512 : i64, {{.*}} : tensor<8x8xf32>
// CHECK: call @matmul_0(%{{.+}}, %[[PANELS]])
// CHECK: call @matmul_1(%{{.+}}, %[[PANELS]])
// CHECK: call @rowwise_0(%[[DENSE]])
attn.parameter @w : tensor<8x8xf32>
func.func @layouts(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %w = attn.weight @w : tensor<8x8xf32>
  %0 = call @matmul_0(%x, %w) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = call @matmul_1(%x, %w) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = call @rowwise_0(%w) : (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0, %1, %2 : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}
func.func private @matmul_0(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {attn.kind = #attn<kernel_kind matmul>,
    attn.schedule = #attn.matmul_schedule<tile_rows = 4, tile_cols = 8, block_rows = 2, task_rows = 0, task_cols = 1>} {
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}
func.func private @matmul_1(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {attn.kind = #attn<kernel_kind matmul>,
    attn.schedule = #attn.matmul_schedule<tile_rows = 4, tile_cols = 16, block_rows = 2, task_rows = 0, task_cols = 1>} {
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}
func.func private @rowwise_0(%w: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %w : (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// -----

// Rounded weights lie in panels of 16 columns, whatever the tile is: 3 panels of 3 steps of two k in bf16, 3 panels of
// 2 steps of four k with 2 words a column in int8.
// CHECK: module attributes {attn.image_size = 1472 : i64}
// CHECK-LABEL: func.func @precisions
// CHECK-DAG: attn.packed {offset = 0 : i64, {{.*}} : tensor<40x5xf32, #attn.panels<16, bf16>>
// CHECK-DAG: attn.packed {offset = 576 : i64, {{.*}} : tensor<40x5xf32, #attn.panels<16, int8>>
// CHECK-DAG: attn.packed {offset = 1344 : i64, {{.*}} : tensor<16x4xf32, #attn.panels<16, bf16>>
// CHECK: func.func private @matmul_0(%{{.+}}: tensor<20x5xf32>, %{{.+}}: tensor<40x5xf32, #attn.panels<16, bf16>>)
// CHECK: attn.matmul {{.*}}{precision = #attn<precision bf16>, transpose_rhs} : (tensor<20x5xf32>, tensor<40x5xf32, #attn.panels<16, bf16>>)
attn.parameter @w : tensor<40x5xf32>
attn.parameter @v : tensor<16x4xf32>
func.func @precisions(%x: tensor<20x5xf32>, %y: tensor<20x4xf32>) -> (tensor<20x40xf32>, tensor<20x40xf32>, tensor<20x16xf32>) {
  %w = attn.weight @w : tensor<40x5xf32>
  %v = attn.weight @v : tensor<16x4xf32>
  %0 = call @matmul_0(%x, %w) : (tensor<20x5xf32>, tensor<40x5xf32>) -> tensor<20x40xf32>
  %1 = call @matmul_1(%x, %w) : (tensor<20x5xf32>, tensor<40x5xf32>) -> tensor<20x40xf32>
  %2 = call @matmul_2(%y, %v) : (tensor<20x4xf32>, tensor<16x4xf32>) -> tensor<20x16xf32>
  return %0, %1, %2 : tensor<20x40xf32>, tensor<20x40xf32>, tensor<20x16xf32>
}
func.func private @matmul_0(%x: tensor<20x5xf32>, %w: tensor<40x5xf32>) -> tensor<20x40xf32> attributes {attn.kind = #attn<kernel_kind matmul>,
    attn.schedule = #attn.matmul_schedule<tile_rows = 4, tile_cols = 16, block_rows = 5, task_rows = 0, task_cols = 1>} {
  %0 = attn.matmul %x, %w {precision = #attn<precision bf16>, transpose_rhs} : (tensor<20x5xf32>, tensor<40x5xf32>) -> tensor<20x40xf32>
  return %0 : tensor<20x40xf32>
}
func.func private @matmul_1(%x: tensor<20x5xf32>, %w: tensor<40x5xf32>) -> tensor<20x40xf32> attributes {attn.kind = #attn<kernel_kind matmul>,
    attn.schedule = #attn.matmul_schedule<tile_rows = 4, tile_cols = 16, block_rows = 5, task_rows = 0, task_cols = 1>} {
  %0 = attn.matmul %x, %w {precision = #attn<precision int8>, transpose_rhs} : (tensor<20x5xf32>, tensor<40x5xf32>) -> tensor<20x40xf32>
  return %0 : tensor<20x40xf32>
}
func.func private @matmul_2(%x: tensor<20x4xf32>, %w: tensor<16x4xf32>) -> tensor<20x16xf32> attributes {attn.kind = #attn<kernel_kind matmul>,
    attn.schedule = #attn.matmul_schedule<tile_rows = 4, tile_cols = 8, block_rows = 5, task_rows = 0, task_cols = 1>} {
  %0 = attn.matmul %x, %w {precision = #attn<precision bf16>, transpose_rhs} : (tensor<20x4xf32>, tensor<16x4xf32>) -> tensor<20x16xf32>
  return %0 : tensor<20x16xf32>
}

// -----

// 40 columns are 3 panels of 16 columns x 4 floats.
// CHECK: module attributes {attn.image_size = 768 : i64}
// CHECK-LABEL: func.func @wide
// CHECK: attn.packed {offset = 0 : i64, {{.*}} : tensor<40x4xf32, #attn.panels<16>>
attn.parameter @w : tensor<40x4xf32>
func.func @wide(%x: tensor<20x4xf32>) -> tensor<20x40xf32> {
  %w = attn.weight @w : tensor<40x4xf32>
  %0 = call @matmul_0(%x, %w) : (tensor<20x4xf32>, tensor<40x4xf32>) -> tensor<20x40xf32>
  return %0 : tensor<20x40xf32>
}
func.func private @matmul_0(%x: tensor<20x4xf32>, %w: tensor<40x4xf32>) -> tensor<20x40xf32> attributes {attn.kind = #attn<kernel_kind matmul>,
    attn.schedule = #attn.matmul_schedule<tile_rows = 4, tile_cols = 16, block_rows = 5, task_rows = 0, task_cols = 2>} {
  %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<20x4xf32>, tensor<40x4xf32>) -> tensor<20x40xf32>
  return %0 : tensor<20x40xf32>
}

// -----

// Rows that repeat are read again where they are, with the stride 0; transposed, a column is one piece a run.
// CHECK-LABEL: func.func @repeated
// CHECK: pieces = [#attn.piece<parameter = "t", offset = 2, rows = 1, cols = 3, stride_row = 0, stride_col = 0, first = 0>, #attn.piece<parameter = "t", offset = 3, rows = 1, cols = 3, stride_row = 0, stride_col = 0, first = 4>, #attn.piece<parameter = "t", offset = 0, {{.*}} first = 3>, #attn.piece<parameter = "t", offset = 1, {{.*}} first = 7>]} : tensor<2x1x4xf32>
// CHECK-NOT: attn.broadcast
attn.parameter @t : tensor<2x2xf32>
func.func @repeated() -> tensor<2x1x4xf32> {
  %t = attn.weight @t : tensor<2x2xf32>
  %0 = attn.slice %t {axis = 0 : i64, start = 1 : i64, size = 1 : i64} : (tensor<2x2xf32>) -> tensor<1x2xf32>
  %1 = attn.broadcast %0 : (tensor<1x2xf32>) -> tensor<3x2xf32>
  %2 = attn.slice %t {axis = 0 : i64, start = 0 : i64, size = 1 : i64} : (tensor<2x2xf32>) -> tensor<1x2xf32>
  %3 = attn.concat %1, %2 {axis = 0 : i64} : (tensor<3x2xf32>, tensor<1x2xf32>) -> tensor<4x2xf32>
  %4 = attn.reshape %3 : (tensor<4x2xf32>) -> tensor<4x1x2xf32>
  %5 = attn.transpose %4 {permutation = array<i64: 2, 1, 0>} : (tensor<4x1x2xf32>) -> tensor<2x1x4xf32>
  %6 = call @rowwise_0(%5) : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  return %6 : tensor<2x1x4xf32>
}
func.func private @rowwise_0(%w: tensor<2x1x4xf32>) -> tensor<2x1x4xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %w : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  return %0 : tensor<2x1x4xf32>
}
