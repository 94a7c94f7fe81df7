// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files of named arrays: .npy (one, without a name), .npz and .safetensors, told apart by the end of their name.
#pragma once

#include "tools/run/Array.h"

#include <string>
#include <vector>

namespace attnc {

enum class TensorFormat { Unknown, Npy, Npz, Safetensors };

/// By the end of the name.
TensorFormat formatOf(const std::string &path);

/// An open file of arrays, whose directory has been checked; arrays are read when they are asked for.
class TensorReader {
public:
  virtual ~TensorReader() = default;

  /// Opens the file at `path`. On failure returns null and sets `error`, which names `path`.
  static std::unique_ptr<TensorReader> open(const std::string &path, std::string &error);

  /// The arrays' names; one empty name for a .npy file.
  virtual std::vector<std::string> names() const = 0;

  /// Reads the array of that name, which names() lists. On failure returns false and sets `error`, which names the
  /// file.
  virtual bool read(const std::string &name, Array &array, std::string &error) const = 0;

  bool has(const std::string &name) const;
};

/// The bytes of a file of `arrays`, in the format that `path` says by its end; a .npy file holds exactly one. Names are
/// C identifiers. Returns false and sets `error`, which names `path`, where the format cannot hold them.
bool tensorBytes(const std::string &path, const std::vector<const Array *> &arrays, std::string &bytes,
                 std::string &error);

} // namespace attnc
