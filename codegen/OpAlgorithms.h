// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each op of the dialect as tensors of Halide expressions: the one place of codegen that an op touches.
#pragma once

#include "codegen/Algorithm.h"
#include "ir/AttnDialect.h"

#include "llvm/ADT/DenseMap.h"

namespace attnc {

/// Translates the ops of one kernel, in order. Pure functions of the index (slices, transposes, element-wise ops) stay
/// expressions; reductions and what they read become Funcs, listed in `algorithm.rowStages` in the order of
/// computation.
class OpTranslator {
public:
  OpTranslator(mlir::func::FuncOp kernel, Algorithm &algorithm);

  /// Translates `op`; false for an op that this translator has no rule for.
  bool translate(mlir::Operation &op);

  const Tensor &get(mlir::Value value) const;
  void set(mlir::Value value, Tensor tensor) { tensors[value] = std::move(tensor); }

  /// The tensor with all rows of one with packed rows, zeros where there is no token. `existingOnly`: nobody asks for
  /// rows of padding, and no select stands in the way of whole vectors.
  void unpackRows(attn::UnpackRowsOp op, bool existingOnly);

  /// The number of packed rows.
  Halide::Expr rowsOfTokens() const { return tokens; }

  /// The extents of a tensor type; `?` is the batch. Packed rows [batch, size, ...] are [tokens, 1, ...].
  std::vector<Halide::Expr> extentsOf(mlir::Type type);

  /// A Func (n, m) holding the tensor's rows, to be read several times.
  Halide::Func materialise(const Tensor &tensor, const std::string &name);

  /// The sum over n in [0, extent) of value(n, m), for each row m. Lanes first, then a fixed tree.
  Halide::Func sumRows(const std::string &name, int extent,
                       const std::function<Halide::Expr(const Halide::Expr &n, const Halide::Expr &m)> &value);
  /// The maximum, which NaN does not enter.
  Halide::Func maximumRows(const std::string &name, int extent,
                           const std::function<Halide::Expr(const Halide::Expr &n, const Halide::Expr &m)> &value);

  /// The maximum of integers and 0; its update may take all 16 lanes at once.
  Halide::Func maximumOfRows(const std::string &name, int extent,
                             const std::function<Halide::Expr(const Halide::Expr &n, const Halide::Expr &m)> &value);

private:
  Tensor argument(mlir::BlockArgument argument);
  Tensor result(mlir::Operation &op, std::function<Halide::Expr(const Index &)> at);
  /// A tensor read from a Func over (n, m).
  Tensor fromRows(mlir::Operation &op, Halide::Func func);
  /// 16 partial results (l, m) of each row.
  Halide::Func reduceToLanes(const std::string &name, int extent, const Halide::Expr &identity,
                             const std::function<Halide::Expr(Halide::Expr, Halide::Expr)> &combine,
                             const std::function<Halide::Expr(const Halide::Expr &n, const Halide::Expr &m)> &value);
  Halide::Func reduceRows(const std::string &name, int extent, const Halide::Expr &identity,
                          const std::function<Halide::Expr(Halide::Expr, Halide::Expr)> &combine,
                          const std::function<Halide::Expr(const Halide::Expr &n, const Halide::Expr &m)> &value);
  /// `sum` of exponentials, stored once more where a sum of 0 fails the run; `inner` as RowStage has it.
  Halide::Func reportEmpty(const Halide::Func &sum, const Halide::Var &inner, int innerExtent);
  std::string unique(const std::string &stem) { return stem + "_" + std::to_string(counter++); }

  void softmax(attn::SoftmaxOp op);
  void softmaxAcross(attn::SoftmaxOp op);
  void logSumExp(attn::LogSumExpOp op);
  void layerNorm(attn::LayerNormOp op);
  void rmsNorm(attn::RMSNormOp op);
  void l2Norm(attn::L2NormOp op);
  void rotary(attn::RotaryOp op);
  void mean(attn::MeanOp op);
  void modifyScores(attn::ModifyScoresOp op);
  void pool(attn::PoolOp op);
  void matmul(attn::MatmulOp op);
  void additiveScore(attn::AdditiveScoreOp op);
  void concat(attn::ConcatOp op);
  void reshape(attn::ReshapeOp op);
  void packRows(attn::PackRowsOp op);
  bool translateElementwise(mlir::Operation &op);
  bool translateShape(mlir::Operation &op);
  bool translateRows(mlir::Operation &op);

  Algorithm &algorithm;
  Halide::Param<int32_t> batch{"batch"}, tokens{"tokens"};
  llvm::DenseMap<mlir::Value, Tensor> tensors;
  int counter = 0;
};

/// The name of the buffer that a kernel's argument is.
std::string argumentName(mlir::BlockArgument operand);

/// An element-wise activation.
Halide::Expr activationOf(attn::ActivationKind kind, const Halide::Expr &x);

/// The weight of a score without its factor; any normalizer but softmax. 0 for a score of -inf.
Halide::Expr weightOfScore(attn::Normalizer kind, const Halide::Expr &score);

/// a[0] + a[1] + ... as a balanced tree.
Halide::Expr combineTree(std::vector<Halide::Expr> values,
                         const std::function<Halide::Expr(Halide::Expr, Halide::Expr)> &combine);

} // namespace attnc
