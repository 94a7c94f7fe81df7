// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Balance.h"

#include "ir/ReferenceValues.h"
#include "passes/Graph.h"
#include "passes/WeightLayout.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace attnc::attn;
using attnc::reference::Tensor;

namespace attnc {

namespace {

/// Rows that a norm is measured with. Of MiniLM's sentences, 1 - cosine is 1.9e-4 with 32, 64 and 512 random tokens.
constexpr int64_t fewestRows = 32;
/// Multiply-adds that are worth a balance, about two seconds: MiniLM takes 3.4e8 for 32 tokens, BERT-base 2.7e9. An
/// element that another op makes takes as long as 100 of them.
constexpr double mostProducts = 2e10, productsOfElement = 100;
/// The largest factor on either side of their geometric mean. A channel that random inputs leave near zero may be
/// another one for real inputs.
constexpr float largestFactor = 16;

/// As many f32 as every CPU that attnc runs on has a register for (GCC's and Clang's vector extension).
constexpr int64_t lanes = 4;
typedef float Lanes __attribute__((vector_size(lanes * sizeof(float))));

/// A matrix of f32, row-major.
struct Matrix {
  int64_t rows = 0, cols = 0;
  std::vector<float> values;
};

/// What moves or regroups the rows of its first operand and leaves each as it is.
bool keepsRows(Operation *op) {
  auto extentOf = [](Value value) { return tensorType(value).getShape().back(); };
  auto keepsLast = [&](Value input, Value result) {
    return tensorType(input).getRank() > 0 && tensorType(result).getRank() > 0 && extentOf(input) == extentOf(result);
  };
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<PackRowsOp, UnpackRowsOp>([](auto) { return true; })
      .Case([&](ReshapeOp reshape) { return keepsLast(reshape.getInput(), reshape.getResult()); })
      .Case([&](SliceOp slice) { return int64_t(slice.getAxis()) != tensorType(slice.getInput()).getRank() - 1; })
      .Case([&](TransposeOp transpose) {
        return transpose.getPermutation().back() == int64_t(transpose.getPermutation().size()) - 1;
      })
      .Default([](Operation *) { return false; });
}

/// The norm's weight parameter, for an op that is a norm with one.
StringRef weightOfNorm(Operation *op) {
  Value weight = llvm::TypeSwitch<Operation *, Value>(op)
                     .Case<LayerNormOp, RMSNormOp>([](auto norm) { return norm.getWeight(); })
                     .Default([](Operation *) { return Value(); });
  auto parameter = weight ? weight.getDefiningOp<WeightOp>() : WeightOp();
  return parameter ? parameter.getParameter() : StringRef();
}

/// Numbers that depend on nothing but how many came before.
class RandomNumbers {
public:
  uint32_t next() {
    state = state * 6364136223846793005 + 1442695040888963407;
    return state >> 32;
  }
  int64_t below(int64_t limit) { return static_cast<int64_t>(next() % static_cast<uint64_t>(limit)); }
  /// Of mean 0 and variance 1, nearly normal (Irwin and Hall).
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += next() * 0x1p-32;
    return sum;
  }

private:
  uint64_t state = 0x9E3779B97F4A7C15;
};

/// What an argument of integers or truth values is used for.
struct ArgumentUse {
  bool isPosition = false, isCompared = false;
  int64_t size = 0; ///< > 0: it holds lengths of at most so many tokens.
};

void collectUses(Value value, ArgumentUse &use) {
  for (Operation *user : value.getUsers()) {
    if (auto append = dyn_cast<AppendOp>(user))
      use.isPosition |= append.getPosition() == value;
    else if (auto mask = dyn_cast<PaddingMaskOp>(user))
      use.size = mask.getSize();
    else if (isa<IsZeroOp>(user))
      use.isCompared = true;
    else if (isa<ReshapeOp, SliceOp, BroadcastOp, TransposeOp>(user))
      collectUses(user->getResult(0), use);
  }
}

class Calibration {
public:
  Calibration(ModuleOp module, const ParameterReader &parameters, std::string &error)
      : module(module), parameters(parameters), error(error) {}

