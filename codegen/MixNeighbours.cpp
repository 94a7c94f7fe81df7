// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/MixNeighbours.h"

using namespace Halide;
using namespace Halide::Internal;

namespace attnc {

namespace {

constexpr const char *kMixNeighbours = "attnc_mix_neighbours";

/// Sums and differences of lanes `distance` apart.
Expr butterfly(const Expr &value, int distance) {
  std::vector<Expr> signs;
  std::vector<int> partners;
  for (int lane = 0; lane < value.type().lanes(); ++lane) {
    signs.push_back(lane & distance ? -1.f : 1.f);
    partners.push_back(lane ^ distance);
  }
  // A multiply-add (ContractMultiplyAdd.h), which rounds as the sum or difference does.
  const Expr own =
      Call::make(value.type(), Call::strict_mul, {value, Shuffle::make_concat(signs)}, Call::PureIntrinsic);
  return Call::make(value.type(), Call::strict_add, {own, Shuffle::make({value}, partners)}, Call::PureIntrinsic);
}

} // namespace

Expr mixNeighbours(const Expr &value, int count) {
  return count == 1 ? value : Call::make(value.type(), kMixNeighbours, {value, count}, Call::PureExtern);
}

Expr LowerMixedNeighbours::visit(const Call *call) {
  if (!call->is_extern() || call->name != kMixNeighbours)
    return IRMutator::visit(call);
  Expr value = mutate(call->args[0]), count = call->args[1];
  if (const auto *broadcast = count.as<Broadcast>())
    count = broadcast->value;
  const auto neighbours = as_const_int(count);
  if (!neighbours || call->type.lanes() % *neighbours)
    throw CompileError("attnc: neighbours to mix lie in different vectors");
  for (int distance = static_cast<int>(*neighbours) / 2; distance > 0; distance /= 2) {
    const std::string name = unique_name("mixed");
    value = Let::make(name, value, butterfly(Variable::make(value.type(), name), distance));
  }
  return value;
}

} // namespace attnc
