// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Npz.h"

#include "frontend/Diagnostic.h"
#include "tools/run/Npy.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace attnc {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50, kDirectoryEntry = 0x02014b50, kDirectoryEnd = 0x06054b50;
constexpr size_t kLocalHeaderSize = 30, kDirectoryEntrySize = 46, kDirectoryEndSize = 22, kMaxComment = 65535;
constexpr uint64_t kMaxDirectory = 1 << 24;
constexpr uint32_t kZip64 = 0xFFFFFFFF;
constexpr std::string_view kSuffix = ".npy";

uint32_t crc32(uint32_t crc, const void *data, size_t size) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> values{};
    for (uint32_t i = 0; i < 256; ++i) {
      values[i] = i;
      for (int bit = 0; bit < 8; ++bit)
        values[i] = values[i] >> 1 ^ (values[i] & 1 ? 0xEDB88320u : 0);
    }
    return values;
  }();
  crc = ~crc;
  for (const auto *byte = static_cast<const uint8_t *>(data); size > 0; ++byte, --size)
    crc = crc >> 8 ^ table[(crc ^ *byte) & 0xFF];
  return ~crc;
}

uint32_t number(std::string_view bytes, size_t offset, size_t size) {
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i)
    value |= uint32_t(static_cast<uint8_t>(bytes[offset + i])) << (8 * i);
  return value;
}
uint32_t number16(std::string_view bytes, size_t offset) { return number(bytes, offset, 2); }
uint32_t number32(std::string_view bytes, size_t offset) { return number(bytes, offset, 4); }

bool fail(std::string &error, std::string message) {
  error = std::move(message);
  return false;
}

/// Where the central directory is and how many entries it has.
struct Directory {
  uint64_t start = 0;
  uint32_t count = 0;
};

/// Finds the record at the archive's end and reads the central directory that stands right before it.
bool readDirectoryBytes(const RegularFile &file, std::string &bytes, Directory &directory, std::string &error) {
  std::string tail(std::min<uint64_t>(file.size(), kDirectoryEndSize + kMaxComment), '\0');
  const uint64_t tailStart = file.size() - tail.size();
  if (!file.read(tailStart, tail.data(), tail.size(), error))
    return false;
  size_t at = tail.size() < kDirectoryEndSize ? std::string::npos : tail.size() - kDirectoryEndSize;
  while (at != std::string::npos &&
         (number32(tail, at) != kDirectoryEnd || number16(tail, at + 20) != tail.size() - at - kDirectoryEndSize))
    at = at == 0 ? std::string::npos : at - 1;
  if (at == std::string::npos)
    return fail(error, "this is not a .npz file, or it is incomplete");
  const uint32_t count = number16(tail, at + 10);
  const uint64_t size = number32(tail, at + 12), offset = number32(tail, at + 16);
  if (offset == kZip64 || size == kZip64 || count == 0xFFFF)
    return fail(error, "archives of 4 GiB and more are not supported; use .safetensors");
  if (number16(tail, at + 4) != 0 || number16(tail, at + 6) != 0 || number16(tail, at + 8) != count)
    return fail(error, "archives of several parts are not supported");
  if (offset + size != tailStart + at || size > kMaxDirectory)
    return fail(error, "the archive's directory is not where its end record says");
  directory = {offset, count};
  bytes.resize(size);
  return file.read(offset, bytes.data(), size, error);
}

/// Checks the local header of a member and finds where its data begins. NumPy writes sizes of 2^32-1 and a zip64 field
/// there, whatever the size, so sizes come from the directory.
bool locate(const RegularFile &file, uint64_t header, const std::string &fileName, uint64_t directoryStart,
            NpzMember &member, std::string &error) {
  std::string local(kLocalHeaderSize, '\0');
  const std::string what = "member " + inQuotes(fileName);
  if (header > directoryStart || directoryStart - header < kLocalHeaderSize)
    return fail(error, what + " lies outside the archive");
  if (!file.read(header, local.data(), local.size(), error))
    return false;
  const size_t nameSize = number16(local, 26);
  if (number32(local, 0) != kLocalHeader || nameSize != fileName.size())
    return fail(error, what + " has another header than the archive's directory says");
  std::string name(nameSize, '\0');
  member.offset = header + kLocalHeaderSize + nameSize + number16(local, 28);
  if (member.offset > directoryStart || member.size > directoryStart - member.offset)
    return fail(error, what + " lies outside the archive");
  if (!file.read(header + kLocalHeaderSize, name.data(), nameSize, error))
    return false;
  if (name != fileName)
    return fail(error, what + " has another header than the archive's directory says");
  return true;
}

