// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention in core ops, as the modules that contain it emit it. The dialect's attention reads the batch first; a
// module with batch_first = false is transposed where it begins and ends, once, since everything else in it works by
// token.
#pragma once

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

/// softmax(scores) value, where the scores are factor * query key^T, modified. On [.., heads, length, head_dim].
struct AttentionFunction {
  float factor = 1;
  llvm::ArrayRef<ScoreStepDesc> steps;
  FullyMaskedRows fullyMasked = FullyMaskedRows::Zero;
  int64_t realKeys = 0;           ///< Keys from here on are appended ones, which steps and arguments leave alone.
  mlir::Value *weights = nullptr; ///< Where the probabilities go, if somebody wants them.

  mlir::Value emit(ImportBuilder &builder, mlir::Value query, mlir::Value key, mlir::Value value,
                   const ScoreArguments &arguments) const;
};

/// Multi-head attention spelled out, on [batch, length, width] or [length, width]; `local` goes before its parameters'
/// names within the module. The probabilities go to `weights`, if somebody wants them.
mlir::Value importAttention(ImportBuilder &builder, const ModuleDesc &module, const MultiheadAttentionDesc &attention,
                            const std::string &local, mlir::Value query, mlir::Value key, mlir::Value value,
                            const ScoreArguments &arguments, mlir::Value *weights = nullptr);

} // namespace attnc
