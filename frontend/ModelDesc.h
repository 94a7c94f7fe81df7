// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model as its description says it: plain structs with PyTorch's names and defaults, every field with its place in
// the file. Made by ParseModel (model.json) and HuggingFace (a model directory), read by the import into the attn
// dialect.
//
// What holds for every ModelDesc that a parser returns without errors:
//  - dimensions are resolved: each Extent has its number, after `--dim` overrides;
//  - every module has a name, and its inputs name earlier modules or model inputs (defaults filled in);
//  - every input and every parameter has fewer than 2^31 elements (the import checks the modules' results).
#pragma once

#include "frontend/Diagnostic.h"
#include "frontend/ScoreExpression.h"

#include <limits>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace attnc {

enum class DType { F32, I32, I64, Bool };
enum class ActivationKind { None, Relu, Gelu, GeluTanh, Silu, Tanh, Sigmoid };
enum class PoolingMode { Cls, Mean, Max };
enum class PositionKind { Learned, Sinusoidal };

/// Which value of a padding mask means what. PyTorch's key_padding_mask is Blocked (true = the key is left out); an
/// attention_mask of Hugging Face is Valid (1 = the key takes part).
enum class MaskConvention { None, Blocked, Valid };

/// Which query and key are abreast where there are more keys than queries or fewer: the first ones, or the last ones.
enum class CausalAlignment { TopLeft, BottomRight };

/// What a row of scores gives whose keys are all blocked.
enum class FullyMaskedRows { Zero, Nan, Error };

/// How scores become the weights of the values: all but Softmax look at each score by itself.
enum class Normalizer { Softmax, Relu, Sigmoid, Identity };

/// What stands in the result where a token is padding.
enum class PaddedRows { Zero, Keep };

/// What matmuls by weights round their operands to.
enum class MatmulPrecision { F32, Bf16, Int8 };

/// The spelling in model.json: "f32", "relu", "cls", "learned", "blocked" ...
const char *spelling(DType);
const char *spelling(ActivationKind);
const char *spelling(PoolingMode);
const char *spelling(PositionKind);
const char *spelling(MaskConvention);
const char *spelling(CausalAlignment);
const char *spelling(FullyMaskedRows);
const char *spelling(Normalizer);
const char *spelling(PaddedRows);
const char *spelling(MatmulPrecision);

/// A named dimension. A run-time dimension is given per call, from 1 to its extent; it may only lead a shape.
struct DimDesc {
  Located<std::string> name;
  Located<int64_t> extent; ///< The fixed extent, or the maximum of a run-time dimension.
  bool runtime = false;
};

/// One extent of a shape.
struct Extent {
  int64_t value = 0; ///< The fixed extent, or the maximum of a run-time dimension.
  bool runtime = false;
  std::string dim; ///< The dimension's name; empty for a plain number.

  bool operator==(const Extent &other) const { return value == other.value && runtime == other.runtime; }
  bool operator!=(const Extent &other) const { return !(*this == other); }
};

using Shape = std::vector<Extent>;

/// `[batch, 20, 256]`, as messages print shapes: a run-time dimension by its name.
std::string toString(const Shape &shape);

struct InputDesc {
  Located<std::string> name;
  Located<Shape> shape;
  Located<DType> dtype = DType::F32;
  Located<MaskConvention> mask =
      MaskConvention::None; ///< Stated by the file; None leaves it to the use (PyTorch's: Blocked).
};

/// The constant modifications of scores.
enum class ScoreStepKind { Causal, Window, Alibi, Softcap, RelativeBias, Expression };

/// A learned bias for each head and bucket of distances, as T5 has it.
struct RelativeBiasDesc {
  Located<std::string> parameter; ///< f32 (num_buckets, heads), by its full name.
  Located<int64_t> numBuckets = 32;
  Located<int64_t> maxDistance = 128; ///< From here on all distances of one direction share a bucket.
  Located<bool> bidirectional = true; ///< false: keys behind the query share the bucket of distance 0.
};

/// One of them, applied to every score after its scaling and before masks.
struct ScoreStepDesc {
  SourceLoc loc;
  ScoreStepKind kind = ScoreStepKind::Causal;
  CausalAlignment alignment = CausalAlignment::TopLeft; ///< Of Causal and Window.
  int64_t left = 0, right = 0;                          ///< Of a Window: how far it reaches to either side.
  double softcap = 1;
  RelativeBiasDesc relativeBias;
  ScoreExpression expression;
};

