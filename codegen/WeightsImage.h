// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packed weights of a model on their way into a file: the object that embeds them, or one of their own.
#pragma once

#include "codegen/ByteSink.h"
#include "codegen/ModelPlan.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attnc {

/// Weights by their PyTorch names, as dense f32. Used from one thread at a time.
class WeightSource {
public:
  virtual ~WeightSource() = default;
  /// Whether there is a weight of this name and shape, without reading it; if not, the reason in `error`.
  virtual bool check(const std::string &name, const std::vector<int64_t> &shape, std::string &error) const = 0;
  /// Copies elements [first, first + count) of a weight that check() has found. False with the reason in `error`.
  virtual bool read(const std::string &name, uint64_t first, uint64_t count, float *to, std::string &error) const = 0;
};

/// An image that is packed piece by piece while it is written, so that a piece is all of it that is ever in memory.
/// Its bytes are those that attnc_init() makes of the same weights.
class WeightsImage {
public:
  /// `source` is kept by the caller for as long as the image is written.
  WeightsImage(const ModelPlan &plan, const WeightSource &source);

  /// Whether every weight is there; a line in `errors` for each that is not.
  bool check(std::vector<std::string> &errors) const;

  /// Appends the image to `sink`, and gives its hash (rt::hashImage) in *hash, where that is not null.
  bool write(ByteSink &sink, uint64_t *hash, std::string &error) const;

  uint64_t size() const { return imageSize; }

private:
  /// Consecutive bytes of the image and the steps that make them, whose `dst` counts from the piece's start.
  struct Piece {
    uint64_t begin = 0, size = 0;
    std::vector<attnc_pack_step> steps;
  };
  struct Buffers;

  void addCopy(const attnc_pack_step &step);
  void addPanels(const attnc_pack_step *steps, size_t count);
  bool pack(const Piece &piece, Buffers &buffers, std::string &error) const;
  bool fetch(const attnc_pack_step &step, Buffers &buffers, std::string &error) const;

  const WeightSource &source;
  std::vector<TensorDesc> weights;
  std::vector<float> constants;
  std::vector<Piece> pieces; ///< In the image's order.
  uint64_t imageSize;
};

} // namespace attnc
