// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes in the order of Pipeline.cpp. The contract of each is at the top of its file.

#ifndef ATTNC_PASSES_PASSES_TD
#define ATTNC_PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

class Attn_Pass<string argument, string summary_> : Pass<argument, "::mlir::ModuleOp"> {
  let summary = summary_;
  let dependentDialects = ["::attnc::attn::AttnDialect"];
}

// A pass that may decline; with `explain` it says why, as remarks.
class Attn_FusingPass<string argument, string summary_> : Attn_Pass<argument, summary_> {
  list<Option> explainOptions = [Option<"explain", "explain", "bool", "false", "remark on what was not fused, and why">];
  let options = explainOptions;
}

def CanonicalizeGraphPass : Attn_Pass<"attnc-canonicalize-graph", "fold, deduplicate and put operands in one order">;

def FindIndependentBatchPass : Attn_Pass<"attnc-find-independent-batch", "which models may run some of a batch at a time">;

def MergeProjectionsPass
    : Attn_FusingPass<"attnc-merge-projections", "one matmul for the q, k and v projections of one input">;

def FuseAttentionPass : Attn_FusingPass<"attnc-fuse-attention", "matmul, scale, mask, softmax, matmul to attn.attention">;

def PackRowsPass : Attn_FusingPass<"attnc-pack-rows", "compute the rows of true tokens alone, where lengths say which">;

def FindLiveKeysPass : Attn_Pass<"attnc-find-live-keys", "which keys fixed conditions of a score let each query see">;

def AssignPrecisionPass
    : Attn_FusingPass<"attnc-assign-precision", "matmuls by weights multiply bfloat16 or int8 operands"> {
  let options = explainOptions # [
    Option<"precision", "precision", "::attnc::attn::Precision", "::attnc::attn::Precision::bf16",
           "what the operands are rounded to",
           [{::llvm::cl::values(clEnumValN(::attnc::attn::Precision::f32, "f32", "nothing changes"),
                                clEnumValN(::attnc::attn::Precision::bf16, "bf16", "bfloat16"),
                                clEnumValN(::attnc::attn::Precision::int8, "int8", "8-bit integers with scales"))}]>];
}

def FuseEpiloguePass : Attn_FusingPass<"attnc-fuse-epilogue", "group all ops into kernels"> {
  let options = explainOptions # [
    Option<"epilogue", "epilogue", "bool", "true", "take ops after a matmul or an attention into its kernel">,
    Option<"threads", "threads", "int64_t", "2", "threads that a kernel is balanced for">,
    Option<"l2Bytes", "l2-bytes", "int64_t", "524288", "bytes of a core's L2 cache">];
}

def OutlineKernelsPass : Attn_Pass<"attnc-outline-kernels", "each group becomes a private function, equal ones the same">;

def AssignSchedulesPass : Attn_Pass<"attnc-assign-schedules", "choose tiles and tasks of every kernel"> {
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "bytes of a vector register">,
    Option<"registers", "registers", "int64_t", "16", "vector registers">,
    Option<"dotBf16", "dot-bf16", "bool", "false", "there is a dot product of bfloat16 pairs">,
    Option<"dotInt8", "dot-int8", "bool", "false", "there is a dot product of four u8 and four s8">,
    Option<"l1Bytes", "l1-bytes", "int64_t", "32768", "bytes of a core's L1 data cache">,
    Option<"l2Bytes", "l2-bytes", "int64_t", "524288", "bytes of a core's L2 cache">,
    Option<"threads", "threads", "int64_t", "2", "threads that a kernel is balanced for">,
    Option<"blockKeys", "block-keys", "int64_t", "-1",
           "keys of attention's blocks, a multiple of 16; 0: whole score rows, -1: by shape">];
}

def PackWeightsPass : Attn_Pass<"attnc-pack-weights", "place every weight in the image, in the layout its kernel wants">;

def PlanMemoryPass : Attn_Pass<"attnc-plan-memory", "give every intermediate tensor a place in the arena">;

def AssignMicrobatchPass : Attn_Pass<"attnc-assign-microbatch", "choose how many batch elements a run takes at a time"> {
  let options = [Option<"elements", "elements", "int64_t", "-1",
                        "batch elements of a thread's share; 0: the batch as a whole, -1: by cost">];
}

#endif
