// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A result has the same bits for any number of threads, wherever in a batch or a tile its row is, whatever the
// schedule, and for every x86-64 target: lanes of reductions are part of the algorithm, and one rule forms
// multiply-adds.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"

#include <algorithm>
#include <memory>

namespace attnc::test {
namespace {

struct NamedModel {
  std::string name;
  Model model;
  int64_t blockKeys = -1; ///< As CompileOptions has it.
  mutable std::shared_ptr<Kernel> compiled = nullptr;

  CompileOptions options(const char *cpu = "host") const {
    CompileOptions options;
    options.cpu = cpu;
    options.blockKeys = blockKeys;
    return options;
  }

  /// Compiled for the host, once for all tests.
  const Kernel &kernel() const {
    if (!compiled)
      compiled = std::make_shared<Kernel>(model, options());
    return *compiled;
  }
};

Model rowwiseModel(int64_t width) {
  ModelWriter w;
  const Value x = w.input("x", {kBatch, 13, width}), blocked = w.input("blocked", {kBatch, 13}, DType::i1);
  const Value softmax = w.op("attn.softmax " + x.name + " {axis = 2}", {x}, x.shape);
  const Value across = w.op("attn.softmax " + x.name + " {axis = 1}", {x}, x.shape);
  const Value unit = w.op("attn.l2norm " + x.name + " {eps = 1.0e-12 : f64}", {x}, x.shape);
  const Value mean = w.op("attn.pool mean " + x.name + " blocked " + blocked.name, {x, blocked}, {kBatch, width});
  return w.finish({softmax, across, unit, mean, w.layerNorm(x, "norm"), w.rmsNorm(x, "rms"), w.activation("tanh", x)});
}

/// A stored product that softmax subtracts its maximum from: full tasks are unrolled, the last one is not.
Model scaledSoftmaxModel(int64_t rows) {
  ModelWriter w;
  const Value x = w.input("x", {kBatch, rows, rows});
  const Value scaled = w.op("attn.scale " + x.name + " {factor = 0.7071 : f32}", {x}, x.shape);
  return w.finish({w.op("attn.softmax " + scaled.name + " {axis = 2}", {scaled}, x.shape)});
}

/// The last key has a score of its own, the others a scaled product: for some vectors all scores are products.
Model sinkModel() {
  return scoredModel(2, 8, 9, 16,
                     "  %c = arith.constant 0.7071 : f32\n  %sink = arith.constant 0.3 : f32\n"
                     "  %last = arith.constant 8 : index\n  %scaled = arith.mulf %score, %c : f32\n"
                     "  %is_sink = arith.cmpi eq, %j, %last : index\n"
                     "  %own = arith.select %is_sink, %sink, %scaled : f32\n"
                     "  %true = arith.constant true\n  attn.score %own, %true");
}

/// Models whose first dimension is the run-time batch.
const std::vector<NamedModel> &batchModels() {
  static const std::vector<NamedModel> models = [] {
    std::vector<NamedModel> list = {{"encoder", encoderModel(19, 48, 3, 100)},
                                    {"rows 37", rowwiseModel(37)},
                                    {"rows 300", rowwiseModel(300)},
                                    {"scaled softmax", scaledSoftmaxModel(37)},
                                    {"narrow encoder", encoderModel(31, 12, 3, 17)},
                                    {"one column more than a vector", matmulModel({kBatch, 12, 17, "gelu_tanh"})}};
    for (const char *epilogue : {"none", "gelu", "gelu_tanh", "tanh", "residual", "residual_layernorm", "rmsnorm"})
      list.push_back({std::string("matmul ") + epilogue, matmulModel({kBatch, 39, 23, epilogue})});
    for (const auto &[mask, keys] :
         {std::pair(Mask::None, 66), {Mask::Keys, 5}, {Mask::Keys, 21}, {Mask::Bias, 21}, {Mask::Everything, 66}})
      list.push_back({"attention " + std::to_string(static_cast<int>(mask)) + " " + std::to_string(keys),
                      attentionModel({kBatch, 2, 17, keys, 20, 24, mask})});
    for (const auto &[mask, blockKeys] : {std::pair(Mask::Keys, 16), {Mask::Bias, 32}, {Mask::None, 48}}) {
      AttentionCase c{kBatch, 2, 41, 70, 20, 24, mask};
      c.causal = mask != Mask::Bias;
      c.logSumExp = mask == Mask::Keys;
      list.push_back({"attention in blocks of " + std::to_string(blockKeys), attentionModel(c), blockKeys});
    }
    return list;
  }();
  return models;
}

Array element(const Array &array, int64_t index) {
  Array part{array.dtype, array.shape, {}};
  part.shape[0] = 1;
  const size_t size = static_cast<size_t>(elementCount(part.shape)), start = static_cast<size_t>(index) * size;
  part.values.assign(array.values.begin() + static_cast<std::ptrdiff_t>(start),
                     array.values.begin() + static_cast<std::ptrdiff_t>(start + size));
  return part;
}

/// What the model makes of element `index` alone, for inputs with a run-time batch.
Data alone(const Model &model, const Data &data, int64_t index) {
  Data part = data;
  part.batch = 1;
  for (size_t i = 0; i < part.inputs.size(); ++i)
    if (model.inputs[i].shape[0] == kBatch)
      part.inputs[i] = element(part.inputs[i], index);
  return part;
}

void expectSameBits(const std::vector<Array> &a, const std::vector<Array> &b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(haveSameBits(a[i], b[i])) << "result " << i;
}

TEST(Bits, DoNotDependOnThreads) {
  for (const NamedModel &named : batchModels()) {
    SCOPED_TRACE(named.name);
    const Model &model = named.model;
    const Kernel &kernel = named.kernel();
    const Data data = randomData(model, 7);
    const std::vector<Array> one = kernel.run(data);
    for (int threads : {2, 3, 8})
      expectSameBits(one, kernel.run(data, {threads}));
  }
}

TEST(Bits, DoNotDependOnTheBatch) {
  for (const NamedModel &named : batchModels()) {
    SCOPED_TRACE(named.name);
    const Model &model = named.model;
    const Kernel &kernel = named.kernel();
    for (int64_t batch : {5, 32}) {
      const Data data = randomData(model, batch);
      const std::vector<Array> together = kernel.run(data);
      for (int64_t index : {int64_t(0), int64_t(3), batch - 1}) {
        const std::vector<Array> single = kernel.run(alone(model, data, index));
        for (size_t i = 0; i < single.size(); ++i)
          EXPECT_TRUE(haveSameBits(element(together[i], index), single[i])) << "element " << index << " of " << batch;
      }
    }
  }
}

TEST(Bits, DoNotDependOnTheMicrobatch) {
  for (const Model &model : {encoderModel(31, 12, 3, 17), attentionModel({kBatch, 2, 17, 21, 20, 24, Mask::Keys})}) {
    const Data data = randomData(model, 11);
    CompileOptions options;
    options.microbatch = 0;
    const std::vector<Array> whole = Kernel(model, options).run(data);
    for (int64_t share : {1, 2, 4}) {
      options.microbatch = share;
      const Kernel kernel(model, options);
      for (int threads : {1, 2})
        expectSameBits(kernel.run(data, {threads}), whole);
    }
  }
}

/// Row r of a matmul of 47 rows is row 0 of a matmul of fewer: another place in another tile.
TEST(Bits, DoNotDependOnThePlaceInATile) {
  for (const char *epilogue : {"gelu", "residual_layernorm"}) {
    const Model all = matmulModel({47, 41, 23, epilogue});
    const Data data = randomData(all, 1);
    const Array expected = Kernel(all).run(data).front();
    for (int64_t first : {1, 5, 9, 40, 46}) {
      const Model few = matmulModel({47 - first, 41, 23, epilogue});
      Data shifted = data;
      for (Array &input : shifted.inputs) {
        input.values.erase(input.values.begin(), input.values.begin() + first * input.shape[1]);
        input.shape[0] -= first;
      }
      Array rest = expected;
      rest.values.erase(rest.values.begin(), rest.values.begin() + first * rest.shape[1]);
      rest.shape[0] -= first;
      EXPECT_TRUE(haveSameBits(Kernel(few).run(shifted).front(), rest)) << epilogue << " from row " << first;
    }
  }
}

/// A query's row does not depend on how many queries there are.
TEST(Bits, DoNotDependOnOtherQueries) {
  for (int64_t blockKeys : {-1, 16}) {
    CompileOptions options;
    options.blockKeys = blockKeys;
    const Model all = attentionModel({kBatch, 1, 33, 53, 20, 24, Mask::Keys});
    const Data data = randomData(all, 1);
    const Array expected = Kernel(all, options).run(data).front();
    for (int64_t queries : {1, 2, 10, 31}) {
      const Model few = attentionModel({kBatch, 1, queries, 53, 20, 24, Mask::Keys});
      Data part = data;
      Array &query = inputOf(few, part, "query");
      query.shape[2] = queries;
      query.values.resize(static_cast<size_t>(elementCount(query.shape)));
      Array first = expected;
      first.shape[2] = queries;
      first.values.resize(static_cast<size_t>(elementCount(first.shape)));
      EXPECT_TRUE(haveSameBits(Kernel(few, options).run(part).front(), first)) << queries << ", blocks " << blockKeys;
    }
  }
}

TEST(Bits, DoNotDependOnTheTarget) {
  for (const char *cpu : {"x86-64-v3", "x86-64-v4"})
    if (!canRun(cpu))
      GTEST_SKIP() << "this CPU runs no code for " << cpu;
  std::vector<NamedModel> models = batchModels();
  models.push_back({"sink", sinkModel()});
  for (const NamedModel &named : models) {
    SCOPED_TRACE(named.name);
    const Model &model = named.model;
    const Data data = randomData(model, 3);
    const Kernel both(model, named.options("x86-64-v3,x86-64-v4"));
    RunOptions v3, v4;
    v3.cpu = "x86-64-v3";
    v4.cpu = "x86-64-v4";
    const std::vector<Array> results = both.run(data, v3);
    expectSameBits(results, both.run(data, v4));
    expectSameBits(results, named.kernel().run(data));
  }
}

} // namespace
} // namespace attnc::test
