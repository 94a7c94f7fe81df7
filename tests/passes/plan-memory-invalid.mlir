// RUN: attnc-opt --attnc-plan-memory --split-input-file --verify-diagnostics %s

func.func @read_later(%c: tensor<1x2x4x8xf32> {attn.state = 0 : i64}, %p: tensor<1xi32>, %r: tensor<1x1x1x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) {
  // expected-error@+1 {{attn.append writes over a cache that is read later: give its result to those readers}}
  %0 = call @append_0(%c, %p, %r) : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32>
  %1 = call @rowwise_0(%c) : (tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %0, %1 : tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>
}
func.func private @append_0(%c: tensor<1x2x4x8xf32>, %p: tensor<1xi32>, %r: tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32> attributes {attn.kind = #attn<kernel_kind append>} {
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}
func.func private @rowwise_0(%x: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %x : (tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}

// -----

func.func @no_state(%c: tensor<1x2x4x8xf32>, %p: tensor<1xi32>, %r: tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32> {
  // expected-error@+1 {{attn.append needs a cache that is an argument of the model with attn.state, the number of the result that is the cache after the last attn.append}}
  %0 = call @append_0(%c, %p, %r) : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}
func.func private @append_0(%c: tensor<1x2x4x8xf32>, %p: tensor<1xi32>, %r: tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32> attributes {attn.kind = #attn<kernel_kind append>} {
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}

// -----

func.func @other_result(%c: tensor<1x2x4x8xf32> {attn.state = 1 : i64}, %p: tensor<1xi32>, %r: tensor<1x1x1x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) {
  // expected-error@+1 {{attn.append needs a cache that is an argument of the model with attn.state}}
  %0 = call @append_0(%c, %p, %r) : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32>
  %1 = call @rowwise_0(%0) : (tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %0, %1 : tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>
}
func.func private @append_0(%c: tensor<1x2x4x8xf32>, %p: tensor<1xi32>, %r: tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32> attributes {attn.kind = #attn<kernel_kind append>} {
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x1x1x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}
func.func private @rowwise_0(%x: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> attributes {attn.kind = #attn<kernel_kind rowwise>} {
  %0 = attn.activation relu %x : (tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}

// -----

func.func @reads_itself(%c: tensor<1x2x4x8xf32> {attn.state = 0 : i64}, %p: tensor<1xi32>) -> tensor<1x2x4x8xf32> {
  // expected-error@+1 {{attn.append appends what it reads of its own cache}}
  %0 = call @append_0(%c, %p) : (tensor<1x2x4x8xf32>, tensor<1xi32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}
func.func private @append_0(%c: tensor<1x2x4x8xf32>, %p: tensor<1xi32>) -> tensor<1x2x4x8xf32> attributes {attn.kind = #attn<kernel_kind append>} {
  %0 = attn.slice %c {axis = 2 : i64, start = 3 : i64, size = 1 : i64} : (tensor<1x2x4x8xf32>) -> tensor<1x2x1x8xf32>
  %1 = attn.append %c at %p, %0 {start = 0 : i64} : (tensor<1x2x4x8xf32>, tensor<1xi32>, tensor<1x2x1x8xf32>) -> tensor<1x2x4x8xf32>
  return %1 : tensor<1x2x4x8xf32>
}
