// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbered cases that make many choices at once. A kernel takes a fraction of a second to compile, so a test does not
// take every combination of their values: enough that any two choices meet in each combination of theirs.
#pragma once

#include <cstddef>
#include <set>
#include <utility>

namespace attnc::test {

/// A choice among `values` of them, which moves on by `step` from a case to the next, and by one more every `turn`
/// cases.
struct Choice {
  int values, step, turn;

  /// What it takes in a case: 0 to values - 1.
  int in(int number) const { return (number * step + number / turn) % values; }
};

/// How many combinations of the values of two choices are in none of the cases 0 to count - 1.
inline size_t missingPairs(const Choice &a, const Choice &b, int count) {
  std::set<std::pair<int, int>> met;
  for (int number = 0; number < count; ++number)
    met.emplace(a.in(number), b.in(number));
  return static_cast<size_t>(a.values * b.values) - met.size();
}

} // namespace attnc::test
