// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/LoadModel.h"

#include "frontend/Diagnostic.h"
#include "frontend/RegularFile.h"

#include "llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/Core.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <algorithm>
#include <dlfcn.h>
#include <vector>

using namespace llvm;

namespace attnc {
namespace {

constexpr StringRef kSuffix = "_attnc_model";

/// An object file in memory, linked by JITLink. No compiler is started: the object holds machine code already.
class LinkedObject : public LoadedModel {
public:
  ~LinkedObject() override {
    if (session)
      cantFail(session->endSession());
  }

  bool link(std::unique_ptr<MemoryBuffer> object, const std::string &symbol, std::string &error) {
    Error failure = tryLink(std::move(object), symbol);
    if (!failure)
      return true;
    error = toString(std::move(failure));
    if (!cause.empty()) // The session reports the cause beside the failed lookup.
      error = cause;
    return false;
  }

  void *find(const std::string &symbol) const override {
    auto found = session->lookup({dylib}, session->intern(symbol));
    if (found)
      return found->getAddress().toPtr<void *>();
    consumeError(found.takeError());
    return nullptr;
  }

private:
  Error tryLink(std::unique_ptr<MemoryBuffer> object, const std::string &symbol) {
    auto control = orc::SelfExecutorProcessControl::Create(nullptr, std::make_unique<orc::InPlaceTaskDispatcher>());
    if (!control)
      return control.takeError();
    session = std::make_unique<orc::ExecutionSession>(std::move(*control));
    session->setErrorReporter([this](Error failure) {
      std::string text = toString(std::move(failure));
      if (cause.empty())
        cause = std::move(text);
    });
    layer = std::make_unique<orc::ObjectLinkingLayer>(*session);
    dylib = &session->createBareJITDylib("model");
    if (Error failure = dylib->define(orc::absoluteSymbols(runtimeSymbols())))
      return failure;
    // memcpy and the like, of the C library in this process.
    auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess('\0');
    if (!process)
      return process.takeError();
    dylib->addGenerator(std::move(*process));
    if (Error failure = layer->add(*dylib, std::move(object)))
      return failure;
    auto found = session->lookup({dylib}, session->intern(symbol));
    if (!found)
      return found.takeError();
    descriptor = found->getAddress().toPtr<const attnc_model *>();
    runtime = {attnc_init, attnc_select_cpu,     attnc_select_bucket, attnc_map_weights,  attnc_unmap_weights,
               attnc_run,  attnc_workspace_size, attnc_pool_create,   attnc_pool_destroy, attnc_pool_executor};
    return Error::success();
  }

  orc::SymbolMap runtimeSymbols() {
    orc::SymbolMap symbols;
    auto add = [&](StringRef name, auto *function) {
      symbols[session->intern(name)] = {orc::ExecutorAddr::fromPtr(function),
                                        JITSymbolFlags::Exported | JITSymbolFlags::Callable};
    };
    add("attnc_rt_parallel_for", &attnc_rt_parallel_for);
    add("attnc_rt_malloc", &attnc_rt_malloc);
    add("attnc_rt_free", &attnc_rt_free);
    add("attnc_rt_fail", &attnc_rt_fail);
    return symbols;
  }

  std::string cause;
  std::unique_ptr<orc::ExecutionSession> session;
  std::unique_ptr<orc::ObjectLinkingLayer> layer;
  orc::JITDylib *dylib = nullptr;
};

/// A shared library. The model's kernels call the runtime inside the library, so the runs go through that one too: the
/// two copies may be of different builds.
class SharedLibrary : public LoadedModel {
public:
  ~SharedLibrary() override {
    if (handle)
      dlclose(handle);
  }

  bool open(const std::string &path, const std::string &symbol, std::string &error) {
    // dlopen searches the system's folders for a name without a slash.
    handle = dlopen(path.find('/') == std::string::npos ? ("./" + path).c_str() : path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      error = std::string("cannot be loaded: ") + dlerror();
      return false;
    }
    descriptor = static_cast<const attnc_model *>(dlsym(handle, symbol.c_str()));
    return find("attnc_init", runtime.init, error) && find("attnc_select_cpu", runtime.selectCpu, error) &&
           find("attnc_select_bucket", runtime.selectBucket, error) &&
           find("attnc_map_weights", runtime.mapWeights, error) &&
           find("attnc_unmap_weights", runtime.unmapWeights, error) && find("attnc_run", runtime.run, error) &&
           find("attnc_workspace_size", runtime.workspaceSize, error) &&
           find("attnc_pool_create", runtime.createPool, error) &&
           find("attnc_pool_destroy", runtime.destroyPool, error) &&
           find("attnc_pool_executor", runtime.poolExecutor, error);
  }

