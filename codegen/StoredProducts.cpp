// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/StoredProducts.h"

#include "codegen/ContractMultiplyAdd.h"

#include <algorithm>

using namespace Halide;
using namespace Halide::Internal;

namespace attnc {

namespace {

/// Whether LLVM can see the value as a product: one arm of a select is enough, since its condition may be known, and a
/// quotient is one where the divisor is a power of two.
bool mayBeProduct(const Expr &value) {
  if (const auto *call = value.as<Call>()) {
    // Comparisons do not arise here: the value is f32.
    const bool isSum = call->is_intrinsic(Call::strict_add) || call->is_intrinsic(Call::strict_sub);
    return call->is_intrinsic(Call::strict_mul) || call->is_intrinsic(Call::strict_div) ||
           (!isSum && call->call_type == Call::PureIntrinsic &&
            std::any_of(call->args.begin(), call->args.end(), [](const Expr &argument) {
              return argument.type().element_of() == Float(32) && mayBeProduct(argument);
            }));
  }
  if (const auto *select = value.as<Select>())
    return mayBeProduct(select->true_value) || mayBeProduct(select->false_value);
  if (const auto *let = value.as<Let>())
    return mayBeProduct(let->body);
  if (const auto *broadcast = value.as<Broadcast>())
    return mayBeProduct(broadcast->value);
  if (const auto *shuffle = value.as<Shuffle>())
    return std::any_of(shuffle->vectors.begin(), shuffle->vectors.end(), mayBeProduct);
  // A variable may name a product; what it is bound to is not looked up.
  return value.as<Mul>() || value.as<Div>() || value.as<Variable>();
}

} // namespace

Expr opaque(const Expr &value) {
  const Type type = value.type(), bits = type.with_code(halide_type_int);
  Expr zero = Call::make(Int(32), kOpaqueZero, {}, Call::PureExtern);
  if (bits.is_vector())
    zero = Broadcast::make(zero, bits.lanes());
  return reinterpret(type, reinterpret(bits, value) | zero);
}

Stmt HideStoredProducts::visit(const LetStmt *let) {
  const auto *broadcast = let->value.as<Broadcast>();
  const auto *call = (broadcast ? broadcast->value : let->value).as<Call>();
  const bool isZero = call && call->is_extern() && call->name == kOpaqueZero;
  return isZero ? mutate(substitute(let->name, let->value, let->body)) : IRMutator::visit(let);
}

Stmt HideStoredProducts::visit(const Store *store) {
  Stmt mutated = IRMutator::visit(store);
  store = mutated.as<Store>();
  if (store->value.type().element_of() != Float(32) || !(mayBeProduct(store->value) || is_const_zero(store->value)))
    return mutated;
  return Store::make(store->name, opaque(store->value), store->index, store->param, store->predicate, store->alignment);
}

} // namespace attnc
