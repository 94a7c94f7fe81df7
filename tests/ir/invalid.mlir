// RUN: attnc-opt %s --split-input-file --verify-diagnostics
// One rejected op a part; the function is named after the constraint of docs/OPS.md that it breaks.

// tensor_c1
func.func @tensor_c1_two_run_time_extents(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of 32-bit float values with at most one run-time extent and an addressable size}}
  %0 = attn.scale %x {factor = 2.0 : f32} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return
}

// -----

// tensor_c1
func.func @tensor_c1_too_large(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error@+1 {{with at most one run-time extent and an addressable size}}
  %0 = attn.scale %x {factor = 2.0 : f32} : (tensor<4294967296x4294967296xf32>) -> tensor<4294967296x4294967296xf32>
  return
}

// -----

// tensor_c1
func.func @tensor_c1_element_type(%x: tensor<2xf64>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of 32-bit float values}}
  %0 = attn.scale %x {factor = 2.0 : f32} : (tensor<2xf64>) -> tensor<2xf64>
  return
}

// -----

// An inferred type that is not the stated one.
func.func @result_type(%x: tensor<2xf32>) {
  // expected-error@+2 {{failed to infer returned types}}
  // expected-error@+1 {{inferred type(s) 'tensor<2xf32>' are incompatible with return type(s) of operation 'tensor<3xf32>'}}
  %0 = attn.scale %x {factor = 2.0 : f32} : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

// A result carries no encoding.
func.func @result_encoding(%x: tensor<2x4xf32, #attn.panels<16>>) {
  // expected-error@+2 {{failed to infer returned types}}
  // expected-error@+1 {{are incompatible with return type(s)}}
  %0 = attn.scale %x {factor = 2.0 : f32} : (tensor<2x4xf32, #attn.panels<16>>) -> tensor<2x4xf32, #attn.panels<16>>
  return
}

// -----

// parameter_c1
// expected-error@+1 {{type must be a static tensor without an encoding, but is 'tensor<?xf32>'}}
attn.parameter @parameter_c1_dynamic : tensor<?xf32>

// -----

// parameter_c1
// expected-error@+1 {{type must be a static tensor without an encoding}}
attn.parameter @parameter_c1_encoding : tensor<16x2xf32, #attn.panels<16>>

// -----

// weight_c1
func.func @weight_c1_unknown() {
  // expected-error@+1 {{'nowhere' is not an attn.parameter of this module}}
  %0 = attn.weight @nowhere : tensor<2xf32>
  return
}

// -----

// weight_c1
attn.parameter @w : tensor<2xf32>
func.func @weight_c1_type() {
  // expected-error@+1 {{result type 'tensor<3xf32>' differs from the parameter's type 'tensor<2xf32>'}}
  %0 = attn.weight @w : tensor<3xf32>
  return
}

// -----

// constant_c1
func.func @constant_c1_resource() {
  // expected-error@+1 {{value must be a dense tensor whose elements are in the IR}}
  %0 = attn.constant dense_resource<elsewhere> : tensor<2xf32>
  return
}

{-# dialect_resources: { builtin: { elsewhere: "0x040000000000000000000000" } } #-}

// -----

// matmul_c1
func.func @matmul_c1(%x: tensor<2x3xf32>, %y: tensor<3xf32>) {
  // expected-error@+2 {{lhs needs rank >= 1 and rhs rank >= 2, but lhs is 'tensor<2x3xf32>' and rhs is 'tensor<3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

// matmul_c2
func.func @matmul_c2(%x: tensor<2x3xf32>, %y: tensor<3x4xf32>) {
  // expected-error@+2 {{contracted extents must be static and equal, but lhs 'tensor<2x3xf32>' and rhs 'tensor<3x4xf32>' (transpose_rhs) contract the last extent of lhs with the last of rhs}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y {transpose_rhs} : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

// matmul_c2
func.func @matmul_c2_batch(%x: tensor<2x?xf32>, %y: tensor<?x4xf32>) {
  // expected-error@+2 {{contracted extents must be static and equal}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y : (tensor<2x?xf32>, tensor<?x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

// matmul_c3
func.func @matmul_c3(%x: tensor<2x1x3xf32>, %y: tensor<4x3x1xf32>) {
  // expected-error@+2 {{rhs must have rank 2 or the leading extents of lhs, but lhs is 'tensor<2x1x3xf32>' and rhs is 'tensor<4x3x1xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y : (tensor<2x1x3xf32>, tensor<4x3x1xf32>) -> tensor<2x1x1xf32>
  return
}

// -----

// matmul_c4
func.func @matmul_c4(%x: tensor<2x3xf32>, %y: tensor<3x16xf32, #attn.panels<16>>) {
  // expected-error@+2 {{rhs with an encoding needs rank 2 and transpose_rhs, but is 'tensor<3x16xf32, #attn.panels<16>>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y : (tensor<2x3xf32>, tensor<3x16xf32, #attn.panels<16>>) -> tensor<2x16xf32>
  return
}

// -----

// matmul_c4
func.func @matmul_c4_precision(%x: tensor<2x3xf32>, %y: tensor<16x3xf32, #attn.panels<16, bf16>>) {
  // expected-error@+2 {{precision is int8, but rhs is 'tensor<16x3xf32, #attn.panels<16, bf16>>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y {precision = #attn<precision int8>, transpose_rhs} : (tensor<2x3xf32>, tensor<16x3xf32, #attn.panels<16, bf16>>) -> tensor<2x16xf32>
  return
}

// -----

// matmul_c5
func.func @matmul_c5_rank(%x: tensor<4x2x3xf32>, %y: tensor<4x3x16xf32>) {
  // expected-error@+2 {{precision bf16 needs an rhs of rank 2, but it is 'tensor<4x3x16xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y {precision = #attn<precision bf16>} : (tensor<4x2x3xf32>, tensor<4x3x16xf32>) -> tensor<4x2x16xf32>
  return
}

// -----

// matmul_c5
func.func @matmul_c5_terms(%x: tensor<2x65537xf32>, %y: tensor<65537x16xf32>) {
  // expected-error@+2 {{int8 sums at most 65536 products, but there are 65537}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y {precision = #attn<precision int8>} : (tensor<2x65537xf32>, tensor<65537x16xf32>) -> tensor<2x16xf32>
  return
}

// -----

// add_c1
func.func @add_c1(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error@+2 {{'attn.add' op shapes do not broadcast: 'tensor<2x3xf32>' and 'tensor<2xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.add %x, %y : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// sub_c1
func.func @sub_c1_batch_with_number(%x: tensor<?x3xf32>, %y: tensor<2x3xf32>) {
  // expected-error@+2 {{'attn.sub' op shapes do not broadcast}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.sub %x, %y : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x3xf32>
  return
}

// -----

// mul_c1
func.func @mul_c1_batch_twice(%x: tensor<?x1xf32>, %y: tensor<?xf32>) {
  // expected-error@+2 {{'attn.mul' op shapes do not broadcast}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.mul %x, %y : (tensor<?x1xf32>, tensor<?xf32>) -> tensor<?x1xf32>
  return
}

// -----

// div_c1
func.func @div_c1(%x: tensor<3xf32>, %y: tensor<2xf32>) {
  // expected-error@+2 {{'attn.div' op shapes do not broadcast}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.div %x, %y : (tensor<3xf32>, tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

// padding_mask_c1
func.func @padding_mask_c1(%n: tensor<2x3xi32>) {
  // expected-error@+2 {{lengths must have rank 1, but are 'tensor<2x3xi32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.padding_mask %n {size = 4 : i64} : (tensor<2x3xi32>) -> tensor<2x4xi1>
  return
}

// -----

// padding_mask_c2
func.func @padding_mask_c2(%n: tensor<2xi32>) {
  // expected-error@+2 {{size must be at least 1, but is 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.padding_mask %n {size = 0 : i64} : (tensor<2xi32>) -> tensor<2x0xi1>
  return
}

// -----

// mask_c1
func.func @mask_c1(%x: tensor<1x3xf32>, %m: tensor<2x3xi1>) {
  // expected-error@+2 {{blocked 'tensor<2x3xi1>' does not broadcast to the input's shape 'tensor<1x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.mask %x, %m : (tensor<1x3xf32>, tensor<2x3xi1>) -> tensor<1x3xf32>
  return
}

// -----

// softmax_c1
func.func @softmax_c1(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{axis 2 is not a dimension of its operand 'tensor<2x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.softmax %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// softmax_c1
func.func @softmax_c1_negative(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{axis -1 is not a dimension of its operand}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.softmax %x {axis = -1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// softmax_c2
func.func @softmax_c2(%x: tensor<?x3xf32>) {
  // expected-error@+2 {{the extent along axis 0 must be static, but the operand is 'tensor<?x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.softmax %x {axis = 0 : i64} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  return
}

// -----

// layernorm_c1
func.func @layernorm_c1(%x: tensor<?xf32>) {
  // expected-error@+2 {{'attn.layernorm' op needs rank >= 1 and a static last extent, but its operand is 'tensor<?xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.layernorm %x {eps = 1.0e-5 : f64} : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

// layernorm_c2
func.func @layernorm_c2(%x: tensor<2x3xf32>, %b: tensor<2xf32>) {
  // expected-error@+2 {{bias must be a vector of 3 elements, but is 'tensor<2xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.layernorm %x bias %b {eps = 1.0e-5 : f64} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// layernorm_c3
func.func @layernorm_c3(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{eps must be finite and >= 0, but is -1.0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.layernorm %x {eps = -1.0 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// rmsnorm_c1
func.func @rmsnorm_c1(%x: tensor<f32>) {
  // expected-error@+2 {{'attn.rmsnorm' op needs rank >= 1 and a static last extent, but its operand is 'tensor<f32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.rmsnorm %x {eps = 1.0e-5 : f64} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

// rmsnorm_c2
func.func @rmsnorm_c2(%x: tensor<2x3xf32>, %w: tensor<1x3xf32>) {
  // expected-error@+2 {{weight must be a vector of 3 elements, but is 'tensor<1x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.rmsnorm %x weight %w {eps = 1.0e-5 : f64} : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// rmsnorm_c3
func.func @rmsnorm_c3(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'attn.rmsnorm' op eps must be finite and >= 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.rmsnorm %x {eps = 0x7FF0000000000000 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// l2norm_c1
func.func @l2norm_c1(%x: tensor<2x?xf32>) {
  // expected-error@+2 {{'attn.l2norm' op needs rank >= 1 and a static last extent}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.l2norm %x {eps = 1.0e-5 : f64} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  return
}

// -----

// l2norm_c2
func.func @l2norm_c2(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'attn.l2norm' op eps must be finite and >= 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.l2norm %x {eps = 0x7FF8000000000000 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// rotary_c1
func.func @rotary_c1_odd(%x: tensor<4x3xf32>, %a: tensor<4x1xf32>) {
  // expected-error@+2 {{'attn.rotary' op needs rank >= 2, a static sequence and an even head_dim}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.rotary %x, %a, %a : (tensor<4x3xf32>, tensor<4x1xf32>, tensor<4x1xf32>) -> tensor<4x3xf32>
  return
}

// -----

// rotary_c1
func.func @rotary_c1_dynamic(%x: tensor<?x4xf32>, %a: tensor<4x2xf32>) {
  // expected-error@+2 {{'attn.rotary' op needs rank >= 2, a static sequence and an even head_dim}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.rotary %x, %a, %a : (tensor<?x4xf32>, tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  return
}

// -----

// rotary_c2
func.func @rotary_c2(%x: tensor<4x6xf32>, %a: tensor<4x3xf32>, %b: tensor<4x6xf32>) {
  // expected-error@+2 {{'attn.rotary' op cos and sin must be [seq, head_dim/2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.rotary %x, %a, %b : (tensor<4x6xf32>, tensor<4x3xf32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  return
}

// -----

// pool_c1
func.func @pool_c1(%x: tensor<2x0x3xf32>) {
  // expected-error@+2 {{needs rank >= 2 and a static sequence extent >= 1, but its operand is 'tensor<2x0x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.pool mean %x : (tensor<2x0x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// pool_c2
func.func @pool_c2(%x: tensor<2x4x3xf32>, %m: tensor<4xi1>) {
  // expected-error@+2 {{blocked must have the input's shape without its last dimension, but is 'tensor<4xi1>' for 'tensor<2x4x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.pool mean %x blocked %m : (tensor<2x4x3xf32>, tensor<4xi1>) -> tensor<2x3xf32>
  return
}

// -----

// embedding_c1
func.func @embedding_c1(%t: tensor<?x3xf32>, %i: tensor<2xi32>) {
  // expected-error@+2 {{table must be static with rank 2, but is 'tensor<?x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.embedding %t, %i : (tensor<?x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  return
}

// -----

// split_heads_c1
func.func @split_heads_c1(%x: tensor<4xf32>) {
  // expected-error@+2 {{needs rank >= 2 and a static last extent, but its operand is 'tensor<4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.split_heads %x {heads = 2 : i64} : (tensor<4xf32>) -> tensor<2x2xf32>
  return
}

// -----

// split_heads_c2
func.func @split_heads_c2(%x: tensor<3x4xf32>) {
  // expected-error@+2 {{heads must divide the last extent 4, but is 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.split_heads %x {heads = 3 : i64} : (tensor<3x4xf32>) -> tensor<3x3x1xf32>
  return
}

// -----

// split_heads_c2
func.func @split_heads_c2_zero(%x: tensor<3x4xf32>) {
  // expected-error@+2 {{heads must divide the last extent 4, but is 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.split_heads %x {heads = 0 : i64} : (tensor<3x4xf32>) -> tensor<3x3x1xf32>
  return
}

// -----

// merge_heads_c1
func.func @merge_heads_c1(%x: tensor<?x3x4xf32>) {
  // expected-error@+2 {{needs rank >= 3 and static heads and head_dim, but its operand is 'tensor<?x3x4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.merge_heads %x : (tensor<?x3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

// transpose_c1
func.func @transpose_c1(%x: tensor<3x4xf32>) {
  // expected-error@+2 {{permutation [0, 0] is not one of 0..1, the dimensions of 'tensor<3x4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.transpose %x {permutation = array<i64: 0, 0>} : (tensor<3x4xf32>) -> tensor<3x3xf32>
  return
}

// -----

// transpose_c1
func.func @transpose_c1_short(%x: tensor<3x4xf32>) {
  // expected-error@+2 {{permutation [0] is not one of 0..1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.transpose %x {permutation = array<i64: 0>} : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

// reshape_c1
func.func @reshape_c1(%x: tensor<3x4xf32>) {
  // expected-error@+1 {{must keep the element type and the number of elements, but turns 'tensor<3x4xf32>' into 'tensor<13xf32>'}}
  %0 = attn.reshape %x : (tensor<3x4xf32>) -> tensor<13xf32>
  return
}

// -----

// reshape_c1
func.func @reshape_c1_element_type(%x: tensor<3x4xf32>) {
  // expected-error@+1 {{must keep the element type and the number of elements}}
  %0 = attn.reshape %x : (tensor<3x4xf32>) -> tensor<12xi32>
  return
}

// -----

// reshape_c2
func.func @reshape_c2(%x: tensor<3x?x4xf32>) {
  // expected-error@+1 {{a run-time extent must be the first of both shapes, but it turns 'tensor<3x?x4xf32>' into 'tensor<?x12xf32>'}}
  %0 = attn.reshape %x : (tensor<3x?x4xf32>) -> tensor<?x12xf32>
  return
}

// -----

// reshape_c2
func.func @reshape_c2_static(%x: tensor<?x4xf32>) {
  // expected-error@+1 {{a run-time extent must be the first of both shapes}}
  %0 = attn.reshape %x : (tensor<?x4xf32>) -> tensor<4xf32>
  return
}

// -----

// slice_c1
func.func @slice_c1(%x: tensor<?x4xf32>) {
  // expected-error@+2 {{axis 0 is not a static dimension of its operand 'tensor<?x4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.slice %x {axis = 0 : i64, start = 0 : i64, size = 1 : i64} : (tensor<?x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

// slice_c2
func.func @slice_c2(%x: tensor<3x4xf32>) {
  // expected-error@+2 {{start 2 and size 3 do not lie in the extent 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.slice %x {axis = 1 : i64, start = 2 : i64, size = 3 : i64} : (tensor<3x4xf32>) -> tensor<3x3xf32>
  return
}

// -----

// slice_c2
func.func @slice_c2_overflow(%x: tensor<3x4xf32>) {
  // expected-error@+2 {{start 9223372036854775807 and size 9223372036854775807 do not lie in the extent 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.slice %x {axis = 1 : i64, start = 9223372036854775807 : i64, size = 9223372036854775807 : i64}
      : (tensor<3x4xf32>) -> tensor<3x3xf32>
  return
}

// -----

// concat_c1
func.func @concat_c1_nothing() {
  // expected-error@+2 {{needs at least one input}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "attn.concat"() {axis = 0 : i64} : () -> tensor<3xf32>
  return
}

// -----

// concat_c1
func.func @concat_c1_axis(%x: tensor<3xf32>) {
  // expected-error@+2 {{axis 1 is not a dimension of 'tensor<3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.concat %x, %x {axis = 1 : i64} : (tensor<3xf32>, tensor<3xf32>) -> tensor<6xf32>
  return
}

// -----

// concat_c1
func.func @concat_c1_rank(%x: tensor<3xf32>, %y: tensor<3x1xf32>) {
  // expected-error@+2 {{inputs differ in element type or rank: 'tensor<3xf32>' and 'tensor<3x1xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.concat %x, %y {axis = 0 : i64} : (tensor<3xf32>, tensor<3x1xf32>) -> tensor<6xf32>
  return
}

// -----

// concat_c2
func.func @concat_c2(%x: tensor<3x2xf32>, %y: tensor<3x1xf32>) {
  // expected-error@+2 {{inputs must agree but for a static axis 0: 'tensor<3x2xf32>' and 'tensor<3x1xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.concat %x, %y {axis = 0 : i64} : (tensor<3x2xf32>, tensor<3x1xf32>) -> tensor<6x2xf32>
  return
}

// -----

// concat_c2
func.func @concat_c2_batch(%x: tensor<?x2xf32>) {
  // expected-error@+2 {{inputs must agree but for a static axis 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.concat %x, %x {axis = 0 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return
}

// -----

// mean_c1
func.func @mean_c1(%x: tensor<?x3xf32>) {
  // expected-error@+2 {{axis 0 is not a static dimension >= 1 of its operand}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.mean %x {axis = 0 : i64} : (tensor<?x3xf32>) -> tensor<3xf32>
  return
}

// -----

// broadcast_c1
func.func @broadcast_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{cannot repeat 'tensor<2x3xf32>' to 'tensor<4x3xf32>'}}
  %0 = attn.broadcast %x : (tensor<2x3xf32>) -> tensor<4x3xf32>
  return
}

// -----

// additive_score_c1
func.func @additive_score_c1(%q: tensor<2x3x4xf32>, %k: tensor<2x5x3xf32>, %w: tensor<4xf32>) {
  // expected-error@+2 {{query and key need one rank >= 2, the same leading extents and one static width, but are}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.additive_score %q, %k weight %w : (tensor<2x3x4xf32>, tensor<2x5x3xf32>, tensor<4xf32>) -> tensor<2x3x5xf32>
  return
}

// -----

// additive_score_c2
func.func @additive_score_c2(%q: tensor<2x3x4xf32>, %k: tensor<2x5x4xf32>, %w: tensor<1x4xf32>) {
  // expected-error@+2 {{weight must be a vector of 4 elements, but is 'tensor<1x4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.additive_score %q, %k weight %w : (tensor<2x3x4xf32>, tensor<2x5x4xf32>, tensor<1x4xf32>) -> tensor<2x3x5xf32>
  return
}

// -----

// score_weights_c1
func.func @score_weights_c1(%s: tensor<2x3xf32>) {
  // expected-error@+2 {{kind must be relu, sigmoid or identity; softmax is attn.softmax}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.score_weights softmax %s : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// score_weights_c2
func.func @score_weights_c2(%s: tensor<2x3xf32>) {
  // expected-error@+2 {{factor must be finite and > 0, but is}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.score_weights relu %s {factor = -1.0 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// log_sum_exp_c1
func.func @log_sum_exp_c1(%s: tensor<f32>) {
  // expected-error@+2 {{needs rank >= 1 and a static last extent, but its operand is 'tensor<f32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.log_sum_exp %s : (tensor<f32>) -> tensor<f32>
  return
}

// -----

// packed_rows_c1
func.func @packed_rows_c1(%x: tensor<?x3x4xf32, #attn.packed_rows<0>>) {
  // expected-error@+1 {{addressable size, whose rows are not packed, but got}}
  %0 = attn.split_heads %x {heads = 2 : i64} : (tensor<?x3x4xf32, #attn.packed_rows<0>>) -> tensor<?x2x3x2xf32>
  return
}

// -----

// packed_rows_c2
func.func @packed_rows_c2(%x: tensor<?x3x4xf32, #attn.packed_rows<0>>, %y: tensor<?x3x4xf32, #attn.packed_rows<1>>) {
  // expected-error@+2 {{packed rows go with packed rows of their own number and shape, and with what is the same for all rows}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.add %x, %y : (tensor<?x3x4xf32, #attn.packed_rows<0>>, tensor<?x3x4xf32, #attn.packed_rows<1>>) -> tensor<?x3x4xf32, #attn.packed_rows<0>>
  return
}

// -----

// packed_rows_c2
func.func @packed_rows_c2_table(%x: tensor<?x3x4xf32, #attn.packed_rows<0>>, %y: tensor<3x4xf32>) {
  // expected-error@+2 {{packed rows go with packed rows of their own number and shape, and with what is the same for all rows}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.mul %y, %x : (tensor<3x4xf32>, tensor<?x3x4xf32, #attn.packed_rows<0>>) -> tensor<?x3x4xf32, #attn.packed_rows<0>>
  return
}

// -----

// packed_rows_c3
func.func @packed_rows_c3(%x: tensor<?x3xf32, #attn.packed_rows<0>>, %y: tensor<3x4xf32>) {
  // expected-error@+2 {{packed rows need rank >= 3 to be taken as a whole}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y : (tensor<?x3xf32, #attn.packed_rows<0>>, tensor<3x4xf32>) -> tensor<?x4xf32, #attn.packed_rows<0>>
  return
}

// -----

// packed_rows_c3
func.func @packed_rows_c3_norm(%x: tensor<?x3xf32, #attn.packed_rows<0>>) {
  // expected-error@+2 {{packed rows need rank >= 3 to be taken as a whole}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.l2norm %x {eps = 1.0e-5 : f64} : (tensor<?x3xf32, #attn.packed_rows<0>>) -> tensor<?x3xf32, #attn.packed_rows<0>>
  return
}

// -----

// matmul_c7
func.func @matmul_c7_precision(%x: tensor<2x3xf32>, %y: tensor<3x16xf32>, %b: tensor<3xf32>) {
  // expected-error@+2 {{a balance needs the precision int8 and 3 elements, but the precision is bf16 and the balance 'tensor<3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y balance %b {precision = #attn<precision bf16>} : (tensor<2x3xf32>, tensor<3x16xf32>, tensor<3xf32>) -> tensor<2x16xf32>
  return
}

// -----

// matmul_c7
func.func @matmul_c7_extent(%x: tensor<2x3xf32>, %y: tensor<3x16xf32>, %b: tensor<4xf32>) {
  // expected-error@+2 {{a balance needs the precision int8 and 3 elements, but the precision is int8 and the balance 'tensor<4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y balance %b {precision = #attn<precision int8>} : (tensor<2x3xf32>, tensor<3x16xf32>, tensor<4xf32>) -> tensor<2x16xf32>
  return
}

// -----

// matmul_c6
func.func @matmul_c6(%x: tensor<?x3x4xf32, #attn.packed_rows<0>>, %y: tensor<?x4x5xf32>) {
  // expected-error@+2 {{packed rows of lhs need an rhs of rank 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.matmul %x, %y : (tensor<?x3x4xf32, #attn.packed_rows<0>>, tensor<?x4x5xf32>) -> tensor<?x3x5xf32, #attn.packed_rows<0>>
  return
}

// -----

// slice_c3
func.func @slice_c3(%x: tensor<?x3x4xf32, #attn.packed_rows<0>>) {
  // expected-error@+2 {{numbers packed rows}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.slice %x {axis = 1 : i64, start = 0 : i64, size = 1 : i64} : (tensor<?x3x4xf32, #attn.packed_rows<0>>) -> tensor<?x1x4xf32, #attn.packed_rows<0>>
  return
}

// -----

// A result has packed rows where its operand has.
func.func @forgotten_packing(%x: tensor<?x3x4xf32, #attn.packed_rows<0>>) {
  // expected-error@+2 {{inferred type(s)}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.scale %x {factor = 2.0 : f32} : (tensor<?x3x4xf32, #attn.packed_rows<0>>) -> tensor<?x3x4xf32>
  return
}

// -----

// append_c1
func.func @append_c1(%c: tensor<2x4x8xf32>, %p: tensor<2xi32>, %r: tensor<2x2x1x8xf32>) {
  // expected-error@+2 {{cache must be [batch, slots, capacity, width], but is 'tensor<2x4x8xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<2x4x8xf32>, tensor<2xi32>, tensor<2x2x1x8xf32>) -> tensor<2x4x8xf32>
  return
}

// -----

// append_c2
func.func @append_c2_nothing(%c: tensor<2x4x6x8xf32>, %p: tensor<2xi32>) {
  // expected-error@+2 {{needs rows to append}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "attn.append"(%c, %p) {start = 0 : i64} : (tensor<2x4x6x8xf32>, tensor<2xi32>) -> tensor<2x4x6x8xf32>
  return
}

// -----

// append_c2
func.func @append_c2_size(%c: tensor<2x4x6x8xf32>, %p: tensor<2xi32>, %r: tensor<2x2x7x8xf32>) {
  // expected-error@+2 {{rows must be [batch, heads, size, width] of 'tensor<2x4x6x8xf32>', but are 'tensor<2x2x7x8xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<2x4x6x8xf32>, tensor<2xi32>, tensor<2x2x7x8xf32>) -> tensor<2x4x6x8xf32>
  return
}

// -----

// append_c2
func.func @append_c2_sizes(%c: tensor<2x4x6x8xf32>, %p: tensor<2xi32>, %r: tensor<2x2x2x8xf32>, %s: tensor<2x2x1x8xf32>) {
  // expected-error@+2 {{but are 'tensor<2x2x1x8xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.append %c at %p, %r, %s {start = 0 : i64} : (tensor<2x4x6x8xf32>, tensor<2xi32>, tensor<2x2x2x8xf32>, tensor<2x2x1x8xf32>) -> tensor<2x4x6x8xf32>
  return
}

// -----

// append_c3
func.func @append_c3(%c: tensor<2x4x6x8xf32>, %p: tensor<2xi32>, %r: tensor<2x2x1x8xf32>) {
  // expected-error@+2 {{rows from slot 1 on do not fit into 'tensor<2x4x6x8xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.append %c at %p, %r, %r {start = 1 : i64} : (tensor<2x4x6x8xf32>, tensor<2xi32>, tensor<2x2x1x8xf32>, tensor<2x2x1x8xf32>) -> tensor<2x4x6x8xf32>
  return
}

// -----

// append_c3
func.func @append_c3_negative(%c: tensor<2x4x6x8xf32>, %p: tensor<2xi32>, %r: tensor<2x2x1x8xf32>) {
  // expected-error@+2 {{rows from slot -1 on do not fit into 'tensor<2x4x6x8xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.append %c at %p, %r {start = -1 : i64} : (tensor<2x4x6x8xf32>, tensor<2xi32>, tensor<2x2x1x8xf32>) -> tensor<2x4x6x8xf32>
  return
}

// -----

// append_c4
func.func @append_c4(%c: tensor<2x4x6x8xf32>, %p: tensor<3xi32>, %r: tensor<2x2x1x8xf32>) {
  // expected-error@+2 {{position must be a vector of the batch, but is 'tensor<3xi32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<2x4x6x8xf32>, tensor<3xi32>, tensor<2x2x1x8xf32>) -> tensor<2x4x6x8xf32>
  return
}
