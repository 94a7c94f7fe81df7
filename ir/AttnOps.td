// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops of the attn dialect. docs/OPS.md is their specification; a label such as softmax_c1 ties a constraint there
// to the verifier in AttnOps.cpp and to its test.

#ifndef ATTNC_IR_ATTNOPS_TD
#define ATTNC_IR_ATTNOPS_TD

include "ir/AttnBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// tensor_c1: at most one run-time extent (the batch), and the static extents multiply to an addressable size.
class Attn_RowsOf<list<Type> elements>
    : Type<And<[RankedTensorOf<elements>.predicate,
                CPred<"::attnc::attn::isModelShape(::llvm::cast<::mlir::RankedTensorType>($_self).getShape())">]>,
           RankedTensorOf<elements>.summary # " with at most one run-time extent and an addressable size",
           "::mlir::RankedTensorType">;
// packed_rows_c1: a tensor with the encoding #attn.packed_rows goes only where the rows are looked at one by one.
class Attn_TensorOf<list<Type> elements>
    : Type<And<[Attn_RowsOf<elements>.predicate,
                CPred<"::attnc::attn::hasAllRows(::llvm::cast<::mlir::RankedTensorType>($_self))">]>,
           Attn_RowsOf<elements>.summary # ", whose rows are not packed",
           "::mlir::RankedTensorType">;
def Attn_Float : Attn_TensorOf<[F32]>;
def Attn_FloatRows : Attn_RowsOf<[F32]>;
def Attn_Mask : Attn_TensorOf<[I1]>;
def Attn_Tensor : Attn_TensorOf<[F32, I1, I32, I64]>;
def Attn_Rows : Attn_RowsOf<[F32, I1, I32, I64]>;
def Attn_IndexRows : Attn_RowsOf<[I32, I64]>;

class Attn_Op<string mnemonic, list<Trait> traits = []> : Op<Attn_Dialect, mnemonic, traits>;

// An op whose result type follows from its operands and attributes. The inference checks the op's constraints, so it
// is the verifier too; a stated result type that differs from the inferred one is an error. A result has packed rows
// where its operand has.
class Attn_InferredOp<string mnemonic, list<Trait> traits = []>
    : Attn_Op<mnemonic, !listconcat([Pure, InferTypeOpAdaptor], traits)>;

// ---------------------------------------------------------------------------------------------------------------------
// Weights
// ---------------------------------------------------------------------------------------------------------------------

