// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Object.h"

#include "codegen/ContractMultiplyAdd.h"
#include "codegen/TargetMachines.h"
#include "passes/TargetInfo.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/KnownBits.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace attnc {

namespace {

/// Halide's calls out of a kernel and what answers them.
constexpr std::pair<const char *, const char *> kRuntimeNames[] = {{"halide_do_par_for", "attnc_rt_parallel_for"},
                                                                   {"halide_malloc", "attnc_rt_malloc"},
                                                                   {"halide_free", "attnc_rt_free"}};

uint64_t roundUp(uint64_t size) { return (size + ATTNC_ALIGNMENT - 1) / ATTNC_ALIGNMENT * ATTNC_ALIGNMENT; }

/// Halide asks for lines that are read once and bypass the second-level cache, where other tiles look for them again.
void keepFetchedLines(Module &module) {
  constexpr unsigned locality = 2; ///< The argument's number.
  constexpr uint64_t kKeepInAllCaches = 3;
  for (Function &function : module)
    for (Instruction &instruction : instructions(function))
      if (auto *call = dyn_cast<IntrinsicInst>(&instruction); call && call->getIntrinsicID() == Intrinsic::prefetch)
        call->setArgOperand(locality, ConstantInt::get(call->getArgOperand(locality)->getType(), kKeepInAllCaches));
}

} // namespace

struct ObjectBuilder::State {
  LLVMContext context;
  std::unique_ptr<TargetMachine> machine;
  std::unique_ptr<Module> module;
  /// What is known of a kernel once its bitcode is read.
  struct Kernel {
    KernelCounts counts;
    uint64_t scratch = 0;
  };
  StringMap<Kernel> kernels;

  HostVariant describe(const VariantPlan &variant, const TargetInfo &target) const;
};

/// Kernels run one after the other, so they share the scratch.
HostVariant ObjectBuilder::State::describe(const VariantPlan &variant, const TargetInfo &target) const {
  HostVariant host{target.name, runtimeFeatures(target), 0, {}};
  for (const KernelCall &call : variant.calls) {
    const Kernel kernel = kernels.lookup(call.kernel);
    host.counts.push_back(kernel.counts);
    host.scratchSize = std::max(host.scratchSize, kernel.scratch);
  }
  return host;
}

ObjectBuilder::ObjectBuilder(const std::vector<TargetInfo> &targets, std::string &error)
    : state(std::make_unique<State>()), targets(targets), error(error) {
  // Each function names its own CPU; what has none is compiled for the one that asks for the least.
  state->machine = machineFor(targets.back(), error);
  state->module = std::make_unique<Module>("attnc", state->context);
  if (state->machine) {
    state->module->setTargetTriple(state->machine->getTargetTriple());
    state->module->setDataLayout(state->machine->createDataLayout());
  }
}

ObjectBuilder::~ObjectBuilder() = default;

/// The most that `size` can be: Halide leaves out an allocation that a condition makes unnecessary, so that it is a
/// constant or 0, in whichever form LLVM gives that. Nothing where no useful bound is known.
static std::optional<uint64_t> largest(Value *size, const DataLayout &layout) {
  uint64_t most = 0;
  SmallSetVector<Value *, 8> values;
  values.insert(size);
  for (unsigned i = 0; i < values.size(); ++i) {
    if (auto *phi = dyn_cast<PHINode>(values[i]))
      values.insert(phi->op_begin(), phi->op_end()); // Known bits do not reach through several of them.
    else
      most = std::max(most, computeKnownBits(values[i], layout).getMaxValue().getLimitedValue());
  }
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

/// Halide notes its target as flags of the module, in which kernels of one object may differ.
static void dropHalideFlags(Module &module) {
  NamedMDNode *flags = module.getModuleFlagsMetadata();
  if (!flags)
    return;
  SmallVector<MDNode *> kept;
  for (MDNode *flag : flags->operands())
    if (!cast<MDString>(flag->getOperand(1))->getString().starts_with("halide_"))
      kept.push_back(flag);
  flags->clearOperands();
  for (MDNode *flag : kept)
    flags->addOperand(flag);
}

/// Makes calls of the runtime out of the kernel's calls of kFullyMaskedCall, whose value is of no use. Halide hands an
/// extern function no context; the functions of a kernel have it as their first argument.
static void reportFullyMasked(Module &module) {
  Function *call = module.getFunction(kFullyMaskedCall);
  if (!call)
    return;
  LLVMContext &context = module.getContext();
  Type *i32 = Type::getInt32Ty(context);
  FunctionCallee fail =
      module.getOrInsertFunction("attnc_rt_fail", Type::getVoidTy(context), PointerType::getUnqual(context), i32);
  for (User *user : make_early_inc_range(call->users())) {
    auto *report = cast<CallInst>(user);
    IRBuilder<> builder(report);
    builder.CreateCall(fail, {report->getFunction()->getArg(0), ConstantInt::get(i32, ATTNC_ERROR_MASK)});
    report->replaceAllUsesWith(Constant::getNullValue(report->getType()));
    report->eraseFromParent();
  }
  call->eraseFromParent();
}

bool ObjectBuilder::addKernel(const CompiledKernel &kernel, const TargetInfo &target) {
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
  reportFullyMasked(module);
  contractMultiplyAdd(module);
  keepFetchedLines(module);
  dropHalideFlags(module);
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
    function.addFnAttr("target-cpu", target.name);
    function.addFnAttr("tune-cpu", target.name);
    if (target.vectorBytes == 64)
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
  state->kernels[kernel.name] = {kernel.counts, *scratch};
  if (Linker::linkModules(*state->module, std::move(*parsed)))
    return fail("cannot be linked with the other kernels");
  return true;
}

bool ObjectBuilder::addModel(const ModelPlan &plan, ImageForm image, uint64_t imageHash, bool profile) {
  if (!state->machine)
    return false;
  HostData data{{}, image, imageHash, profile};
  for (const VariantPlan &variant : plan.variants)
    data.variants.push_back(state->describe(variant, targetNamed(targets, variant.cpu)));
  emitHostEntry(*state->module, plan, data);
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
