// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/KeyRange.h"

#include <algorithm>

using namespace Halide;

namespace attnc {

KeyRange::KeyRange(const KeyLimits &limits, const Expr &tile, const QueryTiles &tiles, int keys, const Expr &known,
                   const KeyBlock &block)
    : hasLimits(limits.any()), hasLength(known.defined()),
      partial(hasLimits || hasLength || (block.keys && keys % block.keys)),
      places(block.keys ? std::min(block.keys, keys) : keys), length(hasLength ? known : Expr(keys)), begin(0),
      fullBegin(0) {
  Expr count = length;
  if (block.keys) {
    origin = block.number * block.keys;
    count = places;
    if (keys % block.keys)
      count = min(places, keys - origin);
  }
  end = fullEnd = count;
  if (limits.runs.empty())
    useBand(limits.band, tile * tiles.rows, tiles.rows, count);
  else
    useTable(limits, tile, tiles, keys);
  fullBegin = min(fullBegin, end);
  fullEnd = max(fullEnd, fullBegin);
}

void KeyRange::useBand(const KeyBand &band, const Expr &tileStart, int rows, const Expr &count) {
  const Expr first = origin.defined() ? origin : Expr(0);
  // The place of the tile's query of this number, moved by `offset`.
  auto bound = [&](int row, int64_t offset) {
    // So far out no key is in range, and the sum still fits 32 bits.
    const int64_t near = std::clamp<int64_t>(offset, -(1 << 28), 1 << 28);
    return clamp(tileStart - first + static_cast<int>(row + near), 0, count);
  };
  if (band.first)
    // At most the last key: the range never begins behind the panels, and that key's own condition still decides.
    begin = min(bound(0, *band.first), (hasLength ? max(count, 1) : count) - 1),
    fullBegin = bound(rows - 1, *band.first);
  if (band.last)
    end = bound(rows - 1, *band.last + 1), fullEnd = bound(0, *band.last + 1);
}

void KeyRange::useTable(const KeyLimits &limits, const Expr &tile, const QueryTiles &tiles, int keys) {
  _halide_user_assert(!origin.defined()) << "attnc: an attention in blocks of keys has no list of live keys";
  Buffer<int32_t> table(std::vector<int>{4, tiles.count()}, "live_keys");
  for (int i = 0; i < tiles.count(); ++i) {
    const int first = i * tiles.rows;
    const KeySpan span = keysOf(limits, first, std::min(tiles.rows, tiles.queries - first), keys);
    const int64_t ends[] = {span.begin, span.end, span.allBegin, span.allEnd};
    for (int which = 0; which < 4; ++which)
      table(which, i) = static_cast<int32_t>(ends[which]);
  }
  auto bound = [&](int which) { return clamp(table(which, tile), 0, length); };
  begin = min(bound(0), lastKey());
  end = bound(1);
  fullBegin = bound(2);
  fullEnd = bound(3);
}

Expr KeyRange::key(const Expr &place) const {
  if (!origin.defined())
    return hasLength ? unsafe_promise_clamped(place, 0, lastKey()) : place;
  // The last block may have fewer keys than places.
  return partial ? lastOr(origin + place) : origin + place;
}

void KeyRange::restrict(RDom &steps, int step) const {
  if (!partial)
    return;
  steps.where(steps * step + (step - 1) >= begin);
  steps.where(steps * step < end);
}

RDom KeyRange::tiles(int width, int step, const std::string &name) const {
  const int unit = std::max(width, step);
  RDom all(0, width, 0, (places + unit - 1) / unit * (unit / width), name);
  all.where(all.y * width + (width - 1) >= firstStep(step));
  all.where(all.y * width < endOfSteps(step));
  return all;
}

std::vector<KeyRange::Piece> KeyRange::pieces() const {
  auto piece = [&](const Expr &from, const Expr &to, const char *name, bool someBlocked) {
    RDom part(0, places, name);
    part.where(part >= from);
    part.where(part < to);
    return Piece{part, someBlocked, part};
  };
  if (!partial) {
    RDom all(0, places, "key");
    return {{all, false, all}};
  }
  // The keys between come in pairs, which a loop takes at once; an odd one is left to the keys before or after them.
  const Expr from = min((fullBegin + 1) / 2 * 2, end), to = max(fullEnd / 2 * 2, from);
  std::vector<Piece> all = {piece(begin, from, "first_keys", hasLimits), piece(to, end, "last_keys", hasLimits)};
  if (places < 2)
    return all;
  RDom pairs(0, 2, 0, places / 2, "key");
  pairs.where(pairs.y >= (from + 1) / 2);
  pairs.where(pairs.y < to / 2);
  all.insert(all.begin() + 1, {pairs.y * 2 + pairs.x, false, pairs.y, true, pairs.x});
  return all;
}

Expr KeyRange::within(const Expr &place, int step) const {
  const Expr inRange = partial ? unsafe_promise_clamped(place, firstStep(step), endOfSteps(step) - 1) : place;
  return origin.defined() ? origin + inRange : inRange;
}

Expr KeyRange::step(const Expr &number, int step) const {
  return partial ? unsafe_promise_clamped(number, begin / step, (end + (step - 1)) / step - 1) : number;
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
