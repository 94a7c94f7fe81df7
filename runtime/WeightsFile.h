// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file of `attnc --weights external`: a header, then the weights image as kernels read it. The compiler writes it,
// attnc_map_weights() checks it; both see this header. Numbers are little-endian.
#pragma once

#include "runtime/Api.h"

namespace attnc::rt {

struct WeightsFileHeader {
  char magic[8]; ///< kWeightsMagic.
  uint32_t version;
  uint32_t headerSize; ///< Bytes before the image; a multiple of ATTNC_ALIGNMENT.
  uint64_t imageSize;
  uint64_t imageHash;
  char model[96]; ///< The model's name, for messages: zero-terminated, cut where it is longer.
};
static_assert(sizeof(WeightsFileHeader) == 128, "part of the format");

constexpr char kWeightsMagic[9] = "attncwts";
constexpr uint32_t kWeightsVersion = 1;

/// A fingerprint of an image, never 0. Finds damage and mistaken files, not malice: weights are numbers, and whoever
/// can change them need not change the hash. It does not depend on where the image is cut into parts.
class ImageHash {
public:
  /// `size`: of the whole image.
  explicit ImageHash(uint64_t size) : lanes{size, 1, 2, 3} {}
  /// Takes the next bytes of the image.
  void add(const void *part, uint64_t size);
  uint64_t finish();

private:
  uint64_t lanes[4]; ///< Four chains, so that the multiplications overlap.
  uint8_t begun[32]; ///< Bytes that wait until there is a word for each lane.
  uint64_t waiting = 0;
};

/// The hash of an image that lies in memory.
uint64_t hashImage(const void *image, uint64_t size);

/// The header of a file for this model, its image following.
WeightsFileHeader weightsFileHeader(const char *model, uint64_t imageSize, uint64_t imageHash);

/// Checks a mapping, hostile until then, against the model; sets *image to the image inside it. `path` is for messages.
attnc_status checkWeightsFile(const void *mapping, uint64_t size, const char *path, const attnc_model &model,
                              const void **image, attnc_error *error);

} // namespace attnc::rt
