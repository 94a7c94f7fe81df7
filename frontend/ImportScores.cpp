// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ImportScores.h"
#include "frontend/RelativeBias.h"

#include <cmath>

using namespace mlir;

namespace attnc {

namespace {

/// The slopes of the ALiBi paper: a geometric sequence for a power of two; else that of the next lower power of two,
/// and every other one of the next higher.
std::vector<float> alibiSlopes(int64_t heads) {
  int64_t power = 1;
  while (power * 2 <= heads)
    power *= 2;
  std::vector<float> slopes;
  for (int64_t i = 1; i <= power; ++i)
    slopes.push_back((float)std::exp2(-8.0 * (double)i / (double)power));
  for (int64_t i = 1; (int64_t)slopes.size() < heads; i += 2)
    slopes.push_back((float)std::exp2(-4.0 * (double)i / (double)power));
  return slopes;
}

/// Writes the region of one attn.modify_scores. Comparisons of places stay signed comparisons of index values: codegen
/// derives from them which keys a tile of queries can see.
class ScoreRegionWriter {
public:
  ScoreRegionWriter(ImportBuilder &builder, Value scores, const ScoreArguments &arguments, int64_t realKeys)
      : builder(builder), inner(builder.builder.getContext()), arguments(arguments), scores(scores),
        shape(ImportBuilder::shapeOf(scores)), realKeys(realKeys), loc(builder.place()) {}

  Value write(ArrayRef<ScoreStepDesc> steps) {
    bool extraKeys = realKeys < shape.back();
    SmallVector<Value> captures = collectCaptures(steps, extraKeys);
    if (!llvm::all_of(captures, [](Value capture) { return bool(capture); }))
      return {};
    auto op = attn::ModifyScoresOp::create(builder.builder, loc, scores.getType(), scores, captures);
    createBlock(op, captures);
    Value before = score;
    for (const ScoreStepDesc &step : steps)
      apply(step);
    if (arguments.lengths)
      applyLengths();
    if (arguments.position)
      applyPosition();
    applyConstants();
    if (extraKeys) {
      applyMasks();
      Value real = compare(arith::CmpIPredicate::slt, key, index(realKeys));
      Value appended = compare(arith::CmpIPredicate::sge, key, index(realKeys));
      if (score != before)
        score = arith::SelectOp::create(inner, loc, real, score, before);
      if (arguments.sink)
        applySink(*arguments.sink);
      if (live)
        live = arith::OrIOp::create(inner, loc, live, appended);
    }
    if (!live)
      live = arith::ConstantOp::create(inner, loc, inner.getBoolAttr(true));
    attn::ScoreOp::create(inner, loc, score, live);
    return op.getResult();
  }

private:
  SmallVector<Value> collectCaptures(ArrayRef<ScoreStepDesc> steps, bool extraKeys) {
    SmallVector<Value> captures;
    if (llvm::any_of(steps, [](const ScoreStepDesc &step) { return step.kind == ScoreStepKind::Alibi; })) {
      int64_t heads = shape[shape.size() - 3];
      captures.push_back(builder.constant(alibiSlopes(heads), {heads}));
    }
    biasesAt = 5 + captures.size();
    for (const ScoreStepDesc &step : steps)
      if (step.kind == ScoreStepKind::RelativeBias)
        captures.push_back(
            importRelativeBias(builder, step.relativeBias, shape[shape.size() - 3], shape[shape.size() - 2], realKeys));
    lengthsAt = 5 + captures.size();
    if (arguments.lengths)
      captures.push_back(arguments.lengths);
    positionAt = 5 + captures.size();
    if (arguments.position)
      captures.push_back(arguments.position);
    constantsAt = 5 + captures.size();
    captures.append(arguments.constants);
    masksAt = 5 + captures.size();
    if (extraKeys) {
      captures.append(arguments.added);
      captures.append(arguments.blocked);
    }
    sinkAt = 5 + captures.size();
    if (arguments.sink && arguments.sink->parameter)
      captures.push_back(builder.parameter(**arguments.sink->parameter, {shape[shape.size() - 3]}));
    return captures;
  }