  FailureOr<DictionaryAttr> run() {
    SmallVector<func::FuncOp> models = modelFunctions(module);
    if (models.size() != 1)
      return fail("there is more than one model");
    function = models.front();
    block = &function.getBody().front();
    findNorms();
    if (norms.empty())
      return DictionaryAttr::get(module.getContext());
    chooseBatch();
    if (cost() > mostProducts)
      return fail("a run of it would take too long");
    values.emplace(batch);
    fillArguments();
    for (Operation &op : block->without_terminator()) {
      if (!lastNorm && failed(addEnergy(&op)))
        return failure();
      if (lastNorm && failed(visit(&op)))
        return failure();
      if (&op == lastNorm)
        lastNorm = nullptr;
    }
    return balances();
  }

private:
  /// What is known of a norm's channels: sums of squares.
  struct Channels {
    std::vector<double> rows, columns;
    int64_t count = 0; ///< Of rows.
  };

  LogicalResult fail(const Twine &reason) {
    error = reason.str();
    return failure();
  }

  static StringRef balancedBy(Operation *op) {
    auto matmul = dyn_cast<MatmulOp>(op);
    return matmul && hasWeightRhs(matmul) ? normBehind(matmul.getLhs()) : StringRef();
  }

  /// The norms that matmuls by weights read, and the last op that is to run.
  void findNorms() {
    for (Operation &op : block->without_terminator())
      if (StringRef name = balancedBy(&op); !name.empty())
        norms.try_emplace(name);
    for (Operation &op : block->without_terminator())
      if (norms.contains(weightOfNorm(&op)))
        lastNorm = &op;
  }

  int64_t elementsOf(Value value) const {
    int64_t count = 1;
    for (int64_t extent : tensorType(value).getShape())
      count *= ShapedType::isDynamic(extent) ? batch : extent;
    return count;
  }

  /// As many sequences as make enough rows.
  void chooseBatch() {
    auto most = module->getAttrOfType<IntegerAttr>("attn.max_batch");
    Value rows = lastNorm->getResult(0);
    const int64_t count =
        std::max<int64_t>(elementsOf(rows) / std::max<int64_t>(tensorType(rows).getShape().back(), 1), 1);
    batch = std::clamp<int64_t>((fewestRows + count - 1) / count, 1, most ? most.getInt() : 1);
  }

  /// Of the ops that are to run, in multiply-adds.
  double cost() const {
    double sum = 0;
    for (Operation *op = &block->front(); op != lastNorm; op = op->getNextNode()) {
      auto matmul = dyn_cast<MatmulOp>(op);
      const bool isFast = matmul && hasWeightRhs(matmul);
      for (Value result : op->getResults())
        if (!isWeight(result))
          sum += double(elementsOf(result)) * (isFast ? 1 : productsOfElement) *
                 (matmul ? matmul.getLhs().getType().getShape().back() / (isFast ? 1. : 8.) : 1.);
    }
    return sum;
  }

  void fillArguments() {
    for (BlockArgument argument : block->getArguments()) {
      Tensor tensor = values->zeros(argument);
      if (!function.getArgAttr(argument.getArgNumber(), kState))
        fill(argument, tensor);
      values->set(argument, std::move(tensor));
    }
  }

