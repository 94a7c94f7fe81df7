// RUN: attnc-opt %s | attnc-opt | FileCheck %s
// RUN: attnc-opt %s --mlir-print-op-generic | attnc-opt | FileCheck %s
// What is printed parses to the same IR, in the short and in the generic form.

// CHECK: attn.parameter @encoder.in_proj_weight : tensor<6x4xf32>
attn.parameter @encoder.in_proj_weight : tensor<6x4xf32>
// CHECK: attn.parameter @"strange name" : tensor<4xf32>
attn.parameter @"strange name" : tensor<4xf32>

// CHECK-LABEL: @weights
func.func @weights() -> (tensor<6x4xf32>, tensor<4xf32>, tensor<2xi64>) {
  // CHECK: attn.weight @encoder.in_proj_weight : tensor<6x4xf32>
  %weight = attn.weight @encoder.in_proj_weight : tensor<6x4xf32>
  // CHECK: attn.weight @"strange name" : tensor<4xf32>
  %bias = attn.weight @"strange name" : tensor<4xf32>
  // CHECK: attn.constant dense<[3, 4]> : tensor<2xi64>
  %table = attn.constant dense<[3, 4]> : tensor<2xi64>
  return %weight, %bias, %table : tensor<6x4xf32>, tensor<4xf32>, tensor<2xi64>
}

