// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/ByteSink.h"

#include <string>

namespace attnc {

class OutputFiles;
struct TargetInfo;

/// Links an object, which `object` writes, with the runtime archive into a shared library that exports the model and
/// the runtime's functions, and stages it as `path`. Runs the C compiler driver (cc, or the cross one) as the linker,
/// without a shell. `program` is argv[0], beside which the runtime archive lies.
bool linkSharedLibrary(const FileWriter &object, const std::string &path, const std::string &program,
                       const TargetInfo &target, OutputFiles &files, std::string &error);

} // namespace attnc
