// RUN: attnc-opt --attnc-outline-kernels --split-input-file %s | FileCheck %s

// Equal groups share a function; a call is named after the weight that it reads.
attn.parameter @encoder.linear1.weight : tensor<8x4xf32>
attn.parameter @encoder.linear2.weight : tensor<8x4xf32>
// CHECK-LABEL: func.func @equal
// CHECK-SAME: (%[[X:.+]]: tensor<20x4xf32>)
// CHECK: %[[W1:.+]] = attn.weight @encoder.linear1.weight
// CHECK: %[[W2:.+]] = attn.weight @encoder.linear2.weight
// CHECK: %[[A:.+]] = call @matmul_0(%[[X]], %[[W1]]) {attn.label = "encoder.linear1"}
// CHECK: %[[B:.+]] = call @matmul_0(%[[X]], %[[W2]]) {attn.label = "encoder.linear2"}
// CHECK: return %[[A]], %[[B]]
// CHECK: func.func private @matmul_0(%[[KX:.+]]: tensor<20x4xf32>, %[[KW:.+]]: tensor<8x4xf32>) -> tensor<20x8xf32>
// CHECK-SAME: attributes {attn.kind = #attn<kernel_kind matmul>}
// CHECK-NEXT: %[[PRODUCT:.+]] = attn.matmul %[[KX]], %[[KW]]
// CHECK-NEXT: return %[[PRODUCT]]
// CHECK-NOT: func.func
func.func @equal(%x: tensor<20x4xf32>) -> (tensor<20x8xf32>, tensor<20x8xf32>) {
  %w1 = attn.weight @encoder.linear1.weight : tensor<8x4xf32>
  %w2 = attn.weight @encoder.linear2.weight : tensor<8x4xf32>
  %0 = attn.group matmul(%x, %w1) {
    ^bb0(%gx: tensor<20x4xf32>, %gw: tensor<8x4xf32>):
      %p = attn.matmul %gx, %gw {transpose_rhs} : (tensor<20x4xf32>, tensor<8x4xf32>) -> tensor<20x8xf32>
      attn.yield %p : tensor<20x8xf32>
  } : (tensor<20x4xf32>, tensor<8x4xf32>) -> tensor<20x8xf32>
  %1 = attn.group matmul(%x, %w2) {
    ^bb0(%gx: tensor<20x4xf32>, %gw: tensor<8x4xf32>):
      %p = attn.matmul %gx, %gw {transpose_rhs} : (tensor<20x4xf32>, tensor<8x4xf32>) -> tensor<20x8xf32>
      attn.yield %p : tensor<20x8xf32>
  } : (tensor<20x4xf32>, tensor<8x4xf32>) -> tensor<20x8xf32>
  return %0, %1 : tensor<20x8xf32>, tensor<20x8xf32>
}

// -----

