// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/DotAlgorithm.h"

#include "codegen/MixNeighbours.h"
#include "codegen/PanelColumn.h"
#include "ir/Rotation.h"

#include <limits>

using namespace Halide;

namespace attnc {

namespace {

constexpr int kColumnWords = 2; ///< Behind an int8 panel: scale and offset of each column.

/// The element that a panel is read in.
Type elementOf(DotKind dot) {
  switch (dot) {
  case DotKind::Bf16:
    return BFloat(16);
  case DotKind::Bf16Widened:
    return UInt(32);
  case DotKind::Int8:
    return Int(8);
  case DotKind::Int8Widened:
    return Int(16);
  case DotKind::F32:
    return Float(32);
  }
  return {};
}

Expr uint32(uint32_t value) { return Expr(value); }

/// The nearest bfloat16 in the upper half of 32 bits, ties to even; NaN stays NaN, quiet.
Expr bfloatBits(const Expr &value) {
  const Expr bits = reinterpret<uint32_t>(value);
  const Expr nearest = bits + (uint32(0x7FFF) + ((bits >> 16) & uint32(1)));
  const Expr isNaN = (bits & uint32(0x7FFFFFFF)) > uint32(0x7F800000);
  return select(isNaN, bits | uint32(0x00400000), nearest) & uint32(0xFFFF0000);
}

class DotTranslator {
public:
  DotTranslator(attn::MatmulOp op, OpTranslator &translator, Algorithm &algorithm)
      : op(op), translator(translator), algorithm(algorithm), stages(algorithm.matmul),
        lhs(translator.get(op.getLhs())) {
    const auto panels = mlir::cast<attn::PanelsAttr>(op.getRhs().getType().getEncoding());
    stages.depth = staticExtent(lhs.extents.back());
    if (op.getBalance())
      balance = translator.get(op.getBalance());
    if (const auto argument = mlir::dyn_cast<mlir::BlockArgument>(op.getLhs()))
      stages.lhs = argumentName(argument);
    step = static_cast<int>(panels.getStep());
    steps = static_cast<int>(panels.stepsOf(stages.depth));
    width = static_cast<int>(panels.getWidth());
    count = static_cast<int>((op.getRhs().getType().getDimSize(0) + width - 1) / width);
    const auto kernel = op->getParentOfType<mlir::func::FuncOp>();
    tileCols = static_cast<int>(kernel->getAttrOfType<attn::MatmulScheduleAttr>("attn.schedule").getTileCols());
  }

  void translate() {
    stages.accumulator = Func("accumulator");
    switch (stages.dot) {
    case DotKind::Bf16:
      return bf16();
    case DotKind::Bf16Widened:
      return bf16Widened();
    case DotKind::Int8:
      return int8();
    case DotKind::Int8Widened:
      return int8Widened();
    case DotKind::F32:
      return;
    }
  }

private:
  /// Element `part` of step `at` of column n. Where a panel is several column tiles, the tile is told apart from the
  /// column in it: Halide sees that a vector of columns lies side by side only where it begins at a multiple of what
  /// divides it, and would gather its elements one by one.
  Expr weight(const Expr &part, const Expr &at) {
    const int tile = std::min(tileCols, width), tiles = width / tile;
    const Expr column = n / tile % tiles * tile + n % tile;
    return stages.panels(part, column, at, panelColumnOf(n, width, count).panel);
  }

  /// Element k of row m of lhs; rows past the last one repeat it, as in every matmul.
  Expr element(const Expr &k, const Expr &row) const { return lhs.at(indexOfRow(lhs, min(row, rowCount(lhs) - 1), k)); }

  /// operand(x, m) = value(element(x)); what a last step lacks is 0.
  template <typename Value> void defineOperand(Type type, const Value &value) {
    stages.operand = Func("operand");
    if (stages.depth % step == 0) {
      stages.operand(k, m) = value(element(k, m));
      return;
    }
    RDom inside(0, stages.depth, "inside");
    stages.operand(k, m) = cast(type, 0);
    stages.operand(inside, m) = value(element(inside, m));
  }

  void bf16() {
    defineOperand(BFloat(16),
                  [](const Expr &x) { return reinterpret(BFloat(16), cast<uint16_t>(bfloatBits(x) >> 16)); });
    RDom pairs(0, 2, 0, steps, "pairs");
    stages.pair = pairs.x, stages.k = pairs.y;
    stages.accumulator(n, m) = 0.f;
    stages.accumulator(n, m) +=
        cast<float>(stages.operand(pairs.y * 2 + pairs.x, m)) * cast<float>(weight(pairs.x, pairs.y));
    setResult([](const Expr &sum, const Expr &, const Expr &) { return sum; });
  }

