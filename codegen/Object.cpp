// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Object.h"

#include "codegen/ContractMultiplyAdd.h"
#include "codegen/HostEntry.h"
#include "passes/TargetInfo.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/KnownBits.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

using namespace llvm;

namespace attnc {

namespace {

/// What the runtime can check, in its spelling, which is LLVM's too.
constexpr const char *kCheckedFeatures[] = {"sse3",         "ssse3",
                                            "sse4.1",       "sse4.2",
                                            "popcnt",       "avx",
                                            "avx2",         "fma",
                                            "f16c",         "bmi",
                                            "bmi2",         "avx512f",
                                            "avx512cd",     "avx512dq",
                                            "avx512bw",     "avx512vl",
                                            "avx512ifma",   "avx512vbmi",
                                            "avx512vbmi2",  "avx512vnni",
                                            "avx512bitalg", "avx512vpopcntdq",
                                            "avx512bf16"};

/// Halide's calls out of a kernel and what answers them.
constexpr std::pair<const char *, const char *> kRuntimeNames[] = {{"halide_do_par_for", "attnc_rt_parallel_for"},
                                                                   {"halide_malloc", "attnc_rt_malloc"},
                                                                   {"halide_free", "attnc_rt_free"}};

Triple tripleOf(const TargetInfo &target) {
  return Triple(target.arch == TargetInfo::Arch::AArch64 ? "aarch64-unknown-linux-gnu" : "x86_64-unknown-linux-gnu");
}

std::unique_ptr<TargetMachine> machineFor(const TargetInfo &target, std::string &error) {
  static const bool initialised = [] {
    InitializeAllTargetInfos();
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmPrinters();
    return true;
  }();
  (void)initialised;
  const Triple triple = tripleOf(target);
  const Target *llvmTarget = TargetRegistry::lookupTarget(triple, error);
  if (!llvmTarget)
    return nullptr;
  TargetOptions options;
  // Contraction is explicit (ContractMultiplyAdd.h).
  options.AllowFPOpFusion = FPOpFusion::Strict;
  return std::unique_ptr<TargetMachine>(
      llvmTarget->createTargetMachine(triple, target.name, "", options, Reloc::PIC_, {}, CodeGenOptLevel::Default));
}

/// Features that the machine's CPU has, as attnc_model.cpu_features lists them.
std::string runtimeFeatures(const TargetMachine &machine) {
  if (machine.getTargetTriple().isAArch64())
    return "neon";
  std::string features;
  const std::unique_ptr<MCSubtargetInfo> info(
      machine.getTarget().createMCSubtargetInfo(machine.getTargetTriple(), machine.getTargetCPU(), ""));
  for (const char *feature : kCheckedFeatures)
    if (info->checkFeatures(std::string("+") + feature))
      features += (features.empty() ? "" : " ") + std::string(feature);
  return features;
}

uint64_t roundUp(uint64_t size) { return (size + ATTNC_ALIGNMENT - 1) / ATTNC_ALIGNMENT * ATTNC_ALIGNMENT; }

} // namespace

struct ObjectBuilder::State {
  LLVMContext context;
  std::unique_ptr<TargetMachine> machine;
  std::unique_ptr<Module> module;
  TargetInfo target;
  uint64_t scratch = 0;
  StringMap<KernelCounts> counts;
};

ObjectBuilder::ObjectBuilder(const TargetInfo &target, std::string &error)
    : state(std::make_unique<State>()), error(error) {
  state->target = target;
  state->machine = machineFor(target, error);
  state->module = std::make_unique<Module>("attnc", state->context);
  if (state->machine) {
    state->module->setTargetTriple(tripleOf(target));
    state->module->setDataLayout(state->machine->createDataLayout());
  }
}

ObjectBuilder::~ObjectBuilder() = default;

/// The most that `size` can be: Halide leaves out an allocation that a condition makes unnecessary, so that it is a
/// constant or 0, in whichever form LLVM gives that. Nothing where no useful bound is known.
static std::optional<uint64_t> largest(Value *size, const DataLayout &layout) {
  const uint64_t most = computeKnownBits(size, layout).getMaxValue().getLimitedValue();
  return most <= UINT32_MAX ? std::optional(most) : std::nullopt;
}

/// The sum of a kernel's allocations: no more can be live at once on one worker, since a loop that allocates frees
/// before its next round. Nothing where one has no constant size.
static std::optional<uint64_t> scratchOf(Module &module) {
  uint64_t total = 0;
  for (Function &function : module)
    for (Instruction &instruction : instructions(function)) {
      auto *call = dyn_cast<CallInst>(&instruction);
      if (!call || !call->getCalledFunction() || call->getCalledFunction()->getName() != "halide_malloc")
        continue;
      const auto size = largest(call->getArgOperand(1), module.getDataLayout());
      if (!size)
        return std::nullopt;
      total += roundUp(*size);
    }
  return total;
}

bool ObjectBuilder::addKernel(const CompiledKernel &kernel) {
  if (!state->machine)
    return false;
  auto fail = [&](const std::string &reason) {
    error = "kernel '" + kernel.name + "': " + reason;
    return false;
  };
  auto parsed = parseBitcodeFile(MemoryBufferRef(kernel.bitcode, kernel.name), state->context);
  if (!parsed)
    return fail("its bitcode cannot be read: " + toString(parsed.takeError()));
  Module &module = **parsed;
  auto scratch = scratchOf(module);
  if (!scratch)
    return fail("internal: scratch without a constant size");
  // Kernels run one after the other, so they share the scratch.
  state->scratch = std::max(state->scratch, *scratch);
  contractMultiplyAdd(module);
  for (auto [halide, ours] : kRuntimeNames)
    if (Function *function = module.getFunction(halide))
      function->setName(ours);
  module.setTargetTriple(state->module->getTargetTriple());
  module.setDataLayout(state->module->getDataLayout());
  SmallVector<Function *> unused;
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (function.getName() != kernel.name && !function.hasLocalLinkage()) {
      unused.push_back(&function); // Halide's _argv wrapper and metadata.
      continue;
    }
    function.removeFnAttr("target-features");
    function.addFnAttr("target-cpu", state->target.name);
    function.addFnAttr("tune-cpu", state->target.name);
    if (state->target.vectorBytes == 64)
      function.addFnAttr("prefer-vector-width", "512");
  }
  for (Function *function : unused)
    if (function->use_empty())
      function->eraseFromParent();
  // Halide numbers names through the whole process; an object does not tell what was compiled before it.
  int tasks = 0;
  for (Function &function : module)
    if (!function.isDeclaration() && function.getName() != kernel.name)
      function.setName(kernel.name + ".task" + std::to_string(tasks++));
  state->counts[kernel.name] = kernel.counts;
  if (Linker::linkModules(*state->module, std::move(*parsed)))
    return fail("cannot be linked with the other kernels");
  return true;
}

