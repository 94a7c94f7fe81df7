// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

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
Expr fullyMaskedValue(attn::FullyMasked policy) { return policy == attn::FullyMasked::zero ? Expr(0.f) : Expr(kNaN); }

Type halideType(mlir::Type element) {
  if (element.isF32())
    return Float(32);
  if (element.isInteger(1))
    return UInt(8); // One byte, 0 or not 0.
  return Int(static_cast<int>(element.getIntOrFloatBitWidth()));
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

Expr activationOf(attn::ActivationKind kind, const Expr &x) {
  switch (kind) {
  case attn::ActivationKind::relu:
    return select(x < 0.f, 0.f, x); // NaN stays NaN, as in torch.
  case attn::ActivationKind::gelu:
    return geluOf(x);
  case attn::ActivationKind::gelu_tanh:
    return geluTanhOf(x);
  case attn::ActivationKind::silu:
    return x * sigmoidOf(x);
  case attn::ActivationKind::tanh:
    return tanhOf(x);
  case attn::ActivationKind::sigmoid:
    return sigmoidOf(x);
  }
  return x;
}

OpTranslator::OpTranslator(mlir::func::FuncOp kernel, Algorithm &algorithm) : algorithm(algorithm) {
  for (mlir::Type type : kernel.getFunctionType().getInputs())
    algorithm.usesBatch |= !mlir::cast<mlir::RankedTensorType>(type).hasStaticShape();
  if (algorithm.usesBatch)
    algorithm.arguments.push_back(batch);
  for (mlir::BlockArgument operand : kernel.getArguments())
    tensors[operand] = argument(operand);
}

const Tensor &OpTranslator::get(mlir::Value value) const {
  auto it = tensors.find(value);
  _halide_user_assert(it != tensors.end()) << "attnc: a kernel reads a value that it does not compute";
  return it->second;
}

std::vector<Expr> OpTranslator::extentsOf(mlir::Type type) {
  std::vector<Expr> extents;
  for (int64_t extent : mlir::cast<mlir::RankedTensorType>(type).getShape())
    extents.push_back(mlir::ShapedType::isDynamic(extent) ? Expr(batch) : Expr(static_cast<int32_t>(extent)));
  return extents;
}

Tensor OpTranslator::argument(mlir::BlockArgument operand) {
  auto type = mlir::cast<mlir::RankedTensorType>(operand.getType());
  Tensor tensor{extentsOf(type), halideType(type.getElementType()), nullptr};
  const std::string name = "arg" + std::to_string(operand.getArgNumber());
  if (auto panels = mlir::dyn_cast_if_present<attn::PanelsAttr>(type.getEncoding())) {
    const int width = static_cast<int>(panels.getWidth()), depth = static_cast<int>(type.getDimSize(1));
    const int count = static_cast<int>((type.getDimSize(0) + width - 1) / width);
    ImageParam param(tensor.type, 3, name);
    param.dim(0).set_bounds(0, width).set_stride(1);
    param.dim(1).set_bounds(0, depth).set_stride(width);
    param.dim(2).set_bounds(0, count).set_stride(width * depth);
    param.set_host_alignment(64);
    tensor.at = [=](const Index &index) {
      const Expr &row = index.dims[0];
      return Expr(param(row % width, index.dims[1], row / width));
    };
    algorithm.arguments.push_back(param);
    return tensor;
  }
  const Expr columns = tensor.rank() ? tensor.extents.back() : Expr(1);
  ImageParam param(tensor.type, 2, name);
  param.dim(0).set_bounds(0, columns).set_stride(1);
  param.dim(1).set_bounds(0, rowCount(tensor)).set_stride(columns);
  algorithm.arguments.push_back(param);
  const bool isMask = type.getElementType().isInteger(1);
  const Tensor shape = tensor;
  tensor.at = [=](const Index &index) {
    Expr element = param(index.dims.empty() ? Expr(0) : index.dims.back(), rowOf(shape, index));
    return isMask ? Expr(element != 0) : element;
  };
  return tensor;
}

Tensor OpTranslator::result(mlir::Operation &op, std::function<Expr(const Index &)> at) {
  auto type = mlir::cast<mlir::RankedTensorType>(op.getResult(0).getType());
  Tensor tensor{extentsOf(type), halideType(type.getElementType()), std::move(at)};
  tensors[op.getResult(0)] = tensor;
  return tensor;
}

Tensor OpTranslator::fromRows(mlir::Operation &op, Func func) {
  Tensor shape{extentsOf(op.getResult(0).getType()), Float(32), nullptr};
  return result(op, [=](const Index &index) -> Expr { return func(index.dims.back(), rowOf(shape, index)); });
}

Func OpTranslator::materialise(const Tensor &tensor, const std::string &name) {
  const auto &[n, m] = std::tie(algorithm.vars.n, algorithm.vars.m);
  Func rows(unique(name));
  rows(n, m) = tensor.at(indexOfRow(tensor, m, n));
  algorithm.rowStages.push_back({rows, n, staticExtent(tensor.extents.back())});
  return rows;
}

Func OpTranslator::reduceRows(const std::string &name, int extent, const Expr &identity,
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
  Func last = partial;
  if (lanes > 16) {
    Func folded(unique(name + "_folded"));
    std::vector<Expr> parts;
    for (int i = 0; i < lanes; i += 16)
      parts.push_back(partial(l + i, m));
    folded(l, m) = combineTree(parts, combine);
    algorithm.rowStages.push_back({folded, l, 16});
    last = folded;
  }
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
  return reduceRows(name, extent, -kInfinity, [](Expr a, Expr b) { return select(b > a, b, a); }, value);
}

bool OpTranslator::translate(mlir::Operation &op) {
  return translateElementwise(op) || translateShape(op) || translateRows(op);
}

bool OpTranslator::translateElementwise(mlir::Operation &op) {
  auto binary = [&](auto typed, auto combine) {
    const Tensor lhs = get(typed.getLhs()), rhs = get(typed.getRhs());
    const auto extents = extentsOf(typed.getType());
    result(op, [=](const Index &i) { return combine(broadcastAt(lhs, extents, i), broadcastAt(rhs, extents, i)); });
    return true;
  };
  return llvm::TypeSwitch<mlir::Operation *, bool>(&op)
      .Case([&](attn::AddOp add) { return binary(add, [](Expr a, Expr b) { return a + b; }); })
      .Case([&](attn::SubOp sub) { return binary(sub, [](Expr a, Expr b) { return a - b; }); })
      .Case([&](attn::MulOp mul) { return binary(mul, [](Expr a, Expr b) { return a * b; }); })
      .Case([&](attn::DivOp div) { return binary(div, [](Expr a, Expr b) { return a / b; }); })
      .Case([&](attn::ScaleOp scale) {
        const Tensor input = get(scale.getInput());
        const float factor = scale.getFactor().convertToFloat();
        result(op, [=](const Index &i) { return input.at(i) * factor; });
        return true;
      })
      .Case([&](attn::ActivationOp activation) {
        const Tensor input = get(activation.getInput());
        const attn::ActivationKind kind = activation.getKind();
        result(op, [=](const Index &i) { return activationOf(kind, input.at(i)); });
        return true;
      })
      .Case([&](attn::IsZeroOp isZero) {
        const Tensor input = get(isZero.getInput());
        result(op, [=](const Index &i) {
          Expr x = input.at(i);
          return x.type().is_bool() ? !x : x == cast(x.type(), 0);
        });
        return true;
      })
      .Case([&](attn::MaskOp mask) {
        const Tensor input = get(mask.getInput()), blocked = get(mask.getBlocked());
        result(op, [=](const Index &i) {
          return select(broadcastAt(blocked, input.extents, i), -kInfinity, input.at(i));
        });
        return true;
      })
      .Default(false);
}

void OpTranslator::concat(attn::ConcatOp op) {
  std::vector<Tensor> parts;
  for (mlir::Value part : op.getInputs())
    parts.push_back(get(part));
  const size_t axis = op.getAxis();
  result(*op, [=](const Index &index) {
    int start = 0;
    Expr chosen;
    for (const Tensor &part : parts) {
      const int extent = staticExtent(part.extents[axis]);
      Index own{index.dims, {}};
      // Clamped: every part is read, also where another one is chosen.
      own.dims[axis] = clamp(index.dims[axis] - start, 0, extent - 1);
      Expr element = part.at(own);
      chosen = chosen.defined() ? select(index.dims[axis] < start, chosen, element) : element;
      start += extent;
    }
    return chosen;
  });
}

void OpTranslator::reshape(attn::ReshapeOp op) {
  const Tensor input = get(op.getInput());
  Tensor shape{extentsOf(op.getType()), input.type, nullptr};
  const bool sameRows = input.rank() && shape.rank() &&
                        Internal::graph_equal(input.extents.back(), shape.extents.back());
  result(*op, [=](const Index &index) {
    if (sameRows)
      return input.at(indexOfRow(input, rowOf(shape, index), index.dims.back()));
    const Expr columns = shape.rank() ? shape.extents.back() : Expr(1);
    const Expr column = shape.rank() ? index.dims.back() : Expr(0);
    const Expr position = rowOf(shape, index) * columns + column;
    const Expr own = input.rank() ? input.extents.back() : Expr(1);
    return input.at(indexOfRow(input, position / own, position % own));
  });
}

bool OpTranslator::translateShape(mlir::Operation &op) {
  return llvm::TypeSwitch<mlir::Operation *, bool>(&op)
      .Case([&](attn::SplitHeadsOp split) {
        const Tensor input = get(split.getInput());
        const int headDim = staticExtent(input.extents.back()) / static_cast<int>(split.getHeads());
        result(op, [=](const Index &index) {
          Index own{index.dims, {}};
          const size_t rank = own.dims.size();
          const Expr head = own.dims[rank - 3], d = own.dims[rank - 1];
          own.dims.erase(own.dims.end() - 3);
          own.dims.back() = head * headDim + d;
          return input.at(own);
        });
        return true;
      })
      .Case([&](attn::MergeHeadsOp merge) {
        const Tensor input = get(merge.getInput());
        const int headDim = staticExtent(input.extents.back());
        result(op, [=](const Index &index) {
          Index own{index.dims, {}};
          const Expr column = own.dims.back();
          own.dims.back() = column % headDim;
          own.dims.insert(own.dims.end() - 2, column / headDim);
          return input.at(own);
        });
        return true;
      })
      .Case([&](attn::TransposeOp transpose) {
        const Tensor input = get(transpose.getInput());
        const std::vector<int64_t> permutation = transpose.getPermutation().vec();
        result(op, [=](const Index &index) {
          Index own{index.dims, {}};
          for (size_t i = 0; i < permutation.size(); ++i)
            own.dims[permutation[i]] = index.dims[i];
          return input.at(own);
        });
        return true;
      })
      .Case([&](attn::SliceOp slice) {
        const Tensor input = get(slice.getInput());
        const size_t axis = slice.getAxis();
        const int start = static_cast<int>(slice.getStart());
        result(op, [=](const Index &index) {
          Index own{index.dims, axis + 1 == index.dims.size() ? index.row : Expr()};
          own.dims[axis] = own.dims[axis] + start;
          return input.at(own);
        });
        return true;
      })
      .Case([&](attn::ReshapeOp typed) { return reshape(typed), true; })
      .Case([&](attn::ConcatOp typed) { return concat(typed), true; })
      .Default(false);
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
  // A row of -inf only has no maximum to subtract: 0 keeps -inf, whose exponential is 0.
  power(n, m) = expOfNonPositive(x(n, m) - select(maximum(m) == -kInfinity, 0.f, maximum(m)));
  algorithm.rowStages.push_back({power, n, extent});
  Func sum = sumRows("softmax_sum", extent, [=](Expr i, Expr row) { return power(i, row); });
  const Expr empty = fullyMaskedValue(op.getFullyMasked());
  Tensor shape = input;
  result(*op, [=](const Index &index) {
    const Expr row = rowOf(shape, index);
    return select(sum(row) == 0.f, empty, power(index.dims.back(), row) / sum(row));
  });
}

/// Along another axis than the last: the slice of each output element is reduced where the element is, column by column.
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
  maximum(n, m) = select(element > maximum(n, m), element, maximum(n, m));
  auto powerOf = [=](const Expr &x, const Expr &column, const Expr &row) {
    const Expr top = maximum(column, row);
    return expOfNonPositive(x - select(top == -kInfinity, 0.f, top));
  };
  sum(n, m) = 0.f;
  sum(n, m) += powerOf(element, n, m);
  algorithm.rowStages.push_back({maximum, n, columns});
  algorithm.rowStages.push_back({sum, n, columns});
  const Expr empty = fullyMaskedValue(op.getFullyMasked());
  const Tensor shape = input;
  result(*op, [=](const Index &index) {
    const Expr row = rowOf(shape, index), column = index.dims.back();
    return select(sum(column, row) == 0.f, empty, powerOf(input.at(index), column, row) / sum(column, row));
  });
}

