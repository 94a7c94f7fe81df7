// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/WeightStore.h"

#include "frontend/Dims.h"
#include "frontend/Json.h"

#include <algorithm>
#include <cstring>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor data is little-endian and used as it is");

namespace attnc {

static float floatFromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

float floatFromHalf(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = bits >> 10 & 0x1F, mantissa = bits & 0x3FF;
  if (exponent == 0x1F) // Infinity and NaN keep their payload.
    return floatFromBits(sign | 0x7F800000u | mantissa << 13);
  if (exponent != 0)
    return floatFromBits(sign | (exponent + 112) << 23 | mantissa << 13);
  // Zero and the subnormals: at most 10 bits times 2^-24, so exact.
  float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

float floatFromBfloat(uint16_t bits) { return floatFromBits(uint32_t(bits) << 16); }

static std::string directoryOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

static bool endsWith(const std::string &text, std::string_view end) {
  return text.size() >= end.size() && std::string_view(text).substr(text.size() - end.size()) == end;
}

std::unique_ptr<WeightStore> WeightStore::open(const std::string &path, PrefixMap prefixMap, Diagnostics &diagnostics,
                                               const SourceLoc &loc) {
  std::unique_ptr<WeightStore> store(new WeightStore);
  store->path = path;
  store->prefixMap = std::move(prefixMap);
  if (endsWith(path, ".json"))
    return store->addIndex(path, diagnostics, loc) ? std::move(store) : nullptr;
  std::string error;
  if (store->addFile(path, error))
    return store;
  diagnostics.error(loc, error);
  return nullptr;
}

std::unique_ptr<WeightStore> WeightStore::open(const ModelDesc &model, Diagnostics &diagnostics) {
  const Located<std::string> &path = model.weights->path;
  std::string full = *path;
  if (!model.directory.empty() && full.front() != '/')
    full = model.directory + (model.directory.back() == '/' ? "" : "/") + full;
  PrefixMap prefixMap;
  for (const auto &[first, second] : model.weights->prefixMap)
    prefixMap.emplace_back(*first, *second);
  return open(full, std::move(prefixMap), diagnostics, path.loc);
}

bool WeightStore::addFile(const std::string &path, std::string &error) {
  std::unique_ptr<SafetensorsFile> file = SafetensorsFile::open(path, error);
  if (!file)
    return false;
  tensors.reserve(tensors.size() + file->entries().size());
  for (const TensorEntry &entry : file->entries()) {
    auto [at, fresh] = tensors.emplace(entry.name, Tensor{file.get(), &entry});
    if (!fresh) {
      error = path + ": tensor " + inQuotes(entry.name) + " is in " + at->second.file->path() + " too";
      return false;
    }
  }
  files.push_back(std::move(file));
  return true;
}

/// The files that an index names, each once and in order of their names; empty after an error.
static std::vector<std::string> filesOfIndex(const JsonValue &root, Diagnostics &diagnostics) {
  const JsonValue *map = root.kind == JsonKind::Object ? root.find("weight_map") : nullptr;
  if (!map || map->kind != JsonKind::Object || map->members.empty()) {
    diagnostics.error(map ? map->loc() : root.loc(),
                      "an index of weights needs the object weight_map, from tensor names to files");
    return {};
  }
  std::vector<std::string> names;
  for (const JsonMember &member : map->members) {
    const std::string &name = member.value->text;
    if (member.value->kind != JsonKind::String || !endsWith(name, ".safetensors") ||
        name.find('/') != std::string::npos) {
      diagnostics.error(member.value->loc(), "a tensor's file must be the name of a .safetensors file in the index's "
                                             "own directory, found " +
                                                 member.value->describe());
      return {};
    }
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool WeightStore::addIndex(const std::string &path, Diagnostics &diagnostics, const SourceLoc &loc) {
  std::unique_ptr<JsonDocument> document = parseJsonFile(path, diagnostics);
  if (!document)
    return false;
  std::vector<std::string> names = filesOfIndex(document->root(), diagnostics);
  if (names.empty())
    return false;
  for (const std::string &name : names) {
    std::string error;
    if (!addFile(directoryOf(path) + name, error)) {
      diagnostics.error(loc, error);
      return false;
    }
  }
  for (const JsonMember &member : document->root().find("weight_map")->members) {
    auto at = tensors.find(member.key);
    if (at == tensors.end() || at->second.file->path() != directoryOf(path) + member.value->text) {
      diagnostics.error(member.keyLoc(), "tensor " + inQuotes(member.key) + " is not in " + member.value->text);
      return false;
    }
  }
  return true;
}

std::vector<std::string> WeightStore::paths() const {
  std::vector<std::string> all;
  if (endsWith(path, ".json"))
    all.push_back(path);
  for (const std::unique_ptr<SafetensorsFile> &file : files)
    all.push_back(file->path());
  return all;
}

std::string WeightStore::nameInFile(const std::string &name) const {
  for (const auto &[first, second] : prefixMap)
    if (name.compare(0, first.size(), first) == 0)
      return second + name.substr(first.size());
  return name;
}

const WeightStore::Tensor *WeightStore::locate(const std::string &name) const {
  auto at = tensors.find(nameInFile(name));
  return at == tensors.end() ? nullptr : &at->second;
}

const TensorEntry *WeightStore::describe(const std::string &name) const {
  const Tensor *tensor = locate(name);
  return tensor ? tensor->entry : nullptr;
}

std::string WeightStore::missing(const std::string &name) const {
  // Past this many names a suggestion would cost more than it is worth.
  constexpr size_t manyNames = 20000;
  std::vector<std::string> names;
  if (tensors.size() <= manyNames)
    for (const auto &[known, tensor] : tensors)
      names.push_back(known);
  std::sort(names.begin(), names.end());
  std::string wanted = nameInFile(name);
  return path + ": tensor " + inQuotes(wanted) + " is missing" + didYouMean(wanted, names);
}

const WeightData *WeightStore::find(const std::string &name, std::string &error) {
  const Tensor *tensor = locate(name);
  if (tensor)
    return load(name, *tensor, error);
  error = missing(name);
  return nullptr;
}

/// Fills `to` with the `count` elements at `from`, which are of type `T` and not aligned.
template <typename T, typename Convert>
static void convertTo(float *to, const char *from, uint64_t count, Convert convert) {
  for (uint64_t i = 0; i < count; ++i) {
    T element;
    std::memcpy(&element, from + i * sizeof(T), sizeof(T));
    to[i] = convert(element);
  }
}

/// The bytes of one element of the types that weights may have; 0 for any other type.
static uint64_t floatBytes(TensorType type) {
  switch (type) {
  case TensorType::F16:
  case TensorType::BF16:
    return 2;
  case TensorType::F32:
    return 4;
  case TensorType::F64:
    return 8;
  default:
    return 0;
  }
}

static std::string nameOf(const SafetensorsFile &file, const TensorEntry &entry) {
  return file.path() + ": tensor " + inQuotes(entry.name);
}

static bool checkType(const SafetensorsFile &file, const TensorEntry &entry, std::string &error) {
  if (floatBytes(entry.type) != 0)
    return true;
  error = nameOf(file, entry) + " is " + tensorTypeName(entry.type) + "; weights are F32, F16, BF16 or F64";
  return false;
}

/// Reads elements [first, first + count) of a tensor of a floating type as f32 into `to`.
static bool readAsFloat(const SafetensorsFile &file, const TensorEntry &entry, uint64_t first, uint64_t count,
                        float *to, std::string &error) {
  const uint64_t each = floatBytes(entry.type);
  if (entry.type == TensorType::F32)
    return file.read(entry, first * each, to, count * each, error);
  std::unique_ptr<char, void (*)(void *)> raw(static_cast<char *>(std::malloc(count * each + 1)), std::free);
  if (!raw) {
    error = nameOf(file, entry) + " needs more memory than there is";
    return false;
  }
  if (!file.read(entry, first * each, raw.get(), count * each, error))
    return false;
  if (entry.type == TensorType::F16)
    convertTo<uint16_t>(to, raw.get(), count, floatFromHalf);
  else if (entry.type == TensorType::BF16)
    convertTo<uint16_t>(to, raw.get(), count, floatFromBfloat);
  else
    convertTo<double>(to, raw.get(), count, [](double value) { return static_cast<float>(value); });
  return true;
}

bool WeightStore::check(const std::string &name, const std::vector<int64_t> &shape, std::string &error) const {
  const Tensor *tensor = locate(name);
  if (!tensor) {
    error = missing(name);
    return false;
  }
  if (tensor->entry->shape == shape)
    return checkType(*tensor->file, *tensor->entry, error);
  error = nameOf(*tensor->file, *tensor->entry) + " has shape " + toString(tensor->entry->shape) +
          ", but the model needs " + toString(shape);
  return false;
}

const WeightData *WeightStore::find(const std::string &name, const std::vector<int64_t> &shape, std::string &error) {
  return check(name, shape, error) ? find(name, error) : nullptr;
}

bool WeightStore::read(const std::string &name, uint64_t first, uint64_t count, float *to, std::string &error) const {
  const Tensor &tensor = *locate(name);
  return readAsFloat(*tensor.file, *tensor.entry, first, count, to, error);
}

const WeightData *WeightStore::load(const std::string &name, const Tensor &tensor, std::string &error) {
  const TensorEntry &entry = *tensor.entry;
  auto known = loaded.find(entry.name);
  if (known != loaded.end())
    return &known->second.weight;
  if (!checkType(*tensor.file, entry, error))
    return nullptr;
  // No overflow: the tensor's bytes lie in a file, whose size is below 2^63, and f32 at most doubles them.
  const uint64_t count = entry.bytes() / floatBytes(entry.type), bytes = (count * 4 + 63) / 64 * 64;
  Loaded fresh;
  fresh.memory.reset(static_cast<float *>(std::aligned_alloc(64, std::max<uint64_t>(bytes, 64))));
  if (!fresh.memory) {
    error = nameOf(*tensor.file, entry) + " needs more memory than there is";
    return nullptr;
  }
  if (!readAsFloat(*tensor.file, entry, 0, count, fresh.memory.get(), error))
    return nullptr;
  fresh.weight = {name, entry.shape, fresh.memory.get()};
  return &loaded.emplace(entry.name, std::move(fresh)).first->second.weight;
}

} // namespace attnc
