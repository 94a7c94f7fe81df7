// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packed weights of a model, as they are embedded in the object.
#pragma once

#include "codegen/ModelPlan.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace attnc {

/// Dense f32 values of a weight with this name and shape; null on failure, with the reason in `error`.
using WeightSource =
    std::function<const float *(const std::string &name, const std::vector<int64_t> &shape, std::string &error)>;

/// Fetches every weight and packs it. False where any is missing or misshapen; `errors` then has a line for each.
bool buildWeightsImage(const ModelPlan &plan, const WeightSource &source, std::vector<uint8_t> &image,
                       std::vector<std::string> &errors);

} // namespace attnc