  /// Every token takes part: lengths are whole, and masks block nothing, whichever way round they are.
  void fill(BlockArgument argument, Tensor &tensor) {
    if (tensor.dtype == reference::DType::f32) {
      for (double &value : tensor.values)
        value = random.normal();
      return;
    }
    ArgumentUse use;
    collectUses(argument, use);
    auto limit = function.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), "attn.index_limit");
    for (double &value : tensor.values)
      value = use.isPosition   ? 0
              : use.size > 0   ? use.size
              : use.isCompared ? 1
              : limit          ? random.below(limit.getInt())
                               : 0;
  }

  // Weights.

  /// The elements of a weight expression, row-major.
  LogicalResult readWeight(Value weight, std::vector<float> &result) {
    std::optional<WeightLayout> layout = layoutOf(weight);
    result.assign(elementsOf(weight), 0);
    const Tensor place(layout->shape, reference::DType::f32);
    for (const WeightBox &box : layout->boxes)
      if (failed(readBox(box, place, result)))
        return failure();
    return success();
  }

  LogicalResult readBox(const WeightBox &box, const Tensor &place, std::vector<float> &result) {
    int64_t span = 1;
    for (auto [extent, stride] : llvm::zip_equal(box.shape, box.strides))
      span += (extent - 1) * stride;
    std::vector<float> source(span);
    if (box.parameter.empty())
      for (int64_t i = 0; i < span; ++i)
        source[i] = box.constant.getValues<float>()[box.offset + i];
    else if (!parameters(box.parameter, box.offset, span, source.data()))
      return fail("parameter '" + box.parameter + "' cannot be read");
    const ArrayRef<int64_t> shape = box.shape;
    if (shape.empty())
      return result = source, success();
    reference::forEachIndex(shape.drop_back(), [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> to(index);
      to.push_back(0);
      int64_t from = 0;
      for (auto [i, at] : llvm::enumerate(index))
        from += at * box.strides[i];
      for (auto [at, first] : llvm::zip_equal(to, box.first))
        at += first;
      float *row = result.data() + place.position(to);
      for (int64_t i = 0; i < shape.back(); ++i)
        row[i] = source[from + i * box.strides.back()];
    });
    return success();
  }

  /// The weight of a matmul as [n, k].
  LogicalResult readColumns(MatmulOp matmul, Matrix &weight) {
    std::vector<float> stored;
    if (failed(readWeight(matmul.getRhs(), stored)))
      return failure();
    const ArrayRef<int64_t> shape = tensorType(matmul.getRhs()).getShape();
    if (matmul.getTransposeRhs()) {
      weight = {shape[0], shape[1], std::move(stored)};
      return success();
    }
    weight = {shape[1], shape[0], std::vector<float>(stored.size())};
    for (int64_t k = 0; k < weight.cols; ++k)
      for (int64_t n = 0; n < weight.rows; ++n)
        weight.values[n * weight.cols + k] = stored[k * weight.rows + n];
    return success();
  }

  // Ops.

  LogicalResult visit(Operation *op) {
    if (op->getNumResults() == 1 && isWeight(op->getResult(0)))
      return success(); // Read where it is used.
    if (auto matmul = dyn_cast<MatmulOp>(op); matmul && hasWeightRhs(matmul))
      return multiply(matmul);
    if (auto embedding = dyn_cast<EmbeddingOp>(op))
      if (std::optional<WeightBox> table = tableOf(embedding))
        return embed(embedding, *table);
    for (Value operand : op->getOperands())
      if (!values->has(operand) && failed(setWeight(operand)))
        return failure();
    if (failed(reference::evaluateOp(op, {}, *values)))
      return fail("the reference cannot run '" + op->getName().getStringRef() + "'");
    if (auto norm = norms.find(weightOfNorm(op)); norm != norms.end())
      addRows(values->get(op->getResult(0)), norm->second);
    dropOperands(op);
    return success();
  }

  /// Values that nothing reads any more; weights count as such at once.
  void dropOperands(Operation *op) {
    for (Value operand : op->getOperands())
      if (values->has(operand) && (isWeight(operand) || llvm::all_of(operand.getUsers(), [&](Operation *user) {
                                     return user == op || (user->getBlock() == block && user->isBeforeInBlock(op));
                                   })))
        values->drop(operand);
  }

  LogicalResult setWeight(Value weight) {
    std::vector<float> elements;
    if (!isWeight(weight) || failed(readWeight(weight, elements)))
      return failure();
    Tensor tensor = values->zeros(weight);
    llvm::copy(elements, tensor.values.begin());
    values->set(weight, std::move(tensor));
    return success();
  }

  /// The parameter that a table is, row by row; nothing for any other.
  static std::optional<WeightBox> tableOf(EmbeddingOp op) {
    std::optional<WeightLayout> layout = layoutOf(op.getTable());
    if (!layout || layout->boxes.size() != 1)
      return std::nullopt;
    const WeightBox &box = layout->boxes.front();
    return box.parameter.empty() || box.strides[1] != 1 ? std::nullopt : std::optional(box);
  }

  /// Reads the rows that are asked for: a table may be larger than everything else.
  LogicalResult embed(EmbeddingOp op, const WeightBox &box) {
    const int64_t width = tensorType(op.getTable()).getDimSize(1), rows = tensorType(op.getTable()).getDimSize(0);
    const Tensor &indices = values->get(op.getIndices());
    Tensor result = values->zeros(op.getResult());
    std::vector<float> row(width);
    for (size_t i = 0; i < indices.values.size(); ++i) {
      const auto index = int64_t(indices.values[i]);
      if (index < 0 || index >= rows ||
          !parameters(box.parameter, box.offset + index * box.strides[0], width, row.data()))
        return fail("a row of '" + box.parameter + "' cannot be read");
      llvm::copy(row, result.values.begin() + i * width);
    }
    values->set(op.getResult(), std::move(result));
    dropOperands(op);
    return success();
  }

  LogicalResult multiply(MatmulOp op) {
    Matrix weight;
    if (failed(readColumns(op, weight)))
      return failure();
    if (auto norm = norms.find(balancedBy(op)); norm != norms.end())
      addColumns(weight, norm->second);
    const Tensor &lhs = values->get(op.getLhs());
    Tensor result = values->zeros(op.getResult());
    multiply(lhs, weight, result);
    values->set(op.getResult(), std::move(result));
    dropOperands(op);
    return success();
  }

  /// In f32, each sum in the order of k. Four vectors of rows and two columns at a time: their sums stay in registers,
  /// and the rows in the caches.
  static void multiply(const Tensor &lhs, const Matrix &weight, Tensor &result) {
    constexpr int64_t vectors = 4, tileRows = vectors * lanes, tileCols = 2;
    const int64_t depth = weight.cols, rows = depth > 0 ? int64_t(lhs.values.size()) / depth : 0;
    std::vector<Lanes> tile(depth * vectors);
    for (int64_t row = 0; row < rows; row += tileRows) {
      const int64_t most = std::min(tileRows, rows - row);
      std::fill(tile.begin(), tile.end(), Lanes{});
      for (int64_t m = 0; m < most; ++m)
        for (int64_t k = 0; k < depth; ++k)
          tile[k * vectors + m / lanes][m % lanes] = static_cast<float>(lhs.values[(row + m) * depth + k]);
      for (int64_t column = 0; column < weight.rows; column += tileCols) {
        const float *first = weight.values.data() + column * depth;
        const float *second = column + 1 < weight.rows ? first + depth : first;
        Lanes sums[tileCols][vectors] = {};
        for (int64_t k = 0; k < depth; ++k)
          for (int64_t v = 0; v < vectors; ++v) {
            sums[0][v] += tile[k * vectors + v] * first[k];
            sums[1][v] += tile[k * vectors + v] * second[k];
          }
        for (int64_t m = 0; m < most; ++m)
          for (int64_t n = 0; n < std::min(tileCols, weight.rows - column); ++n)
            result.values[(row + m) * weight.rows + column + n] = sums[n][m / lanes][m % lanes];
      }
    }
  }

  // Channels.

  void addRows(const Tensor &tensor, Channels &channels) {
    const size_t width = tensor.shape.back();
    channels.rows.resize(width);
    for (size_t i = 0; i < tensor.values.size(); ++i)
      channels.rows[i % width] += tensor.values[i] * tensor.values[i];
    channels.count += tensor.values.size() / width;
  }

  static void addColumns(const Matrix &weight, Channels &channels) {
    channels.columns.resize(weight.cols);
    for (int64_t n = 0; n < weight.rows; ++n)
      for (int64_t k = 0; k < weight.cols; ++k) {
        const double value = weight.values[n * weight.cols + k];
        channels.columns[k] += value * value;
      }
  }

  /// Of a matmul that need not run any more.
  LogicalResult addEnergy(Operation *op) {
    auto norm = norms.find(balancedBy(op));
    Matrix weight;
    if (norm == norms.end())
      return success();
    if (failed(readColumns(cast<MatmulOp>(op), weight)))
      return failure();
    addColumns(weight, norm->second);
    return success();
  }

  /// The nearest of 1, 1.125, 1.25 .. 2 times a power of two: what a product loses by that is not worth more digits.
  static float rounded(double value) {
    int exponent = 0;
    const double sixteenths = std::round(std::frexp(value, &exponent) * 16);
    return static_cast<float>(std::ldexp(sixteenths, exponent - 4));
  }

  /// Nothing where a sum is no number. A channel that is always zero, on one side, gets the limit.
  static std::optional<std::vector<float>> balanceOf(const Channels &channels) {
    const size_t width = channels.rows.size();
    if (channels.count < fewestRows / 2 || channels.columns.size() != width)
      return std::nullopt;
    std::vector<double> logarithms;
    double sum = 0;
    int64_t count = 0;
    for (size_t k = 0; k < width; ++k) {
      if (!std::isfinite(channels.columns[k]) || !std::isfinite(channels.rows[k]))
        return std::nullopt;
      // A quarter: of the quotient of two squares.
      const double logarithm = (std::log2(channels.columns[k]) - std::log2(channels.rows[k])) / 4;
      logarithms.push_back(std::isnan(logarithm) ? 0 : logarithm); // Zero on both sides.
      if (std::isfinite(logarithm))
        sum += logarithm, ++count;
    }
    const double mean = count ? sum / double(count) : 0;
    const double most = std::log2(largestFactor);
    std::vector<float> result;
    for (double logarithm : logarithms)
      result.push_back(rounded(std::exp2(std::clamp(logarithm - mean, -most, most))));
    return result;
  }

  DictionaryAttr balances() {
    Builder builder(module.getContext());
    SmallVector<NamedAttribute> entries;
    for (auto &[name, channels] : norms)
      if (std::optional<std::vector<float>> balance = balanceOf(channels))
        entries.push_back(builder.getNamedAttr(
            name, DenseElementsAttr::get(RankedTensorType::get(int64_t(balance->size()), builder.getF32Type()),
                                         ArrayRef<float>(*balance))));
    return builder.getDictionaryAttr(entries);
  }

  ModuleOp module;
  const ParameterReader &parameters;
  std::string &error;
  func::FuncOp function;
  Block *block = nullptr;
  Operation *lastNorm = nullptr; ///< Null once it has been run.
  llvm::MapVector<StringRef, Channels> norms;
  int64_t batch = 1;
  std::optional<reference::BlockValues> values;
  RandomNumbers random;
};

} // namespace

StringRef normBehind(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (StringRef name = weightOfNorm(op); !name.empty())
      return name;
    if (!keepsRows(op))
      return {};
    value = op->getOperand(0);
  }
  return {};
}

FailureOr<DictionaryAttr> findBalances(ModuleOp module, const ParameterReader &parameters, std::string &error) {
  // What the reference says of an op is not for the user, whose model compiles without.
  ScopedDiagnosticHandler silent(module.getContext(), [](Diagnostic &) { return success(); });
  error.clear();
  FailureOr<DictionaryAttr> result = Calibration(module, parameters, error).run();
  if (failed(result) && error.empty())
    error = "it cannot be run";
  return result;
}

} // namespace attnc
