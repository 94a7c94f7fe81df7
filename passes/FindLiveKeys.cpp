// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sets live_keys of attentions whose score has fixed conditions: block-diagonal masks, prefixes, constant masks.
//
// Needs: constants beside the attention, not outlined yet.
// Ensures: an attention has live_keys where that lets kernels leave out a tenth of its tiles or more, by conditions of
// indices and constants that are no comparison of key - query with a number (keyLimits() knows these without a list).
// Leaves alone: attentions that return their weights, which are computed for all keys.

#include "passes/LiveKeys.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_FINDLIVEKEYSPASS
#include "passes/Passes.h.inc"

namespace {

/// The tile by which this judges: schedules come later, and none has fewer keys or more queries.
constexpr int64_t kTileQueries = 8, kTileKeys = 16;

SmallVector<ConstantCapture> constantCaptures(AttentionOp attention) {
  SmallVector<ConstantCapture> constants;
  for (auto [number, capture] : llvm::enumerate(attention.getCaptures())) {
    auto constant = capture.getDefiningOp<ConstantOp>();
    auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
    if (elements && (elements.getElementType().isF32() || elements.getElementType().isInteger(1)))
      constants.push_back({int64_t(number), elements});
  }
  return constants;
}

bool leavesOutEnough(const KeyLimits &limits, const KeyLimits &before, AttentionOp attention) {
  const int64_t queries = attention.getQuery().getType().getShape().take_back(2).front();
  const int64_t keys = attention.getKey().getType().getShape().take_back(2).front();
  auto skipped = [&](const KeyLimits &by) { return countTiles(by, queries, keys, kTileQueries, kTileKeys); };
  const TileCount count = skipped(limits);
  return (count.skipped - skipped(before).skipped) * 10 >= count.tiles;
}

void findLiveKeys(AttentionOp attention) {
  if (attention.getReturnsWeights() || attention.getLiveKeysAttr())
    return;
  const SmallVector<ConstantCapture> constants = constantCaptures(attention);
  SmallVector<int64_t> numbers;
  for (const ConstantCapture &constant : constants)
    numbers.push_back(constant.number);
  const SmallVector<Value> conditions = fixedConditions(attention.getScore().front(), numbers);
  if (conditions.empty())
    return;
  auto runs = findLiveRuns(attention, conditions, constants);
  if (!runs)
    return;
  const KeyLimits before = keyLimits(attention);
  if (!leavesOutEnough({before.band, *runs}, before, attention))
    return;
  SmallVector<int64_t> flat;
  for (const LiveRun &run : *runs)
    llvm::append_values(flat, run.query, run.begin, run.end, int64_t(run.all));
  Builder builder(attention.getContext());
  attention.setLiveKeysAttr(LiveKeysAttr::get(attention.getContext(), builder.getDenseI64ArrayAttr(numbers),
                                              builder.getDenseI64ArrayAttr(flat)));
}

struct FindLiveKeysPass : impl::FindLiveKeysPassBase<FindLiveKeysPass> {
  void runOnOperation() override { getOperation().walk(findLiveKeys); }
};

} // namespace
} // namespace attnc
