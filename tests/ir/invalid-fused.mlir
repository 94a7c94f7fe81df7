// RUN: attnc-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect
// As invalid.mlir, for the ops that passes make.

// attention_c1
func.func @attention_c1(%q: tensor<2x3x4xf32>, %k: tensor<1x5x4xf32>, %v: tensor<2x5x6xf32>) {
  // expected-error@+2 {{query, key and value need rank 3 or 4 and the same batch and heads, but are 'tensor<2x3x4xf32>', 'tensor<1x5x4xf32>' and 'tensor<2x5x6xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.score %dot, %true
  } : (tensor<2x3x4xf32>, tensor<1x5x4xf32>, tensor<2x5x6xf32>) -> tensor<2x3x6xf32>
  return
}

// -----

// attention_c2
func.func @attention_c2(%q: tensor<2x3x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x6x6xf32>) {
  // expected-error@+2 {{query and key need one head_dim, key and value one number of keys, all static, but they are}}
  // expected-error@+1 {{failed to infer returned types}}
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.score %dot, %true
  } : (tensor<2x3x4xf32>, tensor<2x5x4xf32>, tensor<2x6x6xf32>) -> tensor<2x3x6xf32>
  return
}

// -----

// attention_c2
func.func @attention_c2_run_time_keys(%q: tensor<2x3x4xf32>, %k: tensor<2x?x4xf32>, %v: tensor<2x?x6xf32>) {
  // expected-error@+2 {{all static}}
  // expected-error@+1 {{failed to infer returned types}}
  %o = attn.attention %q, %k, %v {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.score %dot, %true
  } : (tensor<2x3x4xf32>, tensor<2x?x4xf32>, tensor<2x?x6xf32>) -> tensor<2x3x6xf32>
  return
}

// -----

// attention_c4
func.func @attention_c4(%q: tensor<2x3x4xf32>, %w: tensor<3xf32>) {
  // expected-error@+2 {{score_weight must be a vector of 4 elements, but is 'tensor<3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %o = attn.attention %q, %q, %q additive %w {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.score %dot, %true
  } : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<3xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

// attention_c5
func.func @attention_c5_factor_of_softmax(%q: tensor<2x3x4xf32>) {
  // expected-error@+2 {{softmax has no factor, but it is}}
  // expected-error@+1 {{failed to infer returned types}}
  %o = attn.attention %q, %q, %q attributes {factor = 2.0 : f32} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.score %dot, %true
  } : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

// attention_c5
func.func @attention_c5_log_sum_exp_of_relu(%q: tensor<2x3x4xf32>) {
  // expected-error@+2 {{normalizer relu needs a finite factor > 0, fully_masked zero and no log-sum-exp}}
  // expected-error@+1 {{failed to infer returned types}}
  %o, %l = attn.attention %q, %q, %q attributes {normalizer = #attn<normalizer relu>, returns_log_sum_exp} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.score %dot, %true
  } : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>)
  return
}

// -----

// attention_c3
func.func @attention_c3_arguments(%q: tensor<2x3x4xf32>, %m: tensor<3xi1>) {
  // expected-error@+1 {{region must take ('f32', 'index', 'index', 'index', 'index', 'tensor<3xi1>'), but takes ('f32', 'index', 'index', 'index', 'index')}}
  %o = attn.attention %q, %q, %q captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.score %dot, %true
  } : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<3xi1>) -> tensor<2x3x4xf32>
  return
}

// -----

// attention_c3
func.func private @elsewhere(f32) -> f32
func.func @attention_c3_ops(%q: tensor<2x3x4xf32>) {
  %o = attn.attention %q, %q, %q {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error@+1 {{is not allowed in the score of attn.attention: only arith, math and attn.element are}}
    %s = func.call @elsewhere(%dot) : (f32) -> f32
    %true = arith.constant true
    attn.score %s, %true
  } : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

// attention_c3
func.func @attention_c3_end(%q: tensor<2x3x4xf32>) {
  %o = attn.attention %q, %q, %q {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error@+1 {{is not allowed in the score of attn.attention: only arith, math and attn.element are}}
    "test.end"() : () -> ()
  } : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

// element_c1
func.func @element_c1(%q: tensor<2x3x4xf32>, %m: tensor<3xi1>) {
  %o = attn.attention %q, %q, %q captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %mask: tensor<3xi1>):
    // expected-error@+1 {{needs 1 indices and the result 'i1', but has 2 and 'i1'}}
    %live = attn.element %mask[%i, %j] : tensor<3xi1> -> i1
    attn.score %dot, %live
  } : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<3xi1>) -> tensor<2x3x4xf32>
  return
}

