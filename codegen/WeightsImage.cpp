// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/WeightsImage.h"

#include "runtime/Pack.h"

namespace attnc {

bool buildWeightsImage(const ModelPlan &plan, const WeightSource &source, std::vector<uint8_t> &image,
                       std::vector<std::string> &errors) {
  std::vector<const void *> data;
  for (const TensorDesc &weight : plan.weights) {
    std::string error;
    data.push_back(source(weight.name, weight.shape, error));
    if (!data.back())
      errors.push_back(error);
  }
  if (!errors.empty())
    return false;
  image.assign(plan.imageSize, 0);
  rt::packWeights(plan.packSteps.data(), static_cast<int32_t>(plan.packSteps.size()), data.data(),
                  plan.constants.data(), image.data());
  return true;
}

} // namespace attnc
