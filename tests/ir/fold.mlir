// RUN: attnc-opt %s --canonicalize | FileCheck %s
// What an op's folder does, each beside a twin that it leaves alone.

// CHECK-LABEL: @scale
// CHECK-SAME: (%[[X:.+]]: tensor<2xf32>)
func.func @scale(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  // CHECK-DAG: %[[SIX:.+]] = attn.scale %[[X]] {factor = 6.000000e+00 : f32}
  // CHECK-DAG: %[[LARGE:.+]] = attn.scale %[[X]] {factor = 1.000000e+30 : f32}
  // Both steps stay: their product is not finite.
  // CHECK-DAG: %[[HUGE:.+]] = attn.scale %[[LARGE]] {factor = 1.000000e+30 : f32}
  %one = attn.scale %x {factor = 1.0 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  %two = attn.scale %x {factor = 2.0 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  %six = attn.scale %two {factor = 3.0 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  %large = attn.scale %x {factor = 1.0e30 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  %huge = attn.scale %large {factor = 1.0e30 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  // CHECK: return %[[X]], %[[SIX]], %[[HUGE]]
  return %one, %six, %huge : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: @transpose
// CHECK-SAME: (%[[X:.+]]: tensor<2x3x4xf32>)
func.func @transpose(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<4x2x3xf32>, tensor<2x3x4xf32>) {
  %same = attn.transpose %x {permutation = array<i64: 0, 1, 2>} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: %[[TWICE:.+]] = attn.transpose %[[X]] {permutation = array<i64: 2, 0, 1>}
  %once = attn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %twice = attn.transpose %once {permutation = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  %back = attn.transpose %once {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  // CHECK: return %[[X]], %[[TWICE]], %[[X]]
  return %same, %twice, %back : tensor<2x3x4xf32>, tensor<4x2x3xf32>, tensor<2x3x4xf32>
}

// CHECK-LABEL: @reshape
// CHECK-SAME: (%[[X:.+]]: tensor<?x3x4xf32>)
func.func @reshape(%x: tensor<?x3x4xf32>) -> (tensor<?x6x2xf32>, tensor<?x3x4xf32>) {
  // CHECK: %[[SIX:.+]] = attn.reshape %[[X]] : (tensor<?x3x4xf32>) -> tensor<?x6x2xf32>
  %flat = attn.reshape %x : (tensor<?x3x4xf32>) -> tensor<?x12xf32>
  %six = attn.reshape %flat : (tensor<?x12xf32>) -> tensor<?x6x2xf32>
  %back = attn.reshape %six : (tensor<?x6x2xf32>) -> tensor<?x3x4xf32>
  // CHECK: return %[[SIX]], %[[X]]
  return %six, %back : tensor<?x6x2xf32>, tensor<?x3x4xf32>
}

// CHECK-LABEL: @slice
// CHECK-SAME: (%[[X:.+]]: tensor<6x2xf32>, %[[Y:.+]]: tensor<3x2xf32>)
func.func @slice(%x: tensor<6x2xf32>, %y: tensor<3x2xf32>)
    -> (tensor<6x2xf32>, tensor<2x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x1xf32>) {
  %whole = attn.slice %x {axis = 0 : i64, start = 0 : i64, size = 6 : i64} : (tensor<6x2xf32>) -> tensor<6x2xf32>
  // CHECK: %[[INNER:.+]] = attn.slice %[[X]] {axis = 0 : i64, size = 2 : i64, start = 3 : i64}
  %outer = attn.slice %x {axis = 0 : i64, start = 2 : i64, size = 4 : i64} : (tensor<6x2xf32>) -> tensor<4x2xf32>
  %inner = attn.slice %outer {axis = 0 : i64, start = 1 : i64, size = 2 : i64} : (tensor<4x2xf32>) -> tensor<2x2xf32>
  %both = attn.concat %x, %y {axis = 0 : i64} : (tensor<6x2xf32>, tensor<3x2xf32>) -> tensor<9x2xf32>
  %second = attn.slice %both {axis = 0 : i64, start = 6 : i64, size = 3 : i64} : (tensor<9x2xf32>) -> tensor<3x2xf32>
  // A slice that crosses the seam stays, and so does one along another axis.
  // CHECK: %[[BOTH:.+]] = attn.concat
  // CHECK: %[[SEAM:.+]] = attn.slice %[[BOTH]] {axis = 0 : i64, size = 3 : i64, start = 5 : i64}
  %seam = attn.slice %both {axis = 0 : i64, start = 5 : i64, size = 3 : i64} : (tensor<9x2xf32>) -> tensor<3x2xf32>
  // CHECK: %[[COLUMN:.+]] = attn.slice %[[SEAM]] {axis = 1 : i64, size = 1 : i64, start = 0 : i64}
  %column = attn.slice %seam {axis = 1 : i64, start = 0 : i64, size = 1 : i64} : (tensor<3x2xf32>) -> tensor<3x1xf32>
  // CHECK: return %[[X]], %[[INNER]], %[[Y]], %[[SEAM]], %[[COLUMN]]
  return %whole, %inner, %second, %seam, %column
      : tensor<6x2xf32>, tensor<2x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x1xf32>
}

// CHECK-LABEL: @concat
// CHECK-SAME: (%[[X:.+]]: tensor<6x2xf32>)
func.func @concat(%x: tensor<6x2xf32>) -> (tensor<6x2xf32>, tensor<6x2xf32>, tensor<6x2xf32>) {
  %first = attn.slice %x {axis = 0 : i64, start = 0 : i64, size = 2 : i64} : (tensor<6x2xf32>) -> tensor<2x2xf32>
  %second = attn.slice %x {axis = 0 : i64, start = 2 : i64, size = 4 : i64} : (tensor<6x2xf32>) -> tensor<4x2xf32>
  %one = attn.concat %x {axis = 0 : i64} : (tensor<6x2xf32>) -> tensor<6x2xf32>
  %covered = attn.concat %first, %second {axis = 0 : i64} : (tensor<2x2xf32>, tensor<4x2xf32>) -> tensor<6x2xf32>
  // In the other order it is another tensor.
  // CHECK: %[[SWAPPED:.+]] = attn.concat
  %swapped = attn.concat %second, %first {axis = 0 : i64} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<6x2xf32>
  // CHECK: return %[[X]], %[[X]], %[[SWAPPED]]
  return %one, %covered, %swapped : tensor<6x2xf32>, tensor<6x2xf32>, tensor<6x2xf32>
}
