// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/Dims.h"

namespace attnc {

std::optional<int64_t> checkedProduct(const std::vector<int64_t> &extents, int64_t limit) {
  int64_t product = 1;
  bool empty = false;
  for (int64_t extent : extents) {
    if (extent < 0)
      return std::nullopt;
    // A zero must not hide an overflow of the other extents.
    empty |= extent == 0;
    if (extent != 0 && (__builtin_mul_overflow(product, extent, &product) || product > limit))
      return std::nullopt;
  }
  return empty ? 0 : product;
}

std::optional<int64_t> elementCount(const Shape &shape) {
  std::vector<int64_t> extents;
  for (const Extent &extent : shape)
    extents.push_back(extent.value);
  return checkedProduct(extents);
}

bool checkElementCount(const std::vector<int64_t> &extents, const std::string &what, const SourceLoc &loc,
                       Diagnostics &diagnostics) {
  if (checkedProduct(extents))
    return true;
  diagnostics.error(loc, what + " " + toString(extents) + " has 2^31 elements or more",
                    "a tensor holds at most 2147483647 elements");
  return false;
}

std::string toString(const std::vector<int64_t> &extents) {
  std::string text = "[";
  for (size_t i = 0; i < extents.size(); ++i)
    text += (i ? ", " : "") + std::to_string(extents[i]);
  return text + "]";
}

std::string toString(const Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += i ? ", " : "";
    text += shape[i].runtime ? (shape[i].dim.empty() ? "batch" : shape[i].dim) : std::to_string(shape[i].value);
  }
  return text + "]";
}

} // namespace attnc