void OpTranslator::layerNorm(attn::LayerNormOp op) {
  const Tensor input = get(op.getInput());
  const int extent = staticExtent(input.extents.back());
  const float count = static_cast<float>(extent), eps = static_cast<float>(op.getEps().convertToDouble());
  const Var &m = algorithm.vars.m;
  // Two passes over the row: subtracting the mean before squaring keeps the digits that sum(x^2) - mean^2 loses. The mean itself is
  // rounded to f32, which a row with a large mean would feel: `drift` is what it is off by, from the centred values.
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
  count(m) = 0.f;
  count(m) += select(live, 1.f, 0.f);
  algorithm.rowStages.push_back({count, m, 0});
  if (op.getKind() == attn::PoolKind::mean) {
    pooled(n, m) = 0.f;
    pooled(n, m) += select(live, element, 0.f);
  } else {
    pooled(n, m) = -kInfinity;
    // NaN in a live position stays: the comparison is false for it, so it is chosen, and later elements are not.
    pooled(n, m) = select(live && !(element <= pooled(n, m)) && pooled(n, m) == pooled(n, m), element, pooled(n, m));
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

bool OpTranslator::translateRows(mlir::Operation &op) {
  return llvm::TypeSwitch<mlir::Operation *, bool>(&op)
      .Case([&](attn::SoftmaxOp typed) { return softmax(typed), true; })
      .Case([&](attn::LayerNormOp typed) { return layerNorm(typed), true; })
      .Case([&](attn::RMSNormOp typed) { return rmsNorm(typed), true; })
      .Case([&](attn::L2NormOp typed) { return l2Norm(typed), true; })
      .Case([&](attn::PoolOp typed) { return pool(typed), true; })
      .Case([&](attn::MatmulOp typed) { return matmul(typed), true; })
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
