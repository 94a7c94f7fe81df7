// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that reduce: softmax, norms, pooling, means, products of activations and additive scores. A reduction over
// columns adds in lanes and combines them by a fixed tree, so its bits depend on the extent alone.

#include "codegen/FullyMasked.h"
#include "codegen/OpAlgorithms.h"

#include "codegen/ScalarMath.h"

#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace Halide;

namespace attnc {

namespace {

const float kInfinity = std::numeric_limits<float>::infinity();
const float kNaN = std::numeric_limits<float>::quiet_NaN();

/// What a row without any live element becomes.
Expr fullyMaskedValue(attn::FullyMasked policy) { return policy == attn::FullyMasked::nan ? Expr(kNaN) : Expr(0.f); }

/// The number of an element in row-major order.
Expr elementNumber(const Tensor &tensor, const Index &index) {
  return tensor.rank() ? rowOf(tensor, index) * tensor.extents.back() + index.dims.back() : rowOf(tensor, index);
}

} // namespace

int lanesFor(int extent) {
  // 16 lanes are one AVX-512 register; 64 give four independent chains, which hide the latency of the addition.
  return extent >= 256 ? 64 : 16;
}

Expr combineTree(std::vector<Expr> values, const std::function<Expr(Expr, Expr)> &combine) {
  while (values.size() > 1) {
    const size_t half = (values.size() + 1) / 2;
    for (size_t i = 0; i + half < values.size(); ++i)
      values[i] = combine(values[i], values[i + half]);
    values.resize(half);
  }
  return values[0];
}

Func OpTranslator::materialise(const Tensor &tensor, const std::string &name) {
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  Func rows(unique(name));
  rows(n, m) = tensor.at(indexOfRow(tensor, m, n));
  algorithm.rowStages.push_back({rows, n, staticExtent(tensor.extents.back())});
  return rows;
}

Func OpTranslator::reduceToLanes(const std::string &name, int extent, const Expr &identity,
                                 const std::function<Expr(Expr, Expr)> &combine,
                                 const std::function<Expr(const Expr &, const Expr &)> &value) {
  const Var &m = algorithm.vars.m, &l = algorithm.vars.l;
  const int lanes = lanesFor(extent), steps = extent / lanes, rest = extent % lanes;
  Func partial(unique(name + "_lanes"));
  partial(l, m) = identity;
  if (steps > 0) {
    RDom step(0, steps, "step");
    partial(l, m) = combine(partial(l, m), value(step * lanes + l, m));
  }
  if (rest > 0) {
    RDom tail(0, rest, "tail");
    partial(tail, m) = combine(partial(tail, m), value(steps * lanes + tail, m));
  }
  algorithm.rowStages.push_back({partial, l, lanes});
  if (lanes == 16)
    return partial;
  Func folded(unique(name + "_folded"));
  std::vector<Expr> parts;
  for (int i = 0; i < lanes; i += 16)
    parts.push_back(partial(l + i, m));
  folded(l, m) = combineTree(parts, combine);
  algorithm.rowStages.push_back({folded, l, 16});
  return folded;
}

Func OpTranslator::reduceRows(const std::string &name, int extent, const Expr &identity,
                              const std::function<Expr(Expr, Expr)> &combine,
                              const std::function<Expr(const Expr &, const Expr &)> &value) {
  const Var &m = algorithm.vars.m;
  const Func last = reduceToLanes(name, extent, identity, combine, value);
  Func total(unique(name));
  std::vector<Expr> parts;
  for (int i = 0; i < 16; ++i)
    parts.push_back(last(i, m));
  total(m) = combineTree(parts, combine);
  algorithm.rowStages.push_back({total, m, 0});
  return total;
}

Func OpTranslator::sumRows(const std::string &name, int extent,
                           const std::function<Expr(const Expr &, const Expr &)> &value) {
  return reduceRows(name, extent, 0.f, [](Expr a, Expr b) { return a + b; }, value);
}

Func OpTranslator::maximumRows(const std::string &name, int extent,
                               const std::function<Expr(const Expr &, const Expr &)> &value) {
  return reduceRows(name, extent, -kInfinity, larger, value);
}

Func OpTranslator::maximumOfRows(const std::string &name, int extent,
                                 const std::function<Expr(const Expr &, const Expr &)> &value) {
  const Var &m = algorithm.vars.m;
  const Func last = reduceToLanes(name, extent, 0, [](Expr a, Expr b) { return max(a, b); }, value);
  Func total(unique(name));
  RDom lane(0, 16, "lane");
  total(m) = 0;
  total(m) = max(total(m), last(lane, m));
  algorithm.rowStages.push_back({total, m, 0});
  return total;
}

Func OpTranslator::reportEmpty(const Func &sum, const Var &inner, int innerExtent) {
  Func checked(unique("softmax_checked"));
  const Expr total = sum(sum.args());
  checked(sum.args()) = unlessEmpty(total, total, attn::FullyMasked::error);
  algorithm.rowStages.push_back({checked, inner, innerExtent});
  return checked;
}

void OpTranslator::softmax(attn::SoftmaxOp op) {
  const Tensor input = get(op.getInput());
  if (op.getAxis() + 1 != input.rank())
    return softmaxAcross(op);
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  const int extent = staticExtent(input.extents.back());
  Func x = materialise(input, "softmax_input");
  Func maximum = maximumRows("softmax_max", extent, [=](Expr i, Expr row) { return x(i, row); });
  Func power(unique("softmax_exp"));
  power(n, m) = expOfNonPositive(x(n, m) - finiteOrZero(maximum(m)));
  algorithm.rowStages.push_back({power, n, extent});
  Func sum = sumRows("softmax_sum", extent, [=](Expr i, Expr row) { return power(i, row); });
  if (op.getFullyMasked() == attn::FullyMasked::error)
    sum = reportEmpty(sum, m, 0);
  const Expr empty = fullyMaskedValue(op.getFullyMasked());
  Tensor shape = input;
  result(*op, [=](const Index &index) {
    const Expr row = rowOf(shape, index);
    return select(sum(row) == 0.f, empty, power(index.dims.back(), row) / sum(row));
  });
}

/// Along another axis than the last: the slice of each output element is reduced where the element is, column by
/// column.
void OpTranslator::softmaxAcross(attn::SoftmaxOp op) {
  const Tensor input = get(op.getInput());
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  const size_t axis = op.getAxis();
  const int columns = staticExtent(input.extents.back());
  RDom along(0, staticExtent(input.extents[axis]), "along");
  Index slice = indexOfRow(input, m, n);
  slice.row = Expr();
  slice.dims[axis] = along;
  const Expr element = input.at(slice);
  Func maximum(unique("softmax_max")), sum(unique("softmax_sum"));
  maximum(n, m) = -kInfinity;
  maximum(n, m) = larger(maximum(n, m), element);
  auto powerOf = [=](const Expr &x, const Expr &column, const Expr &row) {
    return expOfNonPositive(x - finiteOrZero(maximum(column, row)));
  };
  sum(n, m) = 0.f;
  sum(n, m) += powerOf(element, n, m);
  algorithm.rowStages.push_back({maximum, n, columns});
  algorithm.rowStages.push_back({sum, n, columns});
  if (op.getFullyMasked() == attn::FullyMasked::error)
    sum = reportEmpty(sum, n, columns);
  const Expr empty = fullyMaskedValue(op.getFullyMasked());
  const Tensor shape = input;
  result(*op, [=](const Index &index) {
    const Expr row = rowOf(shape, index), column = index.dims.back();
    return select(sum(column, row) == 0.f, empty, powerOf(input.at(index), column, row) / sum(column, row));
  });
}

void OpTranslator::logSumExp(attn::LogSumExpOp op) {
  const Tensor input = get(op.getInput());
  const int extent = staticExtent(input.extents.back());
  // One of each for each row of the input, which are the elements of the result.
  auto element = [=](const Expr &i, const Expr &row) { return input.at(indexOfRow(input, row, i)); };
  Func maximum = maximumRows("log_sum_exp_max", extent, element);
  auto top = [=](const Expr &row) { return finiteOrZero(maximum(row)); };
  Func sum = sumRows("log_sum_exp_sum", extent,
                     [=](const Expr &i, const Expr &row) { return expOfNonPositive(element(i, row) - top(row)); });
  const Tensor shape{extentsOf(op.getType()), Float(32), nullptr};
  result(*op, [=](const Index &index) {
    const Expr row = elementNumber(shape, index);
    return top(row) + logOf(sum(row));
  });
}

void OpTranslator::layerNorm(attn::LayerNormOp op) {
  const Tensor input = get(op.getInput());
  const int extent = staticExtent(input.extents.back());
  const float count = static_cast<float>(extent), eps = static_cast<float>(op.getEps().convertToDouble());
  const Var &m = algorithm.vars.m;
  // Two passes over the row: subtracting the mean before squaring keeps the digits that sum(x^2) - mean^2 loses. The
  // mean itself is rounded to f32, which a row with a large mean would feel: `drift` is what it is off by, from the
  // centred values.
  Func x = materialise(input, "norm_input");
  Func total = sumRows("norm_sum", extent, [=](Expr i, Expr row) { return x(i, row); });
  Func mean(unique("norm_mean"));
  mean(m) = total(m) / count;
  algorithm.rowStages.push_back({mean, m, 0});
  Func centredTotal = sumRows("norm_centred", extent, [=](Expr i, Expr row) { return x(i, row) - mean(row); });
  Func drift(unique("norm_drift"));
  drift(m) = centredTotal(m) / count;
  algorithm.rowStages.push_back({drift, m, 0});
  Func squares = sumRows("norm_squares", extent, [=](Expr i, Expr row) {
    const Expr centred = x(i, row) - mean(row) - drift(row);
    return centred * centred;
  });
  Func scale(unique("norm_scale"));
  scale(m) = 1.f / sqrt(squares(m) / count + eps);
  algorithm.rowStages.push_back({scale, m, 0});
  const Tensor weight = op.getWeight() ? get(op.getWeight()) : Tensor{};
  const Tensor bias = op.getBias() ? get(op.getBias()) : Tensor{};
  const Tensor shape = input;
  result(*op, [=](const Index &index) {
    const Expr row = rowOf(shape, index), column = index.dims.back();
    Expr y = (x(column, row) - mean(row) - drift(row)) * scale(row);
    if (weight.at)
      y = y * weight.at({{column}, 0});
    return bias.at ? y + bias.at({{column}, 0}) : y;
  });
}

void OpTranslator::rmsNorm(attn::RMSNormOp op) {
  const Tensor input = get(op.getInput());
  const int extent = staticExtent(input.extents.back());
  const float count = static_cast<float>(extent), eps = static_cast<float>(op.getEps().convertToDouble());
  const Var &m = algorithm.vars.m;
  Func x = materialise(input, "norm_input");
  Func squares = sumRows("norm_squares", extent, [=](Expr i, Expr row) { return x(i, row) * x(i, row); });
  Func scale(unique("norm_scale"));
  scale(m) = 1.f / sqrt(squares(m) / count + eps);
  algorithm.rowStages.push_back({scale, m, 0});
  const Tensor weight = op.getWeight() ? get(op.getWeight()) : Tensor{};
  const Tensor shape = input;
  result(*op, [=](const Index &index) {
    const Expr row = rowOf(shape, index), column = index.dims.back();
    const Expr y = x(column, row) * scale(row);
    return weight.at ? y * weight.at({{column}, 0}) : y;
  });
}

void OpTranslator::l2Norm(attn::L2NormOp op) {
  const Tensor input = get(op.getInput());
  const int extent = staticExtent(input.extents.back());
  const float eps = static_cast<float>(op.getEps().convertToDouble());
  const Var &m = algorithm.vars.m;
  Func x = materialise(input, "norm_input");
  Func squares = sumRows("norm_squares", extent, [=](Expr i, Expr row) { return x(i, row) * x(i, row); });
  Func length(unique("norm_length"));
  const Expr root = sqrt(squares(m));
  length(m) = select(root < eps, eps, root);
  algorithm.rowStages.push_back({length, m, 0});
  const Tensor shape = input;
  result(*op, [=](const Index &index) {
    const Expr row = rowOf(shape, index);
    return x(index.dims.back(), row) / length(row);
  });
}

void OpTranslator::rotary(attn::RotaryOp op) {
  const Tensor input = get(op.getInput()), cos = get(op.getCos()), sin = get(op.getSin());
  const int half = staticExtent(input.extents.back()) / 2;
  const bool interleaved = op.getInterleaved();
  const int distance = interleaved ? 1 : half;
  result(*op, [=](const Index &index) {
    const Expr column = index.dims.back(), position = index.dims[index.dims.size() - 2];
    const Expr isFirst = interleaved ? column % 2 == 0 : column < half;
    // Clamped: the range of a difference is not seen to be that of the columns.
    const Expr pair = interleaved ? column / 2 : clamp(select(isFirst, column, column - half), 0, half - 1);
    Index other{index.dims, index.row};
    other.dims.back() = clamp(select(isFirst, column + distance, column - distance), 0, 2 * half - 1);
    const Expr partner = input.at(other);
    return input.at(index) * cos.at({{position, pair}, position}) +
           select(isFirst, -partner, partner) * sin.at({{position, pair}, position});
  });
}

void OpTranslator::pool(attn::PoolOp op) {
  const Tensor input = get(op.getInput());
  const int positions = staticExtent(input.extents[input.rank() - 2]);
  const int columns = staticExtent(input.extents.back());
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  const Tensor blocked = op.getBlocked() ? get(op.getBlocked()) : Tensor{};
  auto isLive = [=](const Expr &position, const Expr &row) -> Expr {
    return blocked.at ? !blocked.at(indexOfRow(blocked, row, position)) : Internal::const_true();
  };
  if (op.getKind() == attn::PoolKind::cls) {
    Tensor shape{extentsOf(op.getType()), Float(32), nullptr};
    result(*op, [=](const Index &index) {
      return input.at(indexOfRow(input, rowOf(shape, index) * positions, index.dims.back()));
    });
    return;
  }
  RDom position(0, positions, "position");
  const Expr element = input.at(indexOfRow(input, m * positions + position, n));
  const Expr live = isLive(position, m);
  Func pooled(unique("pooled")), count(unique("pooled_count"));
  if (blocked.at) {
    count(m) = 0.f;
    count(m) += select(live, 1.f, 0.f);
  } else { // A sum of ones that does not mention the position would be one addition.
    count(m) = static_cast<float>(positions);
  }
  algorithm.rowStages.push_back({count, m, 0});
  if (op.getKind() == attn::PoolKind::mean) {
    pooled(n, m) = 0.f;
    pooled(n, m) += select(live, element, 0.f);
  } else {
    pooled(n, m) = -kInfinity;
    // NaN in a live position stays: nothing compares greater than it.
    pooled(n, m) = select(live && (isNan(element) || element > pooled(n, m)), element, pooled(n, m));
  }
  algorithm.rowStages.push_back({pooled, n, columns});
  const bool mean = op.getKind() == attn::PoolKind::mean;
  Tensor shape{extentsOf(op.getType()), Float(32), nullptr};
  result(*op, [=](const Index &index) {
    const Expr row = rowOf(shape, index), value = pooled(index.dims.back(), row);
    return select(count(row) == 0.f, 0.f, mean ? value / count(row) : value);
  });
}

/// Both operands are activations: the rows of lhs times a matrix that other rows share.
void OpTranslator::matmul(attn::MatmulOp op) {
  const Tensor lhs = get(op.getLhs()), rhs = get(op.getRhs());
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  _halide_user_assert(op.getPrecision() == attn::Precision::f32)
      << "attnc: a matmul of two computed values has the precision f32 alone";
  const int depth = staticExtent(lhs.extents.back());
  const bool transposed = op.getTransposeRhs();
  Tensor shape{extentsOf(op.getType()), Float(32), nullptr};
  RDom k(0, depth, "depth");
  Index rhsIndex;
  if (rhs.rank() > 2) {
    rhsIndex = indexOfRow(shape, m, n);
    rhsIndex.row = Expr();
  } else {
    rhsIndex.dims.resize(2);
  }
  rhsIndex.dims[rhs.rank() - 2] = transposed ? Expr(n) : Expr(k);
  rhsIndex.dims[rhs.rank() - 1] = transposed ? Expr(k) : Expr(n);
  Func product(unique("product"));
  product(n, m) = 0.f;
  product(n, m) += lhs.at(indexOfRow(lhs, m, k)) * rhs.at(rhsIndex);
  algorithm.rowStages.push_back({product, n, staticExtent(shape.extents.back())});
  fromRows(*op, product);
}

void OpTranslator::additiveScore(attn::AdditiveScoreOp op) {
  const Tensor query = get(op.getQuery()), key = get(op.getKey()), weight = get(op.getWeight());
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  const Tensor shape{extentsOf(op.getType()), Float(32), nullptr};
  RDom k(0, staticExtent(query.extents.back()), "depth");
  Index keyIndex = indexOfRow(shape, m, n);
  keyIndex.row = Expr();
  keyIndex.dims[key.rank() - 2] = n;
  keyIndex.dims[key.rank() - 1] = k;
  Func score(unique("additive_score"));
  score(n, m) = 0.f;
  score(n, m) += weight.at({{k}, 0}) * tanhOf(query.at(indexOfRow(query, m, k)) + key.at(keyIndex));
  algorithm.rowStages.push_back({score, n, staticExtent(shape.extents.back())});
  fromRows(*op, score);
}

void OpTranslator::mean(attn::MeanOp op) {
  const Tensor input = get(op.getInput());
  const size_t axis = op.getAxis();
  const int extent = staticExtent(input.extents[axis]);
  const float count = static_cast<float>(extent);
  const Tensor shape{extentsOf(op.getType()), Float(32), nullptr};
  if (axis + 1 == input.rank()) {
    // One sum for each row of the input, which are the elements of the result.
    Func total = sumRows("mean_sum", extent,
                         [=](const Expr &i, const Expr &row) { return input.at(indexOfRow(input, row, i)); });
    result(*op, [=](const Index &index) { return total(elementNumber(shape, index)) / count; });
    return;
  }
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  RDom along(0, extent, "along");
  Index place = indexOfRow(shape, m, n);
  place.row = Expr();
  place.dims.insert(place.dims.begin() + static_cast<long>(axis), Expr(along));
  Func total(unique("mean_sum"));
  total(n, m) = 0.f;
  total(n, m) += input.at(place);
  algorithm.rowStages.push_back({total, n, staticExtent(shape.extents.back())});
  result(*op, [=](const Index &index) -> Expr { return total(index.dims.back(), rowOf(shape, index)) / count; });
}

bool OpTranslator::translateRows(mlir::Operation &op) {
  return llvm::TypeSwitch<mlir::Operation *, bool>(&op)
      .Case([&](attn::SoftmaxOp typed) { return softmax(typed), true; })
      .Case([&](attn::LogSumExpOp typed) { return logSumExp(typed), true; })
      .Case([&](attn::LayerNormOp typed) { return layerNorm(typed), true; })
      .Case([&](attn::RMSNormOp typed) { return rmsNorm(typed), true; })
      .Case([&](attn::L2NormOp typed) { return l2Norm(typed), true; })
      .Case([&](attn::RotaryOp typed) { return rotary(typed), true; })
      .Case([&](attn::MeanOp typed) { return mean(typed), true; })
      .Case([&](attn::PoolOp typed) { return pool(typed), true; })
      .Case([&](attn::MatmulOp typed) { return matmul(typed), true; })
      .Case([&](attn::AdditiveScoreOp typed) { return additiveScore(typed), true; })
      .Case([&](attn::EmbeddingOp embedding) {
        const Tensor table = get(embedding.getTable()), indices = get(embedding.getIndices());
        const int rows = staticExtent(table.extents[0]);
        result(op, [=](const Index &index) {
          const Expr column = index.dims.back();
          Index own{{index.dims.begin(), index.dims.end() - 1}, {}};
          // attnc_run() has checked the range; the clamp keeps a racing caller's change inside the table.
          const Expr id = cast<int32_t>(clamp(indices.at(own), cast(indices.type, 0), cast(indices.type, rows - 1)));
          return table.at({{id, column}, id});
        });
        return true;
      })
      .Default(false);
}

} // namespace attnc