def Attn_ParameterOp : Attn_Op<"parameter", [Symbol]> {
  let summary = "declares a weight of the model under its PyTorch parameter name";
  let description = [{
    Its values are in the weight files or handed over at init, never in the IR.
    parameter_c1: the type is a static f32 tensor.
    ```mlir
    attn.parameter @"encoder.layers.0.self_attn.in_proj_weight" : tensor<768x256xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Attn_Float>:$type);
  let assemblyFormat = "$sym_name attr-dict `:` $type";
  let hasVerifier = 1;
}

def Attn_WeightOp : Attn_Op<"weight", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of an attn.parameter";
  let description = [{ weight_c1: names a parameter of the result's type. }];
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "$parameter attr-dict `:` type($result)";
}

def Attn_ConstantOp : Attn_Op<"constant", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "values that the compiler made (a sinusoidal table), not the user";
  let description = [{ constant_c1: the value is a static tensor of the result's type. }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Attn_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasVerifier = 1;
  let hasFolder = 1;
  let builders = [OpBuilder<(ins "::mlir::ElementsAttr":$value), [{
    build($_builder, $_state, value.getType(), value);
  }]>];
}

// ---------------------------------------------------------------------------------------------------------------------
// Contractions
// ---------------------------------------------------------------------------------------------------------------------

def Attn_MatmulOp : Attn_InferredOp<"matmul"> {
  let summary = "matrix product over the last two dimensions";
  let description = [{
    result[..., m, n] = sum_k lhs[..., m, k] * rhs[..., k, n], or rhs[..., n, k] with `transpose_rhs`
    (torch.nn.Linear's weight).
    matmul_c1: lhs has rank >= 1 and rhs rank >= 2; an lhs of rank 1 counts as one row, which the result drops.
    matmul_c2: the contracted extents are static and equal.
    matmul_c3: rhs has rank 2, or the rank of lhs and the same leading extents.
    matmul_c4: an rhs with the encoding #attn.panels has rank 2, transpose_rhs, and the encoding's precision.
    matmul_c5: a precision other than f32 needs an rhs of rank 2; int8 needs k <= 65536.
    matmul_c6: packed rows of lhs go with an rhs of rank 2.
    packed_rows_c3: where a row is taken as a whole (here and in the norms), packed rows have rank >= 3.
    `precision` says what the operands are rounded to before they are multiplied; sums and the result are f32 or exact.
    bf16: both to bfloat16, to nearest even. int8: each row of lhs and each column n of rhs is rotated (docs/OPS.md) and
    has a scale, a / 127 with a its largest magnitude; its elements x become the integer nearest to x * (127 / a), ties
    to even. The integers' products are summed exactly, and the sum is multiplied by both scales.
    `balance` moves magnitude from one operand to the other before that: element k of each row of lhs is multiplied by
    balance[k], a positive number, and element k of each column of rhs is divided by it, both in f32.
    matmul_c7: a balance needs the precision int8 and is a vector of the contracted extent.
  }];
  let arguments = (ins Attn_FloatRows:$lhs, Attn_Float:$rhs, UnitAttr:$transpose_rhs,
                       DefaultValuedAttr<Attn_PrecisionAttr, "::attnc::attn::Precision::f32">:$precision,
                       Optional<Attn_Float>:$balance);
  let results = (outs Attn_FloatRows:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs, CArg<"bool", "false">:$transpose_rhs,
                                 CArg<"::attnc::attn::Precision", "::attnc::attn::Precision::f32">:$precision), [{
    build($_builder, $_state, lhs, rhs, transpose_rhs, precision, ::mlir::Value());
  }]>];
  let extraClassDeclaration = [{
    /// The most products of u8 x s8 whose sum stays within an i32.
    static constexpr int64_t mostInt8Terms = 65536;
  }];
  let assemblyFormat = "$lhs `,` $rhs (`balance` $balance^)? attr-dict `:` functional-type(operands, results)";
}

def Attn_AdditiveScoreOp : Attn_InferredOp<"additive_score"> {
  let summary = "scores of additive (Bahdanau) attention: weight . tanh(query + key)";
  let description = [{
    result[..., i, j] = sum_d weight[d] * tanh(query[..., i, d] + key[..., j, d]): query [..., queries, width],
    key [..., keys, width] -> [..., queries, keys]. The projections of query and key are matmuls before it.
    additive_score_c1: query and key have the same rank >= 2, leading extents and width; the width is static.
    additive_score_c2: weight is a vector of the width.
  }];
  let arguments = (ins Attn_Float:$query, Attn_Float:$key, Attn_Float:$weight);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "$query `,` $key `weight` $weight attr-dict `:` functional-type(operands, results)";
}

// ---------------------------------------------------------------------------------------------------------------------
// Element by element
// ---------------------------------------------------------------------------------------------------------------------

// lhs and rhs broadcast as in NumPy: aligned at the last dimension, an extent of 1 or a missing one repeats.
// add_c1, sub_c1, mul_c1, div_c1: the shapes broadcast.
// packed_rows_c2: operands with packed rows have one shape and number, and another operand is the same for all rows.
class Attn_BinaryOp<string mnemonic, string symbol, list<Trait> traits = []> : Attn_InferredOp<mnemonic, traits> {
  let description = mnemonic # "_c1: the shapes broadcast.";
  let summary = "lhs " # symbol # " rhs, element by element, with NumPy's broadcasting";
  let arguments = (ins Attn_FloatRows:$lhs, Attn_FloatRows:$rhs);
  let results = (outs Attn_FloatRows:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}
def Attn_AddOp : Attn_BinaryOp<"add", "+", [Commutative]>;
def Attn_SubOp : Attn_BinaryOp<"sub", "-">;
def Attn_MulOp : Attn_BinaryOp<"mul", "*", [Commutative]>;
def Attn_DivOp : Attn_BinaryOp<"div", "/">;

def Attn_ScaleOp : Attn_InferredOp<"scale"> {
  let summary = "input * factor";
  let arguments = (ins Attn_FloatRows:$input, F32Attr:$factor);
  let results = (outs Attn_FloatRows:$result);
  let hasFolder = 1;
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_ActivationOp : Attn_InferredOp<"activation"> {
  let summary = "relu, gelu (erf), gelu_tanh, silu, tanh or sigmoid";
  let arguments = (ins Attn_FloatRows:$input, Attn_ActivationAttr:$kind);
  let results = (outs Attn_FloatRows:$result);
  let assemblyFormat = "`` $kind $input attr-dict `:` functional-type(operands, results)";
}

def Attn_IsZeroOp : Attn_InferredOp<"is_zero"> {
  let summary = "input == 0: turns a mask of valid tokens (1 = keep) into one of blocked tokens; on i1 it is not";
  let arguments = (ins RankedTensorOf<[I1, I32, I64]>:$input);
  let results = (outs Attn_Mask:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_PaddingMaskOp : Attn_InferredOp<"padding_mask"> {
  let summary = "true at the places from each sequence's length on";
  let description = [{
    lengths [batch] -> [batch, size]: a mask of blocked tokens.
    padding_mask_c1: lengths has rank 1.
    padding_mask_c2: size >= 1.
  }];
  let arguments = (ins Attn_TensorOf<[I32]>:$lengths, I64Attr:$size);
  let results = (outs Attn_Mask:$result);
  let assemblyFormat = "$lengths attr-dict `:` functional-type(operands, results)";
}

def Attn_MaskOp : Attn_InferredOp<"mask"> {
  let summary = "a constant, -inf by default, where blocked, else the input";
  let description = [{
    `blocked` broadcasts to the input (NumPy). True means blocked, as in nn.MultiheadAttention. The input's value at a
    blocked position has no influence, NaN included.
    mask_c1: blocked broadcasts to the input's shape.
  }];
  let arguments = (ins Attn_Float:$input, Attn_Mask:$blocked,
                   DefaultValuedAttr<F32Attr, "-std::numeric_limits<float>::infinity()">:$fill);
  let extraClassDeclaration = [{
    /// Whether what is blocked has no weight in a softmax.
    bool fillsWithMinusInfinity() { return getFill().isInfinity() && getFill().isNegative(); }
  }];
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "$input `,` $blocked attr-dict `:` functional-type(operands, results)";
}

def Attn_ModifyScoresOp : Attn_InferredOp<"modify_scores", [IsolatedFromAbove, SingleBlock]> {
  let summary = "a function of score, batch, head, query and key, applied to every score";
  let description = [{
    scores [batch, heads, queries, keys] or [heads, queries, keys]. The region is that of attn.attention, with the score
    in the place of the dot product: causal masks, windows, ALiBi, soft-caps and a description's own expressions are all
    such regions. A score whose key takes no part becomes -inf.
    ```mlir
    %m = attn.modify_scores %s {
      ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
        %causal = arith.cmpi sle, %j, %i : index
        attn.score %score, %causal
    } : (tensor<?x8x20x20xf32>) -> tensor<?x8x20x20xf32>
    ```
    modify_scores_c1: scores have rank 3 or 4 and no run-time extent but the batch.
    modify_scores_c2: the region's arguments and ops are as attention_c3 says.
  }];
  let arguments = (ins Attn_Float:$scores, Variadic<Attn_Tensor>:$captures);
  let results = (outs Attn_Float:$result);
  let regions = (region SizedRegion<1>:$score);
  let hasRegionVerifier = 1;
  let assemblyFormat = [{
    $scores (`captures` `(` $captures^ `)`)? attr-dict-with-keyword $score `:` functional-type(operands, results)
  }];
}

def Attn_ScoreWeightsOp : Attn_InferredOp<"score_weights"> {
  let summary = "weights of scores without a sum over the row: factor * relu, sigmoid or identity of the score";
  let description = [{
    A score of -inf, which is what a blocked key has, gives 0.
    score_weights_c1: the kind is relu, sigmoid or identity.
    score_weights_c2: factor is finite and > 0.
  }];
  let arguments = (ins Attn_Float:$scores, Attn_NormalizerAttr:$kind, DefaultValuedAttr<F32Attr, "1.0f">:$factor);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "`` $kind $scores attr-dict `:` functional-type(operands, results)";
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows
// ---------------------------------------------------------------------------------------------------------------------

def Attn_SoftmaxOp : Attn_InferredOp<"softmax"> {
  let summary = "exp(x - max) / sum along an axis";
  let description = [{
    A slice that is -inf everywhere becomes zeros or NaN, or makes the run fail, as `fully_masked` says.
    softmax_c1: axis is in [0, rank).
    softmax_c2: the extent along the axis is static.
  }];
  let arguments = (ins Attn_Float:$input, I64Attr:$axis,
                       DefaultValuedAttr<Attn_FullyMaskedAttr, "::attnc::attn::FullyMasked::zero">:$fully_masked);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_LogSumExpOp : Attn_InferredOp<"log_sum_exp"> {
  let summary = "log(sum(exp(x))) over the last dimension, which the result does not have";
  let description = [{
    log_sum_exp_c1: rank >= 1 and a static last extent.
  }];
  let arguments = (ins Attn_Float:$input);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_LayerNormOp : Attn_InferredOp<"layernorm", [AttrSizedOperandSegments]> {
  let summary = "(x - mean) / sqrt(var + eps) * weight + bias over the last dimension; biased variance";
  let description = [{
    layernorm_c1: rank >= 1 and a static last extent.
    layernorm_c2: weight and bias are vectors of the last extent.
    layernorm_c3: eps >= 0 and finite.
  }];
  let arguments = (ins Attn_FloatRows:$input, Optional<Attn_Float>:$weight, Optional<Attn_Float>:$bias, F64Attr:$eps);
  let results = (outs Attn_FloatRows:$result);
  let assemblyFormat = [{
    $input (`weight` $weight^)? (`bias` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Attn_RMSNormOp : Attn_InferredOp<"rmsnorm"> {
  let summary = "x / sqrt(mean(x^2) + eps) * weight over the last dimension";
  let description = [{ rmsnorm_c1, rmsnorm_c2, rmsnorm_c3: as layernorm_c1 to c3. }];
  let arguments = (ins Attn_FloatRows:$input, Optional<Attn_Float>:$weight, F64Attr:$eps);
  let results = (outs Attn_FloatRows:$result);
  let assemblyFormat = "$input (`weight` $weight^)? attr-dict `:` functional-type(operands, results)";
}

def Attn_L2NormOp : Attn_InferredOp<"l2norm"> {
  let summary = "x / max(||x||_2, eps) over the last dimension (torch.nn.functional.normalize)";
  let description = [{ l2norm_c1, l2norm_c2: as layernorm_c1 and c3. }];
  let arguments = (ins Attn_FloatRows:$input, F64Attr:$eps);
  let results = (outs Attn_FloatRows:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_RotaryOp : Attn_InferredOp<"rotary"> {
  let summary = "rotates pairs of features by the angles of their position (rotary positional encoding)";
  let description = [{
    input [..., seq, head_dim]; cos and sin [seq, head_dim/2] are those of the angles. Pair i of position s, (a, b), becomes
    (a cos - b sin, b cos + a sin). Pair i is the features i and i + head_dim/2 (GPT-NeoX, LLaMA), or with `interleaved`
    2i and 2i + 1 (RoFormer).
    rotary_c1: rank >= 2, static seq and head_dim, and head_dim is even.
    rotary_c2: cos and sin are [seq, head_dim/2].
  }];
  let arguments = (ins Attn_Float:$input, Attn_Float:$cos, Attn_Float:$sin, UnitAttr:$interleaved);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "$input `,` $cos `,` $sin attr-dict `:` functional-type(operands, results)";
}

def Attn_MeanOp : Attn_InferredOp<"mean"> {
  let summary = "the mean along an axis, which the result does not have";
  let description = [{ mean_c1: axis is in [0, rank) and its extent is static and >= 1. }];
  let arguments = (ins Attn_Float:$input, I64Attr:$axis);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_PoolOp : Attn_InferredOp<"pool"> {
  let summary = "one vector from a sequence of vectors";
  let description = [{
    input [..., seq, embed] -> [..., embed]: the first position, blocked or not (cls), or the mean or the maximum over
    the positions that are not blocked; of none, 0. A blocked position has no influence on mean and max, NaN included.
    pool_c1: rank >= 2 and a static sequence extent >= 1.
    pool_c2: blocked has the input's shape without its last dimension.
  }];
  let arguments = (ins Attn_Float:$input, Optional<Attn_Mask>:$blocked, Attn_PoolAttr:$kind);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "`` $kind $input (`blocked` $blocked^)? attr-dict `:` functional-type(operands, results)";
}

def Attn_EmbeddingOp : Attn_InferredOp<"embedding"> {
  let summary = "rows of a table: result[..., e] = table[indices[...], e]";
  let description = [{
    An index outside the table is an error of the caller, which attnc_run() reports before anything is written.
    embedding_c1: table is [rows, embed], static.
  }];
  let arguments = (ins Attn_Float:$table, Attn_IndexRows:$indices);
  let results = (outs Attn_FloatRows:$result);
  let assemblyFormat = "$table `,` $indices attr-dict `:` functional-type(operands, results)";
}

// ---------------------------------------------------------------------------------------------------------------------
// Shapes
// ---------------------------------------------------------------------------------------------------------------------

def Attn_SplitHeadsOp : Attn_InferredOp<"split_heads"> {
  let summary = "[..., seq, heads*head_dim] -> [..., heads, seq, head_dim]";
  let description = [{
    split_heads_c1: rank >= 2 and a static last extent.
    split_heads_c2: heads >= 1 divides the last extent.
  }];
  let arguments = (ins Attn_Float:$input, I64Attr:$heads);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_MergeHeadsOp : Attn_InferredOp<"merge_heads"> {
  let summary = "[..., heads, seq, head_dim] -> [..., seq, heads*head_dim]";
  let description = [{ merge_heads_c1: rank >= 3 and static heads and head_dim. }];
  let arguments = (ins Attn_Float:$input);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_TransposeOp : Attn_InferredOp<"transpose"> {
  let summary = "result dimension i is input dimension permutation[i]";
  let description = [{ transpose_c1: permutation is one of 0..rank-1. }];
  let arguments = (ins Attn_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Attn_Tensor:$result);
  let hasFolder = 1;
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_ReshapeOp : Attn_Op<"reshape", [Pure]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    reshape_c1: element type and number of elements are the same.
    reshape_c2: a run-time batch is the first extent of both shapes, or of neither.
  }];
  let arguments = (ins Attn_Tensor:$input);
  let results = (outs Attn_Tensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_BroadcastOp : Attn_Op<"broadcast", [Pure]> {
  let summary = "the input repeated to a larger shape, by NumPy's rule";
  let description = [{
    broadcast_c1: the element type stays, and the input's shape broadcasts to the result's.
  }];
  let arguments = (ins Attn_Tensor:$input);
  let results = (outs Attn_Tensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_SliceOp : Attn_InferredOp<"slice"> {
  let summary = "`size` elements from `start` along an axis";
  let description = [{
    slice_c1: axis is in [0, rank) and its extent is static.
    slice_c2: start >= 0, size >= 1 and start + size <= extent.
    slice_c3: of packed rows the axis is not one of the first two, which number them.
  }];
  let arguments = (ins Attn_Rows:$input, I64Attr:$axis, I64Attr:$start, I64Attr:$size);
  let results = (outs Attn_Rows:$result);
  let hasFolder = 1;
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Attn_ConcatOp : Attn_InferredOp<"concat"> {
  let summary = "tensors one after the other along an axis";
  let description = [{
    concat_c1: at least one input, all of one element type and rank; axis is in [0, rank).
    concat_c2: all extents but those along the axis are equal; those along the axis are static.
  }];
  let arguments = (ins Variadic<Attn_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Attn_Tensor:$result);
  let hasFolder = 1;
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, results)";
}

// ---------------------------------------------------------------------------------------------------------------------
// State
// ---------------------------------------------------------------------------------------------------------------------

def Attn_AppendOp : Attn_InferredOp<"append"> {
  let summary = "a cache of keys and values with the rows of this run behind those of earlier ones";
  let description = [{
    cache [batch, slots, capacity, width], position [batch], each of `rows` [batch, heads, size, width] -> the cache,
    but for result[b, s, position[b] + i] = rows[b, h, i], where s counts the heads of all rows, one after the other,
    from `start` on. A compiled model does it in place: cache is an argument of the model's function with
    `attn.state`, the result of one such op is the cache of the next one, and the last result is returned.

    A position outside [0, capacity - size] is an error of the caller, which attnc_run() reports before anything is
    written.
    append_c1: cache has rank 4, and only its batch may be a run-time extent.
    append_c2: there are rows; all have rank 4, the cache's batch and width, and one static size in [1, capacity].
    append_c3: start >= 0, and the heads of all rows fit into the slots from there on.
    append_c4: position is a vector of the batch.
  }];
  let arguments = (ins Attn_Float:$cache, Attn_TensorOf<[I32]>:$position, Variadic<Attn_Float>:$rows, I64Attr:$start);
  let results = (outs Attn_Float:$result);
  let extraClassDeclaration = [{
    /// How many rows each slot gets.
    int64_t getSize() { return ::llvm::cast<::mlir::RankedTensorType>(getRows().front().getType()).getDimSize(2); }
    int64_t getCapacity() { return getCache().getType().getShape()[2]; }
  }];
  let assemblyFormat = "$cache `at` $position `,` $rows attr-dict `:` functional-type(operands, results)";
}

// ---------------------------------------------------------------------------------------------------------------------
// Made by passes
// ---------------------------------------------------------------------------------------------------------------------

def Attn_AttentionOp : Attn_InferredOp<"attention", [IsolatedFromAbove, SingleBlock, AttrSizedOperandSegments]> {
  let summary = "softmax(score(query key^T)) value in one kernel";
  let description = [{
    query [batch, heads, queries, head_dim], key [batch, heads, keys, head_dim], value [batch, heads, keys, value_dim]
    -> [batch, heads, queries, value_dim]; without the batch dimension all have rank 3.

    The region maps the dot product of a query and a key to the score. Its arguments: the dot product (f32), the indices
    batch, head, query and key (index; batch is 0 in rank 3), then one tensor per capture. It ends in attn.score with
    the score and whether the key takes part (i1). A key that does not take part has no influence, NaN included. A row
    without any key that takes part, or with -inf scores only, is zeros or NaN as `fully_masked` says.

    With `score_weight` the region gets the additive score (attn.additive_score) in the place of the dot product. With a
    `normalizer` other than softmax the weights are those of attn.score_weights, times `factor`. The further results
    are, in this order, the weights [..., queries, keys] with `returns_weights`, and the log-sum-exp of the scores
    [..., queries] with `returns_log_sum_exp`.
    ```mlir
    %o = attn.attention %q, %k, %v captures(%blocked) {
      ^bb0(%dot: f32, %b: index, %h: index, %i: index, %j: index, %mask: tensor<?x20xi1>):
        %c = arith.constant 0.125 : f32
        %s = arith.mulf %dot, %c : f32
        %m = attn.element %mask[%b, %j] : tensor<?x20xi1> -> i1
        %true = arith.constant true
        %live = arith.xori %m, %true : i1
        attn.score %s, %live
    } : (tensor<?x8x20x32xf32>, tensor<?x8x20x32xf32>, tensor<?x8x20x32xf32>, tensor<?x20xi1>)
      -> tensor<?x8x20x32xf32>
    ```
    attention_c1: ranks are 3 or 4 and equal; batch and heads agree.
    attention_c2: query and key have the same head_dim, key and value the same number of keys; only the batch is a
    run-time extent.
    attention_c3: the region's arguments are as above; its ops are arith, math and attn.element.
    attention_c4: score_weight is a vector of head_dim.
    attention_c5: softmax has the factor 1; any other normalizer has a finite factor > 0, fully_masked zero and no
    log-sum-exp.
    attention_c6: live_keys is about captures that there are, and about keys that there are.
  }];
  let arguments = (ins Attn_Float:$query, Attn_Float:$key, Attn_Float:$value, Optional<Attn_Float>:$score_weight,
                       Variadic<Attn_Tensor>:$captures,
                       DefaultValuedAttr<Attn_FullyMaskedAttr, "::attnc::attn::FullyMasked::zero">:$fully_masked,
                       DefaultValuedAttr<Attn_NormalizerAttr, "::attnc::attn::Normalizer::softmax">:$normalizer,
                       DefaultValuedAttr<F32Attr, "1.0f">:$factor, UnitAttr:$returns_weights,
                       UnitAttr:$returns_log_sum_exp, OptionalAttr<Attn_LiveKeysAttr>:$live_keys);
  let results = (outs Attn_Float:$result, Variadic<Attn_Float>:$further);
  let regions = (region SizedRegion<1>:$score);
  let hasRegionVerifier = 1;
  let assemblyFormat = [{
    $query `,` $key `,` $value (`additive` $score_weight^)? (`captures` `(` $captures^ `)`)? attr-dict-with-keyword
    $score `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// The weights of the values, or null.
    ::mlir::Value getWeights() { return getReturnsWeights() ? getFurther().front() : ::mlir::Value(); }
    /// The log-sum-exp of the scores, or null.
    ::mlir::Value getLogSumExp() { return getReturnsLogSumExp() ? getFurther().back() : ::mlir::Value(); }
  }];
}