  void bf16Widened() {
    defineOperand(Float(32), [](const Expr &x) { return reinterpret<float>(bfloatBits(x)); });
    RDom s(0, steps, "step");
    stages.k = s;
    const Expr words = weight(0, s);
    stages.accumulator(n, m) = 0.f;
    // Two links of one chain over k.
    stages.accumulator(n, m) = stages.accumulator(n, m) + stages.operand(s * 2, m) * reinterpret<float>(words << 16) +
                               stages.operand(s * 2 + 1, m) * reinterpret<float>(words & uint32(0xFFFF0000));
    setResult([](const Expr &sum, const Expr &, const Expr &) { return sum; });
  }

  /// Element k of row m of lhs, times the matmul's balance where it has one.
  Expr balanced(const Expr &at, const Expr &row) const {
    return balance.at ? element(at, row) * balance.at({{at}, {}}) : element(at, row);
  }

  /// Element k of row m of lhs, balanced and rotated.
  Expr rotated(const Expr &k, const Expr &row) const {
    return stages.rotation.func.defined() ? stages.rotation.func(k, row) : balanced(k, row);
  }

  /// ir/Rotation.h of each row of lhs.
  void defineRotation() {
    const Rotation rotation = rotationOf(stages.depth);
    if (rotation.order() == 1)
      return;
    const int wide = static_cast<int>(rotation.wide), partExtent = stages.depth / wide;
    std::vector<Expr> values;
    for (int part = 0; part < wide; ++part)
      values.push_back(balanced(k % partExtent + part * partExtent, m));
    multiplyByHadamard(values, wide);
    for (Expr &value : values)
      value = mixNeighbours(value, static_cast<int>(rotation.narrow));
    Func func("rotated");
    func(k, m) = wide == 1 ? values.front() : mux(k / partExtent, values);
    stages.rotation = {func, partExtent};
  }

  /// The scale of each rotated row of lhs and its inverse.
  void defineScales() {
    defineRotation();
    const size_t before = algorithm.rowStages.size();
    stages.magnitude = translator.maximumOfRows("magnitude", stages.depth, [this](const Expr &at, const Expr &row) {
      // In the order of the magnitudes, NaN above infinity.
      return reinterpret<int32_t>(rotated(at, row)) & 0x7FFFFFFF;
    });
    inverse = Func("inverse");
    stages.rangeStages.assign(algorithm.rowStages.begin() + static_cast<long>(before), algorithm.rowStages.end());
    stages.rangeStages.push_back({inverse, m, 0});
    algorithm.rowStages.resize(before);
    const Expr bits = stages.magnitude(m), largest = reinterpret<float>(bits);
    const Expr isFinite = bits < 0x7F800000, isZero = bits < 0x0D800000; // Infinity and 2^-100.
    inverse(m) = select(isFinite && !isZero, 127.f / largest, 0.f);
    stages.scale = Func("scale");
    stages.scale(m) = select(isFinite, select(isZero, 0.f, largest / 127.f), std::numeric_limits<float>::quiet_NaN());
  }

  /// The integer nearest to element k of a rotated row over its scale, in the low bits of 32: one fma rounds the
  /// product to a multiple of 1. Where a last step has more k than the row, weights are 0.
  Expr quantized(const Expr &at) {
    const Expr inside = stages.depth % step ? min(at, stages.depth - 1) : at;
    return reinterpret<uint32_t>(rotated(inside, m) * inverse(m) + 0x1.8p23f);
  }

  void int8() {
    defineScales();
    // The instruction takes u8 x s8: 128 more in lhs, and 128 times the column's sum less in the accumulator.
    stages.operand = Func("operand");
    stages.operand(k, m) = cast<uint8_t>(quantized(k) ^ uint32(0x80));
    RDom quads(0, 4, 0, steps, "quads");
    stages.pair = quads.x, stages.k = quads.y;
    const PanelColumn place = panelColumnOf(n, width, count);
    stages.accumulator(n, m) = stages.columns(place.column, 1, place.panel);
    stages.accumulator(n, m) +=
        cast<int32_t>(stages.operand(quads.y * 4 + quads.x, m)) * cast<int32_t>(weight(quads.x, quads.y));
    setScaledResult();
  }

