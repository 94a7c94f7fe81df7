// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The nodes of a Graph, each one op of the dialect. The ops' own constraints are the check: their messages arrive with
// the node's place in the file.
#include "frontend/ImportBuilder.h"

using namespace mlir;

namespace attnc {

namespace {

/// Emits one node.
class NodeImporter {
public:
  NodeImporter(ImportBuilder &builder, const NodeDesc &node, ArrayRef<Value> inputs)
      : builder(builder), node(node), inputs(inputs) {}

  Value import() {
    using Emit = Value (NodeImporter::*)();
    static const std::unordered_map<std::string, Emit> table = {
        {"weight", &NodeImporter::weight},
        {"constant", &NodeImporter::constant},
        {"matmul", &NodeImporter::matmul},
        {"add", &NodeImporter::plain<attn::AddOp>},
        {"sub", &NodeImporter::plain<attn::SubOp>},
        {"mul", &NodeImporter::plain<attn::MulOp>},
        {"div", &NodeImporter::plain<attn::DivOp>},
        {"scale", &NodeImporter::scale},
        {"activation", &NodeImporter::activation},
        {"is_zero", &NodeImporter::plain<attn::IsZeroOp>},
        {"padding_mask", &NodeImporter::paddingMask},
        {"mask", &NodeImporter::mask},
        {"softmax", &NodeImporter::softmax},
        {"layernorm", &NodeImporter::layerNorm},
        {"rmsnorm", &NodeImporter::withEps<attn::RMSNormOp>},
        {"l2norm", &NodeImporter::withEps<attn::L2NormOp>},
        {"pool", &NodeImporter::pool},
        {"embedding", &NodeImporter::embedding},
        {"split_heads", &NodeImporter::splitHeads},
        {"merge_heads", &NodeImporter::plain<attn::MergeHeadsOp>},
        {"transpose", &NodeImporter::transpose},
        {"reshape", &NodeImporter::reshape},
        {"slice", &NodeImporter::slice},
        {"concat", &NodeImporter::concat},
    };
    return (this->*table.at(*node.op))();
  }

private:
  template <typename T> T get(const char *key, T fallback = {}) const {
    const Located<AttributeValue> *attribute = node.attribute(key);
    return attribute ? std::get<T>(attribute->value) : fallback;
  }
  IntegerAttr integer(const char *key) const { return builder.builder.getI64IntegerAttr(get<int64_t>(key)); }
  /// An axis from 0; in the file -1 is the last one.
  IntegerAttr axis() const {
    int64_t value = get<int64_t>("axis");
    return builder.builder.getI64IntegerAttr(value < 0 ? value + (int64_t)ImportBuilder::shapeOf(inputs[0]).size()
                                                       : value);
  }
  /// The static extents of the node's "shape", the run-time one as MLIR writes it.
  SmallVector<int64_t> shape() const {
    SmallVector<int64_t> extents;
    for (const Extent &extent : get<Shape>("shape"))
      extents.push_back(extent.runtime ? ShapedType::kDynamic : extent.value);
    return extents;
  }
  FloatAttr eps(double fallback) const { return builder.builder.getF64FloatAttr(get<double>("eps", fallback)); }

  /// An error where the op takes other elements than `allowed` says.
  bool checkElements(size_t first, bool (*fits)(Type), const char *expected) {
    for (size_t i = first; i < inputs.size(); ++i)
      if (!fits(cast<RankedTensorType>(inputs[i].getType()).getElementType())) {
        builder.failAt(node.inputs[i].loc,
                       *node.op + " takes " + expected + ", but input " + inQuotes(*node.inputs[i]) + " is not");
        return false;
      }
    return true;
  }
  static bool isF32(Type type) { return type.isF32(); }
  static bool isMask(Type type) { return type.isInteger(1); }
  static bool isCountable(Type type) { return type.isInteger(1) || type.isInteger(32) || type.isInteger(64); }
  static bool isLength(Type type) { return type.isInteger(32); }
  static bool isIndex(Type type) { return type.isInteger(32) || type.isInteger(64); }
  bool allF32() { return checkElements(0, isF32, "f32"); }