  void createBlock(attn::ModifyScoresOp op, ArrayRef<Value> captures) {
    SmallVector<Type> types{inner.getF32Type()};
    types.append(4, inner.getIndexType());
    llvm::append_range(types, TypeRange(ValueRange(captures)));
    block = inner.createBlock(&op.getScore(), {}, types, SmallVector<Location>(types.size(), loc));
    score = block->getArgument(0);
    batch = block->getArgument(1);
    head = block->getArgument(2);
    query = block->getArgument(3);
    key = block->getArgument(4);
  }

  // -- Values

  Value index(int64_t value) { return arith::ConstantIndexOp::create(inner, loc, value); }
  Value real(double value) { return arith::ConstantOp::create(inner, loc, inner.getF32FloatAttr((float)value)); }
  static bool isInteger(Value value) { return isa<IndexType>(value.getType()); }
  Value toReal(Value value) {
    if (!isInteger(value))
      return value;
    Value narrow = arith::IndexCastOp::create(inner, loc, inner.getI32Type(), value);
    return arith::SIToFPOp::create(inner, loc, inner.getF32Type(), narrow);
  }
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return arith::CmpIOp::create(inner, loc, predicate, a, b);
  }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return arith::CmpFOp::create(inner, loc, predicate, a, b);
  }
  Value offset(Value value, int64_t by) {
    return by ? Value(arith::AddIOp::create(inner, loc, value, index(by))) : value;
  }
  void restrict(Value condition) {
    live = live ? Value(arith::AndIOp::create(inner, loc, live, condition)) : condition;
  }

  /// The key, or the first one in the place of a key that is not real and has no elements of its own.
  Value realKey() {
    if (realKeys == shape.back())
      return key;
    return arith::SelectOp::create(inner, loc, compare(arith::CmpIPredicate::slt, key, index(realKeys)), key, index(0));
  }

  /// The element of a capture that broadcasts to the scores.
  Value element(Value captured) {
    ArrayRef<int64_t> extents = ImportBuilder::shapeOf(captured);
    Value places[] = {batch, head, query, realKey()};
    SmallVector<Value> indices;
    for (size_t i = 0; i < extents.size(); ++i)
      indices.push_back(extents[i] == 1 ? index(0) : places[4 - extents.size() + i]);
    return attn::ElementOp::create(inner, loc, cast<RankedTensorType>(captured.getType()).getElementType(), captured,
                                   indices);
  }

  // -- Steps

  void apply(const ScoreStepDesc &step) {
    int64_t shift = shiftOf(step, shape[shape.size() - 2], realKeys);
    switch (step.kind) {
    case ScoreStepKind::Causal:
      return restrict(compare(arith::CmpIPredicate::sle, key, offset(query, shift)));
    case ScoreStepKind::Window: {
      // Wider than this a window has no effect, and its offsets might not fit in 32 bits.
      int64_t widest = realKeys + shape[shape.size() - 2];
      restrict(compare(arith::CmpIPredicate::sge, key, offset(query, shift - std::min(step.left, widest))));
      return restrict(compare(arith::CmpIPredicate::sle, key, offset(query, shift + std::min(step.right, widest))));
    }
    case ScoreStepKind::Alibi:
      return applyAlibi();
    case ScoreStepKind::Softcap: {
      Value scaled = arith::DivFOp::create(inner, loc, score, real(step.softcap));
      score = arith::MulFOp::create(inner, loc, math::TanhOp::create(inner, loc, scaled), real(step.softcap));
      return;
    }
    case ScoreStepKind::RelativeBias:
      return applyRelativeBias();
    case ScoreStepKind::Expression: {
      Value result = evaluate(step.expression);
      if (step.expression.type() == ScoreType::Condition)
        return restrict(result);
      score = toReal(result);
    }
    }
  }

  void applyAlibi() {
    Value slope = attn::ElementOp::create(inner, loc, inner.getF32Type(), block->getArgument(5), ValueRange{head});
    Value distance = toReal(arith::SubIOp::create(inner, loc, key, query));
    score = arith::AddFOp::create(inner, loc, score, arith::MulFOp::create(inner, loc, slope, distance));
  }

  void applyRelativeBias() {
    Value distance = arith::SubIOp::create(inner, loc, realKey(), query);
    Value indices[] = {head, index(0), offset(distance, shape[shape.size() - 2] - 1)};
    Value bias = attn::ElementOp::create(inner, loc, inner.getF32Type(), block->getArgument(biasesAt++), indices);
    score = arith::AddFOp::create(inner, loc, score, bias);
  }

