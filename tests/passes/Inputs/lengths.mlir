// Looked-up tokens with positions, a decoder layer over sequences and over a memory that have lengths of their own.
module attributes {attn.max_batch = 8 : i64, attn.min_batch = 1 : i64} {
  attn.parameter @words.weight : tensor<4x8xf32>
  attn.parameter @positions.weight : tensor<5x8xf32>
  attn.parameter @decoder.layers.0.self_attn.in_proj_weight : tensor<24x8xf32>
  attn.parameter @decoder.layers.0.self_attn.in_proj_bias : tensor<24xf32>
  attn.parameter @decoder.layers.0.self_attn.out_proj.weight : tensor<8x8xf32>
  attn.parameter @decoder.layers.0.self_attn.out_proj.bias : tensor<8xf32>
  attn.parameter @decoder.layers.0.norm1.weight : tensor<8xf32>
  attn.parameter @decoder.layers.0.norm1.bias : tensor<8xf32>
  attn.parameter @decoder.layers.0.multihead_attn.in_proj_weight : tensor<24x8xf32>
  attn.parameter @decoder.layers.0.multihead_attn.in_proj_bias : tensor<24xf32>
  attn.parameter @decoder.layers.0.multihead_attn.out_proj.weight : tensor<8x8xf32>
  attn.parameter @decoder.layers.0.multihead_attn.out_proj.bias : tensor<8xf32>
  attn.parameter @decoder.layers.0.norm2.weight : tensor<8xf32>
  attn.parameter @decoder.layers.0.norm2.bias : tensor<8xf32>
  attn.parameter @decoder.layers.0.linear1.weight : tensor<12x8xf32>
  attn.parameter @decoder.layers.0.linear1.bias : tensor<12xf32>
  attn.parameter @decoder.layers.0.linear2.weight : tensor<8x12xf32>
  attn.parameter @decoder.layers.0.linear2.bias : tensor<8xf32>
  attn.parameter @decoder.layers.0.norm3.weight : tensor<8xf32>
  attn.parameter @decoder.layers.0.norm3.bias : tensor<8xf32>
  func.func @enc(%arg0: tensor<?x5xi64> {attn.index_limit = 4 : i64, attn.name = "ids"}, %arg1: tensor<?x4x8xf32> {attn.name = "memory"}, %arg2: tensor<?xi32> {attn.name = "lengths", attn.value = dense<[5, 0, 2]> : tensor<3xi32>}, %arg3: tensor<?xi32> {attn.name = "memory_lengths", attn.value = dense<[1, 4, 3]> : tensor<3xi32>}) -> (tensor<?x5x8xf32> {attn.name = "output"}) {
    %0 = attn.weight @words.weight : tensor<4x8xf32>
    %1 = attn.embedding %0, %arg0 : (tensor<4x8xf32>, tensor<?x5xi64>) -> tensor<?x5x8xf32>
    %2 = attn.weight @positions.weight : tensor<5x8xf32>
    %3 = attn.slice %2 {axis = 0 : i64, size = 5 : i64, start = 0 : i64} : (tensor<5x8xf32>) -> tensor<5x8xf32>
    %4 = attn.add %1, %3 : (tensor<?x5x8xf32>, tensor<5x8xf32>) -> tensor<?x5x8xf32>
    %5 = attn.weight @decoder.layers.0.self_attn.in_proj_weight : tensor<24x8xf32>
    %6 = attn.slice %5 {axis = 0 : i64, size = 8 : i64, start = 0 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %7 = attn.matmul %4, %6 {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
    %8 = attn.weight @decoder.layers.0.self_attn.in_proj_bias : tensor<24xf32>
    %9 = attn.slice %8 {axis = 0 : i64, size = 8 : i64, start = 0 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %10 = attn.add %7, %9 : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %11 = attn.split_heads %10 {heads = 2 : i64} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
    %12 = attn.slice %5 {axis = 0 : i64, size = 8 : i64, start = 8 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %13 = attn.matmul %4, %12 {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
    %14 = attn.slice %8 {axis = 0 : i64, size = 8 : i64, start = 8 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %15 = attn.add %13, %14 : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %16 = attn.split_heads %15 {heads = 2 : i64} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
    %17 = attn.slice %5 {axis = 0 : i64, size = 8 : i64, start = 16 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %18 = attn.matmul %4, %17 {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
    %19 = attn.slice %8 {axis = 0 : i64, size = 8 : i64, start = 16 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %20 = attn.add %18, %19 : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %21 = attn.split_heads %20 {heads = 2 : i64} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
    %22 = attn.matmul %11, %16 {transpose_rhs} : (tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x5xf32>
    %23 = attn.scale %22 {factor = 5.000000e-01 : f32} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
    %24 = attn.modify_scores %23 captures(%arg2) {
    ^bb0(%arg4: f32, %arg5: index, %arg6: index, %arg7: index, %arg8: index, %arg9: tensor<?xi32>):
      %83 = attn.element %arg9[%arg5] : tensor<?xi32> -> i32
      %84 = arith.index_cast %83 : i32 to index
      %85 = arith.cmpi slt, %arg8, %84 : index
      attn.score %arg4, %85
    } : (tensor<?x2x5x5xf32>, tensor<?xi32>) -> tensor<?x2x5x5xf32>
    %25 = attn.softmax %24 {axis = 3 : i64} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
    %26 = attn.matmul %25, %21 : (tensor<?x2x5x5xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
    %27 = attn.merge_heads %26 : (tensor<?x2x5x4xf32>) -> tensor<?x5x8xf32>
    %28 = attn.weight @decoder.layers.0.self_attn.out_proj.weight : tensor<8x8xf32>
    %29 = attn.matmul %27, %28 {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
    %30 = attn.weight @decoder.layers.0.self_attn.out_proj.bias : tensor<8xf32>
    %31 = attn.add %29, %30 : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %32 = attn.add %4, %31 : (tensor<?x5x8xf32>, tensor<?x5x8xf32>) -> tensor<?x5x8xf32>
    %33 = attn.weight @decoder.layers.0.norm1.weight : tensor<8xf32>
    %34 = attn.weight @decoder.layers.0.norm1.bias : tensor<8xf32>
    %35 = attn.layernorm %32 weight %33 bias %34 {eps = 1.000000e-05 : f64} : (tensor<?x5x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %36 = attn.weight @decoder.layers.0.multihead_attn.in_proj_weight : tensor<24x8xf32>
    %37 = attn.slice %36 {axis = 0 : i64, size = 8 : i64, start = 0 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %38 = attn.matmul %35, %37 {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
    %39 = attn.weight @decoder.layers.0.multihead_attn.in_proj_bias : tensor<24xf32>
    %40 = attn.slice %39 {axis = 0 : i64, size = 8 : i64, start = 0 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %41 = attn.add %38, %40 : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %42 = attn.split_heads %41 {heads = 2 : i64} : (tensor<?x5x8xf32>) -> tensor<?x2x5x4xf32>
    %43 = attn.slice %36 {axis = 0 : i64, size = 8 : i64, start = 8 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %44 = attn.matmul %arg1, %43 {transpose_rhs} : (tensor<?x4x8xf32>, tensor<8x8xf32>) -> tensor<?x4x8xf32>
    %45 = attn.slice %39 {axis = 0 : i64, size = 8 : i64, start = 8 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %46 = attn.add %44, %45 : (tensor<?x4x8xf32>, tensor<8xf32>) -> tensor<?x4x8xf32>
    %47 = attn.split_heads %46 {heads = 2 : i64} : (tensor<?x4x8xf32>) -> tensor<?x2x4x4xf32>
    %48 = attn.slice %36 {axis = 0 : i64, size = 8 : i64, start = 16 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %49 = attn.matmul %arg1, %48 {transpose_rhs} : (tensor<?x4x8xf32>, tensor<8x8xf32>) -> tensor<?x4x8xf32>
    %50 = attn.slice %39 {axis = 0 : i64, size = 8 : i64, start = 16 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %51 = attn.add %49, %50 : (tensor<?x4x8xf32>, tensor<8xf32>) -> tensor<?x4x8xf32>
    %52 = attn.split_heads %51 {heads = 2 : i64} : (tensor<?x4x8xf32>) -> tensor<?x2x4x4xf32>
    %53 = attn.matmul %42, %47 {transpose_rhs} : (tensor<?x2x5x4xf32>, tensor<?x2x4x4xf32>) -> tensor<?x2x5x4xf32>
    %54 = attn.scale %53 {factor = 5.000000e-01 : f32} : (tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
    %55 = attn.modify_scores %54 captures(%arg3) {
    ^bb0(%arg4: f32, %arg5: index, %arg6: index, %arg7: index, %arg8: index, %arg9: tensor<?xi32>):
      %83 = attn.element %arg9[%arg5] : tensor<?xi32> -> i32
      %84 = arith.index_cast %83 : i32 to index
      %85 = arith.cmpi slt, %arg8, %84 : index
      attn.score %arg4, %85
    } : (tensor<?x2x5x4xf32>, tensor<?xi32>) -> tensor<?x2x5x4xf32>
    %56 = attn.softmax %55 {axis = 3 : i64} : (tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
    %57 = attn.matmul %56, %52 : (tensor<?x2x5x4xf32>, tensor<?x2x4x4xf32>) -> tensor<?x2x5x4xf32>
    %58 = attn.merge_heads %57 : (tensor<?x2x5x4xf32>) -> tensor<?x5x8xf32>
    %59 = attn.weight @decoder.layers.0.multihead_attn.out_proj.weight : tensor<8x8xf32>
    %60 = attn.matmul %58, %59 {transpose_rhs} : (tensor<?x5x8xf32>, tensor<8x8xf32>) -> tensor<?x5x8xf32>
    %61 = attn.weight @decoder.layers.0.multihead_attn.out_proj.bias : tensor<8xf32>
    %62 = attn.add %60, %61 : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %63 = attn.add %35, %62 : (tensor<?x5x8xf32>, tensor<?x5x8xf32>) -> tensor<?x5x8xf32>
    %64 = attn.weight @decoder.layers.0.norm2.weight : tensor<8xf32>
    %65 = attn.weight @decoder.layers.0.norm2.bias : tensor<8xf32>
    %66 = attn.layernorm %63 weight %64 bias %65 {eps = 1.000000e-05 : f64} : (tensor<?x5x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %67 = attn.weight @decoder.layers.0.linear1.weight : tensor<12x8xf32>
    %68 = attn.matmul %66, %67 {transpose_rhs} : (tensor<?x5x8xf32>, tensor<12x8xf32>) -> tensor<?x5x12xf32>
    %69 = attn.weight @decoder.layers.0.linear1.bias : tensor<12xf32>
    %70 = attn.add %68, %69 : (tensor<?x5x12xf32>, tensor<12xf32>) -> tensor<?x5x12xf32>
    %71 = attn.activation gelu %70 : (tensor<?x5x12xf32>) -> tensor<?x5x12xf32>
    %72 = attn.weight @decoder.layers.0.linear2.weight : tensor<8x12xf32>
    %73 = attn.matmul %71, %72 {transpose_rhs} : (tensor<?x5x12xf32>, tensor<8x12xf32>) -> tensor<?x5x8xf32>
    %74 = attn.weight @decoder.layers.0.linear2.bias : tensor<8xf32>
    %75 = attn.add %73, %74 : (tensor<?x5x8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %76 = attn.add %66, %75 : (tensor<?x5x8xf32>, tensor<?x5x8xf32>) -> tensor<?x5x8xf32>
    %77 = attn.weight @decoder.layers.0.norm3.weight : tensor<8xf32>
    %78 = attn.weight @decoder.layers.0.norm3.bias : tensor<8xf32>
    %79 = attn.layernorm %76 weight %77 bias %78 {eps = 1.000000e-05 : f64} : (tensor<?x5x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x5x8xf32>
    %80 = attn.padding_mask %arg2 {size = 5 : i64} : (tensor<?xi32>) -> tensor<?x5xi1>
    %81 = attn.reshape %80 : (tensor<?x5xi1>) -> tensor<?x5x1xi1>
    %82 = attn.mask %79, %81 {fill = 0.000000e+00 : f32} : (tensor<?x5x8xf32>, tensor<?x5x1xi1>) -> tensor<?x5x8xf32>
    return %82 : tensor<?x5x8xf32>
  }
}

