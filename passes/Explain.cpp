// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Explain.h"
#include "passes/Costs.h"
#include "passes/Graph.h"
#include "passes/ScoreConditions.h"
#include "passes/ScoreText.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
namespace {

/// 1234567 as "1.23 M", for a unit to follow.
std::string shortNumber(double value) {
  const char *prefixes[] = {" ", " k", " M", " G", " T", " P", " E"};
  size_t prefix = 0;
  for (; value >= 999.5 && prefix + 1 < std::size(prefixes); ++prefix)
    value /= 1000;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.3g", value) << prefixes[prefix];
  return text;
}

/// The weights that an attention makes of its scores, and how many of them at a time. `packs`: of its result's rows it
/// has those of true tokens alone.
void printWeights(AttentionOp attention, AttentionScheduleAttr schedule, bool packs, llvm::raw_ostream &out) {
  out << "  weights  " << stringifyNormalizer(attention.getNormalizer());
  if (!attention.getFactor().isExactlyValue(1.0))
    out << " * " << llvm::format("%g", attention.getFactor().convertToDouble());
  if (schedule && schedule.getBlockKeys())
    out << " online, blocks of " << schedule.getBlockKeys() << " keys for "
        << schedule.getBlockQueries() * schedule.getTileQueries() << " queries";
  else
    out << " of whole rows"
        << (attention.getReturnsWeights()                      ? " (they are a result)"
            : packs                                            ? " (they are packed)"
            : keyLimits(attention).band.first                  ? " (a window keeps them short)"
            : hasIndexConditions(attention.getScore().front()) ? " (a condition of indices has them)"
                                                               : "");
  if (schedule)
    out << ", " << schedule.getTileQueries() << " queries at a time";
  out << "\n";
}

bool packsRows(func::FuncOp kernel) {
  return llvm::any_of(kernel.getResultTypes(),
                      [](Type type) { return packingOf(cast<RankedTensorType>(type)) != nullptr; });
}

void printAttention(func::FuncOp kernel, llvm::raw_ostream &out) {
  auto schedule = kernel->getAttrOfType<AttentionScheduleAttr>("attn.schedule");
  for (auto attention : kernel.getOps<AttentionOp>()) {
    out << "  score    " << describeScore(attention) << "\n";
    printWeights(attention, schedule, packsRows(kernel), out);
    if (!schedule)
      continue;
    ArrayRef<int64_t> query = attention.getQuery().getType().getShape(), key = attention.getKey().getType().getShape();
    TileCount count = countTiles(keyLimits(attention), query.take_back(2)[0], key.take_back(2)[0],
                                 schedule.getTileQueries(), schedule.getTileCols());
    out << "  skipped  " << (count.tiles ? 100 * count.skipped / count.tiles : 0) << " % of the tiles of "
        << schedule.getTileQueries() << " queries x " << schedule.getTileCols() << " keys\n";
  }
}

void printCall(func::CallOp call, func::FuncOp kernel, int64_t batch, llvm::raw_ostream &out) {
  KernelCost cost = costOf(kernel, batch);
  if (auto label = call->getAttrOfType<StringAttr>("attn.label"))
    out << label.getValue() << "\n";
  out << "  kernel   " << kernel.getSymName() << ": " << opsOf(kernel) << "\n";
  for (Type result : kernel.getResultTypes())
    out << "  result   " << result << "\n";
  if (packsRows(kernel))
    out << "  rows     of true tokens alone; the cost is that of full lengths\n";
  out << "  cost     " << shortNumber(cost.flops) << "FLOP, " << shortNumber(cost.bytes) << "B\n";
  printAttention(kernel, out);
  if (Attribute schedule = kernel->getAttr("attn.schedule"))
    out << "  schedule " << schedule << "\n";
}

double number(Operation *op, StringRef name) {
  auto attribute = op->getAttrOfType<IntegerAttr>(name);
  return attribute ? double(attribute.getInt()) : 0;
}

/// "for x86-64-v3, seq = 32:", where there are several.
void printVariant(func::FuncOp model, llvm::raw_ostream &out) {
  auto cpu = model->getAttrOfType<StringAttr>("attn.cpu");
  auto dim = model->getAttrOfType<StringAttr>(kBucketDim);
  if (!cpu && !dim)
    return;
  out << "for " << (cpu ? cpu.getValue() : "");
  if (dim)
    out << (cpu ? ", " : "") << dim.getValue() << " = " << static_cast<int64_t>(number(model, kBucket));
  out << ":\n";
}

void printModel(func::FuncOp model, int64_t batch, llvm::raw_ostream &out) {
  printVariant(model, out);
  KernelCost total;
  int64_t calls = 0;
  SmallPtrSet<Operation *, 16> kernels;
  for (auto call : model.getOps<func::CallOp>()) {
    auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
    printCall(call, kernel, batch, out);
    KernelCost cost = costOf(kernel, batch);
    total.flops += cost.flops;
    total.bytes += cost.bytes;
    kernels.insert(kernel);
    ++calls;
  }
  out << calls << " calls of " << kernels.size() << " kernels, " << shortNumber(total.flops) << "FLOP, "
      << shortNumber(total.bytes) << "B for a batch of " << batch << "\n";
  out << "weights " << shortNumber(number(model->getParentOp(), "attn.image_size")) << "B, arena "
      << shortNumber(number(model, "attn.arena_fixed")) << "B + " << shortNumber(number(model, "attn.arena_per_batch"))
      << "B for each batch element\n";
  if (auto microbatch = model->getAttrOfType<IntegerAttr>(kMicrobatch))
    out << "a run takes " << microbatch.getInt() << " batch elements a thread at a time\n";
}

void printRefusals(const ExplainLog &log, llvm::raw_ostream &out) {
  llvm::MapVector<std::pair<StringRef, StringRef>, SmallVector<StringRef>> places;
  for (const ExplainLog::Refusal &refusal : log.refusals)
    places[{refusal.pass, refusal.reason}].push_back(refusal.where);
  if (!places.empty())
    out << "not fused:\n";
  for (auto &[what, where] : places) {
    out << "  " << what.first << ": " << what.second << " (" << where.front();
    if (where.size() > 1)
      out << " and " << where.size() - 1 << " more";
    out << ")\n";
  }
}

} // namespace

std::string opsOf(func::FuncOp kernel) {
  SmallVector<std::string> names;
  for (Operation &op : kernel.getBody().front())
    if (!op.hasTrait<OpTrait::IsTerminator>()) {
      std::string name = op.getName().stripDialect().str();
      if (auto activation = dyn_cast<ActivationOp>(op))
        name = stringifyActivationKind(activation.getKind()).str();
      if (auto matmul = dyn_cast<MatmulOp>(op); matmul && matmul.getPrecision() != Precision::f32)
        name += "(" + stringifyPrecision(matmul.getPrecision()).str() + ")";
      names.push_back(name);
    }
  return llvm::join(names, " + ");
}

void printExplanation(ModuleOp module, const ExplainLog &log, llvm::raw_ostream &out) {
  for (func::FuncOp model : modelFunctions(module))
    printModel(model, minBatch(module), out);
  printRefusals(log, out);
}

} // namespace attnc
