// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/PrefetchPanels.h"

#include <algorithm>
#include <map>
#include <set>

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

Stmt fetch(const std::string &buffer, Type type, const Expr &place) {
  return Evaluate::make(Call::make(
      type, Call::prefetch, {Variable::make(Handle(), buffer), place, 1, kLineBytes / type.bytes()}, Call::Intrinsic));
}

/// The vectors that a loop loads from buffers made outside it, at places that it does not change.
class FindVectors : public IRVisitor {
public:
  /// Fetches of those whose place depends on `loop`, of what its next iteration loads. Not from `buffer`.
  std::vector<Stmt> nextOf(const std::string &loop, const std::string &buffer) const {
    std::vector<Stmt> fetches;
    const Expr next = Variable::make(Int(32), loop) + 1;
    for (const auto &[name, vectors] : buffers)
      for (const Expr &place : vectors.places)
        if (name != buffer && expr_uses_var(place, loop))
          fetches.push_back(fetch(name, vectors.type, substitute(loop, next, place)));
    return fetches;
  }

private:
  using IRVisitor::visit;
  void visit(const For *loop) override { bind(loop); }
  void visit(const Let *let) override { bind(let); }
  void visit(const LetStmt *let) override { bind(let); }
  void visit(const Allocate *allocation) override { bind(allocation); }
  void visit(const Load *load) override {
    const auto *ramp = load->index.as<Ramp>();
    if (ramp && !bound.contains(load->name) && !expr_uses_vars(ramp->base, bound))
      add(load->name, load->type.element_of(), ramp->base);
    IRVisitor::visit(load);
  }
  template <typename Node> void bind(const Node *node) {
    const ScopedBinding<> binding(bound, node->name);
    IRVisitor::visit(node);
  }

  void add(const std::string &buffer, Type type, const Expr &place) {
    Vectors &vectors = buffers[buffer];
    vectors.type = type;
    vectors.places.insert(place);
  }

  struct Vectors {
    Type type;
    std::set<Expr, IRDeepCompare> places;
  };
  Scope<> bound;
  std::map<std::string, Vectors> buffers;
};

/// The loop over the register tiles of a column tile.
bool isTileLoop(const For *loop) { return hasEnding(loop->name, ".tile_in_block") || hasEnding(loop->name, ".tile"); }

} // namespace

Stmt PrefetchPanels::withVectors(const For *tiles, const Stmt &statement) const {
  FindVectors found;
  tiles->accept(&found);
  std::vector<Stmt> statements = found.nextOf(enclosing.back()->name, weight);
  statements.push_back(statement);
  return Block::make(statements);
}

Stmt PrefetchPanels::fetches(const For *loop) const {
  FindLoad found(weight);
  loop->body.accept(&found);
  const auto steps = as_const_int(loop->extent);
  if (!found.index.defined() || !steps || !is_const_zero(loop->min))
    return Stmt();
  const Expr at = Variable::make(Int(32), loop->name);
  const auto stride = as_const_int(simplify(substitute(loop->name, at + 1, found.index) - found.index));
  const int line = kLineBytes / found.type.bytes();
  if (!stride || *stride < std::max(line, panelRow))
    return Stmt();

  // Of a whole panel all lines, of a narrower tile those of its part of each row.
  const bool isPart = tileRow < panelRow;
  const int distance = isPart ? panelRow : line;

  // The tiles of a block share the lines of the panel, as long as each step of k fetches one.
  const For *tiles = nullptr;
  if (!enclosing.empty() && isTileLoop(enclosing.back()))
    tiles = enclosing.back();
  const int64_t linesOfStep = *stride / distance;
  const auto tileCount = tiles ? as_const_int(tiles->extent) : std::optional<int64_t>(1);
  const int64_t sharing = std::min(tileCount.value_or(linesOfStep), linesOfStep);
  const int perStep = static_cast<int>((linesOfStep + sharing - 1) / sharing);
  const Expr tile = tiles ? Variable::make(Int(32), tiles->name) - tiles->min : Expr(0);
  const Expr first = (tile * static_cast<int>(*steps) + at) * perStep;
  const int lines = static_cast<int>(*steps * linesOfStep);
  const Expr here = substitute(loop->name, loop->min, found.index);
  const Expr behind = here + (panelSize - (panelRow - tileRow));
  const Expr next = isPart ? select(here % panelRow + tileRow < panelRow, here + tileRow, behind) : behind;
  Stmt all;
  for (int i = 0; i < perStep; ++i) {
    const Stmt one = fetch(weight, found.type, next + min(first + i, lines - 1) * distance);
    all = all.defined() ? Block::make(all, one) : one;
  }
  return all;
}

Stmt PrefetchPanels::visit(const For *loop) {
  if (loop->name.compare(0, update.size(), update) == 0) {
    const Stmt ahead = fetches(loop);
    if (!ahead.defined())
      return loop;
    return For::make(loop->name, loop->min, loop->extent, loop->for_type, loop->partition_policy, loop->device_api,
                     Block::make(ahead, loop->body));
  }
  enclosing.push_back(loop);
  const Stmt mutated = IRMutator::visit(loop);
  enclosing.pop_back();
  return isTileLoop(loop) && !enclosing.empty() ? withVectors(loop, mutated) : mutated;
}

} // namespace attnc
