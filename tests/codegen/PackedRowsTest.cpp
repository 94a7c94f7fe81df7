// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models whose padding is left out: lengths around every tile, of 0 and beyond the sequence, against the reference and,
// bit for bit, against the same model with its padding computed.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/NumericPolicy.h"

#include <cmath>

namespace attnc::test {
namespace {

struct SequenceCase {
  int64_t tokens = 1, batch = kBatch, heads = 2, headDim = 8, hidden = 20;
  bool causal = false, tokenIds = false, pooled = false, rotary = false;
  std::string normalizer = "softmax", fullyMasked = "zero";
  bool repeated = false; ///< A condition of query and key stands in two others.
  int64_t memory = 0;    ///< > 0: attends to a memory of so many rows, with lengths of its own.
};

constexpr int64_t kVocabulary = 11;

/// Writes a layer over sequences with lengths, as the frontend spells it.
class SequenceModel {
public:
  explicit SequenceModel(const SequenceCase &c) : c(c), embed(c.heads * c.headDim) {}

  Model write() {
    lengths = w.input("lengths", {c.batch}, DType::i32);
    memoryLengths = c.memory ? w.input("memory_lengths", {c.batch}, DType::i32) : lengths;
    const Value x = c.tokenIds ? embedding() : w.input("x", {c.batch, c.tokens, embed});
    const Value memory = c.memory ? w.input("memory", {c.batch, c.memory, embed}) : x;
    const Value mixed = linear(attention(x, memory), "out", embed);
    const Value first = w.layerNorm(w.add(mixed, x), "norm1");
    const Value inner = w.activation("gelu", linear(first, "linear1", c.hidden));
    const Value last = w.layerNorm(w.add(linear(inner, "linear2", embed), first), "norm2");
    const Value padding = w.op("attn.padding_mask " + lengths.name + " {size = " + std::to_string(c.tokens) + "}",
                               {lengths}, {c.batch, c.tokens}, DType::i1);
    if (c.pooled)
      return w.finish(
          {w.op("attn.pool mean " + last.name + " blocked " + padding.name, {last, padding}, {c.batch, embed})});
    const Value rows = w.op("attn.reshape " + padding.name, {padding}, {c.batch, c.tokens, 1}, DType::i1);
    return w.finish({w.op("attn.mask " + last.name + ", " + rows.name + " {fill = 0.0 : f32}", {last, rows}, x.shape)});
  }

private:
  Value linear(const Value &input, const std::string &name, int64_t columns) {
    const Value weight = w.weight(name + ".weight", {columns, input.shape.back()});
    return w.add(w.linear(input, weight), w.weight(name + ".bias", {columns}));
  }

  Value embedding() {
    const Value ids = w.input("ids", {c.batch, c.tokens}, DType::i32);
    const Value table = w.weight("word", {kVocabulary, embed}), positions = w.weight("position", {c.tokens, embed});
    const Value words =
        w.op("attn.embedding " + table.name + ", " + ids.name, {table, ids}, {c.batch, c.tokens, embed});
    return w.layerNorm(w.add(words, positions), "norm0");
  }

  Value heads(const Value &input, const std::string &name, int64_t rows) {
    const Value y = linear(input, name, embed);
    return w.op("attn.split_heads " + y.name + " {heads = " + std::to_string(c.heads) + "}", {y},
                {c.batch, c.heads, rows, c.headDim});
  }

  Value turned(const Value &x, int64_t rows) {
    if (!c.rotary)
      return x;
    const Value cos = w.weight("cos." + x.name.substr(1), {rows, c.headDim / 2}),
                sin = w.weight("sin." + x.name.substr(1), {rows, c.headDim / 2});
    return w.op("attn.rotary " + x.name + ", " + cos.name + ", " + sin.name, {x, cos, sin}, x.shape);
  }