def Attn_ElementOp : Attn_Op<"element", [Pure, ParentOneOf<["AttentionOp", "ModifyScoresOp"]>]> {
  let summary = "one element of a captured tensor; only inside a score region";
  let description = [{
    element_c1: as many indices as the tensor's rank, and the result has the tensor's element type.
  }];
  let arguments = (ins Attn_Tensor:$tensor, Variadic<Index>:$indices);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$tensor `[` $indices `]` attr-dict `:` type($tensor) `->` type($result)";
  let hasVerifier = 1;
}

def Attn_ScoreOp : Attn_Op<"score", [Pure, Terminator, ParentOneOf<["AttentionOp", "ModifyScoresOp"]>]> {
  let summary = "ends a score region: the score and whether the key takes part";
  let arguments = (ins F32:$score, I1:$live);
  let assemblyFormat = "$score `,` $live attr-dict";
}

def Attn_TokenRowsOp : Attn_InferredOp<"token_rows"> {
  let summary = "where the rows of true tokens are: what packing and unpacking rows go by";
  let description = [{
    lengths [batch] -> rows [batch, size], spans [batch, 2] and count []. Sequence b has the tokens s < lengths[b]; a
    length below 0 is as 0, one beyond size as size. rows holds b * size + s at (b, s) and has packed rows of
    `number` itself; spans[b] is the place of the sequence's first row among all that are there, and how many of
    them are its own; count is how many there are in all.
    token_rows_c1: lengths has rank 1.
    token_rows_c2: size >= 1.
  }];
  let arguments = (ins Attn_TensorOf<[I32]>:$lengths, I64Attr:$size, I64Attr:$number);
  let results = (outs Attn_RowsOf<[I32]>:$rows, Attn_TensorOf<[I32]>:$spans, Attn_TensorOf<[I32]>:$count);
  let assemblyFormat = "$lengths attr-dict `:` functional-type(operands, results)";
}

