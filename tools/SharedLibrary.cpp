// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/SharedLibrary.h"

#include "passes/TargetInfo.h"
#include "tools/OutputFiles.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"

#include <filesystem>

namespace fs = std::filesystem;

namespace attnc {

namespace {

/// The runtime archive of this build or installation; empty where there is none for the target.
std::string runtimeArchive(const std::string &program, const TargetInfo &target) {
  const fs::path self = llvm::sys::fs::getMainExecutable(program.c_str(), reinterpret_cast<void *>(&runtimeArchive));
  const fs::path root = self.parent_path().parent_path();
  const char *cross = target.arch == TargetInfo::Arch::AArch64 ? "aarch64-linux-gnu/" : "";
  for (const char *folder : {"lib/", "runtime/"}) {
    const fs::path archive = root / (std::string(folder) + cross + "libattnc_rt.a");
    std::error_code ignored;
    if (fs::exists(archive, ignored))
      return archive.string();
  }
  return "";
}

} // namespace

bool linkSharedLibrary(const FileWriter &object, const std::string &path, const std::string &program,
                       const TargetInfo &target, OutputFiles &files, std::string &error) {
  const bool isCross = target.arch == TargetInfo::Arch::AArch64;
  const char *const name = isCross ? "aarch64-linux-gnu-gcc" : "cc";
  const auto compiler = llvm::sys::findProgramByName(name);
  if (!compiler) {
    error = std::string("a shared library needs '") + name + "' to link it; install it, or emit kernel.o";
    return false;
  }
  const std::string archive = runtimeArchive(program, target);
  if (archive.empty()) {
    error = "the runtime archive libattnc_rt.a for this target is not beside attnc; emit kernel.o and link it yourself";
    return false;
  }
  llvm::SmallString<128> objectFile;
  if (llvm::sys::fs::createTemporaryFile("attnc", "o", objectFile)) {
    error = "cannot make a temporary file for the linker";
    return false;
  }
  const llvm::FileRemover remover(objectFile);
  llvm::sys::RemoveFileOnSignal(objectFile);
  OutputFiles objectOutput;
  if (!objectOutput.stage(objectFile.str().str(), object, error) || !objectOutput.publish(error))
    return false;
  const std::string library = files.stageExternal(path, error);
  if (library.empty())
    return false;
  const llvm::StringRef arguments[] = {
      *compiler,  "-shared", "-o", library, objectFile, "-Wl,--whole-archive", archive, "-Wl,--no-whole-archive",
      "-lpthread"};
  std::string reason;
  if (llvm::sys::ExecuteAndWait(*compiler, arguments, std::nullopt, {}, 0, 0, &reason) != 0) {
    error = "linking " + path + " failed" + (reason.empty() ? "" : ": " + reason);
    return false;
  }
  return true;
}

} // namespace attnc
