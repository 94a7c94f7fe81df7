// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A weights image that is packed piece by piece has the bytes of one that is packed at once, and an object takes it as
// the contents of a section that was emitted without.

#include "codegen/WeightsImage.h"

#include "codegen/ImageSection.h"
#include "runtime/Pack.h"
#include "runtime/WeightsFile.h"

#include "llvm/BinaryFormat/ELF.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

namespace attnc {
namespace {

/// Weights w0, w1 ... of one dimension; reading one that is `broken` fails.
class VectorSource : public WeightSource {
public:
  bool check(const std::string &name, const std::vector<int64_t> &, std::string &error) const override {
    error = name + " is missing";
    return index(name) < weights.size();
  }

  bool read(const std::string &name, uint64_t first, uint64_t count, float *to, std::string &error) const override {
    const std::vector<float> &weight = weights.at(index(name));
    EXPECT_LE(first + count, weight.size()) << name;
    mostRead = std::max(mostRead, count);
    std::copy_n(weight.begin() + static_cast<ptrdiff_t>(first), count, to);
    if (name == broken)
      error = name + " cannot be read";
    return name != broken;
  }

  size_t index(const std::string &name) const { return std::stoul(name.substr(1)); }

  std::vector<std::vector<float>> weights;
  std::string broken;
  mutable uint64_t mostRead = 0; ///< Elements at once.
};

/// A file in memory that is full after `room` bytes.
class StringSink : public ByteSink {
public:
  bool append(const void *data, size_t size) override {
    bytes.append(static_cast<const char *>(data), size);
    most = std::max(most, size);
    return bytes.size() <= room;
  }
  bool replace(uint64_t, const void *, size_t) override { return false; }

  std::string bytes;
  size_t most = 0, room = SIZE_MAX; ///< Bytes at once, in all.
};

/// A plan whose entries follow each other, with weights to fit.
struct Packing {
  ModelPlan plan;
  VectorSource source;
  std::mt19937 random{1};

  int32_t addWeight(int64_t elements) {
    std::normal_distribution<float> values;
    auto &weight = source.weights.emplace_back(static_cast<size_t>(elements));
    for (float &value : weight)
      value = values(random);
    plan.weights.push_back({"w" + std::to_string(source.weights.size() - 1), ATTNC_F32, {elements}, 0, ""});
    return static_cast<int32_t>(source.weights.size()) - 1;
  }

  /// A matrix in panels whose rows come from weights of `rows[i]` rows each.
  void addPanels(attnc_pack_kind kind, const std::vector<int64_t> &rows, int64_t cols, int64_t panel, bool transposed) {
    attnc_pack_step step{
        -1, kind, 0, 0, cols, cols, 1, plan.imageSize, 0, panel, static_cast<int64_t>(plan.constants.size())};
    for (int64_t k = 0; k < cols; ++k)
      plan.constants.push_back(static_cast<float>(k % 5 + 1) / 2);
    for (int64_t count : rows) {
      step.weight = addWeight(count * cols);
      step.rows = count;
      step.stride_row = transposed ? 1 : cols;
      step.stride_col = transposed ? count : 1;
      plan.packSteps.push_back(step);
      step.first += count;
    }
    grow(rt::panelBytes(step) * static_cast<uint64_t>((step.first + panel - 1) / panel));
  }

  void addCopy(int32_t weight, int64_t offset, int64_t elements) {
    plan.packSteps.push_back({weight, ATTNC_PACK_COPY, offset, 1, elements, elements, 1, plan.imageSize, 0, 0, 0});
    grow(static_cast<uint64_t>(elements) * sizeof(float));
  }

  void grow(uint64_t bytes) { plan.imageSize += (bytes + 255) / 256 * 256; }

  std::string packedAtOnce() const {
    std::string image(plan.imageSize, '\0');
    std::vector<const void *> data;
    for (const std::vector<float> &weight : source.weights)
      data.push_back(weight.data());
    rt::packWeights(plan.packSteps.data(), static_cast<int32_t>(plan.packSteps.size()), data.data(),
                    plan.constants.data(), reinterpret_cast<uint8_t *>(image.data()));
    return image;
  }

