// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attn dialect itself, its enums and its attributes. Ops are in AttnOps.td.

#ifndef ATTNC_IR_ATTNBASE_TD
#define ATTNC_IR_ATTNBASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let cppNamespace = "::attnc::attn";
  let summary = "Attention models: matmul, softmax and layernorm on tensors, and what they fuse into";
  let description = [{
    A model is one `func.func` on ranked tensors of f32, i32, i64 and i1. Extents are static, but for the batch, which
    may be a run-time value: it is the only extent that is written `?`, and a type has at most one. The module's
    attributes `attn.min_batch` and `attn.max_batch` (i64) state its range.

    Layout is row-major and dense. A weight operand may carry the encoding `#attn.panels`, which changes how its
    elements lie in memory and nothing else. A value of type `[batch, size, ...]` may carry `#attn.packed_rows`: it has
    the rows of true tokens alone.

    The frontend emits only core ops. `attn.attention`, `attn.token_rows`, `attn.pack_rows`, `attn.unpack_rows`,
    `attn.group` and `attn.packed` are made by passes.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

class Attn_Enum<string name, list<I32EnumAttrCase> cases> : I32EnumAttr<name, "", cases> {
  let cppNamespace = "::attnc::attn";
  let genSpecializedAttr = 0;
}

def Attn_ActivationKind : Attn_Enum<"ActivationKind", [
  I32EnumAttrCase<"relu", 0>, I32EnumAttrCase<"gelu", 1>, I32EnumAttrCase<"gelu_tanh", 2>, I32EnumAttrCase<"silu", 3>,
  I32EnumAttrCase<"tanh", 4>, I32EnumAttrCase<"sigmoid", 5>]>;
def Attn_ActivationAttr : EnumAttr<Attn_Dialect, Attn_ActivationKind, "activation_kind">;

def Attn_PoolKind : Attn_Enum<"PoolKind", [
  I32EnumAttrCase<"cls", 0>, I32EnumAttrCase<"mean", 1>, I32EnumAttrCase<"max", 2>]>;
def Attn_PoolAttr : EnumAttr<Attn_Dialect, Attn_PoolKind, "pool_kind">;

// What a softmax row becomes when all its elements are -inf; "error" makes the run fail.
def Attn_FullyMasked : Attn_Enum<"FullyMasked", [
  I32EnumAttrCase<"zero", 0>, I32EnumAttrCase<"nan", 1>, I32EnumAttrCase<"error", 2>]>;
def Attn_FullyMaskedAttr : EnumAttr<Attn_Dialect, Attn_FullyMasked, "fully_masked">;

// How scores become the weights of the values.
def Attn_Normalizer : Attn_Enum<"Normalizer", [
  I32EnumAttrCase<"softmax", 0>, I32EnumAttrCase<"relu", 1>, I32EnumAttrCase<"sigmoid", 2>,
  I32EnumAttrCase<"identity", 3>]>;
def Attn_NormalizerAttr : EnumAttr<Attn_Dialect, Attn_Normalizer, "normalizer">;

// What a matmul rounds its operands to before it multiplies them.
def Attn_Precision : Attn_Enum<"Precision", [
  I32EnumAttrCase<"f32", 0>, I32EnumAttrCase<"bf16", 1>, I32EnumAttrCase<"int8", 2>]>;
def Attn_PrecisionAttr : EnumAttr<Attn_Dialect, Attn_Precision, "precision">;

def Attn_KernelKind : Attn_Enum<"KernelKind", [
  I32EnumAttrCase<"matmul", 0>, I32EnumAttrCase<"attention", 1>, I32EnumAttrCase<"rowwise", 2>,
  I32EnumAttrCase<"token_rows", 3>, I32EnumAttrCase<"append", 4>]>;
def Attn_KernelKindAttr : EnumAttr<Attn_Dialect, Attn_KernelKind, "kernel_kind">;

class Attn_Attr<string name, string mnemonic_> : AttrDef<Attn_Dialect, name> {
  let mnemonic = mnemonic_;
}

def Attn_PanelPrecision : EnumParameter<Attn_Precision> {
  let defaultValue = "::attnc::attn::Precision::f32";
}

def Attn_PanelsAttr : Attn_Attr<"Panels", "panels"> {
  let summary = "encoding of a matmul's weight: panels of `width` columns, with elements of `precision`";
  let description = [{
    The logical weight is [n, k] (transpose_rhs form), its values those that the matmul multiplies. A panel holds `width`
    columns n one after the other; the last panel is padded with zeros, and so is k to whole steps. `width` is the
    same for every CPU, so one image serves them all. By `precision`:
    f32: element (n, k) lies at position ((n / width) * K + k) * width + n % width.
    bf16: steps of two k: at ((n / width * ceil(K/2) + k/2) * width + n % width) * 2 + k % 2, in elements of 2 bytes.
    int8: a panel is ceil(K/4) steps of four k, (k/4 * width + n % width) * 4 + k % 4 in bytes, followed by one f32 and
    one i32 for each of its columns: the scale over the order of the rotation (ir/Rotation.h), and -128 times the sum of
    the column's integers.
  }];
  let parameters = (ins "int64_t":$width, Attn_PanelPrecision:$precision);
  let assemblyFormat = "`<` $width (`,` $precision^)? `>`";
  let extraClassDeclaration = [{
    /// How many k of one column lie side by side.
    int64_t getStep() const;
    /// Steps of a column of `depth` elements.
    int64_t stepsOf(int64_t depth) const { return depth / getStep() + (depth % getStep() != 0); }
    /// Bytes of one panel of this depth; nothing where they exceed 63 bits.
    ::std::optional<int64_t> panelBytes(int64_t depth) const;
  }];
}

def Attn_PackedRowsAttr : Attn_Attr<"PackedRows", "packed_rows"> {
  let summary = "encoding of a tensor [batch, size, ...] that has the rows of true tokens alone";
  let description = [{
    Row (b, s) is there where s is less than the length of sequence b; no other row has a value. In memory the rows
    follow each other without gaps, sequence by sequence; the memory is large enough for batch * size of them. `number`
    is that of the attn.token_rows which says what the lengths are: only rows of one number go together.
  }];
  let parameters = (ins "int64_t":$number);
  let assemblyFormat = "`<` $number `>`";
}

def Attn_PieceAttr : Attn_Attr<"Piece", "piece"> {
  let summary = "where some rows of a packed weight come from";
  let description = [{
    `parameter` names an attn.parameter. Element (r, c), 0 <= r < rows, 0 <= c < cols, is read at
    offset + r * stride_row + c * stride_col of it (elements) and goes to row `first` + r of a packed weight of rank 2,
    to element `first` + r * cols + c of one of any other rank. Where `parameter` is empty, `constant` holds the values.
  }];
  let parameters = (ins StringRefParameter<>:$parameter, OptionalParameter<"::mlir::DenseElementsAttr">:$constant,
                        "int64_t":$offset, "int64_t":$rows, "int64_t":$cols, "int64_t":$stride_row,
                        "int64_t":$stride_col, "int64_t":$first);
  let assemblyFormat = "`<` struct(params) `>`";
}

// Schedules are data: what AssignSchedules decides, a tuner varies and a database records. Only block_keys of an attention
// changes a value, and that by roundings alone.

def Attn_MatmulScheduleAttr : Attn_Attr<"MatmulSchedule", "matmul_schedule"> {
  let summary = "how a matmul kernel is tiled";
  let description = [{
    tile_rows x tile_cols: the register tile (tile_cols is a multiple of the vector, and divides the width of the
    weight's panels or is twice that). block_rows: register tiles of rows that are computed before the next column tile
    is taken (its weights stay in cache).
    task_cols: column tiles per parallel task, 0 where a task takes whole rows (an epilogue that needs the row, or many
    rows). task_rows: row tiles per parallel task, 0 where a task takes all rows.
  }];
  let parameters = (ins "int64_t":$tile_rows, "int64_t":$tile_cols, "int64_t":$block_rows, "int64_t":$task_rows,
                        "int64_t":$task_cols);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Attn_AttentionScheduleAttr : Attn_Attr<"AttentionSchedule", "attention_schedule"> {
  let summary = "how an attention kernel is tiled";
  let description = [{
    tile_queries: query rows of a register tile. tile_cols: columns of the register tile. task_queries: query tiles per
    parallel task, 0 for all the queries of a head.

    block_keys: keys of a block of the online softmax; 0, which is left out, where the score rows are whole. It decides
    how sums are rounded, so it may depend on the shape and on nothing else. block_queries: query tiles that use a block
    of keys before the next one is taken (the block stays in cache).
    - `attention_schedule_c1`: tile_queries and tile_cols are at least 1, task_queries is not negative.
    - `attention_schedule_c2`: block_keys is a multiple of 16 and of tile_cols; block_queries is at least 1 with blocks,
      and divides task_queries; without blocks it is 0.
  }];
  let parameters = (ins "int64_t":$tile_queries, "int64_t":$tile_cols, "int64_t":$task_queries,
                        DefaultValuedParameter<"int64_t", "0">:$block_keys,
                        DefaultValuedParameter<"int64_t", "0">:$block_queries);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Attn_LiveKeysAttr : Attn_Attr<"LiveKeys", "live_keys"> {
  let summary = "the keys that the fixed conditions of an attention's score let each query see";
  let description = [{
    constants: the captures whose elements the compiler knows. Conditions of `live` that depend on indices and on these
    alone are fixed. runs: for queries side by side that see the same keys four numbers, (first query, begin, end, all):
    by the fixed conditions, comparisons of key - query with a number aside, no key outside [begin, end) takes part,
    and all inside do where `all` is 1.
    - `live_keys_c1`: runs are rows of four; the first query of the first is 0, and the others ascend from there.
    - `live_keys_c2`: 0 <= begin <= end, and `all` is 0 or 1.
  }];
  let parameters = (ins "::mlir::DenseI64ArrayAttr":$constants, "::mlir::DenseI64ArrayAttr":$runs);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Attn_RowwiseScheduleAttr : Attn_Attr<"RowwiseSchedule", "rowwise_schedule"> {
  let summary = "how a row-wise kernel is tiled";
  let description = [{
    task_rows: rows (of the flattened leading dimensions) per parallel task, 0 to run on one thread.
  }];
  let parameters = (ins "int64_t":$task_rows);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif
