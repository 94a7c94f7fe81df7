// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/TensorFiles.h"

#include "frontend/Diagnostic.h"
#include "frontend/Safetensors.h"
#include "tools/run/Npy.h"
#include "tools/run/Npz.h"

#include <algorithm>
#include <optional>

namespace attnc {
namespace {

class NpyReader : public TensorReader {
public:
  NpyReader(std::string path, std::unique_ptr<RegularFile> file) : path(std::move(path)), file(std::move(file)) {}

  std::vector<std::string> names() const override { return {""}; }
  bool read(const std::string &, Array &array, std::string &error) const override {
    if (readNpy(*file, 0, file->size(), array, error))
      return true;
    error = path + ": " + error;
    return false;
  }

private:
  std::string path;
  std::unique_ptr<RegularFile> file;
};

class NpzReader : public TensorReader {
public:
  NpzReader(std::string path, std::unique_ptr<RegularFile> file, std::vector<NpzMember> members)
      : path(std::move(path)), file(std::move(file)), members(std::move(members)) {}

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const NpzMember &member : members)
      names.push_back(member.name);
    return names;
  }
  bool read(const std::string &name, Array &array, std::string &error) const override {
    for (const NpzMember &member : members)
      if (member.name == name) {
        if (readNpzMember(*file, member, array, error))
          return true;
        error = path + ": array " + inQuotes(name) + ": " + error;
        return false;
      }
    error = path + ": there is no array " + inQuotes(name);
    return false;
  }

private:
  std::string path;
  std::unique_ptr<RegularFile> file;
  std::vector<NpzMember> members;
};

std::optional<attnc_dtype> dtypeOf(TensorType type) {
  switch (type) {
  case TensorType::F32:
    return ATTNC_F32;
  case TensorType::F64:
    return ATTNC_F64;
  case TensorType::F16:
    return ATTNC_F16;
  case TensorType::BF16:
    return ATTNC_BF16;
  case TensorType::I64:
    return ATTNC_I64;
  case TensorType::I32:
    return ATTNC_I32;
  case TensorType::I8:
    return ATTNC_I8;
  case TensorType::U8:
    return ATTNC_U8;
  case TensorType::BOOL:
    return ATTNC_BOOL;
  default:
    return std::nullopt;
  }
}

class SafetensorsReader : public TensorReader {
public:
  explicit SafetensorsReader(std::unique_ptr<SafetensorsFile> file) : file(std::move(file)) {}

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const TensorEntry &entry : file->entries())
      names.push_back(entry.name);
    return names;
  }
  bool read(const std::string &name, Array &array, std::string &error) const override {
    const TensorEntry *entry = file->find(name);
    if (!entry) {
      error = file->path() + ": there is no tensor " + inQuotes(name);
      return false;
    }
    const std::optional<attnc_dtype> dtype = dtypeOf(entry->type);
    if (!dtype) {
      error = file->path() + ": tensor " + inQuotes(name) + " is " + tensorTypeName(entry->type) +
              ", which no input can take";
      return false;
    }
    array = Array{name, *dtype, entry->shape, AlignedBytes(entry->bytes())};
    return file->read(*entry, array.data.data(), error);
  }

private:
  std::unique_ptr<SafetensorsFile> file;
};

const char *safetensorsName(attnc_dtype dtype) {
  switch (dtype) {
  case ATTNC_F32:
    return "F32";
  case ATTNC_F64:
    return "F64";
  case ATTNC_F16:
    return "F16";
  case ATTNC_BF16:
    return "BF16";
  case ATTNC_I64:
    return "I64";
  case ATTNC_I32:
    return "I32";
  case ATTNC_I8:
    return "I8";
  case ATTNC_U8:
    return "U8";
  case ATTNC_BOOL:
    return "BOOL";
  }
  return "";
}

/// Names are C identifiers, so they need no escapes in JSON.
std::string safetensorsHeader(const std::vector<const Array *> &arrays) {
  std::string json;
  size_t offset = 0;
  for (const Array *array : arrays) {
    std::string shape;
    for (int64_t extent : array->shape)
      shape += (shape.empty() ? "" : ",") + std::to_string(extent);
    json += (json.empty() ? "{\"" : ",\"") + array->name + R"(":{"dtype":")" + safetensorsName(array->dtype) +
            R"(","shape":[)" + shape + "],\"data_offsets\":[" + std::to_string(offset) + "," +
            std::to_string(offset + array->data.size()) + "]}";
    offset += array->data.size();
  }
  json += json.empty() ? "{}" : "}";
  json.append((8 - json.size() % 8) % 8, ' ');
  std::string header;
  for (int i = 0; i < 8; ++i)
    header += static_cast<char>(uint64_t(json.size()) >> (8 * i) & 0xFF);
  return header + json;
}

/// Larger elements first, as the format's own library writes them: every tensor is then aligned in the file.
std::vector<const Array *> byElementSize(std::vector<const Array *> arrays) {
  std::stable_sort(arrays.begin(), arrays.end(), [](const Array *a, const Array *b) {
    return attnc_dtype_size(a->dtype) > attnc_dtype_size(b->dtype);
  });
  return arrays;
}

} // namespace

TensorFormat formatOf(const std::string &path) {
  auto ends = [&](std::string_view end) {
    return path.size() > end.size() && std::string_view(path).substr(path.size() - end.size()) == end;
  };
  return ends(".npy")           ? TensorFormat::Npy
         : ends(".npz")         ? TensorFormat::Npz
         : ends(".safetensors") ? TensorFormat::Safetensors
                                : TensorFormat::Unknown;
}

std::unique_ptr<TensorReader> TensorReader::open(const std::string &path, std::string &error) {
  const TensorFormat format = formatOf(path);
  if (format == TensorFormat::Safetensors) {
    std::unique_ptr<SafetensorsFile> file = SafetensorsFile::open(path, error);
    return file ? std::make_unique<SafetensorsReader>(std::move(file)) : nullptr;
  }
  if (format == TensorFormat::Unknown) {
    error = path + ": not a .npy, .npz or .safetensors file by its name";
    return nullptr;
  }
  std::unique_ptr<RegularFile> file = RegularFile::open(path, error);
  std::vector<NpzMember> members;
  if (!file || (format == TensorFormat::Npz && !readNpzDirectory(*file, members, error))) {
    error = path + ": " + error;
    return nullptr;
  }
  if (format == TensorFormat::Npy)
    return std::make_unique<NpyReader>(path, std::move(file));
  return std::make_unique<NpzReader>(path, std::move(file), std::move(members));
}

bool TensorReader::has(const std::string &name) const {
  const std::vector<std::string> all = names();
  return std::find(all.begin(), all.end(), name) != all.end();
}

bool tensorBytes(const std::string &path, const std::vector<const Array *> &arrays, std::string &bytes,
                 std::string &error) {
  const TensorFormat format = formatOf(path);
  if (format == TensorFormat::Safetensors) {
    const std::vector<const Array *> ordered = byElementSize(arrays);
    bytes = safetensorsHeader(ordered);
    for (const Array *array : ordered)
      bytes.append(array->as<const char>(), array->data.size());
    return true;
  }
  if (format == TensorFormat::Npy) {
    bytes = npyHeader(*arrays.front(), error);
    if (!bytes.empty()) {
      bytes.append(arrays.front()->as<const char>(), arrays.front()->data.size());
      return true;
    }
  } else if (npzBytes(arrays, bytes, error)) {
    return true;
  }
  error = path + ": " + error;
  return false;
}

} // namespace attnc