  void applySink(const SinkDesc &sink) {
    Value isSink = compare(arith::CmpIPredicate::eq, key, index(shape.back() - 1));
    Value logit = sink.parameter ? Value(attn::ElementOp::create(inner, loc, inner.getF32Type(),
                                                                 block->getArgument(sinkAt), ValueRange{head}))
                                 : real(sink.logit);
    score = arith::SelectOp::create(inner, loc, isSink, logit, score);
  }

  void applyLengths() {
    Value length = attn::ElementOp::create(inner, loc, inner.getI32Type(), block->getArgument(lengthsAt),
                                           ValueRange{shape.size() == 4 ? batch : index(0)});
    restrict(
        compare(arith::CmpIPredicate::slt, key, arith::IndexCastOp::create(inner, loc, inner.getIndexType(), length)));
  }

  /// No key behind those of the last query, which bounds the range of keys that kernels look at; and none behind the
  /// query's own.
  void applyPosition() {
    Value narrow =
        attn::ElementOp::create(inner, loc, inner.getI32Type(), block->getArgument(positionAt), ValueRange{batch});
    Value first = arith::IndexCastOp::create(inner, loc, inner.getIndexType(), narrow);
    const int64_t queries = shape[shape.size() - 2];
    restrict(compare(arith::CmpIPredicate::slt, key, offset(first, queries)));
    if (queries > 1)
      restrict(compare(arith::CmpIPredicate::sle, key, arith::AddIOp::create(inner, loc, first, query)));
  }

  void applyConstants() {
    unsigned next = constantsAt;
    for (size_t i = 0; i < arguments.constants.size(); ++i)
      restrict(compare(arith::CmpFPredicate::OEQ, element(block->getArgument(next++)), real(0)));
  }

  void applyMasks() {
    unsigned next = masksAt;
    for (size_t i = 0; i < arguments.added.size(); ++i)
      score = arith::AddFOp::create(inner, loc, score, element(block->getArgument(next++)));
    for (size_t i = 0; i < arguments.blocked.size(); ++i) {
      Value yes = arith::ConstantOp::create(inner, loc, inner.getBoolAttr(true));
      restrict(arith::XOrIOp::create(inner, loc, element(block->getArgument(next++)), yes));
    }
  }

  // -- Expressions

  /// A value of an expression, and for an integer the largest that it can be, sign aside. An integer that might not fit
  /// in 32 bits is an f32.
  struct Operand {
    Value value;
    int64_t bound = 0;
  };

  Value evaluate(const ScoreExpression &expression) {
    SmallVector<Operand> values;
    for (const ScoreNode &node : expression.nodes)
      values.push_back(evaluateNode(node, [&](int i) { return values[node.operands[i]]; }));
    return values.back().value;
  }

  Operand evaluateNode(const ScoreNode &node, llvm::function_ref<Operand(int)> operand) {
    using F = ScoreFunction;
    size_t rank = shape.size();
    switch (node.function) {
    case F::Number:
      if (node.type == ScoreType::Integer)
        return {index((int64_t)node.number), (int64_t)node.number};
      return {real(node.number)};
    case F::Score:
      return {score};
    case F::Batch:
      return {batch, builder.batchBound()};
    case F::Head:
      return {head, shape[rank - 3]};
    case F::Query:
      return {query, shape[rank - 2]};
    case F::Key:
      return {key, shape[rank - 1]};
    case F::Negate:
      if (isInteger(operand(0).value))
        return {arith::SubIOp::create(inner, loc, index(0), operand(0).value), operand(0).bound};
      return {arith::NegFOp::create(inner, loc, operand(0).value)};
    case F::Add:
    case F::Subtract:
    case F::Multiply:
    case F::Divide:
      return arithmetic(node.function, operand(0), operand(1));
    case F::FloorDivide:
      return quotient(operand(0), operand(1));
    case F::Modulo:
      return arithmetic(F::Subtract, operand(0), arithmetic(F::Multiply, quotient(operand(0), operand(1)), operand(1)));
    case F::Less:
    case F::LessEqual:
    case F::Greater:
    case F::GreaterEqual:
    case F::Equal:
    case F::NotEqual:
      return {comparison(node.function, operand(0).value, operand(1).value)};
    case F::And:
      return {arith::AndIOp::create(inner, loc, operand(0).value, operand(1).value)};
    case F::Or:
      return {arith::OrIOp::create(inner, loc, operand(0).value, operand(1).value)};
    case F::Not:
      return {arith::XOrIOp::create(inner, loc, operand(0).value,
                                    arith::ConstantOp::create(inner, loc, inner.getBoolAttr(true)))};
    case F::Select:
      return choose(operand(0).value, operand(1), operand(2));
    case F::Exp:
      return {math::ExpOp::create(inner, loc, toReal(operand(0).value))};
    case F::Tanh:
      return {math::TanhOp::create(inner, loc, toReal(operand(0).value))};
    case F::Abs: {
      Operand negative = isInteger(operand(0).value)
                             ? Operand{arith::SubIOp::create(inner, loc, index(0), operand(0).value), operand(0).bound}
                             : Operand{arith::NegFOp::create(inner, loc, operand(0).value)};
      return choose(comparison(F::Less, operand(0).value, negative.value), negative, operand(0));
    }
    case F::Min:
    case F::Max: {
      F better = node.function == F::Min ? F::Less : F::Greater;
      return choose(comparison(better, operand(0).value, operand(1).value), operand(0), operand(1));
    }
    }
    return {};
  }

