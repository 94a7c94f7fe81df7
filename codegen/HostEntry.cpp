// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/HostEntry.h"

#include "codegen/ImageSection.h"
#include "runtime/attnc/profile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace attnc {

namespace {

/// The bytes of one batch element of a tensor whose first extent is the batch; 0 where it has no batch.
uint64_t batchElementBytes(const TensorDesc &desc) {
  if (desc.shape.empty() || desc.shape.front() != -1)
    return 0;
  uint64_t bytes = attnc_dtype_size(desc.dtype);
  for (int64_t extent : drop_begin(desc.shape))
    bytes *= static_cast<uint64_t>(extent);
  return bytes;
}

class HostEmitter {
public:
  HostEmitter(Module &module, const ModelPlan &plan, const HostData &data)
      : module(module), plan(plan), data(data), context(module.getContext()), pointer(PointerType::getUnqual(context)),
        i8(Type::getInt8Ty(context)), i32(Type::getInt32Ty(context)), i64(Type::getInt64Ty(context)) {}

  void emitEntries();
  void emitModel();

private:
  void emitProfile(const std::vector<KernelCall> &planned);
  Function *emitEntry(const VariantPlan &variant, const HostVariant &host);
  void observe(IRBuilder<> &builder, size_t call);
  Value *address(IRBuilder<> &builder, Function *entry, const VariantPlan &variant, const Place &place);
  GlobalVariable *global(Constant *value, const Twine &name, unsigned alignment = 8);
  Constant *string(const std::string &text);
  Constant *number64(uint64_t value) { return ConstantInt::get(i64, value); }
  Constant *number32(int64_t value) { return ConstantInt::get(i32, static_cast<uint64_t>(value), true); }
  Constant *structure(ArrayRef<Constant *> fields) { return ConstantStruct::getAnon(context, fields); }
  Constant *tensors(const std::vector<TensorDesc> &descs, const Twine &name);
  Constant *packSteps();
  Constant *image();
  Constant *variants();
  Constant *buckets(ArrayRef<std::pair<Constant *, Constant *>> interfaces);