/// Reads the directory entry at the front of `directory` and removes it.
bool readEntry(const RegularFile &file, std::string_view &directory, uint64_t directoryStart, uint64_t &header,
               NpzMember &member, std::string &error) {
  if (directory.size() < kDirectoryEntrySize || number32(directory, 0) != kDirectoryEntry)
    return fail(error, "the archive's directory is broken");
  const size_t nameSize = number16(directory, 28);
  const size_t size = kDirectoryEntrySize + nameSize + number16(directory, 30) + number16(directory, 32);
  if (directory.size() < size)
    return fail(error, "the archive's directory is broken");
  std::string fileName(directory.substr(kDirectoryEntrySize, nameSize));
  const std::string what = "member " + inQuotes(fileName);
  if (number16(directory, 8) & 1)
    return fail(error, what + " is encrypted");
  if (number16(directory, 10) != 0)
    return fail(error, what + " is compressed; save it with numpy.savez, not numpy.savez_compressed");
  if (fileName.size() <= kSuffix.size() || fileName.substr(fileName.size() - kSuffix.size()) != kSuffix)
    return fail(error, what + " is not a .npy file");
  member = {fileName.substr(0, fileName.size() - kSuffix.size()), 0, number32(directory, 24), number32(directory, 16)};
  header = number32(directory, 42);
  if (member.size == kZip64 || header == kZip64)
    return fail(error, "archives of 4 GiB and more are not supported; use .safetensors");
  if (number32(directory, 20) != member.size)
    return fail(error, what + " is stored, but has two sizes");
  directory.remove_prefix(size);
  return locate(file, header, fileName, directoryStart, member, error);
}

/// Appends `value`, little-endian, in `size` bytes, at most 8.
void put(std::string &bytes, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i)
    bytes += static_cast<char>(value >> (8 * i) & 0xFF);
}

/// What local headers and directory entries have in common, from the version to the name's length.
void putMember(std::string &bytes, const NpzMember &member, size_t nameSize) {
  put(bytes, 20, 2);     // version that can read it: 2.0
  put(bytes, 0x0800, 2); // the name is UTF-8
  put(bytes, 0, 2);      // stored
  put(bytes, 0, 2);      // midnight
  put(bytes, 0x21, 2);   // of 1980-01-01, so that equal outputs are equal files
  put(bytes, member.crc, 4);
  put(bytes, member.size, 4);
  put(bytes, member.size, 4);
  put(bytes, nameSize, 2);
  put(bytes, 0, 2); // no extra field
}

} // namespace

bool readNpzDirectory(const RegularFile &file, std::vector<NpzMember> &members, std::string &error) {
  std::string bytes;
  Directory directory;
  members.clear();
  if (!readDirectoryBytes(file, bytes, directory, error))
    return false;
  struct Range {
    uint64_t begin, end;
  };
  std::vector<Range> ranges;
  std::vector<std::string> names;
  std::string_view rest = bytes;
  for (uint32_t i = 0; i < directory.count; ++i) {
    NpzMember member;
    uint64_t header;
    if (!readEntry(file, rest, directory.start, header, member, error))
      return false;
    ranges.push_back({header, member.offset + member.size});
    names.push_back(member.name);
    members.push_back(std::move(member));
  }
  if (!rest.empty())
    return fail(error, "the archive's directory is broken");
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    return fail(error, "array " + inQuotes(*twice) + " is in the archive twice");
  std::sort(ranges.begin(), ranges.end(), [](const Range &a, const Range &b) { return a.begin < b.begin; });
  for (size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].begin < ranges[i - 1].end)
      return fail(error, "members of the archive overlap");
  return true;
}

bool readNpzMember(const RegularFile &file, const NpzMember &member, Array &array, std::string &error) {
  std::string chunk(1 << 20, '\0');
  uint32_t crc = 0;
  for (uint64_t done = 0; done < member.size;) {
    const uint64_t size = std::min<uint64_t>(chunk.size(), member.size - done);
    if (!file.read(member.offset + done, chunk.data(), size, error))
      return false;
    crc = crc32(crc, chunk.data(), size);
    done += size;
  }
  if (crc != member.crc)
    return fail(error, "the checksum does not fit: the file is damaged");
  if (!readNpy(file, member.offset, member.size, array, error))
    return false;
  array.name = member.name;
  return true;
}

bool npzBytes(const std::vector<const Array *> &arrays, std::string &bytes, std::string &error) {
  std::string directory;
  bytes.clear();
  for (const Array *array : arrays) {
    const std::string fileName = array->name + std::string(kSuffix), header = npyHeader(*array, error);
    if (header.empty())
      return false;
    if (header.size() + array->data.size() + bytes.size() >= kZip64 - kMaxDirectory || arrays.size() >= 0xFFFF)
      return fail(error, "archives of 4 GiB and more are not supported; write .safetensors");
    NpzMember member{array->name, bytes.size(), header.size() + array->data.size(), 0};
    member.crc = crc32(crc32(0, header.data(), header.size()), array->data.data(), array->data.size());
    put(directory, kDirectoryEntry, 4);
    put(directory, 20, 2); // made by version 2.0
    putMember(directory, member, fileName.size());
    directory.append(2 + 2 + 2 + 4, '\0'); // no comment, disk 0, no attributes
    put(directory, member.offset, 4);
    directory += fileName;
    put(bytes, kLocalHeader, 4);
    putMember(bytes, member, fileName.size());
    bytes += fileName + header;
    bytes.append(array->as<const char>(), array->data.size());
  }
  const size_t start = bytes.size();
  bytes += directory;
  put(bytes, kDirectoryEnd, 4);
  put(bytes, 0, 2 + 2); // one part
  put(bytes, arrays.size(), 2);
  put(bytes, arrays.size(), 2);
  put(bytes, directory.size(), 4);
  put(bytes, start, 4);
  put(bytes, 0, 2); // no comment
  return true;
}

} // namespace attnc