bool ObjectBuilder::addModel(const ModelPlan &plan, const void *image, bool declareImage, bool profile) {
  if (!state->machine)
    return false;
  std::vector<KernelCounts> counts;
  for (const KernelCall &call : plan.calls)
    counts.push_back(state->counts.lookup(call.kernel));
  HostData data{runtimeFeatures(*state->machine), state->scratch, image, declareImage, profile};
  emitHostEntry(*state->module, plan, counts, data);
  for (Function &function : *state->module)
    if (!function.isDeclaration()) {
      function.setLinkage(GlobalValue::InternalLinkage);
      function.setComdat(nullptr);
    } else if (function.getName() == "halide_error_out_of_memory") {
      // The runtime recorded the failure when it returned null; the kernel only has to stop.
      function.setLinkage(GlobalValue::InternalLinkage);
      BasicBlock *body = BasicBlock::Create(state->context, "entry", &function);
      ReturnInst::Create(state->context, ConstantInt::get(function.getReturnType(), static_cast<uint64_t>(-1)), body);
    }
  std::string problem;
  raw_string_ostream out(problem);
  if (verifyModule(*state->module, &out)) {
    error = "internal: the generated module is not valid: " + out.str();
    return false;
  }
  return true;
}

bool ObjectBuilder::emit(OutputForm form, std::string &result) {
  raw_string_ostream text(result);
  if (form == OutputForm::LLVM) {
    state->module->print(text, nullptr);
    return true;
  }
  SmallVector<char, 0> bytes;
  raw_svector_ostream out(bytes);
  legacy::PassManager passes;
  const auto kind = form == OutputForm::Object ? CodeGenFileType::ObjectFile : CodeGenFileType::AssemblyFile;
  if (state->machine->addPassesToEmitFile(passes, out, nullptr, kind)) {
    error = "internal: the target cannot emit this form";
    return false;
  }
  passes.run(*state->module);
  result.assign(bytes.begin(), bytes.end());
  return true;
}

} // namespace attnc
