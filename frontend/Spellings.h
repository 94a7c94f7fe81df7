// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How model.json spells each enumerated value: the one table that parser, messages and the schema's test read.
#pragma once

#include "frontend/ModelDesc.h"

namespace attnc {

template <typename Enum> struct Spelling {
  const char *text;
  Enum value;
};

template <typename Enum> struct Spellings;

template <> struct Spellings<DType> {
  static constexpr Spelling<DType> table[] = {
      {"f32", DType::F32}, {"i32", DType::I32}, {"i64", DType::I64}, {"bool", DType::Bool}};
};
template <> struct Spellings<ActivationKind> {
  static constexpr Spelling<ActivationKind> table[] = {
      {"relu", ActivationKind::Relu}, {"gelu", ActivationKind::Gelu}, {"gelu_tanh", ActivationKind::GeluTanh},
      {"silu", ActivationKind::Silu}, {"tanh", ActivationKind::Tanh}, {"sigmoid", ActivationKind::Sigmoid}};
};
template <> struct Spellings<PoolingMode> {
  static constexpr Spelling<PoolingMode> table[] = {
      {"cls", PoolingMode::Cls}, {"mean", PoolingMode::Mean}, {"max", PoolingMode::Max}};
};
template <> struct Spellings<PositionKind> {
  static constexpr Spelling<PositionKind> table[] = {{"learned", PositionKind::Learned},
                                                     {"sinusoidal", PositionKind::Sinusoidal}};
};
template <> struct Spellings<CausalAlignment> {
  static constexpr Spelling<CausalAlignment> table[] = {{"top_left", CausalAlignment::TopLeft},
                                                        {"bottom_right", CausalAlignment::BottomRight}};
};
template <> struct Spellings<FullyMaskedRows> {
  static constexpr Spelling<FullyMaskedRows> table[] = {
      {"zero", FullyMaskedRows::Zero}, {"nan", FullyMaskedRows::Nan}, {"error", FullyMaskedRows::Error}};
};
template <> struct Spellings<Normalizer> {
  static constexpr Spelling<Normalizer> table[] = {{"softmax", Normalizer::Softmax},
                                                   {"relu", Normalizer::Relu},
                                                   {"sigmoid", Normalizer::Sigmoid},
                                                   {"identity", Normalizer::Identity}};
};
template <> struct Spellings<PaddedRows> {
  static constexpr Spelling<PaddedRows> table[] = {{"zero", PaddedRows::Zero}, {"keep", PaddedRows::Keep}};
};
template <> struct Spellings<MatmulPrecision> {
  static constexpr Spelling<MatmulPrecision> table[] = {
      {"f32", MatmulPrecision::F32}, {"bf16", MatmulPrecision::Bf16}, {"int8", MatmulPrecision::Int8}};
};
template <> struct Spellings<MaskConvention> {
  static constexpr Spelling<MaskConvention> table[] = {{"blocked", MaskConvention::Blocked},
                                                       {"valid", MaskConvention::Valid}};
};

} // namespace attnc