  /// Bytes 0 and 2 of a step, then 1 and 3: what shifts make of two 16-bit integers. lhs lies in the same order.
  void int8Widened() {
    defineScales();
    stages.operand = Func("operand");
    stages.operand(k, m) = cast<int16_t>(quantized(k / 4 * 4 + k % 2 * 2 + k / 2 % 2));
    RDom quads(0, 2, 0, 2, 0, steps, "quads");
    stages.pair = quads.x, stages.parity = quads.y, stages.k = quads.z;
    const Expr bytes = weight(quads.x, quads.z);
    stages.accumulator(n, m) = 0;
    stages.accumulator(n, m) += cast<int32_t>(stages.operand(quads.z * 4 + quads.y * 2 + quads.x, m)) *
                                cast<int32_t>(select(quads.y == 0, (bytes << 8) >> 8, bytes >> 8));
    setScaledResult();
  }

  void setScaledResult() {
    const ImageParam columns = stages.columns;
    const Func ofRow = stages.scale;
    const int panel = width, panels = count;
    setResult([=](const Expr &sum, const Expr &column, const Expr &row) -> Expr {
      const PanelColumn place = panelColumnOf(column, panel, panels);
      const Expr ofColumn = reinterpret<float>(columns(place.column, 0, place.panel));
      return cast<float>(sum) * (ofRow(row) * ofColumn);
    });
  }

  template <typename Finish> void setResult(const Finish &finish) {
    Tensor product{translator.extentsOf(op.getType()), Float(32), nullptr};
    const Tensor shape = product;
    const Func accumulator = stages.accumulator;
    product.at = [=](const Index &index) -> Expr {
      const Expr column = index.dims.back(), row = rowOf(shape, index);
      return finish(accumulator(column, row), column, row);
    };
    translator.set(op.getResult(), product);
  }

  attn::MatmulOp op;
  OpTranslator &translator;
  Algorithm &algorithm;
  MatmulStages &stages;
  const Tensor lhs;
  Tensor balance; ///< No element function: there is none.
  const Var n = algorithm.vars.n, m = algorithm.vars.m, k = algorithm.vars.k;
  int step = 1, steps = 0, width = 1, count = 1, tileCols = 1;
  Func inverse; ///< int8: of each row's scale.
};

/// Turns every value of a function into strict arithmetic.
class Strict : public Internal::IRMutator {
public:
  using IRMutator::mutate;
  Expr mutate(const Expr &value) override { return strict_float(value); }
};

} // namespace

void defineRoundedPanels(mlir::RankedTensorType weight, const std::string &name, Algorithm &algorithm) {
  const auto panels = mlir::cast<attn::PanelsAttr>(weight.getEncoding());
  const int64_t depth = weight.getDimSize(1);
  const int width = static_cast<int>(panels.getWidth()), steps = static_cast<int>(panels.stepsOf(depth));
  const int count = static_cast<int>((weight.getDimSize(0) + width - 1) / width);
  const int panelBytes = static_cast<int>(*panels.panelBytes(depth));
  const Type element = elementOf(algorithm.matmul.dot);
  const int parts = 4 / element.bytes();
  ImageParam param(element, 4, name);
  param.dim(0).set_bounds(0, parts).set_stride(1);
  param.dim(1).set_bounds(0, width).set_stride(parts);
  param.dim(2).set_bounds(0, steps).set_stride(parts * width);
  param.dim(3).set_bounds(0, count).set_stride(panelBytes / element.bytes());
  param.set_host_alignment(64);
  algorithm.matmul.panels = param;
  algorithm.matmul.weight = name;
  algorithm.matmul.panel = width;
  algorithm.matmul.panelSize = panelBytes / element.bytes();
  algorithm.arguments.push_back(param);
  if (panels.getPrecision() != attn::Precision::int8)
    return;
  ImageParam columns(Int(32), 3, name + "_columns");
  columns.dim(0).set_bounds(0, width).set_stride(1);
  columns.dim(1).set_bounds(0, kColumnWords).set_stride(width);
  columns.dim(2).set_bounds(0, count).set_stride(panelBytes / 4);
  columns.set_host_alignment(64);
  algorithm.matmul.columns = columns;
}

void translateDot(attn::MatmulOp op, OpTranslator &translator, Algorithm &algorithm) {
  DotTranslator(op, translator, algorithm).translate();
}

void makeStrictButAccumulator(Algorithm &algorithm) {
  Strict strict;
  for (auto &[name, function] : Internal::find_transitive_calls(algorithm.output.function()))
    if (name != algorithm.matmul.accumulator.name())
      Internal::Function(function).mutate(&strict);
}

} // namespace attnc
