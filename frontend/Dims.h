// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Size arithmetic of the frontend. Nothing that comes from a file is multiplied or added without passing through here.
#pragma once

#include "frontend/ModelDesc.h"

namespace attnc {

/// Extents and element counts stay below 2^31: the generated code indexes with 32 bits.
constexpr int64_t maxElements = (int64_t(1) << 31) - 1;
/// More dimensions than this are refused.
constexpr size_t maxRank = 8;
/// The number of layers (of all modules together), modules and nodes is bounded, so that a short text cannot ask for
/// unbounded work.
constexpr int64_t maxLayers = 1024;
constexpr size_t maxModules = 4096;
constexpr size_t maxNodes = 65536;
constexpr size_t maxDims = 64;
constexpr size_t maxTensors = 1024;
constexpr size_t maxRenamings = 1024;
constexpr size_t maxScoreSteps = 64;
/// Elements of all sinusoidal tables together: they are written out in the IR.
constexpr int64_t maxTableElements = int64_t(1) << 24;

/// The product, or none where it leaves 0 .. limit or an extent is negative.
std::optional<int64_t> checkedProduct(const std::vector<int64_t> &extents, int64_t limit = maxElements);

/// Elements of a shape at its largest, or none where there are more than maxElements.
std::optional<int64_t> elementCount(const Shape &shape);

/// Reports "<what> [65536, 65536] has 2^31 elements or more" and returns false where the extents multiply to too much.
bool checkElementCount(const std::vector<int64_t> &extents, const std::string &what, const SourceLoc &loc,
                       Diagnostics &diagnostics);

/// `[65536, 65536]`.
std::string toString(const std::vector<int64_t> &extents);

} // namespace attnc
