// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NumPy's .npy format, versions 1 to 3: six bytes of magic, the version, the length of a header, the header (a Python
// dict with descr, fortran_order and shape), the data. Files are treated as hostile: the header is read by a parser of
// exactly that dict, and the data must have exactly the bytes that dtype and shape need. Little-endian data in C order
// only; what else NumPy can write is refused with a message that says what to do.
#pragma once

#include "frontend/RegularFile.h"
#include "tools/run/Array.h"

namespace attnc {

/// Reads the array in bytes [offset, offset + size) of `file`; its name is left empty. Returns false and sets `error`,
/// without the file's name, when a rule is broken.
bool readNpy(const RegularFile &file, uint64_t offset, uint64_t size, Array &array, std::string &error);

/// The bytes that stand before the data in the .npy form of `array`. Empty, with `error` set, where NumPy has no such
/// dtype.
std::string npyHeader(const Array &array, std::string &error);

} // namespace attnc
