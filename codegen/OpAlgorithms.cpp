// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/OpAlgorithms.h"

#include "codegen/DotAlgorithm.h"
#include "codegen/PanelColumn.h"
#include "codegen/ScalarMath.h"
#include "codegen/ScoreRegion.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace Halide;

namespace attnc {

namespace {

const float kInfinity = std::numeric_limits<float>::infinity();

Type halideType(mlir::Type element) {
  if (element.isF32())
    return Float(32);
  if (element.isInteger(1))
    return UInt(8); // One byte, 0 or not 0.
  return Int(static_cast<int>(element.getIntOrFloatBitWidth()));
}

} // namespace

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

Expr weightOfScore(attn::Normalizer kind, const Expr &score) {
  if (kind == attn::Normalizer::relu)
    return activationOf(attn::ActivationKind::relu, score);
  if (kind == attn::Normalizer::sigmoid)
    return sigmoidOf(score);
  return select(score == -kInfinity, 0.f, score);
}

OpTranslator::OpTranslator(mlir::func::FuncOp kernel, Algorithm &algorithm) : algorithm(algorithm) {
  const mlir::FunctionType signature = kernel.getFunctionType();
  for (mlir::Type type : llvm::concat<const mlir::Type>(signature.getInputs(), signature.getResults())) {
    const auto tensor = mlir::cast<mlir::RankedTensorType>(type);
    algorithm.usesBatch |= !tensor.hasStaticShape();
    algorithm.usesTokens |= !attn::hasAllRows(tensor);
  }
  if (algorithm.usesBatch)
    algorithm.arguments.push_back(batch);
  if (algorithm.usesTokens)
    algorithm.arguments.push_back(tokens);
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
  if (!attn::hasAllRows(mlir::cast<mlir::RankedTensorType>(type)))
    extents[0] = tokens, extents[1] = 1;
  return extents;
}

std::string argumentName(mlir::BlockArgument operand) { return "arg" + std::to_string(operand.getArgNumber()); }

Tensor OpTranslator::argument(mlir::BlockArgument operand) {
  auto type = mlir::cast<mlir::RankedTensorType>(operand.getType());
  Tensor tensor{extentsOf(type), halideType(type.getElementType()), nullptr};
  const std::string name = argumentName(operand);
  auto panels = mlir::dyn_cast_if_present<attn::PanelsAttr>(type.getEncoding());
  if (panels && panels.getPrecision() != attn::Precision::f32) {
    defineRoundedPanels(type, name, algorithm);
    return tensor;
  }
  if (panels) {
    const int width = static_cast<int>(panels.getWidth()), depth = static_cast<int>(type.getDimSize(1));
    const int count = static_cast<int>((type.getDimSize(0) + width - 1) / width);
    ImageParam param(tensor.type, 3, name);
    param.dim(0).set_bounds(0, width).set_stride(1);
    param.dim(1).set_bounds(0, depth).set_stride(width);
    param.dim(2).set_bounds(0, count).set_stride(width * depth);
    param.set_host_alignment(64);
    tensor.at = [=](const Index &index) {
      const PanelColumn place = panelColumnOf(index.dims[0], width, count);
      return Expr(param(place.column, index.dims[1], place.panel));
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
        const float fill = mask.getFill().convertToFloat();
        result(op, [=](const Index &i) { return select(broadcastAt(blocked, input.extents, i), fill, input.at(i)); });
        return true;
      })
      .Case([&](attn::PaddingMaskOp padding) {
        const Tensor lengths = get(padding.getLengths());
        result(op, [=](const Index &i) { return i.dims[1] >= lengths.at({{i.dims[0]}, {}}); });
        return true;
      })
      .Case([&](attn::ScoreWeightsOp weights) {
        const Tensor scores = get(weights.getScores());
        const attn::Normalizer kind = weights.getKind();
        const float factor = weights.getFactor().convertToFloat();
        result(op, [=](const Index &i) { return weightOfScore(kind, scores.at(i)) * factor; });
        return true;
      })
      .Case([&](attn::ModifyScoresOp modify) { return modifyScores(modify), true; })
      .Default(false);
}

void OpTranslator::modifyScores(attn::ModifyScoresOp op) {
  const Tensor scores = get(op.getScores());
  std::vector<Tensor> captures;
  for (mlir::Value capture : op.getCaptures())
    captures.push_back(get(capture));
  mlir::Block *region = &op.getScore().front();
  result(*op, [=](const Index &index) {
    const std::vector<Expr> &at = index.dims;
    const size_t rank = at.size();
    const ScorePosition position{rank == 4 ? at[0] : Expr(0), at[rank - 3], at[rank - 2], at[rank - 1]};
    const Score score = evaluateScore(*region, scores.at(index), position, captures);
    const Expr value = score.factor == 1.0 ? score.value : score.value * static_cast<float>(score.factor);
    return select(score.live, value, -kInfinity);
  });
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
  const bool sameRows =
      input.rank() && shape.rank() && Internal::graph_equal(input.extents.back(), shape.extents.back());
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

void OpTranslator::packRows(attn::PackRowsOp op) {
  const Tensor input = get(op.getInput()), rows = get(op.getRows());
  const Tensor shape{extentsOf(op.getType()), input.type, nullptr};
  const Expr size = input.extents[1], last = input.extents[0] * size - 1;
  result(*op, [=](const Index &index) {
    const Expr token = index.dims[0];
    // Of rows past the last one nobody wrote the place.
    const Expr row = clamp(rows.at({{token, 0}, token}), 0, last);
    Index source{index.dims, input.rank() == 3 ? row : Expr()};
    source.dims[0] = row / size, source.dims[1] = row % size;
    return input.at(source);
  });
}

void OpTranslator::unpackRows(attn::UnpackRowsOp op, bool existingOnly) {
  const Tensor input = get(op.getInput()), spans = get(op.getSpans());
  const std::vector<Expr> all = extentsOf(op.getType());
  const Expr last = all[0] * all[1] - 1;
  result(*op, [=](const Index &index) -> Expr {
    const Expr b = index.dims[0], s = index.dims[1];
    const Expr exists = s < spans.at({{b, 1}, {}});
    const Expr place = spans.at({{b, 0}, {}}) + (existingOnly ? s : select(exists, s, 0));
    // The first row of a sequence without tokens may lie behind all rows, but never behind the memory for them.
    const Expr row = unsafe_promise_clamped(place, 0, last);
    Index source{index.dims, input.rank() == 3 ? row : Expr()};
    source.dims[0] = row, source.dims[1] = 0;
    const Expr element = input.at(source);
    return existingOnly ? element : select(exists, element, cast(element.type(), 0));
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
      .Case([&](attn::BroadcastOp broadcast) {
        const Tensor input = get(broadcast.getInput());
        const auto extents = extentsOf(broadcast.getType());
        result(op, [=](const Index &index) { return broadcastAt(input, extents, index); });
        return true;
      })
      .Case([&](attn::ReshapeOp typed) { return reshape(typed), true; })
      .Case([&](attn::ConcatOp typed) { return concat(typed), true; })
      .Case([&](attn::PackRowsOp typed) { return packRows(typed), true; })
      .Case([&](attn::UnpackRowsOp typed) { return unpackRows(typed, false), true; })
      .Default(false);
}

} // namespace attnc
