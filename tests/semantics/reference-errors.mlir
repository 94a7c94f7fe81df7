// RUN: attnc-opt --run-reference --verify-diagnostics %s

func.func @vector_op(%q: tensor<1x1x1xf32>) -> tensor<1x1x1xf32> {
  %o = attn.attention %q, %q, %q {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error@+1 {{is not known to the reference}}
    %s = math.acosh %dot : f32
    %true = arith.constant true
    attn.score %s, %true
  } : (tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

func.func @index_outside(%q: tensor<1x1x1xf32>, %m: tensor<1xf32>) -> tensor<1x1x1xf32> {
  %o = attn.attention %q, %q, %q captures(%m) {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %mask: tensor<1xf32>):
    %one = arith.constant 1 : index
    // expected-error@+1 {{index 1 is outside the extent 1}}
    %s = attn.element %mask[%one] : tensor<1xf32> -> f32
    %true = arith.constant true
    attn.score %s, %true
  } : (tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1xf32>) -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

func.func @divides_by_zero(%q: tensor<1x1x1xf32>) -> tensor<1x1x1xf32> {
  %o = attn.attention %q, %q, %q {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error@+1 {{divides by zero}}
    %remainder = arith.remsi %i, %j : index
    %live = arith.cmpi eq, %remainder, %j : index
    attn.score %dot, %live
  } : (tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

attn.parameter @short {attn.value = dense<1.0> : tensor<2xf32>} : tensor<3xf32>

func.func @wrong_shape() -> tensor<3xf32> {
  // expected-error@+1 {{parameter's values have the wrong shape}}
  %0 = attn.weight @short : tensor<3xf32>
  return %0 : tensor<3xf32>
}

func.func @unknown_parameter() -> tensor<1xf32> {
  // expected-error@+1 {{parameter 'ghost' has no values}}
  %0 = attn.packed {offset = 0 : i64, pieces = [
    #attn.piece<parameter = "ghost", offset = 0, rows = 1, cols = 1, stride_row = 1, stride_col = 1, first = 0>]} : tensor<1xf32>
  return %0 : tensor<1xf32>
}

func.func @piece_outside() -> tensor<3xf32> {
  // expected-error@+1 {{piece reads outside its source}}
  %0 = attn.packed {offset = 0 : i64, pieces = [
    #attn.piece<parameter = "short", offset = 0, rows = 1, cols = 3, stride_row = 1, stride_col = 1, first = 0>]} : tensor<3xf32>
  return %0 : tensor<3xf32>
}

func.func private @elsewhere(tensor<1xf32>) -> tensor<1xf32>

func.func @no_body(%x: tensor<1xf32>) -> tensor<1xf32> {
  // expected-error@+1 {{calls a function without a body}}
  %0 = call @elsewhere(%x) : (tensor<1xf32>) -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

// expected-error@+1 {{values must be a dense tensor of f32, f64, i1, i32 or i64, but are}}
func.func @element_type(%x: tensor<1xf32> {attn.value = dense<(1.0, 2.0)> : tensor<1xcomplex<f32>>}) -> tensor<1xf32> {
  return %x : tensor<1xf32>
}

// expected-error@+1 {{a tensor of extents [4294967296, 2] is not one that the reference can hold}}
func.func @large_input(%x: tensor<4294967296x2xf32>) -> tensor<4294967296x2xf32> {
  return %x : tensor<4294967296x2xf32>
}

// expected-error@+1 {{a tensor of extents [-1] is not one that the reference can hold}}
func.func @negative_batch(%x: tensor<?xf32>) -> tensor<?xf32> attributes {attn.batch = -1 : i64} {
  return %x : tensor<?xf32>
}

func.func @large_result(%x: tensor<65536x1xf32>, %y: tensor<65536xf32>) -> tensor<65536x65536xf32> {
  // expected-error@+1 {{result 'tensor<65536x65536xf32>' is too large for the reference}}
  %0 = attn.add %x, %y : (tensor<65536x1xf32>, tensor<65536xf32>) -> tensor<65536x65536xf32>
  return %0 : tensor<65536x65536xf32>
}

func.func @no_key_takes_part(%x: tensor<1x2xf32> {attn.value = dense<0xFF800000> : tensor<1x2xf32>}) -> tensor<1x2xf32> {
  // expected-error@+1 {{a query has no key that takes part, and fully_masked is error}}
  %0 = attn.softmax %x {axis = 1 : i64, fully_masked = #attn<fully_masked error>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

func.func @no_key_of_an_attention(%q: tensor<1x1x1xf32>) -> tensor<1x1x1xf32> {
  // expected-error@+1 {{a query has no key that takes part, and fully_masked is error}}
  %o = attn.attention %q, %q, %q attributes {fully_masked = #attn<fully_masked error>} {
  ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index):
    %false = arith.constant false
    attn.score %dot, %false
  } : (tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

func.func @append_outside(%c: tensor<1x1x3x1xf32> {attn.value = dense<0.0> : tensor<1x1x3x1xf32>},
                          %p: tensor<1xi32> {attn.value = dense<[2]> : tensor<1xi32>},
                          %r: tensor<1x1x2x1xf32> {attn.value = dense<1.0> : tensor<1x1x2x1xf32>}) -> tensor<1x1x3x1xf32> {
  // expected-error@+1 {{a position is outside [0, 1]}}
  %0 = attn.append %c at %p, %r {start = 0 : i64} : (tensor<1x1x3x1xf32>, tensor<1xi32>, tensor<1x1x2x1xf32>) -> tensor<1x1x3x1xf32>
  return %0 : tensor<1x1x3x1xf32>
}