// Must not share because an attribute, an operand or an op inside a region differs.
// CHECK-LABEL: func.func @unequal
// CHECK: call @rowwise_0
// CHECK: call @rowwise_1
// CHECK: call @rowwise_2
// CHECK: call @attention_0
// CHECK: call @attention_1
// CHECK-COUNT-5: func.func private
func.func @unequal(%x: tensor<2x5x4xf32>, %y: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %0 = attn.group rowwise(%x, %y) {
    ^bb0(%a: tensor<2x5x4xf32>, %b: tensor<2x5x4xf32>):
      %r = attn.sub %a, %b : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
      attn.yield %r : tensor<2x5x4xf32>
  } : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %1 = attn.group rowwise(%0, %y) {
    ^bb0(%a: tensor<2x5x4xf32>, %b: tensor<2x5x4xf32>):
      %r = attn.sub %b, %a : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
      attn.yield %r : tensor<2x5x4xf32>
  } : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %2 = attn.group rowwise(%1, %y) {
    ^bb0(%a: tensor<2x5x4xf32>, %b: tensor<2x5x4xf32>):
      %r = attn.div %a, %b : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
      attn.yield %r : tensor<2x5x4xf32>
  } : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %3 = attn.group attention(%2) {
    ^bb0(%a: tensor<2x5x4xf32>):
      %r = attn.attention %a, %a, %a {
        ^bb1(%dot: f32, %b: index, %h: index, %i: index, %j: index):
          %live = arith.cmpi sge, %i, %j : index
          attn.score %dot, %live
      } : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
      attn.yield %r : tensor<2x5x4xf32>
  } : (tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %4 = attn.group attention(%3) {
    ^bb0(%a: tensor<2x5x4xf32>):
      %r = attn.attention %a, %a, %a {
        ^bb1(%dot: f32, %b: index, %h: index, %i: index, %j: index):
          %live = arith.cmpi sle, %i, %j : index
          attn.score %dot, %live
      } : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
      attn.yield %r : tensor<2x5x4xf32>
  } : (tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %4 : tensor<2x5x4xf32>
}

// -----

// A name in the location is the label; an attention adds its kind.
// CHECK-LABEL: func.func @labels
// CHECK: call @attention_0({{.*}}) {attn.label = "encoder.self_attn.attention"}
// CHECK: call @rowwise_0({{.*}}) {attn.label = "rowwise"}
func.func @labels(%x: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %0 = attn.group attention(%x) {
    ^bb0(%a: tensor<2x5x4xf32>):
      %r = attn.attention %a, %a, %a {
        ^bb1(%dot: f32, %b: index, %h: index, %i: index, %j: index):
          %true = arith.constant true
          attn.score %dot, %true
      } : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
      attn.yield %r : tensor<2x5x4xf32>
  } : (tensor<2x5x4xf32>) -> tensor<2x5x4xf32> loc("encoder.self_attn"("model.json":3:4))
  %1 = attn.group rowwise(%0) {
    ^bb0(%a: tensor<2x5x4xf32>):
      %r = attn.activation relu %a : (tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
      attn.yield %r : tensor<2x5x4xf32>
  } : (tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %1 : tensor<2x5x4xf32>
}

// -----

// A parameter that has a kernel's name keeps it.
attn.parameter @rowwise_0 : tensor<4xf32>
// CHECK-LABEL: func.func @name_taken
// CHECK: call @[[KERNEL:rowwise_0_[0-9]+]](
// CHECK: func.func private @[[KERNEL]](
func.func @name_taken(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = attn.group rowwise(%x) {
    ^bb0(%a: tensor<4xf32>):
      %r = attn.activation relu %a : (tensor<4xf32>) -> tensor<4xf32>
      attn.yield %r : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// What is made of several parameters is called by the module that they share; parameters of no module by the location.
attn.parameter @layer.0.self.query.weight : tensor<4x4xf32>
attn.parameter @layer.0.self.key.weight : tensor<4x4xf32>
attn.parameter @weight : tensor<4x4xf32>
// CHECK-LABEL: func.func @shared_module
// CHECK: call @matmul_0({{.*}}) {attn.label = "layer.0.self"}
// CHECK: call @matmul_1({{.*}}) {attn.label = "head"}
func.func @shared_module(%x: tensor<20x4xf32>) -> (tensor<20x8xf32>, tensor<20x4xf32>) {
  %q = attn.weight @layer.0.self.query.weight : tensor<4x4xf32>
  %k = attn.weight @layer.0.self.key.weight : tensor<4x4xf32>
  %w = attn.weight @weight : tensor<4x4xf32>
  %qk = attn.concat %q, %k {axis = 0} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %0 = attn.group matmul(%x, %qk) {
    ^bb0(%gx: tensor<20x4xf32>, %gw: tensor<8x4xf32>):
      %p = attn.matmul %gx, %gw {transpose_rhs} : (tensor<20x4xf32>, tensor<8x4xf32>) -> tensor<20x8xf32>
      attn.yield %p : tensor<20x8xf32>
  } : (tensor<20x4xf32>, tensor<8x4xf32>) -> tensor<20x8xf32>
  %1 = attn.group matmul(%x, %w) {
    ^bb0(%gx: tensor<20x4xf32>, %gw: tensor<4x4xf32>):
      %p = attn.matmul %gx, %gw {transpose_rhs} : (tensor<20x4xf32>, tensor<4x4xf32>) -> tensor<20x4xf32>
      attn.yield %p : tensor<20x4xf32>
  } : (tensor<20x4xf32>, tensor<4x4xf32>) -> tensor<20x4xf32> loc("head"("model.json":3:4))
  return %0, %1 : tensor<20x8xf32>, tensor<20x4xf32>
}

// -----

// A group of several results is a kernel of several results.
// CHECK-LABEL: func.func @several_results
// CHECK: %[[BOTH:.+]]:2 = call @rowwise_0(%{{.+}}) {{.*}} : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
// CHECK: return %[[BOTH]]#1, %[[BOTH]]#0
// CHECK: func.func private @rowwise_0
// CHECK: return %{{.+}}, %{{.+}} : tensor<4xf32>, tensor<4xf32>
func.func @several_results(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0:2 = attn.group rowwise(%x) {
    ^bb0(%a: tensor<4xf32>):
      %r = attn.activation relu %a : (tensor<4xf32>) -> tensor<4xf32>
      %t = attn.activation tanh %a : (tensor<4xf32>) -> tensor<4xf32>
      attn.yield %r, %t : tensor<4xf32>, tensor<4xf32>
  } : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %0#1, %0#0 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Kernels of different slots of a state are one; the calls say from which slot on. Slots of anything else stay.
// CHECK-LABEL: func.func @slots
// CHECK: %[[A:.+]] = call @append_0(%arg0, %arg1, %arg2) {attn.label = "append"}
// CHECK: %[[B:.+]] = call @append_0(%[[A]], %arg1, %arg2) {attn.first_slots = array<i64: 2, 0, 0>, attn.label = "append"}
// CHECK: call @rowwise_0(%[[B]]) {attn.first_slots = array<i64: 1>
// CHECK: call @rowwise_1(%arg3)
// CHECK: func.func private @append_0
// CHECK: attn.append {{.*}} {start = 0 : i64}
// CHECK: func.func private @rowwise_0
// CHECK: attn.slice {{.*}} start = 0 : i64
// CHECK: func.func private @rowwise_1
// CHECK: attn.slice {{.*}} start = 1 : i64
func.func @slots(%c: tensor<1x4x4x8xf32> {attn.state = 0 : i64}, %p: tensor<1xi32>, %r: tensor<1x1x1x8xf32>, %x: tensor<1x4x4x8xf32>)
    -> (tensor<1x4x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) {
  %0 = attn.group append(%c, %p, %r) {
    ^bb0(%gc: tensor<1x4x4x8xf32>, %gp: tensor<1xi32>, %gr: tensor<1x1x1x8xf32>):
      %a = attn.append %gc at %gp, %gr {start = 0 : i64} : (tensor<1x4x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x4x4x8xf32>
      attn.yield %a : tensor<1x4x4x8xf32>
  } : (tensor<1x4x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x4x4x8xf32>
  %1 = attn.group append(%0, %p, %r) {
    ^bb0(%gc: tensor<1x4x4x8xf32>, %gp: tensor<1xi32>, %gr: tensor<1x1x1x8xf32>):
      %a = attn.append %gc at %gp, %gr {start = 2 : i64} : (tensor<1x4x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x4x4x8xf32>
      attn.yield %a : tensor<1x4x4x8xf32>
  } : (tensor<1x4x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x4x4x8xf32>
  %2 = attn.group rowwise(%1) {
    ^bb0(%gc: tensor<1x4x4x8xf32>):
      %a = attn.slice %gc {axis = 1 : i64, start = 1 : i64, size = 1 : i64} : (tensor<1x4x4x8xf32>) -> tensor<1x1x4x8xf32>
      attn.yield %a : tensor<1x1x4x8xf32>
  } : (tensor<1x4x4x8xf32>) -> tensor<1x1x4x8xf32>
  %3 = attn.group rowwise(%x) {
    ^bb0(%gc: tensor<1x4x4x8xf32>):
      %a = attn.slice %gc {axis = 1 : i64, start = 1 : i64, size = 1 : i64} : (tensor<1x4x4x8xf32>) -> tensor<1x1x4x8xf32>
      attn.yield %a : tensor<1x1x4x8xf32>
  } : (tensor<1x4x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %1, %2, %3 : tensor<1x4x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>
}
