// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel computes, as Halide functions, without a word on how: the schedules (MatmulKernel.cpp,
// AttentionKernel.cpp, RowwiseKernel.cpp) take it from here. Functions over rows have the arguments (n, m): column and
// row, where the rows are all dimensions but the last, flattened.
#pragma once

#include "codegen/KeyRange.h"
#include "codegen/Schedule.h"
#include "codegen/Tensor.h"
#include "passes/TargetInfo.h"

#include "Halide.h"

#include <string>
#include <vector>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace attnc {

/// The Vars of all kernels: n column, m row; d, q, k, h, b value dimension, query, key, head, batch; l lane; c block of
/// keys; t tile of queries.
struct KernelVars {
  Halide::Var n{"n"}, m{"m"}, d{"d"}, q{"q"}, t{"t"}, k{"k"}, h{"h"}, b{"b"}, l{"l"}, c{"c"};
};

/// A function that a schedule computes once per row of the output, before the row itself: pure and vectorised along
/// `inner`, or a reduction whose updates keep `inner` as a dimension of its own.
struct RowStage {
  Halide::Func func;
  Halide::Var inner;
  int innerExtent = 0; ///< 0: a scalar per row.
};

/// The rotated row m, element by element k. Ranges of `partExtent` elements are computed from the same elements of the
/// row. Vectors begin at multiples of their width, and that is a multiple of ir/Rotation.h's `narrow`.
struct RotatedRows {
  Halide::Func func; ///< Undefined where nothing is mixed.
  int partExtent = 0;
};

/// acc(n, m) = sum over k, then the epilogue. Without a norm, `output` is the epilogue; with one, `rows` is what the
/// norm reads and `output` what it makes. With operands that are not f32, `operand(k, m)` holds rows of lhs as they are
/// multiplied, and the sum goes over steps of k, `pair` inside them.
struct MatmulStages {
  DotKind dot = DotKind::F32;
  Halide::Func accumulator;
  Halide::RVar k;
  std::string weight;  ///< The name of the argument that holds the panels.
  int panel = 0;       ///< The columns of a panel.
  int panelSize = 0;   ///< Elements from one panel to the next.
  Halide::RVar pair;   ///< Products that one instruction adds; undefined where each is a multiply-add of its own.
  Halide::RVar parity; ///< Halves of a step, unrolled; Int8Widened alone.
  Halide::Func rows;   ///< Undefined without a norm.
  int depth = 0;       ///< The contracted extent.
  std::string lhs;     ///< The name of the argument whose rows become `operand`; empty where no argument is lhs.
  Halide::Func operand;
  RotatedRows rotation;              ///< int8: of lhs.
  std::vector<RowStage> rangeStages; ///< int8: what a row's operand and scale follow from, behind the rotation.
  Halide::Func magnitude, scale;     ///< int8: of each row; else undefined.
  Halide::ImageParam panels;         ///< (part of a step, column of a panel, step, panel)
  Halide::ImageParam columns;        ///< int8: (column of a panel, 0 scale or 1 offset, panel)
};

/// What the online softmax keeps of each block of keys, (query, block), and what it makes of that for a query. All but
/// the weighted values belong to softmax.
struct OnlineStages {
  Halide::Func weighted; ///< The weighted values of a block.
  Halide::Func row;      ///< The maximum and the sum of the exponentials of a block, as a Tuple.
  Halide::Func maximum;  ///< Of all blocks of a query.
  Halide::Func factors;  ///< (query, block): what turns sums over a block into parts of sums over all keys.
  Halide::Func sum;      ///< Of all exponentials of a query.
  Halide::Func combined; ///< The weighted values of all keys.
  Halide::RVar block;    ///< Of the updates of maximum, sum and combined.
  int blocks = 0;        ///< How many there are.
};

/// Per (head, batch): keysInTurn(d, k) are the keys as they are multiplied, in the order of memory, keyRows(d, k)
/// squares of them, keyPanels(ki, d, ko) holds them in panels, values(d, k) the values where they need a copy; per
/// query row, and with blocks of keys per block of it: dot products, maximum, exponentials, sum, weighted values.
/// Maximum and sum belong to softmax and are undefined for any other normalizer.
struct AttentionStages {
  Halide::Func keysInTurn, keyRows, keyPanels, values, products, dots, maximumLanes, maximum, weights, sumLanes, sum,
      weighted;
  Halide::RVar depth, maximumStep, sumStep;
  Halide::RDom dotTiles, weightTiles;     ///< Of the updates of dots and weights; undefined where they have none.
  OnlineStages online;                    ///< Defined with blocks of keys.
  std::vector<KeyRange::Piece> keyPieces; ///< One for each update of `weighted`.
  Halide::RDom place;      ///< Of packed rows: row of a tile, tile, batch element. The output's update runs over it.
  bool packsRows = false;  ///< The output has packed rows: its dimensions are (d, h, m).
  bool hasLengths = false; ///< The keys that are looked at end at the batch element's length.
  bool copiesValues = false;
  bool countsHeadsOfAll = false; ///< h counts the heads of all batch elements, b is 0.
  bool isAdditive = false;       ///< dots are weight . tanh(query + key).
  bool usesPanelsOnce = false;   ///< Each panel of keys is multiplied by one tile of queries alone, as in decoding.
  bool skipsKeys = false;        ///< Tiles look at a range of the keys: KeyRange::isPartial().
  bool skipsByData = false;      ///< Data or a table say which: stages of a query have its tile as a dimension.
  int keys = 0, queries = 0, headDim = 0, valueDim = 0;
};

/// Lanes of attention's row sums and maxima. 16 for every length: several query rows are in flight, so latency is
/// hidden.
constexpr int kAttentionLanes = 16;

struct Algorithm {
  std::string name;
  std::vector<Halide::Argument> arguments; ///< The batch and the number of tokens, where used; then the tensors.
  bool usesBatch = false;
  bool usesTokens = false; ///< It has packed rows, of one number.
  Halide::Func output;
  std::vector<Halide::Func> furtherOutputs; ///< The kernel's further results, computed in the loops of `output`.
  Halide::Expr rows;                        ///< Rows of the output (matmul and row-wise kernels).
  int columns = 0;                          ///< Columns of the output (matmul and row-wise kernels).
  std::vector<RowStage> rowStages;
  MatmulStages matmul;
  AttentionStages attention;
  KernelVars vars;

  /// The outputs in the order of the kernel's results.
  Halide::Pipeline pipeline() const {
    std::vector<Halide::Func> outputs = furtherOutputs;
    outputs.insert(outputs.begin(), output);
    return Halide::Pipeline(outputs);
  }
};

/// Lanes of a sum or maximum over `extent` elements: partial results that are combined by a fixed tree. Part of what a
/// kernel computes (it fixes the order of additions), so it depends on the extent alone, never on the target.
int lanesFor(int extent);

/// The algorithm of a kernel function of kind rowwise or matmul. `dot`: how a matmul by panels multiplies.
Algorithm buildRowAlgorithm(mlir::func::FuncOp kernel, DotKind dot);

/// The algorithm of a kernel function of kind attention. Of the schedule it takes the blocks of keys, the width of the
/// key panels, and the queries of a tile and of a block, which share the range of keys that they look at.
Algorithm buildAttentionAlgorithm(mlir::func::FuncOp kernel, const AttentionSchedule &schedule);

} // namespace attnc
