// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/PrefetchRows.h"

#include <set>
#include <vector>

using namespace Halide;
using namespace Halide::Internal;

namespace attnc {

namespace {

constexpr int kLineBytes = 64;

/// The places in `buffer` from which an expression loads vectors, each once.
class FindLoads : public IRVisitor {
public:
  explicit FindLoads(const std::string &buffer) : buffer(buffer) {}
  std::set<Expr, IRDeepCompare> places;

private:
  using IRVisitor::visit;
  void visit(const Load *load) override {
    if (const auto *ramp = load->name == buffer ? load->index.as<Ramp>() : nullptr)
      places.insert(ramp->base);
    IRVisitor::visit(load);
  }
  const std::string &buffer;
};

} // namespace

Stmt PrefetchRows::withFetches(const Expr &value, const Stmt &statement) const {
  FindLoads found(lhs);
  value.accept(&found);
  std::vector<Stmt> statements;
  const Expr buffer = Variable::make(Handle(), lhs);
  constexpr int line = kLineBytes / static_cast<int>(sizeof(float));
  for (const Expr &place : found.places)
    statements.push_back(
        Evaluate::make(Call::make(Float(32), Call::prefetch, {buffer, place + depth, 1, line}, Call::Intrinsic)));
  statements.push_back(statement);
  return Block::make(statements);
}

Stmt PrefetchRows::visit(const For *loop) {
  stored = false;
  Stmt mutated = IRMutator::visit(loop);
  stored = false;
  return mutated;
}

Stmt PrefetchRows::visit(const LetStmt *let) {
  const bool before = stored;
  const Stmt mutated = IRMutator::visit(let);
  return before ? mutated : withFetches(let->value, mutated);
}

Stmt PrefetchRows::visit(const Store *store) {
  if (stored)
    return store;
  const Stmt fetched = withFetches(store->value, store);
  stored = fetched.as<Block>() != nullptr;
  return fetched;
}

} // namespace attnc
