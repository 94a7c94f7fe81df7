// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/Driver.h"

#include "codegen/Compile.h"
#include "codegen/TargetMachines.h"
#include "frontend/HuggingFace.h"
#include "frontend/Identifiers.h"
#include "frontend/Import.h"
#include "frontend/MlirDiagnostics.h"
#include "frontend/ParseModel.h"
#include "frontend/WeightStore.h"
#include "passes/Balance.h"
#include "passes/Variants.h"
#include "tools/BalanceModel.h"
#include "tools/OutputFiles.h"
#include "tools/SharedLibrary.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>

namespace fs = std::filesystem;

namespace attnc {

namespace {

struct EmitName {
  const char *name;
  Emit emit;
  const char *extension;
};

constexpr EmitName kObject = {"object", Emit::Object, ".o"};
constexpr EmitName kEmitNames[] = {kObject,
                                   {"header", Emit::Header, ".h"},
                                   {"attn", Emit::Attn, ".attn.mlir"},
                                   {"kernels", Emit::Kernels, ".kernels.mlir"},
                                   {"halide", Emit::Halide, ".halide.txt"},
                                   {"llvm", Emit::LLVM, ".ll"},
                                   {"asm", Emit::Assembly, ".s"}};

/// More text than any model's IR has; weights are not in it.
constexpr size_t kMaxIRBytes = 64 << 20;

std::string printed(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module.print(out);
  return text + "\n";
}

/// The weights that a description names.
class StoredWeights : public WeightSource {
public:
  explicit StoredWeights(const WeightStore &store) : store(store) {}
  bool check(const std::string &name, const std::vector<int64_t> &shape, std::string &error) const override {
    return store.check(name, shape, error);
  }
  bool read(const std::string &name, uint64_t first, uint64_t count, float *to, std::string &error) const override {
    return store.read(name, first, count, to, error);
  }

private:
  const WeightStore &store;
};

class Driver {
public:
  explicit Driver(const DriverOptions &options) : options(options) {}

  int run() {
    const bool ok = compile();
    diagnostics.render(std::cerr);
    for (const std::string &error : errors)
      std::cerr << "attnc: error: " << error << "\n";
    if (ok && !diagnostics.hasErrors() && !options.quiet)
      std::cerr << summary;
    return ok && !diagnostics.hasErrors() ? 0 : misused ? 2 : 1;
  }

private:
  bool fail(const std::string &error) {
    errors.push_back(error);
    return false;
  }

  /// The command line asks for what there is not.
  bool misuse(const std::string &error) {
    misused = true;
    return fail(error);
  }

  bool wants(Emit emit) const { return options.emit.count(emit) != 0; }

  bool compile() {
    const auto start = std::chrono::steady_clock::now();
    std::string error;
    if (!findTargets(error))
      return misuse(error);
    if (!placeOutputs())
      return false;
    context.disableMultithreading();
    const bool isIR = fs::path(options.input).extension() == ".mlir";
    std::vector<ModelDesc> models;
    if (isIR ? !checkNoDims() : !readModels(models))
      return false;
    if (options.weights != WeightsPlace::Caller && !isIR && models.front().weights) {
      weightsLoc = models.front().weights->path.loc;
      store = WeightStore::open(models.front(), diagnostics);
      if (!store)
        return false;
      source = std::make_unique<StoredWeights>(*store);
    }
    if (!source && options.weights == WeightsPlace::External)
      return fail("--weights external: " + options.input + " names no weights to write into a file");
    const attn::Precision precision = precisionOf(isIR ? nullptr : &models.front());
    if (!(isIR ? parseIR() : importModels(models)))
      return false;
    if (source && precision == attn::Precision::int8)
      balance(models.front());
    if (!lower(precision) || !generate() || !write())
      return false;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    summarise(seconds);
    return true;
  }

  bool findTargets(std::string &error) {
    for (const std::string &cpu : options.cpus) {
      const std::optional<TargetInfo> target = findTarget(options.arch, cpu, error);
      if (!target)
        return false;
      targets.push_back(*target);
    }
    if (options.profile && (targets.size() > 1 || !options.buckets.empty())) {
      error = targets.size() > 1 ? "--profile takes one CPU" : "--profile takes one extent of each dimension";
      return false;
    }
    return targets.size() == 1 || orderTargets(targets, error);
  }

