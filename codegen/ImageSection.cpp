// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ImageSection.h"

#include "runtime/attnc/runtime.h"

#include "llvm/Object/ELF.h"
#include "llvm/Support/CheckedArithmetic.h"

#include <cstring>

using namespace llvm;
using object::ELF64LE;

namespace attnc {

/// Where the header of the one section called kImageSection begins in the object.
static Expected<uint64_t> findHeader(StringRef object) {
  auto file = object::ELFFile<ELF64LE>::create(object);
  if (!file)
    return file.takeError();
  auto sections = file->sections();
  if (!sections)
    return sections.takeError();
  const ELF64LE::Shdr *found = nullptr;
  for (const ELF64LE::Shdr &section : *sections) {
    auto name = file->getSectionName(section);
    if (!name)
      return name.takeError();
    if (*name != kImageSection)
      continue;
    if (found)
      return createStringError("two sections for the weights image");
    found = &section;
  }
  if (!found)
    return createStringError("no section for the weights image");
  return static_cast<uint64_t>(reinterpret_cast<const char *>(found) - object.data());
}

bool placeImageBehind(std::string &object, uint64_t size, std::string &error) {
  auto fail = [&](const std::string &reason) {
    error = "internal: the emitted object: " + reason;
    return false;
  };
  auto at = findHeader(object);
  if (!at)
    return fail(toString(at.takeError()));
  ELF64LE::Shdr header;
  std::memcpy(&header, &object[*at], sizeof header);
  if (header.sh_type != ELF::SHT_NOBITS || header.sh_size != size || header.sh_addralign != ATTNC_ALIGNMENT)
    return fail("its section for the weights image is not as it was asked for");
  object.resize(alignTo(object.size(), ATTNC_ALIGNMENT));
  if (!checkedAddUnsigned<uint64_t>(object.size(), size))
    return fail("with its weights it exceeds 2^64 bytes");
  header.sh_type = ELF::SHT_PROGBITS;
  header.sh_flags = header.sh_flags & ~uint64_t{ELF::SHF_WRITE};
  header.sh_offset = object.size();
  std::memcpy(&object[*at], &header, sizeof header);
  return true;
}

} // namespace attnc
