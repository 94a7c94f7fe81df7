// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/KeyRange.h"

#include <algorithm>

using namespace Halide;

namespace attnc {

KeyRange::KeyRange(const KeyBand &band, const Var &q, int tileRows, int keys, const Expr &known)
    : banded(band.first || band.last), hasLength(known.defined()), partial(banded || hasLength), keys(keys),
      length(hasLength ? known : Expr(keys)), begin(0), end(keys), fullBegin(0), fullEnd(keys) {
  const Expr tileStart = q / tileRows * tileRows;
  // The place of the tile's query of this number, moved by `offset`, as a place among the keys.
  auto bound = [&](int row, int64_t offset) {
    // So far out no key is in range, and the sum still fits 32 bits.
    const int64_t near = std::clamp<int64_t>(offset, -(1 << 28), 1 << 28);
    return clamp(tileStart + static_cast<int>(row + near), 0, keys);
  };
  if (band.first)
    // At most the last key: the range never begins behind the panels, and that key's own condition still decides.
    begin = min(bound(0, *band.first), max(length, 1) - 1), fullBegin = bound(tileRows - 1, *band.first);
  if (band.last)
    end = bound(tileRows - 1, *band.last + 1), fullEnd = bound(0, *band.last + 1);
  end = min(end, length), fullEnd = min(fullEnd, length);
  fullBegin = min(fullBegin, end);
  fullEnd = max(fullEnd, fullBegin);
}

void KeyRange::restrict(RDom &steps, int step) const {
  if (!partial)
    return;
  steps.where(steps * step + (step - 1) >= begin);
  steps.where(steps * step < end);
}

std::vector<std::pair<RDom, bool>> KeyRange::pieces() const {
  if (!partial)
    return {{RDom(0, keys, "key"), false}};
  auto piece = [&](const Expr &from, const Expr &to, const char *name) {
    RDom part(0, keys, name);
    part.where(part >= from);
    part.where(part < to);
    return part;
  };
  if (!banded)
    return {{piece(begin, end, "key"), false}};
  return {{piece(begin, fullBegin, "first_keys"), true},
          {piece(fullBegin, fullEnd, "key"), false},
          {piece(fullEnd, end, "last_keys"), true}};
}

Expr KeyRange::within(const Expr &key, int step) const {
  if (!partial)
    return key;
  return unsafe_promise_clamped(key, firstStep(step), endOfSteps(step) - 1);
}

Expr KeyRange::withinLength(const Expr &key) const {
  return hasLength ? unsafe_promise_clamped(key, 0, max(length, 1) - 1) : key;
}

Expr KeyRange::panel(const Expr &number, int width) const {
  return partial ? unsafe_promise_clamped(number, 0, (length + (width - 1)) / width) : number;
}

Expr KeyRange::orZero(const Expr &key, int step, const std::function<Expr(const Expr &)> &value) const {
  if (!partial)
    return value(key);
  const Expr start = key / step * step, first = firstStep(step), last = max(endOfSteps(step) - step, first);
  const Expr isInside = start >= first && start < endOfSteps(step);
  // Of a range that is empty this reads what nobody wrote, and the select drops it.
  return select(isInside, value(within(clamp(start, first, last) + key % step, step)), 0.f);
}

} // namespace attnc
