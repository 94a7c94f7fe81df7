// Two encoder layers, post-norm, with a padding mask.
module @enc attributes {attn.min_batch = 1 : i64, attn.max_batch = 32 : i64} {
attn.parameter @"encoder.layers.0.self_attn.in_proj_weight" : tensor<24x8xf32>
attn.parameter @"encoder.layers.0.self_attn.in_proj_bias" : tensor<24xf32>
attn.parameter @"encoder.layers.0.self_attn.out_proj.weight" : tensor<8x8xf32>
attn.parameter @"encoder.layers.0.self_attn.out_proj.bias" : tensor<8xf32>
attn.parameter @"encoder.layers.0.linear1.weight" : tensor<12x8xf32>
attn.parameter @"encoder.layers.0.linear1.bias" : tensor<12xf32>
attn.parameter @"encoder.layers.0.linear2.weight" : tensor<8x12xf32>
attn.parameter @"encoder.layers.0.linear2.bias" : tensor<8xf32>
attn.parameter @"encoder.layers.0.norm1.weight" : tensor<8xf32>
attn.parameter @"encoder.layers.0.norm1.bias" : tensor<8xf32>
attn.parameter @"encoder.layers.0.norm2.weight" : tensor<8xf32>
attn.parameter @"encoder.layers.0.norm2.bias" : tensor<8xf32>
attn.parameter @"encoder.layers.1.self_attn.in_proj_weight" : tensor<24x8xf32>
attn.parameter @"encoder.layers.1.self_attn.in_proj_bias" : tensor<24xf32>
attn.parameter @"encoder.layers.1.self_attn.out_proj.weight" : tensor<8x8xf32>
attn.parameter @"encoder.layers.1.self_attn.out_proj.bias" : tensor<8xf32>
attn.parameter @"encoder.layers.1.linear1.weight" : tensor<12x8xf32>
attn.parameter @"encoder.layers.1.linear1.bias" : tensor<12xf32>
attn.parameter @"encoder.layers.1.linear2.weight" : tensor<8x12xf32>
attn.parameter @"encoder.layers.1.linear2.bias" : tensor<8xf32>
attn.parameter @"encoder.layers.1.norm1.weight" : tensor<8xf32>
attn.parameter @"encoder.layers.1.norm1.bias" : tensor<8xf32>
attn.parameter @"encoder.layers.1.norm2.weight" : tensor<8xf32>
attn.parameter @"encoder.layers.1.norm2.bias" : tensor<8xf32>
func.func @main(%x: tensor<?x9x8xf32> {attn.name = "x"}, %pad: tensor<?x9xi1> {attn.name = "pad"}) -> (tensor<?x9x8xf32> {attn.name = "y"}) {
  %1 = attn.weight @"encoder.layers.0.self_attn.in_proj_weight" : tensor<24x8xf32>
  %2 = attn.weight @"encoder.layers.0.self_attn.in_proj_bias" : tensor<24xf32>
  %3 = attn.slice %1 {axis = 0, start = 0, size = 8} : (tensor<24x8xf32>) -> tensor<8x8xf32>
  %4 = attn.slice %2 {axis = 0, start = 0, size = 8} : (tensor<24xf32>) -> tensor<8xf32>
  %5 = attn.matmul %x, %3 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<8x8xf32>) -> tensor<?x9x8xf32>
  %6 = attn.add %5, %4 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %7 = attn.split_heads %6 {heads = 2} : (tensor<?x9x8xf32>) -> tensor<?x2x9x4xf32>
  %8 = attn.slice %1 {axis = 0, start = 8, size = 8} : (tensor<24x8xf32>) -> tensor<8x8xf32>
  %9 = attn.slice %2 {axis = 0, start = 8, size = 8} : (tensor<24xf32>) -> tensor<8xf32>
  %10 = attn.matmul %x, %8 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<8x8xf32>) -> tensor<?x9x8xf32>
  %11 = attn.add %10, %9 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %12 = attn.split_heads %11 {heads = 2} : (tensor<?x9x8xf32>) -> tensor<?x2x9x4xf32>
  %13 = attn.slice %1 {axis = 0, start = 16, size = 8} : (tensor<24x8xf32>) -> tensor<8x8xf32>
  %14 = attn.slice %2 {axis = 0, start = 16, size = 8} : (tensor<24xf32>) -> tensor<8xf32>
  %15 = attn.matmul %x, %13 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<8x8xf32>) -> tensor<?x9x8xf32>
  %16 = attn.add %15, %14 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %17 = attn.split_heads %16 {heads = 2} : (tensor<?x9x8xf32>) -> tensor<?x2x9x4xf32>
  %18 = attn.matmul %7, %12 {transpose_rhs} : (tensor<?x2x9x4xf32>, tensor<?x2x9x4xf32>) -> tensor<?x2x9x9xf32>
  %19 = attn.scale %18 {factor = 0.5 : f32} : (tensor<?x2x9x9xf32>) -> tensor<?x2x9x9xf32>
  %20 = attn.reshape %pad : (tensor<?x9xi1>) -> tensor<?x1x1x9xi1>
  %21 = attn.mask %19, %20 : (tensor<?x2x9x9xf32>, tensor<?x1x1x9xi1>) -> tensor<?x2x9x9xf32>
  %22 = attn.softmax %21 {axis = 3} : (tensor<?x2x9x9xf32>) -> tensor<?x2x9x9xf32>
  %23 = attn.matmul %22, %17 : (tensor<?x2x9x9xf32>, tensor<?x2x9x4xf32>) -> tensor<?x2x9x4xf32>
  %24 = attn.merge_heads %23 : (tensor<?x2x9x4xf32>) -> tensor<?x9x8xf32>
  %25 = attn.weight @"encoder.layers.0.self_attn.out_proj.weight" : tensor<8x8xf32>
  %26 = attn.weight @"encoder.layers.0.self_attn.out_proj.bias" : tensor<8xf32>
  %27 = attn.matmul %24, %25 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<8x8xf32>) -> tensor<?x9x8xf32>
  %28 = attn.add %27, %26 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %29 = attn.add %x, %28 : (tensor<?x9x8xf32>, tensor<?x9x8xf32>) -> tensor<?x9x8xf32>
  %30 = attn.weight @"encoder.layers.0.norm1.weight" : tensor<8xf32>
  %31 = attn.weight @"encoder.layers.0.norm1.bias" : tensor<8xf32>
  %32 = attn.layernorm %29 weight %30 bias %31 {eps = 1.0e-5} : (tensor<?x9x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %33 = attn.weight @"encoder.layers.0.linear1.weight" : tensor<12x8xf32>
  %34 = attn.weight @"encoder.layers.0.linear1.bias" : tensor<12xf32>
  %35 = attn.matmul %32, %33 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<12x8xf32>) -> tensor<?x9x12xf32>
  %36 = attn.add %35, %34 : (tensor<?x9x12xf32>, tensor<12xf32>) -> tensor<?x9x12xf32>
  %37 = attn.activation gelu %36 : (tensor<?x9x12xf32>) -> tensor<?x9x12xf32>
  %38 = attn.weight @"encoder.layers.0.linear2.weight" : tensor<8x12xf32>
  %39 = attn.weight @"encoder.layers.0.linear2.bias" : tensor<8xf32>
  %40 = attn.matmul %37, %38 {transpose_rhs} : (tensor<?x9x12xf32>, tensor<8x12xf32>) -> tensor<?x9x8xf32>
  %41 = attn.add %40, %39 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %42 = attn.add %32, %41 : (tensor<?x9x8xf32>, tensor<?x9x8xf32>) -> tensor<?x9x8xf32>
  %43 = attn.weight @"encoder.layers.0.norm2.weight" : tensor<8xf32>
  %44 = attn.weight @"encoder.layers.0.norm2.bias" : tensor<8xf32>
  %45 = attn.layernorm %42 weight %43 bias %44 {eps = 1.0e-5} : (tensor<?x9x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %46 = attn.weight @"encoder.layers.1.self_attn.in_proj_weight" : tensor<24x8xf32>
  %47 = attn.weight @"encoder.layers.1.self_attn.in_proj_bias" : tensor<24xf32>
  %48 = attn.slice %46 {axis = 0, start = 0, size = 8} : (tensor<24x8xf32>) -> tensor<8x8xf32>
  %49 = attn.slice %47 {axis = 0, start = 0, size = 8} : (tensor<24xf32>) -> tensor<8xf32>
  %50 = attn.matmul %45, %48 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<8x8xf32>) -> tensor<?x9x8xf32>
  %51 = attn.add %50, %49 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %52 = attn.split_heads %51 {heads = 2} : (tensor<?x9x8xf32>) -> tensor<?x2x9x4xf32>
  %53 = attn.slice %46 {axis = 0, start = 8, size = 8} : (tensor<24x8xf32>) -> tensor<8x8xf32>
  %54 = attn.slice %47 {axis = 0, start = 8, size = 8} : (tensor<24xf32>) -> tensor<8xf32>
  %55 = attn.matmul %45, %53 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<8x8xf32>) -> tensor<?x9x8xf32>
  %56 = attn.add %55, %54 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %57 = attn.split_heads %56 {heads = 2} : (tensor<?x9x8xf32>) -> tensor<?x2x9x4xf32>
  %58 = attn.slice %46 {axis = 0, start = 16, size = 8} : (tensor<24x8xf32>) -> tensor<8x8xf32>
  %59 = attn.slice %47 {axis = 0, start = 16, size = 8} : (tensor<24xf32>) -> tensor<8xf32>
  %60 = attn.matmul %45, %58 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<8x8xf32>) -> tensor<?x9x8xf32>
  %61 = attn.add %60, %59 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %62 = attn.split_heads %61 {heads = 2} : (tensor<?x9x8xf32>) -> tensor<?x2x9x4xf32>
  %63 = attn.matmul %52, %57 {transpose_rhs} : (tensor<?x2x9x4xf32>, tensor<?x2x9x4xf32>) -> tensor<?x2x9x9xf32>
  %64 = attn.scale %63 {factor = 0.5 : f32} : (tensor<?x2x9x9xf32>) -> tensor<?x2x9x9xf32>
  %65 = attn.reshape %pad : (tensor<?x9xi1>) -> tensor<?x1x1x9xi1>
  %66 = attn.mask %64, %65 : (tensor<?x2x9x9xf32>, tensor<?x1x1x9xi1>) -> tensor<?x2x9x9xf32>
  %67 = attn.softmax %66 {axis = 3} : (tensor<?x2x9x9xf32>) -> tensor<?x2x9x9xf32>
  %68 = attn.matmul %67, %62 : (tensor<?x2x9x9xf32>, tensor<?x2x9x4xf32>) -> tensor<?x2x9x4xf32>
  %69 = attn.merge_heads %68 : (tensor<?x2x9x4xf32>) -> tensor<?x9x8xf32>
  %70 = attn.weight @"encoder.layers.1.self_attn.out_proj.weight" : tensor<8x8xf32>
  %71 = attn.weight @"encoder.layers.1.self_attn.out_proj.bias" : tensor<8xf32>
  %72 = attn.matmul %69, %70 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<8x8xf32>) -> tensor<?x9x8xf32>
  %73 = attn.add %72, %71 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %74 = attn.add %45, %73 : (tensor<?x9x8xf32>, tensor<?x9x8xf32>) -> tensor<?x9x8xf32>
  %75 = attn.weight @"encoder.layers.1.norm1.weight" : tensor<8xf32>
  %76 = attn.weight @"encoder.layers.1.norm1.bias" : tensor<8xf32>
  %77 = attn.layernorm %74 weight %75 bias %76 {eps = 1.0e-5} : (tensor<?x9x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %78 = attn.weight @"encoder.layers.1.linear1.weight" : tensor<12x8xf32>
  %79 = attn.weight @"encoder.layers.1.linear1.bias" : tensor<12xf32>
  %80 = attn.matmul %77, %78 {transpose_rhs} : (tensor<?x9x8xf32>, tensor<12x8xf32>) -> tensor<?x9x12xf32>
  %81 = attn.add %80, %79 : (tensor<?x9x12xf32>, tensor<12xf32>) -> tensor<?x9x12xf32>
  %82 = attn.activation gelu %81 : (tensor<?x9x12xf32>) -> tensor<?x9x12xf32>
  %83 = attn.weight @"encoder.layers.1.linear2.weight" : tensor<8x12xf32>
  %84 = attn.weight @"encoder.layers.1.linear2.bias" : tensor<8xf32>
  %85 = attn.matmul %82, %83 {transpose_rhs} : (tensor<?x9x12xf32>, tensor<8x12xf32>) -> tensor<?x9x8xf32>
  %86 = attn.add %85, %84 : (tensor<?x9x8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  %87 = attn.add %77, %86 : (tensor<?x9x8xf32>, tensor<?x9x8xf32>) -> tensor<?x9x8xf32>
  %88 = attn.weight @"encoder.layers.1.norm2.weight" : tensor<8xf32>
  %89 = attn.weight @"encoder.layers.1.norm2.bias" : tensor<8xf32>
  %90 = attn.layernorm %87 weight %88 bias %89 {eps = 1.0e-5} : (tensor<?x9x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x9x8xf32>
  return %90 : tensor<?x9x8xf32>
}
}
