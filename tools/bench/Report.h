// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reports of measured results, which are JSON (docs/PERFORMANCE.md lists the keys): as text, as Markdown, as HTML.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace attnc {

/// One workload for the terminal.
std::string workloadText(const nlohmann::json &workload);

/// The machine and what it reaches, for the terminal.
std::string limitsText(const nlohmann::json &results);

/// All tables.
std::string markdownReport(const nlohmann::json &results);

/// One file with tables and plots that needs nothing else.
std::string htmlReport(const nlohmann::json &results);

} // namespace attnc