  Operand arithmetic(ScoreFunction function, Operand a, Operand b) {
    using F = ScoreFunction;
    bool integers = function != F::Divide && isInteger(a.value) && isInteger(b.value);
    int64_t bound = 0;
    if (integers)
      integers = !(function == F::Multiply ? __builtin_mul_overflow(a.bound, b.bound, &bound)
                                           : __builtin_add_overflow(a.bound, b.bound, &bound)) &&
                 bound <= maxElements;
    if (integers) {
      if (function == F::Add)
        return {arith::AddIOp::create(inner, loc, a.value, b.value), bound};
      if (function == F::Subtract)
        return {arith::SubIOp::create(inner, loc, a.value, b.value), bound};
      return {arith::MulIOp::create(inner, loc, a.value, b.value), bound};
    }
    Value x = toReal(a.value), y = toReal(b.value);
    if (function == F::Add)
      return {arith::AddFOp::create(inner, loc, x, y)};
    if (function == F::Subtract)
      return {arith::SubFOp::create(inner, loc, x, y)};
    if (function == F::Multiply)
      return {arith::MulFOp::create(inner, loc, x, y)};
    return {arith::DivFOp::create(inner, loc, x, y)};
  }

  /// a / b, rounded down; b is a positive integer constant.
  Operand quotient(Operand a, Operand b) {
    if (isInteger(a.value))
      return {arith::FloorDivSIOp::create(inner, loc, a.value, b.value), a.bound / b.bound + 1};
    return {math::FloorOp::create(inner, loc, arith::DivFOp::create(inner, loc, a.value, toReal(b.value)))};
  }

  Value comparison(ScoreFunction function, Value a, Value b) {
    struct Row {
      ScoreFunction function;
      arith::CmpIPredicate integers;
      arith::CmpFPredicate reals;
    };
    using I = arith::CmpIPredicate;
    using F = arith::CmpFPredicate;
    static const Row rows[] = {{ScoreFunction::Less, I::slt, F::OLT},    {ScoreFunction::LessEqual, I::sle, F::OLE},
                               {ScoreFunction::Greater, I::sgt, F::OGT}, {ScoreFunction::GreaterEqual, I::sge, F::OGE},
                               {ScoreFunction::Equal, I::eq, F::OEQ},    {ScoreFunction::NotEqual, I::ne, F::UNE}};
    const Row &row = *llvm::find_if(rows, [&](const Row &candidate) { return candidate.function == function; });
    if (isInteger(a) && isInteger(b))
      return compare(row.integers, a, b);
    return compare(row.reals, toReal(a), toReal(b));
  }

  Operand choose(Value condition, Operand a, Operand b) {
    if (isInteger(a.value) && isInteger(b.value))
      return {arith::SelectOp::create(inner, loc, condition, a.value, b.value), std::max(a.bound, b.bound)};
    return {arith::SelectOp::create(inner, loc, condition, toReal(a.value), toReal(b.value))};
  }