  std::optional<ModelDesc> readModel(const DimOverrides &dims, Diagnostics &problems) const {
    if (isHuggingFaceDirectory(options.input)) {
      HuggingFaceOptions huggingFace;
      huggingFace.tokenTypeIds = options.tokenTypeIds;
      return importHuggingFace(options.input, dims, problems, huggingFace);
    }
    return parseModelFile(options.input, dims, problems);
  }

  /// The description, or that for each bucket; their weights are the same.
  bool readModels(std::vector<ModelDesc> &models) {
    DimOverrides dims = options.dims;
    for (size_t i = 0; i < std::max<size_t>(options.buckets.size(), 1); ++i) {
      if (!options.buckets.empty())
        dims[options.bucketDim] = options.buckets[i];
      std::optional<ModelDesc> model = readModel(dims, diagnostics);
      if (!model)
        return false;
      models.push_back(std::move(*model));
    }
    return options.buckets.empty() || checkBucketDim(models.front());
  }

  /// The dimension is a member of the header's arguments, beside the tensors.
  bool checkBucketDim(const ModelDesc &model) {
    std::set<std::string> seen;
    for (const InputDesc &input : model.inputs)
      checkTensorName(input.name, seen, diagnostics);
    for (const OutputDesc &output : model.outputs)
      checkTensorName(output.name, seen, diagnostics);
    const Located<std::string> dim(options.bucketDim, SourceLoc());
    return checkIdentifier(dim, "the dimension", diagnostics) &&
           (options.bucketDim == "batch" || checkTensorName(dim, seen, diagnostics));
  }

  bool checkNoDims() {
    return (options.dims.empty() && options.buckets.empty()) ||
           fail("--dim: " + options.input + " is attn IR, whose dimensions have no names");
  }

  bool importModels(const std::vector<ModelDesc> &models) {
    MlirDiagnostics handler(context, diagnostics);
    for (const ModelDesc &model : models) {
      mlir::OwningOpRef<mlir::ModuleOp> module = importModel(model, context, diagnostics);
      if (!module)
        return diagnostics.hasErrors() ? false : fail("internal: the import made no module");
      imported.modules.push_back(std::move(module));
    }
    imported.dim = options.bucketDim;
    imported.extents = options.buckets;
    return true;
  }

