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
