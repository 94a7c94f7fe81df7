// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The balance of int8 matmuls (attn.matmul). Rounding costs a product sum_k x_k w_k least where the magnitudes of the
// elements of x and those of w are alike: multiplying x_k by s_k and dividing w_k by it changes nothing but that. With
// a_k the root mean square of x_k over tokens and b_k that of w_k over columns, s_k = sqrt(b_k / a_k) makes the errors
// of both roundings smallest (Cauchy and Schwarz); the idea is SmoothQuant's (Xiao et al., ICML 2023), whose choice is
// another one. b_k is known when a model is compiled; a_k is measured by running it on random inputs.
#pragma once

#include "ir/AttnDialect.h"

#include <functional>
#include <string>

namespace attnc {

/// A module's attribute, a dictionary: for the weight of a norm, by the parameter's name, the balance of the matmuls
/// that read that norm's rows. AssignPrecision takes it away.
constexpr llvm::StringLiteral kBalance = "attn.balance";

/// The parameter that is the weight of the norm whose rows a value holds, reshaped or moved at most; empty where there
/// is none. A balance is known by it, since functions that are variants of a model share their parameters.
llvm::StringRef normBehind(mlir::Value value);

/// Reads elements [first, first + count) of a parameter as f32; false where they cannot be had.
using ParameterReader = std::function<bool(llvm::StringRef name, uint64_t first, uint64_t count, float *to)>;

/// Runs the model of a module in core ops on random inputs and returns what kBalance is to be for it. Some 30 tokens
/// are enough and more take longer: the caller gives a module of short sequences. The result depends on the module and
/// the parameters alone. Fails with the reason in `error` where the model is too large for it, or cannot be run so.
llvm::FailureOr<mlir::DictionaryAttr> findBalances(mlir::ModuleOp module, const ParameterReader &parameters,
                                                   std::string &error);

} // namespace attnc