/// A mask of (queries, keys) that the description gives itself, where a module names a value else: one of causal,
/// parameter and elements.
struct MaskConstant {
  SourceLoc loc;
  std::optional<CausalAlignment> causal;         ///< Blocks the keys behind a query's place.
  std::optional<Located<std::string>> parameter; ///< An f32 mask of the weights file, by its full name.
  bool isBool = false;
  int64_t rows = 0, columns = 0;
  std::vector<float> elements; ///< Row-major; of a bool mask 1 for true.
  Located<std::string> hint;   ///< The key by which PyTorch is told that the mask is causal, where that is true.
  bool trueBlocks = true;      ///< Of a bool mask.

  bool blocks(size_t element) const {
    return isBool ? (elements[element] != 0) == trueBlocks
                  : elements[element] == -std::numeric_limits<float>::infinity();
  }
};

// -- Modules -------------------------------------------------------------------------------------------------------

/// nn.Linear, y = x W^T + b, with an optional activation after it (attnc's own key). Parameters: weight, bias.
struct LinearDesc {
  Located<int64_t> inFeatures;
  Located<int64_t> outFeatures;
  Located<bool> bias = true;
  Located<ActivationKind> activation = ActivationKind::None;
};

/// nn.LayerNorm over the last dimension. Parameters: weight, bias.
struct LayerNormDesc {
  Located<int64_t> normalizedShape;
  Located<double> eps = 1e-5;
  Located<bool> elementwiseAffine = true;
  Located<bool> bias = true;
};

/// nn.Embedding. Parameter: weight. With `row` it reads no input: that one row, of shape [embedding_dim], to be
/// broadcast by Add.
struct EmbeddingDesc {
  Located<int64_t> numEmbeddings;
  Located<int64_t> embeddingDim;
  Located<int64_t> row = -1; ///< -1: rows are chosen by the input.
};

/// Adds to x (.., seq, d_model) the encoding of each position: rows offset .. offset + seq of a table of max_len rows.
/// Learned: parameter `weight` (max_len, d_model). Sinusoidal: the table of "Attention is all you need", computed by
/// attnc.
struct PositionalEncodingDesc {
  Located<PositionKind> kind = PositionKind::Sinusoidal;
  Located<int64_t> dModel;
  Located<int64_t> maxLen = 5000;
  Located<int64_t> offset = 0;
  Located<bool> batchFirst = false;
};

/// A key that every query sees, whose value is 0: only the divisor of the softmax tells of it.
struct SinkDesc {
  SourceLoc loc;
  double logit = 0;                              ///< Its score, of all heads; 0: softmax with one more in the divisor.
  std::optional<Located<std::string>> parameter; ///< Instead: one for each head, f32 (heads), by its full name.
};

/// What all attention modules say of their scores and weights. With need_weights the weights are the value
/// `<module>.attn_weights`, with need_lse the log-sum-exp of the scores is `<module>.log_sum_exp`.
struct AttentionWeightsDesc {
  std::vector<ScoreStepDesc> score;
  Located<FullyMaskedRows> fullyMasked = FullyMaskedRows::Zero;
  Located<Normalizer> normalizer = Normalizer::Softmax;
  double normalizerScale = 1; ///< Times every weight.
  bool scaledByKeys = false;  ///< Instead: divided by the number of keys.
  std::optional<SinkDesc> sink;
  Located<bool> needWeights = false;
  Located<bool> needLse = false;
};

/// A cache of keys and values: those of this run's tokens go behind the ones of earlier runs, and every token sees
/// itself and all before it. How many each sequence has already, the argument `position` says.
struct CacheDesc {
  Located<int64_t> capacity = 0; ///< Tokens that each sequence has room for; 0: there is no cache.
};

/// Rotary positional encoding of query and key heads: pair i of a head at position p turns by the angle
/// (offset + p) theta^(-2i / head_dim). Pairs are the features i and i + head_dim/2, or 2i and 2i + 1 if interleaved.
struct RopeDesc {
  SourceLoc loc;
  Located<double> theta = 10000;
  Located<bool> interleaved = false;
  Located<int64_t> offset = 0; ///< The first query's and the first key's position.
};

/// nn.MultiheadAttention; ModuleDesc::inputs are query, key, value; arguments: attn_mask, key_padding_mask, lengths,
/// position.
/// Parameters, when kdim = vdim = embed_dim: in_proj_weight (3E, E), in_proj_bias (3E); else q_proj_weight,
/// k_proj_weight, v_proj_weight and in_proj_bias; always out_proj.weight, out_proj.bias; bias_k and bias_v (1, 1, E)
/// with add_bias_kv. ModuleDesc::parameters may ask for the split form (see there).
struct MultiheadAttentionDesc : AttentionWeightsDesc {
  Located<int64_t> embedDim;
  Located<int64_t> numHeads;
  Located<bool> bias = true;
  Located<int64_t> kdim = 0; ///< 0: embed_dim.
  Located<int64_t> vdim = 0; ///< 0: embed_dim.
  Located<bool> addBiasKv = false;
  Located<bool> addZeroAttn = false;
  Located<bool> batchFirst = false;
  Located<bool> averageAttnWeights = true;
  std::optional<RopeDesc> rope;
  CacheDesc cache;
};