  Value attention(const Value &x, const Value &memory) {
    const int64_t keys = c.memory ? c.memory : c.tokens;
    const Value query = turned(heads(x, "q", c.tokens), c.tokens), key = turned(heads(memory, "k", keys), keys),
                value = heads(memory, "v", keys);
    const Shape scores = {c.batch, c.heads, c.tokens, keys};
    const Value dots = w.op("attn.matmul " + query.name + ", " + key.name + " {transpose_rhs}", {query, key}, scores);
    const Value live = w.op("attn.modify_scores " + dots.name + " captures(" + memoryLengths.name + ") " + region(),
                            {dots, memoryLengths}, scores);
    const Value weights =
        c.normalizer == "softmax"
            ? w.op("attn.softmax " + live.name + " {axis = 3, fully_masked = #attn<fully_masked " + c.fullyMasked +
                       ">}",
                   {live}, scores)
            : w.op("attn.score_weights " + c.normalizer + " " + live.name + " {factor = 0.5 : f32}", {live}, scores);
    const Value mixed = w.op("attn.matmul " + weights.name + ", " + value.name, {weights, value}, query.shape);
    return w.op("attn.merge_heads " + mixed.name, {mixed}, {c.batch, c.tokens, embed});
  }

  /// Keys below the length, and for `causal` not behind the query.
  std::string region() const {
    const std::string batch = c.batch == kBatch ? "?" : std::to_string(c.batch);
    std::string text = "{ ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index, %all: tensor<" + batch +
                       "xi32>):\n"
                       "  %n = attn.element %all[%b] : tensor<" +
                       batch +
                       "xi32> -> i32\n"
                       "  %length = arith.index_cast %n : i32 to index\n"
                       "  %there = arith.cmpi slt, %j, %length : index\n";
    if (c.causal)
      text += "  %before = arith.cmpi sle, %j, %i : index\n  %both = arith.andi %before, %there : i1\n";
    if (c.repeated)
      text += "  %nine = arith.constant 9 : index\n  %before = arith.cmpi sle, %j, %i : index\n"
              "  %early = arith.cmpi slt, %j, %nine : index\n  %late = arith.cmpi sgt, %j, %nine : index\n"
              "  %a = arith.ori %early, %before : i1\n  %c = arith.ori %late, %before : i1\n"
              "  %ab = arith.andi %a, %c : i1\n  %both = arith.andi %ab, %there : i1\n";
    return text + "  attn.score %score, " + (c.causal || c.repeated ? "%both" : "%there") + "\n}";
  }

