// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A dense, row-major tensor in memory, as attnc-run reads, hands over and writes it, and the conversions that keep
// every value.
#pragma once

#include <attnc/runtime.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace attnc {

/// Bytes aligned to ATTNC_ALIGNMENT, zero at first.
class AlignedBytes {
public:
  AlignedBytes() = default;
  /// Throws std::bad_alloc.
  explicit AlignedBytes(size_t size);

  uint8_t *data() const { return memory.get(); }
  size_t size() const { return bytes; }

private:
  struct Free {
    void operator()(uint8_t *pointer) const { std::free(pointer); }
  };
  std::unique_ptr<uint8_t, Free> memory;
  size_t bytes = 0;
};

struct Array {
  std::string name;
  attnc_dtype dtype = ATTNC_F32;
  std::vector<int64_t> shape;
  AlignedBytes data;

  size_t elements() const { return data.size() / attnc_dtype_size(dtype); }
  template <typename T> T *as() const { return reinterpret_cast<T *>(data.data()); }
};

/// "f32", "bool" ...
const char *dtypeText(attnc_dtype dtype);

/// `[2, 20]`; -1 is written as `batch`.
std::string shapeText(const std::vector<int64_t> &shape);

/// Bytes of a tensor; none where an extent is negative or the product leaves size_t.
std::optional<size_t> byteSize(attnc_dtype dtype, const std::vector<int64_t> &shape);

/// Makes `array` an array of `dtype`. Only conversions that keep every value are made: between integers and bool with a
/// check of every element, and from f16 and bf16 to f32. `round` also allows f64 to f32, to nearest. Returns false and
/// sets `error`, without the array's name, where the values would not be kept; the array is then as before.
bool convertTo(attnc_dtype dtype, bool round, Array &array, std::string &error);

} // namespace attnc