/// Attention with the score v . tanh(W_q query + W_k key + b) (Bahdanau); inputs and arguments as MultiheadAttention.
/// Parameters: query_proj.weight (A, query_dim), key_proj.weight (A, key_dim), bias (A), score_proj.weight (1, A).
struct AdditiveAttentionDesc : AttentionWeightsDesc {
  Located<int64_t> queryDim;
  Located<int64_t> keyDim;
  Located<int64_t> valueDim = 0; ///< 0: key_dim.
  Located<int64_t> attentionDim;
  Located<bool> bias = true;
  Located<bool> batchFirst = false;
};

/// torch.nn.functional.scaled_dot_product_attention; ModuleDesc::inputs are query, key, value of
/// [.., heads, length, width]; arguments: attn_mask (bool: true takes part), lengths. No parameters of its own.
struct ScaledDotProductAttentionDesc : AttentionWeightsDesc {
  Located<bool> isCausal = false; ///< Aligned at the first query and key.
  Located<double> scale = 1;      ///< Not given: 1 / sqrt(width of the query).
  Located<bool> enableGqa = false;
};

/// What the layers of encoder and decoder have in common.
struct TransformerLayerDesc {
  SourceLoc loc;
  Located<int64_t> dModel;
  Located<int64_t> nhead;
  Located<int64_t> dimFeedforward = 2048;
  Located<ActivationKind> activation = ActivationKind::Relu;
  Located<double> layerNormEps = 1e-5;
  Located<bool> batchFirst = false;
  Located<bool> normFirst = false;
  Located<bool> bias = true;
  Located<FullyMaskedRows> fullyMasked = FullyMaskedRows::Zero;
  std::vector<ScoreStepDesc> score; ///< Of its self-attention.
  std::optional<RopeDesc> rope;     ///< Of its self-attention; a decoder's memory has no positions of tgt.
};

/// nn.TransformerEncoderLayer; arguments: src_mask, src_key_padding_mask, lengths, position.
/// Parameters: self_attn.* (as MultiheadAttention), linear1.*, linear2.*, norm1.*, norm2.*.
struct TransformerEncoderLayerDesc : TransformerLayerDesc {
  CacheDesc cache; ///< Of a layer that is a module; a stack has one for all its layers.
};

/// What encoder and decoder have in common. Parameters: layers.<i>.* and norm.*; with share_weights all layers use
/// layers.0.*.
struct TransformerStackDesc {
  Located<int64_t> numLayers;
  Located<bool> shareWeights = false;
  Located<PaddedRows> paddedRows = PaddedRows::Zero; ///< Of the tokens that src or tgt says are padding.
  std::optional<LayerNormDesc> norm;
  SourceLoc normLoc;
};

/// nn.TransformerEncoder; arguments: mask, src_key_padding_mask, lengths, position.
struct TransformerEncoderDesc : TransformerStackDesc {
  CacheDesc cache;
  TransformerEncoderLayerDesc layer;
};

/// nn.TransformerDecoderLayer; ModuleDesc::inputs are tgt, memory; arguments: tgt_mask, tgt_key_padding_mask,
/// tgt_lengths and memory_mask, memory_key_padding_mask, memory_lengths. Parameters: self_attn.*, multihead_attn.* (as
/// MultiheadAttention), linear1.*, linear2.*, norm1.*, norm2.*, norm3.*.
struct TransformerDecoderLayerDesc : TransformerLayerDesc {
  std::vector<ScoreStepDesc> memoryScore; ///< Of its attention to the memory.
};

/// nn.TransformerDecoder; inputs and arguments as of its layer.
struct TransformerDecoderDesc : TransformerStackDesc {
  TransformerDecoderLayerDesc layer;
};

/// nn.Transformer; ModuleDesc::inputs are src, tgt; arguments: those of the decoder, and src_mask,
/// src_key_padding_mask, src_lengths. Parameters: encoder.* and decoder.*, both with a norm. The layers differ in score
/// alone.
struct TransformerDesc {
  TransformerEncoderDesc encoder;
  TransformerDecoderDesc decoder;
};

struct ActivationDesc {
  Located<ActivationKind> function;
};

/// (batch, seq, embed) -> (batch, embed): the first position, or mean or maximum over the positions that
/// padding_mask (an argument) lets take part. A row without any valid position gives 0.
struct PoolingDesc {
  Located<PoolingMode> mode = PoolingMode::Mean;
  Located<bool> batchFirst = false;
};