def Attn_PackRowsOp : Attn_InferredOp<"pack_rows"> {
  let summary = "the rows of true tokens alone";
  let description = [{
    input [batch, size, ...] -> the same type with the encoding of `rows`. rows and spans are those of one
    attn.token_rows.
    pack_rows_c1: rows is i32 [batch, size] with packed rows, and the input begins with these extents.
    pack_rows_c2: spans is i32 [batch, 2].
  }];
  let arguments = (ins Attn_Tensor:$input, Attn_RowsOf<[I32]>:$rows, Attn_TensorOf<[I32]>:$spans);
  let results = (outs Attn_Rows:$result);
  let assemblyFormat = "$input `,` $rows `,` $spans attr-dict `:` functional-type(operands, results)";
}

def Attn_UnpackRowsOp : Attn_InferredOp<"unpack_rows"> {
  let summary = "all rows again: zeros where there is no token";
  let description = [{
    input [batch, size, ...] with packed rows -> the same type without the encoding. spans is that of the
    attn.token_rows whose number the input has.
    unpack_rows_c1: the input has packed rows and rank >= 2.
    unpack_rows_c2: spans is i32 [batch, 2].
  }];
  let arguments = (ins Attn_Rows:$input, Attn_TensorOf<[I32]>:$spans);
  let results = (outs Attn_Tensor:$result);
  let assemblyFormat = "$input `,` $spans attr-dict `:` functional-type(operands, results)";
}