  void *find(const std::string &symbol) const override { return dlsym(handle, symbol.c_str()); }

private:
  template <typename Function> bool find(const char *name, Function &function, std::string &error) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    if (!function)
      error = std::string("exports no ") + name + ": it was linked without the runtime, or hides it";
    return function != nullptr;
  }

  void *handle = nullptr;
};

/// Names of the models among the defined symbols that others can see, in order.
template <typename Range> std::vector<std::string> modelsAmong(Range symbols) {
  std::vector<std::string> models;
  for (const object::SymbolRef &symbol : symbols) {
    Expected<uint32_t> flags = symbol.getFlags();
    Expected<StringRef> name = symbol.getName();
    if (!flags || !name) { // A symbol that cannot be read is none of ours.
      consumeError(flags.takeError());
      consumeError(name.takeError());
      continue;
    }
    const bool visible = (*flags & object::SymbolRef::SF_Global) && !(*flags & object::SymbolRef::SF_Undefined);
    if (visible && name->size() > kSuffix.size() && name->ends_with(kSuffix))
      models.push_back(name->drop_back(kSuffix.size()).str());
  }
  std::sort(models.begin(), models.end());
  return models;
}

std::string listed(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool chooseModel(const std::vector<std::string> &models, const std::string &wanted, std::string &name,
                 std::string &error) {
  if (models.empty())
    error = "there is no model in it (no symbol <name>_attnc_model)";
  else if (wanted.empty() && models.size() > 1)
    error = "there are several models in it (" + listed(models) + "); choose one with --model NAME";
  else if (!wanted.empty() && std::find(models.begin(), models.end(), wanted) == models.end())
    error = "there is no model " + inQuotes(wanted) + " in it; there is " + listed(models);
  else
    name = wanted.empty() ? models.front() : wanted;
  return !name.empty();
}

std::unique_ptr<LoadedModel> loadFile(const std::string &path, const std::string &wanted, std::string &error) {
  if (!RegularFile::open(path, error))
    return nullptr;
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer) {
    error = buffer.getError().message();
    return nullptr;
  }
  auto file = object::ObjectFile::createELFObjectFile((*buffer)->getMemBufferRef());
  if (!file) {
    error = "not an object file or a shared library that attnc made: " + toString(file.takeError());
    return nullptr;
  }
  const auto &elf = cast<object::ELFObjectFileBase>(**file);
  const Triple::ArchType host = Triple(sys::getProcessTriple()).getArch();
  if (elf.getArch() != host) {
    error = "is compiled for " + Triple::getArchTypeName(elf.getArch()).str() + "; this machine is " +
            Triple::getArchTypeName(host).str();
    return nullptr;
  }
  const bool relocatable = elf.getEType() == ELF::ET_REL;
  std::string name;
  if (!chooseModel(relocatable ? modelsAmong(elf.symbols()) : modelsAmong(elf.getDynamicSymbolIterators()), wanted,
                   name, error))
    return nullptr;
  if (!relocatable) {
    auto library = std::make_unique<SharedLibrary>();
    return library->open(path, name + kSuffix.str(), error) ? std::move(library) : nullptr;
  }
  auto object = std::make_unique<LinkedObject>();
  if (object->link(std::move(*buffer), name + kSuffix.str(), error))
    return object;
  error = "cannot be linked: " + error;
  return nullptr;
}

} // namespace

std::unique_ptr<LoadedModel> LoadedModel::load(const std::string &path, const std::string &name, std::string &error) {
  std::unique_ptr<LoadedModel> loaded = loadFile(path, name, error);
  if (loaded && loaded->model().abi_version != ATTNC_ABI_VERSION) {
    error = "is for version " + std::to_string(loaded->model().abi_version) + " of the runtime's ABI; attnc-run has " +
            std::to_string(ATTNC_ABI_VERSION) + ". Compile the model again";
    loaded = nullptr;
  }
  if (!loaded)
    error = path + ": " + error;
  return loaded;
}

} // namespace attnc