  Module &module;
  const ModelPlan &plan;
  const HostData &data;
  LLVMContext &context;
  PointerType *pointer;
  Type *i8, *i32, *i64;
  std::vector<Function *> entries; ///< One a variant.
  Function *observer = nullptr;    ///< Of a profile: takes the number of the call that begins.
};

GlobalVariable *HostEmitter::global(Constant *value, const Twine &name, unsigned alignment) {
  auto *variable = new GlobalVariable(module, value->getType(), true, GlobalValue::InternalLinkage, value, name);
  variable->setAlignment(Align(alignment));
  return variable;
}

Constant *HostEmitter::string(const std::string &text) {
  return global(ConstantDataArray::getString(context, text), "text", 1);
}

Value *HostEmitter::address(IRBuilder<> &builder, Function *entry, const VariantPlan &variant, const Place &place) {
  Value *inputs = entry->getArg(1), *outputs = entry->getArg(2), *weights = entry->getArg(3), *arena = entry->getArg(4),
        *first = entry->getArg(5), *batch = entry->getArg(6);
  const InterfacePlan &interface = plan.interfaceOf(variant);
  auto at = [&](Value *base, Value *offset) { return builder.CreateGEP(i8, base, offset); };
  auto load = [&](Value *table, const std::vector<TensorDesc> &descs) -> Value * {
    const auto position = static_cast<uint64_t>(place.value);
    Value *tensor = builder.CreateLoad(pointer, builder.CreateConstGEP1_64(pointer, table, position));
    const uint64_t element = variant.microbatch ? batchElementBytes(descs[position]) : 0;
    tensor = element ? at(tensor, builder.CreateMul(first, number64(element))) : tensor;
    return place.offset ? at(tensor, number64(static_cast<uint64_t>(place.offset))) : tensor;
  };
  switch (place.kind) {
  case Place::Kind::Input:
    return load(inputs, interface.inputs);
  case Place::Kind::Output:
    return load(outputs, interface.outputs);
  case Place::Kind::Weight:
    return at(weights, number64(static_cast<uint64_t>(place.value)));
  case Place::Kind::ArenaFixed:
    return at(arena, number64(static_cast<uint64_t>(place.value)));
  case Place::Kind::ArenaPerBatch: {
    Value *offset = builder.CreateMul(batch, number64(static_cast<uint64_t>(place.value)));
    return at(arena, builder.CreateAdd(offset, number64(variant.arenaFixed)));
  }
  }
  return nullptr;
}

/// The attnc_profile, and the function that tells its observer, if there is one.
void HostEmitter::emitProfile(const std::vector<KernelCall> &planned) {
  auto real = [&](double value) { return ConstantFP::get(Type::getDoubleTy(context), value); };
  std::vector<Constant *> calls;
  for (const KernelCall &call : planned)
    calls.push_back(structure({string(call.label), string(call.kernel), string(call.ops), real(call.work.flops),
                               real(call.work.matmulFlops), real(call.work.bytes), real(call.weightBytes),
                               real(call.tokenBytes), number32(call.work.share)}));
  Constant *none = ConstantPointerNull::get(pointer);
  Constant *table = calls.empty()
                        ? none
                        : global(ConstantArray::get(ArrayType::get(calls[0]->getType(), calls.size()), calls), "calls");
  Constant *value =
      structure({number32(ATTNC_ABI_VERSION), number32(static_cast<int64_t>(planned.size())), table, none, none});
  auto *profile = new GlobalVariable(module, value->getType(), false, GlobalValue::ExternalLinkage, value,
                                     profileSymbol(plan.name));
  profile->setAlignment(Align(8));

  observer = Function::Create(FunctionType::get(Type::getVoidTy(context), {i32}, false), GlobalValue::InternalLinkage,
                              plan.name + "_attnc_observe", module);
  IRBuilder<> builder(BasicBlock::Create(context, "entry", observer));
  auto field = [&](unsigned index) {
    return builder.CreateLoad(pointer, builder.CreateStructGEP(value->getType(), profile, index));
  };
  Value *function = field(3), *state = field(4);
  BasicBlock *tell = BasicBlock::Create(context, "tell", observer),
             *done = BasicBlock::Create(context, "done", observer);
  builder.CreateCondBr(builder.CreateIsNull(function), done, tell);
  builder.SetInsertPoint(tell);
  builder.CreateCall(FunctionType::get(Type::getVoidTy(context), {pointer, i32}, false), function,
                     {state, observer->getArg(0)});
  builder.CreateBr(done);
  builder.SetInsertPoint(done);
  builder.CreateRetVoid();
}

void HostEmitter::observe(IRBuilder<> &builder, size_t call) {
  if (observer)
    builder.CreateCall(observer, {number32(static_cast<int64_t>(call))});
}

void HostEmitter::emitEntries() {
  if (data.profile)
    emitProfile(plan.variants.front().calls);
  for (auto [variant, host] : zip_equal(plan.variants, data.variants))
    entries.push_back(emitEntry(variant, host));
}

Function *HostEmitter::emitEntry(const VariantPlan &variant, const HostVariant &host) {
  auto *type = FunctionType::get(i32, {pointer, pointer, pointer, pointer, pointer, i64, i64}, false);
  Function *entry = Function::Create(type, GlobalValue::InternalLinkage, variant.function + "_attnc_entry", module);
  entry->addFnAttr("target-cpu", host.cpu);
  IRBuilder<> builder(BasicBlock::Create(context, "entry", entry));
  size_t most = 0;
  for (const KernelCall &call : variant.calls)
    most = std::max(most, call.operands.size() + call.results.size());
  auto *buffersType = ArrayType::get(ArrayType::get(i8, kBufferSize), most);
  AllocaInst *buffers = builder.CreateAlloca(buffersType, nullptr, "buffers");
  buffers->setAlignment(Align(8));
  builder.CreateMemSet(buffers, builder.getInt8(0), most * kBufferSize, Align(8));
  Value *batch32 = builder.CreateTrunc(entry->getArg(6), i32, "batch");
  for (size_t i = 0; i < variant.calls.size(); ++i) {
    const KernelCall &call = variant.calls[i];
    std::vector<Value *> arguments = {entry->getArg(0)};
    if (host.counts[i].batch)
      arguments.push_back(batch32);
    if (host.counts[i].tokens)
      arguments.push_back(builder.CreateLoad(i32, address(builder, entry, variant, *call.tokens)));
    std::vector<Place> places = call.operands;
    places.insert(places.end(), call.results.begin(), call.results.end());
    for (size_t j = 0; j < places.size(); ++j) {
      Value *buffer = builder.CreateConstGEP1_64(i8, buffers, j * kBufferSize);
      builder.CreateStore(address(builder, entry, variant, places[j]),
                          builder.CreateConstGEP1_64(i8, buffer, kBufferHost));
      arguments.push_back(buffer);
    }
    observe(builder, i);
    Value *status = builder.CreateCall(module.getFunction(call.kernel), arguments);
    BasicBlock *failed = BasicBlock::Create(context, "failed", entry);
    BasicBlock *next = BasicBlock::Create(context, call.label, entry);
    builder.CreateCondBr(builder.CreateICmpEQ(status, number32(0)), next, failed);
    builder.SetInsertPoint(failed);
    builder.CreateRet(status);
    builder.SetInsertPoint(next);
  }
  observe(builder, variant.calls.size());
  builder.CreateRet(number32(0));
  return entry;
}

Constant *HostEmitter::tensors(const std::vector<TensorDesc> &descs, const Twine &name) {
  if (descs.empty())
    return ConstantPointerNull::get(pointer);
  std::vector<Constant *> infos;
  for (const TensorDesc &desc : descs) {
    std::vector<uint64_t> shape(ATTNC_MAX_RANK, 0);
    for (size_t i = 0; i < desc.shape.size(); ++i)
      shape[i] = static_cast<uint64_t>(desc.shape[i]);
    infos.push_back(
        structure({string(desc.name), number32(desc.dtype), number32(static_cast<int64_t>(desc.shape.size())),
                   ConstantDataArray::get(context, shape), number64(static_cast<uint64_t>(desc.indexLimit)),
                   number32(desc.isState), number32(0)}));
  }
  return global(ConstantArray::get(ArrayType::get(infos[0]->getType(), infos.size()), infos), name);
}

Constant *HostEmitter::packSteps() {
  if (plan.packSteps.empty())
    return ConstantPointerNull::get(pointer);
  std::vector<Constant *> steps;
  for (const attnc_pack_step &step : plan.packSteps)
    steps.push_back(
        structure({number32(step.weight), number32(step.kind), number64(step.src_offset), number64(step.rows),
                   number64(step.cols), number64(step.stride_row), number64(step.stride_col), number64(step.dst),
                   number64(step.first), number64(step.panel), number64(step.balance)}));
  return global(ConstantArray::get(ArrayType::get(steps[0]->getType(), steps.size()), steps), "pack_steps");
}

Constant *HostEmitter::image() {
  if (data.image == ImageForm::None || plan.imageSize == 0)
    return ConstantPointerNull::get(pointer);
  Type *type = ArrayType::get(i8, plan.imageSize);
  const std::string name = plan.name + "_attnc_weights";
  if (data.image == ImageForm::Declared)
    return new GlobalVariable(module, type, true, GlobalValue::ExternalLinkage, nullptr, name);
  auto *reserved =
      new GlobalVariable(module, type, false, GlobalValue::InternalLinkage, ConstantAggregateZero::get(type), name);
  reserved->setAlignment(Align(ATTNC_ALIGNMENT));
  // Zeros that may change are the one thing that LLVM writes no bytes for.
  reserved->addAttribute("bss-section", kImageSection);
  return reserved;
}

/// The fields of attnc_variant in their order.
Constant *HostEmitter::variants() {
  std::vector<Constant *> all;
  for (auto [variant, host, entry] : zip_equal(plan.variants, data.variants, entries))
    all.push_back(structure({string(host.cpu), string(host.cpuFeatures), number64(variant.arenaFixed),
                             number64(variant.arenaPerBatch), number64(host.scratchSize),
                             number64(static_cast<uint64_t>(variant.microbatch)), entry}));
  return global(ConstantArray::get(ArrayType::get(all[0]->getType(), all.size()), all), "variants");
}

/// The fields of attnc_bucket in their order; `interfaces`: the tables of inputs and outputs.
Constant *HostEmitter::buckets(ArrayRef<std::pair<Constant *, Constant *>> interfaces) {
  std::vector<Constant *> all;
  for (auto [interface, tables] : zip_equal(plan.interfaces, interfaces))
    all.push_back(structure({number64(static_cast<uint64_t>(interface.extent)), tables.first, tables.second}));
  return global(ConstantArray::get(ArrayType::get(all[0]->getType(), all.size()), all), "buckets");
}

/// The fields of attnc_model in their order; natural alignment in LLVM's struct and in C's is the same.
void HostEmitter::emitModel() {
  Constant *none = ConstantPointerNull::get(pointer), *constants = none;
  std::vector<std::pair<Constant *, Constant *>> interfaces;
  for (const InterfacePlan &interface : plan.interfaces)
    interfaces.emplace_back(tensors(interface.inputs, "inputs"), tensors(interface.outputs, "outputs"));
  if (!plan.constants.empty())
    constants = global(ConstantDataArray::get(context, ArrayRef<float>(plan.constants)), "constants", ATTNC_ALIGNMENT);
  auto count = [&](size_t size) { return number32(static_cast<int64_t>(size)); };
  const bool hasBuckets = plan.hasBuckets();
  Constant *model = structure({number32(ATTNC_ABI_VERSION),
                               number32(0),
                               string(plan.name),
                               string("attnc " ATTNC_VERSION),
                               count(plan.interface().inputs.size()),
                               count(plan.interface().outputs.size()),
                               count(plan.weights.size()),
                               count(plan.packSteps.size()),
                               interfaces.back().first,
                               interfaces.back().second,
                               tensors(plan.weights, "weights"),
                               packSteps(),
                               constants,
                               image(),
                               number64(plan.imageSize),
                               number64(data.imageHash),
                               number64(static_cast<uint64_t>(plan.minBatch)),
                               number64(static_cast<uint64_t>(plan.maxBatch)),
                               count(plan.variants.size()),
                               variants(),
                               count(hasBuckets ? plan.interfaces.size() : 0),
                               hasBuckets ? string(plan.bucketDim) : none,
                               hasBuckets ? buckets(interfaces) : none});
  auto *variable =
      new GlobalVariable(module, model->getType(), true, GlobalValue::ExternalLinkage, model, modelSymbol(plan.name));
  variable->setAlignment(Align(8));
}

} // namespace

std::string modelSymbol(const std::string &modelName) { return modelName + "_attnc_model"; }

std::string profileSymbol(const std::string &modelName) { return modelName + "_attnc_profile"; }

void emitHostEntry(Module &module, const ModelPlan &plan, const HostData &data) {
  HostEmitter emitter(module, plan, data);
  emitter.emitEntries();
  emitter.emitModel();
}

} // namespace attnc
