// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention in core ops, as the modules that contain it emit it. The dialect's attention reads the batch first; a
// module with batch_first = false is transposed where it begins and ends, once, since everything else in it works by
// token.
#pragma once

#include "frontend/ImportCache.h"
#include "frontend/ImportScores.h"

namespace attnc {

/// Swaps batch and sequence of [a, b, width]; leaves [length, width] alone.
mlir::Value swapBatch(ImportBuilder &builder, mlir::Value input);

/// What attention reads as its query, key or value, in the module's words.
struct AttentionOperand {
  const char *role; ///< "query", "input", "memory" ...
  const Located<std::string> &name;
  mlir::Value tensor;
  const Located<int64_t> &width; ///< What its last dimension must be, and the key that says so.
  const char *widthName;
};

/// Reports, in the module's words, query, key and value that do not go together.
class AttentionShapes {
public:
  AttentionShapes(ImportBuilder &builder, bool batchFirst) : builder(builder), batchFirst(batchFirst) {}

  /// The extents of the scores, or none after an error.
  std::optional<ScoreExtents> check(const AttentionOperand &query, const AttentionOperand &key,
                                    const AttentionOperand &value, int64_t heads);

private:
  bool fail(const AttentionOperand &operand, const std::string &message, const std::string &hint = "");
  bool checkTensor(const AttentionOperand &operand);
  int64_t lengthOf(mlir::Value tensor) const { return ImportBuilder::shapeOf(tensor)[rank == 3 && batchFirst ? 1 : 0]; }
  int64_t batchOf(mlir::Value tensor) const { return ImportBuilder::shapeOf(tensor)[batchFirst ? 0 : 1]; }

  ImportBuilder &builder;
  bool batchFirst;
  size_t rank = 0;
};

/// Where weights and log-sum-exp of an attention go; null where nobody wants them.
struct FurtherValues {
  mlir::Value *weights = nullptr;
  mlir::Value *logSumExp = nullptr;
};

/// softmax(scores) value, where the scores are factor * query key^T, modified. On [.., heads, length, head_dim].
struct AttentionFunction {
  float factor = 1;
  mlir::Value scoreWeight; ///< Where it is not null, the scores are scoreWeight . tanh(query + key).
  llvm::ArrayRef<ScoreStepDesc> steps;
  Located<FullyMaskedRows> fullyMasked = FullyMaskedRows::Zero;
  Normalizer normalizer = Normalizer::Softmax;
  float normalizerScale = 1; ///< Of any normalizer but softmax.
  const SinkDesc *sink = nullptr;
  int64_t realKeys = 0; ///< Keys from here on are appended ones, which steps and arguments leave alone.
  FurtherValues further;

  /// What a module says of its scores and weights, for attention over `keys` keys.
  void configure(const AttentionWeightsDesc &desc, int64_t keys);

  mlir::Value emit(ImportBuilder &builder, mlir::Value query, mlir::Value key, mlir::Value value,
                   const ScoreArguments &arguments) const;

private:
  /// Reports a query that can see no key where that is an error.
  bool checkQueries(ImportBuilder &builder, const ScoreArguments &arguments, int64_t queries, int64_t keys) const;
  mlir::Value emitScores(ImportBuilder &builder, mlir::Value query, mlir::Value key) const;
  mlir::Value emitWeights(ImportBuilder &builder, mlir::Value scores) const;
};

/// The inputs of a module that reads query, key and value, batch first, and the arguments that act on its scores.
struct AttentionInputs {
  mlir::Value query, key, value;
  ScoreArguments arguments;
};

/// Checks and reads them; none after an error. The widths are those of query, key and value.
std::optional<AttentionInputs> readAttentionInputs(ImportBuilder &builder, const ModuleDesc &module, bool batchFirst,
                                                   const Located<int64_t> (&widths)[3],
                                                   const char *const (&widthNames)[3], int64_t heads);

/// The values `<module>.attn_weights` and `<module>.log_sum_exp`, null until they are set, as far as the module has
/// them.
FurtherValues furtherValuesOf(ImportBuilder &builder, const ModuleDesc &module, const AttentionWeightsDesc &desc);

/// [.., length, width] -> [.., heads, length, width / heads].
mlir::Value splitHeads(ImportBuilder &builder, mlir::Value input, int64_t heads);

/// Multi-head attention spelled out, on [batch, length, width] or [length, width]; `local` goes before its parameters'
/// names within the module. With a `cache` key and value are projections of the query's own input.
mlir::Value importAttention(ImportBuilder &builder, const ModuleDesc &module, const MultiheadAttentionDesc &attention,
                            const std::string &local, mlir::Value query, mlir::Value key, mlir::Value value,
                            const ScoreArguments &arguments, const FurtherValues &further = {},
                            KeyValueCache *cache = nullptr);

} // namespace attnc