  /// Every bucket gets the balance that the model has with short sequences.
  void balance(const ModelDesc &model) {
    const auto start = std::chrono::steady_clock::now();
    const ModelReader read = [this](const DimOverrides &dims, Diagnostics &problems) {
      DimOverrides all = options.dims;
      if (!options.buckets.empty())
        all[options.bucketDim] = options.buckets.back();
      for (const auto &[name, extent] : dims)
        all[name] = extent;
      return readModel(all, problems);
    };
    std::string reason;
    mlir::ModuleOp largest = *imported.modules.back();
    const mlir::DictionaryAttr balances = balanceModel(largest, model, read, *source, reason);
    if (!reason.empty())
      log.refusals.push_back({"balance", "model", "norms and matmuls stay as they are: " + reason});
    if (balances)
      for (mlir::OwningOpRef<mlir::ModuleOp> &bucket : imported.modules)
        (*bucket)->setAttr(kBalance, balances);
    artefacts.phases.emplace_back("balance",
                                  std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }

  bool parseIR() {
    MlirDiagnostics handler(context, diagnostics);
    context.loadDialect<attn::AttnDialect>();
    const std::optional<std::string> text = readTextFile(options.input, kMaxIRBytes, diagnostics);
    if (!text)
      return false;
    diagnostics.addSource(options.input, *text);
    mlir::OwningOpRef<mlir::ModuleOp> module =
        mlir::parseSourceString<mlir::ModuleOp>(*text, mlir::ParserConfig(&context), options.input);
    if (!module)
      return diagnostics.hasErrors() ? false : fail(options.input + " is not attn IR");
    const auto functions = module->getOps<mlir::func::FuncOp>();
    if (std::distance(functions.begin(), functions.end()) != 1)
      return fail(options.input + ": expected one function, which is the model; docs/OPS.md describes the ops");
    const mlir::func::FuncOp model = *functions.begin();
    imported.modules.push_back(std::move(module));
    return checkNames(model);
  }

  /// IR comes without the frontend's checks, but its names go into the header too.
  bool checkNames(mlir::func::FuncOp model) {
    std::set<std::string> seen;
    checkModelName({model.getSymName().str(), SourceLoc()}, diagnostics);
    auto check = [&](mlir::DictionaryAttr attributes) {
      auto attribute = attributes ? attributes.getAs<mlir::StringAttr>("attn.name") : mlir::StringAttr();
      if (!attribute)
        return; // input0, output0 ...
      const Located<std::string> name(attribute.getValue().str(), SourceLoc());
      if (checkIdentifier(name, "the name", diagnostics))
        checkTensorName(name, seen, diagnostics);
    };
    for (unsigned i = 0; i < model.getNumArguments(); ++i)
      check(model.getArgAttrDict(i));
    for (unsigned i = 0; i < model.getNumResults(); ++i)
      check(model.getResultAttrDict(i));
    return !diagnostics.hasErrors();
  }

  /// What --precision says, or else the description; IR has none.
  attn::Precision precisionOf(const ModelDesc *model) const {
    const char *described = spelling(model ? *model->precision : MatmulPrecision::F32);
    return *attn::symbolizePrecision(options.precision.value_or(described));
  }

  /// Runs the pipeline; keeps the texts that are wanted on the way.
  bool lower(attn::Precision precision) {
    MlirDiagnostics handler(context, diagnostics);
    if (wants(Emit::Attn))
      for (mlir::OwningOpRef<mlir::ModuleOp> &bucket : imported.modules)
        texts[Emit::Attn] += (texts[Emit::Attn].empty() ? "" : "// -----\n\n") + printed(*bucket);
    PipelineOptions pipeline;
    pipeline.log = &log;
    pipeline.blockKeys = options.blockKeys;
    pipeline.microbatch = options.microbatch;
    pipeline.precision = precision;
    auto observe = [&](mlir::PassManager &manager) {
      if (options.printIRAfterAll)
        manager.enableIRPrinting([](mlir::Pass *, mlir::Operation *) { return false; },
                                 [](mlir::Pass *, mlir::Operation *) { return true; },
                                 /*printModuleScope=*/true, /*printAfterOnlyOnChange=*/true);
      if (options.timePasses)
        manager.enableTiming();
    };
    module = lowerVariants(std::move(imported), targets, pipeline, observe);
    if (!module)
      return diagnostics.hasErrors() ? false : fail("internal: a pass failed without saying why");
    if (wants(Emit::Kernels))
      texts[Emit::Kernels] = printed(*module);
    if (options.explain)
      printExplanation(*module, log, llvm::outs());
    return true;
  }

  bool generate() {
    CodegenRequest request;
    request.weights = source ? options.weights : WeightsPlace::Caller;
    request.object = wants(Emit::Object);
    request.header = wants(Emit::Header);
    request.halide = wants(Emit::Halide);
    request.llvm = wants(Emit::LLVM);
    request.assembly = wants(Emit::Assembly);
    request.profile = options.profile;
    request.weightsFile = [this](const std::string &model, const FileWriter &write) {
      return stageWeights(model, write);
    };
    std::vector<std::string> problems;
    if (!generateCode(*module, targets, source.get(), request, artefacts, problems)) {
      for (const std::string &problem : problems)
        diagnostics.error(weightsLoc, problem);
      return false;
    }
    if (options.timePasses)
      for (const auto &[phase, seconds] : artefacts.phases)
        std::fprintf(stderr, "%9.1f ms  %s\n", seconds * 1e3, phase.c_str());
    return true;
  }

  const std::string &text(Emit emit) {
    switch (emit) {
    case Emit::Object:
      return artefacts.object;
    case Emit::Header:
      return artefacts.header;
    case Emit::Halide:
      return artefacts.halide;
    case Emit::LLVM:
      return artefacts.llvm;
    case Emit::Assembly:
      return artefacts.assembly;
    default:
      return texts[emit];
    }
  }

  /// Decides which file every artefact goes to, before any work is done.
  bool placeOutputs() {
    const bool toDirectory = !options.output.empty() && fs::is_directory(options.output);
    const fs::path output = options.output.empty() ? fs::path("kernel.o") : fs::path(options.output);
    sharedLibrary = output.extension() == ".so" && wants(Emit::Object);
    for (const EmitName &entry : kEmitNames) {
      if (!wants(entry.emit))
        continue;
      if (toDirectory)
        places[entry.emit] = ""; // Named after the model, once it is known.
      else if (options.emit.size() == 1 && options.output.empty() && entry.emit != Emit::Object)
        places[entry.emit] = "-";
      else if (entry.emit == Emit::Object || options.emit.size() == 1)
        places[entry.emit] = output.string();
      // Beside a device there is no place for a header.
      else if (entry.emit == Emit::Header && wants(Emit::Object) && options.emit.size() == 2)
        places[entry.emit] = isStream(output) ? "/dev/null" : fs::path(output).replace_extension(".h").string();
      else
        return misuse("several artefacts need a directory that exists: -o DIR");
    }
    return true;
  }

  /// The file of an artefact, once the model's name is known.
  std::string placeOf(const EmitName &entry, const std::string &model) const {
    const std::string &place = places.at(entry.emit);
    return place.empty() ? (fs::path(options.output) / (model + entry.extension)).string() : place;
  }

  bool write() {
    std::string error;
    const FileWriter object = [this](ByteSink &file, std::string &reason) {
      return writeObject(artefacts, file, reason);
    };
    for (const EmitName &entry : kEmitNames) {
      if (!wants(entry.emit))
        continue;
      const std::string place = places[entry.emit] = placeOf(entry, artefacts.modelName);
      if (place == "-") {
        llvm::outs() << text(entry.emit);
        continue;
      }
      const bool staged = entry.emit != Emit::Object ? files.stage(place, text(entry.emit), error)
                          : sharedLibrary
                              ? linkSharedLibrary(object, place, options.program, targets.front(), files, error)
                              : files.stage(place, object, error);
      if (!staged)
        return fail(error);
    }
    llvm::outs().flush();
    if (llvm::outs().has_error()) {
      llvm::outs().clear_error();
      return fail("cannot write to the standard output");
    }
    return files.publish(error) || fail(error);
  }

  /// External weights, beside the object; beside a device there is no place for them.
  bool stageWeights(const std::string &model, const FileWriter &write) {
    const std::string object = placeOf(kObject, model);
    weightsPath = isStream(object) ? "/dev/null" : fs::path(object).replace_extension(".weights").string();
    for (const std::string &path : store->paths()) {
      std::error_code ignored;
      if (fs::equivalent(path, weightsPath, ignored))
        return fail("--weights external would replace " + weightsPath +
                    ", which the model's weights come from; -o NAME.o gives it another name");
    }
    std::string error;
    return files.stage(weightsPath, write, error) || fail(error);
  }

  std::string weightsText() {
    if (!store)
      return "handed over at init";
    return weightsPath.empty() ? "embedded" : "in " + weightsPath;
  }

  void summarise(double seconds) {
    if (!wants(Emit::Object))
      return;
    char line[800];
    std::string cpus;
    for (const TargetInfo &target : targets)
      cpus += (cpus.empty() ? "" : ", ") + target.name;
    for (size_t i = 0; i < options.buckets.size(); ++i)
      cpus += (i > 0 ? ", " : ", " + options.bucketDim + " ") + std::to_string(options.buckets[i]);
    const double imageMegabytes = artefacts.imageSize / 1e6;
    std::snprintf(line, sizeof line,
                  "attnc: %s for %s: %.0f KB of code and tables, %.1f MB of weights %s, %.2f s -> %s\n",
                  artefacts.modelName.c_str(), cpus.c_str(), artefacts.object.size() / 1e3, imageMegabytes,
                  weightsText().c_str(), seconds, places[Emit::Object].c_str());
    summary = line;
  }

  const DriverOptions &options;
  std::vector<TargetInfo> targets; ///< The most demanding first.
  Diagnostics diagnostics;
  std::vector<std::string> errors;
  std::string summary;
  SourceLoc weightsLoc; ///< Where the description names its weights.
  mlir::MLIRContext context;
  ModelBuckets imported;                    ///< In core ops.
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< Lowered.
  ExplainLog log;
  std::unique_ptr<WeightStore> store;
  std::unique_ptr<StoredWeights> source; ///< What `store` holds, where there is one.
  Artefacts artefacts;
  OutputFiles files;
  std::map<Emit, std::string> texts, places;
  std::string weightsPath; ///< Of external weights.
  bool sharedLibrary = false, misused = false;
};

} // namespace

const Emit *findEmit(const std::string &name) {
  for (const EmitName &entry : kEmitNames)
    if (name == entry.name)
      return &entry.emit;
  return nullptr;
}

int runDriver(const DriverOptions &options) { return Driver(options).run(); }

} // namespace attnc
