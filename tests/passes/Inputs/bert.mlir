// Embeddings, a mask of valid tokens, projections with weights of their own, mean pooling.
module @bert attributes {attn.min_batch = 1 : i64, attn.max_batch = 4 : i64} {
  attn.parameter @words : tensor<11x8xf32>
  attn.parameter @positions : tensor<9x8xf32>
  attn.parameter @types : tensor<2x8xf32>
  attn.parameter @norm.weight : tensor<8xf32>
  attn.parameter @norm.bias : tensor<8xf32>
  attn.parameter @query.weight : tensor<8x8xf32>
  attn.parameter @query.bias : tensor<8xf32>
  attn.parameter @key.weight : tensor<8x8xf32>
  attn.parameter @key.bias : tensor<8xf32>
  attn.parameter @value.weight : tensor<8x8xf32>
  attn.parameter @value.bias : tensor<8xf32>
  attn.parameter @out.weight : tensor<8x8xf32>
  attn.parameter @pooler.weight : tensor<8x8xf32>
  func.func @main(%ids: tensor<?x6xi32>, %valid: tensor<?x6xi32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
    %words = attn.weight @words : tensor<11x8xf32>
    %0 = attn.embedding %words, %ids : (tensor<11x8xf32>, tensor<?x6xi32>) -> tensor<?x6x8xf32>
    %positions = attn.weight @positions : tensor<9x8xf32>
    %1 = attn.slice %positions {axis = 0, start = 2, size = 6} : (tensor<9x8xf32>) -> tensor<6x8xf32>
    %2 = attn.add %1, %0 : (tensor<6x8xf32>, tensor<?x6x8xf32>) -> tensor<?x6x8xf32>
    %types = attn.weight @types : tensor<2x8xf32>
    %3 = attn.slice %types {axis = 0, start = 1, size = 1} : (tensor<2x8xf32>) -> tensor<1x8xf32>
    %4 = attn.add %2, %3 : (tensor<?x6x8xf32>, tensor<1x8xf32>) -> tensor<?x6x8xf32>
    %gain = attn.weight @norm.weight : tensor<8xf32>
    %shift = attn.weight @norm.bias : tensor<8xf32>
    %x = attn.layernorm %4 weight %gain bias %shift {eps = 1.0e-12} : (tensor<?x6x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x6x8xf32>
    %blocked = attn.is_zero %valid : (tensor<?x6xi32>) -> tensor<?x6xi1>
    %wq = attn.weight @query.weight : tensor<8x8xf32>
    %bq = attn.weight @query.bias : tensor<8xf32>
    %5 = attn.matmul %x, %wq {transpose_rhs} : (tensor<?x6x8xf32>, tensor<8x8xf32>) -> tensor<?x6x8xf32>
    %6 = attn.add %5, %bq : (tensor<?x6x8xf32>, tensor<8xf32>) -> tensor<?x6x8xf32>
    %q = attn.split_heads %6 {heads = 2} : (tensor<?x6x8xf32>) -> tensor<?x2x6x4xf32>
    %wk = attn.weight @key.weight : tensor<8x8xf32>
    %bk = attn.weight @key.bias : tensor<8xf32>
    %7 = attn.matmul %x, %wk {transpose_rhs} : (tensor<?x6x8xf32>, tensor<8x8xf32>) -> tensor<?x6x8xf32>
    %8 = attn.add %7, %bk : (tensor<?x6x8xf32>, tensor<8xf32>) -> tensor<?x6x8xf32>
    %k = attn.split_heads %8 {heads = 2} : (tensor<?x6x8xf32>) -> tensor<?x2x6x4xf32>
    %wv = attn.weight @value.weight : tensor<8x8xf32>
    %bv = attn.weight @value.bias : tensor<8xf32>
    %9 = attn.matmul %x, %wv {transpose_rhs} : (tensor<?x6x8xf32>, tensor<8x8xf32>) -> tensor<?x6x8xf32>
    %10 = attn.add %9, %bv : (tensor<?x6x8xf32>, tensor<8xf32>) -> tensor<?x6x8xf32>
    %v = attn.split_heads %10 {heads = 2} : (tensor<?x6x8xf32>) -> tensor<?x2x6x4xf32>
    %scaled = attn.scale %q {factor = 0.5 : f32} : (tensor<?x2x6x4xf32>) -> tensor<?x2x6x4xf32>
    %scores = attn.matmul %scaled, %k {transpose_rhs} : (tensor<?x2x6x4xf32>, tensor<?x2x6x4xf32>) -> tensor<?x2x6x6xf32>
    %wide = attn.reshape %blocked : (tensor<?x6xi1>) -> tensor<?x1x1x6xi1>
    %masked = attn.mask %scores, %wide : (tensor<?x2x6x6xf32>, tensor<?x1x1x6xi1>) -> tensor<?x2x6x6xf32>
    %p = attn.softmax %masked {axis = 3} : (tensor<?x2x6x6xf32>) -> tensor<?x2x6x6xf32>
    %c = attn.matmul %p, %v : (tensor<?x2x6x6xf32>, tensor<?x2x6x4xf32>) -> tensor<?x2x6x4xf32>
    %11 = attn.merge_heads %c : (tensor<?x2x6x4xf32>) -> tensor<?x6x8xf32>
    %wo = attn.weight @out.weight : tensor<8x8xf32>
    %12 = attn.matmul %11, %wo : (tensor<?x6x8xf32>, tensor<8x8xf32>) -> tensor<?x6x8xf32>
    %13 = attn.add %x, %12 : (tensor<?x6x8xf32>, tensor<?x6x8xf32>) -> tensor<?x6x8xf32>
    %14 = attn.layernorm %13 weight %gain {eps = 1.0e-5} : (tensor<?x6x8xf32>, tensor<8xf32>) -> tensor<?x6x8xf32>
    %mean = attn.pool mean %14 blocked %blocked : (tensor<?x6x8xf32>, tensor<?x6xi1>) -> tensor<?x8xf32>
    %unit = attn.l2norm %mean {eps = 1.0e-12} : (tensor<?x8xf32>) -> tensor<?x8xf32>
    %first = attn.slice %14 {axis = 1, start = 0, size = 1} : (tensor<?x6x8xf32>) -> tensor<?x1x8xf32>
    %cls = attn.reshape %first : (tensor<?x1x8xf32>) -> tensor<?x8xf32>
    %wp = attn.weight @pooler.weight : tensor<8x8xf32>
    %15 = attn.matmul %cls, %wp {transpose_rhs} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %pooled = attn.activation tanh %15 : (tensor<?x8xf32>) -> tensor<?x8xf32>
    return %unit, %pooled : tensor<?x8xf32>, tensor<?x8xf32>
  }
}
