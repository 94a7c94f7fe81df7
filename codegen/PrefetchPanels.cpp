// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/PrefetchPanels.h"

#include <algorithm>

using namespace Halide;
using namespace Halide::Internal;

namespace attnc {

namespace {

constexpr int kLineBytes = 64;

bool hasEnding(const std::string &name, const std::string &ending) {
  return name.size() >= ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
}

/// The first element of `buffer` that a statement loads as a vector.
class FindLoad : public IRVisitor {
public:
  explicit FindLoad(const std::string &buffer) : buffer(buffer) {}
  Expr index; ///< Undefined where there is none.
  Type type;

private:
  using IRVisitor::visit;
  void visit(const Load *load) override {
    const auto *ramp = load->index.as<Ramp>();
    if (!index.defined() && load->name == buffer && ramp) {
      index = ramp->base;
      type = load->type.element_of();
    }
    IRVisitor::visit(load);
  }
  const std::string &buffer;
};

} // namespace

Stmt PrefetchPanels::fetches(const For *loop) const {
  FindLoad found(weight);
  loop->body.accept(&found);
  const auto steps = as_const_int(loop->extent);
  if (!found.index.defined() || !steps || !is_const_zero(loop->min))
    return Stmt();
  const Expr at = Variable::make(Int(32), loop->name);
  const auto stride = as_const_int(simplify(substitute(loop->name, at + 1, found.index) - found.index));
  const int line = kLineBytes / found.type.bytes();
  if (!stride || *stride < std::max(line, panel))
    return Stmt();

  // Of a whole panel all lines, of a narrower tile one line of each row.
  const int distance = tileCols < panel ? panel : line;

  // The tiles of a block share the lines of the panel, as long as each step of k fetches one.
  const For *tiles = nullptr;
  if (!enclosing.empty() &&
      (hasEnding(enclosing.back()->name, ".tile_in_block") || hasEnding(enclosing.back()->name, ".tile")))
    tiles = enclosing.back();
  const int64_t linesOfStep = *stride / distance;
  const auto tileCount = tiles ? as_const_int(tiles->extent) : std::optional<int64_t>(1);
  const int64_t sharing = std::min(tileCount.value_or(linesOfStep), linesOfStep);
  const int perStep = static_cast<int>((linesOfStep + sharing - 1) / sharing);
  const Expr tile = tiles ? Variable::make(Int(32), tiles->name) - tiles->min : Expr(0);
  const Expr first = (tile * static_cast<int>(*steps) + at) * perStep;
  const int lines = static_cast<int>(*steps * linesOfStep);
  const Expr here = substitute(loop->name, loop->min, found.index);
  const Expr behind = here + (static_cast<int>(*steps * *stride) - (panel - tileCols));
  const Expr next = tileCols < panel ? select(here % panel + tileCols < panel, here + tileCols, behind) : behind;
  Stmt all;
  for (int i = 0; i < perStep; ++i) {
    const Expr offset = next + min(first + i, lines - 1) * distance;
    const Stmt fetch = Evaluate::make(
        Call::make(found.type, Call::prefetch, {Variable::make(Handle(), weight), offset, 1, line}, Call::Intrinsic));
    all = all.defined() ? Block::make(all, fetch) : fetch;
  }
  return all;
}

Stmt PrefetchPanels::visit(const For *loop) {
  if (loop->name.compare(0, update.size(), update) == 0) {
    const Stmt fetch = fetches(loop);
    if (!fetch.defined())
      return loop;
    return For::make(loop->name, loop->min, loop->extent, loop->for_type, loop->partition_policy, loop->device_api,
                     Block::make(fetch, loop->body));
  }
  enclosing.push_back(loop);
  Stmt mutated = IRMutator::visit(loop);
  enclosing.pop_back();
  return mutated;
}

} // namespace attnc
