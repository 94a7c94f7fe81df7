// RUN: attnc-opt --attnc-plan-memory --split-input-file %s | FileCheck %s

// A result may take the place of what is dead, never of its own operand; a returned value has no place.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: attributes {attn.arena_fixed = 128 : i64, attn.arena_per_batch = 0 : i64}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: 0>, attn.per_batch = array<i1: false>}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: 64>, attn.per_batch = array<i1: false>}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: 0>, attn.per_batch = array<i1: false>}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: -1>, attn.outputs = array<i64: 0>, attn.per_batch = array<i1: false>}
func.func @chain(%x: tensor<10xf32>) -> tensor<10xf32> {
  %0 = call @rowwise_0(%x) : (tensor<10xf32>) -> tensor<10xf32>
  %1 = call @rowwise_0(%0) : (tensor<10xf32>) -> tensor<10xf32>
  %2 = call @rowwise_0(%1) : (tensor<10xf32>) -> tensor<10xf32>
  %3 = call @rowwise_0(%2) : (tensor<10xf32>) -> tensor<10xf32>
  return %3 : tensor<10xf32>
}
func.func private @rowwise_0(%x: tensor<10xf32>) -> tensor<10xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %x : (tensor<10xf32>) -> tensor<10xf32>
  return %0 : tensor<10xf32>
}

// -----

// A value that is read later keeps its place, a returned one is read where it is returned; a tensor that depends on the batch is in
// a space of its own, in bytes of one batch element.
// CHECK-LABEL: func.func @spaces
// CHECK-SAME: attributes {attn.arena_fixed = 64 : i64, attn.arena_per_batch = 192 : i64}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: 0>, attn.per_batch = array<i1: true>}
// CHECK: call @rowwise_1({{.*}}) {attn.offsets = array<i64: 0>, attn.per_batch = array<i1: false>}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: 64>, attn.per_batch = array<i1: true>}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: 128>, attn.per_batch = array<i1: true>}
// CHECK: call @rowwise_2({{.*}}) {attn.offsets = array<i64: -1>, attn.outputs = array<i64: 1>, attn.per_batch = array<i1: true>}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: -1>, attn.outputs = array<i64: 0>, attn.per_batch = array<i1: true>}
func.func @spaces(%x: tensor<?x10xf32>, %y: tensor<10xf32>) -> (tensor<?x10xf32>, tensor<?x10xf32>) {
  %0 = call @rowwise_0(%x) : (tensor<?x10xf32>) -> tensor<?x10xf32>
  %1 = call @rowwise_1(%y) : (tensor<10xf32>) -> tensor<10xf32>
  %2 = call @rowwise_0(%0) : (tensor<?x10xf32>) -> tensor<?x10xf32>
  %3 = call @rowwise_0(%2) : (tensor<?x10xf32>) -> tensor<?x10xf32>
  %4 = call @rowwise_2(%0, %1, %3) : (tensor<?x10xf32>, tensor<10xf32>, tensor<?x10xf32>) -> tensor<?x10xf32>
  %5 = call @rowwise_0(%4) : (tensor<?x10xf32>) -> tensor<?x10xf32>
  return %5, %4 : tensor<?x10xf32>, tensor<?x10xf32>
}
func.func private @rowwise_0(%x: tensor<?x10xf32>) -> tensor<?x10xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %x : (tensor<?x10xf32>) -> tensor<?x10xf32>
  return %0 : tensor<?x10xf32>
}
func.func private @rowwise_1(%x: tensor<10xf32>) -> tensor<10xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %x : (tensor<10xf32>) -> tensor<10xf32>
  return %0 : tensor<10xf32>
}
func.func private @rowwise_2(%x: tensor<?x10xf32>, %y: tensor<10xf32>, %z: tensor<?x10xf32>) -> tensor<?x10xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.add %x, %y : (tensor<?x10xf32>, tensor<10xf32>) -> tensor<?x10xf32>
  %1 = attn.add %0, %z : (tensor<?x10xf32>, tensor<?x10xf32>) -> tensor<?x10xf32>
  return %1 : tensor<?x10xf32>
}

// -----

// The results of one call lie side by side; each is returned, kept or both.
// CHECK-LABEL: func.func @several_results
// CHECK-SAME: attributes {attn.arena_fixed = 128 : i64, attn.arena_per_batch = 0 : i64}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: 0, 64>, attn.per_batch = array<i1: false, false>}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: -1, -1>, attn.outputs = array<i64: 2, 0>, attn.per_batch = array<i1: false, false>}
// CHECK: call @rowwise_0({{.*}}) {attn.offsets = array<i64: 0, -1>, attn.outputs = array<i64: -1, 1>, attn.per_batch = array<i1: false, false>}
func.func @several_results(%x: tensor<10xf32>) -> (tensor<10xf32>, tensor<10xf32>, tensor<10xf32>) {
  %0:2 = call @rowwise_0(%x, %x) : (tensor<10xf32>, tensor<10xf32>) -> (tensor<10xf32>, tensor<10xf32>)
  %1:2 = call @rowwise_0(%0#0, %0#1) : (tensor<10xf32>, tensor<10xf32>) -> (tensor<10xf32>, tensor<10xf32>)
  %2:2 = call @rowwise_0(%1#0, %1#1) : (tensor<10xf32>, tensor<10xf32>) -> (tensor<10xf32>, tensor<10xf32>)
  return %1#1, %2#1, %1#0 : tensor<10xf32>, tensor<10xf32>, tensor<10xf32>
}
func.func private @rowwise_0(%x: tensor<10xf32>, %y: tensor<10xf32>) -> (tensor<10xf32>, tensor<10xf32>) attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %x : (tensor<10xf32>) -> tensor<10xf32>
  %1 = attn.activation tanh %y : (tensor<10xf32>) -> tensor<10xf32>
  return %0, %1 : tensor<10xf32>, tensor<10xf32>
}

// -----

// A cache is appended to in place: every value of it is the returned one's memory.
// CHECK-LABEL: func.func @cache
// CHECK-SAME: attn.arena_fixed = 0 : i64
// CHECK: call @append_0(%arg0, {{.*}}) {attn.offsets = array<i64: -1>, attn.outputs = array<i64: 0>, attn.per_batch = array<i1: false>}
// CHECK: call @append_0({{.*}}) {attn.first_slots = array<i64: 1, 0, 0>, attn.offsets = array<i64: -1>, attn.outputs = array<i64: 0>, attn.per_batch = array<i1: false>}
func.func @cache(%c: tensor<1x2x4x8xf32> {attn.state = 0 : i64}, %p: tensor<1xi32>, %r: tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32> {
  %0 = call @append_0(%c, %p, %r) : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32>
  %1 = call @append_0(%0, %p, %r) {attn.first_slots = array<i64: 1, 0, 0>} : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32>
  return %1 : tensor<1x2x4x8xf32>
}
func.func private @append_0(%c: tensor<1x2x4x8xf32>, %p: tensor<1xi32>, %r: tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32> attributes {attn.kind = #attn<kernel_kind append>} {
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}
