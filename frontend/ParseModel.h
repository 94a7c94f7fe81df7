// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// model.json -> ModelDesc, checked completely. docs/MODEL.md is the format's documentation.
#pragma once

#include "frontend/ModelDesc.h"

namespace attnc {

/// Parses a description. After errors, which `diagnostics` holds with their places, returns none. The result points
/// into `diagnostics`, which must outlive it.
std::optional<ModelDesc> parseModelFile(const std::string &path, const DimOverrides &overrides,
                                        Diagnostics &diagnostics);

/// The same for a text; `name` stands for the file in messages and, where the text does not name the model, names it.
std::optional<ModelDesc> parseModelText(std::string name, std::string text, const DimOverrides &overrides,
                                        Diagnostics &diagnostics);

/// Sets a dimension to the extents of the overrides; reports overrides that name no dimension or are out of range.
void applyOverrides(std::vector<DimDesc> &dims, const DimOverrides &overrides, Diagnostics &diagnostics);

} // namespace attnc