  ImportBuilder &builder;
  OpBuilder inner;
  const ScoreArguments &arguments;
  Value scores;
  ArrayRef<int64_t> shape;
  int64_t realKeys;
  Location loc;
  /// The arguments of the region where its captures of a kind begin.
  unsigned biasesAt = 0, lengthsAt = 0, positionAt = 0, constantsAt = 0, masksAt = 0, sinkAt = 0;
  Block *block = nullptr;
  Value score, batch, head, query, key;
  Value live; ///< Null while every key takes part.
};

/// The keys [first, last) that the bands of the steps leave a query.
std::pair<int64_t, int64_t> keysInBands(ArrayRef<ScoreStepDesc> steps, int64_t query, int64_t queries, int64_t keys) {
  int64_t first = 0, last = keys;
  for (const ScoreStepDesc &step : steps) {
    int64_t place = query + shiftOf(step, queries, keys), widest = queries + keys;
    if (step.kind == ScoreStepKind::Causal)
      last = std::min(last, place + 1);
    if (step.kind == ScoreStepKind::Window) {
      first = std::max(first, place - std::min(step.left, widest));
      last = std::min(last, place + std::min(step.right, widest) + 1);
    }
  }
  return {first, last};
}

/// The elements of a constant (queries, keys), or none.
DenseElementsAttr constantMatrix(Value mask, int64_t queries, int64_t keys) {
  auto constant = mask.getDefiningOp<attn::ConstantOp>();
  if (!constant || ImportBuilder::shapeOf(mask) != ArrayRef<int64_t>{queries, keys})
    return {};
  return dyn_cast<DenseElementsAttr>(constant.getValue());
}

} // namespace

int64_t shiftOf(const ScoreStepDesc &step, int64_t queries, int64_t keys) {
  return step.alignment == CausalAlignment::BottomRight ? keys - queries : 0;
}

std::optional<int64_t> firstBlindQuery(ArrayRef<ScoreStepDesc> steps, const ScoreArguments &arguments, int64_t queries,
                                       int64_t keys) {
  std::vector<ScoreStepDesc> all(steps.begin(), steps.end());
  all.insert(all.end(), arguments.steps.begin(), arguments.steps.end());
  SmallVector<DenseElementsAttr> blocking, adding;
  for (Value mask : arguments.constants)
    if (auto matrix = constantMatrix(mask, queries, keys))
      blocking.push_back(matrix);
  for (Value mask : arguments.added)
    if (auto matrix = constantMatrix(mask, queries, keys))
      adding.push_back(matrix);
  auto isBlocked = [&](int64_t element) {
    auto at = [&](DenseElementsAttr matrix) { return *(matrix.value_begin<float>() + element); };
    return llvm::any_of(blocking, [&](DenseElementsAttr matrix) { return at(matrix) != 0; }) ||
           llvm::any_of(adding, [&](DenseElementsAttr matrix) { return std::isinf(at(matrix)) && at(matrix) < 0; });
  };
  bool hasMatrix = !blocking.empty() || !adding.empty();
  for (int64_t query = 0; query < queries; ++query) {
    auto [key, last] = keysInBands(all, query, queries, keys);
    while (hasMatrix && key < last && isBlocked(query * keys + key))
      ++key;
    if (key >= last)
      return query;
  }
  return std::nullopt;
}

Value modifyScores(ImportBuilder &builder, Value scores, ArrayRef<ScoreStepDesc> steps, const ScoreArguments &arguments,
                   int64_t realKeys) {
  if (!scores)
    return {};
  bool extraKeys = realKeys < ImportBuilder::shapeOf(scores).back();
  bool masks = !arguments.added.empty() || !arguments.blocked.empty();
  std::vector<ScoreStepDesc> all(steps.begin(), steps.end());
  all.insert(all.end(), arguments.steps.begin(), arguments.steps.end());
  if (!all.empty() || arguments.lengths || arguments.position || !arguments.constants.empty() || (extraKeys && masks) ||
      arguments.sink)
    scores = ScoreRegionWriter(builder, scores, arguments, realKeys).write(all);
  if (extraKeys)
    return scores;
  for (Value mask : arguments.added)
    scores = builder.add(scores, mask);
  for (Value mask : arguments.blocked)
    scores = builder.emit<attn::MaskOp>({scores, mask});
  return scores;
}

} // namespace attnc
