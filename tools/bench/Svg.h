// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plots of the HTML report, as inline SVG.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace attnc {

/// Text with what HTML and SVG would take for markup replaced.
std::string escaped(const std::string &text);

/// Bars of time over floor for each workload on the most threads, a mark at its target and one for each peer.
std::string floorBars(const nlohmann::json &results);

/// Kernels by arithmetic intensity and rate below the roofs that were measured, on the most threads.
std::string roofline(const nlohmann::json &results);

/// A small bar behind a share in a table.
std::string shareBar(double share, const std::string &kind);

} // namespace attnc
