// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/ReferenceAttention.h"

#include "ir/ReferenceMath.h"
#include "ir/ReferenceScore.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc::reference {

namespace {

/// Evaluates one attention with accumulators of type Real.
template <typename Real> class AttentionEvaluator {
public:
  AttentionEvaluator(AttentionOp op, BlockValues &values) : op(op), values(values) {}

  LogicalResult run() {
    const Tensor &value = values.get(op.getValue());
    Tensor result = values.zeros(op.getResult()), weights, logSumExp;
    if (op.getWeights())
      weights = values.zeros(op.getWeights());
    if (op.getLogSumExp())
      logSumExp = values.zeros(op.getLogSumExp());
    int64_t queries = result.shape[result.rank() - 2], valueDim = result.shape.back();
    int64_t keys = value.shape[value.rank() - 2];
    std::vector<double> scores(keys);
    std::vector<bool> live(keys);
    bool ok = true;
    SmallVector<int64_t> matrices(ArrayRef(result.shape).drop_back(2)); // batch and head, or head
    int64_t matrixNumber = 0;
    forEachIndex(matrices, [&](ArrayRef<int64_t> matrix) {
      for (int64_t i = 0; i < queries && ok; ++i) {
        ok = succeeded(scoreRow(matrix, i, scores, live));
        int64_t row = matrixNumber * queries + i;
        if (op.getLogSumExp())
          logSumExp.values[row] = logSumExpRow<Real>(scores.data(), keys);
        bool allMasked = isMasked(scores.data(), keys, 1);
        if (ok && allMasked && op.getFullyMasked() == FullyMasked::error)
          ok = succeeded(failFullyMasked(op));
        normalize(scores);
        if (op.getWeights())
          llvm::copy(scores, weights.values.begin() + row * keys);
        double *out = result.values.data() + row * valueDim;
        if (allMasked)
          std::fill_n(out, valueDim, op.getFullyMasked() == FullyMasked::zero ? 0 : nan);
        else
          weigh(scores, live, value.values.data() + matrixNumber * keys * valueDim, out, valueDim);
      }
      ++matrixNumber;
    });
    values.set(op.getResult(), std::move(result));
    if (op.getWeights())
      values.set(op.getWeights(), std::move(weights));
    if (op.getLogSumExp())
      values.set(op.getLogSumExp(), std::move(logSumExp));
    return success(ok);
  }

private:
  /// The scores of one query: -inf where a key takes no part. `live` says which do.
  LogicalResult scoreRow(ArrayRef<int64_t> matrix, int64_t i, std::vector<double> &scores, std::vector<bool> &live) {
    const Tensor &query = values.get(op.getQuery()), &key = values.get(op.getKey());
    const Tensor *scoreWeight = op.getScoreWeight() ? &values.get(op.getScoreWeight()) : nullptr;
    int64_t headDim = query.shape.back();
    SmallVector<const Tensor *> captures;
    for (Value capture : op.getCaptures())
      captures.push_back(&values.get(capture));
    SmallVector<int64_t> q(matrix), k(matrix);
    q.append({i, 0}), k.append({0, 0});
    for (int64_t j = 0; j < int64_t(scores.size()); ++j) {
      k[k.size() - 2] = j;
      const double *x = query.values.data() + query.position(q), *y = key.values.data() + key.position(k);
      Real dot = scoreWeight ? additiveScore<Real>(x, y, scoreWeight->values.data(), headDim)
                             : dotProduct<Real>(x, y, headDim);
      int64_t indices[] = {matrix.size() == 2 ? matrix[0] : 0, matrix.back(), i, j};
      FailureOr<Score> score = evaluateScore(op.getScore().front(), dot, indices, captures, precision);
      if (failed(score))
        return failure();
      live[j] = score->live;
      scores[j] = score->live ? score->score : -inf;
    }
    return success();
  }

  /// Sets `out` to the weighted sum of the values of the keys that take part.
  static void weigh(const std::vector<double> &weights, const std::vector<bool> &live, const double *value, double *out,
                    int64_t valueDim) {
    for (int64_t d = 0; d < valueDim; ++d) {
      Real sum = 0;
      for (size_t j = 0; j < weights.size(); ++j)
        if (live[j])
          sum += Real(weights[j]) * Real(value[j * valueDim + d]);
      out[d] = sum;
    }
  }

  /// The scores of a query become the weights of the keys.
  void normalize(std::vector<double> &scores) {
    if (op.getNormalizer() == Normalizer::softmax)
      return softmaxRow<Real>(scores.data(), scores.size(), 1, op.getFullyMasked());
    for (double &score : scores)
      score = weightOf(op.getNormalizer(), Real(op.getFactor().convertToDouble()), Real(score));
  }

  static constexpr Precision precision = std::is_same_v<Real, float> ? Precision::f32 : Precision::f64;
  AttentionOp op;
  BlockValues &values;
};

} // namespace

LogicalResult evaluateAttention(AttentionOp op, BlockValues &values, Precision precision) {
  return precision == Precision::f32 ? AttentionEvaluator<float>(op, values).run()
                                     : AttentionEvaluator<double>(op, values).run();
}

LogicalResult failFullyMasked(Operation *op) {
  return op->emitOpError("a query has no key that takes part, and fully_masked is error");
}

} // namespace attnc::reference
