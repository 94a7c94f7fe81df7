// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/TransposeSquares.h"

#include <algorithm>

using namespace Halide;
using namespace Halide::Internal;

namespace attnc {

namespace {

/// The elements of 16 bytes, the unit that x86 shuffles inside of and as a whole.
constexpr int kQuad = 4;

/// n where the value is a transposed square of n x n elements that lie dense in memory; else 0.
int squareOf(const Expr &value) {
  const auto *shuffle = value.as<Shuffle>();
  const auto *load = shuffle && shuffle->vectors.size() == 1 ? shuffle->vectors.front().as<Load>() : nullptr;
  const auto *place = load ? load->index.as<Ramp>() : nullptr;
  if (!place || !is_const_one(place->stride) || !is_const_one(load->predicate) ||
      load->type.element_of() != Float(32) || load->type.lanes() != value.type().lanes())
    return 0;
  int n = kQuad;
  while (n * n < value.type().lanes())
    n *= 2;
  if (n * n != value.type().lanes())
    return 0;
  for (int i = 0; i < n * n; ++i)
    if (shuffle->indices[static_cast<size_t>(i)] != i % n * n + i / n)
      return 0;
  return n;
}

/// Whether `index` is that of n rows of n elements each.
bool areRows(const Expr &index, int n) {
  const auto *rows = index.as<Shuffle>();
  return rows && rows->is_concat() && static_cast<int>(rows->vectors.size()) == n &&
         std::all_of(rows->vectors.begin(), rows->vectors.end(), [&](const Expr &row) {
           const auto *place = row.as<Ramp>();
           return place && place->lanes == n && is_const_one(place->stride);
         });
}

/// Values that have names, and what they are.
class NamedValues {
public:
  Expr add(const Expr &value) {
    lets.emplace_back(unique_name("transposed"), value);
    return Variable::make(value.type(), lets.back().first);
  }
  Stmt in(Stmt body) const {
    for (auto let = lets.rbegin(); let != lets.rend(); ++let)
      body = LetStmt::make(let->first, let->second, body);
    return body;
  }

private:
  std::vector<std::pair<std::string, Expr>> lets;
};

/// Shuffles of pairs of registers.
class Transposer {
public:
  Transposer(NamedValues &names, int extent) : names(names), extent(extent) {}

  std::vector<Expr> transpose(const std::vector<Expr> &rows) {
    // Squares of 4 x 4: of rows 4k to 4k + 3 each quad becomes its columns.
    std::vector<Expr> pairs(rows.size()), quads(rows.size());
    for (size_t i = 0; i < rows.size(); i += 2)
      for (int half : {0, 1})
        pairs[i + static_cast<size_t>(half)] = interleave(rows[i], rows[i + 1], 1, half);
    for (size_t i = 0; i < rows.size(); i += kQuad)
      for (size_t j : {0, 1})
        for (int half : {0, 1})
          quads[i + 2 * j + static_cast<size_t>(half)] = interleave(pairs[i + j], pairs[i + j + 2], 2, half);
    // Quads change places: quad g of the rows 4k + j becomes quad k of row 4g + j.
    std::vector<Expr> result(rows.size());
    for (size_t j = 0; j < kQuad; ++j) {
      std::vector<Expr> column;
      for (size_t i = j; i < rows.size(); i += kQuad)
        column.push_back(quads[i]);
      column = transposeQuads(column);
      for (size_t g = 0; g < column.size(); ++g)
        result[kQuad * g + j] = column[g];
    }
    return result;
  }

private:
  /// Of each quad of a and b: the first or second half of both, `unit` elements of a and of b in turn.
  Expr interleave(const Expr &a, const Expr &b, int unit, int half) {
    std::vector<int> lanes;
    for (int quad = 0; quad < extent; quad += kQuad)
      for (int i = 0; i < kQuad; ++i)
        lanes.push_back(quad + 2 * half + i / (2 * unit) * unit + i % unit + (i / unit % 2) * extent);
    return names.add(Shuffle::make({a, b}, lanes));
  }

  /// The even or odd quads of a, then those of b.
  Expr everySecondQuad(const Expr &a, const Expr &b, int odd) {
    std::vector<int> lanes;
    for (int i = 0; i < extent; ++i)
      lanes.push_back(i / kQuad * 2 * kQuad + odd * kQuad + i % kQuad);
    return names.add(Shuffle::make({a, b}, lanes));
  }

  std::vector<Expr> transposeQuads(const std::vector<Expr> &rows) {
    if (rows.size() == 1)
      return rows;
    std::vector<Expr> even, odd, result;
    for (size_t i = 0; i < rows.size(); i += 2) {
      even.push_back(everySecondQuad(rows[i], rows[i + 1], 0));
      odd.push_back(everySecondQuad(rows[i], rows[i + 1], 1));
    }
    even = transposeQuads(even);
    odd = transposeQuads(odd);
    for (size_t i = 0; i < even.size(); ++i)
      result.insert(result.end(), {even[i], odd[i]});
    return result;
  }

  NamedValues &names;
  const int extent;
};

} // namespace

Stmt TransposeSquares::visit(const Store *store) {
  const int n = squareOf(store->value);
  if (!n || !areRows(store->index, n) || !is_const_one(store->predicate))
    return IRMutator::visit(store);
  const auto *load = store->value.as<Shuffle>()->vectors.front().as<Load>();
  const Expr first = load->index.as<Ramp>()->base;
  NamedValues names;
  std::vector<Expr> rows;
  for (int i = 0; i < n; ++i)
    rows.push_back(names.add(Load::make(Float(32, n), load->name, Ramp::make(simplify(first + i * n), 1, n),
                                        load->image, load->param, const_true(n), ModulusRemainder())));
  const std::vector<Expr> columns = Transposer(names, n).transpose(rows);
  std::vector<Stmt> stores;
  for (int i = 0; i < n; ++i)
    stores.push_back(Store::make(store->name, columns[static_cast<size_t>(i)],
                                 store->index.as<Shuffle>()->vectors[static_cast<size_t>(i)], store->param,
                                 const_true(n), ModulusRemainder()));
  return names.in(Block::make(stores));
}

} // namespace attnc