// CHECK-LABEL: @contractions
func.func @contractions(%x: tensor<?x5x4xf32>, %w: tensor<6x4xf32>, %p: tensor<6x4xf32, #attn.panels<16>>) {
  // CHECK: attn.matmul %{{.+}}, %{{.+}} {transpose_rhs} : (tensor<?x5x4xf32>, tensor<6x4xf32>) -> tensor<?x5x6xf32>
  %y = attn.matmul %x, %w {transpose_rhs} : (tensor<?x5x4xf32>, tensor<6x4xf32>) -> tensor<?x5x6xf32>
  // CHECK: (tensor<?x5x4xf32>, tensor<6x4xf32, #attn.panels<16>>) -> tensor<?x5x6xf32>
  %z = attn.matmul %x, %p {transpose_rhs}
      : (tensor<?x5x4xf32>, tensor<6x4xf32, #attn.panels<16>>) -> tensor<?x5x6xf32>
  %balance = attn.constant dense<[0.5, 1.0, 2.0, 1.125]> : tensor<4xf32>
  // CHECK: attn.matmul %{{.+}}, %{{.+}} balance %{{.+}} {precision = #attn<precision int8>, transpose_rhs} : (tensor<?x5x4xf32>, tensor<6x4xf32>, tensor<4xf32>)
  %u = attn.matmul %x, %w balance %balance {precision = #attn<precision int8>, transpose_rhs}
      : (tensor<?x5x4xf32>, tensor<6x4xf32>, tensor<4xf32>) -> tensor<?x5x6xf32>
  return
}

// CHECK-LABEL: @elementwise
func.func @elementwise(%x: tensor<?x4xf32>, %b: tensor<4xf32>, %m: tensor<?x1xi1>, %n: tensor<?xi32>) {
  // CHECK: attn.add
  %add = attn.add %x, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: attn.sub
  %sub = attn.sub %x, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: attn.mul
  %mul = attn.mul %x, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: attn.div
  %div = attn.div %x, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: attn.scale %{{.+}} {factor = 1.250000e-01 : f32}
  %scale = attn.scale %x {factor = 0.125 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: attn.activation gelu_tanh %
  %act = attn.activation gelu_tanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: attn.is_zero %{{.+}} : (tensor<?xi32>) -> tensor<?xi1>
  %zero = attn.is_zero %n : (tensor<?xi32>) -> tensor<?xi1>
  // CHECK: attn.mask
  %masked = attn.mask %x, %m : (tensor<?x4xf32>, tensor<?x1xi1>) -> tensor<?x4xf32>
  // CHECK: attn.mask %{{.+}}, %{{.+}} {fill = 0.000000e+00 : f32}
  %filled = attn.mask %x, %m {fill = 0.0 : f32} : (tensor<?x4xf32>, tensor<?x1xi1>) -> tensor<?x4xf32>
  // CHECK: attn.padding_mask %{{.+}} {size = 4 : i64} : (tensor<?xi32>) -> tensor<?x4xi1>
  %padding = attn.padding_mask %n {size = 4 : i64} : (tensor<?xi32>) -> tensor<?x4xi1>
  return
}

// CHECK-LABEL: @rows
func.func @rows(%x: tensor<?x3x4xf32>, %w: tensor<4xf32>, %m: tensor<?x3xi1>, %i: tensor<?x3xi64>, %t: tensor<9x4xf32>,
                %a: tensor<3x2xf32>) {
  // CHECK: attn.softmax %{{.+}} {axis = 2 : i64} :
  %softmax = attn.softmax %x {axis = 2 : i64} : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  // CHECK: attn.softmax %{{.+}} {axis = 1 : i64, fully_masked = #attn<fully_masked nan>}
  %nan = attn.softmax %x {axis = 1 : i64, fully_masked = #attn<fully_masked nan>}
      : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  // CHECK: attn.layernorm %{{.+}} weight %{{.+}} bias %{{.+}} {eps = 1.000000e-05 : f64}
  %norm = attn.layernorm %x weight %w bias %w {eps = 1.0e-5 : f64}
      : (tensor<?x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x3x4xf32>
  // CHECK: attn.layernorm %{{[^ ]+}} bias %
  %biased = attn.layernorm %x bias %w {eps = 1.0e-5 : f64} : (tensor<?x3x4xf32>, tensor<4xf32>) -> tensor<?x3x4xf32>
  // CHECK: attn.rmsnorm %{{.+}} weight %
  %rms = attn.rmsnorm %x weight %w {eps = 1.0e-5 : f64} : (tensor<?x3x4xf32>, tensor<4xf32>) -> tensor<?x3x4xf32>
  // CHECK: attn.l2norm
  %l2 = attn.l2norm %x {eps = 1.0e-12 : f64} : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  // CHECK: attn.rotary %{{[^ ]+}}, %{{[^ ]+}}, %{{[^ ]+}} :
  %half = attn.rotary %x, %a, %a : (tensor<?x3x4xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<?x3x4xf32>
  // CHECK: attn.rotary %{{.+}} {interleaved}
  %turned = attn.rotary %x, %a, %a {interleaved} : (tensor<?x3x4xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<?x3x4xf32>
  // CHECK: attn.pool mean %{{.+}} blocked %{{.+}} : (tensor<?x3x4xf32>, tensor<?x3xi1>) -> tensor<?x4xf32>
  %mean = attn.pool mean %x blocked %m : (tensor<?x3x4xf32>, tensor<?x3xi1>) -> tensor<?x4xf32>
  // CHECK: attn.pool cls %
  %cls = attn.pool cls %x : (tensor<?x3x4xf32>) -> tensor<?x4xf32>
  // CHECK: attn.embedding %{{.+}}, %{{.+}} : (tensor<9x4xf32>, tensor<?x3xi64>) -> tensor<?x3x4xf32>
  %rows = attn.embedding %t, %i : (tensor<9x4xf32>, tensor<?x3xi64>) -> tensor<?x3x4xf32>
  return
}

// CHECK-LABEL: @shapes
func.func @shapes(%x: tensor<?x3x4xf32>) {
  // CHECK: attn.split_heads %{{.+}} {heads = 2 : i64} : (tensor<?x3x4xf32>) -> tensor<?x2x3x2xf32>
  %split = attn.split_heads %x {heads = 2 : i64} : (tensor<?x3x4xf32>) -> tensor<?x2x3x2xf32>
  // CHECK: attn.merge_heads %{{.+}} : (tensor<?x2x3x2xf32>) -> tensor<?x3x4xf32>
  %merged = attn.merge_heads %split : (tensor<?x2x3x2xf32>) -> tensor<?x3x4xf32>
  // CHECK: attn.transpose %{{.+}} {permutation = array<i64: 1, 0, 2>} : (tensor<?x3x4xf32>) -> tensor<3x?x4xf32>
  %swapped = attn.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<?x3x4xf32>) -> tensor<3x?x4xf32>
  // CHECK: attn.reshape %{{.+}} : (tensor<?x3x4xf32>) -> tensor<?x12xf32>
  %flat = attn.reshape %x : (tensor<?x3x4xf32>) -> tensor<?x12xf32>
  // CHECK: attn.slice %{{.+}} {axis = 2 : i64, size = 2 : i64, start = 1 : i64} : (tensor<?x3x4xf32>) -> tensor<?x3x2xf32>
  %part = attn.slice %x {axis = 2 : i64, start = 1 : i64, size = 2 : i64} : (tensor<?x3x4xf32>) -> tensor<?x3x2xf32>
  // CHECK: attn.concat %{{.+}}, %{{.+}} {axis = 2 : i64} : (tensor<?x3x2xf32>, tensor<?x3x4xf32>) -> tensor<?x3x6xf32>
  %long = attn.concat %part, %x {axis = 2 : i64} : (tensor<?x3x2xf32>, tensor<?x3x4xf32>) -> tensor<?x3x6xf32>
  return
}

// CHECK-LABEL: @fused
func.func @fused(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>, %m: tensor<?x5xi1>) {
  // CHECK: attn.attention %{{.+}}, %{{.+}}, %{{.+}} captures(%{{.+}}) attributes {fully_masked = #attn<fully_masked nan>} {
  // CHECK: attn.element %{{.+}}[%{{.+}}, %{{.+}}] : tensor<?x5xi1> -> i1
  // CHECK: attn.score %{{.+}}, %
  %o = attn.attention %q, %k, %v captures(%m) attributes {fully_masked = #attn<fully_masked nan>} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %blocked: tensor<?x5xi1>):
    %factor = arith.constant 0.5 : f32
    %s = arith.mulf %dot, %factor : f32
    %e = attn.element %blocked[%b, %j] : tensor<?x5xi1> -> i1
    %true = arith.constant true
    %live = arith.xori %e, %true : i1
    attn.score %s, %live
  } : (tensor<?x2x3x4xf32>, tensor<?x2x5x4xf32>, tensor<?x2x5x6xf32>, tensor<?x5xi1>) -> tensor<?x2x3x6xf32>
  // CHECK: attn.group rowwise(%{{.+}}) {
  // CHECK: attn.yield %{{.+}} : tensor<?x2x3x6xf32>
  %g = attn.group rowwise (%o) {
  ^bb0(%x: tensor<?x2x3x6xf32>):
    %y = attn.activation relu %x : (tensor<?x2x3x6xf32>) -> tensor<?x2x3x6xf32>
    attn.yield %y : tensor<?x2x3x6xf32>
  } : (tensor<?x2x3x6xf32>) -> tensor<?x2x3x6xf32>
  // CHECK: attn.packed {offset = 128 : i64, pieces = [#attn.piece<parameter = "encoder.in_proj_weight", offset = 0, rows = 6, cols = 4, stride_row = 4, stride_col = 1, first = 0>]} : tensor<6x4xf32, #attn.panels<16>>
  %p = attn.packed {offset = 128 : i64, pieces = [#attn.piece<parameter = "encoder.in_proj_weight", offset = 0,
      rows = 6, cols = 4, stride_row = 4, stride_col = 1, first = 0>]} : tensor<6x4xf32, #attn.panels<16>>
  // CHECK: attn.packed {offset = 0 : i64, pieces = [#attn.piece<parameter = "", constant = dense<1.000000e+00> : tensor<4xf32>, offset = 0,
  %c = attn.packed {offset = 0 : i64, pieces = [#attn.piece<parameter = "", constant = dense<1.0> : tensor<4xf32>, offset = 0,
      rows = 1, cols = 4, stride_row = 4, stride_col = 1, first = 0>]} : tensor<4xf32>
  return
}

// Schedules are attributes of kernels.
// CHECK-LABEL: @schedules
// CHECK-SAME: #attn.attention_schedule<tile_queries = 8, tile_cols = 32, task_queries = 0>, #attn.attention_schedule<tile_queries = 8, tile_cols = 32, task_queries = 16, block_keys = 512, block_queries = 8>
// CHECK-SAME: #attn.matmul_schedule<tile_rows = 8, tile_cols = 32, block_rows = 16, task_rows = 0, task_cols = 4>
// CHECK-SAME: #attn.rowwise_schedule<task_rows = 4>
func.func private @schedules() attributes {attn.kind = #attn<kernel_kind matmul>, attn.schedule = [
  #attn.attention_schedule<tile_queries = 8, tile_cols = 32, task_queries = 0>,
  #attn.attention_schedule<tile_queries = 8, tile_cols = 32, task_queries = 16, block_keys = 512, block_queries = 8>,
  #attn.matmul_schedule<tile_rows = 8, tile_cols = 32, block_rows = 16, task_rows = 0, task_cols = 4>,
  #attn.rowwise_schedule<task_rows = 4>]}

// What a pass found out of an attention's fixed conditions.
// CHECK-LABEL: @live_keys
// CHECK-SAME: #attn.live_keys<constants = [1], runs = [0, 0, 4, 1, 4, 4, 8, 0]>
func.func private @live_keys() attributes {live = #attn.live_keys<constants = [1], runs = [0, 0, 4, 1, 4, 4, 8, 0]>}

// CHECK-LABEL: @scores_and_weights
func.func @scores_and_weights(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %w: tensor<4xf32>) {
  // CHECK: attn.additive_score %{{.+}}, %{{.+}} weight %{{.+}} : (tensor<?x2x3x4xf32>, tensor<?x2x5x4xf32>, tensor<4xf32>) -> tensor<?x2x3x5xf32>
  %s = attn.additive_score %q, %k weight %w : (tensor<?x2x3x4xf32>, tensor<?x2x5x4xf32>, tensor<4xf32>) -> tensor<?x2x3x5xf32>
  // CHECK: attn.score_weights relu %{{.+}} {factor = 2.000000e-01 : f32}
  %r = attn.score_weights relu %s {factor = 0.2 : f32} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  // CHECK: attn.score_weights sigmoid %{{.+}} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %i = attn.score_weights sigmoid %s : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  // CHECK: attn.log_sum_exp %{{.+}} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3xf32>
  %l = attn.log_sum_exp %s : (tensor<?x2x3x5xf32>) -> tensor<?x2x3xf32>
  // CHECK: %{{.+}}, %{{.+}}:2 = attn.attention %{{.+}}, %{{.+}}, %{{.+}} additive %{{.+}} attributes {returns_log_sum_exp, returns_weights} {
  %o:3 = attn.attention %q, %k, %k additive %w attributes {returns_weights, returns_log_sum_exp} {
  ^bb0(%score: f32, %b: index, %h: index, %m: index, %n: index):
    %true = arith.constant true
    attn.score %score, %true
  } : (tensor<?x2x3x4xf32>, tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>, tensor<4xf32>)
    -> (tensor<?x2x3x4xf32>, tensor<?x2x3x5xf32>, tensor<?x2x3xf32>)
  return
}

// CHECK-LABEL: @packed_rows
func.func @packed_rows(%x: tensor<?x3x4xf32>, %n: tensor<?xi32>, %w: tensor<5x4xf32>, %ids: tensor<?x3xi64>, %table: tensor<9x5xf32>) -> tensor<?x3x5xf32> {
  // CHECK: attn.token_rows %{{.+}} {number = 7 : i64, size = 3 : i64} : (tensor<?xi32>) -> (tensor<?x3xi32, #attn.packed_rows<7>>, tensor<?x2xi32>, tensor<i32>)
  %rows, %spans, %count = attn.token_rows %n {size = 3 : i64, number = 7 : i64} : (tensor<?xi32>) -> (tensor<?x3xi32, #attn.packed_rows<7>>, tensor<?x2xi32>, tensor<i32>)
  // CHECK: attn.pack_rows %{{.+}}, %{{.+}}, %{{.+}} : (tensor<?x3x4xf32>, tensor<?x3xi32, #attn.packed_rows<7>>, tensor<?x2xi32>) -> tensor<?x3x4xf32, #attn.packed_rows<7>>
  %p = attn.pack_rows %x, %rows, %spans : (tensor<?x3x4xf32>, tensor<?x3xi32, #attn.packed_rows<7>>, tensor<?x2xi32>) -> tensor<?x3x4xf32, #attn.packed_rows<7>>
  %i = attn.pack_rows %ids, %rows, %spans : (tensor<?x3xi64>, tensor<?x3xi32, #attn.packed_rows<7>>, tensor<?x2xi32>) -> tensor<?x3xi64, #attn.packed_rows<7>>
  // CHECK: attn.matmul {{.+}} -> tensor<?x3x5xf32, #attn.packed_rows<7>>
  %m = attn.matmul %p, %w {transpose_rhs} : (tensor<?x3x4xf32, #attn.packed_rows<7>>, tensor<5x4xf32>) -> tensor<?x3x5xf32, #attn.packed_rows<7>>
  // CHECK: attn.embedding {{.+}} -> tensor<?x3x5xf32, #attn.packed_rows<7>>
  %e = attn.embedding %table, %i : (tensor<9x5xf32>, tensor<?x3xi64, #attn.packed_rows<7>>) -> tensor<?x3x5xf32, #attn.packed_rows<7>>
  %s = attn.add %m, %e : (tensor<?x3x5xf32, #attn.packed_rows<7>>, tensor<?x3x5xf32, #attn.packed_rows<7>>) -> tensor<?x3x5xf32, #attn.packed_rows<7>>
  // CHECK: attn.unpack_rows %{{.+}}, %{{.+}} : (tensor<?x3x5xf32, #attn.packed_rows<7>>, tensor<?x2xi32>) -> tensor<?x3x5xf32>
  %u = attn.unpack_rows %s, %spans : (tensor<?x3x5xf32, #attn.packed_rows<7>>, tensor<?x2xi32>) -> tensor<?x3x5xf32>
  return %u : tensor<?x3x5xf32>
}

// CHECK-LABEL: @state
func.func @state(%c: tensor<?x4x6x8xf32>, %p: tensor<?xi32>, %k: tensor<?x1x2x8xf32>, %v: tensor<?x1x2x8xf32>) -> tensor<?x4x6x8xf32> {
  // CHECK: attn.append %{{.+}} at %{{.+}}, %{{.+}}, %{{.+}} {start = 2 : i64} : (tensor<?x4x6x8xf32>, tensor<?xi32>, tensor<?x1x2x8xf32>, tensor<?x1x2x8xf32>) -> tensor<?x4x6x8xf32>
  %0 = attn.append %c at %p, %k, %v {start = 2 : i64} : (tensor<?x4x6x8xf32>, tensor<?xi32>, tensor<?x1x2x8xf32>, tensor<?x1x2x8xf32>) -> tensor<?x4x6x8xf32>
  return %0 : tensor<?x4x6x8xf32>
}
