// RUN: attnc-opt --run-reference %s | FileCheck %s
// RUN: attnc-opt --run-reference --reference-precision=f32 %s | FileCheck %s --check-prefix=F32
// RUN: attnc-opt --run-reference --reference-digits=12 %s | FileCheck %s --check-prefix=DIGITS
// Results without expected values are printed; inputs without values are filled, the same on every run; private functions
// run only where they are called.

// CHECK-NOT: twice
// CHECK: filled[0]: {{\[\[}}[[FIRST:-?0\.[0-9]+]], {{.+}}], [{{.+}}]]
// CHECK: filled[1]: [1, 0]
func.func @filled(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<2xi1>) {
  %0 = attn.constant dense<[true, false]> : tensor<2xi1>
  return %x, %0 : tensor<?x2xf32>, tensor<2xi1>
}

// CHECK: same_input[0]: {{\[\[}}[[FIRST]],
func.func @same_input(%x: tensor<?x2xf32>) -> tensor<?x2xf32> attributes {attn.batch = 1 : i64} {
  return %x : tensor<?x2xf32>
}

func.func private @twice(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = attn.add %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK: nested[0]: [4, 12]
// CHECK-NOT: twice
func.func @nested(%x: tensor<2xf32> {attn.value = dense<[1.0, 3.0]> : tensor<2xf32>}) -> tensor<2xf32> {
  %0 = call @twice(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = attn.group rowwise (%0) {
  ^bb0(%y: tensor<2xf32>):
    %2 = attn.add %y, %y : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    attn.yield %2 : tensor<2xf32>
  } : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// 2^24 + 1 needs f64.
// CHECK: precision[0]: [1]
// F32: precision[0]: [0]
func.func @precision(%x: tensor<1xf32> {attn.value = dense<[16777216.0]> : tensor<1xf32>},
                     %one: tensor<1xf32> {attn.value = dense<[1.0]> : tensor<1xf32>}) -> tensor<1xf32> {
  %0 = attn.add %x, %one : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  %1 = attn.sub %0, %x : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  return %1 : tensor<1xf32>
}

// As many digits as asked for.
// CHECK: digits[0]: [0.1]
// DIGITS: digits[0]: [0.10000000149]
func.func @digits(%x: tensor<1xf32> {attn.value = dense<[0.1]> : tensor<1xf32>}) -> tensor<1xf32> {
  return %x : tensor<1xf32>
}
