// RUN: attnc-opt --run-reference --verify-diagnostics %s
// What --run-reference says when a value is not the expected one: without this, no file of this folder proves anything.

// expected-error@+1 {{result 0[0, 1] is 2.5, expected 2 (tolerance 1e-06)}}
func.func @wrong_value(%x: tensor<1x2xf32> {attn.value = dense<[[1.0, 2.5]]> : tensor<1x2xf32>}) -> tensor<1x2xf32>
    attributes {attn.expected = [dense<[[1.0, 2.0]]> : tensor<1x2xf32>]} {
  return %x : tensor<1x2xf32>
}

// expected-error@+1 {{result 0[0] is -0, expected 0}}
func.func @wrong_sign_of_zero(%x: tensor<1xf32> {attn.value = dense<[-0.0]> : tensor<1xf32>}) -> tensor<1xf32>
    attributes {attn.expected = [dense<[0.0]> : tensor<1xf32>]} {
  return %x : tensor<1xf32>
}

// expected-error@+1 {{result 0[0] is nan, expected 0}}
func.func @nan(%x: tensor<1xf32> {attn.value = dense<[0x7FC00000]> : tensor<1xf32>}) -> tensor<1xf32>
    attributes {attn.expected = [dense<[0.0]> : tensor<1xf32>]} {
  return %x : tensor<1xf32>
}

// expected-error@+1 {{result 0 has not the type of its expected value}}
func.func @wrong_shape(%x: tensor<1xf32>) -> tensor<1xf32> attributes {attn.expected = [dense<[0.0, 0.0]> : tensor<2xf32>]} {
  return %x : tensor<1xf32>
}

// expected-error@+1 {{has 1 results, but expects 2}}
func.func @wrong_count(%x: tensor<1xf32>) -> tensor<1xf32>
    attributes {attn.expected = [dense<[0.0]> : tensor<1xf32>, dense<[0.0]> : tensor<1xf32>]} {
  return %x : tensor<1xf32>
}

// expected-error@+1 {{input 0 does not have the type 'tensor<2xf32>' with a batch of 2}}
func.func @wrong_input(%x: tensor<2xf32> {attn.value = dense<[0.0]> : tensor<1xf32>}) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}

func.func @unknown_op(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@+1 {{is not known to the reference}}
  %0 = arith.negf %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// expected-error@+1 {{only takes tensors if the reference is to run it}}
func.func @scalar(%x: f32) -> f32 {
  return %x : f32
}
