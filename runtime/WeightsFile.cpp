// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/WeightsFile.h"

#include "runtime/Error.h"

#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace attnc::rt {
namespace {

uint64_t rotated(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

uint64_t mixed(uint64_t hash, uint64_t word) {
  return rotated(hash ^ word * 0x9e3779b97f4a7c15u, 29) * 0xbf58476d1ce4e5b9u;
}

/// Closes the file when the scope ends.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0)
      close(number);
  }
};

attnc_status failFile(const char *path, const char *what, attnc_error *error) {
  return fail(error, ATTNC_ERROR_WEIGHTS, "weights file '%.120s' %s", path, what);
}

attnc_status failSystem(const char *path, const char *what, attnc_error *error) {
  return fail(error, ATTNC_ERROR_WEIGHTS, "weights file '%.120s' cannot be %s: %.60s", path, what, strerror(errno));
}

attnc_status checkModel(const attnc_model *model, attnc_error *error) {
  if (!model)
    return fail(error, ATTNC_ERROR_ARGUMENT, "model is NULL");
  if (model->abi_version != ATTNC_ABI_VERSION)
    return failAbi(*model, error);
  if (!model->weights_hash)
    return fail(error, ATTNC_ERROR_WEIGHTS,
                "model '%.60s' has no weights file; one is made by attnc --weights external", model->name);
  return ATTNC_OK;
}

} // namespace

void ImageHash::add(const void *part, uint64_t size) {
  const auto *bytes = static_cast<const uint8_t *>(part);
  // In registers while it goes over the image.
  uint64_t chains[4] = {lanes[0], lanes[1], lanes[2], lanes[3]};
  auto mixWords = [&](const uint8_t *from) {
    uint64_t words[4];
    memcpy(words, from, sizeof words);
    for (int i = 0; i < 4; ++i)
      chains[i] = mixed(chains[i], words[i]);
  };
  while (size > 0) {
    if (waiting == 0 && size >= sizeof begun) {
      for (; size >= sizeof begun; bytes += sizeof begun, size -= sizeof begun)
        mixWords(bytes);
      continue;
    }
    const uint64_t room = sizeof begun - waiting, taken = size < room ? size : room;
    memcpy(begun + waiting, bytes, taken);
    bytes += taken;
    size -= taken;
    waiting += taken;
    if (waiting == sizeof begun) {
      mixWords(begun);
      waiting = 0;
    }
  }
  memcpy(lanes, chains, sizeof lanes);
}

uint64_t ImageHash::finish() {
  for (uint64_t i = 0; i < waiting; ++i)
    lanes[i % 4] = mixed(lanes[i % 4], begun[i]);
  uint64_t hash = 0;
  for (uint64_t lane : lanes)
    hash = mixed(hash, lane ^ lane >> 32);
  hash ^= hash >> 31;
  return hash ? hash : 1;
}

uint64_t hashImage(const void *image, uint64_t size) {
  ImageHash hash(size);
  hash.add(image, size);
  return hash.finish();
}

WeightsFileHeader weightsFileHeader(const char *model, uint64_t imageSize, uint64_t imageHash) {
  WeightsFileHeader header = {};
  memcpy(header.magic, kWeightsMagic, sizeof header.magic);
  header.version = kWeightsVersion;
  header.headerSize = sizeof header;
  header.imageSize = imageSize;
  header.imageHash = imageHash;
  strncpy(header.model, model, sizeof header.model - 1);
  return header;
}

attnc_status checkWeightsFile(const void *mapping, uint64_t size, const char *path, const attnc_model &model,
                              const void **image, attnc_error *error) {
  WeightsFileHeader header;
  if (!mapping || size < sizeof header || memcmp(mapping, kWeightsMagic, sizeof header.magic) != 0)
    return failFile(path, "is no weights file of attnc", error);
  memcpy(&header, mapping, sizeof header);
  header.model[sizeof header.model - 1] = '\0';
  if (header.version != kWeightsVersion || header.headerSize != sizeof header)
    return fail(error, ATTNC_ERROR_WEIGHTS, "weights file '%.120s' is of version %u, this runtime reads version %u",
                path, header.version, kWeightsVersion);
  if (header.imageSize != model.weights_image_size || header.imageHash != model.weights_hash)
    return fail(error, ATTNC_ERROR_WEIGHTS,
                "weights file '%.90s' does not belong to this object: it was made with another compilation, of model "
                "'%.40s'; take the one beside the object of '%.40s'",
                path, header.model, model.name);
  if (size - sizeof header != header.imageSize)
    return fail(error, ATTNC_ERROR_WEIGHTS, "weights file '%.120s' has %" PRIu64 " bytes instead of %" PRIu64, path,
                size, header.imageSize + sizeof header);
  *image = static_cast<const uint8_t *>(mapping) + sizeof header;
  return ATTNC_OK;
}

} // namespace attnc::rt

using namespace attnc::rt;

attnc_status attnc_map_weights(attnc_weights *weights, const attnc_model *model, const char *path, attnc_error *error) {
  if (!weights)
    return fail(error, ATTNC_ERROR_ARGUMENT, "weights is NULL");
  *weights = attnc_weights{};
  if (!path)
    return fail(error, ATTNC_ERROR_ARGUMENT, "path is NULL");
  if (attnc_status status = checkModel(model, error))
    return status;
  // Not blocking: a pipe without a writer would hold the program up.
  const Descriptor file = {open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status;
  if (file.number < 0 || fstat(file.number, &status) != 0)
    return failSystem(path, "opened", error);
  if (!S_ISREG(status.st_mode))
    return failFile(path, "is not a regular file", error);
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size < sizeof(WeightsFileHeader) || size > SIZE_MAX)
    return failFile(path, "is no weights file of attnc", error);
  void *mapping = mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_SHARED, file.number, 0);
  if (mapping == MAP_FAILED)
    return failSystem(path, "mapped", error);
  const void *image = nullptr;
  if (attnc_status failure = checkWeightsFile(mapping, size, path, *model, &image, error)) {
    munmap(mapping, static_cast<size_t>(size));
    return failure;
  }
  weights->mapping = mapping;
  weights->mapping_size = static_cast<size_t>(size);
  return succeed(error);
}

void attnc_unmap_weights(attnc_weights *weights) {
  if (!weights || !weights->mapping)
    return;
  munmap(const_cast<void *>(weights->mapping), weights->mapping_size);
  *weights = attnc_weights{};
}

attnc_status attnc_check_weights(const attnc_weights *weights, const attnc_model *model, attnc_error *error) {
  if (!weights)
    return fail(error, ATTNC_ERROR_ARGUMENT, "weights is NULL");
  if (attnc_status status = checkModel(model, error))
    return status;
  const void *image = nullptr;
  if (attnc_status status =
          checkWeightsFile(weights->mapping, weights->mapping_size, "(mapped)", *model, &image, error))
    return status;
  if (hashImage(image, model->weights_image_size) != model->weights_hash)
    return fail(error, ATTNC_ERROR_WEIGHTS, "the weights of model '%.60s' are damaged: their hash is not the object's",
                model->name);
  return succeed(error);
}