  template <typename Op> Value plain() {
    constexpr bool isZero = std::is_same_v<Op, attn::IsZeroOp>;
    bool fits = isZero ? checkElements(0, isCountable, "bool, i32 or i64") : allF32();
    return fits ? builder.emit<Op>(inputs) : Value();
  }
  Value paddingMask() {
    if (!checkElements(0, isLength, "i32 lengths"))
      return {};
    return builder.emitWith<attn::PaddingMaskOp>(
        inputs, [&](attn::PaddingMaskOp::Properties &properties) { properties.size = integer("size"); });
  }
  Value mask() {
    if (!checkElements(1, isMask, "a bool mask"))
      return {};
    return builder.emitWith<attn::MaskOp>(inputs, [&](attn::MaskOp::Properties &properties) {
      if (node.attribute("fill"))
        properties.fill = builder.builder.getF32FloatAttr((float)get<double>("fill"));
    });
  }
  Value weight() {
    SmallVector<int64_t> extents = shape();
    if (llvm::is_contained(extents, ShapedType::kDynamic))
      return builder.failAt(node.attribute("shape")->loc, "a weight cannot have a run-time dimension");
    return builder.parameter(get<std::string>("parameter"), extents);
  }
  Value constant() {
    SmallVector<int64_t> extents = shape();
    if (llvm::is_contained(extents, ShapedType::kDynamic))
      return builder.failAt(node.attribute("shape")->loc, "a constant cannot have a run-time dimension");
    return builder.constant({(float)get<double>("value")}, extents);
  }
  Value matmul() { return allF32() ? builder.matmul(inputs[0], inputs[1], get<bool>("transpose_rhs")) : Value(); }
  Value scale() {
    if (!allF32())
      return {};
    return builder.emitWith<attn::ScaleOp>(inputs, [&](attn::ScaleOp::Properties &properties) {
      properties.factor = builder.builder.getF32FloatAttr((float)get<double>("factor"));
    });
  }
  Value activation() {
    std::optional<attn::ActivationKind> kind = attn::symbolizeActivationKind(get<std::string>("kind"));
    if (!allF32())
      return {};
    return builder.emitWith<attn::ActivationOp>(inputs, [&](attn::ActivationOp::Properties &properties) {
      properties.kind = attn::ActivationKindAttr::get(builder.builder.getContext(), *kind);
    });
  }
  Value softmax() {
    std::optional<attn::FullyMasked> policy = attn::symbolizeFullyMasked(get<std::string>("fully_masked", "zero"));
    if (!allF32())
      return {};
    return builder.emitWith<attn::SoftmaxOp>(inputs, [&](attn::SoftmaxOp::Properties &properties) {
      properties.axis = axis();
      properties.fully_masked = attn::FullyMaskedAttr::get(builder.builder.getContext(), *policy);
    });
  }
  Value layerNorm() {
    return allF32() ? builder.layerNorm(inputs[0], inputs.size() > 1 ? inputs[1] : Value(),
                                        inputs.size() > 2 ? inputs[2] : Value(), get<double>("eps", 1e-5))
                    : Value();
  }
  template <typename Op> Value withEps() {
    if (!allF32())
      return {};
    return builder.emitWith<Op>(
        inputs, [&](auto &properties) { properties.eps = eps(std::is_same_v<Op, attn::L2NormOp> ? 1e-12 : 1e-5); });
  }
  Value pool() {
    if (!checkElements(1, isMask, "a bool mask"))
      return {};
    std::optional<attn::PoolKind> kind = attn::symbolizePoolKind(get<std::string>("kind"));
    return builder.emitWith<attn::PoolOp>(inputs, [&](attn::PoolOp::Properties &properties) {
      properties.kind = attn::PoolKindAttr::get(builder.builder.getContext(), *kind);
    });
  }
  Value embedding() {
    if (!checkElements(1, isIndex, "i32 or i64 indices"))
      return {};
    if (ImportBuilder::shapeOf(inputs[0]).size() != 2)
      return builder.failAt(node.inputs[0].loc, "the table of an embedding must have rank 2, but " +
                                                    inQuotes(*node.inputs[0]) + " is " + builder.describe(inputs[0]));
    builder.limitIndices(inputs[1], ImportBuilder::shapeOf(inputs[0])[0]);
    return builder.emit<attn::EmbeddingOp>(inputs);
  }
  Value splitHeads() {
    if (!allF32())
      return {};
    return builder.emitWith<attn::SplitHeadsOp>(
        inputs, [&](attn::SplitHeadsOp::Properties &properties) { properties.heads = integer("heads"); });
  }
  Value transpose() { return builder.transpose(inputs[0], get<std::vector<int64_t>>("permutation")); }
  Value reshape() { return builder.reshape(inputs[0], shape()); }
  Value slice() { return builder.slice(inputs[0], axis().getInt(), get<int64_t>("start"), get<int64_t>("size")); }
  Value concat() {
    return builder.emitWith<attn::ConcatOp>(inputs,
                                            [&](attn::ConcatOp::Properties &properties) { properties.axis = axis(); });
  }

  ImportBuilder &builder;
  const NodeDesc &node;
  ArrayRef<Value> inputs;
};

} // namespace

Value importGraph(ImportBuilder &builder, const ModuleDesc &module, const GraphDesc &graph) {
  std::unordered_map<std::string, Value> nodes;
  for (const NodeDesc &node : graph.nodes) {
    SmallVector<Value> inputs;
    for (const Located<std::string> &name : node.inputs) {
      auto inner = nodes.find(*name);
      inputs.push_back(inner != nodes.end() ? inner->second : builder.values.at(*name));
    }
    std::string fullName = *module.name + "." + *node.name;
    builder.setPlace(fullName, node.loc);
    bool complete = llvm::all_of(inputs, [](Value input) { return bool(input); });
    Value result = complete ? NodeImporter(builder, node, inputs).import() : Value();
    nodes[*node.name] = result;
    builder.values[fullName] = result;
  }
  return nodes.at(*graph.output);
}

} // namespace attnc
