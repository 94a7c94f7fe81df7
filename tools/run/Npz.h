// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NumPy's .npz format: a zip archive whose members are .npy files. Members are stored, as numpy.savez does it;
// compressed ones (numpy.savez_compressed) are refused. Archives are treated as hostile: the central directory is
// checked against the file and the local headers, members may not overlap, and each member's checksum is verified.
#pragma once

#include "frontend/RegularFile.h"
#include "tools/run/Array.h"

namespace attnc {

/// A member of an archive: the array `name`, whose .npy bytes are [offset, offset + size) of the file.
struct NpzMember {
  std::string name;
  uint64_t offset = 0, size = 0;
  uint32_t crc = 0;
};

/// Reads the archive's directory; members are in the order of their offsets. Returns false and sets `error`, without
/// the file's name, when a rule is broken.
bool readNpzDirectory(const RegularFile &file, std::vector<NpzMember> &members, std::string &error);

/// Reads one member of the archive.
bool readNpzMember(const RegularFile &file, const NpzMember &member, Array &array, std::string &error);

/// The bytes of an archive of `arrays`. Returns false and sets `error` where the format cannot hold them.
bool npzBytes(const std::vector<const Array *> &arrays, std::string &bytes, std::string &error);

} // namespace attnc