  const SequenceCase c;
  const int64_t embed;
  ModelWriter w;
  Value lengths, memoryLengths;
};

Data dataWith(const Model &model, const std::vector<double> &lengths, int64_t memory = 0) {
  Data data = randomData(model, static_cast<int64_t>(lengths.size()), 3, kVocabulary);
  inputOf(model, data, "lengths").values = lengths;
  if (memory) {
    Array &own = inputOf(model, data, "memory_lengths");
    for (size_t i = 0; i < own.values.size(); ++i)
      own.values[i] = static_cast<double>(memory - static_cast<int64_t>(i) % memory);
  }
  return data;
}

bool usesPackedRows(const Model &model) { return kernelCalls(model).find("token_rows") != std::string::npos; }

/// Against the reference, against the padded model's bits, for some numbers of threads.
void checkBatches(const SequenceCase &c, const std::vector<std::vector<double>> &batches) {
  const Model model = SequenceModel(c).write();
  ASSERT_TRUE(usesPackedRows(model));
  CompileOptions padded;
  padded.packRows = false;
  const Kernel packedKernel(model), paddedKernel(model, padded);
  for (const std::vector<double> &lengths : batches) {
    SCOPED_TRACE(testing::PrintToString(lengths));
    const Data data = dataWith(model, lengths, c.memory);
    const Array result = packedKernel.run(data).front();
    const Expected expected = evaluate(model, data);
    EXPECT_TRUE(isAsGoodAsNaive(result, expected.f64.front(), expected.f32.front()));
    EXPECT_TRUE(haveSameBits(result, paddedKernel.run(data).front()));
    for (int threads : {2, 3, 8})
      EXPECT_TRUE(haveSameBits(result, packedKernel.run(data, {threads}).front())) << threads << " threads";
  }
}

void check(const SequenceCase &c, const std::vector<double> &lengths) { checkBatches(c, {lengths}); }

TEST(PackedRows, EqualPaddedOnesAroundEveryTile) {
  for (int64_t tokens : {1, 2, 7, 8, 9, 15, 16, 17, 33, 67}) {
    SCOPED_TRACE(tokens);
    SequenceCase c;
    c.tokens = tokens;
    const auto size = static_cast<double>(tokens);
    check(c, {size, 0, 1, std::floor(size / 2), size - 1, size, std::min(size, 9.0)});
  }
}

TEST(PackedRows, LengthsMayBeAnything) {
  SequenceCase c;
  c.tokens = 19;
  checkBatches(c, {{0}, {1}, {19}, {0, 0, 0}, {19, 19, 19, 19}, {0, 19}, {19, 0}, {-5, 3, 1000000, 7}, {-1, -1}});
}

TEST(PackedRows, StaticBatch) {
  SequenceCase c;
  c.tokens = 21, c.batch = 4;
  check(c, {21, 4, 0, 13});
}

TEST(PackedRows, UnderACausalMask) {
  for (int64_t tokens : {9, 33, 50}) {
    SequenceCase c;
    c.tokens = tokens, c.causal = true;
    check(c, {static_cast<double>(tokens), 1, 0, 8, 9});
  }
}

TEST(PackedRows, UnderAConditionThatOccursTwice) {
  for (int64_t headDim : {1, 16, 17}) {
    SequenceCase c;
    c.tokens = 13, c.headDim = headDim, c.repeated = true;
    check(c, {13, 1, 0, 10});
  }
}

TEST(PackedRows, OtherNormalizers) {
  for (const char *kind : {"relu", "sigmoid", "identity"}) {
    SequenceCase c;
    c.tokens = 18, c.normalizer = kind;
    check(c, {18, 1, 0, 11, 17});
  }
}

TEST(PackedRows, LookedUpTokensWithPositions) {
  SequenceCase c;
  c.tokens = 14, c.tokenIds = true;
  check(c, {14, 0, 3, 13});
}

TEST(PackedRows, RotatedHeads) {
  SequenceCase c;
  c.tokens = 23, c.rotary = true;
  check(c, {23, 0, 8, 22});
}

TEST(PackedRows, PooledRows) {
  SequenceCase c;
  c.tokens = 17, c.pooled = true;
  check(c, {17, 2, 9, 1});
}

TEST(PackedRows, QueriesAndKeysOfDifferentLengths) {
  for (int64_t memory : {5, 16, 31}) {
    SequenceCase c;
    c.tokens = 13, c.memory = memory;
    check(c, {13, 5, 0, 12});
  }
}

TEST(PackedRows, HeadsWiderAndNarrowerThanAVector) {
  for (int64_t headDim : {1, 3, 17, 32, 64}) {
    SequenceCase c;
    c.tokens = 20, c.headDim = headDim, c.heads = 3;
    check(c, {20, 1, 13, 0, 16});
  }
}

TEST(PackedRows, PaddingHasNoInfluence) {
  SequenceCase c;
  c.tokens = 12;
  const Model model = SequenceModel(c).write();
  const Kernel kernel(model);
  Data data = dataWith(model, {12, 5, 0});
  const Array clean = kernel.run(data).front();
  Array &x = inputOf(model, data, "x");
  const int64_t width = x.shape.back();
  for (int64_t row : {12 + 5, 12 + 11, 24, 35})
    for (int64_t i = 0; i < width; ++i)
      x.values[static_cast<size_t>(row * width + i)] = i % 2 ? std::nan("") : HUGE_VAL;
  EXPECT_TRUE(haveSameBits(clean, kernel.run(data).front()));
}

TEST(PackedRows, ARowDoesNotDependOnTheOtherSequences) {
  SequenceCase c;
  c.tokens = 26;
  const Model model = SequenceModel(c).write();
  const Kernel kernel(model);
  const Data data = dataWith(model, {26, 7, 0, 19, 1});
  const Array together = kernel.run(data).front();
  const int64_t size = 26 * together.shape.back();
  for (int64_t b = 0; b < 5; ++b) {
    Data alone = data;
    alone.batch = 1;
    for (Array &input : alone.inputs) {
      const int64_t part = elementCount(input.shape) / 5;
      input.values.assign(input.values.begin() + b * part, input.values.begin() + (b + 1) * part);
      input.shape[0] = 1;
    }
    Array expected = together;
    expected.shape[0] = 1;
    expected.values.assign(together.values.begin() + b * size, together.values.begin() + (b + 1) * size);
    EXPECT_TRUE(haveSameBits(kernel.run(alone).front(), expected)) << "sequence " << b;
  }
}

TEST(PackedRows, SameBitsForEveryTarget) {
  SequenceCase c;
  c.tokens = 37;
  const Model model = SequenceModel(c).write();
  const Data data = dataWith(model, {37, 5, 0, 16});
  const Array expected = Kernel(model).run(data).front();
  for (const char *cpu : {"x86-64-v3", "x86-64-v4"}) {
    if (!canRun(cpu))
      continue;
    CompileOptions options;
    options.cpu = cpu;
    EXPECT_TRUE(haveSameBits(Kernel(model, options).run(data).front(), expected)) << cpu;
  }
}

/// With padding computed in blocks of keys, against the reference; padding has no influence there either.
void checkBlocksOfKeys(const SequenceCase &c, const std::vector<double> &lengths) {
  const Model model = SequenceModel(c).write();
  CompileOptions options;
  options.packRows = false, options.blockKeys = 16;
  const Kernel kernel(model, options);
  Data data = dataWith(model, lengths);
  const Array result = kernel.run(data).front();
  const Expected expected = evaluate(model, data);
  EXPECT_TRUE(isAsGoodAsNaive(result, expected.f64.front(), expected.f32.front()));
  EXPECT_TRUE(haveSameBits(result, kernel.run(data, {3}).front()));
  Array &x = inputOf(model, data, "x");
  const int64_t width = x.shape.back();
  for (size_t b = 0; b < lengths.size(); ++b)
    for (int64_t i = static_cast<int64_t>(lengths[b]) * width; i < c.tokens * width; ++i)
      x.values[b * static_cast<size_t>(c.tokens * width) + static_cast<size_t>(i)] = i % 2 ? std::nan("") : HUGE_VAL;
  EXPECT_TRUE(haveSameBits(result, kernel.run(data).front()));
}

TEST(PackedRows, BlocksOfKeysWithLengths) {
  for (int64_t tokens : {16, 33, 64, 67}) {
    SCOPED_TRACE(tokens);
    const auto size = static_cast<double>(tokens);
    SequenceCase c;
    c.tokens = tokens;
    checkBlocksOfKeys(c, {size, 0, 1, 15, 16, size - 1});
    c.causal = true;
    checkBlocksOfKeys(c, {size, 0, 1, 15, 16, size - 1});
    c.headDim = 17;
    checkBlocksOfKeys(c, {size - 1, 0, 9});
  }
  for (const char *kind : {"relu", "identity"}) {
    SequenceCase c;
    c.tokens = 40, c.normalizer = kind;
    checkBlocksOfKeys(c, {40, 0, 17, 32});
  }
}

TEST(PackedRows, TakeWholeRowsOfScores) {
  SequenceCase c;
  c.tokens = 40;
  const Model model = SequenceModel(c).write();
  const Data data = dataWith(model, {40, 3, 0, 17});
  CompileOptions blocks;
  blocks.blockKeys = 16;
  EXPECT_TRUE(haveSameBits(Kernel(model, blocks).run(data).front(), Kernel(model).run(data).front()));
}

TEST(PackedRows, FailWhereAQueryHasNoKey) {
  SequenceCase c;
  c.tokens = 19, c.fullyMasked = "error";
  check(c, {19, 1, 8});
  const Model model = SequenceModel(c).write();
  EXPECT_THROW(Kernel(model).run(dataWith(model, {19, 0, 8})), std::runtime_error);
}

TEST(PackedRows, WithoutFusion) {
  SequenceCase c;
  c.tokens = 11, c.tokenIds = true;
  const Model model = SequenceModel(c).write();
  const Data data = dataWith(model, {11, 3, 0, 8});
  const Array expected = Kernel(model).run(data).front();
  CompileOptions apart;
  apart.fuseEpilogue = false;
  EXPECT_TRUE(haveSameBits(Kernel(model, apart).run(data).front(), expected));
}

} // namespace
} // namespace attnc::test