def Attn_GroupOp : Attn_Op<"group", [IsolatedFromAbove, SingleBlock, Pure]> {
  let summary = "ops that become one kernel";
  let description = [{
    Made by FuseEpilogue, taken apart by OutlineKernels. Block arguments stand for the inputs.
    group_c1: block arguments have the inputs' types, the yielded values the results' types.
  }];
  let arguments = (ins Variadic<Attn_Rows>:$inputs, Attn_KernelKindAttr:$kind);
  let results = (outs Variadic<Attn_Rows>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`` $kind `(` $inputs `)` attr-dict-with-keyword $body `:` functional-type(operands, results)";
  let hasRegionVerifier = 1;
}

def Attn_YieldOp : Attn_Op<"yield", [Pure, Terminator, HasParent<"GroupOp">]> {
  let summary = "ends the body of attn.group";
  let arguments = (ins Variadic<Attn_Rows>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Attn_PackedOp : Attn_Op<"packed", [Pure]> {
  let summary = "a weight as it lies in the weights image";
  let description = [{
    `offset` is in bytes from the start of the image, a multiple of 64. The pieces together make up the tensor's
    logical rows (rank 2) or, for any other rank, its elements in row-major order: there `first` counts elements, and a
    piece's rows follow each other. The module attribute `attn.image_size` is the image's size.
    `balance` is that of the matmul that reads the weight: what the image holds is divided by it; the tensor is not.
    packed_c1: a static f32 tensor, at an offset >= 0 that is a multiple of 64.
    packed_c2: pieces cover its elements exactly once.
    packed_c3: a balance goes with the encoding of int8 panels and is a vector of f32, one for each k.
  }];
  let arguments = (ins I64Attr:$offset, ArrayAttr:$pieces, OptionalAttr<ElementsAttr>:$balance);
  let results = (outs Attn_Float:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif
