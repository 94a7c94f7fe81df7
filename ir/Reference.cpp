// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Reference.h"

#include "ir/ReferenceAttention.h"
#include "ir/ReferenceMath.h"
#include "ir/ReferencePrecision.h"
#include "ir/ReferenceScore.h"
#include "ir/ReferenceShapes.h"
#include "ir/Rotation.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc::reference {

namespace {

/// Evaluates blocks with accumulators of type Real.
template <typename Real> class Interpreter {
  template <typename Other> friend class Interpreter;

public:
  Interpreter(const ParameterValues &params, int64_t batch) : params(params), batch(batch), values(batch) {}

  FailureOr<SmallVector<Tensor>> runBlock(Block &block, ArrayRef<Tensor> arguments) {
    std::swap(values, outer.emplace_back(batch));
    llvm::scope_exit restore([&] { values = std::move(outer.back()), outer.pop_back(); });
    for (auto [argument, tensor] : llvm::zip(block.getArguments(), arguments))
      values.set(argument, tensor);
    for (Operation &op : block.without_terminator())
      if (failed(runOp(&op)))
        return failure();
    SmallVector<Tensor> results;
    for (Value value : block.getTerminator()->getOperands())
      results.push_back(get(value));
    return results;
  }

  /// Evaluates one op among the values of its block.
  LogicalResult runAmong(Operation *op, BlockValues &known) {
    std::swap(values, known);
    llvm::scope_exit restore([&] { std::swap(values, known); });
    return runOp(op);
  }

private:
  const Tensor &get(Value value) const { return values.get(value); }
  Tensor zeros(Value result) const { return values.zeros(result); }

  LogicalResult runOp(Operation *op) {
    for (Type type : op->getResultTypes())
      if (isa<RankedTensorType>(type) && !isHoldable(values.shapeOf(type)))
        return op->emitOpError("result ") << type << " is too large for the reference";
    if (auto call = dyn_cast<func::CallOp>(op))
      return runCall(call);
    if (auto group = dyn_cast<GroupOp>(op))
      return runNested(group.getBody().front(), group.getInputs(), group.getResults());
    if (auto attention = dyn_cast<AttentionOp>(op))
      return evaluateAttention(attention, values, precision);
    if (auto tokens = dyn_cast<TokenRowsOp>(op))
      return reference::evaluate(tokens, values), success();
    auto result =
        llvm::TypeSwitch<Operation *, FailureOr<Tensor>>(op)
            .template Case<WeightOp, ConstantOp, MatmulOp, AddOp, SubOp, MulOp, DivOp, ScaleOp, ActivationOp, IsZeroOp,
                           PaddingMaskOp, MaskOp, ScoreWeightsOp, SoftmaxOp, LogSumExpOp, LayerNormOp, RMSNormOp,
                           L2NormOp, RotaryOp, PoolOp, EmbeddingOp, MeanOp, ModifyScoresOp, AdditiveScoreOp, PackedOp>(
                [&](auto op) { return evaluate(op); })
            .template Case<SplitHeadsOp, MergeHeadsOp, TransposeOp, ReshapeOp, BroadcastOp, SliceOp, ConcatOp,
                           PackRowsOp, UnpackRowsOp, AppendOp>([&](auto op) { return reference::evaluate(op, values); })
            .Default([](Operation *op) { return op->emitOpError("is not known to the reference"); });
    if (failed(result))
      return failure();
    values.set(op->getResult(0), std::move(*result));
    return success();
  }

  LogicalResult runCall(func::CallOp call) {
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
    if (!callee || callee.isExternal())
      return call.emitOpError("calls a function without a body");
    auto firstSlots = call->getAttrOfType<DenseI64ArrayAttr>("attn.first_slots");
    if (!firstSlots)
      return runNested(callee.front(), call.getOperands(), call.getResults());
    SmallVector<Tensor> arguments;
    for (auto [operand, first] : llvm::zip_equal(call.getOperands(), firstSlots.asArrayRef()))
      arguments.push_back(first ? slotsFrom(get(operand), first) : get(operand));
    auto results = runBlock(callee.front(), arguments);
    if (failed(results))
      return failure();
    // A kernel that appends has the cache from its first slot on, and so has its result.
    for (AppendOp append : callee.front().getOps<AppendOp>())
      if (auto cache = cast<BlockArgument>(append.getCache()).getArgNumber(); firstSlots[cache])
        results->front() = withSlots(get(call.getOperand(cache)), firstSlots[cache], results->front());
    for (auto [output, result] : llvm::zip(call.getResults(), *results))
      values.set(output, std::move(result));
    return success();
  }

  LogicalResult runNested(Block &block, ValueRange inputs, ValueRange outputs) {
    SmallVector<Tensor> arguments;
    for (Value input : inputs)
      arguments.push_back(get(input));
    auto results = runBlock(block, arguments);
    if (failed(results))
      return failure();
    for (auto [output, result] : llvm::zip(outputs, *results))
      values.set(output, std::move(result));
    return success();
  }

  // Weights.

  FailureOr<Tensor> parameter(Operation *user, StringRef name) {
    auto found = params.find(name);
    if (found == params.end())
      return user->emitOpError("parameter '") << name << "' has no values";
    return found->second;
  }

  FailureOr<Tensor> evaluate(WeightOp op) {
    FailureOr<Tensor> tensor = parameter(op, op.getParameter());
    if (succeeded(tensor) && ArrayRef<int64_t>(tensor->shape) != op.getType().getShape())
      return op.emitOpError("parameter's values have the wrong shape");
    return tensor;
  }

  FailureOr<Tensor> evaluate(ConstantOp op) { return tensorFromElements(cast<DenseElementsAttr>(op.getValue())); }

  // The logical tensor: the encoding and the place in the image say nothing of its values.
  FailureOr<Tensor> evaluate(PackedOp op) {
    Tensor result = zeros(op.getResult());
    int64_t rowSize = result.rank() == 2 ? result.shape[1] : 1;
    for (PieceAttr piece : op.getPieces().getAsRange<PieceAttr>()) {
      FailureOr<Tensor> source =
          piece.getParameter().empty() ? tensorFromElements(piece.getConstant()) : parameter(op, piece.getParameter());
      if (failed(source))
        return failure();
      for (int64_t r = 0; r < piece.getRows(); ++r)
        for (int64_t c = 0; c < piece.getCols(); ++c) {
          int64_t from = piece.getOffset() + r * piece.getStrideRow() + c * piece.getStrideCol();
          if (from < 0 || from >= int64_t(source->values.size()))
            return op.emitOpError("piece reads outside its source: ") << piece;
          result.values[piece.getFirst() * rowSize + r * piece.getCols() + c] = source->values[from];
        }
    }
    return result;
  }

  // Contractions.

  FailureOr<Tensor> evaluate(MatmulOp op) {
    if (op.getPrecision() == attn::Precision::bf16)
      return matmul(op, roundedToBfloat(get(op.getLhs())), roundedToBfloat(get(op.getRhs())));
    if (op.getPrecision() == attn::Precision::int8 && op.getLhs().getType().getShape().back() > 0)
      return matmulInt8(op);
    return matmul(op, get(op.getLhs()), get(op.getRhs()));
  }

  /// Scales of the rows of lhs and of the columns of rhs, and the integers between, whose sums are exact in a double.
  FailureOr<Tensor> matmulInt8(MatmulOp op) {
    int64_t contracted = op.getLhs().getType().getShape().back(), cols = op.getResult().getType().getShape().back();
    bool transposed = op.getTransposeRhs();
    const Tensor *balance = op.getBalance() ? &get(op.getBalance()) : nullptr;
    Quantized lhs = quantizedToInt8(get(op.getLhs()), contracted, 1, [&](float x, int64_t k) {
      return balance ? x * static_cast<float>(balance->values[k]) : x;
    });
    Quantized rhs = quantizedToInt8(get(op.getRhs()), contracted, transposed ? 1 : cols, [&](float x, int64_t k) {
      return balance ? x / static_cast<float>(balance->values[k]) : x;
    });
    Interpreter<double> exact(params, batch);
    Tensor result = exact.matmul(op, lhs.integers, rhs.integers);
    const Real order = rotationOf(contracted).order();
    for (size_t i = 0; i < result.values.size(); ++i)
      result.values[i] = Real(result.values[i]) * (Real(lhs.scales[i / cols]) * (Real(rhs.scales[i % cols]) / order));
    return result;
  }

  Tensor matmul(MatmulOp op, const Tensor &lhs, const Tensor &rhs) {
    Tensor result = zeros(op.getResult());
    int64_t contracted = lhs.shape.back(), cols = result.shape.back();
    int64_t rows = lhs.rank() == 1 ? 1 : lhs.shape[lhs.rank() - 2];
    int64_t colStride = op.getTransposeRhs() ? contracted : 1, kStride = op.getTransposeRhs() ? 1 : cols;
    int64_t matrices = rows * cols == 0 ? 0 : result.values.size() / (rows * cols);
    for (int64_t matrix = 0; matrix < matrices; ++matrix)
      for (int64_t m = 0; m < rows; ++m)
        for (int64_t n = 0; n < cols; ++n) {
          const double *a = lhs.values.data() + (matrix * rows + m) * contracted;
          const double *b = rhs.values.data() + (rhs.rank() == 2 ? 0 : matrix * contracted * cols) + n * colStride;
          Real sum = 0;
          for (int64_t k = 0; k < contracted; ++k)
            sum += Real(a[k]) * Real(b[k * kStride]);
          result.values[(matrix * rows + m) * cols + n] = sum;
        }
    return result;
  }

  FailureOr<Tensor> evaluate(AdditiveScoreOp op) {
    const Tensor &query = get(op.getQuery()), &key = get(op.getKey()), &weight = get(op.getWeight());
    Tensor result = zeros(op.getResult());
    forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> i(index.drop_back()), j(index.drop_back(2));
      i.push_back(0), j.append({index.back(), 0});
      result.at(index) =
          additiveScore<Real>(query.values.data() + query.position(i), key.values.data() + key.position(j),
                              weight.values.data(), query.shape.back());
    });
    return result;
  }

  // Element by element.

  template <typename OpTy, typename Function> Tensor elementwise(OpTy op, Function function) {
    const Tensor &lhs = get(op->getOperand(0)), &rhs = get(op->getOperand(1));
    Tensor result = zeros(op.getResult());
    forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
      result.at(index) = function(Real(lhs.atBroadcast(index)), Real(rhs.atBroadcast(index)));
    });
    return result;
  }

  FailureOr<Tensor> evaluate(AddOp op) {
    return elementwise(op, [](Real x, Real y) { return x + y; });
  }
  FailureOr<Tensor> evaluate(SubOp op) {
    return elementwise(op, [](Real x, Real y) { return x - y; });
  }
  FailureOr<Tensor> evaluate(MulOp op) {
    return elementwise(op, [](Real x, Real y) { return x * y; });
  }
  FailureOr<Tensor> evaluate(DivOp op) {
    return elementwise(op, [](Real x, Real y) { return x / y; });
  }
  FailureOr<Tensor> evaluate(MaskOp op) {
    Real fill = op.getFill().convertToFloat();
    return elementwise(op, [=](Real x, Real blocked) { return blocked != 0 ? fill : x; });
  }

  FailureOr<Tensor> evaluate(PaddingMaskOp op) {
    const Tensor &lengths = get(op.getLengths());
    Tensor result = zeros(op.getResult());
    int64_t size = op.getSize();
    for (int64_t i = 0; i < int64_t(result.values.size()); ++i)
      result.values[i] = i % size >= lengths.values[i / size];
    return result;
  }

  FailureOr<Tensor> evaluate(ScaleOp op) {
    Tensor result = get(op.getInput());
    for (double &value : result.values)
      value = Real(value) * Real(op.getFactor().convertToDouble());
    return result;
  }

  FailureOr<Tensor> evaluate(ActivationOp op) {
    Tensor result = get(op.getInput());
    for (double &value : result.values)
      value = activation(op.getKind(), Real(value));
    return result;
  }

  FailureOr<Tensor> evaluate(ScoreWeightsOp op) {
    Tensor result = get(op.getScores());
    for (double &value : result.values)
      value = weightOf(op.getKind(), Real(op.getFactor().convertToDouble()), Real(value));
    return result;
  }

  FailureOr<Tensor> evaluate(IsZeroOp op) {
    Tensor result = get(op.getInput());
    result.dtype = DType::i1;
    for (double &value : result.values)
      value = value == 0;
    return result;
  }

  // Rows.

  FailureOr<Tensor> evaluate(LogSumExpOp op) {
    const Tensor &input = get(op.getInput());
    Tensor result = zeros(op.getResult());
    for (size_t row = 0; row < result.values.size(); ++row)
      result.values[row] = logSumExpRow<Real>(input.values.data() + row * input.shape.back(), input.shape.back());
    return result;
  }

  FailureOr<Tensor> evaluate(SoftmaxOp op) {
    Tensor result = get(op.getInput());
    int64_t axis = op.getAxis(), extent = result.shape[axis], stride = 1;
    for (int64_t inner : ArrayRef(result.shape).drop_front(axis + 1))
      stride *= inner;
    for (size_t row = 0; row < result.values.size(); ++row) {
      if (int64_t(row) / stride % extent != 0)
        continue;
      if (op.getFullyMasked() == FullyMasked::error && isMasked(&result.values[row], extent, stride))
        return failFullyMasked(op);
      softmaxRow<Real>(&result.values[row], extent, stride, op.getFullyMasked());
    }
    return result;
  }

  /// Replaces each row of the input's last dimension by what `function` makes of it, times weight, plus bias.
  template <typename Function> Tensor rowwise(Value input, Value weight, Value bias, Function function) {
    Tensor result = get(input);
    int64_t extent = result.shape.back();
    for (size_t first = 0; first < result.values.size(); first += extent) {
      double *row = &result.values[first];
      function(row, extent);
      for (int64_t i = 0; i < extent; ++i) {
        if (weight)
          row[i] = Real(row[i]) * Real(get(weight).values[i]);
        if (bias)
          row[i] = Real(row[i]) + Real(get(bias).values[i]);
      }
    }
    return result;
  }

  static Real sumOfSquares(const double *row, int64_t extent, Real mean) {
    Real sum = 0;
    for (int64_t i = 0; i < extent; ++i)
      sum += (Real(row[i]) - mean) * (Real(row[i]) - mean);
    return sum;
  }

  FailureOr<Tensor> evaluate(LayerNormOp op) {
    Real eps = op.getEps().convertToDouble();
    return rowwise(op.getInput(), op.getWeight(), op.getBias(), [&](double *row, int64_t extent) {
      Real sum = 0;
      for (int64_t i = 0; i < extent; ++i)
        sum += Real(row[i]);
      Real mean = sum / extent;
      Real deviation = std::sqrt(sumOfSquares(row, extent, mean) / extent + eps);
      for (int64_t i = 0; i < extent; ++i)
        row[i] = (Real(row[i]) - mean) / deviation;
    });
  }

  FailureOr<Tensor> evaluate(RMSNormOp op) {
    Real eps = op.getEps().convertToDouble();
    return rowwise(op.getInput(), op.getWeight(), nullptr, [&](double *row, int64_t extent) {
      Real root = std::sqrt(sumOfSquares(row, extent, 0) / extent + eps);
      for (int64_t i = 0; i < extent; ++i)
        row[i] = Real(row[i]) / root;
    });
  }

  FailureOr<Tensor> evaluate(L2NormOp op) {
    Real eps = op.getEps().convertToDouble();
    return rowwise(op.getInput(), nullptr, nullptr, [&](double *row, int64_t extent) {
      Real norm = std::sqrt(sumOfSquares(row, extent, 0));
      Real divisor = norm < eps ? eps : norm;
      for (int64_t i = 0; i < extent; ++i)
        row[i] = Real(row[i]) / divisor;
    });
  }

  FailureOr<Tensor> evaluate(MeanOp op) {
    const Tensor &input = get(op.getInput());
    Tensor result = zeros(op.getResult());
    int64_t axis = op.getAxis(), extent = input.shape[axis];
    forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> source(index);
      source.insert(source.begin() + axis, 0);
      Real sum = 0;
      for (int64_t &i = source[axis]; i < extent; ++i)
        sum += Real(input.at(source));
      result.at(index) = sum / Real(extent);
    });
    return result;
  }

  FailureOr<Tensor> evaluate(RotaryOp op) {
    const Tensor &input = get(op.getInput()), &cos = get(op.getCos()), &sin = get(op.getSin());
    Tensor result = zeros(op.getResult());
    int64_t seq = input.shape[input.rank() - 2], half = input.shape.back() / 2;
    int64_t step = op.getInterleaved() ? 2 : 1, distance = op.getInterleaved() ? 1 : half;
    for (int64_t i = 0; i < int64_t(input.values.size()) / 2; ++i) {
      int64_t row = i / half, pair = i % half, angle = row % seq * half + pair;
      int64_t first = row * 2 * half + pair * step, second = first + distance;
      Real a = input.values[first], b = input.values[second], c = cos.values[angle], s = sin.values[angle];
      result.values[first] = a * c - b * s;
      result.values[second] = b * c + a * s;
    }
    return result;
  }

  FailureOr<Tensor> evaluate(PoolOp op) {
    const Tensor &input = get(op.getInput());
    const Tensor *blocked = op.getBlocked() ? &get(op.getBlocked()) : nullptr;
    Tensor result = zeros(op.getResult());
    int64_t embed = input.shape.back(), seq = input.shape[input.rank() - 2];
    for (int64_t out = 0; out < int64_t(result.values.size()); ++out) {
      int64_t sample = out / embed, e = out % embed, count = 0;
      Real sum = 0, max = -inf;
      for (int64_t s = 0; s < seq; ++s) {
        if (blocked && blocked->values[sample * seq + s] != 0)
          continue;
        Real value = input.values[(sample * seq + s) * embed + e];
        sum += value;
        // A NaN, once taken, stays.
        max = value > max || std::isnan(value) ? value : max;
        ++count;
      }
      if (op.getKind() == PoolKind::cls)
        result.values[out] = Real(input.values[sample * seq * embed + e]);
      else if (count > 0)
        result.values[out] = op.getKind() == PoolKind::mean ? sum / count : max;
    }
    return result;
  }

  FailureOr<Tensor> evaluate(EmbeddingOp op) {
    const Tensor &table = get(op.getTable()), &indices = get(op.getIndices());
    Tensor result = zeros(op.getResult());
    int64_t rows = table.shape[0], embed = table.shape[1];
    for (size_t i = 0; i < indices.values.size(); ++i) {
      int64_t row = int64_t(indices.values[i]);
      if (row < 0 || row >= rows)
        return op.emitOpError("index ") << row << " is outside the table's " << rows << " rows";
      for (int64_t e = 0; e < embed; ++e)
        result.values[i * embed + e] = table.values[row * embed + e];
    }
    return result;
  }

  FailureOr<Tensor> evaluate(ModifyScoresOp op) {
    SmallVector<const Tensor *> captures;
    for (Value capture : op.getCaptures())
      captures.push_back(&get(capture));
    return modifyScores(op, get(op.getScores()), captures, precision);
  }

  static constexpr Precision precision = std::is_same_v<Real, float> ? Precision::f32 : Precision::f64;
  const ParameterValues &params;
  int64_t batch;
  BlockValues values;             // of the block that is running
  std::vector<BlockValues> outer; // of the blocks around it
};

template <typename Real>
FailureOr<SmallVector<Tensor>> run(func::FuncOp main, ArrayRef<Tensor> inputs, const ParameterValues &params,
                                   int64_t batch) {
  const BlockValues expected(batch);
  if (main.isExternal() || inputs.size() != main.getNumArguments())
    return main.emitOpError("needs a body and ") << main.getNumArguments() << " inputs, but is given " << inputs.size();
  for (auto [number, type] : llvm::enumerate(main.getArgumentTypes())) {
    const Tensor &input = inputs[number];
    if (input.shape != expected.shapeOf(type) || input.dtype != dtypeOf(cast<RankedTensorType>(type).getElementType()))
      return main.emitOpError("input ") << number << " does not have the type " << type << " with a batch of " << batch;
  }
  return Interpreter<Real>(params, batch).runBlock(main.front(), inputs);
}

} // namespace

FailureOr<SmallVector<Tensor>> runReference(func::FuncOp main, ArrayRef<Tensor> inputs, const ParameterValues &params,
                                            int64_t batch, Precision precision) {
  return precision == Precision::f32 ? run<float>(main, inputs, params, batch)
                                     : run<double>(main, inputs, params, batch);
}

LogicalResult evaluateOp(Operation *op, const ParameterValues &params, BlockValues &values) {
  return Interpreter<double>(params, values.extent()).runAmong(op, values);
}

} // namespace attnc::reference
