// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models as tests write them: attn IR made line by line, the tensors that it takes, and what the compiler and the
// reference make of it. No header of MLIR or Halide is needed here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace attnc::test {

enum class DType { f32, i32, i64, i1 };

/// The extent of the run-time batch.
constexpr int64_t kBatch = -1;
using Shape = std::vector<int64_t>;

/// Dense row-major values. f32 values are exact in a double, as integers are.
struct Array {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<double> values;
};

int64_t elementCount(const Shape &shape);
Shape withBatch(Shape shape, int64_t batch);

/// A value of the model function.
struct Value {
  std::string name; ///< As IR spells it: %x.
  Shape shape;
  DType dtype = DType::f32;
};

struct TensorSpec {
  std::string name;
  Shape shape;
  DType dtype = DType::f32;
};

/// A model function with its interface.
struct Model {
  std::string text;
  std::vector<TensorSpec> inputs, weights;
};

/// What a model is run on, in the order of its inputs; weights by name.
struct Data {
  int64_t batch = 1;
  std::vector<Array> inputs;
  std::map<std::string, Array> weights;
};

/// Writes a model function. Ops append a line and return its value; text is attn IR, so what the verifier rejects fails
/// loudly.
class ModelWriter {
public:
  /// The schedules suit `minBatch`.
  explicit ModelWriter(int64_t minBatch = 1, int64_t maxBatch = 64) : minBatch(minBatch), maxBatch(maxBatch) {}

  Value input(const std::string &name, const Shape &shape, DType dtype = DType::f32);
  Value weight(const std::string &name, const Shape &shape);

  /// A vector that the compiler knows.
  Value constant(const std::vector<float> &values);

  /// `text` is the op up to its types, for which `operands` are listed: op("attn.pool mean " + x.name, {x}, shape).
  Value op(const std::string &text, const std::vector<Value> &operands, const Shape &shape, DType dtype = DType::f32);

  /// x times the rows of a weight, as torch.nn.Linear without its bias.
  Value linear(const Value &x, const Value &weight, const std::string &precision = "f32");
  Value add(const Value &x, const Value &y);
  Value activation(const std::string &kind, const Value &x);
  /// With a weight and a bias of their own, named after `name`.
  Value layerNorm(const Value &x, const std::string &name, double eps = 1e-5);
  Value rmsNorm(const Value &x, const std::string &name, double eps = 1e-5);

  Model finish(const std::vector<Value> &results);

private:
  int64_t minBatch, maxBatch;
  int counter = 0;
  std::string body;
  Model model;
};

struct CompileOptions {
  std::string cpu = "host"; ///< Or several with commas between them.
  bool mergeProjections = true, fuseAttention = true, packRows = true, fuseEpilogue = true;
  int64_t microbatch = -1; ///< Batch elements of a thread's share; 0: all at once, -1: by cost.
  int64_t blockKeys = -1;  ///< Of attention's blocks; 0: whole score rows, -1: by shape.
};

/// Passes and codegen; the weights are handed over at init. Throws std::runtime_error with the diagnostics.
std::string compileObject(const Model &model, const CompileOptions &options = {});

/// The kernels in the order of their calls, as "matmul_0 attention_0 ...".
std::string kernelCalls(const Model &model, const CompileOptions &options = {});

/// The results by the reference interpreter, in f64 and in f32 in index order. Throws as above.
struct Expected {
  std::vector<Array> f64, f32;
};
Expected evaluate(const Model &model, const Data &data);

} // namespace attnc::test
