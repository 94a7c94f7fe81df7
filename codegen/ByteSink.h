// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where an artefact that is too large to be held in memory is written to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace attnc {

/// A file that is being written, from its start to its end. After a failure, which it keeps for its owner to report,
/// every call returns false.
class ByteSink {
public:
  virtual ~ByteSink() = default;
  virtual bool append(const void *data, size_t size) = 0;
  /// Replaces bytes that were appended before.
  virtual bool replace(uint64_t offset, const void *data, size_t size) = 0;
};

/// Writes a whole file. False on failure, with the reason in `error` where it is not the sink's.
using FileWriter = std::function<bool(ByteSink &sink, std::string &error)>;

} // namespace attnc
