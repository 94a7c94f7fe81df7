// RUN: attnc-opt --run-reference %s | FileCheck %s
// The expected values are PyTorch 2.15's, in f64.

// CHECK: kinds: as expected
func.func @kinds(%x: tensor<5xf32> {attn.value = dense<[-3.0, -0.5, 0.0, 1.0, 2.5]> : tensor<5xf32>})
    -> (tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>)
    attributes {attn.tolerance = 1.0e-7, attn.expected = [
        dense<[0.0, 0.0, 0.0, 1.0, 2.5]> : tensor<5xf32>,
        dense<[-0.00404969409489, -0.15426876936, 0.0, 0.84134474607, 2.48447583669]> : tensor<5xf32>,
        dense<[-0.00363739208177, -0.15428599018, 0.0, 0.84119199061, 2.48491573391]> : tensor<5xf32>,
        dense<[-0.14227761953, -0.1887703344, 0.0, 0.7310585786300, 2.31035454995]> : tensor<5xf32>,
        dense<[-0.99505475369, -0.46211715726, 0.0, 0.76159415596, 0.9866142981514]> : tensor<5xf32>,
        dense<[0.04742587318, 0.37754066880, 0.5, 0.73105857863, 0.92414181998]> : tensor<5xf32>]} {
  %0 = attn.activation relu %x : (tensor<5xf32>) -> tensor<5xf32>
  %1 = attn.activation gelu %x : (tensor<5xf32>) -> tensor<5xf32>
  %2 = attn.activation gelu_tanh %x : (tensor<5xf32>) -> tensor<5xf32>
  %3 = attn.activation silu %x : (tensor<5xf32>) -> tensor<5xf32>
  %4 = attn.activation tanh %x : (tensor<5xf32>) -> tensor<5xf32>
  %5 = attn.activation sigmoid %x : (tensor<5xf32>) -> tensor<5xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>
}

// -inf, inf, NaN, and arguments far beyond where exp overflows in f32.
// CHECK: edges: as expected
func.func @edges(%x: tensor<5xf32> {attn.value = dense<[0xFF800000, 0x7F800000, 0x7FC00000, -300.0, 300.0]> : tensor<5xf32>})
    -> (tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>)
    attributes {attn.expected = [
        dense<[0.0, 0x7F800000, 0x7FC00000, 0.0, 300.0]> : tensor<5xf32>,
        dense<[0x7FC00000, 0x7F800000, 0x7FC00000, -0.0, 300.0]> : tensor<5xf32>,
        dense<[0x7FC00000, 0x7F800000, 0x7FC00000, -0.0, 300.0]> : tensor<5xf32>,
        dense<[0x7FC00000, 0x7F800000, 0x7FC00000, -0.0, 300.0]> : tensor<5xf32>,
        dense<[-1.0, 1.0, 0x7FC00000, -1.0, 1.0]> : tensor<5xf32>,
        dense<[0.0, 1.0, 0x7FC00000, 0.0, 1.0]> : tensor<5xf32>]} {
  %0 = attn.activation relu %x : (tensor<5xf32>) -> tensor<5xf32>
  %1 = attn.activation gelu %x : (tensor<5xf32>) -> tensor<5xf32>
  %2 = attn.activation gelu_tanh %x : (tensor<5xf32>) -> tensor<5xf32>
  %3 = attn.activation silu %x : (tensor<5xf32>) -> tensor<5xf32>
  %4 = attn.activation tanh %x : (tensor<5xf32>) -> tensor<5xf32>
  %5 = attn.activation sigmoid %x : (tensor<5xf32>) -> tensor<5xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>
}
