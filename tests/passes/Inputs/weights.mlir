// Attention of which somebody reads more than its result: weights of each head, their mean, log-sum-exp; additive scores and weights
// that are no softmax; heads that are merged before and after the weights are read.
module @weights attributes {attn.min_batch = 1 : i64, attn.max_batch = 4 : i64} {
  attn.parameter @q : tensor<8x8xf32>
  attn.parameter @k : tensor<8x8xf32>
  attn.parameter @s : tensor<1x4xf32>
  func.func @main(%x: tensor<?x5x8xf32>, %pad: tensor<?x5xi1>)
      -> (tensor<?x5x8xf32>, tensor<?x2x5x5xf32>, tensor<?x5x5xf32>, tensor<?x2x5xf32>, tensor<?x5x8xf32>, tensor<?x2x5x5xf32>) {
    %q = attn.weight @q : tensor<8x8xf32>
    %k = attn.weight @k : tensor<8x8xf32>
    %s = attn.weight @s : tensor<1x4xf32>
    %0 = attn.matmul %x, %q {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
    %1 = attn.matmul %x, %k {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
    %qh = attn.split_heads %0 {heads = 2} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
    %kh = attn.split_heads %1 {heads = 2} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
    %blocked = attn.reshape %pad : (tensor<?x5xi1>) -> tensor<?x1x1x5xi1>
    %2 = attn.matmul %qh, %kh {transpose_rhs} : (tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x5xf32>
    %3 = attn.mask %2, %blocked : (tensor<?x2x5x5xf32>, tensor<?x1x1x5xi1>) -> tensor<?x2x5x5xf32>
    %4 = attn.softmax %3 {axis = 3} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
    %5 = attn.log_sum_exp %3 : (tensor<?x2x5x5xf32>) -> tensor<?x2x5xf32>
    %6 = attn.matmul %4, %kh : (tensor<?x2x5x5xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
    %7 = attn.mean %4 {axis = 1} : (tensor<?x2x5x5xf32>) -> tensor<?x5x5xf32>
    %8 = attn.merge_heads %6 : (tensor<?x2x5x4xf32>) -> tensor<?x5x8xf32>
    // The second reads the first's result as values.
    %w = attn.reshape %s : (tensor<1x4xf32>) -> tensor<4xf32>
    %9 = attn.additive_score %qh, %kh weight %w : (tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>, tensor<4xf32>) -> tensor<?x2x5x5xf32>
    %10 = attn.mask %9, %blocked : (tensor<?x2x5x5xf32>, tensor<?x1x1x5xi1>) -> tensor<?x2x5x5xf32>
    %11 = attn.score_weights sigmoid %10 {factor = 0.2 : f32} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
    %12 = attn.matmul %11, %6 : (tensor<?x2x5x5xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
    %13 = attn.merge_heads %12 : (tensor<?x2x5x4xf32>) -> tensor<?x5x8xf32>
    return %8, %4, %7, %5, %13, %11 : tensor<?x5x8xf32>, tensor<?x2x5x5xf32>, tensor<?x5x5xf32>, tensor<?x2x5xf32>,
        tensor<?x5x8xf32>, tensor<?x2x5x5xf32>
  }
}
