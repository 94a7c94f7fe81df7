// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/WeightsImage.h"

#include "runtime/Pack.h"
#include "runtime/WeightsFile.h"

#include <algorithm>

namespace attnc {

namespace {

/// A piece and the weights that it is made of stay in the second-level cache between read, pack and write.
constexpr uint64_t kPieceBytes = 256 << 10;
constexpr uint64_t kElement = sizeof(float);

/// Whether the elements of a row come before those of the next one, so that some rows can be read without the others.
bool hasSeparateRows(const attnc_pack_step &step) { return step.stride_row > (step.cols - 1) * step.stride_col; }

/// Elements of the source from the first that a step reads to the last.
uint64_t extent(const attnc_pack_step &step) {
  return static_cast<uint64_t>((step.rows - 1) * step.stride_row + (step.cols - 1) * step.stride_col + 1);
}

bool isEmpty(const attnc_pack_step &step) { return step.rows <= 0 || step.cols <= 0; }

} // namespace

struct WeightsImage::Buffers {
  std::vector<float> source;
  std::vector<uint8_t> packed;
};

WeightsImage::WeightsImage(const ModelPlan &plan, const WeightSource &source)
    : source(source), weights(plan.weights), constants(plan.constants), imageSize(plan.imageSize) {
  const std::vector<attnc_pack_step> &steps = plan.packSteps;
  for (size_t i = 0, end; i < steps.size(); i = end) {
    // Parts of one matrix share panels.
    for (end = i + 1; end < steps.size() && steps[end].dst == steps[i].dst && steps[i].kind != ATTNC_PACK_COPY; ++end) {
    }
    if (steps[i].kind == ATTNC_PACK_COPY)
      addCopy(steps[i]);
    else
      addPanels(&steps[i], end - i);
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece &a, const Piece &b) { return a.begin < b.begin; });
}

void WeightsImage::addCopy(const attnc_pack_step &step) {
  const uint64_t count = isEmpty(step) ? 0 : static_cast<uint64_t>(step.rows * step.cols);
  constexpr uint64_t most = kPieceBytes / kElement;
  for (uint64_t first = 0; first < count; first += most) {
    attnc_pack_step part = step;
    part.rows = 1;
    part.cols = part.stride_row = static_cast<int64_t>(std::min(most, count - first));
    part.stride_col = 1;
    part.src_offset += static_cast<int64_t>(first);
    part.dst = 0;
    pieces.push_back({step.dst + first * kElement, static_cast<uint64_t>(part.cols) * kElement, {part}});
  }
}

/// Takes as many panels at a time as make a piece: all of a matrix whose source is the transposed one, so that this is
/// read once.
void WeightsImage::addPanels(const attnc_pack_step *steps, size_t count) {
  int64_t rows = 0;
  bool separate = true;
  for (size_t i = 0; i < count; ++i) {
    rows = std::max(rows, steps[i].first + steps[i].rows);
    separate &= hasSeparateRows(steps[i]);
  }
  const int64_t panel = steps->panel;
  const uint64_t panelBytes = rt::panelBytes(*steps);
  if (panelBytes == 0)
    return;
  const int64_t most = separate ? panel * static_cast<int64_t>(std::max<uint64_t>(kPieceBytes / panelBytes, 1)) : rows;
  for (int64_t begin = 0; begin < rows; begin += most) {
    const int64_t end = std::min(begin + most, rows);
    Piece piece{steps->dst + static_cast<uint64_t>(begin / panel) * panelBytes,
                static_cast<uint64_t>((end - begin + panel - 1) / panel) * panelBytes,
                {}};
    for (size_t i = 0; i < count; ++i) {
      attnc_pack_step part = steps[i];
      const int64_t from = std::max(part.first, begin), to = std::min(part.first + part.rows, end);
      part.src_offset += (from - part.first) * part.stride_row;
      part.first = from - begin;
      part.rows = to - from;
      part.dst = 0;
      if (!isEmpty(part))
        piece.steps.push_back(part);
    }
    pieces.push_back(std::move(piece));
  }
}

bool WeightsImage::check(std::vector<std::string> &errors) const {
  const size_t before = errors.size();
  for (const TensorDesc &weight : weights) {
    std::string error;
    if (!source.check(weight.name, weight.shape, error))
      errors.push_back(error);
  }
  return errors.size() == before;
}

/// Reads what a step packs.
bool WeightsImage::fetch(const attnc_pack_step &step, Buffers &buffers, std::string &error) const {
  const uint64_t count = extent(step);
  const auto first = static_cast<uint64_t>(step.src_offset);
  if (buffers.source.size() < count)
    buffers.source.resize(count);
  if (step.weight >= 0)
    return source.read(weights[static_cast<size_t>(step.weight)].name, first, count, buffers.source.data(), error);
  std::copy_n(constants.data() + first, count, buffers.source.data());
  return true;
}

bool WeightsImage::pack(const Piece &piece, Buffers &buffers, std::string &error) const {
  buffers.packed.assign(piece.size, 0);
  for (attnc_pack_step step : piece.steps) {
    if (!fetch(step, buffers, error))
      return false;
    const void *data = buffers.source.data();
    step.weight = 0;
    step.src_offset = 0;
    rt::packWeights(&step, 1, &data, constants.data(), buffers.packed.data());
  }
  return true;
}

bool WeightsImage::write(ByteSink &sink, uint64_t *hash, std::string &error) const {
  rt::ImageHash hasher(imageSize);
  const std::vector<uint8_t> zeros(4096);
  uint64_t at = 0;
  auto append = [&](const uint8_t *data, uint64_t size) {
    if (hash)
      hasher.add(data, size);
    at += size;
    return sink.append(data, size);
  };
  auto fillUpTo = [&](uint64_t end) {
    while (at < end)
      if (!append(zeros.data(), std::min<uint64_t>(zeros.size(), end - at)))
        return false;
    return true;
  };
  Buffers buffers;
  for (const Piece &piece : pieces) {
    if (piece.begin < at || piece.begin > imageSize || piece.size > imageSize - piece.begin) {
      error = "internal: pieces of the weights image overlap or lie outside it";
      return false;
    }
    if (!fillUpTo(piece.begin) || !pack(piece, buffers, error) || !append(buffers.packed.data(), piece.size))
      return false;
  }
  if (!fillUpTo(imageSize))
    return false;
  if (hash)
    *hash = hasher.finish();
  return true;
}

} // namespace attnc
