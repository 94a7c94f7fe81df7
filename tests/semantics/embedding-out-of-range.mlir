// RUN: attnc-opt --run-reference --verify-diagnostics %s

attn.parameter @table : tensor<3x2xf32>

func.func @behind_the_end(%i: tensor<2xi32> {attn.value = dense<[2, 3]> : tensor<2xi32>}) -> tensor<2x2xf32> {
  %table = attn.weight @table : tensor<3x2xf32>
  // expected-error@+1 {{index 3 is outside the table's 3 rows}}
  %0 = attn.embedding %table, %i : (tensor<3x2xf32>, tensor<2xi32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

func.func @negative(%i: tensor<1xi64> {attn.value = dense<[-1]> : tensor<1xi64>}) -> tensor<1x2xf32> {
  %table = attn.weight @table : tensor<3x2xf32>
  // expected-error@+1 {{index -1 is outside the table's 3 rows}}
  %0 = attn.embedding %table, %i : (tensor<3x2xf32>, tensor<1xi64>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
