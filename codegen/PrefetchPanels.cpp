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

PrefetchPanels::Ahead PrefetchPanels::aheadOf(const For *loop) const {
  FindLoad found(weight);
  loop->body.accept(&found);
  const auto steps = as_const_int(loop->extent);
  if (!found.index.defined() || !steps || *steps < 1 || !is_const_zero(loop->min))
    return {};
  const Expr at = Variable::make(Int(32), loop->name);
  const auto stride = as_const_int(simplify(substitute(loop->name, at + 1, found.index) - found.index));
  const int line = kLineBytes / found.type.bytes();
  if (!stride || *stride < line)
    return {};

  // Once in so many steps of k that all tiles of a block together fetch all lines. Where the number of tiles is not
  // known, each step fetches a line until there are no more.
  const For *tiles = !enclosing.empty() && isTileLoop(enclosing.back()) ? enclosing.back() : nullptr;
  const int64_t lines = (tilePanels * panelSize + line - 1) / line;
  const auto tileCount = tiles ? as_const_int(tiles->extent) : std::optional<int64_t>(1);
  const int64_t times = *steps * tileCount.value_or(std::max<int64_t>(lines / *steps, 1));
  Ahead ahead;
  for (int64_t group = 1; group <= std::min(times / lines, *steps); ++group)
    if (*steps % group == 0)
      ahead.group = static_cast<int>(group);
  const int each = static_cast<int>((lines + times - 1) / times);
  const Expr tile = tiles ? Variable::make(Int(32), tiles->name) - tiles->min : Expr(0);
  const Expr first = (tile * static_cast<int>(*steps / ahead.group) + at) * each;
  const Expr next = substitute(loop->name, loop->min, found.index) + static_cast<int>(tilePanels * panelSize);
  std::vector<Stmt> fetches;
  for (int i = 0; i < each; ++i)
    fetches.push_back(fetch(weight, found.type, next + min(first + i, static_cast<int>(lines - 1)) * line));
  ahead.fetches = Block::make(fetches);
  return ahead;
}

Stmt PrefetchPanels::visit(const For *loop) {
  if (loop->name.compare(0, update.size(), update) == 0) {
    const Ahead ahead = aheadOf(loop);
    if (!ahead.fetches.defined())
      return loop;
    const auto make = [&](const std::string &name, const Expr &extent, const Stmt &body) {
      return For::make(name, 0, extent, loop->for_type, loop->partition_policy, loop->device_api, body);
    };
    if (ahead.group == 1)
      return make(loop->name, loop->extent, Block::make(ahead.fetches, loop->body));
    const std::string step = loop->name + ".step";
    const Expr at = Variable::make(Int(32), loop->name) * ahead.group + Variable::make(Int(32), step);
    const Stmt group = make(step, ahead.group, substitute(loop->name, at, loop->body));
    return make(loop->name, simplify(loop->extent / ahead.group), Block::make(ahead.fetches, group));
  }
  enclosing.push_back(loop);
  const Stmt mutated = IRMutator::visit(loop);
  enclosing.pop_back();
  return isTileLoop(loop) && !enclosing.empty() ? withVectors(loop, mutated) : mutated;
}

} // namespace attnc