/// x / max(||x||_2, eps) over the last dimension (torch.nn.functional.normalize).
struct NormalizeDesc {
  Located<double> eps = 1e-12;
};

/// The sum of ModuleDesc::inputs, shapes broadcast from the right.
struct AddDesc {};

/// nn.Dropout and nn.Identity: in inference both hand on their input.
struct IdentityDesc {};

using AttributeValue = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, Shape>;

/// One op of a Graph, named and parametrised as in the attn dialect.
struct NodeDesc {
  SourceLoc loc;
  Located<std::string> op;
  Located<std::string> name;
  std::vector<Located<std::string>> inputs; ///< Names of earlier nodes of this graph, else of modules or model inputs.
  std::map<std::string, Located<AttributeValue>> attributes;

  const Located<AttributeValue> *attribute(const std::string &key) const {
    auto it = attributes.find(key);
    return it == attributes.end() ? nullptr : &it->second;
  }
};

/// Any graph of the dialect's ops. Its result is the node named by `output`; other modules may also name
/// `<graph>.<node>`.
struct GraphDesc {
  std::vector<NodeDesc> nodes;
  Located<std::string> output;
};

using ModuleKind =
    std::variant<LinearDesc, LayerNormDesc, EmbeddingDesc, PositionalEncodingDesc, MultiheadAttentionDesc,
                 AdditiveAttentionDesc, ScaledDotProductAttentionDesc, TransformerEncoderLayerDesc,
                 TransformerEncoderDesc, TransformerDecoderLayerDesc, TransformerDecoderDesc, TransformerDesc,
                 ActivationDesc, PoolingDesc, NormalizeDesc, AddDesc, IdentityDesc, GraphDesc>;

/// One entry of `model`.
struct ModuleDesc {
  SourceLoc loc;
  Located<std::string> name; ///< Unique among modules and inputs; default: its index, as in nn.Sequential.
  /// The values that it reads: one for most kinds; query, key, value for attention; tgt, memory for decoders;
  /// src, tgt for Transformer; any number for Add; none for an Embedding with a row, and for a Graph.
  std::vector<Located<std::string>> inputs;
  /// Masks and other values that it reads besides, by their keys: {"key_padding_mask", "padding"}.
  std::map<std::string, Located<std::string>> arguments;
  /// Attention masks that are constants, by the keys of arguments.
  std::map<std::string, MaskConstant> constantMasks;
  /// Goes before every parameter's name. Default: name + ".".
  Located<std::string> prefix;
  /// PyTorch's parameter name within the module -> the name to use in its place, still behind the prefix. In both, `*`
  /// stands for the layer's index: {"layers.*.norm1.weight", "layer.*.attention.output.LayerNorm.weight"}. An attention
  /// whose q_proj_weight is renamed has separate q_proj_weight, k_proj_weight, v_proj_weight; one whose q_proj_bias is
  /// renamed has separate q_proj_bias, k_proj_bias, v_proj_bias.
  std::vector<std::pair<Located<std::string>, Located<std::string>>> parameters;
  ModuleKind kind;

  /// The full name of a parameter, as the weights file has it: prefix and renaming applied.
  std::string parameterName(const std::string &local) const;
  /// The value that the key names, or null.
  const Located<std::string> *argument(const std::string &key) const {
    auto it = arguments.find(key);
    return it == arguments.end() ? nullptr : &it->second;
  }
  const MaskConstant *constantMask(const std::string &key) const {
    auto it = constantMasks.find(key);
    return it == constantMasks.end() ? nullptr : &it->second;
  }
  /// Whether `parameters` renames that local name.
  bool renames(const std::string &local) const;
};

/// Where the weights come from. No path: the caller hands them over when the object is initialised.
struct WeightsDesc {
  Located<std::string> path; ///< As written; relative to the directory of the description.
  /// Parameter names that begin with `first` begin with `second` in the file; the first match applies.
  std::vector<std::pair<Located<std::string>, Located<std::string>>> prefixMap;
};

struct OutputDesc {
  Located<std::string> name;
  Located<std::string> value; ///< The module, `<graph>.<node>` or input that it is.
};

struct ModelDesc {
  Located<std::string> name; ///< A C identifier: names the symbols of kernel.h.
  std::string directory;     ///< Of the description, for relative paths; empty: the current one.
  std::vector<DimDesc> dims;
  std::vector<InputDesc> inputs;
  std::optional<WeightsDesc> weights;
  Located<MatmulPrecision> precision = MatmulPrecision::F32;
  std::vector<ModuleDesc> modules;
  std::vector<OutputDesc> outputs;
};

/// `--dim name=value` from the command line.
using DimOverrides = std::map<std::string, int64_t>;

} // namespace attnc