  void expectEqual() const {
    StringSink sink;
    uint64_t hash = 0;
    std::string error;
    std::vector<std::string> errors;
    const WeightsImage image(plan, source);
    EXPECT_TRUE(image.check(errors));
    ASSERT_TRUE(image.write(sink, &hash, error)) << error;
    ASSERT_EQ(sink.bytes.size(), plan.imageSize);
    const std::string expected = packedAtOnce();
    EXPECT_TRUE(sink.bytes == expected);
    EXPECT_EQ(hash, rt::hashImage(expected.data(), expected.size()));
  }
};

constexpr attnc_pack_kind kPanelKinds[] = {ATTNC_PACK_PANEL, ATTNC_PACK_PANEL_BF16, ATTNC_PACK_PANEL_I8,
                                           ATTNC_PACK_PANEL_I8_BALANCED};

TEST(WeightsImage, OfOnePiece) {
  Packing packing;
  packing.plan.constants = {1, 2, 3};
  packing.addCopy(packing.addWeight(100), 7, 93);
  packing.addCopy(-1, 1, 2);
  for (attnc_pack_kind kind : kPanelKinds) {
    packing.addPanels(kind, {33}, 5, 32, false);
    packing.addPanels(kind, {15}, 6, 16, true);
  }
  packing.expectEqual();
}

TEST(WeightsImage, OfManyPieces) {
  Packing packing;
  packing.addCopy(packing.addWeight(200'003), 0, 200'003);
  for (attnc_pack_kind kind : kPanelKinds)
    packing.addPanels(kind, {1000}, 700, 32, false);
  packing.addPanels(ATTNC_PACK_PANEL, {1001}, 300, 1, false); // Dense rows of a wider matrix.
  packing.addCopy(packing.addWeight(3), 0, 3);
  packing.expectEqual();
  StringSink sink;
  uint64_t hash;
  std::string error;
  ASSERT_TRUE(WeightsImage(packing.plan, packing.source).write(sink, &hash, error));
  EXPECT_LE(sink.most, 1u << 20) << "large weights are never packed whole";
  EXPECT_LE(packing.source.mostRead, 1u << 18) << "nor read whole";
}

/// As of merged projections: the parts meet within a panel.
TEST(WeightsImage, OfPartsThatShareAPanel) {
  Packing packing;
  for (attnc_pack_kind kind : kPanelKinds)
    for (bool transposed : {false, true}) {
      packing.addPanels(kind, {24, 24, 24}, 9, 32, transposed);
      packing.addPanels(kind, {500, 1, 777}, 300, 32, transposed);
    }
  packing.expectEqual();
}

TEST(WeightsImage, OfNothing) {
  Packing packing;
  packing.expectEqual();
  packing.addCopy(packing.addWeight(0), 0, 0);
  packing.plan.imageSize = 10'000;
  packing.expectEqual();
}

TEST(WeightsImage, NamesEveryWeightThatIsMissing) {
  Packing packing;
  packing.addCopy(packing.addWeight(1), 0, 1);
  for (const char *name : {"w1", "w2"})
    packing.plan.weights.push_back({name, ATTNC_F32, {1}, 0, ""});
  std::vector<std::string> errors;
  EXPECT_FALSE(WeightsImage(packing.plan, packing.source).check(errors));
  EXPECT_EQ(errors, (std::vector<std::string>{"w1 is missing", "w2 is missing"}));
}

TEST(WeightsImage, StopsAtAFailure) {
  Packing packing;
  packing.addPanels(ATTNC_PACK_PANEL, {64, 64}, 8, 32, false);
  uint64_t hash = 0;
  std::string error;
  StringSink full;
  full.room = packing.plan.imageSize - 1;
  EXPECT_FALSE(WeightsImage(packing.plan, packing.source).write(full, &hash, error));
  EXPECT_EQ(error, "") << "the sink's owner says what is wrong with it";
  packing.source.broken = "w1";
  StringSink sink;
  EXPECT_FALSE(WeightsImage(packing.plan, packing.source).write(sink, &hash, error));
  EXPECT_EQ(error, "w1 cannot be read");
}

TEST(WeightsImage, RefusesPiecesThatOverlap) {
  Packing packing;
  packing.addCopy(packing.addWeight(64), 0, 64);
  packing.plan.packSteps.push_back(packing.plan.packSteps.front());
  packing.plan.packSteps.back().dst = 252;
  StringSink sink;
  uint64_t hash = 0;
  std::string error;
  EXPECT_FALSE(WeightsImage(packing.plan, packing.source).write(sink, &hash, error));
  EXPECT_EQ(error, "internal: pieces of the weights image overlap or lie outside it");
}

/// An object of three sections: none, the image's, and their names.
std::string object(uint32_t type, uint64_t size, const char *name) {
  using namespace llvm::ELF;
  const std::string names = std::string(1, '\0') + name + '\0';
  Elf64_Ehdr file = {};
  memcpy(file.e_ident, ElfMagic, 4);
  file.e_ident[EI_CLASS] = ELFCLASS64;
  file.e_ident[EI_DATA] = ELFDATA2LSB;
  file.e_type = ET_REL;
  file.e_shoff = sizeof file + names.size();
  file.e_ehsize = sizeof file;
  file.e_shentsize = sizeof(Elf64_Shdr);
  file.e_shnum = 3;
  file.e_shstrndx = 2;
  Elf64_Shdr sections[3] = {};
  sections[1].sh_name = 1;
  sections[1].sh_type = type;
  sections[1].sh_flags = SHF_ALLOC | SHF_WRITE;
  sections[1].sh_size = size;
  sections[1].sh_addralign = 64;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = sizeof file;
  sections[2].sh_size = names.size();
  return std::string(reinterpret_cast<const char *>(&file), sizeof file) + names +
         std::string(reinterpret_cast<const char *>(sections), sizeof sections);
}

TEST(ImageSection, IsPlacedBehindTheObject) {
  using namespace llvm::ELF;
  const std::string before = object(SHT_NOBITS, 1000, kImageSection);
  std::string bytes = before, error;
  ASSERT_TRUE(placeImageBehind(bytes, 1000, error)) << error;
  EXPECT_EQ(bytes.size(), (before.size() + 63) / 64 * 64);
  Elf64_Shdr section;
  memcpy(&section, &bytes[before.size() - 2 * sizeof section], sizeof section);
  EXPECT_EQ(section.sh_type, uint32_t{SHT_PROGBITS});
  EXPECT_EQ(section.sh_flags, uint64_t{SHF_ALLOC});
  EXPECT_EQ(section.sh_offset, bytes.size());
  EXPECT_EQ(section.sh_size, 1000u);
  memcpy(&bytes[before.size() - 2 * sizeof section], &before[before.size() - 2 * sizeof section], sizeof section);
  EXPECT_EQ(bytes.substr(0, before.size()), before) << "nothing else changes";
}

TEST(ImageSection, RefusesObjectsWithoutARoom) {
  using namespace llvm::ELF;
  auto refusal = [](std::string bytes, uint64_t size) {
    std::string error;
    EXPECT_FALSE(placeImageBehind(bytes, size, error));
    return error;
  };
  const std::string start = "internal: the emitted object: ", other = start + "its section for the weights image is "
                                                                              "not as it was asked for";
  EXPECT_EQ(refusal(object(SHT_NOBITS, 64, ".bss"), 64), start + "no section for the weights image");
  EXPECT_EQ(refusal(object(SHT_PROGBITS, 0, kImageSection), 0), other);
  EXPECT_EQ(refusal(object(SHT_NOBITS, 64, kImageSection), 65), other);
  EXPECT_EQ(refusal(object(SHT_NOBITS, UINT64_MAX - 63, kImageSection), UINT64_MAX - 63),
            start + "with its weights it exceeds 2^64 bytes");
  EXPECT_EQ(refusal("no object", 64).compare(0, start.size(), start), 0);
}

} // namespace
} // namespace attnc
