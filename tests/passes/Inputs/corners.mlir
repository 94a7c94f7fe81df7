// What no layer of a model does: returned arguments, weights and duplicates, attention weights that are returned too, several
// users everywhere, a softmax along another axis, constants that the image cannot hold.
module @corners {
  attn.parameter @w : tensor<6x4xf32>
  attn.parameter @v : tensor<4x6xf32>
  attn.parameter @b : tensor<6xf32>
  func.func @main(%x: tensor<2x3x4xf32>, %bias: tensor<3x1xf32>, %table: tensor<2x3x3xf32>)
      -> (tensor<2x3x4xf32>, tensor<6x4xf32>, tensor<2x3x6xf32>, tensor<2x3x6xf32>, tensor<2x3x3xf32>, tensor<2x3x4xf32>,
          tensor<2x3x6xf32>, tensor<4x3x2xf32>, tensor<2x3x4xf32>, tensor<10x4xf32>, tensor<3xi1>) {
    %w = attn.weight @w : tensor<6x4xf32>
    %v = attn.weight @v : tensor<4x6xf32>
    %b = attn.weight @b : tensor<6xf32>
    %half = attn.constant dense<0.5> : tensor<1xf32>
    %causal = attn.constant dense<[[false, true, true], [false, false, true], [false, false, false]]> : tensor<3x3xi1>
    // Two projections of x, one of [k, n], whose sum a third reads.
    %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<2x3x4xf32>, tensor<6x4xf32>) -> tensor<2x3x6xf32>
    %1 = attn.matmul %x, %v : (tensor<2x3x4xf32>, tensor<4x6xf32>) -> tensor<2x3x6xf32>
    %2 = attn.add %b, %1 : (tensor<6xf32>, tensor<2x3x6xf32>) -> tensor<2x3x6xf32>
    %3 = attn.add %0, %2 : (tensor<2x3x6xf32>, tensor<2x3x6xf32>) -> tensor<2x3x6xf32>
    %4 = attn.mul %half, %3 : (tensor<1xf32>, tensor<2x3x6xf32>) -> tensor<2x3x6xf32>
    %5 = attn.softmax %4 {axis = 1} : (tensor<2x3x6xf32>) -> tensor<2x3x6xf32>
    // Attention whose probabilities are returned, and one with a causal mask and biases of other shapes.
    %scores = attn.matmul %x, %x {transpose_rhs} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x3xf32>
    %p = attn.softmax %scores {axis = 2} : (tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
    %6 = attn.matmul %p, %x : (tensor<2x3x3xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
    %7 = attn.matmul %6, %x {transpose_rhs} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x3xf32>
    %8 = attn.add %7, %bias : (tensor<2x3x3xf32>, tensor<3x1xf32>) -> tensor<2x3x3xf32>
    %9 = attn.scale %8 {factor = 0.25 : f32} : (tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
    %10 = attn.mask %9, %causal : (tensor<2x3x3xf32>, tensor<3x3xi1>) -> tensor<2x3x3xf32>
    %11 = attn.add %10, %table : (tensor<2x3x3xf32>, tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
    %12 = attn.softmax %11 {axis = 2} : (tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
    %13 = attn.matmul %12, %6 : (tensor<2x3x3xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
    // Norms, gates and copies.
    %14 = attn.rmsnorm %5 weight %b {eps = 1.0e-6} : (tensor<2x3x6xf32>, tensor<6xf32>) -> tensor<2x3x6xf32>
    %15 = attn.activation silu %14 : (tensor<2x3x6xf32>) -> tensor<2x3x6xf32>
    %16 = attn.mul %15, %14 : (tensor<2x3x6xf32>, tensor<2x3x6xf32>) -> tensor<2x3x6xf32>
    %17 = attn.transpose %x {permutation = array<i64: 2, 1, 0>} : (tensor<2x3x4xf32>) -> tensor<4x3x2xf32>
    %18 = attn.transpose %v {permutation = array<i64: 1, 0>} : (tensor<4x6xf32>) -> tensor<6x4xf32>
    %19 = attn.slice %18 {axis = 0, start = 1, size = 4} : (tensor<6x4xf32>) -> tensor<4x4xf32>
    %20 = attn.concat %w, %19 {axis = 0} : (tensor<6x4xf32>, tensor<4x4xf32>) -> tensor<10x4xf32>
    %21 = attn.slice %19 {axis = 1, start = 1, size = 3} : (tensor<4x4xf32>) -> tensor<4x3xf32>
    %22 = attn.slice %21 {axis = 0, start = 2, size = 1} : (tensor<4x3xf32>) -> tensor<1x3xf32>
    %23 = attn.add %x, %x : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
    %ints = attn.constant dense<[0, 1, 0]> : tensor<3xi32>
    %24 = attn.is_zero %ints : (tensor<3xi32>) -> tensor<3xi1>
    return %x, %w, %5, %5, %p, %13, %16, %17, %23, %20, %24 : tensor<2x3x4xf32>, tensor<6x4xf32>, tensor<2x3x6xf32>,
        tensor<2x3x6xf32>, tensor<2x3x3xf32>, tensor<2x3x4xf32>, tensor<2x3x6xf32>, tensor<4x3x2xf32>, tensor<2x3x4xf32>,
        tensor<10x4xf32>, tensor<3xi1>
  }
}
