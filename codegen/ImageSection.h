// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The section of an object that holds the embedded weights image. LLVM emits it as one without contents (SHT_NOBITS),
// so the image never lies in memory beside the weights; its contents are the end of the file.
#pragma once

#include <cstdint>
#include <string>

namespace attnc {

/// Linkers put it with the other read-only data.
inline constexpr const char *kImageSection = ".rodata.attnc_weights";

/// Makes the section hold the `size` bytes behind `object`, a whole ELF file of 64 bits, little-endian: its header
/// becomes that of read-only data at the file's end, and zeros are appended up to the section's alignment. False with
/// the reason in `error` where the object has no such section without contents, of that size.
bool placeImageBehind(std::string &object, uint64_t size, std::string &error);

} // namespace attnc
