// Two layers over a cache of keys and values, the sequences at different places.
module attributes {attn.max_batch = 8 : i64, attn.min_batch = 1 : i64} {
  attn.parameter @blocks.layers.0.norm1.weight : tensor<8xf32>
  attn.parameter @blocks.layers.0.norm1.bias : tensor<8xf32>
  attn.parameter @blocks.layers.0.self_attn.in_proj_weight : tensor<24x8xf32>
  attn.parameter @blocks.layers.0.self_attn.in_proj_bias : tensor<24xf32>
  attn.parameter @blocks.layers.0.self_attn.out_proj.weight : tensor<8x8xf32>
  attn.parameter @blocks.layers.0.self_attn.out_proj.bias : tensor<8xf32>
  attn.parameter @blocks.layers.0.norm2.weight : tensor<8xf32>
  attn.parameter @blocks.layers.0.norm2.bias : tensor<8xf32>
  attn.parameter @blocks.layers.0.linear1.weight : tensor<12x8xf32>
  attn.parameter @blocks.layers.0.linear1.bias : tensor<12xf32>
  attn.parameter @blocks.layers.0.linear2.weight : tensor<8x12xf32>
  attn.parameter @blocks.layers.0.linear2.bias : tensor<8xf32>
  attn.parameter @blocks.layers.1.norm1.weight : tensor<8xf32>
  attn.parameter @blocks.layers.1.norm1.bias : tensor<8xf32>
  attn.parameter @blocks.layers.1.self_attn.in_proj_weight : tensor<24x8xf32>
  attn.parameter @blocks.layers.1.self_attn.in_proj_bias : tensor<24xf32>
  attn.parameter @blocks.layers.1.self_attn.out_proj.weight : tensor<8x8xf32>
  attn.parameter @blocks.layers.1.self_attn.out_proj.bias : tensor<8xf32>
  attn.parameter @blocks.layers.1.norm2.weight : tensor<8xf32>
  attn.parameter @blocks.layers.1.norm2.bias : tensor<8xf32>
  attn.parameter @blocks.layers.1.linear1.weight : tensor<12x8xf32>
  attn.parameter @blocks.layers.1.linear1.bias : tensor<12xf32>
  attn.parameter @blocks.layers.1.linear2.weight : tensor<8x12xf32>
  attn.parameter @blocks.layers.1.linear2.bias : tensor<8xf32>
  func.func @cached(%arg0: tensor<?x3x8xf32> {attn.name = "x"}, %arg1: tensor<?xi32> {attn.index_limit = 4 : i64, attn.name = "position", attn.value = dense<[3, 1]> : tensor<2xi32>}, %arg2: tensor<?x8x6x4xf32> {attn.name = "blocks_cache", attn.state = 1 : i64}) -> (tensor<?x3x8xf32> {attn.name = "output"}, tensor<?x8x6x4xf32> {attn.doc = "keys and values of the tokens so far", attn.name = "blocks_cache"}) {
    %0 = attn.weight @blocks.layers.0.norm1.weight : tensor<8xf32>
    %1 = attn.weight @blocks.layers.0.norm1.bias : tensor<8xf32>
    %2 = attn.layernorm %arg0 weight %0 bias %1 {eps = 1.000000e-05 : f64} : (tensor<?x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %3 = attn.weight @blocks.layers.0.self_attn.in_proj_weight : tensor<24x8xf32>
    %4 = attn.slice %3 {axis = 0 : i64, size = 8 : i64, start = 0 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %5 = attn.matmul %2, %4 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<8x8xf32>) -> tensor<?x3x8xf32>
    %6 = attn.weight @blocks.layers.0.self_attn.in_proj_bias : tensor<24xf32>
    %7 = attn.slice %6 {axis = 0 : i64, size = 8 : i64, start = 0 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %8 = attn.add %5, %7 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %9 = attn.split_heads %8 {heads = 2 : i64} : (tensor<?x3x8xf32>) -> tensor<?x2x3x4xf32>
    %10 = attn.slice %3 {axis = 0 : i64, size = 8 : i64, start = 8 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %11 = attn.matmul %2, %10 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<8x8xf32>) -> tensor<?x3x8xf32>
    %12 = attn.slice %6 {axis = 0 : i64, size = 8 : i64, start = 8 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %13 = attn.add %11, %12 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %14 = attn.split_heads %13 {heads = 2 : i64} : (tensor<?x3x8xf32>) -> tensor<?x2x3x4xf32>
    %15 = attn.slice %3 {axis = 0 : i64, size = 8 : i64, start = 16 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %16 = attn.matmul %2, %15 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<8x8xf32>) -> tensor<?x3x8xf32>
    %17 = attn.slice %6 {axis = 0 : i64, size = 8 : i64, start = 16 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %18 = attn.add %16, %17 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %19 = attn.split_heads %18 {heads = 2 : i64} : (tensor<?x3x8xf32>) -> tensor<?x2x3x4xf32>
    %20 = attn.append %arg2 at %arg1, %14, %19 {start = 0 : i64} : (tensor<?x8x6x4xf32>, tensor<?xi32>, tensor<?x2x3x4xf32>, tensor<?x2x3x4xf32>) -> tensor<?x8x6x4xf32>
    %21 = attn.slice %20 {axis = 1 : i64, size = 2 : i64, start = 0 : i64} : (tensor<?x8x6x4xf32>) -> tensor<?x2x6x4xf32>
    %22 = attn.slice %20 {axis = 1 : i64, size = 2 : i64, start = 2 : i64} : (tensor<?x8x6x4xf32>) -> tensor<?x2x6x4xf32>
    %23 = attn.matmul %9, %21 {transpose_rhs} : (tensor<?x2x3x4xf32>, tensor<?x2x6x4xf32>) -> tensor<?x2x3x6xf32>
    %24 = attn.scale %23 {factor = 5.000000e-01 : f32} : (tensor<?x2x3x6xf32>) -> tensor<?x2x3x6xf32>
    %25 = attn.modify_scores %24 captures(%arg1) {
    ^bb0(%arg3: f32, %arg4: index, %arg5: index, %arg6: index, %arg7: index, %arg8: tensor<?xi32>):
      %94 = attn.element %arg8[%arg4] : tensor<?xi32> -> i32
      %95 = arith.index_cast %94 : i32 to index
      %c3 = arith.constant 3 : index
      %96 = arith.addi %95, %c3 : index
      %97 = arith.cmpi slt, %arg7, %96 : index
      %98 = arith.addi %95, %arg6 : index
      %99 = arith.cmpi sle, %arg7, %98 : index
      %100 = arith.andi %97, %99 : i1
      attn.score %arg3, %100
    } : (tensor<?x2x3x6xf32>, tensor<?xi32>) -> tensor<?x2x3x6xf32>
    %26 = attn.softmax %25 {axis = 3 : i64} : (tensor<?x2x3x6xf32>) -> tensor<?x2x3x6xf32>
    %27 = attn.matmul %26, %22 : (tensor<?x2x3x6xf32>, tensor<?x2x6x4xf32>) -> tensor<?x2x3x4xf32>
    %28 = attn.merge_heads %27 : (tensor<?x2x3x4xf32>) -> tensor<?x3x8xf32>
    %29 = attn.weight @blocks.layers.0.self_attn.out_proj.weight : tensor<8x8xf32>
    %30 = attn.matmul %28, %29 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<8x8xf32>) -> tensor<?x3x8xf32>
    %31 = attn.weight @blocks.layers.0.self_attn.out_proj.bias : tensor<8xf32>
    %32 = attn.add %30, %31 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %33 = attn.add %arg0, %32 : (tensor<?x3x8xf32>, tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
    %34 = attn.weight @blocks.layers.0.norm2.weight : tensor<8xf32>
    %35 = attn.weight @blocks.layers.0.norm2.bias : tensor<8xf32>
    %36 = attn.layernorm %33 weight %34 bias %35 {eps = 1.000000e-05 : f64} : (tensor<?x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %37 = attn.weight @blocks.layers.0.linear1.weight : tensor<12x8xf32>
    %38 = attn.matmul %36, %37 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<12x8xf32>) -> tensor<?x3x12xf32>
    %39 = attn.weight @blocks.layers.0.linear1.bias : tensor<12xf32>
    %40 = attn.add %38, %39 : (tensor<?x3x12xf32>, tensor<12xf32>) -> tensor<?x3x12xf32>
    %41 = attn.activation relu %40 : (tensor<?x3x12xf32>) -> tensor<?x3x12xf32>
    %42 = attn.weight @blocks.layers.0.linear2.weight : tensor<8x12xf32>
    %43 = attn.matmul %41, %42 {transpose_rhs} : (tensor<?x3x12xf32>, tensor<8x12xf32>) -> tensor<?x3x8xf32>
    %44 = attn.weight @blocks.layers.0.linear2.bias : tensor<8xf32>
    %45 = attn.add %43, %44 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %46 = attn.add %33, %45 : (tensor<?x3x8xf32>, tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
    %47 = attn.weight @blocks.layers.1.norm1.weight : tensor<8xf32>
    %48 = attn.weight @blocks.layers.1.norm1.bias : tensor<8xf32>
    %49 = attn.layernorm %46 weight %47 bias %48 {eps = 1.000000e-05 : f64} : (tensor<?x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %50 = attn.weight @blocks.layers.1.self_attn.in_proj_weight : tensor<24x8xf32>
    %51 = attn.slice %50 {axis = 0 : i64, size = 8 : i64, start = 0 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %52 = attn.matmul %49, %51 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<8x8xf32>) -> tensor<?x3x8xf32>
    %53 = attn.weight @blocks.layers.1.self_attn.in_proj_bias : tensor<24xf32>
    %54 = attn.slice %53 {axis = 0 : i64, size = 8 : i64, start = 0 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %55 = attn.add %52, %54 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %56 = attn.split_heads %55 {heads = 2 : i64} : (tensor<?x3x8xf32>) -> tensor<?x2x3x4xf32>
    %57 = attn.slice %50 {axis = 0 : i64, size = 8 : i64, start = 8 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %58 = attn.matmul %49, %57 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<8x8xf32>) -> tensor<?x3x8xf32>
    %59 = attn.slice %53 {axis = 0 : i64, size = 8 : i64, start = 8 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %60 = attn.add %58, %59 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %61 = attn.split_heads %60 {heads = 2 : i64} : (tensor<?x3x8xf32>) -> tensor<?x2x3x4xf32>
    %62 = attn.slice %50 {axis = 0 : i64, size = 8 : i64, start = 16 : i64} : (tensor<24x8xf32>) -> tensor<8x8xf32>
    %63 = attn.matmul %49, %62 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<8x8xf32>) -> tensor<?x3x8xf32>
    %64 = attn.slice %53 {axis = 0 : i64, size = 8 : i64, start = 16 : i64} : (tensor<24xf32>) -> tensor<8xf32>
    %65 = attn.add %63, %64 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %66 = attn.split_heads %65 {heads = 2 : i64} : (tensor<?x3x8xf32>) -> tensor<?x2x3x4xf32>
    %67 = attn.append %20 at %arg1, %61, %66 {start = 4 : i64} : (tensor<?x8x6x4xf32>, tensor<?xi32>, tensor<?x2x3x4xf32>, tensor<?x2x3x4xf32>) -> tensor<?x8x6x4xf32>
    %68 = attn.slice %67 {axis = 1 : i64, size = 2 : i64, start = 4 : i64} : (tensor<?x8x6x4xf32>) -> tensor<?x2x6x4xf32>
    %69 = attn.slice %67 {axis = 1 : i64, size = 2 : i64, start = 6 : i64} : (tensor<?x8x6x4xf32>) -> tensor<?x2x6x4xf32>
    %70 = attn.matmul %56, %68 {transpose_rhs} : (tensor<?x2x3x4xf32>, tensor<?x2x6x4xf32>) -> tensor<?x2x3x6xf32>
    %71 = attn.scale %70 {factor = 5.000000e-01 : f32} : (tensor<?x2x3x6xf32>) -> tensor<?x2x3x6xf32>
    %72 = attn.modify_scores %71 captures(%arg1) {
    ^bb0(%arg3: f32, %arg4: index, %arg5: index, %arg6: index, %arg7: index, %arg8: tensor<?xi32>):
      %94 = attn.element %arg8[%arg4] : tensor<?xi32> -> i32
      %95 = arith.index_cast %94 : i32 to index
      %c3 = arith.constant 3 : index
      %96 = arith.addi %95, %c3 : index
      %97 = arith.cmpi slt, %arg7, %96 : index
      %98 = arith.addi %95, %arg6 : index
      %99 = arith.cmpi sle, %arg7, %98 : index
      %100 = arith.andi %97, %99 : i1
      attn.score %arg3, %100
    } : (tensor<?x2x3x6xf32>, tensor<?xi32>) -> tensor<?x2x3x6xf32>
    %73 = attn.softmax %72 {axis = 3 : i64} : (tensor<?x2x3x6xf32>) -> tensor<?x2x3x6xf32>
    %74 = attn.matmul %73, %69 : (tensor<?x2x3x6xf32>, tensor<?x2x6x4xf32>) -> tensor<?x2x3x4xf32>
    %75 = attn.merge_heads %74 : (tensor<?x2x3x4xf32>) -> tensor<?x3x8xf32>
    %76 = attn.weight @blocks.layers.1.self_attn.out_proj.weight : tensor<8x8xf32>
    %77 = attn.matmul %75, %76 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<8x8xf32>) -> tensor<?x3x8xf32>
    %78 = attn.weight @blocks.layers.1.self_attn.out_proj.bias : tensor<8xf32>
    %79 = attn.add %77, %78 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %80 = attn.add %46, %79 : (tensor<?x3x8xf32>, tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
    %81 = attn.weight @blocks.layers.1.norm2.weight : tensor<8xf32>
    %82 = attn.weight @blocks.layers.1.norm2.bias : tensor<8xf32>
    %83 = attn.layernorm %80 weight %81 bias %82 {eps = 1.000000e-05 : f64} : (tensor<?x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %84 = attn.weight @blocks.layers.1.linear1.weight : tensor<12x8xf32>
    %85 = attn.matmul %83, %84 {transpose_rhs} : (tensor<?x3x8xf32>, tensor<12x8xf32>) -> tensor<?x3x12xf32>
    %86 = attn.weight @blocks.layers.1.linear1.bias : tensor<12xf32>
    %87 = attn.add %85, %86 : (tensor<?x3x12xf32>, tensor<12xf32>) -> tensor<?x3x12xf32>
    %88 = attn.activation relu %87 : (tensor<?x3x12xf32>) -> tensor<?x3x12xf32>
    %89 = attn.weight @blocks.layers.1.linear2.weight : tensor<8x12xf32>
    %90 = attn.matmul %88, %89 {transpose_rhs} : (tensor<?x3x12xf32>, tensor<8x12xf32>) -> tensor<?x3x8xf32>
    %91 = attn.weight @blocks.layers.1.linear2.bias : tensor<8xf32>
    %92 = attn.add %90, %91 : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
    %93 = attn.add %80, %92 : (tensor<?x3x8xf32>, tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
    return %93, %67 : tensor<?x3x8xf32>, tensor<?x8x6x4xf32>
  }
}