// -----

// element_c1
func.func @element_c1_type(%q: tensor<2x3x4xf32>, %m: tensor<3xf32>) {
  %o = attn.attention %q, %q, %q captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %mask: tensor<3xf32>):
    // expected-error@+1 {{needs 1 indices and the result 'f32', but has 1 and 'i1'}}
    %live = attn.element %mask[%j] : tensor<3xf32> -> i1
    attn.score %dot, %live
  } : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<3xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

// An element is read in an attention's region only.
func.func @element_outside(%m: tensor<1xf32>, %i: index) {
  // expected-error@+1 {{expects parent op to be one of 'attn.attention, attn.modify_scores'}}
  %live = attn.element %m[%i] : tensor<1xf32> -> f32
  return
}

// -----

// group_c1
func.func @group_c1_arguments(%x: tensor<2xf32>) {
  // expected-error@+1 {{block arguments ('tensor<3xf32>') differ from the inputs ('tensor<2xf32>')}}
  %0 = attn.group rowwise (%x) {
  ^bb0(%y: tensor<3xf32>):
    attn.yield %y : tensor<3xf32>
  } : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

// group_c1
func.func @group_c1_results(%x: tensor<2xf32>) {
  // expected-error@+1 {{yields ('tensor<2xf32>'), but its results are ('tensor<3xf32>')}}
  %0 = attn.group rowwise (%x) {
  ^bb0(%y: tensor<2xf32>):
    attn.yield %y : tensor<2xf32>
  } : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

// group_c1
func.func @group_c1_end(%x: tensor<2xf32>) {
  // expected-error@+1 {{body must end in attn.yield}}
  %0 = attn.group rowwise (%x) {
  ^bb0(%y: tensor<2xf32>):
    "test.end"() : () -> ()
  } : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

// packed_c1
func.func @packed_c1_offset() {
  // expected-error@+1 {{offset must be >= 0 and a multiple of 64, but is 32}}
  %0 = attn.packed {offset = 32 : i64, pieces = []} : tensor<0xf32>
  return
}

// -----

// packed_c1
func.func @packed_c1_static() {
  // expected-error@+1 {{result must be static, but is 'tensor<?xf32>'}}
  %0 = attn.packed {offset = 0 : i64, pieces = []} : tensor<?xf32>
  return
}

// -----

// packed_c3
func.func @packed_c3_encoding() {
  // expected-error@+1 {{a balance goes with int8 panels, one f32 for each k, but is dense<1.000000e+00> : tensor<2xf32> with a result 'tensor<1x2xf32>'}}
  %0 = attn.packed {balance = dense<1.0> : tensor<2xf32>, offset = 0 : i64, pieces = [
    #attn.piece<parameter = "w", offset = 0, rows = 1, cols = 2, stride_row = 2, stride_col = 1, first = 0>]} : tensor<1x2xf32>
  return
}

// -----

// packed_c3
func.func @packed_c3_extent() {
  // expected-error@+1 {{a balance goes with int8 panels, one f32 for each k, but is dense<1.000000e+00> : tensor<3xf32>}}
  %0 = attn.packed {balance = dense<1.0> : tensor<3xf32>, offset = 0 : i64, pieces = [
    #attn.piece<parameter = "w", offset = 0, rows = 1, cols = 2, stride_row = 2, stride_col = 1, first = 0>]} : tensor<1x2xf32, #attn.panels<16, int8>>
  return
}

// -----

// packed_c2
func.func @packed_c2_hole() {
  // expected-error@+1 {{pieces must cover each row once, but those up to 1 are followed by 2}}
  %0 = attn.packed {offset = 0 : i64, pieces = [
    #attn.piece<parameter = "w", offset = 0, rows = 1, cols = 2, stride_row = 2, stride_col = 1, first = 0>,
    #attn.piece<parameter = "w", offset = 0, rows = 1, cols = 2, stride_row = 2, stride_col = 1, first = 2>]} : tensor<3x2xf32>
  return
}

// -----

// packed_c2
func.func @packed_c2_overlap() {
  // expected-error@+1 {{pieces must cover each row once, but those up to 2 are followed by 1}}
  %0 = attn.packed {offset = 0 : i64, pieces = [
    #attn.piece<parameter = "w", offset = 0, rows = 2, cols = 2, stride_row = 2, stride_col = 1, first = 0>,
    #attn.piece<parameter = "w", offset = 0, rows = 2, cols = 2, stride_row = 2, stride_col = 1, first = 1>]} : tensor<3x2xf32>
  return
}

// -----

// packed_c2
func.func @packed_c2_end() {
  // expected-error@+1 {{pieces must cover 3 rows, but cover 2}}
  %0 = attn.packed {offset = 0 : i64, pieces = [
    #attn.piece<parameter = "w", offset = 0, rows = 2, cols = 2, stride_row = 2, stride_col = 1, first = 0>]} : tensor<3x2xf32>
  return
}

// -----

// packed_c2
func.func @packed_c2_outside() {
  // expected-error@+1 {{has a piece that does not lie in 'tensor<3xf32>'}}
  %0 = attn.packed {offset = 0 : i64, pieces = [
    #attn.piece<parameter = "w", offset = 0, rows = 4611686018427387904, cols = 4, stride_row = 4, stride_col = 1, first = 0>]}
    : tensor<3xf32>
  return
}

// -----

// modify_scores_c1
func.func @modify_scores_c1(%s: tensor<4x4xf32>) {
  // expected-error@+2 {{needs scores [batch, heads, queries, keys] or [heads, queries, keys], static but for the batch}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.modify_scores %s {
    ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
      %live = arith.cmpi sle, %j, %i : index
      attn.score %score, %live
  } : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// modify_scores_c2
func.func @modify_scores_c2(%s: tensor<2x4x4xf32>, %m: tensor<4xi1>) {
  // expected-error@+1 {{region must take ('f32', 'index', 'index', 'index', 'index', 'tensor<4xi1>')}}
  %0 = attn.modify_scores %s captures(%m) {
    ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
      %live = arith.cmpi sle, %j, %i : index
      attn.score %score, %live
  } : (tensor<2x4x4xf32>, tensor<4xi1>) -> tensor<2x4x4xf32>
  return
}

// -----

// attention_schedule_c1
// expected-error@+1 {{needs tile_queries and tile_cols of at least 1 and no negative task_queries}}
func.func private @attention_schedule_c1() attributes {attn.schedule = #attn.attention_schedule<tile_queries = 0, tile_cols = 32, task_queries = 0>}

// -----

// attention_schedule_c2
// expected-error@+1 {{needs block_keys that is a multiple of 16 and of tile_cols, not 48}}
func.func private @attention_schedule_c2() attributes {attn.schedule = #attn.attention_schedule<tile_queries = 8, tile_cols = 32, task_queries = 0, block_keys = 48, block_queries = 1>}

// -----

// attention_schedule_c2
// expected-error@+1 {{needs block_queries of at least 1 that divides task_queries with block_keys, and 0 without, not 3}}
func.func private @attention_schedule_c2_queries() attributes {attn.schedule = #attn.attention_schedule<tile_queries = 8, tile_cols = 32, task_queries = 4, block_keys = 64, block_queries = 3>}

// -----

// attention_schedule_c2
// expected-error@+1 {{needs block_queries of at least 1 that divides task_queries with block_keys, and 0 without, not 1}}
func.func private @attention_schedule_c2_whole() attributes {attn.schedule = #attn.attention_schedule<tile_queries = 8, tile_cols = 32, task_queries = 4, block_queries = 1>}

// -----

// token_rows_c1
func.func @token_rows_c1(%n: tensor<?x1xi32>) {
  // expected-error@+2 {{lengths must have rank 1, but are 'tensor<?x1xi32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = attn.token_rows %n {size = 3 : i64, number = 0 : i64} : (tensor<?x1xi32>) -> (tensor<?x3xi32, #attn.packed_rows<0>>, tensor<?x2xi32>, tensor<i32>)
  return
}

// -----

// token_rows_c2
func.func @token_rows_c2(%n: tensor<?xi32>) {
  // expected-error@+2 {{size must be at least 1, but is 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %r:3 = attn.token_rows %n {size = 0 : i64, number = 0 : i64} : (tensor<?xi32>) -> (tensor<?x0xi32, #attn.packed_rows<0>>, tensor<?x2xi32>, tensor<i32>)
  return
}

// -----

// pack_rows_c1
func.func @pack_rows_c1(%x: tensor<?x4x2xf32>, %rows: tensor<?x3xi32, #attn.packed_rows<0>>, %spans: tensor<?x2xi32>) {
  // expected-error@+2 {{rows must be packed and have the first two extents of the input}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.pack_rows %x, %rows, %spans : (tensor<?x4x2xf32>, tensor<?x3xi32, #attn.packed_rows<0>>, tensor<?x2xi32>) -> tensor<?x4x2xf32, #attn.packed_rows<0>>
  return
}

// -----

// pack_rows_c2
func.func @pack_rows_c2(%x: tensor<?x3x2xf32>, %rows: tensor<?x3xi32, #attn.packed_rows<0>>, %spans: tensor<?x3xi32>) {
  // expected-error@+2 {{spans must be [batch, 2], but is 'tensor<?x3xi32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.pack_rows %x, %rows, %spans : (tensor<?x3x2xf32>, tensor<?x3xi32, #attn.packed_rows<0>>, tensor<?x3xi32>) -> tensor<?x3x2xf32, #attn.packed_rows<0>>
  return
}

// -----

// unpack_rows_c1
func.func @unpack_rows_c1(%x: tensor<?x3x2xf32>, %spans: tensor<?x2xi32>) {
  // expected-error@+2 {{input must have packed rows and rank >= 2, but is 'tensor<?x3x2xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.unpack_rows %x, %spans : (tensor<?x3x2xf32>, tensor<?x2xi32>) -> tensor<?x3x2xf32>
  return
}

// -----

// unpack_rows_c2
func.func @unpack_rows_c2(%x: tensor<?x3x2xf32, #attn.packed_rows<0>>, %spans: tensor<4x2xi32>) {
  // expected-error@+2 {{spans must be [batch, 2], but is 'tensor<4x2xi32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.unpack_rows %x, %spans : (tensor<?x3x2xf32, #attn.packed_rows<0>>, tensor<4x2xi32>) -> tensor<?x3x2xf32>
  return
}

// -----

// live_keys_c1
// expected-error@+1 {{needs runs as rows of four, from query 0 on}}
func.func private @live_keys_c1() attributes {live = #attn.live_keys<constants = [], runs = []>}

// -----

// live_keys_c1_first
// expected-error@+1 {{needs runs as rows of four, from query 0 on}}
func.func private @live_keys_c1_first() attributes {live = #attn.live_keys<constants = [], runs = [1, 0, 4, 1]>}

// -----

// live_keys_c1_order
// expected-error@+1 {{needs runs in ascending order, but 0 follows 0}}
func.func private @live_keys_c1_order() attributes {live = #attn.live_keys<constants = [], runs = [0, 0, 4, 1, 0, 1, 4, 1]>}

// -----

// live_keys_c2
// expected-error@+1 {{needs 0 <= begin <= end, and 0 or 1, not 3, 2, 1}}
func.func private @live_keys_c2() attributes {live = #attn.live_keys<constants = [], runs = [0, 3, 2, 1]>}

// -----

// attention_c6
func.func @attention_c6_capture(%q: tensor<2x4x4xf32>) {
  // expected-error@+2 {{live_keys names capture 0 of 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.attention %q, %q, %q attributes {live_keys = #attn.live_keys<constants = [0], runs = [0, 0, 4, 1]>} {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %live = arith.cmpi sle, %j, %i : index
      attn.score %dot, %live
  } : (tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  return
}

// -----

// attention_c6
func.func @attention_c6_keys(%q: tensor<2x4x4xf32>) {
  // expected-error@+2 {{live_keys names keys up to 5 of 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.attention %q, %q, %q attributes {live_keys = #attn.live_keys<constants = [], runs = [0, 0, 5, 1]>} {
    ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
      %live = arith.cmpi sle, %j, %i : index
      attn.score %dot, %live
  } : (tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  return
}
